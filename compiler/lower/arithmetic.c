/*
 * arithmetic.c -- operators on results of layers, and the functions max, min, clamp, pow and
 * reparameterize.
 *
 * The one idea: both sides have one shape, but a vector of the channels, [c], beside an image
 * [c, h, w], a sequence [c, l] or a volume [c, d, h, w], which is stretched over the pixels first,
 * and one channel beside several.
 */

#include "lower/lowering.h"

#include <math.h>

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* Is it [c], and the other [c, h, w], [c, l] or [c, d, h, w]? */
static bool is_of_channels(Shape shape, Shape other)
{
    return shape.rank == 1 && other.rank > 1 && shape.size[0] == other.size[0];
}

/* Has it one channel of the other's many? */
static bool is_one_channel(Shape shape, Shape other)
{
    const int channels = other.size[0];

    other.size[0] = 1;
    return channels > 1 && same_shape(shape, other);
}

Value *stretch(Lowering *l, const Layer *layer, Value *x, Shape shape)
{
    const int width = shape.size[shape.rank - 1];
    const Shape image = {.rank = 3,
                         .size = {shape.size[0], shape_size(shape) / shape.size[0] / width, width}};
    Value *y = append_node(l, layer, OP_STRETCH, &x, 1, (Attributes){.shape = image})->outputs[0];

    return reshape_value(l, layer, y, shape);
}

/* x as it stands beside a value of another shape: [c] on all pixels, [1, ...] on all channels, [1]
   on both. */
static Value *stretch_beside(Lowering *l, const Layer *layer, Value *x, Shape other)
{
    if (x->shape.rank == 1 && x->shape.size[0] == 1 && other.size[0] > 1)
        x = spread(l, layer, x, 0, other.size[0]);
    if (is_of_channels(x->shape, other))
        return stretch(l, layer, x, other);
    return is_one_channel(x->shape, other) ? spread(l, layer, x, 0, other.size[0]) : x;
}

/* Does the second input stand first in the file? a < b is b > a, a >= b is 1 - (b > a). */
static bool is_turned(const char *sign)
{
    return sign && (same(sign, "<") || same(sign, ">="));
}

/* Is one of the shapes the other, of an image or a volume, without an axis behind the channels? */
static bool lacks_axis(Shape shape, Shape other)
{
    for (int gone = 1; gone < other.rank && other.rank > 2; gone++) {
        Shape left = {.rank = other.rank - 1};

        for (int i = 0; i < left.rank; i++)
            left.size[i] = other.size[i + (i >= gone)];
        if (same_shape(shape, left))
            return true;
    }
    return false;
}

/* Both sides in one shape; false after an error. */
static bool match_shapes(Lowering *l, const Layer *layer, Value *x[2])
{
    for (int i = 0; i < 2; i++)
        x[i] = stretch_beside(l, layer, x[i], x[1 - i]->shape);
    if (same_shape(x[0]->shape, x[1]->shape))
        return true;
    const char *sign = layer->call->sign;
    const int first = is_turned(sign);

    error_at(l->model->source, layer->span, "`%s` wants equal shapes, these are %s and %s",
             sign ? sign : layer->call->name, shape_text(x[first]->shape),
             shape_text(x[1 - first]->shape));
    if (lacks_axis(x[0]->shape, x[1]->shape) || lacks_axis(x[1]->shape, x[0]->shape)) {
        note(l->model->source,
             "nothing is stretched along %sthe height or the width alone; along "
             "axis=channels and axis=all one channel is left, which is",
             x[0]->shape.rank == 4 || x[1]->shape.rank == 4 ? "the depth, " : "");
        return false;
    }
    note(l->model->source, "%s%s brings one side to the shape of the other",
         x[0]->shape.rank == x[1]->shape.rank ? ""
                                              : "a vector of the channels is stretched over what "
                                                "has them, and one channel over many; ",
         x[0]->shape.rank == 4   ? "a conv3d of kernel 1, with a stride,"
         : x[0]->shape.rank == 3 ? "a conv2d of kernel 1, with a stride,"
                                 : "a dense layer");
    return false;
}

