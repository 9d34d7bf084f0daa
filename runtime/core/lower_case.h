/*
 * lower_case.h -- small letters by Unicode's simple case mapping, one character for one: for the
 * runtime, and for libraries.
 */

#ifndef NET_LOWER_CASE_H
#define NET_LOWER_CASE_H

/* Capitals from `first` to `last`, by `step`; each small letter is `distance` behind. */
struct net_capitals {
    unsigned first, last, step;
    int distance;
};

static inline unsigned net_small_letter(unsigned code)
{
    static const struct net_capitals table[] = {
#define LOWER(first, last, step, distance) {first, last, step, distance},
#include "core/lower_case.def"
    };
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
    const struct net_capitals *run = &table[low];

    if (code > run->last || (code - run->first) % run->step)
        return code;
    return (unsigned)((int)code + run->distance);
}

#endif
