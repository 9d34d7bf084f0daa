/*
 * gemm.c -- dense, conv2d and their dx: rows of images by panels of outputs in
 * registers.
 *
 * The one idea: per output pixel, a sum over the taps that fall inside the image of small products,
 * images by channels. Forward and dx are the same tile; a dx walks turned weights and counts taps
 * down.
 */

#include "emit/emit.h"

#include <string.h>

static bool is_dense(const Node *node)
{
    return node->op == OP_DENSE || node->op == OP_DENSE_DX;
}

static bool is_dx(const Node *node)
{
    return node->op == OP_DENSE_DX || node->op == OP_CONV2D_DX || node->op == OP_DEPTHWISE_DX ||
           node->op == OP_CONV2D_DX_AT;
}

/* A dx that is no gradient is a transposed convolution, of x. */
static const char *input_name(const Node *node)
{
    return is_dx(node) && node->backward ? "dy" : "x";
}

/* A packed image with its border: no tap falls outside, and a row of taps is unrolled. */
static bool is_pixels(const Node *node)
{
    return node->inputs[0]->physical->lanes < 16;
}

/* Long rows of taps would be too much code. */
static bool is_unrolled(const Node *node)
{
    const Shape w = node->inputs[1]->shape;

    return is_pixels(node) && w.size[1] * w.size[3] <= 32;
}

/* ---- The tile -------------------------------------------------------------------------------- */

/* What a tile calls its own input where the body reads it too: a residual around one layer. */
static const char residual[] = "residual";

/* Is this operand read by the body, element by element? */
static bool is_body_operand(const Body *b, const Operand *o)
{
    const char *formal = o->value && !o->written ? b->formals[o->value->id] : NULL;

    return formal && (formal == o->name || formal == residual);
}

static void write_tile_head(Text *head, const char *name, const Driver *d, const Body *b, bool bias)
{
    Wrap wrap = {head, (int)(strlen("NET_TILE void ") + strlen(name)) + 4, 8, 0};

    text_add(head, "NET_TILE void %%s(");
    for (int i = 0; i < d->count; i++)
        if (d->operands[i].written)
            wrap_item(&wrap, format("float *restrict %s", d->operands[i].name));
    wrap_item(&wrap, "const float *restrict x");
    wrap_item(&wrap, "const float *restrict w");
    if (bias)
        wrap_item(&wrap, "const float *restrict b");
    if (!is_unrolled(b->k->node)) {
        wrap_item(&wrap, "const struct taps *taps");
        wrap_item(&wrap, "int segments");
    }
    for (int i = 0; i < d->count; i++)
        if (is_body_operand(b, &d->operands[i]))
            wrap_item(&wrap,
                      format("const float *restrict %s", b->formals[d->operands[i].value->id]));
    if (b->masked)
        wrap_item(&wrap, "int channels");
    if (b->random) {
        wrap_item(&wrap, "int element");
        wrap_item(&wrap, "int step");
        wrap_item(&wrap, "int group");
    }
    if (b->run)
        wrap_item(&wrap, "const struct net_run *run");
    text_add(head, ")\n");
}

static void write_light_end(Text *text, const Body *b, int rows, int vectors)
{
    line(text, 1, "NET_UNROLL(i, %d)", rows);
    line(text, 2, "NET_VECTORS(j, %d) {", vectors);
    line(text, 3, "const long at = 256 * j + 16 * i, lane = 16 * j;");
    line(text, 3, "(void)lane;");
    write_body(text, 3, b, "acc[i][j]", "");
    line(text, 2, "}");
}

/* Exponentials and draws would spill the tile: it goes through memory, and they through a loop. */
static void write_heavy_end(Text *text, const Body *b, int rows, int vectors)
{
    const int level = b->random ? 4 : 3;

    line(text, 1, "_Alignas(64) float tile[%d];", rows * vectors * 16);
    line(text, 1, "NET_UNROLL(i, %d)", rows);
    line(text, 2, "NET_VECTORS(j, %d)", vectors);
    line(text, 3, "vec_store(tile + 16 * (%d * i + j), acc[i][j]);", vectors);
    line(text, 1, "NET_REPEAT(j, %d)%s", vectors, b->random ? " {" : "");
    if (b->random) {
        write_draws(text, 2, b, "element + 16 * j * step", "step");
        line(text, 2, "NET_REPEAT(g, %d) {", rows / 4);
        write_keeps(text, 3, b, "group + g");
        line(text, 3, "NET_REPEAT(r, 4) {");
        line(text, 4, "const long i = 4 * g + r;");
    } else {
        line(text, 2, "NET_REPEAT(i, %d) {", rows);
    }
    line(text, level, "const long at = 256 * j + 16 * i, lane = 16 * j;");
    if (b->masked)
        line(text, level, "const int left = channels - 16 * (int)j;");
    line(text, level, "const vec v0 = vec_load(tile + 16 * (%d * i + j));", vectors);
    line(text, level, "(void)lane;");
    write_body(text, level, b, "v0", "");
    if (b->random)
        line(text, 3, "}");
    line(text, 2, "}");
    if (b->random)
        line(text, 1, "}");
}

