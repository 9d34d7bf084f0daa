/*
 * conv.h -- convolutions and their dx as kernels of gemm.h.
 *
 * The one idea: the taps of an output pixel that fall inside the image are a rectangle of pixels of
 * x and of rows of w, a step apart each; a dx walks transposed weights, and its taps count down. Of
 * a volume there is such a rectangle in each slice under the kernel, where an image has one in each
 * segment.
 *
 * Needs: gemm.h, window.h, net_group_channels of groups.h. Gives: net_conv2d, net_conv2d_packed,
 * net_conv3d.
 */

#ifndef NET_CONV_H
#define NET_CONV_H

#include "kernels/gemm.h"
#include "kernels/groups.h"
#include "kernels/window.h"

/* What a panel's outputs see of a segment of x: all, or the channels of their groups. */
NET_INLINE struct net_channel_range net_conv_channels(const struct net_contraction *s, int width,
                                                      int channel, int start, int channels)
{
    if (s->groups < 2)
        return (struct net_channel_range){0, channels};
    return net_group_channels(channel, 16 * width, s->outputs / s->groups, s->inputs / s->groups,
                              s->outputs, start, channels);
}

NET_INLINE long net_conv_taps(struct taps *taps, const struct net_contraction *s, int width,
                              int channel, int row, int column)
{
    const struct net_window r = net_taps_at(s->taps, 0, row, s->x.height);
    const struct net_window c = net_taps_at(s->taps, 1, column, s->x.width);
    const long pixel = (long)NET_IMAGES * s->x_lanes * s->x.blocks, line = pixel * s->x.width;
    const long w_tap = 16L * width * s->inputs;
    const int across = s->taps.kernel[1];

    for (int i = 0; i < s->segment_count; i++) {
        const struct net_segment x = s->segments[i];
        const int start = x.start / x.pixels;
        const struct net_channel_range range = net_conv_channels(s, width, channel, start,
                                                                 x.channels);

        taps[i] = (struct taps){.x = (long)NET_IMAGES * (s->x_lanes * x.block + range.first) +
                                     r.at * line + c.at * pixel,
                                .w = 16L * width * (start + range.first) +
                                     (r.first * across + c.first) * w_tap,
                                .rows = r.count,
                                .columns = c.count,
                                .x_row = line * net_taps_x_step(s->taps, 0),
                                .x_column = pixel * net_taps_x_step(s->taps, 1),
                                .w_row = w_tap * across * net_taps_step(s->taps, 0),
                                .w_column = w_tap * net_taps_step(s->taps, 1),
                                .channels = range.count};
    }
    return 0;
}

/* Of a packed image tiles know their taps; they begin at the window. */
NET_INLINE long net_packed_taps(struct taps *taps, const struct net_contraction *s, int width,
                                int channel, int row, int column)
{
    (void)taps, (void)width, (void)channel;
    return (long)NET_IMAGES * s->x_lanes * s->x.blocks *
           (row * s->taps.stride[0] * s->x.width + column * s->taps.stride[1]);
}

/* Pixels of x along an axis that the taps of all y reach, those outside too. */
NET_INLINE int net_taps_reach(struct net_taps t, int axis, int y)
{
    return (y - 1) * t.stride[axis] + (t.kernel[axis] - 1) * t.dilation[axis] + 1;
}

/* x of one image in the thread's scratch, with the border of zeros that taps reach, where they do:
   then tiles of pixels side by side have no edges. */
NET_INLINE const float *net_add_border(const float *x, struct net_contraction *s,
                                       const struct net_run *run, int thread)
{
    const struct net_extent of = s->x;
    const int height = net_taps_reach(s->taps, 0, s->y.height);
    const int width = net_taps_reach(s->taps, 1, s->y.width), *padding = s->taps.padding;
    const int left = padding[1] < width ? padding[1] : width;
    const int inside = of.width < width - left ? of.width : width - left;
    const size_t pixel = (size_t)of.blocks * TILE;
    float *to = net_scratch(run, thread);

    if (!padding[0] && !padding[1] && height <= of.height && width <= of.width)
        return x;
    for (int i = 0; i < height; i++) {
        const int row = i - padding[0];
        float *line = to + i * width * pixel;

        if (row < 0 || row >= of.height) {
            memset(line, 0, width * pixel * sizeof *to);
            continue;
        }
        memset(line, 0, left * pixel * sizeof *to);
        memcpy(line + left * pixel, x + row * of.width * pixel, inside * pixel * sizeof *to);
        memset(line + (left + inside) * pixel, 0, (width - left - inside) * pixel * sizeof *to);
    }
    s->x.height = height, s->x.width = width;
    s->taps.padding[0] = s->taps.padding[1] = 0;
    return to;
}

