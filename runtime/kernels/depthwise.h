/*
 * depthwise.h -- convolutions whose outputs see a part of the channels: each its own, or a group's.
 *
 * A part of kernel.h, which includes it. The weights of groups lie in a full matrix with zeros
 * outside of the groups, of which only the blocks that a group touches are visited.
 */

#ifndef NET_CHANNELS_H
#define NET_CHANNELS_H

#include "kernels/kernel.h"

/* ---- A filter a channel ---------------------------------------------------------------------- */

/* y[i] = b + sum over taps of x[i] w, each channel by itself: one block of 16 images, eight at a
   time. b may be NULL. */
NET_INLINE void net_depthwise(float *restrict y, const float *restrict x, const float *restrict w,
                              const float *restrict b, const struct taps *taps)
{
    NET_REPEAT(half, 2) {
        vec acc[8];

        NET_UNROLL(i, 8)
            acc[i] = b ? vec_load(b) : vec_zero();
        NET_REPEAT(r, taps->rows) {
            const float *xr = x + taps->x + r * taps->x_row + half * 128;
            const float *wr = w + taps->w + r * taps->w_row;

            NET_REPEAT(c, taps->columns) {
                const vec wc = vec_load(wr);

                NET_UNROLL(i, 8)
                    acc[i] = vec_fma(vec_load(xr + 16 * i), wc, acc[i]);
                xr += taps->x_column;
                wr += taps->w_column;
            }
        }
        NET_UNROLL(i, 8)
            vec_store(y + half * 128 + 16 * i, acc[i]);
    }
}

/* dw += sum over columns and images of x dy, each channel by itself: image i adds to sum i % 4, and
   these in order. */
NET_INLINE void net_depthwise_dw(float *restrict dw, const float *restrict x,
                                 const float *restrict dy, long columns, long images, long x_column,
                                 long dy_column)
{
    vec sum[4];

    NET_UNROLL(i, 4)
        sum[i] = vec_zero();
    NET_REPEAT(c, columns) {
        const float *xi = x + c * x_column, *di = dy + c * dy_column;

        NET_REPEAT(g, images / 4) {
            NET_UNROLL(i, 4)
                sum[i] = vec_fma(vec_load(xi + 16 * i), vec_load(di + 16 * i), sum[i]);
            xi += 64;
            di += 64;
        }
        NET_UNROLL(i, 3)
            if (i < images % 4)
                sum[i] = vec_fma(vec_load(xi + 16 * i), vec_load(di + 16 * i), sum[i]);
    }
    vec_store(dw, vec_add(vec_load(dw), vec_add(vec_add(sum[0], sum[1]), vec_add(sum[2], sum[3]))));
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* The channels of a run, in whole blocks from its begin, that groups see. */
struct net_seen {
    int first, count; /* count: 0 where they see none */
};

/* What outputs `output` to output + outputs - 1 see of channels start to start + channels - 1:
   groups have `to` outputs of `from` channels; there are `all` outputs. */
NET_INLINE struct net_seen net_group_sees(int output, int outputs, int to, int from, int all,
                                          int start, int channels)
{
    const int last = output + outputs < all ? output + outputs - 1 : all - 1;
    const int low = output / to * from - start, high = (last / to + 1) * from - start;
    const int first = low < 0 ? 0 : low / 16 * 16, end = high < channels ? high : channels;

    return (struct net_seen){first, end > first ? end - first : 0};
}

/* +0 where an input and an output are of different groups: dw[input][output]. */
NET_INLINE void net_group_mask(float *dw, int inputs, int outputs, int input, int output, int from,
                               int to)
{
    for (int i = 0; i < inputs; i++)
        for (int o = 0; o < outputs; o++)
            if ((input + i) / from != (output + o) / to)
                dw[i * outputs + o] = 0.0f;
}

/* One block of outputs, from `output` on, of a weight by groups, in rows [tap][from] of step
   floats: into the full one, rows [tap][channels], with +0 between. */
NET_INLINE void net_group_expand(float *full, const float *w, long step, int taps, int channels,
                                 int from, int to, int output)
{
    for (int tap = 0; tap < taps; tap++)
        for (int c = 0; c < channels; c++)
            for (int o = 0; o < 16; o++) {
                const int row = c - (output + o) / to * from;
                const bool inside = row >= 0 && row < from;

                full[(tap * channels + c) * step + o] = inside ? w[(tap * from + row) * step + o]
                                                               : 0.0f;
            }
}

/* The opposite: the part of a full gradient that belongs to the groups. */
NET_INLINE void net_group_collect(float *dw, const float *full, long step, int taps, int channels,
                                  int from, int to, int output, int outputs)
{
    for (int tap = 0; tap < taps; tap++)
        for (int row = 0; row < from; row++)
            for (int o = 0; o < 16; o++)
                dw[(tap * from + row) * step + o] =
                    output + o < outputs
                        ? full[(tap * channels + (output + o) / to * from + row) * step + o]
                        : 0.0f;
}

#endif
