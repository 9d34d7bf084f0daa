/*
 * learned.c -- values that are learnt, and layers that are made of such: parameter, rmsnorm,
 * groupnorm, instancenorm, prelu.
 *
 * The one idea: a parameter that is added to zeros of every row is a value like any other, which
 * operators take; its gradient is the sum over the rows.
 */

#include "lower/lowering.h"

#include <math.h>

/* ---- Parameters as values -------------------------------------------------------------------- */

static Value *unary(Lowering *l, const Layer *layer, Op op, Value *x, Attributes at)
{
    return append_node(l, layer, op, &x, 1, at)->outputs[0];
}

static Value *binary(Lowering *l, const Layer *layer, Op op, Value *a, Value *b)
{
    return append_node(l, layer, op, (Value *[]){a, b}, 2, (Attributes){0})->outputs[0];
}

/* [count] zeros, of which x, whatever is in it, learns nothing. */
static Value *zeros_beside(Lowering *l, const Layer *layer, Value *x, int count)
{
    const Shape one = {.rank = 1, .size = {1}};
    const Shape flat = {.rank = 1, .size = {shape_size(x->shape)}};

    x = reshape_value(l, layer, x, flat);
    if (flat.size[0] > 1)
        x = unary(l, layer, OP_SLICE, x, (Attributes){.shape = one});
    x = unary(l, layer, OP_ABOVE, x, (Attributes){.limit = INFINITY});
    x = spread(l, layer, x, 0, count);
    x->node->at.constant = true;
    return x;
}

/* The layer's parameter `i`, flat in the graph, as it is written in files; of a network that is
   called again that of the first call. NULL after an error. */
static Value *own(Lowering *l, const Layer *layer, int i, const char *leaf, Shape stored,
                  const char *init)
{
    Owned *owned = layer->shared ? find_owned(l, layer->shared)
                   : i           ? find_owned(l, layer)
                                 : add_owned(l, layer);
    Value *parameter;

    if (!owned)
        return NULL;
    if (layer->shared) {
        if (same_shape(file_shape(owned->values[i]), stored))
            return owned->values[i];
        error_at(l->model->source, layer->span,
                 "%s needs %s %s here, the first use of the same network had %s", layer->call->name,
                 leaf, shape_text(stored), shape_text(file_shape(owned->values[i])));
        return NULL;
    }
    if (!count_parameters(l, layer, stored))
        return NULL;
    parameter = add_parameter(l, layer, leaf, stored, init, 0);
    if (stored.rank > 1) {
        parameter->shape = (Shape){.rank = 1, .size = {shape_size(stored)}};
        parameter->stored = stored;
    }
    owned->values[i] = parameter;
    return parameter;
}

static Value *as_value(Lowering *l, const Layer *layer, Value *x, Value *parameter)
{
    return binary(l, layer, OP_ADD_BIAS, zeros_beside(l, layer, x, shape_size(parameter->shape)),
                  parameter);
}

/* x tells of which batch it is, and nothing else. */
Value *lower_parameter(Lowering *l, Layer *layer, Value *const *x)
{
    Shape shape;
    Value *parameter;

    if (!read_sizes(l, layer, &shape))
        return NULL;
    parameter = own(l, layer, 0, "weight", shape, "zeros");
    return parameter ? reshape_value(l, layer, as_value(l, layer, x[0], parameter), shape) : NULL;
}

/* ---- Normalizations -------------------------------------------------------------------------- */

static Shape of_channels(const Value *x)
{
    return (Shape){.rank = 1, .size = {x->shape.size[0]}};
}

/* [c] on all pixels of x. */
static Value *on_pixels(Lowering *l, const Layer *layer, Value *vector, const Value *x)
{
    return x->shape.rank == 1 ? vector : stretch(l, layer, vector, x->shape);
}

/* The mean of each group's channels and pixels, at each of its channels: [c] */
static Value *group_means(Lowering *l, const Layer *layer, Value *x, int groups)
{
    const Shape vector = of_channels(x);
    const int channels = vector.size[0], width = channels / groups;
    const Shape apart = {.rank = 2, .size = {groups, width}},
                means = {.rank = 2, .size = {groups, 1}};

    if (x->shape.rank > 1)
        x = unary(l, layer, OP_GLOBAL_AVGPOOL2D, as_image(l, layer, x), (Attributes){0});
    if (width == 1)
        return x;
    x = reshape_value(l, layer, x, apart);
    x = unary(l, layer, OP_AXIS_SUM, x, (Attributes){.axis = 1, .shape = means});
    x = unary(l, layer, OP_SCALE, x, (Attributes){.scale = 1.0 / width});
    return reshape_value(l, layer, spread(l, layer, x, 1, width), vector);
}

