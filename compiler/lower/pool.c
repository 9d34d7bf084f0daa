/*
 * pool.c -- pools, and what goes the other way: upsampling.
 *
 * The one idea: a pool of a sequence, [channels, length], is the pool of an image of one row. That
 * of a volume is one of each slice, then one along the depth: the maximum that comes first by
 * slices, rows and columns is the first of them.
 */

#include <string.h>

#include "lower/lowering.h"

enum { MAX_TAPS = 256 }; /* pixels of a maxpool's window: its number is kept in a byte */

/* Layers of sequences are named so; mean and max go over the sequence too. */
static bool is_for_sequences(const Layer *layer)
{
    return strstr(layer->call->name, "1d") || same(layer->call->name, "mean") ||
           same(layer->call->name, "max");
}

/* Is its input what the layer's name says? */
static bool check_input(Lowering *l, const Layer *layer)
{
    return is_for_sequences(layer)           ? check_sequence(l, layer)
           : strstr(layer->call->name, "3d") ? check_volume(l, layer)
                                             : check_image(l, layer);
}

/* The image that the layer works on, or NULL. */
static Value *find_image(Lowering *l, const Layer *layer, Value *x)
{
    return check_input(l, layer) ? as_image(l, layer, x) : NULL;
}

/* Window, and the shape that it leaves. */
static bool find_pool(Lowering *l, const Layer *layer, Shape x, Attributes *at)
{
    if (!find_window(l, layer, "size", x, at))
        return false;
    for (int i = 0; i < window_axes(at); i++) {
        if (at->padding[i] > at->kernel[i] / 2) {
            error_at(l->model->source, argument(layer->call, "padding")->span,
                     "the padding of %s is at most half its window: %d of %s", layer->call->name,
                     at->kernel[i] / 2, window_text(layer, at->kernel));
            return false;
        }
    }
    return check_size(l, layer->span, format("the result of %s", layer->call->name),
                      windowed(x, at, x.size[0]));
}

/* Are its windows all of one number, side by side? */
static bool keeps_all(const Attributes *at)
{
    return at->kernel[0] == 1 && at->kernel[1] == 1 && at->stride[0] == 1 && at->stride[1] == 1;
}

/* Of a volume: of the rows of each slice, then of slices as rows. */
static Value *append_volume_pool(Lowering *l, const Layer *layer, Op op, Value *x, Attributes at)
{
    Shape y = windowed(x->shape, &at, x->shape.size[0]), of_slices = y;
    Attributes along = {.kernel = {at.kernel[2], 1},
                        .stride = {at.stride[2], 1},
                        .padding = {at.padding[2]},
                        .padding_end = {at.padding_end[2]}};

    at.slices = of_slices.size[1] = x->shape.size[1];
    at.kernel[2] = at.stride[2] = at.padding[2] = at.padding_end[2] = 0;
    x = as_image(l, layer, x);
    if (!keeps_all(&at))
        x = append_node(l, layer, op, &x, 1, at)->outputs[0];
    if (keeps_all(&along))
        return reshape_value(l, layer, x, y);
    x = reshape_value(
        l, layer, x,
        (Shape){.rank = 3, .size = {y.size[0], of_slices.size[1], y.size[2] * y.size[3]}});
    return reshape_value(l, layer, append_node(l, layer, op, &x, 1, along)->outputs[0], y);
}

static Value *append_pool(Lowering *l, const Layer *layer, Op op, Value *x, Attributes at)
{
    Value *y;

    if (is_volume(layer))
        return append_volume_pool(l, layer, op, x, at);
    y = append_node(l, layer, op, &x, 1, at)->outputs[0];
    return is_for_sequences(layer) ? as_sequence(l, layer, y) : y;
}

/* What its windows are found on. */
static Value *windowed_input(Lowering *l, const Layer *layer, Value *x)
{
    return is_sequence(layer) ? as_image(l, layer, x) : x;
}

/* ceil=true: one more window where pixels are left, unless it begins behind them, by PyTorch's
   rule. */
static void round_up_windows(Shape x, Attributes *at)
{
    for (int i = 0; i < window_axes(at); i++) {
        const int size = x.size[window_axis(x, i)];
        const int room = size + 2 * at->padding[i] - at->kernel[i];
        const int more = room % at->stride[i] ? at->stride[i] - room % at->stride[i] : 0;

        if (room + more < size + at->padding[i])
            at->padding_end[i] += more;
    }
}

