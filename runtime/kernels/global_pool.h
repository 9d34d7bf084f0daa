/*
 * global_pool.h -- the sum, mean and maximum over an image, a number a channel, and what goes the
 * other way: a number a channel on every pixel.
 *
 * The one idea: what is reduced is a run of vectors a step apart, four images together, in
 * registers; axis.h goes along any axis by the same two functions.
 *
 * Needs: epilogue.h, pool.h. Gives: net_sum_along, net_max_along, net_pixel_sum, net_stretch,
 * net_global_avgpool2d, net_global_maxpool2d, and their gradients.
 */

#ifndef NET_GLOBAL_POOL_H
#define NET_GLOBAL_POOL_H

#include "kernels/pool.h"

/* dy where the index, a whole number, is `pixel`, else +0 */
NET_INLINE vec net_where_pixel(vec index, float pixel, vec dy)
{
    const net_u32 hit = (net_u32)(vec_bits(index) == vec_bits(vec_set(pixel)));

    return vec_from_bits(vec_bits(dy) & hit);
}

/* sum = that of `count` vectors of each of four images, `step` floats apart; groups by a long
   sum. */
NET_INLINE void net_sum_along(vec sum[NET_GROUP], const float *from, int count, long step)
{
    struct net_long_sum total[NET_GROUP];

    NET_UNROLL(j, NET_GROUP)
        total[j] = net_long_zero();
    NET_SUM_GROUPS(first, end, count)
    {
        vec group[NET_GROUP];

        NET_UNROLL(j, NET_GROUP)
            group[j] = vec_zero();
        NET_REPEAT(at, end - first)
            NET_UNROLL(j, NET_GROUP)
                group[j] = vec_add(group[j], vec_load(from + (first + at) * step + 16 * j));
        NET_UNROLL(j, NET_GROUP)
            net_long_add(&total[j], group[j]);
    }
    NET_UNROLL(j, NET_GROUP)
        sum[j] = total[j].sum;
}

/* sum = that of the pixels of four images: of each row, then of the rows. */
NET_INLINE void net_sum_image(vec sum[NET_GROUP], const float *from, int height, int width,
                              long step)
{
    struct net_long_sum total[NET_GROUP];

    NET_UNROLL(j, NET_GROUP)
        total[j] = net_long_zero();
    NET_SUM_GROUPS(first, end, height)
    {
        vec group[NET_GROUP], row[NET_GROUP];

        NET_UNROLL(j, NET_GROUP)
            group[j] = vec_zero();
        NET_REPEAT(at, end - first) {
            net_sum_along(row, from + (first + at) * width * step, width, step);
            NET_UNROLL(j, NET_GROUP)
                group[j] = vec_add(group[j], row[j]);
        }
        NET_UNROLL(j, NET_GROUP)
            net_long_add(&total[j], group[j]);
    }
    NET_UNROLL(j, NET_GROUP)
        sum[j] = total[j].sum;
}

/* max = the largest of sign x of such vectors, sign 1 or -1, and index which it is, the first of
   equal ones. lanes: of all vectors together, those behind them are left out. */
NET_INLINE void net_max_along(vec max[NET_GROUP], vec index[NET_GROUP], const float *from,
                              int count, long step, float sign, int lanes)
{
    NET_UNROLL(j, NET_GROUP)
        max[j] = vec_set(-INFINITY), index[j] = vec_zero();
    NET_REPEAT(at, count)
        NET_UNROLL(j, NET_GROUP) {
            vec v = vec_mul(vec_load(from + at * step + 16 * j), vec_set(sign));

            if (lanes < 16 * count)
                v = vec_first(lanes - 16 * (int)at, v, vec_set(-INFINITY));
            index[j] = net_where_larger(v, max[j], (float)at, index[j]);
            max[j] = net_larger(v, max[j]);
        }
}

