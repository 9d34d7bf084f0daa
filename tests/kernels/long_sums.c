/*
 * long_sums.c -- what float sums of a great many numbers lose: every template that adds up more
 * than a group, called with a large literal, against the sum in double.
 *
 * The one idea: numbers that are all the same are the worst, since a running sum then rounds them
 * all the same way; bytes / 255 are what pictures are made of. ERRORS=1 prints the errors in units
 * of 2^-24, of 512 x 512 pixels too, and those of a running sum. dw is a sum of rows, each one.
 */

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/axis.h"
#include "kernels/embedding.h"
#include "kernels/kernel.h"
#include "kernels/matmul.h"
#include "kernels/sparse.h"
#include "kernels/winograd_conv.h"
#include "support/template_test.h"

Suite *suite_long_sums(void);

enum { LONG = 128 * 128, LONGEST = 512 * 512, POSITIONS = 4096, CLASSES = 50000 };
enum { FEW = 8 }; /* units: what a group of 32 that are alike may lose, and a little */

/* A value whose every channel has such numbers, 16 images of 16 channels. */
static float *numbers(long vectors, bool alike)
{
    float *x = nan_floats(256 * vectors);
    uint32_t seed = 1;

    for (long i = 0; i < 256 * vectors; i++) {
        seed = seed * 1103515245u + 12345u;
        x[i] = alike ? 0.1f : (float)(seed >> 24) / 255.0f;
    }
    return x;
}

/* The sum over vectors of f(x) of one channel of one image. */
static double total(const float *x, long vectors, double (*f)(double))
{
    double sum = 0;

    for (long v = 0; v < vectors; v++)
        sum += f((double)x[256 * v]);
    return sum;
}

static double same(double x)
{
    return x;
}

static double square(double x)
{
    return x * x;
}

/* In units of 2^-24. */
static double error_of(const char *what, long count, bool alike, double got, double exact)
{
    const double error = fabs(got - exact) / fabs(exact) * 0x1p24;

    if (getenv("ERRORS"))
        printf("%-24s %7ld %-6s %9.1f\n", what, count, alike ? "alike" : "bytes", error);
    return error;
}

static void check_error(const char *what, long count, bool alike, double got, double exact,
                        double allowed)
{
    const double error = error_of(what, count, alike, got, exact);

    ck_assert_msg(error <= allowed, "%s of %ld: %.9g, not %.9g (%.1f units)", what, count, got,
                  exact, error);
}

/* ---- Pictures, of which one image's first channel is looked at ------------------------------- */

typedef double picture(float *x, long size, struct net_run *run); /* from a picture to a number */

/* Each of two sizes is an instance of its own: literals, as in a trainer. */
#define PICTURE(name)                                                                              \
    NET_TEMPLATE double name##_of(float *x, int size, NET_RUN);                                    \
    static double name(float *x, long pixels, struct net_run *run)                                 \
    {                                                                                              \
        return pixels == LONG ? name##_of(x, 128, run, 0) : name##_of(x, 512, run, 0);             \
    }                                                                                              \
    NET_TEMPLATE double name##_of(float *x, int size, NET_RUN)

PICTURE(global_average)
{
    _Alignas(64) float y[256];

    net_global_avgpool2d(y, x, (struct net_extent){1, size, size, 1}, run, thread);
    return (double)y[0] * size * size;
}

/* The same as another kernel takes it, a row at a time. */
PICTURE(rows_of_pixels)
{
    const struct net_extent v = {1, size, size, 1};
    float *rows = nan_floats(256L * size);
    _Alignas(64) float y[256], whole[256];

    for (int row = 0; row < size; row++)
        net_pixel_sum_end(&(struct net_pixel_sum){rows, x, NULL, v}, run, 0, row);
    net_reduce_rows(y, rows, 1.0f, v, run, thread);
    net_pixel_sum(whole, x, v, run, thread);
    ck_assert(memcmp(y, whole, sizeof y) == 0);
    free(rows);
    return (double)y[0];
}

PICTURE(along_axis)
{
    _Alignas(64) float y[256];

    net_axis_sum(y, x,
                 (struct net_axis){
                     .batch_blocks = 1, .before = 1, .size = size * size, .behind = 1, .blocks = 1},
                 run, thread);
    return (double)y[0];
}

PICTURE(exponentials)
{
    _Alignas(64) float y[256];

    net_logsumexp(y, x,
                  (struct net_axis){.batch_blocks = 1,
                                    .before = 1,
                                    .size = size * size,
                                    .behind = 1,
                                    .blocks = 1,
                                    .channels = 16},
                  run, thread);
    return exp((double)y[0]);
}

