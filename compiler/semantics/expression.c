/*
 * expression.c -- expressions: constants, names, operators, calls and pipes.
 *
 * One idea: a file is a small program that runs at compile time; what it computes is a list of
 * layers. Steps, depth and sizes are counted, so that no file can make the compiler hang.
 */

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "semantics/analysis.h"

enum {
    STEPS_MAX = 2000000, /* expressions evaluated, list items made */
    EVALUATE_MAX = 1500, /* nested expressions, through all blocks */
    NAMES_MAX = 2000,    /* in one scope */
    NESTED_MAX = 4,      /* lists of lists of ... */
};

Object error_object(Span span)
{
    return (Object){.kind = OBJECT_ERROR, .span = span};
}

bool report(Sema *s, Span span, const char *fmt, ...)
{
    va_list args;

    for (int i = 0; i < s->reported_count; i++)
        if (s->reported[i].source == s->source && s->reported[i].span.begin == span.begin &&
            s->reported[i].span.end == span.end)
            return false;
    APPEND(s->reported, s->reported_count, ((Place){s->source, span}));
    Text message = {0};
    va_start(args, fmt);
    text_add_v(&message, fmt, args);
    va_end(args);
    error_at(s->source, span, "%s", message.at);
    return true;
}

bool within_budget(Sema *s, long steps, Span span)
{
    if (s->stopped)
        return false;
    s->steps += steps;
    if (s->steps <= STEPS_MAX)
        return true;
    s->stopped = true;
    report(s, span, "the file asks for too much: more than %d steps of evaluation", STEPS_MAX);
    return false;
}

/* ---- Names ----------------------------------------------------------------------------------- */

Name *find_name(const Names *names, const char *text)
{
    for (int i = 0; i < names->count; i++)
        if (same(names->at[i].text, text))
            return &names->at[i];
    return NULL;
}

bool is_constant_name(const char *text)
{
    static const char *const names[] = {"true",    "false", "same",  "zeros",
                                        "missing", "mean",  "median"};
    for (int i = 0; i < COUNT(names); i++)
        if (same(names[i], text))
            return true;
    return false;
}

static bool has_room(Sema *s, const Names *names, Span span)
{
    if (names->count < NAMES_MAX)
        return true;
    report(s, span, "more than %d names", NAMES_MAX);
    s->stopped = true;
    return false;
}

void set_name(Sema *s, Names *names, const char *text, Object value, Span span)
{
    Name *name = find_name(names, text);

    if (is_constant_name(text))
        report(s, span, "`%s` is a constant of the language; choose another name", text);
    if (name)
        name->value = value;
    else if (has_room(s, names, span))
        APPEND(names->at, names->count, ((Name){text, value, span}));
}

void define_name(Sema *s, const char *text, Object value, Span span)
{
    const Name *name = find_name(&s->globals, text);

    if (!name)
        set_name(s, &s->globals, text, value, span);
    else if (report(s, span, "`%s` is defined twice", text))
        note_at(s->source, name->span, "it was first defined here");
}

/* A statement that sets `text`, anywhere in these statements. */
static const Ast *find_setting(AstList items, const char *text)
{
    for (int i = 0; i < items.count; i++) {
        const Ast *ast = items.at[i], *found = NULL;
        if ((ast->kind == AST_ASSIGN || ast->kind == AST_LET || ast->kind == AST_FOR) &&
            same(ast->text, text))
            return ast;
        if (ast->kind == AST_FOR || ast->kind == AST_IF)
            found = find_setting(ast->items, text);
        if (!found && ast->kind == AST_IF && ast->second)
            found = find_setting(ast->second->items, text);
        if (found)
            return found;
    }
    return NULL;
}

/* A let of that name in the file or its sections: one that comes too late. */
static const Ast *find_let(const Ast *file, const char *text)
{
    for (int i = 0; i < file->items.count; i++) {
        const Ast *ast = file->items.at[i];
        if (ast->kind == AST_LET && same(ast->text, text))
            return ast;
        if (ast->kind == AST_DATA || ast->kind == AST_TRAIN) {
            const Ast *let = find_let(ast, text);
            if (let)
                return let;
        }
    }
    return NULL;
}

