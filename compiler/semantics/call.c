/*
 * call.c -- arguments meet parameters.
 *
 * One idea: a call may come in pieces (`let act = leaky_relu(0.01)`, then `x -> act`), so arguments
 * are checked one by one as they arrive, and only finish_call asks what is missing.
 */

#include <string.h>

#include "semantics/operands.h"

/* ---- Parameters ------------------------------------------------------------------------------ */

bool wants_input(const PartialCall *f)
{
    return f->definition || (f->signature->kind & (KIND_LAYER | KIND_LOSS));
}

/* Without the input. */
static int parameter_count(const PartialCall *f)
{
    int count = 0;

    if (f->definition)
        return f->definition->arguments.count - 1;
    while (count < MAX_PARAMETERS && f->signature->parameters[count].name)
        count++;
    return count;
}

static const char *parameter_name(const PartialCall *f, int i)
{
    return f->definition ? f->definition->arguments.items[i + 1]->text
                         : f->signature->parameters[i].name;
}

static const char *name_of(const PartialCall *f)
{
    return f->definition ? f->definition->text : f->signature->name;
}

/* Does parameter `i` take every argument that is left? */
static bool takes_rest(const PartialCall *f, int i)
{
    return f->signature && (f->signature->parameters[i].type == PARAM_SIZES ||
                            f->signature->parameters[i].type == PARAM_WORDS ||
                            f->signature->parameters[i].type == PARAM_TENSORS);
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

    *copy = *f;
    copy->arguments = copy_array(f->arguments, f->count, sizeof *copy->arguments);
    copy->given = copy_array(f->given, f->count, sizeof *copy->given);
    copy->names = copy_array(f->names, f->count, sizeof *copy->names);
    copy->owns_rest = false;
    return copy;
}

/* ---- Binding --------------------------------------------------------------------------------- */

/* A parameter's default as a object; a default that names another parameter is not handled here. */
static Object default_object(const char *text, Span span)
{
    double number;
    char rest;

    if (same(text, "true") || same(text, "false"))
        return (Object){.kind = OBJECT_BOOL, .number = same(text, "true"), .span = span};
    if (sscanf(text, "%lf%c", &number, &rest) == 1)
        return (Object){.kind = OBJECT_NUMBER, .number = number, .span = span};
    return (Object){.kind = OBJECT_NAME, .text = text, .span = span};
}

static void set_argument(Sema *s, PartialCall *f, int i, Object object)
{
    const Parameter *parameter = f->signature ? &f->signature->parameters[i] : NULL;
    const char *name = parameter_name(f, i);

    f->given[i] = true;
    f->arguments[i] = object;
    if (object.kind == OBJECT_ERROR || !parameter) {
        f->failed |= object.kind == OBJECT_ERROR && parameter;
        return;
    }
    if (!takes_run_number(f->signature, parameter))
        hold(s, object);
    if (!fits_type(s, name, parameter->type, object))
        f->failed = true;
}

/* One more of the arguments that the last parameter gathers. */
static void add_to_rest(Sema *s, PartialCall *f, int i, Object object)
{
    const ParamType type = f->signature->parameters[i].type;
    Object *list = &f->arguments[i];

    if (type == PARAM_SIZES && object.kind == OBJECT_LIST && !f->given[i]) {
        set_argument(s, f, i, object);
        return;
    }
    f->given[i] = true;
    if (!check_type(s, parameter_name(f, i),
                    type == PARAM_SIZES   ? PARAM_COUNT
                    : type == PARAM_WORDS ? PARAM_NAME
                                          : PARAM_TENSOR,
                    object)) {
        f->failed = true;
        return;
    }
    if (!f->owns_rest) /* but another call's, a variable's or a range */
        list->items = copy_array(list->items, list->count, sizeof *list->items);
    f->owns_rest = true;
    list->kind = OBJECT_LIST;
    list->span = object.span;
    APPEND(list->items, list->count, object);
}

/* The parameter that an argument without a name is for: `next`, but of a result of a layer one that
   may take it, -1 where it has another. */
static int place_of(const PartialCall *f, Object object, int next)
{
    const Parameter *parameters = f->signature ? f->signature->parameters : NULL;

    for (int i = 0; parameters && object.kind == OBJECT_TENSOR && i < f->count; i++)
        if (parameters[i].type == PARAM_TENSOR && parameters[i].standard)
            return f->given[i] ? -1 : i;
    return next;
}

