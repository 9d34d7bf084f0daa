/*
 * layout.c -- where the numbers of every value lie.
 *
 * The one idea: activations are [chunk][row][column][block][image][channel], with 16 images in
 * a chunk and 16 channels in a block, and a row of a value is a list of segments, runs of channels
 * on block boundaries. So flatten is the same memory under another name, concat is blocks side by
 * side, and the weights of the next layer follow the segments. Where two values have to meet in
 * different layouts, a copy stands between.
 *
 * Needs: simplified graphs. Gives: `physical` of every value; the same for inputs, targets and
 * parameters of both graphs.
 */

#include "passes/layout.h"

#include <string.h>

/* ---- One graph ------------------------------------------------------------------------------- */

typedef struct Layout {
    Graph *g;
    const Target *target;
    Node **nodes; /* the new list, with copies where they are needed */
    int count;
} Layout;

static bool lies_as(const Value *value, const Physical *wanted)
{
    return same_layout(value->physical, wanted) && value->physical->height == wanted->height;
}

/* Makes input `i` of the node lie as `wanted`: through a copy unless it does. */
static void require(Layout *l, Node *node, int i, const Physical *wanted)
{
    Value *x = node->inputs[i];
    Graph *g = l->g;
    Node *copy;

    if (lies_as(x, wanted))
        return;
    for (int j = 0; j < l->count; j++) { /* a loss and its gradient read the same copy */
        Value *y = l->nodes[j]->outputs[0];

        if (l->nodes[j]->op == OP_RESHAPE && l->nodes[j]->inputs[0] == x &&
            same_shape(y->shape, x->shape) && lies_as(y, wanted)) {
            node->inputs[i] = y;
            return;
        }
    }
    copy = add_node(g, OP_RESHAPE, &x, 1, (Attributes){.shape = x->shape}, node->span, node->path);
    g->node_count--; /* its place is before this node, not at the end */
    copy->backward = node->backward;
    give(g, copy->outputs[0], *wanted, NULL);
    APPEND(l->nodes, l->count, copy);
    node->inputs[i] = copy->outputs[0];
}

static void require_plain(Layout *l, Node *node, int i)
{
    const Physical plain = new_value(l->g, node->inputs[i]->shape);

    require(l, node, i, &plain);
}

/* A gradient lies as the value it belongs to. */
static Physical gradient_layout(const Graph *g, const Value *dx)
{
    const Physical *like = dx->gradient_of ? dx->gradient_of->physical : NULL;

    if (like && like->kind == PHYSICAL_VALUE && like->lanes == 16 &&
        same_shape(dx->gradient_of->shape, dx->shape))
        return *like;
    return new_value(g, dx->shape);
}

static void lay_out_elementwise(Layout *l, Node *node)
{
    Value *y = node->outputs[0];

    if (!y->batched) { /* a sum of a parameter's gradients */
        give_parameter(y, *node->inputs[0]->physical);
        return;
    }
    for (int i = 1; i < node->input_count; i++)
        if (node->inputs[i]->batched)
            require(l, node, i, node->inputs[0]->physical);
    give(l->g, y, *node->inputs[0]->physical, NULL);
}

/* A sequence [C, L], or an image of one row, [C, 1, L]. */
static bool is_sequence(Shape shape)
{
    return shape.rank == 2 || (shape.rank == 3 && shape.size[1] == 1);
}

/* A view where the memory is the same, else a copy. A sequence is an image of one row, however its
   channels lie. */
static void lay_out_reshape(Layout *l, Node *node)
{
    const Physical *x = node->inputs[0]->physical;
    Value *y = node->outputs[0];
    const Shape from = node->inputs[0]->shape;
    const bool one_row = is_sequence(from) && is_sequence(y->shape) &&
                         from.size[0] == y->shape.size[0];
    Physical v = y->gradient_of       ? gradient_layout(l->g, y)
                 : y->shape.rank == 1 ? flattened(x)
                 : one_row            ? *x
                                      : gradient_layout(l->g, y);

    give(l->g, y, v, same_layout(x, &v) ? x->buffer : NULL);
}

