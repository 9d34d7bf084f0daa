/*
 * elementwise.c -- chains of elementwise operations, sums over images, and updates.
 *
 * The one idea: items are (chunk, row of pixels), so that kernels in a row of elementwise work hand
 * each thread what it wrote itself. Sums take a slice an item and add the slices in order.
 */

#include "emit/emit.h"

#include <string.h>

/* ---- Hosting a body over a row of pixels ----------------------------------------------------- */

void write_pointers(Text *text, int level, const Driver *d, const Body *b, const char *pixel,
                    const char *image)
{
    for (int i = 0; i < d->count; i++) {
        const Operand *o = &d->operands[i];

        if (!o->value || !b->formals[o->value->id] || !same(b->formals[o->value->id], o->name))
            continue;
        if (o->value->batched)
            line(text, level, "%sfloat *%s_at = %s->at[chunk][%s][block][%s];",
                 o->written ? "" : "const ", o->name, o->name, pixel, image);
        else
            line(text, level, "const float *%s_at = %s->at[block];", o->name, o->name);
    }
}

/* What becomes of `anchor`, of element `at`; NULL: the body begins with what it loads. */
static void write_element(Text *text, int level, const Body *b, const char *anchor)
{
    if (anchor)
        line(text, level, "const vec v0 = %s;", anchor);
    write_body(text, level, b, anchor ? "v0" : NULL, "_at");
}

/* Over the images of one pixel and block; place: what lanes_function gives. */
static void write_images(Text *text, int level, const Body *b, const char *pixel, const char *place,
                         const char *anchor)
{
    const bool flat = b->host->height * b->host->width == 1;

    line(text, level, "const long lane = 0;");
    line(text, level, "(void)lane;");
    if (b->masked || b->draws)
        line(text, level, "const struct net_lanes place = %s;", place);
    if (b->masked)
        line(text, level, "const int left = place.lanes;");
    if (b->mask)
        line(text, level, "%suint16_t *bits = %s->at + 16 * (%s * %d%s + block);",
             b->k->writes_mask ? "" : "const ", b->mask,
             flat ? "chunk" : format("(chunk * %dL + %s)", b->host->height * b->host->width, pixel),
             b->host->blocks, flat ? "L" : "");
    if (b->random) {
        write_draws(text, level, b, "place.element", "place.step");
        line(text, level, "NET_REPEAT(g, 4) {");
        write_keeps(text, level + 1, b, "4 * chunk + g");
        line(text, level + 1, "NET_REPEAT(r, 4) {");
        line(text, level + 2, "const long at = 16 * (4 * g + r);");
        write_element(text, level + 2, b, anchor);
        line(text, level + 1, "}");
    } else {
        line(text, level, "for (long at = 0; at < 256; at += 16) {");
        write_element(text, level + 1, b, anchor);
    }
    line(text, level, "}");
}

/* `chunk` and `block` are set. */
void write_pixel(Emitter *e, Text *text, int level, const Driver *d, const Body *b,
                 const char *pixel, const char *anchor)
{
    const char *place = b->masked || b->draws
                            ? format("%s((%s) * %d + block)", lanes_function(e, b->host), pixel,
                                     b->host->blocks)
                            : NULL;

    write_pointers(text, level, d, b, pixel, "0");
    write_images(text, level, b, pixel, place, anchor);
}

