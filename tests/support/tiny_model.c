/*
 * tiny_model.c -- see tiny_model.h. The layout is the real one; the arithmetic goes element by
 * element through net_tensor_at. Rows are divided between threads in the first phase, tensors in
 * the second.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "core/random.h"
#include "data/transforms/transform.h"
#include "support/tiny_model.h"

enum { N = 32, INPUTS = 13, HIDDEN = 19, CLASSES = 3, ROWS = 301 };

struct batch {
    float x[N][INPUTS];
    int32_t label[N];
};

struct params {
    _Alignas(64) float w1[INPUTS * 32], b1[32], w2[HIDDEN * 16], b2[16];
};

struct arena {
    float h[N][HIDDEN], z[N][CLASSES], dh[N][HIDDEN], dz[N][CLASSES], loss[N];
    struct params g;
};

static const struct net_segment inputs = {0, INPUTS, 1, 0, 1}, hidden = {0, HIDDEN, 1, 0, 1},
                                classes = {0, CLASSES, 1, 0, 1};

#define TENSOR(path, member, floats, dimensions, sides, layout, cut, parts, inputs)                \
    {                                                                                              \
        .name = path, .offset = offsetof(struct params, member), .count = floats,                  \
        .rank = dimensions, .shape = sides, .kind = layout, .panels = cut, .segments = parts,      \
        .segment_count = 1, .trainable = true, .init = "kaiming_uniform", .fan_in = inputs,        \
    }
#define LIST(...)                                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }

static const struct net_tensor tensors[] = {
    TENSOR("tiny.dense_1.weight", w1, INPUTS * 32, 2, LIST(HIDDEN, INPUTS), NET_WEIGHT,
           LIST(0, 1, 0), &inputs, INPUTS),
    TENSOR("tiny.dense_1.bias", b1, 32, 1, {HIDDEN}, NET_VECTOR, {0}, &hidden, INPUTS),
    TENSOR("tiny.dense_2.weight", w2, HIDDEN * 16, 2, LIST(CLASSES, HIDDEN), NET_WEIGHT,
           LIST(0, 0, 1), &hidden, HIDDEN),
    TENSOR("tiny.dense_2.bias", b2, 16, 1, {CLASSES}, NET_VECTOR, {0}, &classes, HIDDEN),
};

static float *element(void *base, int tensor, long index)
{
    return (float *)((char *)base + tensors[tensor].offset) +
           net_tensor_at(&tensors[tensor], index);
}

static float keep(const struct net_run *run, int row, int o)
{
    const uint32_t draw = net_dropout_draw(run->seed, (uint32_t)o, (uint32_t)row, run->step, 0);

    return draw >= net_dropout_threshold(0.1) ? 1.0f / 0.9f : 0.0f;
}

static void forward(const struct net_run *run, int row, bool training)
{
    const struct batch *batch = run->batch;
    struct arena *a = run->arena;

    for (int o = 0; o < HIDDEN; o++) {
        float s = *element(run->params, 1, o);
        for (int i = 0; i < INPUTS; i++)
            s = fmaf(*element(run->params, 0, o * INPUTS + i), batch->x[row][i], s);
        a->h[row][o] = (s > 0.0f ? s : 0.0f) * (training ? keep(run, row, o) : 1.0f);
    }
    for (int c = 0; c < CLASSES; c++) {
        float s = *element(run->params, 3, c);
        for (int o = 0; o < HIDDEN; o++)
            s = fmaf(*element(run->params, 2, c * HIDDEN + o), a->h[row][o], s);
        a->z[row][c] = s;
    }
    if (!run->has_target && !training)
        return;

    const int label = batch->label[row];
    double sum = 0.0, top = a->z[row][0];
    for (int c = 1; c < CLASSES; c++)
        top = fmax(top, (double)a->z[row][c]);
    for (int c = 0; c < CLASSES; c++)
        sum += exp((double)a->z[row][c] - top);
    a->loss[row] = (float)(top + log(sum) - (double)a->z[row][label]);
    for (int c = 0; c < CLASSES; c++)
        a->dz[row][c] = (float)((exp((double)a->z[row][c] - top) / sum - (c == label)) / run->n);
}

static void backward(const struct net_run *run, int row)
{
    struct arena *a = run->arena;

    for (int o = 0; o < HIDDEN; o++) {
        float s = 0.0f;
        for (int c = 0; c < CLASSES; c++)
            s = fmaf(*element(run->params, 2, c * HIDDEN + o), a->dz[row][c], s);
        a->dh[row][o] = a->h[row][o] > 0.0f ? s * keep(run, row, o) : 0.0f;
    }
}

/* The gradient of one tensor: sums over rows, then the update, or into G. */
static void finish(const struct net_run *run, int t, float factor, int first)
{
    const struct batch *batch = run->batch;
    struct arena *a = run->arena;
    const struct net_tensor *tensor = &tensors[t];
    const long at = (long)(tensor->offset / sizeof(float));
    const int width = t == 0 ? INPUTS : HIDDEN;
    float *g = (float *)&a->g + at;

    memset(g, 0, (size_t)tensor->count * sizeof *g);
    for (int row = first; row < run->n; row++)
        for (long i = 0; i < net_tensor_size(tensor); i++) {
            const float dy = t < 2 ? a->dh[row][t == 0 ? i / width : i]
                                   : a->dz[row][t == 2 ? i / width : i];
            const float x = t == 0   ? batch->x[row][i % width]
                            : t == 2 ? a->h[row][i % width]
                                     : 1.0f;

            *element(&a->g, t, i) = fmaf(dy * factor, x, *element(&a->g, t, i));
        }
    if (run->grads)
        memcpy(run->grads + at, g, (size_t)tensor->count * sizeof *g);
    else
        run->update((float *)run->params + at, g, run->state + at, tensor->count, &run->scalars);
}