static void write_contract(Text *text, const Node *node, int rows, int vectors)
{
    const Physical *x = node->inputs[0]->physical;
    const Shape w = node->inputs[1]->shape;

    if (is_unrolled(node))
        line(text, 1, "contract_pixels(acc, %d, %d, x, %d, %d, %d, %d, %d, w);", rows, vectors,
             x->lanes, w.size[1], w.size[3], 16 * x->lanes * x->full_width, w.size[2]);
    else
        line(text, 1, "contract(acc, %d, %d, x, %d, 256, w, taps, segments);", rows, vectors,
             x->lanes);
}

/* What the body reads is asked for before the long sum, and comes from memory meanwhile. */
static void write_asking(Text *text, const Driver *d, const Body *b, int rows, int vectors)
{
    for (int i = 0; i < d->count; i++) {
        const Operand *o = &d->operands[i];

        if (!is_body_operand(b, o) || !o->value->batched)
            continue;
        line(text, 1, "NET_UNROLL(i, %d)", rows);
        line(text, 2, "NET_VECTORS(j, %d)", vectors);
        line(text, 3, "__builtin_prefetch(%s + 256 * j + 16 * i);", b->formals[o->value->id]);
    }
}

/* "8x3_bias_relu"; a tile over packed pixels is of one shape */
static const char *tile_name(const Body *b, int rows, int vectors, bool bias)
{
    const Node *node = b->k->node;
    const Shape w = node->inputs[1]->shape;
    const char *pixels = !is_unrolled(node) ? ""
                                            : format("_%dx%dx%d", w.size[1], w.size[2], w.size[3]);

    return format("tile_%dx%d%s%s%s", rows, vectors, pixels, bias ? "_bias" : "", body_name(b->k));
}

static const char *write_tile(Emitter *e, const Driver *d, const Body *b, int vectors, bool bias)
{
    const int rows = e->target->rows;
    const char *name = tile_name(b, rows, vectors, bias);
    Text head = {0}, text = {0};

    text_add(&head, "/* acc = %s + sum over taps and channels of x w%s */\n", bias ? "b" : "0",
             b->k->body_count ? ", then what follows in registers" : "");
    write_tile_head(&head, name, d, b, bias);
    line(&text, 0, "{");
    line(&text, 1, "vec acc[%d][3];\n", rows);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "acc[i][j] = %s;", bias ? "vec_load(b + 16 * j)" : "vec_zero()");
    write_asking(&text, d, b, rows, vectors);
    write_contract(&text, b->k->node, rows, vectors);
    if (b->heavy)
        write_heavy_end(&text, b, rows, vectors);
    else
        write_light_end(&text, b, rows, vectors);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, name, head.at, text.at);
}

/* ---- The driver ------------------------------------------------------------------------------ */

int find_parts(const Kernel *k, const Target *target, Group parts[MAX_SEGMENTS])
{
    const Physical *y = k->node->outputs[0]->physical;
    const Shape w = k->node->inputs[1]->shape;
    const int groups = groups_of(&k->node->at);
    const int size = w.size[is_dx(k->node)] / groups; /* channels of y in each */
    long at = 0;

    for (int i = 0; i < y->segment_count; i++) {
        const Segment *s = &y->segments[i];
        Group *part = &parts[i];

        *part = (Group){.start = s->start / s->pixels,
                        .block = s->block,
                        .blocks = (s->channels + 15) / 16,
                        .pixels = 1,
                        .stride = s->stride,
                        .w = at};
        if (groups > 1)
            cut_group_panels(part->blocks, target->vectors, part->start % size ? 1 : size,
                             part->panels);
        else
            cut_panels(part->blocks, target->vectors, part->panels);
        if (k->node->op == OP_DENSE_DX)
            part->pixels = s->pixels;
        at += (long)part->blocks * 16 * w.size[0] *
              (w.rank == 4 ? w.size[2] * w.size[3] : part->pixels);
    }
    return y->segment_count;
}

