/*
 * reference.h -- evaluates any Graph naively and in double: the oracle of the tests.
 */

#ifndef REFERENCE_H
#define REFERENCE_H

#include "graph/graph.h"

/* Values as doubles, logical order, row-major; batched ones have n rows in front. */
typedef struct Reference {
    const Graph *graph;
    int n; /* rows */
    uint64_t seed;
    uint32_t step; /* of the random draws */
    double **at;   /* by value id; set inputs, targets, parameters, state before */
} Reference;

Reference *new_reference(const Graph *g, int n); /* allocates every value */
void evaluate_reference(Reference *r);           /* runs all nodes, naively, in double */

double round_bfloat16(double x); /* as float32, then to the nearest, of two the even one */

typedef void Evaluate(const Reference *r, const Node *node, double *const *in, double *const *out);
Evaluate *find_evaluation(Op op);           /* NULL: a test fails */
Evaluate *find_image_evaluation(Op op);     /* image.c */
Evaluate *find_loss_evaluation(Op op);      /* loss.c */
Evaluate *find_movement_evaluation(Op op);  /* movement.c */
Evaluate *find_pool_evaluation(Op op);      /* pool.c */
Evaluate *find_words_evaluation(Op op);     /* embedding.c */
Evaluate *find_attention_evaluation(Op op); /* attention.c */
Evaluate *find_recurrent_evaluation(Op op); /* recurrent.c */
Evaluate *find_volume_evaluation(Op op);    /* volume.c */
Evaluate *find_pairs_evaluation(Op op);     /* pairs.c */

#endif
