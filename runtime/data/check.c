/*
 * check.c -- what a field's numbers must be before a model trains on them: finite, classes that
 * there are, probabilities where the loss wants some; and rows whose order is only a guess.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

/* What to do about a number that is missing. */
static const char *missing_remedy(const struct net_field *field)
{
    if (field->kind == NET_INPUT)
        return "; `-> impute(missing, mean)` fills it in";
    if (field->kind == NET_TARGET_CLASS)
        return "; give it a number that is no class, such as -1, and cross_entropy(ignore=-1)";
    return field->kind == NET_TARGET_VALUES ? "; leave out rows without a target" : "";
}

/* NaN, infinite, or beyond 32-bit floats: no model learns from it, unless impute fills it in. */
void net_check_finite(const struct net_column *column, const struct net_field *field)
{
    const bool imputed = net_field_imputes(field);

    if (column->type != NET_F32 && column->type != NET_F64)
        return;
    for (long row = 0; row < column->rows; row++)
        for (int i = 0; i < column->size; i++) {
            const double x = net_element(column, row, i);

            if (!isfinite((float)x) && !(imputed && isnan(x)))
                net_fail(1,
                         "%s: row %ld, element %d (from 0): expected a finite 32-bit number in "
                         "%s, found %g%s",
                         column->place, row, i, column->name, x,
                         isnan(x) ? missing_remedy(field)
                                  : ": inf, or beyond single precision (3.4e38)");
        }
}

/* Beyond what the loss wants it has no least value: binary_cross_entropy takes 0 to 1. What
   transforms round is let pass. */
static bool is_wanted(const struct net_field *field, double x)
{
    const double rounding = 1e-6;

    if (field->ends)
        return fabs(x - field->least) <= rounding || fabs(x - field->most) <= rounding;
    return x >= field->least - rounding && x <= field->most + rounding;
}

void net_check_wanted(const struct net_prepared_column *prepared, const struct net_field *field,
                      const struct net_column *column)
{
    const struct net_column *made = &prepared->column;

    for (long row = 0; row < made->rows; row++) {
        const float *at = net_row(made, row);

        for (int i = 0; i < made->size; i++)
            if (!is_wanted(field, (double)at[i]))
                net_fail(1, "%s: row %ld (from 0), %s: expected %g %s %g for %s, found %.9g%s",
                         column->place, row,
                         column->elements && column->size == made->size ? column->elements[i]
                                                                        : column->name,
                         field->least, field->ends ? "or" : "to", field->most, field->wanted_by,
                         (double)at[i],
                         field->step_count ? " behind the transforms"
                         : field->least != 0 || field->most != 1
                             ? ""
                             : "; `-> minmax` brings two values to 0 and 1");
    }
}

static _Noreturn void fail_prepared(const struct net_column *column, const struct net_field *field,
                                    const char *place, double x)
{
    net_fail(1, "%s: %s: the transforms of %s give %g there, beyond single precision (3.4e38)",
             column->place, place, field->name, x);
}

/* Transforms can make numbers too large that were finite in the source. `column`: the
   source's. */
void net_check_prepared(const struct net_prepared_column *prepared, const struct net_field *field,
                        const struct net_column *column)
{
    const struct net_column *made = &prepared->column;
    const int channels = field->rank ? field->shape[0] : 1;
    double *numbers = net_allocate((size_t)made->size, sizeof *numbers);
    char place[80];

    for (int c = 0; prepared->scale && c < channels; c++)
        for (int byte = 255; byte >= 0; byte -= 255) {
            const float x = (float)(byte * prepared->scale[c] + prepared->shift[c]);

            if (isfinite(x))
                continue;
            snprintf(place, sizeof place, "bytes of %d, channel %d (from 0)", byte, c);
            fail_prepared(column, field, place, (double)x);
        }
    for (long row = 0; (prepared->values || made->type == NET_F32) && row < made->rows; row++) {
        const float *at = net_row(made, row);

        if (prepared->values)
            net_values_row(prepared->values, row, numbers);
        for (int i = 0; i < made->size; i++) {
            const float x = prepared->values ? (float)numbers[i] : at[i];

            if (isfinite(x))
                continue;
            snprintf(place, sizeof place, "row %ld, element %d (from 0)", row, i);
            fail_prepared(column, field, place, (double)x);
        }
    }
    free(numbers);
}

const char *net_data_flat(const struct net_data *data, int f)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_source *source = data->parts[NET_TRAIN].source;
    const struct net_column *column = net_find_column(&source->table, data->model, f);
    bool several = false;
    int size = 1;

    for (int axis = 0; axis < field->rank; axis++) {
        several |= field->shape[axis] > 1 && size > 1 && field->shape[axis] != size;
        size = field->shape[axis] > 1 ? field->shape[axis] : size;
    }
    if (!several || !column || source->table.by_field || column->size != field->size ||
        !strcmp(data->model->parts[NET_TRAIN]->reader->name, "libsvm"))
        return NULL;
    for (int axis = 0; axis < column->rank; axis++)
        if (column->shape[axis] > 1 && column->shape[axis] != column->size)
            return NULL;
    return column->place;
}