NET_CHAIN(store, float *y;)
{
    vec_store(o->y + e.at, v0);
}

PICTURE(average)
{
    _Alignas(64) float y[256];
    const struct net_pool2d s = {.batch_blocks = 1,
                                 .blocks = 1,
                                 .x = {size, size},
                                 .y = {1, 1},
                                 .kernel = {size, size},
                                 .stride = {size, size},
                                 .scale = 1.0f / (float)(size * size)};

    net_avgpool2d(x, store, NULL, &(struct store){y}, false, NULL, NULL, s, run, thread);
    return (double)y[0] * size * size;
}

/* The loss is of all channels of an image: of numbers that are alike, each has as much. */
NET_TEMPLATE double loss_of(float *x, net_loss_term *term, int size, NET_RUN)
{
    float *zeros = calloc((size_t)(size * size) * 256 + 16, sizeof *zeros), loss;
    float *aligned = zeros + 16 - (uintptr_t)zeros % 64 / sizeof *zeros;

    run->n = 1;
    net_elementwise_loss(
        NULL, &loss, x, aligned, NULL, term,
        (struct net_elementwise_loss){
            .batch_blocks = 1, .blocks = size * size, .elements = 16 * size * size, .slope = 1.0f},
        run, thread);
    free(zeros);
    return (double)loss;
}

PICTURE(mse)
{
    return loss_of(x, net_mse, size, run, thread);
}

PICTURE(mae)
{
    return loss_of(x, net_mae, size, run, thread);
}

/* db of one image a batch block. */
PICTURE(bias_gradient)
{
    const struct net_extent v = {1, size, size, 1};
    float *partial = nan_floats(32L * size);
    _Alignas(64) float db[16];

    run->n = 1;
    for (int row = 0; row < size; row++)
        net_channel_sum_row(partial, x, v, run, 0, row);
    net_reduce_channels(db, partial, 1, v, run, thread);
    free(partial);
    return (double)db[0];
}

/* dbeta of a layernorm. */
PICTURE(layernorm_bias)
{
    const struct net_extent v = {1, size, size, 1};
    float *partial = nan_floats(32L * size);
    _Alignas(64) float dgamma[16], dbeta[16];

    run->n = 1;
    for (int row = 0; row < size; row++)
        net_layernorm_sums_row(partial, x, x, v, 16, 1e-5f, run, 0, row);
    net_reduce_pairs(dgamma, dbeta, partial, v, run, thread);
    free(partial);
    return (double)dbeta[0];
}

/* dw of one weight whose input is 1 everywhere. */
PICTURE(packed_dw)
{
    const struct net_reduction over = {.batch_blocks = 1,
                                       .rows = size,
                                       .columns = size,
                                       .images = 1,
                                       .dy_row = 256L * size,
                                       .dy_column = 256};
    static const _Alignas(64) float one[16] = {1};
    _Alignas(64) float dw[16];

    (void)run, (void)thread;
    net_sum_packed_dw(dw, one, x, &over, 1, 1, 0, 1, 1, 0, 0);
    return (double)dw[0];
}

static const struct {
    const char *name;
    picture *sum;
    double (*term)(double);
    bool all;       /* of all channels */
    double allowed; /* units */
} pictures[] = {
    {"global_avgpool2d", global_average, same, false, FEW},
    {"pixels by rows", rows_of_pixels, same, false, FEW},
    {"axis_sum", along_axis, same, false, FEW},
    {"logsumexp", exponentials, exp, false, 2 * FEW},
    {"avgpool2d", average, same, false, FEW},
    {"mse", mse, square, true, FEW},
    {"mae", mae, same, true, FEW},
    {"bias gradient", bias_gradient, same, false, FEW},
    {"layernorm, dbeta", layernorm_bias, same, false, FEW},
    {"dw of a packed image", packed_dw, same, false, 128},
};

static double total_of_channels(const float *x, long vectors, double (*f)(double))
{
    double sum = 0;

    for (int c = 0; c < 16; c++)
        sum += total(x + c, vectors, f);
    return sum;
}

