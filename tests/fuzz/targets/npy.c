/* npy.c -- an array of four rows, for models/npy.net, beside four labels. */

#include "fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char labels[] = "\x93NUMPY\1\0\x3c\0"
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (4,), }  \n"
                                 "\3\2\1\0";

    fuzz_file("labels.npy", labels, sizeof labels - 1);
    fuzz_file("t.npy", bytes, size);
    fuzz_attempt(fuzz_open_data, NULL);
    return 0;
}
