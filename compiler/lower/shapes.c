/*
 * shapes.c -- layers that only move numbers: reshaped, joined, cut out, padded, their axes in
 * another order.
 */

#include <string.h>

#include "lower/lowering.h"

Value *lower_flatten(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = {.rank = 1, .size = {shape_size(x[0]->shape)}};

    return reshape_value(l, layer, x[0], shape);
}

bool read_sizes(Lowering *l, const Layer *layer, Shape *shape)
{
    const Constant *sizes = argument(layer->call, "sizes");

    *shape = (Shape){.rank = sizes->kind == CONSTANT_LIST ? sizes->count : 1};
    if (shape->rank < 1 || shape->rank > 4) {
        error_at(l->model->source, layer->span,
                 "%s wants one to four sizes, [channels, height, width] of an image, not %d",
                 layer->call->name, shape->rank);
        return false;
    }
    for (int i = 0; i < shape->rank; i++)
        shape->size[i] = whole(sizes->kind == CONSTANT_LIST ? sizes->items[i].number
                                                            : sizes->number);
    return check_size(l, layer->span, format("what %s makes", layer->call->name), *shape);
}

Value *lower_reshape(Lowering *l, Layer *layer, Value *const *x)
{
    Shape shape;

    if (!read_sizes(l, layer, &shape))
        return NULL;
    if (shape_elements(shape) != shape_elements(x[0]->shape)) {
        error_at(l->model->source, layer->span,
                 "reshape to %s, %.0f elements, of %s, which is %s, %.0f elements",
                 shape_text(shape), shape_elements(shape), source_text(layer->inputs[0]),
                 shape_text(x[0]->shape), shape_elements(x[0]->shape));
        return NULL;
    }
    return reshape_value(l, layer, x[0], shape);
}

/* ---- Axes ------------------------------------------------------------------------------------ */

/* "channels", "length", "depth", "height", "width": an axis of a shape. */
static const char *axis_name(Shape shape, int axis)
{
    static const char *const names[4][4] = {{"channels"},
                                            {"channels", "length"},
                                            {"channels", "height", "width"},
                                            {"channels", "depth", "height", "width"}};

    return names[shape.rank - 1][axis];
}

int find_named_axis(Lowering *l, const Layer *layer, const Constant *axis)
{
    const Shape x = layer->inputs[0]->value->shape;
    Text list = {0};

    for (int i = 0; i < x.rank; i++) {
        if (same(axis_name(x, i), axis->text))
            return i;
        text_add(&list, "%s%s", i ? ", " : "", axis_name(x, i));
    }
    error_at(l->model->source, axis->span, "%s is %s, [%s]: it has no axis `%s`",
             source_text(layer->inputs[0]), shape_text(x), list.at, axis->text);
    return -1;
}

static int find_axis(Lowering *l, const Layer *layer)
{
    return find_named_axis(l, layer, argument(layer->call, "axis"));
}

/* ---- Volumes along one axis ------------------------------------------------------------------ */

/* x as `count` axes, `order` of them, in a shape. */
static Value *permute(Lowering *l, const Layer *layer, Value *x, int count, const int *axes,
                      const int *order, Shape shape)
{
    Attributes at = {.axis_count = count, .shape = shape};

    memcpy(at.axes, axes, (size_t)count * sizeof *axes);
    memcpy(at.order, order, (size_t)count * sizeof *order);
    return append_node(l, layer, OP_PERMUTE, &x, 1, at)->outputs[0];
}

/* The depth and the height of [c, d, h, w] change places. */
static Value *swap(Lowering *l, const Layer *layer, Value *x, const int size[4], Shape shape)
{
    return permute(l, layer, x, 4, size, (int[]){0, 2, 1, 3}, shape);
}

/* A volume as an image that has its `axis` for rows or columns; what is none stays. */
static Value *see_along(Lowering *l, const Layer *layer, Value *x, int axis)
{
    const int *size = x->shape.size;

    if (x->shape.rank < 4 || axis == 0)
        return x;
    if (axis == 3)
        return as_image(l, layer, x);
    if (axis == 1)
        return reshape_value(l, layer, x,
                             (Shape){.rank = 3, .size = {size[0], size[1], size[2] * size[3]}});
    return swap(l, layer, x, size,
                (Shape){.rank = 3, .size = {size[0], size[2], size[1] * size[3]}});
}

/* Where that is in it, */
static int seen_axis(Shape shape, int axis)
{
    return shape.rank < 4 || axis == 0 ? axis : axis == 3 ? 2 : 1;
}

