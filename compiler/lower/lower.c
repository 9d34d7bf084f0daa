/*
 * lower.c -- Model -> Graph: layers become nodes, with parameters, shapes and resolved padding.
 *
 * The one idea: the train and the evaluate graph come from one description, a function a layer;
 * the mode decides only what batchnorm and dropout become. Everything that a person can get wrong
 * about shapes is found here, at the layer, with both shapes and a remedy. A layer whose input
 * failed is passed over in silence, so that one mistake gives one message.
 *
 * Needs: the Model of sema.c. Gives: a graph with prediction and loss, layer->value set.
 */

#include <limits.h>
#include <string.h>

#include "lower/lowering.h"

/* ---- Sizes ----------------------------------------------------------------------------------- */

/* Without overflow, unlike shape_size. */
double elements(Shape shape)
{
    double count = 1;

    for (int i = 0; i < shape.rank; i++)
        count *= shape.size[i];
    return count;
}

/* A size as an int; what is too large becomes INT_MAX, which check_size refuses. */
int whole(double x)
{
    return x < INT_MAX ? (int)x : INT_MAX;
}

/* A number for both axes, or [height, width]. */
bool pair(Lowering *l, const Call *call, const char *name, int out[2])
{
    const Constant *c = argument(call, name);

    if (c->kind == CONSTANT_LIST && c->count != 2) {
        error_at(l->model->source, c->span, "%s wants one number or [height, width]", name);
        return false;
    }
    for (int i = 0; i < 2; i++)
        out[i] = whole(c->kind == CONSTANT_LIST ? c->items[i].number : c->number);
    return true;
}

const char *pair_text(const int size[2])
{
    return format("%dx%d", size[0], size[1]);
}

/* What to call the input of a layer in a message. */
const char *source_text(const Layer *layer)
{
    return layer->field ? format("`%s`", layer->field->name)
                        : format("the result of %s", layer->call->name);
}

bool check_rank(Lowering *l, const Layer *layer, int rank, const char *axes, const char *remedy)
{
    const Layer *input = layer->inputs[0];

    if (input->value->shape.rank == rank)
        return true;
    error_at(l->model->source, layer->span, "%s wants %s, %s is %s; %s", layer->call->name, axes,
             source_text(input), shape_text(input->value->shape), remedy);
    return false;
}

/* Can a value of this shape be held for a whole batch? Indices are ints. */
bool check_size(Lowering *l, Span span, const char *what, Shape shape)
{
    const int capacity = l->model->capacity > 0 ? l->model->capacity : l->model->batch;
    const int rows = capacity > 0 ? capacity : 1;

    if (elements(shape) * rows < INT_MAX)
        return true;
    error_at(l->model->source, span, "%s is %s: for a batch of %d more than 2^31 elements", what,
             shape_text(shape), rows);
    note(l->model->source, "a smaller layer, a larger stride or a smaller batch makes it fit");
    return false;
}

/* ---- Parameters ------------------------------------------------------------------------------ */

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

/* What the layer says about its weight: initial values in place of its own, and penalties. Fans are
   PyTorch's: of [a, b, ...], b and a times the kernel's elements. */
static void set_weight(Value *weight, const Call *call)
{
    const Constant *init = argument(call, "init");
    Shape kernel = weight->shape;

    weight->l1 = number(call, "l1");
    weight->l2 = number(call, "l2");
    if (!init || same(init->text, "default"))
        return;
    kernel.size[0] = kernel.size[1] = 1;
    weight->fan_in = weight->shape.size[1] * shape_size(kernel);
    weight->fan_out = weight->shape.size[0] * shape_size(kernel);
    weight->init = initial_table_name(init->text);
}

Value *add_parameter(Lowering *l, const Layer *layer, const char *leaf, Shape shape,
                     const char *init, int fan_in)
{
    const bool trained = strncmp(leaf, "running", 7) != 0;
    Value *value = add_value(l->g, shape, false, TYPE_F32, trained ? ROLE_PARAMETER : ROLE_STATE);

    value->name = format("%s.%s", layer->path, leaf);
    value->init = init;
    value->fan_in = fan_in;
    if (same(leaf, "weight"))
        set_weight(value, layer->call);
    return value;
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
    if (l->parameters + elements(shape) >= INT_MAX) {
        error_at(l->model->source, layer->span,
                 "with %s.weight, %s, the model has more than 2^31 parameters", layer->path,
                 shape_text(stored_shape(layer, shape)));
        return false;
    }
    l->parameters += elements(shape);
    return true;
}

