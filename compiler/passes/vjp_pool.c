/*
 * vjp_pool.c -- gradients of pools, upsampling, and sums and maxima along an axis.
 */

#include "passes/autodiff.h"

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

static void vjp_upsample2d_bilinear(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_UPSAMPLE2D_BILINEAR_GRAD);
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

Vjp *const pool_vjps[OP_COUNT] = {
    [OP_TOKEN_MEAN] = vjp_token_mean,
    [OP_MAXPOOL2D] = vjp_maxpool2d,
    [OP_AVGPOOL2D] = vjp_avgpool2d,
    [OP_UPSAMPLE2D] = vjp_upsample2d,
    [OP_UPSAMPLE2D_BILINEAR] = vjp_upsample2d_bilinear,
    [OP_STRETCH] = vjp_stretch,
    [OP_PIXEL_SUM] = vjp_pixel_sum,
    [OP_GLOBAL_MAXPOOL2D] = vjp_global_maxpool2d,
    [OP_GLOBAL_AVGPOOL2D] = vjp_global_avgpool2d,
    [OP_AXIS_SUM] = vjp_axis_sum,
    [OP_AXIS_MAX] = vjp_axis_max,
    [OP_SPREAD] = vjp_spread,
    [OP_LOGSUMEXP] = vjp_logsumexp,
};
