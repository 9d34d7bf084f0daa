/*
 * functions.c -- the functions of the generated file, and the headers that they need.
 *
 * The one idea: what has the same text is one function, however many kernels call it.
 */

#include "emit/emit.h"

#include <string.h>

/* `head` may have %s for the name, once. Returns the name of a function with this text. */
const char *add_function(Emitter *e, Section section, const char *base, const char *head,
                         const char *text)
{
    const char *mark = strstr(head, "%s"), *all = format("%s\n%s", head, text), *name = base;
    Function function = {.section = section, .key = all};

    const int twin = table_find(&e->function_keys, all);

    if (twin >= 0)
        return e->functions[twin].name;
    for (int n = 2; name_taken(e, name); n++)
        name = format("%s_%d", base, n);
    function.name = name;
    function.head = format("%.*s%s%s", (int)(mark - head), head, name, mark + 2);
    function.statements = text;
    table_set(&e->function_keys, all, e->function_count);
    table_set(&e->function_names, name, e->function_count);
    APPEND(e->functions, e->function_count, function);
    return name;
}

const char *add_tile(Emitter *e, const char *macro, const char *name, const char *fmt, ...)
{
    Text call = {0};
    va_list args;

    text_add(&call, "    ");
    va_start(args, fmt);
    text_add_v(&call, fmt, args);
    va_end(args);
    text_add(&call, ";\n");
    return add_function(e, TILES, name, format("%s(%%s)\n", macro), call.at);
}

void include(Emitter *e, const char *header)
{
    const char *directive = format("#include \"kernels/%s.h\"\n", header);

    if (!e->includes.at || !strstr(e->includes.at, directive))
        text_add(&e->includes, "%s", directive);
}