Value *lower_maxpool(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {0};
    Value *from = check_input(l, layer) ? windowed_input(l, layer, x[0]) : NULL;

    if (!from || !find_pool(l, layer, from->shape, &at))
        return NULL;
    if (number(layer->call, "ceil") != 0)
        round_up_windows(from->shape, &at);
    if ((double)at.kernel[0] * at.kernel[1] > MAX_TAPS || at.kernel[2] > MAX_TAPS) {
        error_at(l->model->source, layer->span,
                 "a window of %s has more than %d pixels; global_%s, or two pools, reach further",
                 window_text(layer, at.kernel), (int)MAX_TAPS, layer->call->name);
        return NULL;
    }
    return append_pool(l, layer, OP_MAXPOOL2D, from, at);
}

/* Padding counts as zeros in the mean, as in PyTorch unless told otherwise. */
Value *lower_avgpool(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {0};
    Value *from = check_input(l, layer) ? windowed_input(l, layer, x[0]) : NULL;

    if (!from || !find_pool(l, layer, from->shape, &at))
        return NULL;
    return append_pool(l, layer, OP_AVGPOOL2D, from, at);
}

/* Over all pixels of an image or positions of a sequence: [channels]. */
Value *lower_global_pool(Lowering *l, Layer *layer, Value *const *x)
{
    const bool max = strstr(layer->call->name, "max") != NULL;
    Value *image = find_image(l, layer, x[0]);

    if (!image)
        return NULL;
    return append_node(l, layer, max ? OP_GLOBAL_MAXPOOL2D : OP_GLOBAL_AVGPOOL2D, &image, 1,
                       (Attributes){0})
        ->outputs[0];
}

/* PyTorch's bilinear without align_corners: pixel j of x is in those pixels i of y whose centre,
   (i + 0.5) / factor - 0.5, is nearer to j than 1, a window of 2 factor - 1 or 2 factor. */
static void widen_windows(Attributes *at)
{
    for (int i = 0; i < 2; i++) {
        at->kernel[i] = 2 * at->stride[i] - at->stride[i] % 2;
        at->padding[i] = at->padding_end[i] = at->stride[i] / 2;
    }
}

/* Nearest neighbour: a pixel becomes kernel[0] x kernel[1] equal ones; or bilinear. */
Value *lower_upsample2d(Lowering *l, Layer *layer, Value *const *x)
{
    const Constant *mode = argument(layer->call, "mode");
    const bool bilinear = same(mode->text, "bilinear");
    Attributes at = {0};

    if (!bilinear && !same(mode->text, "nearest")) {
        error_at(l->model->source, mode->span,
                 "mode of upsample2d is nearest or bilinear; this is `%s`", mode->text);
        return NULL;
    }
    if (!check_image(l, layer) || !pair(l, layer->call, "factor", at.kernel))
        return NULL;
    memcpy(at.stride, at.kernel, sizeof at.stride);
    at.shape = x[0]->shape;
    for (int i = 0; i < 2; i++)
        at.shape.size[i + 1] = whole((double)at.shape.size[i + 1] * at.kernel[i]);
    if (!check_size(l, layer->span, "the result of upsample2d", at.shape))
        return NULL;
    if (bilinear)
        widen_windows(&at);
    return append_node(l, layer, bilinear ? OP_UPSAMPLE2D_BILINEAR : OP_UPSAMPLE2D, x, 1, at)
        ->outputs[0];
}

/* Of an image: a pixel becomes rows x columns equal ones. */
static Value *repeat_pixels(Lowering *l, const Layer *layer, Value *x, int rows, int columns)
{
    Attributes at = {.kernel = {rows, columns}, .stride = {rows, columns}, .shape = x->shape};

    at.shape.size[1] *= rows;
    at.shape.size[2] *= columns;
    return append_node(l, layer, OP_UPSAMPLE2D, &x, 1, at)->outputs[0];
}

/* Each slice, then the slices. */
Value *lower_upsample3d(Lowering *l, Layer *layer, Value *const *x)
{
    Shape y = x[0]->shape, slices = {.rank = 3};
    Value *image;
    int factor[3];

    if (!check_volume(l, layer) || !window_sizes(l, layer, "factor", 1, factor))
        return NULL;
    for (int i = 0; i < 3; i++)
        y.size[window_axis(y, i)] = whole((double)y.size[window_axis(y, i)] * factor[i]);
    if (!check_size(l, layer->span, "the result of upsample3d", y))
        return NULL;
    image = repeat_pixels(l, layer, as_image(l, layer, x[0]), factor[0], factor[1]);
    slices.size[0] = y.size[0];
    slices.size[1] = x[0]->shape.size[1];
    slices.size[2] = y.size[2] * y.size[3];
    image = repeat_pixels(l, layer, reshape_value(l, layer, image, slices), factor[2], 1);
    return reshape_value(l, layer, image, y);
}
