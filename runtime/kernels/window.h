/*
 * window.h -- which taps of a window fall inside the image: of pools and convolutions, forward and
 * backward, along one axis.
 */

#ifndef NET_WINDOW_H
#define NET_WINDOW_H

#include "kernels/run.h"

/* Taps of a window that fall inside the image: the first, how many, and the position under the
   first. */
struct net_window {
    int first, count, at;
};

/* Output position i of a convolution or pool: taps k with 0 <= i stride - padding + k < size. */
NET_INLINE struct net_window net_taps_forward(int i, int stride, int padding, int kernel, int size)
{
    const int begin = i * stride - padding;
    const int first = begin < 0 ? -begin : 0;
    const int end = begin + kernel > size ? size - begin : kernel;

    return (struct net_window){first, end > first ? end - first : 0, begin + first};
}

/* Input position i: taps k, every stride-th, whose window starts at an output position 0 to size-1;
   `at` is that of the first tap, the next ones count down. */
NET_INLINE struct net_window net_taps_backward(int i, int stride, int padding, int kernel, int size)
{
    const int last = i + padding < kernel - 1 ? i + padding : kernel - 1;
    int first = i + padding - (size - 1) * stride;

    if (first < 0)
        first = 0;
    first += (i + padding - first) % stride;
    return (struct net_window){first, last < first ? 0 : (last - first) / stride + 1,
                               (i + padding - first) / stride};
}

/* The same with `dilation` pixels from tap to tap. */
NET_INLINE struct net_window net_taps_forward_apart(int i, int stride, int padding, int kernel,
                                                    int size, int dilation)
{
    const int begin = i * stride - padding;
    const int first = begin < 0 ? (-begin + dilation - 1) / dilation : 0;
    const int last = begin < size ? (size - 1 - begin) / dilation : -1;
    const int end = last < kernel ? last + 1 : kernel;

    return (struct net_window){first, end > first ? end - first : 0, begin + first * dilation};
}

/* Taps that meet a window are `step` apart, the least with step dilation a multiple of the stride;
   the window's position counts down by step dilation / stride. */
NET_INLINE struct net_window net_taps_backward_apart(int i, int stride, int padding, int kernel,
                                                     int size, int dilation, int step)
{
    const int reach = i + padding, beyond = reach - (size - 1) * stride;
    int first = beyond > 0 ? (beyond + dilation - 1) / dilation : 0;
    int last = reach / dilation < kernel - 1 ? reach / dilation : kernel - 1;

    for (int tries = 1; tries < step && (reach - first * dilation) % stride != 0; tries++)
        first++;
    if ((reach - first * dilation) % stride != 0)
        last = -1;
    return (struct net_window){first, last < first ? 0 : (last - first) / step + 1,
                               (reach - first * dilation) / stride};
}

/* Output positions at which tap k falls inside the image. */
struct net_range {
    int begin, end;
};

NET_INLINE struct net_range net_valid(int k, int stride, int padding, int size, int outputs)
{
    const int low = padding - k, high = size - 1 + padding - k;
    const int begin = low > 0 ? (low + stride - 1) / stride : 0;
    const int end = high < 0 ? 0 : high / stride + 1;

    return (struct net_range){begin, end < outputs ? end : outputs};
}

/* ---- The axes of a convolution --------------------------------------------------------------- */

/* Axis 0: height, 1: width, of a volume 2: depth. */
struct net_taps {
    int kernel[3], stride[3], padding[3], dilation[3];
    int step[3]; /* of a dx: from tap to tap of one pixel (tap_step); else 0 */
};

NET_INLINE bool net_taps_are_backward(struct net_taps t)
{
    return t.step[0] > 0;
}

/* The taps of position i along an axis; size: that of x, or of dy in a dx. */
NET_INLINE struct net_window net_taps_at(struct net_taps t, int axis, int i, int size)
{
    const int stride = t.stride[axis], padding = t.padding[axis], kernel = t.kernel[axis];
    const int dilation = t.dilation[axis];

    if (net_taps_are_backward(t))
        return dilation == 1 ? net_taps_backward(i, stride, padding, kernel, size)
                             : net_taps_backward_apart(i, stride, padding, kernel, size, dilation,
                                                       t.step[axis]);
    return dilation == 1 ? net_taps_forward(i, stride, padding, kernel, size)
                         : net_taps_forward_apart(i, stride, padding, kernel, size, dilation);
}

/* From one contributing tap to the next, in taps, */
NET_INLINE int net_taps_step(struct net_taps t, int axis)
{
    return net_taps_are_backward(t) ? t.step[axis] : 1;
}

/* and in pixels of x; of dy, backward. */
NET_INLINE int net_taps_x_step(struct net_taps t, int axis)
{
    return net_taps_are_backward(t) ? -t.step[axis] * t.dilation[axis] / t.stride[axis]
                                    : t.dilation[axis];
}

#endif
