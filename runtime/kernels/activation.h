/*
 * activation.h -- activations of more than one step, their gradients, and the noise of training:
 * what generated code calls an element. f(+0) and f'(x) (+0) are +0, unless said otherwise.
 */

#ifndef NET_ACTIVATION_H
#define NET_ACTIVATION_H

#include "core/random.h"
#include "kernels/gelu.h"
#include "kernels/vec_math.h"

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

/* x tanh(log(1 + e^x)) (Misra 2019) */
NET_INLINE vec net_mish(vec x)
{
    return vec_mul(x, vec_tanh(net_softplus(x)));
}

/* dy (t + x (1 - t^2) sigmoid(x)), t = tanh(log(1 + e^x)) */
NET_INLINE vec net_mish_grad(vec x, vec dy)
{
    const vec t = vec_tanh(net_softplus(x));
    const vec slope = vec_mul(vec_sub(vec_set(1.0f), vec_mul(t, t)), vec_sigmoid(x));

    return vec_mul(dy, vec_fma(x, slope, t));
}

/* x / (1 + |x|) (Bergstra et al. 2009) */
NET_INLINE vec net_softsign(vec x)
{
    return vec_div(x, vec_add(vec_set(1.0f), vec_abs(x)));
}

/* dy / (1 + |x|)^2 */
NET_INLINE vec net_softsign_grad(vec x, vec dy)
{
    const vec size = vec_add(vec_set(1.0f), vec_abs(x));

    return vec_div(dy, vec_mul(size, size));
}

/* e^x: infinite above 88.72, 0 below -86.6, where it is less than 3e-38 */
NET_INLINE vec net_exp(vec x)
{
    /* half of 2^k is a float for each k that the result has; magic as in vec_exp */
    const vec magic = vec_set(12583038.0f), least = vec_set(-86.6f);
    const vec inside = vec_max(least, vec_min(vec_set(89.0f), x));
    const vec t = vec_fma(inside, vec_set(1.44269504f), magic);
    const vec r = vec_exp_rest(inside, vec_sub(t, magic));
    const vec p = vec_fma(vec_mul(r, r), vec_exp_curve(r), vec_add(r, vec_set(1.0f)));
    const vec half = vec_mul(p, vec_from_bits(vec_bits(t) << 23));

    return vec_if_greater(least, x, vec_zero(), vec_add(half, half));
}

/* log x: -infinity of 0, NaN below */
NET_INLINE vec net_log(vec x)
{
    const vec most = vec_set(3.40282347e38f), least = vec_set(1.17549435e-38f);
    const vec y = vec_if_greater(least, x, vec_set(-INFINITY), vec_log(x));

    return vec_if_greater(x, most, x, vec_if_greater(vec_zero(), x, vec_set(NAN), y));
}

/* Sine and cosine of x: of what is left of the nearest multiple of pi / 2, which has three floats;
   of |x| above 2e5, where the nearest may be missed, by the library's. */
NET_INLINE void net_sin_cos(vec x, vec *sine, vec *cosine)
{
    const vec magic = vec_set(12582912.0f);
    const vec t = vec_fma(x, vec_set(0.636619772f), magic), k = vec_sub(magic, t);
    const vec r = vec_fma(k, vec_set(1.57079637f), x);

    vec_sin_cos_quarter(
        vec_fma(k, vec_set(-1.71512451e-15f), vec_fma(k, vec_set(-4.37113883e-8f), r)), vec_bits(t),
        sine, cosine);
    if (vec_lane_bits(vec_if_greater(vec_abs(x), vec_set(2e5f), x, vec_zero()))) {
        _Alignas(64) float at[16], s[16], c[16];

        vec_store(at, x);
        for (int i = 0; i < 16; i++)
            s[i] = (float)sin((double)at[i]), c[i] = (float)cos((double)at[i]);
        *sine = vec_load(s), *cosine = vec_load(c);
    }
}

NET_INLINE vec net_sin(vec x)
{
    vec sine, cosine;

    net_sin_cos(x, &sine, &cosine);
    return sine;
}

