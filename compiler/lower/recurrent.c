/*
 * recurrent.c -- rnn, lstm and gru: PyTorch's parameters and equations.
 *
 * The one idea: what does not depend on the step before is a convolution of kernel 1, of all steps
 * at once; one node over time is left of a layer.
 */

#include "lower/lowering.h"

enum { MAX_LAYERS = 64 };

enum { WEIGHT_IH, WEIGHT_HH, BIAS_IH, BIAS_HH };

static int count_gates(const char *layer)
{
    return same(layer, "lstm") ? 4 : same(layer, "gru") ? 3 : 1;
}

static Op cell_of(const char *layer)
{
    return same(layer, "lstm") ? OP_LSTM : same(layer, "gru") ? OP_GRU : OP_RNN;
}

/* Weights are those of a convolution of kernel 1, [outputs, inputs] in files. */
static Value *add_weight(Lowering *l, const Layer *layer, const char *leaf, int outputs, int inputs,
                         int units)
{
    const Shape shape = {.rank = 4, .size = {outputs, inputs, 1, 1}};
    Value *w = add_parameter(l, layer, leaf, shape, "kaiming_uniform", units);

    w->stored = (Shape){.rank = 2, .size = {outputs, inputs}};
    return w;
}

/* One of each of the stacked layers: PyTorch's names, all within 1 / sqrt(units) of 0. */
static void add_cell(Lowering *l, const Layer *layer, int level, int outputs, int inputs, int units)
{
    const Shape vector = {.rank = 1, .size = {outputs}};
    Owned *owned = add_owned(l, layer);
    Value **values = owned->values;

    values[WEIGHT_IH] = add_weight(l, layer, format("weight_ih_l%d", level), outputs, inputs,
                                   units);
    values[WEIGHT_HH] = add_weight(l, layer, format("weight_hh_l%d", level), outputs, units, units);
    values[BIAS_IH] = add_parameter(l, layer, format("bias_ih_l%d", level), vector,
                                    "kaiming_uniform", units);
    values[BIAS_HH] = add_parameter(l, layer, format("bias_hh_l%d", level), vector,
                                    "kaiming_uniform", units);
}

/* Those of the first of the stacked layers; the others follow it. NULL: not even that. */
static Owned *find_cells(Lowering *l, const Layer *layer, int inputs, int units, int layers)
{
    const int outputs = count_gates(layer->call->name) * units;
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;

    if (layer->shared) {
        if (owned && owned->values[WEIGHT_IH]->shape.size[1] != inputs) {
            error_at(l->model->source, layer->span,
                     "%s gets %d channels here, the first use of the same network had %d",
                     layer->call->name, inputs, owned->values[WEIGHT_IH]->shape.size[1]);
            return NULL;
        }
        return owned;
    }
    for (int level = 0; level < layers; level++)
        if (!count_parameters(
                l, layer,
                (Shape){.rank = 2, .size = {outputs, (level ? units : inputs) + units + 2}}))
            return NULL;
    for (int level = 0; level < layers; level++)
        add_cell(l, layer, level, outputs, level ? units : inputs, units);
    return find_owned(l, layer);
}

static Value *run_cell(Lowering *l, const Layer *layer, Value *x, Value *tokens,
                       Value *const *values)
{
    const Attributes product = {.kernel = {1, 1}, .stride = {1, 1}};
    const Attributes at = {.reverse = number(layer->call, "reverse") != 0};
    Value *p = append_node(l, layer, OP_CONV2D, (Value *[]){x, values[WEIGHT_IH], values[BIAS_IH]},
                           3, product)
                   ->outputs[0];

    return append_node(l, layer, cell_of(layer->call->name),
                       (Value *[]){p, values[WEIGHT_HH], values[BIAS_HH], tokens}, 4, at)
        ->outputs[0];
}

/* The step that was walked to last. */
static Value *keep_last(Lowering *l, const Layer *layer, Value *h)
{
    const int *size = h->shape.size;
    const bool reverse = number(layer->call, "reverse") != 0;
    const Attributes at = {.place = {0, 0, reverse ? 0 : 1 - size[2]},
                           .shape = {.rank = 3, .size = {size[0], 1, 1}}};

    if (size[2] > 1)
        h = append_node(l, layer, OP_PAD, &h, 1, at)->outputs[0];
    return reshape_value(l, layer, h, (Shape){.rank = 1, .size = {size[0]}});
}

/* Is skip_padding=true written out? By default it is meant where there are words. */
static bool asks_to_skip(const Call *call)
{
    for (int i = 0; i < call->count; i++)
        if (same(call->arguments[i].name, "skip_padding"))
            return call->arguments[i].given && call->arguments[i].value.number != 0;
    return false;
}

Value *lower_recurrent(Lowering *l, Layer *layer, Value *const *x)
{
    const Call *call = layer->call;
    const int units = whole(number(call, "units")), layers = whole(number(call, "layers"));
    const double gates = (double)count_gates(call->name) * units;
    Value *tokens = NULL, *h;
    int first;

    if (layers > MAX_LAYERS) {
        error_at(l->model->source, argument(call, "layers")->span,
                 "layers=%d: %s stacks %d at most", layers, call->name, MAX_LAYERS);
        return NULL;
    }
    if (!check_sequence(l, layer) ||
        !check_size(l, layer->span, format("the value of %s's gates", call->name),
                    (Shape){.rank = 2, .size = {whole(gates), x[0]->shape.size[1]}}))
        return NULL;
    if (asks_to_skip(call)) {
        if (!(tokens = tokens_behind(l, layer, layer->inputs[0], NULL)))
            return NULL;
    } else if (number(call, "skip_padding") != 0) {
        tokens = find_tokens(layer->inputs[0]);
    }
    Owned *owned = find_cells(l, layer, x[0]->shape.size[0], units, layers);
    if (!owned)
        return NULL;
    first = (int)(owned - l->owned);
    h = as_image(l, layer, x[0]);
    for (int level = 0; level < layers; level++)
        h = run_cell(l, layer, h, tokens, l->owned[first + level].values);
    return is_name(call, "keep", "last") ? keep_last(l, layer, h) : as_sequence(l, layer, h);
}
