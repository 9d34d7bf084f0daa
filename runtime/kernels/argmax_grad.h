/*
 * argmax_grad.h -- dw and dx of a convolution whose dy is argmax-sparse: 0 but at one pixel a
 * channel and image, as it comes back through a global maximum. dy[image][output] and
 * index[image][output], the pixel, stand for it.
 *
 * The one idea: nothing is multiplied by those zeros. A weight adds up one window of x an image; a
 * pixel of dx gathers the outputs whose maximum lies where one of its taps reads it, in the order
 * of taps and outputs. So both have an order of their own, that no thread changes. Vectors go along
 * the input channels; a dy of 0, as a relu leaves it, costs nothing.
 *
 * Needs: epilogue.h, kernel.h, window.h. Gives: net_argmax_dw, net_argmax_dx. (A max
 * pooling's own gradient is in pool.h.)
 */

#ifndef NET_ARGMAX_GRAD_H
#define NET_ARGMAX_GRAD_H

#include "kernels/epilogue.h"
#include "kernels/gemm.h"
#include "kernels/transpose.h"
#include "kernels/weight_gradient.h"
#include "kernels/window.h"

/* dy and index of output o: images of a block, 16 floats apart */
NET_INLINE long net_output_at(int output)
{
    return output / 16 * (long)TILE + output % 16;
}

/* ---- dw: one window of x an image ------------------------------------------------------------ */

/* The images of a batch block in which an output has a gradient, and where its window begins: the
   pixel of x, and image and pixel in floats. */
struct net_windows {
    int count;
    int row[16], column[16];
    long at[16];
    float dy[16];
};

/* The inputs of one segment of x. */
struct net_argmax_dw {
    int panels[3];       /* of dw: of 3, of 2, of 1 blocks of outputs */
    int input_panels[3]; /* the segment's blocks of inputs, cut likewise */
    int inputs, outputs; /* of dw */
    int first, channels; /* of the segment, in inputs */
    int block, x_blocks; /* its first in a pixel; blocks of a pixel */
    int x[2], dy_width;  /* height and width; pixels of a row of dy */
    bool edges;          /* may a window lie across an edge? */
    struct net_taps taps;
    struct net_apply apply;
};

/* dy, index: of one output */
NET_INLINE void net_find_windows(struct net_windows *w, const float *dy, const float *index,
                                 int images, struct net_argmax_dw s)
{
    const long pixel = (long)TILE * s.x_blocks;

    w->count = 0;
    for (int i = 0; i < images; i++) {
        const int at = (int)index[16 * i], k = w->count;

        w->row[k] = at / s.dy_width * s.taps.stride[0] - s.taps.padding[0];
        w->column[k] = at % s.dy_width * s.taps.stride[1] - s.taps.padding[1];
        w->at[k] = (w->row[k] * s.x[1] + w->column[k]) * pixel + 16 * i;
        w->dy[k] = dy[16 * i];
        w->count += dy[16 * i] != 0.0f;
    }
}

/* Is the pixel `down` and `right` of where window k begins one of the image? */
NET_INLINE bool net_is_inside(const struct net_windows *w, long k, int down, int right,
                              const int size[2])
{
    return (unsigned)(w->row[k] + down) < (unsigned)size[0] &&
           (unsigned)(w->column[k] + right) < (unsigned)size[1];
}

/* acc += dy times the pixel of x under one tap: `vectors` blocks of its channels. */
NET_INLINE void net_add_windows(float *acc, int vectors, const float *x,
                                const struct net_windows *w, int down, int right,
                                struct net_argmax_dw s)
{
    const long tap = (down * s.x[1] + right) * (long)TILE * s.x_blocks;
    vec sum[3];

    NET_VECTORS(j, vectors)
        sum[j] = vec_load(acc + 16 * j);
    NET_REPEAT(k, w->count) {
        if (s.edges && !net_is_inside(w, k, down, right, s.x))
            continue;
        const float *at = x + (w->at[k] + tap);
        const vec dy = vec_set(w->dy[k]);

        NET_VECTORS(j, vectors)
            sum[j] = vec_fma(dy, vec_load(at + TILE * j), sum[j]);
    }
    NET_VECTORS(j, vectors)
        vec_store(acc + 16 * j, sum[j]);
}

