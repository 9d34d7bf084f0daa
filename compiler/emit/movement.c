/*
 * movement.c -- numbers that only change their place (kernels/movement.h, kernels/permute.h).
 */

#include "emit/emit.h"

/* concat, the gradient of a slice and the like: blocks of channels, whole */
void emit_blocks(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *v = node->outputs[0]->layout;
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
    describe_kernel(c, k,
                    format("<name>_<out.shape>%s", concat ? "" : "_from_<at.begin>_of_<in.shape>"),
                    "%s; items: (batch block, row)",
                    concat ? "y = the blocks of each x, side by side" : "y = some blocks of x");
    call_template(c, k,
                  "net_copy_blocks(<out>, (struct net_blocks[]){%s}, %d, (struct net_copy_blocks){"
                  ".batch_blocks = <out.batch_blocks>, .blocks = <out.blocks>, .size = <out.size>}",
                  list.at, parts);
}

void emit_relayout(KernelCode *c, const Kernel *k)
{
    const Value *y = k->node->outputs[0];

    describe_kernel(c, k, "relayout_<out.shape>", "y = x in another layout; items: batch blocks");
    call_template(c, k,
                  "net_relayout(<out>, <in>, (struct net_relayout){"
                  ".batch_blocks = <out.batch_blocks>, .start = %d, .size = %d, .y = <out.layout>, "
                  ".x = <in.layout>}",
                  k->node->at.begin * y->layout->height * y->layout->width, shape_size(y->shape));
}

/* Channels of x at other places: permuted in registers. */
void emit_lanes(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const ChannelMoves m = find_channel_moves(node);
    const bool plain = k->epilogue_count == 0;

    describe_kernel(c, k, format("<name>_%d_to_<out.shape>_from_%d_of_<in.shape>", m.axes, m.first),
                    "y = channels of x, in other lanes; items: (batch block, row)");
    call_template(c, k,
                  "net_move_channels(%s, <in>, %s, <row_end>, (struct net_channel_moves){"
                  ".y = <out.extent>, .x_blocks = <in.blocks>, .channels = <out.dim0>, "
                  ".first = %d, .axes = %d, .size = %s, .step = %s, .to = <out.layout>, "
                  ".from = <in.layout>}",
                  plain ? "<out>" : "NULL", plain ? "NULL, NULL, NULL" : "<epilogue>", m.first,
                  m.axes, braces(m.size, m.axes), braces(m.step, m.axes));
}

void emit_pad(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    int place[3] = {node->at.place[0], node->at.place[1], node->at.place[2]};
    int along = node->at.axis;
    Text list = {0};

    if (node->outputs[0]->shape.rank == 2) { /* a row */
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
    describe_kernel(c, k, "<name>_<y.shape>", "y = %s, +0 elsewhere; items: (batch block, row)",
                    node->input_count > 1 ? "each x behind the one before" : "x at its place");
    call_template(c, k,
                  "net_pad(<y>, (struct net_padded[]){%s}, %d, (struct net_pad){"
                  ".batch_blocks = <y.batch_blocks>, .channels = <y.dim0>, .size = <y.size>}",
                  list.at, node->input_count);
}

void emit_permute(KernelCode *c, const Kernel *k)
{
    const Attributes *at = &k->node->at;
    const Shape from = k->node->inputs[0]->shape, to = k->node->outputs[0]->shape;
    const int axes = at->axis_count;
    int steps[MAX_AXES], size[MAX_AXES], step[MAX_AXES], count = 1;

    if (axes == 2 && from.rank == 2 && to.rank == 2 && at->axes[0] == from.size[0]) {
        describe_kernel(c, k, "transpose_positions_<y.shape>",
                        "y = x', positions by channels; items: (batch block, block of x)");
        call_template(c, k,
                      "net_transpose_positions(<y>, <x>, (struct net_transpose_positions){"
                      ".batch_blocks = <y.batch_blocks>, .channels = <x.dim0>, "
                      ".positions = <x.dim1>}");
        return;
    }
    for (int i = axes - 1; i >= 0; i--) {
        steps[i] = count;
        count *= at->axes[i];
    }
    for (int i = 0; i < axes; i++) {
        size[i] = at->axes[at->order[i]];
        step[i] = steps[at->order[i]];
    }
    describe_kernel(c, k, "<name>_<y.shape>",
                    "y = x as %s, its axes in the order %s; items: (batch block, pixel)",
                    braces(at->axes, axes), braces(at->order, axes));
    call_template(c, k,
                  "net_permute(<y>, <x>, (struct net_permute){.batch_blocks = <y.batch_blocks>, "
                  ".y_channels = <y.dim0>, .y_pixels = %d, .x_channels = <x.dim0>, "
                  ".x_pixels = %d, .axes = %d, .size = %s, .step = %s}",
                  shape_size(to) / to.size[0], shape_size(from) / from.size[0], axes,
                  braces(size, axes), braces(step, axes));
}
