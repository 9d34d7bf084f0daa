/*
 * depthwise.c -- convolutions of each channel by itself, and the weights of groups.
 *
 * The one idea: 16 channels are a vector of x and a vector of w, so one fma a tap makes an output
 * of 16 channels; nothing is summed over channels. What there is to sum for a gradient, images and
 * pixels, is cut into slices. Groups of several channels are left to the contraction, which visits
 * the blocks of a full weight that they touch.
 */

#include "emit/emit.h"

static long pixel_floats(const Physical *v)
{
    return (long)v->blocks * 16 * v->lanes;
}

static const char *write_tile(Emitter *e, bool bias)
{
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "net_depthwise(y, x, w, %s, taps);", bias ? "b" : "NULL");
    line(&text, 0, "}");
    return add_function(e, &e->tiles, bias ? "depthwise_tile_bias" : "depthwise_tile",
                        format("/* y = %ssum over taps of x w, channel by channel: 16 images of "
                               "one block */\n"
                               "NET_TILE void %%s(float *restrict y, const float *restrict x,\n"
                               "        const float *restrict w,%s const struct taps *taps)\n",
                               bias ? "b + " : "", bias ? " const float *restrict b," : ""),
                        text.at);
}

/* The taps of a pixel, as contractions count them; a dx counts down. */
static void write_taps(Text *text, int level, const Node *node)
{
    const Attributes *at = &node->at;
    const Physical *x = node->inputs[0]->physical;
    const bool dx = node->op == OP_DEPTHWISE_DX;
    const long pixel = pixel_floats(x), row = pixel * x->width;
    const long x_row = dx ? -row * window_step(at, 0) : row * dilation_of(at, 0);
    const long x_column = dx ? -pixel * window_step(at, 1) : pixel * dilation_of(at, 1);
    const int tap = x->blocks * 16;

    line(text, level, "const struct taps taps = {");
    line(text, level + 1, ".x = r.at * %ldL + c.at * %ldL, .w = (r.first * %d + c.first) * %dL,",
         row, pixel, at->kernel[1], tap);
    line(text, level + 1, ".rows = r.count, .columns = c.count, .x_row = %ld, .x_column = %ld,",
         x_row, x_column);
    line(text, level + 1, ".w_row = %d, .w_column = %d",
         (dx ? tap_step(at, 0) : 1) * at->kernel[1] * tap, (dx ? tap_step(at, 1) : 1) * tap);
    line(text, level, "};");
}

static const char *driver_name(const Emitter *e, const Kernel *k)
{
    const Node *node = k->node;
    const Value *x = node->op == OP_DEPTHWISE_DX ? node->outputs[0] : node->inputs[0];

    return format("%s%s_%s_%dx%d", op_info[node->op].text, body_name(k), shape_name(e, x),
                  node->at.kernel[0], node->at.kernel[1]);
}

void emit_depthwise(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const bool dx = node->op == OP_DEPTHWISE_DX;
    Value *y = node->outputs[0];
    const Physical *v = y->physical;
    const char *out = y->internal ? NULL : add_operand(e, d, dx ? "dx" : "y", y, true, NULL);
    const char *in = add_operand(e, d, dx ? "dy" : "x", node->inputs[0], false, NULL);
    const char *w = add_operand(e, d, "w", node->inputs[1], false, NULL);
    const char *bias = !dx && node->inputs[2] ? add_operand(e, d, "b", node->inputs[2], false, NULL)
                                              : NULL;
    const char *pixel = v->height == 1 ? "column" : format("row * %d + column", v->width);
    const char *b_at = bias ? format("%s->at[block], ", bias) : "";
    Body b = start_body(e, d, k, v);

    b.formals[y->id] = out;
    d->base = driver_name(e, k);
    text_add(&d->comment, "/* %s channel by channel; items: (chunk, row) */\n",
             dx ? "dx = sum over taps of dy w" : "y = sum over taps of x w");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", v->chunks, v->height);
    line(&d->text, 2, "const int chunk = item / %d, row = item %% %d;", v->height, v->height);
    write_window(&d->text, 2, node, 0);
    line(&d->text, 2, "for (int column = 0; column < %d; column++) {", v->width);
    write_window(&d->text, 3, node, 1);
    write_taps(&d->text, 3, node);
    line(&d->text, 3, "for (int block = 0; block < %d; block++) {", v->blocks);
    if (k->body_count) {
        line(&d->text, 4, "_Alignas(64) float tile[256];\n");
        line(&d->text, 4, "%s(tile, %s->at[chunk][0][block][0], %s->at[block], %s&taps);",
             write_tile(e, bias != NULL), in, w, b_at);
        write_pixel(e, &d->text, 4, d, &b, pixel, "vec_load(tile + at)");
    } else {
        line(&d->text, 4, "%s(%s->at[chunk][%s][block][0], %s->at[chunk][0][block][0],",
             write_tile(e, bias != NULL), out, pixel, in);
        line(&d->text, 5, "%s->at[block], %s&taps);", w, b_at);
    }
    line(&d->text, 3, "}");
    line(&d->text, 2, "}");
    write_sums(e, d, &d->text, 2, k, "row");
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}

