/*
 * few_outputs.h -- dense layers of few outputs (GEMV), along their inputs.
 *
 * The one idea: a lane is an input, not an output: panels of 16 outputs would be mostly padding. A
 * weight has a row for each output that lies as an image of x does, so x, dx and dw stream by at
 * full width; only forward ends with a sum over lanes, in the order of vec_sum.
 */

#ifndef NET_FEW_OUTPUTS_H
#define NET_FEW_OUTPUTS_H

#include "kernels/epilogue.h"
#include "kernels/transpose.h"
#include "kernels/weight_gradient.h"

struct net_few_outputs {
    int batch_blocks, blocks; /* of 16 images; of inputs */
};

/* sums[image][output] = the sum over blocks and lanes of x w: sixteen images of
   x[block][image][16], w[output][block][16]; `images` at a time are in registers. */
NET_INLINE void net_few_outputs_sums(float *sums, const float *x, const float *w, long blocks,
                                     int outputs, int images)
{
    _Alignas(64) float lanes[NET_MAX_FEW_OUTPUTS][TILE], rows[256];

    for (int first = 0; first < NET_IMAGES; first += images) {
        vec acc[NET_MAX_FEW_OUTPUTS][16];

        NET_UNROLL(o, outputs)
            NET_UNROLL(i, images)
                acc[o][i] = vec_zero();
        NET_REPEAT(block, blocks)
            NET_UNROLL(i, images) {
                const vec xi = vec_load(x + TILE * block + 16 * (first + i));

                NET_UNROLL(o, outputs)
                    acc[o][i] = vec_fma(xi, vec_load(w + 16 * (o * blocks + block)), acc[o][i]);
            }
        NET_UNROLL(o, outputs)
            NET_UNROLL(i, images)
                vec_store(lanes[o] + 16 * (first + i), acc[o][i]);
    }
    for (int o = 0; o < outputs; o++)
        vec_store(rows + 16 * o, vec_sum_each(lanes[o], NET_IMAGES));
    net_transpose_16x16(sums, 16, rows, 16, outputs, 16);
}

/* y = x w + b; b: or NULL; items: batch blocks */
NET_TEMPLATE void net_dense_few_outputs(const float *x, const float *w, const float *b, int outputs,
                                        int images, net_epilogue *epilogue, net_draw_block *draw,
                                        const void *operands, net_row_end *row_end,
                                        const void *end_sums, struct net_few_outputs s, NET_RUN)
{
    const struct net_extent y = {s.batch_blocks, 1, 1, 1};

    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread) {
        _Alignas(64) float sums[256];

        net_few_outputs_sums(sums, x + (long)TILE * s.blocks * batch_block, w, s.blocks, outputs,
                             images);
        for (int i = 0; i < NET_IMAGES && b; i++)
            vec_store(sums + 16 * i, vec_add(vec_load(sums + 16 * i), vec_load(b)));
        net_block_end(sums, epilogue, draw, operands, net_element_of(y, batch_block, 0, 0, 0), run);
        if (row_end)
            row_end(end_sums, run, batch_block, 0);
    }
}

/* dx = dy w', each element from +0 so that padding stays +0; items: batch blocks */
NET_TEMPLATE void net_dense_few_outputs_dx(const float *dy, const float *w, int outputs,
                                           net_epilogue *epilogue, net_draw_block *draw,
                                           const void *operands, net_row_end *row_end,
                                           const void *end_sums, struct net_few_outputs s, NET_RUN)
{
    const struct net_extent dx = {s.batch_blocks, 1, 1, s.blocks};

    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread) {
        const float *dyb = dy + (long)TILE * batch_block;

        for (int block = 0; block < s.blocks; block++) {
            const struct net_element e = net_element_of(dx, batch_block, 0, block, 0);
            _Alignas(64) float draws[NET_MAX_DRAWS * 256];

            if (draw)
                draw(draws, operands, e, NET_IMAGES, run);
            NET_REPEAT(i, NET_IMAGES) {
                vec sum = vec_zero();

                NET_UNROLL(o, outputs)
                    sum = vec_fma(vec_set(dyb[16 * i + o]),
                                  vec_load(w + 16 * (o * s.blocks + block)), sum);
                epilogue(sum, operands, net_element_after(e, (int)i), draws + 16 * i, run);
            }
        }
        if (row_end)
            row_end(end_sums, run, batch_block, 0);
    }
}

/* dw[output][block] = the sum over images of dy x, for `group` blocks of inputs at a time, in
   registers, which divides them; items: groups */
NET_TEMPLATE void net_dense_few_outputs_dw(float *dw, const float *x, const float *dy, int outputs,
                                           int group, struct net_few_outputs s,
                                           struct net_apply apply, NET_RUN)
{
    const int batch_blocks = net_batch_blocks(run), last = run->n - NET_IMAGES * (batch_blocks - 1);

    NET_ITEMS(item, s.blocks / group, run, thread) {
        const float *xg = x + (long)TILE * group * item;
        _Alignas(64) float sums[NET_MAX_FEW_OUTPUTS * NET_FEW_OUTPUTS_BLOCKS * 16];
        vec acc[NET_MAX_FEW_OUTPUTS][NET_FEW_OUTPUTS_BLOCKS];

        NET_UNROLL(o, outputs)
            NET_UNROLL(b, group)
                acc[o][b] = vec_zero();
        NET_REPEAT(k, batch_blocks)
            NET_REPEAT(i, k < batch_blocks - 1 ? NET_IMAGES : last)
                NET_UNROLL(b, group) {
                    const vec xb = vec_load(xg + k * (long)TILE * s.blocks + TILE * b + 16 * i);

                    NET_UNROLL(o, outputs)
                        acc[o][b] = vec_fma(vec_set(dy[TILE * k + 16 * i + o]), xb, acc[o][b]);
                }
        NET_UNROLL(o, outputs)
            NET_UNROLL(b, group)
                vec_store(sums + 16 * (o * group + b), acc[o][b]);
        for (int o = 0; o < outputs; o++)
            net_apply(run, dw + 16L * (o * s.blocks + group * item), sums + 16 * group * o,
                      16 * group, apply);
    }
}

#endif
