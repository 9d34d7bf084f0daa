/*
 * adagrad.c -- steps over the root of the sum of squared gradients (Duchi, Hazan and Singer 2011).
 */

#include "kernels/vec.h"
#include "training/training.h"

/* v += g^2; w -= lr / (1 + lr_decay (t - 1)) g / (sqrt(v) + eps) */
static void adagrad(float *restrict w, const float *restrict g, float *restrict v, long count,
                    const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec eps = vec_set(scalars->eps);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(d, d, vec_load(v + i));

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_div(d, vec_add(vec_sqrt(vi), eps)), wi));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    (void)options;
    return (struct net_variant){adagrad, 1};
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    scalars->lr = (float)(rate / (1.0 + (double)step * options->value[NET_LR_DECAY].number));
}

const struct net_optimizer net_optimizer_adagrad = {
    .name = "adagrad", .zero_is_noop = true, .variant = variant, .scalars = set_scalars};
