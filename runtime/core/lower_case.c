/*
 * lower_case.c -- small letters by Unicode's simple case mapping, one character for one.
 */

#include "core/core.h"

/* Capitals from `first` to `last`, by `step`; each small letter is `distance` behind. */
struct capitals {
    unsigned first, last, step;
    int distance;
};

static const struct capitals table[] = {
#define LOWER(first, last, step, distance) {first, last, step, distance},
#include "core/lower_case.def"
};

unsigned net_lower_case(unsigned code)
{
    int low = 0, high = sizeof table / sizeof *table;

    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 32 : code;
    while (high - low > 1) { /* the last run that begins at `code` or before */
        const int middle = (low + high) / 2;

        if (table[middle].first <= code)
            low = middle;
        else
            high = middle;
    }
    const struct capitals *run = &table[low];

    if (code > run->last || (code - run->first) % run->step)
        return code;
    return (unsigned)((int)code + run->distance);
}
