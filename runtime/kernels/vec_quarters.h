/*
 * vec_quarters.h -- a vec on other processors than x86-64: clang's vector of sixteen floats, which
 * it holds in four registers of 128 bits (NEON, WebAssembly) or lane by lane (RISC-V).
 *
 * The operations are IEEE's and give x86-64's bits; max, min and comparisons choose as x86-64's do.
 * WebAssembly alone has no fused multiply-add: there vec_fma rounds twice.
 */

#ifndef NET_VEC_QUARTERS_H
#define NET_VEC_QUARTERS_H

#ifdef __ARM_NEON
#include <arm_neon.h>
#endif

typedef float vec __attribute__((vector_size(64)));
typedef int32_t net_vec_mask __attribute__((vector_size(64)));

NET_INLINE vec vec_set(float x)
{
    return (vec){x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x};
}
NET_INLINE vec vec_load(const float *p)
{
    return *(const vec *)__builtin_assume_aligned(p, 64);
}
NET_INLINE void vec_store(float *p, vec x)
{
    *(vec *)__builtin_assume_aligned(p, 64) = x;
}
NET_INLINE void vec_stream(float *p, vec x)
{
    vec_store(p, x);
}
NET_INLINE vec vec_add(vec x, vec y)
{
    return x + y;
}
NET_INLINE vec vec_sub(vec x, vec y)
{
    return x - y;
}
NET_INLINE vec vec_mul(vec x, vec y)
{
    return x * y;
}
NET_INLINE vec vec_div(vec x, vec y)
{
    return x / y;
}

/* x in lanes of the mask, else y */
NET_INLINE vec vec_choose(net_vec_mask mask, vec x, vec y)
{
    return (vec)(((net_vec_mask)x & mask) | ((net_vec_mask)y & ~mask));
}

/* x where a > b, else y */
NET_INLINE vec vec_if_greater(vec a, vec b, vec x, vec y)
{
    return vec_choose(a > b, x, y);
}
NET_INLINE vec vec_max(vec x, vec y)
{
    return vec_choose(x > y, x, y);
}
NET_INLINE vec vec_min(vec x, vec y)
{
    return vec_choose(x < y, x, y);
}

NET_INLINE vec vec_sqrt(vec x)
{
    NET_UNROLL(i, 16)
        x[i] = __builtin_sqrtf(x[i]);
    return x;
}

/* a b + c, rounded once, where the processor can */
NET_INLINE vec vec_fma(vec a, vec b, vec c)
{
#if defined(__ARM_NEON)
    float32x4_t p[4], q[4], r[4];

    memcpy(p, &a, sizeof p);
    memcpy(q, &b, sizeof q);
    memcpy(r, &c, sizeof r);
    NET_UNROLL(i, 4)
        r[i] = vfmaq_f32(r[i], p[i], q[i]);
    memcpy(&c, r, sizeof c);
    return c;
#elif defined(__wasm__)
    return a * b + c;
#else
    NET_UNROLL(i, 16)
        c[i] = __builtin_fmaf(a[i], b[i], c[i]);
    return c;
#endif
}

#endif