void emit_elementwise(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *v = k->node->outputs[0]->physical;
    const Body b = start_body(e, d, k, v);
    const char *pixel = v->height == 1 ? "column" : format("row * %d + column", v->width);

    d->base = format("%s%s_%s", op_info[k->node->op].text, body_name(k),
                     shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (chunk, row) */\n", kernel_label(k));
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", v->chunks, v->height);
    line(&d->text, 2, "const int chunk = item / %d, row = item %% %d;", v->height, v->height);
    line(&d->text, 2, "(void)row;");
    line(&d->text, 2, "for (int column = 0; column < %d; column++)", v->width);
    line(&d->text, 3, "for (int block = 0; block < %d; block++) {", v->blocks);
    write_pixel(e, &d->text, 4, d, &b, pixel, NULL);
    line(&d->text, 3, "}");
    write_sums(e, d, &d->text, 2, k, "row");
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}

/* ---- Sums over images and pixels ------------------------------------------------------------- */

static int sum_count(const Kernel *k)
{
    return k->node->op == OP_CHANNEL_SUM ? 1 : 2;
}

static const char *const sums_comment[OP_COUNT] = {
    [OP_CHANNEL_SUM] = "sums of dy",
    [OP_BATCHNORM_STATS] = "mean and sum of (x - mean)^2",
    [OP_BATCHNORM_SUMS] = "sums of dy xhat and of dy",
    [OP_LAYERNORM_SUMS] = "sums of dy xhat and of dy",
};

/* What the sums read, in the order of the row function's parameters. */
static int sum_operands(Emitter *e, Driver *d, const Kernel *k, const char *names[5])
{
    const Node *node = k->node;
    int count = 0;

    names[count++] = add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), true);
    if (node->op == OP_CHANNEL_SUM) {
        names[count++] = add_operand(e, d, "dy", node->inputs[0], false, NULL);
        return count;
    }
    names[count++] = add_operand(e, d, "x", node->inputs[0], false, NULL);
    if (node->op == OP_BATCHNORM_STATS)
        return count;
    names[count++] = add_operand(e, d, "dy", node->inputs[1], false, NULL);
    if (node->op == OP_LAYERNORM_SUMS)
        return count;
    names[count++] = add_operand(e, d, "mean", node->inputs[2], false, NULL);
    names[count++] = add_operand(e, d, "inv_std", node->inputs[3], false, NULL);
    return count;
}

static const char *row_function_head(Emitter *e, const Kernel *k)
{
    const Node *node = k->node;
    Text head = {0};
    Wrap wrap = {&head, 60, 8, 0};

    text_add(&head, "/* %s of one row of pixels and chunk of images */\n", sums_comment[node->op]);
    text_add(&head, "static inline void %%s(\n        ");
    wrap.column = 8;
    wrap_item(&wrap, format("%s *restrict slices", declare_scratch(e, k)));
    for (int i = 0; i < node->input_count; i++) {
        static const char *const names[OP_COUNT][4] = {
            [OP_CHANNEL_SUM] = {"dy"},
            [OP_BATCHNORM_STATS] = {"x"},
            [OP_BATCHNORM_SUMS] = {"x", "dy", "mean", "inv_std"},
            [OP_LAYERNORM_SUMS] = {"x", "dy"},
        };

        if (i < 4 && names[node->op][i])
            wrap_item(&wrap,
                      format("const %s *%s", node->inputs[i]->physical->type, names[node->op][i]));
    }
    wrap_item(&wrap, "const struct net_run *run");
    wrap_item(&wrap, "int chunk");
    wrap_item(&wrap, "int row");
    text_add(&head, ")\n");
    return head.at;
}

