/*
 * raw_source.c -- the raw form in NAME.c: tables of the stages, and NAME_run_raw around NAME_run.
 */

#include "emit/tables.h"
#include "library/library.h"

#include <float.h>
#include <math.h>
#include <string.h>

/* ---- Tables ---------------------------------------------------------------------------------- */

static bool are_alike(const double *x, int size, int group)
{
    for (int i = 0; x && i < size; i++) {
        const double first = x[i / group * group];

        if (x[i] != first && !(isnan(x[i]) && isnan(first)))
            return false;
    }
    return true;
}

/* How many numbers after each other share all of the stages: of the row, of a channel, or 1. */
static int group_of(const Port *port)
{
    const Shape shape = port->field->shape;
    const int size = port->source_size;
    const int groups[] = {size, shape.rank ? size / shape.size[0] : size, 1};
    int g = 0;

    for (int s = 0; s < port->stage_count; s++)
        while (!are_alike(port->stages[s].scale, size, groups[g]) ||
               !are_alike(port->stages[s].shift, size, groups[g]) ||
               !are_alike(port->stages[s].fill, size, groups[g]) ||
               (port->stages[s].bins && groups[g] > 1))
            g++;
    return groups[g];
}

static const char *double_text(double x)
{
    return isnan(x)   ? "(double)NAN"
           : isinf(x) ? x < 0 ? "(double)-INFINITY" : "(double)INFINITY"
                      : number_text(fabs(x) < DBL_MIN ? 0 : x); /* net_normal */
}

static const char *list_text(const double *x, int size, int group)
{
    Text text = {0};

    if (!x)
        return "NULL";
    text_add(&text, "(const double[]){");
    for (int i = 0; i < size; i += group)
        text_add(&text, "%s%s", i ? ", " : "", double_text(x[i]));
    text_add(&text, "}");
    return text.at;
}

static void write_stages(Text *out, const Port *port)
{
    if (!port->stage_count)
        return;
    const int group = group_of(port), size = port->source_size;

    line(out, 0, "static const struct net_stage %s_stages[] = {", port->name);
    for (int i = 0; i < port->stage_count; i++) {
        const Stage *s = &port->stages[i];

        line(out, 1, "{ %s, %s,", list_text(s->scale, size, group),
             list_text(s->shift, size, group));
        line(out, 2, "%s, %s, %s, %s, %s, %d,", list_text(s->fill, size, group), truth(s->zeros),
             double_text(s->least), double_text(s->most), truth(s->log), s->bins);
        line(out, 2, "%s },", list_text(s->edges, size * (s->bins + 1), 1));
    }
    line(out, 0, "};\n");
}

/* The stages of a port and their number, as arguments. */
static const char *stages_text(const Port *port)
{
    return format("%s, %d, %d, %d", port->stage_count ? format("%s_stages", port->name) : "NULL",
                  port->stage_count, port->source_size, group_of(port));
}

/* ---- Texts ----------------------------------------------------------------------------------- */

enum { MOST_BYTES = 4 /* of a character */ };

static int room_of(const Port *port)
{
    const int longest = port->names.longest > port->stop.longest ? port->names.longest
                                                                 : port->stop.longest;

    return longest + MOST_BYTES;
}

static bool strips(const Call *call, const char *what)
{
    const Constant *names = argument(call, "strip");
    bool has = names->kind == CONSTANT_NAME && same(names->text, what);

    for (int i = 0; names->kind == CONSTANT_LIST && i < names->count; i++)
        has |= same(names->items[i].text, what);
    return has;
}

/* Which words count, as the model says it. */
static void write_words(Text *out, const Port *port)
{
    const Call *call = port->words;

    if (!call)
        return;
    line(out, 0, "static const struct net_words %s_words = {", port->name);
    line(out, 1, ".lower = %s, .tags = %s, .punctuation = %s, .digits = %s, .min_letters = %.0f,",
         truth(argument(call, "lower")->number != 0), truth(strips(call, "tags")),
         truth(strips(call, "punctuation")), truth(strips(call, "digits")),
         argument(call, "min_letters")->number);
    line(out, 0, "};\n");
}

static const char *table_text(const Library *l, NameTable table)
{
    return table.at < 0 ? "NULL" : format("&%s_names[%ld]", l->name, table.at);
}

static void write_bag(Text *out, const Library *l, const Port *port)
{
    line(out, 1,
         "net_prepare_bag(memory->raw_%s, %d, %s, %s_words, %d, %s, %s, memory->word_%s, %d);",
         port->name, port->size, port->name, port->name, port->grams, table_text(l, port->names),
         table_text(l, port->stop), port->name, room_of(port));
    if (port->idf >= 0)
        line(out, 1, "net_prepare_tfidf(memory->raw_%s, %d, (const double *)&%s_names[%ld]);",
             port->name, port->size, l->name, port->idf);
}

/* Of classes, and the vector that one_hot makes of one. */
static void write_classes(Text *out, const Library *l, const Port *port)
{
    const bool hot = same(port->numbers->name, "one_hot");
    const char *to = format(hot ? "&memory->class_%s" : "memory->raw_%s", port->name);
    const char *rules = format("(struct net_classes){%d, %d, %d}", port->classes_known,
                               port->unknown, port->missing);

    if (port->names.at >= 0)
        line(out, 1, "error = net_prepare_cell(%s, %s, %s, %s);", to, port->name, rules,
             table_text(l, port->names));
    else
        line(out, 1, "error = net_prepare_classes(%s, %s, %s, %s);", to, port->name, rules,
             stages_text(port));
    line(out, 1, "if (error)");
    line(out, 2, "return error;");
    if (hot)
        line(out, 1, "net_prepare_hot(memory->raw_%s, memory->class_%s, %d);", port->name,
             port->name, port->size);
}

