/* csv.c -- a csv, plain or gzip, for models/csv.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.csv", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
