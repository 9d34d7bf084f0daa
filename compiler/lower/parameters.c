/*
 * parameters.c -- weights, biases and running statistics of layers: names (the layer's path, which
 * semantics/network.c makes, and a leaf), shapes, initial values.
 *
 * The one idea: a network that is called again has the parameters of its first use, whose shapes
 * its layers must then need, too.
 */

#include <limits.h>
#include <string.h>

#include "lower/lowering.h"

/* The parameters of the first use, or NULL where that failed. */
Owned *find_owned(Lowering *l, const Layer *layer)
{
    for (int i = 0; i < l->owned_count; i++)
        if (l->owned[i].layer == layer)
            return &l->owned[i];
    return NULL;
}

Owned *add_owned(Lowering *l, const Layer *layer)
{
    APPEND(l->owned, l->owned_count, (Owned){.layer = layer});
    return &l->owned[l->owned_count - 1];
}

/* What the layer says about its weight: initial values in place of its own, penalties, a bound.
   Fans are PyTorch's: of [a, b, ...], b and a times the kernel's elements. */
static void set_weight(Lowering *l, Value *weight, const Call *call)
{
    const Constant *init = argument(call, "init");
    Shape kernel = weight->shape;

    weight->l1 = number(call, "l1");
    weight->l2 = number(call, "l2");
    weight->run_l1 = run_number(call, "l1");
    weight->run_l2 = run_number(call, "l2");
    if (argument(call, "max_norm"))
        weight->max_norm = number(call, "max_norm");
    l->model->bounded |= weight->max_norm > 0;
    if (weight->max_norm > 0 && weight->section)
        error_at(l->model->source, argument(call, "max_norm")->span,
                 "max_norm is for one train section; these take turns");
    if (!init || same(init->text, "default"))
        return;
    kernel.size[0] = kernel.size[1] = 1;
    weight->fan_in = weight->shape.size[1] * shape_size(kernel);
    weight->fan_out = weight->shape.size[0] * shape_size(kernel);
    weight->init = initial_table_name(init->text);
    weight->init_scale = init->number;
}

Value *add_parameter(Lowering *l, const Layer *layer, const char *leaf, Shape shape,
                     const char *init, int fan_in)
{
    const bool trained = strncmp(leaf, "running", 7) != 0 && !layer->frozen;
    Value *value = add_value(l->g, shape, false, TYPE_F32, trained ? ROLE_PARAMETER : ROLE_STATE);

    value->name = format("%s.%s", layer->path, leaf);
    value->init = init;
    value->fan_in = fan_in;
    value->section = trained ? layer->section : 0;
    if (layer->rate && trained) {
        value->rate = layer->rate->factor.number;
        value->run_rate = layer->rate->factor.run_number;
    }
    if (shape.rank > 1 || same(layer->call->name, "parameter")) /* not of normalizations */
        set_weight(l, value, layer->call);
    return value;
}

/* In the graph the rows of all slices of a volume's kernel are one axis. */
static Shape graph_shape(Shape shape)
{
    if (shape.rank == 5)
        return (Shape){
            .rank = 4,
            .size = {shape.size[0], shape.size[1], shape.size[2] * shape.size[3], shape.size[4]}};
    return shape;
}

/* Files know nothing of the one row of a sequence: [out, in, 1, k] is [out, in, k] there. */
static Shape stored_shape(const Layer *layer, Shape shape)
{
    if (shape.rank == 4 && is_sequence(layer))
        return (Shape){.rank = 3, .size = {shape.size[0], shape.size[1], shape.size[3]}};
    return shape;
}

/* Refuses what could not be held in memory: more than 2^31 elements, alone or with those before. */
bool count_parameters(Lowering *l, const Layer *layer, Shape shape)
{
    if (l->parameters + shape_elements(shape) >= INT_MAX) {
        error_at(l->model->source, layer->span,
                 "with the weights of %s, %s, the model has more than 2^31 parameters", layer->path,
                 shape_text(stored_shape(layer, shape)));
        return false;
    }
    l->parameters += shape_elements(shape);
    return true;
}

/* weight and bias of a contraction, PyTorch's initial values; or those of the first use. */
Owned *weight_and_bias(Lowering *l, const Layer *layer, Shape shape, int outputs)
{
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;
    const Shape bias = {.rank = 1, .size = {outputs}}, stored = stored_shape(layer, shape);
    const Shape inside = graph_shape(shape);
    Shape row = shape;
    int fan_in;

    if (layer->shared) {
        if (owned && !same_shape(file_shape(owned->values[0]), stored)) {
            error_at(l->model->source, layer->span,
                     "%s gets %s here and would need weights %s; the first use of the same network "
                     "made them %s",
                     layer->call->name, shape_text(layer->inputs[0]->value->shape),
                     shape_text(stored), shape_text(file_shape(owned->values[0])));
            return NULL;
        }
        return owned;
    }
    if (!count_parameters(l, layer, shape))
        return NULL;
    row.size[0] = 1;
    fan_in = shape_size(row);
    owned = add_owned(l, layer);
    owned->values[0] = add_parameter(l, layer, "weight", inside, "kaiming_uniform", fan_in);
    owned->values[0]->stored = stored;
    if (number(layer->call, "bias") != 0)
        owned->values[1] = add_parameter(l, layer, "bias", bias, "kaiming_uniform", fan_in);
    return owned;
}
