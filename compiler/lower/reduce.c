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
    return is_name(layer->call, "axis", "length");
}

const char *axes_text(const Layer *layer)
{
    const Constant *axis = argument(layer->call, "axis");
    Text list = {0};

    for (int i = 0; i < axis->count; i++)
        text_add(&list, "%s%s", i ? ", " : "", axis->items[i].text);
    return axis->kind == CONSTANT_LIST ? format("[%s]", list.at) : axis->text;
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

/* The axes that the layer goes along. */
typedef struct Axes {
    bool at[MAX_RANK];
    int count; /* 0 after an error */
} Axes;

static Axes all_axes(int rank)
{
    Axes axes = {.count = rank};

    for (int i = 0; i < rank; i++)
        axes.at[i] = true;
    return axes;
}

static Axes find_axes(Lowering *l, const Layer *layer)
{
    const Constant *given = argument(layer->call, "axis");
    const bool list = given->kind == CONSTANT_LIST;
    Axes axes = {0};

    if (goes_along_length(layer) && !check_length(l, layer))
        return axes;
    if (is_name(layer->call, "axis", "all"))
        return all_axes(layer->inputs[0]->value->shape.rank);
    for (int i = 0; i < (list ? given->count : 1); i++) {
        const Constant *name = list ? &given->items[i] : given;
        const int axis = find_named_axis(l, layer, name);

        if (axis >= 0 && axes.at[axis])
            error_at(l->model->source, name->span, "the axis `%s` is given twice", name->text);
        if (axis < 0 || axes.at[axis])
            return (Axes){0};
        axes.at[axis] = true;
        axes.count++;
    }
    return axes;
}

/* Is it all pixels of an image or a volume? */
static bool are_pixels(Axes axes, Shape x)
{
    return x.rank >= 3 && axes.count == x.rank - 1 && !axes.at[0];
}

static Value *along(Lowering *l, const Layer *layer, Op op, Value *x, int axis, Attributes at)
{
    at.axis = axis;
    at.shape = x->shape;
    at.shape.size[axis] = 1;
    return append_node(l, layer, op, &x, 1, at)->outputs[0];
}

/* Without the axes that were gone along; [1] where none is left. */
static Value *drop_axes(Lowering *l, const Layer *layer, Value *y, Axes axes)
{
    Shape shape = {0};

    for (int i = 0; i < y->shape.rank; i++)
        if (i == 0 || !axes.at[i])
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

/* Along axes of x, the innermost first: 1 of each is left. */
static Value *along_axes(Lowering *l, const Layer *layer, Op op, Value *x, Axes axes, Attributes at)
{
    for (int axis = x->shape.rank - 1; axis >= 0; axis--)
        if (axes.at[axis])
            x = along(l, layer, op, x, axis, at);
    return x;
}

Value *reduce(Lowering *l, const Layer *layer, Op op, Value *x, double scale)
{
    const Axes axes = find_axes(l, layer);
    const Attributes at = {.smallest = op == OP_AXIS_MAX && scale < 0};

    if (!axes.count)
        return NULL;
    if (op == OP_AXIS_SUM && are_pixels(axes, x->shape)) {
        x = as_image(l, layer, x);
        x = append_node(l, layer, OP_PIXEL_SUM, &x, 1, (Attributes){0})->outputs[0];
    } else {
        x = drop_axes(l, layer, along_axes(l, layer, op, x, axes, at), axes);
    }
    return op == OP_AXIS_SUM && scale != 1 ? scaled(l, layer, x, scale) : x;
}

Value *lower_sum(Lowering *l, Layer *layer, Value *const *x)
{
    return reduce(l, layer, OP_AXIS_SUM, x[0], 1);
}

/* Products of two values of one shape, added up along axes. */
Value *lower_dot(Lowering *l, Layer *layer, Value *const *x)
{
    Value *product;

    if (!same_shape(x[0]->shape, x[1]->shape)) {
        error_at(l->model->source, layer->span, "`dot` wants equal shapes, these are %s and %s",
                 shape_text(x[0]->shape), shape_text(x[1]->shape));
        return NULL;
    }
    product = append_node(l, layer, OP_MULTIPLY, x, 2, (Attributes){0})->outputs[0];
    return reduce(l, layer, OP_AXIS_SUM, product, 1);
}

/* Numbers that become one. */
static int count_along(const Value *x, Axes axes)
{
    int count = 1;

    for (int axis = 0; axis < x->shape.rank; axis++)
        count *= axes.at[axis] ? x->shape.size[axis] : 1;
    return count;
}

Value *lower_mean_along(Lowering *l, const Layer *layer, Value *x)
{
    const Axes axes = find_axes(l, layer);

    return axes.count ? reduce(l, layer, OP_AXIS_SUM, x, 1.0 / count_along(x, axes)) : NULL;
}

Value *lower_logsumexp(Lowering *l, Layer *layer, Value *const *x)
{
    return reduce(l, layer, OP_LOGSUMEXP, x[0], 1);
}

/* x less its mean along some axes; the gradient of their variance by the mean is 0. */
static Value *centered(Lowering *l, const Layer *layer, Value *x, Axes axes)
{
    Value *mean = along_axes(l, layer, OP_AXIS_SUM, x, axes, (Attributes){0});

    mean = scaled(l, layer, mean, -1.0 / count_along(x, axes));
    for (int axis = 0; axis < x->shape.rank; axis++)
        if (axes.at[axis]) {
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
    const Axes axes = find_axes(l, layer);
    const int count = count_along(x[0], axes);
    Value *y;

    if (!axes.count)
        return NULL;
    if (correction >= count) {
        error_at(l->model->source, layer->span,
                 "var with correction=%d wants more than %d number%s along axis=%s; %s is %s",
                 correction, correction, correction == 1 ? "" : "s", axes_text(layer),
                 source_text(layer->inputs[0]), shape_text(x[0]->shape));
        return NULL;
    }
    y = centered(l, layer, x[0], axes);
    y = centered(l, layer, y, axes);
    y = append_node(l, layer, OP_SQUARE, &y, 1, (Attributes){0})->outputs[0];
    return reduce(l, layer, OP_AXIS_SUM, y, 1.0 / (count - correction));
}

/* ---- Softmax --------------------------------------------------------------------------------- */

/* All numbers are those of one pixel, all pixels the positions of a sequence. */
Value *lower_softmax(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = x[0]->shape;
    const Axes axes = find_axes(l, layer);
    const bool all = axes.count == shape.rank, pixels = are_pixels(axes, shape);
    int first = 0;
    Value *y = x[0];

    if (!axes.count)
        return NULL;
    if (axes.count > 1 && !all && !pixels) {
        error_at(l->model->source, argument(layer->call, "axis")->span,
                 "softmax goes along one axis, %s or all",
                 shape.rank == 4 ? "[depth, height, width]" : "[height, width]");
        return NULL;
    }
    while (!axes.at[first])
        first++;
    if (all)
        y = reshape_value(l, layer, y, (Shape){.rank = 1, .size = {shape_size(shape)}});
    else if (pixels)
        y = reshape_value(
            l, layer, y,
            (Shape){.rank = 2, .size = {shape.size[0], shape_size(shape) / shape.size[0]}});
    y = append_node(l, layer, first == 0 ? OP_SOFTMAX : OP_AXIS_SOFTMAX, &y, 1,
                    (Attributes){.axis = first})
            ->outputs[0];
    return reshape_value(l, layer, y, shape);
}
