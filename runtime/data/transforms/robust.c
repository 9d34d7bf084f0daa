/*
 * robust.c -- the transform robust: median 0 and interquartile range 1 over the training rows, by
 * element, as scikit-learn's RobustScaler: a few numbers far off change nothing. A constant becomes
 * 0.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

/* Between the two numbers that stand around share q of all. */
static double quantile(const double *sorted, long count, double q)
{
    const double at = q * (double)(count - 1);
    const long i = (long)at;

    return i + 1 < count ? sorted[i] + (sorted[i + 1] - sorted[i]) * (at - (double)i) : sorted[i];
}

struct fit {
    double *median, *range; /* [size] */
};

/* A range is 1 of what differs by rounding alone (minmax.c). */
static void fit_element(void *context, int element, double *sorted, long count)
{
    const struct fit *fit = context;
    const double low = quantile(sorted, count, 0.25), high = quantile(sorted, count, 0.75);
    const double rounding = 10 * DBL_EPSILON * fmax(fabs(low), fabs(high));

    fit->range[element] = high - low <= rounding ? 1 : high - low;
    fit->median[element] = net_median(sorted, count);
}

static void fit_robust(struct net_fitted *fitted, const struct net_values *values,
                       const struct net_call *call, const long *rows, long row_count)
{
    const size_t size = (size_t)values->column.size;
    struct fit fit = {net_allocate(size, sizeof *fit.median),
                      net_allocate(size, sizeof *fit.range)};

    (void)call;
    net_values_sorted(values, false, rows, row_count, fit_element, &fit);
    *fitted = (struct net_fitted){.list = {fit.median, fit.range}, .count = (int)size};
}

static void apply_robust(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    (void)call;
    net_values_check(values, fitted);
    for (int i = 0; i < fitted->count; i++) {
        const double range = fitted->list[1][i];

        if (!(range > 0))
            net_fail(1, "%s: the preparation's range %d of %s is %g, expected more than 0",
                     values->column.place, i, values->column.name, range);
        values->scale[i] /= range;
        values->shift[i] = (values->shift[i] - fitted->list[0][i]) / range;
    }
}

const struct net_transform net_transform_robust = {.name = "robust",
                                                   .fitted = {"median", "range"},
                                                   .fit = fit_robust,
                                                   .apply = apply_robust,
                                                   .inverse_kind = NET_INVERSE_AFFINE};
