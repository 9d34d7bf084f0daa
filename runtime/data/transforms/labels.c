/*
 * labels.c -- labels(n, length): the words of a target's text are classes, one a position, numbered
 * as classes(n) numbers the cells of a column: as they are where all are whole numbers from 0 to
 * n - 1, else in sorted order, as the training source has them. -1 stands behind a row's end.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

static void need_text(const struct net_values *values, const struct net_call *call)
{
    if (values->column.type != NET_TEXT)
        net_fail(1, "%s: %s wants a text, %s is made of numbers", values->column.place, call->name,
                 values->column.name);
}

/* Words as tokens(..) parts them, so that labels stand beside words. */
static struct net_tokenizer open_tokenizer(void)
{
    return (struct net_tokenizer){.words = {.min_letters = 1}};
}

/* Each word of the source once, as a column of strings. */
static void list_words(const struct net_values *values, struct net_string_table *words)
{
    struct net_tokenizer tokenizer = open_tokenizer();
    struct net_scratch scratch = {0};
    struct net_slice word;

    for (long row = 0; row < values->column.rows; row++) {
        net_tokenizer_begin(&tokenizer, net_text_row(&values->column, row, &scratch));
        while (net_tokenizer_next(&tokenizer, &word))
            net_strings_add(words, word.at, word.length);
    }
    net_tokenizer_close(&tokenizer);
    free(scratch.at);
}

/* The word that is there least often: a slip of the pen. */
static const char *rarest_word(const struct net_string_table *words)
{
    int32_t rarest = 0;

    for (int32_t i = 1; i < words->count; i++)
        rarest = words->seen[i] < words->seen[rarest] ? i : rarest;
    return net_string(words, rarest);
}

static void fit_labels(struct net_fitted *fitted, const struct net_values *values,
                       const struct net_call *call, const long *rows, long row_count)
{
    struct net_values once = *values;

    need_text(values, call);
    once.column.strings = net_strings_new();
    list_words(values, once.column.strings);
    if (!once.column.strings->count)
        net_fail(1, "%s: %s has no label in any row", values->column.place, values->column.name);
    if (once.column.strings->count > values->field->classes)
        net_fail(1, "%s: %s has %d different labels, %s(%d) has room for %d; the rarest is \"%s\"",
                 values->column.place, values->column.name, once.column.strings->count, call->name,
                 values->field->classes, values->field->classes, rarest_word(once.column.strings));
    net_transform_classes.fit(fitted, &once, call, NULL, 0);
    net_strings_free(once.column.strings);
    (void)rows, (void)row_count; /* names are those of the source, learnt of no row */
}

static int32_t find_label(const struct net_values *values, const struct net_fitted *fitted,
                          struct net_slice word)
{
    double number;

    if (fitted->strings[0])
        return net_strings_find(fitted->strings[0], word.at, word.length);
    if (net_parse_number(word.at, word.length, &number) != NET_PARSED || !(number >= 0) ||
        !(number < values->field->classes) || number != (int)number)
        return -1;
    return (int32_t)number;
}

static _Noreturn void fail_label(const struct net_values *values, const struct net_fitted *fitted,
                                 long row, struct net_slice word)
{
    char text[48];

    if (fitted->strings[0])
        net_fail(1, "%s: row %ld (from 0): expected %s to be labels of the training data, found %s",
                 values->column.place, row, values->column.name,
                 net_cell_text(text, word.at, word.length));
    net_fail(
        1, "%s: row %ld (from 0): expected %s to be classes, whole numbers from 0 to %d, found %s",
        values->column.place, row, values->column.name, values->field->classes - 1,
        net_cell_text(text, word.at, word.length));
}

static void apply_labels(struct net_values *values, const struct net_call *call,
                         const struct net_fitted *fitted)
{
    const size_t size = (size_t)values->field->size;
    const long rows = values->column.rows;
    struct net_tokenizer tokenizer = open_tokenizer();
    struct net_scratch scratch = {0};
    struct net_slice word;
    int32_t *labels, *to;

    need_text(values, call);
    to = labels = net_allocate((size_t)rows * size, sizeof *labels);
    memset(labels, -1, (size_t)rows * size * sizeof *labels);
    for (long row = 0; row < rows; row++, to += size) {
        net_tokenizer_begin(&tokenizer, net_text_row(&values->column, row, &scratch));
        for (size_t p = 0; p < size && net_tokenizer_next(&tokenizer, &word); p++) {
            to[p] = find_label(values, fitted, word);
            if (to[p] < 0)
                fail_label(values, fitted, row, word);
        }
    }
    net_tokenizer_close(&tokenizer);
    free(scratch.at);
    net_values_replace(values, NET_I32, 1, (int)size, labels);
}

const struct net_transform net_transform_labels = {
    .name = "labels", .strings = {"names"}, .fit = fit_labels, .apply = apply_labels};
