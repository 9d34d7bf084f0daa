/*
 * made.c -- pictures that a network makes and nothing is compared with, those of a part's first
 * rows.
 */

#include <stdlib.h>
#include <string.h>

#include "report/metrics/metrics.h"

enum { MOST = 64, MOST_BYTES = 400000 /* of all, as they are shown */ };

void net_made_new(struct net_metrics *metrics)
{
    const struct net_model *model = metrics->model;
    const int *shape = model->output_shape;

    if (!model->uncompared || model->output_rank != 3 || (shape[0] != 1 && shape[0] != 3) ||
        shape[1] < 2 || shape[2] < 2)
        return;
    metrics->made.most = MOST_BYTES / model->outputs < MOST ? MOST_BYTES / model->outputs : MOST;
    if (metrics->made.most)
        metrics->made.at = net_allocate((size_t)metrics->made.most * (size_t)model->outputs,
                                        sizeof(float));
}

void net_made_add(struct net_metrics *metrics, const float *outputs)
{
    const size_t count = (size_t)metrics->model->outputs;

    if (metrics->made.count < metrics->made.most)
        memcpy(metrics->made.at + (size_t)metrics->made.count++ * count, outputs,
               count * sizeof *outputs);
}
