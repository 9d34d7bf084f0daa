/*
 * loss_cases.h -- graphs that end in a loss, or in a sum of losses.
 */

#ifndef LOSS_CASES_H
#define LOSS_CASES_H

#include "compiler/arithmetic_cases.h"

static void build_loss(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, vector(channels), true);
    Value *t = c->op == OP_CROSS_ENTROPY ? target(g, (Shape){0}, TYPE_CLASS)
                                         : target(g, vector(channels), TYPE_F32);

    g->prediction = x;
    g->loss = append(g, c->op, c->at, 2, x, t, NULL);
}

/* A value that is the loss, of a target too. */
static void build_expression(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, vector(channels), true), *t = target(g, vector(channels), TYPE_F32);

    g->prediction = x;
    g->loss = append(g, c->op, c->at, 1, append(g, OP_MULTIPLY, c->at, 2, x, t, NULL), NULL, NULL);
}

/* Of two views, made by tanh; `other` numbers a row. */
static void build_pairs(Graph *g, const Case *c, int channels)
{
    Value *a = unary(g, OP_TANH, parameter(g, vector(channels), true));
    Value *b = unary(g, OP_TANH, parameter(g, vector(channels), true));

    finish(g,
           append(g, c->op, (Attributes){.scale = 1.5, .shape = vector(c->other)}, 2, a, b, NULL));
}

/* Two terms of one prediction, one of another, with factors. */
static void build_losses(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, vector(channels), true), *t = target(g, vector(channels), TYPE_F32);
    Value *y = g->prediction = parameter(g, vector(channels + 1), true);

    g->loss = append(g, c->op, c->at, 3,
                     append(g, OP_MSE, (Attributes){.scaled = true, .factor = 0.3}, 2, x, t, NULL),
                     append(g, OP_CROSS_ENTROPY,
                            (Attributes){.term = 1, .scaled = true, .factor = -2}, 2, y,
                            target(g, (Shape){0}, TYPE_CLASS), NULL),
                     append(g, OP_MSE, (Attributes){.term = 2}, 2, x, t, NULL));
}

/* One output, and its class instead of a value. */
static void build_class_loss(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, vector(channels), true);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {1, channels}}, false);

    g->prediction = append(g, OP_DENSE, c->at, 3, x, w, NULL);
    g->loss = append(g, c->op, c->at, 2, g->prediction, target(g, (Shape){0}, TYPE_CLASS), NULL);
}

#endif
