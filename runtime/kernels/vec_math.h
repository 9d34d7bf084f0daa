/*
 * vec_math.h -- functions of a vec, of a few ulp: polynomials fitted as in Cephes (Moshier).
 */

#ifndef NET_VEC_MATH_H
#define NET_VEC_MATH_H

#include "kernels/vec.h"

/* Of NaN all of them are NaN, so that a network that diverged shows it in its loss: vec_min and
   vec_max give their second operand where one is NaN. */

/* x - k log 2, in two steps */
NET_INLINE vec vec_exp_rest(vec x, vec k)
{
    return vec_fma(k, vec_set(2.12194440e-4f), vec_fma(k, vec_set(-0.693359375f), x));
}

/* (e^r - 1 - r) / r^2 for |r| <= log 2 / 2 */
NET_INLINE vec vec_exp_curve(vec r)
{
    vec p = vec_set(1.9875691500e-4f);

    p = vec_fma(p, r, vec_set(1.3981999507e-3f));
    p = vec_fma(p, r, vec_set(8.3334519073e-3f));
    p = vec_fma(p, r, vec_set(4.1665795894e-2f));
    p = vec_fma(p, r, vec_set(1.6666665459e-1f));
    return vec_fma(p, r, vec_set(0.5f));
}

/* e^x = 2^k e^(x - k log 2), k the nearest integer; x is clamped to -87 .. 88 */
NET_INLINE vec vec_exp(vec x)
{
    /* 1.5 * 2^23: adding it rounds to an integer; and 127: the lowest bits are the exponent's */
    const vec magic = vec_set(12583039.0f);

    x = vec_max(vec_set(-87.0f), vec_min(vec_set(88.0f), x));
    const vec t = vec_fma(x, vec_set(1.44269504f), magic);
    const vec k = vec_sub(t, magic);
    const vec r = vec_exp_rest(x, k);
    const vec p = vec_fma(vec_mul(r, r), vec_exp_curve(r), vec_add(r, vec_set(1.0f)));
    return vec_mul(p, vec_from_bits(vec_bits(t) << 23));
}

/* log x for normal x > 0: x = 2^k (1 + f), sqrt(1/2) <= 1 + f < sqrt(2), s = f / (2 + f); NaN of
   what is not finite */
NET_INLINE vec vec_log(vec x)
{
    const net_u32 u = vec_bits(x) + (0x3f800000u - 0x3f3504f3u);
    const net_u32 e = (u >> 23) - 127u + 0x4b400000u; /* k in the low bits of 1.5 * 2^23 */
    const vec k = vec_sub(vec_from_bits(e), vec_set(12582912.0f));
    const vec one = vec_fma(x, vec_zero(), vec_set(1.0f));
    const vec f = vec_sub(vec_from_bits((u & 0x007fffffu) + 0x3f3504f3u), one);
    const vec s = vec_div(f, vec_add(f, vec_set(2.0f)));
    const vec z = vec_mul(s, s), w = vec_mul(z, z);
    const vec odd = vec_mul(z, vec_fma(w, vec_set(0.28498786688f), vec_set(0.66666662693f)));
    const vec even = vec_mul(w, vec_fma(w, vec_set(0.24279078841f), vec_set(0.40000972152f)));
    const vec half = vec_mul(vec_set(0.5f), vec_mul(f, f));
    vec y = vec_mul(s, vec_add(half, vec_add(odd, even)));

    y = vec_add(vec_sub(vec_fma(k, vec_set(9.0580006145e-06f), y), half), f);
    return vec_fma(k, vec_set(6.9313812256e-01f), y);
}

/* 1 / (1 + e^-x) */
NET_INLINE vec vec_sigmoid(vec x)
{
    const vec one = vec_set(1.0f);

    return vec_div(one, vec_add(one, vec_exp(vec_sub(vec_zero(), x))));
}

NET_INLINE vec vec_abs(vec x)
{
    return vec_from_bits(vec_bits(x) & 0x7fffffffu);
}

/* -1, +0 or 1 */
NET_INLINE vec vec_sign(vec x)
{
    const vec below = vec_if_greater(vec_zero(), x, vec_set(-1.0f), vec_zero());

    return vec_if_greater(x, vec_zero(), vec_set(1.0f), below);
}

