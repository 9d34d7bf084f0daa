/*
 * vjp_movement.c -- gradients of what moves numbers, of pools and of means over positions.
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

/* dy goes to what was the maximum, by its index. */
static void vjp_max(Reverse *r, const Node *node, Value *dy, Op op)
{
    if (wants(r, 0))
        accumulate(
            r, 0, append(r, op, (Value *[]){node->outputs[1], dy}, 2, restoring(node))->outputs[0]);
}

static void vjp_maxpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_max(r, node, dy, OP_MAXPOOL2D_GRAD);
}

static void vjp_global_maxpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_max(r, node, dy, OP_GLOBAL_MAXPOOL2D_GRAD);
}

static void vjp_axis_max(Reverse *r, const Node *node, Value *dy)
{
    vjp_max(r, node, dy, OP_AXIS_MAX_GRAD);
}

/* What sums windows and what scatters a pixel to them are each other's gradient. */
static void vjp_linear(Reverse *r, const Node *node, Value *dy, Op op)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, op, &dy, 1, restoring(node))->outputs[0]);
}

static void vjp_avgpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_AVGPOOL2D_GRAD);
}

static void vjp_upsample2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_UPSAMPLE2D_GRAD);
}

static void vjp_stretch(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_PIXEL_SUM);
}

static void vjp_pixel_sum(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_STRETCH);
}

static void vjp_global_avgpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_GLOBAL_AVGPOOL2D_GRAD);
}

static void vjp_axis_sum(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_SPREAD);
}

static void vjp_spread(Reverse *r, const Node *node, Value *dy)
{
    if (!node->at.constant)
        vjp_linear(r, node, dy, OP_AXIS_SUM);
}

/* dx = e^(x - y) dy */
static void vjp_logsumexp(Reverse *r, const Node *node, Value *dy)
{
    const Attributes at = restoring(node);
    Value *x = node->inputs[0], *y = node->outputs[0], *share;

    if (!wants(r, 0))
        return;
    dy = append(r, OP_SPREAD, &dy, 1, at)->outputs[0];
    y = append(r, OP_SCALE, &y, 1, (Attributes){.scale = -1})->outputs[0];
    y = append(r, OP_SPREAD, &y, 1, at)->outputs[0];
    share = append(r, OP_ADD, (Value *[]){x, y}, 2, (Attributes){0})->outputs[0];
    share = append(r, OP_EXP, &share, 1, (Attributes){0})->outputs[0];
    accumulate(r, 0,
               append(r, OP_MULTIPLY, (Value *[]){share, dy}, 2, (Attributes){0})->outputs[0]);
}

static void vjp_token_mean(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, OP_TOKEN_MEAN_GRAD, (Value *[]){dy, node->inputs[1]}, 2, node->at)
                       ->outputs[0]);
}

Vjp *const movement_vjps[OP_COUNT] = {
    [OP_TOKEN_MEAN] = vjp_token_mean,
    [OP_RESHAPE] = vjp_reshape,
    [OP_CONCAT] = vjp_concat,
    [OP_SLICE] = vjp_slice,
    [OP_PAD] = vjp_pad,
    [OP_PERMUTE] = vjp_permute,
    [OP_MAXPOOL2D] = vjp_maxpool2d,
    [OP_AVGPOOL2D] = vjp_avgpool2d,
    [OP_UPSAMPLE2D] = vjp_upsample2d,
    [OP_STRETCH] = vjp_stretch,
    [OP_PIXEL_SUM] = vjp_pixel_sum,
    [OP_GLOBAL_MAXPOOL2D] = vjp_global_maxpool2d,
    [OP_GLOBAL_AVGPOOL2D] = vjp_global_avgpool2d,
    [OP_AXIS_SUM] = vjp_axis_sum,
    [OP_AXIS_MAX] = vjp_axis_max,
    [OP_SPREAD] = vjp_spread,
    [OP_LOGSUMEXP] = vjp_logsumexp,
};
