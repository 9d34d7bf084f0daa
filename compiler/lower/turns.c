/*
 * turns.c -- Model -> Graph; of several train sections too, which are one train graph: a section's
 * layers and losses stand behind those of the section before it, and read what that has trained.
 *
 * The one idea: a layer is lowered where a section's loss first wants it, and again where one of
 * the parameters behind it has been trained since. What nobody has trained is computed once for
 * all sections: the same pictures, dropout and batch statistics. A trained parameter is another
 * value from there on, which autodiff makes the result of its update.
 */

#include "lower/lowering.h"

/* Its section, and those that came before the last one that lowered it. */
static bool is_stale(const Layer *layer, const int *lowered, int section)
{
    const int before = lowered[layer->number];
    bool stale = layer->section && layer->section - 1 >= before && layer->section - 1 < section;

    for (int i = 0; i < layer->input_count; i++)
        stale |= lowered[layer->inputs[i]->number] > before;
    return stale;
}

/* With the parameters that it has already. */
static Value *lower_again(Lowering *l, const Layer *layer)
{
    Layer *again = allocate(sizeof *again);

    *again = *layer;
    if (!again->shared && find_owned(l, layer))
        again->shared = (Layer *)layer;
    return lower_layer(l, again);
}

/* What a section has trained is read in another version by those behind it. */
static void renew_parameters(Lowering *l, int section)
{
    for (int i = 0; i < l->owned_count; i++)
        for (int k = 0; k < 4; k++) {
            Value *value = l->owned[i].values[k], *next;

            if (!value || value->role != ROLE_PARAMETER || value->section != section + 1)
                continue;
            next = add_value(l->g, value->shape, false, value->type, ROLE_PARAMETER);
            next->name = value->name;
            next->stored = value->stored;
            next->padding_row = value->padding_row;
            next->storage = value;
            value->next = l->owned[i].values[k] = next;
        }
}

static void lower_turns(Lowering *l)
{
    const Model *model = l->model;
    int *lowered = allocate((size_t)(model->layer_count + 1) * sizeof *lowered);

    for (int i = 0; i < model->layer_count; i++)
        lowered[i] = -1;
    for (int k = 0; k < model->section_count; k++) {
        const bool *behind = layers_behind(model, k);

        for (int i = 0; i < model->layer_count; i++) {
            Layer *layer = model->layers[i];

            if (!behind[i] || (lowered[i] >= 0 && !is_stale(layer, lowered, k)))
                continue;
            layer->value = lowered[i] < 0 ? lower_layer(l, layer) : lower_again(l, layer);
            lowered[i] = k;
        }
        lower_terms(l, k);
        l->g->section_ends[k] = l->g->node_count;
        renew_parameters(l, k);
    }
    l->g->section_count = model->section_count;
    for (int i = 0; i < model->term_count; i++)
        l->g->term_sections[i] = model->terms[i].section;
}

static void lower_layers(Lowering *l)
{
    for (int i = 0; i < l->model->layer_count; i++)
        l->model->layers[i]->value = lower_layer(l, l->model->layers[i]);
    lower_terms(l, -1);
}

/* What the last section makes is what a run predicts; no target is like it. */
static void predict_generated(Lowering *l)
{
    Layer *generated = l->model->generated;

    if (!generated || !generated->value)
        return;
    l->g->prediction = generated->value = as_numbers(l, generated, generated->value);
    l->g->prediction_activation = OP_NONE;
    l->g->uncompared = true;
    l->g->head_count = 0;
}

Graph *lower(Model *model, Mode mode)
{
    const int errors = model->source->errors;
    Lowering l = {.model = model, .mode = mode};

    l.g = new_graph(mode == MODE_TRAIN ? "train" : "evaluate");
    l.g->model = model;
    l.g->network = model->name;
    l.g->source = model->source;
    l.g->max_batch = model->max_batch;
    l.g->images = images_of_block(model->max_batch);
    l.g->conv = model->conv;
    l.g->precision = model->precision;
    if (mode == MODE_TRAIN && model->section_count)
        lower_turns(&l);
    else
        lower_layers(&l);
    if (l.term_count == model->term_count)
        lower_loss(l.g, l.terms, l.term_count);
    predict_generated(&l);
    return model->source->errors > errors ? NULL : l.g;
}
