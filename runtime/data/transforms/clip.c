/*
 * clip.c -- the transform clip(least, most): numbers beyond one of the two become it. One that is
 * missing stays so.
 */

#include <math.h>

#include "data/transforms/transform.h"

static double limit(const struct net_call *call, const char *name, double none)
{
    const struct net_arg *arg = net_argument(call, name);

    return arg && !arg->none ? arg->number : none;
}

static void apply_clip(struct net_values *values, const struct net_call *call,
                       const struct net_fitted *fitted)
{
    const double least = limit(call, "least", (double)-INFINITY);
    const double most = limit(call, "most", (double)INFINITY);

    (void)fitted;
    net_values_rewrite(values, NET_F64);
    double *x = values->column.at;

    for (double *end = x + values->column.rows * values->column.size; x < end; x++)
        *x = *x < least ? least : *x > most ? most : *x;
}

static void tell_clip(struct net_number_stage *stage, const struct net_values *values,
                      const struct net_call *call, const struct net_fitted *fitted)
{
    (void)values, (void)fitted;
    *stage = (struct net_number_stage){.kind = NET_STAGE_CLIP,
                                       .least = limit(call, "least", (double)-INFINITY),
                                       .most = limit(call, "most", (double)INFINITY)};
}

const struct net_transform net_transform_clip = {.name = "clip",
                                                 .given = {"least", "most"},
                                                 .apply = apply_clip,
                                                 .inverse_kind = NET_INVERSE_NOTHING,
                                                 .stage = tell_clip};
