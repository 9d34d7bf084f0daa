/*
 * half_tile.h -- register tiles of convolutions of at most eight outputs, whose vectors of sixteen
 * would be half empty: of one image, rows are pixels side by side.
 *
 * Needs: gemm.h. Gives: net_half_tile, net_packed_half_tile.
 */

#ifndef NET_HALF_TILE_H
#define NET_HALF_TILE_H

#include "kernels/gemm.h"

typedef float half __attribute__((vector_size(32)));

NET_INLINE half half_set(float x)
{
    return (half){x, x, x, x, x, x, x, x};
}

NET_INLINE half half_load(const float *p)
{
    half x;

    memcpy(&x, p, sizeof x);
    return x;
}

/* a b + c, rounded once, where vec_fma does */
NET_INLINE half half_fma(half a, half b, half c)
{
#if defined(__FMA__)
    return _mm256_fmadd_ps(a, b, c);
#elif defined(__ARM_NEON)
    float32x4_t p[2], q[2], r[2];

    memcpy(p, &a, sizeof p);
    memcpy(q, &b, sizeof q);
    memcpy(r, &c, sizeof r);
    NET_UNROLL(i, 2)
        r[i] = vfmaq_f32(r[i], p[i], q[i]);
    memcpy(&c, r, sizeof c);
    return c;
#elif defined(__wasm__)
    return a * b + c;
#else
    NET_UNROLL(i, 8)
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

/* +0 beyond the eighth lane */
NET_INLINE vec half_widen(half x)
{
    const net_f32 wide = __builtin_shufflevector(x, (half){0}, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
                                                 12, 13, 14, 15);
    vec v;

    memcpy(&v, &wide, sizeof v);
    return v;
}

NET_INLINE void net_begin_half_tile(half acc[], int rows, const float *b, int bias)
{
    NET_UNROLL(i, rows)
        acc[i] = bias ? half_load(b) : half_set(0);
}

NET_INLINE void net_end_half_tile(const half acc[], int rows, int y_blocks, net_epilogue *epilogue,
                                  net_draw_block *draw, int in_memory, const void *operands,
                                  struct net_element e, const struct net_run *run)
{
    vec wide[NET_HALF_TILE_ROWS][3];

    NET_UNROLL(i, rows)
        wide[i][0] = half_widen(acc[i]);
    net_end_tile(wide, rows, 1, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

/* net_tile of one vector, of which half is there. */
NET_TEMPLATE void net_half_tile(int rows, long x_step, int y_blocks, int bias,
                                net_epilogue *epilogue, net_draw_block *draw, int in_memory,
                                const float *x, const float *w, const float *b,
                                const struct taps *taps, int segments, const void *operands,
                                struct net_element e, const struct net_run *run)
{
    half acc[NET_HALF_TILE_ROWS];

    net_begin_half_tile(acc, rows, b, bias);
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xk = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                NET_REPEAT(k, taps[s].channels) { /* a block behind the other */
                    const half wj = half_load(wk + 16 * k);

                    NET_UNROLL(i, rows)
                        acc[i] = half_fma(half_set(xk[k + i * x_step]), wj, acc[i]);
                }
            }
    net_end_half_tile(acc, rows, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

/* net_packed_tile of one vector, of which half is there. */
NET_TEMPLATE void net_packed_half_tile(int rows, long x_step, int y_blocks, int x_lanes,
                                       int channels, int kernel_rows, int kernel_columns,
                                       long x_row, int bias, net_epilogue *epilogue,
                                       net_draw_block *draw, int in_memory, const float *x,
                                       const float *w, const float *b, const void *operands,
                                       struct net_element e, const struct net_run *run)
{
    half acc[NET_HALF_TILE_ROWS];

    net_begin_half_tile(acc, rows, b, bias);
    NET_REPEAT(r, kernel_rows) {
        NET_UNROLL(k, channels * kernel_columns) {
            const float *xk = net_hidden(x + k / channels * x_lanes + k % channels);
            const half wj = half_load(w + 16 * k);

            NET_UNROLL(i, rows)
                acc[i] = half_fma(half_set(xk[i * x_step]), wj, acc[i]);
        }
        x += x_row;
        w += 16 * channels * kernel_columns;
    }
    net_end_half_tile(acc, rows, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

#endif
