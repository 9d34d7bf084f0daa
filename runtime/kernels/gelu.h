/*
 * gelu.h -- gelu (Hendrycks and Gimpel 2016, by erf) and its gradient, without an exponential.
 *
 * The one idea: gelu(x) = max(x, 0) + b F(b) with b = -|x|, F the share of a standard normal
 * distribution below b; its slope is F(b) + b f(b), f the density, and above 0 what is left of 1.
 * Both fall to 0, and are polynomials of the distance to the nearest of sixteen multiples of a
 * step, whose coefficients are looked up. Beyond the last multiple they are 0.
 *
 * Polynomials are of the least largest error that coefficients in floats have, rounded one after
 * another from the lowest on; the first is of b up to 0, the last of b from its multiple on. Steps
 * are such that both functions are nearly floats at the first seven multiples. Errors are held to
 * PyTorch's by tests/kernels/gelu.c.
 *
 * Needs: vec.h. Gives: net_gelu, net_gelu_grad.
 */

#ifndef NET_GELU_H
#define NET_GELU_H

#include "kernels/vec.h"

/* sum of c[i][k] u^i, i = 0 to `degree`; k = 0 to 15, |u| the least with b = u - k step; b: from
   -15 step to 0 */
NET_INLINE vec net_near_multiples(const float c[][16], int degree, float step, vec b)
{
    const vec magic = vec_set(12582912.0f); /* 1.5 * 2^23: adding it rounds to an integer */
    const vec t = vec_fma(b, vec_set(-1.0f / step), magic);
    const vec u = vec_fma(vec_sub(t, magic), vec_set(step), b);
    const net_u32 k = vec_bits(t); /* and higher bits */
    vec p = vec_look_up(c[degree], k);

    NET_UNROLL(i, degree)
        p = vec_fma(p, u, vec_look_up(c[degree - 1 - i], k));
    return p;
}

/* -|x|, but `least` below that; NaN of NaN */
NET_INLINE vec net_below_zero(vec x, float least)
{
    return vec_max(vec_set(least), vec_from_bits(vec_bits(x) | 0x80000000u));
}

NET_INLINE vec net_gelu(vec x)
{
    static const _Alignas(64) float share[6][16] = {
        {0.5f, 0.345893562f, 0.213929132f, 0.117162213f, 0.0564009808f, 0.023730956f,
         0.00868959539f, 0.00275994302f, 0.000758405775f, 0.000179941504f, 3.6804322e-05f,
         6.4811461e-06f, 9.8162127e-07f, 1.27764579e-07f, 1.42807375e-08f, 0.0f},
        {0.398942262f, 0.368793905f, 0.291343123f, 0.19668588f, 0.113472067f, 0.0559438094f,
         0.0235701576f, 0.00848633703f, 0.00261111208f, 0.000686559593f, 0.000154269001f,
         2.96228627e-05f, 4.8609777e-06f, 6.81661902e-07f, 8.16890378e-08f, 3.50141647e-07f},
        {-1.04412425e-06f, 0.0730988532f, 0.115495645f, 0.116957955f, 0.0899682194f, 0.0554455817f,
         0.0280323401f, 0.0117749162f, 0.00414038263f, 0.0012246673f, 0.000305725116f,
         6.45661785e-05f, 1.15556522e-05f, 1.75498008e-06f, 2.26401724e-07f, -1.37261595e-05f},
        {-0.0665091425f, -0.0518045723f, -0.0180325564f, 0.0135840382f, 0.0286417007f,
         0.0273096152f, 0.0182974618f, 0.00947772339f, 0.00394199695f, 0.00134215539f,
         0.000378319848f, 8.8925146e-05f, 1.75163495e-05f, 2.90167532e-06f, 4.05303609e-07f,
         0.000193983738f},
        {-0.000139298965f, -0.0171690583f, -0.0226679519f, -0.0154035836f, -0.00368965464f,
         0.00421712268f, 0.00616709003f, 0.00460782042f, 0.00244511547f, 0.00100232661f,
         0.00032890556f, 8.80431544e-05f, 1.9447416e-05f, 3.57128829e-06f, 5.48131084e-07f,
         -0.00111700001f},
        {0.00957943033f, 0.00634693308f, -0.000894740748f, -0.00565659348f, -0.00541470945f,
         -0.00240467419f, 0.000187929472f, 0.00112525234f, 0.000950972433f, 0.000509209058f,
         0.000202157244f, 6.28641938e-05f, 1.57276718e-05f, 3.21535572e-06f, 5.42454643e-07f,
         0.00225279178f},
    };
    const float step = 51961.0f / 131072.0f;
    const vec b = net_below_zero(x, -15.0f * step);

    return vec_fma(b, net_near_multiples(share, 5, step, b), vec_max(vec_zero(), x));
}