/* The rows of a tile as one row of y. */
NET_INLINE void net_join_lines(struct net_contraction *s)
{
    s->y.height /= s->lines;
    s->y.width *= s->lines;
    s->taps.stride[0] *= s->lines;
}

/* y = sum over taps of x w + b; with taps that count backward and transposed weights dx. */
NET_TEMPLATE void net_conv2d(net_gemm_tile *three, net_gemm_tile *two, net_gemm_tile *one,
                             const float *x, const float *w, const float *b, const void *operands,
                             net_row_end *row_end, const void *sums, struct net_contraction s,
                             NET_RUN)
{
    if (NET_IMAGES == 1)
        x = net_add_border(x, &s, run, thread);
    if (s.lines)
        net_join_lines(&s);
    net_contract(three, two, one, net_conv_taps, s.taps.kernel[0] * s.taps.kernel[1],
                 &(struct net_product){x, w, b, operands}, row_end, sums, &s, run, thread);
}

/* The same with tiles of a packed image (net_packed_tile). */
NET_TEMPLATE void net_conv2d_packed(net_gemm_tile *three, net_gemm_tile *two, net_gemm_tile *one,
                                    const float *x, const float *w, const float *b,
                                    const void *operands, net_row_end *row_end, const void *sums,
                                    struct net_contraction s, NET_RUN)
{
    net_contract(three, two, one, net_packed_taps, s.taps.kernel[0] * s.taps.kernel[1],
                 &(struct net_product){x, w, b, operands}, row_end, sums, &s, run, thread);
}

/* A rectangle for each slice of the kernel, empty where that is outside: the taps of output slice
   row / height. x is one segment. */
NET_INLINE long net_conv3d_taps(struct taps *taps, const struct net_contraction *s, int width,
                                int channel, int row, int column)
{
    const int height = s->y.height / s->slices[0], x_height = s->x.height / s->slices[1];
    const struct net_window d = net_taps_at(s->taps, 2, row / height, s->slices[1]);
    const struct net_window r = net_taps_at(s->taps, 0, row % height, x_height);
    const struct net_window c = net_taps_at(s->taps, 1, column, s->x.width);
    const long pixel = (long)NET_IMAGES * s->x_lanes * s->x.blocks, line = pixel * s->x.width;
    const long w_tap = 16L * width * s->inputs;
    const int rows = s->taps.kernel[0], across = s->taps.kernel[1];
    const struct net_channel_range range = net_conv_channels(s, width, channel, 0, s->inputs);

    for (int i = 0; i < s->taps.kernel[2]; i++) {
        const int slice = d.at + i * net_taps_x_step(s->taps, 2);
        const int depth = d.first + i * net_taps_step(s->taps, 2);

        taps[i] = (struct taps){.x = ((long)slice * x_height + r.at) * line + c.at * pixel +
                                     range.first * NET_IMAGES,
                                .w = 16L * width * range.first +
                                     ((long)(depth * rows + r.first) * across + c.first) * w_tap,
                                .rows = i < d.count ? r.count : 0,
                                .columns = c.count,
                                .x_row = line * net_taps_x_step(s->taps, 0),
                                .x_column = pixel * net_taps_x_step(s->taps, 1),
                                .w_row = w_tap * across * net_taps_step(s->taps, 0),
                                .w_column = w_tap * net_taps_step(s->taps, 1),
                                .channels = range.count};
    }
    return 0;
}

/* The same of volumes. */
NET_TEMPLATE void net_conv3d(net_gemm_tile *three, net_gemm_tile *two, net_gemm_tile *one,
                             const float *x, const float *w, const float *b, const void *operands,
                             net_row_end *row_end, const void *sums, struct net_contraction s,
                             NET_RUN)
{
    s.segment_count = s.taps.kernel[2];
    net_contract(three, two, one, net_conv3d_taps,
                 s.taps.kernel[0] * s.taps.kernel[1] * s.taps.kernel[2],
                 &(struct net_product){x, w, b, operands}, row_end, sums, &s, run, thread);
}

#endif
