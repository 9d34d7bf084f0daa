/*
 * call.c -- arguments meet parameters.
 *
 * One idea: a call may come in pieces (`let act = leaky_relu(0.01)`, then `x -> act`), so arguments
 * are checked one by one as they arrive, and only finish_call asks what is missing.
 */

#include <math.h>
#include <string.h>

#include "semantics/analysis.h"

enum {
    COUNT_LIMIT = 1000000000, /* far beyond use, safe as an int */
    SIZES_MAX = 16,           /* of one shape */
};

/* ---- Parameters ------------------------------------------------------------------------------ */

bool wants_input(const PartialCall *f)
{
    return f->definition || (f->signature->family & (FAMILY_LAYER | FAMILY_LOSS));
}

int parameter_count(const PartialCall *f)
{
    int count = 0;

    if (f->definition)
        return f->definition->arguments.count - 1;
    while (count < PARAMETERS_MAX && f->signature->parameters[count].name)
        count++;
    return count;
}

const char *parameter_name(const PartialCall *f, int i)
{
    return f->definition ? f->definition->arguments.at[i + 1]->text
                         : f->signature->parameters[i].name;
}

static const char *name_of(const PartialCall *f)
{
    return f->definition ? f->definition->text : f->signature->name;
}

/* Does parameter `i` take every argument that is left? */
static bool takes_rest(const PartialCall *f, int i)
{
    return f->signature && (f->signature->parameters[i].want == WANT_SIZES ||
                            f->signature->parameters[i].want == WANT_VALUES);
}

PartialCall *new_function(const Signature *signature, const Ast *definition, Span span)
{
    PartialCall *f = allocate(sizeof *f);

    f->signature = signature;
    f->definition = definition;
    f->count = parameter_count(f);
    f->arguments = allocate((size_t)f->count * sizeof *f->arguments);
    f->given = allocate((size_t)f->count * sizeof *f->given);
    f->span = span;
    f->name_span = span;
    return f;
}

static PartialCall *copy_function(const PartialCall *f)
{
    PartialCall *copy = allocate(sizeof *copy);
    size_t count = (size_t)f->count;

    *copy = *f;
    copy->arguments = allocate(count * sizeof *copy->arguments);
    copy->given = allocate(count * sizeof *copy->given);
    copy->names = allocate(count * sizeof *copy->names);
    if (count > 0) {
        memcpy(copy->arguments, f->arguments, count * sizeof *copy->arguments);
        memcpy(copy->given, f->given, count * sizeof *copy->given);
        if (f->names)
            memcpy(copy->names, f->names, count * sizeof *copy->names);
    }
    return copy;
}

/* What the call could look like. */
static void explain(Sema *s, const PartialCall *f)
{
    if (f->definition)
        note_at(s->source, f->definition->name_span, "it is defined here");
    else if (f->count > 0)
        note(s->source, "%s", signature_text(f->signature));
}

/* ---- Ranges ---------------------------------------------------------------------------------- */

const char *describe(Thing thing)
{
    switch (thing.kind) {
    case THING_NUMBER:
        return format("%.10g", thing.number);
    case THING_BOOL:
        return thing.number != 0 ? "true" : "false";
    case THING_STRING:
        return strlen(thing.text) > 30 ? "a string" : format("\"%s\"", thing.text);
    case THING_NAME:
        return format("`%s`", thing.text);
    case THING_LIST:
        return format("a list of %d", thing.count);
    case THING_VALUE:
        return thing.layer->field ? format("the field `%s`", thing.layer->field->name)
                                  : "the result of a layer";
    case THING_FUNCTION:
        return thing.function->definition
                   ? format("the %s `%s`",
                            thing.function->definition->kind == AST_BLOCK ? "block" : "network",
                            thing.function->definition->text)
                   : format("the %s `%s`",
                            strchr(family_text(thing.function->signature->family), ' ') + 1,
                            thing.function->signature->name);
    case THING_WRONG:
        break;
    }
    return "wrong";
}

static bool is_count(Thing thing, double least)
{
    return thing.kind == THING_NUMBER && thing.number >= least && thing.number <= COUNT_LIMIT &&
           thing.number == floor(thing.number);
}

/* A pair [height, width] of which every item passes, or one item for both. */
static bool is_pair(Thing thing, double least)
{
    if (thing.kind != THING_LIST)
        return is_count(thing, least);
    return thing.count == 2 && is_count(thing.items[0], least) && is_count(thing.items[1], least);
}

