/*
 * batch.c -- a batch from rows of a part: each field's rows where they stand, or made for this
 * batch where they change (noise, augmentation), are kept shorter than the model reads them
 * (words), or stand in a file as other numbers.
 */

#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

/* Bytes of a row that is made for each batch; 0 where rows are read where they stand. */
static size_t made_width(const struct net_prepared_column *prepared, const struct net_field *field)
{
    return prepared->values || prepared->series ? (size_t)field->size * sizeof(float)
                                                : net_ragged_width(&prepared->column);
}

static const void *make_row(const struct net_prepared_column *prepared,
                            const struct net_field *field, long row, double *numbers, void *scratch)
{
    if (prepared->series) {
        prepared->series->make(prepared, field, row, numbers, scratch);
        return scratch;
    }
    if (!prepared->values)
        return net_ragged_row(&prepared->column, row, scratch);
    net_values_row(prepared->values, row, numbers);
    for (int i = 0; i < prepared->column.size; i++)
        ((float *)scratch)[i] = (float)numbers[i];
    return scratch;
}

void net_packing_open(struct net_data *data, enum net_part part)
{
    const struct net_model *model = data->model;
    struct net_subset *from = &data->parts[part];

    from->pointers = net_allocate((size_t)model->field_count * (size_t)model->batch,
                                  sizeof(void *));
    from->augments = net_allocate((size_t)model->field_count, sizeof(void *));
    for (int f = 0; f < model->field_count; f++)
        from->augments[f] = net_augment_open(model, f, part);
    from->scratch = net_allocate((size_t)model->field_count, sizeof *from->scratch);
    for (int f = 0; f < model->field_count; f++) {
        const struct net_prepared_column *prepared = &from->source->fields[f];
        const size_t numbers = prepared->values ? (size_t)prepared->column.size : 0;
        const size_t width = made_width(prepared, &model->fields[f]);

        if (width) /* the numbers of a row come first, in double */
            from->scratch[f] = net_allocate(numbers * sizeof(double) + (size_t)model->batch * width,
                                            1);
    }
}

void net_packing_close(struct net_data *data, enum net_part part)
{
    struct net_subset *from = &data->parts[part];

    for (int f = 0; from->pointers && f < data->model->field_count; f++) {
        net_augment_close(from->augments[f]);
        free(from->scratch[f]);
    }
    free(from->pointers);
    free(from->augments);
    free(from->scratch);
}

void net_data_pack(const struct net_data *data, enum net_part part, const struct net_mode *mode,
                   const long *rows, int n, void *batch)
{
    const struct net_model *model = data->model;
    const struct net_subset *from = &data->parts[part];
    struct net_rows fields[NET_COLUMNS + NET_DRAWN] = {0};

    for (int f = 0; f < model->field_count; f++) {
        const struct net_prepared_column *prepared = &from->source->fields[f];
        const struct net_column *column = &prepared->column;
        struct net_augment *augment = from->augments[f];
        const void **pointers = from->pointers + (size_t)f * (size_t)model->batch;

        if (!net_has_rows(column))
            continue;
        const bool changes = net_augment_acts(augment, mode);
        const size_t width = made_width(prepared, &model->fields[f]);
        double *numbers = from->scratch[f];
        char *scratch = from->scratch[f];

        if (prepared->values)
            scratch += (size_t)column->size * sizeof(double);

        for (int i = 0; i < n; i++) {
            const long row = net_source_row(from, rows[i]);
            const void *element = width ? make_row(prepared, &model->fields[f], row, numbers,
                                                   scratch + (size_t)i * width)
                                        : net_row(column, row);

            pointers[i] = changes ? net_augment_row(augment, mode, prepared, element, row, i)
                                  : element;
        }
        const bool floats = prepared->values ||
                            (column->type != NET_I32 && (changes || prepared->series));

        fields[f] = (struct net_rows){floats ? NET_F32 : column->type, pointers, prepared->scale,
                                      prepared->shift};
    }
    void *mixed = model->mix ? model->mix(fields, model, from, mode, rows, n, batch) : NULL;
    void *drawn = model->draw ? model->draw(fields + model->field_count, model, (int)part, from,
                                            mode, rows, n)
                              : NULL;

    model->pack(batch, fields, n);
    if (model->weight) /* a row by itself, as it is predicted, is its own mean */
        net_pack_row_weights(model,
                             mode && mode->kind == NET_MODE_PREDICT ? &(struct net_rows){0}
                                                                    : &fields[model->weight - 1],
                             n, batch);
    free(drawn);
    free(mixed);
}

bool net_data_input(const struct net_data *data, enum net_part part, int field, long row, float *x)
{
    const struct net_subset *from = &data->parts[part];
    const struct net_prepared_column *prepared = &from->source->fields[field];
    const struct net_column *column = &prepared->column;
    double *numbers = net_allocate((size_t)column->size, sizeof *numbers);

    row = net_source_row(from, row);
    if (prepared->series)
        prepared->series->make(prepared, &data->model->fields[field], row, numbers, x);
    else if (prepared->values)
        net_values_row(prepared->values, row, numbers);
    for (int i = 0; !prepared->series && i < column->size; i++)
        x[i] = (float)(prepared->values ? numbers[i] : net_element(column, row, i));
    free(numbers);
    return !prepared->values && column->type == NET_U8;
}

bool net_data_given(const struct net_data *data, enum net_part part, int field, long row, float *x)
{
    const struct net_subset *from = &data->parts[part];
    const struct net_prepared_column *prepared = &from->source->fields[field];
    const bool bytes = net_data_input(data, part, field, row, x);

    if (!net_augment_acts(from->augments[field], NULL))
        return bytes;
    row = net_source_row(from, row);
    memcpy(x,
           net_augment_row(
               from->augments[field], NULL, prepared,
               prepared->values || prepared->series ? x : net_row(&prepared->column, row), row, 0),
           (size_t)data->model->fields[field].size * sizeof *x);
    return false;
}

const struct net_model *net_data_model(const struct net_data *data)
{
    return data->model;
}