/* to = from', up to 16 x 16: long, so a function of its own. */
NET_UNUSED NET_TILE void net_transpose_sums(float *restrict to, long to_step,
                                            const float *restrict from, long from_step, int rows,
                                            int columns)
{
    net_transpose_16x16(to, to_step, from, from_step, rows, columns);
}

/* The gradient of a panel of outputs by `vectors` blocks of inputs, from block `block` of the
   segment on: transposed from acc, [output][tap][block][16 inputs], and applied. */
NET_INLINE void net_apply_argmax_dw(const struct net_run *run, float *dw, const float *acc,
                                    struct net_argmax_dw s, struct net_panel panel, int block,
                                    int vectors)
{
    const int taps = s.taps.kernel[0] * s.taps.kernel[1], width = 16 * panel.width;

    for (int tap = 0; tap < taps; tap++)
        for (int b = 0; b < vectors; b++) {
            const int input = 16 * (block + b), left = s.channels - input;
            const int inputs = left < 16 ? left : 16;
            _Alignas(64) float piece[16 * 16 * 3];

            for (int j = 0; j < panel.width; j++)
                net_transpose_sums(
                    piece + 16 * j, width, acc + (j * 16L * taps + tap) * 16 * vectors + 16 * b,
                    16L * taps * vectors, s.outputs - 16 * (panel.first + j), inputs);
            net_apply(run,
                      dw + panel.first * 16L * taps * s.inputs +
                          (tap * s.inputs + s.first + input) * (long)width,
                      piece, width * inputs, s.apply);
        }
}

/* acc = the sums of `outputs` outputs from `output` on, over the whole batch. */
NET_INLINE void net_sum_argmax_dw(float *acc, const float *x, const float *dy, const float *index,
                                  struct net_argmax_dw s, int output, int outputs, int vectors,
                                  const struct net_run *run)
{
    const int kw = s.taps.kernel[1], taps = s.taps.kernel[0] * kw;
    const int dy_blocks = (s.outputs + 15) / 16;

    memset(acc, 0, (size_t)outputs * (size_t)(taps * 16 * vectors) * sizeof *acc);
    for (int batch_block = 0; batch_block < net_batch_blocks(run); batch_block++)
        for (int o = 0; o < outputs; o++) {
            const long at = batch_block * (long)TILE * dy_blocks + net_output_at(output + o);
            const float *xb = x + batch_block * (long)TILE * s.x_blocks * s.x[0] * s.x[1];
            struct net_windows windows;

            net_find_windows(&windows, dy + at, index + at, net_rows(run, batch_block), s);
            for (int tap = 0; tap < taps; tap++)
                net_add_windows(acc + (o * taps + tap) * 16L * vectors, vectors, xb, &windows,
                                tap / kw * s.taps.dilation[0], tap % kw * s.taps.dilation[1], s);
        }
}

/* `count` groups of `vectors` blocks of inputs, from block `first` of the segment on. */
NET_INLINE void net_argmax_dw_inputs(float *dw, const float *x, const float *dy, const float *index,
                                     struct net_argmax_dw s, int first, int count, int vectors,
                                     NET_RUN)
{
    const int panels = s.panels[0] + s.panels[1] + s.panels[2];
    float *acc = net_scratch(run, thread);

    NET_ITEMS(item, count * panels, run, thread) {
        const int block = first + item / panels * vectors;
        const struct net_panel panel = net_panel_at(item % panels, s.panels[0], s.panels[1]);
        const int output = 16 * panel.first, left = s.outputs - output;

        net_sum_argmax_dw(acc, x + (long)TILE * (s.block + block), dy, index, s, output,
                          left < 16 * panel.width ? left : 16 * panel.width, vectors, run);
        net_apply_argmax_dw(run, dw, acc, s, panel, block, vectors);
    }
}

/* dw = x' dy over images; items: (blocks of inputs, panel). A thread has 48 floats of scratch for
   each tap of a panel's outputs. */
NET_TEMPLATE void net_argmax_dw(float *dw, const float *x, const float *dy, const float *index,
                                struct net_argmax_dw s, NET_RUN)
{
    const int *n = s.input_panels, twos = 3 * n[0], ones = twos + 2 * n[1];

