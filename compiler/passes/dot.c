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
    int *kernel_of; /* by value id: the kernel that computes it, or -1 */
    bool *drawn;    /* by value id: an ellipse is there */
    int *last;      /* by value id: the kernel that the last arrow leads to, plus 1 */
} Drawing;

/* Calls `visit` for each node of a kernel, in the order in which they run. */
typedef void Visit(Drawing *d, int kernel, const Node *node);

static void each_node(Drawing *d, int index, Visit *visit)
{
    const Kernel *k = d->program->kernels[index];

    if (k->node)
        visit(d, index, k->node);
    for (int i = 0; i < k->body_count; i++)
        visit(d, index, k->body[i]);
    if (k->grad)
        visit(d, index, k->grad);
    if (k->update)
        visit(d, index, k->update);
}

static void note_outputs(Drawing *d, int kernel, const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        d->kernel_of[node->outputs[i]->id] = kernel;
}

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

static void draw_inputs(Drawing *d, int kernel, const Node *node)
{
    const bool turns = d->program->kernels[kernel]->kind == KERNEL_TRANSPOSE;

    for (int i = 0; i < node->input_count; i++) {
        const Value *value = node->inputs[i] ? root_of(node->inputs[i]) : NULL;

        if (!value || d->kernel_of[value->id] == kernel || d->last[value->id] == kernel + 1)
            continue;
        if (turns && value->role != ROLE_PARAMETER)
            continue; /* only the weight, for the dx that comes later */
        d->last[value->id] = kernel + 1;
        if (d->kernel_of[value->id] >= 0) {
            text_add(d->out, "    k%d -> k%d [label=\"%s\"];\n", d->kernel_of[value->id], kernel,
                     shape_text(value->shape));
            continue;
        }
        draw_outside(d, value);
        text_add(d->out, "    v%d -> k%d;\n", value->id, kernel);
    }
}

/* Slices on their way to their sum, turned weights on their way to a dx. */
static void draw_scratch(Drawing *d, int kernel)
{
    for (int from = 0; from < kernel; from++)
        if (d->program->kernels[from]->scratch == d->program->kernels[kernel]->scratch)
            text_add(d->out, "    k%d -> k%d [style=dashed];\n", from, kernel);
}

void draw_graph(Text *out, const Program *program)
{
    const Graph *g = program->graph;
    Drawing d = {.out = out, .program = program};

    d.kernel_of = allocate((size_t)g->value_count * sizeof *d.kernel_of);
    d.last = allocate((size_t)g->value_count * sizeof *d.last);
    d.drawn = allocate((size_t)g->value_count * sizeof *d.drawn);
    for (int i = 0; i < g->value_count; i++)
        d.kernel_of[i] = -1;
    for (int i = 0; i < program->count; i++)
        each_node(&d, i, note_outputs);

    text_add(out, "digraph \"%s %s\" {\n", g->network, g->name);
    text_add(out, "    node [shape=box, fontname=\"monospace\", fontsize=10];\n");
    text_add(out, "    edge [fontname=\"monospace\", fontsize=9];\n");
    for (int i = 0; i < program->count; i++) {
        const Kernel *k = program->kernels[i];

        text_add(out, "    k%d [label=\"%s\\n%s\"];\n", i, kernel_label(k),
                 k->node && k->node->path ? k->node->path : "");
        each_node(&d, i, draw_inputs);
        if (k->scratch)
            draw_scratch(&d, i);
    }
    text_add(out, "}\n");
}
