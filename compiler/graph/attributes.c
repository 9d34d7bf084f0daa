/*
 * attributes.c -- what the attributes of a node come to: windows, factors, heads.
 */

#include "graph/graph.h"

int dilation_of(const Attributes *at, int axis)
{
    return at->dilation[axis] > 1 ? at->dilation[axis] : 1;
}

int groups_of(const Attributes *at)
{
    return at->groups > 1 ? at->groups : 1;
}

double factor_of(const Attributes *at)
{
    return at->scaled ? at->factor : 1;
}

int window_axes(const Attributes *at)
{
    return at->kernel[2] > 0 ? 3 : 2;
}

int slices_of(const Attributes *at)
{
    return at->slices > 1 ? at->slices : 1;
}

int window_reach(const Attributes *at, int axis)
{
    return (at->kernel[axis] - 1) * dilation_of(at, axis) + 1;
}

/* The least number of taps whose distance in pixels is a multiple of the stride. */
int tap_step(const Attributes *at, int axis)
{
    int a = at->stride[axis], b = dilation_of(at, axis);

    while (b) {
        const int rest = a % b;

        a = b;
        b = rest;
    }
    return at->stride[axis] / a;
}

int window_count(const Attributes *at, int size, int axis)
{
    const long reach = (long)size + at->padding[axis] + at->padding_end[axis] -
                       window_reach(at, axis);

    return reach < 0 || at->stride[axis] < 1 ? 0 : (int)(reach / at->stride[axis]) + 1;
}

Heads heads_of(const Node *node)
{
    const bool grad = node->op == OP_ATTENTION_GRAD || node->op == OP_CROSS_ATTENTION_GRAD;
    const bool apart = node->op == OP_CROSS_ATTENTION || node->op == OP_CROSS_ATTENTION_GRAD;

    if ((!grad && !apart && node->op != OP_ATTENTION) || !node->inputs[0] || !node->inputs[apart])
        return (Heads){0};
    const int *q = node->inputs[0]->shape.size, *k = node->inputs[apart]->shape.size;
    return (Heads){apart ? q[0] : q[0] / 3, q[1], k[1], apart, grad};
}
