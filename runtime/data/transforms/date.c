/*
 * date.c -- the transform date(parts): its row in the table. It stands behind all others and
 * changes nothing: cells become numbers as they are read (data/date.c).
 */

#include "data/transforms/transform.h"

static void apply_date(struct net_values *values, const struct net_call *call,
                       const struct net_fitted *fitted)
{
    (void)values;
    (void)call;
    (void)fitted;
}

const struct net_transform net_transform_date = {.name = "date",
                                                 .given = {"parts", "format"},
                                                 .apply = apply_date,
                                                 .inverse_kind = NET_INVERSE_NOTHING};
