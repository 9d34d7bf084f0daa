/*
 * layers.c -- dense layers, normalizations, noise, activations, products.
 */

#include "lower/lowering.h"

#include <string.h>

/* ---- With parameters ------------------------------------------------------------------------- */

Value *lower_dense(Lowering *l, Layer *layer, Value *const *x)
{
    const int units = whole(number(layer->call, "units"));
    const Shape shape = {.rank = 2, .size = {units, x[0]->shape.size[0]}};
    const Node *sparse;
    Owned *owned;

    if (!check_rank(l, layer, 1, "rank 1", "put flatten before it"))
        return NULL;
    owned = weight_and_bias(l, layer, shape, units);
    if (!owned)
        return NULL;
    sparse = lower_sparse_dense(l, layer, x[0], owned);
    if (sparse)
        return sparse->outputs[0];
    return append_node(l, layer, OP_DENSE,
                       (Value *[]){as_numbers(l, layer, x[0]), owned->values[0], owned->values[1]},
                       3, (Attributes){0})
        ->outputs[0];
}

static Owned *batchnorm_parameters(Lowering *l, const Layer *layer, Shape shape)
{
    Owned *owned;

    if (layer->shared) {
        owned = find_owned(l, layer->shared);
        if (owned && !same_shape(owned->values[0]->shape, shape)) {
            error_at(l->model->source, layer->span,
                     "batchnorm gets %d channels here, the first use of the same network had %d",
                     shape.size[0], owned->values[0]->shape.size[0]);
            return NULL;
        }
        return owned;
    }
    owned = add_owned(l, layer);
    owned->values[0] = add_parameter(l, layer, "running_mean", shape, "zeros", 0);
    owned->values[1] = add_parameter(l, layer, "running_var", shape, "ones", 0);
    owned->values[2] = add_parameter(l, layer, "weight", shape, "ones", 0);
    owned->values[3] = add_parameter(l, layer, "bias", shape, "zeros", 0);
    return owned;
}

/* Training: the batch's statistics, which also move the running ones (unless the batch has one
   number a channel: it has no variance). Evaluation, and training where it is frozen: the
   latter. */
Value *lower_batchnorm(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = x[0]->shape, channels = {.rank = 1, .size = {shape.size[0]}};
    const Attributes at = {.eps = number(layer->call, "eps"),
                           .momentum = number(layer->call, "momentum"),
                           .pixels = shape_size(shape) / shape.size[0],
                           .meets = l->model->shards > 0};
    const bool by_batch = l->mode == MODE_TRAIN && !layer->frozen;
    Value *mean, *inverse_std;
    Owned *owned;

    if (by_batch && at.pixels == 1 && l->model->batch == 1) {
        error_at(
            l->model->source, layer->span,
            "batchnorm wants more than one number a channel in training; a batch of 1 has one");
        note(l->model->source, "set `batch = 2` or more, or use layernorm");
        return NULL;
    }
    owned = batchnorm_parameters(l, layer, channels);
    if (!owned)
        return NULL;
    if (by_batch) {
        const Node *stats = append_node(l, layer, OP_BATCHNORM_STATS,
                                        (Value *[]){x[0], owned->values[0], owned->values[1]}, 3,
                                        at);

        mean = stats->outputs[0];
        inverse_std = stats->outputs[1];
        owned->values[0] = stats->outputs[2]; /* what a second use finds */
        owned->values[1] = stats->outputs[3];
    } else {
        mean = owned->values[0];
        inverse_std = append_node(l, layer, OP_INVERSE_STD, &owned->values[1], 1, at)->outputs[0];
    }
    return append_node(l, layer, OP_NORMALIZE,
                       (Value *[]){x[0], mean, inverse_std, owned->values[2], owned->values[3]}, 5,
                       at)
        ->outputs[0];
}

/* Over the channels of each pixel or place; weight and bias a channel. */
Value *lower_layernorm(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape channels = {.rank = 1, .size = {x[0]->shape.size[0]}};
    const Attributes at = {.eps = number(layer->call, "eps")};
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : add_owned(l, layer);

    if (!owned)
        return NULL;
    if (!layer->shared) {
        owned->values[0] = add_parameter(l, layer, "weight", channels, "ones", 0);
        owned->values[1] = add_parameter(l, layer, "bias", channels, "zeros", 0);
    } else if (!same_shape(owned->values[0]->shape, channels)) {
        error_at(l->model->source, layer->span,
                 "layernorm gets %d channels here, the first use of the same network had %d",
                 channels.size[0], owned->values[0]->shape.size[0]);
        return NULL;
    }
    return append_node(l, layer, OP_LAYERNORM,
                       (Value *[]){x[0], owned->values[0], owned->values[1]}, 3, at)
        ->outputs[0];
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

Value *lower_activation(Lowering *l, Layer *layer, Value *const *x)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (same(op_info[op].text, layer->call->name))
            return append_node(l, layer, (Op)op, x, 1, (Attributes){0})->outputs[0];
    return NULL;
}

