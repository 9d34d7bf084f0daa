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
    const Layout *x;       /* of a dx: dy */
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

        line(&text, 1, "net_transpose_%s(to%s, %ld, x%s, %d, %d, %d, %d);",
             x->lanes < 16 ? "packed" : "pixels", at ? format(" + %ld", at) : "",
             l->dx ? -pixel : pixel, s->block ? format(" + %d", 16 * x->images * s->block) : "",
             x->lanes < 16 ? x->lanes : 16 * x->images * x->blocks, l->g->transposed, s->channels,
             x->images);
    }
    if (last > 0)
        line(&text, 1, "memset(to + %ld, 0, %ld * sizeof *to);", first + row, last);
    return add_function(
        l->c->e, TILES,
        format("transpose_row_%dx%d%s", l->channels, l->g->transposed, l->dx ? "_flipped" : ""),
        "NET_TRANSPOSE_ROW(%s)\n", text.at);
}

/* "_relu_tanh": the activations that need no other value */
static const char *unary_name(const Loops *l)
{
    Text name = {0};

    text_add(&name, "%s", "");
    for (int i = 0; i < l->chain.first; i++)
        text_add(&name, "_%s", op_info[l->k->epilogue[i]->op].text);
    return name.at;
}

/* Those as one function; or "NULL". */
static const char *add_unary(const Loops *l)
{
    Text text = {0};

    if (!l->chain.first)
        return "NULL";
    line(&text, 1, "return %s;", write_unary(&text, 1, &l->chain, "v0"));
    return add_function(l->c->e, EPILOGUES, format("unary%s", unary_name(l)), "NET_UNARY(%s)\n",
                        text.at);
}

/* "batch_lanes_4x6x3_by_2_bias_relu": pixels, outputs, channels */
static const char *add_sum_tile(const Loops *l, int pixels)
{
    const BatchLanes *g = l->g;
    const int stride = l->k->node->at.stride[1];
    const char *way = l->dx ? "_flipped" : stride > 1 ? format("_by_%d", stride) : "";
    const char *unary = add_unary(l);

    return add_tile(l->c->e, "NET_BATCH_LANES_TILE",
                    format("batch_lanes_%dx%dx%d%s%s%s", pixels, l->outputs, l->channels, way,
                           l->bias ? "_bias" : "", unary_name(l)),
                    "net_batch_lanes_sum(y, x, w, %s, taps, %d, %d, %d, %d, %d, %s, %s)",
                    l->bias ? "b" : "NULL", pixels, g->channels, g->groups, l->outputs,
                    16 * l->channels * (l->dx ? -1 : stride), unary, truth(l->transcendental));
}

/* ---- The kernel ------------------------------------------------------------------------------ */

void emit_batch_lanes(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const BatchLanes *g = &k->schedule.batch_lanes;
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const bool dx = node->op == OP_CONV2D_DX;
    Loops l = {.c = c,
               .k = k,
               .g = g,
               .x = x,
               .dx = dx,
               .bias = !dx && node->inputs[2],
               .channels = w.size[!dx],
               .outputs = w.size[dx],
               .chain = start_chain(c, k)};

    l.transcendental = skip_unary(&l.chain);
    describe_contraction(c, k, "_batch_lanes", ", batch in the lanes", "(batch block, row)");

    const Value *last = (l.chain.first ? k->epilogue[l.chain.first - 1] : node)->outputs[0];
    const bool direct = l.chain.first == k->epilogue_count; /* no epilogue is left */
    const char *transpose = add_transpose(&l), *tile = add_sum_tile(&l, g->pixels);
    const char *rest = y->width % g->pixels ? add_sum_tile(&l, y->width % g->pixels) : "NULL";
    const char *end = direct ? "NULL, NULL, NULL" : write_epilogue(c->e, &l.chain).arguments;

    call_template(c, k,
                  "net_batch_lanes(%s, <in>, %s, (struct net_batch_lanes){.x = <in.extent>, "
                  ".y = <out.extent>, .taps = <taps>, .channels = %d, .pixels = %d, .rows = %d, "
                  ".pad_top = %d, .left = %d, .transposed = %d, .columns = %d}, %d, %s, %s, %s, "
                  "%s, <row_end>",
                  direct ? pointer(c, last) : "NULL", dx ? "<scratch>, NULL" : "<w>, <b>",
                  l.channels, g->pixels, g->rows, g->pad_top, g->left, g->transposed, g->columns,
                  x->images * x->lanes * x->blocks, transpose, tile, rest, end);
}

/* ---- dw -------------------------------------------------------------------------------------- */

void emit_batch_lanes_dw(KernelCode *c, const Kernel *k)
{
    const BatchLanesDw *g = &k->schedule.batch_lanes_dw;
    const Layout *x = k->node->inputs[0]->layout, *dy = k->node->inputs[1]->layout;
    const int outputs = divide_up(k->node->outputs[0]->shape.size[0], g->outputs) * g->outputs;
    const char *tile = add_tile(c->e, "NET_BATCH_LANES_DW_TILE",
                                format("batch_lanes_dw_tile_%dx%d", g->inputs, g->outputs),
                                "net_sum_batch_lanes_dw(sums, %d, %d, %d, x, dy, over)",
                                16 * outputs, g->inputs, g->outputs);

    describe_kernel(
        c, k, "<op>_batch_lanes<partial>_<x.shape>_<dw.rows>x<dw.outputs>",
        "dw = x' dy over the images of a batch block, in the lanes, and some %s; items: "
        "partial sums",
        g->by_column ? "columns" : "rows");
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];

        call_template(c, k,
                      "net_batch_lanes_dw(<scratch>, <inputs>, (struct net_batch_lanes_dw){"
                      ".x = <x.extent>, .dy = <dy.extent>, .splits = %d, .by_column = %s, "
                      ".kernel = <at.kernel>, .stride = <at.stride>, .padding = <at.padding>, "
                      ".inputs = <dw.dim1>, .outputs = <dw.dim0>, .first = %d, .block = %d, "
                      ".dy_block = %d, .scratch = %ld}, <x.lanes>, %d, %s, %d, %d",
                      g->splits, truth(g->by_column), s->start / (x->height * x->width), s->block,
                      dy->segments[0].block, g->x, s->channels, tile, g->inputs, g->outputs);
    }
}
