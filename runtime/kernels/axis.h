/*
 * axis.h -- sums, extremes, logarithms of sums of exponentials and softmax along one axis of a
 * value, and what goes the other way: a number again and again along an axis.
 *
 * The one idea: a value is (before, axis, behind) pixels of blocks of channels, and what is reduced
 * a run of vectors a step apart: pixels along an axis of these, or the blocks of one pixel, whose
 * lanes are then put together too. Four images, or the only one, go along the axis together, in
 * registers.
 *
 * Needs: global_pool.h. Gives: net_axis_sum, net_axis_max, net_axis_max_grad, net_spread,
 * net_logsumexp, net_axis_softmax, net_axis_softmax_grad.
 */

#ifndef NET_AXIS_H
#define NET_AXIS_H

#include "kernels/global_pool.h"

/* An axis of a value that has all of it. */
struct net_axis {
    int batch_blocks;         /* of 16 images */
    int before, size, behind; /* pixels: in front of the axis, along it, behind it */
    int blocks;               /* of 16 channels in a pixel */
    int channels;             /* in a pixel */
    bool line;   /* four images alone, pixels of the axis side by side: 64 floats each */
    bool across; /* the axis is the channels: size is 1, all pixels are behind */
};

/* Blocks of channels that a pixel has where 1 of the axis is left, and pixels. */
NET_INLINE int net_axis_blocks(struct net_axis s)
{
    return s.across ? 1 : s.blocks;
}

NET_INLINE int net_axis_pixels(struct net_axis s)
{
    return s.before * s.behind;
}

/* The first vector of what becomes block `at` of the result, counted through all batch blocks; and
   those after it: how many in all, and how far apart. */
NET_INLINE const float *net_axis_start(const float *x, struct net_axis s, int at)
{
    const int blocks = net_axis_blocks(s), pixels = net_axis_pixels(s);
    const int block = at % blocks, pixel = at / blocks % pixels, batch_block = at / blocks / pixels;
    const long first = (long)pixel / s.behind * s.size * s.behind + pixel % s.behind;

    return x + (((long)batch_block * pixels * s.size + first) * s.blocks + block) * TILE;
}

NET_INLINE int net_axis_count(struct net_axis s)
{
    return s.across ? s.blocks : s.size;
}

NET_INLINE long net_axis_step(struct net_axis s)
{
    return s.across ? TILE : s.behind * s.blocks * (long)TILE;
}

/* Results of one block each, of which a pixel has `blocks`. */
NET_INLINE int net_axis_items(struct net_axis s, int blocks, const struct net_run *run)
{
    return net_present(run, s.batch_blocks) * net_axis_pixels(s) * blocks;
}

/* Lanes of all vectors of a reduction together that there are. */
NET_INLINE int net_axis_inside(struct net_axis s)
{
    return s.across ? s.channels : 16 * s.size;
}

/* One number an image, in lane 0 of its vector. */
NET_INLINE void net_store_first(float *y, float number)
{
    vec_store(y, vec_first(1, vec_set(number), vec_zero()));
}

/* y = the sum along the axis, groups by a long sum; along the channels then the lanes, in the order
   of vec_sum. Items: (batch block, pixel, block of y). */
NET_TEMPLATE void net_axis_sum(float *y, const float *x, struct net_axis s, NET_RUN)
{
    NET_ITEMS(item, net_axis_items(s, net_axis_blocks(s), run), run, thread) {
        const float *from = net_axis_start(x, s, item);
        float *to = y + item * (long)TILE;

        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            vec sum[NET_GROUP];

            net_sum_along(sum, from + 16 * i, net_axis_count(s), net_axis_step(s));
            NET_UNROLL(j, NET_GROUP)
                vec_store(to + 16 * (i + j), sum[j]);
        }
        if (s.across && NET_IMAGES == 1) {
            net_store_first(to, vec_sum(vec_load(to)));
        } else if (s.across) {
            _Alignas(64) float sums[16];

            vec_store(sums, vec_sum_each(to, NET_IMAGES));
            NET_REPEAT(i, NET_IMAGES)
                net_store_first(to + 16 * i, sums[i]);
        }
    }
}

/* Of lanes of maxima and the blocks that have them: the largest, and the first channel of it. */
NET_INLINE float net_first_top(vec max, vec block, float *channel)
{
    static const _Alignas(64) float lanes[16] = {0, 1, 2,  3,  4,  5,  6,  7,
                                                 8, 9, 10, 11, 12, 13, 14, 15};
    const float top = vec_top(max);
    const vec at = vec_add(vec_mul(block, vec_set(-16.0f)), vec_sub(vec_zero(), vec_load(lanes)));

    *channel = -vec_top(vec_if_greater(vec_set(top), max, vec_set(-INFINITY), at));
    return top;
}

