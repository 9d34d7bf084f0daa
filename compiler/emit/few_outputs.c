/*
 * few_outputs.c -- dense layers of few outputs: lanes are inputs, and the weight has a row for each
 * output, laid out as x is (rows_layout).
 */

#include "emit/emit.h"

/* Dense and its dx. */
void emit_few_outputs(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const bool dx = node->op == OP_DENSE_DX;
    const Value *x = node->inputs[0], *y = node->outputs[0], *wide = dx ? y : x;
    const int outputs = weight_of(node)->shape.size[0];
    const Epilogue end = add_epilogue(c, k, y->layout);

    describe_kernel(c, k, wide, "%s, along the inputs; items: batch blocks",
                    dx                ? "dx = dy w'"
                    : node->inputs[2] ? "y = x w + b"
                                      : "y = x w");
    c->base = format("%sx%d", c->base, outputs);
    call_template(c, "net_dense_few_outputs%s(%s, %d%s, %s, %s, (struct net_few_outputs){%d, %d}",
                  dx ? "_dx" : "", inputs_text(c, node), outputs,
                  dx ? "" : format(", %d", k->schedule.tile), end.arguments, add_row_end(c, k),
                  wide->layout->batch_blocks, wide->layout->blocks);
}

void emit_few_outputs_dw(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0];
    const Layout *v = x->layout;
    const int outputs = weight_of(k->node)->shape.size[0], group = k->schedule.tile;

    describe_kernel(c, k, x, "dw = x' dy, along the inputs%s; items: %s of inputs", then_update(k),
                    group == 1 ? "blocks" : format("%d blocks", group));
    c->base = format("%sx%d", c->base, outputs);
    call_template(c,
                  "net_dense_few_outputs_dw(%s, %s, %d, %d, (struct net_few_outputs){%d, %d}, "
                  "(struct net_apply)%s",
                  result_pointer(c, k), inputs_text(c, k->node), outputs, group, v->batch_blocks,
                  v->blocks, apply_literal(c, k));
    add_bias_gradient(c, k);
}
