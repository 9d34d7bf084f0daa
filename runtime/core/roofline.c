/*
 * roofline.c -- the machine's limits: fused multiply-adds in registers, and a stream through
 * memory. Compiled once for each instruction set, so that the limit is that of the vectors in use.
 */

#include "core/core.h"
#include "kernels/vec.h"

#if defined(__AVX512F__)
enum { CHAINS = 12 }; /* two ports, a latency of 4, and registers to spare */
#elif defined(NET_VEC_PAIR)
enum { CHAINS = 5 }; /* ten registers of 8 */
#else
enum { CHAINS = 2 };
#endif

double net_roofline_fma(long rounds)
{
    /* read at run time: 1 * 0.999 + 0.001 is 1 again, and a chain that began there was left out */
    const volatile float factor = 0.999f, term = 1e-3f;
    _Alignas(64) float sink[16];
    vec a[CHAINS], x = vec_set(factor), y = vec_set(term);

    for (int i = 0; i < CHAINS; i++)
        a[i] = vec_set((float)i);
    for (long k = 0; k < rounds; k++)
#ifdef __clang__
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 12
#endif
        for (int i = 0; i < CHAINS; i++)
            a[i] = vec_fma(a[i], x, y);
    for (int i = 1; i < CHAINS; i++)
        a[0] = vec_add(a[0], a[i]);
    vec_store(sink, a[0]);
    __asm__ volatile("" : : "r"(sink) : "memory");
    return 32.0 * CHAINS * (double)rounds;
}

/* a = b + s c */
void net_roofline_triad(float *restrict a, const float *restrict b, const float *restrict c,
                        long count)
{
    const vec s = vec_set(0.5f);

    for (long i = 0; i < count; i += 16)
        vec_store(a + i, vec_fma(s, vec_load(c + i), vec_load(b + i)));
}