/* Its gradient needs to know on which side of 0 x was: slope > 0. */
Value *lower_leaky_relu(Lowering *l, Layer *layer, Value *const *x)
{
    const Attributes at = {.slope = number(layer->call, "slope")};

    return append_node(l, layer, OP_LEAKY_RELU, x, 1, at)->outputs[0];
}

/* selu is an elu of two numbers (Klambauer et al. 2017, as PyTorch rounds them). */
Value *lower_elu(Lowering *l, Layer *layer, Value *const *x)
{
    const bool selu = same(layer->call->name, "selu");
    const Attributes at = {.slope = selu ? 1.6732632423543772848 : number(layer->call, "alpha"),
                           .scale = selu ? 1.0507009873554804934 : 1};

    return append_node(l, layer, OP_ELU, x, 1, at)->outputs[0];
}

Value *lower_gaussian_noise(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {.scale = number(layer->call, "std"),
                     .run_number = run_number(layer->call, "std")};

    if (l->mode != MODE_TRAIN || (at.scale == 0 && !at.run_number))
        return x[0];
    at.stream = l->streams++;
    return append_node(l, layer, OP_GAUSSIAN_NOISE, x, 1, at)->outputs[0];
}

/* Of dropout1d to dropout3d a channel is dropped whole (Tompson and others 2015), of drop_path the
   row (Huang and others 2016). */
Value *lower_dropout(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape *shape = &x[0]->shape;
    const char *name = layer->call->name;
    Attributes at = {.p = number(layer->call, "p"), .run_number = run_number(layer->call, "p")};

    at.together = 1;
    if (!strcmp(name, "drop_path"))
        at.together = shape_size(*shape);
    else if (strcmp(name, "dropout") != 0)
        at.together = shape_size(*shape) / shape->size[0];
    if ((!strcmp(name, "dropout1d") && !check_sequence(l, layer)) ||
        (!strcmp(name, "dropout2d") && !check_image(l, layer)) ||
        (!strcmp(name, "dropout3d") && !check_volume(l, layer)))
        return NULL;
    if (l->mode != MODE_TRAIN || (at.p == 0 && !at.run_number))
        return x[0];
    at.stream = l->streams++;
    return append_node(l, layer, OP_DROPOUT, x, 1, at)->outputs[0];
}

/* ---- Products -------------------------------------------------------------------------------- */

/* "the 64 channels of `q`" or "the 32 positions of `k`", as a matrix of positions by channels. */
static const char *axis_text(const Layer *input, bool channels)
{
    return format("the %d %s of %s", input->value->shape.size[channels ? 0 : 1],
                  channels ? "channels" : "positions", source_text(input));
}

/* Over an axis of each: `transposed` is the call that could be meant. */
static bool check_inner(Lowering *l, const Layer *layer, bool ta, bool tb)
{
    const Layer *a = layer->inputs[0], *b = layer->inputs[1];
    const int *x = a->value->shape.size, *y = b->value->shape.size;
    const char *remedy = NULL;

    if (x[ta] == y[!tb])
        return true;
    error_at(l->model->source, layer->span,
             "matmul sums over %s and %s, which must be equally many; these are %s and %s",
             axis_text(a, !ta), axis_text(b, tb), shape_text(a->value->shape),
             shape_text(b->value->shape));
    if (x[ta] == y[tb])
        remedy = tb ? "transpose_b=false" : "transpose_b=true";
    else if (x[!ta] == y[!tb])
        remedy = ta ? "transpose_a=false" : "transpose_a=true";
    if (remedy)
        note(l->model->source, "%s makes it %s and %s", remedy,
             axis_text(a, x[ta] == y[tb] ? !ta : ta), axis_text(b, x[ta] == y[tb] ? !tb : tb));
    return false;
}

/* Of sequences, each a matrix of positions by channels an image. */
Value *lower_matmul(Lowering *l, Layer *layer, Value *const *x)
{
    static const Op products[2][2] = {{OP_MATMUL, OP_MATMUL_NT}, {OP_MATMUL_TN, OP_MATMUL_TT}};
    const bool ta = number(layer->call, "transpose_a") != 0;
    const bool tb = number(layer->call, "transpose_b") != 0;
    Shape shape = {.rank = 2};

    for (int i = 0; i < 2; i++)
        if (x[i]->shape.rank != 2) {
            error_at(l->model->source, layer->span,
                     "matmul wants rank 2, [channels, length], twice; %s is %s; reshape makes a "
                     "sequence of it",
                     source_text(layer->inputs[i]), shape_text(x[i]->shape));
            return NULL;
        }
    if (!check_inner(l, layer, ta, tb))
        return NULL;
    shape.size[0] = x[1]->shape.size[tb];
    shape.size[1] = x[0]->shape.size[!ta];
    if (!check_size(l, layer->span, "the result of matmul", shape))
        return NULL;
    return append_node(l, layer, products[ta][tb], x, 2, (Attributes){0})->outputs[0];
}