NET_INLINE vec net_cos(vec x)
{
    vec sine, cosine;

    net_sin_cos(x, &sine, &cosine);
    return cosine;
}

/* -dy sin x */
NET_INLINE vec net_cos_grad(vec x, vec dy)
{
    return vec_sub(vec_zero(), vec_mul(dy, net_sin(x)));
}

/* -dy y^2 */
NET_INLINE vec net_reciprocal_grad(vec y, vec dy)
{
    return vec_sub(vec_zero(), vec_mul(dy, vec_mul(y, y)));
}

/* x, but least and most where it is beyond them */
NET_INLINE vec net_clamp(vec x, float least, float most)
{
    return vec_max(vec_set(least), vec_min(vec_set(most), x));
}

/* dy where least <= x <= most */
NET_INLINE vec net_clamp_grad(vec x, vec dy, float least, float most)
{
    const vec inside = vec_if_greater(x, vec_set(most), vec_zero(), dy);

    return vec_if_greater(vec_set(least), x, vec_zero(), inside);
}

/* The larger of a and b; NaN where one is. */
NET_INLINE vec net_maximum(vec a, vec b)
{
    const net_u32 none = (net_u32)((vec_bits(a) & 0x7fffffffu) > 0x7f800000u);

    return vec_from_bits((vec_bits(a) & none) | (vec_bits(vec_max(a, b)) & ~none));
}

