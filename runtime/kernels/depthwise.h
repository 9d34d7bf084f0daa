/*
 * depthwise.h -- convolutions whose outputs see one channel each.
 *
 * 16 channels are a vector of x and a vector of w, so one fma a tap makes an output of 16 channels;
 * nothing is summed over channels.
 */

#ifndef NET_DEPTHWISE_H
#define NET_DEPTHWISE_H

#include "kernels/epilogue.h"
#include "kernels/gemm.h"
#include "kernels/window.h"

enum { NET_DEPTHWISE_IMAGES = NET_IMAGES < 8 ? NET_IMAGES : 8 }; /* of a register tile */

/* ---- A filter a channel ---------------------------------------------------------------------- */

/* The taps of one pixel that fall inside the image; all steps in floats, from one to the next. */
struct net_filter {
    long x, w; /* to the first tap */
    long rows, columns;
    long x_row, x_column;
    long w_row, w_column;
    long tiles; /* of NET_DEPTHWISE_IMAGES */
};

/* y[i] = b + sum over taps of x[i] w, each channel by itself: the images of a block. b: or NULL */
typedef void net_depthwise_tile(float *restrict y, const float *restrict x, const float *restrict w,
                                const float *restrict b, const struct net_filter *taps);
#define NET_DEPTHWISE_TILE(name)                                                                   \
    NET_TILE void name(float *restrict y, const float *restrict x, const float *restrict w,        \
                       const float *restrict b, const struct net_filter *taps)

/* A tile of images at a time. */
NET_TEMPLATE void net_depthwise_block(float *restrict y, const float *restrict x,
                                      const float *restrict w, const float *restrict b,
                                      const struct net_filter *taps)
{
    NET_REPEAT(tile, taps->tiles) {
        vec acc[NET_DEPTHWISE_IMAGES];

        NET_UNROLL(i, NET_DEPTHWISE_IMAGES)
            acc[i] = b ? vec_load(b) : vec_zero();
        NET_REPEAT(r, taps->rows) {
            const float *xr = x + taps->x + r * taps->x_row + tile * 16 * NET_DEPTHWISE_IMAGES;
            const float *wr = w + taps->w + r * taps->w_row;

            NET_REPEAT(c, taps->columns) {
                const vec wc = vec_load(wr);

                NET_UNROLL(i, NET_DEPTHWISE_IMAGES)
                    acc[i] = vec_fma(vec_load(xr + 16 * i), wc, acc[i]);
                xr += taps->x_column;
                wr += taps->w_column;
            }
        }
        NET_UNROLL(i, NET_DEPTHWISE_IMAGES)
            vec_store(y + 16 * (tile * NET_DEPTHWISE_IMAGES + i), acc[i]);
    }
}

struct net_depthwise {
    struct net_extent y; /* of a dx: of dx */
    int x[2];            /* height and width of x; of a dx of dy */
    struct net_taps taps;
};

/* Where one pixel's taps lie in x and w; of a dx they are counted down. */
NET_INLINE struct net_filter net_filter_of(struct net_depthwise s, struct net_window r,
                                           struct net_window c, int tiles)
{
    const long pixel = (long)TILE * s.y.blocks, row = pixel * s.x[1];
    const int tap = 16 * s.y.blocks, line = s.taps.kernel[1] * tap;

    return (struct net_filter){
        .x = r.at * row + c.at * pixel,
        .w = (long)(r.first * s.taps.kernel[1] + c.first) * tap,
        .rows = r.count,
        .columns = c.count,
        .x_row = row * net_taps_x_step(s.taps, 0),
        .x_column = pixel * net_taps_x_step(s.taps, 1),
        .w_row = (long)line * net_taps_step(s.taps, 0),
        .w_column = (long)tap * net_taps_step(s.taps, 1),
        .tiles = tiles,
    };
}

