/*
 * layers_text.c -- layers as text: what was typed, and what evaluation depends on.
 */

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

static void add_evaluated(Text *text, const Call *call)
{
    int printed = 0;

    text_add(text, "%s", call->name);
    for (int i = 0; i < call->count; i++) {
        if (!call->arguments[i].evaluated)
            continue;
        text_add(text, "%s%s=", printed++ ? ", " : "(", call->arguments[i].name);
        add_constant(text, &call->arguments[i].value);
    }
    text_add(text, printed ? ")" : "");
}

const char *evaluated_text(const Model *model)
{
    Text text = {0};

    for (int i = 0; i < model->layer_count; i++) {
        text_add(&text, i ? "; " : "");
        add_evaluated(&text, model->layers[i]->call);
    }
    return text.at;
}
