/*
 * argmax_grad.h -- generated code of convolutions under a global maximum, beside kernel.h: dy is 0
 * but at one place a channel and image, so a number and a place stand for it.
 *
 * One idea: vectors go along the channels of the input, which lie together in x, in dx and in
 * turned weights; a gradient of 0, as a relu leaves it, costs nothing.
 */

#ifndef NET_KERNEL_AT_H
#define NET_KERNEL_AT_H

#include "kernels/kernel.h"

/* ---- dw: one window of x an image ------------------------------------------------------------ */

/* The images of a chunk in which an output has a gradient, and where its window begins: the pixel,
   and the image in it, in floats of x. */
struct net_windows {
    int count;
    int row[16], column[16];
    long at[16];
    float dy[16];
};

/* dy, index: of one output, whose places are `width` a row; pixel, x_width: floats of x from pixel
   to pixel, pixels a row. */
NET_INLINE void net_find_windows(struct net_windows *w, const float *dy, const float *index,
                                 int images, int width, int stride_row, int stride_column,
                                 int padding_row, int padding_column, long pixel, int x_width)
{
    w->count = 0;
    for (int i = 0; i < images; i++) {
        const int place = (int)index[16 * i], k = w->count;

        w->row[k] = place / width * stride_row - padding_row;
        w->column[k] = place % width * stride_column - padding_column;
        w->at[k] = (w->row[k] * x_width + w->column[k]) * pixel + 16 * i;
        w->dy[k] = dy[16 * i];
        w->count += dy[16 * i] != 0.0f;
    }
}

/* Has a tap `down` and `right` of where window k begins a pixel of the image? */
NET_INLINE bool net_is_inside(const struct net_windows *w, long k, int down, int right, int height,
                              int width)
{
    return (unsigned)(w->row[k] + down) < (unsigned)height &&
           (unsigned)(w->column[k] + right) < (unsigned)width;
}

/* acc += dy times the pixel of x under one tap: `vectors` blocks of its channels. `edges`: windows
   may lie across the edge. */
NET_INLINE void net_add_windows(float *acc, int vectors, const float *x, long pixel,
                                const struct net_windows *w, int down, int right, int height,
                                int width, bool edges)
{
    const long tap = (down * width + right) * pixel;
    vec sum[3];

    NET_VECTORS(j, vectors)
        sum[j] = vec_load(acc + 16 * j);
    NET_REPEAT(k, w->count) {
        if (edges && !net_is_inside(w, k, down, right, height, width))
            continue;
        const float *at = x + (w->at[k] + tap);
        const vec dy = vec_set(w->dy[k]);

        NET_VECTORS(j, vectors)
            sum[j] = vec_fma(dy, vec_load(at + 256 * j), sum[j]);
    }
    NET_VECTORS(j, vectors)
        vec_store(acc + 16 * j, sum[j]);
}

/* ---- dx: the outputs that stand where a tap meets a pixel ------------------------------------ */

/* Outputs by place: those of image i that stand at p are order[i][begin[i][p] .. begin[i][p + 1]],
   ascending, and only those with a gradient. */
struct net_places {
    int32_t *begin, *order;
    int places, outputs;
};

/* dy, index: a chunk's, [block][image][16]; memory: 16 (places + 2 + outputs) numbers */
NET_INLINE struct net_places net_sort_places(void *memory, const float *dy, const float *index,
                                             int images, int places, int outputs)
{
    const struct net_places p = {memory, (int32_t *)memory + 16 * (places + 2), places, outputs};

    memset(p.begin, 0, (size_t)(16 * (places + 2)) * sizeof *p.begin);
    for (int i = 0; i < images; i++) {
        int32_t *begin = p.begin + i * (places + 2), *order = p.order + i * outputs;

        for (int o = 0; o < outputs; o++) {
            const int at = o / 16 * 256 + 16 * i + o % 16;

            begin[(int)index[at] + 2] += dy[at] != 0.0f;
        }
        for (int k = 2; k < places + 2; k++)
            begin[k] += begin[k - 1];
        for (int o = 0; o < outputs; o++) {
            const int at = o / 16 * 256 + 16 * i + o % 16;

            if (dy[at] != 0.0f)
                order[begin[(int)index[at] + 1]++] = o;
        }
    }
    return p;
}

/* How the taps of a kernel meet one pixel of dx (net_taps_backward): from one to the next, a step
   in taps up, and one in places back. */
struct net_meeting {
    struct net_window row, column;
    int up[2], back[2];
    int kernel, width; /* taps and places a row */
};

/* What meets a pixel of image i: count[i] gradients, dy[i][k], each with the number of its turned
   weights, tap times outputs and output. There is one tap at most for an output. */
struct net_met {
    int count[16];
    int32_t *weight;
    float *dy;
};

/* dy: a chunk's; memory: 32 outputs numbers */
NET_INLINE void net_meet_places(struct net_met *met, void *memory, const float *dy,
                                const struct net_places *p, const struct net_meeting *m)
{
    met->weight = memory;
    met->dy = (float *)memory + 16 * p->outputs;
    for (int i = 0; i < 16; i++) {
        const int32_t *begin = p->begin + i * (p->places + 2), *order = p->order + i * p->outputs;
        int32_t *weight = met->weight + i * p->outputs;
        float *d = met->dy + i * p->outputs;
        int count = 0;

        for (int r = 0; r < m->row.count; r++)
            for (int c = 0; c < m->column.count; c++) {
                const int place = (m->row.at - r * m->back[0]) * m->width + m->column.at -
                                  c * m->back[1];
                const int tap = (m->row.first + r * m->up[0]) * m->kernel + m->column.first +
                                c * m->up[1];

                for (int k = begin[place]; k < begin[place + 1]; k++) {
                    const int o = order[k];

                    weight[count] = tap * p->outputs + o;
                    d[count++] = dy[o / 16 * 256 + 16 * i + o % 16];
                }
            }
        met->count[i] = count;
    }
}

/* sum = the sum of dy times its row of turned weights, for one pixel of sixteen images: `vectors`
   blocks of inputs, 256 floats apart. w: [tap][output][block][16]. */
NET_INLINE void net_gather_places(float *sum, int vectors, const float *w,
                                  const struct net_met *met, int outputs)
{
    NET_REPEAT(i, 16) {
        const int32_t *weight = met->weight + i * outputs;
        const float *dy = met->dy + i * outputs;
        vec acc[3] = {vec_zero(), vec_zero(), vec_zero()};

        NET_REPEAT(k, met->count[i]) {
            const float *at = w + 16L * vectors * weight[k];
            const vec d = vec_set(dy[k]);

            NET_VECTORS(j, vectors)
                acc[j] = vec_fma(d, vec_load(at + 16 * j), acc[j]);
        }
        NET_VECTORS(j, vectors)
            vec_store(sum + 256 * j + 16 * i, acc[j]);
    }
}

#endif
