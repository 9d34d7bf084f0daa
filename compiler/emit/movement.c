/*
 * movement.c -- numbers that only change their place (kernels/movement.h, kernels/permute.h).
 */

#include "emit/emit.h"

/* concat, the gradient of a slice and the like: blocks of channels, whole */
void emit_blocks(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const Layout *v = y->layout;
    const bool concat = node->op == OP_CONCAT;
    const int parts = concat ? node->input_count : 1, pixels = v->height * v->width;
    Text list = {0};

    for (int i = 0, start = concat ? 0 : node->at.begin; i < parts; i++) {
        const Layout *x = node->inputs[i]->layout;
        const int block = find_blocks(concat ? v : x, concat ? x : v, start * pixels);

        text_add(&list, "%s{%s, %d, %d, %d, %d}", i ? ", " : "", pointer(c, node->inputs[i]),
                 x->blocks, concat ? 0 : block, concat ? block : 0, concat ? x->blocks : v->blocks);
        start += node->inputs[i]->shape.size[0];
    }
    describe_kernel(c, k, y, "%s; items: (batch block, row)",
                    concat ? "y = the blocks of each x, side by side" : "y = some blocks of x");
    if (!concat)
        c->base = format("%s_from_%d_of_%s", c->base, node->at.begin,
                         shape_name(c->e, node->inputs[0]));
    call_template(c,
                  "net_copy_blocks(%s, (struct net_blocks[]){%s}, %d, (struct net_copy_blocks){"
                  ".batch_blocks = %d, .blocks = %d, .size = %s}",
                  pointer(c, y), list.at, parts, v->batch_blocks, v->blocks, size_braces(v));
}

static const char *layout_of(const Layout *v)
{
    return format("{%d, NET_SEGMENTS(%s)}", v->height * v->width * v->blocks * 256,
                  segments_text(v));
}

void emit_relayout(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *y = k->node->outputs[0];
    const Layout *v = y->layout;

    describe_as(c, format("relayout_%s", shape_name(c->e, y)),
                "y = x in another layout; items: batch blocks");
    call_template(c,
                  "net_relayout(%s, %s, (struct net_relayout){.batch_blocks = %d, .start = %d, "
                  ".size = %d, .y = %s, .x = %s}",
                  pointer(c, y), pointer(c, x), v->batch_blocks,
                  k->node->at.begin * v->height * v->width, shape_size(y->shape), layout_of(v),
                  layout_of(x->layout));
}

void emit_pad(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const Layout *v = y->layout;
    int place[3] = {node->at.place[0], node->at.place[1], node->at.place[2]};
    int along = node->at.axis;
    Text list = {0};

    if (y->shape.rank == 2) { /* a row */
        place[2] = place[1];
        place[1] = 0;
        along = along ? 2 : 0;
    }
    for (int i = 0; i < node->input_count; i++) {
        const Value *x = node->inputs[i];

        text_add(&list, "%s{%s, %d, %s, %s}", i ? ", " : "", pointer(c, x), x->shape.size[0],
                 size_braces(x->layout), braces(place, 3));
        place[along] += x->shape.size[node->at.axis];
    }
    describe_kernel(c, k, y, "y = %s, +0 elsewhere; items: (batch block, row)",
                    node->input_count > 1 ? "each x behind the one before" : "x at its place");
    call_template(c,
                  "net_pad(%s, (struct net_padded[]){%s}, %d, (struct net_pad){.batch_blocks = %d, "
                  ".channels = %d, .size = %s}",
                  pointer(c, y), list.at, node->input_count, v->batch_blocks, y->shape.size[0],
                  size_braces(v));
}

void emit_permute(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Value *x = node->inputs[0], *y = node->outputs[0];
    const Shape from = x->shape, to = y->shape;
    int steps[MAX_AXES], size[MAX_AXES], step[MAX_AXES], count = 1;

    if (at->axis_count == 2 && from.rank == 2 && to.rank == 2 && at->axes[0] == from.size[0]) {
        describe_kernel(c, k, y, "y = x', positions by channels; items: (batch block, block of x)");
        c->base = format("transpose_positions_%s", shape_name(c->e, y));
        call_template(c,
                      "net_transpose_positions(%s, %s, (struct net_transpose_positions){"
                      ".batch_blocks = %d, .channels = %d, .positions = %d}",
                      pointer(c, y), pointer(c, x), y->layout->batch_blocks, from.size[0],
                      from.size[1]);
        return;
    }
    for (int i = at->axis_count - 1; i >= 0; i--) {
        steps[i] = count;
        count *= at->axes[i];
    }
    for (int i = 0; i < at->axis_count; i++) {
        size[i] = at->axes[at->order[i]];
        step[i] = steps[at->order[i]];
    }
    describe_kernel(c, k, y, "y = x as %s, its axes in the order %s; items: (batch block, pixel)",
                    braces(at->axes, at->axis_count), braces(at->order, at->axis_count));
    call_template(c,
                  "net_permute(%s, %s, (struct net_permute){.batch_blocks = %d, .y_channels = %d, "
                  ".y_pixels = %d, .x_channels = %d, .x_pixels = %d, .axes = %d, .size = %s, "
                  ".step = %s}",
                  pointer(c, y), pointer(c, x), y->layout->batch_blocks, to.size[0],
                  shape_size(to) / to.size[0], from.size[0], shape_size(from) / from.size[0],
                  at->axis_count, braces(size, at->axis_count), braces(step, at->axis_count));
}
