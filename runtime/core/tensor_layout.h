/*
 * tensor_layout.h -- where a logical element of a tensor lies: for the runtime, and for libraries
 * of a model, which are given no name of the runtime's.
 *
 * netrt.h, at struct net_tensor, tells the layout; these functions are the only ones that know it.
 */

#ifndef NET_TENSOR_LAYOUT_H
#define NET_TENSOR_LAYOUT_H

#include "netrt.h"

static inline long net_tensor_elements(const struct net_tensor *tensor)
{
    long size = 1;

    for (int axis = 0; axis < tensor->rank; axis++)
        size *= tensor->shape[axis];
    return size;
}

/* The segment that holds flat logical index `index`; the last one starts at or before it. */
static inline const struct net_segment *net_find_segment(const struct net_tensor *tensor,
                                                         long index)
{
    int s = tensor->segment_count - 1;

    while (s > 0 && tensor->segments[s].start > index)
        s--;
    return &tensor->segments[s];
}

/* A weight's blocks of 16 outputs stand in panels of 3, then 2, then 1. */
static inline long net_panel_of_block(const struct net_tensor *tensor, int block, int *width)
{
    int first = 0, w = 3; /* first: the first block of the panels of this width */

    while (w > 1 && block >= first + tensor->panels[3 - w] * w) {
        first += tensor->panels[3 - w] * w;
        w--;
    }
    *width = w;
    return first + (block - first) / w * w; /* the panel's first block */
}

static inline long net_tensor_place(const struct net_tensor *tensor, long index)
{
    if (tensor->kind == NET_TABLE) {
        const long width = tensor->shape[1];

        return index / width * ((width + 15) / 16 * 16) + index % width;
    }
    if (tensor->kind == NET_VECTOR) {
        const struct net_segment *s = net_find_segment(tensor, index);
        const long at = index - s->start, c = at / s->pixels, p = at % s->pixels;

        return 16 * (s->block + p * s->stride + c / 16) + c % 16;
    }

    const long inputs = net_tensor_elements(tensor) / tensor->shape[0];
    const long output = index / inputs, input = index % inputs;
    const struct net_segment *s = net_find_segment(tensor, input);
    const long at = input - s->start;
    const long row = s->start + at % s->pixels * s->channels + at / s->pixels;
    const int block = (int)(output / 16);
    int width;
    const long panel = net_panel_of_block(tensor, block, &width);

    return 16 * (panel * inputs + row * width + (block - panel)) + output % 16;
}

#endif
