/*
 * classes.c -- classes(n) and one_hot(n): a number from 0 to n - 1 a row. Cells of a
 * table that are all whole numbers from 0 to n - 1 mean these numbers; others are numbered in
 * sorted order as the training source has them, numbers by their size.
 *
 * An input may have values of no class. With unknown=row or zeros the classes are the values that
 * the training rows have, min_count of them at least, and all others number n, a row of the
 * embedding more, or no 1 in the vector. Missing cells are empty strings here: a row behind those,
 * no 1, or the class that most training rows have. A target's may count for nothing: -1.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/decimal.h"
#include "data/transforms/transform.h"

/* Has the call a rule for unknown or missing values, other than that they are errors? */
static bool is_allowed(const struct net_call *call, const char *values)
{
    return net_argument(call, values) && !net_has_word(call, values, "error");
}

static bool is_number(const char *word, double *number)
{
    return net_parse_number(word, strlen(word), number) == NET_PARSED &&
           labs(net_decimal_exponent(word)) <= NET_MOST_EXPONENT;
}

static bool is_class(const char *word, int n, double *number)
{
    char whole[16];

    if (!is_number(word, number) || !(*number >= 0 && *number < n))
        return false;
    snprintf(whole, sizeof whole, "%d", (int)*number);
    return net_decimal_compare(word, whole) == 0;
}

static int by_number(const void *a, const void *b)
{
    return net_decimal_compare(*(const char *const *)a, *(const char *const *)b);
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
        if (!i || net_decimal_compare(words[i], words[i - 1]))
            net_strings_add(names, words[i], strlen(words[i]));
    free(words);
    return count == strings->count;
}

/* For a message; malloc'd. */
static char *show_string(const struct net_column *column, int32_t number)
{
    struct net_text shown = {0};

    net_text_visible(&shown, net_string(column->strings, number));
    return shown.at;
}

/* More values than classes: which is too many is not known, so the rarest is named, which a slip of
   the pen is, and the first row that has it. */
static _Noreturn void fail_values(const struct net_values *values, const struct net_call *call,
                                  int found, int classes)
{
    const struct net_column *column = &values->column;
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
        "%s: %s%s %d different values, %s(%d) has room for %d; the rarest, \"%s\", is first in "
        "row %ld (from 0)",
        column->place, column->name,
        values->joined ? " and the inputs that share its numbers have" : " has", found, call->name,
        classes, classes, show_string(column, rarest), row);
}

/* How many of the rows have each of the column's strings; malloc'd. */
static long *count_strings(const struct net_column *column, const long *rows, long row_count)
{
    long *counts = net_allocate((size_t)column->strings->count, sizeof *counts);

    for (long r = 0; r < row_count; r++)
        counts[*(const int32_t *)net_row(column, rows ? rows[r] : r)]++;
    return counts;
}

/* The strings of the column and of those that share its numbers; `seen`: in how many rows. */
static struct net_string_table *join_strings(const struct net_values *values, const long *rows,
                                             long row_count)
{
    struct net_string_table *joined = net_strings_new();

    for (; values; values = values->joined) {
        const struct net_string_table *own = values->column.strings;
        long *counts = count_strings(&values->column, rows, row_count);

        for (int32_t i = 0; i < own->count; i++) {
            const char *word = net_string(own, i);
            const int32_t number = net_strings_add(joined, word, strlen(word));

            joined->seen[number] += counts[i] - 1;
        }
        free(counts);
    }
    return joined;
}

/* In order, the strings that are there `least` times or more, without the empty one; no others are
   known. */
static struct net_string_table *known_strings(const struct net_string_table *strings, long least)
{
    struct net_string_table *known = net_strings_new();
    int32_t *order = net_strings_order(strings, false);

    for (int32_t i = 0; i < strings->count; i++) {
        const char *word = net_string(strings, order[i]);

        if (*word && strings->seen[order[i]] >= least)
            net_strings_add(known, word, strlen(word));
    }
    free(order);
    return known;
}

/* The string that most rows have, the first of them. */
static struct net_string_table *find_mode(const struct net_values *values, const long *rows,
                                          long row_count)
{
    const struct net_string_table *strings = values->column.strings;
    long *counts = count_strings(&values->column, rows, row_count);
    struct net_string_table *mode = net_strings_new();
    int32_t most = -1;

    for (int32_t i = 0; i < strings->count; i++)
        if (*net_string(strings, i) && (most < 0 || counts[i] > counts[most]))
            most = i;
    if (most < 0 || !counts[most])
        net_fail(1,
                 "%s: %s has no value in any training row, so that there is no most frequent one",
                 values->column.place, values->column.name);
    net_strings_add(mode, net_string(strings, most), strlen(net_string(strings, most)));
    free(counts);
    return mode;
}

static bool are_plain(const struct net_string_table *strings, int n)
{
    double number;

    for (int32_t i = 0; i < strings->count; i++)
        if (!is_class(net_string(strings, i), n, &number))
            return false;
    return true;
}

