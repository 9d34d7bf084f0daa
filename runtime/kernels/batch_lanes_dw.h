/*
 * batch_lanes_dw.h -- weight gradients with the batch in the lanes, for convolutions of few
 * outputs.
 *
 * The one idea: transposed, [row][column][channel][16 images], the inputs that a row of taps sees
 * from one pixel stand side by side, and so do the gradients of its outputs: dw is the sum over
 * lanes of their products, of which none is of padding.
 */

#ifndef NET_BATCH_LANES_DW_H
#define NET_BATCH_LANES_DW_H

#include "kernels/batch_lanes.h"
#include "kernels/weight_gradient.h"

/* Of a run of pixels, images beyond `images` as +0. */
NET_INLINE void net_transpose_images(float *to, const float *x, long x_pixel, int pixels,
                                     int channels, int images)
{
    if (images == NET_IMAGES)
        net_transpose_pixels(to, 16L * channels, x, x_pixel, pixels, channels, NET_IMAGES);
    else
        net_transpose_pixels(to, 16L * channels, x, x_pixel, pixels, channels, images);
}

/* Rows and columns of an image of height x width from (row, column) on, +0 outside of it. x: its
   pixel 0; rows are to_row floats apart. */
NET_INLINE void net_transpose_window(float *to, long to_row, const float *x, long x_pixel,
                                     int height, int width, int row, int column, int rows,
                                     int columns, int channels, int images)
{
    const int left = column >= 0 ? 0 : -column < columns ? -column : columns;
    const int right = width - column < columns ? width - column : columns;
    const long pixel = 16L * channels;

    for (int r = 0; r < rows; r++) {
        const bool inside = row + r >= 0 && row + r < height && left < right;
        const int begin = inside ? left : columns, end = inside ? right : columns;
        float *at = to + r * to_row;

        memset(at, 0, (size_t)(begin * pixel) * sizeof *at);
        if (inside)
            net_transpose_images(at + begin * pixel,
                                 x + ((row + r) * (long)width + column + begin) * x_pixel, x_pixel,
                                 end - begin, channels, images);
        memset(at + end * pixel, 0, (size_t)((columns - end) * pixel) * sizeof *at);
    }
}

/* sums[i][j] = sum over rows and columns of x[i] dy[j]: `rows` inputs by `outputs`, vectors of
   sixteen images all; sums_row floats from i to i + 1. The fewer wait in registers for the others,
   so that none of them has to be loaded twice. */
NET_INLINE void net_sum_batch_lanes_dw(float *restrict sums, long sums_row, int rows, int outputs,
                                       const float *restrict x, const float *restrict dy,
                                       const struct net_reduction *over)
{
    vec acc[24];

    NET_UNROLL(i, rows * outputs)
        acc[i] = vec_fresh_zero();
    NET_REPEAT(r, over->rows) {
        const float *xn = x + r * over->x_row, *dn = dy + r * over->dy_row;

        NET_REPEAT(c, over->columns) {
            vec few[8];

            if (rows < outputs) {
                NET_UNROLL(i, rows)
                    few[i] = vec_load(xn + 16 * i);
                NET_UNROLL(j, outputs) {
                    const vec d = vec_load(dn + 16 * j);

                    NET_UNROLL(i, rows)
                        acc[i * outputs + j] = vec_fma(few[i], d, acc[i * outputs + j]);
                }
            } else {
                NET_UNROLL(j, outputs)
                    few[j] = vec_load(dn + 16 * j);
                NET_UNROLL(i, rows) {
                    const vec xi = vec_load(xn + 16 * i);

                    NET_UNROLL(j, outputs)
                        acc[i * outputs + j] = vec_fma(xi, few[j], acc[i * outputs + j]);
                }
            }
            xn += over->x_column;
            dn += over->dy_column;
        }
    }
    NET_UNROLL(i, rows)
        NET_UNROLL(j, outputs)
            vec_store(sums + i * sums_row + 16 * j, acc[i * outputs + j]);
}

/* ---- The kernel ------------------------------------------------------------------------------ */

/* The inputs of one segment of x. */
struct net_batch_lanes_dw {
    struct net_extent x, dy; /* x with its border, if it is packed with one */
    int splits;              /* of a batch block's pixels, each with partial sums of its own */
    bool by_column;          /* splits of the only row; else of rows */
    int kernel[2], stride[2], padding[2];
    int inputs, outputs; /* of dw */
    int first, block;    /* the segment's first input, and block of a pixel of x */
    int dy_block;        /* the first of a pixel of dy */
    long scratch;        /* floats of a thread's, for x: those of dy come after them */
};

/* Some inputs by some outputs, [input][output][16 images]. */
typedef void net_batch_lanes_dw_tile(float *restrict sums, const float *restrict x,
                                     const float *restrict dy, const struct net_reduction *over);
#define NET_BATCH_LANES_DW_TILE(name)                                                              \
    NET_TILE void name(float *restrict sums, const float *restrict x, const float *restrict dy,    \
                       const struct net_reduction *over)

enum { NET_BATCH_LANES_DW_SUMS = 72 }; /* inputs of a tile by all outputs, at most */

/* The pixels of one split. */
struct net_batch_lanes_split {
    int batch_block, images;
    int row, rows, column, columns; /* of dy */
};

