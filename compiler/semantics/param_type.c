/*
 * param_type.c -- what a parameter takes: types with their ranges, and how messages speak of them.
 */

#include <float.h>
#include <math.h>
#include <string.h>

#include "semantics/analysis.h"

enum {
    COUNT_LIMIT = 1000000000, /* far beyond use, safe as an int */
    MAX_SIZES = 16,           /* of one shape */
};

const char *body_text(const Ast *definition)
{
    return definition->kind == AST_BLOCK  ? "block"
           : definition->kind == AST_LOSS ? "loss"
                                          : "network";
}

const char *describe(Object object)
{
    switch (object.kind) {
    case OBJECT_NUMBER:
        return format("%.10g", object.number);
    case OBJECT_BOOL:
        return object.number != 0 ? "true" : "false";
    case OBJECT_STRING:
        return strlen(object.text) > 30 ? "a string" : format("\"%s\"", object.text);
    case OBJECT_NAME:
        return format("`%s`", object.text);
    case OBJECT_LIST:
        return format("a list of %d", object.count);
    case OBJECT_TENSOR:
        return object.layer->field ? format("the field `%s`", object.layer->field->name)
                                   : "the result of a layer";
    case OBJECT_FUNCTION:
        return object.function->definition
                   ? format("the %s `%s`", body_text(object.function->definition),
                            object.function->definition->text)
                   : format("the %s `%s`",
                            strchr(kind_text(object.function->signature->kind), ' ') + 1,
                            object.function->signature->name);
    case OBJECT_LOSSES:
        return "a sum of losses";
    case OBJECT_ERROR:
        break;
    }
    return "wrong";
}

static bool is_count(Object object, double least)
{
    return object.kind == OBJECT_NUMBER && object.number >= least && object.number <= COUNT_LIMIT &&
           object.number == floor(object.number);
}

/* [height, width], or [depth, height, width], of which every item passes, or one item for all. */
static bool are_sizes(Object object, int count, double least)
{
    bool right = object.count == count;

    if (object.kind != OBJECT_LIST)
        return is_count(object, least);
    for (int i = 0; i < object.count; i++)
        right = right && is_count(object.items[i], least);
    return right;
}

/* A float of another number than 0 is neither 0, or flushed to it, nor infinite. */
static bool is_float(Object object)
{
    const double size = fabs(object.number);

    return object.kind == OBJECT_NUMBER && (size == 0 || (size >= FLT_MIN && size <= FLT_MAX));
}

static bool are_numbers(Object object, bool positive)
{
    if (object.kind != OBJECT_LIST)
        return is_float(object) && (!positive || object.number > 0);
    for (int i = 0; i < object.count; i++)
        if (!is_float(object.items[i]) || (positive && !(object.items[i].number > 0)))
            return false;
    return object.count > 0;
}

/* None too. */
static bool are_names(ParamType type, Object object)
{
    if (object.kind != OBJECT_LIST || type == PARAM_NAME || type == PARAM_MONITOR)
        return object.kind == OBJECT_NAME;
    for (int i = 0; i < object.count; i++)
        if (object.items[i].kind != OBJECT_NAME)
            return false;
    return true;
}

static bool are_columns(Object object)
{
    if (object.kind != OBJECT_LIST)
        return object.kind == OBJECT_STRING || is_count(object, 1);
    for (int i = 0; i < object.count; i++)
        if (object.items[i].kind != object.items[0].kind || object.items[i].kind == OBJECT_LIST ||
            !are_columns(object.items[i]))
            return false;
    return object.count > 0;
}

static bool are_counts(Object object)
{
    if (object.count > MAX_SIZES)
        return false;
    for (int i = 0; i < object.count; i++)
        if (!is_count(object.items[i], 1))
            return false;
    return object.kind == OBJECT_LIST && object.count > 0;
}

/* Epochs, one or a list of them that rises. */
static bool are_milestones(Object object)
{
    for (int i = 0; i < object.count; i++)
        if (!is_count(object.items[i], i > 0 ? object.items[i - 1].number + 1 : 1))
            return false;
    return object.kind == OBJECT_LIST ? object.count > 0 : is_count(object, 1);
}

