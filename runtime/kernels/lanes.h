/*
 * lanes.h -- channels that change their lanes and nothing else: a shuffle, a part that begins
 * within a block, a copy between values whose segments differ.
 *
 * The one idea: which lanes of which blocks of x a block of y is made of is the same for all
 * pixels; it is listed once, and a vector of y is then a few vectors of x, permuted in registers.
 *
 * Needs: epilogue.h, layout.h, vec_look_up. Gives: net_move_channels.
 */

#ifndef NET_LANES_H
#define NET_LANES_H

#include "kernels/epilogue.h"
#include "kernels/layout.h"

enum { NET_CHANNEL_AXES = 4 };

struct net_channel_moves {
    struct net_extent y;
    int x_blocks;               /* of a pixel */
    int channels;               /* of y */
    int first;                  /* channel of x where they begin */
    int axes;                   /* of the channels */
    int size[NET_CHANNEL_AXES]; /* of y's; their product is `channels` */
    int step[NET_CHANNEL_AXES]; /* channels of x from one to the next */
    struct net_layout to, from; /* y and x */
};

/* What of one block of x goes into one of y: lane i comes from lane lanes[i], 16: from none. */
struct net_lane_source {
    int32_t block;
    uint8_t lanes[16];
};

/* Lists of sources for each block of y, in a thread's scratch: net_lanes_scratch floats. */
struct net_lane_list {
    int32_t *count;
    struct net_lane_source *sources; /* `most` of each block */
    int most;
};

NET_INLINE int net_moved_from(const struct net_channel_moves *s, int channel)
{
    int from = s->first;

    NET_UNROLL(a, s->axes) {
        const int axis = s->axes - 1 - a;

        from += channel % s->size[axis] * s->step[axis];
        channel /= s->size[axis];
    }
    return from;
}

/* The lane `to` of y's block comes from a lane of x's `block`. */
NET_INLINE void net_add_lane(struct net_lane_source *sources, int32_t *count, int to, int block,
                             int lane)
{
    int k = 0;

    while (k < *count && sources[k].block != block)
        k++;
    if (k == *count) {
        sources[k].block = block;
        memset(sources[k].lanes, 16, sizeof sources[k].lanes);
        ++*count;
    }
    sources[k].lanes[to] = (uint8_t)lane;
}

NET_INLINE struct net_lane_list net_list_lanes(float *scratch, const struct net_channel_moves *s)
{
    const int most = net_lane_sources(s->x_blocks), pixels = s->y.height * s->y.width;
    const struct net_lane_list list = {(int32_t *)scratch,
                                       (struct net_lane_source *)(scratch + s->y.blocks), most};

    memset(list.count, 0, (size_t)s->y.blocks * sizeof *list.count);
    for (int c = 0; c < s->channels; c++) {
        const long to = net_element_at(s->to.segments, s->to.segment_count, c * pixels);
        const long from = net_element_at(s->from.segments, s->from.segment_count,
                                         net_moved_from(s, c) * pixels);
        const long block = to / TILE;

        net_add_lane(list.sources + block * most, list.count + block, (int)(to % 16),
                     (int)(from / TILE), (int)(from % 16));
    }
    return list;
}

/* to (+)= the images of a block of y, from up to four of x's blocks. */
NET_INLINE void net_permute_some(float *to, const float *x, const struct net_lane_source *from,
                                 int count, bool more)
{
    net_u32 at[4], there[4];

    NET_UNROLL(k, count) {
        net_u8 lanes;

        memcpy(&lanes, from[k].lanes, sizeof lanes);
        at[k] = __builtin_convertvector(lanes, net_u32);
        there[k] = (net_u32)(at[k] < 16u);
    }
    NET_REPEAT(i, NET_IMAGES) {
        net_u32 y = {0};

        if (more)
            y = vec_bits(vec_load(to + 16 * i));
        NET_UNROLL(k, count)
            y |= vec_bits(vec_look_up(x + from[k].block * (long)TILE + 16 * i, at[k])) & there[k];
        vec_store(to + 16 * i, vec_from_bits(y));
    }
}

NET_INLINE void net_permute_block(float *to, const float *x, const struct net_lane_source *from,
                                  int count)
{
    int done = count < 4 ? count : 4;

    switch (done) {
    case 1:
        net_permute_some(to, x, from, 1, false);
        break;
    case 2:
        net_permute_some(to, x, from, 2, false);
        break;
    case 3:
        net_permute_some(to, x, from, 3, false);
        break;
    case 4:
        net_permute_some(to, x, from, 4, false);
        break;
    default:
        memset(to, 0, TILE * sizeof *to);
    }
    for (; done < count; done++)
        net_permute_some(to, x, from + done, 1, true);
}

/* y = channels of x at other places, +0 in lanes that are no channels. y: NULL where the epilogue
   stores. Items: (batch block, row). */
NET_TEMPLATE void net_move_channels(float *y, const float *x, net_epilogue *epilogue,
                                    net_draw_block *draw, const void *operands,
                                    net_row_end *row_end, const void *sums,
                                    struct net_channel_moves s, NET_RUN)
{
    const struct net_lane_list list = net_list_lanes(net_scratch(run, thread), &s);
    _Alignas(64) float results[TILE];

    NET_ITEMS(item, net_present(run, s.y.batch_blocks) * s.y.height, run, thread) {
        const int batch_block = item / s.y.height, row = item % s.y.height;

        for (int column = 0; column < s.y.width; column++) {
            const float *from = x + ((long)item * s.y.width + column) * s.x_blocks * TILE;
            const int pixel = row * s.y.width + column;

            for (int block = 0; block < s.y.blocks; block++) {
                float *to = y ? y + net_block_at(s.y, batch_block, pixel, block) : results;

                net_permute_block(to, from, list.sources + block * list.most, list.count[block]);
                if (!y)
                    net_block_end(results, epilogue, draw, operands,
                                  net_element_of(s.y, batch_block, pixel, block, 0), run);
            }
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

#endif