/* Pixels of x under a split, of `channels` channels of a block, x_row floats a row. */
NET_INLINE void net_transpose_split(float *to, long x_row, const float *x,
                                    struct net_batch_lanes_dw s, struct net_batch_lanes_split at,
                                    int block, int lanes, int channels)
{
    const int rows = (at.rows - 1) * s.stride[0] + s.kernel[0];
    const int columns = (at.columns - 1) * s.stride[1] + s.kernel[1];
    const int row = at.row * s.stride[0], column = at.column * s.stride[1];
    const long image = (long)at.batch_block * s.x.height;

    if (lanes == 16) {
        net_transpose_window(to, x_row, x + net_block_at(s.x, at.batch_block, 0, block),
                             TILE * s.x.blocks, s.x.height, s.x.width, row - s.padding[0],
                             column - s.padding[1], rows, columns, channels, at.images);
        return;
    }
    for (int r = 0; r < rows; r++) /* its border is there */
        net_transpose_packed(to + r * x_row, 16 * channels,
                             x + ((image + row + r) * s.x.width + column) * NET_IMAGES * lanes,
                             lanes, columns, channels, at.images);
}

/* All taps of the inputs of one block, `channels` of them. xs, dys: transposed. */
NET_INLINE void net_batch_lanes_dw_block(float *dw, const float *xs, const float *dys, long x_row,
                                         struct net_batch_lanes_dw s,
                                         struct net_batch_lanes_split at, int input, int channels,
                                         net_batch_lanes_dw_tile *tile, int tile_inputs,
                                         int tile_outputs)
{
    const int row = s.kernel[1] * channels;
    const int padded = (s.outputs + tile_outputs - 1) / tile_outputs * tile_outputs;
    const struct net_reduction over = {
        .batch_blocks = 1,
        .rows = at.rows,
        .columns = at.columns,
        .images = 16,
        .x_row = x_row * s.stride[0],
        .x_column = channels * 16 * s.stride[1],
        .x_image = 16,
        .dy_row = 16 * s.outputs * s.dy.width,
        .dy_column = 16 * s.outputs,
    };

    for (int k = 0; k < s.kernel[0]; k++)
        for (int i = 0; i < row; i += tile_inputs) {
            _Alignas(64) float sums[16 * NET_BATCH_LANES_DW_SUMS];

            for (int j = 0; j < padded; j += tile_outputs)
                tile(sums + 16 * j, xs + k * x_row + 16 * i, dys + 16 * j, &over);
            for (int m = i; m < i + tile_inputs && m < row; m++)
                vec_store(
                    dw + ((k * s.kernel[1] + m / channels) * s.inputs + input + m % channels) * 16,
                    vec_sum_each(sums + (m - i) * 16 * padded, s.outputs));
        }
}

NET_INLINE struct net_batch_lanes_split
net_batch_lanes_split_of(struct net_batch_lanes_dw s, int item, const struct net_run *run)
{
    const int batch_block = item / s.splits, split = item % s.splits;
    const int row = s.by_column ? 0 : s.dy.height * split / s.splits;
    const int column = s.by_column ? s.dy.width * split / s.splits : 0;

    return (struct net_batch_lanes_split){
        .batch_block = batch_block,
        .images = net_rows(run, batch_block),
        .row = row,
        .rows = s.by_column ? 1 : s.dy.height * (split + 1) / s.splits - row,
        .column = column,
        .columns = s.by_column ? s.dy.width * (split + 1) / s.splits - column : s.dy.width,
    };
}

/* Items: partial sums, (batch block, split of its pixels). Of x: `lanes` of a block, and `all`
   channels. A tile is of `tile_inputs` inputs of a row of taps by `tile_outputs` outputs, and may
   read a little beyond the last of them. */
NET_TEMPLATE void net_batch_lanes_dw(float *partial, const float *x, const float *dy,
                                     struct net_batch_lanes_dw s, int lanes, int all,
                                     net_batch_lanes_dw_tile *tile, int tile_inputs,
                                     int tile_outputs, NET_RUN)
{
    float *xs = net_scratch(run, thread), *dys = xs + s.scratch;
    const int longest = s.by_column ? (s.dy.width + s.splits - 1) / s.splits : s.dy.width;
    const int columns = (longest - 1) * s.stride[1] + s.kernel[1];

    NET_ITEMS(item, net_present(run, s.x.batch_blocks) * s.splits, run, thread) {
        const struct net_batch_lanes_split at = net_batch_lanes_split_of(s, item, run);
        float *dw = partial + item * (16L * s.kernel[0] * s.kernel[1] * s.inputs);

        net_transpose_images(
            dys,
            dy + net_block_at(s.dy, at.batch_block, at.row * s.dy.width + at.column, s.dy_block),
            TILE * s.dy.blocks, at.rows * at.columns, s.outputs, at.images);
        for (int block = 0; block < (all + 15) / 16; block++) {
            const int left = all - 16 * block, channels = left < 16 ? left : 16;
            const long x_row = channels * 16L * columns;

            net_transpose_split(xs, x_row, x, s, at, s.block + block, lanes,
                                lanes < 16 ? all : channels);
            net_batch_lanes_dw_block(dw, xs, dys, x_row, s, at, s.first + 16 * block, channels,
                                     tile, tile_inputs, tile_outputs);
        }
    }
}

#endif
