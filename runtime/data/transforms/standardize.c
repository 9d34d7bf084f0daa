/*
 * standardize.c -- the transform standardize: mean 0 and standard deviation 1 over the training
 * rows, by element.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

/* No more than what rounding makes of a constant, by the bound of scikit-learn's StandardScaler. */
static bool is_constant(double variance, double mean, long rows)
{
    const double n = (double)rows, rounding = n * mean * DBL_EPSILON;

    return variance <= n * DBL_EPSILON * variance + rounding * rounding;
}

/* Mean and standard deviation (of the rows, not an estimate: as scikit-learn's StandardScaler) of
   every element. Differences from the first row make a constant's mean exact and its deviation 0;
   it is divided by 1. */
static void fit_standardize(struct net_fitted *fitted, const struct net_values *values,
                            const struct net_call *call, const long *rows, long row_count)
{
    const int size = values->column.size;
    double *first = net_allocate((size_t)size, sizeof *first);
    double *numbers = net_allocate((size_t)size, sizeof *numbers);
    double *mean = net_allocate((size_t)size, sizeof *mean);
    double *std = net_allocate((size_t)size, sizeof *std);

    (void)call;
    net_values_row(values, rows ? rows[0] : 0, first);
    for (long r = 0; r < row_count; r++) {
        net_values_row(values, rows ? rows[r] : r, numbers);
        for (int i = 0; i < size; i++)
            mean[i] += numbers[i] - first[i];
    }
    for (int i = 0; i < size; i++)
        mean[i] = first[i] + mean[i] / (double)row_count;
    for (long r = 0; r < row_count; r++) {
        net_values_row(values, rows ? rows[r] : r, numbers);
        for (int i = 0; i < size; i++)
            std[i] += (numbers[i] - mean[i]) * (numbers[i] - mean[i]);
    }
    for (int i = 0; i < size; i++) {
        const double variance = std[i] / (double)row_count;

        std[i] = is_constant(variance, mean[i], row_count) ? 1 : sqrt(variance);
    }
    free(first);
    free(numbers);
    *fitted = (struct net_fitted){.list = {mean, std}, .count = size};
}

static void apply_standardize(struct net_values *values, const struct net_call *call,
                              const struct net_fitted *fitted)
{
    (void)call;
    net_values_check(values, fitted);
    for (int i = 0; i < fitted->count; i++) {
        if (!(fitted->list[1][i] > 0))
            net_fail(1, "%s: the preparation's std %d of %s is %g, expected more than 0",
                     values->column.place, i, values->column.name, fitted->list[1][i]);
        values->scale[i] /= fitted->list[1][i];
        values->shift[i] = (values->shift[i] - fitted->list[0][i]) / fitted->list[1][i];
    }
}

const struct net_transform net_transform_standardize = {.name = "standardize",
                                                        .fitted = {"mean", "std"},
                                                        .fit = fit_standardize,
                                                        .apply = apply_standardize,
                                                        .inverse_kind = NET_INVERSE_AFFINE};
