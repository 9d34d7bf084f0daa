/*
 * pool_templates.c -- the templates of pool.h called directly, with literals of their own: against
 * naive loops in double, on one to three threads.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/global_pool.h"
#include "support/epilogue_test.h"

Suite *suite_pool_templates(void);

/* Windows of 3 x 2 every 2 rows and 1 column: 7 x 6 becomes 4 x 5. */
enum { XH = 7, XW = 6, YH = 4, YW = 5 };

/* ---- Windows that slide ---------------------------------------------------------------------- */

#define POOL(...)                                                                                  \
    (struct net_pool2d)                                                                            \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .blocks = BLOCKS, .x = {XH, XW}, .y = {YH, YW},              \
        .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 0}, __VA_ARGS__                         \
    }

static void maxpool_index(float *y, uint8_t *index, const float *x, const void *sums, NET_RUN)
{
    net_maxpool2d(y, index, x, count_rows, sums, POOL(), run, thread);
}

static void maxpool_alone(float *y, const float *x, NET_RUN)
{
    net_maxpool2d(y, NULL, x, NULL, NULL, POOL(), run, thread);
}

/* Multiples of 1/4, so that a window's maximum stands in it twice, now and then. */
static TestValue coarse_value(int pixels, uint32_t seed)
{
    TestValue v = random_value(BATCH_BLOCKS, pixels, CHANNELS, seed);

    for (long i = 0; i < v.count; i++)
        v.at[i] = rintf(v.at[i] * 4) / 4;
    return v;
}

/* The pixel of x under tap (k, l) of the window of y's pixel; -1: in the padding. */
static int tap_pixel(int pixel, int k, int l)
{
    const int row = pixel / YW * 2 - 1 + k, column = pixel % YW + l;

    return row < 0 || row >= XH ? -1 : row * XW + column;
}

static double exact_max(const TestValue *x, int image, int pixel, int channel, int *tap)
{
    double max = -INFINITY;

    for (int t = 0; t < 6; t++) {
        const int from = tap_pixel(pixel, t / 2, t % 2);
        const double v = from < 0 ? -INFINITY : test_get(x, image, from, channel);

        if (v > max)
            max = v, *tap = t;
    }
    return max;
}

START_TEST(maxpool)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = coarse_value(XH * XW, 1);
        TestValue y = nan_value(BATCH_BLOCKS, YH * YW, CHANNELS);
        TestValue alone = nan_value(BATCH_BLOCKS, YH * YW, CHANNELS);
        uint8_t *index = malloc((size_t)y.count);
        int rows[16 * BATCH_BLOCKS] = {0}, *counts = rows;

        ON_THREADS(&run, threads)
        {
            maxpool_index(y.at, index, x.at, &counts, &run, thread);
            maxpool_alone(alone.at, x.at, &run, thread);
        }
        check_padding(&y, IMAGES, "maxpool2d");
        ck_assert_mem_eq(y.at, alone.at, (size_t)y.count * sizeof *y.at);
        for (int i = 0; i < IMAGES; i++)
            for (int p = 0; p < YH * YW; p++)
                for (int c = 0; c < CHANNELS; c++) {
                    int tap = 0;

                    ck_assert(test_get(&y, i, p, c) == exact_max(&x, i, p, c, &tap));
                    ck_assert_int_eq(index[test_at(&y, i, p, c)], tap);
                }
        for (int b = 0; b < BATCH_BLOCKS; b++)
            for (int row = 0; row < YH; row++)
                ck_assert_int_eq(rows[16 * b + row], 1);
        free_value(&x);
        free_value(&y);
        free_value(&alone);
        free(index);
    }
}
END_TEST

static void maxpool_grad(const uint8_t *index, const float *dy, const void *operands,
                         const void *sums, NET_RUN)
{
    net_maxpool2d_grad(index, dy, factor_bias, NULL, operands, false, count_rows, sums, POOL(), run,
                       thread);
}

static void maxpool_grad_transcendental(const uint8_t *index, const float *dy, const void *operands,
                                        const void *sums, NET_RUN)
{
    net_maxpool2d_grad(index, dy, factor_bias_draw, image_numbers, operands, true, count_rows, sums,
                       POOL(), run, thread);
}

