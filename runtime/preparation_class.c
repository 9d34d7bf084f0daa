/*
 * preparation_class.c -- classes(n) and one_hot(n): a number from 0 to n - 1 a row. Strings are
 * numbered in sorted order as the training source has them; strings that are all whole numbers mean
 * these numbers.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_parts.h"
#include "data_table.h"

static bool is_whole(const char *word, double *number)
{
    return net_parse_number(word, strlen(word), number) == NET_PARSED && *number == floor(*number);
}

/* The names of the training data's classes; none where they are numbers. */
static void fit_classes(struct net_fitted *fitted, const struct net_values *values,
                        const struct net_call *call, const long *rows, long row_count)
{
    const struct net_column *column = &values->column;
    const struct net_words *words = column->words;
    const int n = values->field->classes;
    int32_t named = 0;
    double number;

    (void)rows, (void)row_count;
    for (; words && named < words->count && is_whole(net_word(words, named), &number); named++)
        ;
    if (!words || named == words->count)
        return;
    if (words->count > n)
        net_fail(1, "%s: %s has %d different values, such as \"%s\"; %s(%d) has room for %d",
                 column->place, column->name, words->count, net_word(words, words->count - 1),
                 call->name, n, n);
    fitted->words[0] = net_words_new();
    for (int32_t i = 0; i < words->count; i++)
        net_words_add(fitted->words[0], net_word(words, i), strlen(net_word(words, i)));
}

static _Noreturn void fail_class(const struct net_values *values, int32_t word,
                                 const char *expected)
{
    const struct net_column *column = &values->column;
    long row = 0;

    while (*(const int32_t *)net_row(column, row) != word)
        row++;
    net_fail(1, "%s: row %ld (from 0): expected %s to be %s, found \"%s\"", column->place, row,
             column->name, expected, net_word(column->words, word));
}

/* The class of every string in the column's order; malloc'd. */
static int32_t *number_words(const struct net_values *values, const struct net_fitted *fitted)
{
    const struct net_words *words = values->column.words;
    const int n = values->field->classes;
    int32_t *numbers = net_allocate((size_t)words->count, sizeof *numbers);
    char expected[64];
    double number;

    snprintf(expected, sizeof expected, "a class, a whole number from 0 to %d", n - 1);
    for (int32_t i = 0; i < words->count; i++) {
        const char *word = net_word(words, i);

        if (fitted->words[0]) {
            numbers[i] = net_words_find(fitted->words[0], word, strlen(word));
            if (numbers[i] < 0)
                fail_class(values, i, "a class of the training data");
        } else {
            if (!is_whole(word, &number) || number < 0 || number >= n)
                fail_class(values, i, expected);
            numbers[i] = (int32_t)number;
        }
    }
    return numbers;
}

static void read_words(const struct net_values *values, const struct net_fitted *fitted,
                       int32_t *classes)
{
    int32_t *numbers = number_words(values, fitted);

    for (long row = 0; row < values->column.rows; row++)
        classes[row] = numbers[*(const int32_t *)net_row(&values->column, row)];
    free(numbers);
}

/* The class of every row, malloc'd; the column must hold one string or whole number a row. */
static int32_t *read_classes(const struct net_values *values, const char *preparation,
                             const struct net_fitted *fitted)
{
    const struct net_column *column = &values->column;
    const int n = values->field->classes;
    int32_t *classes = net_allocate((size_t)column->rows, sizeof *classes);
    char text[64];
    double number;

    if (column->size != 1)
        net_fail(1, "%s: %s(%d) wants one number a row, a row of %s is %s", column->place,
                 preparation, n, column->name,
                 net_shape_text(text, column->rank, column->shape));
    if (column->words) {
        read_words(values, fitted, classes);
        return classes;
    }
    for (long row = 0; row < column->rows; row++) {
        net_values_row(values, row, &number);
        if (!(number >= 0 && number < n) || number != floor(number))
            net_fail(1, "%s: row %ld (from 0): expected %s to be a class, a whole number from 0 to "
                        "%d, found %.9g", column->place, row, column->name, n - 1, number);
        classes[row] = (int32_t)number;
    }
    return classes;
}

static void apply_classes(struct net_values *values, const struct net_call *call,
                          const struct net_fitted *fitted)
{
    net_values_replace(values, NET_I32, 0, 1, read_classes(values, call->name, fitted));
}

static void apply_one_hot(struct net_values *values, const struct net_call *call,
                          const struct net_fitted *fitted)
{
    const size_t n = (size_t)values->field->classes;
    int32_t *classes = read_classes(values, call->name, fitted);
    float *hot = net_allocate((size_t)values->column.rows * n, sizeof *hot);

    for (long row = 0; row < values->column.rows; row++)
        hot[(size_t)row * n + (size_t)classes[row]] = 1;
    free(classes);
    net_values_replace(values, NET_F32, 1, (int)n, hot);
}

const struct net_preparation net_preparation_classes = {
    .name = "classes", .words = {"names"}, .fit = fit_classes, .apply = apply_classes};
const struct net_preparation net_preparation_one_hot = {
    .name = "one_hot", .words = {"names"}, .fit = fit_classes, .apply = apply_one_hot};
