/*
 * vec.h -- the SIMD vocabulary: `vec`, sixteen floats, on every target.
 *
 * On x86-64 it is over SIMDe: AVX-512 holds a vec in one register, AVX2 in two, and plain x86-64 is
 * SIMDe's emulation, with fmaf for the fused multiply-add that it does not have. Other processors
 * take it in quarters (vec_quarters.h). The order of operations in a lane, and of sums over lanes,
 * is the same everywhere: so are the bits, but for WebAssembly's, which cannot fuse. No function of
 * libm is called but fmaf, which is exact.
 */

#ifndef NET_VEC_H
#define NET_VEC_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__AVX2__) && defined(__FMA__) && !defined(__AVX512F__)
#define NET_VEC_PAIR 1
#include <simde/x86/avx2.h>
#include <simde/x86/fma.h>
#elif defined(__x86_64__)
/* clang warns of vectors wider than a register at calls; every function here is inlined */
#pragma GCC diagnostic ignored "-Wpsabi"
/* the whole of simde/x86/avx512.h takes clang another 0.1 s a file */
#include <simde/x86/avx512/add.h>
#include <simde/x86/avx512/cmp.h>
#include <simde/x86/avx512/div.h>
#include <simde/x86/avx512/fmadd.h>
#include <simde/x86/avx512/load.h>
#include <simde/x86/avx512/max.h>
#include <simde/x86/avx512/min.h>
#include <simde/x86/avx512/mov.h>
#include <simde/x86/avx512/mul.h>
#include <simde/x86/avx512/set1.h>
#include <simde/x86/avx512/store.h>
#include <simde/x86/avx512/sub.h>
#endif

#define NET_INLINE static inline __attribute__((always_inline))

/* ThreadSanitizer looks at no access of more than 16 bytes, so it is told of them. */
#ifdef __has_feature
#if __has_feature(thread_sanitizer)
void __tsan_read_range(const void *at, unsigned long size);
void __tsan_write_range(void *at, unsigned long size);
#define NET_READS(p) __tsan_read_range(p, 64)
#define NET_WRITES(p) __tsan_write_range(p, 64)
#endif
#endif
#ifndef NET_READS
#define NET_READS(p)
#define NET_WRITES(p)
#endif

/* Loops that become straight code, and that stay loops; in a trainer others stay loops too. */
#ifdef __clang__
#define NET_UNROLLED _Pragma("clang loop unroll(full)")
#define NET_REPEAT(k, n) _Pragma("clang loop unroll(disable)") for (long k = 0; k < (n); k++)
#else
#define NET_UNROLLED _Pragma("GCC unroll 16")
#define NET_REPEAT(k, n) _Pragma("GCC unroll 1") for (long k = 0; k < (n); k++)
#endif
#define NET_UNROLL(i, n) NET_UNROLLED for (int i = 0; i < (n); i++)
#define NET_UNROLL_HALVES(half, n) NET_UNROLLED for (int half = (n) / 2; half > 0; half /= 2)

/* vec_stream stores past the caches: what is larger than they are would first be read from memory,
 * line by line, to be overwritten. vec_fence stands between that and the barrier after which other
 * threads read it. */

/* Vectors wider than the target's registers are passed to inlined functions only. */
#pragma GCC diagnostic ignored "-Wpsabi"

#ifdef NET_VEC_PAIR

typedef struct vec {
    simde__m256 low, high;
} vec;

#define NET_PAIR1(f, x) ((vec){f((x).low), f((x).high)})
#define NET_PAIR2(f, x, y) ((vec){f((x).low, (y).low), f((x).high, (y).high)})

NET_INLINE vec vec_set(float x)
{
    const simde__m256 v = simde_mm256_set1_ps(x);

    return (vec){v, v};
}

NET_INLINE vec vec_load(const float *p)
{
    NET_READS(p);
    return (vec){simde_mm256_load_ps(p), simde_mm256_load_ps(p + 8)};
}

NET_INLINE void vec_store(float *p, vec x)
{
    NET_WRITES(p);
    simde_mm256_store_ps(p, x.low);
    simde_mm256_store_ps(p + 8, x.high);
}
NET_INLINE void vec_stream(float *p, vec x)
{
    simde_mm256_stream_ps(p, x.low);
    simde_mm256_stream_ps(p + 8, x.high);
}