static void mean_loss(struct net_run *run, int thread)
{
    const struct arena *a = run->arena;
    float sum = 0.0f;

    for (int row = 0; row < run->n; row++)
        sum += a->loss[row];
    if (thread == 0) {
        run->loss = sum / (float)run->n;
        run->terms[0].mean = run->loss;
        run->terms[0].factor = 1.0f;
    }
}

static void lap(const struct net_run *run, int kernel, int thread)
{
    if (run->profile)
        net_profile_lap(run->profile, kernel, thread);
}

static void train(struct net_run *run, int thread, float factor, int first)
{
    for (int row = thread; row < run->n; row += run->threads) {
        forward(run, row, true);
        backward(run, row);
    }
    lap(run, 0, thread);
    net_threads_wait(run->pool, thread);
    for (int t = thread; t < 4; t += run->threads)
        finish(run, t, t == 0 ? factor : 1.0f, t == 3 ? first : 0);
    mean_loss(run, thread);
    lap(run, 1, thread);
    net_threads_wait(run->pool, thread);
}

static void train_right(struct net_run *run, int thread)
{
    train(run, thread, 1.0f, 0);
}

static void train_1_percent(struct net_run *run, int thread)
{
    train(run, thread, 1.01f, 0);
}

static void train_missing_row(struct net_run *run, int thread)
{
    train(run, thread, 1.0f, 1);
}

static void evaluate(struct net_run *run, int thread)
{
    for (int row = thread; row < run->n; row += run->threads)
        forward(run, row, false);
    net_threads_wait(run->pool, thread);
    if (run->has_target)
        mean_loss(run, thread);
    net_threads_wait(run->pool, thread);
}

static void pack(void *batch, const struct net_rows *fields, int n)
{
    struct batch *b = batch;

    for (int row = 0; row < n; row++) {
        memcpy(b->x[row], fields[0].row[row], sizeof b->x[row]);
        if (fields[1].row)
            b->label[row] = *(const int32_t *)fields[1].row[row];
    }
}

static void unpack(float *rows, const struct net_run *run)
{
    const struct arena *a = run->arena;

    memcpy(rows, a->z, sizeof a->z[0] * (size_t)run->n);
}

/* Three clouds of points around corners. */
static void open_clouds(struct net_table *table, const struct net_request *request)
{
    static const uint32_t seed[2] = {5, 0};
    float *x = calloc(ROWS * INPUTS, sizeof *x);
    int32_t *label = calloc(ROWS, sizeof *label);

    (void)request;
    for (int row = 0; row < ROWS; row++) {
        label[row] = row % CLASSES;
        for (int i = 0; i < INPUTS; i++) {
            uint32_t draw[4];

            net_philox(draw, seed, (uint32_t)i, (uint32_t)row, 0, 0);
            x[row * INPUTS + i] = (float)draw[0] / 4294967296.0f * 2.0f - 1.0f +
                                  (i % CLASSES == label[row] ? 0.5f : 0.0f);
        }
    }
    *table = (struct net_table){
        .columns =
            {
                {.name = "x",
                 .place = "clouds",
                 .type = NET_F32,
                 .rank = 1,
                 .shape = {INPUTS},
                 .rows = ROWS,
                 .size = INPUTS,
                 .at = x},
                {.name = "label",
                 .place = "clouds",
                 .type = NET_I32,
                 .rows = ROWS,
                 .size = 1,
                 .at = label},
            },
        .column_count = 2,
        .rows = ROWS,
    };
}

