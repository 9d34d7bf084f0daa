/*
 * draw.c -- inputs that are drawn, `input z[100] = normal`: each row's numbers are N(0, 1), others
 * in each epoch of training, the same in every evaluation and prediction, whatever the batch.
 * Only trainers of models that have such inputs have this file.
 */

#include "core/random.h"
#include "data/dataset.h"

static void draw_row(float *to, const struct net_field *field, uint32_t stream,
                     const struct net_mode *mode, long number)
{
    static const uint32_t fixed[2] = {0};
    const bool training = mode && mode->kind == NET_MODE_TRAIN;

    net_normals(to, field->size, training ? mode->seed : fixed, (uint32_t)number,
                training ? mode->epoch : UINT32_MAX, stream);
}

void *net_draw_inputs(struct net_rows *fields, const struct net_model *model, int part,
                      const struct net_subset *from, const struct net_mode *mode, const long *rows,
                      int n)
{
    const size_t count = (size_t)model->drawn_count * (size_t)n;
    size_t size = 0;

    for (int d = 0; d < model->drawn_count; d++)
        size += (size_t)n * (size_t)model->drawn[d].size;
    const void **row = net_allocate(1, count * sizeof *row + size * sizeof(float));
    float *at = (float *)(row + count);

    for (int d = 0; d < model->drawn_count; d++) {
        const struct net_field *field = &model->drawn[d];
        const uint32_t stream = NET_RANDOM_INPUT + (uint32_t)(d * NET_PARTS + part);

        fields[d] = (struct net_rows){.type = NET_F32, .row = row + (long)d * n};
        for (int i = 0; i < n; i++, at += field->size) {
            row[(long)d * n + i] = at;
            draw_row(at, field, stream, mode,
                     from ? net_source_row(from, rows[i]) + from->source->first : rows[i]);
        }
    }
    return row;
}
