/*
 * depthwise.c -- the templates of depthwise.h, called with literals of their own, against loops in
 * double: strides, dilation, padding, a batch block that is not full, two threads.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/kernel.h"

enum { N = 21, BATCH_BLOCKS = 2, BLOCKS = 2, CHANNELS = 16 * BLOCKS, H = 7, W = 6 };

#define TAPS                                                                                       \
    {                                                                                              \
        .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = { 1, 2 }                \
    }
#define TAPS_BACKWARD                                                                              \
    {                                                                                              \
        .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 2}, .step = {       \
            2,                                                                                     \
            1                                                                                      \
        }                                                                                          \
    }

enum { YH = (H + 2 - 3) / 2 + 1, YW = W + 2 - 3 + 1 }; /* of y */

static float *values(unsigned seed, long count)
{
    float *x = aligned_alloc(64, (size_t)count * sizeof *x);

    for (long i = 0; i < count; i++) {
        seed = seed * 1103515245u + 12345u;
        x[i] = (float)((int)(seed >> 16) % 2001 - 1000) * 1e-3f;
    }
    return x;
}

/* Element of a value of `pixels` pixels. */
static long at(int pixels, int n, int pixel, int c)
{
    return ((((long)n / 16 * pixels + pixel) * BLOCKS + c / 16) * 16 + n % 16) * 16 + c % 16;
}

/* The pixel of x under a tap of a pixel of y; -1 outside. */
static int tap_pixel(int pixel, int tap)
{
    const int h = pixel / YW * 2 - 1 + tap / 2, w = pixel % YW - 1 + tap % 2 * 2;

    return h < 0 || h >= H || w < 0 || w >= W ? -1 : h * W + w;
}

static void tile(float *restrict y, const float *restrict x, const float *restrict w,
                 const float *restrict b, const struct net_filter *taps)
{
    net_depthwise_block(y, x, w, b, taps);
}

static void dw_tile(float *restrict dw, const float *restrict x, const float *restrict dy,
                    const struct net_tap_row *row)
{
    net_depthwise_dw_block(dw, x, dy, row, 2, 2);
}

static void dw_tile_tap_by_tap(float *restrict dw, const float *restrict x,
                               const float *restrict dy, const struct net_tap_row *row)
{
    net_depthwise_dw_block(dw, x, dy, row, 2, 1);
}

struct operands_y {
    float *y;
};

NET_EPILOGUE(negate)
{
    const struct operands_y *o = operands;

    vec_store(o->y + e.at, vec_sub(vec_zero(), v0));
}

START_TEST(forward)
{
    const long size = (long)BATCH_BLOCKS * YH * YW * BLOCKS * 256;
    float *x = values(1, (long)BATCH_BLOCKS * H * W * BLOCKS * 256), *w = values(2, 6L * CHANNELS);
    float *b = values(3, CHANNELS), *y = values(4, size), *negative = values(5, size);
    const struct operands_y operands = {negative};
    const struct net_depthwise s = {.y = {BATCH_BLOCKS, YH, YW, BLOCKS}, .x = {H, W}, .taps = TAPS};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++) {
        net_depthwise(y, x, w, b, tile, NULL, NULL, NULL, NULL, NULL, s, &run, thread);
        net_depthwise(NULL, x, w, b, tile, negate, NULL, &operands, NULL, NULL, s, &run, thread);
    }
    for (int n = 0; n < N; n++)
        for (int pixel = 0; pixel < YH * YW; pixel++)
            for (int c = 0; c < CHANNELS; c++) {
                double sum = (double)b[c];

                for (int tap = 0; tap < 6; tap++)
                    if (tap_pixel(pixel, tap) >= 0)
                        sum += (double)x[at(H * W, n, tap_pixel(pixel, tap), c)] *
                               (double)w[tap * CHANNELS + c];
                ck_assert_float_eq_tol(y[at(YH * YW, n, pixel, c)], (float)sum, 1e-5f);
                ck_assert_float_eq(negative[at(YH * YW, n, pixel, c)],
                                   -y[at(YH * YW, n, pixel, c)]);
            }
    free(x), free(w), free(b), free(y), free(negative);
}
END_TEST

