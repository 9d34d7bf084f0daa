/*
 * expression.c -- expressions: constants, names, operators, calls and pipes.
 *
 * One idea: a file is a small program that runs at compile time; what it computes is a list of
 * layers. Steps, depth and sizes are counted, so that no file can make the compiler hang.
 */

#include "semantics/operands.h"
#include <math.h>
#include <string.h>

enum {
    MAX_EVALUATE = 1500, /* nested expressions, through all blocks */
    MAX_NESTED = 4,      /* lists of lists of ... */
};

/* ---- Names ----------------------------------------------------------------------------------- */

/* The same object as seen at another place: messages point to its use. */
static Object seen_at(Object object, Span span)
{
    object.span = span;
    if (object.kind == OBJECT_FUNCTION) {
        PartialCall *copy = allocate(sizeof *copy);
        *copy = *object.function;
        copy->span = span;
        copy->name_span = span;
        object.function = copy;
    }
    return object;
}

/* What a name stands for: the nearest definition first, then the language's own names. `called`: a
   stage of a pipe, or before brackets, where `mean` is the layer and not the constant. */
static Object look_up(Sema *s, const char *text, Span span, bool called)
{
    const Name *local = s->frame ? find_name(&s->frame->names, text) : NULL;
    const Name *name = local ? local : find_name(&s->globals, text);

    if (name && name->value.kind == OBJECT_FUNCTION && name->value.function->definition &&
        !(s->kinds & KIND_LAYER))
        name = NULL; /* a network may be called `digits`, as its source of data is */
    if (name && !local && s->frame && name->value.kind == OBJECT_TENSOR) {
        if (report(s, span, "`%s` is a field, which `%s` does not see", text,
                   s->frame->definition->text))
            note_at(s->source, s->frame->definition->name_span, "make it a parameter here");
        return error_object(span);
    }
    if (name)
        return seen_at(name->value, span);
    if (same(text, "true") || same(text, "false"))
        return (Object){.kind = OBJECT_BOOL, .number = same(text, "true"), .span = span};
    if (is_constant_name(text) && !called)
        return (Object){.kind = OBJECT_NAME, .text = text, .span = span};
    const Signature *signature = find_signature(text, s->kinds);
    if (signature)
        return (Object){
            .kind = OBJECT_FUNCTION, .function = new_function(signature, NULL, span), .span = span};
    if (s->in_loss && is_carried(text))
        return (Object){.kind = OBJECT_FUNCTION,
                        .function = new_function(NULL, carried_definition(text, span), span),
                        .span = span};
    if (is_initial_name(text))
        return (Object){.kind = OBJECT_NAME, .text = text, .span = span};
    unknown(s, text, span, s->kinds, called || !s->frame);
    return error_object(span);
}

/* ---- Operators ------------------------------------------------------------------------------- */

static bool equal(Object a, Object b)
{
    if (a.kind != b.kind || a.count != b.count || a.layer != b.layer)
        return false;
    for (int i = 0; i < a.count; i++)
        if (!equal(a.items[i], b.items[i]))
            return false;
    if (a.kind == OBJECT_FUNCTION)
        return a.function->signature == b.function->signature &&
               a.function->definition == b.function->definition;
    return a.kind == OBJECT_LIST || (a.number == b.number && same(a.text, b.text));
}

static Object new_bool(bool is, Span span)
{
    return (Object){.kind = OBJECT_BOOL, .number = is, .span = span};
}

static Object new_number(Sema *s, double x, Span span)
{
    if (!isfinite(x)) {
        report(s, span, "this is not a finite number");
        return error_object(span);
    }
    return (Object){.kind = OBJECT_NUMBER, .number = x, .span = span};
}

static Object make_range(Sema *s, Object a, Object b, Span span)
{
    if (a.number != floor(a.number) || b.number != floor(b.number)) {
        report(s, span, "a range goes from a whole number to a whole number");
        return error_object(span);
    }
    double count = b.number < a.number ? 0 : b.number - a.number + 1;
    if (!within_budget(s, count, span))
        return error_object(span);
    Object list = {.kind = OBJECT_LIST, .count = (int)count, .nested = 1, .span = span};
    list.total = list.count;
    list.items = allocate((size_t)list.count * sizeof *list.items);
    for (int i = 0; i < list.count; i++)
        list.items[i] = (Object){.kind = OBJECT_NUMBER, .number = a.number + i, .span = span};
    return list;
}

