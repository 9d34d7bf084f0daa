/*
 * autodiff.h -- what autodiff.c and its files of gradients share: a function an operation.
 */

#ifndef AUTODIFF_H
#define AUTODIFF_H

#include "passes/passes.h"

typedef struct Reverse {
    Graph *g;
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

/* vjp_products.c */
Vjp vjp_dense, vjp_conv2d, vjp_recurrent, vjp_matmul, vjp_group_expand, vjp_conv2d_dx,
    vjp_embedding, vjp_sparse_dense, vjp_attention;
/* vjp_elementwise.c */
Vjp vjp_add_bias, vjp_add, vjp_multiply, vjp_divide, vjp_maximum, vjp_scale, vjp_activation,
    vjp_softmax, vjp_dropout, vjp_shift, vjp_normalize, vjp_layernorm;
/* vjp_movement.c */
Vjp vjp_reshape, vjp_concat, vjp_slice, vjp_pad, vjp_permute, vjp_maxpool2d, vjp_avgpool2d,
    vjp_upsample2d, vjp_stretch, vjp_pixel_sum, vjp_global_maxpool2d, vjp_global_avgpool2d,
    vjp_token_mean, vjp_axis_sum, vjp_axis_max, vjp_spread, vjp_logsumexp;

#endif
