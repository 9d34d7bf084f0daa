/*
 * data_model.c -- a model by hand, whose steps copy, and the files it reads.
 */

#include "support/data_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    for (int i = 0; i < n; i++) {
        for (int k = 0; k < INPUT; k++)
            batch->input[i][k] = fields[0].type == NET_F32
                                     ? ((const float *)fields[0].row[i])[k]
                                     : (float)(((const uint8_t *)fields[0].row[i])[k] *
                                                   fields[0].scale[k / PIXELS] +
                                               fields[0].shift[k / PIXELS]);
        if (fields[1].row)
            batch->target[i] = fields[1].type == NET_F32
                                   ? *(const float *)fields[1].row[i]
                                   : (float)*(const int32_t *)fields[1].row[i];
    }
}

/* The outputs are the first ones of the input. */
static void evaluate(struct net_run *run, int thread)
{
    if (thread == 0)
        memcpy(run->arena, run->batch, sizeof(struct batch));
}

static void unpack(float *rows, const struct net_run *run)
{
    const struct batch *batch = run->arena;

    for (int i = 0; i < run->n; i++)
        memcpy(rows + (long)i * INPUT, batch->input[i], sizeof batch->input[i]);
}

const double two_means[2] = {.5, .25}, two_stds[2] = {.5, 2};
static const struct net_arg scale_args[] = {{.name = "k", .number = 1 / 255.}};
static const struct net_arg normalize_args[] = {{.name = "mean", .list = two_means, .count = 2},
                                                {.name = "std", .list = two_stds, .count = 2}};
const struct net_call scale_normalize[2] = {
    {.name = "scale", .args = scale_args, .arg_count = 1, .transform = &net_transform_scale},
    {.name = "normalize",
     .args = normalize_args,
     .arg_count = 2,
     .transform = &net_transform_normalize}};
const struct net_call standardize[1] = {
    {.name = "standardize", .transform = &net_transform_standardize}};
const struct net_call classes[1] = {{.name = "classes", .transform = &net_transform_classes}};
const struct net_call one_hot[1] = {{.name = "one_hot", .transform = &net_transform_one_hot}};

static const struct net_arg files[] = {{.name = "x", .text = "x.npy"},
                                       {.name = "y", .text = "y.npy"}};
const struct net_call source = {
    .name = "npy", .args = files, .arg_count = 2, .reader = &net_reader_npy};
static const struct net_arg fifth[] = {{.name = "f", .number = .2}};
static const struct net_arg tenth[] = {{.name = "f", .number = .1}};
const struct net_call holdout_fifth = {.name = "holdout", .args = fifth, .arg_count = 1};
const struct net_call holdout_tenth = {.name = "holdout", .args = tenth, .arg_count = 1};

void make_copier(struct fixture *f, const struct net_call *steps, int step_count,
                 const struct net_call *target_steps, int class_count)
{
    *f = (struct fixture){.fields = {{.name = "image",
                                      .source = "x",
                                      .kind = NET_INPUT,
                                      .rank = 3,
                                      .shape = {CHANNELS, 1, PIXELS},
                                      .size = INPUT,
                                      .steps = steps,
                                      .step_count = step_count},
                                     {.name = "label",
                                      .source = "y",
                                      .kind = NET_TARGET_VALUES,
                                      .rank = 1,
                                      .shape = {1},
                                      .size = 1,
                                      .steps = target_steps,
                                      .step_count = target_steps != NULL,
                                      .classes = class_count}},
                          .model = {.name = "test",
                                    .batch = BATCH,
                                    .batch_size = sizeof(struct batch),
                                    .field_count = 2,
                                    .parts = {&source},
                                    .pack = pack,
                                    .unpack = unpack,
                                    .evaluate = {.run = evaluate},
                                    .outputs = INPUT}};
    if (target_steps == classes) {
        f->fields[1].kind = NET_TARGET_CLASS;
        f->fields[1].rank = 0;
    } else if (target_steps == one_hot) {
        f->fields[1].shape[0] = f->fields[1].size = class_count;
    }
    f->model.fields = f->fields;
}

void write_npy(const char *name, const char *descr, const char *shape, const void *data,
               size_t size)
{
    unsigned char *bytes = net_allocate(size + 256, 1);
    char header[128];
    const int length = snprintf(header, sizeof header,
                                "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr,
                                shape);

    memcpy(bytes, "\x93NUMPY\1", 8);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, header, (size_t)length);
    memcpy(bytes + 10 + length, data, size);
    write_bytes(name, bytes, 10 + (size_t)length + size, false);
    free(bytes);
}

const uint8_t pictures[12] = {0, 255, 51, 102, 1, 2, 3, 4, 250, 251, 252, 253};

void write_pictures(const char *labels)
{
    write_npy("x.npy", "|u1", "3, 2, 1, 2", pictures, 12);
    write_npy("y.npy", "|u1", "3,", labels, 3);
}

struct net_data *open_fixture(const struct fixture *f)
{
    return net_data_open(&f->model, data_test_folder(), NULL);
}
