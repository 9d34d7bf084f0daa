/* draw.h -- random numbers by a state of 64 bits: splitmix64 (Steele, Lea and Flood 2014). */

#ifndef NET_TEST_DRAW_H
#define NET_TEST_DRAW_H

#include <stdint.h>

static inline uint64_t draw(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15u);

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* From 0 to count - 1. */
static inline int draw_below(uint64_t *state, int count)
{
    return (int)(draw(state) >> 33) % count;
}

#endif
