/*
 * vjp_elementwise.c -- gradients of elementwise operations, normalizations and softmax.
 */

#include "passes/autodiff.h"

#include <math.h>

static void vjp_add_bias(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 1))
        accumulate(r, 1, append(r, OP_CHANNEL_SUM, &dy, 1, node->at)->outputs[0]);
    if (wants(r, 0))
        accumulate(r, 0, dy);
}

static void vjp_add(Reverse *r, const Node *node, Value *dy)
{
    (void)node;
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i, dy);
}

/* A forward value as backward reads it: what is stretched over an image is stretched again, in the
   kernel that needs it, and not kept; so is what a batchnorm has made of a value that is kept. */
static Value *kept_value(Reverse *r, Value *value)
{
    const Node *node = value->node;

    return node && (node->op == OP_STRETCH || node->op == OP_SPREAD || node->op == OP_NORMALIZE)
               ? append(r, node->op, node->inputs, node->input_count, node->at)->outputs[0]
               : value;
}

/* d(ab) = b da + a db */
static void vjp_multiply(Reverse *r, const Node *node, Value *dy)
{
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i,
                       append(r, OP_MULTIPLY, (Value *[]){dy, kept_value(r, node->inputs[1 - i])},
                              2, node->at)
                           ->outputs[0]);
}

static Value *scaled(Reverse *r, Value *x, double scale)
{
    return append(r, OP_SCALE, &x, 1, (Attributes){.scale = scale})->outputs[0];
}

/* y = a / b: da = dy / b, db = -da y */
static void vjp_divide(Reverse *r, const Node *node, Value *dy)
{
    Value *b = kept_value(r, node->inputs[1]);
    Value *da = append(r, OP_DIVIDE, (Value *[]){dy, b}, 2, node->at)->outputs[0];

    if (wants(r, 0))
        accumulate(r, 0, da);
    if (wants(r, 1))
        accumulate(
            r, 1,
            scaled(
                r,
                append(r, OP_MULTIPLY, (Value *[]){da, node->outputs[0]}, 2, node->at)->outputs[0],
                -1));
}

static void vjp_maximum(Reverse *r, const Node *node, Value *dy)
{
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i,
                       append(r, OP_MAXIMUM_GRAD,
                              (Value *[]){node->inputs[i], node->inputs[1 - i], dy}, 3, node->at)
                           ->outputs[0]);
}

static void vjp_scale(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0) && !node->at.constant)
        accumulate(r, 0, append(r, OP_SCALE, &dy, 1, node->at)->outputs[0]);
}

/* The gradient of an activation reads x or y. */
static void vjp_activation(Reverse *r, const Node *node, Value *dy)
{
    const Activation *a = find_activation(node->op);
    Value *kept = a->kept == KEPT_Y   ? node->outputs[0]
                  : a->kept == KEPT_X ? kept_value(r, node->inputs[0])
                                      : node->inputs[0];

    if (wants(r, 0))
        accumulate(r, 0, append(r, a->gradient, (Value *[]){kept, dy}, 2, node->at)->outputs[0]);
}

static void vjp_softmax(Reverse *r, const Node *node, Value *dy)
{
    const Op op = node->op == OP_SOFTMAX ? OP_SOFTMAX_GRAD : OP_AXIS_SOFTMAX_GRAD;

    if (wants(r, 0))
        accumulate(r, 0, append(r, op, (Value *[]){node->outputs[0], dy}, 2, node->at)->outputs[0]);
}

/* Linear, with the mask drawn again: the stream is in the attributes. */
static void vjp_dropout(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_DROPOUT, &dy, 1, node->at)->outputs[0]);
}

/* x + noise, x + a number */
static void vjp_shift(Reverse *r, const Node *node, Value *dy)
{
    (void)node;
    if (wants(r, 0))
        accumulate(r, 0, dy);
}

/* dy times a number a channel, which is added to zeros of each row to be a factor. */
static Value *by_channel(Reverse *r, Value *dy, Value *factor)
{
    Value *zeros = append(r, OP_ABOVE, &dy, 1, (Attributes){.limit = INFINITY})->outputs[0];

    factor = append(r, OP_ADD_BIAS, (Value *[]){zeros, factor}, 2, (Attributes){0})->outputs[0];
    return append(r, OP_MULTIPLY, (Value *[]){dy, factor}, 2, (Attributes){0})->outputs[0];
}

/* Through mean and inverse_std as well, where they are statistics of the same x (shape.c, lower.c):
   BATCHNORM_STATS needs no function of its own. Where they are not, the layer is frozen, and the
   function is a line a channel. */
static void vjp_normalize(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x mean inv_std gamma beta */

    if (!in[1]->node) {
        if (wants(r, 0))
            accumulate(r, 0, by_channel(r, by_channel(r, dy, in[2]), in[3]));
        return;
    }
    const Node *sums = append(r, OP_BATCHNORM_SUMS, (Value *[]){in[0], dy, in[1], in[2]}, 4,
                              node->at);

    if (wants(r, 0)) {
        Value *const *all = sums->outputs; /* x has a part in the sums of all rows */

        if (node->at.meets)
            all = append(r, OP_BATCH_SUMS, all, 2, node->at)->outputs;
        accumulate(r, 0,
                   append(r, OP_NORMALIZE_GRAD,
                          (Value *[]){in[0], dy, in[1], in[2], in[3], all[0], all[1]}, 7, node->at)
                       ->outputs[0]);
    }
    accumulate(r, 3, sums->outputs[0]);
    accumulate(r, 4, sums->outputs[1]);
}

static void vjp_layernorm(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x gamma beta */
    const Node *sums = append(r, OP_LAYERNORM_SUMS, (Value *[]){in[0], dy}, 2, node->at);

    if (wants(r, 0))
        accumulate(
            r, 0,
            append(r, OP_LAYERNORM_GRAD, (Value *[]){in[0], dy, in[1]}, 3, node->at)->outputs[0]);
    accumulate(r, 1, sums->outputs[0]);
    accumulate(r, 2, sums->outputs[1]);
}

Vjp *const elementwise_vjps[OP_COUNT] = {
    [OP_ADD] = vjp_add,
    [OP_ADD_BIAS] = vjp_add_bias,
    [OP_MULTIPLY] = vjp_multiply,
    [OP_DIVIDE] = vjp_divide,
    [OP_MAXIMUM] = vjp_maximum,
    [OP_GAUSSIAN_NOISE] = vjp_shift,
    [OP_SHIFT] = vjp_shift,
    [OP_SCALE] = vjp_scale,
    [OP_DROPOUT] = vjp_dropout,
    [OP_NORMALIZE] = vjp_normalize,
    [OP_LAYERNORM] = vjp_layernorm,
    [OP_SOFTMAX] = vjp_softmax,
    [OP_AXIS_SOFTMAX] = vjp_softmax,
#define ACTIVATION(NAME, ...) [OP_##NAME] = vjp_activation,
#include "graph/ops.def"
};