/* Everything the loops of one driver need. */
typedef struct Loops {
    Emitter *e;
    Driver *d;
    const Kernel *k;
    Body body;
    const Physical *x, *y; /* of a dx: dy and dx */
    const char *bias;      /* formal, or NULL */
    const char *out;       /* formal of the first output: its type has the place */
} Loops;

static long pixel_floats(const Physical *v)
{
    return (long)v->blocks * 16 * v->lanes;
}

static void write_dense_taps(Text *text, int level, const Loops *l, int vectors)
{
    const Node *node = l->k->node;
    const int outputs = node->inputs[1]->shape.size[0];
    const int count = is_dx(node) ? 1 : l->x->segment_count;

    line(text, level, "const struct taps taps[%d] = {", count);
    for (int i = 0; i < count; i++) {
        const Segment *s = &l->x->segments[i];

        if (is_dx(node))
            line(text, level + 1, "{ .rows = 1, .columns = 1, .channels = %d },", outputs);
        else
            line(text, level + 1,
                 "{ .x = %ld, .w = %ld, .rows = 1, .columns = %d, .x_column = %ld, "
                 ".w_column = %ld,\n"
                 "%*s  .channels = %d },",
                 (long)s->block * 256, (long)s->start * vectors * 16, s->pixels,
                 (long)s->stride * 256, (long)s->channels * vectors * 16, 4 * (level + 1), "",
                 s->channels);
    }
    line(text, level, "};");
}

/* What the outputs of this panel see of segment i of the input. */
static void write_seen(Text *text, int level, const Loops *l, const Group *part, int vectors, int i)
{
    const Node *node = l->k->node;
    const Segment *s = &l->x->segments[i];
    const Shape w = node->inputs[1]->shape;
    const int groups = groups_of(&node->at), to = w.size[is_dx(node)], from = w.size[!is_dx(node)];

    line(text, level, "const struct net_seen seen_%d =", i);
    line(text, level + 1, "net_group_sees(%s16 * panel_block, %d, %d, %d, %d, %d, %d);",
         part->start ? format("%d + ", part->start) : "", 16 * vectors, to / groups, from / groups,
         to, s->start / s->pixels, s->channels);
}

/* `r` and `c` are windows of the row and column: taps of y's pixel that fall inside x. */
static void write_conv_taps(Text *text, int level, const Loops *l, const Group *part, int vectors)
{
    const Node *node = l->k->node;
    const Attributes *at = &node->at;
    const Physical *x = l->x;
    const Shape w = node->inputs[1]->shape;
    const int kw = w.size[3], channels = is_dx(node) ? w.size[0] : w.size[1];
    const long pixel = pixel_floats(x), row = pixel * x->full_width;
    const long w_tap = (long)channels * vectors * 16;
    const bool groups = groups_of(at) > 1;

    for (int i = 0; i < x->segment_count && groups; i++)
        write_seen(text, level, l, part, vectors, i);
    line(text, level, "const struct taps taps[%d] = {", x->segment_count);
    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];
        const long start = s->start / (x->height * x->width);

        line(text, level + 1, "{ .x = %sr.at * %ldL + c.at * %ldL%s,",
             s->block ? format("%ld + ", (long)s->block * 16 * x->lanes) : "", row, pixel,
             groups ? format(" + seen_%d.first * 16", i) : "");
        line(text, level + 1, "  .w = %s(r.first * %d + c.first) * %ldL%s,",
             start ? format("%ld + ", start * vectors * 16) : "", kw, w_tap,
             groups ? format(" + seen_%d.first * %d", i, vectors * 16) : "");
        line(text, level + 1,
             "  .rows = r.count, .columns = c.count, .x_row = %ld, .x_column = %ld,",
             is_dx(node) ? -row * window_step(at, 0) : row * dilation_of(at, 0),
             is_dx(node) ? -pixel * window_step(at, 1) : pixel * dilation_of(at, 1));
        line(text, level + 1, "  .w_row = %ld, .w_column = %ld, .channels = %s },",
             is_dx(node) ? tap_step(at, 0) * kw * w_tap : kw * w_tap,
             is_dx(node) ? tap_step(at, 1) * w_tap : w_tap,
             groups ? format("seen_%d.count", i) : format("%d", s->channels));
    }
    line(text, level, "};");
}

