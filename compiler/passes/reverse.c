/*
 * reverse.c -- what vector-Jacobian products are made of: backward nodes and sums of gradients.
 */

#include "passes/autodiff.h"

bool wants(const Reverse *r, int input)
{
    const Value *value = r->node->inputs[input];

    return value && r->wanted[value->id];
}

Node *append(Reverse *r, Op op, Value *const *inputs, int count, Attributes at)
{
    Node *node = add_node(r->g, op, inputs, count, at, r->node->span, r->node->path);

    node->backward = true;
    return node;
}

void accumulate(Reverse *r, int input, Value *gradient)
{
    Value *value = r->node->inputs[input], **sum = &r->gradient[value->id];

    if (!gradient->gradient_of)
        gradient->gradient_of = value;
    *sum = *sum ? append(r, OP_ADD, (Value *[]){*sum, gradient}, 2, (Attributes){0})->outputs[0]
                : gradient;
    if (!(*sum)->gradient_of)
        (*sum)->gradient_of = value;
}

Attributes restoring(const Node *node)
{
    Attributes at = node->at;

    at.shape = node->inputs[0]->shape;
    return at;
}
