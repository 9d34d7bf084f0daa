/*
 * classes.c -- classes(n) and one_hot(n): a number from 0 to n - 1 a row. Cells of a
 * table that are all whole numbers from 0 to n - 1 mean these numbers; others are numbered in
 * sorted order as the training source has them, numbers by their size.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

static bool is_number(const char *word, double *number)
{
    return net_parse_number(word, strlen(word), number) == NET_PARSED;
}

/* A decimal number as it is written, exactly: labels of 17 digits are told apart that are the same
   double. sign times 0.DIGITS times 10^point, the first digit not 0; sign 0: no digit but 0. */
struct decimal {
    int sign;
    long point;
    const char *digits; /* a point may stand between them */
};

static struct decimal read_decimal(const char *word)
{
    static const long most = 1L << 40; /* of an exponent */
    struct decimal d = {.sign = 1};
    bool behind = false;

    word += strspn(word, " \t");
    if (*word == '-')
        d.sign = -1;
    for (word += *word == '-' || *word == '+'; strchr("0123456789.", *word) && *word; word++) {
        if (*word == '.') {
            behind = true;
            continue;
        }
        if (!d.digits && *word != '0')
            d.digits = word;
        d.point += d.digits ? !behind : -behind;
    }
    if (!d.digits)
        return (struct decimal){0};
    if (*word == 'e' || *word == 'E') {
        const long exponent = strtol(word + 1, NULL, 10);

        d.point += exponent > most ? most : exponent < -most ? -most : exponent;
    }
    return d;
}

/* The digit at *at, and past it and a point; '0' behind the last. */
static char next_digit(const char **at)
{
    *at += **at == '.';
    return **at >= '0' && **at <= '9' ? *(*at)++ : '0';
}

static bool has_digit(const char *at)
{
    at += *at == '.';
    return *at >= '0' && *at <= '9';
}

/* Less than 0, 0 or more, as the first number is smaller than the second, equal or larger. */
static int compare_numbers(const char *first, const char *second)
{
    const struct decimal a = read_decimal(first), b = read_decimal(second);
    const char *x = a.digits, *y = b.digits;

    if (a.sign != b.sign || !a.sign)
        return a.sign - b.sign;
    if (a.point != b.point)
        return a.point < b.point ? -a.sign : a.sign;
    while (has_digit(x) || has_digit(y)) {
        const int difference = next_digit(&x) - next_digit(&y);

        if (difference)
            return a.sign * difference;
    }
    return 0;
}

static bool is_class(const char *word, int n, double *number)
{
    char whole[16];

    if (!is_number(word, number) || !(*number >= 0 && *number < n))
        return false;
    snprintf(whole, sizeof whole, "%d", (int)*number);
    return compare_numbers(word, whole) == 0;
}

static int by_number(const void *a, const void *b)
{
    return compare_numbers(*(const char *const *)a, *(const char *const *)b);
}

/* The words in order, each number once; false where one is no number. */
static bool list_numbers(const struct net_string_table *strings, struct net_string_table *names)
{
    const char **words = net_allocate((size_t)strings->count, sizeof *words);
    int32_t count = 0;
    double number;

    while (count < strings->count && is_number(net_string(strings, count), &number)) {
        words[count] = net_string(strings, count);
        count++;
    }
    if (count == strings->count)
        qsort(words, (size_t)count, sizeof *words, by_number);
    for (int32_t i = 0; count == strings->count && i < count; i++)
        if (!i || compare_numbers(words[i], words[i - 1]))
            net_strings_add(names, words[i], strlen(words[i]));
    free(words);
    return count == strings->count;
}

/* More values than classes: which is too many is not known, so the rarest is named, which a slip of
   the pen is, and the first row that has it. */
static _Noreturn void fail_values(const struct net_column *column, const struct net_call *call,
                                  int values, int classes)
{
    const int32_t count = column->strings->count;
    long *rows = net_allocate((size_t)count, sizeof *rows), row = 0;
    int32_t rarest = 0;

    for (long r = 0; r < column->rows; r++)
        rows[*(const int32_t *)net_row(column, r)]++;
    for (int32_t i = 0; i < count; i++)
        if (rows[i] > 0 && (rows[rarest] == 0 || rows[i] <= rows[rarest]))
            rarest = i;
    while (*(const int32_t *)net_row(column, row) != rarest)
        row++;
    net_fail(
        1,
        "%s: %s has %d different values, %s(%d) has room for %d; the rarest, \"%s\", is first in "
        "row %ld (from 0)",
        column->place, column->name, values, call->name, classes, classes,
        net_string(column->strings, rarest), row);
}

