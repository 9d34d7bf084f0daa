/*
 * pool.c -- pools: windows that slide, and those that are the whole image.
 *
 * The one idea: forward and backward both gather, a row of pixels an item: no thread adds to what
 * another writes. Four images go through a window together: their vectors lie side by side, and
 * what is gathered stays in registers, and takes the elementwise work behind it along.
 */

#include "emit/emit.h"

static void add_largest(Emitter *e, Driver *d, const Node *node, bool index)
{
    add_operand(e, d, "y", node->outputs[0], true, NULL);
    if (index)
        add_operand(e, d, "index", node->outputs[1], true, NULL);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
}

void emit_maxpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const bool index = !node->outputs[1]->internal;
    Text *text = &d->text;

    add_largest(e, d, node, index);
    d->base = format("maxpool2d_%s_%dx%d", shape_name(e, node->inputs[0]), at->kernel[0],
                     at->kernel[1]);
    text_add(&d->comment, "/* y = the largest of its window%s; items: (chunk, row) */\n",
             index ? ", index = the first tap that has it" : "");
    open_rows(text, y, true);
    line(text, 3, "const struct net_window h = net_taps_forward(row, %d, %d, %d, %d);",
         at->stride[0], at->padding[0], at->kernel[0], x->height);
    line(text, 3, "const struct net_window w = net_taps_forward(column, %d, %d, %d, %d);",
         at->stride[1], at->padding[1], at->kernel[1], x->width);
    line(text, 3, "for (int block = 0; block < %d; block++)", y->blocks);
    line(text, 4, "NET_REPEAT(g, 4) {");
    line(text, 5, "vec top[4]%s;\n", index ? ", tap[4]" : "");
    line(text, 5, "NET_UNROLL(r, 4)");
    line(text, 6, "top[r] = vec_set(-INFINITY)%s;", index ? ", tap[r] = vec_zero()" : "");
    line(text, 5, "for (int m = 0; m < h.count; m++)");
    line(text, 6, "for (int l = 0; l < w.count; l++) {");
    line(text, 7, "const float *window = x->at[chunk][(h.at + m) * %d + w.at + l][block][4 * g];",
         x->width);
    if (index)
        line(text, 7, "const vec at = vec_set((float)((h.first + m) * %d + w.first + l));",
             at->kernel[1]);
    line(text, 7, "NET_UNROLL(r, 4) {");
    line(text, 8, "const vec v = vec_load(window + 16 * r);\n");
    if (index)
        line(text, 8, "tap[r] = vec_if_greater(v, top[r], at, tap[r]);");
    line(text, 8, "top[r] = net_larger(v, top[r]);");
    line(text, 7, "}");
    line(text, 6, "}");
    line(text, 5, "NET_UNROLL(r, 4) {");
    line(text, 6, "vec_store(y->at[chunk][%s][block][4 * g + r], top[r]);", pixel_name(y));
    if (index)
        line(text, 6, "vec_store_bytes(index->at[chunk][%s][block][4 * g + r], tap[r]);",
             pixel_name(y));
    line(text, 5, "}");
    line(text, 4, "}");
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

/* `place`: where a block's channels are drawn and end. */
static void open_blocks(Emitter *e, Text *text, const Body *b, const Physical *v)
{
    line(text, 3, "for (int block = 0; block < %d; block++) {", v->blocks);
    if (b->masked || b->random)
        line(text, 4, "const struct net_lanes place = %s((%s) * %d + block);", lanes_function(e, v),
             pixel_name(v), v->blocks);
    if (b->masked)
        line(text, 4, "const int left = place.lanes;");
}

/* Random draws are made for four images at once. */
int open_images(Emitter *e, Text *text, const Body *b, const Physical *v)
{
    open_blocks(e, text, b, v);
    if (!b->random) {
        line(text, 4, "for (int i = 0; i < 16; i++) {");
        return 5;
    }
    write_draws(text, 4, b, "place.element", "place.step");
    line(text, 4, "NET_REPEAT(g, 4) {");
    write_keeps(text, 5, b, "4 * chunk + g");
    line(text, 5, "NET_REPEAT(r, 4) {");
    line(text, 6, "const long i = 4 * g + r;");
    return 6;
}

