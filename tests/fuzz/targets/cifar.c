/* cifar.c -- records of pictures, for models/cifar.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.bin", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