/* ---- Gradient -------------------------------------------------------------------------------- */

static const char *write_sum_tile(Emitter *e)
{
    return add_function(e, &e->tiles, "depthwise_dw_tile",
                        "/* dw += sum over columns and images of x dy, channel by channel: one "
                        "block */\n"
                        "NET_TILE void %s(float *restrict dw, const float *restrict x,\n"
                        "        const float *restrict dy, long columns, long images, "
                        "long x_column, long dy_column)\n",
                        "{\n    net_depthwise_dw(dw, x, dy, columns, images, x_column, "
                        "dy_column);\n}\n");
}

/* Row by row of dy, so that all taps find x and dy in the cache. */
void emit_depthwise_dw(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *x = node->inputs[0]->physical, *dy = node->inputs[1]->physical;
    const int floats = padded_count(node->outputs[0]->physical), kh = at->kernel[0];
    const int kw = at->kernel[1];
    const char *type = declare_scratch(e, k);
    Text *text = &d->text;

    add_scratch(e, d, "slices", k->scratch, type, true);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("depthwise_dw_slices_%s_%dx%d", shape_name(e, node->inputs[0]), kh, kw);
    text_add(&d->comment,
             "/* dw = x dy over the images of a chunk and some rows; items: slices */\n");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", x->chunks, k->splits);
    line(text, 2, "const int chunk = item / %d, part = item %% %d;", k->splits, k->splits);
    line(text, 2, "const int images = net_rows(run, chunk);");
    line(text, 2, "float *dw = slices->at + item * %dL;\n", floats);
    line(text, 2, "if (images == 0)");
    line(text, 3, "continue;");
    line(text, 2, "memset(dw, 0, %d * sizeof *dw);", floats);
    line(text, 2, "for (int row = %d * part / %d; row < %d * (part + 1) / %d; row++)", dy->height,
         k->splits, dy->height, k->splits);
    line(text, 3, "for (int block = 0; block < %d; block++)", x->blocks);
    line(text, 4, "for (int tap = 0; tap < %d; tap++) {", kh * kw);
    line(text, 5, "const int h = row * %d - %d + tap / %d * %d, l = tap %% %d * %d;", at->stride[0],
         at->padding[0], kw, dilation_of(at, 0), kw, dilation_of(at, 1));
    line(text, 5, "const struct net_range c = net_valid(l, %d, %d, %d, %d);", at->stride[1],
         at->padding[1], x->width, dy->width);
    line(text, 5, "if (h < 0 || h >= %d || c.begin >= c.end)", x->height);
    line(text, 6, "continue;");
    line(text, 5, "const int first = h * %d + c.begin * %d - %d + l;", x->width, at->stride[1],
         at->padding[1]);
    line(text, 5, "%s(dw + 16 * (tap * %d + block), x->at[chunk][first][block][0],",
         write_sum_tile(e), x->blocks);
    line(text, 6,
         "dy->at[chunk][row * %d + c.begin][block][0], c.end - c.begin, images, %ld, "
         "%ld);",
         dy->width, pixel_floats(x) * at->stride[1], pixel_floats(dy));
    line(text, 4, "}");
    line(text, 1, "}");
    line(text, 0, "}");
}

/* ---- Groups ---------------------------------------------------------------------------------- */

/* A panel has as many blocks in both weights; they differ in rows. */
void emit_groups(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const bool expand = node->op == OP_GROUP_EXPAND;
    Value *full = expand ? node->outputs[0] : node->inputs[0];
    const Value *grouped = expand ? node->inputs[0] : node->outputs[0];
    const Physical *p = full->physical, *q = grouped->physical;
    const int outputs = p->outputs, from = grouped->shape.size[1], to = outputs / node->at.groups;
    Text *text = &d->text;

    add_operand(e, d, expand ? "full" : "dw", node->outputs[0], true, NULL);
    add_operand(e, d, expand ? "w" : "full", node->inputs[0], false, NULL);
    d->base = format("%s_%d_%dx%d", op_info[node->op].text, node->at.groups, p->rows, outputs);
    text_add(&d->comment, "/* %s; items: blocks of outputs */\n",
             expand ? "full = w, by channels of all groups: +0 between them"
                    : "dw = what groups see");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(block, %d, run, thread) {", (outputs + 15) / 16);
    line(text, 2, "const struct net_panel at = net_panel_of(block, %d, %d);", p->panels[0],
         p->panels[1]);
    line(text, 2, "const long lane = 16 * (block - at.first);\n");
    line(text, 2, "net_group_%s(%s->at + at.first * %dL + lane, %s->at + at.first * %dL + lane,",
         expand ? "expand" : "collect", expand ? "full" : "dw", 16 * (expand ? p : q)->rows,
         expand ? "w" : "full", 16 * (expand ? q : p)->rows);
    line(text, 3, "16L * at.width, %d, %d, %d, %d, 16 * block%s);",
         full->shape.size[2] * full->shape.size[3], full->shape.size[1], from, to,
         expand ? "" : format(", %d", outputs));
    line(text, 1, "}");
    line(text, 0, "}");
}
