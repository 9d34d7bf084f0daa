/*
 * few_outputs.h -- dense layers of few outputs, along their inputs.
 *
 * The one idea: a lane is an input, not an output. A weight has a row for each output that lies as
 * an image of x does, so x, dx and dw stream by at full width; only forward ends with a sum over
 * lanes, in the order of vec_sum.
 */

#ifndef NET_THIN_H
#define NET_THIN_H

#include "kernels/kernel.h"

/* y[image][output] = the sum over blocks and lanes of x w: sixteen images of x[block][image][16],
   w[output][block][16]. `images` at a time are in registers. */
NET_INLINE void net_thin(float *y, const float *x, const float *w, long blocks, int outputs,
                         int images)
{
    _Alignas(64) float lanes[4][256], sums[256];

    for (int first = 0; first < 16; first += images) {
        vec acc[4][16];

        NET_UNROLL(o, outputs)
            NET_UNROLL(i, images)
                acc[o][i] = vec_zero();
        NET_REPEAT(block, blocks)
            NET_UNROLL(i, images) {
                const vec xi = vec_load(x + 256 * block + 16 * (first + i));

                NET_UNROLL(o, outputs)
                    acc[o][i] = vec_fma(xi, vec_load(w + 16 * (o * blocks + block)), acc[o][i]);
            }
        NET_UNROLL(o, outputs)
            NET_UNROLL(i, images)
                vec_store(lanes[o] + 16 * (first + i), acc[o][i]);
    }
    for (int o = 0; o < outputs; o++)
        vec_store(sums + 16 * o, vec_sum_each(lanes[o], 16));
    net_turn_16x16(y, 16, sums, 16, outputs, 16);
}

/* A block of dx of one image: the sum over outputs of dy w, from +0 so that padding stays +0. */
NET_INLINE vec net_thin_dx(const float *dy, const float *w, long blocks, int outputs)
{
    vec sum = vec_zero();

    NET_UNROLL(o, outputs)
        sum = vec_fma(vec_set(dy[o]), vec_load(w + 16 * o * blocks), sum);
    return sum;
}

/* dw[output][block] = the sum over images of dy x, for `blocks` of them side by side; x_chunk:
   floats from chunk to chunk, `images` of the last one. */
NET_INLINE void net_thin_dw(float *dw, const float *x, long x_chunk, const float *dy, int blocks,
                            int outputs, long chunks, long images)
{
    vec acc[4][8];

    NET_UNROLL(o, outputs)
        NET_UNROLL(b, blocks)
            acc[o][b] = vec_zero();
    NET_REPEAT(chunk, chunks)
        NET_REPEAT(i, chunk < chunks - 1 ? 16 : images)
            NET_UNROLL(b, blocks) {
                const vec xb = vec_load(x + chunk * x_chunk + 256 * b + 16 * i);

                NET_UNROLL(o, outputs)
                    acc[o][b] = vec_fma(vec_set(dy[256 * chunk + 16 * i + o]), xb, acc[o][b]);
            }
    NET_UNROLL(o, outputs)
        NET_UNROLL(b, blocks)
            vec_store(dw + 16 * (o * blocks + b), acc[o][b]);
}

#endif
