/*
 * operands.c -- arguments that a function of values takes in other places: a number before the
 * value, more than two values, a number to the power of a value.
 *
 * One idea: max(a, b, c) is max(max(a, b), c), and pow(2, x) is e^(x log 2).
 */

#include "semantics/operands.h"

#include <math.h>

static void set_input(PartialCall *f, Object x)
{
    f->input = x;
    f->has_input = true;
}

/* pow(2, x) is e^(x log 2). */
static void take_exponent(Sema *s, PartialCall *f, Object x)
{
    const Object base = f->arguments[0];

    set_input(f, x);
    if (f->failed)
        return;
    if (base.number > 0 && base.number != 1) {
        f->signature = find_signature("exp", KIND_LAYER);
        f->count = 0;
        f->input = scale_value(s, f->span, x, log(base.number));
        return;
    }
    f->failed = true;
    if (base.number == 1)
        report(s, base.span, "1 to the power of a value is 1, whatever it is");
    else if (report(s, base.span, "a number to the power of a value is above 0; this is %g",
                    base.number))
        note(s->source, "`pow(x, %g)` is a value to the power of a number", base.number);
}

static void refuse_exponent(Sema *s, PartialCall *f, Object object)
{
    f->failed = true;
    if (report(s, object.span, "the exponent is a number; this is %s", describe(object)))
        note(s->source, "of x above 0, x to the power of y is `exp(y * log(x))`");
}

bool is_another_operand(const PartialCall *f, Object object)
{
    return f->signature && f->signature->kind == KIND_LAYER && f->count > 0 &&
           f->signature->parameters[0].type == PARAM_OPERAND && f->has_input && f->given[0] &&
           object.kind != OBJECT_NAME && object.kind != OBJECT_LIST;
}

bool take_operand(Sema *s, PartialCall *f, Object object)
{
    const Signature *signature = f->signature;
    const bool is_value = object.kind == OBJECT_TENSOR;

    if (!signature || signature->kind != KIND_LAYER || f->count == 0)
        return false;
    const bool is_pow = same(signature->name, "pow");

    if (is_pow && is_value && f->has_input && !f->given[0])
        refuse_exponent(s, f, object);
    else if (is_pow && is_value && !f->has_input && f->given[0])
        take_exponent(s, f, object);
    else if (signature->parameters[0].type == PARAM_OPERAND && is_value && !f->has_input)
        set_input(f, object); /* max(0, x) */
    else
        return false;
    return true;
}
