/*
 * small_graph.h -- graphs of a few nodes, built by hand: names and shapes for tests.
 */

#ifndef SMALL_GRAPH_H
#define SMALL_GRAPH_H

#include "lower/lower.h"

static inline Shape vector(int channels)
{
    return (Shape){.rank = 1, .size = {channels}};
}

static inline Shape sequence(int channels, int length)
{
    return (Shape){.rank = 2, .size = {channels, length}};
}

static inline Shape image(int channels, int height, int width)
{
    return (Shape){.rank = 3, .size = {channels, height, width}};
}

static inline Value *parameter(Graph *g, Shape shape, bool batched)
{
    Value *value = add_value(g, shape, batched, TYPE_F32, ROLE_PARAMETER);

    value->name = format("p%d", value->id);
    return value;
}

static inline Value *state(Graph *g, Shape shape)
{
    Value *value = add_value(g, shape, false, TYPE_F32, ROLE_STATE);

    value->name = format("s%d", value->id);
    return value;
}

static inline Value *target(Graph *g, Shape shape, ElementType type)
{
    Value *value = add_value(g, shape, true, type, ROLE_TARGET);

    value->name = "target";
    return value;
}

static inline Value *append(Graph *g, Op op, Attributes at, int count, Value *a, Value *b, Value *c)
{
    return add_node(g, op, (Value *[]){a, b, c}, count, at, (Span){0}, "test")->outputs[0];
}

static inline Value *unary(Graph *g, Op op, Value *x)
{
    const Attributes at = {.slope = 0.25,
                           .scale = 0.5,
                           .least = 0.25,
                           .most = 0.5,
                           .p = 0.5,
                           .together = 1,
                           .stream = 3};

    return append(g, op, at, 1, x, NULL, NULL);
}

/* Ends the graph: the mean square distance of y from a random target. */
static inline void finish(Graph *g, Value *y)
{
    g->prediction = y;
    g->loss = append(g, OP_MSE, (Attributes){0}, 2, y, target(g, y->shape, TYPE_F32), NULL);
}

#endif