/* Window of one axis: 0 rows, 1 columns. */
void write_window(Text *text, int level, const Node *node, int axis)
{
    const Physical *x = node->inputs[0]->physical;
    const bool border = is_pixels(node); /* packed with its padding */
    const char *name = axis ? "c" : "r", *i = axis ? "column" : "row";
    const int size = axis ? x->full_width : x->full_height;
    const int kernel = node->inputs[1]->shape.size[2 + axis];

    const char *apart = "", *more = "";

    if (dilation_of(&node->at, axis) > 1) {
        apart = "_apart";
        more = is_dx(node)
                   ? format(", %d, %d", dilation_of(&node->at, axis), tap_step(&node->at, axis))
                   : format(", %d", dilation_of(&node->at, axis));
    }
    line(text, level, "const struct net_window %s = net_taps_%s%s(%s, %d, %d, %d, %d%s);", name,
         is_dx(node) ? "backward" : "forward", apart, i, node->at.stride[axis],
         border ? 0 : node->at.padding[axis], kernel, size, more);
}

static void write_tile_call(Text *text, int level, const Loops *l, const char *tile,
                            const char *block, const char *w)
{
    const Node *node = l->k->node;
    const Body *b = &l->body;
    const bool flat = l->y->height * l->y->width == 1;
    const char *pixel = flat                ? "0"
                        : l->y->height == 1 ? "column"
                                            : format("row * %d + column", l->y->width);
    const char *function = b->masked || b->random ? lanes_function(l->e, l->y) : NULL;
    const char *lanes = !function ? NULL
                        : flat    ? format("%s(%s)", function, block)
                               : format("%s((%s) * %d + %s)", function, pixel, l->y->blocks, block);
    Wrap wrap = {text, 4 * level + (int)strlen(tile) + 1, 4 * level + 4, 0};

    text_add(text, "%*s%s(", 4 * level, "", tile);
    for (int i = 0; i < l->d->count; i++)
        if (l->d->operands[i].written)
            wrap_item(&wrap,
                      format("%s->at[chunk][%s][%s][i]", l->d->operands[i].name, pixel, block));
    if (is_unrolled(node))
        wrap_item(&wrap, format("x->at[chunk][%d * row + %d * column][0][i]",
                                node->at.stride[0] * l->x->full_width, node->at.stride[1]));
    else
        wrap_item(&wrap, format("%s->at[chunk][0][0][i]", input_name(node)));
    wrap_item(&wrap, w);
    if (l->bias)
        wrap_item(&wrap, format("%s->at[panel_block]", l->bias));
    if (!is_unrolled(node)) {
        wrap_item(&wrap, "taps");
        wrap_item(&wrap, format("%d", is_dense(node) && is_dx(node) ? 1 : l->x->segment_count));
    }
    for (int i = 0; i < l->d->count; i++) {
        const Operand *o = &l->d->operands[i];

        if (is_body_operand(b, o))
            wrap_item(&wrap, o->value->batched
                                 ? format("%s->at[chunk][%s][%s][i]", o->name, pixel, block)
                                 : format("%s->at[%s]", o->name, block));
    }
    if (b->masked)
        wrap_item(&wrap, format("%s.lanes", lanes));
    if (b->random) {
        wrap_item(&wrap, format("%s.element", lanes));
        wrap_item(&wrap, format("%s.step", lanes));
        wrap_item(&wrap, "4 * chunk + i / 4");
    }
    if (b->run)
        wrap_item(&wrap, "run");
    text_add(text, ");\n");
}

static const char *panel_weights(const Group *part, long block_floats)
{
    return part->w ? format("w->at + %ld + panel_block * %ldL", part->w, block_floats)
                   : format("w->at + panel_block * %ldL", block_floats);
}

