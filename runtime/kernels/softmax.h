/*
 * softmax.h -- softmax along the channels of each pixel, and its gradient.
 *
 * The one idea: a row is the channels of one pixel of one image, whose blocks of 16 are a TILE
 * apart; lanes beyond the last channel take no part and become +0. Rows beyond the batch are left
 * alone.
 *
 * Needs: run.h. Gives: net_softmax, net_softmax_grad; the functions of a row, to losses too.
 */

#ifndef NET_SOFTMAX_H
#define NET_SOFTMAX_H

#include "kernels/run.h"
#include "kernels/vec_math.h"

/* ---- One row --------------------------------------------------------------------------------- */

NET_INLINE float net_row_max(const float *z, int channels)
{
    float max = -INFINITY;

    for (int c = 0; c < channels; c += 16) {
        const float m = vec_top(
            vec_first(channels - c, vec_load(z + NET_IMAGES * c), vec_set(-INFINITY)));
        max = m > max ? m : max;
    }
    return max;
}

/* p = e^(z - max), +0 beyond the last channel, where p is not NULL; returns their sum less the 1 of
   the largest, beside which those of a confident row would be lost. e^0 is 1 to the bit. */
NET_INLINE float net_row_exp(float *p, const float *z, float max, int channels)
{
    struct net_long_sum sum = net_long_zero();
    int largest = -1;

    NET_SUM_GROUPS(block, end, (channels + 15) / 16)
    {
        vec part = vec_zero();

        for (long c = 16 * block; c < 16 * end; c += 16) {
            const vec e = vec_exp(vec_sub(vec_load(z + NET_IMAGES * c), vec_set(max)));
            const vec in = vec_first(channels - (int)c, e, vec_zero());
            const vec is_one = vec_if_greater(in, vec_set(0x1.fffffep-1f), in, vec_zero());

            if (p)
                vec_store(p + NET_IMAGES * c, in);
            largest += __builtin_popcount(vec_lane_bits(is_one));
            part = vec_add(part, vec_sub(in, is_one));
        }
        net_long_add(&sum, part);
    }
    return (float)largest + vec_sum(sum.sum);
}

NET_INLINE void net_softmax_row(float *y, const float *x, int channels)
{
    const float sum = 1.0f + net_row_exp(y, x, net_row_max(x, channels), channels);

    for (int c = 0; c < channels; c += 16)
        vec_store(y + NET_IMAGES * c, vec_div(vec_load(y + NET_IMAGES * c), vec_set(sum)));
}

NET_INLINE void net_softmax_grad_row(float *dx, const float *y, const float *dy, int channels)
{
    float sum = 0.0f;

    for (int c = 0; c < channels; c += 16)
        sum += vec_sum(vec_mul(vec_load(y + NET_IMAGES * c), vec_load(dy + NET_IMAGES * c)));
    for (int c = 0; c < channels; c += 16) {
        const vec g = vec_mul(vec_load(y + NET_IMAGES * c),
                              vec_sub(vec_load(dy + NET_IMAGES * c), vec_set(sum)));

        vec_store(dx + NET_IMAGES * c, vec_first(channels - c, g, vec_zero()));
    }
}

/* ---- Kernels --------------------------------------------------------------------------------- */

struct net_softmax {
    int batch_blocks; /* of 16 images */
    int size[2];      /* height, width */
    int channels;     /* of a pixel, in order */
};

/* y = e^x / sum of e^x along the channels. Items: (batch block, row). */
NET_TEMPLATE void net_softmax(float *y, const float *x, struct net_softmax s, NET_RUN)
{
    const long pixel = (s.channels + 15) / 16 * (long)TILE; /* floats */

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.size[0], run, thread)
        for (int column = 0; column < s.size[1]; column++)
            for (int i = 0; i < net_rows(run, item / s.size[0]); i++) {
                const long at = ((long)item * s.size[1] + column) * pixel + 16 * i;

                net_softmax_row(y + at, x + at, s.channels);
            }
}

/* dx = y (dy - sum of y dy). Items: (batch block, row). */
NET_TEMPLATE void net_softmax_grad(float *dx, const float *y, const float *dy, struct net_softmax s,
                                   NET_RUN)
{
    const long pixel = (s.channels + 15) / 16 * (long)TILE; /* floats */

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.size[0], run, thread)
        for (int column = 0; column < s.size[1]; column++)
            for (int i = 0; i < net_rows(run, item / s.size[0]); i++) {
                const long at = ((long)item * s.size[1] + column) * pixel + 16 * i;

                net_softmax_grad_row(dx + at, y + at, dy + at, s.channels);
            }
}

#endif
