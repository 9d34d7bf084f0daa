/*
 * layout.h -- where the elements of a value lie, as segments say.
 *
 * The one idea: a segment is a run of logical channels in blocks of 16 that stand side by side; a
 * value that is a concat, or an image flattened, has its elements in several of them.
 *
 * Needs: run.h, net_segment of netrt.h. Gives: net_layout, net_element_at, net_lanes_of,
 * net_lanes_together.
 */

#ifndef NET_LAYOUT_H
#define NET_LAYOUT_H

#include "kernels/run.h"

/* Of a value, or what it shares with all of its layout. */
struct net_layout {
    long batch_block; /* floats of its images */
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

    return ((long)segments[s].block + (long)pixel * segments[s].stride + c / 16) * TILE + c % 16;
}

/* The channels that a block of a value holds. */
struct net_lanes {
    int lanes;         /* in use; 16 or more: all */
    int element, step; /* flat logical index of lane 0, and from lane to lane */
};

/* Those of block `block`, counted through all pixels of a batch block; `count` is a literal. */
NET_INLINE struct net_lanes net_lanes_of(const struct net_segment *segments, int count, int block)
{
    struct net_lanes lanes = {0, 0, 0};

    NET_UNROLL(i, count) {
        const struct net_segment s = segments[i];
        const int blocks = (s.channels + 15) / 16, stride = s.stride ? s.stride : blocks;
        const int left = block - s.block, within = left % stride, pixel = left / stride;

        if (count == 1 || (left >= 0 && within < blocks && pixel < s.pixels))
            lanes = (struct net_lanes){s.channels - 16 * within,
                                       s.start + 16 * within * s.pixels + pixel, s.pixels};
    }
    return lanes;
}

/* Where `count` elements, one behind the other, are as one: a channel's pixels, or a whole row. */
NET_INLINE struct net_lanes net_lanes_together(struct net_lanes lanes, int count)
{
    return (struct net_lanes){lanes.lanes, lanes.element / count, lanes.step / count};
}

#endif
