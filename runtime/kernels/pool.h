/*
 * pool.h -- pools and their gradients: windows that slide, and upsampling.
 *
 * The one idea: forward and backward both gather, a row of pixels an item: no thread adds to what
 * another writes. Four images go through a window together: their vectors lie side by side, and
 * what is gathered stays in registers, and takes the elementwise work behind it along.
 *
 * Needs: epilogue.h, window.h. Gives: net_maxpool2d, net_avgpool2d, net_upsample2d,
 * net_upsample2d_bilinear, and their gradients.
 */

#ifndef NET_POOL_H
#define NET_POOL_H

#include "kernels/epilogue.h"
#include "kernels/window.h"

/* v if it is larger than max or not a number, else max */
NET_INLINE vec net_larger(vec v, vec max)
{
    return vec_max(max, v);
}

/* index where v is larger than max, else old */
NET_INLINE vec net_where_larger(vec v, vec max, float index, vec old)
{
    return vec_if_greater(v, max, vec_set(index), old);
}

/* dy where the index is `tap`, else +0 */
NET_INLINE vec net_where_tap(const uint8_t *index, int tap, vec dy)
{
    net_u8 at;

    memcpy(&at, index, sizeof at);
    const net_u32 hit = (net_u32)(__builtin_convertvector(at, net_u32) == (uint32_t)tap);

    return vec_from_bits(vec_bits(dy) & hit);
}

/* ---- Windows that slide ---------------------------------------------------------------------- */

/* Windows of x, each a pixel of y; both have the same blocks of channels. */
struct net_pool2d {
    int batch_blocks, blocks;             /* of 16 images; of 16 channels in a pixel */
    int x[2], y[2];                       /* height, width */
    int kernel[2], stride[2], padding[2]; /* height, width; padding at the top, on the left */
    float scale;                          /* of a mean: one over the pixels of a window */
    int slices; /* of a volume's windows in each slice: x and y have the rows of all; or 0 */
};

/* The windows of one slice, of an image those of the image. */
NET_INLINE struct net_pool2d net_pool_slice(struct net_pool2d s)
{
    s.x[0] /= s.slices > 1 ? s.slices : 1;
    s.y[0] /= s.slices > 1 ? s.slices : 1;
    return s;
}

NET_INLINE struct net_extent net_pool_x(struct net_pool2d s)
{
    return (struct net_extent){s.batch_blocks, s.x[0], s.x[1], s.blocks};
}

NET_INLINE struct net_extent net_pool_y(struct net_pool2d s)
{
    return (struct net_extent){s.batch_blocks, s.y[0], s.y[1], s.blocks};
}

/* The taps of y's position i inside x, along one axis: all of them, where no window leaves x. */
NET_INLINE struct net_window net_pool_taps(struct net_pool2d s, int axis, int i)
{
    if (s.padding[axis] == 0 && (s.y[axis] - 1) * s.stride[axis] + s.kernel[axis] <= s.x[axis])
        return (struct net_window){0, s.kernel[axis], i * s.stride[axis]};
    return net_taps_forward(i, s.stride[axis], s.padding[axis], s.kernel[axis], s.x[axis]);
}

/* The taps by which x's position i is in a window of y, along one axis: one, where windows lie side
   by side on all of x. */
NET_INLINE struct net_window net_pool_windows(struct net_pool2d s, int axis, int i)
{
    if (s.padding[axis] == 0 && s.kernel[axis] == s.stride[axis] &&
        s.y[axis] * s.stride[axis] >= s.x[axis])
        return (struct net_window){i % s.stride[axis], 1, i / s.stride[axis]};
    return net_taps_backward(i, s.stride[axis], s.padding[axis], s.kernel[axis], s.y[axis]);
}

/* Images whose maxima and taps are kept in registers together. */
#ifdef NET_VEC_PAIR
enum { NET_MAXPOOL_IMAGES = NET_IMAGES < 2 ? NET_IMAGES : 2 };
#else
enum { NET_MAXPOOL_IMAGES = NET_GROUP };
#endif