/* Where each pixel is in the data. */
static void write_order(Text *out, const Port *port)
{
    if (!port->order)
        return;
    text_add(out, "static const int %s_order[] = {", port->name);
    for (int i = 0; i < port->source_size; i++)
        text_add(out, "%d, ", port->order[i]);
    line(out, 0, "};\n");
}

/* A statement that puts a row of the data, as the network takes it, into the arena. */
static void write_preparation(Text *out, const Library *l, const Port *port)
{
    const char *name = port->name;

    if (port->grams)
        write_bag(out, l, port);
    else if (port->words)
        line(out, 1,
             "net_prepare_tokens(memory->raw_%s, %d, %s, %s_words, %s, %s, %s, %s, "
             "memory->word_%s, sizeof memory->word_%s);",
             name, port->size, name, name, truth(number(port->words, "begin") != 0),
             truth(number(port->words, "end") != 0), table_text(l, port->names),
             table_text(l, port->stop), name, name);
    else if (port->numbers)
        write_classes(out, l, port);
    else
        line(out, 1, "net_prepare_%s(memory->raw_%s, %s, %s, %s);",
             same(port->source_type, "double") ? "numbers" : "bytes", name, name,
             port->order ? format("%s_order", name) : "NULL", stages_text(port));
}

/* ---- The function ---------------------------------------------------------------------------- */

void write_raw_memory(Text *out, const Library *l)
{
    for (int i = 0; i < l->input_count && l->is_raw; i++) {
        const Port *port = &l->inputs[i];

        if (port->source_type)
            line(out, 1, "_Alignas(64) %s raw_%s[%d];", port->type, port->name, port->size);
        if (port->words)
            line(out, 1, "char word_%s[%d];", port->name,
                 port->grams ? port->grams * (room_of(port) + 1) : room_of(port));
        if (port->numbers && same(port->numbers->name, "one_hot"))
            line(out, 1, "int32_t class_%s;", port->name);
    }
}

const char *raw_head(const Library *l)
{
    Text text = {0};
    const char *begin = format("int %s_run_raw(", l->name);
    Wrap wrap = {&text, (int)strlen(begin), 8, 0};

    text_add(&text, "%s", begin);
    wrap_item(&wrap, "const void *weights");
    for (int i = 0; i < l->input_count; i++)
        wrap_item(&wrap, format("const %s *%s",
                                l->inputs[i].source_type ? l->inputs[i].source_type : "float",
                                l->inputs[i].name));
    for (int i = 0; i < l->output_count; i++)
        wrap_item(&wrap, format("float *%s", l->outputs[i].name));
    wrap_item(&wrap, "void *arena");
    text_add(&text, ")");
    return text.at;
}

const char *known_head(const Library *l, const Port *port)
{
    return format("int %s_%s_known(const char *%s, void *arena)", l->name, port->name, port->name);
}

static void write_known(Text *out, const Library *l, const Port *port)
{
    if (!port->words)
        return;
    line(out, 0, "%s\n{", known_head(l, port));
    line(out, 1, "struct memory *memory = arena;\n");
    line(out, 1, "if (!%s || net_library_check(&%s_inside, arena, 1, 1))", port->name, l->name);
    line(out, 2, "return -1;");
    line(out, 1, "return net_count_known(%s, %s_words, %s, %s, memory->word_%s, %d);\n}\n",
         port->name, port->name, table_text(l, port->names), table_text(l, port->stop), port->name,
         room_of(port));
}

static void write_prepared_run(Text *out, const Library *l)
{
    text_add(out, "    error = run_rows(weights, 1, ");
    for (int i = 0; i < l->input_count; i++)
        text_add(out, "%s%s, ", l->inputs[i].source_type ? "memory->raw_" : "", l->inputs[i].name);
    for (int i = 0; i < l->output_count; i++)
        text_add(out, "%s, ", l->outputs[i].name);
    line(out, 0, "arena);");
}

/* Numbers of the data in, values in the data's units out. */
void write_raw_form(Text *out, const Library *l)
{
    for (int i = 0; i < l->input_count + l->output_count; i++)
        write_stages(out, i < l->input_count ? &l->inputs[i] : &l->outputs[i - l->input_count]);
    for (int i = 0; i < l->input_count; i++) {
        write_words(out, &l->inputs[i]);
        write_order(out, &l->inputs[i]);
    }
    for (int i = 0; i < l->input_count; i++)
        write_known(out, l, &l->inputs[i]);
    line(out, 0, "%s\n{", raw_head(l));
    line(out, 1, "struct memory *memory = arena;");
    line(out, 1, "int error = net_library_check(&%s_inside, arena, 1, 1);\n", l->name);
    line(out, 1, "if (error)");
    line(out, 2, "return error;");
    for (int i = 0; i < l->input_count; i++) {
        const Port *port = &l->inputs[i];

        if (!port->source_type)
            continue;
        line(out, 1, "if (!%s)", port->name);
        line(out, 2, "return NET_LIBRARY_NO_INPUT;");
        write_preparation(out, l, port);
    }
    write_prepared_run(out, l);
    for (int i = 0; i < l->output_count; i++) {
        const Port *port = &l->outputs[i];

        if (!port->stage_count)
            continue;
        line(out, 1, "if (!error)");
        line(out, 2, "net_take_back(%s, %s);", port->name, stages_text(port));
    }
    line(out, 1, "return error;\n}\n");
}