/* One index, or those from a first to a last; below 0 they count from the end. */
static bool is_range(Object object)
{
    for (int i = 0; i < object.count; i++)
        if (!is_count(object.items[i], -COUNT_LIMIT) ||
            object.items[i].number != object.items[0].number + i ||
            (object.items[i].number >= 0) != (object.items[0].number >= 0))
            return false;
    return object.kind == OBJECT_LIST ? object.count > 0 : is_count(object, -COUNT_LIMIT);
}

static bool is_named(Object object, const char *name)
{
    return object.kind == OBJECT_NAME && same(object.text, name);
}

bool is_axis_name(const char *text)
{
    return same(text, "channels") || same(text, "length") || same(text, "depth") ||
           same(text, "height") || same(text, "width");
}

/* The name of an axis, or which steps of one are kept. */
static bool is_axis(ParamType type, Object object)
{
    if (type == PARAM_STEPS)
        return is_named(object, "all") || is_named(object, "last");
    for (int i = 0; i < object.count; i++)
        if (type != PARAM_AXES || !is_axis(PARAM_AXIS, object.items[i]))
            return false;
    return (type == PARAM_AXES && (is_named(object, "all") || object.count > 0)) ||
           (object.kind == OBJECT_NAME && is_axis_name(object.text));
}

static bool is_initial(Object object)
{
    return object.kind == OBJECT_NAME && is_initial_name(object.text) &&
           (object.number > 0 || !same(object.text, "constant"));
}

static bool are_strings(Object object)
{
    if (object.kind != OBJECT_LIST)
        return object.kind == OBJECT_STRING;
    for (int i = 0; i < object.count; i++)
        if (object.items[i].kind != OBJECT_STRING)
            return false;
    return object.count > 0;
}

/* What may stand between the cells of a csv, around them, or in its numbers. */
static bool is_mark(ParamType type, Object object)
{
    if (type == PARAM_QUOTE)
        return object.kind == OBJECT_STRING
                   ? same(object.text, "'")
                   : is_named(object, "none") || is_named(object, "double");
    static const char *const marks[] = {".", ",", ";", "|", "\t", "\\t", "tab"};
    const int first = type == PARAM_DECIMAL ? 0 : 1, end = type == PARAM_DECIMAL ? 2 : COUNT(marks);

    for (int i = first; object.kind == OBJECT_STRING && i < end; i++)
        if (same(marks[i], object.text))
            return true;
    return false;
}

/* A number in the range of a type. */
static bool is_within(ParamType type, double x)
{
    switch (type) {
    case PARAM_NONZERO:
        return x != 0;
    case PARAM_POSITIVE:
        return x > 0;
    case PARAM_NONNEGATIVE:
        return x >= 0;
    case PARAM_PROBABILITY:
        return x >= 0 && x < 1;
    case PARAM_FRACTION:
        return x > 0 && x < 1;
    case PARAM_UNIT:
        return x >= 0 && x <= 1;
    default:
        return true;
    }
}

/* Sizes of windows, or words for a padding. */
static bool are_axes(ParamType type, Object object)
{
    const bool volume = type == PARAM_COUNTS_3D || type == PARAM_WHOLES_3D ||
                        type == PARAM_PADDING_3D;
    const bool padding = type == PARAM_PADDING || type == PARAM_PADDING_3D || type == PARAM_ENDS;
    const bool counts = type == PARAM_COUNTS || type == PARAM_COUNTS_3D;

    return are_sizes(object, volume ? 3 : 2, counts) || (padding && is_named(object, "same")) ||
           (type == PARAM_ENDS && is_named(object, "causal"));
}