    if (n[0])
        net_argmax_dw_inputs(dw, x, dy, index, s, 0, n[0], 3, run, thread);
    if (n[1])
        net_argmax_dw_inputs(dw, x, dy, index, s, twos, n[1], 2, run, thread);
    if (n[2])
        net_argmax_dw_inputs(dw, x, dy, index, s, ones, n[2], 1, run, thread);
}

/* ---- dx: the outputs whose maximum lies where a tap reads a pixel ---------------------------- */

struct net_argmax_dx {
    struct net_extent x; /* of dx */
    int dy[2], outputs;  /* height, width; channels of dy */
    struct net_taps taps;
};

/* Some blocks of dx that share panels of w: those of one segment. */
struct net_argmax_part {
    int block;
    int panels[3]; /* of 3, of 2, of 1 blocks of inputs */
    long w;        /* floats into the transposed weights, [panel][tap][output][block][16 inputs] */
};

/* Outputs by the pixel of their maximum: those of image i at pixel p are
   order[i][begin[i][p] .. begin[i][p + 1] - 1], ascending, and only those with a gradient. */
struct net_argmax_lists {
    int32_t *begin, *order;
    int pixels, outputs;
};

/* Floats of a thread's scratch for the lists, then for contributions, then for sums of a pixel. */
NET_INLINE long net_lists_floats(int pixels, int outputs)
{
    return 16L * (pixels + 2 + outputs);
}

/* dy, index: of a batch block; memory: net_lists_floats */
NET_INLINE struct net_argmax_lists net_sort_outputs(void *memory, const float *dy,
                                                    const float *index, int images, int pixels,
                                                    int outputs)
{
    const struct net_argmax_lists p = {memory, (int32_t *)memory + 16 * (pixels + 2), pixels,
                                       outputs};

    memset(p.begin, 0, (size_t)(16 * (pixels + 2)) * sizeof *p.begin);
    for (int i = 0; i < images; i++) {
        int32_t *begin = p.begin + i * (pixels + 2), *order = p.order + i * outputs;

        for (int o = 0; o < outputs; o++) {
            const long at = net_output_at(o) + 16 * i;

            begin[(int)index[at] + 2] += dy[at] != 0.0f;
        }
        for (int k = 2; k < pixels + 2; k++)
            begin[k] += begin[k - 1];
        for (int o = 0; o < outputs; o++) {
            const long at = net_output_at(o) + 16 * i;

            if (dy[at] != 0.0f)
                order[begin[(int)index[at] + 1]++] = o;
        }
    }
    return p;
}

/* What contributes to a pixel of image i: count[i] gradients, dy[i][k], each with the row of its
   transposed weights, tap times outputs and output. An output contributes by one tap at most. */
struct net_contributions {
    int count[16];
    int32_t *row;
    float *dy;
};

/* Of a pixel of dx, read by the taps of r and c; dy: of a batch block; memory: 32 outputs
   numbers */
NET_INLINE void net_find_contributions(struct net_contributions *to, void *memory, const float *dy,
                                       const struct net_argmax_lists *p, struct net_argmax_dx s,
                                       struct net_window r, struct net_window c)
{
    to->row = memory;
    to->dy = (float *)memory + 16 * p->outputs;
    for (int i = 0; i < NET_IMAGES; i++) {
        const int32_t *begin = p->begin + i * (p->pixels + 2), *order = p->order + i * p->outputs;
        int32_t *row = to->row + i * p->outputs;
        float *d = to->dy + i * p->outputs;
        int count = 0;

        for (int k = 0; k < r.count; k++)
            for (int l = 0; l < c.count; l++) {
                const int pixel = (r.at + k * net_taps_x_step(s.taps, 0)) * s.dy[1] + c.at +
                                  l * net_taps_x_step(s.taps, 1);
                const int tap = (r.first + k * net_taps_step(s.taps, 0)) * s.taps.kernel[1] +
                                c.first + l * net_taps_step(s.taps, 1);

                for (int at = begin[pixel]; at < begin[pixel + 1]; at++) {
                    const int o = order[at];

                    row[count] = tap * p->outputs + o;
                    d[count++] = dy[net_output_at(o) + 16 * i];
                }
            }
        to->count[i] = count;
    }
}

