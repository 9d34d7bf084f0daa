/*
 * window.c -- the transform window(length): its row in the table. Rows stay as they are, and become
 * windows as they are packed (series.c).
 */

#include "data/transforms/transform.h"

static void apply_window(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    (void)values;
    (void)call;
    (void)fitted;
}

const struct net_transform net_transform_window = {.name = "window",
                                                   .given = {"length", "stride"},
                                                   .apply = apply_window,
                                                   .inverse_kind = NET_INVERSE_NOTHING,
                                                   .series = &net_series};
