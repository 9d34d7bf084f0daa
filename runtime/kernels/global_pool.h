/*
 * global_pool.h -- the sum, mean and maximum over an image, a number a channel, and what goes the
 * other way: a number a channel on every pixel.
 *
 * Needs: epilogue.h, pool.h. Gives: net_pixel_sum, net_stretch, net_global_avgpool2d,
 * net_global_maxpool2d, and their gradients.
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

/* y = the mean over the pixels of x. Items: batch blocks. */
NET_INLINE void net_global_sum(float *y, const float *x, float scale, struct net_extent v, NET_RUN)
{
    NET_ITEMS(batch_block, v.batch_blocks, run, thread)
        for (int block = 0; block < v.blocks; block++)
            for (int i = 0; i < 16; i += 4) {
                const float *from = x + net_block_at(v, batch_block, 0, block) + 16 * i;
                float *to = y + ((long)batch_block * v.blocks + block) * 256 + 16 * i;
                struct net_long_sum sum[4];

                NET_UNROLL(j, 4)
                    sum[j] = net_long_zero();
                NET_SUM_GROUPS(first, end, v.height * v.width)
                {
                    vec group[4];

                    NET_UNROLL(j, 4)
                        group[j] = vec_zero();
                    NET_REPEAT(pixel, end - first)
                        NET_UNROLL(j, 4)
                            group[j] = vec_add(
                                group[j],
                                vec_load(from + (first + pixel) * v.blocks * 256 + 16 * j));
                    NET_UNROLL(j, 4)
                        net_long_add(&sum[j], group[j]);
                }
                NET_UNROLL(j, 4)
                    vec_store(to + 16 * j, vec_mul(sum[j].sum, vec_set(scale)));
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

/* y = the maximum of the pixels of x, index = the first that is, or NULL. Items: batch blocks. */
NET_TEMPLATE void net_global_maxpool2d(float *y, float *index, const float *x, struct net_extent v,
                                       NET_RUN)
{
    NET_ITEMS(batch_block, v.batch_blocks, run, thread)
        for (int block = 0; block < v.blocks; block++)
            for (int i = 0; i < 16; i += 4) {
                const float *from = x + net_block_at(v, batch_block, 0, block) + 16 * i;
                const long at = ((long)batch_block * v.blocks + block) * 256 + 16 * i;
                vec max[4], first[4];

                NET_UNROLL(j, 4)
                    max[j] = vec_set(-INFINITY), first[j] = vec_zero();
                NET_REPEAT(pixel, v.height * v.width)
                    NET_UNROLL(j, 4) {
                        const vec xj = vec_load(from + pixel * v.blocks * 256 + 16 * j);

                        first[j] = net_where_larger(xj, max[j], (float)pixel, first[j]);
                        max[j] = net_larger(xj, max[j]);
                    }
                NET_UNROLL(j, 4) {
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
        draw(draws, operands, e, 16, run);
    NET_REPEAT(i, 16) {
        const vec g = vec_load(dy + 16 * i);
        const vec dx = index ? net_where_pixel(vec_load(index + 16 * i), (float)pixel, g)
                             : vec_mul(g, vec_set(scale));

        epilogue(dx, operands, net_element_after(e, (int)i), draws + 16 * i, run);
    }
}

/* dx = dy scale on every pixel, index NULL; or dy where x is the maximum. Items: (batch block, row
   of dx). */
NET_TEMPLATE void net_global_grad(const float *index, const float *dy, float scale,
                                  net_epilogue *epilogue, net_draw_block *draw,
                                  const void *operands, net_row_end *row_end, const void *sums,
                                  struct net_extent v, NET_RUN)
{
    NET_ITEMS(item, v.batch_blocks * v.height, run, thread) {
        const int batch_block = item / v.height, row = item % v.height;

        for (int column = 0; column < v.width; column++)
            for (int block = 0; block < v.blocks; block++) {
                const int pixel = row * v.width + column;
                const long at = ((long)batch_block * v.blocks + block) * 256;

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
