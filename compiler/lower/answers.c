/*
 * answers.c -- warnings of a network that reads what it has to predict: a decoder that is not a
 * word late, or that looks at the words behind its own.
 *
 * One idea: an input and a target of one text are that text, each shifted by some words; a position
 * may see the words before the one that it is asked for, and no other.
 *
 * Needs: a Model that was lowered without errors. Gives: warnings.
 */

#include <limits.h>

#include "lower/lowering.h"

/* Words by which position p of a field is before word p of its text; INT_MIN: it is no text. */
static int lateness(const Field *field)
{
    const Call *step = field->step_count ? field->steps[0] : NULL;

    if (step && same(step->name, "characters"))
        return -(int)number(step, "ahead");
    return step && same(step->name, "tokens") ? number(step, "begin") != 0 : INT_MIN;
}

static void warn_same_words(Source *source, const Field *input, const Field *target)
{
    const bool words = same(target->steps[0]->name, "tokens");

    warn_at(source, (words ? input : target)->steps[0]->span,
            "the network reads at each position of `%s` the %s that `%s` asks for there",
            input->name, words ? "word" : "character", target->name);
    if (words)
        note(source, "`%s(..., begin=true)` of `%s` alone reads each a word late",
             target->steps[0]->name, input->name);
    else
        note(source, "`characters(..., ahead=1)` of `%s` is the one that comes next", target->name);
}

/* Does a layer put together a position and others behind it? */
static bool looks_ahead(const Layer *layer)
{
    const Call *call = layer->call;
    const Constant *padding = argument(call, "padding"), *kernel = argument(call, "kernel");

    if (same(call->name, "attention"))
        return layer->input_count == 1 && number(call, "causal") == 0;
    if (same(call->name, "rnn") || same(call->name, "lstm") || same(call->name, "gru"))
        return number(call, "reverse") != 0;
    return same(call->name, "conv1d") && kernel->kind == CONSTANT_NUMBER && kernel->number > 1 &&
           (padding->kind == CONSTANT_NUMBER ? padding->number > 0 : same(padding->text, "same"));
}

/* The first layer up to `layer` that looks ahead in what is made of `input`; each is seen once. */
static const Layer *find_peeking(Layer *layer, const Field *input)
{
    const Layer *found = NULL;

    if (layer->marked || !layer->value)
        return NULL;
    layer->marked = true;
    for (int i = 0; i < layer->input_count && !found; i++)
        found = find_peeking(layer->inputs[i], input);
    if (!found && layer->input_count > 0 && looks_ahead(layer) &&
        find_positions(layer->inputs[0]) == input)
        found = layer;
    return found;
}

static void warn_term(const Model *model, const Term *term)
{
    const Field *target = term->target, *input = find_positions(term->prediction);

    if (!input || !same(input->source_field, target->source_field) ||
        !same(input->steps[0]->name, target->steps[0]->name) || lateness(target) == INT_MIN)
        return;
    if (lateness(input) <= lateness(target)) {
        warn_same_words(model->source, input, target);
        return;
    }
    const Layer *peeking = find_peeking(term->prediction, input);

    if (peeking)
        warn_at(model->source, peeking->span,
                "%s sees behind each position of `%s` what `%s` asks for there; %s", peeking->path,
                input->name, target->name,
                same(peeking->call->name, "attention") ? "causal=true hides it"
                : same(peeking->call->name, "conv1d")  ? "padding=causal hides it"
                                                       : "leave reverse=true out");
    for (int i = 0; i < model->layer_count; i++)
        model->layers[i]->marked = false;
}

void warn_answers(const Model *model)
{
    for (int i = 0; i < model->term_count; i++)
        if (model->terms[i].target && model->terms[i].target->is_class && !model->terms[i].value)
            warn_term(model, &model->terms[i]);
}
