/*
 * vjp_movement.c -- gradients of what only moves numbers.
 */

#include "passes/autodiff.h"

static void vjp_reshape(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_RESHAPE, &dy, 1, restoring(node))->outputs[0]);
}

static void vjp_concat(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = {0};

    for (int i = 0; i < node->input_count; i++) {
        at.shape = node->inputs[i]->shape;
        if (wants(r, i))
            accumulate(r, i, append(r, OP_SLICE, &dy, 1, at)->outputs[0]);
        at.begin += at.shape.size[0];
    }
}

/* The part of dy that each input became. */
static void vjp_pad(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = {0};

    for (int axis = 0; axis < node->at.shape.rank; axis++)
        at.place[axis] = -node->at.place[axis];
    for (int i = 0; i < node->input_count; i++) {
        at.shape = node->inputs[i]->shape;
        if (wants(r, i))
            accumulate(r, i, append(r, OP_PAD, &dy, 1, at)->outputs[0]);
        at.place[node->at.axis] -= at.shape.size[node->at.axis];
    }
}

static void vjp_slice(Reverse *r, const Node *node, Value *dy)
{
    const Attributes at = {.place = {node->at.begin}, .shape = node->inputs[0]->shape};

    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_PAD, &dy, 1, at)->outputs[0]);
}

static void vjp_permute(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = {.axis_count = node->at.axis_count, .shape = node->inputs[0]->shape};

    for (int i = 0; i < at.axis_count; i++) {
        at.axes[i] = node->at.axes[node->at.order[i]];
        at.order[node->at.order[i]] = i;
    }
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_PERMUTE, &dy, 1, at)->outputs[0]);
}

Vjp *const movement_vjps[OP_COUNT] = {
    [OP_RESHAPE] = vjp_reshape, [OP_CONCAT] = vjp_concat,   [OP_SLICE] = vjp_slice,
    [OP_PAD] = vjp_pad,         [OP_PERMUTE] = vjp_permute,
};
