/*
 * robust.c -- the transform robust: median 0 and interquartile range 1 over the training rows, by
 * element, as scikit-learn's RobustScaler: a few numbers far off change nothing. A constant becomes
 * 0.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

enum { HELD = 1 << 22 }; /* numbers of some elements that are sorted at a time */

/* Between the two numbers that stand around share q of all. */
static double quantile(const double *sorted, long count, double q)
{
    const double at = q * (double)(count - 1);
    const long i = (long)at;

    return i + 1 < count ? sorted[i] + (sorted[i + 1] - sorted[i]) * (at - (double)i) : sorted[i];
}

/* The median and the range of one element's numbers, which are sorted; 1 of what differs by
   rounding alone (minmax.c). */
static double fit_element(double *x, long count, double *range)
{
    const double median = net_median(x, count), low = quantile(x, count, 0.25);
    const double high = quantile(x, count, 0.75);
    const double rounding = 10 * DBL_EPSILON * fmax(fabs(low), fabs(high));

    *range = high - low <= rounding ? 1 : high - low;
    return median;
}

static void fit_robust(struct net_fitted *fitted, const struct net_values *values,
                       const struct net_call *call, const long *rows, long row_count)
{
    const int size = values->column.size;
    const int most = row_count < HELD ? (int)(HELD / row_count) : 1;
    const int at_once = size < most ? size : most;
    double *row = net_allocate((size_t)size, sizeof *row);
    double *held = net_allocate((size_t)at_once * (size_t)row_count, sizeof *held);
    double *median = net_allocate((size_t)size, sizeof *median);
    double *range = net_allocate((size_t)size, sizeof *range);

    (void)call;
    for (int begin = 0; begin < size; begin += at_once) {
        const int count = size - begin < at_once ? size - begin : at_once;

        for (long r = 0; r < row_count; r++) {
            net_values_row(values, rows ? rows[r] : r, row);
            for (int i = 0; i < count; i++)
                held[i * row_count + r] = row[begin + i];
        }
        for (int i = 0; i < count; i++)
            median[begin + i] = fit_element(held + i * row_count, row_count, &range[begin + i]);
    }
    free(row);
    free(held);
    *fitted = (struct net_fitted){.list = {median, range}, .count = size};
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