static const struct net_reader clouds = {.name = "clouds", .open = open_clouds};

static const struct net_arg fraction = {.name = "fraction", .number = 0.2, .given = true},
                            three = {.name = "n", .number = CLASSES, .given = true};
static const struct net_arg sgd[] = {
    {.name = "lr", .number = 0.1, .given = true},
    {.name = "momentum", .number = 0.9, .given = true},
    {.name = "nesterov"},
    {.name = "weight_decay", .number = 1e-4, .given = true},
};
static const struct net_call source = {.name = "clouds", .reader = &clouds},
                             holdout = {.name = "holdout", .args = &fraction, .arg_count = 1},
                             to_classes = {.name = "classes",
                                           .args = &three,
                                           .arg_count = 1,
                                           .transform = &net_transform_classes},
                             loss = {.name = "cross_entropy"},
                             optimizer = {.name = "sgd", .args = sgd, .arg_count = 4},
                             schedule = {.name = "constant"}, accuracy = {.name = "accuracy"};

static const struct net_field fields[] = {
    {.name = "x", .source = "x", .kind = NET_INPUT, .rank = 1, .shape = {INPUTS}, .size = INPUTS},
    {.name = "label",
     .source = "label",
     .kind = NET_TARGET_CLASS,
     .size = 1,
     .classes = CLASSES,
     .steps = &to_classes,
     .step_count = 1},
};

static const struct net_kernel kernels[] = {
    {"rows", "tiny", "forward", 2.0 * N *(INPUTS *HIDDEN + 2 * HIDDEN * CLASSES), 4e3, .line = 3},
    {"tensors", "tiny", "backward-weights", 2.0 * N *(INPUTS *HIDDEN + HIDDEN * CLASSES), 4e3,
     .line = 3},
};

static const struct net_layer layers[] = {
    {"tiny.dense_1", "dense(19)", "x", HIDDEN *(INPUTS + 1), 0, 2.0 * INPUTS *HIDDEN, 1, {HIDDEN}},
    {"tiny.dense_2",
     "dense(3)",
     "dense_1",
     CLASSES *(HIDDEN + 1),
     0,
     2.0 * HIDDEN *CLASSES,
     1,
     {CLASSES}},
};

#define TINY(function, digest)                                                                     \
    {                                                                                              \
        .name = "tiny", .source = "tiny.net", .version = "0.1", .hash = digest, .isa = "generic",  \
        .batch = N, .params_size = sizeof(struct params), .arena_size = sizeof(struct arena),      \
        .batch_size = sizeof(struct batch), .tensors = tensors, .tensor_count = 4,                 \
        .fields = fields, .field_count = 2, .parts = {&source, &holdout, &holdout},                \
        .loss_call = &loss, .optimizer = &optimizer, .schedule = &schedule, .schedule_count = 1,   \
        .metrics = &accuracy, .metric_count = 1, .default_batch = 16, .epochs = 6, .keep = "best", \
        .loss = NET_CROSS_ENTROPY, .activation = NET_SOFTMAX, .outputs = CLASSES,                  \
        .output_rank = 1, .output_shape = {CLASSES}, .layers = layers, .layer_count = 2,           \
        .evaluated = "input; dense(units=4)", .keys = "",                                          \
        .train = {.run = function, .kernels = kernels, .kernel_count = 2},                         \
        .evaluate = {.run = evaluate}, .pack = pack, .unpack = unpack,                             \
    }

const struct net_model tiny_model = TINY(train_right, "0123456789abcdef");
const struct net_model tiny_model_1_percent = TINY(train_1_percent, "0123456789abcde1");
const struct net_model tiny_model_missing_row = TINY(train_missing_row, "0123456789abcde2");

void read_options(struct net_options *options, const struct net_model *model, const char *line)
{
    char copy[256], *argv[40], *rest = copy;
    int argc = 0;

    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; *copy && (word = strsep(&rest, " "));)
        argv[argc++] = word;
    net_options_read(options, model, NET_TRAIN_COMMAND, argc, argv);
}
