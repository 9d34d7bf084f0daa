/*
 * adadelta.c -- steps in the units of the parameters, without a rate to choose (Zeiler 2012).
 */

#include "kernels/vec.h"
#include "training/training.h"

/* v = rho v + (1 - rho) g^2; s = sqrt(u + eps) / sqrt(v + eps) g; u = rho u + (1 - rho) s^2;
   w -= lr s */
static void adadelta(float *restrict w, const float *restrict g, float *restrict v, long count,
                     const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec rho = vec_set(scalars->beta2), share = vec_set(scalars->second_share);
    const vec eps = vec_set(scalars->eps);
    float *u = v + scalars->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(vec_mul(share, d), d, vec_mul(rho, vec_load(v + i)));
        const vec ui = vec_load(u + i);
        const vec step = vec_mul(vec_div(vec_sqrt(vec_add(ui, eps)), vec_sqrt(vec_add(vi, eps))),
                                 d);

        vec_store(v + i, vi);
        vec_store(u + i, vec_fma(vec_mul(share, step), step, vec_mul(rho, ui)));
        vec_store(w + i, vec_fma(rate, step, wi));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    (void)options;
    return (struct net_variant){adadelta, 2};
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    const double rho = options->value[NET_RHO].number;

    (void)rate, (void)step;
    scalars->beta2 = (float)rho;
    scalars->second_share = (float)(1.0 - rho);
}

const struct net_optimizer net_optimizer_adadelta = {
    .name = "adadelta", .variant = variant, .scalars = set_scalars};
