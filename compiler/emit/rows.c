/*
 * rows.c -- movement and softmax: kernels that walk images, not products.
 */

#include "emit/emit.h"

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
            line(text, 3,
                 "memcpy(dx->at[chunk][%s][0], %s->at[chunk][%s][%d], %d * sizeof(float));",
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
    const int start = k->node->at.begin * y->height * y->width; /* of a slice */
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
    line(text, 2,
         "net_relayout(y->at[chunk][0][0][0], %d, to, %d, x->at[chunk][0][0][0], from, "
         "%d, %d, %d);",
         y->height * y->width * y->blocks * 256, y->segment_count, x->segment_count, start,
         shape_size(k->node->outputs[0]->shape));
    line(text, 0, "}");
}

/* ---- Softmax ---------------------------------------------------------------------- */

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
