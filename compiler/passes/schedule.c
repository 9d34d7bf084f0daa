/*
 * schedule.c -- how a kernel's work is cut for registers and caches, where its algorithm has no
 * file of its own, and what a thread wants for itself.
 *
 * Needs: kernels with layouts and, of Winograd's and those with the batch in the lanes, their
 * pieces. Gives: `tile` and `scratch` of a schedule.
 */

#include "passes/passes.h"

enum {
    PACKED_FLOATS = 16384, /* of a matmul's rows: a small part of L2, where panels pass by */
    FEW_PANELS = 8,        /* of a dw, by blocks of inputs: fewer are few items */
    ITEM_TAPS = 48,        /* of a dw, by blocks of a panel: more would not stay in L1 */
};

static long smaller(long a, long b)
{
    return a < b ? a : b;
}

/* Numbers that an element of a product sums over. */
static long depth_of(const Node *matmul)
{
    return shape_size(matmul->inputs[0]->shape) / matmul->outputs[0]->shape.size[1];
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

const Value *given_by_weights(const Node *node)
{
    return walks_back(node->op) ? node->inputs[0] : node->outputs[0];
}

int find_parts(const Node *node, const Target *target, OutputPart parts[NET_MAX_SEGMENTS])
{
    const Layout *y = given_by_weights(node)->layout;
    const Shape w = node->inputs[1]->shape;
    const int groups = groups_of(&node->at);
    const int size = w.size[is_input_gradient(node->op)] / groups; /* channels of y in each */
    long at = 0;

    for (int i = 0; i < y->segment_count; i++) {
        const Segment *s = &y->segments[i];
        OutputPart *part = &parts[i];

        *part = (OutputPart){.start = s->start / s->pixels,
                             .block = s->block,
                             .blocks = blocks_of(s->channels),
                             .pixels = 1,
                             .stride = s->stride,
                             .w = at};
        if (groups > 1)
            cut_group_panels(part->blocks, target->vectors, part->start % size ? 1 : size,
                             part->panels);
        else
            cut_panels(part->blocks, target->vectors, part->panels);
        if (node->op == OP_DENSE_DX)
            part->pixels = s->pixels;
        at += (long)part->blocks * 16 * (node->bfloat16 ? pairs_of(w.size[0]) : w.size[0]) *
              (w.rank == 4 ? w.size[2] * w.size[3] : part->pixels);
    }
    return y->segment_count;
}

void cut_taps(const Node *dw, const Segment *inputs, int tap_rows[3])
{
    const int *panels = dw->outputs[0]->layout->panels;
    const Shape w = dw->outputs[0]->shape;

    for (int i = 0; i < 3; i++) {
        const bool few = panels[i] * blocks_of(inputs->channels) < FEW_PANELS;

        tap_rows[i] = few || w.size[2] * w.size[3] * (3 - i) > ITEM_TAPS ? w.size[2] : 1;
    }
}

/* Pixels of x along an axis that the taps of all y reach, those outside too (net_taps_reach). */
static long count_reach(const Node *node, int axis)
{
    const Layout *y = node->outputs[0]->layout;
    const Attributes *at = &node->at;

    return ((axis ? y->width : y->height) - 1L) * at->stride[axis] +
           (node->inputs[1]->shape.size[2 + axis] - 1) * dilation_of(at, axis) + 1;
}

/* Has x of one image to be copied, with a border of zeros (net_add_border)? */
static bool has_border(const Node *node)
{
    const Layout *x = node->inputs[0]->layout;

    return node->at.padding[0] || node->at.padding[1] || count_reach(node, 0) > x->height ||
           count_reach(node, 1) > x->width;
}

/* Short lines of y are a tile together, where its height has as many. */
static void join_lines(Schedule *s, const Node *node, int most)
{
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    int lines = most / y->width;

    while (lines > 1 && y->height % lines != 0)
        lines--;
    if (lines < 2)
        return;
    s->lines = lines;
    s->tile = lines * y->width;
    s->x_line = node->at.stride[0] * x->blocks * 16 *
                (has_border(node) ? count_reach(node, 1) : x->width);
}

/* Of a convolution of one image rows of tiles are pixels side by side, as many as registers have
   sums of, and tiles of about one size in a row. */
static void cut_contraction(Kernel *k, const Target *target)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    Schedule *s = &k->schedule;
    long most = smaller(target->sums / target->vectors, NET_TILE_ROWS);

    s->tile = y->images > 1 ? (int)smaller(target->images, y->images) : target->images;
    s->x_step = x->lanes;
    if (node->op != OP_CONV2D || y->images > 1)
        return;
    s->half = node->outputs[0]->shape.size[0] <= 8;
    if (s->half)
        most = smaller(2L * target->sums, NET_HALF_TILE_ROWS);
    s->tile = divide_up(y->width, divide_up(y->width, (int)most));
    s->x_step = (long)node->at.stride[1] * x->lanes * x->blocks;
    s->y_blocks = y->blocks;
    if (!s->half && x->lanes == 16)
        join_lines(s, node, (int)most);
}

/* What registers hold at a time of few outputs: images, or of their dw blocks of inputs, as many as
   divide them; of a matmul, rows that are packed: whole blocks, which tiles divide. */
