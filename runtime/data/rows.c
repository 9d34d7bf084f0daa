/*
 * rows.c -- what is asked of data that are open: how many rows a part has, their targets, the names
 * of classes and of token ids.
 */

#include "data/dataset.h"
#include "data/transforms/transform.h"

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

static const struct net_column *target(const struct net_data *data, enum net_part part)
{
    return &data->parts[part].source->fields[data->model->field_count - 1].column;
}

const int32_t *net_data_classes(const struct net_data *data, enum net_part part, long row)
{
    return net_row(target(data, part), net_source_row(&data->parts[part], row));
}

int net_data_class(const struct net_data *data, enum net_part part, long row)
{
    return *net_data_classes(data, part, row);
}

const float *net_data_target(const struct net_data *data, enum net_part part, long row)
{
    return net_row(target(data, part), net_source_row(&data->parts[part], row));
}

const char *net_data_class_name(const struct net_data *data, int class)
{
    const int last = data->model->field_count - 1;
    const struct net_field *target = &data->model->fields[last];
    const struct net_string_table *names = target->step_count ? data->fitted[last][0].strings[0]
                                                              : NULL;

    return names && class < names->count ? net_string(names, class) : NULL;
}

const char *const *net_data_vocabulary(const struct net_data *data, int field, int *count)
{
    *count = data->model->fields[field].vocabulary;
    return data->vocabulary[field];
}
