/* text.c -- a text as windows of characters, for models/text.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.txt", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
