/*
 * pool.c -- pools, and what goes the other way: upsampling.
 *
 * The one idea: a pool of a sequence, [channels, length], is the pool of an image of one row.
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

/* The image that the layer works on, or NULL. */
static Value *find_image(Lowering *l, const Layer *layer, Value *x)
{
    if (is_for_sequences(layer))
        return check_sequence(l, layer) ? as_image(l, layer, x) : NULL;
    return check_image(l, layer) ? x : NULL;
}

/* Window, and the shape that it leaves. */
static bool find_pool(Lowering *l, const Layer *layer, const Value *x, Attributes *at)
{
    if (!find_window(l, layer, "size", x->shape, at))
        return false;
    for (int i = 0; i < 2; i++) {
        if (at->padding[i] > at->kernel[i] / 2) {
            error_at(l->model->source, argument(layer->call, "padding")->span,
                     "the padding of %s is at most half its window: %d of %s", layer->call->name,
                     at->kernel[i] / 2, window_text(layer, at->kernel));
            return false;
        }
    }
    return check_size(l, layer->span, format("the result of %s", layer->call->name),
                      windowed(x->shape, at, x->shape.size[0]));
}

static Value *append_pool(Lowering *l, const Layer *layer, Op op, Value *x, Attributes at)
{
    Value *y = append_node(l, layer, op, &x, 1, at)->outputs[0];

    return is_for_sequences(layer) ? as_sequence(l, layer, y) : y;
}

/* ceil=true: one more window where pixels are left, unless it begins behind them, by PyTorch's
   rule. */
static void round_up_windows(Shape x, Attributes *at)
{
    for (int i = 0; i < 2; i++) {
        const int room = x.size[i + 1] + 2 * at->padding[i] - at->kernel[i];
        const int more = room % at->stride[i] ? at->stride[i] - room % at->stride[i] : 0;

        if (room + more < x.size[i + 1] + at->padding[i])
            at->padding_end[i] += more;
    }
}

Value *lower_maxpool(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {0};
    Value *image = find_image(l, layer, x[0]);

    if (!image || !find_pool(l, layer, image, &at))
        return NULL;
    if (number(layer->call, "ceil") != 0)
        round_up_windows(image->shape, &at);
    if ((double)at.kernel[0] * at.kernel[1] > MAX_TAPS) {
        error_at(l->model->source, layer->span,
                 "a window of %s has more than %d pixels; %s, or two pools, reach further",
                 window_text(layer, at.kernel), (int)MAX_TAPS,
                 is_for_sequences(layer) ? "global_maxpool1d" : "global_maxpool2d");
        return NULL;
    }
    return append_pool(l, layer, OP_MAXPOOL2D, image, at);
}

/* Padding counts as zeros in the mean, as in PyTorch unless told otherwise. */
Value *lower_avgpool(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {0};
    Value *image = find_image(l, layer, x[0]);

    if (!image || !find_pool(l, layer, image, &at))
        return NULL;
    return append_pool(l, layer, OP_AVGPOOL2D, image, at);
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
