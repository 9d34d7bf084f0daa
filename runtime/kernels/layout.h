/*
 * layout.h -- where the elements of a value lie, as segments say.
 *
 * The one idea: a segment is a run of logical channels in blocks of 16 that stand side by side; a
 * value that is a concat, or an image flattened, has its elements in several of them.
 *
 * Needs: run.h, net_segment of netrt.h. Gives: net_layout, net_element_at, net_channels_in.
 */

#ifndef NET_LAYOUT_H
#define NET_LAYOUT_H

#include "kernels/run.h"

/* Of a value, or what it shares with all of its layout. */
struct net_layout {
    long batch_block; /* floats of 16 images */
    const struct net_segment *segments;
    int segment_count;
};

/* The offset of flat logical element `k` in a batch block, image 0. */
static inline long net_element_at(const struct net_segment *segments, int count, int k)
{
    int s = count - 1;

    while (s > 0 && k < segments[s].start)
        s--;
    const int left = k - segments[s].start;
    const int c = left / segments[s].pixels, pixel = left % segments[s].pixels;

    return ((long)segments[s].block + (long)pixel * segments[s].stride + c / 16) * 256 + c % 16;
}

/* Channels from lane 0 on in block `block`, counted through all pixels of a batch block; 16 or
   more: no lane is padding. */
static inline int net_channels_in(struct net_layout v, int block)
{
    for (int i = 0; i < v.segment_count; i++) {
        const struct net_segment s = v.segments[i];
        const int blocks = (s.channels + 15) / 16, stride = s.stride ? s.stride : blocks;
        const int left = block - s.block;

        if (left >= 0 && left % stride < blocks && left / stride < s.pixels)
            return s.channels - 16 * (left % stride);
    }
    return 0;
}

#endif
