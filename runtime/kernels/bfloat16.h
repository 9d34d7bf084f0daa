/*
 * bfloat16.h -- contractions of bfloat16: operands rounded to 8 bits, sums in float32.
 *
 * The one idea: a lane of 32 bits holds a pair of bfloat16 that stand side by side on the axis that
 * is summed over, the first in its lower half. Forward and dx read pairs of channels, which lie as
 * a value of 8 lanes: [batch block][pixel][block][image][8 pairs]. dw reads pairs of images:
 * [batch block][pixel][block][pair][16 channels]. Weights are pairs of their rows. So the tiles'
 * taps, panels and items are those of gemm.h and weight_gradient.h, half as long.
 *
 * The product of two bfloat16 is exact in float32: a step of the sum is two fused multiply-adds,
 * the second of the pair first, as vdpbf16ps has it (Intel SDM). Denormals are 0.
 *
 * Needs: gemm.h, weight_gradient.h, transposed_weights.h. Gives: net_pair_tile, net_sum_dw_pairs,
 * net_pair_channels, net_pair_images, net_pair_weights, net_pair_transposed.
 */

#ifndef NET_BFLOAT16_H
#define NET_BFLOAT16_H

#ifdef __AVX512BF16__
#include <immintrin.h>
#endif

#include "kernels/gemm.h"
#include "kernels/transposed_weights.h"
#include "kernels/weight_gradient.h"

enum {
    NET_PAIR_BLOCK = TILE / 2,                             /* pairs in a block */
    NET_IMAGE_PAIRS = NET_IMAGES > 1 ? NET_IMAGES / 2 : 1, /* of images, in a block */
};

/* ---- Pairs ----------------------------------------------------------------------------------- */

/* x1 w1 + acc, then x0 w0 + that, each rounded once */
NET_INLINE vec vec_dot_pairs(vec x, vec w, vec acc)
{
#ifdef __AVX512BF16__
    return _mm512_dpbf16_ps(acc, (__m512bh)x, (__m512bh)w);
#else
    const net_u32 u = vec_bits(x), v = vec_bits(w);

    acc = vec_fma(vec_from_bits(u & 0xffff0000u), vec_from_bits(v & 0xffff0000u), acc);
    return vec_fma(vec_from_bits(u << 16), vec_from_bits(v << 16), acc);
#endif
}

/* The nearest bfloat16, of two as near the even one, in the upper half of a lane; denormals become
   0 of their sign, NaN stays NaN. */
NET_INLINE net_u32 vec_round_bfloat16(vec x)
{
    const net_u32 u = vec_bits(x), magnitude = u & 0x7fffffffu;
    const net_u32 is_nan = (net_u32)(magnitude > 0x7f800000u);
    const net_u32 is_normal = (net_u32)(magnitude >= 0x00800000u);
    const net_u32 rounded = u + 0x7fffu + (u >> 16 & 1u);

    return ((rounded & ~is_nan) | ((u | 0x00400000u) & is_nan)) & (is_normal | 0x80000000u) &
           0xffff0000u;
}

/* Pairs of neighbours: a's sixteen lanes, then b's. */
NET_INLINE vec vec_pair_neighbours(vec a, vec b)
{
#ifdef __AVX512BF16__
    return (vec)_mm512_cvtne2ps_pbh(b, a);
#else
    const net_u32 u = vec_round_bfloat16(a), v = vec_round_bfloat16(b);

    return vec_from_bits(
        __builtin_shufflevector(u, v, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30) >>
            16 |
        __builtin_shufflevector(u, v, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31));
#endif
}

/* Pairs of a lane of a and the same lane of b. */
NET_INLINE vec vec_pair_lanes(vec a, vec b)
{
#ifdef __AVX512BF16__
    typedef uint16_t halves __attribute__((vector_size(64)));
    const halves both = (halves)_mm512_cvtne2ps_pbh(b, a);

    return (vec)__builtin_shufflevector(both, both, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22,
                                        7, 23, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30,
                                        15, 31);
#else
    return vec_from_bits(vec_round_bfloat16(a) >> 16 | vec_round_bfloat16(b));
#endif
}

/* ---- Values in pairs ------------------------------------------------------------------------- */

struct net_paired_value {
    int batch_blocks, rows; /* of pixels */
    long blocks;            /* of a row */
};

