/*
 * turns.c -- several train sections, which take turns in each step: their names, what is whose, and
 * who trains which layers.
 *
 * One idea: the losses of all are terms of one model, and its layers are made once for all; whose a
 * term is, and who trains a layer, is a number. What no section trains is frozen.
 *
 * Needs: sections; for check_turns layers with paths. Gives: Layer.section, Model.generated.
 */

#include <string.h>

#include "semantics/turns.h"

bool check_section_names(Sema *s, const Ast *const *sections, int count)
{
    bool named = false, right = true;

    for (int i = 0; i < count; i++)
        named |= sections[i]->text != NULL;
    if (!named) {
        if (report(s, sections[1]->name_span, "there is a second train section"))
            note_at(s->source, sections[0]->name_span, "the first one is here");
        note(s->source, "sections that take turns have names: `train discriminator { ... }`");
        return false;
    }
    for (int i = 0; i < count; i++) {
        if (!sections[i]->text &&
            report(s, sections[i]->name_span, "of several train sections each has a name"))
            note(s->source, "such as `train generator { ... }`");
        right &= sections[i]->text != NULL;
        for (int j = 0; j < i; j++)
            if (same(sections[i]->text, sections[j]->text) && sections[i]->text) {
                if (report(s, sections[i]->name_span, "there is a second train section `%s`",
                           sections[i]->text))
                    note_at(s->source, sections[j]->name_span, "the first one is here");
                right = false;
            }
    }
    if (count > MAX_TERMS)
        report(s, sections[MAX_TERMS]->name_span, "there are at most %d train sections", MAX_TERMS);
    return right && count <= MAX_TERMS;
}

KeyOwner key_owner(const char *key)
{
    static const char *const of_section[] = {"loss", "optimizer", "parameters"};
    static const char *const of_one[] = {"metrics",    "clip",  "frozen", "rates",
                                         "accumulate", "mixup", "cutmix", "shards"};

    for (int i = 0; i < COUNT(of_section); i++)
        if (same(key, of_section[i]))
            return KEY_OF_SECTION;
    for (int i = 0; i < COUNT(of_one); i++)
        if (same(key, of_one[i]))
            return KEY_OF_ONE;
    return KEY_OF_RUN;
}

void check_repeated(Sema *s, const Ast *ast, const Ast *first)
{
    const char *text = s->source->text;
    const Span a = first->first->span, b = ast->first->span;

    if (a.end - a.begin == b.end - b.begin &&
        strncmp(text + a.begin, text + b.begin, (size_t)(a.end - a.begin)) == 0)
        return;
    if (report(s, ast->name_span, "`%s` is the run's, and another section gives it otherwise",
               ast->text))
        note_at(s->source, first->name_span, "it is given here; once is enough");
}

void find_generated(Sema *s)
{
    Model *model = s->model;

    if (!model->section_count)
        return;
    const Constant *parts = &model->sections[model->section_count - 1].parts;

    for (int i = 0; i < s->given_count; i++) {
        const Given *given = &s->given[i];
        bool named = same(parts->text, given->network);

        for (int k = 0; k < parts->count; k++)
            named |= same(parts->items[k].text, given->network);
        if (!named || model->generated)
            continue;
        model->generated = given->layer;
        model->name = given->network;
    }
}

/* ---- Who trains what ------------------------------------------------------------------------- */

static const char *part_text(const Model *model, int section)
{
    return model->sections[section - 1].name;
}

/* Each layer with weights is of one section at most; frozen, of none. */
static void share_layers(Sema *s)
{
    const Model *model = s->model;

    for (int i = 0; i < model->layer_count; i++) {
        Layer *layer = model->layers[i];
        const Signature *signature = find_signature(layer->call->name, KIND_LAYER);
        const bool has_weights = signature && signature->has_weights;

        for (int k = 0; k < model->section_count; k++) {
            const TrainSection *section = &model->sections[k];

            if (!is_of_parts(layer, &section->parts))
                continue;
            if (layer->section && layer->section != k + 1 &&
                report(s, section->parts.span, "%s is trained by `%s` already", layer->path,
                       part_text(model, layer->section)))
                note_at(s->source, model->sections[layer->section - 1].parts.span,
                        "a part is trained in one section");
            layer->section = k + 1;
        }
        if (has_weights && is_frozen(model, layer))
            layer->section = 0;
        layer->frozen = has_weights && !layer->section;
    }
}

static void mark_behind(Layer *layer, bool *behind)
{
    if (behind[layer->number])
        return;
    behind[layer->number] = true;
    for (int i = 0; i < layer->input_count; i++)
        mark_behind(layer->inputs[i], behind);
}

bool *layers_behind(const Model *model, int section)
{
    bool *behind = allocate((size_t)(model->layer_count + 1) * sizeof *behind);

    for (int i = 0; i < model->layer_count; i++)
        model->layers[i]->number = i;
    for (int i = 0; i < model->term_count; i++) {
        const Term *term = &model->terms[i];

        if (term->section == section)
            mark_behind(term->value ? term->value : term->prediction, behind);
    }
    return behind;
}

void check_turns(Sema *s)
{
    const Model *model = s->model;

    if (s->source->errors || !model->section_count)
        return;
    share_layers(s);
    for (int k = 0; k < model->section_count; k++) {
        const bool *behind = layers_behind(model, k);
        bool trains = false;

        for (int i = 0; i < model->layer_count; i++)
            trains |= behind[i] && model->layers[i]->section == k + 1;
        if (!trains)
            report(s, model->sections[k].parts.span,
                   "`%s` trains nothing: its loss depends on none of these layers",
                   model->sections[k].name);
    }
}