/* The maximum of some images' windows, and its first tap; x: of the first image. */
NET_INLINE void net_maxpool_group(vec max[], vec tap[], const float *x, struct net_pool2d s,
                                  int batch_block, int block, struct net_window h,
                                  struct net_window w)
{
    NET_UNROLL(r, NET_MAXPOOL_IMAGES)
        max[r] = vec_set(-INFINITY), tap[r] = vec_zero();
    for (int m = 0; m < h.count; m++)
        for (int l = 0; l < w.count; l++) {
            const int pixel = (h.at + m) * s.x[1] + w.at + l;
            const float *from = x + net_block_at(net_pool_x(s), batch_block, pixel, block);
            const vec at = vec_set((float)((h.first + m) * s.kernel[1] + w.first + l));

            NET_UNROLL(r, NET_MAXPOOL_IMAGES) {
                const vec v = vec_load(from + 16 * r);

                tap[r] = vec_if_greater(v, max[r], at, tap[r]);
                max[r] = net_larger(v, max[r]);
            }
        }
}

/* y = max of each window, index = its first tap that has it, or NULL. Items: (batch block, row of
   y). */
NET_TEMPLATE void net_maxpool2d(float *y, uint8_t *index, const float *x, net_row_end *row_end,
                                const void *sums, struct net_pool2d s, NET_RUN)
{
    const struct net_pool2d of = net_pool_slice(s);

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.y[0], run, thread) {
        const int slice = item / of.y[0], row = item % of.y[0];

        for (int column = 0; column < of.y[1]; column++) {
            const struct net_window h = net_pool_taps(of, 0, row), w = net_pool_taps(of, 1, column);

            for (int block = 0; block < s.blocks; block++)
                NET_REPEAT(g, NET_IMAGES / NET_MAXPOOL_IMAGES) {
                    const long image = 16 * NET_MAXPOOL_IMAGES * g;
                    const long at = image + net_block_at(net_pool_y(of), slice,
                                                         row * of.y[1] + column, block);
                    vec max[NET_MAXPOOL_IMAGES], tap[NET_MAXPOOL_IMAGES];

                    net_maxpool_group(max, tap, x + image, of, slice, block, h, w);
                    NET_UNROLL(r, NET_MAXPOOL_IMAGES) {
                        vec_store(y + at + 16 * r, max[r]);
                        if (index)
                            vec_store_bytes(index + at + 16 * r, tap[r]);
                    }
                }
        }
        if (row_end)
            row_end(sums, run, item / s.y[0], item % s.y[0]);
    }
}

/* ---- Sums over windows, which go to an epilogue ---------------------------------------------- */

/* sum[r] += what one pixel of four images gets, from pixels h x w; index, x: their first pixel and
   image, index of maxpool2d or NULL. */
typedef void net_gather_window(vec sum[NET_GROUP], const uint8_t *index, const float *x,
                               struct net_window h, struct net_window w, struct net_pool2d s);

/* The epilogue of four images from e on; `transcendental`: it has exponentials or draws, and is not
   unrolled. */
NET_INLINE void net_group_end(const vec v[NET_GROUP], net_epilogue *epilogue, const void *operands,
                              bool transcendental, struct net_element e, const float *draws,
                              const struct net_run *run)
{
    _Alignas(64) float results[16 * NET_GROUP];

    NET_UNROLL(r, NET_GROUP)
        if (transcendental)
            vec_store(results + 16 * r, v[r]);
        else
            epilogue(v[r], operands, net_element_after(e, r), draws + 16 * r, run);
    if (transcendental)
        NET_REPEAT(r, NET_GROUP)
            epilogue(vec_load(results + 16 * r), operands, net_element_after(e, (int)r),
                     draws + 16 * r, run);
}

/* Taps `first` to first + count - 1 of a window: of its kernel, or where it is backward every
   stride-th of it. */
NET_INLINE struct net_window net_window_part(struct net_window w, int first, int count,
                                             bool backward, int stride)
{
    return backward ? (struct net_window){w.first + first * stride, count, w.at - first}
                    : (struct net_window){w.first + first, count, w.at + first};
}

/* The same of a large window, whose sums are long: in groups of a row of it. */
NET_INLINE void net_gather_large(net_gather_window *gather, bool backward, vec sum[NET_GROUP],
                                 const uint8_t *index, const float *x, struct net_window h,
                                 struct net_window w, struct net_pool2d s)
{
    struct net_long_sum all[NET_GROUP];

