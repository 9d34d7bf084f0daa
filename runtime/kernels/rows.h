/*
 * rows.h -- along the channels of one pixel of one image, whose blocks are 256 floats apart:
 * softmax, and losses with their gradients.
 */

#ifndef NET_ROWS_H
#define NET_ROWS_H

#include "kernels/vec.h"

/* ---- Softmax --------------------------------------------------------------------------------- */

NET_INLINE float net_row_top(const float *z, int channels)
{
    float top = -INFINITY;

    for (int c = 0; c < channels; c += 16) {
        const float t = vec_top(vec_first(channels - c, vec_load(z + 16 * c), vec_set(-INFINITY)));
        top = t > top ? t : top;
    }
    return top;
}

/* p = e^(z - top), +0 beyond the last channel; returns the sum */
NET_INLINE float net_row_exp(float *p, const float *z, float top, int channels)
{
    float sum = 0.0f;

    for (int c = 0; c < channels; c += 16) {
        const vec e = vec_exp(vec_sub(vec_load(z + 16 * c), vec_set(top)));
        const vec in = vec_first(channels - c, e, vec_zero());

        vec_store(p + 16 * c, in);
        sum += vec_sum(in);
    }
    return sum;
}

NET_INLINE void net_softmax(float *y, const float *x, int channels)
{
    const float sum = net_row_exp(y, x, net_row_top(x, channels), channels);

    for (int c = 0; c < channels; c += 16)
        vec_store(y + 16 * c, vec_div(vec_load(y + 16 * c), vec_set(sum)));
}

/* dx = y (dy - sum of y dy) */
NET_INLINE void net_softmax_grad(float *dx, const float *y, const float *dy, int channels)
{
    float sum = 0.0f;

    for (int c = 0; c < channels; c += 16)
        sum += vec_sum(vec_mul(vec_load(y + 16 * c), vec_load(dy + 16 * c)));
    for (int c = 0; c < channels; c += 16) {
        const vec at = vec_mul(vec_load(y + 16 * c), vec_sub(vec_load(dy + 16 * c), vec_set(sum)));

        vec_store(dx + 16 * c, vec_first(channels - c, at, vec_zero()));
    }
}

/* ---- Cross entropy --------------------------------------------------------------------------- */

/* -log softmax(z)[label]; p: a place for the row's exponentials */
NET_INLINE float net_cross_entropy(float *p, float *sum, const float *z, int label, int channels)
{
    const float top = net_row_top(z, channels);

    *sum = net_row_exp(p, z, top, channels);
    return net_log(*sum) + top - z[label / 16 * 256 + label % 16];
}

/* dz = (p / sum - onehot(label)) scale, p as net_cross_entropy left it; dz may be p */
NET_INLINE void net_cross_entropy_grad(float *dz, const float *p, float sum, int label, float scale,
                                       int channels)
{
    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + 16 * c), vec_set(sum));

        vec_store(dz + 16 * c, vec_mul(vec_sub(q, vec_one_hot(label - c)), vec_set(scale)));
    }
}

/* What the classes count in a row: class c by weight[c], times `own` in a row of its label, and
   times `every` in all rows (label smoothing; Szegedy et al. 2016). */
struct net_shares {
    const float *weight; /* +0 beyond the last class */
    float sum;           /* of all weights */
    float own, every;    /* 1 - smoothing, smoothing / classes */
};

/* The weights of the rows' classes, added in order. */
static inline float net_sum_weights(const int32_t *label, int n, const float *weight)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)weight[label[i]];
    return (float)sum;
}

/* The sum over classes of their share times -log softmax(z)[c]; p as net_cross_entropy. */
NET_INLINE float net_weighted_cross_entropy(float *p, float *sum, const float *z, int label,
                                            const struct net_shares *shares, int channels)
{
    const float top = net_row_top(z, channels);
    float every = 0.0f;

    *sum = net_row_exp(p, z, top, channels);
    const float all = net_log(*sum) + top;
    for (int c = 0; c < channels; c += 16)
        every += vec_sum(
            vec_mul(vec_load(shares->weight + c), vec_sub(vec_set(all), vec_load(z + 16 * c))));
    return shares->own * shares->weight[label] * (all - z[label / 16 * 256 + label % 16]) +
           shares->every * every;
}

/* dz = (p / sum of all shares - the share of each class) scale */
NET_INLINE void net_weighted_cross_entropy_grad(float *dz, const float *p, float sum, int label,
                                                const struct net_shares *shares, float scale,
                                                int channels)
{
    const float own = shares->own * shares->weight[label];
    const vec all = vec_set(own + shares->every * shares->sum), every = vec_set(shares->every);

    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + 16 * c), vec_set(sum));
        const vec share = vec_fma(vec_one_hot(label - c), vec_set(own),
                                  vec_mul(every, vec_load(shares->weight + c)));

        vec_store(dz + 16 * c, vec_mul(vec_sub(vec_mul(q, all), share), vec_set(scale)));
    }
}

/* ---- Elementwise losses ---------------------------------------------------------------------- */

/* max(z, 0) - z t + log(1 + e^-|z|) */
NET_INLINE vec vec_binary_cross_entropy(vec z, vec t)
{
    const vec e = vec_exp(vec_sub(vec_zero(), vec_abs(z)));
    const vec soft = vec_log(vec_add(vec_set(1.0f), e));

    return vec_add(vec_sub(vec_max(vec_zero(), z), vec_mul(z, t)), soft);
}

/* -1, +0 or 1 */
NET_INLINE vec vec_sign(vec x)
{
    const vec below = vec_if_greater(vec_zero(), x, vec_set(-1.0f), vec_zero());

    return vec_if_greater(x, vec_zero(), vec_set(1.0f), below);
}

/* e^2 / 2 up to delta, delta (|e| - delta / 2) beyond (Huber 1964) */
NET_INLINE vec net_huber(vec error, float delta)
{
    const vec a = vec_abs(error), near = vec_min(a, vec_set(delta));

    return vec_mul(near, vec_fma(near, vec_set(-0.5f), a));
}

/* e, no further from 0 than delta */
NET_INLINE vec net_huber_grad(vec error, float delta)
{
    return vec_max(vec_set(-delta), vec_min(vec_set(delta), error));
}

#endif
