/*
 * normal.c -- draws of N(0, 1), the same bits everywhere: Box and Muller's pairs from Philox words,
 * with a logarithm, sine and cosine of their own (after Cephes). Plain loops over arrays: compilers
 * make vectors of them.
 */

#include <math.h>
#include <string.h>

#include "core/core.h"
#include "core/random.h"

enum { AT_ONCE = 64 }; /* counters */

/* ln x for x > 0. */
static inline float logarithm(float x)
{
    uint32_t bits;
    float m;

    memcpy(&bits, &x, 4);
    const uint32_t above = (bits & 0x7fffff) > 0x3504f3; /* the mantissa is above sqrt(2) */
    const float e = (float)((int32_t)(bits >> 23) - 127 + (int32_t)above);

    bits = (bits & 0x7fffff) | ((127 - above) << 23);
    memcpy(&m, &bits, 4);
    m -= 1;
    const float z = m * m;
    float y = 7.0376836292e-2f;

    y = y * m - 1.1514610310e-1f;
    y = y * m + 1.1676998740e-1f;
    y = y * m - 1.2420140846e-1f;
    y = y * m + 1.4249322787e-1f;
    y = y * m - 1.6668057665e-1f;
    y = y * m + 2.0000714765e-1f;
    y = y * m - 2.4999993993e-1f;
    y = y * m + 3.3333331174e-1f;
    y = y * m * z - 2.12194440e-4f * e - .5f * z;
    return m + y + .693359375f * e;
}

/* A word gives a number inside (0, 1), on a grid of 2^-23. */
static inline float unit(uint32_t word)
{
    return ((float)(int32_t)(word >> 9) + .5f) * 0x1p-23f;
}

/* Two normal draws from two words: the length from one, the direction (a quadrant, and an angle of
   less than 45 degrees to either side of its middle) from the other. */
static inline void pair(uint32_t length, uint32_t direction, float *a, float *b)
{
    const float x = (unit(direction) - .5f) * 1.57079632679f, z = x * x;
    const float sine = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x +
                       x;
    const float cosine =
        ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z -
        .5f * z + 1;
    const float radius = sqrtf(-2 * logarithm(unit(length)));
    const float r = direction & 2 ? -radius : radius;

    *a = r * (direction & 1 ? cosine : sine);
    *b = r * (direction & 1 ? -sine : cosine);
}

void net_normals(float *normals, int count, const uint32_t key[2], uint32_t c1, uint32_t c2,
                 uint32_t c3)
{
    uint32_t words[4][AT_ONCE];
    float drawn[AT_ONCE][4];

    for (int begin = 0; begin < count; begin += 4 * AT_ONCE) {
        const int left = count - begin < 4 * AT_ONCE ? count - begin : 4 * AT_ONCE;

        for (int i = 0; i < AT_ONCE; i++) {
            uint32_t word[4];

            net_philox(word, key, (uint32_t)(begin / 4 + i), c1, c2, c3);
            for (int k = 0; k < 4; k++)
                words[k][i] = word[k];
        }
        for (int i = 0; i < AT_ONCE; i++) {
            pair(words[0][i], words[1][i], &drawn[i][0], &drawn[i][1]);
            pair(words[2][i], words[3][i], &drawn[i][2], &drawn[i][3]);
        }
        memcpy(normals + begin, drawn, (size_t)left * sizeof *normals);
    }
}
