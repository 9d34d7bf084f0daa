/*
 * row_weights.c -- what each row counts in the loss: `weight w = column("w")`. They lie behind a
 * packed batch, as they were prepared: a step divides by their sum.
 */

#include "data/dataset.h"

static size_t weights_at(const struct net_model *model)
{
    return (model->batch_size + 63) / 64 * 64;
}

size_t net_batch_bytes(const struct net_model *model)
{
    return model->weight ? weights_at(model) + (size_t)model->batch * sizeof(float)
                         : model->batch_size;
}

const float *net_row_weights(const struct net_model *model, const void *batch)
{
    return model->weight ? (const float *)((const char *)batch + weights_at(model)) : NULL;
}

void net_pack_row_weights(const struct net_model *model, const struct net_rows *rows, int n,
                          void *batch)
{
    float *at = (float *)((char *)batch + weights_at(model));

    for (int i = 0; i < n; i++)
        at[i] = !rows->row ? 1.0f
                : rows->type == NET_U8
                    ? (float)(*(const uint8_t *)rows->row[i] * rows->scale[0] + rows->shift[0])
                    : *(const float *)rows->row[i];
}

void net_check_row_weights(const struct net_data *data)
{
    const struct net_model *model = data->model;
    const long count = net_data_rows(data, NET_TRAIN);

    for (long row = 0; row < count; row++)
        if (*(const float *)net_data_row(data, model->weight - 1, NET_TRAIN, row) > 0)
            return;
    net_fail(1, "%s: %s is 0 in all rows to train on: nothing would be learnt",
             data->parts[NET_TRAIN].source->fields[model->weight - 1].column.place,
             model->fields[model->weight - 1].name);
}
