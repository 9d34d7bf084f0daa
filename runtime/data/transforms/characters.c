/*
 * characters.c -- characters(n): the characters of a text become classes. Class 0 is every
 * character that is not known; those that are known are the n - 1 most frequent of the training
 * rows, of equal ones the smaller code points, numbered in the order of their code points. Windows
 * that overlap stay so: of each run of them a number a character is kept.
 */

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { UNKNOWN = 0xFFFD /* the character that stands for one that is not */, CODES = 0x110000 };

struct counted {
    long count;
    int32_t code;
};

/* Each character once, however many windows it is in: those of a file overlap in order. */
static void count_characters(struct counted *counted, const struct net_column *column,
                             const long *rows, long row_count)
{
    const int32_t *last = NULL, *end = NULL;

    for (long r = 0; r < row_count; r++) {
        const int32_t *at = net_row(column, rows ? rows[r] : r), *from = at;

        if (last && at >= last && at < end)
            from = end;
        last = at;
        for (end = at + column->size; from < end; from++)
            counted[*from].count++;
    }
}

static int by_count(const void *a, const void *b)
{
    const struct counted *x = a, *y = b;

    return x->count != y->count ? (x->count > y->count ? -1 : 1) : x->code - y->code;
}

static int by_code(const void *a, const void *b)
{
    return ((const struct counted *)a)->code - ((const struct counted *)b)->code;
}

static void add_character(struct net_string_table *names, unsigned code)
{
    char text[4];

    net_strings_add(names, text, (size_t)(net_put_utf8(text, code) - text));
}

static void fit_characters(struct net_fitted *fitted, const struct net_values *values,
                           const struct net_call *call, const long *rows, long row_count)
{
    const int most = (int)net_whole_argument(call, "n", 2, 1e9) - 1;
    struct counted *counted;
    int known = 0;

    if (values->numbering) {
        fitted->strings[0] = net_strings_copy(values->numbering->strings[0]);
        return;
    }
    counted = net_allocate(CODES, sizeof *counted);
    for (int code = 0; code < CODES; code++)
        counted[code].code = code;
    for (const struct net_values *each = values; each; each = each->joined)
        count_characters(counted, &each->column, rows, row_count);
    counted[UNKNOWN].count = 0;
    qsort(counted, CODES, sizeof *counted, by_count);
    while (known < most && counted[known].count)
        known++;
    qsort(counted, (size_t)known, sizeof *counted, by_code);
    fitted->strings[0] = net_strings_new();
    add_character(fitted->strings[0], UNKNOWN);
    for (int i = 0; i < known; i++)
        add_character(fitted->strings[0], (unsigned)counted[i].code);
    free(counted);
}

/* The class of each code point, CODES of them; malloc'd. */
static int32_t *number_characters(const struct net_values *values, const struct net_call *call,
                                  const struct net_fitted *fitted)
{
    const struct net_string_table *names = fitted->strings[0];
    int32_t *classes = net_allocate(CODES, sizeof *classes);
    int length;

    if (!names || names->count > (int)net_whole_argument(call, "n", 2, 1e9))
        net_fail(1, "%s: the preparation has no characters, or more than %s has room for",
                 values->field->name, call->name);
    for (int32_t i = 1; i < names->count; i++) {
        const unsigned char *at = (const unsigned char *)net_string(names, i);

        classes[net_read_utf8(at, at + strlen(net_string(names, i)), &length)] = i;
    }
    return classes;
}

/* Characters of the file that piece p has windows of. */
static long piece_length(const struct net_column *column, int p)
{
    const struct net_piece *piece = &column->pieces[p];
    const long behind = p + 1 < column->piece_count ? piece[1].first : column->rows;

    return (behind - piece->first - 1) * (long)(column->stride / sizeof(int32_t)) + column->size;
}

static void apply_characters(struct net_values *values, const struct net_call *call,
                             const struct net_fitted *fitted)
{
    const struct net_column from = values->column;
    const size_t head = (size_t)from.piece_count * sizeof *from.pieces;
    int32_t *classes = number_characters(values, call, fitted);
    size_t length = 0;

    for (int p = 0; p < from.piece_count; p++)
        length += (size_t)piece_length(&from, p);
    char *memory = net_allocate(head + length * sizeof(int32_t), 1);
    struct net_piece *pieces = (struct net_piece *)memory;
    int32_t *to = (int32_t *)(memory + head);

    for (int p = 0; p < from.piece_count; p++) {
        const int32_t *at = (const int32_t *)from.pieces[p].at, *end = at + piece_length(&from, p);

        pieces[p] = (struct net_piece){.first = from.pieces[p].first, .at = (const char *)to};
        while (at < end)
            *to++ = classes[*at++];
    }
    free(classes);
    net_values_replace(values, NET_I32, 1, from.size, memory);
    values->column.at = NULL;
    values->column.pieces = pieces;
    values->column.piece_count = from.piece_count;
    values->column.stride = from.stride;
}

const struct net_transform net_transform_characters = {.name = "characters",
                                                       .strings = {"characters"},
                                                       .given = {"ahead"},
                                                       .fit = fit_characters,
                                                       .apply = apply_characters};
