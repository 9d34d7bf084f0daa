/*
 * window.c -- windows of images, sequences and volumes, and what can be wrong about them.
 */

#include <string.h>

#include "lower/lowering.h"

enum {
    MAX_REACH = 1 << 24, /* pixels of a kernel, a stride, a padding: a few fit an int */
    MAX_TAPS = 1 << 18,  /* of a convolution: tables have a row for each */
};

/* What makes one of a shape of `rank` axes: the layer of the same name for it, or a reshape. */
static const char *image_remedy(const Layer *layer)
{
    const char *name = layer->call->name, *two = strstr(name, "2d");

    if (layer->inputs[0]->value->shape.rank != 4)
        return "reshape makes an image of it";
    return two ? format("%.*s3d%s is for volumes", (int)(two - name), name, two + 2)
               : "reshape makes an image of it";
}

bool check_image(Lowering *l, const Layer *layer)
{
    return check_rank(l, layer, 3, "rank 3, [channels, height, width]", image_remedy(layer));
}

bool check_sequence(Lowering *l, const Layer *layer)
{
    return check_rank(l, layer, 2, "rank 2, [channels, length]", "reshape makes a sequence of it");
}

bool check_volume(Lowering *l, const Layer *layer)
{
    const Shape x = layer->inputs[0]->value->shape;
    const char *remedy = "reshape makes a volume of it";

    if (x.rank == 3)
        remedy = format("reshape(1, %d, %d, %d) makes a volume of one channel of it, and %.*s2d%s "
                        "is for images",
                        x.size[0], x.size[1], x.size[2], (int)strcspn(layer->call->name, "3"),
                        layer->call->name, strstr(layer->call->name, "3d") + 2);
    return check_rank(l, layer, 4, "rank 4, [channels, depth, height, width]", remedy);
}

Value *as_image(Lowering *l, const Layer *layer, Value *x)
{
    const int *size = x->shape.size;

    if (x->shape.rank == 4)
        return reshape_value(l, layer, x,
                             (Shape){.rank = 3, .size = {size[0], size[1] * size[2], size[3]}});
    if (x->shape.rank == 3)
        return x;
    return reshape_value(l, layer, x, (Shape){.rank = 3, .size = {size[0], 1, size[1]}});
}

Value *as_sequence(Lowering *l, const Layer *layer, Value *image)
{
    const int *size = image->shape.size;

    return reshape_value(l, layer, image, (Shape){.rank = 2, .size = {size[0], size[2]}});
}

/* How many axes the windows of the layer have. */
static int axes_of(const Layer *layer)
{
    return is_volume(layer) ? 3 : 2;
}

int window_axis(Shape x, int axis)
{
    return axis == 2 ? 1 : x.rank - 2 + axis;
}

/* A number for all axes of a volume, or [depth, height, width]. */
static bool triple(const Call *call, const char *name, int out[3])
{
    const Constant *c = argument(call, name);

    for (int i = 0; i < 3; i++)
        out[i] = whole(c->kind == CONSTANT_LIST ? c->items[(i + 1) % 3].number : c->number);
    return true;
}

bool window_sizes(Lowering *l, const Layer *layer, const char *name, int other, int out[3])
{
    const Constant *c = argument(layer->call, name);

    if (is_volume(layer))
        return triple(layer->call, name, out);
    out[2] = 0;
    if (is_sequence(layer) && c->kind == CONSTANT_LIST && !same(name, "padding")) {
        error_at(l->model->source, c->span, "%s of %s is one number, a sequence has one axis", name,
                 layer->call->name);
        return false;
    }
    if (!pair(l, layer->call, name, out))
        return false;
    if (is_sequence(layer))
        out[0] = other;
    return true;
}

const char *window_text(const Layer *layer, const int size[3])
{
    return is_volume(layer)     ? format("%dx%dx%d", size[2], size[0], size[1])
           : is_sequence(layer) ? format("%d", size[1])
                                : pair_text(size);
}

/* Before and after: of an image [height, width], of a sequence [before, after]. */
static bool read_padding(Lowering *l, const Layer *layer, Attributes *at)
{
    int size[3] = {0};

    if (is_volume(layer) ? !triple(layer->call, "padding", size)
                         : !pair(l, layer->call, "padding", size))
        return false;
    memcpy(at->padding, size, sizeof size);
    memcpy(at->padding_end, size, sizeof size);
    if (is_sequence(layer)) {
        at->padding[0] = at->padding_end[0] = 0;
        at->padding[1] = size[0];
    }
    return true;
}

