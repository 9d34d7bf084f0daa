/*
 * loss_call.c -- calls of loss sections: what the arguments of a loss that netc carries have to be,
 * and which of them is the prediction.
 */

#include "semantics/analysis.h"

/* A target of one of two numbers may be one of them for every row. */
static bool check_target(Sema *s, const PartialCall *f, const char *name, Object target)
{
    const TargetRange range = carried_range(f->definition->text);

    if (!same(name, "target") || target.kind != OBJECT_NUMBER || !range.ends)
        return check_type(s, name, carried_type(f->definition->text, name), target);
    if (target.number == range.least || target.number == range.most)
        return true;
    report(s, target.span, "%s wants %g or %g of its target; this is %s", f->definition->text,
           range.least, range.most, describe(target));
    return false;
}

static bool check_types(Sema *s, const PartialCall *f)
{
    bool fits = !f->failed;

    for (int i = 0; i < f->count; i++) {
        const char *name = f->definition->arguments.items[i + 1]->text;

        if (f->given[i] && !check_target(s, f, name, f->arguments[i]))
            fits = false;
    }
    return fits;
}

Layer *predicted_by(const PartialCall *f)
{
    const Object first = is_several(f->input) ? f->input.items[0] : f->input;
    const bool compares = !f->definition->carried ||
                          (f->count > 0 && same(f->definition->arguments.items[1]->text, "target"));

    return compares && first.kind == OBJECT_TENSOR && !first.layer->of_target && !first.layer->field
               ? first.layer
               : NULL;
}

/* Of a loss that netc carries: the target stands second. */
static bool check_order(Sema *s, const PartialCall *f)
{
    const AstList parameters = f->definition->arguments;
    const Object *second = f->count > 0 ? &f->arguments[0] : NULL;

    if (!second || !same(parameters.items[1]->text, "target") || second->kind != OBJECT_TENSOR ||
        f->input.kind != OBJECT_TENSOR || second->layer->of_target || !f->input.layer->of_target)
        return true;
    if (report(s, f->input.span, "the target stands second"))
        note(s->source, "%s", carried_text(f->definition->text));
    return false;
}

/* A variance that a layer with weights gives may be below 0. */
static void check_variance(Sema *s, const PartialCall *f)
{
    const Object variance = f->count > 1 ? f->arguments[1] : (Object){0};
    const Signature *signature = variance.kind == OBJECT_TENSOR
                                     ? find_signature(variance.layer->call->name, KIND_LAYER)
                                     : NULL;

    if (same(f->definition->text, "gaussian_nll") && signature && signature->has_weights)
        warn_at(s->source, variance.span,
                "a variance below eps counts as eps: end it with softplus or exp");
}

bool check_carried(Sema *s, const PartialCall *f)
{
    if (!check_types(s, f) || !check_order(s, f))
        return false;
    check_variance(s, f);
    return true;
}

Layer *sigmoid_input(Layer *layer)
{
    while (same(layer->call->name, "flatten") || same(layer->call->name, "reshape"))
        layer = layer->inputs[0];
    return same(layer->call->name, "sigmoid") ? layer->inputs[0] : NULL;
}
