/*
 * ahead.c -- the transform ahead(steps): its row in the table, as that of window.
 */

#include "data/transforms/transform.h"

static void apply_ahead(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    (void)values;
    (void)call;
    (void)fitted;
}

const struct net_transform net_transform_ahead = {.name = "ahead",
                                                  .given = {"steps"},
                                                  .apply = apply_ahead,
                                                  .inverse_kind = NET_INVERSE_NOTHING,
                                                  .series = &net_series};