static void bind_position(Sema *s, PartialCall *f, Object object)
{
    if (f->signature && takes_files(f->signature)) {
        if (report(s, object.span, "%s wants a name for each file", f->signature->name))
            note(s->source, "such as x=\"x.npy\": the name is the field's");
        f->failed = true;
        return;
    }
    for (int i = 0; i < f->count; i++) {
        if (takes_rest(f, i)) {
            add_to_rest(s, f, i, object);
            return;
        }
        if (!f->given[i] && place_of(f, object, i) >= 0) {
            set_argument(s, f, place_of(f, object, i), object);
            return;
        }
    }
    f->failed = true;
    const bool added = f->count > 0 ? report(s, object.span,
                                             "this is one argument too many "
                                             "for `%s`",
                                             name_of(f))
                       : f->definition
                           ? report(s, object.span, "`%s` takes `%s` alone", name_of(f),
                                    f->definition->arguments.items[0]->text)
                           : report(s, object.span, "`%s` takes no arguments", name_of(f));
    if (added)
        explain_call(s, f);
}

static void bind_file(Sema *s, PartialCall *f, const Ast *argument, Object object)
{
    for (int i = 0; i < f->count; i++) {
        if (same(f->names[i], argument->text)) {
            report(s, argument->name_span, "`%s` is given twice", argument->text);
            f->failed = true;
            return;
        }
    }
    if (!check_type(s, argument->text, PARAM_STRING, object))
        f->failed = true;
    int count = f->count, given = f->count;
    APPEND(f->names, count, argument->text);
    APPEND(f->given, given, true);
    APPEND(f->arguments, f->count, object);
}

static void bind_name(Sema *s, PartialCall *f, const Ast *argument, Object object)
{
    const char **names = NULL;
    int count = 0;

    if (f->signature && takes_files(f->signature)) {
        bind_file(s, f, argument, object);
        return;
    }
    if (f->definition && same(f->definition->arguments.items[0]->text, argument->text)) {
        if (f->has_input)
            report(s, argument->name_span, "`%s` is given twice", argument->text);
        f->input = object;
        f->has_input = true;
        return;
    }
    for (int i = 0; i < f->count; i++) {
        if (same(parameter_name(f, i), argument->text)) {
            if (f->given[i])
                report(s, argument->name_span, "`%s` is given twice", argument->text);
            else
                set_argument(s, f, i, object);
            return;
        }
        APPEND(names, count, parameter_name(f, i));
    }
    f->failed = true;
    if (f->signature && f->count == 0) {
        report(s, argument->name_span, "`%s` takes no arguments", name_of(f));
        return;
    }
    if (!report(s, argument->name_span, "`%s` has no parameter `%s`", name_of(f), argument->text))
        return;
    if (advise(s->source, ADVICE_PARAMETERS, format("%s %s", name_of(f), argument->text), NULL))
        return;
    const char *here = parameter_elsewhere(names, count, argument->text);
    if (here)
        note(s->source, "its name here is `%s`", here);
    else if (!f->signature ||
             !advise(s->source, ADVICE_PARAMETERS, argument->text, argument->first)) {
        const char *near = net_nearest(argument->text, names, count);

        if (near)
            note(s->source, "did you mean `%s`?", near);
        else
            explain_call(s, f);
    }
}

/* The names of `init`, `monitor`, `strip` and `impute` are nothing else than names, but for a `let`
   that holds one. */
Object evaluate_names(Sema *s, const Ast *value, ParamType type)
{
    const Name *name = value->kind == AST_NAME ? find_name(&s->globals, value->text) : NULL;

    if (name && name->value.kind == OBJECT_NAME)
        return (Object){.kind = OBJECT_NAME,
                        .text = name->value.text,
                        .number = name->value.number,
                        .span = value->span};
    if (value->kind == AST_NAME)
        return (Object){.kind = OBJECT_NAME, .text = value->text, .span = value->span};
    if (value->kind == AST_STRING)
        return (Object){.kind = OBJECT_STRING, .text = value->text, .span = value->span};
    if (value->kind != AST_LIST || (type != PARAM_NAMES && type != PARAM_AXES))
        return evaluate(s, value);
    Object list = {.kind = OBJECT_LIST, .nested = 1, .span = value->span};
    for (int i = 0; i < value->children.count; i++)
        APPEND(list.items, list.count, evaluate_names(s, value->children.items[i], PARAM_NAME));
    list.total = list.count;
    return list;
}