static int cut_tile(const Kernel *k, const Target *target)
{
    const Node *node = k->node;
    int tile = 0;

    if (k->kind == KERNEL_FEW_OUTPUTS) {
        for (tile = node->inputs[0]->layout->images;
             tile > 1 && tile * weight_of(node)->shape.size[0] > target->registers / 2;)
            tile /= 2;
    } else if (k->kind == KERNEL_FEW_OUTPUTS_DW) {
        tile = (int)smaller(NET_FEW_OUTPUTS_BLOCKS, target->sums) / weight_of(node)->shape.size[0];
        while (node->inputs[0]->layout->blocks % tile != 0)
            tile--;
    } else if (k->kind == KERNEL_MATMUL) {
        const long rows = PACKED_FLOATS / up16(depth_of(node)) / 16 * 16;

        tile = (int)smaller(rows < 16 ? 16 : rows, up16(node->outputs[0]->shape.size[1]));
    }
    return tile;
}

/* ---- A thread's scratch, in floats ----------------------------------------------------------- */

/* x of one image with its border. */
static long border_scratch(const Kernel *k)
{
    const Layout *x = k->node->inputs[0]->layout;

    if (!k->schedule.y_blocks || x->lanes < 16 || !has_border(k->node))
        return 0;
    return count_reach(k->node, 0) * count_reach(k->node, 1) * x->blocks * 16;
}

/* Sums of an item. */
static long dw_scratch(const Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const int *panels = node->outputs[0]->layout->panels;
    const Shape w = node->outputs[0]->shape;
    long most = 0;

    for (int s = 0; s < x->segment_count && w.rank == 4; s++) {
        int tap_rows[3];

        cut_taps(node, &x->segments[s], tap_rows);
        for (int i = 0; i < 3; i++) {
            const long floats = 256L * (3 - i) * w.size[2] * w.size[3] / tap_rows[i];

            most = panels[i] && floats > most ? floats : most;
        }
    }
    return most;
}

/* Three blocks of inputs by a panel of outputs. */
static long dw_argmax_scratch(const Node *node)
{
    const Shape w = node->outputs[0]->shape;

    return 48 * smaller(w.size[0], 48) * w.size[2] * w.size[3];
}

/* Lists, contributions, sums of a pixel. */
static long dx_argmax_scratch(const Node *node)
{
    const Value *dx = node->outputs[0];
    const long outputs = node->inputs[0]->shape.size[0];
    const int windows = window_count(&node->at, dx->shape.size[1], 0) *
                        window_count(&node->at, dx->shape.size[2], 1);

    return 16 * (windows + 2 + outputs) + 32 * outputs + 256L * dx->layout->blocks;
}

/* What a row is summed in, unless an array of the template holds it. */
static long embedding_dw_scratch(const Node *node)
{
    const long floats = 16L * node->outputs[0]->layout->blocks;

    return floats > NET_GRADIENT_FLOATS ? floats : 0;
}

/* Rows of one operand, and all of the other. */
static long matmul_scratch(const Kernel *k)
{
    const long inner = depth_of(k->node);

    return k->schedule.tile * up16(inner) + inner * up16(k->node->outputs[0]->shape.size[0]);
}

static long attention_scratch(const Node *node)
{
    const Heads of = heads_of(node);

    return net_attention_scratch(of.keys, of.channels / node->at.heads, of.grad);
}

/* Gates and state of a step where no gradient reads them. */
static long recurrent_scratch(const Node *node)
{
    long floats = 0;

    for (int i = 1; i < node->output_count; i++)
        if (node->outputs[i]->internal)
            floats += 16L * node->outputs[i]->layout->images * node->outputs[i]->layout->blocks;
    return floats;
}

static long count_scratch(const Kernel *k)
{
    const Schedule *s = &k->schedule;

    switch (k->kind) {
    case KERNEL_CONTRACT:
        return border_scratch(k);
    case KERNEL_WINOGRAD:
    case KERNEL_WINOGRAD_DW:
        return s->winograd.v + s->winograd.m + s->winograd.u;
    case KERNEL_BATCH_LANES:
        return s->batch_lanes.floats;
    case KERNEL_BATCH_LANES_DW:
        return s->batch_lanes_dw.floats;
    case KERNEL_DW:
        return dw_scratch(k->node);
    case KERNEL_DW_ARGMAX:
        return dw_argmax_scratch(k->node);
    case KERNEL_DX_ARGMAX:
        return dx_argmax_scratch(k->node);
    case KERNEL_EMBEDDING_DW:
        return embedding_dw_scratch(k->node);
    case KERNEL_MATMUL:
        return matmul_scratch(k);
    case KERNEL_LANES:
        return net_lanes_scratch(k->node->outputs[0]->layout->blocks,
                                 k->node->inputs[0]->layout->blocks);
    case KERNEL_ATTENTION:
        return attention_scratch(k->node);
    case KERNEL_INFO_NCE:
        return net_info_nce_scratch(k->node->inputs[0]->shape.size[0]);
    case KERNEL_RECURRENT:
        return recurrent_scratch(k->node);
    case KERNEL_RECURRENT_GRAD: /* what h and s are given from the step after */
        return 512L * k->node->inputs[0]->layout->blocks;
    default:
        return 0;
    }
}

void plan_schedule(Kernel *k, const Target *target)
{
    if (k->kind == KERNEL_CONTRACT)
        cut_contraction(k, target);
    else
        k->schedule.tile = cut_tile(k, target);
    k->schedule.scratch = up16(count_scratch(k)); /* the next thread's is aligned too */
}
