/*
 * impute.c -- numbers that are missing (NaN, or 0 where a column has no true zeros) become the mean
 * or the median of the training rows that have one, column by column.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

bool net_field_imputes(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++)
        if ((!strcmp(field->steps[s].name, "impute") &&
             net_has_word(&field->steps[s], "what", "missing")) ||
            (net_argument(&field->steps[s], "missing") &&
             !net_has_word(&field->steps[s], "missing", "error")))
            return true;
    return false;
}

/* ---- which columns --------------------------------------------------------------------------- */

/* "column CRIM", or "column 3 of x", from 1 */
static const char *column_name(const struct net_values *values, int column, char text[128])
{
    if (values->column.elements)
        snprintf(text, 128, "column %s", values->column.elements[column]);
    else
        snprintf(text, 128, "column %d of %s", column + 1, values->column.name);
    return text;
}

static void leave(const struct net_values *values, const char *name, double number, bool *left)
{
    char *const *elements = values->column.elements;
    const int size = values->column.size;
    int i = 0;

    while (name && elements && i < size && strcmp(elements[i], name))
        i++;
    if (name && elements && i < size)
        left[i] = true;
    else if (name && elements)
        net_fail(1, "impute(except=\"%s\"): %s of %s has no such column", name, values->column.name,
                 values->column.place);
    else if (!name && number >= 1 && number <= size)
        left[(int)number - 1] = true;
    else if (name)
        net_fail(1,
                 "impute(except=\"%s\"): the columns of %s have no names; give their numbers, "
                 "from 1",
                 name, values->column.place);
    else
        net_fail(1, "impute(except=%g): %s has %d columns", number, values->column.name, size);
}

/* The columns that `except` names, malloc'd. */
static bool *find_left(const struct net_values *values, const struct net_call *call)
{
    const struct net_arg *except = net_argument(call, "except");
    bool *left = net_allocate((size_t)values->column.size, sizeof *left);

    if (!except)
        return left;
    if (!except->count)
        leave(values, except->text, except->number, left);
    for (int i = 0; i < except->count; i++)
        leave(values, except->texts ? except->texts[i] : NULL, except->texts ? 0 : except->list[i],
              left);
    return left;
}

static bool is_missing(double x, bool zeros)
{
    return zeros ? x == 0 : isnan(x);
}

/* ---- learning -------------------------------------------------------------------------------- */

struct medians {
    double *value; /* [size] */
    long *count;   /* how many rows have one */
};

static void fit_median(void *context, int element, double *x, long count)
{
    const struct medians *medians = context;
    const long half = count / 2;

    medians->count[element] = count;
    if (count)
        medians->value[element] = count % 2 ? x[half] : x[half - 1] + (x[half] - x[half - 1]) / 2;
}

/* The means, and how many rows have one. Rounding does not take a mean out of its numbers' range:
   that of a constant is the constant. */
static void fit_means(const struct net_values *values, bool zeros, const long *rows, long row_count,
                      double *value, long *count)
{
    const int size = values->column.size;
    double *row = net_allocate((size_t)size, sizeof *row);
    double *least = net_allocate((size_t)size, sizeof *least);
    double *most = net_allocate((size_t)size, sizeof *most);

    for (long r = 0; r < row_count; r++) {
        net_values_row(values, rows ? rows[r] : r, row);
        for (int i = 0; i < size; i++)
            if (!is_missing(row[i], zeros)) {
                least[i] = !count[i] || row[i] < least[i] ? row[i] : least[i];
                most[i] = !count[i] || row[i] > most[i] ? row[i] : most[i];
                value[i] += row[i];
                count[i]++;
            }
    }
    for (int i = 0; i < size; i++)
        if (count[i])
            value[i] = fmin(fmax(value[i] / (double)count[i], least[i]), most[i]);
    free(least);
    free(most);
    free(row);
}

static void fit_impute(struct net_fitted *fitted, const struct net_values *values,
                       const struct net_call *call, const long *rows, long row_count)
{
    const int size = values->column.size;
    const bool zeros = net_has_word(call, "what", "zeros");
    double *value = net_allocate((size_t)size, sizeof *value);
    long *count = net_allocate((size_t)size, sizeof *count);
    bool *left = find_left(values, call);
    char name[128];

    if (!net_has_word(call, "by", "median"))
        fit_means(values, zeros, rows, row_count, value, count);
    else
        net_values_sorted(values, zeros, rows, row_count, fit_median,
                          &(struct medians){value, count});
    for (int i = 0; i < size; i++)
        if (!count[i] && !left[i])
            net_fail(1, "%s: impute: no training row has a number in %s%s", values->column.place,
                     column_name(values, i, name), zeros ? " that is not 0" : "");
    for (int i = 0; i < size; i++)
        if (left[i])
            value[i] = 0;
    free(count);
    free(left);
    *fitted = (struct net_fitted){.list = {value}, .count = size};
}

/* ---- applying -------------------------------------------------------------------------------- */

static void apply_impute(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    const bool zeros = net_has_word(call, "what", "zeros");
    const int size = values->column.size;
    char name[128];

    net_values_check(values, fitted);
    bool *left = find_left(values, call);

    net_values_rewrite(values, NET_F64);
    double *at = values->column.at;

    for (long row = 0; row < values->column.rows; row++, at += size)
        for (int i = 0; i < size; i++) {
            if (!is_missing(at[i], zeros))
                continue;
            if (!left[i])
                at[i] = fitted->list[0][i];
            else if (!zeros)
                net_fail(1, "%s: row %ld (from 0): %s has no number, and impute leaves it out",
                         values->column.place, row, column_name(values, i, name));
        }
    free(left);
}

static void tell_impute(struct net_number_stage *stage, const struct net_values *values,
                        const struct net_call *call, const struct net_fitted *fitted)
{
    const bool zeros = net_has_word(call, "what", "zeros");
    const int size = values->column.size;
    bool *left = find_left(values, call);
    double *fill = net_allocate((size_t)size, sizeof *fill);

    for (int i = 0; i < size; i++)
        fill[i] = !left[i] ? fitted->list[0][i] : zeros ? 0 : (double)NAN;
    free(left);
    *stage = (struct net_number_stage){.kind = NET_STAGE_FILL, .fill = fill, .zeros = zeros};
}

const struct net_transform net_transform_impute = {.name = "impute",
                                                   .fitted = {"value"},
                                                   .given = {"what", "except"},
                                                   .fit = fit_impute,
                                                   .apply = apply_impute,
                                                   .inverse_kind = NET_INVERSE_NOTHING,
                                                   .stage = tell_impute};