/* y = the largest along the axis of sign x, times sign, which is 1 or -1; index = the first that
   is, or NULL. Items: (batch block, pixel, block of y). */
NET_TEMPLATE void net_axis_max(float *y, float *index, const float *x, float sign,
                               struct net_axis s, NET_RUN)
{
    NET_ITEMS(item, net_axis_items(s, net_axis_blocks(s), run), run, thread) {
        const float *from = net_axis_start(x, s, item);

        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            const long to = item * (long)TILE + 16 * i;
            vec max[NET_GROUP], first[NET_GROUP];

            net_max_along(max, first, from + 16 * i, net_axis_count(s), net_axis_step(s), sign,
                          net_axis_inside(s));
            NET_UNROLL(j, NET_GROUP) {
                if (s.across) {
                    float channel;

                    net_store_first(y + to + 16 * j,
                                    sign * net_first_top(max[j], first[j], &channel));
                    if (index)
                        net_store_first(index + to + 16 * j, channel);
                } else {
                    vec_store(y + to + 16 * j, vec_mul(max[j], vec_set(sign)));
                    if (index)
                        vec_store(index + to + 16 * j, first[j]);
                }
            }
        }
    }
}

/* max = the largest along the axis of some images. */
NET_INLINE void net_axis_top(vec max[NET_GROUP], const float *from, struct net_axis s)
{
    vec first[NET_GROUP];

    net_max_along(max, first, from, net_axis_count(s), net_axis_step(s), 1, net_axis_inside(s));
    if (s.across)
        NET_UNROLL(j, NET_GROUP)
            max[j] = vec_set(vec_top(max[j]));
}

/* sum = that of e^(x - max) along the axis of some images, in each lane, which e has too, unless it
   is NULL. */
NET_INLINE void net_axis_exp(float *e, vec sum[NET_GROUP], const float *from,
                             const vec max[NET_GROUP], struct net_axis s)
{
    struct net_long_sum total[NET_GROUP];

    NET_UNROLL(j, NET_GROUP)
        total[j] = net_long_zero();
    NET_SUM_GROUPS(first, end, net_axis_count(s))
    {
        vec group[NET_GROUP];

        NET_UNROLL(j, NET_GROUP)
            group[j] = vec_zero();
        for (long at = first; at < end; at++)
            NET_UNROLL(j, NET_GROUP) {
                const long to = at * net_axis_step(s) + 16 * j;
                vec v = vec_exp(vec_sub(vec_load(from + to), max[j]));

                if (s.across)
                    v = vec_first(s.channels - 16 * (int)at, v, vec_zero());
                if (e)
                    vec_store(e + to, v);
                group[j] = vec_add(group[j], v);
            }
        NET_UNROLL(j, NET_GROUP)
            net_long_add(&total[j], group[j]);
    }
    NET_UNROLL(j, NET_GROUP)
        sum[j] = s.across ? vec_set(vec_sum(total[j].sum)) : total[j].sum;
}

/* Channels of block `item` % blocks that there are. */
NET_INLINE int net_axis_lanes(struct net_axis s, int item)
{
    return s.across ? 1 : s.channels - 16 * (item % s.blocks);
}

/* y = log of the sum of e^x along the axis. Items: (batch block, pixel, block of y). */
NET_TEMPLATE void net_logsumexp(float *y, const float *x, struct net_axis s, NET_RUN)
{
    NET_ITEMS(item, net_axis_items(s, net_axis_blocks(s), run), run, thread)
        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            const float *from = net_axis_start(x, s, item) + 16 * i;
            vec max[NET_GROUP], sum[NET_GROUP];

            net_axis_top(max, from, s);
            net_axis_exp(NULL, sum, from, max, s);
            NET_UNROLL(j, NET_GROUP)
                vec_store(y + item * (long)TILE + 16 * (i + j),
                          vec_first(net_axis_lanes(s, item), vec_add(max[j], net_log(sum[j])),
                                    vec_zero()));
        }
}

/* y = e^x / sum of e^x along an axis of pixels. Items: (batch block, pixel beside it, block). */
NET_TEMPLATE void net_axis_softmax(float *y, const float *x, struct net_axis s, NET_RUN)
{
    NET_ITEMS(item, net_axis_items(s, s.blocks, run), run, thread)
        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            const float *from = net_axis_start(x, s, item) + 16 * i;
            float *to = y + (from - x);
            vec max[NET_GROUP], sum[NET_GROUP];

            net_axis_top(max, from, s);
            net_axis_exp(to, sum, from, max, s);
            NET_REPEAT(at, s.size)
                NET_UNROLL(j, NET_GROUP) {
                    float *e = to + at * net_axis_step(s) + 16 * j;

                    vec_store(e, vec_first(net_axis_lanes(s, item), vec_div(vec_load(e), sum[j]),
                                           vec_zero()));
                }
        }
}

