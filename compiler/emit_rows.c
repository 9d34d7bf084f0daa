/*
 * emit_rows.c -- movement, softmax and losses: kernels that walk images, not products.
 */

#include "netc.h"

const char *pixel_name(const Physical *v)
{
    return v->height == 1 ? "column" : format("row * %d + column", v->width);
}

void open_rows(Text *text, const Physical *v, bool columns)
{
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", v->chunks, v->height);
    line(text, 2, "const int chunk = item / %d, row = item %% %d;", v->height, v->height);
    line(text, 2, "(void)row;");
    if (columns)
        line(text, 2, "for (int column = 0; column < %d; column++) {", v->width);
}

void close_rows(Text *text, bool columns)
{
    if (columns)
        line(text, 2, "}");
    line(text, 1, "}");
    line(text, 0, "}");
}

/* ---- Movement -------------------------------------------------------------------------------- */

void emit_blocks(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *y = node->outputs[0]->physical;
    const bool concat = node->op == OP_CONCAT;
    const int parts = concat ? node->input_count : 1;
    Text *text = &d->text;
    int start = 0;

    add_operand(e, d, concat ? "y" : "dx", node->outputs[0], true, NULL);
    for (int i = 0; i < parts; i++)
        add_operand(e, d, concat ? "x" : "dy", node->inputs[i], false, NULL);
    d->base = format("%s_%s", op_info[node->op].text, shape_name(e, node->outputs[0]));
    if (!concat)
        d->base = format("%s_from_%d_of_%s", d->base, node->at.begin,
                         shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* %s; items: (chunk, row) */\n",
             concat ? "the blocks of each x, side by side" : "some blocks of dy");
    open_rows(text, y, true);
    for (int i = 0; i < parts; i++) {
        const Physical *part = concat ? node->inputs[i]->physical : y;
        const Physical *whole = concat ? y : node->inputs[0]->physical;
        const int begin = concat ? start : node->at.begin;
        const int block = find_blocks(whole, part, begin * y->height * y->width);
        const char *x = add_operand(e, d, concat ? "x" : "dy", node->inputs[i], false, NULL);

        if (concat)
            line(text, 3, "memcpy(y->at[chunk][%s][%d], %s->at[chunk][%s][0], %d * sizeof(float));",
                 pixel_name(y), block, x, pixel_name(y), part->blocks * 256);
        else
            line(text, 3, "memcpy(dx->at[chunk][%s][0], %s->at[chunk][%s][%d], %d * sizeof(float));",
                 pixel_name(y), x, pixel_name(y), block, part->blocks * 256);
        start += node->inputs[i]->shape.size[0];
    }
    close_rows(text, true);
}

static void write_segments(Text *text, const char *name, const Physical *v)
{
    line(text, 1, "static const struct net_segment %s[] = {", name);
    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        line(text, 2, "{ %d, %d, %d, %d, %d },", s->start, s->channels, s->pixels, s->block,
             s->stride);
    }
    line(text, 1, "};");
}

void emit_relayout(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *x = k->node->inputs[0]->physical, *y = k->node->outputs[0]->physical;
    const int start = k->node->at.begin * y->height * y->width;     /* of a slice */
    Text *text = &d->text;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", k->node->inputs[0], false, NULL);
    d->base = format("relayout_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* the same numbers in another layout; items: chunks */\n");
    line(text, 0, "{");
    write_segments(text, "to", y);
    write_segments(text, "from", x);
    line(text, 0, "%s", "");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread)", y->chunks);
    line(text, 2, "net_relayout(y->at[chunk][0][0][0], %d, to, %d, x->at[chunk][0][0][0], from, %d, "
         "%d, %d);", y->height * y->width * y->blocks * 256, y->segment_count, x->segment_count,
         start, shape_size(k->node->outputs[0]->shape));
    line(text, 0, "}");
}

/* ---- Softmax and losses ---------------------------------------------------------------------- */

void emit_softmax(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *y = k->node->outputs[0]->physical;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", k->node->inputs[0], false, y);
    d->base = format("softmax_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* y = e^x / sum e^x along the channels; items: (chunk, row) */\n");
    open_rows(&d->text, y, true);
    line(&d->text, 3, "for (int i = 0; i < net_rows(run, chunk); i++)");
    line(&d->text, 4, "net_softmax(y->at[chunk][%s][0][i], x->at[chunk][%s][0][i], %d);",
         pixel_name(y), pixel_name(y), channel_count(y));
    close_rows(&d->text, true);
}

void emit_softmax_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *y = k->node->outputs[0]->physical;

    add_operand(e, d, "dx", k->node->outputs[0], true, NULL);
    add_operand(e, d, "y", k->node->inputs[0], false, y);
    add_operand(e, d, "dy", k->node->inputs[1], false, y);
    d->base = format("softmax_grad_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* dx = y (dy - sum of y dy); items: (chunk, row) */\n");
    open_rows(&d->text, y, true);
    line(&d->text, 3, "for (int i = 0; i < net_rows(run, chunk); i++)");
    line(&d->text, 4, "net_softmax_grad(dx->at[chunk][%s][0][i], y->at[chunk][%s][0][i],",
         pixel_name(y), pixel_name(y));
    line(&d->text, 4, "                 dy->at[chunk][%s][0][i], %d);", pixel_name(y),
         channel_count(y));
    close_rows(&d->text, true);
}