/* Of layernorm: the mean and deviation of each pixel are found again, so sums wait in the slice. */
static void write_layernorm_sums(Text *text, const Node *node, const char *pixel, const char *slice)
{
    const Physical *v = node->inputs[0]->physical;
    const int channels = channel_count(v), blocks = v->blocks;

    line(text, 0, "{");
    line(text, 1, "float *at = slices->at + %s * %dL;", slice, 32 * blocks);
    line(text, 1, "const int images = net_rows(run, chunk);\n");
    line(text, 1, "(void)row;");
    line(text, 1, "memset(at, 0, %d * sizeof *at);", 32 * blocks);
    line(text, 1, "for (int column = 0; column < %d; column++) {", v->width);
    line(text, 2, "struct net_stats s;\n");
    line(text, 2, "net_find_stats(&s, x->at[chunk][%s][0][0], %d, %s);", pixel, channels,
         literal(node->at.eps));
    line(text, 2, "for (int block = 0; block < %d; block++) {", blocks);
    line(text, 3,
         "vec sum = vec_load(at + 16 * block), second = vec_load(at + 16 * (%d + "
         "block));\n",
         blocks);
    line(text, 3, "for (int i = 0; i < images; i++) {");
    line(text, 4, "const vec di = vec_load(dy->at[chunk][%s][block][i]);", pixel);
    line(text, 4, "const vec xi = vec_load(x->at[chunk][%s][block][i]);", pixel);
    line(text, 4, "sum = vec_fma(di, net_standard(&s, i, xi), sum);");
    line(text, 4, "second = vec_add(second, di);");
    line(text, 3, "}");
    line(text, 3, "vec_store(at + 16 * block, sum);");
    line(text, 3, "vec_store(at + 16 * (%d + block), second);", blocks);
    line(text, 2, "}");
    line(text, 1, "}");
    line(text, 0, "}");
}

/* A number a channel: added up in registers, a pixel by itself first. Thousands of equal numbers,
   as padded words are, added to one sum would all be rounded the same way. Statistics are those of
   the slice: shifted by its first number, so that a mean far from 0 costs no digits of the
   variance. */
static void write_channel_sums(Text *text, const Kernel *k, const char *pixel, const char *slice)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;
    const int sums = sum_count(k), floats = sums * v->blocks * 16;
    const char *first = v->height == 1 ? "0" : format("row * %d", v->width);

    line(text, 0, "{");
    line(text, 1, "const int images = net_rows(run, chunk);\n");
    line(text, 1, "(void)row;");
    line(text, 1, "for (int block = 0; block < %d; block++) {", v->blocks);
    line(text, 2, "vec sum = vec_zero()%s;", sums > 1 ? ", second = vec_zero()" : "");
    if (node->op == OP_BATCHNORM_STATS)
        line(text, 2, "const vec shift = vec_load(x->at[chunk][%s][block][0]);", first);
    if (node->op == OP_BATCHNORM_SUMS)
        line(text, 2, "const vec m = vec_load(mean->at[block]), s = vec_load(inv_std->at[block]);");
    line(text, 0, "%s", "");
    line(text, 2, "for (int column = 0; column < %d; column++) {", v->width);
    line(text, 3, "vec a = vec_zero()%s;\n", sums > 1 ? ", b = vec_zero()" : "");
    line(text, 3, "for (int i = 0; i < images; i++) {");
    if (node->op == OP_CHANNEL_SUM) {
        line(text, 4, "a = vec_add(a, vec_load(dy->at[chunk][%s][block][i]));", pixel);
    } else if (node->op == OP_BATCHNORM_STATS) {
        line(text, 4, "const vec xi = vec_load(x->at[chunk][%s][block][i]);", pixel);
        line(text, 4, "const vec d = vec_sub(xi, shift);");
        line(text, 4, "a = vec_add(a, d);");
        line(text, 4, "b = vec_fma(d, d, b);");
    } else {
        line(text, 4, "const vec di = vec_load(dy->at[chunk][%s][block][i]);", pixel);
        line(text, 4, "const vec xi = vec_load(x->at[chunk][%s][block][i]);", pixel);
        line(text, 4, "a = vec_fma(di, vec_mul(vec_sub(xi, m), s), a);");
        line(text, 4, "b = vec_add(b, di);");
    }
    line(text, 3, "}");
    line(text, 3, "sum = vec_add(sum, a);");
    if (sums > 1)
        line(text, 3, "second = vec_add(second, b);");
    line(text, 2, "}");
    if (node->op == OP_BATCHNORM_STATS) {
        line(text, 2, "const vec mean = vec_div(sum, vec_set((float)(images * %d)));", v->width);
        line(text, 2, "second = vec_sub(second, vec_mul(sum, mean));");
        line(text, 2, "sum = vec_add(shift, mean);");
    }
    line(text, 2, "vec_store(slices->at + %s * %dL + 16 * block, sum);", slice, floats);
    if (sums > 1)
        line(text, 2, "vec_store(slices->at + %s * %dL + %d + 16 * block, second);", slice, floats,
             v->blocks * 16);
    line(text, 1, "}");
    line(text, 0, "}");
}

