/*
 * kernel.h -- what generated code is made of, beyond vec.h: the end of a gradient, and the small
 * kernels that every model writes alike.
 *
 * Activations lie as [chunk of 16 images][row][column][block of 16 channels][image][channel],
 * written at[chunk][pixel][block][16][16]; lanes beyond the last channel are always +0.
 */

#ifndef NET_KERNEL_H
#define NET_KERNEL_H

#include "kernels/activation.h"
#include "kernels/elementwise.h"
#include "kernels/gemm.h"
#include "kernels/loss.h"
#include "kernels/movement.h"
#include "kernels/norm.h"
#include "kernels/pool.h"
#include "kernels/run.h"
#include "kernels/softmax.h"
#include "kernels/transpose.h"
#include "kernels/vec.h"
#include "kernels/window.h"

/* A finished piece of gradient goes to the optimizer, or to G where the run wants it kept. */
NET_INLINE void net_finish(const struct net_run *run, float *w, const float *g, long count)
{
    const long at = w - (float *)run->params;

    if (run->grads)
        memcpy(run->grads + at, g, (size_t)count * sizeof *g);
    else
        run->update(w, g, run->state ? run->state + at : NULL, count, &run->hyper);
}

/* The same of a weight with penalties l1 |w| + l2 / 2 w^2, whose gradient is added on the way to
   the optimizer; to a gradient that is kept strips.c adds it. */