/* tanh x: an odd polynomial below 0.625, 1 - 2 / (e^2|x| + 1) with the sign of x above */
NET_INLINE vec vec_tanh(vec x)
{
    const vec a = vec_abs(x), one = vec_set(1.0f);
    const vec e = vec_exp(vec_add(a, a));
    const vec far = vec_sub(one, vec_div(vec_set(2.0f), vec_add(e, one)));
    const vec signed_far = vec_from_bits(vec_bits(far) | (vec_bits(x) & 0x80000000u));
    const vec z = vec_mul(x, x);
    vec p = vec_set(-5.70498872745e-3f);

    p = vec_fma(p, z, vec_set(2.06390887954e-2f));
    p = vec_fma(p, z, vec_set(-5.37397155531e-2f));
    p = vec_fma(p, z, vec_set(1.33314422036e-1f));
    p = vec_fma(p, z, vec_set(-3.33332819422e-1f));
    p = vec_fma(vec_mul(p, z), x, x);
    return vec_if_greater(a, vec_set(0.625f), signed_far, p);
}

/* e^x - 1 for x <= 0, as exact near 0 as elsewhere: 2^k (e^r - 1) + 2^k - 1 */
NET_INLINE vec vec_expm1(vec x)
{
    const vec magic = vec_set(12582912.0f);

    x = vec_max(vec_set(-87.0f), vec_min(vec_zero(), x));
    const vec t = vec_fma(x, vec_set(1.44269504f), magic);
    const vec k = vec_sub(t, magic);
    const vec two_k = vec_from_bits((vec_bits(t) << 23) + 0x3f800000u);
    const vec r = vec_exp_rest(x, k);
    const vec p = vec_fma(vec_mul(r, r), vec_exp_curve(r), r);
    return vec_fma(two_k, p, vec_sub(two_k, vec_set(1.0f)));
}

/* log(1 + x) for x >= 0: the logarithm of u, which is 1 + x rounded, and what the rounding lost */
NET_INLINE vec vec_log1p(vec x)
{
    const vec one = vec_set(1.0f), u = vec_add(one, x);

    return vec_add(vec_log(u), vec_div(vec_sub(x, vec_sub(u, one)), u));
}

NET_INLINE float net_log1p(float x)
{
    _Alignas(64) float a[16];

    vec_store(a, vec_log1p(vec_set(x)));
    return a[0];
}

/* sin and cos of an angle a of -pi/4 .. pi/4 that is turned by so many quarters */
NET_INLINE void vec_sin_cos_quarter(vec a, net_u32 quarter, vec *sine, vec *cosine)
{
    const vec z = vec_mul(a, a);
    const net_u32 odd = (net_u32)((quarter & 1u) == 1u);
    vec s = vec_set(-1.9515295891e-4f), c = vec_set(2.443315711809948e-5f);

    s = vec_fma(s, z, vec_set(8.3321608736e-3f));
    s = vec_fma(s, z, vec_set(-1.6666654611e-1f));
    s = vec_fma(vec_mul(s, z), a, a);
    c = vec_fma(c, z, vec_set(-1.388731625493765e-3f));
    c = vec_fma(c, z, vec_set(4.166664568298827e-2f));
    c = vec_fma(vec_mul(c, z), z, vec_fma(vec_set(-0.5f), z, vec_set(1.0f)));
    const net_u32 sin_bits = (vec_bits(c) & odd) | (vec_bits(s) & ~odd);
    const net_u32 cos_bits = (vec_bits(s) & odd) | (vec_bits(c) & ~odd);
    *sine = vec_from_bits(sin_bits ^ ((quarter & 2u) << 30));
    *cosine = vec_from_bits(cos_bits ^ (((quarter + 1u) & 2u) << 30));
}

/* sin and cos of 2 pi u, 0 <= u < 1: of f pi / 2 with f in -1/2 .. 1/2, turned by quarters */
NET_INLINE void vec_sin_cos_turns(vec u, vec *sine, vec *cosine)
{
    const vec magic = vec_set(12582912.0f);
    const vec t = vec_fma(u, vec_set(4.0f), magic);
    const vec f = vec_fma(u, vec_set(4.0f), vec_sub(magic, t));

    vec_sin_cos_quarter(vec_mul(f, vec_set(1.57079633f)), vec_bits(t), sine, cosine);
}

#endif
