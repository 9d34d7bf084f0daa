/*
 * weight_gradient.c -- how the gradient of a weight is summed: by items of its own, by partial sums
 * of split pixels, or with the batch in the lanes.
 *
 * The one idea: pieces are the same for every target, so that sums have one order. Few weights are
 * few items, so pixels are split instead.
 */

#include "passes/passes.h"

enum {
    MIN_ITEMS = 8,       /* for threads to share */
    ITEMS = 16,          /* of all batch blocks, to have as many items */
    PIXELS = 64,         /* about, of a split: sums over lanes cost as much as a few */
    SCRATCH = 512 << 10, /* bytes of a thread, at most */
    BEYOND = 32 * 16,    /* floats that a tile may read after its last input and output */
};

static int minimum(int a, int b)
{
    return a < b ? a : b;
}

/* Of each batch block. */
static int count_splits(const Layout *x, int most)
{
    const int splits = x->batch_blocks >= ITEMS ? 1 : ITEMS / x->batch_blocks;

    return minimum(splits, most);
}

/* ---- Batch in the lanes ---------------------------------------------------------------------- */

/* Pixels of x that `outputs` outputs side by side see. */
static int halo(const Node *node, int axis, int outputs)
{
    return (outputs - 1) * node->at.stride[axis] + node->outputs[0]->shape.size[2 + axis];
}

/* Floats of a thread's scratch for one split. */
static void size_scratch(BatchLanesDw *g, const Node *node, const Layout *x, const Layout *dy)
{
    const int rows = g->by_column ? 1 : divide_up(dy->height, g->splits);
    const int columns = g->by_column ? divide_up(dy->width, g->splits) : dy->width;
    int channels = 0;

    for (int i = 0; i < x->segment_count; i++)
        if (x->segments[i].channels > channels)
            channels = minimum(x->segments[i].channels, 16);
    g->x = 16L * channels * halo(node, 0, rows) * halo(node, 1, columns);
    g->floats = g->x + 16L * node->outputs[0]->shape.size[0] * rows * columns + BEYOND;
}

/* As many inputs by outputs as fit in registers; all tiles of a row of taps alike, so that the last
   has little beyond its end. */
static void size_tile(BatchLanesDw *g, const Node *node, const Target *target)
{
    const Shape w = node->outputs[0]->shape;
    const int most = minimum(8, target->sums);
    const int row = minimum(w.size[1], 16) * w.size[3];

    g->outputs = divide_up(w.size[0], divide_up(w.size[0], most));
    for (g->inputs = target->sums / g->outputs; g->inputs > 1; g->inputs--)
        if (g->inputs * g->outputs + minimum(g->inputs, g->outputs) + 1 <= target->registers)
            break;
    g->inputs = divide_up(row, divide_up(row, g->inputs));
}

BatchLanesDw plan_batch_lanes_dw(const Node *node, const Layout *x, const Layout *dy,
                                 const Target *target)
{
    BatchLanesDw g = {.by_column = dy->height == 1};
    const int length = g.by_column ? dy->width : dy->height;

    if (node->op != OP_CONV2D_DW || groups_of(&node->at) > 1 || dilation_of(&node->at, 0) > 1 ||
        dilation_of(&node->at, 1) > 1 || dy->segment_count > 1 || dy->segments[0].channels > 16)
        return g;
    g.splits = count_splits(x, minimum(length, divide_up(dy->height * dy->width, PIXELS)));
    size_scratch(&g, node, x, dy);
    while (g.floats * (long)sizeof(float) > SCRATCH) {
        if (g.splits++ == length)
            return (BatchLanesDw){0};
        size_scratch(&g, node, x, dy);
    }
    size_tile(&g, node, target);
    return g;
}

/* ---- All weights ----------------------------------------------------------------------------- */

/* Items (panel, block of inputs, row of taps) of a convolution: kernels/weight_gradient.h. */
static bool has_few_items(const Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const Shape w = node->outputs[0]->shape;
    int blocks = 0;

    if ((node->op != OP_CONV2D_DW && node->op != OP_CONV3D_DW) || groups_of(&node->at) > 1)
        return false;
    for (int i = 0; i < x->segment_count; i++)
        blocks += blocks_of(x->segments[i].channels);
    return divide_up(w.size[0], 48) * blocks * w.size[2] < MIN_ITEMS;
}

void plan_dw(Kernel *k, const Target *target)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *dy = node->inputs[1]->layout;

    if (node->selection->algorithm == ALGORITHM_BATCH_LANES) {
        k->schedule.batch_lanes_dw = plan_batch_lanes_dw(node, x, dy, target);
        k->kind = KERNEL_BATCH_LANES_DW;
        k->schedule.splits = k->schedule.batch_lanes_dw.splits;
    } else if (node->op == OP_DEPTHWISE_DW || (x->lanes < 16 && node->op == OP_CONV2D_DW)) {
        k->kind = node->op == OP_DEPTHWISE_DW ? KERNEL_DEPTHWISE_DW : KERNEL_PACKED_DW;
        k->schedule.splits = count_splits(x, dy->height);
    } else {
        k->kind = KERNEL_DW;
        k->schedule.splits = x->batch_blocks > 1 && has_few_items(node);
    }
}