/* Ends them with the body on `v0`. */
void close_images(Text *text, int level, const Driver *d, const Body *b, const Physical *v)
{
    write_pointers(text, level, d, b, pixel_name(v), "i");
    line(text, level, "const long at = 0, lane = 0;");
    line(text, level, "(void)lane;");
    write_body(text, level, b, "v0", "_at");
    while (level-- > 3)
        line(text, level, "}");
}

/* Opens the loops over blocks and groups of four images, of which a window gives sum[0] to sum[3];
   the level inside is 5. */
static void open_groups(Emitter *e, Text *text, const Body *b, const Physical *v)
{
    open_blocks(e, text, b, v);
    write_draws(text, 4, b, "place.element", "place.step");
    line(text, 4, "NET_REPEAT(g, 4) {");
    line(text, 5, "vec sum[4];\n");
    line(text, 5, "NET_UNROLL(r, 4)");
    line(text, 6, "sum[r] = vec_zero();");
}

/* Ends them with the body on the four sums, each `v0` (times `factor`, where there is one). */
static void close_groups(Text *text, const Driver *d, const Body *b, const Physical *v,
                         const char *factor)
{
    if (b->random)
        write_keeps(text, 5, b, "4 * chunk + g");
    line(text, 5, b->heavy ? "NET_REPEAT(r, 4) {" : "NET_UNROLL(r, 4) {");
    line(text, 6, "const long i = 4 * g + r;");
    line(text, 6, "const vec v0 = %s;",
         factor ? format("vec_mul(sum[r], vec_set(%s))", factor) : "sum[r]");
    close_images(text, 6, d, b, v);
}

static Body start_hosted(Emitter *e, Driver *d, const Kernel *k)
{
    Value *dx = k->node->outputs[0];
    const char *out = dx->internal ? NULL : add_operand(e, d, "dx", dx, true, NULL);
    Body b;

    add_operand(e, d, k->kind == KERNEL_MAXPOOL_GRAD ? "index" : "dy", k->node->inputs[0], false,
                NULL);
    if (k->kind == KERNEL_MAXPOOL_GRAD)
        add_operand(e, d, "dy", k->node->inputs[1], false, k->node->inputs[1]->physical);
    b = start_body(e, d, k, dx->physical);
    if (out)
        b.formals[dx->id] = out;
    return b;
}

/* Gathers: each input pixel looks at the windows that cover it, in the order of their taps. */
void emit_maxpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *dx = node->outputs[0]->physical, *dy = node->inputs[0]->physical;
    const Body b = start_hosted(e, d, k);
    Text *text = &d->text;

    d->base = format("maxpool2d_grad%s_%s_%dx%d", body_name(k), shape_name(e, node->outputs[0]),
                     at->kernel[0], at->kernel[1]);
    text_add(&d->comment, "/* dx = the dy of the windows where x was the largest; items: (chunk, "
                          "row) */\n");
    open_rows(text, dx, true);
    line(text, 3, "const struct net_window h = net_taps_backward(row, %d, %d, %d, %d);",
         at->stride[0], at->padding[0], at->kernel[0], dy->height);
    line(text, 3, "const struct net_window w = net_taps_backward(column, %d, %d, %d, %d);",
         at->stride[1], at->padding[1], at->kernel[1], dy->width);
    open_groups(e, text, &b, dx);
    line(text, 5, "for (int m = 0; m < h.count; m++)");
    line(text, 6, "for (int l = 0; l < w.count; l++) {");
    line(text, 7, "const int window = (h.at - m) * %d + w.at - l;", dy->width);
    line(text, 7, "const int tap = (h.first + m * %d) * %d + w.first + l * %d;", at->stride[0],
         at->kernel[1], at->stride[1]);
    line(text, 7, "const float *from = dy->at[chunk][window][block][4 * g];");
    line(text, 7, "const uint8_t *taps = index->at[chunk][window][block][4 * g];\n");
    line(text, 7, "NET_UNROLL(r, 4)");
    line(text, 8,
         "sum[r] = vec_add(sum[r], net_where_tap(taps + 16 * r, tap, vec_load(from + 16 * "
         "r)));");
    line(text, 6, "}");
    close_groups(text, d, &b, dx, NULL);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

