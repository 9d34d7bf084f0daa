/*
 * optimizer.c -- the updates of parameters, with PyTorch's definitions; compiled once for each
 * instruction set.
 *
 * Elementwise over vectors of 16, called with pieces of a gradient while they are in the cache. The
 * scalars of a step come computed (hyper.c). Zero parameters with zero gradients stay +0, so that
 * padding does.
 */

#include "runtime.h"
#include "vec.h"

/* g + weight_decay w; w -= lr g */
static void sgd(float *restrict w, const float *restrict g, float *restrict state, long count,
                const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);

    (void)state;
    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));

        vec_store(w + i, vec_fma(rate, d, wi));
    }
}

/* v = momentum v + g; w -= lr v. (v starts at 0, so that the first v is g.) */
static void sgd_momentum(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec momentum = vec_set(hyper->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vi, wi));
    }
}

/* v = momentum v + g; w -= lr (g + momentum v) */
static void sgd_nesterov(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec momentum = vec_set(hyper->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_fma(momentum, vi, d), wi));
    }
}

/* m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
   w -= lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
static void adam(float *restrict w, const float *restrict g, float *restrict m, long count,
                 const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec first = vec_set(hyper->first_share), second = vec_set(hyper->second_share);
    const vec beta2 = vec_set(hyper->beta2), scale = vec_set(hyper->second_scale);
    const vec eps = vec_set(hyper->eps);
    float *v = m + hyper->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec mi = vec_fma(first, vec_sub(d, vec_load(m + i)), vec_load(m + i));
        const vec vi = vec_fma(vec_mul(second, d), d, vec_mul(beta2, vec_load(v + i)));

        vec_store(m + i, mi);
        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_div(mi, vec_fma(scale, vec_sqrt(vi), eps)), wi));
    }
}

const struct net_optimizer net_optimizers[] = {
    { "sgd", sgd, 0 },
    { "sgd momentum", sgd_momentum, 1 },
    { "sgd nesterov", sgd_nesterov, 1 },
    { "adam", adam, 2 },
    { NULL, NULL, 0 },
};
