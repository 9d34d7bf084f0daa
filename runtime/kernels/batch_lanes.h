/*
 * batch_lanes.h -- convolutions with the batch in the lanes (CHWN): of too few channels to fill a
 * vector.
 *
 * The one idea: a thread transposes the pixels it needs, [16 images][16 channels] each, into
 * [channel][16 images] in its scratch, [row][column][channel][16 images] with a border of zeros,
 * works on vectors of sixteen images there, where an output is a register and a weight a scalar,
 * and transposes results back. Activations come before that, while there is no padding; what reads
 * other values comes after it.
 */

#ifndef NET_BATCH_LANES_H
#define NET_BATCH_LANES_H

#include "kernels/epilogue.h"
#include "kernels/gemm.h"
#include "kernels/run.h"
#include "kernels/transpose.h"

/* ---- Transposing ----------------------------------------------------------------------------- */

/* to[channel][16 images] of the first `images` images, +0 of the others; x: the images of a
   block */
NET_INLINE void net_transpose_channels(float *to, const float *x, int channels, int images)
{
    if (channels > 8)
        net_transpose_16x16(to, 16, x, 16, images, channels);
    else
        NET_UNROLL(i, 2)
            net_transpose_8x8(to + 8 * i, 16, x + 128 * i, 16, images - 8 * i, channels);
}

/* to[pixel][channel][16 images] from a run of `pixels` pixels of one batch block. x: channel 0 of
   image 0 in the first one, at the beginning of a block; x_pixel and to_pixel floats from pixel to
   pixel. The first `images` images are read, the others become +0; the literal NET_IMAGES takes all
   as they are. */
NET_INLINE void net_transpose_pixels(float *to, long to_pixel, const float *x, long x_pixel,
                                     int pixels, int channels, int images)
{
    NET_REPEAT(p, pixels)
        for (int c = 0; c < channels; c += 16)
            net_transpose_channels(to + p * to_pixel + 16 * c, x + p * x_pixel + NET_IMAGES * c,
                                   channels - c, images);
}

/* The same of packed pixels, [image][lanes] each, 1, 2, 4 or 8 lanes: numbers at even and at
   odd places are parted until every lane has a vector of its own. */
