/*
 * lets.c -- which numbers of the model a run can change, by the lets that make them.
 *
 * One idea: a number carries how lets make it, as C (`(lets[0] * 2)`), for as long as only + - * /
 * work on it. Where an argument takes it that the trainer reads while it runs, the formula is kept;
 * where anything else does, a size, a comparison, a range, the lets in it are held: they are
 * compiled.
 *
 * Needs: evaluation, which tells of both. Gives: Model.lets and Model.numbers, and the number of
 * each Constant in the latter.
 */

#include <float.h>
#include <string.h>

#include "semantics/analysis.h"

enum {
    MAX_LETS = 64,     /* bits of a mask; those after them are compiled */
    MAX_FORMULA = 400, /* characters */
};

/* ---- While the file is evaluated ------------------------------------------------------------- */

static void hold_lets(Sema *s, uint64_t lets, Span span)
{
    for (int i = 0; i < s->model->let_count; i++) {
        Let *let = &s->model->lets[i];

        if (i >= MAX_LETS || !(lets >> i & 1) || let->held)
            continue;
        let->held = true;
        if (s->source == s->model->source) /* not of a --define */
            let->span = span;
        hold_lets(s, let->lets, span);
    }
}

void hold(Sema *s, Object object)
{
    hold_lets(s, object.lets, object.span);
    for (int i = 0; i < object.count; i++)
        hold(s, object.items[i]);
}

bool check_type(Sema *s, const char *name, ParamType type, Object object)
{
    if (is_whole(type))
        hold(s, object);
    return fits_type(s, name, type, object);
}

static const char *operand_text(Object x)
{
    return x.formula ? x.formula : format("%.17g", x.number);
}

Object add_formula(Sema *s, Object result, const char *op, Object a, Object b)
{
    const bool unary = b.kind == OBJECT_ERROR;

    if (result.kind == OBJECT_ERROR || (!a.formula && !b.formula))
        return result;
    result.formula = unary ? format("(-%s)", operand_text(a))
                           : format("(%s %s %s)", operand_text(a), op, operand_text(b));
    result.lets = a.lets | b.lets;
    if (strlen(result.formula) <= MAX_FORMULA)
        return result;
    hold(s, result);
    result.formula = NULL;
    result.lets = 0;
    return result;
}

Object define_let(Sema *s, const char *name, Object value, const char *text, Span span)
{
    const int index = s->model->let_count;
    Let let = {.name = name,
               .is_number = value.kind == OBJECT_NUMBER && index < MAX_LETS,
               .number = value.number,
               .text = text,
               .formula = value.formula,
               .lets = value.lets,
               .low = -(double)FLT_MAX,
               .high = (double)FLT_MAX,
               .span = span};

    if (!let.is_number) /* its items may be numbers: they follow the lets that make them */
        let.held = true;
    APPEND(s->model->lets, s->model->let_count, let);
    if (let.is_number) {
        value.formula = format("lets[%d]", index);
        value.lets = (uint64_t)1 << index;
    }
    return value;
}

bool takes_run_number(const Signature *signature, const Parameter *parameter)
{
    if (signature->kind & (KIND_OPTIMIZER | KIND_SCHEDULE | KIND_STOP | KIND_CLIP | KIND_LOSS))
        return true;
    return parameter->by_run;
}

/* ---- When all is known ----------------------------------------------------------------------- */

bool can_be_set(const Let *let)
{
    return let->used && !let->held;
}

/* Is one of these not held? */
static bool is_free(const Model *model, uint64_t lets)
{
    for (int i = 0; i < model->let_count && i < MAX_LETS; i++)
        if (lets >> i & 1 && !model->lets[i].held)
            return true;
    return false;
}

/* Their values then make a number that a run can change; a let that is it alone, its range. */
static void use_lets(Model *model, uint64_t lets, const RunNumber *number)
{
    for (int i = 0; i < model->let_count && i < MAX_LETS; i++) {
        Let *let = &model->lets[i];

        if (!(lets >> i & 1))
            continue;
        let->used = true;
        use_lets(model, let->lets, number);
        if (!same(number->formula, format("lets[%d]", i)))
            continue;
        let->low = number->low > let->low ? number->low : let->low;
        let->high = number->high < let->high ? number->high : let->high;
        let->whole = let->whole || number->whole;
    }
}

static int add_number(Model *model, RunNumber number, uint64_t lets)
{
    for (int i = 0; i < model->number_count; i++)
        if (same(model->numbers[i].formula, number.formula) &&
            same(model->numbers[i].what, number.what))
            return i + 1;
    use_lets(model, lets, &number);
    APPEND(model->numbers, model->number_count, number);
    return model->number_count;
}

static void find_in_constant(Model *model, Constant *constant, RunNumber number)
{
    for (int i = 0; i < constant->count; i++)
        find_in_constant(model, &constant->items[i], number);
    if (constant->kind != CONSTANT_NUMBER || !constant->formula || !is_free(model, constant->lets))
        return;
    number.formula = constant->formula;
    number.span = constant->span;
    constant->run_number = add_number(model, number, constant->lets);
}

static void find_in_call(Model *model, Call *call, unsigned kinds)
{
    const Signature *signature = call ? find_signature(call->name, kinds) : NULL;

    for (int i = 0; signature && i < call->count; i++) {
        Argument *a = &call->arguments[i];
        RunNumber number = {.what = format("%s of %s", a->name, call->name)};

        for (int p = 0; p < MAX_PARAMETERS && signature->parameters[p].name; p++) {
            const Parameter *parameter = &signature->parameters[p];

            if (!same(parameter->name, a->name) || !takes_run_number(signature, parameter))
                continue;
            find_range(parameter->type, &number.low, &number.high, &number.whole);
            if (parameter->type == PARAM_NUMBERS) { /* class_weights */
                number.low = 0;
                number.high = MAX_CLASS_WEIGHT;
            }
            find_in_constant(model, &a->value, number);
        }
    }
}

void find_run_numbers(Sema *s)
{
    Model *model = s->model;

    for (int i = 0; i < model->layer_count; i++)
        find_in_call(model, model->layers[i]->call, KIND_LAYER);
    for (int i = 0; i < model->term_count; i++) {
        Term *term = &model->terms[i];

        find_in_call(model, term->value ? NULL : term->call, KIND_LOSS);
        find_in_constant(model, &term->factor,
                         (RunNumber){.what = format("the factor of %s", term->name),
                                     .low = -(double)FLT_MAX,
                                     .high = (double)FLT_MAX});
    }
    for (int i = 0; i < model->rate_count; i++)
        find_in_constant(model, &model->rates[i].factor,
                         (RunNumber){.what = format("the rate of %s", model->rates[i].part.text),
                                     .low = (double)FLT_MIN,
                                     .high = (double)FLT_MAX});
    find_in_call(model, model->optimizer, KIND_OPTIMIZER);
    for (int i = 1; i < model->section_count; i++)
        find_in_call(model, model->sections[i].optimizer, KIND_OPTIMIZER);
    for (int i = 0; i < model->schedule_count; i++)
        find_in_call(model, model->schedule[i], KIND_SCHEDULE);
    find_in_call(model, model->stop, KIND_STOP);
    find_in_call(model, model->clip, KIND_CLIP);
}