static bool are_numbers(Thing thing, bool positive)
{
    if (thing.kind != THING_LIST)
        return thing.kind == THING_NUMBER && (!positive || thing.number > 0);
    for (int i = 0; i < thing.count; i++)
        if (thing.items[i].kind != THING_NUMBER || (positive && !(thing.items[i].number > 0)))
            return false;
    return thing.count > 0;
}

/* None too. */
static bool are_names(Thing thing)
{
    if (thing.kind != THING_LIST)
        return thing.kind == THING_NAME;
    for (int i = 0; i < thing.count; i++)
        if (thing.items[i].kind != THING_NAME)
            return false;
    return true;
}

static bool are_columns(Thing thing)
{
    if (thing.kind != THING_LIST)
        return thing.kind == THING_STRING || is_count(thing, 1);
    for (int i = 0; i < thing.count; i++)
        if (thing.items[i].kind != thing.items[0].kind || thing.items[i].kind == THING_LIST ||
            !are_columns(thing.items[i]))
            return false;
    return thing.count > 0;
}

static bool are_counts(Thing thing)
{
    if (thing.count > SIZES_MAX)
        return false;
    for (int i = 0; i < thing.count; i++)
        if (!is_count(thing.items[i], 1))
            return false;
    return thing.kind == THING_LIST && thing.count > 0;
}

static bool is_initial(Thing thing)
{
    return thing.kind == THING_NAME && is_initial_name(thing.text);
}

/* What `init` can be, and what was meant perhaps. */
static void explain_initial(Sema *s, Thing thing)
{
    const char *near;
    Text list = {0};
    int count = 0;

    for (; initial_values[count]; count++)
        text_add(&list, "%s%s", count > 0 ? ", " : "", initial_values[count]);
    near = thing.kind == THING_NAME ? nearest(thing.text, initial_values, count) : NULL;
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else
        note(s->source, "there are %s", list.at);
}

/* Epochs, one or a list of them that rises. */
static bool are_milestones(Thing thing)
{
    for (int i = 0; i < thing.count; i++)
        if (!is_count(thing.items[i], i > 0 ? thing.items[i - 1].number + 1 : 1))
            return false;
    return thing.kind == THING_LIST ? thing.count > 0 : is_count(thing, 1);
}

static bool is_wanted(Want want, Thing thing)
{
    const bool number = thing.kind == THING_NUMBER;
    const double x = thing.number;

    switch (want) {
    case WANT_NUMBER:
        return number;
    case WANT_NONZERO:
        return number && x != 0;
    case WANT_POSITIVE:
        return number && x > 0;
    case WANT_NONNEGATIVE:
        return number && x >= 0;
    case WANT_PROBABILITY:
        return number && x >= 0 && x < 1;
    case WANT_FRACTION:
        return number && x > 0 && x < 1;
    case WANT_UNIT:
        return number && x >= 0 && x <= 1;
    case WANT_COUNT:
        return is_count(thing, 1);
    case WANT_WHOLE:
        return is_count(thing, 0);
    case WANT_BOOL:
        return thing.kind == THING_BOOL;
    case WANT_STRING:
        return thing.kind == THING_STRING;
    case WANT_NAME:
        return thing.kind == THING_NAME;
    case WANT_NAMES:
        return are_names(thing);
    case WANT_COLUMNS:
        return are_columns(thing);
    case WANT_COUNTS:
        return is_pair(thing, 1);
    case WANT_WHOLES:
        return is_pair(thing, 0);
    case WANT_PADDING:
        return is_pair(thing, 0) || (thing.kind == THING_NAME && same(thing.text, "same"));
    case WANT_NUMBERS:
        return are_numbers(thing, false);
    case WANT_POSITIVES:
        return are_numbers(thing, true);
    case WANT_MILESTONES:
        return are_milestones(thing);
    case WANT_INIT:
        return is_initial(thing);
    case WANT_MONITOR:
        return thing.kind == THING_NAME;
    case WANT_SIZES:
        return are_counts(thing);
    case WANT_VALUE:
    case WANT_VALUES:
        return thing.kind == THING_VALUE;
    }
    return false;
}