static const char *nearest_name(const Sema *s, const char *text, unsigned kinds)
{
    const char **names = NULL;
    int count = 0;

    for (int i = 0; s->frame && i < s->frame->names.count; i++)
        APPEND(names, count, s->frame->names.at[i].text);
    for (int i = 0; i < s->globals.count; i++)
        if (!s->frame || s->globals.at[i].value.kind != OBJECT_TENSOR)
            APPEND(names, count, s->globals.at[i].text);
    add_signature_names(&names, &count, kinds);
    return net_nearest(text, names, count);
}

/* Where what is no part of a network stands. */
static void explain_kind(Sema *s, const Signature *f)
{
    if (f->kind == KIND_LOSS)
        note(s->source, "a loss stands in the train section: `loss = %s(...)`", f->name);
    else if (f->kind == KIND_TRANSFORM)
        note(s->source, "a preparation stands in the data section: `input x = field -> %s`",
             f->name);
    else if (f->kind == KIND_AUGMENTATION)
        note(s->source, "an augmentation stands in the data section: `augment image = %s`",
             f->name);
}

void list_names(Sema *s, unsigned kinds)
{
    note(s->source, "there %s %s", kinds == KIND_STOP ? "is" : "are", kind_names(kinds));
}

void unknown(Sema *s, const char *text, Span span, unsigned kinds, bool called)
{
    const Signature *other = find_signature(text, ~0u);
    const Ast *setting = s->frame ? find_setting(s->frame->definition->items, text) : NULL;
    const Ast *let = find_let(s->file, text);
    const char *usual = usual_name(text);

    if (setting) {
        if (report(s, span, "`%s` is not set here", text))
            note_at(s->source, setting->name_span, "it is set here, on a path not taken before");
        return;
    }
    if (other && !find_signature(text, kinds)) {
        if (report(s, span, "`%s` cannot stand here: it is %s", text, kind_text(other->kind)) &&
            s->frame)
            explain_kind(s, other);
        return;
    }
    if (is_constant_name(text)) {
        report(s, span, "`%s` is a constant and cannot stand here", text);
        return;
    }
    if (!report(s, span, "unknown name `%s`", text))
        return;
    if (let) {
        note_at(s->source, let->name_span, "it is defined here, later");
        return;
    }
    if (usual && find_signature(usual, kinds)) {
        note(s->source, "its name here is `%s`", usual);
        return;
    }
    const char *near = nearest_name(s, text, kinds);
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else if (kinds & KIND_LOSS)
        list_names(s, KIND_LOSS);
    else if (called && (kinds == KIND_LAYER || !(kinds & KIND_LAYER)))
        list_names(s, kinds);
}

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
    if (is_initial_name(text) && !called)
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
    if (!within_budget(s, count < STEPS_MAX ? (long)count : STEPS_MAX + 1L, span))
        return error_object(span);
    Object list = {.kind = OBJECT_LIST, .count = (int)count, .nested = 1, .span = span};
    list.total = list.count;
    list.items = allocate((size_t)list.count * sizeof *list.items);
    for (int i = 0; i < list.count; i++)
        list.items[i] = (Object){.kind = OBJECT_NUMBER, .number = a.number + i, .span = span};
    return list;
}

/* a + b and a * b of layers' results are layers. */
static Object combine_values(Sema *s, const Ast *ast, Object a, Object b)
{
    if (a.kind != OBJECT_TENSOR || b.kind != OBJECT_TENSOR) {
        Object odd = a.kind == OBJECT_TENSOR ? b : a;
        const bool waits = odd.kind == OBJECT_FUNCTION;
        if (report(s, odd.span, "`%s` joins two results of layers; this is %s", ast->text,
                   describe(odd)) &&
            waits)
            note(s->source, "a layer waits for its input: `x -> layer`");
        return error_object(ast->span);
    }
    Call *call = allocate(sizeof *call);
    call->name = same(ast->text, "+") ? "add" : "multiply";
    call->span = ast->span;
    return new_layer(s, call, (Layer *[]){a.layer, b.layer}, 2, false);
}