/* The names of the training data's classes; none where they are the numbers 0 to n - 1. */
static void fit_classes(struct net_fitted *fitted, const struct net_values *values,
                        const struct net_call *call, const long *rows, long row_count)
{
    const struct net_column *column = &values->column;
    const struct net_string_table *strings = column->strings;
    const int n = values->field->classes;
    int32_t plain = 0;
    double number;

    (void)rows, (void)row_count;
    for (; strings && plain < strings->count && is_class(net_string(strings, plain), n, &number);
         plain++)
        ;
    if (!strings || plain == strings->count)
        return;
    struct net_string_table *names = net_strings_new();

    if (!list_numbers(strings, names))
        for (int32_t i = 0; i < strings->count; i++)
            net_strings_add(names, net_string(strings, i), strlen(net_string(strings, i)));
    if (names->count > n)
        fail_values(column, call, names->count, n);
    fitted->strings[0] = names;
}

/* Names that are numbers, in order of size: a cell may be one that is written otherwise (2.0). */
struct numbers {
    const char **at;
    size_t count;
};

static struct numbers sort_numbers(const struct net_string_table *names)
{
    struct numbers numbers = {net_allocate((size_t)names->count, sizeof *numbers.at), 0};
    double number;

    for (int32_t i = 0; i < names->count; i++)
        if (is_number(net_string(names, i), &number))
            numbers.at[numbers.count++] = net_string(names, i);
    qsort(numbers.at, numbers.count, sizeof *numbers.at, by_number);
    return numbers;
}

/* The class of a name; -1: none. */
static int32_t find_name(const struct net_string_table *names, const struct numbers *numbers,
                         const char *word)
{
    const int32_t found = net_strings_find(names, word, strlen(word));
    double number;

    if (found >= 0 || !is_number(word, &number))
        return found;
    const char **same = bsearch(&word, numbers->at, numbers->count, sizeof *numbers->at, by_number);

    return same ? net_strings_find(names, *same, strlen(*same)) : -1;
}

static _Noreturn void fail_class(const struct net_values *values, int32_t word,
                                 const char *expected)
{
    const struct net_column *column = &values->column;
    long row = 0;

    while (*(const int32_t *)net_row(column, row) != word)
        row++;
    net_fail(1, "%s: row %ld (from 0): expected %s to be %s, found \"%s\"", column->place, row,
             column->name, expected, net_string(column->strings, word));
}

/* The class of every string in the column's order; malloc'd. */
static int32_t *number_strings(const struct net_values *values, const struct net_fitted *fitted)
{
    const struct net_string_table *strings = values->column.strings;
    const int n = values->field->classes;
    int32_t *classes = net_allocate((size_t)strings->count, sizeof *classes);
    struct numbers numbers = {0};
    char expected[64];
    double number;

    snprintf(expected, sizeof expected, "a class, a whole number from 0 to %d", n - 1);
    if (fitted->strings[0])
        numbers = sort_numbers(fitted->strings[0]);
    for (int32_t i = 0; i < strings->count; i++) {
        const char *word = net_string(strings, i);

        if (fitted->strings[0]) {
            classes[i] = find_name(fitted->strings[0], &numbers, word);
            if (classes[i] < 0)
                fail_class(values, i, "a class of the training data");
        } else {
            if (!is_class(word, n, &number))
                fail_class(values, i, expected);
            classes[i] = (int32_t)number;
        }
    }
    free(numbers.at);
    return classes;
}

static void read_strings(const struct net_values *values, const struct net_fitted *fitted,
                         int32_t *classes)
{
    int32_t *numbers = number_strings(values, fitted);

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
                 preparation, n, column->name, net_shape_text(text, column->rank, column->shape));
    if (column->strings) {
        read_strings(values, fitted, classes);
        return classes;
    }
    for (long row = 0; row < column->rows; row++) {
        net_values_row(values, row, &number);
        if (!(number >= 0 && number < n) || number != floor(number))
            net_fail(1,
                     "%s: row %ld (from 0): expected %s to be a class, a whole number from 0 to "
                     "%d, found %.9g",
                     column->place, row, column->name, n - 1, number);
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

const struct net_transform net_transform_classes = {
    .name = "classes", .strings = {"names"}, .fit = fit_classes, .apply = apply_classes};
const struct net_transform net_transform_one_hot = {
    .name = "one_hot", .strings = {"names"}, .fit = fit_classes, .apply = apply_one_hot};
