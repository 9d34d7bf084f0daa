/*
 * softmax.c -- softmax and its gradient (kernels/softmax.h).
 */

#include "emit/emit.h"

void emit_softmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];

    describe_kernel(c, k, y, "%s; items: (batch block, row)",
                    node->backward ? "dx = y (dy - sum of y dy)"
                                   : "y = e^x / sum e^x along the channels");
    call_template(c,
                  "net_%s(%s, %s, (struct net_softmax){.batch_blocks = %d, .size = %s, "
                  ".channels = %d}",
                  op_info[node->op].text, pointer(c, y), inputs_text(c, node),
                  y->layout->batch_blocks, size_braces(y->layout), channel_count(y->layout));
}
