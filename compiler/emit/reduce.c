/*
 * reduce.c -- sums and extremes along an axis, and what goes the other way (kernels/axis.h).
 */

#include "emit/emit.h"

/* The axis of a value that has all of it. */
static const char *axis_text(const Value *x, int axis)
{
    const Layout *v = x->layout;
    const int pixels = v->height * v->width;
    int behind = 1;

    if (axis == 0)
        return format("(struct net_axis){.batch_blocks = %d, .before = 1, .size = 1, .behind = %d, "
                      ".blocks = %d, .channels = %d}",
                      v->batch_blocks, pixels, v->blocks, x->shape.size[0]);
    for (int i = axis + 1; i < x->shape.rank; i++)
        behind *= x->shape.size[i];
    return format("(struct net_axis){.batch_blocks = %d, .before = %d, .size = %d, .behind = %d, "
                  ".blocks = %d}",
                  v->batch_blocks, pixels / behind / x->shape.size[axis], x->shape.size[axis],
                  behind, v->blocks);
}

void emit_reduce(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *x = node->inputs[0];
    const bool sum = node->op == OP_AXIS_SUM, least = node->at.smallest;

    include(c->e, "axis");
    describe_kernel(c, k, x, "y = the %s of x along axis %d%s; items: (batch block, pixel, block)",
                    sum     ? "sum"
                    : least ? "min"
                            : "max",
                    node->at.axis,
                    sum || node->outputs[1]->internal ? "" : ", index = the first that has it");
    c->base = format("%s_%d%s", c->base, node->at.axis, !sum && least ? "_min" : "");
    call_template(c, "net_axis_%s(%s, %s, %s%s", sum ? "sum" : "max", outputs_text(c, node),
                  inputs_text(c, node),
                  sum     ? ""
                  : least ? "-1.0f, "
                          : "1.0f, ",
                  axis_text(x, node->at.axis));
}

void emit_spread(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const char *inputs = inputs_text(c, node);
    const Epilogue end = add_epilogue(c, k, y->layout);

    include(c->e, "axis");
    describe_kernel(c, k, y, "%s along axis %d; items: (batch block, row)",
                    node->op == OP_SPREAD ? "y = x again and again" : "dx = dy where x is y",
                    node->at.axis);
    c->base = format("%s_%d", c->base, node->at.axis);
    call_template(c, "net_%s(%s, %s, %s, %s, %s", op_info[node->op].text, inputs, end.arguments,
                  add_row_end(c, k), axis_text(y, node->at.axis), extent_text(y->layout));
}