/* and back: to a volume of a shape. */
static Value *see_whole(Lowering *l, const Layer *layer, Value *y, Shape shape, int axis)
{
    const int *size = shape.size;

    return shape.rank == 4 && axis == 2
               ? swap(l, layer, y, (int[]){size[0], size[2], size[1], size[3]}, shape)
               : reshape_value(l, layer, y, shape);
}

/* ---- Joined ---------------------------------------------------------------------------------- */

/* Which axis, other than `axis`, all inputs could be joined along; NULL: none. */
static const char *other_axis(const Layer *layer, Value *const *x, int axis)
{
    for (int along = 0; along < x[0]->shape.rank; along++) {
        bool fits = along != axis;

        for (int i = 1; i < layer->input_count; i++) {
            Shape other = x[i]->shape;

            other.size[along] = x[0]->shape.size[along];
            fits = fits && same_shape(other, x[0]->shape);
        }
        if (fits)
            return axis_name(x[0]->shape, along);
    }
    return NULL;
}

/* Blocks of channels side by side, or one behind the other along another axis. */
Value *lower_concat(Lowering *l, Layer *layer, Value *const *x)
{
    const int axis = find_axis(l, layer);
    Shape first = x[0]->shape;
    const int along = seen_axis(first, axis);
    Attributes at = {.axis = along};
    Value *sum;
    double size = 0;

    if (axis < 0)
        return NULL;
    for (int i = 0; i < layer->input_count; i++) {
        Shape other = x[i]->shape;

        size += other.size[axis];
        other.size[axis] = first.size[axis];
        if (!same_shape(first, other)) {
            error_at(l->model->source, layer->span,
                     "concat joins %s, the other axes must be equal; these are %s and %s",
                     axis_name(first, axis), shape_text(first), shape_text(x[i]->shape));
            if (other_axis(layer, x, axis))
                note(l->model->source, "axis=%s joins them", other_axis(layer, x, axis));
            return NULL;
        }
    }
    first.size[axis] = whole(size);
    if (!check_size(l, layer->span, "the result of concat", first))
        return NULL;
    sum = see_along(l, layer, x[0], axis);
    at.shape = sum->shape;
    for (int next = 1; next < layer->input_count;) { /* a node holds MAX_INPUTS at most */
        Value *inputs[MAX_INPUTS] = {sum};
        int count = 1;

        while (count < MAX_INPUTS && next < layer->input_count) {
            at.shape.size[along] += x[next]->shape.size[axis];
            inputs[count++] = see_along(l, layer, x[next++], axis);
        }
        sum = append_node(l, layer, axis > 0 ? OP_PAD : OP_CONCAT, inputs, count,
                          axis > 0 ? at : (Attributes){0})
                  ->outputs[0];
    }
    return see_whole(l, layer, sum, first, axis);
}

/* ---- Cut out, padded ------------------------------------------------------------------------- */

/* Indices first to first + count - 1 along an axis. */
static Value *cut(Lowering *l, const Layer *layer, Value *x, int axis, int first, int count)
{
    const int along = seen_axis(x->shape, axis);
    Shape shape = x->shape;
    Attributes at = {0};

    if (count == x->shape.size[axis])
        return x;
    shape.size[axis] = count;
    x = see_along(l, layer, x, axis);
    at.shape = x->shape;
    at.shape.size[along] = count;
    if (axis == 0)
        at.begin = first;
    else
        at.place[along] = -first;
    x = append_node(l, layer, axis == 0 ? OP_SLICE : OP_PAD, &x, 1, at)->outputs[0];
    return see_whole(l, layer, x, shape, axis);
}

Value *lower_slice(Lowering *l, Layer *layer, Value *const *x)
{
    const Constant *which = argument(layer->call, "which");
    const bool range = which->kind == CONSTANT_LIST;
    const int axis = find_axis(l, layer), count = range ? which->count : 1;
    const double first = range ? which->items[0].number : which->number;

    if (axis < 0)
        return NULL;
    const int size = x[0]->shape.size[axis];

    if (first + count > size || first < -size) {
        error_at(l->model->source, which->span,
                 "indices along the %s of %s, %s, are 0 to %d, or from the end -1 to -%d",
                 axis_name(x[0]->shape, axis), source_text(layer->inputs[0]),
                 shape_text(x[0]->shape), size - 1, size);
        return NULL;
    }
    return cut(l, layer, x[0], axis, whole(first < 0 ? size + first : first), count);
}

