/*
 * batch_lanes.c -- convolutions of few outputs with the batch in the lanes, and their weight
 * gradients (kernels/batch_lanes.h, kernels/batch_lanes_dw.h).
 */

#include "emit/emit.h"

/* What the functions of one kernel need. */
typedef struct Loops {
    KernelCode *c;
    const Kernel *k;
    const BatchLanes *g;
    Chain chain;
    bool transcendental;   /* among the activations before outputs are transposed back */
    const Layout *x, *y;   /* of a dx: dy and dx */
    int channels, outputs; /* summed over, and of y */
    bool dx, bias;
} Loops;

/* ---- Functions of their own ------------------------------------------------------------------ */

/* A row of x; of a dx flipped: its taps count the columns down. */
static const char *add_transpose(const Loops *l)
{
    const Layout *x = l->x;
    const long pixel = 16L * l->channels, before = l->g->left * pixel;
    const long row = l->g->transposed * pixel, after = l->g->columns * pixel - before - row;
    const long first = l->dx ? after : before, last = l->dx ? before : after;
    Text text = {0};

    if (first > 0)
        line(&text, 1, "memset(to, 0, %ld * sizeof *to);", first);
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];
        const long at = (l->dx ? first + row - pixel : first) + 16 * (s->start / s->pixels);

        line(&text, 1, "net_transpose_%s(to%s, %ld, x%s, %d, %d, %d, 16);",
             x->lanes < 16 ? "packed" : "pixels", at ? format(" + %ld", at) : "",
             l->dx ? -pixel : pixel, s->block ? format(" + %d", 256 * s->block) : "",
             x->lanes < 16 ? x->lanes : 256 * x->blocks, l->g->transposed, s->channels);
    }
    if (last > 0)
        line(&text, 1, "memset(to + %ld, 0, %ld * sizeof *to);", first + row, last);
    return add_function(
        l->c->e, TILES,
        format("transpose_row_%dx%d%s", l->channels, l->g->transposed, l->dx ? "_flipped" : ""),
        "NET_TRANSPOSE_ROW(%s)\n", text.at);
}

/* The activations that need no other value, as one function; or "NULL". */
static const char *add_unary(const Loops *l)
{
    Text name = {0}, text = {0};

    if (!l->chain.first)
        return "NULL";
    for (int i = 0; i < l->chain.first; i++)
        text_add(&name, "%s_%s", i ? "" : "unary", op_info[l->k->epilogue[i]->op].text);
    line(&text, 1, "return %s;", write_unary(&text, 1, &l->chain, "v0"));
    return add_function(l->c->e, EPILOGUES, name.at, "NET_UNARY(%s)\n", text.at);
}

/* "batch_lanes_4x6x3_by_2_bias_relu": pixels, outputs, channels */
static const char *tile_name(const Loops *l, int pixels)
{
    const int stride = l->k->node->at.stride[1];
    Text text = {0};

    text_add(&text, "batch_lanes_%dx%dx%d%s%s", pixels, l->outputs, l->channels,
             l->dx        ? "_flipped"
             : stride > 1 ? format("_by_%d", stride)
                          : "",
             l->bias ? "_bias" : "");
    for (int i = 0; i < l->chain.first; i++)
        text_add(&text, "_%s", op_info[l->k->epilogue[i]->op].text);
    return text.at;
}

static const char *add_sum_tile(const Loops *l, int pixels)
{
    const BatchLanes *g = l->g;
    const int stride = l->k->node->at.stride[1];

    return add_tile(l->c->e, "NET_BATCH_LANES_TILE", tile_name(l, pixels),
                    "net_batch_lanes_sum(y, x, w, %s, taps, %d, %d, %d, %d, %d, %s, %s)",
                    l->bias ? "b" : "NULL", pixels, g->channels, g->groups, l->outputs,
                    16 * l->channels * (l->dx ? -1 : stride), add_unary(l),
                    truth(l->transcendental));
}

/* ---- The kernel ------------------------------------------------------------------------------ */

