/*
 * synthetic.c -- random rows that have a model's shapes: inputs of mean 0 and variance 1, targets
 * that its loss can take, words that come as often as words do.
 */

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "data/data.h"

enum { BAG = 300 }; /* words of a text that becomes a bag, at most */

/* The sum of four uniform numbers, scaled to variance 1. */
static float draw_normal(const uint32_t seed[2], uint32_t element, uint32_t row, uint32_t field)
{
    uint32_t draw[4];
    double sum = -2.0;

    net_philox(draw, seed, element, row, 0, NET_RANDOM_SYNTHETIC + field);
    for (int i = 0; i < 4; i++)
        sum += (double)draw[i] / 4294967296.0;
    return (float)(sum * sqrt(3.0));
}

static int draw_class(const uint32_t seed[2], int classes, uint32_t row, uint32_t field)
{
    uint32_t draw[4];

    net_philox(draw, seed, 0, row, 1, NET_RANDOM_SYNTHETIC + field);
    return (int)((uint64_t)draw[0] * (uint32_t)classes >> 32);
}

static void fill_row(float *at, const struct net_model *model, const uint32_t seed[2], int field,
                     int row)
{
    const struct net_field *f = &model->fields[field];
    const bool target = f->kind != NET_INPUT;
    const int hot = target && f->classes
                        ? draw_class(seed, f->classes, (uint32_t)row, (uint32_t)field)
                        : -1;

    for (int i = 0; i < f->size; i++) {
        at[i] = draw_normal(seed, (uint32_t)i, (uint32_t)row, (uint32_t)field);
        if (hot >= 0)
            at[i] = i == hot ? 1.0f : 0.0f;
        else if (f->wanted_by && isfinite(f->most))
            at[i] = (float)(at[i] > 0.0f ? f->most : f->least);
        else if (f->wanted_by)
            at[i] = (float)f->least + fabsf(at[i]);
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

/* The k-th most frequent of `count` words with a probability of about 1 / (k log(count)) (Zipf). */
static int draw_word(const uint32_t seed[2], int count, uint32_t place, uint32_t row,
                     uint32_t field)
{
    uint32_t draw[4];

    net_philox(draw, seed, place, row, 2, NET_RANDOM_SYNTHETIC + field);
    return (int)(pow((double)count + 1.0, (double)draw[0] / 4294967296.0) - 1.0);
}

/* A text of up to `length` words, padded behind: ids 0 padding, 1 unknown; or classes. */
static void fill_tokens(int32_t *at, const struct net_field *f, const uint32_t seed[2], int field,
                        int row)
{
    const int first = f->classes ? 0 : 2, count = f->vocabulary - first;
    const int words = f->classes ? f->size
                                 : 1 + draw_class(seed, f->size, (uint32_t)row, (uint32_t)field);

    for (int i = 0; i < f->size; i++)
        at[i] = i < words
                    ? first + draw_word(seed, count, (uint32_t)i, (uint32_t)row, (uint32_t)field)
                    : 0;
}

/* Of a text of up to 300 words: `counts` is 0 everywhere, before and after. */
static void fill_bag(struct net_sparse *bag, int32_t *index, float *value, float *counts,
                     const struct net_field *f, const uint32_t seed[2], int field, int row)
{
    const int words = draw_class(seed, BAG + 1, (uint32_t)row, (uint32_t)field);

    *bag = (struct net_sparse){0, index, value};
    for (int i = 0; i < words; i++)
        counts[draw_word(seed, f->size, (uint32_t)i, (uint32_t)row, (uint32_t)field)] += 1.0f;
    for (int k = 0; k < f->size; k++)
        if (counts[k] > 0.0f) {
            index[bag->count] = k;
            value[bag->count++] = counts[k];
            counts[k] = 0.0f;
        }
}

/* Rows of bags behind one another, in one piece of memory, which it returns. */
static void *fill_bags(const void **row, const struct net_model *model, const uint32_t seed[2],
                       int field, int first, int n)
{
    const struct net_field *f = &model->fields[field];
    const size_t most = f->size < BAG ? (size_t)f->size : BAG, rows = (size_t)n;
    struct net_sparse *bags = net_allocate(1, rows * sizeof *bags +
                                                  rows * most * (sizeof(int32_t) + sizeof(float)) +
                                                  (size_t)f->size * sizeof(float));
    int32_t *index = (int32_t *)(bags + n);
    float *value = (float *)(index + rows * most), *counts = value + rows * most;

    for (int r = 0; r < n; r++) {
        fill_bag(&bags[r], index + (size_t)r * most, value + (size_t)r * most, counts, f, seed,
                 field, first + r);
        row[r] = &bags[r];
    }
    return bags;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

void net_synthetic_pack(const struct net_model *model, const uint32_t seed[2], int first, int n,
                        void *batch)
{
    const size_t fields = (size_t)model->field_count, rows = (size_t)n;
    struct net_rows *table = net_allocate(fields + NET_DRAWN, sizeof *table);
    long *numbers = net_allocate(rows, sizeof *numbers);
    void **memory = net_allocate(fields, sizeof *memory);
    const void **row = net_allocate(fields * rows, sizeof *row);

    for (int field = 0; field < model->field_count; field++) {
        const struct net_field *f = &model->fields[field];
        const bool is_class = f->kind == NET_TARGET_CLASS, words = f->kind == NET_INPUT_TOKENS;

        if (f->kind == NET_INPUT_SPARSE) {
            memory[field] = fill_bags(row + field * n, model, seed, field, first, n);
            table[field] = (struct net_rows){.type = NET_SPARSE, .row = row + field * n};
            continue;
        }
        float *values = memory[field] = net_allocate(rows * (size_t)f->size, sizeof *values);
        int32_t *classes = memory[field];

        for (int r = 0; r < n; r++) {
            if (is_class)
                for (int p = 0; p < f->size; p++)
                    classes[r * f->size + p] = draw_class(
                        seed, f->classes, (uint32_t)(first + r) * (uint32_t)f->size + (uint32_t)p,
                        (uint32_t)field);
            else if (words)
                fill_tokens((int32_t *)values + (long)r * f->size, f, seed, field, first + r);
            else
                fill_row(values + (long)r * f->size, model, seed, field, first + r);
            row[field * n + r] = values + (long)r * f->size;
        }
        table[field] = (struct net_rows){
            .type = is_class || words ? NET_I32 : NET_F32,
            .row = row + field * n,
        };
    }
    for (int r = 0; r < n; r++)
        numbers[r] = first + r;
    void *drawn = model->draw ? model->draw(table + fields, model, 0, NULL, NULL, numbers, n)
                              : NULL;

    model->pack(batch, table, n);
    if (model->weight)
        net_pack_row_weights(model, &table[model->weight - 1], n, batch);
    free(drawn);
    free(numbers);
    for (int field = 0; field < model->field_count; field++)
        free(memory[field]);
    free(memory);
    free(row);
    free(table);
}
