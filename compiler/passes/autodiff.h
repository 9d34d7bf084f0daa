/*
 * autodiff.h -- what autodiff.c and its files of gradients share: a function an operation.
 */

#ifndef AUTODIFF_H
#define AUTODIFF_H

#include "passes/passes.h"

typedef struct Reverse {
    Graph *g;
    Node *const *nodes;        /* forward, in order: of the sections up to this one */
    int count;                 /* of nodes */
    int section;               /* of several, from 1, that trains; 0: there is one */
    const Node *node;          /* the forward node being differentiated */
    Value **gradient;          /* by id of a forward value: the sum so far, or NULL */
    bool *wanted;              /* by id: does a parameter lie behind it? */
    int values;                /* how many there were before */
    const Node **first_reader; /* by id: of a parameter */
} Reverse;

/* dy: the gradient of the node's first output; NULL for the loss itself. */
typedef void Vjp(Reverse *r, const Node *node, Value *dy);

/* reverse.c */
bool wants(const Reverse *r, int input); /* its gradient: does a parameter lie behind it? */
/* A backward node; place and layer are those of the forward node. */
Node *append(Reverse *r, Op op, Value *const *inputs, int count, Attributes at);
void accumulate(Reverse *r, int input, Value *gradient);
Attributes restoring(const Node *node); /* with the shape that the gradient of input 0 has */

/* The operations whose gradient is a function, a table a file: vjp_products.c, vjp_elementwise.c,
   vjp_pool.c, vjp_movement.c. */
extern Vjp *const products_vjps[OP_COUNT];
extern Vjp *const elementwise_vjps[OP_COUNT];
extern Vjp *const pool_vjps[OP_COUNT];
extern Vjp *const movement_vjps[OP_COUNT];

#endif
