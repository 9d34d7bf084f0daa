/*
 * hyper.c -- which update an optimizer's settings name, and a step's scalars, computed in double.
 */

#include <math.h>
#include <string.h>

#include "runtime.h"

const struct net_optimizer *net_find_optimizer(const struct net_options *options)
{
    const char *name = options->value[NET_OPTIMIZER].text;

    if (!strcmp(name, "sgd") && options->value[NET_MOMENTUM].number > 0.0)
        name = net_flag(options, NET_NESTEROV) ? "sgd nesterov" : "sgd momentum";
    for (const struct net_optimizer *o = net_optimizers; o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    net_fail(NET_USAGE, "this trainer has no optimizer `%s`", name);
}

void net_set_hyper(struct net_hyper *hyper, const struct net_options *options, uint64_t step)
{
    const struct net_value *value = options->value;
    const double lr = value[NET_LR].number;

    hyper->weight_decay = (float)value[NET_WEIGHT_DECAY].number;
    if (strcmp(value[NET_OPTIMIZER].text, "adam") != 0) {
        hyper->lr = (float)lr;
        hyper->momentum = (float)value[NET_MOMENTUM].number;
        return;
    }

    const double beta1 = value[NET_BETA1].number, beta2 = value[NET_BETA2].number;
    const double t = (double)step + 1.0;

    hyper->lr = (float)(lr / (1.0 - pow(beta1, t)));
    hyper->first_share = (float)(1.0 - beta1);
    hyper->beta2 = (float)beta2;
    hyper->second_share = (float)(1.0 - beta2);
    hyper->second_scale = (float)(1.0 / sqrt(1.0 - pow(beta2, t)));
    hyper->eps = (float)value[NET_EPS].number;
}
