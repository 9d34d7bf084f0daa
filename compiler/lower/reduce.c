/*
 * reduce.c -- sums, means and extremes along an axis.
 *
 * The one idea: an operation goes along one axis and leaves 1 of it, which can be spread out again;
 * `all` is one axis after the other, the innermost first. Then the axis goes: of [c, h, w] [c, w]
 * is left along the height, but one channel, [1, h, w], along the channels.
 */

#include "lower/lowering.h"

bool goes_along_length(const Layer *layer)
{
    return same(argument(layer->call, "axis")->text, "length");
}

static bool check_length(Lowering *l, const Layer *layer)
{
    if (check_sequence(l, layer))
        return true;
    note(l->model->source, "axis=all goes along all of its axes, axis=%s along one",
         layer->inputs[0]->value->shape.rank == 1 ? "channels" : "height");
    return false;
}

Value *reduce_length(Lowering *l, Layer *layer, Value *const *x)
{
    return check_length(l, layer) ? lower_global_pool(l, layer, x) : NULL;
}

/* The first and the last axis that the layer goes along; false after an error. */
static bool find_axes(Lowering *l, const Layer *layer, int *first, int *last)
{
    const char *axis = argument(layer->call, "axis")->text;

    if (goes_along_length(layer) && !check_length(l, layer))
        return false;
    *first = same(axis, "all") ? 0 : find_axis(l, layer);
    *last = same(axis, "all") ? layer->inputs[0]->value->shape.rank - 1 : *first;
    return *first >= 0;
}

static Value *along(Lowering *l, const Layer *layer, Op op, Value *x, int axis, Attributes at)
{
    at.axis = axis;
    at.shape = x->shape;
    at.shape.size[axis] = 1;
    return append_node(l, layer, op, &x, 1, at)->outputs[0];
}

/* Without the axes that were gone along; [1] where none is left. */
static Value *drop_axes(Lowering *l, const Layer *layer, Value *y, int first, int last)
{
    Shape shape = {0};

    for (int i = 0; i < y->shape.rank; i++)
        if (i == 0 || i < first || i > last)
            shape.size[shape.rank++] = y->shape.size[i];
    return same_shape(shape, y->shape) ? y : reshape_value(l, layer, y, shape);
}

static Value *scaled(Lowering *l, const Layer *layer, Value *x, double factor)
{
    return append_node(l, layer, OP_SCALE, &x, 1, (Attributes){.scale = factor})->outputs[0];
}

Value *spread(Lowering *l, const Layer *layer, Value *x, int axis, int size)
{
    Attributes at = {.axis = axis, .shape = x->shape};

    at.shape.size[axis] = size;
    return append_node(l, layer, OP_SPREAD, &x, 1, at)->outputs[0];
}

Value *reduce(Lowering *l, const Layer *layer, Op op, Value *x, double scale)
{
    int first, last;

    if (!find_axes(l, layer, &first, &last))
        return NULL;
    for (int axis = last; axis >= first; axis--)
        x = along(l, layer, op, x, axis, (Attributes){.smallest = op == OP_AXIS_MAX && scale < 0});
    if (op == OP_AXIS_SUM && scale != 1)
        x = scaled(l, layer, x, scale);
    return drop_axes(l, layer, x, first, last);
}

Value *lower_sum(Lowering *l, Layer *layer, Value *const *x)
{
    return reduce(l, layer, OP_AXIS_SUM, x[0], 1);
}

Value *lower_mean_along(Lowering *l, const Layer *layer, Value *x)
{
    int first, last, count = 1;

    if (!find_axes(l, layer, &first, &last))
        return NULL;
    for (int axis = first; axis <= last; axis++)
        count *= x->shape.size[axis];
    return reduce(l, layer, OP_AXIS_SUM, x, 1.0 / count);
}
