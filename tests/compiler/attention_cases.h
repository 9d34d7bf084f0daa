/*
 * attention_cases.h -- graphs of attention, and of weights in part, for graph.c.
 */

#ifndef ATTENTION_CASES_H
#define ATTENTION_CASES_H

#include "compiler/recurrent_cases.h"

static inline Value *tokens_of(Graph *g, int size, ElementType type)
{
    Value *value = add_value(g, vector(size), true, type, ROLE_INPUT);

    value->name = "tokens";
    return value;
}

/* Of `other` positions, two heads; at.pixels: of words, some of them padding. */
static void build_attention(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, sequence(6 * channels, c->other), true);
    Value *tokens = c->at.pixels ? tokens_of(g, c->other, TYPE_TOKENS) : NULL;
    Attributes at = c->at;

    at.heads = 2;
    finish(g, append(g, OP_ATTENTION, at, 2, x, tokens, NULL));
}

/* Of 4 positions to `other` of a second sequence, made by tanh. */
static void build_cross_attention(Graph *g, const Case *c, int channels)
{
    Value *q = parameter(g, sequence(2 * channels, 4), true);
    Value *kv = unary(g, OP_TANH, parameter(g, sequence(4 * channels, c->other), true));
    Value *tokens = c->at.pixels ? tokens_of(g, c->other, TYPE_TOKENS) : NULL;
    Attributes at = c->at;

    at.heads = 2;
    finish(g, append(g, OP_CROSS_ATTENTION, at, 3, q, kv, tokens));
}

/* `other` outputs of a dense layer's weight and bias from 2 on, and all of them. */
static void build_weight_slice(Graph *g, const Case *c, int channels)
{
    const int outputs = c->other + 3;
    Attributes at = {.begin = 2, .shape = {.rank = 2, .size = {c->other, channels}}};
    Value *x = parameter(g, vector(channels), true), *b = parameter(g, vector(outputs), false);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {outputs, channels}}, false);
    Value *y = append(g, OP_DENSE, at, 3, x, w, b), *part;

    part = append(g, OP_WEIGHT_SLICE, at, 1, w, NULL, NULL);
    at.shape = vector(c->other);
    part = append(g, OP_DENSE, at, 3, x, part, append(g, OP_WEIGHT_SLICE, at, 1, b, NULL, NULL));
    finish(g, append(g, OP_CONCAT, at, 2, y, part, NULL));
}

#endif
