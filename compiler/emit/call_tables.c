/*
 * call_tables.c -- the calls of the .net file, evaluated: sources, transforms, loss, optimizer,
 * schedules, metrics. One struct net_call each, which names what is linked for it.
 */

#include "emit/tables.h"

#include <string.h>

/* "reader", "transform" or "change", of which only those are linked that are named; or NULL */
static const char *linked_kind(const Call *call)
{
    static const char *const rows[][2] = {
#define SOURCE(source, ...) {#source, "reader"},
#define TRANSFORM(transform, ...) {#transform, "transform"},
#define CHANGE(change, ...) {#change, "change"},
#include "language.def"
    };

    for (int i = 0; i < COUNT(rows); i++)
        if (same(rows[i][0], call->name))
            return rows[i][1];
    return NULL;
}

static bool is_names(const Constant *v)
{
    return v->kind == CONSTANT_LIST && v->count > 0 && v->items[0].kind == CONSTANT_NAME;
}

static bool is_texts(const Constant *v)
{
    return v->kind == CONSTANT_LIST && v->count > 0 && v->items[0].kind == CONSTANT_STRING;
}

static const char *names_text(const Constant *v)
{
    Text text = {0};

    for (int i = 0; i < v->count; i++)
        text_add(&text, "%s%s", i ? " " : "", v->items[i].text);
    return text.at;
}

/* What a list holds, as a compound literal: `.list = (const double[]){ 1, 2 }, .count = 2`. */
static const char *list_text(const Constant *v)
{
    const bool texts = is_texts(v);
    Text out = {0};

    bool live = false;

    text_add(&out, ".%s = (const %s[]){", texts ? "texts" : "list",
             texts ? "char *const " : "double");
    for (int i = 0; i < v->count; i++)
        text_add(&out, "%s%s", i ? ", " : "",
                 texts ? quoted(v->items[i].text) : number_text(v->items[i].number));
    text_add(&out, "}, .count = %d", v->count);
    for (int i = 0; i < v->count; i++)
        live |= v->items[i].run_number > 0;
    for (int i = 0; live && i < v->count; i++)
        text_add(&out, "%s%d", i ? ", " : ", .run_list = (const int[]){", v->items[i].run_number);
    if (live)
        text_add(&out, "}");
    return out.at;
}

/* NET_ARG("lr", .number = 0.1, .given = true) */
static const char *argument_text(const Argument *a)
{
    const Constant *v = &a->value;
    Text out = {0};

    text_add(&out, "NET_ARG(%s, ", quoted(a->name));
    if (is_names(v))
        text_add(&out, ".text = %s, .count = %d", quoted(names_text(v)), v->count);
    else if (v->kind == CONSTANT_LIST && v->count > 0)
        text_add(&out, "%s", list_text(v));
    else if (v->text && v->kind != CONSTANT_NUMBER)
        text_add(&out, ".text = %s", quoted(v->text));
    else
        text_add(&out, ".%s",
                 v->kind == CONSTANT_NONE ? "none = true"
                                          : format("number = %s", number_text(v->number)));
    if (v->run_number)
        text_add(&out, ", .run_number = %d", v->run_number);
    text_add(&out, "%s)", a->given ? ", .given = true" : "");
    return out.at;
}

/* The initializer of a call: { .name = "sgd", NET_ARGS(...) } */
static const char *call_text(const Call *call)
{
    const char *kind = linked_kind(call);
    Text out = {0};

    text_add(&out, "{ .name = %s", quoted(call->name));
    if (kind)
        text_add(&out, ", .%s = &net_%s_%s", kind, kind, call->name);
    for (int i = 0; i < call->count; i++)
        text_add(&out, ", %s%s", i ? "" : "NET_ARGS(", argument_text(&call->arguments[i]));
    text_add(&out, "%s }", call->count ? ")" : "");
    return out.at;
}

/* Declares what a call names, once. */
static void declare_linked(Text *out, const Call *call)
{
    const char *kind = linked_kind(call);
    const char *declaration = format("extern const struct net_%s net_%s_%s;\n", kind, kind,
                                     call->name);

    if (kind && !strstr(out->at ? out->at : "", declaration))
        text_add(out, "%s", declaration);
}

void write_call(Text *out, const Call *call, const char *name)
{
    if (!call)
        return;
    declare_linked(out, call);
    line(out, 0, "static const struct net_call %s = %s;", name, call_text(call));
}

/* An array of calls under one name. */
void write_calls(Text *out, Call *const *calls, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        declare_linked(out, calls[i]);
    if (!count)
        return;
    text_add(out, "static const struct net_call %s[] = {", name);
    for (int i = 0; i < count; i++)
        text_add(out, count > 1 ? "\n    %s," : "%s", call_text(calls[i]));
    text_add(out, "%s};\n", count > 1 ? "\n" : "");
}

int find_field_index(const Model *model, const Field *field)
{
    int i = 0;

    while (model->fields[i] != field)
        i++;
    return i;
}