/* y = the mean over the pixels of x. Items: batch blocks. */
NET_INLINE void net_global_sum(float *y, const float *x, float scale, struct net_extent v, NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, v.batch_blocks), run, thread)
        for (int block = 0; block < v.blocks; block++)
            for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
                const float *from = x + net_block_at(v, batch_block, 0, block) + 16 * i;
                float *to = y + ((long)batch_block * v.blocks + block) * TILE + 16 * i;
                vec sum[NET_GROUP];

                net_sum_image(sum, from, v.height, v.width, v.blocks * TILE);
                NET_UNROLL(j, NET_GROUP)
                    vec_store(to + 16 * j, vec_mul(sum[j], vec_set(scale)));
            }
}

NET_TEMPLATE void net_global_avgpool2d(float *y, const float *x, struct net_extent v, NET_RUN)
{
    net_global_sum(y, x, 1.0f / (float)(v.height * v.width), v, run, thread);
}

/* y = the sum of the pixels of x. Items: batch blocks. */
NET_TEMPLATE void net_pixel_sum(float *y, const float *x, struct net_extent v, NET_RUN)
{
    net_global_sum(y, x, 1.0f, v, run, thread);
}

/* ---- The same, row by row where x is written ------------------------------------------------- */

/* What a kernel passes: of each row of x, or of its product with `by`, [row][block][image][16]. */
struct net_pixel_sum {
    float *rows;
    const float *x, *by; /* by: or NULL */
    struct net_extent v;
};

NET_INLINE vec net_factor(const float *x, const float *by, long at)
{
    return by ? vec_mul(vec_load(x + at), vec_load(by + at)) : vec_load(x + at);
}

/* sum = that of a row of a block of channels, as net_sum_along gives it */
NET_INLINE void net_sum_row(float *to, const float *x, const float *by, int width, long step)
{
    struct net_long_sum total[NET_GROUP];

    NET_UNROLL(j, NET_GROUP)
        total[j] = net_long_zero();
    NET_SUM_GROUPS(first, end, width)
    {
        vec group[NET_GROUP];

        NET_UNROLL(j, NET_GROUP)
            group[j] = vec_zero();
        NET_REPEAT(at, end - first)
            NET_UNROLL(j, NET_GROUP)
                group[j] = vec_add(group[j], net_factor(x, by, (first + at) * step + 16 * j));
        NET_UNROLL(j, NET_GROUP)
            net_long_add(&total[j], group[j]);
    }
    NET_UNROLL(j, NET_GROUP)
        vec_store(to + 16 * j, total[j].sum);
}

NET_ROW_END(net_pixel_sum_end)
{
    const struct net_pixel_sum *o = sums;
    const struct net_extent v = o->v;

    (void)run;
    for (int block = 0; block < v.blocks; block++)
        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            const long at = net_block_at(v, batch_block, row * v.width, block) + 16 * i;
            float *to = o->rows + (((long)batch_block * v.height + row) * v.blocks + block) * TILE +
                        16 * i;

            net_sum_row(to, o->x + at, o->by ? o->by + at : NULL, v.width, v.blocks * (long)TILE);
        }
}

/* y = scale times the sum of all rows. Items: (batch block, block). */
NET_TEMPLATE void net_reduce_rows(float *y, const float *rows, float scale, struct net_extent v,
                                  NET_RUN)
{
    NET_ITEMS(item, net_present(run, v.batch_blocks) * v.blocks, run, thread) {
        const long batch_block = item / v.blocks, block = item % v.blocks;
        const float *from = rows + (batch_block * v.height * v.blocks + block) * TILE;

        for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
            vec sum[NET_GROUP];

            net_sum_along(sum, from + 16 * i, v.height, v.blocks * (long)TILE);
            NET_UNROLL(j, NET_GROUP)
                vec_store(y + item * (long)TILE + 16 * (i + j), vec_mul(sum[j], vec_set(scale)));
        }
    }
}

