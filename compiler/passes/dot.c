/*
 * dot.c -- `netc --graph`: a step after fusion as a picture, in Graphviz's language. A box is a
 * kernel, an arrow what one computes and another reads, an ellipse what comes from outside.
 *
 * Needs: kernels. Gives: text for `dot`.
 */

#include "passes/passes.h"

typedef struct Drawing {
    Text *out;
    const Program *program;
    bool *drawn; /* by value id: an ellipse is there */
} Drawing;

static const char *value_label(const Value *value)
{
    const char *shape = shape_text(value->shape);

    return value->name ? format("%s\\n%s", value->name, shape) : shape;
}

/* What comes from outside the step; an update's result is read by nobody in it. */
static void draw_outside(Drawing *d, const Value *value)
{
    if (d->drawn[value->id])
        return;
    d->drawn[value->id] = true;
    text_add(d->out, "    v%d [shape=ellipse, label=\"%s\"];\n", value->id, value_label(value));
}

/* The last kernel before this one that wrote a buffer, or -1. */
static int find_writer(const Program *p, int kernel, const Buffer *buffer)
{
    for (int i = kernel - 1; i >= 0; i--)
        if (find_operand(p->kernels[i], buffer, true))
            return i;
    return -1;
}

/* An arrow for each buffer that a kernel reads, dashed where it is no value: partial sums on their
   way to their sum, weights in another form. */
static void draw_operands(Drawing *d, int kernel)
{
    const Kernel *k = d->program->kernels[kernel];

    for (int i = 0; i < k->operand_count; i++) {
        const Operand *a = &k->operands[i];
        const int writer = find_writer(d->program, kernel, a->buffer);

        if (a->written || find_operand(k, a->buffer, false) != a)
            continue; /* drawn once */
        if (writer >= 0 && a->value)
            text_add(d->out, "    k%d -> k%d [label=\"%s\"];\n", writer, kernel,
                     shape_text(a->value->shape));
        else if (writer >= 0)
            text_add(d->out, "    k%d -> k%d [style=dashed];\n", writer, kernel);
        else if (a->value && !find_operand(k, a->buffer, true)) {
            draw_outside(d, a->value);
            text_add(d->out, "    v%d -> k%d;\n", a->value->id, kernel);
        }
    }
}

void draw_graph(Text *out, const Program *program)
{
    const Graph *g = program->graph;
    Drawing d = {.out = out, .program = program};

    d.drawn = allocate((size_t)g->value_count * sizeof *d.drawn);
    text_add(out, "digraph \"%s %s\" {\n", g->network, g->name);
    text_add(out, "    node [shape=box, fontname=\"monospace\", fontsize=10];\n");
    text_add(out, "    edge [fontname=\"monospace\", fontsize=9];\n");
    for (int i = 0; i < program->count; i++) {
        const Kernel *k = program->kernels[i];

        text_add(out, "    k%d [label=\"%s\\n%s\"];\n", i, kernel_label(k),
                 k->node && k->node->path ? k->node->path : "");
        draw_operands(&d, i);
    }
    text_add(out, "}\n");
}
