/* npz.c -- an archive of arrays, for models/npz.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.npz", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