enum { NAMES, MODE }; /* what is fitted, of strings */

/* The names of the training data's classes; none where they are the numbers 0 to n - 1, and none is
   unknown. */
static void fit_classes(struct net_fitted *fitted, const struct net_values *values,
                        const struct net_call *call, const long *rows, long row_count)
{
    const struct net_column *column = &values->column;
    const bool unknown = is_allowed(call, "unknown");
    const int n = values->field->classes;

    if (!column->strings)
        return;
    if (net_has_word(call, "missing", "mode"))
        fitted->strings[MODE] = find_mode(values, rows, row_count);
    if (values->numbering) {
        fitted->strings[NAMES] = net_strings_copy(values->numbering->strings[NAMES]);
        return;
    }
    struct net_string_table *all = join_strings(values, rows, row_count);
    const long least = unknown ? (long)net_whole_argument(call, "min_count", 1, 1e9) : 0;
    struct net_string_table *known = known_strings(all, least);

    net_strings_free(all);
    if (net_has_word(call, "missing", "ignore") && !known->count)
        net_fail(1, "%s: %s has no class in any row", column->place, column->name);
    if (unknown && !known->count)
        net_fail(1, "%s: no value of %s is in %ld training rows: %s(min_count=%ld) leaves no class",
                 column->place, column->name, least, call->name, least);
    if (unknown || !are_plain(known, n)) {
        struct net_string_table *names = net_strings_new();

        if (list_numbers(known, names)) {
            net_strings_free(known);
            known = names;
        } else {
            net_strings_free(names);
        }
        if (known->count > n)
            fail_values(values, call, known->count, n);
        fitted->strings[NAMES] = known;
    } else {
        net_strings_free(known);
    }
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

enum { WRONG = -2 }; /* of a string that is of no class where that is a fault */

/* The first row whose string is WRONG in `classes`. */
static _Noreturn void fail_class(const struct net_values *values, const int32_t *classes,
                                 const char *expected)
{
    const struct net_column *column = &values->column;
    long row = 0;

    while (classes[*(const int32_t *)net_row(column, row)] != WRONG)
        row++;
    net_fail(1, "%s: row %ld (from 0): expected %s to be %s, found \"%s\"%s", column->place, row,
             column->name, expected, show_string(column, *(const int32_t *)net_row(column, row)),
             values->field->kind == NET_TARGET_CLASS || values->field->kind == NET_TARGET_VALUES
                 ? ""
                 : "; `unknown` of its transform lets the model take values that training has not");
}

/* What a string becomes: the number of its class, or for those of no class */
struct numbering {
    const struct net_string_table *names; /* NULL: classes are 0 to n - 1 */
    struct numbers numbers;               /* among names */
    int n, unknown, missing;              /* the last two: -1 is a fault, but for */
    bool ignores;                         /* those that are missing */
};

static int32_t find_class(const struct numbering *to, const char *word)
{
    double number;

    if (to->names)
        return find_name(to->names, &to->numbers, word);
    return is_class(word, to->n, &number) ? (int32_t)number : -1;
}

static struct numbering open_numbering(const struct net_values *values, const struct net_call *call,
                                       const struct net_fitted *fitted)
{
    const int n = values->field->classes;
    const bool unknown = is_allowed(call, "unknown");
    struct numbering to = {.names = fitted->strings[NAMES], .n = n, .unknown = -1, .missing = -1};

    if (to.names)
        to.numbers = sort_numbers(to.names);
    if (unknown)
        to.unknown = n;
    to.ignores = net_has_word(call, "missing", "ignore");
    if (is_allowed(call, "missing") && !to.ignores)
        to.missing = n + unknown;
    if (fitted->strings[MODE] && fitted->strings[MODE]->count) {
        to.missing = find_class(&to, net_string(fitted->strings[MODE], 0));
        if (to.missing < 0) /* too rare to be a class, where others that share numbers have one */
            to.missing = to.unknown;
    }
    return to;
}

/* The class of every string in the column's order; malloc'd. */
static int32_t *number_strings(const struct net_values *values, const struct numbering *to)
{
    const struct net_string_table *strings = values->column.strings;
    int32_t *classes = net_allocate((size_t)strings->count, sizeof *classes);
    char expected[64];
    bool wrong = false;

    snprintf(expected, sizeof expected, "a class, a whole number from 0 to %d", to->n - 1);
    for (int32_t i = 0; i < strings->count; i++) {
        const char *word = net_string(strings, i);

        classes[i] = *word ? find_class(to, word) : to->missing;
        if (classes[i] < 0 && *word)
            classes[i] = to->unknown;
        if (classes[i] < 0 && (*word || !to->ignores)) {
            classes[i] = WRONG;
            wrong = true;
        }
    }
    if (wrong)
        fail_class(values, classes, to->names ? "a class of the training data" : expected);
    return classes;
}

static void read_strings(const struct net_values *values, const struct numbering *to,
                         int32_t *classes)
{
    int32_t *numbers = number_strings(values, to);

    for (long row = 0; row < values->column.rows; row++)
        classes[row] = numbers[*(const int32_t *)net_row(&values->column, row)];
    free(numbers);
}

/* Of an array of numbers: what is none of 0 to n - 1 is unknown, NaN is missing. */
static void read_numbers(const struct net_values *values, const struct numbering *to,
                         int32_t *classes)
{
    const struct net_column *column = &values->column;
    double *numbers = net_allocate((size_t)column->size, sizeof *numbers);
    char or_ignored[40] = "";

    if (values->field->ignores && !to->ignores)
        snprintf(or_ignored, sizeof or_ignored, ", or %d, which is ignored",
                 values->field->ignored);
    for (long row = 0; row < column->rows; row++) {
        net_values_row(values, row, numbers);
        for (int i = 0; i < column->size; i++) {
            const double x = numbers[i];

            if (values->field->ignores && x == values->field->ignored) {
                *classes++ = -1;
                continue;
            }
            const bool right = x >= 0 && x < to->n && x == floor(x);
            const int other = isnan(x) ? to->missing : to->unknown;

            if (!right && other < 0)
                net_fail(1,
                         "%s: row %ld (from 0): expected %s to be a class, a whole number from 0 "
                         "to %d%s, found %.9g%s",
                         column->place, row, column->name, to->n - 1, or_ignored, x,
                         values->field->kind == NET_TARGET_CLASS && values->field->size > 1 &&
                                 !*or_ignored
                             ? "; cross_entropy(ignore=..) says which label counts for nothing"
                             : "");
            *classes++ = right ? (int32_t)x : other;
        }
    }
    free(numbers);
}

/* The class of every row, or classes of an array, malloc'd. */
static int32_t *read_classes(const struct net_values *values, const struct net_call *call,
                             const struct net_fitted *fitted)
{
    const struct net_column *column = &values->column;
    const int size = strcmp(call->name, "one_hot") ? values->field->size : 1;
    int32_t *classes = net_allocate((size_t)column->rows * (size_t)size, sizeof *classes);
    struct numbering to = open_numbering(values, call, fitted);
    char text[64], wanted[64];

    if (column->size != size || (size > 1 && !net_column_fits(column, values->field)))
        net_fail(1, "%s: %s(%d) wants %s a row, a row of %s is %s", column->place, call->name, to.n,
                 size == 1 ? "one number"
                           : net_shape_text(wanted, values->field->rank, values->field->shape),
                 column->name, net_shape_text(text, column->rank, column->shape));
    if (column->strings)
        read_strings(values, &to, classes);
    else
        read_numbers(values, &to, classes);
    free(to.numbers.at);
    return classes;
}

static void apply_classes(struct net_values *values, const struct net_call *call,
                          const struct net_fitted *fitted)
{
    const int size = values->column.size;

    net_values_replace(values, NET_I32, size > 1, size, read_classes(values, call, fitted));
}

static void apply_one_hot(struct net_values *values, const struct net_call *call,
                          const struct net_fitted *fitted)
{
    const size_t n = (size_t)values->field->classes;
    int32_t *classes = read_classes(values, call, fitted);
    float *hot = net_allocate((size_t)values->column.rows * n, sizeof *hot);

    for (long row = 0; row < values->column.rows; row++)
        if ((size_t)classes[row] < n)
            hot[(size_t)row * n + (size_t)classes[row]] = 1;
    free(classes);
    net_values_replace(values, NET_F32, 1, (int)n, hot);
}

/* Names that are no numbers are no stage. */
static void tell_classes(struct net_number_stage *stage, const struct net_values *values,
                         const struct net_call *call, const struct net_fitted *fitted)
{
    struct numbering to = open_numbering(values, call, fitted);
    const bool hot = !strcmp(call->name, "one_hot");
    const int known = to.names ? to.names->count : 0, n = to.names && !hot ? known : to.n;
    double *numbers = to.names ? net_allocate((size_t)n + 1, sizeof *numbers) : NULL;

    *stage = (struct net_number_stage){.kind = NET_STAGE_CLASSES,
                                       .edges = numbers,
                                       .n = n,
                                       .unknown = to.unknown,
                                       .missing = to.missing,
                                       .hot = hot};
    for (int i = 0; numbers && i < n; i++)
        if (i >= known)
            numbers[i] = (double)NAN;
        else if (!is_number(net_string(to.names, i), &numbers[i]))
            stage->n = 0;
    free(to.numbers.at);
}

const struct net_transform net_transform_classes = {.name = "classes",
                                                    .strings = {"names", "mode"},
                                                    .given = {"unknown", "missing"},
                                                    .fit = fit_classes,
                                                    .apply = apply_classes,
                                                    .stage = tell_classes};
const struct net_transform net_transform_one_hot = {.name = "one_hot",
                                                    .strings = {"names", "mode"},
                                                    .given = {"unknown", "missing"},
                                                    .fit = fit_classes,
                                                    .apply = apply_one_hot,
                                                    .stage = tell_classes};