static Value *join(Lowering *l, const Layer *layer, Op op, Value *a, Value *b)
{
    return append_node(l, layer, op, (Value *[]){a, b}, 2, (Attributes){0})->outputs[0];
}

static Value *scale(Lowering *l, const Layer *layer, Value *x, double factor)
{
    return append_node(l, layer, OP_SCALE, &x, 1, (Attributes){.scale = factor})->outputs[0];
}

/* ---- Operators ------------------------------------------------------------------------------- */

/* a - b is a + (-b): the same bits. */
Value *lower_binary(Lowering *l, Layer *layer, Value *const *x)
{
    static const struct {
        const char *name;
        Op op;
    } operators[] = {{"add", OP_ADD},
                     {"subtract", OP_ADD},
                     {"multiply", OP_MULTIPLY},
                     {"divide", OP_DIVIDE},
                     {"greater", OP_GREATER}};
    Value *sides[] = {x[0], x[1]};
    int i = 0;

    if (!match_shapes(l, layer, sides))
        return NULL;
    while (!same(layer->call->name, operators[i].name))
        i++;
    if (same(layer->call->name, "subtract"))
        sides[1] = scale(l, layer, sides[1], -1);
    return join(l, layer, operators[i].op, sides[0], sides[1]);
}

/* x as it is, but for the gradient, which ends here. */
Value *lower_detach(Lowering *l, Layer *layer, Value *const *x)
{
    const Attributes at = {.scale = 1, .constant = true};

    return append_node(l, layer, OP_SCALE, x, 1, at)->outputs[0];
}

Value *lower_with_number(Lowering *l, Layer *layer, Value *const *x)
{
    const Call *call = layer->call;

    if (same(call->name, "scale"))
        return scale(l, layer, x[0], number(call, "factor"));
    if (same(call->name, "shift"))
        return append_node(l, layer, OP_SHIFT, x, 1, (Attributes){.shift = number(call, "term")})
            ->outputs[0];
    return append_node(
               l, layer, OP_ABOVE, x, 1,
               (Attributes){.limit = number(call, "limit"), .below = same(call->name, "below")})
        ->outputs[0];
}

/* ---- The larger, the smaller ----------------------------------------------------------------- */

static Value *clamp(Lowering *l, const Layer *layer, Value *x, double least, double most)
{
    return append_node(l, layer, OP_CLAMP, &x, 1, (Attributes){.least = least, .most = most})
        ->outputs[0];
}

Value *lower_clamp(Lowering *l, Layer *layer, Value *const *x)
{
    const Constant *least = argument(layer->call, "least"), *most = argument(layer->call, "most");
    const bool below = least->kind == CONSTANT_NUMBER, above = most->kind == CONSTANT_NUMBER;

    if (!below && !above) {
        error_at(l->model->source, layer->span, "clamp wants `least`, `most` or both");
        note(l->model->source, "such as clamp(0, 1), or clamp(most=6)");
        return NULL;
    }
    if (below && above && least->number > most->number) {
        error_at(l->model->source, layer->span, "clamp wants a least below its most, not %g and %g",
                 least->number, most->number);
        return NULL;
    }
    return clamp(l, layer, x[0], below ? least->number : -INFINITY,
                 above ? most->number : INFINITY);
}

/* max(a, b) of values; -max(-a, -b) is the smaller. */
static Value *larger(Lowering *l, const Layer *layer, Value *const *x, double sign)
{
    Value *sides[] = {x[0], x[1]};

    if (!match_shapes(l, layer, sides))
        return NULL;
    if (sign > 0)
        return join(l, layer, OP_MAXIMUM, sides[0], sides[1]);
    for (int i = 0; i < 2; i++)
        sides[i] = scale(l, layer, sides[i], -1);
    return scale(l, layer, join(l, layer, OP_MAXIMUM, sides[0], sides[1]), -1);
}