void emit_avgpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *x = k->node->inputs[0]->physical, *y = k->node->outputs[0]->physical;
    Text *text = &d->text;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", k->node->inputs[0], false, NULL);
    d->base = format("global_avgpool2d_%s", shape_name(e, k->node->inputs[0]));
    text_add(&d->comment, "/* y = the mean over pixels; items: chunks */\n");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->chunks);
    line(text, 2, "for (int block = 0; block < %d; block++)", y->blocks);
    line(text, 3, "for (int i = 0; i < 16; i++) {");
    line(text, 4, "vec sum = vec_zero();");
    line(text, 4, "NET_REPEAT(pixel, %d)", x->height * x->width);
    line(text, 5, "sum = vec_add(sum, vec_load(x->at[chunk][pixel][block][i]));");
    line(text, 4, "vec_store(y->at[chunk][0][block][i], vec_mul(sum, vec_set(1.0f / %d.0f)));",
         x->height * x->width);
    line(text, 3, "}");
    line(text, 0, "}");
}

void emit_avgpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *dx = k->node->outputs[0]->physical;
    const Body b = start_hosted(e, d, k);
    Text *text = &d->text;
    int level;

    d->base = format("global_avgpool2d_grad%s_%s", body_name(k),
                     shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* dx = dy / pixels; items: (chunk, row) */\n");
    open_rows(text, dx, true);
    level = open_images(e, text, &b, dx);
    line(text, level,
         "const vec v0 = vec_mul(vec_load(dy->at[chunk][0][block][i]), vec_set(1.0f / "
         "%d.0f));",
         dx->height * dx->width);
    close_images(text, level, d, &b, dx);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

/* ---- Means of windows, upsampling ------------------------------------------------------------ */

/* What a hosting kernel writes and reads: one value each, of pixels y and x. */
static Body start_window(Emitter *e, Driver *d, const Kernel *k)
{
    Value *y = k->node->outputs[0], *x = k->node->inputs[k->node->input_count - 1];
    const bool backward = k->node->backward;
    const char *out = y->internal ? NULL : add_operand(e, d, backward ? "dx" : "y", y, true, NULL);
    Body b;

    add_operand(e, d, backward ? "dy" : "x", x, false, NULL);
    b = start_body(e, d, k, y->physical);
    if (out)
        b.formals[y->id] = out;
    return b;
}

/* A mean is a sum times one over the pixels of the window. NULL: it is the sum. */
static const char *mean_factor(const Kernel *k)
{
    const int *kernel = k->node->at.kernel;

    if (k->node->op == OP_UPSAMPLE2D_GRAD || kernel[0] * kernel[1] == 1)
        return NULL;
    return format("1.0f / %d.0f", kernel[0] * kernel[1]);
}

/* Adds the vectors of four images at `pixel` of what is read. */
static void write_gather(Text *text, const char *from, const char *pixel)
{
    line(text, 5, "for (int m = 0; m < h.count; m++)");
    line(text, 6, "for (int l = 0; l < w.count; l++) {");
    line(text, 7, "const float *at = %s->at[chunk][%s][block][4 * g];\n", from, pixel);
    line(text, 7, "NET_UNROLL(r, 4)");
    line(text, 8, "sum[r] = vec_add(sum[r], vec_load(at + 16 * r));");
    line(text, 6, "}");
}

static void name_window(Emitter *e, Driver *d, const Kernel *k)
{
    const Attributes *at = &k->node->at;

    d->base = format("%s%s_%s_%dx%d", op_info[k->node->op].text, body_name(k),
                     shape_name(e, k->node->inputs[0]), at->kernel[0], at->kernel[1]);
}

void emit_window_sum(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const char *from = node->backward ? "dy" : "x";
    const Body b = start_window(e, d, k);
    Text *text = &d->text;

    name_window(e, d, k);
    text_add(&d->comment, "/* %s; items: (chunk, row) */\n",
             node->backward ? "dx = the sum of the dy that x became"
                            : "y = the mean of its window, padding counted as 0");
    open_rows(text, y, true);
    line(text, 3, "const struct net_window h = net_taps_forward(row, %d, %d, %d, %d);",
         at->stride[0], at->padding[0], at->kernel[0], x->height);
    line(text, 3, "const struct net_window w = net_taps_forward(column, %d, %d, %d, %d);",
         at->stride[1], at->padding[1], at->kernel[1], x->width);
    open_groups(e, text, &b, y);
    write_gather(text, from, format("(h.at + m) * %d + w.at + l", x->width));
    close_groups(text, d, &b, y, mean_factor(k));
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

/* Gathers: each pixel looks at the windows that cover it, in the order of their taps. */
void emit_window_spread(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *from = node->inputs[0]->physical, *to = node->outputs[0]->physical;
    const Body b = start_window(e, d, k);
    Text *text = &d->text;

    name_window(e, d, k);
    text_add(&d->comment, "/* %s; items: (chunk, row) */\n",
             node->backward ? "dx = the sum of dy over the windows that hold x, over their pixels"
                            : "y = the x that it comes from, a pixel becomes several");
    open_rows(text, to, true);
    if (node->op == OP_AVGPOOL2D_GRAD) {
        line(text, 3, "const struct net_window h = net_taps_backward(row, %d, %d, %d, %d);",
             at->stride[0], at->padding[0], at->kernel[0], from->height);
        line(text, 3, "const struct net_window w = net_taps_backward(column, %d, %d, %d, %d);",
             at->stride[1], at->padding[1], at->kernel[1], from->width);
        open_groups(e, text, &b, to);
        write_gather(text, "dy", format("(h.at - m) * %d + w.at - l", from->width));
        close_groups(text, d, &b, to, mean_factor(k));
    } else {
        const int level = open_images(e, text, &b, to);

        line(text, level,
             "const vec v0 = vec_load(x->at[chunk][row / %d * %d + column / "
             "%d][block][i]);",
             at->kernel[0], from->width, at->kernel[1]);
        close_images(text, level, d, &b, to);
    }
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}

/* ---- The largest of all pixels --------------------------------------------------------------- */

void emit_global_maxpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const bool index = !node->outputs[1]->internal;
    Text *text = &d->text;

    add_largest(e, d, node, index);
    d->base = format("global_maxpool2d%s_%s", index ? "_index" : "",
                     shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* y = the largest of all pixels%s; items: chunks */\n",
             index ? ", index = the first that is" : "");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->chunks);
    line(text, 2, "for (int block = 0; block < %d; block++)", y->blocks);
    line(text, 3, "for (int i = 0; i < 16; i += 4) {");
    line(text, 4, "vec top[4]%s;\n", index ? ", first[4]" : "");
    line(text, 4, "NET_UNROLL(j, 4)");
    line(text, 5, "top[j] = vec_set(-INFINITY)%s;", index ? ", first[j] = vec_zero()" : "");
    line(text, 4, "NET_REPEAT(pixel, %d)", x->height * x->width);
    line(text, 5, "NET_UNROLL(j, 4) {");
    line(text, 6, "const vec v = vec_load(x->at[chunk][pixel][block][i + j]);\n");
    if (index)
        line(text, 6, "first[j] = net_where_larger(v, top[j], (float)pixel, first[j]);");
    line(text, 6, "top[j] = net_larger(v, top[j]);");
    line(text, 5, "}");
    line(text, 4, "NET_UNROLL(j, 4) {");
    line(text, 5, "vec_store(y->at[chunk][0][block][i + j], top[j]);");
    if (index)
        line(text, 5, "vec_store(index->at[chunk][0][block][i + j], first[j]);");
    line(text, 4, "}");
    line(text, 3, "}");
    line(text, 0, "}");
}

void emit_global_maxpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *dx = node->outputs[0]->physical;
    const Body b = start_window(e, d, k);
    const char *index = add_operand(e, d, "index", node->inputs[0], false, NULL);
    Text *text = &d->text;
    int level;

    d->base = format("global_maxpool2d_grad%s_%s", body_name(k), shape_name(e, node->outputs[0]));
    text_add(&d->comment, "/* dx = dy where x was the largest; items: (chunk, row) */\n");
    open_rows(text, dx, true);
    level = open_images(e, text, &b, dx);
    line(text, level, "const vec at_index = vec_load(%s->at[chunk][0][block][i]);", index);
    line(text, level,
         "const vec v0 = net_where_pixel(at_index, (float)(%s), "
         "vec_load(dy->at[chunk][0][block][i]));",
         pixel_name(dx));
    close_images(text, level, d, &b, dx);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}
