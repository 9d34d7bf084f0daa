/*
 * norm.c -- layernorm and its gradient (kernels/norm.h).
 */

#include "emit/emit.h"

void emit_layernorm(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->outputs[0]->physical;
    const char *values = add_values(e, d, node, false, NULL), *operation = op_info[node->op].text;
    const Epilogue end = add_epilogue(e, d, k, v);
    const char *row_end = add_row_end(e, d, k);

    d->base = format("%s%s_%s", operation, body_name(k), shape_name(e, node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             node->backward ? "dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy gamma"
                            : "y = (x - mean) / deviation gamma + beta along the channels");
    call_template(d, "net_%s(%s, %s, %s, (struct net_layernorm){%s, .channels = %d, .eps = %s}",
                  operation, values, end.arguments, row_end, extent_text(v), channel_count(v),
                  literal(node->at.eps));
}