START_TEST(backward)
{
    float *dy = values(6, (long)BATCH_BLOCKS * YH * YW * BLOCKS * 256);
    float *w = values(7, 6L * CHANNELS), *dx = values(8, (long)BATCH_BLOCKS * H * W * BLOCKS * 256);
    const struct net_depthwise s = {
        .y = {BATCH_BLOCKS, H, W, BLOCKS}, .x = {YH, YW}, .taps = TAPS_BACKWARD};
    struct net_run run = {.n = N, .threads = 1};

    net_depthwise(dx, dy, w, NULL, tile, NULL, NULL, NULL, NULL, NULL, s, &run, 0);
    for (int n = 0; n < N; n++)
        for (int c = 0; c < CHANNELS; c++) {
            double sums[H * W] = {0};

            for (int pixel = 0; pixel < YH * YW; pixel++)
                for (int tap = 0; tap < 6; tap++)
                    if (tap_pixel(pixel, tap) >= 0)
                        sums[tap_pixel(pixel, tap)] += (double)dy[at(YH * YW, n, pixel, c)] *
                                                       (double)w[tap * CHANNELS + c];
            for (int pixel = 0; pixel < H * W; pixel++)
                ck_assert_float_eq_tol(dx[at(H * W, n, pixel, c)], (float)sums[pixel], 1e-5f);
        }
    free(dy), free(w), free(dx);
}
END_TEST

START_TEST(weight_gradient)
{
    enum { SPLITS = 3, FLOATS = 6 * CHANNELS };
    float *x = values(9, (long)BATCH_BLOCKS * H * W * BLOCKS * 256);
    float *dy = values(10, (long)BATCH_BLOCKS * YH * YW * BLOCKS * 256);
    float *partial = values(11, (long)BATCH_BLOCKS * SPLITS * FLOATS);
    float *same = values(11, (long)BATCH_BLOCKS * SPLITS * FLOATS);
    const struct net_depthwise_dw s = {.batch_blocks = BATCH_BLOCKS,
                                       .blocks = BLOCKS,
                                       .x = {H, W},
                                       .dy = {YH, YW},
                                       .splits = SPLITS,
                                       .taps = TAPS};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++)
        net_depthwise_dw(partial, x, dy, dw_tile, s, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_depthwise_dw(same, x, dy, dw_tile_tap_by_tap, s, &run, thread);
    ck_assert_mem_eq(partial, same, sizeof(float) * BATCH_BLOCKS * SPLITS * FLOATS);
    for (int tap = 0; tap < 6; tap++)
        for (int c = 0; c < CHANNELS; c++) {
            double got = 0, wanted = 0;

            for (int i = 0; i < BATCH_BLOCKS * SPLITS; i++)
                got += (double)partial[i * FLOATS + tap * CHANNELS + c];
            for (int n = 0; n < N; n++)
                for (int pixel = 0; pixel < YH * YW; pixel++)
                    if (tap_pixel(pixel, tap) >= 0)
                        wanted += (double)x[at(H * W, n, tap_pixel(pixel, tap), c)] *
                                  (double)dy[at(YH * YW, n, pixel, c)];
            ck_assert_double_eq_tol(got, wanted, 1e-4);
        }
    free(x), free(dy), free(partial), free(same);
}
END_TEST

/* 3 groups of 8 inputs and 7 outputs; 21 outputs in a panel of 2 blocks; 2 taps */
START_TEST(groups)
{
    enum { FROM = 8, TO = 7, GROUPS = 3, OUTPUTS = TO * GROUPS, INPUTS = FROM * GROUPS, T = 2 };
    const struct net_groups s = {.panels = {0, 1, 0},
                                 .outputs = OUTPUTS,
                                 .channels = INPUTS,
                                 .taps = T,
                                 .from = FROM,
                                 .to = TO};
    float *w = values(12, T * FROM * 32), *full = values(13, T * INPUTS * 32);
    float *back = values(14, T * FROM * 32);
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++)
        net_expand_groups(full, w, s, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_collect_groups(back, full, s, &run, thread);
    for (int tap = 0; tap < T; tap++)
        for (int o = 0; o < OUTPUTS; o++) {
            for (int c = 0; c < INPUTS; c++) {
                const int row = c - o / TO * FROM;
                const float wanted = row < 0 || row >= FROM ? 0 : w[(tap * FROM + row) * 32 + o];

                ck_assert_float_eq(full[(tap * INPUTS + c) * 32 + o], wanted);
            }
            for (int row = 0; row < FROM; row++)
                ck_assert_float_eq(back[(tap * FROM + row) * 32 + o],
                                   w[(tap * FROM + row) * 32 + o]);
        }
    free(w), free(full), free(back);
}
END_TEST

Suite *suite_depthwise(void);

Suite *suite_depthwise(void)
{
    const TTest *const tests[] = {forward, backward, weight_gradient, groups};
    Suite *suite = suite_create("depthwise");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
