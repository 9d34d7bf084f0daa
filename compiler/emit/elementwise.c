/*
 * elementwise.c -- chains of elementwise operations, sums over images, and updates.
 *
 * The one idea: items are (chunk, row of pixels), so that kernels in a row of elementwise work hand
 * each thread what it wrote itself. Sums take a slice an item and add the slices in order.
 */

#include "emit/emit.h"

#include <string.h>

/* ---- Hosting a body over a row of pixels ----------------------------------------------------- */

void emit_elementwise(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *v = k->node->outputs[0]->physical;
    const Epilogue end = add_epilogue(e, d, k, v);
    const char *row_end = add_row_end(e, d, k);

    d->base = format("%s%s_%s", op_info[k->node->op].text, body_name(k),
                     shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n", kernel_label(k));
    call_template(d, "net_elementwise(%s, %s, %s", end.arguments, row_end, extent_text(v));
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
    call_template(d, "net_update_parameter(V(w), (const float *const[]){%s}, %d, %d, %s, %s",
                  list.at, terms.count, floats, literal((double)(float)w->l1),
                  literal((double)(float)(2.0 * w->l2)));
}
