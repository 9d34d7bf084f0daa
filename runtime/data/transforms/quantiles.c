/*
 * quantiles.c -- the transform quantiles(n): of each element the number of its bin, 0 to n - 1, by
 * edges between which equally many training rows lie; scikit-learn's KBinsDiscretizer of ordinal
 * codes and quantiles. Bins of no width are none, so that numbers which are often the same make
 * fewer.
 */

#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

/* Between the two numbers that stand around share q of all, as numpy.percentile has it. */
static double quantile(const double *sorted, long count, double q)
{
    const double at = q * (double)(count - 1);
    const long i = (long)at < count - 1 ? (long)at : count - 1;
    const double t = at - (double)i, low = sorted[i], high = sorted[i + (i + 1 < count)];

    return t < .5 ? low + (high - low) * t : high - (high - low) * (1 - t);
}

struct fit {
    const struct net_column *column;
    int n;
    double *edges; /* [size][n + 1]: the least number, what parts the bins, and the most */
};

static void fit_edges(void *context, int element, double *sorted, long count)
{
    const struct fit *fit = context;

    if (!count)
        net_fail(1, "%s: column %d (from 0) of %s has no number in any training row",
                 fit->column->place, element, fit->column->name);
    for (int k = 0; k <= fit->n; k++)
        fit->edges[element * (fit->n + 1) + k] = quantile(sorted, count, (double)k / fit->n);
}

static void fit_quantiles(struct net_fitted *fitted, const struct net_values *values,
                          const struct net_call *call, const long *rows, long row_count)
{
    const int size = values->column.size, n = (int)net_argument(call, "n")->number;
    double *edges = net_allocate((size_t)size * ((size_t)n + 1), sizeof *edges);
    struct fit fit = {&values->column, n, edges};

    net_values_sorted(values, false, rows, row_count, fit_edges, &fit);
    *fitted = (struct net_fitted){.list = {edges}, .count = size * (n + 1)};
}

/* How many edges inside are different and not above x. */
static int find_bin(const double *edges, int n, double x)
{
    int bin = 0;

    for (int k = 1; k < n; k++)
        bin += edges[k] <= x && edges[k] > edges[k - 1] && edges[k] < edges[n];
    return bin;
}

static void apply_quantiles(struct net_values *values, const struct net_call *call,
                            const struct net_fitted *fitted)
{
    const int size = values->column.size, n = (int)net_argument(call, "n")->number;

    if (fitted->count != size * (n + 1))
        net_fail(1, "%s: a row of %s has %d numbers, the preparation was fitted on %d",
                 values->column.place, values->column.name, size, fitted->count / (n + 1));
    net_values_rewrite(values, NET_F64);
    double *x = values->column.at;

    for (long row = 0; row < values->column.rows; row++)
        for (int i = 0; i < size; i++, x++)
            if (!isnan(*x))
                *x = find_bin(fitted->list[0] + (size_t)i * ((size_t)n + 1), n, *x);
}

static void tell_quantiles(struct net_number_stage *stage, const struct net_values *values,
                           const struct net_call *call, const struct net_fitted *fitted)
{
    const int size = values->column.size, n = (int)net_argument(call, "n")->number;
    double *inside = net_allocate((size_t)size * (size_t)n, sizeof *inside), *to = inside;

    for (int i = 0; i < size; i++) {
        const double *edges = fitted->list[0] + (size_t)i * ((size_t)n + 1);

        for (int k = 1; k < n; k++)
            *to++ = edges[k] > edges[k - 1] && edges[k] < edges[n] ? edges[k] : (double)NAN;
    }
    *stage = (struct net_number_stage){.kind = NET_STAGE_BINS, .edges = inside, .n = n - 1};
}

const struct net_transform net_transform_quantiles = {.name = "quantiles",
                                                      .fitted = {"edges"},
                                                      .given = {"n"},
                                                      .fit = fit_quantiles,
                                                      .apply = apply_quantiles,
                                                      .stage = tell_quantiles};
