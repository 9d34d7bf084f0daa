/*
 * step_scalars.c -- which optimizer the settings name, its update, and a step's scalars, computed
 * in double. An optimizer is a file in optimizers/ and a row of language.def.
 */

#include <string.h>

#include "training/training.h"

const struct net_optimizer *net_find_optimizer(const struct net_options *options)
{
    static const struct net_optimizer *const optimizers[] = {
#define OPTIMIZER(name, ...) &net_optimizer_##name,
#include "language.def"
    };
    const char *name = options->value[NET_OPTIMIZER].text;

    for (size_t i = 0; i < sizeof optimizers / sizeof *optimizers; i++)
        if (!strcmp(optimizers[i]->name, name))
            return optimizers[i];
    net_fail(NET_USAGE, "this trainer has no optimizer `%s`", name);
}

/* Numbers that the optimizer does not have are 0. */
void net_set_step_scalars(struct net_step_scalars *scalars, const struct net_optimizer *optimizer,
                          const struct net_options *options, double rate, uint64_t step)
{
    const struct net_value *value = options->value;
    const double decay = value[NET_WEIGHT_DECAY].number;

    scalars->lr = (float)rate;
    scalars->weight_decay = (float)decay;
    scalars->shrink = 1.0f;
    scalars->momentum = (float)value[NET_MOMENTUM].number;
    scalars->eps = (float)value[NET_EPS].number;
    scalars->beta2 = 0.0f;
    scalars->second_share = 1.0f;
    scalars->zero_is_noop = optimizer->zero_is_noop && decay == 0.0 &&
                            value[NET_MOMENTUM].number == 0.0;
    if (optimizer->scalars)
        optimizer->scalars(scalars, options, rate, step);
}