NET_INLINE void net_transpose_packed(float *to, long to_pixel, const float *x, int lanes,
                                     int pixels, int channels, int images)
{
    const net_u32 in = (net_u32)(vec_lanes() < (uint32_t)images);

    NET_REPEAT(p, pixels) {
        net_f32 a[8] = {0}, b[8] = {0};

        NET_UNROLL(i, lanes)
            if (16 * i < NET_IMAGES * lanes)
                memcpy(&a[i], x + NET_IMAGES * lanes * p + 16 * i,
                       16 * (i + 1) <= NET_IMAGES * lanes
                           ? sizeof a[i]
                           : (size_t)(NET_IMAGES * lanes - 16 * i) * sizeof *x);
        NET_UNROLL_HALVES(half, lanes) {
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

/* Back: y[pixel][image][16 channels] from [pixel][channel][16 images] of up to 16 channels,
   from_pixel floats from pixel to pixel; lanes beyond the last channel become +0. */
NET_INLINE void net_transpose_back(float *y, const float *from, long from_pixel, int pixels,
                                   int channels)
{
    NET_REPEAT(p, pixels) {
        if (channels > 8 || channels < 3) {
            net_transpose_16x16(y + TILE * p, 16, from + p * from_pixel, 16, channels, NET_IMAGES);
            continue;
        }
        NET_UNROLL(i, (NET_IMAGES + 7) / 8)
            net_transpose_8x8(y + TILE * p + 128 * i, 16, from + p * from_pixel + 8 * i, 16,
                              channels, NET_IMAGES - 8 * i);
        NET_UNROLL(i, NET_IMAGES)
            memset(y + TILE * p + 16 * i + 8, 0, 8 * sizeof *y);
    }
}

/* ---- Convolutions ---------------------------------------------------------------------------- */

/* What a tile sums over: the taps and channels of a row are one run, of x and of w. A dx, whose
   taps count columns down, has its rows flipped. */
struct net_runs {
    long x, w;               /* floats to the first tap */
    long rows, x_row, w_row; /* of taps; floats from one to the next */
    long run;                /* taps by channels of a row, 16 floats each */
};

/* acc[p * channels + c] += sum over taps and channels of w[c] x[p], batch in the lanes; x_pixel
   floats from pixel to pixel. Meanwhile y, where the result will go, is prefetched. */
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

/* Some rows of one batch block that a thread takes together, of its share of items (batch block,
   row). */
struct net_band {
    int item, end;                /* the first row's item; that of the share's end */
    int batch_block, first, rows; /* rows 0: none is left */
};

NET_INLINE struct net_band net_band_at(int item, int end, int height, int most)
{
    const int first = item % height,
              left = height - first < end - item ? height - first : end - item;

    return (struct net_band){item, end, item / height, first, left < most ? left : most};
}

/* This thread's share of batch_blocks * height items, the one that NET_ITEMS has, in bands of up to
   `most` rows. */
#define NET_BANDS(band, batch_blocks, height, most, run, thread)                                   \
    for (struct net_band band =                                                                    \
             net_band_at((int)((long)(batch_blocks) * (height) * (thread) / (run)->threads),       \
                         (int)((long)(batch_blocks) * (height) * ((thread) + 1) / (run)->threads), \
                         height, most);                                                            \
         band.rows > 0; band = net_band_at(band.item + band.rows, band.end, height, most))

/* The halo of a band, rows of x, of `size`, under the windows of its rows of y; a window of
   `kernel` rows begins `pad_top` rows earlier. */
NET_INLINE struct net_range net_band_halo(struct net_band band, int stride, int pad_top, int kernel,
                                          int size)
{
    const int begin = band.first * stride - pad_top;
    const int end = (band.first + band.rows - 1) * stride - pad_top + kernel;

    return (struct net_range){begin < 0 ? 0 : begin, end < size ? end : size};
}

/* Taps of a row that overlap x for any of `pixels` outputs from `column` on, in a transposed row:
   `left` zeros, `size` pixels, zeros. `at`: where the first tap of the first output falls. */
NET_INLINE struct net_window net_tile_forward(int column, int pixels, int stride, int left,
                                              int kernel, int size)
{
    const int low = left - (column + pixels - 1) * stride, high = left + size - column * stride;
    const int first = low > 0 ? low : 0, end = high < kernel ? high : kernel;

    return (struct net_window){first, end > first ? end - first : 0, column * stride + first};
}

/* The same of a dx with stride 1 and `outputs` columns, in a flipped row, whose `left` zeros end
   it. */
NET_INLINE struct net_window net_tile_backward(int column, int pixels, int outputs, int left,
                                               int kernel, int size)
{
    const int reach = column + kernel - 1, low = reach - (left + size - 1);
    const int high = reach + pixels - left;
    const int first = low > 0 ? low : 0, end = high < kernel ? high : kernel;

    return (struct net_window){first, end > first ? end - first : 0, outputs - 1 - column + first};
}

/* ---- The kernel ------------------------------------------------------------------------------ */

/* A chain of activations of one vector, in any order of lanes. */
typedef vec net_unary(vec v0);

#define NET_UNARY(name) NET_INLINE vec name(vec v0)

/* A row of pixels of x, [image][16 channels] each, to [channel][16 images], with its border. */
typedef void net_transpose_row(float *restrict to, const float *restrict x);
#define NET_TRANSPOSE_ROW(name) NET_TILE void name(float *restrict to, const float *restrict x)

/* y = sum over taps and channels of x w, + b: some pixels of a row, batch in the lanes */
typedef void net_batch_lanes_tile(float *restrict y, const float *restrict x,
                                  const float *restrict w, const float *restrict b,
                                  const struct net_runs *taps);
#define NET_BATCH_LANES_TILE(name)                                                                 \
    NET_TILE void name(float *restrict y, const float *restrict x, const float *restrict w,        \
                       NET_UNUSED const float *restrict b, const struct net_runs *taps)

enum { NET_BATCH_LANES_SUMS = 64 }; /* pixels by outputs of a tile, at most */

/* `groups` times `channels` outputs, of which `outputs` are no padding; x_pixel: floats from pixel
   to pixel. unary: or NULL; `transcendental`: has exponentials, so it is done in memory. */
NET_TEMPLATE void net_batch_lanes_sum(float *y, const float *x, const float *w, const float *b,
                                      const struct net_runs *taps, int pixels, int channels,
                                      int groups, int outputs, long x_pixel, net_unary *unary,
                                      bool transcendental)
{
    const int all = groups * channels;
    _Alignas(64) float sums[16 * NET_BATCH_LANES_SUMS];

    NET_REPEAT(g, groups) {
        vec acc[NET_BATCH_LANES_SUMS];

        NET_UNROLL(i, pixels * channels)
            acc[i] = b ? vec_set(b[channels * g + i % channels]) : vec_zero();
        net_contract_images(acc, pixels, channels, x, x_pixel, w + channels * g, taps, y);
        NET_UNROLL(i, pixels * channels)
            vec_store(sums + (i / channels * all + i % channels) * 16 + g * 16 * channels,
                      unary && !transcendental ? unary(acc[i]) : acc[i]);
    }
    if (unary && transcendental)
        NET_REPEAT(i, pixels * all)
            vec_store(sums + 16 * i, unary(vec_load(sums + 16 * i)));
    net_transpose_back(y, sums, 16 * all, pixels, outputs);
}

/* Of a dx, x is dy and y is dx. */
struct net_batch_lanes {
    struct net_extent x, y; /* x with its border, if it is packed with one */
    struct net_taps taps;
    int channels;                  /* summed over */
    int pixels;                    /* of y in a tile */
    int rows;                      /* of y in a band, for which rows of x are transposed once */
    int pad_top;                   /* rows that the window of a row begins before it */
    int left, transposed, columns; /* of a transposed row: zeros first, pixels of x, all with
                                      zeros last */
};

/* Where a row of y is, and what its window has of the transposed rows. */
struct net_batch_lanes_row {
    int batch_block, row;
    struct net_window window;
    const float *x; /* transposed rows, from `halo` on */
    int halo;
};

/* The taps of `pixels` outputs from `column` on. */
NET_INLINE struct net_runs
net_batch_lanes_taps(struct net_batch_lanes s, struct net_batch_lanes_row r, int column, int pixels)
{
    const bool flipped = net_taps_are_backward(s.taps);
    const bool inside = !flipped && s.left == 0 && s.transposed == s.columns;
    const int kernel = s.taps.kernel[1], stride = s.taps.stride[1];
    const long pixel = 16L * s.channels, row = s.columns * pixel;
    const struct net_window c = flipped  ? net_tile_backward(column, pixels, s.y.width, s.left,
                                                             kernel, s.transposed)
                                : inside ? (struct net_window){0, kernel, column * stride}
                                         : net_tile_forward(column, pixels, stride, s.left, kernel,
                                                            s.transposed);

    return (struct net_runs){
        .x = (r.window.at - r.halo) * row + c.at * pixel,
        .w = (r.window.first * kernel + c.first) * pixel,
        .rows = r.window.count,
        .x_row = flipped ? -row : row,
        .w_row = kernel * pixel,
        .run = (long)c.count * s.channels,
    };
}

/* Columns `first` to `end` - 1 by tiles of `pixels`. y: where tiles are all there is; or NULL. */
NET_INLINE void net_batch_lanes_columns(float *y, const float *w, const float *b,
                                        struct net_batch_lanes s, struct net_batch_lanes_row r,
                                        int first, int end, int pixels, net_batch_lanes_tile *tile,
                                        net_epilogue *epilogue, net_draw_block *draw,
                                        const void *operands, const struct net_run *run)
{
    for (int column = first; column < end; column += pixels) {
        const struct net_runs taps = net_batch_lanes_taps(s, r, column, pixels);
        const int pixel = r.row * s.y.width + column;
        _Alignas(64) float results[16 * TILE];

        if (y) {
            tile(y + net_block_at(s.y, r.batch_block, pixel, 0), r.x, w, b, &taps);
            continue;
        }
        tile(results, r.x, w, b, &taps);
        for (int p = 0; p < pixels; p++)
            net_block_end(results + TILE * p, epilogue, draw, operands,
                          net_element_of(s.y, r.batch_block, pixel + p, 0, 0), run);
    }
}

/* Items: (batch block, row). x_pixel: floats from pixel to pixel of x. `rest`: the tile of what is
   left of a row; y, or the epilogue: NULL. */
NET_TEMPLATE void net_batch_lanes(float *y, const float *x, const float *w, const float *b,
                                  struct net_batch_lanes s, int x_pixel,
                                  net_transpose_row *transpose, net_batch_lanes_tile *tile,
                                  net_batch_lanes_tile *rest, net_epilogue *epilogue,
                                  net_draw_block *draw, const void *operands, net_row_end *row_end,
                                  const void *sums, NET_RUN)
{
    const int whole = s.y.width / s.pixels * s.pixels;
    float *transposed = net_scratch(run, thread);

    NET_BANDS(band, net_present(run, s.y.batch_blocks), s.y.height, s.rows, run, thread) {
        const struct net_range halo = net_band_halo(band, s.taps.stride[0], s.pad_top,
                                                    s.taps.kernel[0], s.x.height);

        for (int row = halo.begin; row < halo.end; row++)
            transpose(transposed + (row - halo.begin) * (s.columns * 16L * s.channels),
                      x + ((long)band.batch_block * s.x.height + row) * s.x.width * x_pixel);
        for (int row = band.first; row < band.first + band.rows; row++) {
            const struct net_batch_lanes_row r = {band.batch_block, row,
                                                  net_taps_at(s.taps, 0, row, s.x.height),
                                                  transposed, halo.begin};

            if (whole > 0)
                net_batch_lanes_columns(y, w, b, s, r, 0, whole, s.pixels, tile, epilogue, draw,
                                        operands, run);
            if (rest)
                net_batch_lanes_columns(y, w, b, s, r, whole, s.y.width, s.y.width - whole, rest,
                                        epilogue, draw, operands, run);
            if (row_end)
                row_end(sums, run, band.batch_block, row);
        }
    }
}

#endif
