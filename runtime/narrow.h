/*
 * narrow.h -- images in the lanes: for convolutions of too few channels to fill a vector.
 *
 * The one idea: a thread turns the pixels it needs, [16 images][16 channels] each, into
 * [channel][16 images] in its scratch, works on vectors of sixteen images there, and turns results
 * back.
 */

#ifndef NET_NARROW_H
#define NET_NARROW_H

#include "kernel.h"

/* to[pixel][channel][16 images] from a run of `pixels` pixels of one chunk. x: channel 0 of image 0
   in the first one, at the beginning of a block; x_pixel and to_pixel floats from pixel to pixel.
   The first `images` images are read, the others become +0; a literal 16 takes all as they are. */
NET_INLINE void net_turn_pixels(float *to, long to_pixel, const float *x, long x_pixel, int pixels,
                                int channels, int images)
{
    NET_REPEAT(p, pixels)
        for (int c = 0; c < channels; c += 16)
            transpose_16x16(to + p * to_pixel + 16 * c, 16, x + p * x_pixel + 16 * c, 16, images,
                            channels - c);
}

/* The same of packed pixels, [16 images][lanes] each, 1, 2, 4 or 8 lanes: numbers at even and at
   odd places are parted until every lane has a vector of its own. */
NET_INLINE void net_turn_packed(float *to, long to_pixel, const float *x, int lanes, int pixels,
                                int channels, int images)
{
    const net_u32 in = (net_u32)(vec_lanes() < (uint32_t)images);

    NET_REPEAT(p, pixels) {
        net_f32 a[8] = { 0 }, b[8] = { 0 };

        NET_UNROLL(i, lanes)
            memcpy(&a[i], x + (16 * lanes) * p + 16 * i, sizeof a[i]);
        for (int left = lanes; left > 1; left /= 2) {
            NET_UNROLL(i, lanes / 2) {
                b[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 2, 4, 6, 8, 10, 12, 14,
                                               16, 18, 20, 22, 24, 26, 28, 30);
                b[i + lanes / 2] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 1, 3, 5, 7, 9,
                                                           11, 13, 15, 17, 19, 21, 23, 25, 27, 29,
                                                           31);
            }
            NET_UNROLL(i, lanes)
                a[i] = b[i];
        }
        NET_UNROLL(c, channels) {
            net_u32 u;

            memcpy(&u, &a[c], sizeof u);
            u &= in;
            memcpy(to + p * to_pixel + 16 * c, &u, sizeof u);
        }
    }
}

/* Back: y[pixel][16 images][16 channels] from [pixel][channel][16 images] of up to 16 channels,
   from_pixel floats from pixel to pixel; lanes beyond the last channel become +0. */
NET_INLINE void net_turn_back(float *y, const float *from, long from_pixel, int pixels,
                              int channels)
{
    NET_REPEAT(p, pixels)
        transpose_16x16(y + 256 * p, 16, from + p * from_pixel, 16, channels, 16);
}

#endif
