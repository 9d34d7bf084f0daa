/*
 * row_weights.c -- what each row counts in the loss: `weight w = column("w")`. They lie behind a
 * packed batch, as they were prepared: a step divides by their sum. Of rows that are mixed, the
 * share of the other row lies there; a model has one of the two.
 */

#include "data/dataset.h"

static size_t weights_at(const struct net_model *model)
{
    return (model->batch_size + 63) / 64 * 64;
}

size_t net_batch_bytes(const struct net_model *model)
{
    const size_t count = model->weight ? (size_t)model->batch : model->mix ? 1 : 0;

    return count ? weights_at(model) + count * sizeof(float) : model->batch_size;
}

float net_share(const struct net_model *model, const void *batch)
{
    return model->mix ? *(const float *)((const char *)batch + weights_at(model)) : 0.0f;
}

void net_pack_share(const struct net_model *model, float share, void *batch)
{
    *(float *)((char *)batch + weights_at(model)) = share;
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

/* Has the part rows, and none that counts? */
static bool is_weightless(const struct net_data *data, int part)
{
    const long count = net_data_rows(data, part);

    for (long row = 0; row < count; row++)
        if (*(const float *)net_data_row(data, data->model->weight - 1, part, row) > 0)
            return false;
    return count > 0;
}

void net_check_row_weights(const struct net_data *data)
{
    const struct net_model *model = data->model;

    for (int part = NET_TRAIN; part <= NET_TEST; part++)
        if ((part != NET_TRAIN || !data->learnt) && is_weightless(data, part))
            net_fail(NET_FAULT, "%s: %s is 0 in all rows %s%s",
                     data->parts[part].source->fields[model->weight - 1].column.place,
                     model->fields[model->weight - 1].name,
                     part == NET_TRAIN ? "to train on: nothing would be learnt" : "of ",
                     part == NET_TRAIN  ? ""
                     : data->user_files ? "the file"
                                        : net_part_names[part]);
}