/* sum = the sum of dy times its row of w, for one pixel of a batch block: `vectors` blocks of
   inputs, a TILE apart. w: a panel */
NET_INLINE void net_sum_contributions(float *sum, int vectors, const float *w,
                                      const struct net_contributions *from, int outputs)
{
    NET_REPEAT(i, NET_IMAGES) {
        const int32_t *row = from->row + i * outputs;
        const float *dy = from->dy + i * outputs;
        vec acc[3] = {vec_zero(), vec_zero(), vec_zero()};

        NET_REPEAT(k, from->count[i]) {
            const float *at = w + 16L * vectors * row[k];
            const vec d = vec_set(dy[k]);

            NET_VECTORS(j, vectors)
                acc[j] = vec_fma(d, vec_load(at + 16 * j), acc[j]);
        }
        NET_VECTORS(j, vectors)
            vec_store(sum + TILE * j + 16 * i, acc[j]);
    }
}

/* The `count` panels of `vectors` blocks of a part, from its block `first` on. */
NET_INLINE void net_sum_panels(float *sum, const float *w, const struct net_contributions *from,
                               struct net_argmax_dx s, struct net_argmax_part part, int first,
                               int count, int vectors)
{
    const long rows = (long)s.taps.kernel[0] * s.taps.kernel[1] * s.outputs;

    for (int panel = 0; panel < count; panel++) {
        const int block = first + panel * vectors;

        net_sum_contributions(sum + (long)TILE * (part.block + block), vectors,
                              w + part.w + block * 16 * rows, from, s.outputs);
    }
}

/* sum: one pixel of a batch block, all blocks of it */
NET_INLINE void net_sum_parts(float *sum, const float *w, const struct net_contributions *from,
                              struct net_argmax_dx s, const struct net_argmax_part *parts,
                              int count)
{
    NET_UNROLL(i, count) {
        const int *n = parts[i].panels, twos = 3 * n[0], ones = twos + 2 * n[1];

        if (n[0])
            net_sum_panels(sum, w, from, s, parts[i], 0, n[0], 3);
        if (n[1])
            net_sum_panels(sum, w, from, s, parts[i], twos, n[1], 2);
        if (n[2])
            net_sum_panels(sum, w, from, s, parts[i], ones, n[2], 1);
    }
}

/* dx = sum over taps of dy w'; items: (batch block, row). A thread has net_lists_floats, 32 an
   output and a TILE a block of dx in its scratch. */
NET_TEMPLATE void net_argmax_dx(const float *dy, const float *index, const float *w,
                                const struct net_argmax_part *parts, int count,
                                net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                                net_row_end *row_end, const void *sums, struct net_argmax_dx s,
                                NET_RUN)
{
    const int pixels = s.dy[0] * s.dy[1], dy_blocks = (s.outputs + 15) / 16;
    float *scratch = net_scratch(run, thread);
    float *memory = scratch + net_lists_floats(pixels, s.outputs), *sum = memory + 32L * s.outputs;

    NET_ITEMS(item, net_present(run, s.x.batch_blocks) * s.x.height, run, thread) {
        const int batch_block = item / s.x.height, row = item % s.x.height;
        const long at = batch_block * (long)TILE * dy_blocks;
        const struct net_argmax_lists lists = net_sort_outputs(
            scratch, dy + at, index + at, net_rows(run, batch_block), pixels, s.outputs);
        const struct net_window r = net_taps_at(s.taps, 0, row, s.dy[0]);

        for (int column = 0; column < s.x.width; column++) {
            const struct net_window c = net_taps_at(s.taps, 1, column, s.dy[1]);
            const int pixel = row * s.x.width + column;
            struct net_contributions contributions;

            net_find_contributions(&contributions, memory, dy + at, &lists, s, r, c);
            net_sum_parts(sum, w, &contributions, s, parts, count);
            for (int block = 0; block < s.x.blocks; block++)
                net_block_end(sum + TILE * block, epilogue, draw, operands,
                              net_element_of(s.x, batch_block, pixel, block, 0), run);
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

#endif
