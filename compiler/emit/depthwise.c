/*
 * depthwise.c -- convolutions of each channel by itself, and the weights of groups.
 *
 * Groups of several channels are left to the contraction, which visits the blocks of a full weight
 * that they touch.
 */

#include "emit/emit.h"

void emit_depthwise(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const bool dx = node->op == OP_DEPTHWISE_DX, plain = k->epilogue_count == 0;
    const Value *x = node->inputs[0], *y = node->outputs[0];
    const char *tile = add_tile(
        c->e,
        "/* y = b + sum over taps of x w, channel by channel: 16 images of a block */\n"
        "NET_DEPTHWISE_TILE",
        "depthwise_tile", "net_depthwise_block(y, x, w, b, taps)");

    describe_kernel(c, k, dx ? y : x, "%s channel by channel; items: (batch block, row)",
                    dx ? "dx = sum over taps of dy w" : "y = sum over taps of x w");
    c->base = format("%s_%dx%d", c->base, node->at.kernel[0], node->at.kernel[1]);
    call_template(c,
                  "net_depthwise(%s, %s%s, %s, %s, %s, (struct net_depthwise){.y = %s, .x = %s, "
                  ".taps = %s}",
                  plain ? pointer(c, y) : "NULL", inputs_text(c, node), dx ? ", NULL" : "", tile,
                  plain ? "NULL, NULL, NULL" : add_epilogue(c, k, y->layout).arguments,
                  add_row_end(c, k), extent_braces(y->layout), size_braces(x->layout),
                  taps_text(&node->at, node->inputs[1]->shape, false, dx));
}

void emit_depthwise_dw(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *dy = node->inputs[1]->layout;
    const char *tile = add_tile(
        c->e,
        "/* dw += sum over columns and images of x dy, channel by channel: one block */\n"
        "NET_DEPTHWISE_DW_TILE",
        "depthwise_dw_tile",
        "net_depthwise_dw_block(dw, x, dy, columns, images, x_column, dy_column)");

    describe_as(c,
                format("depthwise_dw_partial_%s_%dx%d", shape_name(c->e, node->inputs[0]),
                       node->at.kernel[0], node->at.kernel[1]),
                "dw = x dy over a batch block and some rows; items: partial sums");
    call_template(c,
                  "net_depthwise_dw(%s, %s, %s, (struct net_depthwise_dw){.batch_blocks = %d, "
                  ".blocks = %d, .x = %s, .dy = %s, .splits = %d, .taps = %s}",
                  scratch_pointer(c, k), inputs_text(c, node), tile, x->batch_blocks, x->blocks,
                  size_braces(x), size_braces(dy), k->schedule.splits,
                  taps_text(&node->at, node->outputs[0]->shape, false, false));
}

void emit_groups(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const bool expand = node->op == OP_GROUP_EXPAND;
    const Value *full = expand ? node->outputs[0] : node->inputs[0];
    const Value *grouped = expand ? node->inputs[0] : node->outputs[0];
    const Layout *p = full->layout;

    describe_as(
        c, format("%s_%d_%dx%d", op_info[node->op].text, node->at.groups, p->rows, p->outputs),
        "%s; items: blocks of outputs",
        expand ? "full = w, by channels of all groups: +0 between them" : "dw = what groups see");
    call_template(c,
                  "net_%s_groups(%s, %s, (struct net_groups){.panels = %s, .outputs = %d, "
                  ".channels = %d, .taps = %d, .from = %d, .to = %d}",
                  expand ? "expand" : "collect", outputs_text(c, node), inputs_text(c, node),
                  braces(p->panels, 3), p->outputs, full->shape.size[1],
                  full->shape.size[2] * full->shape.size[3], grouped->shape.size[1],
                  p->outputs / node->at.groups);
}
