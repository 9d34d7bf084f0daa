/*
 * movement_cases.h -- graphs of what only moves numbers, for graph.c.
 */

#ifndef MOVEMENT_CASES_H
#define MOVEMENT_CASES_H

#include "compiler/arithmetic_cases.h"

/* An image at its place in one that is larger by at.axes. */
static void build_pad(Graph *g, const Case *c, int channels)
{
    Attributes at = {.place = {c->at.place[0], c->at.place[1], c->at.place[2]}};
    Value *x = parameter(g, image(channels, c->other, c->other + 1), true);

    at.shape = image(channels + c->at.axes[0], c->other + c->at.axes[1],
                     c->other + 1 + c->at.axes[2]);
    finish(g, append(g, OP_PAD, at, 1, unary(g, OP_TANH, x), NULL, NULL));
}

/* Three images one behind the other, along rows or columns. */
static void build_side_by_side(Graph *g, const Case *c, int channels)
{
    const bool rows = c->at.axis == 1;
    Attributes at = {.axis = c->at.axis};
    Value *a = parameter(g, image(channels, 3, 3), true);
    Value *b = parameter(g, image(channels, rows ? 2 : 3, rows ? 3 : 2), true);

    at.shape = image(channels, rows ? 8 : 3, rows ? 3 : 8);
    finish(g, append(g, OP_PAD, at, 3, a, unary(g, OP_TANH, b), a));
}

/* Some channels of an image, from 1 on. */
static void build_slice(Graph *g, const Case *c, int channels)
{
    const Attributes at = {.begin = 1, .shape = image(channels, c->other, 2)};
    Value *x = parameter(g, image(channels + 3, c->other, 2), true);

    finish(g, append(g, OP_SLICE, at, 1, unary(g, OP_TANH, x), NULL, NULL));
}

/* A sequence transposed. */
static void build_transposed(Graph *g, const Case *c, int channels)
{
    Attributes at = {.axis_count = 2, .order = {1, 0}};
    Value *x = parameter(g, (Shape){.rank = 2, .size = {channels, c->other}}, true);

    at.axes[0] = channels;
    at.axes[1] = c->other;
    at.shape = (Shape){.rank = 2, .size = {c->other, channels}};
    finish(g, append(g, OP_PERMUTE, at, 1, unary(g, OP_TANH, x), NULL, NULL));
}

/* Pairs of channels become rows twice as long, two images apart. */
static void build_permuted(Graph *g, const Case *c, int channels)
{
    Attributes at = {.axis_count = 4, .order = {3, 1, 0, 2}};
    Value *x = parameter(g, image(2 * channels, c->other, c->other + 1), true);

    at.axes[0] = 2;
    at.axes[1] = channels;
    at.axes[2] = c->other;
    at.axes[3] = c->other + 1;
    at.shape = image(c->other + 1, channels, 2 * c->other);
    finish(g, append(g, OP_PERMUTE, at, 1, unary(g, OP_TANH, x), NULL, NULL));
}

#endif
