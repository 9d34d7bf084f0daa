/*
 * movement.h -- numbers that only change their place: whole blocks of channels for concat and
 * slices, some pixels and channels with zeros around them, any layout to any other where blocks do
 * not meet.
 *
 * The one idea: a value lies as [batch block][pixel][block of 16 channels][16 images][16 channels],
 * so that channels which begin and end with a block are copied a TILE at a time.
 *
 * Needs: layout.h. Gives: net_copy_blocks, net_pad, net_relayout.
 */

#ifndef NET_MOVEMENT_H
#define NET_MOVEMENT_H

#include "kernels/layout.h"

/* ---- Whole blocks ---------------------------------------------------------------------------- */

/* Blocks of each pixel of x that become blocks of y. */
struct net_blocks {
    const float *x;
    int blocks, first; /* in a pixel of x, and the first to copy */
    int to, count;     /* where in a pixel of y, and how many */
};

struct net_copy_blocks {
    int batch_blocks, blocks; /* of y: of 16 images, of 16 channels in a pixel */
    int size[2];              /* height, width */
};

/* y = blocks of each part, side by side. Items: (batch block, row). */
NET_TEMPLATE void net_copy_blocks(float *y, const struct net_blocks *parts, int part_count,
                                  struct net_copy_blocks s, NET_RUN)
{
    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.size[0], run, thread)
        for (int column = 0; column < s.size[1]; column++) {
            const long pixel = (long)item * s.size[1] + column;

            NET_UNROLL(p, part_count)
                memcpy(y + (pixel * s.blocks + parts[p].to) * TILE,
                       parts[p].x + (pixel * parts[p].blocks + parts[p].first) * TILE,
                       (size_t)parts[p].count * TILE * sizeof *y);
        }
}

/* ---- Zeros around --------------------------------------------------------------------------- */

/* A value that becomes part of y. */
struct net_padded {
    const float *x;
    int channels, size[2]; /* height, width */
    int place[3];          /* channel, row, column of y where it begins; below 0: cut off */
};

struct net_pad {
    int batch_blocks, channels, size[2]; /* of y */
};

/* y = channels of x from `place` on, of 16 images of a pixel. */
NET_INLINE void net_place_channels(float *y, int channels, const float *x, int x_channels,
                                   int place)
{
    const int first = place > 0 ? place : 0;
    const int end = place + x_channels < channels ? place + x_channels : channels;

    for (int c = first; c < end && place % 16 == 0; c += 16) {
        float *to = y + c / 16 * TILE;
        const float *from = x + (c - place) / 16 * TILE;
        const int lanes = end - c < 16 ? end - c : 16;

        for (int i = 0; i < NET_IMAGES; i++)
            memcpy(to + 16 * i, from + 16 * i, (size_t)lanes * sizeof *to);
    }
    for (int c = first; c < end && place % 16 != 0; c++) {
        float *to = y + c / 16 * TILE + c % 16;
        const float *from = x + (c - place) / 16 * TILE + (c - place) % 16;

        for (int i = 0; i < NET_IMAGES; i++)
            to[16 * i] = from[16 * i];
    }
}

/* y = parts of one segment each, which no two share a pixel, +0 elsewhere.
   Items: (batch block, row). */
NET_TEMPLATE void net_pad(float *y, const struct net_padded *parts, int part_count,
                          struct net_pad s, NET_RUN)
{
    const int blocks = (s.channels + 15) / 16;

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.size[0], run, thread)
        for (int column = 0; column < s.size[1]; column++) {
            float *to = y + ((long)item * s.size[1] + column) * blocks * TILE;
            bool whole = false;

            NET_UNROLL(p, part_count) {
                const struct net_padded part = parts[p];
                const int x_blocks = (part.channels + 15) / 16;
                const int at_row = item % s.size[0] - part.place[1];
                const int at_column = column - part.place[2];

                if (at_row < 0 || at_row >= part.size[0] || at_column < 0 ||
                    at_column >= part.size[1])
                    continue;
                const long row = (long)(item / s.size[0]) * part.size[0] + at_row;
                const float *from = part.x + (row * part.size[1] + at_column) * x_blocks * TILE;

                whole = true;
                if (part.place[0] == 0 && part.channels == s.channels) {
                    memcpy(to, from, (size_t)blocks * TILE * sizeof *to);
                } else {
                    memset(to, 0, (size_t)blocks * TILE * sizeof *to);
                    net_place_channels(to, s.channels, from, part.channels, part.place[0]);
                }
            }
            if (!whole)
                memset(to, 0, (size_t)blocks * TILE * sizeof *to);
        }
}

/* ---- Any layout ------------------------------------------------------------------------------ */

struct net_relayout {
    int batch_blocks;
    int start, size; /* of x: the first flat logical element of y, and how many */
    struct net_layout y, x;
};

/* y = elements of x in another layout; padding lanes of y become +0. Items: batch blocks. */
NET_TEMPLATE void net_relayout(float *y, const float *x, struct net_relayout s, NET_RUN)
{
    NET_ITEMS(b, net_present(run, s.batch_blocks), run, thread) {
        float *to = y + b * s.y.batch_block;
        const float *from = x + b * s.x.batch_block;

        memset(to, 0, (size_t)s.y.batch_block * sizeof *to);
        for (int k = 0; k < s.size; k++) {
            const long at = net_element_at(s.y.segments, s.y.segment_count, k);
            const long of = net_element_at(s.x.segments, s.x.segment_count, s.start + k);

            for (int i = 0; i < NET_IMAGES; i++)
                to[at + 16 * i] = from[of + 16 * i];
        }
    }
}

#endif
