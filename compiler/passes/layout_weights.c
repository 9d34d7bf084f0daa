/*
 * layout_weights.c -- where weights and their gradients lie: in panels, along the inputs, a filter
 * a channel, a table; and inputs in the order of a weight's rows.
 */

#include "passes/layout.h"

/* x in the order of a weight's rows: they follow the first use of a weight that is shared, here
   from row `row` on, where x begins: a segment's first, or inside one of one pixel, which stands
   for several that fill their blocks. A weight of few outputs has them for each. */
static Layout as_rows(const Layout *x, const Layout *w, int row)
{
    const int repeated = w->kind == LAYOUT_ROWS ? w->outputs : 1;
    const Segment *begin = w->segments;
    Layout v = *x;

    while (row >= begin->start + begin->channels * begin->pixels)
        begin++;
    v.segment_count = w->segment_count / repeated - (int)(begin - w->segments);
    for (int i = 0; i < v.segment_count; i++) {
        v.segments[i] = begin[i];
        v.segments[i].start -= row;
        v.segments[i].block -= begin->block + (row - begin->start) / 16;
    }
    if (row > begin->start) {
        const int channels = begin->channels - (row - begin->start);

        v.segments[0] = (Segment){0, channels, 1, 0, blocks_of(channels)};
    }
    if (w->kind == LAYOUT_ROWS)
        v.blocks = w->blocks / repeated;
    if (same_segments(&v, x) || w->kind == LAYOUT_ROWS)
        return v;
    v.blocks = 0;
    for (int i = 0; i < v.segment_count; i++) {
        const Segment *s = &v.segments[i];
        const int end = s->block + (s->pixels - 1) * s->stride + blocks_of(s->channels);

        v.blocks = end > v.blocks ? end : v.blocks;
    }
    return v;
}

static void require_rows(LayoutPass *l, Node *node, int i, const Layout *w, int row)
{
    const Layout wanted = as_rows(node->inputs[i]->layout, w, row);

    if (!same_segments(&wanted, node->inputs[i]->layout) ||
        wanted.blocks != node->inputs[i]->layout->blocks)
        require(l, node, i, &wanted);
}

/* The gradient of x likewise. */
static void give_rows(const Graph *g, Value *dx, const Layout *w, int row)
{
    const Layout x = gradient_layout(g, dx);

    give(g, dx, as_rows(&x, w, row), NULL);
}

enum { COPY = 32 }; /* a number to another lane and its gradient back, in products of vectors */

/* Of vectors side by side, each in blocks of its own, dx and dw compute these whole. Are they full
   enough, or is a copy into full ones less? */
static bool fills_blocks(const Layout *x, int size, int outputs)
{
    int blocks = 0;

    for (int i = 0; i < x->segment_count; i++)
        blocks += x->segments[i].pixels == 1 ? blocks_of(x->segments[i].channels) : 0;
    return (long)(blocks - blocks_of(size)) * outputs <= (long)COPY * size;
}

static void lay_out_contraction(LayoutPass *l, Node *node)
{
    Value *w = node->inputs[1];
    const int outputs = w->shape.size[0];
    const bool along_inputs = node->selection->algorithm == ALGORITHM_FEW_OUTPUTS;
    const Layout *x = node->inputs[0]->layout;
    Layout v;

    if (w->layout && node->op == OP_DENSE)
        require_rows(l, node, 0, w->layout, 0);
    else if (along_inputs ? x->segment_count * outputs > NET_MAX_SEGMENTS
                          : node->op == OP_DENSE && !fills_blocks(x, w->shape.size[1], outputs))
        require_plain(l, node, 0);
    x = node->inputs[0]->layout;
    v = along_inputs ? rows_layout(w, x) : weight_layout(w, x, 1, l->target);
    v.winograd = l->g->images == 1 ? winograd_tile(node) : 0;
    give_parameter(w, v);
    check_kept(w, (w->layout->kind == LAYOUT_ROWS) == along_inputs &&
                      w->layout->winograd == v.winograd);
    if (node->inputs[2])
        give_parameter(node->inputs[2], plain_vector(outputs));
}

/* What a concat of a sparse x and h would have, were x dense. */
static Layout joined_layout(const Value *x, const Layout *h)
{
    const int columns = x->shape.size[0], blocks = blocks_of(columns);
    Layout v = {.segments = {{0, columns, 1, 0, blocks}}, .segment_count = 1};

    for (int i = 0; h && i < h->segment_count; i++) {
        Segment s = h->segments[i];

        s.start += columns;
        s.block += blocks;
        v.segments[v.segment_count++] = s;
    }
    return v;
}

