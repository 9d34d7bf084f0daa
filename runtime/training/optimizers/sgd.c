/*
 * sgd.c -- stochastic gradient descent; with momentum, and with Nesterov's.
 */

#include "kernels/vec.h"
#include "training/training.h"

/* g + weight_decay w; w -= lr g */
static void sgd(float *restrict w, const float *restrict g, float *restrict state, long count,
                const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);

    (void)state;
    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));

        vec_store(w + i, vec_fma(rate, d, wi));
    }
}

/* v = momentum v + g; w -= lr v. (v starts at 0, so that the first v is g.) */
static void sgd_momentum(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec momentum = vec_set(scalars->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vi, wi));
    }
}

/* v = momentum v + g; w -= lr (g + momentum v) */
static void sgd_nesterov(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec momentum = vec_set(scalars->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_fma(momentum, vi, d), wi));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    if (options->value[NET_MOMENTUM].number == 0.0)
        return (struct net_variant){sgd, 0};
    return (struct net_variant){net_flag(options, NET_NESTEROV) ? sgd_nesterov : sgd_momentum, 1};
}

const struct net_optimizer net_optimizer_sgd = {
    .name = "sgd", .zero_is_noop = true, .variant = variant};
