/*
 * loss.c -- the loss of the train section: the terms of the Model, each of which is called by its
 * target.
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

/* loss_label; where several are of one target, numbered from the second on. */
static const char *name_term(const Model *model, const Field *target)
{
    const char *base = format("loss_%s", target->name), *name = base;

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
        report(s, ignore->span, "ignore is for arrays of labels; `%s` is a column of a table",
               target->name);
    for (int i = 0; i < model->term_count; i++)
        if (model->terms[i].target == target &&
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
static void analyze_term(Sema *s, Object object, int errors)
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
    find_ignored(s, model, call, term.target);
    term.name = name_term(model, term.target);
    if (model->term_count == 0)
        model->name = f->network;
    APPEND(model->terms, model->term_count, term);
}

void analyze_loss(Sema *s, const Ast *ast)
{
    const int errors = s->source->errors;
    const Object object = evaluate_with(s, ast->first, KIND_LAYER | KIND_LOSS);

    if (object.kind == OBJECT_ERROR || (object.kind == OBJECT_TENSOR && s->source->errors > errors))
        return;
    if (!is_loss(object)) {
        if (report(s, object.span, "the loss is a call such as mse(prediction, target); this is %s",
                   describe(object)))
            list_names(s, KIND_LOSS);
        return;
    }
    const Object sum = as_sum(object);

    if (sum.count > MAX_TERMS)
        report(s, object.span, "a loss has at most %d summands; this has %d", MAX_TERMS, sum.count);
    for (int i = 0; i < sum.count && sum.count <= MAX_TERMS; i++)
        analyze_term(s, sum.items[i], errors);
}