static const char *shape_literal(const Loops *l)
{
    const Node *node = l->k->node;
    const BatchLanes *g = l->g;

    return format("(struct net_batch_lanes){.x = %s, .y = %s, .taps = %s, .channels = %d, "
                  ".pixels = %d, .rows = %d, .pad_top = %d, .left = %d, .transposed = %d, "
                  ".columns = %d}",
                  extent_braces(l->x), extent_braces(l->y),
                  taps_text(&node->at, node->inputs[1]->shape, l->x->lanes < 16, l->dx),
                  l->channels, g->pixels, g->rows, g->pad_top, g->left, g->transposed, g->columns);
}

void emit_batch_lanes(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const BatchLanes *g = &k->schedule.batch_lanes;
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const int rest = y->width % g->pixels;
    const bool dx = node->op == OP_CONV2D_DX;
    const Value *b = dx ? NULL : node->inputs[2];
    Loops l = {.c = c,
               .k = k,
               .g = g,
               .x = x,
               .y = y,
               .dx = dx,
               .bias = b,
               .channels = w.size[!dx],
               .outputs = w.size[dx],
               .chain = start_chain(c, k, y)};

    l.transcendental = skip_unary(&l.chain);
    describe_contraction(c, k, "_batch_lanes", ", batch in the lanes", "(batch block, row)");

    const Value *last = (l.chain.first ? k->epilogue[l.chain.first - 1] : node)->outputs[0];
    const bool direct = l.chain.first == k->epilogue_count; /* no epilogue is left */

    call_template(c, "net_batch_lanes(%s, %s, %s, %s, %s, %d, %s, %s, %s, %s, %s",
                  direct ? pointer(c, last) : "NULL", pointer(c, node->inputs[0]),
                  dx ? scratch_pointer(c, k) : pointer(c, node->inputs[1]), pointer(c, b),
                  shape_literal(&l), 16 * x->lanes * x->blocks, add_transpose(&l),
                  add_sum_tile(&l, g->pixels), rest ? add_sum_tile(&l, rest) : "NULL",
                  direct ? "NULL, NULL, NULL" : write_epilogue(c->e, &l.chain).arguments,
                  add_row_end(c, k));
}

/* ---- dw -------------------------------------------------------------------------------------- */

static const char *add_dw_tile(Emitter *e, const BatchLanesDw *g, int outputs)
{
    return add_tile(e, "NET_BATCH_LANES_DW_TILE",
                    format("batch_lanes_dw_tile_%dx%d", g->inputs, g->outputs),
                    "net_sum_batch_lanes_dw(sums, %d, %d, %d, x, dy, over)", 16 * outputs,
                    g->inputs, g->outputs);
}

/* The call for the inputs of one segment of x. */
static void call_dw_segment(KernelCode *c, const Kernel *k, const Segment *s)
{
    const Node *node = k->node;
    const BatchLanesDw *g = &k->schedule.batch_lanes_dw;
    const Layout *x = node->inputs[0]->layout, *dy = node->inputs[1]->layout;
    const Shape w = node->outputs[0]->shape;
    const int padded = divide_up(w.size[0], g->outputs) * g->outputs;

    call_template(
        c,
        "net_batch_lanes_dw(%s, %s, (struct net_batch_lanes_dw){"
        ".x = %s, .dy = %s, .splits = %d, .by_column = %s, .kernel = {%d, %d}, "
        ".stride = %s, .padding = %s, .inputs = %d, .outputs = %d, .first = %d, .block = %d, "
        ".dy_block = %d, .scratch = %ld}, %d, %d, %s, %d, %d",
        scratch_pointer(c, k), inputs_text(c, node), extent_braces(x), extent_braces(dy), g->splits,
        truth(g->by_column), w.size[2], w.size[3], braces(node->at.stride, 2),
        braces(node->at.padding, 2), w.size[1], w.size[0], s->start / (x->height * x->width),
        s->block, dy->segments[0].block, g->x, x->lanes, s->channels, add_dw_tile(c->e, g, padded),
        g->inputs, g->outputs);
}

void emit_batch_lanes_dw(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout;

    describe_dw(c, k, "_batch_lanes",
                "dw = x' dy over the images of a batch block, in the lanes, and some %s; items: "
                "partial sums",
                k->schedule.batch_lanes_dw.by_column ? "columns" : "rows");
    for (int i = 0; i < x->segment_count; i++)
        call_dw_segment(c, k, &x->segments[i]);
}