/* Blocks of 16 that touch are one run of channels. */
static void add_segment(Physical *v, Segment s)
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

static void lay_out_concat(Layout *l, Node *node)
{
    Value *y = node->outputs[0];
    Physical v = new_value(l->g, y->shape);
    int segments = 0, start = 0;

    for (int i = 0; i < node->input_count; i++)
        segments += node->inputs[i]->physical->segment_count;
    v.segment_count = v.blocks = 0;
    for (int i = 0; i < node->input_count; i++) {
        if (segments > MAX_SEGMENTS)
            require_plain(l, node, i);
        v.blocks += node->inputs[i]->physical->blocks;
    }
    for (int i = 0, block = 0; i < node->input_count; i++) {
        const Physical *x = node->inputs[i]->physical;

        for (int j = 0; j < x->segment_count; j++) {
            Segment s = x->segments[j];

            s.start += start;
            s.block += block;
            if (v.height * v.width > 1)
                s.stride = v.blocks;
            add_segment(&v, s);
        }
        block += x->blocks;
        start += shape_size(node->inputs[i]->shape);
    }
    give(l->g, y, v, NULL);
}

/* The statistics of a batchnorm, and what it learns. */
static void lay_out_vectors(Node *node, const Physical *x)
{
    const Physical v = vector_of(x);

    for (int i = 0; i < node->input_count; i++)
        if (!node->inputs[i]->batched)
            give_parameter(node->inputs[i], v);
    for (int i = 0; i < node->output_count; i++)
        if (!node->outputs[i]->batched && !node->outputs[i]->storage)
            give_parameter(node->outputs[i], v);
}

/* x in the order of a weight's rows: they follow the first use of a weight that is shared, here
   from segment `first` on, which x begins with. A weight of few outputs has them for each. */
static Physical as_rows(const Physical *x, const Physical *w, int first)
{
    const int repeated = w->kind == PHYSICAL_VECTOR ? w->outputs : 1;
    const Segment *begin = &w->segments[first];
    Physical v = *x;

    v.segment_count = w->segment_count / repeated - first;
    for (int i = 0; i < v.segment_count; i++) {
        v.segments[i] = begin[i];
        v.segments[i].start -= begin->start;
        v.segments[i].block -= begin->block;
    }
    if (w->kind == PHYSICAL_VECTOR)
        v.blocks = w->blocks / repeated;
    if (same_segments(&v, x) || w->kind == PHYSICAL_VECTOR)
        return v;
    v.blocks = 0;
    for (int i = 0; i < v.segment_count; i++) {
        const Segment *s = &v.segments[i];
        const int end = s->block + (s->pixels - 1) * s->stride + blocks_of(s->channels);

        v.blocks = end > v.blocks ? end : v.blocks;
    }
    return v;
}

static void require_rows(Layout *l, Node *node, int i, const Physical *w, int first)
{
    const Physical wanted = as_rows(node->inputs[i]->physical, w, first);

    if (!same_segments(&wanted, node->inputs[i]->physical) ||
        wanted.blocks != node->inputs[i]->physical->blocks)
        require(l, node, i, &wanted);
}

/* The gradient of x likewise. */
static void give_rows(const Graph *g, Value *dx, const Physical *w, int first)
{
    const Physical x = gradient_layout(g, dx);

    give(g, dx, as_rows(&x, w, first), NULL);
}

/* Is it better to lay a dense layer's weight along its inputs? A panel is 16 outputs wide. */
static bool is_thin(const Graph *g, const Value *w, const Physical *x)
{
    if (w->shape.rank != 2 || w->shape.size[0] > FEW_OUTPUTS ||
        x->segment_count * w->shape.size[0] > MAX_SEGMENTS)
        return false;
    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            if (g->nodes[i]->inputs[j] == w && g->nodes[i]->op == OP_SPARSE_DENSE)
                return false;
    return true;
}