/* The parameter that an argument is for, or NULL. */
static const Parameter *find_parameter(const PartialCall *f, const Ast *argument)
{
    if (!f->signature || takes_files(f->signature))
        return NULL;
    for (int i = 0; i < f->count; i++)
        if (argument->text ? same(parameter_name(f, i), argument->text)
                           : !f->given[i] || takes_rest(f, i))
            return &f->signature->parameters[i];
    return NULL;
}

static bool is_defined(const Sema *s, const char *text)
{
    return find_name(&s->globals, text) || (s->frame && find_name(&s->frame->names, text));
}

/* `valid` or `causal`, where no definition has that name. */
static bool is_padding_name(const Sema *s, const Ast *value)
{
    return value->kind == AST_NAME && (same(value->text, "valid") || same(value->text, "causal")) &&
           !is_defined(s, value->text);
}

/* `sum(x)`, not `sum(channels)`: a layer's input, where its first argument is a name. */
static bool stands_for_input(const Parameter *parameter, const Ast *argument)
{
    const Ast *value = argument->first;

    return parameter->type == PARAM_AXES && !argument->text &&
           !(value->kind == AST_NAME && (is_axis_name(value->text) || same(value->text, "all")));
}

/* `x -> mean(height)`: an axis, not by its name, where another argument is expected. */
static bool is_bare_axis(const Sema *s, const PartialCall *f, const Parameter *parameter,
                         const Ast *argument)
{
    const Ast *value = argument->first;
    const bool taken = !parameter || parameter->type == PARAM_AXES || parameter->type == PARAM_AXIS;

    if (argument->text || taken || value->kind != AST_NAME || is_defined(s, value->text) ||
        !(is_axis_name(value->text) || same(value->text, "all")))
        return false;
    for (int i = 0; i < f->count; i++)
        if (same(parameter_name(f, i), "axis"))
            return true;
    return false;
}

static Object evaluate_argument(Sema *s, const PartialCall *f, const Ast *argument)
{
    const Parameter *parameter = find_parameter(f, argument);
    const bool padding = parameter &&
                         (parameter->type == PARAM_PADDING || parameter->type == PARAM_PADDING_3D ||
                          parameter->type == PARAM_ENDS);

    if (padding && (is_padding_name(s, argument->first) || argument->first->kind == AST_STRING))
        return evaluate_names(s, argument->first, parameter->type);
    if (parameter && !stands_for_input(parameter, argument) &&
        (parameter->type == PARAM_NAME || parameter->type == PARAM_NAMES ||
         parameter->type == PARAM_WORDS || parameter->type == PARAM_INIT ||
         parameter->type == PARAM_MONITOR || parameter->type == PARAM_AXIS ||
         parameter->type == PARAM_AXES || parameter->type == PARAM_STEPS ||
         parameter->type == PARAM_QUOTE))
        return evaluate_names(s, argument->first, parameter->type);
    if (is_bare_axis(s, f, parameter, argument)) {
        report(s, argument->span, "an axis is given by its name: `axis=%s`", argument->first->text);
        return error_object(argument->span);
    }
    return evaluate(s, argument->first);
}

/* A network that is handed to a loss without its input. */
static void refuse_prediction(Sema *s, PartialCall *f, Object object)
{
    const PartialCall *given = object.function;

    f->input = error_object(object.span);
    f->has_input = true;
    f->failed = true;
    if (!report(s, object.span, "%s wants a prediction; %s waits for its input", name_of(f),
                describe(object)))
        return;
    if (given->definition)
        note(s->source, "call it: `%s(%s)`", name_of(given),
             given->definition->arguments.items[0]->text);
    else
        note(s->source, "such as `%s(network(input), target)`", name_of(f));
}

/* max(a, b, c) is max(max(a, b), c): what is there is the input of one more. */
static void add_operand(Sema *s, PartialCall *f, Object object)
{
    if (!f->failed && object.kind != OBJECT_ERROR)
        f->input = apply(s, f);
    set_argument(s, f, 0, object);
}