/* y = the maximum of the pixels of x, index = the first that is, or NULL. Items: batch blocks. */
NET_TEMPLATE void net_global_maxpool2d(float *y, float *index, const float *x, struct net_extent v,
                                       NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, v.batch_blocks), run, thread)
        for (int block = 0; block < v.blocks; block++)
            for (int i = 0; i < NET_IMAGES; i += NET_GROUP) {
                const float *from = x + net_block_at(v, batch_block, 0, block) + 16 * i;
                const long at = ((long)batch_block * v.blocks + block) * TILE + 16 * i;
                vec max[NET_GROUP], first[NET_GROUP];

                net_max_along(max, first, from, v.height * v.width, v.blocks * TILE, 1,
                              16 * v.height * v.width);
                NET_UNROLL(j, NET_GROUP) {
                    vec_store(y + at + 16 * j, max[j]);
                    if (index)
                        vec_store(index + at + 16 * j, first[j]);
                }
            }
}

/* dx of one block of channels of a pixel: dy over all pixels, or where `index` is not NULL dy of
   the images whose maximum the pixel is. */
NET_INLINE void net_global_grad_block(const float *index, const float *dy, float scale, int pixel,
                                      net_epilogue *epilogue, net_draw_block *draw,
                                      const void *operands, struct net_element e,
                                      const struct net_run *run)
{
    _Alignas(64) float draws[NET_MAX_DRAWS * 256];

    if (draw)
        draw(draws, operands, e, NET_IMAGES, run);
    NET_REPEAT(i, NET_IMAGES) {
        const vec g = vec_load(dy + 16 * i);
        const vec dx = index ? net_where_pixel(vec_load(index + 16 * i), (float)pixel, g)
                             : vec_mul(g, vec_set(scale));

        epilogue(dx, operands, net_element_after(e, (int)i), draws + 16 * i, run);
    }
}

/* dx = dy scale on every pixel, index NULL; or dy where x is the maximum. Items: (batch block, row
   of dx). */
NET_INLINE void net_global_grad(const float *index, const float *dy, float scale,
                                net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                                net_row_end *row_end, const void *sums, struct net_extent v,
                                NET_RUN)
{
    NET_ITEMS(item, net_present(run, v.batch_blocks) * v.height, run, thread) {
        const int batch_block = item / v.height, row = item % v.height;

        for (int column = 0; column < v.width; column++)
            for (int block = 0; block < v.blocks; block++) {
                const int pixel = row * v.width + column;
                const long at = ((long)batch_block * v.blocks + block) * TILE;

                net_global_grad_block(index ? index + at : NULL, dy + at, scale, pixel, epilogue,
                                      draw, operands,
                                      net_element_of(v, batch_block, pixel, block, 0), run);
            }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

NET_TEMPLATE void net_global_avgpool2d_grad(const float *dy, net_epilogue *epilogue,
                                            net_draw_block *draw, const void *operands,
                                            net_row_end *row_end, const void *sums,
                                            struct net_extent v, NET_RUN)
{
    net_global_grad(NULL, dy, 1.0f / (float)(v.height * v.width), epilogue, draw, operands, row_end,
                    sums, v, run, thread);
}

/* y = x on every pixel. Items: (batch block, row of y). */
NET_TEMPLATE void net_stretch(const float *x, net_epilogue *epilogue, net_draw_block *draw,
                              const void *operands, net_row_end *row_end, const void *sums,
                              struct net_extent v, NET_RUN)
{
    net_global_grad(NULL, x, 1.0f, epilogue, draw, operands, row_end, sums, v, run, thread);
}

NET_TEMPLATE void net_global_maxpool2d_grad(const float *index, const float *dy,
                                            net_epilogue *epilogue, net_draw_block *draw,
                                            const void *operands, net_row_end *row_end,
                                            const void *sums, struct net_extent v, NET_RUN)
{
    net_global_grad(index, dy, 1.0f, epilogue, draw, operands, row_end, sums, v, run, thread);
}

#endif