/* The sizes of a list; false after an error. */
static bool check_sizes(Lowering *l, const Layer *layer, const Constant *sizes, int axis)
{
    const Shape x = layer->inputs[0]->value->shape;
    double sum = 0;

    for (int i = 0; i < sizes->count; i++)
        sum += sizes->items[i].number;
    if (sum == x.size[axis])
        return true;
    error_at(l->model->source, sizes->span, "parts of %.0f along the %s, of which %s, %s, has %d",
             sum, axis_name(x, axis), source_text(layer->inputs[0]), shape_text(x), x.size[axis]);
    return false;
}

/* One of the parts whose sizes are listed. */
static Value *cut_listed(Lowering *l, const Layer *layer, Value *x, const Constant *sizes, int axis)
{
    int first = 0;

    if (!check_sizes(l, layer, sizes, axis))
        return NULL;
    for (int i = 0; i < layer->result; i++)
        first += whole(sizes->items[i].number);
    return cut(l, layer, x, axis, first, whole(sizes->items[layer->result].number));
}

/* Of the parts of a split the one that is lowered first says what is wrong. */
Value *lower_split(Lowering *l, Layer *layer, Value *const *x)
{
    const Layer *before = layer->number > 0 ? l->model->layers[layer->number - 1] : NULL;
    const bool said = l->model->source->errors > 0 && before && before->call == layer->call;
    const Constant *sizes = argument(layer->call, "parts");
    const int axis = said ? -1 : find_axis(l, layer), parts = whole(sizes->number);
    const int size = axis < 0 ? 0 : x[0]->shape.size[axis];

    if (axis < 0)
        return NULL;
    if (sizes->kind == CONSTANT_LIST)
        return cut_listed(l, layer, x[0], sizes, axis);
    if (size % parts != 0) {
        error_at(l->model->source, argument(layer->call, "parts")->span,
                 "%d equal parts along the %s, of which %s, %s, has %d", parts,
                 axis_name(x[0]->shape, axis), source_text(layer->inputs[0]),
                 shape_text(x[0]->shape), size);
        return NULL;
    }
    return cut(l, layer, x[0], axis, size / parts * layer->result, size / parts);
}

/* The first half of the channels, times the sigmoid of the second (Dauphin and others 2017). */
Value *lower_glu(Lowering *l, Layer *layer, Value *const *x)
{
    const int channels = x[0]->shape.size[0];
    Value *gate;

    if (channels % 2 != 0) {
        error_at(l->model->source, layer->span, "glu wants an even number of channels; %s is %s",
                 source_text(layer->inputs[0]), shape_text(x[0]->shape));
        return NULL;
    }
    gate = cut(l, layer, x[0], 0, channels / 2, channels / 2);
    gate = append_node(l, layer, OP_SIGMOID, &gate, 1, (Attributes){0})->outputs[0];
    return append_node(l, layer, OP_MULTIPLY,
                       (Value *[]){cut(l, layer, x[0], 0, 0, channels / 2), gate}, 2,
                       (Attributes){0})
        ->outputs[0];
}

/* The last position of a sequence, without that axis. */
Value *lower_last(Lowering *l, Layer *layer, Value *const *x)
{
    const int *size = x[0]->shape.size;

    if (!check_sequence(l, layer))
        return NULL;
    return reshape_value(l, layer, cut(l, layer, x[0], 1, size[1] - 1, 1),
                         (Shape){.rank = 1, .size = {size[0]}});
}

/* A volume has no two sides that [height, width] could mean. */
static bool check_pad(Lowering *l, const Layer *layer, bool one_axis)
{
    if (one_axis || !is_volume(layer) || argument(layer->call, "size")->kind != CONSTANT_LIST)
        return true;
    error_at(
        l->model->source, layer->span,
        "pad of a volume takes one number, or an axis, as in pad([1, 0], axis=depth); %s is %s",
        source_text(layer->inputs[0]), shape_text(layer->inputs[0]->value->shape));
    return false;
}

/* Zeros at both ends of an axis. */
static Value *pad_axis(Lowering *l, const Layer *layer, Value *x, int axis, const int size[2])
{
    const int along = seen_axis(x->shape, axis);
    Attributes at = {0};
    Shape shape = x->shape;

    if (size[0] + size[1] == 0)
        return x;
    shape.size[axis] += size[0] + size[1];
    x = see_along(l, layer, x, axis);
    at.shape = x->shape;
    at.shape.size[along] = shape.size[axis];
    at.place[along] = size[0];
    return see_whole(l, layer, append_node(l, layer, OP_PAD, &x, 1, at)->outputs[0], shape, axis);
}

