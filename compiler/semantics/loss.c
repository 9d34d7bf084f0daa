/*
 * loss.c -- the loss of the train section: the terms of the Model, each of which is called by its
 * target, or by the loss section that it is a call of.
 *
 * One idea: a term is a loss of the language, of a prediction and a target, or any value, whose
 * mean over all of its numbers is the loss. Metrics, reports and `predict` are of one prediction:
 * that of the first term, or where it is a value, of the first network that the loss calls.
 */

#include <math.h>

#include "semantics/analysis.h"

static bool is_taken(const Model *model, const char *name)
{
    for (int i = 0; i < model->term_count; i++)
        if (same(model->terms[i].name, name))
            return true;
    return false;
}

/* loss_label, loss_pinball; where several are of one, numbered from the second on. */
static const char *name_term(const Model *model, const char *of)
{
    const char *base = format("loss_%s", of), *name = base;

    for (int i = 2; is_taken(model, name); i++)
        name = format("%s_%d", base, i);
    return name;
}

/* ignore=N of a cross_entropy: what labels of the target are of no class. */
static void find_ignored(Sema *s, const Model *model, const Call *call, Field *target)
{
    const Constant *ignore = same(call->name, "cross_entropy") ? argument(call, "ignore") : NULL;
    const bool given = ignore && ignore->kind == CONSTANT_NUMBER;

    if (given && (ignore->number != floor(ignore->number) || fabs(ignore->number) > 1e9))
        report(s, ignore->span, "ignore wants a whole number, a label; this is %g", ignore->number);
    else if (given && target->columns)
        report(s, ignore->span, "ignore is for arrays of labels; `%s` is a column of a table%s",
               target->name,
               target->is_text ? ", and what lies behind a row is ignored"
                               : ": `classes(n, missing=ignore)` leaves out rows without a class");
    else if (target->columns && target->ignores && !same(call->name, "cross_entropy") &&
             report(s, call->span,
                    "`%s` leaves classes out, which is for cross_entropy, not for %s", target->name,
                    call->name) &&
             !target->is_text && same(call->name, "binary_cross_entropy"))
        note(s->source, "give the network %d outputs, and write `cross_entropy` here",
             target->classes);
    for (int i = 0; i < model->term_count; i++)
        if (model->terms[i].target == target && !target->columns &&
            (target->ignores != given || (given && target->ignored != ignore->number)))
            report(s, given ? ignore->span : call->span,
                   "what is ignored of `%s` has to be the same in each of its losses",
                   target->name);
    if (!given)
        return;
    target->ignores = true;
    target->ignored = (int)ignore->number;
}