static void write_cross_entropy(Text *text, const char *dz, int classes)
{
    line(text, 3, "_Alignas(64) float p[%d];", (classes + 15) / 16 * 256);
    line(text, 3, "float sum;\n");
    line(text, 3, "total += net_cross_entropy(p, &sum, z->at[chunk][0][0][i], target[16 * chunk + i], "
         "%d);", classes);
    if (dz)
        line(text, 3, "net_cross_entropy_grad(%s->at[chunk][0][0][i], p, sum, target[16 * chunk + i], "
             "scale, %d);", dz, classes);
}

/* mse and binary_cross_entropy: element by element; padding counts nothing. */
static void write_elements(Emitter *e, Text *text, const Kernel *k, const char *dz)
{
    const Physical *z = k->node->inputs[0]->physical;
    const bool mse = k->node->op == OP_MSE;
    const bool class = k->node->inputs[1]->type == TYPE_CLASS;

    line(text, 3, "vec sum = vec_zero();\n");
    line(text, 3, "for (int block = 0; block < %d; block++) {", z->height * z->width * z->blocks);
    line(text, 4, "const vec v = vec_load(z->at[chunk][0][block][i]);");
    if (class)
        line(text, 4, "const vec t = vec_set((float)target[16 * chunk + i]);");
    else
        line(text, 4, "const vec t = vec_load(target->at[chunk][0][block][i]);");
    if (mse) {
        line(text, 4, "const vec error = vec_sub(v, t);");
        line(text, 4, "sum = vec_fma(error, error, sum);");
        if (dz)
            line(text, 4, "vec_store(%s->at[chunk][0][block][i], vec_mul(error, vec_set(scale)));",
                 dz);
    } else {
        line(text, 4, "const int lanes = %s(block).lanes;", lanes_function(e, z));
        line(text, 4, "sum = vec_add(sum, vec_first(lanes, vec_binary_cross_entropy(v, t), "
             "vec_zero()));");
        if (dz)
            line(text, 4, "vec_store(%s->at[chunk][0][block][i],\n%*svec_first(lanes, "
                 "vec_mul(vec_sub(vec_sigmoid(v), t), vec_set(scale)), vec_zero()));", dz, 20, "");
    }
    line(text, 3, "}");
    line(text, 3, "total += vec_sum(sum);");
}

/* What the loss is divided by, besides n. */
static int loss_elements(const Kernel *k)
{
    return k->node->op == OP_CROSS_ENTROPY ? 1 : shape_size(k->node->inputs[0]->shape);
}

void emit_loss(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *z = node->inputs[0]->physical;
    const bool class = node->inputs[1]->type == TYPE_CLASS;
    const char *dz = k->grad ? add_operand(e, d, "dz", k->grad->outputs[0], true, z) : NULL;
    const char *operation = op_info[node->op].text;
    Text *text = &d->text;

    add_operand(e, d, "loss", node->outputs[0], true, NULL);
    add_operand(e, d, "z", node->inputs[0], false, NULL);
    if (!class)
        add_operand(e, d, "target", node->inputs[1], false, NULL);
    d->base = format("%s%s_%s", operation, k->grad ? "_grad" : "", shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* loss = the sum of %s over images, a slice a chunk%s; items: chunks */\n",
             operation, k->grad ? "; dz = its gradient" : "");
    line(text, 0, "{");
    if (class)
        line(text, 1, "const int32_t *target = ((const struct batch *)run->batch)->%s;",
             c_name(e, node->inputs[1]->name));
    if (dz)
        line(text, 1, "const float scale = %d.0f / ((float)run->n * %d);", node->op == OP_MSE ? 2 : 1,
             loss_elements(k));
    if (class || dz)
        line(text, 0, "%s", "");
    line(text, 1, "NET_ITEMS(chunk, %d, run, thread) {", z->chunks);
    line(text, 2, "float total = 0.0f;\n");
    line(text, 2, "for (int i = 0; i < net_rows(run, chunk); i++) {");
    if (node->op == OP_CROSS_ENTROPY)
        write_cross_entropy(text, dz, channel_count(z));
    else
        write_elements(e, text, k, dz);
    line(text, 2, "}");
    line(text, 2, "loss->at[chunk] = total;");
    line(text, 1, "}");
    line(text, 0, "}");
}

void emit_mean_loss(Emitter *e, Driver *d, const Kernel *k)
{
    Value *loss = k->node->outputs[0];

    add_operand(e, d, "loss", loss, false, NULL);
    d->base = format("mean_loss_%d", loss->physical->chunks);
    text_add(&d->comment, "/* run->loss = slices added in order, over n; one thread */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "float sum = 0.0f;\n");
    line(&d->text, 1, "if (thread != 0)");
    line(&d->text, 2, "return;");
    line(&d->text, 1, "for (int chunk = 0; chunk < net_chunks(run); chunk++)");
    line(&d->text, 2, "sum += loss->at[chunk];");
    line(&d->text, 1, "run->loss = sum / ((float)run->n * %d);", loss_elements(k));
    line(&d->text, 0, "}");
}
