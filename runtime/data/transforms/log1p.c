/*
 * log1p.c -- log(1 + x), for amounts that span orders of magnitude: prices, counts.
 */

#include <math.h>

#include "data/transforms/transform.h"

static void apply_log1p(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    const struct net_column *column = &values->column;
    const int size = column->size;

    (void)call, (void)fitted;
    net_values_rewrite(values, NET_F64);
    double *x = column->at;

    for (long row = 0; row < column->rows; row++)
        for (int i = 0; i < size; i++, x++) {
            if (*x <= -1)
                net_fail(1, "%s: row %ld (from 0), %s: log1p wants numbers above -1, found %g",
                         column->place, row, column->name, *x);
            *x = log1p(*x);
        }
}

static void tell_log1p(struct net_number_stage *stage, const struct net_values *values,
                       const struct net_call *call, const struct net_fitted *fitted)
{
    (void)values, (void)call, (void)fitted;
    stage->kind = NET_STAGE_LOG1P;
}

const struct net_transform net_transform_log1p = {.name = "log1p",
                                                  .apply = apply_log1p,
                                                  .inverse_kind = NET_INVERSE_FUNCTION,
                                                  .inverse = expm1,
                                                  .stage = tell_log1p};