START_TEST(maxpool_gradient)
{
    struct net_run run = {.n = IMAGES};

    for (int k = 0; k < 6; k++) {
        const bool draws = k % 2;
        TestValue dy = random_value(BATCH_BLOCKS, YH * YW, CHANNELS, 1);
        uint8_t *index = malloc((size_t)dy.count);
        Result h;

        start(&h, XH * XW);
        for (long i = 0; i < dy.count; i++)
            index[i] = (uint8_t)(i * 7 % 6);
        ON_THREADS(&run, 1 + k / 2)
        (draws ? maxpool_grad_transcendental : maxpool_grad)(index, dy.at, &h.operands, &h.counts,
                                                             &run, thread);
        for (int i = 0; i < IMAGES; i++)
            for (int c = 0; c < CHANNELS; c++) {
                double dx[XH * XW] = {0};

                for (int p = 0; p < YH * YW; p++) {
                    const int tap = index[test_at(&dy, i, p, c)];
                    const int from = tap_pixel(p, tap / 2, tap % 2);

                    if (from >= 0)
                        dx[from] += test_get(&dy, i, p, c);
                }
                for (int p = 0; p < XH * XW; p++)
                    check_result(&h, i, p, c, dx[p], draws, "maxpool2d_grad");
            }
        finish(&h, XH, draws, "maxpool2d_grad");
        free_value(&dy);
        free(index);
    }
}
END_TEST

static void avgpool(const float *x, const void *operands, const void *sums, NET_RUN)
{
    net_avgpool2d(x, factor_bias, NULL, operands, false, count_rows, sums,
                  POOL(.scale = 1.0f / 6.0f), run, thread);
}

static void avgpool_transcendental(const float *x, const void *operands, const void *sums, NET_RUN)
{
    net_avgpool2d(x, factor_bias_draw, image_numbers, operands, true, count_rows, sums,
                  POOL(.scale = 1.0f / 6.0f), run, thread);
}

static void avgpool_grad(const float *dy, const void *operands, const void *sums, NET_RUN)
{
    net_avgpool2d_grad(dy, factor_bias, NULL, operands, false, count_rows, sums,
                       POOL(.scale = 1.0f / 6.0f), run, thread);
}

static void avgpool_grad_transcendental(const float *dy, const void *operands, const void *sums,
                                        NET_RUN)
{
    net_avgpool2d_grad(dy, factor_bias_draw, image_numbers, operands, true, count_rows, sums,
                       POOL(.scale = 1.0f / 6.0f), run, thread);
}

START_TEST(average)
{
    struct net_run run = {.n = IMAGES};

    for (int k = 0; k < 6; k++) {
        TestValue x = random_value(BATCH_BLOCKS, XH * XW, CHANNELS, 1);
        Result h;

        start(&h, YH * YW);
        ON_THREADS(&run, 1 + k / 2)
        (k % 2 ? avgpool_transcendental : avgpool)(x.at, &h.operands, &h.counts, &run, thread);
        for (int i = 0; i < IMAGES; i++)
            for (int p = 0; p < YH * YW; p++)
                for (int c = 0; c < CHANNELS; c++) {
                    double sum = 0;

                    for (int t = 0; t < 6; t++)
                        if (tap_pixel(p, t / 2, t % 2) >= 0)
                            sum += test_get(&x, i, tap_pixel(p, t / 2, t % 2), c);
                    check_result(&h, i, p, c, sum / 6, k % 2, "avgpool2d");
                }
        finish(&h, YH, k % 2, "avgpool2d");
        free_value(&x);
    }
}
END_TEST

START_TEST(average_gradient)
{
    struct net_run run = {.n = IMAGES};

    for (int k = 0; k < 6; k++) {
        TestValue dy = random_value(BATCH_BLOCKS, YH * YW, CHANNELS, 1);
        Result h;

        start(&h, XH * XW);
        ON_THREADS(&run, 1 + k / 2)
        (k % 2 ? avgpool_grad_transcendental : avgpool_grad)(dy.at, &h.operands, &h.counts, &run,
                                                             thread);
        for (int i = 0; i < IMAGES; i++)
            for (int c = 0; c < CHANNELS; c++) {
                double dx[XH * XW] = {0};

                for (int p = 0; p < YH * YW; p++)
                    for (int t = 0; t < 6; t++)
                        if (tap_pixel(p, t / 2, t % 2) >= 0)
                            dx[tap_pixel(p, t / 2, t % 2)] += test_get(&dy, i, p, c) / 6;
                for (int p = 0; p < XH * XW; p++)
                    check_result(&h, i, p, c, dx[p], k % 2, "avgpool2d_grad");
            }
        finish(&h, XH, k % 2, "avgpool2d_grad");
        free_value(&dy);
    }
}
END_TEST

/* ---- Upsampling: 3 x 2 becomes 6 x 6 --------------------------------------------------------- */

