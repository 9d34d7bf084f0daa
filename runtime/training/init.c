/*
 * init.c -- initial parameters.
 *
 * An element is drawn by (tensor, logical element), so that it does not depend on the layout.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "training/training.h"

/* U(-1, 1) from the 24 high bits of a draw, as many as a float holds. */
static double uniform(uint32_t draw)
{
    return 2.0 * ((double)(draw >> 8) + 0.5) / 16777216.0 - 1.0;
}

/* ---- Which numbers --------------------------------------------------------------------------- */

enum distribution { CONSTANT, UNIFORM, NORMAL, ORTHOGONAL, SINUSOIDS, IDENTITY };
enum fan { ONE, IN, BOTH }; /* sqrt(scale / what) */

static const struct init {
    const char *name;
    enum distribution distribution;
    double scale; /* the constant, the limit or the deviation */
    enum fan fan;
} inits[] = {
#define INITIAL_VALUES(name, table, distribution, scale, fan) {#table, distribution, scale, fan},
#define DEFAULT_VALUES(table, distribution, scale, fan) {#table, distribution, scale, fan},
#include "language.def"
};

static const struct init *find_init(const struct net_tensor *tensor)
{
    for (size_t i = 0; i < sizeof inits / sizeof *inits; i++)
        if (!strcmp(inits[i].name, tensor->init))
            return &inits[i];
    net_fail(NET_FAULT, "%s: this trainer knows no init `%s`", tensor->name, tensor->init);
}

/* The tensor's own, scale, or sqrt(scale / fan), fan_in or both together */
static double scale_of(const struct init *init, const struct net_tensor *tensor)
{
    const int fan = init->fan == IN ? tensor->fan_in : tensor->fan_in + tensor->fan_out;

    if (tensor->init_scale > 0)
        return tensor->init_scale;
    return init->fan == ONE ? init->scale : sqrt(init->scale) / sqrt((double)(fan > 0 ? fan : 1));
}

/* ---- Orthogonal ------------------------------------------------------------------------------ */

/* Rows of normal numbers become orthonormal, each in its turn (modified Gram and Schmidt). */
static void make_orthonormal(double *a, long rows, long columns)
{
    for (long i = 0; i < rows; i++) {
        double *x = a + i * columns, square = 0.0;

        for (long j = 0; j < i; j++) {
            const double *y = a + j * columns;
            double product = 0.0;

            for (long k = 0; k < columns; k++)
                product += x[k] * y[k];
            for (long k = 0; k < columns; k++)
                x[k] -= product * y[k];
        }
        for (long k = 0; k < columns; k++)
            square += x[k] * x[k];
        for (long k = 0; k < columns; k++)
            x[k] /= sqrt(square);
    }
}

static float *draw_normals(long count, const uint32_t seed[2], uint32_t purpose)
{
    float *normals = net_allocate((size_t)count, sizeof *normals);

    net_normals(normals, (int)count, seed, 0, 0, purpose);
    return normals;
}

/* The weight as a matrix, outputs by inputs: its rows are orthonormal, or its columns where there
   are more rows. */
static void init_orthogonal(const struct net_tensor *tensor, float *at, const uint32_t seed[2],
                            uint32_t purpose)
{
    const long size = net_tensor_size(tensor), outputs = tensor->shape[0], inputs = size / outputs;
    const bool transposed = outputs > inputs;
    const long rows = transposed ? inputs : outputs, columns = size / rows;
    double *a = net_allocate((size_t)size, sizeof *a);
    float *normals = draw_normals(size, seed, purpose);

    for (long i = 0; i < size; i++)
        a[i] = (double)normals[i];
    free(normals);
    make_orthonormal(a, rows, columns);
    for (long i = 0; i < size; i++)
        at[net_tensor_at(tensor, i)] = (float)(transposed ? a[i % inputs * columns + i / inputs]
                                                          : a[i]);
    free(a);
}

/* ---- Tensors --------------------------------------------------------------------------------- */

static void init_tensor(const struct net_model *model, int number, const uint32_t seed[2],
                        void *params)
{
    const struct net_tensor *tensor = &model->tensors[number];
    float *at = (float *)((char *)params + tensor->offset);
    const struct init *init = find_init(tensor);
    const double scale = scale_of(init, tensor);
    const uint32_t purpose = (uint32_t)(NET_RANDOM_INIT + number);
    const long size = net_tensor_size(tensor);
    float *normals = init->distribution == NORMAL ? draw_normals(size, seed, purpose) : NULL;

    if (init->distribution == ORTHOGONAL)
        init_orthogonal(tensor, at, seed, purpose);
    for (long i = 0; init->distribution != ORTHOGONAL && i < size; i++) {
        double x = normals ? (double)normals[i] : 1.0;
        uint32_t draw[4];

        if (init->distribution == UNIFORM) {
            net_philox(draw, seed, (uint32_t)i, 0, 0, purpose);
            x = uniform(draw[0]);
        } else if (init->distribution == SINUSOIDS) {
            x = model->sinusoid(tensor, i);
        } else if (init->distribution == IDENTITY) {
            x = i / tensor->shape[1] == i % tensor->shape[1];
        }
        at[net_tensor_at(tensor, i)] = (float)(scale * x);
    }
    free(normals);
    for (long i = 0; tensor->padding_row && i < tensor->shape[1]; i++)
        at[net_tensor_at(tensor, (tensor->padding_row - 1L) * tensor->shape[1] + i)] = 0.0f;
}

void net_init_params(const struct net_model *model, const uint32_t seed[2], void *params)
{
    memset(params, 0, model->params_size);
    for (int t = 0; t < model->tensor_count; t++)
        init_tensor(model, t, seed, params);
}
