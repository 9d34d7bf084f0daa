/* gzip.c -- a stream of bytes, plain or gzip, read to its end. */

#include <stdlib.h>

#include "data/sources/source.h"
#include "fuzz/fuzz.h"

static void read_stream(const void *path)
{
    struct net_stream file;
    size_t size;

    net_stream_open(&file, path);
    free(net_stream_rest(&file, &size));
    if (size != file.at)
        fuzz_finding("%zu bytes, at byte %llu", size, (unsigned long long)file.at);
    net_stream_end(&file);
    net_stream_close(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_attempt(read_stream, fuzz_file("t.gz", bytes, size));
    return 0;
}
