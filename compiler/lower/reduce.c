/*
 * reduce.c -- what goes along an axis: sums, means, variances, extremes, softmax.
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

/* Numbers that become one. */
static int count_along(const Value *x, int first, int last)
{
    int count = 1;

    for (int axis = first; axis <= last; axis++)
        count *= x->shape.size[axis];
    return count;
}

Value *lower_mean_along(Lowering *l, const Layer *layer, Value *x)
{
    int first, last;

    if (!find_axes(l, layer, &first, &last))
        return NULL;
    return reduce(l, layer, OP_AXIS_SUM, x, 1.0 / count_along(x, first, last));
}

Value *lower_logsumexp(Lowering *l, Layer *layer, Value *const *x)
{
    return reduce(l, layer, OP_LOGSUMEXP, x[0], 1);
}

/* x less its mean along some axes; the gradient of their variance by the mean is 0. */
static Value *centered(Lowering *l, const Layer *layer, Value *x, int first, int last)
{
    Value *mean = x;

    for (int axis = last; axis >= first; axis--)
        mean = along(l, layer, OP_AXIS_SUM, mean, axis, (Attributes){0});
    mean = scaled(l, layer, mean, -1.0 / count_along(x, first, last));
    for (int axis = first; axis <= last; axis++) {
        mean = spread(l, layer, mean, axis, x->shape.size[axis]);
        mean->node->at.constant = true;
    }
    return append_node(l, layer, OP_ADD, (Value *[]){x, mean}, 2, (Attributes){0})->outputs[0];
}

/* The sum of squares of what is left without the mean, over their count less the correction. A mean
   far from 0 is rounded by more than deviations that are small beside it; what is left over of it
   is taken away too (as in the corrected two-pass algorithm of Chan, Golub and LeVeque 1983). */
Value *lower_var(Lowering *l, Layer *layer, Value *const *x)
{
    const int correction = whole(number(layer->call, "correction"));
    int first, last, count;
    Value *y;

    if (!find_axes(l, layer, &first, &last))
        return NULL;
    count = count_along(x[0], first, last);
    if (correction >= count) {
        error_at(l->model->source, layer->span,
                 "var with correction=%d wants more than %d number%s along axis=%s; %s is %s",
                 correction, correction, correction == 1 ? "" : "s",
                 argument(layer->call, "axis")->text, source_text(layer->inputs[0]),
                 shape_text(x[0]->shape));
        return NULL;
    }
    y = centered(l, layer, x[0], first, last);
    y = centered(l, layer, y, first, last);
    y = append_node(l, layer, OP_SQUARE, &y, 1, (Attributes){0})->outputs[0];
    return reduce(l, layer, OP_AXIS_SUM, y, 1.0 / (count - correction));
}

/* ---- Softmax --------------------------------------------------------------------------------- */

Value *lower_softmax(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = x[0]->shape, flat = {.rank = 1, .size = {shape_size(shape)}};
    const bool all = same(argument(layer->call, "axis")->text, "all") && shape.rank > 1;
    int first, last;
    Value *y = x[0];

    if (!find_axes(l, layer, &first, &last))
        return NULL;
    if (first == 0) {
        y = all ? reshape_value(l, layer, y, flat) : y;
        y = append_node(l, layer, OP_SOFTMAX, &y, 1, (Attributes){0})->outputs[0];
        return all ? reshape_value(l, layer, y, shape) : y;
    }
    return append_node(l, layer, OP_AXIS_SOFTMAX, &y, 1, (Attributes){.axis = first})->outputs[0];
}
