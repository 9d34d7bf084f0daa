/*
 * parts.c -- parts of the network that the train section names, by the paths of their parameters:
 * layers, blocks, networks.
 *
 * One idea: a name is one or more words of a path, so that it is looked for when all layers have
 * theirs; one that is of no layer with weights is a mistake.
 *
 * Needs: layers with paths, those that are used. Gives: which of them are frozen, and errors.
 */

#include <string.h>

#include "semantics/turns.h"

static bool has_weights(const Layer *layer)
{
    const Signature *signature = find_signature(layer->call->name, KIND_LAYER);

    return signature && signature->has_weights;
}

/* Name i of a name or a list of them; NULL: there is none. */
static const Constant *name_of(const Constant *names, int i)
{
    if (names->kind == CONSTANT_LIST)
        return i < names->count ? &names->items[i] : NULL;
    return names->kind == CONSTANT_NAME && i == 0 ? names : NULL;
}

static bool is_of_part(const Layer *layer, const Constant *name)
{
    return layer->path && net_is_of_part(format("%s.", layer->path), name->text);
}

/* Every name that parts of the network have, of the whole paths of layers too. */
static const char **part_names(const Model *model, int *count)
{
    const char **names = NULL;

    *count = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const char *at = model->layers[i]->path;

        if (!has_weights(model->layers[i]))
            continue;
        APPEND(names, *count, at);
        for (const char *end = at; *end; at = *end ? end + 1 : end) {
            end = at + strcspn(at, ".");
            APPEND(names, *count, copy_text(at, (size_t)(end - at)));
        }
    }
    return names;
}

static void check_part(Sema *s, const char *key, const Constant *name)
{
    const Model *model = s->model;
    const Layer *found = NULL;
    int count;

    for (int i = 0; i < model->layer_count; i++) {
        if (!is_of_part(model->layers[i], name))
            continue;
        found = model->layers[i];
        if (has_weights(found))
            return;
    }
    if (found) {
        report(s, name->span, "`%s` of `%s` has no weights", name->text, key);
        return;
    }
    const char **names = part_names(model, &count);
    const char *near = net_nearest(name->text, names, count);

    if (!report(s, name->span, "`%s` names `%s`: no layer, block or network is called so", key,
                name->text))
        return;
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else if (count)
        note(s->source, "netc --summary lists the layers; `%s` is the first with weights",
             names[0]);
}

/* All names are of some part. */
static void check_names(Sema *s, const char *key, const Constant *names)
{
    const Constant *name;

    for (int i = 0; (name = name_of(names, i)) != NULL; i++)
        check_part(s, key, name);
}

bool is_frozen(const Model *model, const Layer *layer)
{
    const Constant *own = argument(layer->call, "frozen"), *name;
    bool frozen = own && own->number != 0;

    for (int i = 0; (name = name_of(&model->frozen, i)) != NULL; i++)
        frozen |= is_of_part(layer, name);
    return frozen;
}

bool is_of_parts(const Layer *layer, const Constant *parts)
{
    const Constant *name;
    bool is = false;

    for (int i = 0; (name = name_of(parts, i)) != NULL; i++)
        is |= is_of_part(layer, name);
    return is && has_weights(layer);
}

static void check_trainable(Sema *s)
{
    Model *model = s->model;
    bool weights = false, trainable = false;

    for (int i = 0; i < model->layer_count; i++) {
        Layer *layer = model->layers[i];

        layer->frozen = has_weights(layer) && is_frozen(model, layer);
        weights |= has_weights(layer);
        trainable |= has_weights(layer) && !layer->frozen;
    }
    if (!weights)
        report(s, model->terms[0].prediction->span,
               "the prediction comes from no layer with parameters: there is nothing to train");
    else if (!trainable && name_of(&model->frozen, 0))
        report(s, model->frozen.span, "every layer is frozen: there is nothing to train");
}

Constant analyze_parts(Sema *s, const Ast *ast)
{
    const Object names = evaluate_names(s, ast->first, PARAM_NAMES);

    return fits_type(s, ast->text, PARAM_NAMES, names) ? to_constant(names) : (Constant){0};
}

/* `0.1 * body` */
static void analyze_rate(Sema *s, const Ast *ast)
{
    const Ast *part = ast->second;
    PartRate rate;

    if (ast->kind != AST_BINARY || !same(ast->text, "*") || part->kind != AST_NAME) {
        if (report(s, ast->span, "a rate is a number times a part of the network"))
            note(s->source, "such as `rates = [0.1 * body, 10 * head]`");
        return;
    }
    const Object factor = evaluate(s, ast->first);

    if (!check_type(s, "the factor of a rate", PARAM_POSITIVE, factor))
        return;
    rate.factor = to_constant(factor);
    rate.part = (Constant){.kind = CONSTANT_NAME, .text = part->text, .span = part->span};
    APPEND(s->model->rates, s->model->rate_count, rate);
}

void analyze_rates(Sema *s, const Ast *ast)
{
    const Ast *rates = ast->first;

    if (rates->kind != AST_LIST)
        analyze_rate(s, rates);
    for (int i = 0; rates->kind == AST_LIST && i < rates->children.count; i++)
        analyze_rate(s, rates->children.items[i]);
}

/* A layer has one rate. */
static void find_rates(Sema *s, const PartRate *rate)
{
    const Model *model = s->model;

    check_part(s, "rates", &rate->part);
    for (int i = 0; i < model->layer_count; i++) {
        Layer *layer = model->layers[i];

        if (!has_weights(layer) || !is_of_part(layer, &rate->part))
            continue;
        if (layer->rate && layer->rate != rate)
            report(s, rate->part.span, "%s has a rate by `%s` already", layer->path,
                   layer->rate->part.text);
        layer->rate = rate;
    }
}

void check_parts(Sema *s)
{
    const Model *model = s->model;

    for (int i = 0; i < model->rate_count; i++)
        find_rates(s, &model->rates[i]);
    check_names(s, "frozen", &model->frozen);
    if (model->start)
        check_names(s, "except", argument(model->start, "except"));
    for (int i = 0; i < model->section_count; i++)
        check_names(s, "parameters", &model->sections[i].parts);
    if (!model->section_count)
        check_trainable(s);
}
