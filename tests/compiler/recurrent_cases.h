/*
 * recurrent_cases.h -- graphs of layers over time, for graph.c.
 */

#ifndef RECURRENT_CASES_H
#define RECURRENT_CASES_H

#include "compiler/movement_cases.h"

/* Over `other` steps, with words or without; at.begin: gates. */
static void build_recurrent(Graph *g, const Case *c, int channels)
{
    const int gates = c->at.begin, outputs = gates * channels;
    Value *tokens = add_value(g, vector(c->other), true, TYPE_TOKENS, ROLE_INPUT);
    Value *inputs[] = {
        parameter(g, image(outputs, 1, c->other), true),
        parameter(g, (Shape){.rank = 4, .size = {outputs, channels, 1, 1}}, false),
        parameter(g, vector(outputs), false),
        c->other > 1 ? tokens : NULL,
    };

    tokens->name = "tokens";
    finish(g, add_node(g, c->op, inputs, 4, c->at, (Span){0}, "test")->outputs[0]);
}

#endif