/* One call, with a prediction and a target; `errors`: those before it. */
static void analyze_call(Sema *s, Object object, int errors)
{
    Model *model = s->model;
    PartialCall *f = object.function;

    if (!f->has_input && !f->failed) {
        if (report(s, object.span, "%s needs a prediction and a target", f->signature->name))
            note(s->source, "such as %s(network(input), target)", f->signature->name);
        return;
    }
    Call *call = finish_call(s, f);
    if (!call || f->input.kind != OBJECT_TENSOR)
        return;
    Term term = {.call = call, .prediction = f->input.layer, .factor = to_constant(object)};

    term.target = f->arguments[0].layer->field;
    term.factor.kind = CONSTANT_NUMBER;
    if (!term.target || !term.target->is_target) {
        if (report(s, f->arguments[0].span, "the second argument of %s is a target; this is %s",
                   call->name, describe(f->arguments[0])))
            note(s->source, "declare one in the data section: `target NAME = ...`");
        return;
    }
    if (term.prediction->field && s->source->errors == errors) {
        if (report(s, f->input.span, "the prediction is a field: there is nothing to train"))
            note(s->source, "call a network: `%s(network(%s), %s)`", call->name,
                 term.prediction->field->name, term.target->name);
    }
    if (term.prediction->of_target && !term.prediction->field) {
        if (report(s, f->input.span, "the prediction is made of a target"))
            note(s->source,
                 "give %s the result of a network, or write the loss as an expression: "
                 "`mean(square(network(input) - target))`",
                 call->name);
        return;
    }
    find_ignored(s, model, call, term.target);
    if (same(call->name, "binary_cross_entropy"))
        term.wanted = (TargetRange){.most = 1};
    term.name = name_term(model, term.target->name);
    if (model->term_count == 0)
        model->name = f->network;
    APPEND(model->terms, model->term_count, term);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* The first of the targets that the layer depends on. */
static Field *compared_target(const Layer *layer)
{
    Field *found = layer->field;

    for (int i = 0; i < layer->input_count && !found; i++)
        if (layer->inputs[i]->of_target)
            found = compared_target(layer->inputs[i]);
    return found;
}

/* Which results of networks the layer is made of, up to these: they are marked, and it. */
static void mark_given(const Sema *s, Layer *layer)
{
    if (layer->marked)
        return;
    layer->marked = true;
    for (int i = 0; i < s->given_count; i++)
        if (s->given[i].layer == layer)
            return;
    for (int i = 0; i < layer->input_count; i++)
        mark_given(s, layer->inputs[i]);
}

/* Inputs too, which are no layers of the model yet. */
static void unmark(Layer *layer)
{
    if (!layer->marked)
        return;
    layer->marked = false;
    for (int i = 0; i < layer->input_count; i++)
        unmark(layer->inputs[i]);
}

/* The first network's result that a value is made of, or one that goes on from there; where it is
   made of none, the first of the loss; NULL: it calls no network. */
static const Given *find_prediction(const Sema *s, Layer *value)
{
    const Model *model = s->model;
    const Given *found = NULL;
    bool *used = allocate((size_t)s->given_count * sizeof *used);

    mark_given(s, value);
    for (int i = 0; i < s->given_count; i++)
        used[i] = s->given[i].layer->marked;
    unmark(value);
    for (int i = 0; i < s->given_count; i++)
        if (used[i] && (!found || depends_on(model, s->given[i].layer, found->layer)))
            found = &s->given[i];
    return found || !s->given_count ? found : &s->given[0];
}

/* Any value: it counts by its mean. */
static void add_value(Sema *s, Object object)
{
    Model *model = s->model;
    Layer *value = object.layer;
    const char *name = object.text;
    const Given *given = find_prediction(s, value);
    Term term = {.value = value, .factor = to_constant(object)};

    if (value->field || !given) {
        if (report(s, object.span,
                   value->field ? "the loss is a field: there is nothing to train"
                                : "the loss calls no network"))
            note(s->source, "such as `loss = mean(square(network(input) - target))`");
        return;
    }
    term.prediction = object.prediction ? object.prediction : given->layer;
    if (object.carried) {
        term.wanted = carried_range(name);
        term.logits = carried_logits(name);
    }
    term.factor.kind = CONSTANT_NUMBER;
    term.target = value->of_target ? compared_target(value) : NULL;
    term.call = allocate(sizeof *term.call);
    term.call->name = name ? name : "expression";
    term.call->span = name ? object.span : value->span;
    term.name = name_term(model, name ? name : term.target ? term.target->name : "value");
    if (model->term_count == 0)
        model->name = given->network;
    APPEND(model->terms, model->term_count, term);
}

static bool is_made(const Layer *layer, const char *name)
{
    return same(layer->call->name, name) && !layer->predicts;
}

/* Is it a mean, times a number, or means that are added? */
static bool is_sum_of_means(const Layer *layer)
{
    if (is_made(layer, "scale"))
        return is_sum_of_means(layer->inputs[0]);
    if (is_made(layer, "add") || is_made(layer, "subtract"))
        return is_sum_of_means(layer->inputs[0]) && is_sum_of_means(layer->inputs[1]);
    return is_made(layer, "mean");
}

/* Means that are added are terms of their own, and what they are times is their factor, where no
   loss section has made them and no run can set it. */
static void analyze_value(Sema *s, Object object)
{
    const Layer *value = object.layer;
    Object part = object;

    if (!is_sum_of_means(value) || object.text || object.formula || is_made(value, "mean")) {
        add_value(s, object);
        return;
    }
    part.layer = value->inputs[0];
    if (is_made(value, "scale"))
        part.number *= number(value->call, "factor");
    analyze_value(s, part);
    part.layer = value->inputs[value->input_count - 1];
    part.number *= is_made(value, "subtract") ? -1 : 1;
    if (value->input_count > 1)
        analyze_value(s, part);
}

/* The first term that has a target comes first. A loss of no target, as of three pictures, is one
   where none is declared. */
static void find_first_target(Sema *s, Span span)
{
    Model *model = s->model;
    int first = s->first_term;

    while (first < model->term_count && !model->terms[first].target)
        first++;
    for (int i = first; i > s->first_term && first < model->term_count; i--) {
        const Term term = model->terms[i];

        model->terms[i] = model->terms[i - 1];
        model->terms[i - 1] = term;
    }
    const bool compares = model->section_count > 0 || (model->term_count && model->terms[0].target);

    for (int i = 0; i < s->globals.count && model->term_count && !compares; i++) {
        const Object *object = &s->globals.items[i].value;
        const Field *field = object->kind == OBJECT_TENSOR ? object->layer->field : NULL;

        if (field && field->is_target && !field->is_weight &&
            report(s, span, "the loss compares with no target"))
            note_at(s->source, s->globals.items[i].span,
                    "this one is there: `mse(network(input), %s)`", field->name);
    }
}

/* Each summand is told apart from those before it: what it calls with the same values is the same
   result, and the prediction is of the first. */
static Object evaluate_summands(Sema *s, const Ast *ast, int deep)
{
    const bool adds = ast->kind == AST_BINARY && (same(ast->text, "+") || same(ast->text, "-"));

    if (!adds || deep > 2 * MAX_TERMS)
        return evaluate(s, ast);
    const Object a = evaluate_summands(s, ast->first, deep + 1);

    s->losses++;
    return combine(s, ast, a, evaluate_summands(s, ast->second, deep + 1));
}

/* A loss times a number below 0 grows without end; a value, as -mean(log(p)), may be meant. */
static void warn_maximized(Sema *s)
{
    const Model *model = s->model;
    bool falls = model->term_count > 0;

    for (int i = 0; i < model->term_count; i++)
        falls &= model->terms[i].factor.number < 0 &&
                 !same(model->terms[i].call->name, "expression");
    if (falls)
        warn_at(s->source, model->terms[0].call->span,
                "times %g, this loss is made as large as can be", model->terms[0].factor.number);
}

/* Is a number one of those that the range has? Every number is, where it is none. */
static bool is_in(TargetRange range, double x)
{
    if (range.most <= range.least)
        return true;
    return range.ends ? x == range.least || x == range.most : x >= range.least && x <= range.most;
}

/* A target of hinge, -1 or 1, is none of binary_cross_entropy. */
static void check_ranges(Sema *s)
{
    const Model *model = s->model;

    for (int i = 0; i < model->term_count; i++)
        for (int j = 0; j < model->term_count; j++) {
            const Term *a = &model->terms[i], *b = &model->terms[j];

            if (a->target == b->target && a->wanted.ends &&
                !(is_in(b->wanted, a->wanted.least) && is_in(b->wanted, a->wanted.most)))
                report(s, a->call->span, "%s wants %g or %g of `%s`, which is nothing for %s",
                       a->call->name, a->wanted.least, a->wanted.most, a->target->name,
                       b->call->name);
        }
}

void analyze_loss(Sema *s, const Ast *ast)
{
    const int errors = s->source->errors;
    const unsigned kinds = s->kinds;

    s->in_loss = true;
    s->kinds = KIND_LAYER | KIND_LOSS;
    const Object object = evaluate_summands(s, ast->first, 0);
    s->kinds = kinds;
    s->in_loss = false;
    if (object.kind == OBJECT_ERROR || (object.kind == OBJECT_TENSOR && s->source->errors > errors))
        return;
    if (!is_loss(object) && object.kind != OBJECT_TENSOR) {
        if (report(s, object.span, "the loss is a call such as mse(prediction, target); this is %s",
                   describe(object)))
            list_names(s, KIND_LOSS);
        return;
    }
    const Object sum = as_sum(object);

    for (int i = 0; i < sum.count; i++) {
        if (sum.items[i].kind == OBJECT_TENSOR)
            analyze_value(s, sum.items[i]);
        else
            analyze_call(s, sum.items[i], errors);
    }
    if (s->model->term_count > MAX_TERMS)
        report(s, object.span, "a loss has at most %d summands; this has %d", MAX_TERMS,
               s->model->term_count);
    if (s->source->errors == errors)
        find_first_target(s, object.span);
    warn_maximized(s);
    check_ranges(s);
}