/* What the groups are for: a running sum of numbers that are alike is off by far more. */
START_TEST(running_sums)
{
    for (int k = 0; k < (getenv("ERRORS") ? 4 : 2); k++) {
        const long pixels = k < 2 ? LONG : LONGEST;
        float *x = numbers(pixels, k % 2), sum = 0;

        for (long v = 0; v < pixels; v++)
            sum += x[256 * v];
        const double error = error_of("a running sum", pixels, k % 2, (double)sum,
                                      total(x, pixels, same));

        ck_assert(k % 2 == 0 || error > 100 * FEW);
        free(x);
    }
}
END_TEST

START_TEST(sums_of_pictures)
{
    for (int k = 0; k < (getenv("ERRORS") ? 4 : 2); k++) {
        const long pixels = k < 2 ? LONG : LONGEST;
        struct net_run run = {.n = 16, .threads = 1};
        float *x = numbers(pixels, k % 2);

        check_error(pictures[_i].name, pixels, k % 2, pictures[_i].sum(x, pixels, &run),
                    pictures[_i].all ? total_of_channels(x, pixels, pictures[_i].term)
                                     : total(x, pixels, pictures[_i].term),
                    pictures[_i].allowed);
        free(x);
    }
}
END_TEST

/* ---- Sequences and rows ---------------------------------------------------------------------- */

START_TEST(sums_of_tokens)
{
    enum { COUNT = POSITIONS };
    static int32_t id[16 * COUNT], order[COUNT];
    struct net_run run = {.n = 16, .threads = 1};
    _Alignas(64) float y[256];

    for (int i = 0; i < 16 * COUNT; i++)
        id[i] = 1;
    for (int i = 0; i < COUNT; i++)
        order[i] = 16 * i;
    for (int alike = 0; alike < 2; alike++) {
        float *x = numbers(COUNT, alike);

        net_token_mean(y, x, id, (struct net_embedding){1, COUNT, 1}, &run, 0);
        check_error("mean of tokens", COUNT, alike, (double)y[0] * COUNT, total(x, COUNT, same),
                    FEW);
        net_sum_places(y, x, order, COUNT, 1);
        check_error("dw of an embedding", COUNT, alike, (double)y[0], total(x, COUNT, same), FEW);
        free(x);
    }
}
END_TEST

/* Channels of one pixel, 16 images: mean and deviation. */
START_TEST(sums_of_channels)
{
    for (int alike = 0; alike < 2; alike++) {
        float *x = numbers(LONG, alike);
        double mean = 0, variance = 0;
        struct net_run run = {.n = 16, .threads = 1};
        _Alignas(64) float y[256];
        struct net_stats stats;

        for (int c = 0; c < 16 * LONG; c++)
            mean += (double)x[c / 16 * 256 + c % 16] / (16.0 * LONG);
        for (int c = 0; c < 16 * LONG; c++)
            variance += pow((double)x[c / 16 * 256 + c % 16] - mean, 2) / (16.0 * LONG);
        net_find_stats(&stats, x, 16 * LONG, 1e-5f);
        check_error("layernorm, mean", 16L * LONG, alike, (double)stats.mean[0], mean, FEW);
        check_error("layernorm, 1 / std", 16L * LONG, alike, (double)stats.inv_std[0],
                    1 / sqrt(variance + (double)1e-5f), FEW);
        net_axis_sum(y, x,
                     (struct net_axis){.batch_blocks = 1,
                                       .before = 1,
                                       .size = 1,
                                       .behind = 1,
                                       .blocks = LONG,
                                       .channels = 16 * LONG,
                                       .across = true},
                     &run, 0);
        check_error("sum along channels", 16L * LONG, alike, (double)y[0], mean * 16 * LONG, FEW);
        free(x);
    }
}
END_TEST

START_TEST(sums_of_classes)
{
    float *z = numbers(CLASSES / 16, false), rest;
    double sum = 0;

    for (int c = 0; c < CLASSES; c++)
        sum += exp((double)z[c / 16 * 256 + c % 16]);
    check_error("cross entropy", CLASSES, false,
                (double)net_cross_entropy_row(NULL, &rest, z, 7, CLASSES), log(sum) - (double)z[7],
                FEW);
    free(z);
}
END_TEST

Suite *suite_long_sums(void)
{
    Suite *suite = suite_create("long_sums");
    TCase *tcase = tcase_create("errors");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, sums_of_pictures, 0, (int)(sizeof pictures / sizeof *pictures));
    tcase_add_test(tcase, running_sums);
    tcase_add_test(tcase, sums_of_tokens);
    tcase_add_test(tcase, sums_of_channels);
    tcase_add_test(tcase, sums_of_classes);
    suite_add_tcase(suite, tcase);
    return suite;
}