NET_INLINE vec vec_add(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_add_ps, x, y);
}
NET_INLINE vec vec_sub(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_sub_ps, x, y);
}
NET_INLINE vec vec_mul(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_mul_ps, x, y);
}
NET_INLINE vec vec_div(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_div_ps, x, y);
}
NET_INLINE vec vec_max(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_max_ps, x, y);
}
NET_INLINE vec vec_min(vec x, vec y)
{
    return NET_PAIR2(simde_mm256_min_ps, x, y);
}
NET_INLINE vec vec_sqrt(vec x)
{
    return NET_PAIR1(simde_mm256_sqrt_ps, x);
}

/* a b + c, rounded once */
NET_INLINE vec vec_fma(vec a, vec b, vec c)
{
    return (vec){simde_mm256_fmadd_ps(a.low, b.low, c.low),
                 simde_mm256_fmadd_ps(a.high, b.high, c.high)};
}

/* x where a > b, else y */
NET_INLINE vec vec_if_greater(vec a, vec b, vec x, vec y)
{
    return (vec){
        simde_mm256_blendv_ps(y.low, x.low, simde_mm256_cmp_ps(a.low, b.low, SIMDE_CMP_GT_OQ)),
        simde_mm256_blendv_ps(y.high, x.high, simde_mm256_cmp_ps(a.high, b.high, SIMDE_CMP_GT_OQ)),
    };
}

#elif defined(__x86_64__)

typedef simde__m512 vec;

NET_INLINE vec vec_set(float x)
{
    return simde_mm512_set1_ps(x);
}
NET_INLINE vec vec_load(const float *p)
{
    NET_READS(p);
    return simde_mm512_load_ps(p);
}
NET_INLINE void vec_store(float *p, vec x)
{
    NET_WRITES(p);
    simde_mm512_store_ps(p, x);
}
#ifdef __AVX512F__
NET_INLINE void vec_stream(float *p, vec x)
{
    _mm512_stream_ps(p, x);
}
#else
NET_INLINE void vec_stream(float *p, vec x)
{
    simde_mm512_store_ps(p, x);
}
#endif
NET_INLINE vec vec_add(vec x, vec y)
{
    return simde_mm512_add_ps(x, y);
}
NET_INLINE vec vec_sub(vec x, vec y)
{
    return simde_mm512_sub_ps(x, y);
}
NET_INLINE vec vec_mul(vec x, vec y)
{
    return simde_mm512_mul_ps(x, y);
}
NET_INLINE vec vec_div(vec x, vec y)
{
    return simde_mm512_div_ps(x, y);
}
NET_INLINE vec vec_max(vec x, vec y)
{
    return simde_mm512_max_ps(x, y);
}
NET_INLINE vec vec_min(vec x, vec y)
{
    return simde_mm512_min_ps(x, y);
}

/* lane by lane: SIMDe's comes with all of its SVML, a fifth of a second a compilation */
NET_INLINE vec vec_sqrt(vec x)
{
    float p[16];

    memcpy(p, &x, sizeof p);
    for (int i = 0; i < 16; i++)
        p[i] = __builtin_sqrtf(p[i]);
    memcpy(&x, p, sizeof x);
    return x;
}

/* a b + c, rounded once */
NET_INLINE vec vec_fma(vec a, vec b, vec c)
{
#ifdef __AVX512F__
    return simde_mm512_fmadd_ps(a, b, c);
#else
    float p[16], q[16], r[16];

    memcpy(p, &a, sizeof p);
    memcpy(q, &b, sizeof q);
    memcpy(r, &c, sizeof r);
    for (int i = 0; i < 16; i++)
        r[i] = fmaf(p[i], q[i], r[i]);
    memcpy(&c, r, sizeof r);
    return c;
#endif
}

/* x where a > b, else y */
NET_INLINE vec vec_if_greater(vec a, vec b, vec x, vec y)
{
    return simde_mm512_mask_mov_ps(y, simde_mm512_cmp_ps_mask(a, b, SIMDE_CMP_GT_OQ), x);
}

#else
#include "kernels/vec_quarters.h"
#endif

NET_INLINE vec vec_zero(void)
{
    return vec_set(0.0f);
}

/* +0 in a register of its own: the compiler, which would let equal values share one and then spill
   a tile, does not see what is in it. */
