/*
 * step_scalars.c -- which update an optimizer's settings name, and a step's scalars, computed in double.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime.h"

/* Numbers that the optimizer does not have are 0: only sgd and rmsprop have variants. */
const struct net_optimizer *net_find_optimizer(const struct net_options *options)
{
    const bool momentum = options->value[NET_MOMENTUM].number > 0.0;
    char name[64];

    snprintf(name, sizeof name, "%s%s%s", options->value[NET_OPTIMIZER].text,
             net_flag(options, NET_CENTERED) ? " centered" : "",
             !momentum                         ? ""
             : net_flag(options, NET_NESTEROV) ? " nesterov"
                                               : " momentum");
    for (const struct net_optimizer *o = net_optimizers; o->name; o++)
        if (!strcmp(o->name, name))
            return o;
    net_fail(NET_USAGE, "this trainer has no optimizer `%s`", name);
}

void net_set_hyper(struct net_hyper *hyper, const struct net_options *options, double rate,
                   uint64_t step)
{
    const struct net_value *value = options->value;
    const char *name = value[NET_OPTIMIZER].text;
    const double decay = value[NET_WEIGHT_DECAY].number, t = (double)step + 1.0;
    double second = 0.0; /* the share that a mean of squares keeps of itself */

    hyper->lr = (float)rate;
    hyper->weight_decay = (float)decay;
    hyper->shrink = 1.0f;
    hyper->momentum = (float)value[NET_MOMENTUM].number;
    hyper->eps = (float)value[NET_EPS].number;
    hyper->idle = decay == 0.0 && value[NET_MOMENTUM].number == 0.0 &&
                  (!strcmp(name, "sgd") || !strcmp(name, "adagrad"));
    if (!strcmp(name, "adagrad")) {
        hyper->lr = (float)(rate / (1.0 + (double)step * value[NET_LR_DECAY].number));
    } else if (!strcmp(name, "rmsprop")) {
        second = value[NET_ALPHA].number;
    } else if (!strcmp(name, "adadelta")) {
        second = value[NET_RHO].number;
    } else if (!strcmp(name, "adam") || !strcmp(name, "adamw")) {
        const double first = value[NET_BETA1].number;

        second = value[NET_BETA2].number;
        hyper->lr = (float)(rate / (1.0 - pow(first, t)));
        hyper->first_share = (float)(1.0 - first);
        hyper->second_scale = (float)(1.0 / sqrt(1.0 - pow(second, t)));
    }
    if (!strcmp(name, "adamw")) {
        hyper->shrink = (float)(1.0 - rate * decay);
        hyper->weight_decay = 0.0f;
    }
    hyper->beta2 = (float)second;
    hyper->second_share = (float)(1.0 - second);
}
