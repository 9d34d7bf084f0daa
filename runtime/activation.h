/*
 * activation.h -- activations of more than one step, their gradients, and the noise of training:
 * what generated code calls an element. f(+0) and f'(x) (+0) are +0, unless said otherwise.
 */

#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include "random.h"
#include "vec.h"

/* scale x above 0, scale alpha (e^x - 1) below: elu (Clevert, Unterthiner, Hochreiter 2016); with
   its two numbers selu (Klambauer et al. 2017) */
NET_INLINE vec net_elu(vec x, float alpha, float scale)
{
    const vec below = vec_mul(vec_set(scale * alpha), vec_expm1(x));

    return vec_if_greater(x, vec_zero(), vec_mul(vec_set(scale), x), below);
}

/* scale dy above 0, scale alpha e^x dy below */
NET_INLINE vec net_elu_grad(vec x, vec dy, float alpha, float scale)
{
    const vec below = vec_mul(vec_set(scale * alpha), vec_exp(vec_min(vec_zero(), x)));

    return vec_mul(dy, vec_if_greater(x, vec_zero(), vec_set(scale), below));
}

/* The share of a standard normal distribution that lies below x. */
NET_INLINE vec net_normal_below(vec x)
{
    return vec_fma(vec_set(0.5f), vec_erf(vec_mul(x, vec_set(0.70710678f))), vec_set(0.5f));
}

/* x times the share below it (Hendrycks and Gimpel 2016), not its approximation by a tanh */
NET_INLINE vec net_gelu(vec x)
{
    return vec_mul(x, net_normal_below(x));
}

/* dy (share + x density) */
NET_INLINE vec net_gelu_grad(vec x, vec dy)
{
    const vec e = vec_exp(vec_mul(vec_mul(x, x), vec_set(-0.5f)));
    const vec density = vec_mul(e, vec_set(0.39894228f));

    return vec_mul(dy, vec_fma(x, density, net_normal_below(x)));
}

/* log(1 + e^x); of 0 it is log 2 */
NET_INLINE vec net_softplus(vec x)
{
    const vec e = vec_exp(vec_sub(vec_zero(), vec_abs(x)));

    return vec_add(vec_max(vec_zero(), x), vec_log1p(e));
}

/* dy / (1 + e^-x) */
NET_INLINE vec net_softplus_grad(vec x, vec dy)
{
    return vec_mul(dy, vec_sigmoid(x));
}

/* x relu6(x + 3) / 6 (Howard et al. 2019) */
NET_INLINE vec net_hardswish(vec x)
{
    const vec six = vec_set(6.0f), up = vec_add(x, vec_set(3.0f));

    return vec_div(vec_mul(x, vec_min(six, vec_max(vec_zero(), up))), six);
}

/* 0 up to -3, dy (x / 3 + 1/2) up to 3, dy beyond */
NET_INLINE vec net_hardswish_grad(vec x, vec dy)
{
    const vec three = vec_set(3.0f);
    const vec slope = vec_fma(x, vec_set(1.0f / 3.0f), vec_set(0.5f));
    const vec below = vec_if_greater(three, x, vec_mul(dy, slope), dy);

    return vec_if_greater(x, vec_set(-3.0f), below, vec_zero());
}

/* ---- Random draws: sixteen elements of four images ------------------------------------------- */

NET_INLINE void net_multiply_high_low(net_u32 *high, net_u32 *low, net_u32 a, uint32_t b)
{
    const net_u64 even = ((net_u64)a & 0xffffffffu) * (uint64_t)b;
    const net_u64 odd = ((net_u64)a >> 32) * (uint64_t)b;

    *low = (net_u32)((even & 0xffffffffu) | (odd << 32));
    *high = (net_u32)((even >> 32) | (odd & 0xffffffff00000000u));
}

/* draw[k]: word k of net_philox, sixteen at once, for elements element + step * (0 to 15) of rows
   4 `group` + (0 to 3) */
NET_INLINE void vec_philox(net_u32 draw[4], const uint32_t key[2], uint32_t element, uint32_t step,
                           uint32_t group, uint32_t time, uint32_t purpose)
{
    const net_u32 zero = { 0 };
    net_u32 c0 = vec_lanes() * step + element, c1 = zero + group, c2 = zero + time;
    net_u32 c3 = zero + purpose;
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        net_u32 high0, low0, high2, low2;

        net_multiply_high_low(&high0, &low0, c0, 0xD2511F53u);
        net_multiply_high_low(&high2, &low2, c2, 0xCD9E8D57u);
        c0 = high2 ^ c1 ^ k0, c1 = low2;
        c2 = high0 ^ c3 ^ k1, c3 = low0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }
    draw[0] = c0, draw[1] = c1, draw[2] = c2, draw[3] = c3;
}

/* keep[k] = scale where the draw of row 4 `group` + k is at least `threshold`, else 0
   (net_dropout_draw) */
NET_INLINE void vec_dropout(vec keep[4], const uint32_t key[2], uint32_t element, uint32_t step,
                            uint32_t group, uint32_t time, uint32_t stream, uint32_t threshold,
                            float scale)
{
    const net_u32 on = vec_bits(vec_set(scale));
    net_u32 draw[4];

    vec_philox(draw, key, element, step, group, time, NET_RANDOM_DROPOUT + stream);
    for (int k = 0; k < 4; k++)
        keep[k] = vec_from_bits(on & (net_u32)(draw[k] >= threshold));
}

/* the upper 24 bits of a draw as a fraction, 0 <= u < 1 */
NET_INLINE vec net_fraction(net_u32 draw)
{
    const net_f32 f = __builtin_convertvector(draw >> 8, net_f32);
    vec x;

    memcpy(&x, &f, sizeof x);
    return vec_mul(x, vec_set(0x1p-24f));
}

/* noise[k]: normal draws of deviation std for row 4 `group` + k, two from each two words (Box and
   Muller 1958) */
NET_INLINE void vec_gaussian_noise(vec noise[4], const uint32_t key[2], uint32_t element,
                                   uint32_t step, uint32_t group, uint32_t time, uint32_t stream,
                                   float std)
{
    net_u32 draw[4];

    vec_philox(draw, key, element, step, group, time, NET_RANDOM_NOISE + stream);
    for (int k = 0; k < 4; k += 2) {
        const vec from = vec_add(net_fraction(draw[k]), vec_set(0x1p-24f));
        const vec square = vec_max(vec_zero(), vec_mul(vec_set(-2.0f), vec_log(from)));
        const vec radius = vec_mul(vec_set(std), vec_sqrt(square));
        vec sine, cosine;

        vec_sin_cos_turns(net_fraction(draw[k + 1]), &sine, &cosine);
        noise[k] = vec_mul(radius, cosine);
        noise[k + 1] = vec_mul(radius, sine);
    }
}

#endif