NET_INLINE vec vec_fresh_zero(void)
{
    vec x = vec_zero();

#if defined(NET_VEC_PAIR)
    __asm__("" : "+x"(x.low), "+x"(x.high));
#elif defined(__AVX512F__)
    __asm__("" : "+v"(x));
#endif
    return x;
}

/* ---- The same sixteen lanes as integers: clang's vectors, where SIMDe 0.7.4 has gaps --------- */

typedef float net_f32 __attribute__((vector_size(64)));
typedef double net_f64 __attribute__((vector_size(128)));
typedef uint32_t net_u32 __attribute__((vector_size(64)));
typedef int32_t net_i32 __attribute__((vector_size(64)));
typedef uint64_t net_u64 __attribute__((vector_size(64)));
typedef uint8_t net_u8 __attribute__((vector_size(16)));

NET_INLINE net_u32 vec_bits(vec x)
{
    net_u32 u;

    memcpy(&u, &x, sizeof u);
    return u;
}

NET_INLINE vec vec_from_bits(net_u32 u)
{
    vec x;

    memcpy(&x, &u, sizeof x);
    return x;
}

/* 0, 1, ... 15 */
NET_INLINE net_u32 vec_lanes(void)
{
    return (net_u32){0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
}

/* the first `lanes` lanes of x, `rest` in the others */
NET_INLINE vec vec_first(int lanes, vec x, vec rest)
{
    const net_u32 in = (net_u32)(vec_lanes() < (uint32_t)lanes);

    return vec_from_bits((vec_bits(x) & in) | (vec_bits(rest) & ~in));
}

NET_INLINE void vec_fence(void)
{
#ifdef __x86_64__
    simde_mm_sfence();
#endif
}

/* a bit a lane, set where x is not 0 */
NET_INLINE uint16_t vec_lane_bits(vec x)
{
#if defined(__AVX512F__)
    return simde_mm512_cmp_ps_mask(x, vec_zero(), SIMDE_CMP_NEQ_UQ);
#elif defined(NET_VEC_PAIR)
    const simde__m256 zero = simde_mm256_setzero_ps();
    const int low = simde_mm256_movemask_ps(simde_mm256_cmp_ps(x.low, zero, SIMDE_CMP_NEQ_UQ));
    const int high = simde_mm256_movemask_ps(simde_mm256_cmp_ps(x.high, zero, SIMDE_CMP_NEQ_UQ));

    return (uint16_t)(low | high << 8);
#else
    const net_u32 u = vec_bits(x);
    uint32_t bits = 0;

    for (int i = 0; i < 16; i++)
        bits |= (uint32_t)(u[i] << 1 != 0) << i;
    return (uint16_t)bits;
#endif
}

/* x where the lane's bit is set, else +0 */
NET_INLINE vec vec_where_bits(uint16_t bits, vec x)
{
    const net_u32 one = ((net_u32){0} + (uint32_t)bits) >> vec_lanes() & 1u;

    return vec_from_bits(vec_bits(x) & (net_u32)(one == 1u));
}

/* table[at modulo 16] of each lane; table: aligned to 64 bytes */
NET_INLINE vec vec_look_up(const float table[16], net_u32 at)
{
#if defined(__AVX512F__)
    __m512i index;

    memcpy(&index, &at, sizeof index);
    return _mm512_permutexvar_ps(index, vec_load(table));
#elif defined(NET_VEC_PAIR)
    const vec all = vec_load(table), above = vec_from_bits(at << 28); /* the sign: eight more */
    simde__m256i index[2];

    memcpy(index, &at, sizeof index);
    return (vec){
        simde_mm256_blendv_ps(simde_mm256_permutevar8x32_ps(all.low, index[0]),
                              simde_mm256_permutevar8x32_ps(all.high, index[0]), above.low),
        simde_mm256_blendv_ps(simde_mm256_permutevar8x32_ps(all.low, index[1]),
                              simde_mm256_permutevar8x32_ps(all.high, index[1]), above.high),
    };
#elif defined(__aarch64__)
    const uint8x16x4_t bytes = vld1q_u8_x4((const uint8_t *)table);
    const net_u32 first = (at & 15u) * 0x04040404u + 0x03020100u; /* the bytes of a float */
    uint8x16_t index[4];
    vec x;

    memcpy(index, &first, sizeof index);
    NET_UNROLL(i, 4)
        index[i] = vqtbl4q_u8(bytes, index[i]);
    memcpy(&x, index, sizeof x);
    return x;
#else
    float p[16];
    vec x;

    NET_UNROLL(i, 16)
        p[i] = table[at[i] & 15u];
    memcpy(&x, p, sizeof x);
    return x;
#endif
}

/* 16 small whole numbers kept as bytes: a pool's window index */
NET_INLINE void vec_store_bytes(uint8_t *p, vec x)
{
    net_f32 f;
    net_u8 u;

    memcpy(&f, &x, sizeof f);
    u = __builtin_convertvector(__builtin_convertvector(f, net_i32), net_u8);
    memcpy(p, &u, sizeof u);
}

/* ---- Over lanes: the canonical tree, lanes i and i+8, then i and i+4, i+2, i+1 --------------- */

NET_INLINE float vec_sum(vec x)
{
    _Alignas(64) float a[16];

    vec_store(a, x);
    NET_UNROLL_HALVES(half, 16)
        NET_UNROLL(i, half)
            a[i] += a[i + half];
    return a[0];
}

/* Sums over lanes of the first `count` of sixteen vectors, in the same order; +0 for the
   others. Two vectors fold into one, halves then quarters and so on onto each other. */
NET_INLINE vec vec_sum_each(const float *rows, int count)
{
    net_f32 a[16];
    vec sum;

    NET_UNROLL(i, 16) {
        a[i] = (net_f32){0};
        if (i < count)
            memcpy(&a[i], rows + 16 * i, sizeof a[i]);
    }
    NET_UNROLL(i, 8)
        a[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18,
                                       19, 20, 21, 22, 23) +
               __builtin_shufflevector(a[2 * i], a[2 * i + 1], 8, 9, 10, 11, 12, 13, 14, 15, 24, 25,
                                       26, 27, 28, 29, 30, 31);
    NET_UNROLL(i, 4)
        a[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18,
                                       19, 24, 25, 26, 27) +
               __builtin_shufflevector(a[2 * i], a[2 * i + 1], 4, 5, 6, 7, 12, 13, 14, 15, 20, 21,
                                       22, 23, 28, 29, 30, 31);
    NET_UNROLL(i, 2)
        a[i] = __builtin_shufflevector(a[2 * i], a[2 * i + 1], 0, 1, 4, 5, 8, 9, 12, 13, 16, 17, 20,
                                       21, 24, 25, 28, 29) +
               __builtin_shufflevector(a[2 * i], a[2 * i + 1], 2, 3, 6, 7, 10, 11, 14, 15, 18, 19,
                                       22, 23, 26, 27, 30, 31);
    a[0] = __builtin_shufflevector(a[0], a[1], 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26,
                                   28, 30) +
           __builtin_shufflevector(a[0], a[1], 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27,
                                   29, 31);
    memcpy(&sum, &a[0], sizeof sum);
    return sum;
}

NET_INLINE float vec_top(vec x)
{
    _Alignas(64) float a[16];

    vec_store(a, x);
    NET_UNROLL_HALVES(half, 16)
        NET_UNROLL(i, half)
            a[i] = a[i] > a[i + half] ? a[i] : a[i + half];
    return a[0];
}

/* ---- Long sums ------------------------------------------------------------------------------- */

/* Groups of numbers are added as they come; what rounding takes from the sum of groups is given
   back (Kahan 1965): the error is that of a group, however many there are. */
struct net_long_sum {
    vec sum, lost;
};

NET_INLINE struct net_long_sum net_long_zero(void)
{
    return (struct net_long_sum){vec_zero(), vec_zero()};
}

NET_INLINE void net_long_add(struct net_long_sum *s, vec group)
{
    const vec rest = vec_sub(group, s->lost), sum = vec_add(s->sum, rest);

    s->lost = vec_sub(vec_sub(sum, s->sum), rest);
    s->sum = sum;
}

enum { NET_SUM_GROUP = 32 };

NET_INLINE long net_sum_group_end(long first, long count)
{
    return first + NET_SUM_GROUP < count ? first + NET_SUM_GROUP : count;
}

/* Groups `first` to `end` - 1 of the numbers 0 to count - 1. */
#define NET_SUM_GROUPS(first, end, count)                                                          \
    for (long first = 0, end = net_sum_group_end(0, count); first < (count);                       \
         first = end, end = net_sum_group_end(first, count))

#endif