static void lay_out_contraction(Layout *l, Node *node)
{
    Value *x = node->inputs[0], *y = node->outputs[0], *w = node->inputs[1];

    if (w->physical && node->op == OP_DENSE)
        require_rows(l, node, 0, w->physical, 0);
    give_parameter(w, is_thin(l->g, w, x->physical) ? rows_layout(w, x->physical)
                                                    : weight_layout(w, x->physical, 1, l->target));
    if (node->inputs[2])
        give_parameter(node->inputs[2], plain_vector(w->shape.size[0]));
    give(l->g, y, new_value(l->g, y->shape), NULL);
}

/* What a concat of a sparse x and h would have, were x dense. */
static Physical joined_layout(const Value *x, const Physical *h)
{
    const int columns = x->shape.size[0], blocks = blocks_of(columns);
    Physical v = {.segments = {{0, columns, 1, 0, blocks}}, .segment_count = 1};

    for (int i = 0; h && i < h->segment_count; i++) {
        Segment s = h->segments[i];

        s.start += columns;
        s.block += blocks;
        v.segments[v.segment_count++] = s;
    }
    return v;
}

static void lay_out_sparse_dense(Layout *l, Node *node)
{
    Value *h = node->inputs[1], *w = node->inputs[2], *y = node->outputs[0];
    Physical joined;

    if (h && h->physical->segment_count == MAX_SEGMENTS)
        require_plain(l, node, 1);
    if (h && w->physical)
        require_rows(l, node, 1, w->physical, 1);
    h = node->inputs[1];
    joined = joined_layout(node->inputs[0], h ? h->physical : NULL);
    give_parameter(w, weight_layout(w, &joined, 1, l->target));
    if (node->inputs[3])
        give_parameter(node->inputs[3], plain_vector(w->shape.size[0]));
    give(l->g, y, new_value(l->g, y->shape), NULL);
}

/* The gradient needs h as forward read it: the rows of w follow its segments. */
static void lay_out_sparse_dense_dw(Layout *l, Node *node)
{
    Value *dw = node->outputs[0];

    if (node->inputs[1])
        require_rows(l, node, 1, dw->gradient_of->physical, 1);
    require_plain(l, node, 2);
    give_parameter(dw, *dw->gradient_of->physical);
}

static void lay_out_loss(Layout *l, Node *node)
{
    Value *target = node->inputs[1], *y = node->outputs[0];

    if (target->type == TYPE_CLASS)
        require_plain(l, node, 0);
    else if (target->physical)
        require(l, node, 0, target->physical);
    if (!target->physical) {
        Physical v = target->type == TYPE_CLASS
                         ? (Physical){.kind = PHYSICAL_CLASS, .lanes = 16, .height = 1, .width = 1}
                         : *node->inputs[0]->physical;
        Buffer *buffer = new_buffer(IN_BATCH, target->name);

        give(l->g, target, v, buffer);
        buffer->size = target->type == TYPE_CLASS
                           ? round_up((size_t)l->g->max_batch * sizeof(int32_t))
                           : round_up(value_bytes(target->physical));
    }
    if (y->batched) {
        give(l->g, y, *node->inputs[0]->physical, NULL);
        return;
    }
    y->physical = allocate(sizeof *y->physical);
    *y->physical = (Physical){.kind = PHYSICAL_SCALAR,
                              .chunks = (l->g->max_batch + 15) / 16,
                              .buffer = new_buffer(IN_ARENA, "loss")};
    y->physical->type = format("struct slices_%d", y->physical->chunks);
    y->physical->buffer->size = round_up((size_t)y->physical->chunks * sizeof(float));
}

