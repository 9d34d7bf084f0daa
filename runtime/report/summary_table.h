/*
 * summary_table.h -- a model's layers as the table that users of Keras know: `netc --summary` and
 * the trainer's `summary` print the same.
 */

#ifndef NET_SUMMARY_TABLE_H
#define NET_SUMMARY_TABLE_H

#include <stdio.h>

#include "netrt.h"

struct net_summary {
    const char *name; /* of the network */
    const struct net_layer *layers;
    int layer_count;
    int batch;          /* rows that a step is compiled for */
    size_t memory;      /* bytes of a step's arena */
    const char *target; /* "avx512" */
};

static inline struct net_summary net_summary_of(const struct net_model *model)
{
    return (struct net_summary){model->name,  model->layers,     model->layer_count,
                                model->batch, model->arena_size, model->isa};
}

void net_summary_print(FILE *out, const struct net_summary *summary);

#endif