static Object calculate(Sema *s, const Ast *ast, Object a, Object b)
{
    const char *op = ast->text;

    if (strchr(".<>", *op)) {
        hold(s, a);
        hold(s, b);
    }
    if (same(op, ".."))
        return make_range(s, a, b, ast->span);
    if (same(op, "<"))
        return new_bool(a.number < b.number, ast->span);
    if (same(op, ">"))
        return new_bool(a.number > b.number, ast->span);
    if (same(op, "<="))
        return new_bool(a.number <= b.number, ast->span);
    if (same(op, ">="))
        return new_bool(a.number >= b.number, ast->span);
    if (same(op, "/") && b.number == 0) {
        report(s, ast->span, "division by 0");
        return error_object(ast->span);
    }
    const Object result = new_number(s,
                                     same(op, "+")   ? a.number + b.number
                                     : same(op, "-") ? a.number - b.number
                                     : same(op, "*") ? a.number * b.number
                                                     : a.number / b.number,
                                     ast->span);
    return add_formula(s, result, op, a, b);
}

static Object evaluate_logic(Sema *s, const Ast *ast)
{
    const bool is_or = same(ast->text, "or");
    Object a = evaluate(s, ast->first);

    if (!check_type(s, format("a side of `%s`", ast->text), PARAM_BOOL, a))
        return error_object(ast->span);
    if ((a.number != 0) == is_or)
        return new_bool(is_or, ast->span);
    Object b = evaluate(s, ast->second);
    if (!check_type(s, format("a side of `%s`", ast->text), PARAM_BOOL, b))
        return error_object(ast->span);
    return new_bool(b.number != 0, ast->span);
}

static Object evaluate_binary(Sema *s, const Ast *ast)
{
    if (same(ast->text, "and") || same(ast->text, "or"))
        return evaluate_logic(s, ast);
    Object a = evaluate(s, ast->first);

    return combine(s, ast, a, evaluate(s, ast->second));
}

/* Results of layers are compared element by element, by `==` too; with what is no number, `none`,
   a result is compared as it is. */
static bool reckons(Object a, Object b)
{
    return (a.kind == OBJECT_TENSOR && (b.kind == OBJECT_TENSOR || b.kind == OBJECT_NUMBER)) ||
           (a.kind == OBJECT_NUMBER && b.kind == OBJECT_TENSOR);
}

/* x * parameter(8) is x * parameter(x, 8). */
static Object give_batch(Sema *s, Object side, Object other)
{
    if (!is_waiting_parameter(side) || other.kind != OBJECT_TENSOR)
        return side;
    PartialCall call = *side.function;

    call.input = other;
    call.has_input = true;
    return apply(s, &call);
}

Object combine(Sema *s, const Ast *ast, Object a, Object b)
{
    a = give_batch(s, a, b);
    b = give_batch(s, b, a);
    if (a.kind == OBJECT_ERROR || b.kind == OBJECT_ERROR)
        return error_object(ast->span);
    const bool compares = (same(ast->text, "==") || same(ast->text, "!=")) && !reckons(a, b);
    if (compares && !within_budget(s, (double)a.total, ast->span))
        return error_object(ast->span);
    if (compares) {
        hold(s, a);
        hold(s, b);
    }
    if (compares)
        return new_bool(equal(a, b) == same(ast->text, "=="), ast->span);
    if (is_loss(a) || is_loss(b))
        return combine_losses(s, ast, a, b);
    if (a.kind == OBJECT_TENSOR || b.kind == OBJECT_TENSOR || is_waiting_parameter(a) ||
        is_waiting_parameter(b))
        return combine_values(s, ast, a, b);
    const char *side = format("a side of `%s`", ast->text);
    if (!check_type(s, side, PARAM_NUMBER, a) || !check_type(s, side, PARAM_NUMBER, b))
        return error_object(ast->span);
    return calculate(s, ast, a, b);
}

static Object evaluate_unary(Sema *s, const Ast *ast)
{
    const bool negative = same(ast->text, "-");
    Object a = evaluate(s, ast->first);

    if (negative && a.kind == OBJECT_TENSOR)
        return negate_value(s, ast->span, a);
    if (!check_type(s, format("what follows `%s`", ast->text), negative ? PARAM_NUMBER : PARAM_BOOL,
                    a))
        return error_object(ast->span);
    return negative ? add_formula(s, new_number(s, -a.number, ast->span), "-", a, (Object){0})
                    : new_bool(a.number == 0, ast->span);
}

