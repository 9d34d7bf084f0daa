/*
 * weight_slice.h -- some outputs of a weight, or some numbers of a bias, and the way back.
 *
 * The one idea: a weight lies in panels of blocks of 16 outputs, [input][block][16]; where the
 * place is a multiple of 16 its rows move as vectors.
 *
 * Needs: gemm.h (panels). Gives: net_weight_slice.
 */

#ifndef NET_WEIGHT_SLICE_H
#define NET_WEIGHT_SLICE_H

#include "kernels/gemm.h"
#include "kernels/run.h"

struct net_weight_slice {
    int y_panels[3], x_panels[3]; /* all 0: of a vector */
    int y_outputs, x_outputs;
    long floats; /* of x */
    int place;   /* the output of y that the first of x is; below 0: x is cut off */
};

/* Row 0 of a block of outputs, and the floats from row to row. */
struct net_output_block {
    long first, step;
};

NET_INLINE struct net_output_block net_output_block(const int panels[3], int block, long rows)
{
    const struct net_panel at = net_panel_of(block, panels[0], panels[1]);

    return (struct net_output_block){16L * at.first * rows + 16L * (block - at.first),
                                     16L * at.width};
}

/* All rows of a block of y, of which lane 0 is output `source` of x, a multiple of 16. */
NET_INLINE void net_slice_block(float *y, const float *x, struct net_output_block to, int source,
                                int lanes, long rows, struct net_weight_slice s)
{
    const int inside = source >= 0 && source < s.x_outputs, left = s.x_outputs - source;
    const struct net_output_block from = net_output_block(s.x_panels, inside ? source / 16 : 0,
                                                          rows);

    for (long row = 0; row < rows; row++)
        vec_store(y + to.first + row * to.step,
                  inside ? vec_first(lanes < left ? lanes : left,
                                     vec_load(x + from.first + row * from.step), vec_zero())
                         : vec_zero());
}

/* One lane of it, which is any output of x, or none. */
NET_INLINE void net_slice_lane(float *y, const float *x, struct net_output_block to, int source,
                               long rows, struct net_weight_slice s)
{
    const int inside = source >= 0 && source < s.x_outputs;
    const struct net_output_block from = net_output_block(s.x_panels, inside ? source / 16 : 0,
                                                          rows);

    for (long row = 0; row < rows; row++)
        y[to.first + row * to.step] = inside ? x[from.first + row * from.step + source % 16] : 0.0f;
}

/* y[output] = x[output - place] of every row, +0 where x has none; items: blocks of outputs of y */
NET_TEMPLATE void net_weight_slice(float *y, const float *x, struct net_weight_slice s, NET_RUN)
{
    const long rows = s.floats / 16 / ((s.x_outputs + 15) / 16);

    NET_ITEMS(block, (s.y_outputs + 15) / 16, run, thread) {
        const struct net_output_block to = net_output_block(s.y_panels, block, rows);
        const int source = 16 * block - s.place, lanes = s.y_outputs - 16 * block;

        if (s.place % 16 == 0)
            net_slice_block(y, x, to, source, lanes < 16 ? lanes : 16, rows, s);
        else
            for (int lane = 0; lane < 16; lane++)
                net_slice_lane(y + lane, x, to, lane < lanes ? source + lane : -1, rows, s);
    }
}

#endif