static bool has_type(ParamType type, Object object)
{
    switch (type) {
    case PARAM_NUMBER:
    case PARAM_NONZERO:
    case PARAM_POSITIVE:
    case PARAM_NONNEGATIVE:
    case PARAM_PROBABILITY:
    case PARAM_FRACTION:
    case PARAM_UNIT:
        return is_float(object) && is_within(type, object.number);
    case PARAM_COUNT:
    case PARAM_WHOLE:
        return is_count(object, type == PARAM_COUNT);
    case PARAM_BOOL:
        return object.kind == OBJECT_BOOL;
    case PARAM_STRING:
    case PARAM_STRINGS:
        return type == PARAM_STRINGS ? are_strings(object) : object.kind == OBJECT_STRING;
    case PARAM_SEPARATOR:
    case PARAM_DECIMAL:
    case PARAM_QUOTE:
        return is_mark(type, object);
    case PARAM_NAME:
    case PARAM_MONITOR:
    case PARAM_NAMES:
    case PARAM_WORDS:
        return are_names(type, object);
    case PARAM_COLUMNS:
        return are_columns(object);
    case PARAM_COUNTS:
    case PARAM_WHOLES:
    case PARAM_PADDING:
    case PARAM_ENDS:
    case PARAM_COUNTS_3D:
    case PARAM_WHOLES_3D:
    case PARAM_PADDING_3D:
        return are_axes(type, object);
    case PARAM_AXIS:
    case PARAM_AXES:
    case PARAM_STEPS:
        return is_axis(type, object);
    case PARAM_RANGE:
        return is_range(object);
    case PARAM_NUMBERS:
    case PARAM_POSITIVES:
        return are_numbers(object, type == PARAM_POSITIVES);
    case PARAM_MILESTONES:
        return are_milestones(object);
    case PARAM_INIT:
        return is_initial(object);
    case PARAM_SIZES:
        return are_counts(object);
    case PARAM_OPERAND:
    case PARAM_TENSOR:
    case PARAM_TENSORS:
        return object.kind == OBJECT_TENSOR || (type == PARAM_OPERAND && is_float(object));
    }
    return false;
}

static const char *type_text(ParamType type)
{
    static const char *const texts[] = {
        [PARAM_NUMBER] = "a number",
        [PARAM_NONZERO] = "a number other than 0",
        [PARAM_POSITIVE] = "a number above 0",
        [PARAM_NONNEGATIVE] = "a number, 0 or more",
        [PARAM_PROBABILITY] = "a number from 0 to below 1",
        [PARAM_FRACTION] = "a number between 0 and 1",
        [PARAM_UNIT] = "a number from 0 to 1",
        [PARAM_COUNT] = "a whole number, 1 to 1000000000",
        [PARAM_WHOLE] = "a whole number, 0 to 1000000000",
        [PARAM_BOOL] = "true or false",
        [PARAM_STRING] = "a string",
        [PARAM_STRINGS] = "a string or a list of strings",
        [PARAM_SEPARATOR] = "\",\", \";\", \"|\" or \"tab\"",
        [PARAM_DECIMAL] = "\".\" or \",\"",
        [PARAM_QUOTE] = "\"'\", double or none",
        [PARAM_NAME] = "a name",
        [PARAM_NAMES] = "a name or a list of names",
        [PARAM_WORDS] = "names",
        [PARAM_COLUMNS] = "names of columns, or their numbers from 1",
        [PARAM_COUNTS] = "a whole number, 1 or more, or [height, width]",
        [PARAM_WHOLES] = "a whole number, 0 or more, or [height, width]",
        [PARAM_PADDING] = "a whole number, 0 or more, [height, width] or `same`",
        [PARAM_COUNTS_3D] = "a whole number, 1 or more, or [depth, height, width]",
        [PARAM_WHOLES_3D] = "a whole number, 0 or more, or [depth, height, width]",
        [PARAM_PADDING_3D] = "a whole number, 0 or more, [depth, height, width] or `same`",
        [PARAM_ENDS] = "a whole number, 0 or more, [before, after], `same` or `causal`",
        [PARAM_AXIS] = "channels, length, depth, height or width",
        [PARAM_AXES] = "channels, length, depth, height, width, all or a list of axes",
        [PARAM_STEPS] = "all or last",
        [PARAM_RANGE] = "a whole number or a range, such as 0..15 or -3..-1",
        [PARAM_NUMBERS] = "a number or a list of numbers",
        [PARAM_POSITIVES] = "a number above 0, or a list of such",
        [PARAM_MILESTONES] = "a whole number, 1 or more, or a list of such that rises",
        [PARAM_INIT] = "the name of initial values",
        [PARAM_MONITOR] = "validation_loss or the name of a metric",
        [PARAM_SIZES] = "whole numbers, 1 or more",
        [PARAM_OPERAND] = "the result of a layer, or a number",
        [PARAM_TENSOR] = "the result of a layer",
        [PARAM_TENSORS] = "results of layers",
    };
    return texts[type];
}

