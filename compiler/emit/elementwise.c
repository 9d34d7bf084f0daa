/*
 * elementwise.c -- chains of elementwise operations, and updates.
 *
 * The one idea: items are (batch block, row of pixels), so that kernels in a row of elementwise
 * work hand each thread what it wrote itself.
 */

#include "emit/emit.h"

void emit_elementwise(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "<name>_<out.shape>", "%s; items: (batch block, row)", kernel_label(k));
    call_template(c, k, "net_elementwise(<epilogue>, <row_end>, (struct net_extent)<out.extent>");
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
    const char *l1 = l1_text(c->e, w), *l2 = l2_text(c->e, w);
    Text terms = {0};
    const int count = add_gradients(c, &terms, k->node->inputs[1]);

    describe_kernel(c, k, "update_<in.floats>",
                    "w is updated from the sum of its gradients; items: vectors");
    call_template(c, k,
                  "net_update_parameter(<in>, (const float *const[]){%s}, %d, <in.floats>, "
                  "%s, %s",
                  terms.at, count, l1, l2);
}