/* Zeros around an image or a volume, at both ends of a sequence or of one axis. */
Value *lower_pad(Lowering *l, Layer *layer, Value *const *x)
{
    const bool one_axis = argument(layer->call, "axis")->kind != CONSTANT_NONE;
    const int axis = one_axis ? find_axis(l, layer) : x[0]->shape.rank - 1;
    const bool around = !one_axis && x[0]->shape.rank > 2;
    Shape shape = x[0]->shape;
    Value *y = x[0];
    int size[2];

    if (axis < 0 || !pair(l, layer->call, "size", size) || !check_pad(l, layer, one_axis))
        return NULL;
    for (int i = 1; i < shape.rank && around; i++)
        shape.size[i] = whole(shape.size[i] + 2.0 * size[shape.rank == 3 ? i - 1 : 0]);
    if (!around)
        shape.size[axis] = whole((double)shape.size[axis] + size[0] + size[1]);
    if (!check_size(l, layer->span, "the result of pad", shape))
        return NULL;
    if (!around)
        return pad_axis(l, layer, y, axis, size);
    if (same_shape(shape, y->shape))
        return y;
    if (shape.rank == 3)
        return append_node(l, layer, OP_PAD, &y, 1,
                           (Attributes){.place = {0, size[0], size[1]}, .shape = shape})
            ->outputs[0];
    for (int i = 1; i < shape.rank; i++)
        y = pad_axis(l, layer, y, i, (int[]){size[0], size[0]});
    return y;
}

/* ---- Axes in another order ------------------------------------------------------------------- */

Value *lower_transpose(Lowering *l, Layer *layer, Value *const *x)
{
    const int *size = x[0]->shape.size;

    if (!check_sequence(l, layer))
        return NULL;
    return permute(l, layer, x[0], 2, (int[]){size[0], size[1]}, (int[]){1, 0},
                   (Shape){.rank = 2, .size = {size[1], size[0]}});
}

/* Does a parameter divide a size of x? */
static bool check_divides(Lowering *l, const Layer *layer, const char *name, int by, int axis)
{
    const Shape x = layer->inputs[0]->value->shape;

    if (x.size[axis] % by == 0)
        return true;
    error_at(l->model->source, layer->span, "%s=%d of %s wants %s that %d divides; %s is %s", name,
             whole(number(layer->call, name)), layer->call->name, axis_name(x, axis), by,
             source_text(layer->inputs[0]), shape_text(x));
    return false;
}

/* Channels [group][channel] as [channel][group] (Zhang, Zhou, Lin and Sun 2018, section 3.1). */
Value *lower_channel_shuffle(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = x[0]->shape;
    const int groups = whole(number(layer->call, "groups"));
    const int pixels = shape_size(shape) / shape.size[0];

    if (!check_divides(l, layer, "groups", groups, 0))
        return NULL;
    return permute(l, layer, x[0], 3, (int[]){groups, shape.size[0] / groups, pixels},
                   (int[]){1, 0, 2}, shape);
}

/* Channels [c][row][column] become pixels of an image that is `factor` times as large (Shi et al.
   2016, equation 4), PyTorch's order; and back. */
Value *lower_pixel_shuffle(Lowering *l, Layer *layer, Value *const *x)
{
    const double factor = number(layer->call, "factor");
    const int *size = x[0]->shape.size, f = whole(factor);
    Shape shape = {.rank = 3};

    if (!check_image(l, layer) || !check_divides(l, layer, "factor", whole(factor * factor), 0))
        return NULL;
    shape.size[0] = size[0] / f / f;
    shape.size[1] = whole(factor * size[1]);
    shape.size[2] = whole(factor * size[2]);
    return permute(l, layer, x[0], 5, (int[]){shape.size[0], f, f, size[1], size[2]},
                   (int[]){0, 3, 1, 4, 2}, shape);
}

Value *lower_pixel_unshuffle(Lowering *l, Layer *layer, Value *const *x)
{
    const int *size = x[0]->shape.size, f = whole(number(layer->call, "factor"));

    if (!check_image(l, layer) || !check_divides(l, layer, "factor", f, 1) ||
        !check_divides(l, layer, "factor", f, 2))
        return NULL;
    return permute(l, layer, x[0], 5, (int[]){size[0], size[1] / f, f, size[2] / f, f},
                   (int[]){0, 2, 4, 1, 3},
                   (Shape){.rank = 3, .size = {size[0] * f * f, size[1] / f, size[2] / f}});
}
