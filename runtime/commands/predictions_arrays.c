/*
 * predictions_arrays.c -- predictions as arrays of numpy: float32, [rows][the prediction's shape].
 * An npy is one array and written as it comes; an npz has one of each target, kept to the end.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/npy.h"
#include "commands/npz.h"
#include "commands/predictions.h"

/* "100, 3, 32"; malloc'd */
static struct net_text shape_of(const struct net_head *head, long rows)
{
    const struct net_model *model = head->model;
    struct net_text shape = {0};

    net_text_add(&shape, "%ld,", rows);
    for (int axis = 0; axis < model->output_rank && model->outputs > 1; axis++)
        net_text_add(&shape, "%s%d", axis ? ", " : " ", model->output_shape[axis]);
    return shape;
}

void net_begin_npy(struct net_predictions *predictions, long rows)
{
    struct net_text shape = shape_of(predictions->heads, rows);
    struct net_npy npy;

    net_npy_begin(&npy, shape.at);
    fwrite(npy.magic, 1, sizeof npy.magic, predictions->out);
    fwrite(npy.line.at, 1, npy.line.length, predictions->out);
    free(npy.line.at);
    free(shape.at);
}

void net_add_npy(struct net_predictions *predictions)
{
    const struct net_head *head = predictions->heads;

    for (int i = 0; i < head->model->outputs; i++) {
        const float value = (float)net_inverse_value(&head->inverse, i, head->x[i]);

        fwrite(&value, sizeof value, 1, predictions->out);
    }
}

static void refuse_size(void)
{
    net_fail(NET_FAULT,
             "an npz holds up to 4 GB: predict fewer rows at a time, or with --format csv");
}

void net_begin_npz(struct net_predictions *predictions, long rows)
{
    double bytes = 0;

    for (int h = 0; h < predictions->head_count; h++)
        bytes += 4.0 * (double)rows * predictions->heads[h].model->outputs;
    if (bytes >= 4294967296.0)
        refuse_size();
    for (int h = 0; h < predictions->head_count; h++) {
        struct net_head *head = &predictions->heads[h];

        head->kept = net_allocate((size_t)rows * (size_t)head->model->outputs, sizeof *head->kept);
    }
}

void net_add_npz(struct net_predictions *predictions)
{
    for (int h = 0; h < predictions->head_count; h++) {
        const struct net_head *head = &predictions->heads[h];
        float *row = head->kept + predictions->added * head->model->outputs;

        for (int i = 0; i < head->model->outputs; i++)
            row[i] = (float)net_inverse_value(&head->inverse, i, head->x[i]);
    }
}

static void write_bytes(void *to, const void *bytes, size_t count)
{
    fwrite(bytes, 1, count, to);
}

void net_end_npz(struct net_predictions *predictions)
{
    struct net_npz npz;

    net_npz_open(&npz, write_bytes, predictions->out, predictions->head_count);
    for (int h = 0; h < predictions->head_count; h++) {
        const struct net_head *head = &predictions->heads[h];
        struct net_text shape = shape_of(head, predictions->added);

        if (!net_npz_add(&npz, head->name, shape.at, head->kept,
                         (size_t)predictions->added * (size_t)head->model->outputs))
            refuse_size();
        free(shape.at);
    }
    net_npz_end(&npz);
}