static void lay_out_node(Layout *l, Node *node)
{
    Graph *g = l->g;
    Value **in = node->inputs, *y = node->outputs[0];

    switch (node->op) {
    case OP_DENSE:
    case OP_CONV2D:
        lay_out_contraction(l, node);
        break;
    case OP_DENSE_DX:
        require_plain(l, node, 0);
        give_rows(g, y, in[1]->physical, 0);
        break;
    case OP_CONV2D_DX:
        require_plain(l, node, 0);
        give_parameter(in[1], weight_layout(in[1], in[0]->physical, 1, l->target));
        give(g, y, gradient_layout(g, y), NULL);
        break;
    case OP_CONV2D_DX_ARGMAX:
        require_plain(l, node, 0);
        require_plain(l, node, 2);
        give(g, y, gradient_layout(g, y), NULL);
        break;
    case OP_CONV2D_DW_ARGMAX:
        require_plain(l, node, 1);
        require_plain(l, node, 2);
        give_parameter(y, *y->gradient_of->physical);
        break;
    case OP_DENSE_DW:
    case OP_CONV2D_DW:
        if (node->op == OP_DENSE_DW)
            require_rows(l, node, 0, y->gradient_of->physical, 0);
        require_plain(l, node, 1);
        give_parameter(y, *y->gradient_of->physical);
        break;
    case OP_GROUP_EXPAND:
        give_parameter(in[0], weight_layout(in[0], NULL, node->at.groups, l->target));
        give_parameter(y, weight_layout(y, NULL, node->at.groups, l->target));
        break;
    case OP_GROUP_COLLECT:
        give_parameter(y, *y->gradient_of->physical);
        break;
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
        require_plain(l, node, 0);
        give_parameter(in[1], filters_layout(in[1]));
        if (node->op == OP_DEPTHWISE && in[2])
            give_parameter(in[2], plain_vector(y->shape.size[0]));
        give(g, y, new_value(g, y->shape), NULL);
        break;
    case OP_DEPTHWISE_DW:
        require_plain(l, node, 0);
        require_plain(l, node, 1);
        give_parameter(y, filters_layout(y));
        break;
    case OP_EMBEDDING:
        give_parameter(in[1], table_layout(in[1]->shape));
        give(g, y, new_value(g, y->shape), NULL);
        break;
    case OP_EMBEDDING_DW:
        require_plain(l, node, 1);
        give_parameter(y, *y->gradient_of->physical);
        break;
    case OP_TOKEN_MEAN:
    case OP_TOKEN_MEAN_GRAD:
        give(g, y, with_pixels(in[0]->physical, y->shape), NULL);
        break;
    case OP_SPARSE_DENSE:
        lay_out_sparse_dense(l, node);
        break;
    case OP_SPARSE_DENSE_DX:
        require_plain(l, node, 0);
        give_rows(g, y, in[1]->physical, 1);
        break;
    case OP_SPARSE_DENSE_DW:
        lay_out_sparse_dense_dw(l, node);
        break;
    case OP_TO_DENSE:
        give(g, y, new_value(g, y->shape), NULL);
        break;
    case OP_CHANNEL_SUM:
        require_plain(l, node, 0);
        give_parameter(y, plain_vector(y->shape.size[0]));
        break;
    case OP_BATCHNORM_STATS:
        lay_out_vectors(node, in[0]->physical);
        break;
    case OP_INVERSE_STD:
        give_parameter(y, *in[0]->physical);
        break;
    case OP_BATCHNORM_SUMS:
        require(l, node, 1, in[0]->physical);
        lay_out_vectors(node, in[0]->physical);
        break;
    case OP_ADD_BIAS:
    case OP_NORMALIZE:
    case OP_NORMALIZE_GRAD:
        lay_out_vectors(node, in[0]->physical);
        lay_out_elementwise(l, node);
        break;
    case OP_RESHAPE:
        lay_out_reshape(l, node);
        break;
    case OP_CONCAT:
        lay_out_concat(l, node);
        break;
    case OP_SLICE:
        give(g, y, gradient_layout(g, y), NULL);
        break;
    case OP_MAXPOOL2D:
    case OP_GLOBAL_MAXPOOL2D:
        give(g, y, with_pixels(in[0]->physical, y->shape), NULL);
        give(g, node->outputs[1], *y->physical, NULL);
        break;
    case OP_AVGPOOL2D:
    case OP_AVGPOOL2D_GRAD:
    case OP_UPSAMPLE2D:
    case OP_UPSAMPLE2D_GRAD:
    case OP_GLOBAL_AVGPOOL2D:
    case OP_GLOBAL_AVGPOOL2D_GRAD:
        give(g, y, with_pixels(in[0]->physical, y->shape), NULL);
        break;
    case OP_MAXPOOL2D_GRAD:
    case OP_GLOBAL_MAXPOOL2D_GRAD:
        require(l, node, 1, in[0]->physical);
        give(g, y, with_pixels(in[0]->physical, y->shape), NULL);
        break;
    case OP_SOFTMAX:
        require_plain(l, node, 0);
        give(g, y, *in[0]->physical, NULL);
        break;
    case OP_SOFTMAX_GRAD:
        require_plain(l, node, 0);
        require_plain(l, node, 1);
        give(g, y, *in[0]->physical, NULL);
        break;
    case OP_LAYERNORM:
        require_plain(l, node, 0);
        lay_out_vectors(node, in[0]->physical);
        give(g, y, *in[0]->physical, NULL);
        break;
    case OP_LAYERNORM_GRAD:
    case OP_LAYERNORM_SUMS:
        require_plain(l, node, 0);
        require_plain(l, node, 1);
        lay_out_vectors(node, in[0]->physical);
        if (y->batched)
            give(g, y, *in[0]->physical, NULL);
        break;
    case OP_MSE:
    case OP_MSE_GRAD:
    case OP_MAE:
    case OP_MAE_GRAD:
    case OP_HUBER:
    case OP_HUBER_GRAD:
    case OP_CROSS_ENTROPY:
    case OP_CROSS_ENTROPY_GRAD:
    case OP_BINARY_CROSS_ENTROPY:
    case OP_BINARY_CROSS_ENTROPY_GRAD:
        lay_out_loss(l, node);
        break;
    default:
        if (node->op != OP_UPDATE)
            lay_out_elementwise(l, node);
        break;
    }
    for (int i = 0; i < node->output_count; i++)
        if (node->outputs[i]->storage)
            node->outputs[i]->physical = node->outputs[i]->storage->physical;
}

