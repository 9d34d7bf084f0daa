/*
 * layers_text.c -- layers as text: what was typed, and what evaluation depends on, which is one
 * text for one network however its arguments were typed.
 */

#include <math.h>

#include "semantics/semantics.h"

static void add_constant(Text *text, const Constant *constant)
{
    switch (constant->kind) {
    case CONSTANT_NUMBER:
        text_add(text, "%g", constant->number);
        break;
    case CONSTANT_BOOL:
        text_add(text, "%s", constant->number != 0 ? "true" : "false");
        break;
    case CONSTANT_LIST:
        text_add(text, "[");
        for (int i = 0; i < constant->count; i++) {
            text_add(text, "%s", i ? ", " : "");
            add_constant(text, &constant->items[i]);
        }
        text_add(text, "]");
        break;
    case CONSTANT_CALL:
        text_add(text, "%s", constant->call->name);
        break;
    case CONSTANT_NONE:
    case CONSTANT_STRING:
    case CONSTANT_NAME:
        text_add(text, "%s", constant->text ? constant->text : "none");
        if (constant->kind == CONSTANT_NAME && constant->number > 0) /* normal(0.02) */
            text_add(text, "(%g)", constant->number);
        break;
    }
}

static bool is_size(const Constant *constant)
{
    return constant->kind == CONSTANT_LIST ||
           (constant->kind == CONSTANT_NUMBER && constant->number >= 1);
}

const char *typed_text(const Call *call)
{
    Text text = {0};
    bool by_position = true;
    int printed = 0;

    text_add(&text, "%s", call->name);
    for (int i = 0; i < call->count; i++) {
        const Argument *argument = &call->arguments[i];

        if (!argument->given) {
            by_position = false;
            continue;
        }
        by_position = by_position && i < 2 && is_size(&argument->value);
        text_add(&text, "%s", printed++ ? ", " : "(");
        if (!by_position)
            text_add(&text, "%s=", argument->name);
        add_constant(&text, &argument->value);
    }
    if (printed)
        text_add(&text, ")");
    return text.at;
}

static bool are_same(const Constant *a, const Constant *b)
{
    if (a->kind != b->kind || a->count != b->count || a->number != b->number ||
        !a->text != !b->text || (a->text && !same(a->text, b->text)))
        return false;
    for (int i = 0; i < a->count; i++)
        if (!are_same(&a->items[i], &b->items[i]))
            return false;
    return true;
}

static double axis(const Constant *pair, int i)
{
    return pair->kind == CONSTANT_LIST ? pair->items[i].number : pair->number;
}

/* The zeros of padding=same, where as many lie before as after; else it stays `same`. */
static Constant resolve_same(const Call *call, Constant padding)
{
    Constant sizes = {.kind = CONSTANT_LIST, .count = 2};

    sizes.items = allocate(2 * sizeof *sizes.items);
    for (int i = 0; i < 2; i++) {
        const double zeros = axis(argument(call, "dilation"), i) *
                             (axis(argument(call, "kernel"), i) - 1);

        if (fmod(zeros, 2) != 0)
            return padding;
        sizes.items[i] = (Constant){.kind = CONSTANT_NUMBER, .number = zeros / 2};
    }
    return sizes;
}

/* A value in the one form that all which mean the same have: 3 of [3, 3]. */
static Constant plain_form(const Call *call, const Argument *a, Constant value)
{
    if (!a->pair)
        return value;
    if (value.kind == CONSTANT_NAME && same(value.text, "same"))
        value = resolve_same(call, value);
    if (value.kind == CONSTANT_LIST && value.items[0].number == value.items[1].number)
        return (Constant){.kind = CONSTANT_NUMBER, .number = value.items[0].number};
    return value;
}

static void add_evaluated(Text *text, const Call *call)
{
    int printed = 0;

    text_add(text, "%s", call->name);
    for (int i = 0; i < call->count; i++) {
        const Argument *a = &call->arguments[i];
        const Constant value = plain_form(call, a, a->value);
        const Constant standard = plain_form(call, a, a->standard);

        if (a->training || are_same(&value, &standard))
            continue;
        text_add(text, "%s%s=", printed++ ? ", " : "(", a->name);
        add_constant(text, &value);
    }
    text_add(text, printed ? ")" : "");
}

const char *evaluated_text(const Model *model)
{
    Text text = {0};

    for (int i = 0; i < model->layer_count; i++) {
        if (!model->layers[i]->predicts)
            continue;
        text_add(&text, text.at ? "; " : "");
        add_evaluated(&text, model->layers[i]->call);
    }
    return text.at;
}