/* Of a value and a number, of two values, or along an axis of one. */
static Value *extreme(Lowering *l, Layer *layer, Value *const *x, double sign)
{
    const Constant *other = argument(layer->call, "other");

    if (other->kind != CONSTANT_NONE || layer->input_count > 1) {
        if (!goes_along_length(layer)) {
            error_at(l->model->source, argument(layer->call, "axis")->span,
                     "%s of two takes no axis, that of one value does", layer->call->name);
            return NULL;
        }
        if (layer->input_count > 1)
            return larger(l, layer, x, sign);
        return clamp(l, layer, x[0], sign > 0 ? other->number : -INFINITY,
                     sign > 0 ? INFINITY : other->number);
    }
    if (goes_along_length(layer) && sign > 0)
        return reduce_length(l, layer, x);
    return reduce(l, layer, OP_AXIS_MAX, x[0], sign);
}

Value *lower_max(Lowering *l, Layer *layer, Value *const *x)
{
    return extreme(l, layer, x, 1);
}

Value *lower_min(Lowering *l, Layer *layer, Value *const *x)
{
    return extreme(l, layer, x, -1);
}

/* ---- Powers ---------------------------------------------------------------------------------- */

enum { MAX_PRODUCTS = 64 }; /* the largest exponent that is a product */

static Value *unary(Lowering *l, const Layer *layer, Op op, Value *x)
{
    return append_node(l, layer, op, &x, 1, (Attributes){0})->outputs[0];
}

/* x^n, n > 0, by squares. */
static Value *whole_power(Lowering *l, const Layer *layer, Value *x, int n)
{
    Value *product = NULL;

    for (; n; n /= 2) {
        if (n % 2)
            product = product ? join(l, layer, OP_MULTIPLY, product, x) : x;
        if (n > 1)
            x = unary(l, layer, OP_SQUARE, x);
    }
    return product;
}

/* Products and a square root where the exponent has no other part; else e^(p log x), of x > 0. */
Value *lower_pow(Lowering *l, Layer *layer, Value *const *x)
{
    const double exponent = number(layer->call, "exponent"), size = fabs(exponent);
    const double rest = size - floor(size);
    Value *y;

    if (exponent == 0) {
        error_at(l->model->source, layer->span, "x to the power of 0 is 1, whatever x is");
        return NULL;
    }
    if (size > MAX_PRODUCTS || (rest != 0 && rest != 0.5))
        return unary(l, layer, OP_EXP, scale(l, layer, unary(l, layer, OP_LOG, x[0]), exponent));
    y = rest == 0.5 ? unary(l, layer, OP_SQRT, x[0]) : NULL;
    if (size >= 1) {
        Value *power = whole_power(l, layer, x[0], (int)size);

        y = y ? join(l, layer, OP_MULTIPLY, power, y) : power;
    }
    return exponent < 0 ? unary(l, layer, OP_RECIPROCAL, y) : y;
}

/* ---- Draws ----------------------------------------------------------------------------------- */

/* x + e^(log_variance / 2) * a normal draw (Kingma and Welling 2014, section 2.4); in evaluation x,
   the mean. */
Value *lower_reparameterize(Lowering *l, Layer *layer, Value *const *x)
{
    Value *sides[] = {x[0], x[1]}, *draw;

    if (!match_shapes(l, layer, sides))
        return NULL;
    if (l->mode != MODE_TRAIN)
        return sides[0];
    draw = scale(l, layer, sides[0], 0);
    draw = append_node(l, layer, OP_GAUSSIAN_NOISE, &draw, 1,
                       (Attributes){.scale = 1, .stream = l->streams++})
               ->outputs[0];
    sides[1] = unary(l, layer, OP_EXP, scale(l, layer, sides[1], 0.5));
    return join(l, layer, OP_ADD, sides[0], join(l, layer, OP_MULTIPLY, sides[1], draw));
}
