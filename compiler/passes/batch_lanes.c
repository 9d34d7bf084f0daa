/*
 * batch_lanes.c -- convolutions with the batch in the lanes (CHWN), in pieces.
 *
 * The one idea: the usual tile multiplies whole blocks of 16 outputs; one with the batch in the
 * lanes multiplies as many as there are, and pays for transposing what it reads and writes
 * (select.c counts). It has no edges: the rows that are transposed get a border of zeros.
 */

#include "passes/passes.h"

enum {
    MAX_CHANNELS = 8,    /* of what is written */
    MAX_PIXELS = 16,     /* of a tile */
    SCRATCH = 256 << 10, /* bytes of transposed rows, at most: a part of L2 */
};

static bool is_dx(const Node *node)
{
    return node->op == OP_CONV2D_DX;
}

static bool fits(const Node *node, const Layout *to)
{
    if ((node->op != OP_CONV2D && !is_dx(node)) || groups_of(&node->at) > 1 || !is_plain(to) ||
        channel_count(to) > MAX_CHANNELS)
        return false;
    for (int axis = 0; axis < 2; axis++)
        if (dilation_of(&node->at, axis) > 1 || (is_dx(node) && node->at.stride[axis] > 1))
            return false;
    return true;
}

/* Pixels that a window of `to` begins before its own place; what is packed has its border. */
static int pad_before(const Node *node, const Layout *from, int axis)
{
    const int padding = node->at.padding[axis];

    if (is_dx(node))
        return node->inputs[1]->shape.size[2 + axis] - 1 - padding;
    return from->lanes < 16 ? 0 : padding;
}

/* Pixels of a tile: as many as there are registers for, and tiles of about one size in a row. */
static int cut_row(int width, int most)
{
    const int tiles = (width + most - 1) / most;

    return (width + tiles - 1) / tiles;
}

/* Bands of rows, so that what is transposed for one stays in the cache. */
static void cut_bands(BatchLanes *g, const Node *node, const Layout *from, const Layout *to,
                      long row)
{
    const int stride = node->at.stride[0], kernel = node->inputs[1]->shape.size[2];
    const long most = SCRATCH / ((long)sizeof(float) * row);
    int halo;

    g->rows = to->height;
    if (from->full_height > most)
        while (g->rows > 1 && (g->rows - 1) * stride + kernel > most)
            g->rows--;
    halo = (g->rows - 1) * stride + kernel;
    g->floats = row * (halo < from->full_height ? halo : from->full_height);
}

BatchLanes plan_batch_lanes(const Node *node, const Layout *from, const Layout *to,
                            const Target *target)
{
    const BatchLanes none = {0};
    BatchLanes g = {0};
    int outputs, most;

    if (!fits(node, to))
        return none;
    outputs = channel_count(to);
    g.groups = (outputs + target->sums - 1) / target->sums;
    g.channels = (outputs + g.groups - 1) / g.groups;
    most = target->sums / g.channels;
    g.pixels = cut_row(to->width, most < MAX_PIXELS ? most : MAX_PIXELS);
    g.pad_top = pad_before(node, from, 0);
    g.left = pad_before(node, from, 1);
    g.columns = (to->width - 1) * node->at.stride[1] + node->inputs[1]->shape.size[3];
    g.transposed = from->full_width < g.columns - g.left ? from->full_width : g.columns - g.left;
    cut_bands(&g, node, from, to, 16L * g.columns * channel_count(from));
    if (g.pad_top < 0 || g.left < 0 || g.transposed <= 0 ||
        g.floats * (long)sizeof(float) > SCRATCH)
        return none;
    return g;
}
