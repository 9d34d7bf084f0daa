/*
 * header.c -- NAME.h: the functions of a library, and what its numbers are.
 *
 * The one idea: who has the header and the library needs neither the model nor its run: shapes,
 * what was done to the data, ranges and classes are said where the pointers are declared.
 */

#include "emit/tables.h"
#include "library/library.h"

#include <ctype.h>
#include <string.h>

static const struct {
    const char *name, *help;
} transforms[] = {
#define TRANSFORM(name, help, ...) {#name, help},
#define AUGMENTATION(name, help, ...) {#name, help},
#include "language.def"
};

static const char *help_of(const char *name)
{
    for (int i = 0; i < COUNT(transforms); i++)
        if (same(transforms[i].name, name))
            return transforms[i].help;
    return "";
}

/* Does it learn something of the rows of a run? */
static bool is_learnt(const char *name)
{
    static const char *const names[] = {
#define LEARNT(name, ...) #name,
#include "language.def"
    };

    for (int i = 0; i < COUNT(names); i++)
        if (same(names[i], name))
            return true;
    return false;
}

/* An argument as it was given, numbers to the last digit. */
static const char *constant_text(const Constant *c)
{
    Text list = {0};

    switch (c->kind) {
    case CONSTANT_NUMBER:
        return number_text(c->number);
    case CONSTANT_BOOL:
        return truth(c->number != 0);
    case CONSTANT_LIST:
        for (int i = 0; i < c->count; i++)
            text_add(&list, "%s%s", i ? ", " : "[", constant_text(&c->items[i]));
        return list.at ? format("%s]", list.at) : "[]";
    case CONSTANT_STRING:
        return quoted(c->text);
    default:
        return c->text ? c->text : "none";
    }
}

static void write_step_text(Text *out, const Call *step)
{
    bool first = true;

    text_add(out, " *       %s", step->name);
    for (int i = 0; i < step->count; i++) {
        const Argument *a = &step->arguments[i];

        if (!a->given)
            continue;
        text_add(out, "%s%s=%s", first ? "(" : ", ", a->name, constant_text(&a->value));
        first = false;
    }
    text_add(out, "%s: %s%s\n", first ? "" : ")", help_of(step->name),
             is_learnt(step->name)
                 ? ";\n *           what it was fitted to is in the run's preparation.json"
                 : "");
}

const char *comment_safe(const char *text)
{
    char *safe = format("%s", text);

    for (char *at = safe; (at = strstr(at, "*/")) != NULL;)
        *at = '+';
    return safe;
}

/* What has been done to the numbers of the source. Of an augmentation evaluation has normalize. */
static void write_preparation(Text *out, const Field *field)
{
    int count = field->step_count;

    for (int i = 0; i < field->augment_count; i++)
        count += same(field->augments[i]->name, "normalize");
    if (!count) {
        text_add(out, " *       as the data have them: %s\n", field->source_field);
        return;
    }
    text_add(out, " *       prepared, in this order, from %s:\n", field->source_field);
    for (int i = 0; i < field->step_count; i++) /* which is written first, and kept behind */
        if (same(field->steps[i]->name, "date"))
            write_step_text(out, field->steps[i]);
    for (int i = 0; i < field->step_count; i++)
        if (!same(field->steps[i]->name, "date"))
            write_step_text(out, field->steps[i]);
    for (int i = 0; i < field->augment_count; i++)
        if (same(field->augments[i]->name, "normalize"))
            write_step_text(out, field->augments[i]);
}

static const char *row_text(const Port *port)
{
    const Shape shape = file_shape(port->value);

    return format("%s %s%s", port->type, shape_text(shape),
                  shape.rank > 1 ? ", the last axis runs fastest" : "");
}

/* Does it, or what shares its numbers, say begin=true or end=true? */
static bool has_mark(const Field *field)
{
    const Constant *words = field->step_count ? argument(field->steps[0], "vocabulary") : NULL;

    return words && field->vocabulary > (int)words->number + 2;
}

static void write_input(Text *out, const Port *port)
{
    const Field *field = port->field;

    text_add(out, " *   %s: %s\n", port->name, row_text(port));
    if (field->is_drawn)
        text_add(out,
                 " *       numbers drawn from the normal distribution, mean 0 and deviation 1\n");
    else
        write_preparation(out, field);
    if (port->value->type == TYPE_TOKENS)
        text_add(out, " *       each 0 to %d%s%s\n", port->value->vocabulary - 1,
                 field->classes ? "" : "; 0 is padding, 1 a word that is not known",
                 has_mark(field) ? ", 2 the mark" : "");
}

/* What an output can be, by what makes it. */
static const char *range_text(const Port *port)
{
    const Node *node = port->value->node;

    while (node && node->op == OP_RESHAPE)
        node = node->inputs[0]->node;
    switch (node ? node->op : OP_NONE) {
    case OP_SOFTMAX:
        return port->value->shape.rank > 1 ? "0 to 1, with the sum 1 along the first axis"
                                           : "0 to 1, with the sum 1";
    case OP_SIGMOID:
        return "0 to 1, each on its own";
    case OP_TANH:
        return "-1 to 1";
    case OP_RELU:
        return "0 or more";
    default:
        return "any number";
    }
}

