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

    NET_ITEMS(item, net_present(run, s.y.batch_blocks) * s.y.height, run, thread) {
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

/* ---- The gradient of the filters ------------------------------------------------------------- */

/* What a row of taps sums over: columns of dy, and the images of a batch block. */
struct net_tap_row {
    long images;
    int width[2]; /* of x and of dy */
    int stride, padding, dilation;
    long pixel, dw; /* floats from pixel to pixel, of x and of dy, and from tap to tap */
};

/* dw += sum over columns and images of x dy, each channel by itself, of a row of taps: image i adds
   to sum i % 4, and these in order. x, dy: column 0 of their rows */
typedef void net_depthwise_dw_tile(float *restrict dw, const float *restrict x,
                                   const float *restrict dy, const struct net_tap_row *row);
#define NET_DEPTHWISE_DW_TILE(name)                                                                \
    NET_TILE void name(float *restrict dw, const float *restrict x, const float *restrict dy,      \
                       const struct net_tap_row *row)

/* sum[tap][image % 4] += x dy of one column of dy; step: floats of x from tap to tap */
NET_INLINE void net_add_taps(vec sum[][4], int taps, const float *x, long step, const float *dy,
                             long images)
{
    NET_REPEAT(g, images / 4) {
        vec d[4];

        NET_UNROLL(i, 4)
            d[i] = vec_load(dy + 16 * i);
        NET_UNROLL(l, taps)
            NET_UNROLL(i, 4)
                sum[l][i] = vec_fma(vec_load(x + l * step + 16 * i), d[i], sum[l][i]);
        x += 64;
        dy += 64;
    }
    NET_UNROLL(i, 3)
        if (i < images % 4)
            NET_UNROLL(l, taps)
                sum[l][i] = vec_fma(vec_load(x + l * step + 16 * i), vec_load(dy + 16 * i),
                                    sum[l][i]);
}

enum { NET_TAPS_AT_ONCE = 6 };

/* Taps `first` and those behind it: what all of them see is read once. */
NET_INLINE void net_depthwise_dw_taps(float *dw, const float *x, const float *dy,
                                      const struct net_tap_row *row, int first, int taps)
{
    vec sum[NET_TAPS_AT_ONCE][4];
    struct net_range seen[NET_TAPS_AT_ONCE];
    const long step = row->dilation * row->pixel;

    NET_UNROLL(l, taps) {
        seen[l] = net_valid((first + l) * row->dilation, row->stride, row->padding, row->width[0],
                            row->width[1]);
        NET_UNROLL(i, 4)
            sum[l][i] = vec_zero();
    }
    for (long c = seen[taps - 1].begin; c < seen[0].end; c++) {
        const long at = (c * row->stride - row->padding) * row->pixel + first * step;
        const float *d = dy + c * row->pixel;

        if (c >= seen[0].begin && c < seen[taps - 1].end)
            net_add_taps(sum, taps, x + at, step, d, row->images);
        else
            NET_UNROLL(l, taps)
                if (c >= seen[l].begin && c < seen[l].end)
                    net_add_taps(sum + l, 1, x + at + l * step, 0, d, row->images);
    }
    NET_UNROLL(l, taps) {
        float *to = dw + (first + l) * row->dw;

        vec_store(to, vec_add(vec_load(to), vec_add(vec_add(sum[l][0], sum[l][1]),
                                                    vec_add(sum[l][2], sum[l][3]))));
    }
}

/* Of `kernel` taps, `at_once` together: as many as the target has registers for. */
NET_TEMPLATE void net_depthwise_dw_block(float *restrict dw, const float *restrict x,
                                         const float *restrict dy, const struct net_tap_row *row,
                                         int kernel, int at_once)
{
    NET_REPEAT(g, kernel / at_once)
        net_depthwise_dw_taps(dw, x, dy, row, (int)g * at_once, at_once);
    if (kernel % at_once)
        net_depthwise_dw_taps(dw, x, dy, row, kernel / at_once * at_once, kernel % at_once);
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
    const struct net_tap_row taps = {.images = images,
                                     .width = {s.x[1], s.dy[1]},
                                     .stride = s.taps.stride[1],
                                     .padding = s.taps.padding[1],
                                     .dilation = s.taps.dilation[1],
                                     .pixel = (long)TILE * s.blocks,
                                     .dw = 16L * s.blocks};

    for (int block = 0; block < s.blocks; block++)
        for (int k = 0; k < s.taps.kernel[0]; k++) {
            const int h = row * s.taps.stride[0] - s.taps.padding[0] + k * s.taps.dilation[0];

            if (h >= 0 && h < s.x[0])
                tile(partial + k * s.taps.kernel[1] * taps.dw + 16 * block,
                     x + h * s.x[1] * taps.pixel + TILE * block,
                     dy + row * s.dy[1] * taps.pixel + TILE * block, &taps);
        }
}

/* partial[batch block][split][tap][block][16] = x dy over the images of a batch block and some
   rows; items: partial sums */
NET_TEMPLATE void net_depthwise_dw(float *partial, const float *x, const float *dy,
                                   net_depthwise_dw_tile *tile, struct net_depthwise_dw s, NET_RUN)
{
    const long floats = (long)s.taps.kernel[0] * s.taps.kernel[1] * s.blocks * 16;

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.splits, run, thread) {
        const int batch_block = item / s.splits, split = item % s.splits;
        const int images = net_rows(run, batch_block);
        const float *xb = x + (long)batch_block * s.x[0] * s.x[1] * s.blocks * TILE;
        const float *dyb = dy + (long)batch_block * s.dy[0] * s.dy[1] * s.blocks * TILE;
        float *sum = partial + item * floats;

        memset(sum, 0, (size_t)floats * sizeof *sum);
        for (int row = s.dy[0] * split / s.splits; row < s.dy[0] * (split + 1) / s.splits; row++)
            net_depthwise_dw_row(sum, xb, dyb, tile, s, row, images);
    }
}

#endif
