/*
 * axis_templates.c -- the templates of kernels/axis.h that take exponentials along an axis or go
 * the other way, beside naive loops in double: along an axis of pixels, and along the channels.
 */

#include <math.h>

#include "kernels/axis.h"
#include "support/epilogue_test.h"

Suite *suite_axis_templates(void);

enum { BEFORE = 3, SIZE = 5, BEHIND = 4, HEIGHT = 6, WIDTH = 10 };
enum { BESIDE = BEFORE * BEHIND, PIXELS = BESIDE * SIZE }; /* HEIGHT x WIDTH */

#define ALONG_PIXELS                                                                               \
    (struct net_axis)                                                                              \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .before = BEFORE, .size = SIZE, .behind = BEHIND,            \
        .blocks = BLOCKS, .channels = CHANNELS                                                     \
    }
#define ALONG_CHANNELS                                                                             \
    (struct net_axis)                                                                              \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .before = 1, .size = 1, .behind = PIXELS, .blocks = BLOCKS,  \
        .channels = CHANNELS, .across = true                                                       \
    }
#define EXTENT                                                                                     \
    (struct net_extent)                                                                            \
    {                                                                                              \
        BATCH_BLOCKS, HEIGHT, WIDTH, BLOCKS                                                        \
    }

/* Pixel `at` of the axis through pixel `beside` of what has 1 of it. */
static int pixel_on(int beside, int at)
{
    return (beside / BEHIND * SIZE + at) * BEHIND + beside % BEHIND;
}

/* ---- Exponentials ---------------------------------------------------------------------------- */

static void logsumexp_pixels(float *y, const float *x, NET_RUN)
{
    net_logsumexp(y, x, ALONG_PIXELS, run, thread);
}

static void logsumexp_channels(float *y, const float *x, NET_RUN)
{
    net_logsumexp(y, x, ALONG_CHANNELS, run, thread);
}

static void softmax(float *y, const float *x, NET_RUN)
{
    net_axis_softmax(y, x, ALONG_PIXELS, run, thread);
}

static void softmax_grad(float *dx, const float *y, const float *dy, NET_RUN)
{
    net_axis_softmax_grad(dx, y, dy, ALONG_PIXELS, run, thread);
}

static void check_pixels(const TestValue *x, const TestValue *y, const TestValue *dy,
                         const TestValue *dx, const TestValue *log_sum, const int at[3])
{
    double sum = 0, product = 0;

    for (int i = 0; i < SIZE; i++)
        sum += exp(test_get(x, at[0], pixel_on(at[1], i), at[2]));
    check_near(test_get(log_sum, at[0], at[1], at[2]), log(sum), 1e-6, "logsumexp of pixels");
    for (int i = 0; i < SIZE; i++) {
        const int p = pixel_on(at[1], i);
        const double e = exp(test_get(x, at[0], p, at[2])) / sum;

        check_near(test_get(y, at[0], p, at[2]), e, 1e-6, "axis_softmax");
        product += e * test_get(dy, at[0], p, at[2]);
    }
    for (int i = 0; i < SIZE; i++) {
        const int p = pixel_on(at[1], i);
        const double e = exp(test_get(x, at[0], p, at[2])) / sum;

        check_near(test_get(dx, at[0], p, at[2]), e * (test_get(dy, at[0], p, at[2]) - product),
                   1e-6, "axis_softmax_grad");
    }
}

static void check_channels(const TestValue *x, const TestValue *log_sum, int image, int pixel)
{
    double sum = 0;

    for (int c = 0; c < CHANNELS; c++)
        sum += exp(test_get(x, image, pixel, c));
    check_near(test_get(log_sum, image, pixel, 0), log(sum), 1e-6, "logsumexp of channels");
}

START_TEST(exponentials)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(BATCH_BLOCKS, PIXELS, CHANNELS, 1);
        TestValue dy = random_value(BATCH_BLOCKS, PIXELS, CHANNELS, 2);
        TestValue y = nan_value(BATCH_BLOCKS, PIXELS, CHANNELS);
        TestValue dx = nan_value(BATCH_BLOCKS, PIXELS, CHANNELS);
        TestValue of_pixels = nan_value(BATCH_BLOCKS, BESIDE, CHANNELS);
        TestValue of_channels = nan_value(BATCH_BLOCKS, PIXELS, 1);

        ON_THREADS(&run, threads)
        {
            softmax(y.at, x.at, &run, thread);
            logsumexp_pixels(of_pixels.at, x.at, &run, thread);
            logsumexp_channels(of_channels.at, x.at, &run, thread);
        }
        ON_THREADS(&run, threads) softmax_grad(dx.at, y.at, dy.at, &run, thread);
        for (int i = 0; i < IMAGES; i++) {
            for (int at = 0; at < BESIDE * CHANNELS; at++)
                check_pixels(&x, &y, &dy, &dx, &of_pixels,
                             (int[]){i, at / CHANNELS, at % CHANNELS});
            for (int p = 0; p < PIXELS; p++)
                check_channels(&x, &of_channels, i, p);
        }
        TestValue *const made[] = {&y, &dx, &of_pixels, &of_channels, &x, &dy};

        for (int i = 0; i < 6; i++) {
            check_padding(made[i], IMAGES, "exponentials along an axis");
            free_value(made[i]);
        }
    }
}
END_TEST