/* What a call says of its window; `same` and `causal` are resolved later. */
bool read_window(Lowering *l, const Layer *layer, const char *kernel, Attributes *at)
{
    const Call *call = layer->call;

    if (!window_sizes(l, layer, kernel, 1, at->kernel))
        return false;
    if (argument(call, "stride")->kind == CONSTANT_NONE)
        memcpy(at->stride, at->kernel, sizeof at->stride);
    else if (!window_sizes(l, layer, "stride", 1, at->stride))
        return false;
    if (argument(call, "padding")->kind != CONSTANT_NAME && !read_padding(l, layer, at))
        return false;
    if (argument(call, "dilation") && !window_sizes(l, layer, "dilation", 1, at->dilation))
        return false;
    for (int i = 0; i < axes_of(layer); i++) {
        const double reach = (double)at->kernel[i] * dilation_of(at, i);

        if (reach > MAX_REACH || at->padding[i] > MAX_REACH || at->padding_end[i] > MAX_REACH ||
            at->stride[i] > MAX_REACH) {
            error_at(l->model->source, layer->span,
                     "kernel, stride, padding and dilation reach %d pixels at most; these are %s, "
                     "%s, %s and %s",
                     (int)MAX_REACH, window_text(layer, at->kernel), window_text(layer, at->stride),
                     window_text(layer, at->padding),
                     window_text(layer, (int[]){dilation_of(at, 0), dilation_of(at, 1),
                                                dilation_of(at, 2)}));
            return false;
        }
    }
    if (same(kernel, "kernel") &&
        (double)at->kernel[0] * at->kernel[1] * (is_volume(layer) ? at->kernel[2] : 1) > MAX_TAPS) {
        error_at(l->model->source, layer->span,
                 "a kernel of %s has more than %d taps, the most that a convolution may have",
                 window_text(layer, at->kernel), MAX_TAPS);
        return false;
    }
    return true;
}

/* Kernel, stride and padding; `same` keeps the size, the odd pixel goes after (as in PyTorch). Of a
   sequence, whose image is x, they are those of its one row. */
bool find_window(Lowering *l, const Layer *layer, const char *kernel, Shape x, Attributes *at)
{
    const Call *call = layer->call;
    const bool keep = is_name(call, "padding", "same");

    if (!read_window(l, layer, kernel, at))
        return false;
    for (int i = 0; i < axes_of(layer); i++) {
        if (keep && at->stride[i] != 1) {
            error_at(l->model->source, argument(call, "padding")->span,
                     "padding=same wants stride 1, it is %d; give the padding as a number",
                     at->stride[i]);
            return false;
        }
        if (keep) {
            at->padding[i] = (window_reach(at, i) - 1) / 2;
            at->padding_end[i] = window_reach(at, i) - 1 - at->padding[i];
        } else if (is_name(call, "padding", "causal") && i == 1) {
            at->padding[i] = window_reach(at, i) - 1; /* a position sees none behind it */
        }
    }
    for (int i = 0; i < axes_of(layer); i++) {
        const int reach[3] = {window_reach(at, 0), window_reach(at, 1), window_reach(at, 2)};
        const bool apart = dilation_of(at, 0) > 1 || dilation_of(at, 1) > 1 ||
                           dilation_of(at, 2) > 1;

        if (x.size[window_axis(x, i)] + at->padding[i] + at->padding_end[i] < reach[i]) {
            error_at(l->model->source, layer->span,
                     "a window of %s%s does not fit %s, which is %s; use a smaller one, or padding",
                     window_text(layer, at->kernel),
                     apart ? format(", %s with its dilation,", window_text(layer, reach)) : "",
                     source_text(layer->inputs[0]), shape_text(layer->inputs[0]->value->shape));
            return false;
        }
    }
    return true;
}

/* The shape of a window's result with `channels`. */
Shape windowed(Shape x, const Attributes *at, int channels)
{
    Shape y = x;

    y.size[0] = channels;
    for (int i = 0; i < x.rank - 1; i++) {
        const int place = window_axis(x, i);

        y.size[place] = whole(
            ((double)x.size[place] + at->padding[i] + at->padding_end[i] - window_reach(at, i)) /
                at->stride[i] +
            1);
    }
    return y;
}
