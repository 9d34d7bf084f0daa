/*
 * layout.c -- where the numbers of every value lie.
 *
 * The one idea: activations are [batch block][row][column][block][image][channel], with 16 images
 * in a batch block and 16 channels in a block, and a row of a value is a list of segments, runs of
 * channels on block boundaries. So flatten is the same memory under another name, concat is blocks
 * side by side, and the weights of the next layer follow the segments. Where two values have to
 * meet in different layouts, a copy stands between.
 *
 * Needs: simplified graphs. Gives: `layout` of every value; the same for inputs, targets and
 * parameters of both graphs.
 */

#include "passes/layout.h"

/* ---- One graph ------------------------------------------------------------------------------- */

/* Operands lie as the first does; what is computed is given its place afterwards. */
static void lay_out_elementwise(LayoutPass *l, Node *node)
{
    Value *y = node->outputs[0];

    if (!y->batched) { /* a sum of a parameter's gradients */
        give_parameter(y, *node->inputs[0]->layout);
        return;
    }
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i]->batched)
            require(l, node, i, node->inputs[0]->layout);
}

/* A view where the memory is the same, else a copy. */
static void lay_out_reshape(LayoutPass *l, Node *node)
{
    const Layout *x = node->inputs[0]->layout, v = result_layout(l->g, node);

    give(l->g, node->outputs[0], v, same_layout(x, &v) ? x->buffer : NULL);
}

/* The first input lies as a vector does of its channels. */
static void require_as(LayoutPass *l, Node *node, const Layout *vector)
{
    const Layout offered = vector_of(node->inputs[0]->layout);

    if (vector && !same_blocks(vector, &offered)) {
        const Layout wanted = as_vector(l->g, node->inputs[0], vector);

        require(l, node, 0, &wanted);
    }
}

/* A batchnorm that is called again has the parameters of its first call: x lies as they do, and as
   its own statistics. */
static void require_vector(LayoutPass *l, Node *node)
{
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i] && !node->inputs[i]->batched)
            require_as(l, node, node->inputs[i]->layout);
}

/* The statistics of a batchnorm, and what it learns. */
static void lay_out_vectors(Node *node, const Layout *x)
{
    const Layout v = vector_of(x);

    for (int i = 0; i < node->input_count; i++)
        if (!node->inputs[i]->batched) {
            const Node *made = node->inputs[i]->node;

            if (made && made->op == OP_INVERSE_STD) /* a frozen batchnorm's variance */
                give_parameter(made->inputs[0], v);
            give_parameter(node->inputs[i], v);
            check_kept(node->inputs[i], same_blocks(node->inputs[i]->layout, &v));
        }
    for (int i = 0; i < node->output_count; i++)
        if (!node->outputs[i]->batched && !node->outputs[i]->storage)
            give_parameter(node->outputs[i], v);
}

/* What selection counted with is what the kernel gets. */
static void require_selected(LayoutPass *l, Node *node)
{
    const Selection *s = node->selection;

    if (!s || algorithm_info[s->algorithm].layout != SELECTED_LAYOUT)
        return;
    require(l, node, 0, is_input_gradient(node->op) ? &s->y : &s->x);
    if (is_weight_gradient(node->op))
        require(l, node, 1, &s->y);
    else
        give(l->g, node->outputs[0], is_input_gradient(node->op) ? s->x : s->y, NULL);
}

/* Labels of 16 images side by side at each position. */
static size_t label_bytes(const Graph *g, Shape shape)
{
    const int images = shape.rank ? 16 * blocks_of(g->max_batch) : g->max_batch;

    return round_up((size_t)images * (size_t)shape_size(shape) * sizeof(int32_t));
}

/* The first loss of a target decides, where no other node reads it (layout_inputs.c). */
static void lay_out_target(LayoutPass *l, Node *node, Value *target)
{
    if (target->type == TYPE_CLASS)
        require_plain(l, node, 0);
    else if (target->layout)
        require(l, node, 0, target->layout);
    if (target->layout)
        return;
    Layout v = target->type == TYPE_CLASS
                   ? (Layout){.kind = LAYOUT_CLASS, .lanes = 16, .height = 1, .width = 1}
                   : *node->inputs[0]->layout;
    Buffer *buffer = new_buffer(IN_BATCH, 0, target->name);

    give(l->g, target, v, buffer);
    buffer->size = target->type == TYPE_CLASS ? label_bytes(l->g, target->shape)
                                              : round_up(value_bytes(target->layout));
}

static void lay_out_loss(LayoutPass *l, Node *node)
{
    Value *y = node->outputs[0];

    if (node->op == OP_ADD_LOSSES) /* their sum is run->loss */
        return;
    if (node->input_count == 2)
        lay_out_target(l, node, node->inputs[1]);
    if (y->batched)
        return;
    y->layout = allocate(sizeof *y->layout);
    *y->layout = (Layout){.kind = LAYOUT_SCALAR, .batch_blocks = blocks_of(l->g->max_batch)};
    if (node->op == OP_CROSS_ENTROPY)
        y->layout->batch_blocks *= node->inputs[0]->layout->height;
    y->layout->type = format("struct losses_%d", y->layout->batch_blocks);
    y->layout->buffer = new_buffer(IN_ARENA, (size_t)y->layout->batch_blocks * sizeof(float),
                                   "loss");
}

/* Of a vector that is a flat image: its blocks are those of pixels, and none of other pixels. */
static bool has_pixels(const Layout *vector)
{
    for (int i = 0; i < vector->segment_count; i++)
        if (vector->segments[i].pixels > 1)
            return true;
    return false;
}

