/*
 * channel_moves.c -- nodes that give channels other places and leave pixels where they are.
 *
 * The one idea: channel c of y, as axes of the channels count it, is one of x; so a kernel can list
 * once which lanes go where, for all pixels (kernels/lanes.h).
 *
 * Needs: a node; layouts to know whether its kernel can be that one.
 */

#include "passes/passes.h"

static bool has_rows_of(const Value *x, const Value *y)
{
    const Layout *a = x->layout, *b = y->layout;

    return a->lanes == 16 && b->lanes == 16 && a->height == b->height && a->width == b->width &&
           x->type == TYPE_F32 && y->type == TYPE_F32;
}

static int pixels_of(Shape shape)
{
    return shape_size(shape) / shape.size[0];
}

ChannelMoves find_channel_moves(const Node *node)
{
    const Attributes *at = &node->at;
    ChannelMoves m = {.axes = 1, .size = {node->outputs[0]->shape.size[0]}, .step = {1}};
    int steps[MAX_AXES], channels = 1;

    if (node->op == OP_SLICE)
        m.first = at->begin;
    if (node->op != OP_PERMUTE)
        return m;
    m.axes = at->axis_count - 1;
    for (int i = m.axes - 1; i >= 0; i--) {
        steps[i] = channels;
        channels *= at->axes[i];
    }
    for (int i = 0; i < m.axes; i++) {
        m.size[i] = at->axes[at->order[i]];
        m.step[i] = steps[at->order[i]];
    }
    return m;
}

bool moves_channels(const Node *node)
{
    const Attributes *at = &node->at;
    const int last = at->axis_count - 1;
    const Shape x = node->inputs[0]->shape, y = node->outputs[0]->shape;

    return node->op == OP_PERMUTE && last > 0 && at->order[last] == last &&
           x.size[0] == y.size[0] && at->axes[last] == pixels_of(x) && pixels_of(x) > 1;
}

bool moves_lanes(const Node *node)
{
    const Value *x = node->inputs[0], *y = node->outputs[0];
    const Layout *v = y->layout;

    if (!has_rows_of(x, y) || v->height * v->width == 1)
        return false;
    return node->op == OP_PERMUTE
               ? moves_channels(node)
               : node->op == OP_SLICE || (node->op == OP_RESHAPE && same_shape(x->shape, y->shape));
}
