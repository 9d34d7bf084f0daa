/*
 * scale.c -- the transform scale(k): every number times k.
 */

#include <math.h>

#include "data/transforms/transform.h"

static void apply_scale(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    const double k = call->arg_count ? call->args[0].number : 0;

    (void)fitted;
    if (!isfinite(k))
        net_fail(1, "scale(%g): expected a finite number", k);
    for (int i = 0; i < values->column.size; i++) {
        values->scale[i] *= k;
        values->shift[i] *= k;
    }
}

const struct net_transform net_transform_scale = {
    .name = "scale", .given = {"k"}, .apply = apply_scale, .inverse_kind = NET_INVERSE_AFFINE};