#define UPSAMPLE                                                                                   \
    (struct net_pool2d)                                                                            \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .blocks = BLOCKS, .x = {6, 6}, .y = {3, 2},                  \
        .kernel = {2, 3}, .stride = {                                                              \
            2,                                                                                     \
            3                                                                                      \
        }                                                                                          \
    }

static void upsample(const float *x, const void *operands, const void *sums, NET_RUN)
{
    net_upsample2d(x, factor_bias_draw, image_numbers, operands, count_rows, sums, UPSAMPLE, run,
                   thread);
}

static void upsample_grad(const float *dy, const void *operands, const void *sums, NET_RUN)
{
    net_upsample2d_grad(dy, factor_bias, NULL, operands, false, count_rows, sums, UPSAMPLE, run,
                        thread);
}

/* The same with shares of several. */
#define BILINEAR                                                                                   \
    (struct net_pool2d)                                                                            \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .blocks = BLOCKS, .x = {6, 6}, .y = {3, 2},                  \
        .kernel = {4, 5}, .stride = {2, 3}, .padding = {                                           \
            1,                                                                                     \
            1                                                                                      \
        }                                                                                          \
    }

static void bilinear(const float *x, const void *operands, const void *sums, NET_RUN)
{
    net_upsample2d_bilinear(x, factor_bias_draw, image_numbers, operands, count_rows, sums,
                            BILINEAR, run, thread);
}

static void bilinear_grad(const float *dy, const void *operands, const void *sums, NET_RUN)
{
    net_upsample2d_bilinear_grad(dy, factor_bias, NULL, operands, false, count_rows, sums, BILINEAR,
                                 run, thread);
}

/* The share of pixel `small` in pixel `large`, as PyTorch's interpolate has it. */
static double share_of(bool is_bilinear, int large, int small)
{
    static const double rows[6][3] = {{1, 0, 0},     {.75, .25, 0}, {.25, .75, 0},
                                      {0, .75, .25}, {0, .25, .75}, {0, 0, 1}};
    static const double columns[6][2] = {{1, 0},           {1, 0}, {2 / 3., 1 / 3.},
                                         {1 / 3., 2 / 3.}, {0, 1}, {0, 1}};

    if (!is_bilinear)
        return large / 12 * 2 + large % 6 / 3 == small;
    return rows[large / 6][small / 2] * columns[large % 6][small % 2];
}

static void check_upsampling(bool is_bilinear, int threads)
{
    struct net_run run = {.n = IMAGES};
    TestValue x = random_value(BATCH_BLOCKS, 6, CHANNELS, 1);
    TestValue dy = random_value(BATCH_BLOCKS, 36, CHANNELS, 2);
    Result y, dx;

    start(&y, 36);
    start(&dx, 6);
    ON_THREADS(&run, threads)
    {
        (is_bilinear ? bilinear : upsample)(x.at, &y.operands, &y.counts, &run, thread);
        (is_bilinear ? bilinear_grad : upsample_grad)(dy.at, &dx.operands, &dx.counts, &run,
                                                      thread);
    }
    for (int i = 0; i < IMAGES; i++)
        for (int c = 0; c < CHANNELS; c++) {
            double sums[6] = {0};

            for (int p = 0; p < 36; p++) {
                double sum = 0;

                for (int q = 0; q < 6; q++) {
                    sum += share_of(is_bilinear, p, q) * test_get(&x, i, q, c);
                    sums[q] += share_of(is_bilinear, p, q) * test_get(&dy, i, p, c);
                }
                check_result(&y, i, p, c, sum, true, "upsample2d");
            }
            for (int p = 0; p < 6; p++)
                check_result(&dx, i, p, c, sums[p], false, "upsample2d_grad");
        }
    finish(&y, 6, true, "upsample2d");
    finish(&dx, 3, false, "upsample2d_grad");
    free_value(&x);
    free_value(&dy);
}

START_TEST(upsampling)
{
    for (int threads = 1; threads <= 3; threads++) {
        check_upsampling(false, threads);
        check_upsampling(true, threads);
    }
}
END_TEST

/* ---- The whole image ------------------------------------------------------------------------- */

#define IMAGE                                                                                      \
    (struct net_extent)                                                                            \
    {                                                                                              \
        BATCH_BLOCKS, XH, XW, BLOCKS                                                               \
    }

static void global_avgpool(float *y, const float *x, NET_RUN)
{
    net_global_avgpool2d(y, x, IMAGE, run, thread);
}

static void pixel_sum(float *y, const float *x, NET_RUN)
{
    net_pixel_sum(y, x, IMAGE, run, thread);
}

static void stretch(const float *x, const void *operands, const void *sums, NET_RUN)
{
    net_stretch(x, factor_bias, NULL, operands, count_rows, sums, IMAGE, run, thread);
}