/* ---- The other way --------------------------------------------------------------------------- */

static void spread_pixels(const float *x, Result *y, NET_RUN)
{
    net_spread(x, factor_bias, NULL, &y->operands, count_rows, &y->counts, ALONG_PIXELS, EXTENT,
               run, thread);
}

static void spread_channels(const float *x, Result *y, NET_RUN)
{
    net_spread(x, factor_bias, NULL, &y->operands, count_rows, &y->counts, ALONG_CHANNELS, EXTENT,
               run, thread);
}

static void max_grad_pixels(const float *index, const float *dy, Result *dx, NET_RUN)
{
    net_axis_max_grad(index, dy, factor_bias_draw, image_numbers, &dx->operands, count_rows,
                      &dx->counts, ALONG_PIXELS, EXTENT, run, thread);
}

static void max_grad_channels(const float *index, const float *dy, Result *dx, NET_RUN)
{
    net_axis_max_grad(index, dy, factor_bias, NULL, &dx->operands, count_rows, &dx->counts,
                      ALONG_CHANNELS, EXTENT, run, thread);
}

/* Indices along an axis of so many. */
static TestValue indices(int pixels, int channels, int size)
{
    TestValue v = nan_value(BATCH_BLOCKS, pixels, channels);

    for (long i = 0; i < v.count; i++)
        v.at[i] = (float)(i * 5 % size);
    return v;
}

/* Of each, what goes in, where it went, and the result. */
struct way {
    TestValue x, index;
    Result spread, max;
};

static void check_way(const struct way *w, bool across, const int at[3])
{
    const int p = at[1], from = across ? p : p / BEHIND / SIZE * BEHIND + p % BEHIND;
    const int c = across ? 0 : at[2], place = across ? at[2] : p / BEHIND % SIZE;
    const double x = test_get(&w->x, at[0], from, c);
    const bool hit = test_get(&w->index, at[0], from, c) == place;

    check_result(&w->spread, at[0], p, at[2], x, false, "spread");
    check_result(&w->max, at[0], p, at[2], hit ? x : 0, !across, "axis_max_grad");
}

START_TEST(other_way)
{
    struct net_run run = {.n = IMAGES};

    for (int threads = 1; threads <= 3; threads++) {
        struct way ways[2] = {
            {.x = random_value(BATCH_BLOCKS, BESIDE, CHANNELS, 1),
             .index = indices(BESIDE, CHANNELS, SIZE)},
            {.x = random_value(BATCH_BLOCKS, PIXELS, 1, 2), .index = indices(PIXELS, 1, CHANNELS)}};

        for (int i = 0; i < 2; i++)
            start(&ways[i].spread, PIXELS), start(&ways[i].max, PIXELS);
        ON_THREADS(&run, threads)
        {
            spread_pixels(ways[0].x.at, &ways[0].spread, &run, thread);
            spread_channels(ways[1].x.at, &ways[1].spread, &run, thread);
            max_grad_pixels(ways[0].index.at, ways[0].x.at, &ways[0].max, &run, thread);
            max_grad_channels(ways[1].index.at, ways[1].x.at, &ways[1].max, &run, thread);
        }
        for (int i = 0; i < 2; i++) {
            for (int at = 0; at < IMAGES * PIXELS * CHANNELS; at++)
                check_way(&ways[i], i,
                          (int[]){at / CHANNELS / PIXELS, at / CHANNELS % PIXELS, at % CHANNELS});
            finish(&ways[i].spread, HEIGHT, false, "spread");
            finish(&ways[i].max, HEIGHT, i == 0, "axis_max_grad");
            free_value(&ways[i].x);
            free_value(&ways[i].index);
        }
    }
}
END_TEST

Suite *suite_axis_templates(void)
{
    Suite *suite = suite_create("axis_templates");
    TCase *tcase = tcase_create("templates");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, exponentials);
    tcase_add_test(tcase, other_way);
    suite_add_tcase(suite, tcase);
    return suite;
}
