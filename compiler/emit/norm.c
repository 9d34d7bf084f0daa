/*
 * norm.c -- layernorm and its gradient (kernels/norm.h).
 */

#include "emit/emit.h"

void emit_layernorm(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *v = node->outputs[0]->layout;
    const Epilogue end = add_epilogue(c, k, v);

    describe_kernel(c, k, node->outputs[0], "%s; items: (batch block, row)",
                    node->backward
                        ? "dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy gamma"
                        : "y = (x - mean) / deviation gamma + beta along the channels");
    call_template(c, "net_%s(%s, %s, %s, (struct net_layernorm){%s, .channels = %d, .eps = %s}",
                  op_info[node->op].text, inputs_text(c, node), end.arguments, add_row_end(c, k),
                  extent_text(v), channel_count(v), literal(node->at.eps));
}