static const char *write_row_function(Emitter *e, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;
    const char *pixel = v->height == 1 ? "column" : format("row * %d + column", v->width);
    const char *slice = v->height == 1 ? "chunk" : format("(chunk * %d + row)", v->height);
    Text text = {0};

    if (node->op == OP_LAYERNORM_SUMS)
        write_layernorm_sums(&text, node, pixel, slice);
    else
        write_channel_sums(&text, k, pixel, slice);
    return add_function(e, &e->drivers,
                        format("%s_row_%s", op_info[node->op].text, shape_name(e, node->inputs[0])),
                        row_function_head(e, k), text.at);
}

static void write_row_call(Emitter *e, Driver *d, Text *text, int level, const Kernel *k,
                           const char *row)
{
    const char *function = write_row_function(e, k), *names[5];
    const int count = sum_operands(e, d, k, names);
    Wrap wrap = {text, 4 * level + (int)strlen(function) + 1, 4 * level + 4, 0};

    text_add(text, "%*s%s(", 4 * level, "", function);
    for (int i = 0; i < count; i++)
        wrap_item(&wrap, names[i]);
    wrap_item(&wrap, "run");
    wrap_item(&wrap, "chunk");
    wrap_item(&wrap, row);
    text_add(text, ");\n");
}

/* The sums that a kernel takes of what it has just written, at the end of an item. */
void write_sums(Emitter *e, Driver *d, Text *text, int level, const Kernel *host, const char *row)
{
    for (int i = 0; i < host->sum_count; i++)
        write_row_call(e, d, text, level, host->sums[i], row);
}

void emit_sums(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;

    d->base = format("%s_slices_%s", op_info[node->op].text, shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* %s, a slice for each item: (chunk, row) */\n",
             sums_comment[node->op]);
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", v->chunks, v->height);
    line(&d->text, 2, "const int chunk = item / %d, row = item %% %d;", v->height, v->height);
    write_row_call(e, d, &d->text, 2, k, "row");
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}

void emit_sums_end(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;
    const int sums = sum_count(k), floats = sums * v->blocks * 16;
    Text *text = &d->text;

    if (k->update) {
        add_operand(e, d, "b", k->update->inputs[0], true, NULL);
    } else if (node->op == OP_BATCHNORM_STATS) {
        add_operand(e, d, "mean", node->outputs[0], true, NULL);
        add_operand(e, d, "inv_std", node->outputs[1], true, NULL);
        add_operand(e, d, "running_mean", node->inputs[1], true, NULL);
        add_operand(e, d, "running_var", node->inputs[2], true, NULL);
    } else {
        add_operand(e, d, node->op == OP_CHANNEL_SUM ? "db" : "dgamma", node->outputs[0], true,
                    NULL);
        if (sums > 1)
            add_operand(e, d, "dbeta", node->outputs[1], true, NULL);
    }
    add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), false);
    d->base = format("%s%s_%s", op_info[node->op].text, k->update ? "_update" : "",
                     shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* slices added in order%s; items: blocks */\n",
             k->update                        ? ", then the update"
             : node->op == OP_BATCHNORM_STATS ? ": the statistics of the batch"
                                              : "");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(block, %d, run, thread) {", v->blocks);
    line(text, 2, "const float *s = slices->at + 16 * block;");
    if (node->op != OP_BATCHNORM_STATS)
        line(text, 2, "const long count = net_chunks(run) * %dL;", v->height);
    line(text, 0, "%s", "");
    if (node->op == OP_BATCHNORM_STATS) {
        line(text, 2,
             "net_stats_end(mean->at[block], inv_std->at[block], running_mean->at[block],");
        line(text, 3, "running_var->at[block], s, %d, %d, run, %d, %d, %.17g, %.17g);",
             v->blocks * 16, floats, v->height, v->width, node->at.eps, node->at.momentum);
    } else if (k->update) {
        line(text, 2, "_Alignas(64) float db[16];\n");
        line(text, 2, "vec_store(db, net_sum_slices(s, %d, count));", floats);
        line(text, 2, "net_finish(run, b->at[block], db, 16);");
    } else {
        line(text, 2, "vec_store(%s->at[block], net_sum_slices(s, %d, count));",
             node->op == OP_CHANNEL_SUM ? "db" : "dgamma", floats);
        if (sums > 1)
            line(text, 2, "vec_store(dbeta->at[block], net_sum_slices(s + %d, %d, count));",
                 v->blocks * 16, floats);
    }
    line(text, 1, "}");
    line(text, 0, "}");
}