/* y: where there is no chain; else NULL, and the epilogue stores. Items: (batch block, row) */
NET_TEMPLATE void net_depthwise(float *y, const float *x, const float *w, const float *b,
                                net_depthwise_tile *tile, net_epilogue *epilogue,
                                net_draw_block *draw, const void *operands, net_row_end *row_end,
                                const void *sums, struct net_depthwise s, NET_RUN)
{
    _Alignas(64) float results[TILE] = {0};

    NET_ITEMS(item, s.y.batch_blocks * s.y.height, run, thread) {
        const int batch_block = item / s.y.height, row = item % s.y.height;
        const struct net_window r = net_taps_at(s.taps, 0, row, s.x[0]);
        const int images = net_rows(run, batch_block);
        const int tiles = (images + NET_DEPTHWISE_IMAGES - 1) / NET_DEPTHWISE_IMAGES;

        for (int column = 0; column < s.y.width; column++) {
            const struct net_window c = net_taps_at(s.taps, 1, column, s.x[1]);
            const struct net_filter taps = net_filter_of(s, r, c, tiles);
            const int pixel = row * s.y.width + column;

            for (int block = 0; block < s.y.blocks; block++) {
                const float *from = x + ((long)batch_block * s.x[0] * s.x[1] * s.y.blocks + block) *
                                            TILE;
                float *to = y ? y + net_block_at(s.y, batch_block, pixel, block) : results;

                tile(to, from, w + 16 * block, b ? b + 16 * block : NULL, &taps);
                if (!y)
                    net_block_end(results, epilogue, draw, operands,
                                  net_element_of(s.y, batch_block, pixel, block, 0), run);
            }
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

/* dw += sum over columns and images of x dy, each channel by itself: image i adds to sum i % 4, and
   these in order. */
typedef void net_depthwise_dw_tile(float *restrict dw, const float *restrict x,
                                   const float *restrict dy, long columns, long images,
                                   long x_column, long dy_column);
#define NET_DEPTHWISE_DW_TILE(name)                                                                \
    NET_TILE void name(float *restrict dw, const float *restrict x, const float *restrict dy,      \
                       long columns, long images, long x_column, long dy_column)

NET_TEMPLATE void net_depthwise_dw_block(float *restrict dw, const float *restrict x,
                                         const float *restrict dy, long columns, long images,
                                         long x_column, long dy_column)
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

struct net_depthwise_dw {
    int batch_blocks, blocks;
    int x[2], dy[2]; /* height and width */
    int splits;      /* of the rows of dy of a batch block, each a partial sum */
    struct net_taps taps;
};

/* One row of dy into partial sums, so that all taps find x and dy in the cache. */
NET_INLINE void net_depthwise_dw_row(float *partial, const float *x, const float *dy,
                                     net_depthwise_dw_tile *tile, struct net_depthwise_dw s,
                                     int row, int images)
{
    const int kh = s.taps.kernel[0], kw = s.taps.kernel[1];
    const long pixel = 256L * s.blocks;

    for (int block = 0; block < s.blocks; block++)
        for (int tap = 0; tap < kh * kw; tap++) {
            const int h = row * s.taps.stride[0] - s.taps.padding[0] +
                          tap / kw * s.taps.dilation[0];
            const int l = tap % kw * s.taps.dilation[1];
            const struct net_range c = net_valid(l, s.taps.stride[1], s.taps.padding[1], s.x[1],
                                                 s.dy[1]);

            if (h < 0 || h >= s.x[0] || c.begin >= c.end)
                continue;
            tile(partial + 16 * (tap * s.blocks + block),
                 x + (h * s.x[1] + c.begin * s.taps.stride[1] - s.taps.padding[1] + l) * pixel +
                     256 * block,
                 dy + (row * s.dy[1] + c.begin) * pixel + 256 * block, c.end - c.begin, images,
                 pixel * s.taps.stride[1], pixel);
        }
}

/* partial[batch block][split][tap][block][16] = x dy over the images of a batch block and some
   rows; items: partial sums */
NET_TEMPLATE void net_depthwise_dw(float *partial, const float *x, const float *dy,
                                   net_depthwise_dw_tile *tile, struct net_depthwise_dw s, NET_RUN)
{
    const long floats = (long)s.taps.kernel[0] * s.taps.kernel[1] * s.blocks * 16;

    NET_ITEMS(item, s.batch_blocks * s.splits, run, thread) {
        const int batch_block = item / s.splits, split = item % s.splits;
        const int images = net_rows(run, batch_block);
        const float *xb = x + (long)batch_block * s.x[0] * s.x[1] * s.blocks * 256;
        const float *dyb = dy + (long)batch_block * s.dy[0] * s.dy[1] * s.blocks * 256;
        float *sum = partial + item * floats;

        if (images == 0)
            continue;
        memset(sum, 0, (size_t)floats * sizeof *sum);
        for (int row = s.dy[0] * split / s.splits; row < s.dy[0] * (split + 1) / s.splits; row++)
            net_depthwise_dw_row(sum, xb, dyb, tile, s, row, images);
    }
}

#endif