static const char *want_text(Want want)
{
    static const char *const texts[] = {
        [WANT_NUMBER] = "a number",
        [WANT_NONZERO] = "a number other than 0",
        [WANT_POSITIVE] = "a number above 0",
        [WANT_NONNEGATIVE] = "a number, 0 or more",
        [WANT_PROBABILITY] = "a number from 0 to below 1",
        [WANT_FRACTION] = "a number between 0 and 1",
        [WANT_UNIT] = "a number from 0 to 1",
        [WANT_COUNT] = "a whole number, 1 to 1000000000",
        [WANT_WHOLE] = "a whole number, 0 to 1000000000",
        [WANT_BOOL] = "true or false",
        [WANT_STRING] = "a string",
        [WANT_NAME] = "a name",
        [WANT_NAMES] = "a name or a list of names",
        [WANT_COLUMNS] = "names of columns, or their numbers from 1",
        [WANT_COUNTS] = "a whole number, 1 or more, or [height, width]",
        [WANT_WHOLES] = "a whole number, 0 or more, or [height, width]",
        [WANT_PADDING] = "a whole number, 0 or more, [height, width] or `same`",
        [WANT_NUMBERS] = "a number or a list of numbers",
        [WANT_POSITIVES] = "a number above 0, or a list of such",
        [WANT_MILESTONES] = "a whole number, 1 or more, or a list of such that rises",
        [WANT_INIT] = "the name of initial values",
        [WANT_MONITOR] = "validation_loss or the name of a metric",
        [WANT_SIZES] = "whole numbers, 1 or more",
        [WANT_VALUE] = "the result of a layer",
        [WANT_VALUES] = "results of layers",
    };
    return texts[want];
}