static void write_output_text(Text *out, const Port *port)
{
    const Field *target = port->field;

    text_add(out, " *   %s: %s\n *       %s\n", port->name, row_text(port), range_text(port));
    if (!target)
        return;
    for (int c = 0; c < port->class_count; c++)
        text_add(out, "%s%s%s",
                 !c      ? " *       classes, in order: "
                 : c % 8 ? ", "
                         : ",\n *           ",
                 quoted(port->classes[c]), c + 1 < port->class_count ? "" : "\n");
    text_add(out, " *       as `%s` was in training", target->name);
    if (target->classes)
        text_add(out, port->size == 1 ? ", of class 1 of %d" : ", of each of %d classes",
                 target->classes);
    text_add(out, ":\n");
    write_preparation(out, target);
}

static const char *run_text(const Library *l, bool batch)
{
    Text text = {0};
    const char *begin = format("int %s_run%s(", l->name, batch ? "_batch" : "");
    Wrap wrap = {&text, (int)strlen(begin), 8, 0};

    text_add(&text, "%s", begin);
    wrap_item(&wrap, "const void *weights");
    if (batch)
        wrap_item(&wrap, "int rows");
    for (int i = 0; i < l->input_count; i++)
        wrap_item(&wrap, format("const %s *%s", l->inputs[i].type, l->inputs[i].name));
    for (int i = 0; i < l->output_count; i++)
        wrap_item(&wrap, format("float *%s", l->outputs[i].name));
    wrap_item(&wrap, "void *arena");
    text_add(&text, ");\n");
    return text.at;
}

static void write_columns(Text *out, const Port *port)
{
    for (int i = 0; i < port->column_count && port->column_count > 1; i++)
        text_add(out, "%s%s%s",
                 !i      ? " *       in this order: "
                 : i % 6 ? ", "
                         : ",\n *           ",
                 *port->columns[i] ? quoted(port->columns[i]) : format("column %d", i + 1),
                 i + 1 < port->column_count ? "" : "\n");
}

/* A row of the data, as the raw form takes it. */
static void write_source(Text *out, const Port *port)
{
    const char *type = port->source_type ? port->source_type : "float";

    if (port->numbers)
        text_add(out,
                 port->names.at < 0
                     ? " *   %s: double; NAN: it is missing\n"
                     : " *   %s: the cell of a table as text, with a NUL behind it; \"\": it is "
                       "missing\n",
                 port->name);
    else if (same(type, "char"))
        text_add(out,
                 " *   %s: a text in UTF-8, with a NUL behind it; bytes that are not are Latin-1\n",
                 port->name);
    else
        text_add(out, " *   %s: %s %s%s\n", port->name, type,
                 port->positions ? format("[%d, %d], rows of the series, the latest last",
                                          port->positions, port->source_size / port->positions)
                                 : shape_text(file_shape(port->value)),
                 same(type, "uint8_t") ? ", bytes of 0 to 255, a channel behind the other,\n"
                                         " *       of this size: decoding and resizing are the "
                                         "caller's"
                                       : "");
}

/* A text may have fewer words than an output has positions. */
static void write_positions(Text *out, const Library *l)
{
    bool has = false;

    for (int i = 0; i < l->output_count; i++)
        has |= l->outputs[i].value->shape.rank > 1;
    for (int i = 0; i < l->input_count && has; i++) {
        const Port *port = &l->inputs[i];

        if (!port->words || port->grams)
            continue;
        text_add(out,
                 " * Position k, from 0, is word k of those of %s that count%s; numbers of\n"
                 " * positions behind the text's last word mean nothing.\n",
                 port->name, number(port->words, "begin") != 0 ? ", behind a mark" : "");
    }
}

/* Which forms there are, and what the raw one takes. */
static void write_forms(Text *out, const Library *l)
{
    if (!l->is_raw) {
        text_add(out,
                 " * Only this prepared form is taken: the preparation is the caller's to do.\n");
        if (l->bare)
            text_add(out,
                     " * There is no raw form: %s is not in a library. Make the numbers above of\n"
                     " * your data, with what the run has learnt (its preparation.json).\n",
                     l->bare);
        return;
    }
    text_add(
        out,
        " * %s_run takes and gives numbers in this prepared form. %s_run_raw takes a row of\n"
        " * the data and does what is said above, with what the run has learnt; values it gives\n"
        " * in the units of the data. It takes:\n",
        l->name, l->name);
    for (int i = 0; i < l->input_count; i++) {
        const Port *port = &l->inputs[i];

        write_source(out, port);
        write_columns(out, port);
    }
    write_positions(out, l);
}