/* to[image][8 pairs of channels] of each block; items: (batch block, row) */
NET_TEMPLATE void net_pair_channels(float *to, const float *x, struct net_paired_value s, NET_RUN)
{
    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.rows, run, thread) {
        const float *from = x + item * s.blocks * TILE;
        float *at = to + item * s.blocks * NET_PAIR_BLOCK;

        NET_REPEAT(i, NET_IMAGE_PAIRS * s.blocks)
            vec_store(at + 16 * i,
                      vec_pair_neighbours(vec_load(from + 32 * i), vec_load(from + 32 * i + 16)));
    }
}

/* to[pair of images][channel] of each block, +0 for images that the batch does not have; items:
   (batch block, row) */
NET_TEMPLATE void net_pair_images(float *to, const float *x, struct net_paired_value s, NET_RUN)
{
    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.rows, run, thread) {
        const int images = net_rows(run, item / s.rows);
        const float *from = x + item * s.blocks * TILE;
        float *at = to + item * s.blocks * NET_PAIR_BLOCK;

        NET_REPEAT(i, NET_IMAGE_PAIRS * s.blocks) {
            const int image = 2 * (i % NET_IMAGE_PAIRS);
            const vec a = image < images ? vec_load(from + 32 * i) : vec_zero();
            const vec b = image + 1 < images ? vec_load(from + 32 * i + 16) : vec_zero();

            vec_store(at + 16 * i, vec_pair_lanes(a, b));
        }
    }
}

/* ---- Weights in pairs ------------------------------------------------------------------------ */

/* The inputs of one segment of x, which are rows of w tap by tap. */
struct net_paired {
    int row, step;       /* rows of w: the first, and from tap to tap */
    int pair, pair_step; /* the same of pairs */
    int taps, inputs;    /* of a tap; the last of an odd number is beside +0 */
};

struct net_weight_pairs {
    int rows, pairs; /* of w, and of what is made */
    int panels[3];
};

/* to[panel][pair of rows][block][16] of w[panel][row][block][16]. Items: (panel, tap) of each
   segment. */
NET_TEMPLATE void net_pair_weights(float *to, const float *w, const struct net_paired *segments,
                                   int segment_count, struct net_weight_pairs s, NET_RUN)
{
    const int panels = s.panels[0] + s.panels[1] + s.panels[2];

    for (int i = 0; i < segment_count; i++) {
        const struct net_paired p = segments[i];

        NET_ITEMS(item, panels * p.taps, run, thread) {
            const struct net_panel at = net_panel_at(item / p.taps, s.panels[0], s.panels[1]);
            const int tap = item % p.taps, step = 16 * at.width;
            const float *from = w + 16L * at.first * s.rows + (p.row + tap * p.step) * (long)step;
            float *pair = to + 16L * at.first * s.pairs + (p.pair + tap * p.pair_step) * (long)step;

            for (int k = 0; k < p.inputs; k += 2, from += 2 * step, pair += step)
                for (int j = 0; j < step; j += 16)
                    vec_store(pair + j, vec_pair_lanes(vec_load(from + j),
                                                       k + 1 < p.inputs ? vec_load(from + step + j)
                                                                        : vec_zero()));
        }
    }
}

/* One block of inputs of a tap: wt[panel of inputs][tap][pair of outputs][block][16]. */
NET_INLINE void net_pair_transposed_block(float *wt, const float *w, struct net_transposed p,
                                          int tap, int block, struct net_transpose s)
{
    const struct net_panel to = net_panel_of(block, p.panels[0], p.panels[1]);
    const long row = p.row + tap * p.step + 16 * block, pairs = (s.outputs + 1) / 2;

    wt += p.at + to.first * 16L * p.taps * pairs +
          ((long)tap * pairs * to.width + block - to.first) * 16;
    for (int o = 0; o < s.outputs; o += 16) {
        const struct net_panel from = net_panel_of(o / 16, s.panels[0], s.panels[1]);
        const int left = s.outputs - o;
        _Alignas(64) float rows[16 * 16] = {0};

        net_transpose_16x16(
            rows, 16, w + from.first * 16L * s.rows + (row * from.width + o / 16 - from.first) * 16,
            16 * from.width, p.inputs - 16 * block, left);
        for (int k = 0; 2 * k < left && k < 8; k++)
            vec_store(wt + 16L * to.width * (o / 2 + k),
                      vec_pair_lanes(vec_load(rows + 32 * k), vec_load(rows + 32 * k + 16)));
    }
}

