/*
 * softmax.c -- softmax and its gradient (kernels/softmax.h).
 */

#include "emit/emit.h"

void emit_softmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const char *operation = op_info[node->op].text;

    describe_kernel(c, k, y, "%s; items: (batch block, row)",
                    node->backward ? "dx = y (dy - sum of y dy)"
                                   : "y = e^x / sum e^x along the channels");
    call_template(c,
                  "net_%s(%s, %s, (struct net_softmax){.batch_blocks = %d, .size = {%d, %d}, "
                  ".channels = %d}",
                  operation, pointer(c, y), inputs_text(c, node), y->layout->batch_blocks,
                  y->layout->height, y->layout->width, channel_count(y->layout));
}
