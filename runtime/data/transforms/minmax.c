/*
 * minmax.c -- every element to 0..1, by the least and the most that the training rows have of it;
 * other rows may lie beyond. A constant becomes 0.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "data/transforms/transform.h"

/* Numbers that differ by rounding alone, 10 epsilon of the larger, are a constant; where there are
   none, least is above most. (In scikit-learn's MinMaxScaler it is 10 epsilon of 1, whatever the
   numbers are.) */
static bool is_constant(double least, double most)
{
    return most >= least && most - least <= 10 * DBL_EPSILON * fmax(fabs(least), fabs(most));
}

static void fit_minmax(struct net_fitted *fitted, const struct net_values *values,
                       const struct net_call *call, const long *rows, long row_count)
{
    const int size = values->column.size;
    double *row = net_allocate((size_t)size, sizeof *row);
    double *least = net_allocate((size_t)size, sizeof *least);
    double *most = net_allocate((size_t)size, sizeof *most);

    (void)call;
    for (int i = 0; i < size; i++)
        least[i] = INFINITY, most[i] = -INFINITY;
    for (long r = 0; r < row_count; r++) {
        net_values_row(values, rows ? rows[r] : r, row);
        for (int i = 0; i < size; i++) {
            least[i] = row[i] < least[i] ? row[i] : least[i];
            most[i] = row[i] > most[i] ? row[i] : most[i];
        }
    }
    for (int i = 0; i < size; i++)
        if (is_constant(least[i], most[i]))
            most[i] = least[i];
    free(row);
    *fitted = (struct net_fitted){.list = {least, most}, .count = size};
}

static void apply_minmax(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    (void)call;
    net_values_check(values, fitted);
    for (int i = 0; i < fitted->count; i++) {
        const double least = fitted->list[0][i], range = fitted->list[1][i] - least;

        if (!(range >= 0))
            net_fail(1, "%s: the preparation's min %d of %s is %g, its max %g",
                     values->column.place, i, values->column.name, least, fitted->list[1][i]);
        values->scale[i] /= range > 0 ? range : 1;
        values->shift[i] = (values->shift[i] - least) / (range > 0 ? range : 1);
    }
}

const struct net_transform net_transform_minmax = {.name = "minmax",
                                                   .fitted = {"min", "max"},
                                                   .fit = fit_minmax,
                                                   .apply = apply_minmax,
                                                   .inverse_kind = NET_INVERSE_AFFINE};
