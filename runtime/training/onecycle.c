/*
 * onecycle.c -- `onecycle`: torch.optim.lr_scheduler.OneCycleLR of two phases along half a cosine
 * each (Smith and Topin 2018): the rate rises from lr / div_factor to lr, then falls to lr /
 * div_factor / final_div_factor, and momentum goes against it. It goes by steps, of which a run has
 * so many. Only trainers of models that say `onecycle` have this file.
 */

#include <math.h>

#include "training/training.h"

static const double pi = 3.14159265358979323846;

/* From `from` to `to` along half a cosine; `share` from 0 to 1. */
static double anneal(double from, double to, double share)
{
    return to + (from - to) / 2.0 * (1.0 + net_cosine(pi * share));
}

/* A step behind the last has the last one's. */
struct net_cycle net_one_cycle(const struct net_options *options, double step, double steps,
                               double epoch)
{
    (void)epoch;
    const struct net_call *call = options->model->schedule;
    const double lr = options->value[NET_LR].number,
                 first = lr / net_argument(call, "div_factor")->number,
                 last = first / net_argument(call, "final_div_factor")->number,
                 low = net_argument(call, "base_momentum")->number,
                 high = net_argument(call, "max_momentum")->number,
                 top = net_argument(call, "pct_start")->number * steps - 1.0, end = steps - 1.0;
    const bool rises = step <= top, cycles = net_argument(call, "cycle_momentum")->number != 0.0;
    const double share = rises ? (top > 0.0 ? step / top : 1.0)
                               : fmin(1.0, (step - top) / (end - top));

    return (struct net_cycle){.rate = rises ? anneal(first, lr, share) : anneal(lr, last, share),
                              .momentum = !cycles ? -1.0
                                          : rises ? anneal(high, low, share)
                                                  : anneal(low, high, share)};
}
