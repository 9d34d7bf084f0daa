/*
 * arithmetic.c -- operators on results of layers: `1 - z`, `x * gate`, `a > b`.
 *
 * One idea: an operator is a layer (OPERATOR rows of layers.def); what has none is written with
 * those that there are, as a <= b is 1 - (a > b), and a != 3 is (a > 3) + (a < 3). Numbers are
 * arguments of these layers.
 */

#include "semantics/operands.h"

#include <math.h>
#include <string.h>

static Object add_layer(Sema *s, const char *name, Span span, Object a, const Object *b,
                        const Argument *argument)
{
    Call *call = allocate(sizeof *call);
    Layer *inputs[2] = {a.layer, b ? b->layer : NULL};

    if (!a.layer || (b && !b->layer)) /* an error was told */
        return error_object(span);
    call->name = name;
    call->span = span;
    if (argument)
        APPEND(call->arguments, call->count, *argument);
    return new_layer(s, call, inputs, b ? 2 : 1, false);
}

static Object join(Sema *s, const char *name, Span span, Object a, Object b)
{
    return add_layer(s, name, span, a, &b, NULL);
}

/* `sign`: the operator in the file. */
static Object join_by(Sema *s, const char *name, const char *sign, Span span, Object a, Object b)
{
    const Object joined = join(s, name, span, a, b);

    if (joined.layer)
        joined.layer->call->sign = sign;
    return joined;
}

/* A layer of one value with a number, which is compiled. */
static Object with_number(Sema *s, const char *name, const char *argument, Span span, Object a,
                          double x)
{
    const Argument number = {
        .name = argument,
        .value = {.kind = CONSTANT_NUMBER, .number = x, .span = span},
        .given = true,
        .standard = {.kind = CONSTANT_NONE},
    };

    return add_layer(s, name, span, a, NULL, &number);
}

static Object scale(Sema *s, Span span, Object a, double factor)
{
    return factor == 1 ? a : with_number(s, "scale", "factor", span, a, factor);
}

static Object shift(Sema *s, Span span, Object a, double term)
{
    return term == 0 ? a : with_number(s, "shift", "term", span, a, term);
}

/* 1 - a, of a that is 0 or 1 */
static Object invert(Sema *s, Span span, Object a)
{
    return shift(s, span, scale(s, span, a, -1), 1);
}

Object scale_value(Sema *s, Span span, Object a, double factor)
{
    return scale(s, span, a, factor);
}

Object negate_value(Sema *s, Span span, Object a)
{
    return scale(s, span, a, -1);
}

/* ---- Two values ------------------------------------------------------------------------------ */

static Object number_behind(Sema *s, const char *op, Span span, Object a, double x);

static Object combine_two(Sema *s, const char *op, Span span, Object a, Object b)
{
    if (same(op, "<"))
        return join_by(s, "greater", op, span, b, a);
    if (same(op, "<="))
        return invert(s, span, join_by(s, "greater", op, span, a, b));
    if (same(op, ">="))
        return invert(s, span, join_by(s, "greater", op, span, b, a));
    if (same(op, "==") || same(op, "!="))
        return number_behind(s, op, span, join_by(s, "subtract", op, span, a, b), 0);
    return join_by(s,
                   same(op, "+")   ? "add"
                   : same(op, "-") ? "subtract"
                   : same(op, "*") ? "multiply"
                   : same(op, "/") ? "divide"
                                   : "greater",
                   op, span, a, b);
}

/* ---- A value and a number -------------------------------------------------------------------- */

/* a op x */
static Object number_behind(Sema *s, const char *op, Span span, Object a, double x)
{
    if (same(op, "+"))
        return shift(s, span, a, x);
    if (same(op, "-"))
        return shift(s, span, a, -x);
    if (same(op, "*"))
        return scale(s, span, a, x);
    if (same(op, "/"))
        return scale(s, span, a, 1 / x);
    if (same(op, ">"))
        return with_number(s, "above", "limit", span, a, x);
    if (same(op, "<"))
        return with_number(s, "below", "limit", span, a, x);
    if (same(op, "==") || same(op, "!=")) {
        const Object differs = join(s, "add", span, with_number(s, "above", "limit", span, a, x),
                                    with_number(s, "below", "limit", span, a, x));

        return same(op, "!=") ? differs : invert(s, span, differs);
    }
    return invert(s, span, with_number(s, same(op, ">=") ? "below" : "above", "limit", span, a, x));
}

/* x op a */
static Object number_before(Sema *s, const char *op, Span span, Object a, double x)
{
    static const char *const mirrored[][2] = {{"<", ">"}, {">", "<"}, {"<=", ">="}, {">=", "<="}};

    if (same(op, "-"))
        return shift(s, span, scale(s, span, a, -1), x);
    if (same(op, "/"))
        return scale(s, span, add_layer(s, "reciprocal", span, a, NULL, NULL), x);
    for (int i = 0; i < COUNT(mirrored); i++)
        if (same(op, mirrored[i][0]))
            return number_behind(s, mirrored[i][1], span, a, x);
    return number_behind(s, op, span, a, x);
}

/* ---- What an operator takes ------------------------------------------------------------------ */

bool is_waiting_parameter(Object object)
{
    const PartialCall *f = object.kind == OBJECT_FUNCTION ? object.function : NULL;

    return f && f->signature && f->signature->kind == KIND_LAYER && !f->has_input &&
           same(f->signature->name, "parameter");
}

/* A side that is neither a number nor a result. */
static void refuse_side(Sema *s, const Ast *ast, Object side)
{
    if (report(s, side.span, "`%s` works on results of layers and numbers; this is %s", ast->text,
               describe(side)) &&
        side.kind == OBJECT_FUNCTION)
        note(s->source,
             is_waiting_parameter(side)
                 ? "a parameter is of a value's batch: `parameter(x, 8)`, or `x * parameter(8)`"
                 : "a layer waits for its input: `x -> layer`");
}

static bool is_operand(Object side)
{
    return side.kind == OBJECT_TENSOR || side.kind == OBJECT_NUMBER;
}

Object combine_values(Sema *s, const Ast *ast, Object a, Object b)
{
    const Object *odd = !is_operand(a) ? &a : !is_operand(b) ? &b : NULL;

    if (odd || same(ast->text, "..")) {
        if (odd)
            refuse_side(s, ast, *odd);
        else
            report(s, ast->span, "a range goes from a number to a number; this is %s",
                   describe(a.kind == OBJECT_TENSOR ? a : b));
        return error_object(ast->span);
    }
    if (a.kind == OBJECT_TENSOR && b.kind == OBJECT_TENSOR)
        return combine_two(s, ast->text, ast->span, a, b);
    const Object number = a.kind == OBJECT_NUMBER ? a : b;

    hold(s, number);
    if (!check_type(s, format("a side of `%s`", ast->text), PARAM_NUMBER, number))
        return error_object(ast->span);
    if (same(ast->text, "/") && number.number == 0 && b.kind == OBJECT_NUMBER) {
        report(s, ast->span, "division by 0");
        return error_object(ast->span);
    }
    const Object factor = {.kind = OBJECT_NUMBER, .number = 1 / number.number, .span = number.span};

    if (same(ast->text, "/") && b.kind == OBJECT_NUMBER && /* a / b is a times 1 / b */
        !check_type(s, "one over a divisor", PARAM_NUMBER, factor))
        return error_object(ast->span);
    return a.kind == OBJECT_NUMBER ? number_before(s, ast->text, ast->span, b, a.number)
                                   : number_behind(s, ast->text, ast->span, a, b.number);
}