/* dx = y (dy - sum of y dy) along an axis of pixels. Items: (batch block, pixel beside it,
   block). */
NET_TEMPLATE void net_axis_softmax_grad(float *dx, const float *y, const float *dy,
                                        struct net_axis s, NET_RUN)
{
    NET_ITEMS(item, net_axis_items(s, s.blocks, run), run, thread)
        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            const long start = net_axis_start(y, s, item) - y + 16 * i;
            struct net_long_sum sum[NET_GROUP];

            NET_UNROLL(j, NET_GROUP)
                sum[j] = net_long_zero();
            NET_SUM_GROUPS(first, end, s.size)
            {
                vec group[NET_GROUP];

                NET_UNROLL(j, NET_GROUP)
                    group[j] = vec_zero();
                for (long at = first; at < end; at++)
                    NET_UNROLL(j, NET_GROUP) {
                        const long from = start + at * net_axis_step(s) + 16 * j;

                        group[j] = vec_add(group[j],
                                           vec_mul(vec_load(y + from), vec_load(dy + from)));
                    }
                NET_UNROLL(j, NET_GROUP)
                    net_long_add(&sum[j], group[j]);
            }
            NET_REPEAT(at, s.size)
                NET_UNROLL(j, NET_GROUP) {
                    const long to = start + at * net_axis_step(s) + 16 * j;

                    vec_store(dx + to,
                              vec_mul(vec_load(y + to), vec_sub(vec_load(dy + to), sum[j].sum)));
                }
        }
}

/* One image's channels of a block at index `at` of an axis: x, or where `index` is not NULL x where
   that is `at` and +0 elsewhere. */
NET_INLINE vec net_spread_vector(const float *index, const float *x, int block, int at,
                                 struct net_axis s)
{
    if (!s.across)
        return index ? net_where_pixel(vec_load(index), (float)at, vec_load(x)) : vec_load(x);
    if (!index)
        return vec_first(s.channels - 16 * block, vec_set(*x), vec_zero());
    const net_u32 hit = (net_u32)(vec_lanes() + (uint32_t)(16 * block) == (uint32_t)*index);

    return vec_from_bits(vec_bits(vec_set(*x)) & hit);
}

/* Items: (batch block, row of y). */
NET_INLINE void net_spread_rows(const float *index, const float *x, net_epilogue *epilogue,
                                net_draw_block *draw, const void *operands, net_row_end *row_end,
                                const void *sums, struct net_axis s, struct net_extent v, NET_RUN)
{
    NET_ITEMS(item, net_present(run, v.batch_blocks) * v.height, run, thread) {
        const int batch_block = item / v.height, row = item % v.height;

        for (int column = 0; column < v.width; column++)
            for (int block = 0; block < v.blocks; block++) {
                const int pixel = row * v.width + column;
                const int from = pixel / s.behind / s.size * s.behind + pixel % s.behind;
                const long at = (((long)batch_block * net_axis_pixels(s) + from) *
                                     net_axis_blocks(s) +
                                 (s.across ? 0 : block)) *
                                TILE;
                const struct net_element e = net_element_of(v, batch_block, pixel, block, 0);
                _Alignas(64) float draws[NET_MAX_DRAWS * 256];

                if (draw)
                    draw(draws, operands, e, NET_IMAGES, run);
                NET_REPEAT(i, NET_IMAGES)
                    epilogue(net_spread_vector(index ? index + at + 16 * i : NULL, x + at + 16 * i,
                                               block, pixel / s.behind % s.size, s),
                             operands, net_element_after(e, (int)i), draws + 16 * i, run);
            }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

/* y = x along the axis. */
NET_TEMPLATE void net_spread(const float *x, net_epilogue *epilogue, net_draw_block *draw,
                             const void *operands, net_row_end *row_end, const void *sums,
                             struct net_axis s, struct net_extent v, NET_RUN)
{
    net_spread_rows(NULL, x, epilogue, draw, operands, row_end, sums, s, v, run, thread);
}

/* dx = dy where the index is this one, +0 elsewhere. */
NET_TEMPLATE void net_axis_max_grad(const float *index, const float *dy, net_epilogue *epilogue,
                                    net_draw_block *draw, const void *operands,
                                    net_row_end *row_end, const void *sums, struct net_axis s,
                                    struct net_extent v, NET_RUN)
{
    net_spread_rows(index, dy, epilogue, draw, operands, row_end, sums, s, v, run, thread);
}

#endif
