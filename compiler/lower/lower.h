/*
 * lower.h -- Model -> Graph, for training and for evaluation; and the table of layers. What the
 * files of this phase share is in lowering.h.
 */

#ifndef LOWER_H
#define LOWER_H

#include "graph/graph.h"
#include "semantics/semantics.h"

/* ---- lower.c -------------------------------------------------------------------------------- */

typedef enum Mode { MODE_TRAIN, MODE_EVALUATE } Mode;

/* NULL after errors. Training: batchnorm from the batch, dropout on. Evaluation: neither. */
Graph *lower(Model *model, Mode mode);
void lower_loss(Graph *g, const Layer *prediction); /* lower_loss.c: target, prediction, loss */

/* ---- summary.c: the table that Keras users know ---------------------------------------------- */

typedef struct LayerRow {
    const char *name;        /* "lenet5.conv2d_1" */
    const char *type;        /* "conv2d(6, 5)" */
    const char *inputs;      /* names of the layers it connects to: "a, b" */
    Shape shape;             /* of its output, one row */
    long parameters, states; /* trainable, non-trainable; 0 where shared with an earlier layer */
    double flops;            /* forward, one row; a multiply and an add are 2 */
} LayerRow;

/* A row for each layer, in order. Needs: `evaluate` was lowered last, and is not simplified. */
LayerRow *summarize(const Model *model, const Graph *evaluate, int *count);
void print_summary(FILE *out, const Model *model, const LayerRow *rows, int count, size_t memory);

#endif
