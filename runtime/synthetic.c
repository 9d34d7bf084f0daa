/*
 * synthetic.c -- random rows that have a model's shapes: inputs of mean 0 and variance 1, targets
 * that its loss can take.
 */

#include <math.h>
#include <stdlib.h>

#include "random.h"
#include "runtime.h"

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
                    ? draw_class(seed, f->classes, (uint32_t)row, (uint32_t)field) : -1;

    for (int i = 0; i < f->size; i++) {
        at[i] = draw_normal(seed, (uint32_t)i, (uint32_t)row, (uint32_t)field);
        if (hot >= 0)
            at[i] = i == hot ? 1.0f : 0.0f;
        else if (target && model->loss == NET_BINARY_CROSS_ENTROPY)
            at[i] = at[i] > 0.0f ? 1.0f : 0.0f;
    }
}

void net_synthetic_pack(const struct net_model *model, const uint32_t seed[2], int first, int n,
                        void *batch)
{
    const size_t fields = (size_t)model->field_count, rows = (size_t)n;
    struct net_rows *table = net_allocate(fields, sizeof *table);
    void **memory = net_allocate(fields, sizeof *memory);
    const void **row = net_allocate(fields * rows, sizeof *row);

    for (int field = 0; field < model->field_count; field++) {
        const struct net_field *f = &model->fields[field];
        const bool is_class = f->kind == NET_TARGET_CLASS;
        float *values = memory[field] = net_allocate(rows * (size_t)f->size, sizeof *values);
        int32_t *classes = memory[field];

        for (int r = 0; r < n; r++) {
            if (is_class)
                classes[r] = draw_class(seed, f->classes, (uint32_t)(first + r), (uint32_t)field);
            else
                fill_row(values + (long)r * f->size, model, seed, field, first + r);
            row[field * n + r] = values + (long)r * f->size;
        }
        table[field] = (struct net_rows){
            .type = is_class ? NET_I32 : NET_F32,
            .row = row + field * n,
        };
    }
    model->pack(batch, table, n);
    for (int field = 0; field < model->field_count; field++)
        free(memory[field]);
    free(memory);
    free(row);
    free(table);
}
