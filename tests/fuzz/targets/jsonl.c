/* jsonl.c -- an object a line, for models/jsonl.net. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    fuzz_file("t.jsonl", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
