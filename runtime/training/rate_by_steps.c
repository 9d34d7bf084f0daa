/*
 * rate_by_steps.c -- the learning rate of a step, where a schedule goes by them:
 * warmup(steps=1000), cosine(by=step). The others of its list go by epochs, counted from the step
 * that they begin with. Only trainers of models that say so have this file.
 */

#include <math.h>
#include <string.h>

#include "training/training.h"

/* Steps that it lasts, or 0: to the end. */
static double length_of(const struct net_call *schedule, const struct net_options *options,
                        double epoch)
{
    if (!strcmp(schedule->name, "warmup"))
        return net_schedule_by_steps(schedule) ? options->value[NET_WARMUP_STEPS].number
                                               : epoch * options->value[NET_WARMUP_EPOCHS].number;
    return strcmp(schedule->name, "constant") ? 0
                                              : epoch * options->value[NET_CONSTANT_EPOCHS].number;
}

struct net_cycle net_rate_by_steps(const struct net_options *options, double step, double steps,
                                   double epoch)
{
    const struct net_model *model = options->model;
    struct net_cycle now = {.rate = options->value[NET_LR].number, .momentum = -1.0};

    for (int i = 0; i < model->schedule_count; i++) {
        const struct net_call *schedule = &model->schedule[i];
        const double length = length_of(schedule, options, epoch);
        const double unit = net_schedule_by_steps(schedule) ? 1.0 : epoch;

        if (length == 0.0 || step < length) {
            now.rate = net_schedule_rate_in(schedule, options, floor(step / unit),
                                            (length > 0.0 ? length : steps) / unit);
            break;
        }
        step -= length;
        steps -= length;
    }
    return now;
}
