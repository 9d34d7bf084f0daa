/*
 * agrees.c -- is a step of the model the one that a run has learnt of? preparation.json has its
 * arguments, as the trainer writes them (runtime/data/transforms/preparation_json.c).
 */

#include "library/library.h"
#include "library/weights.h"

#include <stdlib.h>

static bool is_number(struct net_walk w, double number)
{
    char *end;

    net_walk_next(&w);
    const double found = strtod((const char *)w.at, &end);

    return end > (const char *)w.at && found == number;
}

static bool is_text(struct net_walk w, const char *text)
{
    return net_walk_next(&w) == '"' && net_string_is(net_walk_string(&w), text);
}

/* Bare names are one text, with blanks between them. */
static const char *names_text(const Constant *list)
{
    Text text = {0};

    for (int i = 0; i < list->count; i++)
        text_add(&text, "%s%s", i ? " " : "", list->items[i].text);
    return text.at;
}

static bool is_list(struct net_walk w, const Constant *list)
{
    bool first = true;
    int i = 0;

    if (!net_walk_past(&w, '['))
        return list->count == 1 && is_number(w, list->items[0].number);
    for (; net_walk_item(&w, ']', &first); i++) {
        const Constant *item = i < list->count ? &list->items[i] : NULL;

        if (!item ||
            !(item->kind == CONSTANT_STRING ? is_text(w, item->text) : is_number(w, item->number)))
            return false;
        net_walk_value(&w);
    }
    return i == list->count && !w.wrong;
}

static bool is_said(struct net_walk w, const Constant *value)
{
    switch (value->kind) {
    case CONSTANT_NONE:
        return net_walk_next(&w) == 'n' || is_number(w, 0);
    case CONSTANT_STRING:
    case CONSTANT_NAME:
        return is_text(w, value->text);
    case CONSTANT_LIST:
        return value->count && value->items[0].kind == CONSTANT_NAME ? is_text(w, names_text(value))
                                                                     : is_list(w, value);
    default:
        return is_number(w, value->number);
    }
}

bool step_agrees(struct net_walk step, const Call *call)
{
    for (int i = 0; i < call->count; i++) {
        struct net_walk w = step;

        const Argument *a = &call->arguments[i];

        /* a list for what is none was learnt, and has the argument's name: `stopwords` */
        if (net_library_find(&w, a->name) && !is_said(w, &a->value) &&
            (net_walk_next(&w) != '[' || a->value.kind == CONSTANT_LIST))
            return false;
    }
    return true;
}