bool check_want(Sema *s, const char *name, Want want, Thing thing)
{
    if (thing.kind == THING_WRONG)
        return false;
    if (is_wanted(want, thing))
        return true;
    if (!complain(s, thing.span, "%s must be %s; this is %s", name, want_text(want),
                  describe(thing)))
        return false;
    if (want == WANT_INIT)
        explain_initial(s, thing);
    if (want == WANT_PADDING && thing.text && same(thing.text, "valid"))
        note(s->source, "no padding, elsewhere called valid, is 0");
    if ((want == WANT_VALUE || want == WANT_VALUES) && thing.kind == THING_FUNCTION)
        note(s->source, "a layer waits for its input: `x -> layer`");
    return false;
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* A parameter's default as a thing; a default that names another parameter is not handled here. */
static Thing fallback_thing(const char *text, Span span)
{
    double number;
    char rest;

    if (same(text, "true") || same(text, "false"))
        return (Thing){.kind = THING_BOOL, .number = same(text, "true"), .span = span};
    if (sscanf(text, "%lf%c", &number, &rest) == 1)
        return (Thing){.kind = THING_NUMBER, .number = number, .span = span};
    return (Thing){.kind = THING_NAME, .text = text, .span = span};
}

static void set_argument(Sema *s, PartialCall *f, int i, Thing thing)
{
    const Parameter *parameter = f->signature ? &f->signature->parameters[i] : NULL;
    const char *name = parameter_name(f, i);

    f->given[i] = true;
    f->arguments[i] = thing;
    if (thing.kind == THING_WRONG || !parameter) {
        f->wrong |= thing.kind == THING_WRONG && parameter;
        return;
    }
    if (!check_want(s, name, parameter->want, thing))
        f->wrong = true;
}

/* One more of the arguments that the last parameter gathers. */
static void add_to_rest(Sema *s, PartialCall *f, int i, Thing thing)
{
    const Want want = f->signature->parameters[i].want;
    Thing *list = &f->arguments[i];

    if (want == WANT_SIZES && thing.kind == THING_LIST && !f->given[i]) {
        set_argument(s, f, i, thing);
        return;
    }
    f->given[i] = true;
    if (!check_want(s, parameter_name(f, i), want == WANT_SIZES ? WANT_COUNT : WANT_VALUE, thing)) {
        f->wrong = true;
        return;
    }
    list->kind = THING_LIST;
    list->span = thing.span;
    APPEND(list->items, list->count, thing);
}

static void bind_position(Sema *s, PartialCall *f, Thing thing)
{
    if (f->signature && f->signature->named_files) {
        if (complain(s, thing.span, "%s wants a name for each file", f->signature->name))
            note(s->source, "such as x=\"x.npy\": the name is the field's");
        f->wrong = true;
        return;
    }
    for (int i = 0; i < f->count; i++) {
        if (takes_rest(f, i)) {
            add_to_rest(s, f, i, thing);
            return;
        }
        if (!f->given[i]) {
            set_argument(s, f, i, thing);
            return;
        }
    }
    f->wrong = true;
    const bool added = f->count > 0 ? complain(s, thing.span,
                                               "this is one argument too many "
                                               "for `%s`",
                                               name_of(f))
                       : f->definition
                           ? complain(s, thing.span, "`%s` takes `%s` alone", name_of(f),
                                      f->definition->arguments.at[0]->text)
                           : complain(s, thing.span, "`%s` takes no arguments", name_of(f));
    if (added)
        explain(s, f);
}

static void bind_file(Sema *s, PartialCall *f, const Ast *argument, Thing thing)
{
    for (int i = 0; i < f->count; i++) {
        if (same(f->names[i], argument->text)) {
            complain(s, argument->name_span, "`%s` is given twice", argument->text);
            f->wrong = true;
            return;
        }
    }
    if (!check_want(s, argument->text, WANT_STRING, thing))
        f->wrong = true;
    int count = f->count, given = f->count;
    APPEND(f->names, count, argument->text);
    APPEND(f->given, given, true);
    APPEND(f->arguments, f->count, thing);
}

static void bind_name(Sema *s, PartialCall *f, const Ast *argument, Thing thing)
{
    const char **names = NULL;
    int count = 0;

    if (f->signature && f->signature->named_files) {
        bind_file(s, f, argument, thing);
        return;
    }
    if (f->definition && same(f->definition->arguments.at[0]->text, argument->text)) {
        if (f->has_input)
            complain(s, argument->name_span, "`%s` is given twice", argument->text);
        f->input = thing;
        f->has_input = true;
        return;
    }
    for (int i = 0; i < f->count; i++) {
        if (same(parameter_name(f, i), argument->text)) {
            if (f->given[i])
                complain(s, argument->name_span, "`%s` is given twice", argument->text);
            else
                set_argument(s, f, i, thing);
            return;
        }
        APPEND(names, count, parameter_name(f, i));
    }
    f->wrong = true;
    if (f->signature && f->count == 0) {
        complain(s, argument->name_span, "`%s` takes no arguments", name_of(f));
        return;
    }
    if (!complain(s, argument->name_span, "`%s` has no parameter `%s`", name_of(f), argument->text))
        return;
    const char *near = nearest(argument->text, names, count);
    if (near)
        note(s->source, "did you mean `%s`?", near);
    else
        explain(s, f);
}

/* The names of `init`, `monitor`, `strip` and `impute` are nothing else than names, but for a `let`
   that holds one. */
static Thing evaluate_names(Sema *s, const Ast *value, Want want)
{
    const Name *name = value->kind == AST_NAME ? find_name(&s->globals, value->text) : NULL;

    if (name && name->value.kind == THING_NAME)
        return (Thing){.kind = THING_NAME, .text = name->value.text, .span = value->span};
    if (value->kind == AST_NAME)
        return (Thing){.kind = THING_NAME, .text = value->text, .span = value->span};
    if (value->kind != AST_LIST || want != WANT_NAMES)
        return evaluate(s, value);
    Thing list = {.kind = THING_LIST, .nested = 1, .span = value->span};
    for (int i = 0; i < value->items.count; i++)
        APPEND(list.items, list.count, evaluate_names(s, value->items.at[i], WANT_NAME));
    list.total = list.count;
    return list;
}

/* The parameter that an argument is for, or NULL. */
static const Parameter *find_parameter(const PartialCall *f, const Ast *argument)
{
    if (!f->signature || f->signature->named_files)
        return NULL;
    for (int i = 0; i < f->count; i++)
        if (argument->text ? same(parameter_name(f, i), argument->text) : !f->given[i])
            return &f->signature->parameters[i];
    return NULL;
}

/* `valid`, where no definition has that name. */
static bool is_valid_padding(const Sema *s, const Ast *value)
{
    return value->kind == AST_NAME && same(value->text, "valid") &&
           !find_name(&s->globals, value->text) &&
           !(s->frame && find_name(&s->frame->names, value->text));
}

static Thing evaluate_argument(Sema *s, const PartialCall *f, const Ast *argument)
{
    const Parameter *parameter = find_parameter(f, argument);

    if (parameter && parameter->want == WANT_PADDING && is_valid_padding(s, argument->first))
        return (Thing){.kind = THING_NAME, .text = "valid", .span = argument->first->span};
    if (parameter && (parameter->want == WANT_NAME || parameter->want == WANT_NAMES ||
                      parameter->want == WANT_INIT || parameter->want == WANT_MONITOR))
        return evaluate_names(s, argument->first, parameter->want);
    return evaluate(s, argument->first);
}

/* A network that is handed to a loss without its input. */
static void refuse_prediction(Sema *s, PartialCall *f, Thing thing)
{
    const PartialCall *given = thing.function;

    f->input = wrong(thing.span);
    f->has_input = true;
    f->wrong = true;
    if (!complain(s, thing.span, "%s wants a prediction; %s waits for its input", name_of(f),
                  describe(thing)))
        return;
    if (given->definition)
        note(s->source, "call it: `%s(%s)`", name_of(given),
             given->definition->arguments.at[0]->text);
    else
        note(s->source, "such as `%s(network(input), target)`", name_of(f));
}

PartialCall *bind(Sema *s, const PartialCall *f, AstList arguments, Span span)
{
    PartialCall *bound = copy_function(f);
    bool named = false;

    bound->span = span;
    for (int i = 0; i < arguments.count; i++) {
        const Ast *argument = arguments.at[i];
        Thing thing = evaluate_argument(s, bound, argument);
        const bool first = i == 0 && !argument->text && wants_input(f) && !f->has_input;

        if (argument->text) {
            named = true;
            bind_name(s, bound, argument, thing);
        } else if (named) {
            bound->wrong = true;
            if (complain(s, argument->span,
                         "an argument without a name stands after one with a name"))
                note(s->source, "give its name too");
        } else if (first && (thing.kind == THING_VALUE || thing.kind == THING_WRONG)) {
            bound->input = thing;
            bound->has_input = true;
        } else if (first && f->signature && f->signature->family == FAMILY_LOSS &&
                   thing.kind == THING_FUNCTION && wants_input(thing.function)) {
            refuse_prediction(s, bound, thing);
        } else {
            bind_position(s, bound, thing);
        }
    }
    return bound;
}

/* ---- Complete calls -------------------------------------------------------------------------- */

Constant to_constant(Thing thing)
{
    static const ConstantKind kinds[] = {
        [THING_NUMBER] = CONSTANT_NUMBER, [THING_BOOL] = CONSTANT_BOOL,
        [THING_STRING] = CONSTANT_STRING, [THING_NAME] = CONSTANT_NAME,
        [THING_LIST] = CONSTANT_LIST,     [THING_FUNCTION] = CONSTANT_NONE,
    };
    Constant constant = {.kind = kinds[thing.kind],
                         .number = thing.number,
                         .text = thing.text,
                         .count = thing.count,
                         .span = thing.span};

    constant.items = allocate((size_t)thing.count * sizeof *constant.items);
    for (int i = 0; i < thing.count; i++)
        constant.items[i] = to_constant(thing.items[i]);
    return constant;
}

static Constant fallback_constant(const Call *call, const char *fallback, Span span)
{
    if (same(fallback, "none"))
        return (Constant){.kind = CONSTANT_NONE, .span = span};
    for (int i = 0; i < call->count; i++)
        if (same(call->arguments[i].name, fallback))
            return call->arguments[i].value;
    return to_constant(fallback_thing(fallback, span));
}

static void add_argument(Call *call, const char *name, Constant value, bool given)
{
    APPEND(call->arguments, call->count,
           ((Argument){.name = name, .value = value, .given = given}));
}

Call *finish_call(Sema *s, PartialCall *f)
{
    Call *call = allocate(sizeof *call);

    if (f->wrong)
        return NULL;
    call->name = f->signature->name;
    call->span = f->span;
    for (int i = 0; i < f->count; i++) {
        if (f->signature->named_files) {
            add_argument(call, f->names[i], to_constant(f->arguments[i]), true);
            continue;
        }
        const Parameter *parameter = &f->signature->parameters[i];
        if (!f->given[i] && !parameter->fallback) {
            if (!complain(s, f->span, "%s needs `%s`", call->name, parameter->name))
                return NULL;
            if (parameter->want == WANT_VALUES)
                note(s->source, "such as `a -> concat(b)`, or `concat(a, b, c)`");
            else if (parameter->want == WANT_SIZES)
                note(s->source, "such as `x -> reshape(16, 7, 7)`");
            else
                explain(s, f);
            return NULL;
        }
        if (parameter->want == WANT_VALUE || parameter->want == WANT_VALUES)
            continue;
        add_argument(call, parameter->name,
                     f->given[i] ? to_constant(f->arguments[i])
                                 : fallback_constant(call, parameter->fallback, f->span),
                     f->given[i]);
    }
    return call;
}

const Constant *argument(const Call *call, const char *name)
{
    for (int i = 0; i < call->count; i++)
        if (same(call->arguments[i].name, name))
            return &call->arguments[i].value;
    return NULL;
}

double number(const Call *call, const char *name)
{
    const Constant *constant = argument(call, name);
    return constant ? constant->number : 0;
}

bool is_name(const Call *call, const char *name, const char *text)
{
    const Constant *constant = argument(call, name);
    return constant && constant->kind == CONSTANT_NAME && same(constant->text, text);
}
