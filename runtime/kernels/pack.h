/*
 * pack.h -- between the runtime's rows and the layouts: rows into a packed batch, the prediction
 * back to rows.
 */

#ifndef NET_PACK_H
#define NET_PACK_H

#include "kernels/layout.h"
#include "kernels/run.h"

/* Where one segment of a field lies in the packed batch; steps in floats. */
struct net_place {
    int start, channels, height, width; /* of the row: [channels][height][width] from start */
    int lanes;                          /* channels in a block */
    int scaled;                         /* elements of the row that share a scale and shift */
    long at, batch_block, row, column;
};

/* A byte as a number: in double, rounded once, as all transforms are. */
NET_INLINE float net_scale_byte(uint8_t byte, double scale, double shift)
{
    return (float)(byte * scale + shift);
}

NET_INLINE vec net_scale_bytes(const uint8_t *bytes, double scale, double shift)
{
    net_f32 scaled;
    net_u8 u;
    vec x;

    memcpy(&u, bytes, sizeof u);
    scaled = __builtin_convertvector(__builtin_convertvector(u, net_f64) * scale + shift, net_f32);
    memcpy(&x, &scaled, sizeof x);
    return x;
}

/* Channels begin to end - 1 of one pixel, all of one scale: whole blocks of lanes at a time. */
NET_INLINE void net_pack_channels(float *to, const uint8_t *bytes, const float *values, int begin,
                                  int end, double scale, double shift)
{
    const int first = (begin + 15) / 16 * 16 < end ? (begin + 15) / 16 * 16 : end;
    const int last = first + (end - first) / 16 * 16;

    for (int c = begin; c < first; c++)
        to[c / 16 * TILE + c % 16] = bytes ? net_scale_byte(bytes[c], scale, shift) : values[c];
    for (int c = first; c < last; c += 16)
        if (bytes)
            vec_store(to + NET_IMAGES * c, net_scale_bytes(bytes + c, scale, shift));
        else
            memcpy(to + NET_IMAGES * c, values + c, 16 * sizeof *to);
    for (int c = last; c < end; c++)
        to[c / 16 * TILE + c % 16] = bytes ? net_scale_byte(bytes[c], scale, shift) : values[c];
}

/* `count` elements of row i, from element `from` on, to every `step`th float. */
static inline void net_pack_line(float *to, long step, const struct net_rows *rows, int i, int from,
                                 int count, int scaled)
{
    const uint8_t *bytes = (const uint8_t *)rows->row[i] + from;
    const float *values = (const float *)rows->row[i] + from;
    const int s = from / scaled;

    if (rows->type != NET_U8)
        for (int k = 0; k < count; k++)
            to[k * step] = values[k];
    else if (s == (from + count - 1) / scaled)
        for (int k = 0; k < count; k++)
            to[k * step] = net_scale_byte(bytes[k], rows->scale[s], rows->shift[s]);
    else
        for (int k = 0; k < count; k++)
            to[k * step] = net_scale_byte(bytes[k], rows->scale[(from + k) / scaled],
                                          rows->shift[(from + k) / scaled]);
}

/* Rows of one pixel a channel; `scaled` channels after each other have one scale. */
static inline void net_pack_vectors(float *to, const struct net_rows *rows, int n,
                                    struct net_place p)
{
    const bool u8 = rows->type == NET_U8;

    for (int i = 0; i < n; i++) {
        const uint8_t *bytes = u8 ? (const uint8_t *)rows->row[i] + p.start : NULL;
        const float *values = u8 ? NULL : (const float *)rows->row[i] + p.start;
        float *image = to + p.at + i / NET_IMAGES * p.batch_block + i % NET_IMAGES * p.lanes;

        for (int c = 0, end; c < p.channels; c = end) {
            const int s = (p.start + c) / p.scaled, next = (s + 1) * p.scaled - p.start;

            end = u8 && next < p.channels ? next : p.channels;
            net_pack_channels(image, bytes, values, c, end, u8 ? rows->scale[s] : 1,
                              u8 ? rows->shift[s] : 0);
        }
    }
}

