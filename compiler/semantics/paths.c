/*
 * paths.c -- what layers are called, and which of them the loss depends on, once all are known.
 *
 * One idea: names are numbered where several layers of a body have one, so that they wait until
 * every call has been made.
 */

#include "semantics/analysis.h"

typedef struct Base {
    const char *text;
    int count; /* entries that have it */
    int next;  /* the last number given */
} Base;

static Base *find_base(Base *bases, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (same(bases[i].text, text))
            return &bases[i];
    return NULL;
}

/* Is it, without a number, another entry's name? */
static bool is_taken(Base *bases, int count, const char *text)
{
    const Base *base = find_base(bases, count, text);
    return base && base->count == 1;
}

/* Names are numbered from 1 where there is more than one. */
static void resolve(Paths *paths)
{
    const char *prefix = paths->path[0] ? format("%s.", paths->path) : "";
    Base *bases = NULL;
    int count = 0;

    for (int i = 0; i < paths->count; i++) {
        Base *base = find_base(bases, count, paths->entries[i].base);
        if (base)
            base->count++;
        else
            APPEND(bases, count, ((Base){paths->entries[i].base, 1, 0}));
    }
    for (int i = 0; i < paths->count; i++) {
        Entry *entry = &paths->entries[i];
        Base *base = find_base(bases, count, entry->base);
        const char *name = entry->base;
        if (base->count > 1)
            do
                name = format("%s_%d", entry->base, ++base->next);
            while (is_taken(bases, count, name));
        const char *path = format("%s%s", prefix, name);
        if (entry->layer) {
            entry->layer->path = path;
        } else {
            entry->paths->path = path;
            resolve(entry->paths);
        }
    }
}

void resolve_paths(Sema *s)
{
    Model *model = s->model;

    resolve(s->root);
    for (int i = 0; i < s->instance_count; i++)
        resolve(s->instances[i]->paths);
    for (int i = 0; i < model->layer_count; i++) {
        Layer *layer = model->layers[i];
        const Signature *signature = find_signature(layer->call->name, KIND_LAYER);
        if (!layer->shared)
            continue;
        layer->path = layer->shared->path;
        if (!signature || !signature->has_weights)
            layer->shared = NULL;
    }
}

void prune_layers(Sema *s)
{
    Model *model = s->model;
    Layer **layers = NULL;
    int count = 0;

    for (int i = 0; i < model->term_count; i++) {
        Term *term = &model->terms[i];

        term->prediction->used = term->prediction->predicts = true;
        if (term->value)
            term->value->used = true;
    }
    if (model->generated)
        model->generated->used = model->generated->predicts = true;
    for (int i = model->layer_count - 1; i >= 0; i--) {
        Layer *layer = model->layers[i];
        if (layer->used && layer->shared)
            layer->shared->used = true;
        for (int j = 0; layer->used && j < layer->input_count; j++) {
            layer->inputs[j]->used = true;
            layer->inputs[j]->predicts |= layer->predicts;
        }
    }
    for (int i = 0; i < s->globals.count; i++) {
        Layer *layer = s->globals.items[i].value.layer;
        if (layer && layer->used)
            APPEND(layers, count, layer);
    }
    for (int i = 0; i < model->layer_count; i++)
        if (model->layers[i]->used)
            APPEND(layers, count, model->layers[i]);
    model->layers = layers;
    model->layer_count = count;
}
