/*
 * lower_image.c -- convolutions and pools: their windows, and what can be wrong about them.
 */

#include <string.h>

#include "lower.h"

enum { MAX_TAPS = 256 };        /* pixels of a pool's window: its number is kept in a byte */

bool check_image(Lowering *l, const Layer *layer)
{
    return check_rank(l, layer, 3, "rank 3, [channels, height, width]",
                      "reshape makes an image of it");
}

/* Kernel, stride and padding; `same` keeps the size, the odd pixel goes after (as in PyTorch). */
bool find_window(Lowering *l, const Layer *layer, const char *kernel, Shape x,
                        Attributes *at)
{
    const Call *call = layer->call;
    const bool keep = is_name(call, "padding", "same");

    if (!pair(l, call, kernel, at->kernel))
        return false;
    if (argument(call, "stride")->kind == CONSTANT_NONE)
        memcpy(at->stride, at->kernel, sizeof at->stride);
    else if (!pair(l, call, "stride", at->stride))
        return false;
    if (!keep && !pair(l, call, "padding", at->padding))
        return false;
    memcpy(at->padding_end, at->padding, sizeof at->padding);
    for (int i = 0; i < 2; i++) {
        if (keep && at->stride[i] != 1) {
            error_at(l->model->source, argument(call, "padding")->span,
                     "padding=same wants stride 1, it is %d; give the padding as a number",
                     at->stride[i]);
            return false;
        }
        if (keep) {
            at->padding[i] = (at->kernel[i] - 1) / 2;
            at->padding_end[i] = at->kernel[i] - 1 - at->padding[i];
        }
    }
    for (int i = 0; i < 2; i++) {
        if ((double)x.size[i + 1] + at->padding[i] + at->padding_end[i] < at->kernel[i]) {
            error_at(l->model->source, layer->span,
                     "a window of %s does not fit %s, which is %s; use a smaller one, or padding",
                     pair_text(at->kernel), source_text(layer->inputs[0]), shape_text(x));
            return false;
        }
    }
    return true;
}

/* The shape of a window's result with `channels`. */
Shape windowed(Shape x, const Attributes *at, int channels)
{
    Shape y = {.rank = 3, .size = {channels}};

    for (int i = 0; i < 2; i++)
        y.size[i + 1] = whole(((double)x.size[i + 1] + at->padding[i] + at->padding_end[i]
                               - at->kernel[i]) / at->stride[i] + 1);
    return y;
}

Value *lower_conv2d(Lowering *l, Layer *layer, Value *const *x)
{
    const int channels = whole(number(layer->call, "channels"));
    Attributes at = {0};
    Owned *owned;
    Shape shape;

    if (!check_image(l, layer) || !find_window(l, layer, "kernel", x[0]->shape, &at)
        || !check_size(l, layer->span, "the result of conv2d",
                       windowed(x[0]->shape, &at, channels)))
        return NULL;
    shape = (Shape){.rank = 4,
                    .size = {channels, x[0]->shape.size[0], at.kernel[0], at.kernel[1]}};
    owned = weight_and_bias(l, layer, shape);
    if (!owned)
        return NULL;
    return append_node(l, layer, OP_CONV2D, (Value *[]){x[0], owned->values[0], owned->values[1]}, 3,
                  at)->outputs[0];
}

Value *lower_maxpool2d(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {0};

    if (!check_image(l, layer) || !find_window(l, layer, "size", x[0]->shape, &at))
        return NULL;
    if ((double)at.kernel[0] * at.kernel[1] > MAX_TAPS) {
        error_at(l->model->source, layer->span,
                 "a window of %s has more than %d pixels; global_avgpool2d, or two pools, reach "
                 "further", pair_text(at.kernel), (int)MAX_TAPS);
        return NULL;
    }
    for (int i = 0; i < 2; i++) {
        if (at.padding[i] > at.kernel[i] / 2) {
            error_at(l->model->source, argument(layer->call, "padding")->span,
                     "the padding of maxpool2d is at most half its window: %d of %s",
                     at.kernel[i] / 2, pair_text(at.kernel));
            return NULL;
        }
    }
    if (!check_size(l, layer->span, "the result of maxpool2d",
                    windowed(x[0]->shape, &at, x[0]->shape.size[0])))
        return NULL;
    return append_node(l, layer, OP_MAXPOOL2D, x, 1, at)->outputs[0];
}

Value *lower_global_avgpool2d(Lowering *l, Layer *layer, Value *const *x)
{
    if (!check_image(l, layer))
        return NULL;
    return append_node(l, layer, OP_GLOBAL_AVGPOOL2D, x, 1, (Attributes){0})->outputs[0];
}
