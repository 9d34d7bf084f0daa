/*
 * call_tables.c -- the calls of the .net file, evaluated: sources, preparations, loss, optimizer,
 * schedules, metrics. One struct net_call each, which names what is linked for it.
 */

#include "emit/tables.h"

#include <string.h>

typedef enum Linked { LINKED_NOTHING, LINKED_READER, LINKED_PREPARATION } Linked;

/* Only the readers and preparations that are named are linked. */
static Linked linked_of(const Call *call)
{
    static const struct {
        const char *name;
        Linked linked;
    } rows[] = {
#define SOURCE(source, ...) {#source, LINKED_READER},
#define TRANSFORM(transform, ...) {#transform, LINKED_PREPARATION},
#include "language.def"
    };

    for (int i = 0; i < COUNT(rows); i++)
        if (same(rows[i].name, call->name))
            return rows[i].linked;
    return LINKED_NOTHING;
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

    text_add(&out, ".%s = (const %s[]){", texts ? "texts" : "list",
             texts ? "char *const " : "double");
    for (int i = 0; i < v->count; i++)
        text_add(&out, "%s%s", i ? ", " : "",
                 texts ? quoted(v->items[i].text) : number_text(v->items[i].number));
    text_add(&out, "}, .count = %d", v->count);
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
    text_add(&out, "%s)", a->given ? ", .given = true" : "");
    return out.at;
}

/* The column at which a text goes on. */
static int column_of(const Text *text)
{
    const char *last = strrchr(text->at, '\n');

    return (int)strlen(last ? last + 1 : text->at);
}

/* The initializer of a call, lines that go on indented by `level`: NET_CALL("sgd", ...) */
static void write_call_text(Text *out, int level, const Call *call)
{
    static const char *const plain[] = {"{ .name = \"%s\" }", "{ .name = \"%s\", NET_READER(%s) }",
                                        "{ .name = \"%s\", NET_PREPARATION(%s) }"};
    static const char *const with_arguments[] = {"NET_CALL(\"%s\"", "NET_SOURCE(%s", "NET_STEP(%s"};
    const Linked linked = linked_of(call);
    Wrap wrap = {.text = out, .indent = 4 * level, .count = 1};

    if (!call->count) {
        text_add(out, plain[linked], call->name, call->name);
        return;
    }
    text_add(out, with_arguments[linked], call->name);
    wrap.column = column_of(out);
    for (int i = 0; i < call->count; i++)
        wrap_item(&wrap, argument_text(&call->arguments[i]));
    text_add(out, ")");
}

/* Declares what a call names, once. */
static void declare_linked(Text *out, const Call *call)
{
    static const char *const kinds[] = {NULL, "reader", "transform"};
    const char *kind = kinds[linked_of(call)];
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
    text_add(out, "static const struct net_call %s = ", name);
    write_call_text(out, 1, call);
    text_add(out, ";\n");
}

/* An array of calls under one name. */
void write_calls(Text *out, Call *const *calls, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        declare_linked(out, calls[i]);
    if (!count)
        return;
    text_add(out, "static const struct net_call %s[] = {", name);
    for (int i = 0; i < count; i++) {
        text_add(out, "%s", count > 1 ? "\n    " : "");
        write_call_text(out, 2, calls[i]);
        text_add(out, "%s", count > 1 ? "," : "");
    }
    text_add(out, "%s};\n", count > 1 ? "\n" : "");
}