static void write_about(Text *out, const Library *l)
{
    const Model *m = l->model;
    Text about = {0};

    text_add(&about,
             " * %s.h -- the network %s of %s, for %s; generated by netc " NETC_VERSION ".\n",
             l->name, m->name, m->source->file, l->program->target->name);
    text_add(&about, " *\n * It takes, of each row:\n");
    for (int i = 0; i < l->input_count; i++)
        write_input(&about, &l->inputs[i]);
    text_add(&about, " *\n * and gives:\n");
    for (int i = 0; i < l->output_count; i++)
        write_output_text(&about, &l->outputs[i]);
    text_add(&about, " *\n");
    write_forms(&about, l);
    text_add(
        &about,
        " *\n * No function allocates, or keeps anything between calls; any number of threads\n"
        " * call them at once, each with an arena of its own.\n");
    text_add(out, "/*\n%s */\n\n", comment_safe(about.at));
}

static void write_errors(Text *out, const Library *l)
{
    static const char *const names[] = {
#define LIBRARY_ERROR(name, text) #name,
#include "library/errors.def"
    };
    static const char *const texts[] = {
#define LIBRARY_ERROR(name, text) text,
#include "library/errors.def"
    };

    text_add(out, "/* What functions return: 0, or */\nenum {\n");
    for (int i = 0; i < COUNT(names); i++)
        text_add(out, "    %s_%s = %d, /* %s */\n", l->name, names[i], i + 1, texts[i]);
    text_add(out, "};\n\n/* Never NULL. */\nconst char *%s_error(int error);\n\n", l->name);
}

/* Numbers of a row. */
static void write_sizes(Text *out, const Library *l)
{
    text_add(out, "/* Numbers of a row. */\nenum {\n");
    for (int i = 0; i < l->input_count; i++)
        text_add(out, "    %s_%s_size = %d,\n", l->name, l->inputs[i].name, l->inputs[i].size);
    for (int i = 0; i < l->output_count; i++)
        text_add(out, "    %s_%s_size = %d,\n", l->name, l->outputs[i].name, l->outputs[i].size);
    text_add(out, "};\n\n");
}

static void write_class_functions(Text *out, const Library *l)
{
    for (int i = 0; i < l->output_count; i++)
        if (l->outputs[i].class_count)
            text_add(out,
                     "/* The name of a class, from 0; NULL: there is none. */\n"
                     "const char *%s_%s_class(int i);\n\n",
                     l->name, l->outputs[i].name);
}

static void write_declarations(Text *out, const Library *l)
{
    const char *name = l->name;

    write_sizes(out, l);
    write_class_functions(out, l);
    write_errors(out, l);
    text_add(out,
             "/* Bytes of the arena that a call works in: any memory, from a multiple of 64. */\n"
             "size_t %s_size(void);\n\n",
             name);
    text_add(out,
             "/* Bytes of the weights as the network has them, from a multiple of 64. */\n"
             "size_t %s_weights_size(void);\n\n",
             name);
    text_add(
        out,
        "/* Fills %s_weights_size() bytes at `weights` from a run's model.safetensors: the whole\n"
        "   file, `size` bytes in memory, read or mapped, which is not wanted any longer then.\n"
        "   Names, shapes and the checksum are looked at. tensor, unless it is NULL, becomes the\n"
        "   name of the tensor that an error is about, or NULL. After an error the weights are\n"
        "   not to be used. */\n"
        "int %s_open(const void *file, size_t size, void *weights, const char **tensor);\n\n",
        name, name);
    text_add(
        out,
        "/* One row through the network. weights: what %s_open has filled%s. arena: %s_size()\n"
        "   bytes, whose content does not matter. */\n%s",
        name, l->weights.at ? "; NULL: those inside" : "", name, run_text(l, false));
    if (l->is_raw)
        text_add(out,
                 "\n/* The same of a row of the data, as it was before any preparation. */\n%s;\n",
                 raw_head(l));
    for (int i = 0; i < l->input_count && l->is_raw; i++)
        if (l->inputs[i].words)
            text_add(out,
                     "\n/* How many of a text's words the run knows: a prediction of none is of "
                     "nothing that it\n   has learnt. -1: the text or the arena is NULL, or the "
                     "arena unaligned. */\n%s;\n",
                     known_head(l, &l->inputs[i]));
    if (l->rows > 1)
        text_add(out,
                 "\n/* 1 to %s_ROWS rows at once, one behind the other in each array. */\n"
                 "enum { %s_ROWS = %d };\n%s",
                 name, name, l->rows, run_text(l, true));
}

void write_library_header(Text *out, const Library *l)
{
    const char *guard = format("NETC_%s_H", l->name);
    Text text = {0};

    for (char *c = (char *)guard; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    write_about(&text, l);
    text_add(&text, "#ifndef %s\n#define %s\n\n#include <stddef.h>\n#include <stdint.h>\n\n", guard,
             guard);
    text_add(&text, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n"
                    "#if defined(__GNUC__)\n#pragma GCC visibility push(default)\n#endif\n\n");
    write_declarations(&text, l);
    text_add(&text, "\n#if defined(__GNUC__)\n#pragma GCC visibility pop\n#endif\n"
                    "#ifdef __cplusplus\n}\n#endif\n\n#endif\n");
    text_add(out, "%s", text.at);
}
