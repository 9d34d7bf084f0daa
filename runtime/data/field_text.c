/*
 * field_text.c -- a field of a row as a person reads it: its first words, its category, or its
 * cells by name, what the transforms did to them taken back.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

enum { WORDS = 60, CELLS = 24, LONGEST = 64 /* bytes of a word */ };

/* Of a bag the rarest, which stand last. */
static void show_words(struct net_text *text, const struct net_column *column, long row,
                       const char *const *words, int count)
{
    const int32_t *ids = (const int32_t *)column->at + column->begin[row];
    const long length = column->begin[row + 1] - column->begin[row];

    for (long i = 0; i < length && i < WORDS; i++) {
        const int32_t id = ids[column->type == NET_SPARSE ? length - 1 - i : i];
        const char *word = words && id >= 0 && id < count ? words[id] : NULL;

        net_text_add(text, "%s%s", i ? " " : "", word && strlen(word) <= LONGEST ? word : "…");
    }
    net_text_add(text, length > WORDS ? " …" : "");
}

/* A class by its name, or its number where it has none; what is unknown or missing has neither. */
static void show_class(struct net_text *text, const struct net_data *data, int f, int class)
{
    const struct net_string_table *names = data->fitted[f][0].strings[0];

    if (class >= data->model->fields[f].classes)
        net_text_add(text, "–");
    else if (names && class < names->count)
        net_text_add(text, "%s", net_string(names, class));
    else
        net_text_add(text, "%d", class);
}

static void show_classes(struct net_text *text, const struct net_data *data, int f,
                         const int32_t *classes)
{
    const int size = data->model->fields[f].size;

    for (int i = 0; i < size && i < CELLS; i++) {
        net_text_add(text, i ? ", " : "");
        show_class(text, data, f, classes[i]);
    }
    net_text_add(text, size > CELLS ? ", …" : "");
}

/* Characters as the text that they are. */
static void show_characters(struct net_text *text, const struct net_data *data, int f,
                            const int32_t *classes)
{
    const int size = data->model->fields[f].size;
    struct net_text line = {0};

    for (int i = 0; i < size && i < LONGEST * 2; i++)
        show_class(&line, data, f, classes[i]);
    net_text_visible(text, line.at);
    net_text_add(text, size > LONGEST * 2 ? " …" : "");
    free(line.at);
}

/* The place of the 1. */
static void show_hot(struct net_text *text, const struct net_data *data, enum net_part part, int f,
                     long row)
{
    const int count = data->model->fields[f].size;
    float *x = net_allocate((size_t)count, sizeof *x);
    int class = 0;

    net_data_input(data, part, f, row, x);
    while (class < count && x[class] == 0.0F)
        class ++;
    show_class(text, data, f, class);
    free(x);
}

static void show_cells(struct net_text *text, const struct net_data *data, enum net_part part,
                       int f, long row)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_names *names = &data->names[f];
    float *x = net_allocate((size_t)field->size, sizeof *x);
    struct net_inverse inverse = {0};

    if (!net_data_input(data, part, f, row, x))
        net_inverse_field(&inverse, data, f);
    for (int i = 0; i < field->size && i < CELLS; i++) {
        const double value = net_inverse_value(&inverse, i, x[i]);
        const double next = net_inverse_value(&inverse, i, x[i] + 1);

        net_text_add(text, i ? ", " : "");
        if (names->count == field->size)
            net_text_add(text, "%s ", names->at[i]);
        /* what a float's rounding leaves of 0 */
        net_text_add(text, "%.5g", fabs(value) < 1e-5 * fabs(next - value) ? 0 : value);
    }
    net_text_add(text, field->size > CELLS ? ", …" : "");
    net_inverse_close(&inverse);
    free(x);
}

void net_data_field_text(struct net_text *text, const struct net_data *data, enum net_part part,
                         int f, long row)
{
    const struct net_field *field = &data->model->fields[f];
    const struct net_subset *from = &data->parts[part];
    const struct net_column *column = &from->source->fields[f].column;

    if (column->begin)
        show_words(text, column, net_source_row(from, row), data->vocabulary[f], field->vocabulary);
    else if (from->source->table.windows && field->classes)
        show_characters(text, data, f, net_row(column, net_source_row(from, row)));
    else if (field->classes && field->kind == NET_INPUT_TOKENS)
        show_classes(text, data, f, net_prepared_row(data, part, f, net_source_row(from, row)));
    else if (field->classes && field->kind == NET_INPUT && field->step_count == 1)
        show_hot(text, data, part, f, row);
    else if (field->kind == NET_INPUT)
        show_cells(text, data, part, f, row);
}
