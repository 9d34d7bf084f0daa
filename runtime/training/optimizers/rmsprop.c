/*
 * rmsprop.c -- steps over the root of the mean of squared gradients (Hinton 2012); centered, over
 * their deviation (Graves 2013); each with momentum or without.
 */

#include "kernels/vec.h"
#include "training/training.h"

/* v = alpha v + (1 - alpha) g^2; s = g / (sqrt(v) + eps); w -= lr s. Centered, the mean of g goes
   off: m += (1 - alpha) (g - m), and v - m^2 in place of v. With momentum: b = momentum b + s;
   w -= lr b. The state is v, then b, then m. */
static inline void rmsprop_step(float *restrict w, const float *restrict g, float *restrict v,
                                long count, const struct net_step_scalars *scalars,
                                bool has_momentum, bool centered)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec alpha = vec_set(scalars->beta2), share = vec_set(scalars->second_share);
    const vec momentum = vec_set(scalars->momentum), eps = vec_set(scalars->eps);
    float *b = v + scalars->stride, *m = has_momentum ? b + scalars->stride : b;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(vec_mul(share, d), d, vec_mul(alpha, vec_load(v + i)));
        vec variance = vi;

        vec_store(v + i, vi);
        if (centered) {
            const vec mi = vec_fma(share, vec_sub(d, vec_load(m + i)), vec_load(m + i));

            vec_store(m + i, mi);
            /* rounding may take it below 0 */
            variance = vec_max(vec_sub(vi, vec_mul(mi, mi)), vec_zero());
        }
        vec step = vec_div(d, vec_add(vec_sqrt(variance), eps));
        if (has_momentum) {
            step = vec_fma(momentum, vec_load(b + i), step);
            vec_store(b + i, step);
        }
        vec_store(w + i, vec_fma(rate, step, wi));
    }
}

static void rmsprop(float *restrict w, const float *restrict g, float *restrict state, long count,
                    const struct net_step_scalars *scalars)
{
    rmsprop_step(w, g, state, count, scalars, false, false);
}

static void rmsprop_momentum(float *restrict w, const float *restrict g, float *restrict state,
                             long count, const struct net_step_scalars *scalars)
{
    rmsprop_step(w, g, state, count, scalars, true, false);
}

static void rmsprop_centered(float *restrict w, const float *restrict g, float *restrict state,
                             long count, const struct net_step_scalars *scalars)
{
    rmsprop_step(w, g, state, count, scalars, false, true);
}

static void rmsprop_centered_momentum(float *restrict w, const float *restrict g,
                                      float *restrict state, long count,
                                      const struct net_step_scalars *scalars)
{
    rmsprop_step(w, g, state, count, scalars, true, true);
}

static struct net_variant variant(const struct net_options *options)
{
    const bool momentum = options->value[NET_MOMENTUM].number > 0.0;

    if (net_flag(options, NET_CENTERED))
        return momentum ? (struct net_variant){rmsprop_centered_momentum, 3}
                        : (struct net_variant){rmsprop_centered, 2};
    return momentum ? (struct net_variant){rmsprop_momentum, 2} : (struct net_variant){rmsprop, 1};
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    const double alpha = options->value[NET_ALPHA].number;

    (void)rate, (void)step;
    scalars->beta2 = (float)alpha;
    scalars->second_share = (float)(1.0 - alpha);
}

const struct net_optimizer net_optimizer_rmsprop = {
    .name = "rmsprop", .variant = variant, .scalars = set_scalars};