void emit_inverse_std(Emitter *e, Driver *d, const Kernel *k)
{
    const int blocks = k->node->outputs[0]->physical->blocks;

    add_operand(e, d, "inv_std", k->node->outputs[0], true, NULL);
    add_operand(e, d, "var", k->node->inputs[0], false, NULL);
    d->base = format("inverse_std_%d", blocks * 16);
    text_add(&d->comment, "/* 1 / sqrt(var + eps), as the statistics of a batch are rounded; "
                          "items: blocks */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(block, %d, run, thread)", blocks);
    line(&d->text, 2, "for (int i = 0; i < 16; i++)");
    line(&d->text, 3,
         "inv_std->at[block][i] = (float)(1.0 / "
         "__builtin_sqrt((double)var->at[block][i] + %.17g));",
         k->node->at.eps);
    line(&d->text, 0, "}");
}

/* ---- Updates --------------------------------------------------------------------------------- */

/* The formals of the terms of a sum of gradients, in the order in which they are added. */
typedef struct Terms {
    const char **names;
    int count;
} Terms;

static void add_gradients(Emitter *e, Driver *d, Value *g, Terms *terms)
{
    if (g->node && g->node->op == OP_ADD) {
        add_gradients(e, d, g->node->inputs[0], terms);
        add_gradients(e, d, g->node->inputs[1], terms);
    } else {
        APPEND(terms->names, terms->count, add_operand(e, d, "g", g, false, NULL));
    }
}

/* Of a gradient in memory, or of the sum of several: a parameter that is used more than once. */
void emit_update(Emitter *e, Driver *d, const Kernel *k)
{
    Value *w = k->node->inputs[0];
    const int floats = padded_count(w->physical);
    const char *index = w->physical->kind == PHYSICAL_VECTOR ? "->at[0] + at" : "->at + at";
    Terms terms = {0};

    add_operand(e, d, "w", w, true, NULL);
    add_gradients(e, d, k->node->inputs[1], &terms);
    d->base = format("update_%d", floats);
    text_add(&d->comment, "/* w is updated from the sum of its gradients; items: vectors */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d, run, thread) {", floats / 16);
    line(&d->text, 2, "const long at = 16 * item;");
    line(&d->text, 2, "_Alignas(64) float sum[16];");
    line(&d->text, 2, "vec g0 = vec_load(%s%s);\n", terms.names[0], index);
    for (int i = 1; i < terms.count; i++)
        line(&d->text, 2, "g0 = vec_add(g0, vec_load(%s%s));", terms.names[i], index);
    line(&d->text, 2, "vec_store(sum, g0);");
    line(&d->text, 2, "%srun, (float *)w + at, sum, 16%s", finish_begin(w), finish_end(w));
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}
