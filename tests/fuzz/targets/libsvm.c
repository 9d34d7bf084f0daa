/* libsvm.c -- rows of LIBSVM's text, for models/libsvm.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.txt", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