static Object evaluate_list(Sema *s, const Ast *ast)
{
    Object list = {.kind = OBJECT_LIST, .nested = 1, .span = ast->span};

    for (int i = 0; i < ast->children.count; i++) {
        Object item = evaluate(s, ast->children.items[i]);
        if (item.kind == OBJECT_ERROR)
            list.kind = OBJECT_ERROR;
        if (item.nested >= list.nested)
            list.nested = item.nested + 1;
        list.total += item.kind == OBJECT_LIST ? item.total : 1;
        APPEND(list.items, list.count, item);
    }
    if (list.nested > MAX_NESTED) {
        report(s, ast->span, "lists are nested more than %d deep", MAX_NESTED);
        return error_object(ast->span);
    }
    return within_budget(s, (double)list.total, ast->span) ? list : error_object(ast->span);
}

/* list[0]: its first item. */
static Object evaluate_index(Sema *s, const Ast *ast)
{
    const Object list = evaluate(s, ast->first), index = evaluate(s, ast->second);

    if (list.kind == OBJECT_ERROR || index.kind == OBJECT_ERROR)
        return error_object(ast->span);
    if (list.kind != OBJECT_LIST) {
        if (report(s, ast->first->span, "what stands before `[` is a list; this is %s",
                   describe(list)) &&
            list.kind == OBJECT_TENSOR)
            note(s->source, "slice(0..15) cuts channels out of a result");
        return error_object(ast->span);
    }
    if (!check_type(s, "an index", PARAM_WHOLE, index))
        return error_object(ast->span);
    if (index.number >= list.count) {
        report(s, ast->second->span, "the items of this list are numbered 0 to %d", list.count - 1);
        return error_object(ast->span);
    }
    return seen_at(list.items[(int)index.number], ast->span);
}

static Object evaluate_choice(Sema *s, const Ast *ast)
{
    Object condition = evaluate(s, ast->first);

    if (!check_type(s, "the condition", PARAM_BOOL, condition))
        return error_object(ast->span);
    return seen_at(evaluate(s, condition.number != 0 ? ast->second : ast->third), ast->span);
}

/* ---- Calls and pipes ------------------------------------------------------------------------- */

/* Arguments of a call that is wrong already: only for the errors in them. The first value is what
   the call is taken to give, so that what follows is checked too. What a named argument may hold
   (`monitor=loss`) only the parameter would know. */
static Object evaluate_arguments(Sema *s, AstList arguments, Span span)
{
    Object result = error_object(span);

    for (int i = 0; i < arguments.count; i++) {
        if (arguments.items[i]->text)
            continue;
        Object object = evaluate(s, arguments.items[i]->first);
        if (i == 0 && object.kind == OBJECT_TENSOR)
            result = object;
    }
    return result;
}

/* `normal(0.02)`: initial values by name, with a deviation of their own, or a limit. */
static Object evaluate_initial(Sema *s, const Ast *ast)
{
    const AstList arguments = ast->arguments;
    Object scale = error_object(ast->span);

    if (!same(ast->text, "normal") && !same(ast->text, "uniform") && !same(ast->text, "constant"))
        report(s, ast->span,
               "%s has no number; `normal(0.02)`, `uniform(0.1)` and `constant(0.1)` have one",
               ast->text);
    else if (arguments.count != 1 || arguments.items[0]->text)
        report(s, ast->span, "%s takes a number: `init=%s(%s)`", ast->text, ast->text,
               same(ast->text, "normal") ? "0.02" : "0.1");
    else
        scale = evaluate(s, arguments.items[0]->first);
    if (scale.kind != OBJECT_ERROR && !check_type(s,
                                                  same(ast->text, "normal")     ? "a deviation"
                                                  : same(ast->text, "constant") ? "a constant"
                                                                                : "a limit",
                                                  PARAM_POSITIVE, scale))
        scale = error_object(ast->span);
    if (scale.kind == OBJECT_ERROR)
        return scale;
    return (Object){.kind = OBJECT_NAME,
                    .text = ast->text,
                    .number = scale.number,
                    .lets = scale.lets,
                    .span = ast->span};
}

