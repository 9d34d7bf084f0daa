/*
 * softmax.c -- softmax and its gradient (kernels/softmax.h).
 */

#include "emit/emit.h"

static void call_softmax(Driver *d, const char *call, const Physical *y)
{
    call_template(d,
                  "%s, (struct net_softmax){.batch_blocks = %d, .size = {%d, %d}, .channels = %d}",
                  call, y->chunks, y->height, y->width, channel_count(y));
}

void emit_softmax(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *y = k->node->outputs[0]->physical;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", k->node->inputs[0], false, y);
    d->base = format("softmax_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment,
             "/* y = e^x / sum e^x along the channels; items: (batch block, row) */\n");
    call_softmax(d, "net_softmax(V(y), V(x)", y);
}

void emit_softmax_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *y = k->node->outputs[0]->physical;

    add_operand(e, d, "dx", k->node->outputs[0], true, NULL);
    add_operand(e, d, "y", k->node->inputs[0], false, y);
    add_operand(e, d, "dy", k->node->inputs[1], false, y);
    d->base = format("softmax_grad_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* dx = y (dy - sum of y dy); items: (batch block, row) */\n");
    call_softmax(d, "net_softmax_grad(V(dx), V(y), V(dy)", y);
}