/* 1 / sqrt(square + eps) */
static Value *inverse_root(Lowering *l, const Layer *layer, Value *square)
{
    const Attributes eps = {.shift = number(layer->call, "eps")};

    square = unary(l, layer, OP_SHIFT, square, eps);
    return unary(l, layer, OP_RECIPROCAL, unary(l, layer, OP_SQRT, square, (Attributes){0}),
                 (Attributes){0});
}

/* (x - mean) / sqrt(var + eps) of each row's groups, times gamma where it is learnt. */
static Value *normalize_groups(Lowering *l, const Layer *layer, Value *x, int groups, Value *gamma)
{
    Value *mean = group_means(l, layer, x, groups), *factor, *square;

    mean = unary(l, layer, OP_SCALE, on_pixels(l, layer, mean, x), (Attributes){.scale = -1});
    x = binary(l, layer, OP_ADD, x, mean);
    square = unary(l, layer, OP_SQUARE, x, (Attributes){0});
    factor = inverse_root(l, layer, group_means(l, layer, square, groups));
    if (gamma)
        factor = binary(l, layer, OP_MULTIPLY, factor, as_value(l, layer, x, gamma));
    return binary(l, layer, OP_MULTIPLY, x, on_pixels(l, layer, factor, x));
}

/* Wu and He 2018 */
Value *lower_groupnorm(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape channels = of_channels(x[0]);
    const int groups = whole(number(layer->call, "groups"));
    Value *gamma, *beta;

    if (channels.size[0] % groups || shape_size(x[0]->shape) == groups) {
        error_at(l->model->source, argument(layer->call, "groups")->span,
                 channels.size[0] % groups
                     ? "groups=%d has to divide the channels: %s is %s"
                     : "groups=%d leaves one number a group, without a variance: %s is %s",
                 groups, source_text(layer->inputs[0]), shape_text(x[0]->shape));
        return NULL;
    }
    gamma = own(l, layer, 0, "weight", channels, "ones");
    beta = gamma ? own(l, layer, 1, "bias", channels, "zeros") : NULL;
    return beta ? binary(l, layer, OP_ADD_BIAS, normalize_groups(l, layer, x[0], groups, gamma),
                         beta)
                : NULL;
}

/* Ulyanov, Vedaldi and Lempitsky 2016 */
Value *lower_instancenorm(Lowering *l, Layer *layer, Value *const *x)
{
    const int channels = x[0]->shape.size[0];

    if (shape_size(x[0]->shape) > channels)
        return normalize_groups(l, layer, x[0], channels, NULL);
    error_at(l->model->source, layer->span,
             "instancenorm wants more than one number a channel; %s is %s",
             source_text(layer->inputs[0]), shape_text(x[0]->shape));
    return NULL;
}

/* x / sqrt(mean of squares over the channels + eps), times gamma (Zhang and Sennrich 2019) */
Value *lower_rmsnorm(Lowering *l, Layer *layer, Value *const *x)
{
    const int channels = x[0]->shape.size[0];
    Attributes along = {.shape = x[0]->shape};
    Value *gamma = own(l, layer, 0, "weight", of_channels(x[0]), "ones"), *square;

    if (!gamma)
        return NULL;
    along.shape.size[0] = 1;
    square = unary(l, layer, OP_SQUARE, x[0], (Attributes){0});
    square = unary(l, layer, OP_AXIS_SUM, square, along);
    square = unary(l, layer, OP_SCALE, square, (Attributes){.scale = 1.0 / channels});
    square = spread(l, layer, inverse_root(l, layer, square), 0, channels);
    gamma = on_pixels(l, layer, as_value(l, layer, x[0], gamma), x[0]);
    return binary(l, layer, OP_MULTIPLY, binary(l, layer, OP_MULTIPLY, x[0], square), gamma);
}

/* ---- Activations ----------------------------------------------------------------------------- */

/* x above 0, else slope times x: one slope, or one a channel (He and others 2015). */
Value *lower_prelu(Lowering *l, Layer *layer, Value *const *x)
{
    const bool each = number(layer->call, "per_channel") != 0;
    const Shape channels = of_channels(x[0]), one = {.rank = 1, .size = {1}};
    Value *slope = own(l, layer, 0, "weight", each ? channels : one, "constant"), *below;

    if (!slope)
        return NULL;
    slope->init_scale = 0.25;
    slope = as_value(l, layer, x[0], slope);
    if (!each && channels.size[0] > 1)
        slope = spread(l, layer, slope, 0, channels.size[0]);
    below = unary(l, layer, OP_SCALE, x[0], (Attributes){.scale = -1});
    below = unary(l, layer, OP_RELU, below, (Attributes){0});
    below = unary(l, layer, OP_SCALE, below, (Attributes){.scale = -1});
    below = binary(l, layer, OP_MULTIPLY, below, on_pixels(l, layer, slope, x[0]));
    return binary(l, layer, OP_ADD, unary(l, layer, OP_RELU, x[0], (Attributes){0}), below);
}
