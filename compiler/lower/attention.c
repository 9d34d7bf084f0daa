/*
 * attention.c -- attention: projections of all heads in one contraction, the softmax of their
 * products, and a projection of what comes out (Vaswani and others 2017).
 *
 * The one idea: PyTorch's nn.MultiheadAttention, its parameters and their initial values: heads are
 * slices of the channels, and q, k and v lie side by side; of another sequence k and v do, by the
 * same weight's part.
 */

#include "lower/lowering.h"

/* ---- Positions ------------------------------------------------------------------------------- */

/* The vectors of a sequence's positions, [channels, length] in files. In the graph they are the
   bias of a flat value, and lie as it does. */
static Value *position_vectors(Lowering *l, const Layer *layer, Shape stored, bool learned)
{
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;
    Value *table;

    if (layer->shared) {
        if (!owned || same_shape(owned->values[0]->stored, stored))
            return owned ? owned->values[0] : NULL;
        error_at(l->model->source, layer->span,
                 "positions gets %s here, the first use of the same network had %s",
                 shape_text(stored), shape_text(owned->values[0]->stored));
        return NULL;
    }
    if (!count_parameters(l, layer, stored))
        return NULL;
    owned = add_owned(l, layer);
    owned->values[0] = table = add_parameter(l, layer, "weight", stored,
                                             learned ? "positions" : "sinusoids", 0);
    table->shape = (Shape){.rank = 1, .size = {shape_size(stored)}};
    table->stored = stored;
    if (!learned)
        table->role = ROLE_STATE;
    return table;
}

/* Sinusoids are not learned: nothing is drawn, nothing penalized. */
static bool check_fixed(Lowering *l, const Layer *layer)
{
    static const char *const of_learned[] = {"init", "l1", "l2"};

    for (int i = 0; i < COUNT(of_learned); i++) {
        const Constant *given = argument(layer->call, of_learned[i]);

        if (i == 0 ? same(given->text, "default") : number(layer->call, of_learned[i]) == 0)
            continue;
        error_at(l->model->source, given->span,
                 "positions(kind=sinusoidal) are fixed, and take no `%s`", of_learned[i]);
        return false;
    }
    return true;
}

Value *lower_positions(Lowering *l, Layer *layer, Value *const *x)
{
    const Constant *kind = argument(layer->call, "kind");
    const bool learned = same(kind->text, "learned");
    Value *table, *flat;

    if (!learned && !same(kind->text, "sinusoidal")) {
        error_at(l->model->source, kind->span,
                 "kind of positions is learned or sinusoidal; this is `%s`", kind->text);
        return NULL;
    }
    if (!check_sequence(l, layer) || (!learned && !check_fixed(l, layer)))
        return NULL;
    table = position_vectors(l, layer, x[0]->shape, learned);
    if (!table)
        return NULL;
    flat = reshape_value(l, layer, x[0], table->shape);
    flat = append_node(l, layer, OP_ADD_BIAS, (Value *[]){flat, table}, 2, (Attributes){0})
               ->outputs[0];
    return reshape_value(l, layer, flat, x[0]->shape);
}

/* ---- Attention ------------------------------------------------------------------------------- */

/* A contraction at each position. */
static Value *project(Lowering *l, const Layer *layer, Value *x, Value *w, Value *b)
{
    const Attributes at = {.kernel = {1, 1}, .stride = {1, 1}, .groups = 1};
    Value *const inputs[] = {as_image(l, layer, x), w, b};

    return as_sequence(l, layer, append_node(l, layer, OP_CONV2D, inputs, 3, at)->outputs[0]);
}

static Value *matrix(Lowering *l, const Layer *layer, const char *leaf, int rows, int columns,
                     const char *init)
{
    const Shape shape = {.rank = 4, .size = {rows, columns, 1, 1}};
    Value *w = add_parameter(l, layer, leaf, shape, init, columns);

    w->fan_out = rows;
    w->stored = (Shape){.rank = 2, .size = {rows, columns}};
    return w;
}

/* in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias */
static Owned *projections(Lowering *l, const Layer *layer, int channels)
{
    const Shape of_in = {.rank = 1, .size = {3 * channels}},
                of_out = {.rank = 1, .size = {channels}};
    Owned *owned = layer->shared ? find_owned(l, layer->shared) : NULL;

    if (layer->shared) {
        if (owned && owned->values[2]->shape.size[0] != channels) {
            error_at(l->model->source, layer->span,
                     "attention gets %d channels here, the first use of the same network had %d",
                     channels, owned->values[2]->shape.size[0]);
            return NULL;
        }
        return owned;
    }
    if (!count_parameters(l, layer, (Shape){.rank = 2, .size = {whole(4.0 * channels), channels}}))
        return NULL;
    owned = add_owned(l, layer);
    owned->values[0] = matrix(l, layer, "in_proj_weight", 3 * channels, channels,
                              initial_table_name("glorot_uniform"));
    owned->values[2] = matrix(l, layer, "out_proj.weight", channels, channels, "kaiming_uniform");
    if (number(layer->call, "bias") != 0) {
        owned->values[1] = add_parameter(l, layer, "in_proj_bias", of_in, "zeros", 0);
        owned->values[3] = add_parameter(l, layer, "out_proj.bias", of_out, "zeros", 0);
    }
    return owned;
}

