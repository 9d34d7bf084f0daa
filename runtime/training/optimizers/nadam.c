/*
 * nadam.c -- adam with Nesterov's momentum (Dozat 2016), as torch.optim.NAdam: the step takes the
 * gradient and the mean that momentum leads to, each at its own rate.
 */

#include <math.h>

#include "kernels/vec.h"
#include "training/training.h"

/* m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
   w -= (lr g + momentum m) / (sqrt(v) / sqrt(1 - beta2^t) + eps) */
static void nadam(float *restrict w, const float *restrict g, float *restrict m, long count,
                  const struct net_step_scalars *scalars)
{
    const vec of_gradient = vec_set(-scalars->lr), of_mean = vec_set(-scalars->momentum);
    const vec first = vec_set(scalars->first_share), second = vec_set(scalars->second_share);
    const vec beta2 = vec_set(scalars->beta2), scale = vec_set(scalars->second_scale);
    const vec eps = vec_set(scalars->eps), decay = vec_set(scalars->weight_decay);
    float *v = m + scalars->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec mi = vec_fma(first, vec_sub(d, vec_load(m + i)), vec_load(m + i));
        const vec vi = vec_fma(vec_mul(second, d), d, vec_mul(beta2, vec_load(v + i)));
        const vec step = vec_fma(of_gradient, d, vec_mul(of_mean, mi));

        vec_store(m + i, mi);
        vec_store(v + i, vi);
        vec_store(w + i, vec_add(vec_div(step, vec_fma(scale, vec_sqrt(vi), eps)), wi));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    (void)options;
    return (struct net_variant){nadam, 2};
}

/* The momentum of step t, from 1: it grows from half of beta1. */
static double momentum_at(const struct net_options *options, double t)
{
    const double beta1 = options->value[NET_BETA1].number;

    return beta1 * (1.0 - 0.5 * pow(0.96, t * options->value[NET_MOMENTUM_DECAY].number));
}

/* The product of all momenta up to step t; where 1 - product is 1 the rest changes nothing. */
static double product_of_momenta(const struct net_options *options, uint64_t t)
{
    double product = 1.0;

    for (uint64_t i = 1; i <= t && product > 1e-17; i++)
        product *= momentum_at(options, (double)i);
    return product;
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    const double beta1 = options->value[NET_BETA1].number;
    const double beta2 = options->value[NET_BETA2].number, t = (double)step + 1.0;
    const double now = momentum_at(options, t), next = momentum_at(options, t + 1.0);
    const double product = product_of_momenta(options, step + 1);

    scalars->lr = (float)(rate * (1.0 - now) / (1.0 - product));
    scalars->momentum = (float)(rate * next / (1.0 - product * next));
    scalars->first_share = (float)(1.0 - beta1);
    scalars->second_scale = (float)(1.0 / sqrt(1.0 - pow(beta2, t)));
    scalars->beta2 = (float)beta2;
    scalars->second_share = (float)(1.0 - beta2);
}

const struct net_optimizer net_optimizer_nadam = {
    .name = "nadam", .variant = variant, .scalars = set_scalars};
