/*
 * transpose.h -- 16 x 16 numbers transposed in registers.
 *
 * With vectors of sixteen lanes all of them at once, with pairs of eight a quarter at a time, which
 * is as much as the registers hold. Of few rows or columns a quarter is enough on all targets.
 */

#ifndef NET_TRANSPOSE_H
#define NET_TRANSPOSE_H

#include <string.h>

#include "kernels/vec.h"

typedef float net_half __attribute__((vector_size(32)));

/* to[j][i] = from[i][j], 8 x 8: pairs of numbers, of pairs, and of halves change places. The first
   `rows` rows are read (the others count as +0), the first `columns` columns become rows. */
NET_INLINE void net_transpose_8x8(float *to, long to_step, const float *from, long from_step,
                                  int rows, int columns)
{
    net_half a[8], b[8];

    NET_UNROLL(i, 8) {
        a[i] = (net_half){0};
        if (i < rows)
            memcpy(&a[i], from + i * from_step, sizeof a[i]);
    }
    NET_UNROLL(i, 4) {
        b[2 * i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 8, 1, 9, 4, 12, 5, 13);
        b[2 * i + 1] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 10, 3, 11, 6, 14, 7, 15);
    }
    NET_UNROLL(i, 4) {
        const int top = i / 2 * 4 + i % 2, at = i / 2 * 4 + i % 2 * 2;

        a[at] = __builtin_shufflevector(b[top], b[top + 2], 0, 1, 8, 9, 4, 5, 12, 13);
        a[at + 1] = __builtin_shufflevector(b[top], b[top + 2], 2, 3, 10, 11, 6, 7, 14, 15);
    }
    NET_UNROLL(i, 4) {
        b[i] = __builtin_shufflevector(a[i], a[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        b[i + 4] = __builtin_shufflevector(a[i], a[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
    }
    NET_UNROLL(i, 8)
        if (i < columns)
            memcpy(to + i * to_step, &b[i], sizeof b[i]);
}

#ifdef NET_VEC_PAIR

/* 16 x 16, a quarter at a time */
NET_INLINE void net_transpose_16x16(float *to, long to_step, const float *from, long from_step,
                                    int rows, int columns)
{
    NET_UNROLL(i, 2)
        NET_UNROLL(j, 2)
            if (8 * j < columns)
                net_transpose_8x8(to + 8 * j * to_step + 8 * i, to_step,
                                  from + 8 * i * from_step + 8 * j, from_step, rows - 8 * i,
                                  columns - 8 * j);
}

#else

/* 16 x 16 by four rounds of interleaving rows i and i + 8 */
NET_INLINE void net_transpose_16x16(float *to, long to_step, const float *from, long from_step,
                                    int rows, int columns)
{
    net_f32 a[16], b[16];

    NET_UNROLL(i, 16) {
        a[i] = (net_f32){0};
        if (i < rows)
            memcpy(&a[i], from + i * from_step, sizeof a[i]);
    }
    NET_UNROLL(round, 4) {
        NET_UNROLL(i, 8) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5,
                                               21, 6, 22, 7, 23);
            b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27, 12,
                                                   28, 13, 29, 14, 30, 15, 31);
        }
        NET_UNROLL(i, 16)
            a[i] = b[i];
    }
    NET_UNROLL(i, 16)
        if (i < columns)
            memcpy(to + i * to_step, &a[i], sizeof a[i]);
}

#endif

#endif
