/*
 * depthwise.c -- convolutions of each channel by itself, and the weights of groups.
 *
 * Groups of several channels are left to the contraction, which visits the blocks of a full weight
 * that they touch.
 */

#include "emit/emit.h"

void emit_depthwise(KernelCode *c, const Kernel *k)
{
    const bool dx = k->node->op == OP_DEPTHWISE_DX, plain = k->epilogue_count == 0;
    const char *tile = add_tile(
        c->e,
        "/* y = b + sum over taps of x w, channel by channel: 16 images of a block */\n"
        "NET_DEPTHWISE_TILE",
        "depthwise_tile", "net_depthwise_block(y, x, w, b, taps)");

    describe_kernel(c, k, format("<name>_<%s.shape>_<kernel>", dx ? "dx" : "x"),
                    "%s channel by channel; items: (batch block, row)",
                    dx ? "dx = sum over taps of dy w" : "y = sum over taps of x w");
    call_template(c, k,
                  "net_depthwise(%s, <inputs>%s, %s, %s, <row_end>, (struct net_depthwise){"
                  ".y = <out.extent>, .x = <in.size>, .taps = <taps>}",
                  plain ? "<out>" : "NULL", dx ? ", NULL" : "", tile,
                  plain ? "NULL, NULL, NULL" : "<epilogue>");
}

void emit_depthwise_dw(KernelCode *c, const Kernel *k)
{
    const int taps = k->node->outputs[0]->shape.size[3], most = c->e->target->sums / 4;
    const char *tile = add_tile(c->e, "NET_DEPTHWISE_DW_TILE", format("depthwise_dw_tile_%d", taps),
                                "net_depthwise_dw_block(dw, x, dy, row, %d, %d)", taps,
                                divide_up(taps, divide_up(taps, most)));

    describe_kernel(c, k, "<op>_partial_<x.shape>_<kernel>",
                    "dw = x dy over a batch block and some rows; items: partial sums");
    call_template(c, k,
                  "net_depthwise_dw(<scratch>, <inputs>, %s, (struct net_depthwise_dw){"
                  ".batch_blocks = <x.batch_blocks>, .blocks = <x.blocks>, .x = <x.size>, "
                  ".dy = <dy.size>, .splits = <splits>, .taps = <taps>}",
                  tile);
}

void emit_groups(KernelCode *c, const Kernel *k)
{
    const bool expand = k->node->op == OP_GROUP_EXPAND;
    const Value *full = expand ? k->node->outputs[0] : k->node->inputs[0];

    describe_kernel(
        c, k, "<op>_<at.groups>_<full.rows>x<full.outputs>", "%s; items: blocks of outputs",
        expand ? "full = w, by channels of all groups: +0 between them" : "dw = what groups see");
    call_template(c, k,
                  "net_%s_groups(<outputs>, <inputs>, (struct net_groups){.panels = <full.panels>, "
                  ".outputs = <full.outputs>, .channels = <full.dim1>, .taps = %d, "
                  ".from = <%s.dim1>, .to = %d}",
                  expand ? "expand" : "collect", full->shape.size[2] * full->shape.size[3],
                  expand ? "w" : "dw", full->layout->outputs / k->node->at.groups);
}