/* For one chunk and row: images, columns, taps, tile. `panel_block` is set. */
static void write_pixels(Text *text, int level, const Loops *l, const Group *part, int vectors)
{
    const Node *node = l->k->node;
    const Shape w = node->inputs[1]->shape;
    const int inner = is_dx(node) ? w.size[0] : shape_size(w) / w.size[0];
    const int taps = is_dx(node) && w.rank == 4 ? w.size[2] * w.size[3] : 1;
    const char *tile = write_tile(l->e, l->d, &l->body, vectors, l->bias != NULL);
    const char *block = part->block ? format("%d + panel_block", part->block) : "panel_block";
    long w_block = 16L * inner * taps;

    line(text, level, "for (int i = 0; i < net_rows(run, chunk); i += %d)%s", l->e->target->rows,
         is_dense(node) && part->pixels == 1 ? " {" : "");
    if (!is_dense(node)) {
        line(text, level + 1, "for (int column = 0; column < %d; column++) {", l->y->width);
        if (!is_unrolled(node)) {
            write_window(text, level + 2, node, 1);
            write_conv_taps(text, level + 2, l, part, vectors);
        }
        write_tile_call(text, level + 2, l, tile, block, panel_weights(part, w_block));
        line(text, level + 1, "}");
        return;
    }
    if (part->pixels > 1) { /* the input of a flattened dense layer: a tap a pixel */
        w_block *= part->pixels;
        line(text, level + 1, "for (int pixel = 0; pixel < %d; pixel++) {", part->pixels);
        block = format("%d + pixel * %d + panel_block", part->block, part->stride);
        write_dense_taps(text, level + 2, l, vectors);
        write_tile_call(
            text, level + 2, l, tile, block,
            format("%s + pixel * %dL", panel_weights(part, w_block), inner * vectors * 16));
        line(text, level + 1, "}");
        return;
    }
    write_dense_taps(text, level + 1, l, vectors);
    write_tile_call(text, level + 1, l, tile, block, panel_weights(part, w_block));
    line(text, level, "}");
}

/* All panels of a part, of each width; `each` says how the loop over panels is written. */
static void write_panels(Text *text, int level, const Loops *l, const Group *part)
{
    const int chunks = l->y->chunks, rows = is_dense(l->k->node) ? 1 : l->y->height;
    int first = 0;

    for (int width = 3; width >= 1; width--) {
        const int panels = part->panels[3 - width];

        if (!panels)
            continue;
        if (l->k->panel_outer) {
            line(text, level, "NET_ITEMS(item, %d * %d, run, thread) {", panels, chunks * rows);
            line(text, level + 1, "const int panel_block = %sitem / %d * %d;",
                 first ? format("%d + ", first) : "", chunks * rows, width);
            line(text, level + 1, "const int chunk = item%s %% %d;",
                 rows > 1 ? format(" / %d", rows) : "", chunks);
            if (!is_dense(l->k->node)) {
                line(text, level + 1, "const int row = item %% %d;", rows);
                if (!is_unrolled(l->k->node))
                    write_window(text, level + 1, l->k->node, 0);
            }
        } else {
            line(text, level, "for (int panel_block = %d; panel_block < %d; panel_block += %d) {",
                 first, first + panels * width, width);
        }
        write_pixels(text, level + 1, l, part, width);
        line(text, level, "}");
        first += panels * width;
    }
}

static void write_comment(Driver *d, const Loops *l)
{
    const Node *node = l->k->node;
    const char *sum = is_dx(node) && !node->backward ? "y = sum over taps of x w'"
                      : is_dx(node) ? is_dense(node) ? "dx = dy w'" : "dx = sum over taps of dy w'"
                      : is_dense(node) ? "y = x w"
                                       : "y = sum over taps of x w";

    text_add(&d->comment, "/* %s%s", sum, l->bias ? " + b" : "");
    for (int i = 0; i < l->k->body_count; i++)
        text_add(&d->comment, ", %s", op_info[l->k->body[i]->op].text);
    if (l->k->panel_outer)
        text_add(&d->comment, "; items: (panel, chunk%s) */\n", is_dense(node) ? "" : ", row");
    else
        text_add(&d->comment, "; items: %s */\n", is_dense(node) ? "chunks" : "(chunk, row)");
}

static const char *driver_name(const Emitter *e, const Kernel *k)
{
    const Node *node = k->node;
    const Value *x = is_dx(node) ? node->outputs[0] : node->inputs[0];
    const Shape w = node->inputs[1]->shape;
    const char *op = node->op == OP_CONV2D_DX && !node->backward ? "conv2d_transpose"
                                                                 : op_info[node->op].text;
    const char *name = format("%s%s_%s", op, body_name(k), shape_name(e, x));

    if (is_dense(node))
        return format("%sx%d", name, w.size[0]);
    return format("%s_%dx%dx%d", name, w.size[0], w.size[2], w.size[3]);
}