static void global_maxpool(float *y, float *index, const float *x, NET_RUN)
{
    net_global_maxpool2d(y, index, x, IMAGE, run, thread);
}

static void global_maxpool_alone(float *y, const float *x, NET_RUN)
{
    net_global_maxpool2d(y, NULL, x, IMAGE, run, thread);
}

static void global_avgpool_grad(const float *dy, const void *operands, const void *sums, NET_RUN)
{
    net_global_avgpool2d_grad(dy, factor_bias, NULL, operands, count_rows, sums, IMAGE, run,
                              thread);
}

static void global_maxpool_grad(const float *index, const float *dy, const void *operands,
                                const void *sums, NET_RUN)
{
    net_global_maxpool2d_grad(index, dy, factor_bias_draw, image_numbers, operands, count_rows,
                              sums, IMAGE, run, thread);
}

START_TEST(global)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = coarse_value(XH * XW, 1);
        TestValue mean = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        TestValue total = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        TestValue max = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        TestValue alone = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        TestValue index = nan_value(BATCH_BLOCKS, 1, CHANNELS);

        ON_THREADS(&run, threads)
        {
            global_avgpool(mean.at, x.at, &run, thread);
            pixel_sum(total.at, x.at, &run, thread);
            global_maxpool(max.at, index.at, x.at, &run, thread);
            global_maxpool_alone(alone.at, x.at, &run, thread);
        }
        check_padding(&mean, IMAGES, "global_avgpool2d");
        check_padding(&total, IMAGES, "pixel_sum");
        check_padding(&max, IMAGES, "global_maxpool2d");
        ck_assert_mem_eq(max.at, alone.at, (size_t)max.count * sizeof *max.at);
        for (int i = 0; i < IMAGES; i++)
            for (int c = 0; c < CHANNELS; c++) {
                double sum = 0, most = -INFINITY;
                int first = 0;

                for (int p = 0; p < XH * XW; p++) {
                    const double v = test_get(&x, i, p, c);

                    sum += v;
                    if (v > most)
                        most = v, first = p;
                }
                check_near(test_get(&mean, i, 0, c), sum / (XH * XW), 1e-6, "global_avgpool2d");
                check_near(test_get(&total, i, 0, c), sum, 1e-5, "pixel_sum");
                ck_assert(test_get(&max, i, 0, c) == most);
                ck_assert(test_get(&index, i, 0, c) == first);
            }
        free_value(&x);
        free_value(&mean);
        free_value(&total);
        free_value(&max);
        free_value(&alone);
        free_value(&index);
    }
}
END_TEST

START_TEST(global_gradient)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue dy = random_value(BATCH_BLOCKS, 1, CHANNELS, 1);
        TestValue index = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        Result mean, wide, max;

        start(&mean, XH * XW);
        start(&wide, XH * XW);
        start(&max, XH * XW);
        for (long i = 0; i < index.count; i++)
            index.at[i] = (float)(i * 5 % (XH * XW));
        ON_THREADS(&run, threads)
        {
            global_avgpool_grad(dy.at, &mean.operands, &mean.counts, &run, thread);
            stretch(dy.at, &wide.operands, &wide.counts, &run, thread);
            global_maxpool_grad(index.at, dy.at, &max.operands, &max.counts, &run, thread);
        }
        for (int i = 0; i < IMAGES; i++)
            for (int p = 0; p < XH * XW; p++)
                for (int c = 0; c < CHANNELS; c++) {
                    const double g = test_get(&dy, i, 0, c);

                    check_result(&mean, i, p, c, g / (XH * XW), false, "global_avgpool2d_grad");
                    check_result(&wide, i, p, c, g, false, "stretch");
                    check_result(&max, i, p, c, test_get(&index, i, 0, c) == p ? g : 0, true,
                                 "global_maxpool2d_grad");
                }
        finish(&mean, XH, false, "global_avgpool2d_grad");
        finish(&wide, XH, false, "stretch");
        finish(&max, XH, true, "global_maxpool2d_grad");
        free_value(&dy);
        free_value(&index);
    }
}
END_TEST

Suite *suite_pool_templates(void)
{
    Suite *suite = suite_create("pool_templates");
    TCase *tcase = tcase_create("templates");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, maxpool);
    tcase_add_test(tcase, maxpool_gradient);
    tcase_add_test(tcase, average);
    tcase_add_test(tcase, average_gradient);
    tcase_add_test(tcase, upsampling);
    tcase_add_test(tcase, global);
    tcase_add_test(tcase, global_gradient);
    suite_add_tcase(suite, tcase);
    return suite;
}
