/*
 * rows.c -- what is asked of data that are open: how many rows a part has, their targets, the names
 * of classes and of token ids.
 */

#include "data/dataset.h"
#include "data/sources/source.h"
#include "data/transforms/transform.h"

int net_input_count(const struct net_model *model)
{
    int count = 0;

    while (count < model->field_count && model->fields[count].kind < NET_TARGET_CLASS)
        count++;
    return count;
}

const struct net_field *net_target_field(const struct net_model *model)
{
    static const struct net_field none = {.name = "", .source = "", .kind = NET_TARGET_NONE};

    return model->uncompared ? &none : &model->fields[net_target(model)];
}

net_generate *net_data_generate(const struct net_model *model)
{
    return model->parts[NET_TRAIN]->reader->generate;
}

long net_data_rows(const struct net_data *data, enum net_part part)
{
    return data->parts[part].source ? data->parts[part].count : 0;
}

struct net_fold net_data_fold(const struct net_data *data)
{
    return data->fold;
}

bool net_data_changed(const struct net_data *data)
{
    return data->changes > 0;
}

const char *net_data_place(const struct net_data *data, enum net_part part, int field, long *row)
{
    *row = net_source_row(&data->parts[part], *row) + data->parts[part].source->first;
    return data->parts[part].source->fields[field].column.place;
}

bool net_data_is_series(const struct net_data *data)
{
    return data->series != NULL;
}

const void *net_prepared_row(const struct net_data *data, enum net_part part, int field, long row)
{
    const struct net_prepared_column *prepared = &data->parts[part].source->fields[field];

    if (!prepared->series)
        return net_row(&prepared->column, row);
    double *window = prepared->made + prepared->column.size;

    prepared->series->make(prepared, &data->model->fields[field], row, prepared->made, window);
    return window;
}

const void *net_data_row(const struct net_data *data, int field, enum net_part part, long row)
{
    return net_prepared_row(data, part, field, net_source_row(&data->parts[part], row));
}

int net_data_class(const struct net_data *data, enum net_part part, long row)
{
    return *(const int32_t *)net_data_row(data, net_target(data->model), part, row);
}

const float *net_data_target(const struct net_data *data, enum net_part part, long row)
{
    return net_data_row(data, net_target(data->model), part, row);
}

const char *net_data_name_of(const struct net_data *data, int field, int class)
{
    const struct net_string_table *names = NULL;

    if (data->model->fields[field].step_count)
        names = data->fitted[field][0].strings[0];

    return names && class >= 0 && class < names->count ? net_string(names, class) : NULL;
}

const char *net_data_class_name(const struct net_data *data, int class)
{
    return net_data_name_of(data, net_target(data->model), class);
}

const char *const *net_data_vocabulary(const struct net_data *data, int field, int *count)
{
    *count = data->model->fields[field].vocabulary;
    return data->vocabulary[field];
}
