/* number.c -- the number of a table's cell, which is strtod's. */

#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"
#include "fuzz/fuzz.h"

static const uint8_t *cell;
static size_t length;

static void read_number(const void *unused)
{
    char *copy = net_allocate(length + 1, 1), *exact = net_allocate(length, 1);
    double number;

    (void)unused;
    memcpy(copy, cell, length);
    memcpy(exact, cell, length); /* without an end of its own */
    if (net_parse_number(exact, length, &number) == NET_PARSED) {
        const double expected = strtod(copy, NULL);

        if (memcmp(&number, &expected, sizeof number) != 0)
            fuzz_finding("%s is %.17g, not %.17g", copy, expected, number);
    }
    free(exact);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    cell = bytes;
    length = size;
    fuzz_attempt(read_number, NULL);
    return 0;
}
