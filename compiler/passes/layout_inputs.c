/*
 * layout_inputs.c -- how what comes from the batch lies.
 *
 * The one idea: the batch is the same for both graphs, so its layout is what readers in both can
 * take: an image of few channels that only convolutions read is packed with its border. So are
 * targets that expressions of the loss read.
 */

#include "passes/layout.h"

#include <string.h>

/* Where the two graphs came to read an input in different shapes, evaluation reshapes it. */
static void agree_on_shape(Graph *evaluate, Value *x, Shape shape)
{
    const Shape wanted = x->shape;
    Node *node;

    if (same_shape(wanted, shape))
        return;
    x->shape = shape;
    node = add_node(evaluate, OP_RESHAPE, &x, 1, (Attributes){.shape = wanted}, x->span, NULL);
    for (int i = 0; i < evaluate->node_count - 1; i++)
        for (int j = 0; j < evaluate->nodes[i]->input_count; j++)
            if (evaluate->nodes[i]->inputs[j] == x)
                evaluate->nodes[i]->inputs[j] = node->outputs[0];
    if (evaluate->prediction == x)
        evaluate->prediction = node->outputs[0];
    for (int i = 0; i < evaluate->head_count; i++)
        if (evaluate->heads[i].value == x)
            evaluate->heads[i].value = node->outputs[0];
    for (int i = evaluate->node_count - 1; i > 0; i--)
        evaluate->nodes[i] = evaluate->nodes[i - 1];
    evaluate->nodes[0] = node;
}

/* Of a volume, x or what its kernel reads as x is. */
static bool is_volume_conv(const Node *node)
{
    return node->op == OP_CONV3D || node->op == OP_CONV3D_DW;
}

/* Is it read as an image is, by one convolution of another padding than those before, or one that a
   border of zeros is no help to? */
static bool reads_otherwise(const Node *node, const Attributes *at, bool found)
{
    return (node->op != OP_CONV2D && node->op != OP_CONV2D_DW) || dilation_of(&node->at, 0) > 1 ||
           dilation_of(&node->at, 1) > 1 || groups_of(&node->at) > 1 ||
           (found && (memcmp(at->padding, node->at.padding, sizeof at->padding) != 0 ||
                      memcmp(at->padding_end, node->at.padding_end, sizeof at->padding_end) != 0));
}

/* Is x read by convolutions only, of images with one padding? Then *at has it. */
static bool read_by_convolutions(const Graph *g, const Value *x, Attributes *at, bool *found)
{
    if (is_predicted(g, x))
        return false;
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        for (int j = 0; j < node->input_count; j++) {
            if (node->inputs[j] != x)
                continue;
            if (j > 0 || (!is_volume_conv(node) && reads_otherwise(node, at, *found)))
                return false;
            *at = node->at;
            *found = true;
        }
    }
    return true;
}

/* An image of few channels that goes into convolutions is packed densely, with its border of zeros:
   the first layer then has no edges. A volume is packed without one: slices touch. */
static Layout input_layout(const Graph *train, const Graph *evaluate, const Value *x,
                           const Value *other)
{
    Layout v = new_value(train, x->shape);
    Attributes at = {0};
    bool found = false;

    if (x->shape.rank < 3 || x->shape.size[0] > 8 || !read_by_convolutions(train, x, &at, &found) ||
        (other && !read_by_convolutions(evaluate, other, &at, &found)) || !found)
        return v;
    for (v.lanes = 1; v.lanes < x->shape.size[0];)
        v.lanes *= 2;
    if (x->shape.rank > 3)
        return v;
    v.top = at.padding[0];
    v.left = at.padding[1];
    v.full_height = v.height + at.padding[0] + at.padding_end[0];
    v.full_width = v.width + at.padding[1] + at.padding_end[1];
    return v;
}

/* Token ids by position and in order of the tokens; a sparse input's elements by image and by
   column. Their structures say the same (emit/embedding.c, emit/sparse.c). */
static Layout ids_layout(const Graph *g, const Value *x)
{
    const int rows = g->max_batch, size = x->shape.size[0];
    Layout v = {.kind = LAYOUT_SPARSE, .lanes = 16, .height = 1, .width = 1, .rows = size};

    v.type = format("struct sparse_%dx%d", rows, size);
    if (x->type == TYPE_TOKENS) {
        v.kind = LAYOUT_TOKENS;
        v.rows = x->vocabulary;
        v.width = size;
        v.type = format("struct tokens_%dx%d_of_%d", rows, size, v.rows);
    }
    v.batch_blocks = blocks_of(rows);
    return v;
}

/* What a step reads of it; of a sparse input, most of the memory for max_batch rows is never
   touched. */
static size_t ids_bytes(const Graph *g, const Layout *v)
{
    return round_up((size_t)g->max_batch * (size_t)v->width * 4);
}

/* A target is a value of its own where an expression of the loss reads it; a loss that compares
   with it gives it the layout of its prediction (layout.c). */
static bool comes_first(const Graph *g, const Value *x)
{
    if (x->role == ROLE_INPUT)
        return true;
    for (int i = 0; i < g->node_count && x->role == ROLE_TARGET; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            if (g->nodes[i]->inputs[j] == x && op_info[g->nodes[i]->op].class != CLASS_LOSS)
                return true;
    return false;
}

void lay_out_inputs(Graph *train, Graph *evaluate)
{
    for (int i = 0; i < train->value_count; i++) {
        Value *x = train->values[i], *other;
        Buffer *buffer;

        if (x->node || !comes_first(train, x))
            continue;
        other = find_field(evaluate, x->field);
        if (other)
            agree_on_shape(evaluate, other, x->shape);
        buffer = new_buffer(IN_BATCH, 0, x->name);
        if (x->type == TYPE_F32) {
            give(train, x, input_layout(train, evaluate, x, other), buffer);
            buffer->size = round_up(value_bytes(x->layout));
        } else {
            x->layout = allocate(sizeof *x->layout);
            *x->layout = ids_layout(train, x);
            x->layout->element = x->type;
            x->layout->buffer = buffer;
            buffer->size = ids_bytes(train, x->layout);
        }
        if (other)
            other->layout = x->layout;
    }
}
