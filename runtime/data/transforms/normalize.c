/*
 * normalize.c -- the transform normalize(mean, std): (x - mean) / std, by channel.
 */

#include <math.h>

#include "data/transforms/transform.h"

/* Argument `name` of channel c: a list with one number a channel, or one number for all. */
static double channel(const struct net_values *values, const struct net_call *call,
                      const char *name, int c)
{
    const int channels = values->field->rank ? values->field->shape[0] : 1;
    const struct net_arg *arg = net_argument(call, name);

    if (!arg)
        net_fail(1, "normalize: %s is missing", name);
    if (arg->list && arg->count != channels && arg->count != 1)
        net_fail(1, "normalize(%s=[...]): expected %d number%s, one a channel of %s, found %d",
                 name, channels, channels == 1 ? "" : "s", values->field->name, arg->count);
    return arg->list ? arg->list[arg->count == 1 ? 0 : c] : arg->number;
}

static void apply_normalize(struct net_values *values, const struct net_call *call,
                            const struct net_fitted *fitted)
{
    const int channels = values->field->rank ? values->field->shape[0] : 1;
    const int pixels = values->column.size / channels;

    (void)fitted;
    for (int i = 0; pixels && i < channels * pixels; i++) {
        const double mean = channel(values, call, "mean", i / pixels);
        const double std = channel(values, call, "std", i / pixels);

        if (!isfinite(mean) || !isfinite(std) || std == 0)
            net_fail(1,
                     "normalize: expected finite numbers and std other than 0, found mean %g, "
                     "std %g",
                     mean, std);
        values->scale[i] /= std;
        values->shift[i] = (values->shift[i] - mean) / std;
    }
}

const struct net_transform net_transform_normalize = {.name = "normalize",
                                                      .given = {"mean", "std"},
                                                      .apply = apply_normalize,
                                                      .inverse_kind = NET_INVERSE_AFFINE};
