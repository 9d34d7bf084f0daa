/*
 * norm.c -- layernorm and its gradient (kernels/norm.h).
 */

#include "emit/emit.h"

void emit_layernorm(Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->outputs[0]->physical;
    const char *operation = op_info[node->op].text;
    const Epilogue end = add_epilogue(d, k, v);

    d->base = format("%s%s_%s", operation, body_name(k), shape_name(d->e, node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             node->backward ? "dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy gamma"
                            : "y = (x - mean) / deviation gamma + beta along the channels");
    call_template(d, "net_%s(%s, %s, %s, (struct net_layernorm){%s, .channels = %d, .eps = %s}",
                  operation, inputs_text(d, node), end.arguments, add_row_end(d, k), extent_text(v),
                  channel_count(v), literal(node->at.eps));
}
