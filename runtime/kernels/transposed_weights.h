/*
 * transposed_weights.h -- weights for a dx, which reads them transposed, in panels of inputs.
 *
 * Needs: net_panel_of of gemm.h, transpose.h. Gives: net_transpose_weights.
 */

#ifndef NET_TRANSPOSED_WEIGHTS_H
#define NET_TRANSPOSED_WEIGHTS_H

#include "kernels/gemm.h"
#include "kernels/transpose.h"

/* The inputs of one segment of x: they have panels of their own. */
struct net_transposed {
    int row, step;    /* rows of w: of the first input, and from tap to tap */
    int taps, inputs; /* of a tap */
    int panels[2];    /* of 3 and of 2 blocks of inputs */
    long at;          /* floats into the transposed weights */
};

struct net_transpose {
    int rows, outputs; /* of w */
    int panels[2];     /* of 3 and of 2 blocks of outputs */
};

/* One block of inputs of a tap: wt[panel of inputs][tap][output][block][16]. */
NET_INLINE void net_transpose_block(float *wt, const float *w, struct net_transposed p, int tap,
                                    int block, struct net_transpose s)
{
    const struct net_panel to = net_panel_of(block, p.panels[0], p.panels[1]);
    const long row = p.row + tap * p.step + 16 * block;

    wt += p.at + to.first * 16L * p.taps * s.outputs +
          ((long)tap * s.outputs * to.width + block - to.first) * 16;
    for (int o = 0; o < s.outputs; o += 16) {
        const struct net_panel from = net_panel_of(o / 16, s.panels[0], s.panels[1]);

        net_transpose_16x16(wt + 16L * to.width * o, 16 * to.width,
                            w + from.first * 16L * s.rows +
                                (row * from.width + o / 16 - from.first) * 16,
                            16 * from.width, p.inputs - 16 * block, s.outputs - o);
    }
}

/* wt = w', a segment after the other. Items: (tap, block of inputs) of each segment. */
NET_TEMPLATE void net_transpose_weights(float *wt, const float *w,
                                        const struct net_transposed *segments, int segment_count,
                                        struct net_transpose s, NET_RUN)
{
    for (int i = 0; i < segment_count; i++) {
        const int blocks = (segments[i].inputs + 15) / 16;

        NET_ITEMS(item, segments[i].taps * blocks, run, thread)
            net_transpose_block(wt, w, segments[i], item / blocks, item % blocks, s);
    }
}

#endif