/* Are the first rows of a weight those of a sparse x, in its order? What follows in their segment
   begins a block. */
static bool begins_with_columns(const Layout *w, int columns)
{
    const Segment *first = w->segments;

    return w->kind == LAYOUT_WEIGHT && first->pixels == 1 &&
           (first->channels == columns || (first->channels > columns && columns % 16 == 0));
}

static void lay_out_sparse_dense(LayoutPass *l, Node *node)
{
    Value *h = node->inputs[1], *w = node->inputs[2];
    const int columns = node->inputs[0]->shape.size[0];
    Layout joined;

    if (w->layout)
        check_kept(w, begins_with_columns(w->layout, columns));
    if (h && h->layout->segment_count == NET_MAX_SEGMENTS)
        require_plain(l, node, 1);
    if (h && w->layout)
        require_rows(l, node, 1, w->layout, columns);
    h = node->inputs[1];
    joined = joined_layout(node->inputs[0], h ? h->layout : NULL);
    give_parameter(w, weight_layout(w, &joined, 1, l->target));
    if (node->inputs[3])
        give_parameter(node->inputs[3], plain_vector(w->shape.size[0]));
}

/* The gradient needs h as forward read it: the rows of w follow its segments. */
static void lay_out_sparse_dense_dw(LayoutPass *l, Node *node)
{
    Value *dw = node->outputs[0];

    if (node->inputs[1])
        require_rows(l, node, 1, dw->gradient_of->layout, node->inputs[0]->shape.size[0]);
    require_plain(l, node, 2);
    give_parameter(dw, *dw->gradient_of->layout);
}

/* A weight in another form: of groups in a full one, or its outputs in part; or a bias in part. */
static void lay_out_form(const LayoutPass *l, const Node *node)
{
    const int groups = node->op == OP_GROUP_EXPAND ? node->at.groups : 1;
    Value *const both[] = {node->inputs[0], node->outputs[0]};

    for (int i = 0; i < 2; i++)
        give_parameter(both[i], both[i]->shape.rank > 1
                                    ? weight_layout(both[i], NULL, groups, l->target)
                                    : plain_vector(both[i]->shape.size[0]));
}

/* What reads words or a bag of them. */
static void lay_out_words(LayoutPass *l, Node *node)
{
    switch (node->op) {
    case OP_EMBEDDING:
        give_parameter(node->inputs[1], table_layout(node->inputs[1]->shape));
        break;
    case OP_SPARSE_DENSE:
        lay_out_sparse_dense(l, node);
        break;
    case OP_SPARSE_DENSE_DW:
        lay_out_sparse_dense_dw(l, node);
        break;
    default:
        break;
    }
}

void lay_out_weights(LayoutPass *l, Node *node)
{
    Value **in = node->inputs, *y = node->outputs[0];

    switch (node->op) {
    case OP_DENSE:
    case OP_CONV2D:
    case OP_CONV3D:
        lay_out_contraction(l, node);
        break;
    case OP_DENSE_DX: /* begin 0 */
    case OP_SPARSE_DENSE_DX:
        give_rows(l->g, y, in[1]->layout, node->at.begin);
        break;
    case OP_CONV2D_DX:
    case OP_CONV3D_DX:
        give_parameter(in[1], weight_layout(in[1], in[0]->layout, 1, l->target));
        break;
    case OP_DENSE_DW:
        require_rows(l, node, 0, y->gradient_of->layout, 0);
        give_parameter(y, *y->gradient_of->layout);
        break;
    case OP_CONV2D_DW:
    case OP_CONV3D_DW:
    case OP_CONV2D_DW_ARGMAX:
    case OP_EMBEDDING_DW:
    case OP_GROUP_COLLECT:
    case OP_WEIGHT_SLICE_GRAD:
        give_parameter(y, *y->gradient_of->layout);
        break;
    case OP_GROUP_EXPAND:
    case OP_WEIGHT_SLICE:
        lay_out_form(l, node);
        break;
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
        give_parameter(in[1], filters_layout(in[1]));
        if (node->op == OP_DEPTHWISE && in[2])
            give_parameter(in[2], plain_vector(y->shape.size[0]));
        break;
    case OP_DEPTHWISE_DW:
        give_parameter(y, filters_layout(y));
        break;
    case OP_RNN:
    case OP_LSTM:
    case OP_GRU:
        give_parameter(in[1], weight_layout(in[1], NULL, 1, l->target));
        give_parameter(in[2], plain_vector(in[2]->shape.size[0]));
        break;
    default:
        lay_out_words(l, node);
        break;
    }
}