void emit_contraction(Emitter *e, Driver *d, const Kernel *k)
{
    Node *node = k->node;
    Value *x = node->inputs[0], *y = node->outputs[0], *w = node->inputs[1];
    Loops l = {.e = e, .d = d, .k = k, .x = x->physical, .y = y->physical};
    Group parts[MAX_SEGMENTS];
    const int count = find_parts(k, e->target, parts);
    const char *out = NULL, *in;

    if (!y->internal)
        out = add_operand(e, d, same(input_name(node), "x") ? "y" : "dx", y, true, y->physical);
    in = add_operand(e, d, input_name(node), x, false, NULL);
    if (is_dx(node))
        add_scratch(e, d, "w", k->scratch, declare_scratch(e, k), false);
    else
        add_operand(e, d, "w", w, false, NULL);
    if (!is_dx(node) && node->inputs[2])
        l.bias = add_operand(e, d, "b", node->inputs[2], false, NULL);
    l.body = start_body(e, d, k, y->physical);
    if (l.body.formals[root_of(x)->id] == in)
        l.body.formals[root_of(x)->id] = residual;
    if (out)
        l.body.formals[y->id] = out;
    d->base = driver_name(e, k);
    write_comment(d, &l);
    line(&d->text, 0, "{");
    if (k->panel_outer) {
        for (int i = 0; i < count; i++)
            write_panels(&d->text, 1, &l, &parts[i]);
    } else {
        line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", y->physical->chunks,
             y->physical->height);
        line(&d->text, 2, "const int chunk = item / %d;", y->physical->height);
        if (!is_dense(node)) {
            line(&d->text, 2, "const int row = item %% %d;", y->physical->height);
            if (!is_unrolled(node))
                write_window(&d->text, 2, node, 0);
        }
        for (int i = 0; i < count; i++)
            write_panels(&d->text, 2, &l, &parts[i]);
        write_sums(e, d, &d->text, 2, k, is_dense(node) ? "0" : "row");
        line(&d->text, 1, "}");
    }
    line(&d->text, 0, "}");
}

/* ---- Turned weights -------------------------------------------------------------------------- */

/* wt[panel of inputs][tap][output][block][16] from w[panel of outputs][row][block][16] */
void emit_transpose(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    Value *w = node->inputs[1];
    const Physical *p = w->physical;
    const bool dense = is_dense(node);
    Group parts[MAX_SEGMENTS];
    const int count = find_parts(k, e->target, parts);

    add_scratch(e, d, "wt", k->scratch, declare_scratch(e, k), true);
    add_operand(e, d, "w", w, false, NULL);
    d->base = format("transpose_%dx%d", p->rows, p->outputs);
    text_add(&d->comment, "/* wt = w', by panels of inputs; items: (tap, block of inputs) */\n");
    line(&d->text, 0, "{");
    for (int i = 0; i < count; i++) {
        const Segment *s = &node->outputs[0]->physical->segments[i];
        const int taps = dense ? s->pixels : p->segments[0].pixels;
        const int start = dense ? s->start : s->start / s->pixels;
        const int step = dense ? s->channels : p->rows / taps; /* rows of w from tap to tap */

        line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", taps, parts[i].blocks);
        line(&d->text, 2, "const int tap = item / %d, block = item %% %d;", parts[i].blocks,
             parts[i].blocks);
        line(&d->text, 2, "const struct net_panel to = net_panel_of(block, %d, %d);",
             parts[i].panels[0], parts[i].panels[1]);
        line(&d->text, 2, "for (int o = 0; o < %d; o += 16) {", p->outputs);
        line(&d->text, 3, "const struct net_panel from = net_panel_of(o / 16, %d, %d);",
             p->panels[0], p->panels[1]);
        line(&d->text, 3, "const long row = %d + tap * %d + 16 * block;", start, step);
        line(&d->text, 3, "net_turn_16x16(");
        line(&d->text, 4, "wt->at + %ld + to.first * %ldL", parts[i].w, 16L * taps * p->outputs);
        line(&d->text, 4,
             "    + ((tap * %dL + o) * to.width + block - to.first) * 16, 16 * "
             "to.width,",
             p->outputs);
        line(&d->text, 4,
             "w->at + from.first * %ldL + (row * from.width + o / 16 - from.first) "
             "* 16,",
             16L * p->rows);
        line(&d->text, 4, "16 * from.width, %d - 16 * block, %d - o);", s->channels, p->outputs);
        line(&d->text, 2, "}");
        line(&d->text, 1, "}");
    }
    line(&d->text, 0, "}");
}