PartialCall *bind(Sema *s, const PartialCall *f, AstList arguments, Span span)
{
    PartialCall *bound = copy_function(f);
    bool named = false;

    bound->span = span;
    for (int i = 0; i < arguments.count; i++) {
        const Ast *argument = arguments.items[i];
        Object object = evaluate_argument(s, bound, argument);
        const bool first = i == 0 && !argument->text && wants_input(f) && !f->has_input;

        if (argument->text) {
            named = true;
            bind_name(s, bound, argument, object);
        } else if (named) {
            bound->failed = true;
            if (report(s, argument->span,
                       "an argument without a name stands after one with a name"))
                note(s->source, "give its name too");
        } else if (first && (object.kind == OBJECT_ERROR || is_result(object))) {
            bound->input = object;
            bound->has_input = true;
        } else if (first && f->signature && f->signature->kind == KIND_LOSS &&
                   object.kind == OBJECT_FUNCTION && wants_input(object.function)) {
            refuse_prediction(s, bound, object);
        } else if (is_another_operand(bound, object)) {
            add_operand(s, bound, object);
        } else if (!take_operand(s, bound, object)) {
            bind_position(s, bound, object);
        }
    }
    return bound;
}

/* ---- Complete calls -------------------------------------------------------------------------- */

Constant to_constant(Object object)
{
    static const ConstantKind kinds[] = {
        [OBJECT_NUMBER] = CONSTANT_NUMBER, [OBJECT_BOOL] = CONSTANT_BOOL,
        [OBJECT_STRING] = CONSTANT_STRING, [OBJECT_NAME] = CONSTANT_NAME,
        [OBJECT_LIST] = CONSTANT_LIST,     [OBJECT_FUNCTION] = CONSTANT_NONE,
        [OBJECT_TENSOR] = CONSTANT_NONE,
    };
    Constant constant = {.kind = kinds[object.kind],
                         .number = object.number,
                         .text = object.text,
                         .count = object.count,
                         .formula = object.formula,
                         .lets = object.lets,
                         .span = object.span};

    constant.items = allocate((size_t)object.count * sizeof *constant.items);
    for (int i = 0; i < object.count; i++)
        constant.items[i] = to_constant(object.items[i]);
    return constant;
}

static Constant default_constant(const Call *call, const char *standard, Span span)
{
    if (same(standard, "none"))
        return (Constant){.kind = CONSTANT_NONE, .span = span};
    for (int i = 0; i < call->count; i++)
        if (same(call->arguments[i].name, standard))
            return call->arguments[i].value;
    return to_constant(default_object(standard, span));
}

static bool is_pair_type(ParamType type)
{
    return type == PARAM_COUNTS || type == PARAM_WHOLES || type == PARAM_PADDING ||
           type == PARAM_COUNTS_3D || type == PARAM_WHOLES_3D || type == PARAM_PADDING_3D ||
           type == PARAM_ENDS;
}

static void add_argument(const Sema *s, Call *call, const PartialCall *f, int i)
{
    const Parameter *parameter = &f->signature->parameters[i];
    Argument argument = {.name = parameter->name,
                         .standard = {.kind = CONSTANT_NONE},
                         .given = f->given[i],
                         .training = parameter->training,
                         .pair = is_pair_type(parameter->type)};

    if (parameter->standard)
        argument.standard = default_constant(call, standard_of(s, f, i), f->span);
    argument.value = argument.given ? to_constant(f->arguments[i]) : argument.standard;
    APPEND(call->arguments, call->count, argument);
}

Call *finish_call(Sema *s, PartialCall *f)
{
    Call *call = allocate(sizeof *call);

    if (f->failed)
        return NULL;
    call->name = f->signature->name;
    call->span = f->span;
    for (int i = 0; i < f->count; i++) {
        if (takes_files(f->signature)) {
            const Argument file = {
                .name = f->names[i], .value = to_constant(f->arguments[i]), .given = true};
            APPEND(call->arguments, call->count, file);
            continue;
        }
        const Parameter *parameter = &f->signature->parameters[i];
        if (!f->given[i] && !parameter->standard) {
            if (!report(s, f->span, "%s needs `%s`", call->name, parameter->name))
                return NULL;
            if (parameter->type == PARAM_TENSORS)
                note(s->source, "such as `a -> concat(b)`, or `concat(a, b, c)`");
            else if (parameter->type == PARAM_SIZES)
                note(s->source, "such as `x -> %s(16, 7, 7)`", call->name);
            else if (!f->given[0] || !f->arguments[0].text ||
                     !advise(s->source, ADVICE_PARAMETERS,
                             format("%s %s", call->name, f->arguments[0].text), NULL))
                explain_call(s, f);
            return NULL;
        }
        if (parameter->type == PARAM_TENSOR || parameter->type == PARAM_TENSORS ||
            (f->signature->kind == KIND_LOSS && parameter->type == PARAM_OPERAND))
            continue;
        add_argument(s, call, f, i);
    }
    return call;
}