/* What `init` can be, and what was meant perhaps. */
static void explain_initial(Sema *s, Object object)
{
    const char *near;
    Text list = {0};
    int count = 0;

    for (; initial_values[count]; count++)
        text_add(&list, "%s%s", count > 0 ? ", " : "", initial_values[count]);
    const char *here = object.text ? value_elsewhere(object.text) : NULL;

    near = object.kind == OBJECT_NAME ? net_nearest(object.text, initial_values, count) : NULL;
    if (near && same(near, object.text))
        note(s->source, "with its number: `init=%s(0.1)`", near);
    else if (here)
        note(s->source, "its name here is `%s`", here);
    else if (near)
        note(s->source, "did you mean `%s`?", near);
    else
        note(s->source, "there are %s", list.at);
}

bool is_whole(ParamType type)
{
    return type == PARAM_COUNT || type == PARAM_WHOLE || type == PARAM_MILESTONES;
}

void find_range(ParamType type, double *low, double *high, bool *whole)
{
    const double below_1 = 0.99999988; /* the float below 1 is above it */

    *whole = is_whole(type);
    *low = type == PARAM_COUNT || type == PARAM_MILESTONES     ? 1
           : type == PARAM_POSITIVE || type == PARAM_POSITIVES ? (double)FLT_MIN
           : type == PARAM_FRACTION                            ? 1e-30
           : type == PARAM_NUMBER || type == PARAM_NUMBERS     ? -(double)FLT_MAX
                                                               : 0;
    *high = *whole                                                ? COUNT_LIMIT
            : type == PARAM_PROBABILITY || type == PARAM_FRACTION ? below_1
            : type == PARAM_UNIT                                  ? 1
                                                                  : (double)FLT_MAX;
}

/* Would the text of a string be right as a name? */
static bool stands_without_quotes(ParamType type, const char *text)
{
    return has_type(type, (Object){.kind = OBJECT_NAME, .text = text}) ||
           (type == PARAM_BOOL && (same(text, "true") || same(text, "false")));
}

static bool is_number(const char *text)
{
    double number;
    char rest;

    return sscanf(text, "%lf%c", &number, &rest) == 1;
}

bool fits_type(Sema *s, const char *name, ParamType type, Object object)
{
    if (object.kind == OBJECT_ERROR)
        return false;
    if (has_type(type, object))
        return true;
    if (!report(s, object.span, "%s must be %s; this is %s", name, type_text(type),
                describe(object)))
        return false;
    if (object.kind == OBJECT_STRING && stands_without_quotes(type, object.text))
        note(s->source, "a name stands without quotes: write `%s`",
             value_elsewhere(object.text) ? value_elsewhere(object.text) : object.text);
    else if (type == PARAM_INIT)
        explain_initial(s, object);
    if (object.kind == OBJECT_STRING && is_number(object.text) && type != PARAM_COLUMNS)
        note(s->source, "a number stands without quotes: write %s", object.text);
    if (object.kind == OBJECT_NUMBER && !is_float(object))
        note(s->source, "numbers are float32: 0, or from %.2g to %.2g", (double)FLT_MIN,
             (double)FLT_MAX);
    if ((type == PARAM_PADDING || type == PARAM_PADDING_3D || type == PARAM_ENDS) && object.text &&
        same(object.text, "valid"))
        note(s->source, "no padding, elsewhere called valid, is 0");
    if (type == PARAM_PADDING && object.text && same(object.text, "causal"))
        note(s->source, "conv1d has padding=causal; an image is padded by pad(n, axis=height)");
    if ((type == PARAM_TENSOR || type == PARAM_TENSORS) && object.kind == OBJECT_FUNCTION)
        note(s->source, "a layer waits for its input: `x -> layer`");
    return false;
}

const char *standard_of(const Sema *s, const PartialCall *f, int i)
{
    const Parameter *parameter = &f->signature->parameters[i];
    const bool of_two = f->signature->parameters[0].type == PARAM_OPERAND && f->given[0];

    if (s->in_loss && parameter->type == PARAM_AXES && same(parameter->standard, "length") &&
        !of_two)
        return "all";
    return parameter->standard;
}
