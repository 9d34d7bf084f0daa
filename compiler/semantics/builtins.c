/*
 * builtins.c -- every name that the language knows, with its arguments: layers.def and the
 * language.def that trainers share, as one table.
 */

#include <string.h>

#include "semantics/analysis.h"

/* clang-format off */
#define NEEDS(text, takes) {.name = text, .type = PARAM_##takes}
#define TAKES(text, takes, value) {.name = text, .type = PARAM_##takes, .standard = value}
#define TRAINING(text, takes, value)                                                               \
    {.name = text, .type = PARAM_##takes, .standard = value, .training = true}
#define BY_RUN(text, takes, value)                                                                 \
    {.name = text, .type = PARAM_##takes, .standard = value, .training = true, .by_run = true}
#define NO_ARGUMENTS {.name = NULL}

#define SIZES(...) .rank = COUNT(((int[]){__VA_ARGS__})), .size = {__VA_ARGS__}
#define FIELD(text, ...) {.name = text, .shape = {SIZES(__VA_ARGS__)}, .has_shape = true}
#define UNSIZED(text) {.name = text}
#define FIELDS(...) {__VA_ARGS__}
#define NO_FIELDS {{.name = NULL}}

enum { PLAIN, TRAINED };    /* layers: without, with weights */
enum { OF_CLASSES, OF_VALUES }; /* metrics */

#define ROW(what, text, line, ...)                                                                 \
    {.name = #text, .kind = KIND_##what, .help = line, .parameters = {__VA_ARGS__}},
#define LOSS(name, id, activation, help, ...) ROW(LOSS, name, help, __VA_ARGS__)
#define OPTIMIZER(name, help, ...) ROW(OPTIMIZER, name, help, __VA_ARGS__)
#define SCHEDULE(name, help, ...) ROW(SCHEDULE, name, help, __VA_ARGS__)
#define SPLIT(name, help, ...) ROW(SPLIT, name, help, __VA_ARGS__)
#define TRANSFORM(name, help, ...) ROW(TRANSFORM, name, help, __VA_ARGS__)
#define AUGMENTATION(name, help, ...) ROW(AUGMENTATION, name, help, __VA_ARGS__)
#define CLIP(name, help, ...) ROW(CLIP, name, help, __VA_ARGS__)
#define STOP(name, help, ...) ROW(STOP, name, help, __VA_ARGS__)
#define START(name, help, ...) ROW(START, name, help, __VA_ARGS__)
#define LAYER(text, function, weights, ...)                                                        \
    {.name = #text, .kind = KIND_LAYER, .has_weights = (weights), .parameters = {__VA_ARGS__}},
#define SOURCE(text, gives, line, own, ...)                                                        \
    {.name = #text, .kind = KIND_SOURCE, .help = line, .source = SOURCE_##gives, .fields = own,    \
     .parameters = {__VA_ARGS__}},
#define METRIC(text, of, better, line)                                                             \
    {.name = #text, .kind = KIND_METRIC, .help = line, .of_values = OF_##of},

static const Signature signatures[] = {
#include "semantics/layers.def"
#include "language.def"
};
/* clang-format on */

const char *const initial_values[] = {
    "default",
#define INITIAL_VALUES(name, ...) #name,
#include "language.def"
    NULL,
};

const char *initial_table_name(const char *text)
{
    static const char *const names[][2] = {
#define INITIAL_VALUES(name, table, ...) {#name, #table},
#include "language.def"
    };
    int i = 0;

    while (!same(names[i][0], text))
        i++;
    return names[i][1];
}

bool is_initial_name(const char *text)
{
    for (int i = 0; initial_values[i]; i++)
        if (same(initial_values[i], text))
            return true;
    return false;
}

const Signature *find_signature(const char *name, unsigned kinds)
{
    for (int i = 0; i < COUNT(signatures); i++)
        if ((signatures[i].kind & kinds) && same(signatures[i].name, name))
            return &signatures[i];
    return NULL;
}

const char *kind_text(Kind kind)
{
    static const char *const texts[KINDS] = {
        "a layer",          "a loss",
        "an optimizer",     "a schedule",
        "a source of data", "a split",
        "a transform",      "an augmentation",
        "a metric",         "a way to clip gradients",
        "a rule to stop",   "a file of weights",
    };
    int i = 0;
    while (kind != (Kind)(1 << i))
        i++;
    return texts[i];
}

/* Is every keyword a field, and its argument a file? */
bool takes_files(const Signature *signature)
{
    return signature->source == SOURCE_FILES && !signature->parameters[0].name;
}

const char *signature_text(const Signature *signature)
{
    Text text = {0};

    text_add(&text, "%s", signature->name);
    if (takes_files(signature))
        text_add(&text, "(field=\"file\", ...)");
    const bool loss = signature->kind == KIND_LOSS;

    for (int i = 0; i < MAX_PARAMETERS && signature->parameters[i].name; i++) {
        const Parameter *p = &signature->parameters[i];
        text_add(&text, "%s%s", i > 0 ? ", " : loss ? "(prediction, " : "(", p->name);
        if (p->type == PARAM_SIZES || p->type == PARAM_TENSORS || p->type == PARAM_WORDS)
            text_add(&text, " ...");
        else if (p->standard)
            text_add(&text, "=%s", p->standard);
    }
    if (signature->parameters[0].name)
        text_add(&text, ")");
    return text.at;
}

/* What a loss compares with is not said. */
static bool is_needed(const Signature *signature, const Parameter *p)
{
    return p->name && signature->kind != KIND_LOSS && !p->standard && p->type != PARAM_TENSOR &&
           p->type != PARAM_TENSORS;
}

/* "a, b, c", in lines; `column`: where the last one is. */
static void list_name(Text *text, int *column, const char *name)
{
    enum { LINE = 78 };
    const int length = (int)strlen(name);
    const bool breaks = *column + length > LINE;

    if (text->at)
        text_add(text, breaks ? ",\n          " : ", ");
    *column = breaks ? length : *column + length + 2;
    text_add(text, "%s", name);
}

const char *kind_names(unsigned kinds)
{
    const char **carried = NULL;
    Text text = {0};
    int column = 0, count = 0;

    for (int i = 0; i < COUNT(signatures); i++) {
        const Parameter *p = signatures[i].parameters;
        Text name = {0};

        if (!(signatures[i].kind & kinds))
            continue;
        text_add(&name, "%s", signatures[i].name);
        int needed = 0;

        for (int k = 0; k < MAX_PARAMETERS && p[k].name; k++)
            if (is_needed(&signatures[i], &p[k]))
                text_add(&name, "%s%s", needed++ ? ", " : "(", p[k].name);
        text_add(&name, "%s", needed ? ")" : "");
        list_name(&text, &column, name.at);
    }
    if (kinds & KIND_LOSS)
        add_carried_names(&carried, &count);
    for (int i = 0; i < count; i++)
        list_name(&text, &column, carried[i]);
    return text.at;
}

void add_signature_names(const char ***names, int *count, unsigned kinds)
{
    for (int i = 0; i < COUNT(signatures); i++)
        if (signatures[i].kind & kinds)
            APPEND(*names, *count, signatures[i].name);
    if (kinds & KIND_LOSS)
        add_carried_names(names, count);
}

void print_language(FILE *out)
{
    for (int kind = 0; kind < KINDS; kind++) {
        const char *text = kind_text((Kind)(1 << kind));

        fprintf(out, "%s%s:\n", kind ? "\n" : "", strchr(text, ' ') + 1);
        for (int i = 0; i < COUNT(signatures); i++) {
            if (signatures[i].kind != (Kind)(1 << kind))
                continue;
            fprintf(out, "  %s\n", signature_text(&signatures[i]));
            if (signatures[i].help)
                fprintf(out, "        %s\n", signatures[i].help);
        }
        if (1 << kind == KIND_LOSS)
            print_carried(out);
    }
    fprintf(out, "\ninit:\n ");
    for (int i = 0; initial_values[i]; i++)
        fprintf(out, " %s", initial_values[i]);
    fputc('\n', out);
}
