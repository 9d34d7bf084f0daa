/*
 * lines_tile.h -- register tiles of convolutions of one image whose lines of y are short: several
 * lines are one tile, so that weights that come from memory are read a few times only.
 *
 * Needs: gemm.h. Gives: net_lines_tile.
 */

#ifndef NET_LINES_TILE_H
#define NET_LINES_TILE_H

#include "kernels/gemm.h"

/* net_tile of `rows` pixels in lines of `columns`. x_step, x_line: floats of x from pixel to pixel
   of y, and from line to line. */
NET_TEMPLATE void net_lines_tile(int rows, int vectors, int columns, long x_step, long x_line,
                                 int y_blocks, int bias, net_epilogue *epilogue,
                                 net_draw_block *draw, int in_memory, const float *x,
                                 const float *w, const float *b, const struct taps *taps,
                                 int segments, const void *operands, struct net_element e,
                                 const struct net_run *run)
{
    vec acc[NET_TILE_ROWS][3];

    net_begin_tile(acc, rows, vectors, b, bias);
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xk = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                NET_REPEAT(k, taps[s].channels) { /* a block behind the other */
                    vec wj[3];

                    NET_VECTORS(j, vectors)
                        wj[j] = vec_load(wk + 16 * j);
                    NET_UNROLL(i, rows)
                        NET_VECTORS(j, vectors)
                            acc[i][j] = vec_fma(
                                vec_set(xk[i / columns * x_line + i % columns * x_step]), wj[j],
                                acc[i][j]);
                    xk++;
                    wk += 16 * vectors;
                }
            }
    net_end_tile(acc, rows, vectors, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

#endif