static void lay_out_graph(Graph *g, const Target *target)
{
    Layout l = {.g = g, .target = target};
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

static Value *find_named(const Graph *g, const char *name)
{
    for (int i = 0; i < g->value_count; i++)
        if (!g->values[i]->node && same(g->values[i]->name, name))
            return g->values[i];
    return NULL;
}

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
    for (int i = evaluate->node_count - 1; i > 0; i--)
        evaluate->nodes[i] = evaluate->nodes[i - 1];
    evaluate->nodes[0] = node;
}

/* Is x read by convolutions only, with one padding? Then *at has it. */
static bool read_by_convolutions(const Graph *g, const Value *x, Attributes *at, bool *found)
{
    if (x == g->prediction)
        return false;
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        for (int j = 0; j < node->input_count; j++) {
            if (node->inputs[j] != x)
                continue;
            if (j > 0 || (node->op != OP_CONV2D && node->op != OP_CONV2D_DW) ||
                dilation_of(&node->at, 0) > 1 || dilation_of(&node->at, 1) > 1 ||
                groups_of(&node->at) > 1 ||
                (*found &&
                 (memcmp(at->padding, node->at.padding, sizeof at->padding) != 0 ||
                  memcmp(at->padding_end, node->at.padding_end, sizeof at->padding_end) != 0)))
                return false;
            *at = node->at;
            *found = true;
        }
    }
    return true;
}