NET_INLINE void net_finish_penalized(const struct net_run *run, float *w, float *g, long count,
                                     float l1, float l2)
{
    for (long i = 0; i < count && !run->grads; i += 16) {
        const vec wi = vec_load(w + i), sign = vec_sign(wi);
        const vec add = vec_add(vec_mul(vec_set(l2), wi), vec_mul(vec_set(l1), sign));

        vec_store(g + i, vec_add(vec_load(g + i), add));
    }
    net_finish(run, w, g, count);
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

/* dy where x > 0, else slope dy; leaky_relu itself with dy = x */
NET_INLINE vec net_leaky(vec x, vec dy, float slope)
{
    return vec_if_greater(x, vec_zero(), dy, vec_mul(vec_set(slope), dy));
}

/* dy where 0 < y < 6 */
NET_INLINE vec net_relu6_grad(vec y, vec dy)
{
    const vec below = vec_if_greater(vec_set(6.0f), y, dy, vec_zero());

    return vec_if_greater(y, vec_zero(), below, vec_zero());
}

/* dy y (1 - y) */
NET_INLINE vec net_sigmoid_grad(vec y, vec dy)
{
    return vec_mul(dy, vec_mul(y, vec_sub(vec_set(1.0f), y)));
}

/* dy (1 - y^2) */
NET_INLINE vec net_tanh_grad(vec y, vec dy)
{
    return vec_mul(dy, vec_sub(vec_set(1.0f), vec_mul(y, y)));
}

/* x sigmoid(x) */
NET_INLINE vec net_silu(vec x)
{
    return vec_mul(x, vec_sigmoid(x));
}

/* dy s (1 + x (1 - s)), s = sigmoid(x) */
NET_INLINE vec net_silu_grad(vec x, vec dy)
{
    const vec one = vec_set(1.0f), s = vec_sigmoid(x);

    return vec_mul(dy, vec_mul(s, vec_fma(x, vec_sub(one, s), one)));
}

/* (x - mean) / std gamma + beta */
NET_INLINE vec net_normalize(vec x, vec mean, vec inv_std, vec gamma, vec beta)
{
    return vec_fma(vec_sub(x, mean), vec_mul(inv_std, gamma), beta);
}

/* gamma / std (dy - (dbeta + xhat dgamma) / rows): Ioffe and Szegedy 2015, section 3 */
NET_INLINE vec net_normalize_grad(vec x, vec dy, vec mean, vec inv_std, vec gamma, vec dgamma,
                                  vec dbeta, float inverse_rows)
{
    const vec xhat = vec_mul(vec_sub(x, mean), inv_std);
    const vec sum = vec_fma(xhat, dgamma, dbeta);

    return vec_mul(vec_mul(gamma, inv_std), vec_sub(dy, vec_mul(sum, vec_set(inverse_rows))));
}

/* ---- Reductions over images: partial sums added in order -------------------------------------- */

NET_INLINE vec net_sum_slices(const float *slices, long step, long count)
{
    vec sum = vec_zero();

    NET_REPEAT(s, count)
        sum = vec_add(sum, vec_load(slices + s * step));
    return sum;
}

/* ---- Between the runtime's rows and the layouts ---------------------------------------------- */

/* Where one segment of a field lies in the packed batch; steps in floats. */
struct net_place {
    int start, channels, height, width; /* of the row: [channels][height][width] from start */
    int lanes;                          /* channels in a block */
    int scaled;                         /* elements of the row that share a scale and shift */
    long at, chunk, row, column;
};

/* Channels begin to end - 1 of one pixel, all of one scale: whole blocks of lanes at a time. */
NET_INLINE void net_pack_channels(float *to, const uint8_t *bytes, const float *values, int begin,
                                  int end, float scale, float shift)
{
    const int first = (begin + 15) / 16 * 16 < end ? (begin + 15) / 16 * 16 : end;
    const int last = first + (end - first) / 16 * 16;

    for (int c = begin; c < first; c++)
        to[c / 16 * 256 + c % 16] = bytes ? (float)bytes[c] * scale + shift : values[c];
    for (int c = first; c < last; c += 16)
        if (bytes)
            vec_store(to + 16 * c,
                      vec_add(vec_mul(vec_load_bytes(bytes + c), vec_set(scale)), vec_set(shift)));
        else
            memcpy(to + 16 * c, values + c, 16 * sizeof *to);
    for (int c = last; c < end; c++)
        to[c / 16 * 256 + c % 16] = bytes ? (float)bytes[c] * scale + shift : values[c];
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
            to[k * step] = (float)bytes[k] * rows->scale[s] + rows->shift[s];
    else
        for (int k = 0; k < count; k++)
            to[k * step] = (float)bytes[k] * rows->scale[(from + k) / scaled] +
                           rows->shift[(from + k) / scaled];
}

/* Rows of one pixel a channel; `scaled` channels after each other have one scale. */
static inline void net_pack_vectors(float *to, const struct net_rows *rows, int n,
                                    struct net_place p)
{
    const bool u8 = rows->type == NET_U8;

    for (int i = 0; i < n; i++) {
        const uint8_t *bytes = u8 ? (const uint8_t *)rows->row[i] + p.start : NULL;
        const float *values = u8 ? NULL : (const float *)rows->row[i] + p.start;
        float *image = to + p.at + i / 16 * p.chunk + i % 16 * p.lanes;

        for (int c = 0, end; c < p.channels; c = end) {
            const int s = (p.start + c) / p.scaled, next = (s + 1) * p.scaled - p.start;

            end = u8 && next < p.channels ? next : p.channels;
            net_pack_channels(image, bytes, values, c, end, u8 ? rows->scale[s] : 1.0f,
                              u8 ? rows->shift[s] : 0.0f);
        }
    }
}

/* Rows become a packed value, if there are any: u8 rows scaled on the way. Sixteen images stand side by side, so they
   are written together, a line of pixels at a time, which stays in the cache. */
static inline void net_pack(float *to, const struct net_rows *rows, int n, struct net_place p)
{
    if (!rows->row)
        return;
    if (p.height * p.width == 1 && p.lanes == 16) {
        net_pack_vectors(to, rows, n, p);
        return;
    }
    for (int first = 0; first < n; first += 16)
        for (int h = 0; h < p.height; h++)
            for (int i = first; i < n && i < first + 16; i++)
                for (int c = 0; c < p.channels; c++)
                    net_pack_line(to + p.at + i / 16 * p.chunk + i % 16 * p.lanes + c / 16 * 256 +
                                      c % 16 + h * p.row,
                                  p.column, rows, i, p.start + (c * p.height + h) * p.width,
                                  p.width, p.scaled);
}

static inline void net_pack_classes(int32_t *to, const struct net_rows *rows, int n)
{
    for (int i = 0; i < n && rows->row; i++)
        to[i] = *(const int32_t *)rows->row[i];
}

/* The prediction as rows: [n][size] */
static inline void net_unpack(float *rows, const float *from, long chunk, int n,
                              const struct net_segment *segments, int count, int size)
{
    for (int k = 0; k < size; k++) {
        const long at = net_element_at(segments, count, k);

        for (int i = 0; i < n; i++)
            rows[(long)i * size + k] = from[i / 16 * chunk + at + 16 * (i % 16)];
    }
}

#include "kernels/conv.h"
#include "kernels/depthwise.h"
#include "kernels/few_outputs.h"
#include "kernels/sums.h"
#include "kernels/update.h"
#include "kernels/weight_gradient.h"

#endif