static Object calculate(Sema *s, const Ast *ast, Object a, Object b)
{
    const char *op = ast->text;

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
    return new_number(s,
                      same(op, "+")   ? a.number + b.number
                      : same(op, "-") ? a.number - b.number
                      : same(op, "*") ? a.number * b.number
                                      : a.number / b.number,
                      ast->span);
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
    Object a = evaluate(s, ast->first), b = evaluate(s, ast->second);
    if (a.kind == OBJECT_ERROR || b.kind == OBJECT_ERROR)
        return error_object(ast->span);
    const bool compares = same(ast->text, "==") || same(ast->text, "!=");
    if (compares && !within_budget(s, a.total, ast->span))
        return error_object(ast->span);
    if (compares)
        return new_bool(equal(a, b) == same(ast->text, "=="), ast->span);
    if ((same(ast->text, "+") || same(ast->text, "*")) &&
        (a.kind == OBJECT_TENSOR || b.kind == OBJECT_TENSOR))
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

    if (!check_type(s, format("what follows `%s`", ast->text), negative ? PARAM_NUMBER : PARAM_BOOL,
                    a))
        return error_object(ast->span);
    return negative ? new_number(s, -a.number, ast->span) : new_bool(a.number == 0, ast->span);
}

static Object evaluate_list(Sema *s, const Ast *ast)
{
    Object list = {.kind = OBJECT_LIST, .nested = 1, .span = ast->span};

    for (int i = 0; i < ast->items.count; i++) {
        Object item = evaluate(s, ast->items.at[i]);
        if (item.kind == OBJECT_ERROR)
            list.kind = OBJECT_ERROR;
        if (item.nested >= list.nested)
            list.nested = item.nested + 1;
        list.total += item.kind == OBJECT_LIST ? item.total : 1;
        APPEND(list.items, list.count, item);
    }
    if (list.nested > NESTED_MAX) {
        report(s, ast->span, "lists are nested more than %d deep", NESTED_MAX);
        return error_object(ast->span);
    }
    return within_budget(s, list.total, ast->span) ? list : error_object(ast->span);
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
        if (arguments.at[i]->text)
            continue;
        Object object = evaluate(s, arguments.at[i]->first);
        if (i == 0 && object.kind == OBJECT_TENSOR)
            result = object;
    }
    return result;
}

static Object evaluate_call(Sema *s, const Ast *ast)
{
    Object called = look_up(s, ast->text, ast->name_span, true);

    if (called.kind == OBJECT_ERROR)
        return evaluate_arguments(s, ast->arguments, ast->span);
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
    Object x = evaluate(s, ast->items.at[0]);

    if (x.kind == OBJECT_FUNCTION && x.function->failed)
        x = error_object(ast->span);
    if (x.kind != OBJECT_ERROR && x.kind != OBJECT_TENSOR) {
        if (report(s, ast->items.at[0]->span,
                   "a pipe begins with the result of a layer; this is %s", describe(x)) &&
            x.kind == OBJECT_FUNCTION)
            note(s->source, "a layer waits for its input: `x -> layer`");
        x = error_object(ast->span);
    }
    for (int i = 1; i < ast->items.count && !s->stopped; i++)
        x = apply_stage(s, x, ast->items.at[i]);
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
        return (Object){.kind = OBJECT_STRING, .text = ast->text, .span = ast->span};
    case AST_NAME:
        return look_up(s, ast->text, ast->span, false);
    case AST_LIST:
        return evaluate_list(s, ast);
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
    if (s->depth >= EVALUATE_MAX) {
        report(s, ast->span, "evaluation is nested more than %d deep", EVALUATE_MAX);
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
