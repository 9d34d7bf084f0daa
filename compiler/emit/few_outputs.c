/*
 * few_outputs.c -- dense layers of few outputs: lanes are inputs, and the weight has a row for each
 * output, laid out as x is (rows_layout).
 */

#include "emit/emit.h"

/* Dense and its dx. */
void emit_few_outputs(KernelCode *c, const Kernel *k)
{
    const bool dx = k->node->op == OP_DENSE_DX;
    const char *wide = dx ? "dx" : "x";

    describe_kernel(c, k, format("<name>_<%s.shape>x<w.dim0>", wide),
                    "%s, along the inputs; items: batch blocks",
                    dx                   ? "dx = dy w'"
                    : k->node->inputs[2] ? "y = x w + b"
                                         : "y = x w");
    call_template(c, k,
                  "net_dense_few_outputs%s(<inputs>, <w.dim0>%s, <epilogue>, <row_end>, "
                  "(struct net_few_outputs){<%s.batch_blocks>, <%s.blocks>}",
                  dx ? "_dx" : "", dx ? "" : ", <tile>", wide, wide);
}

void emit_few_outputs_dw(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "<name>_<x.shape>x<dw.dim0>",
                    "dw = x' dy, along the inputs<then_update>; items: %s of inputs",
                    k->schedule.tile == 1 ? "blocks" : "<tile> blocks");
    call_template(
        c, k,
        "net_dense_few_outputs_dw(<result>, <inputs>, <dw.dim0>, <tile>, "
        "(struct net_few_outputs){<x.batch_blocks>, <x.blocks>}, (struct net_apply)<apply>");
    add_bias_gradient(c, k);
}