/* An image of few channels that goes into convolutions is packed densely, with its border of zeros:
   the first layer then has no edges. */
static Physical input_layout(const Graph *train, const Graph *evaluate, const Value *x,
                             const Value *other)
{
    Physical v = new_value(train, x->shape);
    Attributes at = {0};
    bool found = false;

    if (x->shape.rank != 3 || x->shape.size[0] > 8 ||
        !read_by_convolutions(train, x, &at, &found) ||
        (other && !read_by_convolutions(evaluate, other, &at, &found)) || !found)
        return v;
    for (v.lanes = 1; v.lanes < x->shape.size[0];)
        v.lanes *= 2;
    v.top = at.padding[0];
    v.left = at.padding[1];
    v.full_height = v.height + at.padding[0] + at.padding_end[0];
    v.full_width = v.width + at.padding[1] + at.padding_end[1];
    return v;
}

/* Token ids by position and in order of the tokens; a sparse input's elements by image and by column.
   Their structures say the same (emit/embedding.c, emit/sparse.c). */
static Physical ids_layout(const Graph *g, const Value *x)
{
    const int rows = g->max_batch, size = x->shape.size[0];
    Physical v = {.kind = PHYSICAL_SPARSE, .lanes = 16, .height = 1, .width = 1, .rows = size};

    v.type = format("struct sparse_%dx%d", rows, size);
    if (x->type == TYPE_TOKENS) {
        v.kind = PHYSICAL_TOKENS;
        v.rows = x->vocabulary;
        v.width = size;
        v.type = format("struct tokens_%dx%d_of_%d", rows, size, v.rows);
    }
    v.chunks = (rows + 15) / 16;
    return v;
}

/* What a step reads of it; of a sparse input, most of the memory for max_batch rows is never touched. */
static size_t ids_bytes(const Graph *g, const Physical *v)
{
    return round_up((size_t)g->max_batch * (size_t)v->width * 4);
}

static void lay_out_inputs(Graph *train, Graph *evaluate)
{
    for (int i = 0; i < train->value_count; i++) {
        Value *x = train->values[i], *other;
        Buffer *buffer;

        if (x->node || x->role != ROLE_INPUT)
            continue;
        other = find_field(evaluate, x->field);
        if (other)
            agree_on_shape(evaluate, other, x->shape);
        buffer = new_buffer(IN_BATCH, x->name);
        if (x->type == TYPE_F32) {
            give(train, x, input_layout(train, evaluate, x, other), buffer);
            buffer->size = round_up(value_bytes(x->physical));
        } else {
            x->physical = allocate(sizeof *x->physical);
            *x->physical = ids_layout(train, x);
            x->physical->element = x->type;
            x->physical->buffer = buffer;
            buffer->size = ids_bytes(train, x->physical);
        }
        if (other)
            other->physical = x->physical;
    }
}

static void place(Buffer *buffer, size_t *offset)
{
    buffer->offset = *offset;
    *offset += buffer->size;
}

void lay_out(Graph *train, Graph *evaluate, const Target *target)
{
    size_t params = 0, batch = 0;

    lay_out_inputs(train, evaluate);
    lay_out_graph(train, target);
    for (int i = 0; i < evaluate->value_count; i++) {
        Value *value = evaluate->values[i];
        const Value *same_value = value->node || value->role == ROLE_INPUT ? NULL
                                  : value->field ? find_field(train, value->field)
                                                 : find_named(train, value->name);

        if (same_value)
            value->physical = same_value->physical;
    }
    lay_out_graph(evaluate, target);
    for (int i = 0; i < train->value_count; i++) {
        const Value *value = train->values[i];

        if (value->role == ROLE_PARAMETER || value->role == ROLE_STATE)
            place(value->physical->buffer, &params);
        else if (value->role != ROLE_RESULT && value->physical)
            place(value->physical->buffer, &batch);
    }
}
