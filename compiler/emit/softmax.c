/*
 * softmax.c -- softmax and its gradient (kernels/softmax.h).
 */

#include "emit/emit.h"

void emit_softmax(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *y = node->outputs[0]->physical;
    const char *values = add_values(e, d, node, true, y), *operation = op_info[node->op].text;

    d->base = format("%s_%s", operation, shape_name(e, node->outputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             node->backward ? "dx = y (dy - sum of y dy)" : "y = e^x / sum e^x along the channels");
    call_template(d,
                  "net_%s(%s, (struct net_softmax){.batch_blocks = %d, .size = {%d, %d}, "
                  ".channels = %d}",
                  operation, values, y->chunks, y->height, y->width, channel_count(y));
}
