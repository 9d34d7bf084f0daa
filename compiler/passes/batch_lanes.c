/*
 * batch_lanes.c -- which convolutions have the batch in the lanes (CHWN), and in what pieces.
 *
 * The one idea: count. The usual tile multiplies whole blocks of 16 outputs; one with the batch in
 * the lanes multiplies as many as there are, and pays for transposing what it reads and writes. So
 * it is for few outputs. It has no edges: the rows that are transposed get a border of zeros.
 */

#include "passes/passes.h"

enum {
    MOST_CHANNELS = 8,   /* of y */
    MOST_PIXELS = 16,    /* of a tile */
    TRANSPOSE = 50,      /* what transposing 16 images of a block costs, in multiply-adds */
    SCRATCH = 256 << 10, /* bytes of transposed rows, at most: a part of L2 */
};

static bool is_dx(const Node *node)
{
    return node->op == OP_CONV2D_DX;
}

static bool fits(const Node *node)
{
    const Physical *y = node->outputs[0]->physical;

    if ((node->op != OP_CONV2D && !is_dx(node)) || groups_of(&node->at) > 1 || !is_plain(y) ||
        channel_count(y) > MOST_CHANNELS)
        return false;
    for (int axis = 0; axis < 2; axis++)
        if (dilation_of(&node->at, axis) > 1 || (is_dx(node) && node->at.stride[axis] > 1))
            return false;
    return true;
}

/* Pixels that a window of y begins before its own place; what is packed has its border. */
static int count_before(const Node *node, int axis)
{
    const int padding = node->at.padding[axis];

    if (is_dx(node))
        return node->inputs[1]->shape.size[2 + axis] - 1 - padding;
    return node->inputs[0]->physical->lanes < 16 ? 0 : padding;
}

/* Is it less work than a tile of whole blocks? Of 16 images. */
static bool pays(const Node *node, const BatchLanes *g)
{
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const Shape w = node->inputs[1]->shape;
    const Physical *windows = is_dx(node) ? x : y;
    const long products = (long)windows->height * windows->width * w.size[2] * w.size[3] *
                          w.size[!is_dx(node)];
    const int step = g->rows * node->at.stride[0];
    const double again = g->rows < y->height ? (double)(step + w.size[2] - 1) / step : 1;
    const double blocks = again * x->full_height * g->transposed * x->blocks + y->height * y->width;

    return (double)products * channel_count(y) + TRANSPOSE * blocks < (double)products * 16;
}

/* Pixels of a tile: as many as there are registers for, and tiles of about one size in a row. */
static int cut_row(int width, int most)
{
    const int tiles = (width + most - 1) / most;

    return (width + tiles - 1) / tiles;
}

/* Bands of rows, so that what is transposed for one stays in the cache. */
static void cut_bands(BatchLanes *g, const Node *node, long row)
{
    const Physical *x = node->inputs[0]->physical;
    const int stride = node->at.stride[0], kernel = node->inputs[1]->shape.size[2];
    const long most = SCRATCH / ((long)sizeof(float) * row);
    int under;

    g->rows = node->outputs[0]->physical->height;
    if (x->full_height > most)
        while (g->rows > 1 && (g->rows - 1) * stride + kernel > most)
            g->rows--;
    under = (g->rows - 1) * stride + kernel;
    g->floats = row * (under < x->full_height ? under : x->full_height);
}

BatchLanes plan_batch_lanes(const Node *node, const Target *target)
{
    const Physical *x = node->inputs[0]->physical, *y = node->outputs[0]->physical;
    const BatchLanes none = {0};
    BatchLanes g = {0};
    int outputs, most;

    if (!fits(node))
        return none;
    outputs = channel_count(y);
    g.groups = (outputs + target->sums - 1) / target->sums;
    g.channels = (outputs + g.groups - 1) / g.groups;
    most = target->sums / g.channels;
    g.pixels = cut_row(y->width, most < MOST_PIXELS ? most : MOST_PIXELS);
    g.pad_top = count_before(node, 0);
    g.left = count_before(node, 1);
    g.columns = (y->width - 1) * node->at.stride[1] + node->inputs[1]->shape.size[3];
    g.transposed = x->full_width < g.columns - g.left ? x->full_width : g.columns - g.left;
    cut_bands(&g, node, 16L * g.columns * channel_count(x));
    if (g.pad_top < 0 || g.left < 0 || g.transposed <= 0 ||
        g.floats * (long)sizeof(float) > SCRATCH || !pays(node, &g))
        return none;
    return g;
}
