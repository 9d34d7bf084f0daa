/*
 * adamax.c -- adam by the largest gradient (Kingma and Ba 2015, section 7.1), as
 * torch.optim.Adamax: steps by the mean of gradients over their decaying maximum.
 */

#include <math.h>

#include "kernels/vec_math.h"
#include "training/training.h"

/* m += (1 - beta1) (g - m); u = max(beta2 u, |g| + eps); w -= lr / (1 - beta1^t) m / u.
   What is not a number goes through the second operand of the maximum, and through m. */
static void adamax(float *restrict w, const float *restrict g, float *restrict m, long count,
                   const struct net_step_scalars *scalars)
{
    const vec rate = vec_set(-scalars->lr), decay = vec_set(scalars->weight_decay);
    const vec first = vec_set(scalars->first_share), beta2 = vec_set(scalars->beta2);
    const vec eps = vec_set(scalars->eps);
    float *u = m + scalars->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec mi = vec_fma(first, vec_sub(d, vec_load(m + i)), vec_load(m + i));
        const vec ui = vec_max(vec_mul(beta2, vec_load(u + i)), vec_add(vec_abs(d), eps));

        vec_store(m + i, mi);
        vec_store(u + i, ui);
        vec_store(w + i, vec_fma(rate, vec_div(mi, ui), wi));
    }
}

static struct net_variant variant(const struct net_options *options)
{
    (void)options;
    return (struct net_variant){adamax, 2};
}

static void set_scalars(struct net_step_scalars *scalars, const struct net_options *options,
                        double rate, uint64_t step)
{
    const double beta1 = options->value[NET_BETA1].number, t = (double)step + 1.0;

    scalars->lr = (float)(rate / (1.0 - pow(beta1, t)));
    scalars->first_share = (float)(1.0 - beta1);
    scalars->beta2 = (float)options->value[NET_BETA2].number;
}

const struct net_optimizer net_optimizer_adamax = {
    .name = "adamax", .variant = variant, .scalars = set_scalars};