static Object evaluate_call(Sema *s, const Ast *ast)
{
    Object called = look_up(s, ast->text, ast->name_span, true);

    if (called.kind == OBJECT_ERROR)
        return evaluate_arguments(s, ast->arguments, ast->span);
    if (called.kind == OBJECT_NAME && same(called.text, ast->text))
        return evaluate_initial(s, ast);
    if (called.kind != OBJECT_FUNCTION) {
        report(s, ast->name_span, "`%s` is %s, which cannot be called", ast->text,
               describe(called));
        return evaluate_arguments(s, ast->arguments, ast->span);
    }
    return apply(s, bind(s, called.function, ast->arguments, ast->span));
}

/* `x -> stage`. After an error in the stage, x stands for its result. */
static Object apply_stage(Sema *s, Object x, const Ast *stage)
{
    Object called = look_up(s, stage->text, stage->name_span, true);

    if (called.kind == OBJECT_ERROR) {
        evaluate_arguments(s, stage->arguments, stage->span);
        return x;
    }
    if (called.kind != OBJECT_FUNCTION || !wants_input(called.function)) {
        if (report(s, stage->name_span, "a stage of a pipe is a layer; `%s` is %s", stage->text,
                   describe(called)) &&
            called.kind == OBJECT_TENSOR)
            note(s->source, "`+` adds two results, concat(a, b) joins them");
        else if (is_initial_name(stage->text))
            note(s->source, "initial values are an argument of a layer: `dense(10, init=%s)`",
                 stage->text);
        evaluate_arguments(s, stage->arguments, stage->span);
        return x;
    }
    PartialCall waiting = *called.function;
    if (waiting.has_input) {
        report(s, stage->name_span, "`%s` has its input already", stage->text);
        return x;
    }
    waiting.has_input = true;
    waiting.input = x;
    PartialCall *bound = bind(s, &waiting, stage->arguments, stage->span);
    return x.kind == OBJECT_ERROR ? x : apply(s, bound);
}

static Object evaluate_pipe(Sema *s, const Ast *ast)
{
    Object x = evaluate(s, ast->children.items[0]);

    if (x.kind == OBJECT_FUNCTION && x.function->failed)
        x = error_object(ast->span);
    if (x.kind != OBJECT_ERROR && !is_result(x)) {
        if (report(s, ast->children.items[0]->span,
                   "a pipe begins with the result of a layer; this is %s", describe(x)) &&
            x.kind == OBJECT_FUNCTION)
            note(s->source, "a layer waits for its input: `x -> layer`");
        x = error_object(ast->span);
    }
    for (int i = 1; i < ast->children.count && !s->stopped; i++)
        x = apply_stage(s, x, ast->children.items[i]);
    x.span = ast->span;
    return x;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static Object evaluate_kind(Sema *s, const Ast *ast)
{
    switch (ast->kind) {
    case AST_NUMBER:
        return (Object){.kind = OBJECT_NUMBER, .number = ast->number, .span = ast->span};
    case AST_STRING:
        if (refuse_quotes(s, ast))
            return error_object(ast->span);
        return (Object){.kind = OBJECT_STRING, .text = ast->text, .span = ast->span};
    case AST_NAME:
        return look_up(s, ast->text, ast->span, false);
    case AST_LIST:
        return evaluate_list(s, ast);
    case AST_INDEX:
        return evaluate_index(s, ast);
    case AST_CALL:
        return evaluate_call(s, ast);
    case AST_PIPE:
        return evaluate_pipe(s, ast);
    case AST_CHOICE:
        return evaluate_choice(s, ast);
    case AST_UNARY:
        return evaluate_unary(s, ast);
    default:
        return evaluate_binary(s, ast);
    }
}

Object evaluate(Sema *s, const Ast *ast)
{
    if (!within_budget(s, 1, ast->span))
        return error_object(ast->span);
    if (s->depth >= MAX_EVALUATE) {
        report(s, ast->span, "evaluation is nested more than %d deep", MAX_EVALUATE);
        s->stopped = true;
        return error_object(ast->span);
    }
    s->depth++;
    Object object = evaluate_kind(s, ast);
    s->depth--;
    return object;
}

Object evaluate_with(Sema *s, const Ast *ast, unsigned kinds)
{
    const unsigned before = s->kinds;

    s->kinds = kinds;
    Object object = evaluate(s, ast);
    s->kinds = before;
    return object;
}
