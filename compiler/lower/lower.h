/*
 * lower.h -- Model -> Graph, for training and for evaluation; and the table of layers. What the
 * files of this stage share is in lowering.h.
 */

#ifndef LOWER_H
#define LOWER_H

#include "graph/graph.h"
#include "netrt.h"
#include "semantics/semantics.h"

/* ---- lower.c --------------------------------------------------------------------------------- */

typedef enum Mode { MODE_TRAIN, MODE_EVALUATE } Mode;

/* NULL after errors. Training: batchnorm from the batch, dropout on. Evaluation: neither. */
Graph *lower(Model *model, Mode mode);
/* loss.c: a summand with its target, NULL after an error; and all of them. */
Value *lower_term(Graph *g, const Term *term);
Value *lower_expression(Graph *g, const Term *term);
/* A target as a value of the loss; NULL: an error, a class is no quantity. */
Value *lower_target(Graph *g, const Field *target);
void lower_loss(Graph *g, Value *const *terms, int count);

void warn_unreached(const Graph *train); /* of layers that no gradient reaches */
void warn_doubtful(const Graph *train);  /* doubtful.c: what trains badly */
void warn_answers(const Model *model);   /* answers.c: what reads its target; lowered last */
bool check_shards(const Graph *train);   /* shards.c: an error of what wants the whole batch */

/* ---- summary.c: the table that Keras users know ---------------------------------------------- */

typedef struct net_layer LayerRow; /* the trainer's row of the same table */

Shape row_shape(const LayerRow *row);

/* A row for each layer, in order. Needs: `evaluate` was lowered last, and is not simplified. */
LayerRow *summarize(const Model *model, const Graph *evaluate, int *count);
void print_summary(FILE *out, const Model *model, const LayerRow *rows, int count,
                   const char *target, size_t memory);

#endif