    NET_UNROLL(r, NET_GROUP)
        all[r] = net_long_zero();
    for (int m = 0; m < h.count; m++)
        NET_SUM_GROUPS(first, end, w.count)
        {
            vec group[NET_GROUP];

            NET_UNROLL(r, NET_GROUP)
                group[r] = vec_zero();
            gather(group, index, x, net_window_part(h, m, 1, backward, s.stride[0]),
                   net_window_part(w, (int)first, (int)(end - first), backward, s.stride[1]), s);
            NET_UNROLL(r, NET_GROUP)
                net_long_add(&all[r], group[r]);
        }
    NET_UNROLL(r, NET_GROUP)
        sum[r] = all[r].sum;
}

/* One block of channels of a pixel: sixteen images, four at a time. */
NET_INLINE void net_gather_block(net_gather_window *gather, bool backward, const uint8_t *index,
                                 const float *x, struct net_window h, struct net_window w,
                                 net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                                 bool transcendental, struct net_element e, struct net_pool2d s,
                                 const struct net_run *run)
{
    _Alignas(64) float draws[NET_MAX_DRAWS * 256];

    if (draw)
        draw(draws, operands, e, NET_IMAGES, run);
    NET_REPEAT(g, NET_IMAGES / NET_GROUP) {
        vec sum[NET_GROUP];

        NET_UNROLL(r, NET_GROUP)
            sum[r] = vec_zero();
        if (s.kernel[0] * s.kernel[1] > NET_SUM_GROUP)
            net_gather_large(gather, backward, sum, index ? index + 16 * NET_GROUP * g : NULL,
                             x + 16 * NET_GROUP * g, h, w, s);
        else
            gather(sum, index ? index + 16 * NET_GROUP * g : NULL, x + 16 * NET_GROUP * g, h, w, s);
        net_group_end(sum, epilogue, operands, transcendental,
                      net_element_after(e, NET_GROUP * (int)g), draws + 16 * NET_GROUP * g, run);
    }
}

/* Each pixel of y gathers from x, or where `backward` each pixel of x from y. Items: (batch block,
   row). */
