/*
 * arithmetic_cases.h -- a case of graph.c, and the graphs of arithmetic on values.
 */

#ifndef ARITHMETIC_CASES_H
#define ARITHMETIC_CASES_H

#include "support/small_graph.h"

typedef struct Case Case;

struct Case {
    Op op; /* what the case is for */
    void (*build)(Graph *g, const Case *c, int channels);
    int other; /* outputs of a contraction, elements of an image's side */
    Attributes at;
};

/* Of a value above 0.3. */
static Value *positive(Graph *g, Value *x)
{
    return append(g, OP_SHIFT, (Attributes){.shift = 0.3}, 1, unary(g, OP_SOFTPLUS, x), NULL, NULL);
}

static void build_positive(Graph *g, const Case *c, int channels)
{
    finish(g, unary(g, c->op, positive(g, parameter(g, vector(channels), true))));
}

/* a / b, then that by it again */
static void build_divide(Graph *g, const Case *c, int channels)
{
    Value *a = parameter(g, vector(channels), true);
    Value *b = positive(g, parameter(g, vector(channels), true));

    a = append(g, c->op, c->at, 2, a, b, NULL);
    finish(g, append(g, c->op, c->at, 2, a, b, NULL));
}

/* a where it is larger than b, or than a number */
static void build_comparison(Graph *g, const Case *c, int channels)
{
    Value *a = parameter(g, vector(channels), true);
    Value *b = c->op == OP_ABOVE ? NULL : parameter(g, vector(channels), true);

    b = append(g, c->op, c->at, b ? 2 : 1, a, b, NULL);
    finish(g, append(g, OP_MULTIPLY, c->at, 2, a, b, NULL));
}

/* x[c] times an image, whose sums are added to it */
static void build_stretch(Graph *g, const Case *c, int channels)
{
    const Attributes at = {.shape = image(channels, c->other, c->other + 1)};
    Value *x = parameter(g, vector(channels), true), *y = parameter(g, at.shape, true);
    Value *wide = append(g, OP_STRETCH, at, 1, x, NULL, NULL);
    Value *sum = append(g, OP_PIXEL_SUM, at, 1, append(g, OP_MULTIPLY, at, 2, wide, y, NULL), NULL,
                        NULL);

    finish(g, append(g, OP_ADD, at, 2, x, sum, NULL));
}

/* sums or extremes along an axis of an image, spread out again and added to it */
static void build_along(Graph *g, const Case *c, int channels)
{
    Attributes one = c->at, all = c->at;
    Value *x = parameter(g, image(channels, c->other, c->other + 1), true), *y;
    const bool keeps = c->op == OP_AXIS_SOFTMAX;

    all.shape = one.shape = x->shape;
    one.shape.size[one.axis] = 1;
    y = append(g, c->op, one, 1, unary(g, OP_TANH, x), NULL, NULL);
    y = keeps ? y : append(g, OP_SPREAD, all, 1, unary(g, OP_TANH, y), NULL, NULL);
    finish(g, append(g, OP_ADD, all, 2, x, y, NULL));
}

#endif