/* dy where a is the larger, half of it where it is b too (as PyTorch) */
NET_INLINE vec net_maximum_grad(vec a, vec b, vec dy)
{
    const vec both = vec_if_greater(b, a, vec_zero(), vec_mul(vec_set(0.5f), dy));

    return vec_if_greater(a, b, dy, both);
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

/* relu6(x + 3) / 6 (Howard et al. 2019); of 0 it is 1/2 */
NET_INLINE vec net_hardsigmoid(vec x)
{
    const vec six = vec_set(6.0f), up = vec_add(x, vec_set(3.0f));

    return vec_div(vec_min(six, vec_max(vec_zero(), up)), six);
}

/* dy / 6 where 0 < y < 1 */
NET_INLINE vec net_hardsigmoid_grad(vec y, vec dy)
{
    const vec slope = vec_mul(vec_set(1.0f / 6.0f), dy);
    const vec below = vec_if_greater(vec_set(1.0f), y, slope, vec_zero());

    return vec_if_greater(y, vec_zero(), below, vec_zero());
}

/* ---- Random draws: sixteen elements of four images ------------------------------------------- */

/* Of one block of sixteen elements, what draws for all its images share: the products of Philox's
   first three rounds that the row takes no part in. A product of 32 bits fills a lane of 64, so the
   words of even and of odd elements lie apart, each in the low half of such a lane; what is above
   it is never read. */
struct net_draws {
    net_u64 a0[2], b1[2], a2[2]; /* by round: a of the first word, b of the third */
    uint32_t key[2];
    uint32_t c0;     /* the first word after a round, but for the row */
    net_u32 word[4]; /* of dropout: drawn for eight images, of which half are in use */
    uint32_t held;   /* which eight, in eights */
};

/* (Where clang knows more of a word, it moves the mask elsewhere and multiplies 64 bits by 64.) */
NET_INLINE net_u64 net_philox_product(net_u64 word, uint32_t factor)
{
#ifdef __AVX512F__
    __asm__("" : "+v"(word));
#endif
    return (word & 0xffffffffu) * (uint64_t)factor;
}

/* elements element + step * (0 to 15) */
NET_INLINE struct net_draws net_begin_draws(const uint32_t key[2], uint32_t element, uint32_t step,
                                            uint32_t time, uint32_t purpose)
{
    const uint64_t b0 = (uint64_t)0xCD9E8D57u * time;
    struct net_draws d = {
        .key = {key[0], key[1]},
        .c0 = (uint32_t)(b0 >> 32) ^ key[0],
        .held = UINT32_MAX,
    };

    NET_UNROLL(odd, 2) {
        const net_u64 lane = (net_u64){0, 2, 4, 6, 8, 10, 12, 14} + (uint64_t)odd;

        d.a0[odd] = net_philox_product(lane * step + element, 0xD2511F53u);
        d.b1[odd] = net_philox_product((d.a0[odd] >> 32) ^ (purpose ^ key[1]), 0xCD9E8D57u);
        d.a2[odd] = net_philox_product((d.b1[odd] >> 32) ^ ((uint32_t)b0 ^ (key[0] + 0x9E3779B9u)),
                                       0xD2511F53u);
    }
    return d;
}

/* The low halves of both, in turns: a word of all sixteen elements. */
NET_INLINE net_u32 net_join_words(net_u64 even, net_u64 odd)
{
    return __builtin_shufflevector((net_u32)even, (net_u32)odd, 0, 16, 2, 18, 4, 20, 6, 22, 8, 24,
                                   10, 26, 12, 28, 14, 30);
}

/* draw[k]: word k of net_philox, sixteen at once, with `group` for the rows: the other products of
   the second and third round, then seven rounds */
NET_INLINE void net_draw(net_u32 draw[4], const struct net_draws *d, uint32_t group)
{
    const uint64_t a1 = (uint64_t)0xD2511F53u * (d->c0 ^ group), a1_high = a1 >> 32;
    uint32_t k0 = d->key[0] + 2 * 0x9E3779B9u, k1 = d->key[1] + 2 * 0xBB67AE85u;
    net_u64 c0[2], c1[2], c2[2], c3[2];

    NET_UNROLL(odd, 2) {
        c1[odd] = net_philox_product(d->a0[odd] ^ (a1_high ^ (d->key[1] + 0xBB67AE85u)),
                                     0xCD9E8D57u);
        c0[odd] = (c1[odd] >> 32) ^ d->b1[odd] ^ k0;
        c3[odd] = d->a2[odd];
        c2[odd] = (c3[odd] >> 32) ^ (a1 ^ k1);
    }
    NET_UNROLL(round, 7) {
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
        NET_UNROLL(odd, 2) {
            const net_u64 a = net_philox_product(c0[odd], 0xD2511F53u);
            const net_u64 b = net_philox_product(c2[odd], 0xCD9E8D57u);

            c0[odd] = (b >> 32) ^ c1[odd] ^ k0, c1[odd] = b;
            c2[odd] = (a >> 32) ^ c3[odd] ^ k1, c3[odd] = a;
        }
    }
    draw[0] = net_join_words(c0[0], c0[1]);
    draw[1] = net_join_words(c1[0], c1[1]);
    draw[2] = net_join_words(c2[0], c2[1]);
    draw[3] = net_join_words(c3[0], c3[1]);
}

/* keep[k] = scale where the draw of row 4 `group` + k is at least `threshold`, else 0
   (net_dropout_draw): words are drawn for an even group, whose draws are their low halves, and held
   for the odd one after it */
NET_INLINE void vec_dropout(vec keep[4], struct net_draws *draws, uint32_t group,
                            uint32_t threshold, float scale)
{
    const net_u32 on = vec_bits(vec_set(scale));

    if (draws->held != group / 2) {
        net_draw(draws->word, draws, group / 2);
        draws->held = group / 2;
    }
    NET_UNROLL(k, 4) {
        const net_u32 draw = group % 2 ? draws->word[k] : draws->word[k] << 16;

        keep[k] = vec_from_bits(on & (net_u32)(draw >= threshold << 16));
    }
}

/* What dropout keeps of four images, a bit a lane, for backward to read. */
NET_INLINE void net_write_mask(uint16_t *mask, const vec keep[4])
{
    NET_UNROLL(k, 4)
        mask[k] = vec_lane_bits(keep[k]);
}

/* keep[k] = scale where the bit is set, else 0 */
NET_INLINE void net_read_mask(vec keep[4], const uint16_t *mask, float scale)
{
    NET_UNROLL(k, 4)
        keep[k] = vec_where_bits(mask[k], vec_set(scale));
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
NET_INLINE void vec_gaussian_noise(vec noise[4], const struct net_draws *draws, uint32_t group,
                                   float std)
{
    net_u32 draw[4];

    net_draw(draw, draws, group);
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
