/*
 * values.c -- what happens to a field's rows between the source and the model. Affine
 * transforms compose into one scale and shift an element, kept in double; pictures of bytes with
 * one scale a channel stay bytes, and the pack kernel applies it; everything else becomes floats,
 * rounded once, at the end.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { HELD = 1 << 22 }; /* numbers of some elements that are sorted at a time */

const char *net_shape_text(char text[64], int rank, const int *shape)
{
    int length = snprintf(text, 64, "[");

    for (int i = 0; i < rank && length < 48; i++)
        length += snprintf(text + length, 64 - (size_t)length, i ? ", %d" : "%d", shape[i]);
    snprintf(text + length, 64 - (size_t)length, "]");
    return text;
}

void net_values_open(struct net_values *values, const struct net_field *field,
                     const struct net_column *column)
{
    const size_t size = (size_t)column->size;

    *values = (struct net_values){.field = field,
                                  .column = *column,
                                  .scale = net_allocate(size, sizeof(double)),
                                  .shift = net_allocate(size, sizeof(double))};
    for (size_t i = 0; i < size; i++)
        values->scale[i] = 1; /* NOLINT: these are not the values freed before */
}

void net_values_row(const struct net_values *values, long row, double *numbers)
{
    const int size = values->column.size;
    const void *at = net_row(&values->column, row);
    const double *scale = values->scale, *shift = values->shift;

    switch (values->column.type) {
    case NET_U8:
        for (int i = 0; i < size; i++)
            numbers[i] = ((const uint8_t *)at)[i] * scale[i] + shift[i];
        break;
    case NET_I32:
        for (int i = 0; i < size; i++)
            numbers[i] = ((const int32_t *)at)[i] * scale[i] + shift[i];
        break;
    case NET_F32:
        for (int i = 0; i < size; i++)
            numbers[i] = (double)((const float *)at)[i] * scale[i] + shift[i];
        break;
    case NET_F64:
        for (int i = 0; i < size; i++)
            numbers[i] = ((const double *)at)[i] * scale[i] + shift[i];
        break;
    case NET_SPARSE:
    case NET_TEXT:
        break;
    }
}

void net_values_replace(struct net_values *values, enum net_type type, int rank, int size, void *at)
{
    const struct net_column column = {.name = values->column.name,
                                      .place = values->column.place,
                                      .type = type,
                                      .rank = rank,
                                      .shape = {size},
                                      .rows = values->column.rows,
                                      .size = size,
                                      .at = at};

    free(values->scale);
    free(values->shift);
    free(values->owned);
    net_values_open(values, values->field, &column);
    values->owned = at;
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

void net_values_sorted(const struct net_values *values, bool zeros, const long *rows,
                       long row_count, net_take_sorted *take, void *context)
{
    const int size = values->column.size;
    const int most = row_count < HELD ? (int)(HELD / (row_count + 1)) + 1 : 1;
    const int at_once = size < most ? size : most;
    double *row = net_allocate((size_t)size, sizeof *row);
    double *held = net_allocate((size_t)at_once * (size_t)row_count, sizeof *held);
    long *count = net_allocate((size_t)size, sizeof *count);

    for (int begin = 0; begin < size; begin += at_once) {
        const int end = size - begin < at_once ? size : begin + at_once;

        for (long r = 0; r < row_count; r++) {
            net_values_row(values, rows ? rows[r] : r, row);
            for (int i = begin; i < end; i++)
                if (!isnan(row[i]) && !(zeros && row[i] == 0))
                    held[(i - begin) * row_count + count[i]++] = row[i];
        }
        for (int i = begin; i < end; i++) {
            double *sorted = held + (i - begin) * row_count;

            qsort(sorted, (size_t)count[i], sizeof *sorted, compare);
            take(context, i, sorted, count[i]);
        }
    }
    free(row);
    free(held);
    free(count);
}

void net_values_check(const struct net_values *values, const struct net_fitted *fitted)
{
    if (fitted->count != values->column.size)
        net_fail(1, "%s: a row of %s has %d numbers, the preparation was fitted on %d",
                 values->column.place, values->column.name, values->column.size, fitted->count);
}

void net_values_rewrite(struct net_values *values, enum net_type type)
{
    struct net_column *column = &values->column;
    const size_t size = (size_t)column->size;
    void *made = net_allocate((size_t)column->rows * size, net_width(type));
    double *numbers = net_allocate(size, sizeof *numbers);

    for (long row = 0; row < column->rows; row++) {
        net_values_row(values, row, numbers);
        for (size_t i = 0, to = (size_t)row * size; i < size; i++, to++)
            if (type == NET_F64)
                ((double *)made)[to] = numbers[i];
            else
                ((float *)made)[to] = (float)numbers[i];
    }
    free(numbers);
    free(values->owned);
    values->owned = column->at = made;
    column->pieces = NULL;
    column->type = type;
    for (size_t i = 0; i < size; i++)
        values->scale[i] = 1, values->shift[i] = 0;
}
