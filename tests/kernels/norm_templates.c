/*
 * norm_templates.c -- the templates of norm.h called directly, with literals of their own: against
 * naive loops in double, on one to three threads.
 */

#include <check.h>
#include <math.h>

#include "kernels/norm.h"
#include "support/epilogue_test.h"

Suite *suite_norm_templates(void);

#define NORM                                                                                       \
    (struct net_layernorm)                                                                         \
    {                                                                                              \
        {BATCH_BLOCKS, 2, 3, BLOCKS}, CHANNELS, 1e-3f                                              \
    }

static void layernorm(const float *x, const float *gamma, const float *beta, const void *operands,
                      const void *sums, NET_RUN)
{
    net_layernorm(x, gamma, beta, factor_bias_draw, image_numbers, operands, count_rows, sums, NORM,
                  run, thread);
}

static void layernorm_grad(const float *x, const float *dy, const float *gamma,
                           const void *operands, const void *sums, NET_RUN)
{
    net_layernorm_grad(x, dy, gamma, factor_bias, NULL, operands, count_rows, sums, NORM, run,
                       thread);
}

/* The mean and deviation of one pixel's channels. */
static void find_stats(const TestValue *x, int image, int pixel, double *mean, double *deviation)
{
    double variance = 0;

    *mean = 0;
    for (int c = 0; c < CHANNELS; c++)
        *mean += test_get(x, image, pixel, c) / CHANNELS;
    for (int c = 0; c < CHANNELS; c++)
        variance += pow(test_get(x, image, pixel, c) - *mean, 2) / CHANNELS;
    *deviation = sqrt(variance + 1e-3);
}

static void check_norms(const TestValue *x, const TestValue *dy, const float *gamma,
                        const float *beta, const Result *y, const Result *dx, int image, int pixel)
{
    double mean, deviation, mean_g = 0, mean_g_xhat = 0;

    find_stats(x, image, pixel, &mean, &deviation);
    for (int c = 0; c < CHANNELS; c++) {
        const double xhat = (test_get(x, image, pixel, c) - mean) / deviation;
        const double g = test_get(dy, image, pixel, c) * (double)gamma[c];

        mean_g += g / CHANNELS;
        mean_g_xhat += g * xhat / CHANNELS;
        check_result(y, image, pixel, c, xhat * (double)gamma[c] + (double)beta[c], true,
                     "layernorm");
    }
    for (int c = 0; c < CHANNELS; c++) {
        const double xhat = (test_get(x, image, pixel, c) - mean) / deviation;
        const double g = test_get(dy, image, pixel, c) * (double)gamma[c];

        check_result(dx, image, pixel, c, (g - mean_g - xhat * mean_g_xhat) / deviation, false,
                     "layernorm_grad");
    }
}

START_TEST(norms)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(BATCH_BLOCKS, 6, CHANNELS, 1);
        TestValue dy = random_value(BATCH_BLOCKS, 6, CHANNELS, 2);
        TestValue vectors = random_value(1, 1, 16, 3);
        const float *gamma = vectors.at, *beta = vectors.at + 32;
        Result y, dx;

        memset(vectors.at + CHANNELS, 0, (32 - CHANNELS) * sizeof(float));
        memset(vectors.at + 32 + CHANNELS, 0, (32 - CHANNELS) * sizeof(float));
        start(&y, 6);
        start(&dx, 6);
        ON_THREADS(&run, threads)
        {
            layernorm(x.at, gamma, beta, &y.operands, &y.counts, &run, thread);
            layernorm_grad(x.at, dy.at, gamma, &dx.operands, &dx.counts, &run, thread);
        }
        for (int i = 0; i < IMAGES; i++)
            for (int p = 0; p < 6; p++)
                check_norms(&x, &dy, gamma, beta, &y, &dx, i, p);
        finish(&y, 2, true, "layernorm");
        finish(&dx, 2, false, "layernorm_grad");
        free_value(&x);
        free_value(&dy);
        free_value(&vectors);
    }
}
END_TEST

Suite *suite_norm_templates(void)
{
    Suite *suite = suite_create("norm_templates");
    TCase *tcase = tcase_create("templates");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, norms);
    suite_add_tcase(suite, tcase);
    return suite;
}
