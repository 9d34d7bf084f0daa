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
    const Epilogue end = add_epilogue(e, d, k, v);
    const RowEnd row_end = add_row_end(e, d, k);

    d->base = format("%s%s_%s", op_info[k->node->op].text, body_name(k),
                     shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n", kernel_label(k));
    open_kernel(d, &end, &row_end);
    line(&d->text, 1, "net_elementwise(%s, %s, %s, run, thread);", end.arguments, row_end.arguments,
         extent_text(v));
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
    Terms terms = {0};
    Text list = {0};

    add_operand(e, d, "w", w, true, NULL);
    add_gradients(e, d, k->node->inputs[1], &terms);
    for (int i = 0; i < terms.count; i++)
        text_add(&list, "%sV(%s)", i ? ", " : "", terms.names[i]);
    d->base = format("update_%d", floats);
    text_add(&d->comment, "/* w is updated from the sum of its gradients; items: vectors */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "const float *const terms[] = {%s};\n", list.at);
    line(&d->text, 1, "net_update_parameter(V(w), terms, %d, %d, %s, %s, run, thread);",
         terms.count, floats, literal((double)(float)w->l1), literal((double)(float)(2.0 * w->l2)));
    line(&d->text, 0, "}");
}
