/*
 * batch_lanes_dw.h -- weight gradients with images in the lanes, for convolutions of few outputs.
 *
 * The one idea: turned, [row][column][channel][16 images], the inputs that a row of taps sees from
 * one pixel stand side by side, and so do the gradients of its outputs: dw is the sum over lanes of
 * their products, of which none is of padding.
 */

#ifndef NET_BATCH_LANES_DW_H
#define NET_BATCH_LANES_DW_H

#include "kernels/batch_lanes.h"

/* Of a run of pixels, images beyond `images` as +0. */
NET_INLINE void net_turn_images(float *to, const float *x, long x_pixel, int pixels, int channels,
                                int images)
{
    if (images == 16)
        net_turn_pixels(to, 16L * channels, x, x_pixel, pixels, channels, 16);
    else
        net_turn_pixels(to, 16L * channels, x, x_pixel, pixels, channels, images);
}

/* Rows and columns of an image of height x width from (row, column) on, +0 outside of it. x: its
   pixel 0; rows are to_row floats apart. */
NET_INLINE void net_turn_window(float *to, long to_row, const float *x, long x_pixel, int height,
                                int width, int row, int column, int rows, int columns, int channels,
                                int images)
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
            net_turn_images(at + begin * pixel,
                            x + ((row + r) * (long)width + column + begin) * x_pixel, x_pixel,
                            end - begin, channels, images);
        memset(at + end * pixel, 0, (size_t)((columns - end) * pixel) * sizeof *at);
    }
}

/* sums[i][j] = sum over rows and columns of x[i] dy[j]: `rows` inputs by `outputs`, vectors of
   sixteen images all; sums_row floats from i to i + 1. The fewer wait in registers for the others,
   so that none of them has to be loaded twice. */
NET_INLINE void net_batch_lanes_dw(float *restrict sums, long sums_row, int rows, int outputs,
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

#endif
