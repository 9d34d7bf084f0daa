/*
 * elementwise.c -- chains of elementwise operations, and updates.
 *
 * The one idea: items are (batch block, row of pixels), so that kernels in a row of elementwise
 * work hand each thread what it wrote itself.
 */

#include "emit/emit.h"

void emit_elementwise(KernelCode *c, const Kernel *k)
{
    const Value *y = k->node->outputs[0];
    const Epilogue end = add_epilogue(c, k, y->layout);

    describe_kernel(c, k, y, "%s; items: (batch block, row)", kernel_label(k));
    call_template(c, "net_elementwise(%s, %s, %s", end.arguments, add_row_end(c, k),
                  extent_text(y->layout));
}

/* ---- Updates --------------------------------------------------------------------------------- */

/* The terms of a sum of gradients, in the order in which they are added; how many. */
static int add_gradients(const KernelCode *c, Text *terms, const Value *g)
{
    if (g->node && g->node->op == OP_ADD) {
        const int first = add_gradients(c, terms, g->node->inputs[0]);

        return first + add_gradients(c, terms, g->node->inputs[1]);
    }
    text_add(terms, "%s%s", terms->at ? ", " : "", pointer(c, g));
    return 1;
}

/* Of a gradient in memory, or of the sum of several: a parameter that is used more than once. */
void emit_update(KernelCode *c, const Kernel *k)
{
    const Value *w = k->node->inputs[0];
    const int floats = padded_count(w->layout);
    Text terms = {0};
    const int count = add_gradients(c, &terms, k->node->inputs[1]);

    describe_as(c, format("update_%d", floats),
                "w is updated from the sum of its gradients; items: vectors");
    call_template(c, "net_update_parameter(%s, (const float *const[]){%s}, %d, %d, %s, %s",
                  pointer(c, w), terms.at, count, floats, l1_text(c->e, w), l2_text(c->e, w));
}
