/*
 * groups.h -- convolutions whose outputs see a group of the channels.
 *
 * The weights of groups lie in a full matrix with zeros between groups, of which only the blocks
 * that a group touches are visited.
 */

#ifndef NET_GROUPS_H
#define NET_GROUPS_H

#include "kernels/gemm.h"
#include "kernels/run.h"

/* The channels of a run, in whole blocks from its begin, that groups see. */
struct net_channel_range {
    int first, count; /* count: 0 where they see none */
};

/* What outputs `output` to output + outputs - 1 see of channels start to start + channels - 1:
   groups have `to` outputs of `from` channels; there are `all` outputs. */
NET_INLINE struct net_channel_range net_group_channels(int output, int outputs, int to, int from,
                                                       int all, int start, int channels)
{
    const int last = output + outputs < all ? output + outputs - 1 : all - 1;
    const int low = output / to * from - start, high = (last / to + 1) * from - start;
    const int first = low < 0 ? 0 : low / 16 * 16, end = high < channels ? high : channels;

    return (struct net_channel_range){first, end > first ? end - first : 0};
}

/* +0 where an input and an output are of different groups: dw[input][output]. */
NET_INLINE void net_group_mask(float *dw, int inputs, int outputs, int input, int output, int from,
                               int to)
{
    for (int i = 0; i < inputs; i++)
        for (int o = 0; o < outputs; o++)
            if ((input + i) / from != (output + o) / to)
                dw[i * outputs + o] = 0.0f;
}

/* One block of outputs, from `output` on, of a weight by groups, in rows [tap][from] of step
   floats: into the full one, rows [tap][channels], with +0 between. */
NET_INLINE void net_group_expand(float *full, const float *w, long step, int taps, int channels,
                                 int from, int to, int output)
{
    for (int tap = 0; tap < taps; tap++)
        for (int c = 0; c < channels; c++)
            for (int o = 0; o < 16; o++) {
                const int row = c - (output + o) / to * from;
                const bool inside = row >= 0 && row < from;

                full[(tap * channels + c) * step + o] = inside ? w[(tap * from + row) * step + o]
                                                               : 0.0f;
            }
}

/* The opposite: the part of a full gradient that belongs to the groups. */
NET_INLINE void net_group_collect(float *dw, const float *full, long step, int taps, int channels,
                                  int from, int to, int output, int outputs)
{
    for (int tap = 0; tap < taps; tap++)
        for (int row = 0; row < from; row++)
            for (int o = 0; o < 16; o++)
                dw[(tap * from + row) * step + o] =
                    output + o < outputs
                        ? full[(tap * channels + (output + o) / to * from + row) * step + o]
                        : 0.0f;
}

/* A weight by groups, [outputs][from][taps], and the full one, whose panels have as many blocks. */
struct net_groups {
    int panels[3];
    int outputs, channels, taps;
    int from, to; /* inputs and outputs of a group */
};

/* full = w, by channels of all groups; items: blocks of outputs */
NET_TEMPLATE void net_expand_groups(float *full, const float *w, struct net_groups s, NET_RUN)
{
    NET_ITEMS(block, (s.outputs + 15) / 16, run, thread) {
        const struct net_panel at = net_panel_of(block, s.panels[0], s.panels[1]);
        const long lane = 16 * (block - at.first), panel = 16L * at.first * s.taps;

        net_group_expand(full + panel * s.channels + lane, w + panel * s.from + lane,
                         16L * at.width, s.taps, s.channels, s.from, s.to, 16 * block);
    }
}

/* dw = what groups see of the full gradient; items: blocks of outputs */
NET_TEMPLATE void net_collect_groups(float *dw, const float *full, struct net_groups s, NET_RUN)
{
    NET_ITEMS(block, (s.outputs + 15) / 16, run, thread) {
        const struct net_panel at = net_panel_of(block, s.panels[0], s.panels[1]);
        const long lane = 16 * (block - at.first), panel = 16L * at.first * s.taps;

        net_group_collect(dw + panel * s.from + lane, full + panel * s.channels + lane,
                          16L * at.width, s.taps, s.channels, s.from, s.to, 16 * block, s.outputs);
    }
}

#endif
