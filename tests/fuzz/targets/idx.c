/* idx.c -- pictures of four rows, for models/idx.net, beside four labels. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("labels.idx", "\0\0\x08\1\0\0\0\4\3\2\1\0", 12);
    fuzz_file("t.idx", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
