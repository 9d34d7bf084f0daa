/*
 * conv.c -- convolutions of images, sequences and volumes, and transposed ones.
 *
 * The one idea: an operation and its two gradients do nearly all of them, one of images and one of
 * volumes. A sequence is an image of one row; a transposed convolution is the gradient of a
 * convolution, and its weight is that one's; groups are zeros in the weight.
 */

#include "lower/lowering.h"

/* Do the groups divide both sides? */
static bool check_groups(Lowering *l, const Layer *layer, int inputs, int channels, int groups)
{
    if (inputs % groups == 0 && channels % groups == 0)
        return true;
    error_at(l->model->source, argument(layer->call, "groups")->span,
             "groups=%d has to divide the channels on both sides: %s gets %d and gives %d", groups,
             layer->call->name, inputs, channels);
    return false;
}

/* The weight of groups as that of all channels. */
static Value *expand(Lowering *l, const Layer *layer, Value *w, int inputs, int groups)
{
    Attributes at = {.groups = groups, .shape = w->shape};

    at.shape.size[1] = inputs;
    return append_node(l, layer, OP_GROUP_EXPAND, &w, 1, at)->outputs[0];
}

/* A volume's kernel is walked a slice at a time: so many there are at most. */
static bool check_depth(Lowering *l, const Layer *layer, const Attributes *at)
{
    if (at->kernel[2] <= MAX_SLICES)
        return true;
    error_at(l->model->source, layer->span,
             "a kernel of %s is %d slices deep, the most is %d; a dilation, or two convolutions, "
             "reach further",
             window_text(layer, at->kernel), at->kernel[2], MAX_SLICES);
    return false;
}

/* [outputs, inputs, height, width], of a volume [outputs, inputs, depth, height, width] */
static Shape weight_shape(const Attributes *at, int outputs, int inputs)
{
    if (window_axes(at) == 3)
        return (Shape){.rank = 5,
                       .size = {outputs, inputs, at->kernel[2], at->kernel[0], at->kernel[1]}};
    return (Shape){.rank = 4, .size = {outputs, inputs, at->kernel[0], at->kernel[1]}};
}

/* y = w * x + b of an image or a volume. */
static Value *convolve(Lowering *l, Layer *layer, Value *x)
{
    const int channels = whole(number(layer->call, "channels")), inputs = x->shape.size[0];
    const int groups = whole(number(layer->call, "groups"));
    Attributes at = {0};
    Owned *owned;
    Value *w;

    if (!check_groups(l, layer, inputs, channels, groups) ||
        !find_window(l, layer, "kernel", x->shape, &at) ||
        !check_size(l, layer->span, format("the result of %s", layer->call->name),
                    windowed(x->shape, &at, channels)) ||
        !check_depth(l, layer, &at))
        return NULL;
    owned = weight_and_bias(l, layer, weight_shape(&at, channels, inputs / groups), channels);
    if (!owned)
        return NULL;
    w = owned->values[0];
    at.groups = groups;
    if (groups > 1)
        w = expand(l, layer, w, inputs, groups);
    return append_node(l, layer, is_volume(layer) ? OP_CONV3D : OP_CONV2D,
                       (Value *[]){x, w, owned->values[1]}, 3, at)
        ->outputs[0];
}

Value *lower_conv3d(Lowering *l, Layer *layer, Value *const *x)
{
    return check_volume(l, layer) ? convolve(l, layer, x[0]) : NULL;
}

Value *lower_conv2d(Lowering *l, Layer *layer, Value *const *x)
{
    return check_image(l, layer) ? convolve(l, layer, x[0]) : NULL;
}

Value *lower_conv1d(Lowering *l, Layer *layer, Value *const *x)
{
    Value *y = check_sequence(l, layer) ? convolve(l, layer, as_image(l, layer, x[0])) : NULL;

    return y ? as_sequence(l, layer, y) : NULL;
}