/* weight and bias of a contraction, PyTorch's initial values; or those of the first use. */
Owned *weight_and_bias(Lowering *l, const Layer *layer, Shape shape, int outputs)
{
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;
    const Shape bias = {.rank = 1, .size = {outputs}}, stored = stored_shape(layer, shape);
    Shape row = shape;
    int fan_in;

    if (layer->shared) {
        if (owned && !same_shape(owned->values[0]->shape, shape)) {
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
    owned->values[0] = add_parameter(l, layer, "weight", shape, "kaiming_uniform", fan_in);
    owned->values[0]->stored = stored;
    if (number(layer->call, "bias") != 0)
        owned->values[1] = add_parameter(l, layer, "bias", bias, "kaiming_uniform", fan_in);
    return owned;
}

/* ---- Layers ---------------------------------------------------------------------------------- */

Node *append_node(Lowering *l, const Layer *layer, Op op, Value *const *inputs, int count,
                  Attributes at)
{
    return add_node(l->g, op, inputs, count, at, layer->span, layer->path);
}

static Value *lower_dense(Lowering *l, Layer *layer, Value *const *x)
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
   number a channel: it has no variance). Evaluation: the latter. */
static Value *lower_batchnorm(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = x[0]->shape, channels = {.rank = 1, .size = {shape.size[0]}};
    const Attributes at = {.eps = number(layer->call, "eps"),
                           .momentum = number(layer->call, "momentum"),
                           .pixels = shape_size(shape) / shape.size[0]};
    Value *mean, *inverse_std;
    Owned *owned;

    if (at.pixels == 1 && l->model->batch == 1) {
        error_at(
            l->model->source, layer->span,
            "batchnorm wants more than one number a channel in training; a batch of 1 has one");
        note(l->model->source, "set `batch = 2` or more, or use layernorm");
        return NULL;
    }
    owned = batchnorm_parameters(l, layer, channels);
    if (!owned)
        return NULL;
    if (l->mode == MODE_TRAIN) {
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
static Value *lower_layernorm(Lowering *l, Layer *layer, Value *const *x)
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

/* selu is an elu of two numbers (Klambauer et al. 2017, as PyTorch rounds them). */
static Value *lower_elu(Lowering *l, Layer *layer, Value *const *x)
{
    const bool selu = same(layer->call->name, "selu");
    const Attributes at = {.slope = selu ? 1.6732632423543772848 : number(layer->call, "alpha"),
                           .scale = selu ? 1.0507009873554804934 : 1};

    return append_node(l, layer, OP_ELU, x, 1, at)->outputs[0];
}

static Value *lower_gaussian_noise(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {.scale = number(layer->call, "std")};

    if (l->mode != MODE_TRAIN || at.scale == 0)
        return x[0];
    at.stream = l->streams++;
    return append_node(l, layer, OP_GAUSSIAN_NOISE, x, 1, at)->outputs[0];
}

static Value *lower_dropout(Lowering *l, Layer *layer, Value *const *x)
{
    Attributes at = {.p = number(layer->call, "p")};

    if (l->mode != MODE_TRAIN || at.p == 0)
        return x[0];
    at.stream = l->streams++;
    return append_node(l, layer, OP_DROPOUT, x, 1, at)->outputs[0];
}

Value *reshape_value(Lowering *l, const Layer *layer, Value *x, Shape shape)
{
    if (same_shape(x->shape, shape))
        return x;
    return append_node(l, layer, OP_RESHAPE, &x, 1, (Attributes){.shape = shape})->outputs[0];
}

static Value *lower_flatten(Lowering *l, Layer *layer, Value *const *x)
{
    const Shape shape = {.rank = 1, .size = {shape_size(x[0]->shape)}};

    return reshape_value(l, layer, x[0], shape);
}

static Value *lower_reshape(Lowering *l, Layer *layer, Value *const *x)
{
    const Constant *sizes = argument(layer->call, "sizes");
    Shape shape = {.rank = sizes->kind == CONSTANT_LIST ? sizes->count : 1};

    if (shape.rank < 1 || shape.rank > 3) {
        error_at(l->model->source, layer->span,
                 "reshape wants one to three sizes, [channels, height, width], not %d", shape.rank);
        return NULL;
    }
    for (int i = 0; i < shape.rank; i++)
        shape.size[i] = whole(sizes->kind == CONSTANT_LIST ? sizes->items[i].number
                                                           : sizes->number);
    if (elements(shape) != elements(x[0]->shape)) {
        error_at(l->model->source, layer->span,
                 "reshape to %s, %.0f elements, of %s, which is %s, %.0f elements",
                 shape_text(shape), elements(shape), source_text(layer->inputs[0]),
                 shape_text(x[0]->shape), elements(x[0]->shape));
        return NULL;
    }
    return reshape_value(l, layer, x[0], shape);
}

/* a + b, a * b */
static Value *lower_binary(Lowering *l, Layer *layer, Value *const *x)
{
    const bool add = same(layer->call->name, "add");

    if (!same_shape(x[0]->shape, x[1]->shape)) {
        error_at(l->model->source, layer->span, "`%s` wants equal shapes, these are %s and %s",
                 add ? "+" : "*", shape_text(x[0]->shape), shape_text(x[1]->shape));
        note(l->model->source,
             "shapes never broadcast; %s brings one side to the shape of the other",
             x[0]->shape.rank == 3 ? "a conv2d of kernel 1, with a stride," : "a dense layer");
        return NULL;
    }
    return append_node(l, layer, add ? OP_ADD : OP_MULTIPLY, x, 2, (Attributes){0})->outputs[0];
}

static Value *lower_concat(Lowering *l, Layer *layer, Value *const *x)
{
    Shape first = x[0]->shape;
    Shape whole_shape = first;
    Value *sum = x[0];
    double channels = 0;

    for (int i = 0; i < layer->input_count; i++) {
        Shape other = x[i]->shape;

        channels += other.size[0];
        other.size[0] = first.size[0];
        if (!same_shape(first, other)) {
            error_at(l->model->source, layer->span,
                     "concat joins channels, the other axes must be equal; these are %s and %s",
                     shape_text(first), shape_text(x[i]->shape));
            return NULL;
        }
    }
    whole_shape.size[0] = whole(channels);
    if (!check_size(l, layer->span, "the result of concat", whole_shape))
        return NULL;
    for (int next = 1; next < layer->input_count;) { /* a node holds MAX_INPUTS at most */
        Value *inputs[MAX_INPUTS] = {sum};
        int count = 1;

        while (count < MAX_INPUTS && next < layer->input_count)
            inputs[count++] = x[next++];
        sum = append_node(l, layer, OP_CONCAT, inputs, count, (Attributes){0})->outputs[0];
    }
    return sum;
}

static Value *lower_activation(Lowering *l, Layer *layer, Value *const *x)
{
    for (int op = 0; op < OP_COUNT; op++)
        if (same(op_info[op].text, layer->call->name))
            return append_node(l, layer, (Op)op, x, 1, (Attributes){0})->outputs[0];
    return NULL;
}

/* Its gradient needs to know on which side of 0 x was: slope > 0. */
static Value *lower_leaky_relu(Lowering *l, Layer *layer, Value *const *x)
{
    const Attributes at = {.slope = number(layer->call, "slope")};

    return append_node(l, layer, OP_LEAKY_RELU, x, 1, at)->outputs[0];
}

static Value *lower_input(Lowering *l, Layer *layer, Value *const *x)
{
    const Field *field = layer->field;
    Value *value;

    (void)x;
    if (!check_size(l, field->span, format("`%s`", field->name), field->shape))
        return NULL;
    value = add_value(l->g, field->shape, true,
                      field->is_tokens   ? TYPE_TOKENS
                      : field->is_sparse ? TYPE_SPARSE
                                         : TYPE_F32,
                      ROLE_INPUT);
    value->name = field->name;
    value->field = field;
    value->vocabulary = field->vocabulary;
    value->span = field->span;
    return value;
}

static const struct {
    const char *name;
    LowerLayer *lower;
} layers[] = {
    {"input", lower_input},
    {"add", lower_binary},
    {"multiply", lower_binary},
#define LAYER(name, function, ...) {#name, lower_##function},
#include "semantics/layers.def"
};

/* The number of a word is no quantity: an embedding has to stand between. */
static bool check_numbers(Lowering *l, Span span, const char *what, const Layer *input)
{
    if (input->value->type != TYPE_TOKENS)
        return true;
    error_at(l->model->source, span,
             "%s wants numbers, %s is words; put embedding(width) before it", what,
             source_text(input));
    return false;
}

static Value *lower_layer(Lowering *l, Layer *layer)
{
    Value **x = allocate((size_t)(layer->input_count + 1) * sizeof *x);

    for (int i = 0; i < layer->input_count; i++) {
        x[i] = layer->inputs[i]->value;
        if (!x[i])
            return NULL;
        if (!same(layer->call->name, "embedding") &&
            !check_numbers(l, layer->span, layer->call->name, layer->inputs[i]))
            return NULL;
        if (!same(layer->call->name, "dense"))
            x[i] = as_numbers(l, layer, x[i]);
    }
    for (int i = 0; i < COUNT(layers); i++)
        if (same(layers[i].name, layer->call->name))
            return layers[i].lower(l, layer, x);
    return NULL;
}

Graph *lower(Model *model, Mode mode)
{
    const int errors = model->source->errors;
    Lowering l = {.model = model, .mode = mode};

    l.g = new_graph(mode == MODE_TRAIN ? "train" : "evaluate");
    l.g->model = model;
    l.g->network = model->name;
    l.g->source = model->source;
    l.g->capacity = model->capacity;
    l.g->conv = model->conv;
    for (int i = 0; i < model->layer_count; i++)
        model->layers[i]->value = lower_layer(&l, model->layers[i]);
    if (model->prediction->value &&
        check_numbers(&l, model->loss->span, "a loss", model->prediction)) {
        model->prediction->value = as_numbers(&l, model->prediction, model->prediction->value);
        lower_loss(l.g, model->prediction);
    }
    return model->source->errors > errors ? NULL : l.g;
}