/* The floats of a, b side by side: of their first halves, of their second. */
NET_INLINE net_f32 net_low_pairs(net_f32 a, net_f32 b)
{
    return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}

NET_INLINE net_f32 net_high_pairs(net_f32 a, net_f32 b)
{
    return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15,
                                   31);
}

/* A line of one image of up to four channels, whose lines are `plane` floats apart, to pixels
   `step` floats apart: sixteen at a time, the last ones again where there are no sixteen left. */
NET_INLINE void net_pack_four(float *to, long step, const float *from, long plane, int channels,
                              int width)
{
    for (int next = 0; next < width; next += 16) {
        const int at = next < width - 16 ? next : width - 16;
        net_f32 x[4] = {{0}};

        for (int c = 0; c < channels; c++)
            memcpy(&x[c], from + c * plane + at, sizeof x[c]);
        const net_f32 even[2] = {net_low_pairs(x[0], x[2]), net_high_pairs(x[0], x[2])};
        const net_f32 odd[2] = {net_low_pairs(x[1], x[3]), net_high_pairs(x[1], x[3])};

        NET_UNROLL(i, 2) {
            const net_f32 pixels[2] = {net_low_pairs(even[i], odd[i]),
                                       net_high_pairs(even[i], odd[i])};

            if (step == 4) /* one image */
                memcpy(to + 4 * at + 32 * i, pixels, sizeof pixels);
            for (int k = 0; k < 8 && step > 4; k++)
                memcpy(to + (at + 8 * i + k) * step, (const float *)pixels + 4 * k, 4 * sizeof *to);
        }
    }
}

/* The lines h of all channels of row i; to: where the first is. */
NET_INLINE void net_pack_lines(float *to, const struct net_rows *rows, int i, int h,
                               struct net_place p)
{
    if (p.lanes == 4 && p.width >= 16 && rows->type == NET_F32) {
        net_pack_four(to, p.column, (const float *)rows->row[i] + p.start + (long)h * p.width,
                      (long)p.height * p.width, p.channels, p.width);
        return;
    }
    for (int c = 0; c < p.channels; c++)
        net_pack_line(to + c / 16 * TILE + c % 16, p.column, rows, i,
                      p.start + (c * p.height + h) * p.width, p.width, p.scaled);
}

/* Rows become a packed value, if there are any: u8 rows scaled on the way. Sixteen images stand
   side by side, so they are written together, a line of pixels at a time, which stays in the
   cache. */
static inline void net_pack(float *to, const struct net_rows *rows, int n, struct net_place p)
{
    if (!rows->row)
        return;
    if (p.height * p.width == 1 && p.lanes == 16) {
        net_pack_vectors(to, rows, n, p);
        return;
    }
    for (int first = 0; first < n; first += NET_IMAGES)
        for (int h = 0; h < p.height; h++)
            for (int i = first; i < n && i < first + NET_IMAGES; i++)
                net_pack_lines(to + p.at + i / NET_IMAGES * p.batch_block +
                                   i % NET_IMAGES * p.lanes + h * p.row,
                               rows, i, h, p);
}

/* Labels, so many of each row: [batch block][position][16 images] */
static inline void net_pack_classes(int32_t *to, const struct net_rows *rows, int n, int positions)
{
    for (int i = 0; i < n && rows->row; i++) {
        const int32_t *from = rows->row[i];
        int32_t *image = to + i / 16 * 16L * positions + i % 16;

        for (long p = 0; p < positions; p++)
            image[16 * p] = from[p];
    }
}

/* The prediction as rows: [n][size] */
static inline void net_unpack(float *rows, const float *from, long batch_block, int n,
                              const struct net_segment *segments, int count, int size)
{
    for (int k = 0; k < size; k++) {
        const long at = net_element_at(segments, count, k);

        for (int i = 0; i < n; i++)
            rows[(long)i * size + k] =
                from[i / NET_IMAGES * batch_block + at + 16 * (i % NET_IMAGES)];
    }
}

#endif