NET_INLINE void net_gather_windows(net_gather_window *gather, bool backward, const uint8_t *index,
                                   const float *at, net_epilogue *epilogue, net_draw_block *draw,
                                   const void *operands, bool transcendental, net_row_end *row_end,
                                   const void *sums, struct net_pool2d s, NET_RUN)
{
    const struct net_pool2d one = net_pool_slice(s);
    const struct net_extent to = backward ? net_pool_x(s) : net_pool_y(s);
    const struct net_extent of = backward ? net_pool_y(one) : net_pool_x(one);
    const int height = backward ? one.x[0] : one.y[0];

    NET_ITEMS(item, net_present(run, to.batch_blocks) * to.height, run, thread) {
        const int batch_block = item / to.height, row = item % to.height;

        for (int column = 0; column < to.width; column++) {
            const struct net_window h = backward ? net_pool_windows(one, 0, row % height)
                                                 : net_pool_taps(one, 0, row % height);
            const struct net_window w = backward ? net_pool_windows(one, 1, column)
                                                 : net_pool_taps(one, 1, column);

            for (int block = 0; block < to.blocks; block++) {
                const long first = net_block_at(of, item / height, 0, block);

                net_gather_block(gather, backward, index ? index + first : NULL, at + first, h, w,
                                 epilogue, draw, operands, transcendental,
                                 net_element_of(to, batch_block, row * to.width + column, block, 0),
                                 one, run);
            }
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

NET_INLINE void net_gather_max(vec sum[NET_GROUP], const uint8_t *index, const float *x,
                               struct net_window h, struct net_window w, struct net_pool2d s)
{
    for (int m = 0; m < h.count; m++)
        for (int l = 0; l < w.count; l++) {
            const long at = (long)((h.at - m) * s.y[1] + w.at - l) * s.blocks * TILE;
            const int tap = (h.first + m * s.stride[0]) * s.kernel[1] + w.first + l * s.stride[1];

            NET_UNROLL(r, NET_GROUP)
                sum[r] = vec_add(
                    sum[r], net_where_tap(index + at + 16 * r, tap, vec_load(x + at + 16 * r)));
        }
}

NET_INLINE void net_gather_pixels(vec sum[NET_GROUP], NET_UNUSED const uint8_t *index,
                                  const float *x, struct net_window h, struct net_window w,
                                  struct net_pool2d s)
{
    const long step = s.blocks * (long)TILE;

    x += ((long)h.at * s.x[1] + w.at) * step;
    for (int m = 0; m < h.count; m++)
        NET_REPEAT(l, w.count)
            NET_UNROLL(r, NET_GROUP)
                sum[r] = vec_add(sum[r], vec_load(x + ((long)m * s.x[1] + l) * step + 16 * r));
    NET_UNROLL(r, NET_GROUP)
        sum[r] = vec_mul(sum[r], vec_set(s.scale));
}

NET_INLINE void net_gather_averages(vec sum[NET_GROUP], NET_UNUSED const uint8_t *index,
                                    const float *x, struct net_window h, struct net_window w,
                                    struct net_pool2d s)
{
    for (int m = 0; m < h.count; m++)
        for (int l = 0; l < w.count; l++) {
            const long at = (long)((h.at - m) * s.y[1] + w.at - l) * s.blocks * TILE;

            NET_UNROLL(r, NET_GROUP)
                sum[r] = vec_add(sum[r], vec_load(x + at + 16 * r));
        }
    NET_UNROLL(r, NET_GROUP)
        sum[r] = vec_mul(sum[r], vec_set(s.scale));
}

/* dx = the sum of dy over the windows whose maximum is x, in the order of their taps. */
NET_TEMPLATE void net_maxpool2d_grad(const uint8_t *index, const float *dy, net_epilogue *epilogue,
                                     net_draw_block *draw, const void *operands,
                                     bool transcendental, net_row_end *row_end, const void *sums,
                                     struct net_pool2d s, NET_RUN)
{
    net_gather_windows(net_gather_max, true, index, dy, epilogue, draw, operands, transcendental,
                       row_end, sums, s, run, thread);
}

/* y = scale times the sum of x over each window, padding counted as 0. */
NET_TEMPLATE void net_avgpool2d(const float *x, net_epilogue *epilogue, net_draw_block *draw,
                                const void *operands, bool transcendental, net_row_end *row_end,
                                const void *sums, struct net_pool2d s, NET_RUN)
{
    net_gather_windows(net_gather_pixels, false, NULL, x, epilogue, draw, operands, transcendental,
                       row_end, sums, s, run, thread);
}

/* dx = scale times the sum of dy over the windows that hold x, in the order of their taps. */
NET_TEMPLATE void net_avgpool2d_grad(const float *dy, net_epilogue *epilogue, net_draw_block *draw,
                                     const void *operands, bool transcendental,
                                     net_row_end *row_end, const void *sums, struct net_pool2d s,
                                     NET_RUN)
{
    net_gather_windows(net_gather_averages, true, NULL, dy, epilogue, draw, operands,
                       transcendental, row_end, sums, s, run, thread);
}

/* ---- Upsampling: the larger side is x of the struct ------------------------------------------ */

/* y = the pixel that it comes from: each becomes kernel[0] x kernel[1]. Items: (batch block, row of
   y). */
NET_TEMPLATE void net_upsample2d(const float *x, net_epilogue *epilogue, net_draw_block *draw,
                                 const void *operands, net_row_end *row_end, const void *sums,
                                 struct net_pool2d s, NET_RUN)
{
    const struct net_extent to = net_pool_x(s), of = net_pool_y(s);

    NET_ITEMS(item, net_present(run, to.batch_blocks) * to.height, run, thread) {
        const int batch_block = item / to.height, row = item % to.height;

        for (int column = 0; column < to.width; column++)
            for (int block = 0; block < to.blocks; block++) {
                const int pixel = row / s.kernel[0] * of.width + column / s.kernel[1];

                net_block_end(
                    x + net_block_at(of, batch_block, pixel, block), epilogue, draw, operands,
                    net_element_of(to, batch_block, row * to.width + column, block, 0), run);
            }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

/* dx = the sum of dy over the pixels that x became. Items: (batch block, row of dx). */
NET_TEMPLATE void net_upsample2d_grad(const float *dy, net_epilogue *epilogue, net_draw_block *draw,
                                      const void *operands, bool transcendental,
                                      net_row_end *row_end, const void *sums, struct net_pool2d s,
                                      NET_RUN)
{
    s.scale = 1.0f;
    net_gather_windows(net_gather_pixels, false, NULL, dy, epilogue, draw, operands, transcendental,
                       row_end, sums, s, run, thread);
}

/* ---- Bilinear: pixel j of the smaller side is in those of the larger one in its window ------- */

/* The share of the smaller side's pixel j in pixel i of the larger one, at a tap of j's window:
   1 - |(i + 0.5) / factor - 0.5 - j|; all of the first and last, beyond which is none. */
NET_INLINE float net_bilinear_share(struct net_pool2d s, int axis, int tap, int i)
{
    const int factor = s.stride[axis], half = factor / 2;
    const int away = 2 * (tap - s.padding[axis]) + 1 - factor; /* in halves of a pixel */

    if (i < half || i >= s.x[axis] - half)
        return 1.0f;
    return 1.0f - (float)(away < 0 ? -away : away) / (float)(2 * factor);
}

/* results = sixteen images of a pixel of y in the column of w; from: their first pixel of x. */
NET_INLINE void net_bilinear_block(float *results, const float *from, struct net_window h,
                                   struct net_window w, int row, int column, struct net_pool2d s)
{
    NET_REPEAT(r, NET_IMAGES) {
        vec sum = vec_zero();

        for (int m = 0; m < h.count; m++)
            for (int l = 0; l < w.count; l++) {
                const long pixel = (long)(h.at - m) * s.y[1] + w.at - l;
                const float share = net_bilinear_share(s, 0, h.first + m * s.stride[0], row) *
                                    net_bilinear_share(s, 1, w.first + l * s.stride[1], column);

                sum = vec_fma(vec_load(from + pixel * s.blocks * TILE + 16 * r), vec_set(share),
                              sum);
            }
        vec_store(results + 16 * r, sum);
    }
}

/* y = between the nearest pixels of x. Items: (batch block, row of y). */
NET_TEMPLATE void net_upsample2d_bilinear(const float *x, net_epilogue *epilogue,
                                          net_draw_block *draw, const void *operands,
                                          net_row_end *row_end, const void *sums,
                                          struct net_pool2d s, NET_RUN)
{
    const struct net_extent to = net_pool_x(s), of = net_pool_y(s);

    NET_ITEMS(item, net_present(run, to.batch_blocks) * to.height, run, thread) {
        const int batch_block = item / to.height, row = item % to.height;
        const struct net_window h = net_pool_windows(s, 0, row);

        for (int column = 0; column < to.width; column++) {
            const struct net_window w = net_pool_windows(s, 1, column);

            for (int block = 0; block < to.blocks; block++) {
                _Alignas(64) float results[TILE];

                net_bilinear_block(results, x + net_block_at(of, batch_block, 0, block), h, w, row,
                                   column, s);
                net_block_end(results, epilogue, draw, operands,
                              net_element_of(to, batch_block, row * to.width + column, block, 0),
                              run);
            }
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

NET_INLINE void net_gather_shares(vec sum[NET_GROUP], NET_UNUSED const uint8_t *index,
                                  const float *dy, struct net_window h, struct net_window w,
                                  struct net_pool2d s)
{
    for (int m = 0; m < h.count; m++)
        for (int l = 0; l < w.count; l++) {
            const long pixel = (long)(h.at + m) * s.x[1] + w.at + l;
            const vec share = vec_set(net_bilinear_share(s, 0, h.first + m, h.at + m) *
                                      net_bilinear_share(s, 1, w.first + l, w.at + l));

            NET_UNROLL(r, NET_GROUP)
                sum[r] = vec_fma(vec_load(dy + pixel * s.blocks * TILE + 16 * r), share, sum[r]);
        }
}

/* dx = the sum of dy over the pixels that x is in, times its shares. Items: (batch block, row of
   dx). */
NET_TEMPLATE void net_upsample2d_bilinear_grad(const float *dy, net_epilogue *epilogue,
                                               net_draw_block *draw, const void *operands,
                                               bool transcendental, net_row_end *row_end,
                                               const void *sums, struct net_pool2d s, NET_RUN)
{
    net_gather_windows(net_gather_shares, false, NULL, dy, epilogue, draw, operands, transcendental,
                       row_end, sums, s, run, thread);
}

#endif
