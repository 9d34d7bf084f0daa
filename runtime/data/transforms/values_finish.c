/*
 * values_finish.c -- the end of a field's chain of transforms: rows stay as they lie in the file,
 * are made floats as a batch is packed, or all at once.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

/* Copies the sizes other than 1; returns how many. */
static int strip(int stripped[4], int rank, const int *shape)
{
    int count = 0;

    for (int i = 0; i < rank; i++)
        if (shape[i] != 1)
            stripped[count++] = shape[i];
    return count;
}

bool net_column_fits(const struct net_column *column, const struct net_field *field)
{
    int a[4] = {0}, b[4] = {0};
    const int rank = strip(a, column->rank, column->shape);
    const int wanted = strip(b, field->rank, field->shape);

    return column->size == field->size && (rank <= 1 || wanted <= 1 || !memcmp(a, b, sizeof a));
}

const struct net_call *net_series_step(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++)
        if (field->steps[s].transform->series)
            return &field->steps[s];
    return NULL;
}

/* One scale and shift a channel for pack, or false where a channel has several. */
static bool by_channel(const struct net_values *values, struct net_prepared_column *prepared)
{
    const struct net_field *field = values->field;
    const int channels = field->rank ? field->shape[0] : 1, pixels = field->size / channels;

    for (int i = 0; i < field->size; i++)
        if (values->scale[i] != values->scale[i / pixels * pixels] ||
            values->shift[i] != values->shift[i / pixels * pixels])
            return false;
    prepared->scale = net_allocate((size_t)channels, sizeof(double));
    prepared->shift = net_allocate((size_t)channels, sizeof(double));
    for (int c = 0; c < channels; c++) {
        prepared->scale[c] = values->scale[c * pixels];
        prepared->shift[c] = values->shift[c * pixels];
    }
    return true;
}

static bool is_identity(const struct net_values *values)
{
    for (int i = 0; i < values->column.size; i++)
        if (values->scale[i] != 1 || values->shift[i] != 0)
            return false;
    return true;
}

/* Rows in files, which may be larger than memory, are made floats as a batch is packed. */
static bool is_deferred(const struct net_values *values)
{
    const struct net_field *field = values->field;
    bool deferred = values->column.pieces && field->kind == NET_INPUT && !field->augment_count;

    for (int s = 0; s < field->step_count; s++)
        deferred = deferred && strcmp(field->steps[s].name, "noise");
    return deferred;
}

/* Ids of words and classes, and bytes that have one scale a channel. */
static bool is_packed_as_it_is(const struct net_values *values,
                               struct net_prepared_column *prepared)
{
    const enum net_field_kind kind = values->field->kind;
    const enum net_type type = values->column.type;

    return (kind == NET_INPUT_TOKENS && type == NET_I32) ||
           (kind == NET_INPUT && type == NET_U8 && !prepared->series &&
            by_channel(values, prepared));
}

void net_values_finish(struct net_values *values, struct net_prepared_column *prepared)
{
    const struct net_call *window = net_series_step(values->field);
    const struct net_field *field = values->field;
    const struct net_column *column = &values->column;
    const bool target = field->kind == NET_TARGET_CLASS || field->kind == NET_TARGET_VALUES;
    const char *kind = target ? "target" : "input";
    char found[64], wanted[64];

    net_shape_text(found, column->rank, column->shape);
    net_shape_text(wanted, field->rank, field->shape);
    if (!net_column_fits(column, field) && column->elements)
        net_fail(1,
                 "%s: a row of %s is %s, the model's %s %s wants %s; `%s %s[%d]` takes these "
                 "columns",
                 column->place, column->name, found, kind, field->name, wanted, kind, field->name,
                 column->size);
    if (!net_column_fits(column, field))
        net_fail(1,
                 "%s: a row of %s is %s, the model's %s %s wants %s (the first axis of a file "
                 "counts rows)",
                 column->place, column->name, found, kind, field->name, wanted);
    if (window) {
        prepared->series = window->transform->series;
        prepared->made = net_allocate((size_t)column->size *
                                          (1 + (size_t)prepared->series->length(field)),
                                      sizeof *prepared->made);
    }
    if (field->kind == NET_TARGET_CLASS) {
        if (column->type != NET_I32)
            net_fail(1, "%s: the target %s wants classes(n) as the last of its transforms",
                     column->place, field->name);
    } else if (is_packed_as_it_is(values, prepared)) {
        /* and takes no memory but its own */
    } else if (!column->begin && (column->type != NET_F32 || !is_identity(values))) {
        if (is_deferred(values)) {
            prepared->values = net_allocate(1, sizeof *values);
            *prepared->values = *values;
            prepared->column = *column;
            return;
        }
        net_values_rewrite(values, NET_F32);
    }
    prepared->column = *column;
    prepared->owned = values->owned;
    free(values->scale);
    free(values->shift);
}