/* net_transpose_weights with pairs of outputs for rows; .at is of lanes. */
NET_TEMPLATE void net_pair_transposed(float *wt, const float *w,
                                      const struct net_transposed *segments, int segment_count,
                                      struct net_transpose s, NET_RUN)
{
    for (int i = 0; i < segment_count; i++) {
        const int blocks = (segments[i].inputs + 15) / 16;

        NET_ITEMS(item, segments[i].taps * blocks, run, thread)
            net_pair_transposed_block(wt, w, segments[i], item / blocks, item % blocks, s);
    }
}

/* ---- Register tiles -------------------------------------------------------------------------- */

/* acc[i][j] += sum over taps and pairs of channels of x[i] w[j]; channels of taps are pairs. */
NET_INLINE void contract_pairs(vec acc[][3], int rows, int vectors, const float *x, const float *w,
                               const struct taps *taps, int segments)
{
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xb = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                for (long left = taps[s].channels; left > 0;
                     left -= NET_PAIR_LANES, xb += NET_PAIR_BLOCK) {
                    const float *xk = xb;

                    NET_UNROLL(i, rows / 2)
                        __builtin_prefetch(xb + 2 * NET_PAIR_BLOCK + 16 * i);
                    NET_REPEAT(k, left < NET_PAIR_LANES ? left : NET_PAIR_LANES) {
                        vec wj[3];
                        NET_VECTORS(j, vectors)
                            wj[j] = vec_load(wk + 16 * j);
                        NET_UNROLL(i, rows)
                            NET_VECTORS(j, vectors)
                                acc[i][j] = vec_dot_pairs(vec_set(xk[NET_PAIR_LANES * i]), wj[j],
                                                          acc[i][j]);
                        xk++;
                        wk += 16 * vectors;
                    }
                }
            }
}

/* net_tile of pairs, whose rows are images. */
NET_TEMPLATE void net_pair_tile(int rows, int vectors, int bias, net_epilogue *epilogue,
                                net_draw_block *draw, int in_memory, const float *x, const float *w,
                                const float *b, const struct taps *taps, int segments,
                                const void *operands, const float *written, struct net_element e,
                                const struct net_run *run)
{
    vec acc[NET_TILE_ROWS][3];

    if (written)
        net_prefetch_tile(written + e.at, rows, vectors);
    net_begin_tile(acc, rows, vectors, b, bias);
    contract_pairs(acc, rows, vectors, x, w, taps, segments);
    net_end_tile(acc, rows, vectors, 0, epilogue, draw, in_memory, operands, e, run);
}

/* net_sum_dw of pairs of images. */
NET_TEMPLATE void net_sum_dw_pairs(float *dw, const float *x, const float *dy,
                                   const struct net_reduction *over, int inputs, int vectors,
                                   bool add, bool prefetch)
{
    vec acc[NET_DW_INPUTS][3];

    NET_UNROLL(i, inputs)
        NET_VECTORS(j, vectors)
            acc[i][j] = add ? vec_load(dw + 16 * (vectors * i + j)) : vec_fresh_zero();
    NET_REPEAT(b, over->batch_blocks) {
        const long pairs = b < over->batch_blocks - 1 ? NET_IMAGE_PAIRS : over->images;

        NET_REPEAT(r, over->rows)
            NET_REPEAT(c, over->columns) {
                const float *xn = x + b * over->x_batch_block + r * over->x_row +
                                  c * over->x_column;
                const float *dn = dy + b * over->dy_batch_block + r * over->dy_row +
                                  c * over->dy_column;

                NET_REPEAT(n, pairs) {
                    vec d[3];
                    NET_VECTORS(j, vectors) {
                        d[j] = vec_load(dn + NET_PAIR_BLOCK * j);
                        if (prefetch)
                            __builtin_prefetch(dn + NET_PAIR_BLOCK * j + over->dy_column);
                    }
                    if (prefetch)
                        __builtin_prefetch(xn + over->x_column);
                    NET_UNROLL(i, inputs)
                        NET_VECTORS(j, vectors)
                            acc[i][j] = vec_dot_pairs(vec_set(xn[i]), d[j], acc[i][j]);
                    xn += 16;
                    dn += 16;
                }
            }
    }
    NET_UNROLL(i, inputs)
        NET_VECTORS(j, vectors)
            vec_store(dw + 16 * (vectors * i + j), acc[i][j]);
}

#endif
