/*
 * layout_results.c -- how what a node computes lies, its inputs lying as they do.
 *
 * The one idea: a rule an operation and nothing else: no buffer, no copy, no parameter. So that
 * selection can ask what layout.c will come to before anything has a place.
 */

#include "passes/layout.h"

/* A gradient lies as the value it belongs to. */
Layout gradient_layout(const Graph *g, const Value *dx)
{
    const Layout *like = dx->gradient_of ? dx->gradient_of->layout : NULL;

    if (like && like->kind == LAYOUT_VALUE && like->lanes == 16 &&
        same_shape(dx->gradient_of->shape, dx->shape))
        return *like;
    return new_value(g, dx->shape);
}

/* A sequence [C, L], or an image of one row, [C, 1, L]. */
static bool is_sequence(Shape shape)
{
    return shape.rank == 2 || (shape.rank == 3 && shape.size[1] == 1);
}

/* The same memory where it can be. A sequence is an image of one row, however its channels lie. */
static Layout reshaped(const Graph *g, const Value *x, const Value *y)
{
    const bool one_row = is_sequence(x->shape) && is_sequence(y->shape) &&
                         x->shape.size[0] == y->shape.size[0];

    if (y->gradient_of)
        return gradient_layout(g, y);
    if (y->shape.rank == 1)
        return flattened(x->layout);
    return one_row ? *x->layout : new_value(g, y->shape);
}

/* Blocks of 16 that touch are one run of channels. */
static void add_segment(Layout *v, Segment s)
{
    Segment *last = v->segments + (v->segment_count ? v->segment_count - 1 : 0);

    if (v->segment_count && last->channels % 16 == 0 && last->pixels == s.pixels &&
        last->block + last->channels / 16 == s.block &&
        last->start + last->channels * last->pixels == s.start &&
        s.pixels == v->height * v->width) {
        last->channels += s.channels;
    } else {
        last = &v->segments[v->segment_count++];
        *last = s;
    }
    if (last->pixels == 1)
        last->stride = blocks_of(last->channels);
}

bool has_many_segments(const Node *concat)
{
    int segments = 0;

    for (int i = 0; i < concat->input_count; i++)
        segments += concat->inputs[i]->layout->segment_count;
    return segments > NET_MAX_SEGMENTS;
}

/* The blocks of the inputs side by side; of copies in one segment each where they have too many. */
static Layout joined(const Graph *g, const Node *node)
{
    const bool copied = has_many_segments(node);
    Layout v = new_value(g, node->outputs[0]->shape);
    int start = 0, block = 0;

    v.segment_count = v.blocks = 0;
    for (int i = 0; i < node->input_count; i++)
        v.blocks += copied ? blocks_of(node->inputs[i]->shape.size[0])
                           : node->inputs[i]->layout->blocks;
    for (int i = 0; i < node->input_count; i++) {
        const Layout x = copied ? new_value(g, node->inputs[i]->shape) : *node->inputs[i]->layout;

        for (int j = 0; j < x.segment_count; j++) {
            Segment s = x.segments[j];

            s.start += start;
            s.block += block;
            if (v.height * v.width > 1)
                s.stride = v.blocks;
            add_segment(&v, s);
        }
        block += x.blocks;
        start += shape_size(node->inputs[i]->shape);
    }
    return v;
}

/* What the class of an operation says: new values, or in the blocks of x. */
static Layout usual_layout(const Graph *g, const Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const Shape y = node->outputs[0]->shape;

    switch (op_info[node->op].class) {
    case CLASS_CONTRACTION:
    case CLASS_ROW:
        return new_value(g, y);
    case CLASS_WINDOW:
        return with_pixels(x, y);
    default:
        return *x;
    }
}

Layout result_layout(const Graph *g, const Node *node)
{
    const Value *x = node->inputs[0], *y = node->outputs[0];

    switch (node->op) {
    case OP_DENSE_DX:
    case OP_CONV2D_DX:
    case OP_CONV3D_DX:
    case OP_CONV2D_DX_ARGMAX:
    case OP_SPARSE_DENSE_DX:
    case OP_SLICE:
        return gradient_layout(g, y);
    case OP_EMBEDDING:
    case OP_TO_DENSE:
    case OP_PAD:
    case OP_AXIS_SUM:
    case OP_AXIS_MAX:
    case OP_AXIS_MAX_GRAD:
    case OP_LOGSUMEXP:
    case OP_SPREAD:
        return new_value(g, y->shape);
    case OP_PERMUTE:
        return moves_channels(node) ? gradient_layout(g, y) : new_value(g, y->shape);
    case OP_RESHAPE:
        return reshaped(g, x, y);
    case OP_CONCAT:
        return joined(g, node);
    default:
        return usual_layout(g, node);
    }
}