/* The gradient of a bias lies as that does, which may be the bias of a flat image. */
static void lay_out_channel_sum(LayoutPass *l, Node *node)
{
    Value *db = node->outputs[0];
    const Layout plain = plain_vector(db->shape.size[0]);
    const Layout *bias = db->gradient_of ? db->gradient_of->layout : NULL;

    if (bias && !same_blocks(bias, &plain))
        require_as(l, node, bias);
    else
        require_plain(l, node, 0);
    give_parameter(db, bias ? *bias : plain);
}

/* One number a channel, and operations that ask for how their inputs lie. */
static void lay_out_others(LayoutPass *l, Node *node)
{
    Value **in = node->inputs, *y = node->outputs[0];

    switch (node->op) {
    case OP_CHANNEL_SUM:
        lay_out_channel_sum(l, node);
        break;
    case OP_INVERSE_STD:
        if (in[0]->layout)
            give_parameter(y, *in[0]->layout);
        break;
    case OP_BATCHNORM_SUMS:
    case OP_BATCHNORM_STATS:
        require_vector(l, node);
        if (node->op == OP_BATCHNORM_SUMS)
            require(l, node, 1, in[0]->layout);
        lay_out_vectors(node, in[0]->layout);
        break;
    case OP_BATCH_SUMS:
    case OP_LAYERNORM:
    case OP_LAYERNORM_GRAD:
    case OP_LAYERNORM_SUMS:
        lay_out_vectors(node, in[0]->layout);
        break;
    case OP_ADD_BIAS:
    case OP_NORMALIZE:
    case OP_NORMALIZE_GRAD:
        require_vector(l, node);
        lay_out_vectors(node, in[0]->layout);
        lay_out_elementwise(l, node);
        break;
    case OP_CONCAT:
    case OP_PAD:
        if (node->op == OP_PAD || has_many_segments(node))
            for (int i = 0; i < node->input_count; i++)
                require_plain(l, node, i);
        break;
    case OP_GLOBAL_AVGPOOL2D_GRAD:
    case OP_STRETCH:
    case OP_TOKEN_MEAN_GRAD:
        if (has_pixels(in[0]->layout))
            require_plain(l, node, 0);
        break;
    case OP_MAXPOOL2D_GRAD:
    case OP_GLOBAL_MAXPOOL2D_GRAD:
        require(l, node, 1, in[0]->layout);
        break;
    case OP_RESHAPE:
        lay_out_reshape(l, node);
        break;
    default:
        if (op_info[node->op].class == CLASS_LOSS)
            lay_out_loss(l, node);
        else if (op_info[node->op].class == CLASS_ELEMENTWISE)
            lay_out_elementwise(l, node);
        break;
    }
}

_Static_assert((int)MAX_SLICES <= (int)NET_MAX_SEGMENTS, "a kernel walks slices as segments");

/* Where a convolution of an image has segments, one of a volume has slices; a packed x is one. */
static bool wants_one_segment(const Node *node)
{
    return (node->op == OP_CONV3D || node->op == OP_CONV3D_DW) &&
           node->inputs[0]->layout->segment_count > 1;
}

static void lay_out_node(LayoutPass *l, Node *node)
{
    Value *y = node->outputs[0];

    require_selected(l, node);
    if (wants_one_segment(node))
        require_plain(l, node, 0);
    for (int i = 0; i < node->input_count; i++)
        if (wants_plain(node->op, i) && !moves_channels(node))
            require_plain(l, node, i);
    lay_out_weights(l, node);
    lay_out_others(l, node);
    if (y->batched && !y->layout)
        give(l->g, y, result_layout(l->g, node), NULL);
    for (int i = 1; i < node->output_count; i++) { /* the index of a max lies as the max */
        const Shape shape = node->outputs[i]->shape;

        if (node->outputs[i]->batched)
            give(l->g, node->outputs[i],
                 same_shape(shape, y->shape) ? *y->layout : new_value(l->g, shape), NULL);
    }
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i]->storage)
            node->outputs[i]->layout = node->outputs[i]->storage->layout;
}

static void lay_out_graph(Graph *g, const Target *target)
{
    LayoutPass l = {.g = g, .target = target};
    const int count = g->node_count;

    for (int i = 0; i < count; i++) {
        Node *node = g->nodes[i];

        lay_out_node(&l, node);
        APPEND(l.nodes, l.count, node);
    }
    for (int i = 0; i < l.count; i++)
        l.nodes[i]->id = i;
    g->nodes = l.nodes;
    g->node_count = l.count;
}

/* ---- What both graphs share ------------------------------------------------------------------ */

/* A graph has many parameters and few fields. */
static const Value *find_shared(const Graph *train, const Table *named, const Value *value)
{
    int at;

    if (value->node || value->role == ROLE_INPUT)
        return NULL;
    if (value->field)
        return find_field(train, value->field);
    at = value->name ? table_find(named, value->name) : -1;
    return at < 0 ? NULL : train->values[at];
}

static void place(Buffer *buffer, size_t *offset)
{
    buffer->offset = *offset;
    *offset += buffer->size;
}

void lay_out(Graph *train, Graph *evaluate, const Target *target)
{
    const Table named = named_values(train);
    size_t params = 0, batch = 0;

    lay_out_graph(train, target);
    for (int i = 0; i < evaluate->value_count; i++) {
        const Value *shared = find_shared(train, &named, evaluate->values[i]);

        if (shared)
            evaluate->values[i]->layout = shared->layout;
    }
    lay_out_graph(evaluate, target);
    for (int i = 0; i < train->value_count; i++) {
        const Value *value = train->values[i];

        if (value->role == ROLE_PARAMETER || value->role == ROLE_STATE)
            place(value->layout->buffer, &params);
        else if (value->role != ROLE_RESULT && value->layout)
            place(value->layout->buffer, &batch);
    }
}
