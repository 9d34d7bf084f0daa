/*
 * memory_data.c -- a model by hand on data in memory.
 */

#include <string.h>

#include "support/memory_data.h"

struct memory memory;

static void *copy(const void *at, size_t size)
{
    return memcpy(net_allocate(size, 1), at, size);
}

static void open_memory(struct net_table *table, const struct net_request *request)
{
    const size_t count = (size_t)(memory.rows * memory.size);
    const void *x = memory.wide    ? (const void *)memory.wide
                    : memory.bytes ? (const void *)memory.bytes
                                   : memory.x;
    const size_t width = memory.wide ? 8 : memory.bytes ? 1 : 4;

    (void)request;
    table->columns[0] = (struct net_column){.name = "x",
                                            .place = "memory",
                                            .type = memory.wide    ? NET_F64
                                                    : memory.bytes ? NET_U8
                                                                   : NET_F32,
                                            .rank = 1,
                                            .shape = {memory.size},
                                            .rows = memory.rows,
                                            .size = memory.size,
                                            .at = copy(x, width * count)};
    table->columns[1] = (struct net_column){.name = "y",
                                            .place = "memory",
                                            .type = NET_F32,
                                            .rank = 1,
                                            .shape = {1},
                                            .rows = memory.rows,
                                            .size = 1,
                                            .at = copy(memory.y, 4 * (size_t)memory.rows)};
    table->column_count = 2;
}

static const struct net_reader reader = {.name = "memory", .open = open_memory};
static const struct net_call source = {.name = "memory", .reader = &reader};

static void pack_field(float (*to)[MOST], const struct net_rows *rows, int channels, int size,
                       int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < size; k++) {
            const int c = k / (size / channels);

            to[i][k] = rows->type == NET_F32 ? ((const float *)rows->row[i])[k]
                       : rows->type == NET_I32
                           ? (float)((const int32_t *)rows->row[i])[k]
                           : (float)(((const uint8_t *)rows->row[i])[k] * rows->scale[c] +
                                     rows->shift[c]);
        }
}

static const struct fixture *packed; /* whose fields pack fills */

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;
    const struct net_field *field = packed->fields;

    pack_field(batch->x, &fields[0], field[0].shape[0], field[0].size, n);
    pack_field(batch->y, &fields[1], field[1].rank ? field[1].shape[0] : 1, field[1].size, n);
}

void make_model(struct fixture *f, int channels, int height, int width)
{
    *f = (struct fixture){.fields = {{.name = "image",
                                      .source = "x",
                                      .kind = NET_INPUT,
                                      .rank = 3,
                                      .shape = {channels, height, width},
                                      .size = channels * height * width},
                                     {.name = "target",
                                      .source = "y",
                                      .kind = NET_TARGET_VALUES,
                                      .rank = 1,
                                      .shape = {1},
                                      .size = 1}},
                          .model = {.name = "test",
                                    .batch = BATCH,
                                    .batch_size = sizeof(struct batch),
                                    .field_count = 2,
                                    .parts = {&source},
                                    .pack = pack,
                                    .outputs = 1}};
    f->model.fields = f->fields;
    packed = f;
}

void set_steps(struct fixture *f, const struct net_call *steps, int count)
{
    f->fields[0].steps = steps;
    f->fields[0].step_count = count;
}

void set_classes(struct fixture *f, int classes)
{
    static const struct net_call steps[] = {
        {.name = "classes", .transform = &net_transform_classes}};

    f->fields[1] = (struct net_field){.name = "target",
                                      .source = "y",
                                      .kind = NET_TARGET_CLASS,
                                      .size = 1,
                                      .classes = classes,
                                      .steps = steps,
                                      .step_count = 1};
}

struct net_data *open_model(const struct fixture *f)
{
    return net_data_open(&f->model, NULL, NULL);
}
