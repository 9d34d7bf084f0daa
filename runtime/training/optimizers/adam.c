/*
 * adam.c -- adam, adamw and radam (Kingma and Ba 2014; Loshchilov and Hutter 2017; Liu et al.
 * 2020): one update, of which each has its own scalars.
 */

#include <math.h>

#include "kernels/vec.h"
#include "training/training.h"

/* m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
   w = shrink w - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps).
   adamw's decay is in `shrink`, adam's in the gradient; radam's rate and what it divides by are
   below. */
static void adam(float *restrict w, const float *restrict g, float *restrict m, long count,
                 const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec first = vec_set(scalars->first_share), second = vec_set(scalars->second_share);
    const vec beta2 = vec_set(scalars->beta2), scale = vec_set(scalars->second_scale);
    const vec eps = vec_set(scalars->eps), shrink = vec_set(scalars->shrink);
    float *v = m + scalars->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec mi = vec_fma(first, vec_sub(d, vec_load(m + i)), vec_load(m + i));
        const vec vi = vec_fma(vec_mul(second, d), d, vec_mul(beta2, vec_load(v + i)));

        vec_store(m + i, mi);
        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_div(mi, vec_fma(scale, vec_sqrt(vi), eps)),
                                 vec_mul(shrink, wi)));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    (void)options;
    return (struct net_variant){adam, 2};
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    const double first = options->value[NET_BETA1].number, t = (double)step + 1.0;
    const double second = options->value[NET_BETA2].number;

    scalars->lr = (float)(rate / (1.0 - pow(first, t)));
    scalars->first_share = (float)(1.0 - first);
    scalars->second_scale = (float)(1.0 / sqrt(1.0 - pow(second, t)));
    scalars->beta2 = (float)second;
    scalars->second_share = (float)(1.0 - second);
}

static void decoupled_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                              double rate, uint64_t step)
{
    set_scalars(scalars, options, rate, step);
    scalars->shrink = (float)(1.0 - rate * options->value[NET_WEIGHT_DECAY].number);
    scalars->weight_decay = 0.0f;
}

/* rho says how many squares the mean of them stands for, which it tends to `last`. Up to 5 the step
   is lr / (1 - beta1^t) m, beyond lr / (1 - beta1^t) r sqrt(1 - beta2^t) m / (sqrt(v) + eps), where
   r sets right how much such a step varies. */
static void rectified_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                              double rate, uint64_t step)
{
    const double second = options->value[NET_BETA2].number, t = (double)step + 1.0;
    const double rest = 1.0 - pow(second, t), last = 2.0 / (1.0 - second) - 1.0;
    const double rho = last - 2.0 * t * (1.0 - rest) / rest;

    if (rho > 5.0)
        rate *= sqrt(rest * (rho - 4.0) * (rho - 2.0) * last / ((last - 4.0) * (last - 2.0) * rho));
    set_scalars(scalars, options, rate, step);
    scalars->second_scale = rho > 5.0 ? 1.0f : 0.0f;
    if (!(rho > 5.0))
        scalars->eps = 1.0f;
}

const struct net_optimizer net_optimizer_adam = {
    .name = "adam", .variant = variant, .scalars = set_scalars};
const struct net_optimizer net_optimizer_adamw = {
    .name = "adamw", .variant = variant, .scalars = decoupled_scalars};
const struct net_optimizer net_optimizer_radam = {
    .name = "radam", .variant = variant, .scalars = rectified_scalars};
