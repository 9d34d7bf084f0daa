/*
 * layer.c -- a use of a layer, as it is recorded; that of a network called again shares the
 * parameters of the first.
 */

#include "semantics/analysis.h"

enum { MAX_LAYERS = 100000 };

bool equal_constants(const Constant *a, const Constant *b)
{
    if (a->kind != b->kind || a->number != b->number || !same(a->text, b->text) ||
        a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (!equal_constants(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static bool equal_calls(const Call *a, const Call *b)
{
    if (!same(a->name, b->name) || a->count != b->count)
        return false;
    for (int i = 0; i < a->count; i++)
        if (!equal_constants(&a->arguments[i].value, &b->arguments[i].value))
            return false;
    return true;
}

/* A later call of a network: the layer that the first one made in this place. */
static void share(Sema *s, Layer *layer)
{
    Instance *instance = s->instance;
    Layer *first = instance->next < instance->count ? instance->layers[instance->next++] : NULL;

    if (first && equal_calls(first->call, layer->call)) {
        layer->shared = first;
    } else if (s->source->errors == 0 &&
               report(s, layer->span, "`%s` is called again, and makes another layer here",
                      instance->definition->text)) {
        note(s->source, "a network that is called twice shares its parameters; a block does not");
    }
}

static void refuse_target(Sema *s, const Call *call, const Layer *input)
{
    const bool added = input->field
                           ? report(s, call->span, "`%s` is a target: layers do not take it",
                                    input->field->name)
                           : report(s, call->span,
                                    "this is made of a target: layers do not take it");

    if (added)
        note(s->source, s->in_loss
                            ? "a value of the loss may be compared with it, without weights"
                            : "declare it as an input too, or prepare it in the data section");
}

Object new_layer(Sema *s, Call *call, Layer *const *inputs, int count, bool has_weights)
{
    Layer *layer = allocate(sizeof *layer);
    Model *model = s->model;

    for (int i = 0; i < count; i++) {
        if (inputs[i]->of_target && (!s->in_loss || has_weights)) {
            refuse_target(s, call, inputs[i]);
            return error_object(call->span);
        }
        layer->of_target |= inputs[i]->of_target;
    }
    if (model->layer_count == MAX_LAYERS) {
        report(s, call->span, "the network has more than %d layers", MAX_LAYERS);
        s->stopped = true;
        return error_object(call->span);
    }
    layer->call = call;
    layer->span = call->span;
    layer->predicts = !s->in_loss || has_weights;
    layer->input_count = count;
    layer->inputs = allocate((size_t)count * sizeof *layer->inputs);
    for (int i = 0; i < count; i++)
        layer->inputs[i] = inputs[i];
    APPEND(model->layers, model->layer_count, layer);
    APPEND(s->paths->entries, s->paths->count,
           ((Entry){.base = call->name, .layer = layer, .has_weights = has_weights}));
    if (s->instance && s->instance->complete)
        share(s, layer);
    else if (s->instance)
        APPEND(s->instance->layers, s->instance->count, layer);
    return (Object){.kind = OBJECT_TENSOR, .layer = layer, .span = call->span};
}

Layer *new_input(Field *field)
{
    Layer *layer = allocate(sizeof *layer);

    layer->call = allocate(sizeof *layer->call);
    layer->call->name = "input";
    layer->call->span = field->span;
    layer->path = field->name;
    layer->field = field;
    layer->of_target = field->is_target;
    layer->span = field->span;
    return layer;
}