NET_INLINE vec net_gelu_grad(vec x, vec dy)
{
    static const _Alignas(64) float slope[7][16] = {
        {0.5f, 0.166949049f, -0.0526267774f, -0.127596542f, -0.107870094f, -0.0613261871f,
         -0.0261433311f, -0.0086858226f, -0.00228998973f, -0.000483848096f, -8.24188101e-05f,
         -1.13623801e-05f, -1.27114458e-06f, -1.1561994e-07f, -8.56244853e-09f, 0.0f},
        {0.797884583f, 0.650723994f, 0.323312134f, 0.0347085372f, -0.0959157571f, -0.0988113359f,
         -0.0575690605f, -0.023771517f, -0.00742570916f, -0.00180560583f, -0.000347003865f,
         -5.31946171e-05f, -6.54392852e-06f, -6.4872853e-07f, -5.19827594e-08f, -1.68572569e-07f},
        {1.71568195e-06f, 0.305973828f, 0.383096874f, 0.241422027f, 0.0597110763f, -0.0358261727f,
         -0.0470725857f, -0.0274857469f, -0.0107649537f, -0.00310682086f, -0.000686607498f,
         -0.000118544078f, -1.61815933e-05f, -1.76004562e-06f, -1.53371971e-07f, 8.61167882e-06f},
        {-0.265918314f, -0.159494966f, 0.0415368825f, 0.144632146f, 0.11059171f, 0.0339108557f,
         -0.00944265071f, -0.0156706311f, -0.00884963665f, -0.00320820441f, -0.000839893473f,
         -0.000166249214f, -2.54736387e-05f, -3.06397169e-06f, -2.91941262e-07f, -0.000164856392f},
        {0.000499773596f, -0.106336012f, -0.0985179693f, -0.0139532788f, 0.0414737165f,
         0.0370194614f, 0.0118693914f, -0.00225981534f, -0.00409310497f, -0.00213844818f,
         -0.000699746772f, -0.000163282137f, -2.856426e-05f, -3.8432604e-06f, -4.0380931e-07f,
         0.00142516592f},
        {0.0627610311f, 0.0253537465f, -0.0283204038f, -0.03734079f, -0.0100167962f, 0.00999110006f,
         0.00979814027f, 0.00299617881f, -0.000536940701f, -0.000874539081f, -0.000410158216f,
         -0.000119673758f, -2.47626431e-05f, -3.82476628e-06f, -4.52809871e-07f, -0.0056814095f},
        {0.00839247927f, 0.0215886813f, 0.0138185238f, -0.00615532603f, -0.0110235838f,
         -0.003246404f, 0.00231840089f, 0.00216649682f, 0.000559516542f, -0.000136072063f,
         -0.000157890521f, -6.33173913e-05f, -1.5977268e-05f, -2.8611712e-06f, -3.8193204e-07f,
         0.00849456713f},
    };
    const float step = 58411.0f / 131072.0f;
    const vec below = net_near_multiples(slope, 6, step, net_below_zero(x, -15.0f * step));

    return vec_mul(dy, vec_if_greater(x, vec_zero(), vec_sub(vec_set(1.0f), below), below));
}

#endif