static bool check_heads(Lowering *l, const Layer *layer, int channels, int heads)
{
    if (channels % heads == 0)
        return true;
    error_at(l->model->source, argument(layer->call, "heads")->span,
             "heads=%d has to divide the channels: %s has %d", heads, source_text(layer->inputs[0]),
             channels);
    return false;
}

/* Of weights: p 0 and no run_number where nothing is dropped. */
static void set_dropout(Lowering *l, const Layer *layer, Attributes *at)
{
    at->p = number(layer->call, "dropout");
    at->run_number = run_number(layer->call, "dropout");
    if (at->p != 0 || at->run_number)
        at->stream = l->streams++;
}

/* The parameter's outputs from `begin` on. */
static Value *part_of(Lowering *l, const Layer *layer, Value *w, int begin, int outputs)
{
    Attributes at = {.begin = begin, .shape = w ? w->shape : (Shape){0}};

    at.shape.size[0] = outputs;
    return w ? append_node(l, layer, OP_WEIGHT_SLICE, &w, 1, at)->outputs[0] : NULL;
}

/* What the queries look at: as wide as they are, and as long where the mask is causal. */
static bool check_memory(Lowering *l, const Layer *layer, Shape query, bool causal)
{
    const Shape memory = layer->inputs[1]->value->shape;
    const char *source = source_text(layer->inputs[1]);

    if (memory.rank != 2)
        error_at(l->model->source, layer->span,
                 "attention wants rank 2, [channels, length], of its memory; %s is %s", source,
                 shape_text(memory));
    else if (memory.size[0] != query.size[0])
        error_at(l->model->source, layer->span,
                 "attention's memory is as wide as its queries, %d channels; %s is %s: "
                 "`-> conv1d(%d, 1)` makes it so",
                 query.size[0], source, shape_text(memory), query.size[0]);
    else if (causal && memory.size[1] != query.size[1])
        error_at(l->model->source, layer->span,
                 "causal=true wants as many positions of the memory as of the queries, %d; "
                 "%s is %s",
                 query.size[1], source, shape_text(memory));
    else
        return true;
    return false;
}

/* Each position by all of another sequence. */
static Value *attend(Lowering *l, const Layer *layer, Value *const *x, const Owned *owned,
                     Value *tokens, Attributes at)
{
    const int channels = x[0]->shape.size[0];
    Value *const *w = owned->values;
    Value *q = project(l, layer, x[0], part_of(l, layer, w[0], 0, channels),
                       part_of(l, layer, w[1], 0, channels));
    Value *kv = project(l, layer, x[1], part_of(l, layer, w[0], channels, 2 * channels),
                        part_of(l, layer, w[1], channels, 2 * channels));

    return append_node(l, layer, OP_CROSS_ATTENTION, (Value *[]){q, kv, tokens}, 3, at)->outputs[0];
}

Value *lower_attention(Lowering *l, Layer *layer, Value *const *x)
{
    const int heads = whole(number(layer->call, "heads")), channels = x[0]->shape.size[0];
    const Layer *memory = layer->inputs[layer->input_count - 1];
    Attributes at = {.heads = heads, .causal = number(layer->call, "causal") != 0};
    Value *tokens = NULL, *y;
    Owned *owned;

    if (!check_sequence(l, layer) || !check_heads(l, layer, channels, heads) ||
        (layer->input_count > 1 && !check_memory(l, layer, x[0]->shape, at.causal)))
        return NULL;
    if (number(layer->call, "skip_padding") != 0 &&
        !(tokens = tokens_behind(l, layer, memory, &at.begin)))
        return NULL;
    for (int i = 0; i < layer->input_count; i++)
        if (!check_size(l, layer->span, "what attention makes of its input",
                        (Shape){.rank = 2, .size = {whole(3.0 * channels), x[i]->shape.size[1]}}))
            return NULL;
    owned = projections(l, layer, channels);
    if (!owned)
        return NULL;
    if (l->mode == MODE_TRAIN)
        set_dropout(l, layer, &at);
    if (layer->input_count > 1) {
        y = attend(l, layer, x, owned, tokens, at);
    } else {
        y = project(l, layer, x[0], owned->values[0], owned->values[1]);
        y = append_node(l, layer, OP_ATTENTION, (Value *[]){y, tokens}, 2, at)->outputs[0];
    }
    return project(l, layer, y, owned->values[2], owned->values[3]);
}
