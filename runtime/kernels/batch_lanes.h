/*
 * batch_lanes.h -- images in the lanes: for convolutions of too few channels to fill a vector.
 *
 * The one idea: a thread turns the pixels it needs, [16 images][16 channels] each, into
 * [channel][16 images] in its scratch, works on vectors of sixteen images there, and turns results
 * back.
 */

#ifndef NET_BATCH_LANES_H
#define NET_BATCH_LANES_H

#include "kernels/kernel.h"

/* ---- Turning --------------------------------------------------------------------------------- */

/* to[channel][16 images] of the first `images` images, +0 of the others; x: 16 images of a block */
NET_INLINE void net_turn_block(float *to, const float *x, int channels, int images)
{
    if (channels > 8)
        net_turn_16x16(to, 16, x, 16, images, channels);
    else
        NET_UNROLL(i, 2)
            net_turn_8x8(to + 8 * i, 16, x + 128 * i, 16, images - 8 * i, channels);
}

/* to[pixel][channel][16 images] from a run of `pixels` pixels of one chunk. x: channel 0 of image 0
   in the first one, at the beginning of a block; x_pixel and to_pixel floats from pixel to pixel.
   The first `images` images are read, the others become +0; a literal 16 takes all as they are. */
NET_INLINE void net_turn_pixels(float *to, long to_pixel, const float *x, long x_pixel, int pixels,
                                int channels, int images)
{
    NET_REPEAT(p, pixels)
        for (int c = 0; c < channels; c += 16)
            net_turn_block(to + p * to_pixel + 16 * c, x + p * x_pixel + 16 * c, channels - c,
                           images);
}

/* The same of packed pixels, [16 images][lanes] each, 1, 2, 4 or 8 lanes: numbers at even and at
   odd places are parted until every lane has a vector of its own. */
NET_INLINE void net_turn_packed(float *to, long to_pixel, const float *x, int lanes, int pixels,
                                int channels, int images)
{
    const net_u32 in = (net_u32)(vec_lanes() < (uint32_t)images);

    NET_REPEAT(p, pixels) {
        net_f32 a[8] = {0}, b[8] = {0};

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
    NET_REPEAT(p, pixels) {
        if (channels > 8 || channels < 3) {
            net_turn_16x16(y + 256 * p, 16, from + p * from_pixel, 16, channels, 16);
            continue;
        }
        NET_UNROLL(i, 2)
            net_turn_8x8(y + 256 * p + 128 * i, 16, from + p * from_pixel + 8 * i, 16, channels, 8);
        NET_UNROLL(i, 16)
            memset(y + 256 * p + 16 * i + 8, 0, 8 * sizeof *y);
    }
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

/* What a tile sums over: the taps and channels of a row are one run, of x and of w. A dx, whose
   taps count columns down, has its rows turned in mirror image. */
struct net_runs {
    long x, w;               /* floats to the first tap */
    long rows, x_row, w_row; /* of taps; floats from one to the next */
    long run;                /* taps by channels of a row, 16 floats each */
};

/* acc[p * channels + c] += sum over taps and channels of w[c] x[p], images in the lanes; x_pixel
   floats from pixel to pixel. Meanwhile y, where the result will go, is asked for. */
NET_INLINE void net_contract_images(vec *acc, int pixels, int channels, const float *x,
                                    long x_pixel, const float *w, const struct net_runs *taps,
                                    const float *y)
{
    NET_REPEAT(r, taps->rows) {
        const float *xk = x + taps->x + r * taps->x_row, *wk = w + taps->w + r * taps->w_row;

        NET_REPEAT(k, taps->run) {
            vec xp[16];

            NET_UNROLL(p, pixels)
                xp[p] = vec_load(xk + p * x_pixel);
            NET_UNROLL(i, pixels * channels)
                acc[i] = vec_fma(vec_set(wk[i % channels]), xp[i / channels], acc[i]);
            __builtin_prefetch(y, 1);
            xk += 16;
            wk += 16;
            y += 16;
        }
    }
}

/* Some rows of one chunk that a thread takes together, of its share of items (chunk, row). */
struct net_band {
    int item, end;          /* the first row's item; that of the share's end */
    int chunk, first, rows; /* rows 0: none is left */
};

NET_INLINE struct net_band net_band_at(int item, int end, int height, int most)
{
    const int first = item % height,
              left = height - first < end - item ? height - first : end - item;

    return (struct net_band){item, end, item / height, first, left < most ? left : most};
}

/* This thread's share of chunks * height items, the one that NET_ITEMS has, in bands of up to
   `most` rows. */
#define NET_BANDS(band, chunks, height, most, run, thread)                                         \
    for (struct net_band band = net_band_at(                                                       \
             (int)((long)(chunks) * (height) * (thread) / (run)->threads),                         \
             (int)((long)(chunks) * (height) * ((thread) + 1) / (run)->threads), height, most);    \
         band.rows > 0; band = net_band_at(band.item + band.rows, band.end, height, most))

/* Rows of x, of `size`, under the windows of a band's rows of y; a window of `kernel` rows begins
   `before` rows earlier. */
NET_INLINE struct net_range net_rows_under(struct net_band band, int stride, int before, int kernel,
                                           int size)
{
    const int begin = band.first * stride - before;
    const int end = (band.first + band.rows - 1) * stride - before + kernel;

    return (struct net_range){begin < 0 ? 0 : begin, end < size ? end : size};
}

/* Taps of a row that meet x for any of `pixels` outputs from `column` on, in a turned row: `left`
   zeros, `size` pixels, zeros. `at`: where the first tap of the first output falls. */
NET_INLINE struct net_window net_tile_forward(int column, int pixels, int stride, int left,
                                              int kernel, int size)
{
    const int low = left - (column + pixels - 1) * stride, high = left + size - column * stride;
    const int first = low > 0 ? low : 0, end = high < kernel ? high : kernel;

    return (struct net_window){first, end > first ? end - first : 0, column * stride + first};
}

/* The same of a dx with stride 1 and `outputs` columns, in a mirrored row, whose `left` zeros end
   it. */
NET_INLINE struct net_window net_tile_backward(int column, int pixels, int outputs, int left,
                                               int kernel, int size)
{
    const int reach = column + kernel - 1, low = reach - (left + size - 1);
    const int high = reach + pixels - left;
    const int first = low > 0 ? low : 0, end = high < kernel ? high : kernel;

    return (struct net_window){first, end > first ? end - first : 0, outputs - 1 - column + first};
}

#endif