/* The image that a convolution makes x of; output_padding says which, where its stride leaves rows
   out. Only the window's positions matter to the padding at the end, so it takes that in. */
static bool find_origin(Lowering *l, const Layer *layer, Shape x, Attributes *at)
{
    const Constant *given = argument(layer->call, "output_padding");
    int extra[3];

    if (!window_sizes(l, layer, "output_padding", 0, extra))
        return false;
    at->shape = x;
    at->shape.size[0] = whole(number(layer->call, "channels"));
    for (int i = 0; i < window_axes(at); i++) {
        const int limit = at->stride[i] > dilation_of(at, i) ? at->stride[i] : dilation_of(at, i);
        const int place = window_axis(x, i);
        const double size = (x.size[place] - 1.0) * at->stride[i] + window_reach(at, i) -
                            (double)at->padding[i] - at->padding_end[i] + extra[i];

        if (extra[i] >= limit) {
            error_at(l->model->source, given->span,
                     "output_padding=%d: it is less than the stride or the dilation, at most %d",
                     extra[i], limit - 1);
            return false;
        }
        if (size < 1) {
            error_at(l->model->source, layer->span,
                     "the result of %s of %s, %s, would have no pixels; a smaller padding leaves "
                     "some",
                     layer->call->name, source_text(layer->inputs[0]),
                     shape_text(layer->inputs[0]->value->shape));
            return false;
        }
        at->shape.size[place] = whole(size);
        at->padding_end[i] -= extra[i];
    }
    return check_size(l, layer->span, format("the result of %s", layer->call->name), at->shape);
}

/* As PyTorch's: the weight begins [channels of x, channels]. */
static Value *convolve_transposed(Lowering *l, Layer *layer, Value *x)
{
    const Constant *padding = argument(layer->call, "padding");
    const int groups = whole(number(layer->call, "groups"));
    Attributes at = {0};
    Owned *owned;
    Value *w, *y;

    if (padding->kind == CONSTANT_NAME) {
        error_at(l->model->source, padding->span,
                 "%s knows no padding=%s; kernel=4, stride=2, padding=1 doubles %s",
                 layer->call->name, padding->text,
                 is_sequence(layer) ? "a sequence"
                 : is_volume(layer) ? "a volume"
                                    : "an image");
        return NULL;
    }
    if (!read_window(l, layer, "kernel", &at) || !find_origin(l, layer, x->shape, &at))
        return NULL;
    if (!check_groups(l, layer, x->shape.size[0], at.shape.size[0], groups) ||
        !check_depth(l, layer, &at))
        return NULL;
    owned = weight_and_bias(
        l, layer, weight_shape(&at, x->shape.size[0], at.shape.size[0] / groups), at.shape.size[0]);
    if (!owned)
        return NULL;
    w = owned->values[0];
    at.groups = groups;
    if (groups > 1)
        w = expand(l, layer, w, at.shape.size[0], groups);
    y = append_node(l, layer, is_volume(layer) ? OP_CONV3D_DX : OP_CONV2D_DX, (Value *[]){x, w}, 2,
                    at)
            ->outputs[0];
    if (!owned->values[1])
        return y;
    return append_node(l, layer, OP_ADD_BIAS, (Value *[]){y, owned->values[1]}, 2, (Attributes){0})
        ->outputs[0];
}

Value *lower_conv2d_transpose(Lowering *l, Layer *layer, Value *const *x)
{
    return check_image(l, layer) ? convolve_transposed(l, layer, x[0]) : NULL;
}

Value *lower_conv1d_transpose(Lowering *l, Layer *layer, Value *const *x)
{
    Value *y = check_sequence(l, layer) ? convolve_transposed(l, layer, as_image(l, layer, x[0]))
                                        : NULL;

    return y ? as_sequence(l, layer, y) : NULL;
}

Value *lower_conv3d_transpose(Lowering *l, Layer *layer, Value *const *x)
{
    return check_volume(l, layer) ? convolve_transposed(l, layer, x[0]) : NULL;
}
