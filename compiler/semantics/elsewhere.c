/*
 * elsewhere.c -- what users of Keras, PyTorch and scikit-learn write, and how it is written here.
 *
 * One idea: a name that is not known is first looked for among those of other libraries, in the
 * table elsewhere.def; only then is the nearest spelling a guess. A remedy says what can be typed
 * as it stands.
 */

#include "semantics/analysis.h"

#include <ctype.h>
#include <string.h>

typedef struct Elsewhere {
    const char *there, *here;
} Elsewhere;

/* clang-format off */
static const Elsewhere words[] = {
#define WORD(there, here) {there, here},
#include "semantics/elsewhere.def"
}, parameters[] = {
#define PARAMETER(there, here) {there, here},
#include "semantics/elsewhere.def"
}, keys[] = {
#define KEY(there, here) {there, here},
#include "semantics/elsewhere.def"
}, parts[] = {
#define PART(there, here) {there, here},
#include "semantics/elsewhere.def"
}, values[] = {
#define VALUE(there, here) {there, here},
#include "semantics/elsewhere.def"
};

static const struct {
    AdvicePlace place;
    const char *there, *text;
} advices[] = {
#define ADVICE(place, there, text) {ADVICE_##place, there, text},
#include "semantics/elsewhere.def"
};

static const struct {
    const char *there, *text;
} absences[] = {
#define ABSENT(there, text) {there, text},
#include "semantics/elsewhere.def"
};
/* clang-format on */

/* "BatchNorm_2D" is the same name as "batchnorm2d". */
static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == '_')
            a++;
        while (*b == '_')
            b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b))
            return false;
        if (!*a)
            return true;
    }
}

/* "Linear" of "torch.nn.Linear" */
static const char *last_part(const char *text)
{
    const char *dot = strrchr(text, '.');

    return dot ? dot + 1 : text;
}

/* Text that is no name: a file, where only its quotes were forgotten. */
static bool is_file_name(const char *text)
{
    static const char *const ends[] = {".csv",   ".tsv", ".json", ".jsonl",  ".npy", ".npz",
                                       ".bin",   ".gz",  ".txt",  ".libsvm", ".svm", ".data",
                                       ".ubyte", ".dat", ".zip",  ".vec",    ".bz2", ".t7",
                                       ".png",   ".jpg", ".jpeg"};
    const char *dot = strrchr(text, '.');

    for (int i = 0; dot && i < COUNT(ends); i++)
        if (same(dot, ends[i]))
            return true;
    return strchr(text, '/') != NULL;
}

const char *word_elsewhere(const char *text, unsigned kinds)
{
    const char *last = last_part(text), **names = NULL;
    int count = 0;

    if (is_file_name(text))
        return NULL;
    add_signature_names(&names, &count, kinds);
    for (int i = 0; i < count; i++)
        if (same_word(names[i], last) && !same(names[i], text))
            return names[i];
    for (int i = 0; i < COUNT(words); i++)
        if (same_word(words[i].there, last) && (find_signature(words[i].here, kinds) ||
                                                ((kinds & KIND_LOSS) && is_carried(words[i].here))))
            return words[i].here;
    return NULL;
}

const char *unquoted_name(const char *text, unsigned kinds)
{
    return find_signature(text, kinds) ? text : word_elsewhere(text, kinds);
}

const char *parameter_elsewhere(const char *const *names, int count, const char *text)
{
    for (int k = 0; k < count; k++)
        if (same_word(names[k], text))
            return names[k];
    for (int i = 0; i < COUNT(parameters); i++)
        for (int k = 0; same_word(parameters[i].there, text) && k < count; k++)
            if (same(names[k], parameters[i].here))
                return names[k];
    return NULL;
}

static const char *find_here(const Elsewhere *rows, int count, const char *text)
{
    for (int i = 0; i < count; i++)
        if (same_word(rows[i].there, text))
            return rows[i].here;
    return NULL;
}

const char *key_elsewhere(const char *text)
{
    return find_here(keys, COUNT(keys), text);
}

const char *part_elsewhere(const char *text)
{
    return find_here(parts, COUNT(parts), text);
}

const char *value_elsewhere(const char *text)
{
    return find_here(values, COUNT(values), last_part(text));
}

/* The text with `value` in the place of its %s. */
static const char *fill_in(const char *text, const char *value)
{
    const char *hole = strstr(text, "%s");

    return hole ? format("%.*s%s%s", (int)(hole - text), text, value, hole + 2) : text;
}

bool advise(Source *source, AdvicePlace place, const char *text, const Ast *value)
{
    for (int i = 0; i < COUNT(advices); i++) {
        if (advices[i].place != place || !same_word(advices[i].there, last_part(text)))
            continue;
        note(source, "%s", fill_in(advices[i].text, value ? value_text(source, value) : ""));
        return true;
    }
    return false;
}

bool is_absent(const char *text, const char **instead)
{
    for (int i = 0; i < COUNT(absences); i++) {
        *instead = absences[i].text;
        if (same_word(absences[i].there, last_part(text)))
            return true;
    }
    return false;
}

const char *value_text(const Source *source, const Ast *value)
{
    enum { LONG = 60 };
    const int length = value->span.end - value->span.begin;
    const char *text = source->text + value->span.begin;

    if (value->kind == AST_STRING)
        return value->text;
    return length > LONG || memchr(text, '\n', (size_t)length) ? "..."
                                                               : copy_text(text, (size_t)length);
}

/* Takes the source a file by its name? csv("f.csv") */
static bool takes_file(const Signature *source)
{
    return source && source->parameters[0].name && same(source->parameters[0].name, "file");
}

const char *source_of_file(const char *text)
{
    size_t length = strlen(text);

    if (length > 3 && same(text + length - 3, ".gz"))
        length -= 3;

    const char *name = copy_text(text, length), *dot = strrchr(name, '.');
    const char *source = dot && same(dot, ".txt") ? "text" : dot ? dot + 1 : NULL;

    return source && dot > name && takes_file(find_signature(source, KIND_SOURCE))
               ? format("%s(\"%s\")", source, text)
               : NULL;
}

bool explain_dotted(Source *source, const char *text, unsigned kinds)
{
    if (!strchr(text, '.'))
        return false;
    if (is_file_name(text))
        note(source, "a file's name stands in quotes: write `\"%s\"`", text);
    else if (find_signature(last_part(text), kinds))
        note(source, "names have no dots: write `%s`", last_part(text));
    else
        note(source, "names have no dots, and a text stands in quotes: `\"%s\"`", text);
    return true;
}
