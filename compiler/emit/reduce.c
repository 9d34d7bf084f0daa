/*
 * reduce.c -- sums and extremes along an axis, and what goes the other way (kernels/axis.h).
 */

#include "emit/emit.h"

/* The axis of a value that has all of it. */
static const char *axis_text(const Value *x, int axis)
{
    const Layout *v = x->layout;
    const int pixels = v->height * v->width;
    int size = 1, behind = axis > 0 ? 1 : pixels;

    for (int i = axis + 1; axis > 0 && i < x->shape.rank; i++)
        behind *= x->shape.size[i];
    if (axis > 0)
        size = x->shape.size[axis];
    return format("(struct net_axis){.batch_blocks = %d, .before = %d, .size = %d, .behind = %d, "
                  ".blocks = %d, .channels = %d%s}",
                  v->batch_blocks, pixels / behind / size, size, behind, v->blocks,
                  x->shape.size[0], axis > 0 ? "" : ", .across = true");
}

void emit_reduce(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *x = node->inputs[0];
    const bool max = node->op == OP_AXIS_MAX, least = node->at.smallest;

    describe_kernel(c, k, x, "y = %s along axis %d%s; items: (batch block, pixel, block)",
                    node->op == OP_AXIS_SUM ? "the sum of x"
                    : !max                  ? "log of the sum of e^x"
                    : least                 ? "the min of x"
                                            : "the max of x",
                    node->at.axis,
                    max && !node->outputs[1]->internal ? ", index = the first that has it" : "");
    c->base = format("%s_%d%s", c->base, node->at.axis, least ? "_min" : "");
    call_template(c, "net_%s(%s, %s, %s%s", op_info[node->op].text, outputs_text(c, node),
                  inputs_text(c, node),
                  !max    ? ""
                  : least ? "-1.0f, "
                          : "1.0f, ",
                  axis_text(x, node->at.axis));
}

void emit_axis_softmax(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];

    describe_kernel(c, k, y, "%s along axis %d; items: (batch block, pixel, block)",
                    node->backward ? "dx = y (dy - sum of y dy)" : "y = e^x / sum e^x",
                    node->at.axis);
    c->base = format("%s_%d", c->base, node->at.axis);
    call_template(c, "net_%s(%s, %s, %s", op_info[node->op].text, pointer(c, y),
                  inputs_text(c, node), axis_text(y, node->at.axis));
}

void emit_spread(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const char *inputs = inputs_text(c, node);
    const Epilogue end = add_epilogue(c, k, y->layout);

    describe_kernel(c, k, y, "%s along axis %d; items: (batch block, row)",
                    node->op == OP_SPREAD ? "y = x again and again" : "dx = dy where x is y",
                    node->at.axis);
    c->base = format("%s_%d", c->base, node->at.axis);
    call_template(c, "net_%s(%s, %s, %s, %s, %s", op_info[node->op].text, inputs, end.arguments,
                  add_row_end(c, k), axis_text(y, node->at.axis), extent_text(y->layout));
}
