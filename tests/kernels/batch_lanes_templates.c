/*
 * batch_lanes_templates.c -- the templates of batch_lanes.h and batch_lanes_dw.h called directly,
 * with literals of their own: against naive loops in double, on one to three threads, for full and
 * partial batches.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/batch_lanes_dw.h"
#include "support/graph_test.h"
#include "support/template_test.h"

Suite *suite_batch_lanes_templates(void);

/* Images of a batch that may have up to 48: each test is run for each of them. */
static const int batches[] = {1, 16, 19, 48};

/* A convolution of 9 x 7 pixels and 19 channels by 3 x 2 taps, two rows apart, to 5 outputs. */
enum {
    BATCHES = sizeof batches / sizeof *batches,
    BATCH_BLOCKS = 3,
    HIGH = 9,
    WIDE = 7,
    DOWN = 5,
    ACROSS = 8,
    FROM = 19,
    TO = 5,
    TAPS = 6,
    SCRATCH = 1 << 16,
};

/* ---- conv2d and its dx ----------------------------------------------------------------------- */

NET_UNARY(doubled)
{
    return vec_add(v0, v0);
}

NET_EPILOGUE(negated)
{
    vec_store(*(float *const *)operands + e.at, vec_sub(vec_zero(), v0));
}

NET_ROW_END(count_row)
{
    (void)run;
    ((int *)sums)[batch_block * DOWN + row]++;
}

/* One zero before a row, and one after it. */
static void transpose_row(float *restrict to, const float *restrict x)
{
    memset(to, 0, 16 * FROM * sizeof *to);
    net_transpose_pixels(to + 16 * FROM, 16 * FROM, x, 512, WIDE, FROM, 16);
    memset(to + 16 * FROM * (WIDE + 1), 0, 16 * FROM * sizeof *to);
}

#define LANES_TILE(name, pixels, channels, groups, outputs, step, unary, transcendental)           \
    static void name(float *restrict y, const float *restrict x, const float *restrict w,          \
                     const float *restrict b, const struct net_runs *taps)                         \
    {                                                                                              \
        net_batch_lanes_sum(y, x, w, b, taps, pixels, channels, groups, outputs, step, unary,      \
                            transcendental);                                                       \
    }

LANES_TILE(tile_3x5, 3, 5, 1, TO, 16 * FROM, doubled, false)
LANES_TILE(tile_2x5, 2, 3, 2, TO, 16 * FROM, doubled, true)

#define FORWARD                                                                                    \
    (struct net_batch_lanes)                                                                       \
    {                                                                                              \
        .x = {BATCH_BLOCKS, HIGH, WIDE, 2}, .y = {BATCH_BLOCKS, DOWN, ACROSS, 1},                  \
        .taps = {.kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 1}},       \
        .channels = FROM, .pixels = 3, .rows = 2, .pad_top = 1, .left = 1, .transposed = WIDE,     \
        .columns = WIDE + 2                                                                        \
    }

/* The tiles are all there is: y = 2 (b + x w). */
static void direct(float *y, int *finished, const float *x, const float *w, const float *b, NET_RUN)
{
    net_batch_lanes(y, x, w, b, FORWARD, 512, transpose_row, tile_3x5, tile_2x5, NULL, NULL, NULL,
                    count_row, finished, run, thread);
}

/* y = -2 (b + x w) */
static void with_epilogue(float *y, int *finished, const float *x, const float *w, const float *b,
                          NET_RUN)
{
    net_batch_lanes(NULL, x, w, b, FORWARD, 512, transpose_row, tile_3x5, tile_2x5, negated, NULL,
                    &y, count_row, finished, run, thread);
}

static double conv(const TestValue *x, const float *w, const float *b, int image, int pixel,
                   int output)
{
    double sum = (double)b[output];

    for (int tap = 0; tap < TAPS; tap++) {
        const int row = pixel / ACROSS * 2 - 1 + tap / 2, column = pixel % ACROSS - 1 + tap % 2;

        for (int c = 0; c < FROM; c++)
            if (row >= 0 && row < HIGH && column >= 0 && column < WIDE)
                sum += test_get(x, image, row * WIDE + column, c) *
                       (double)w[(tap * FROM + c) * 16 + output];
    }
    return sum;
}

static void check_conv(bool epilogue, int n, int threads)
{
    TestValue x = random_value(BATCH_BLOCKS, HIGH * WIDE, FROM, 1);
    TestValue y = nan_value(BATCH_BLOCKS, DOWN * ACROSS, TO);
    float *w = nan_floats(TAPS * FROM * 16), *scratch = nan_floats(3L * SCRATCH);
    _Alignas(64) float b[16] = {0.5f, -1, 2, 0.25f, 3};
    int finished[BATCH_BLOCKS * DOWN] = {0};
    struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};

    memset(w, 0, TAPS * FROM * 16 * sizeof *w);
    for (int k = 0; k < TAPS * FROM * TO; k++)
        w[k / TO * 16 + k % TO] = (float)random_number(2, k);
    ON_THREADS(&run, threads)
    (epilogue ? with_epilogue : direct)(y.at, finished, x.at, w, b, &run, thread);
    for (int i = 0; i < n; i++)
        for (int p = 0; p < DOWN * ACROSS; p++)
            for (int o = 0; o < TO; o++)
                check_near(test_get(&y, i, p, o), (epilogue ? -2 : 2) * conv(&x, w, b, i, p, o),
                           1e-5, "batch lanes");
    if (!epilogue)
        check_padding(&y, n, "batch lanes");
    for (int i = 0; i < BATCH_BLOCKS * DOWN; i++)
        ck_assert_int_eq(finished[i], 16 * (i / DOWN) < n);
    free_value(&x);
    free_value(&y);
    free(w);
    free(scratch);
}

START_TEST(convolution)
{
    for (int threads = 1; threads <= 3; threads++) {
        check_conv(false, batches[_i], threads);
        check_conv(true, batches[_i], threads);
    }
}
END_TEST

/* ---- dx -------------------------------------------------------------------------------------- */

/* dy: 4 x 5 pixels of 3 channels; dx: 6 x 6 of two, by 3 x 2 taps without padding */
static void transpose_flipped(float *restrict to, const float *restrict x)
{
    memset(to, 0, 48 * sizeof *to);
    net_transpose_pixels(to + 48 * 5, -48, x, 256, 5, 3, 16);
    memset(to + 48 * 6, 0, 48 * sizeof *to);
}

LANES_TILE(tile_4x2, 4, 2, 1, 2, -48, NULL, false)
LANES_TILE(tile_2x2, 2, 2, 1, 2, -48, NULL, false)

static void dx_of(float *dx, const float *dy, const float *w, NET_RUN)
{
    net_batch_lanes(
        dx, dy, w, NULL,
        (struct net_batch_lanes){
            .x = {BATCH_BLOCKS, 4, 5, 1},
            .y = {BATCH_BLOCKS, 6, 6, 1},
            .taps = {.kernel = {3, 2}, .stride = {1, 1}, .dilation = {1, 1}, .step = {1, 1}},
            .channels = 3,
            .pixels = 4,
            .rows = 6,
            .pad_top = 2,
            .left = 1,
            .transposed = 5,
            .columns = 7},
        256, transpose_flipped, tile_4x2, tile_2x2, NULL, NULL, NULL, NULL, NULL, run, thread);
}

START_TEST(gradient)
{
    const int n = batches[_i];
    TestValue dy = random_value(BATCH_BLOCKS, 20, 3, 1);
    float *w = nan_floats(6 * 3 * 16), *scratch = nan_floats(3L * SCRATCH);
    struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};

    for (int k = 0; k < 6 * 3 * 16; k++)
        w[k] = (float)random_number(2, k);
    for (int threads = 1; threads <= 3; threads++) {
        TestValue dx = nan_value(BATCH_BLOCKS, 36, 2);

        ON_THREADS(&run, threads)
        dx_of(dx.at, dy.at, w, &run, thread);
        check_padding(&dx, n, "batch lanes dx");
        for (int k = 0; k < n * 72; k++) {
            const int image = k / 72, pixel = k / 2 % 36, c = k % 2;
            double sum = 0;

            for (int tap = 0; tap < 6; tap++) {
                const int row = pixel / 6 - tap / 2, column = pixel % 6 - tap % 2;

                for (int o = 0; o < 3; o++)
                    if (row >= 0 && row < 4 && column >= 0 && column < 5)
                        sum += test_get(&dy, image, row * 5 + column, o) *
                               (double)w[(tap * 3 + o) * 16 + c];
            }
            check_near(test_get(&dx, image, pixel, c), sum, 1e-5, "batch lanes dx");
        }
        free_value(&dx);
    }
    free_value(&dy);
    free(w);
    free(scratch);
}
END_TEST

/* ---- dw -------------------------------------------------------------------------------------- */

static void dw_tile(float *restrict sums, const float *restrict x, const float *restrict dy,
                    const struct net_reduction *over)
{
    net_sum_batch_lanes_dw(sums, 16 * 6, 4, 3, x, dy, over);
}

static void partial_dw(float *partial, const float *x, const float *dy, NET_RUN)
{
    net_batch_lanes_dw(partial, x, dy,
                       (struct net_batch_lanes_dw){.x = {BATCH_BLOCKS, HIGH, WIDE, 2},
                                                   .dy = {BATCH_BLOCKS, DOWN, ACROSS, 1},
                                                   .splits = 2,
                                                   .kernel = {3, 2},
                                                   .stride = {2, 1},
                                                   .padding = {1, 1},
                                                   .inputs = FROM,
                                                   .outputs = TO,
                                                   .scratch = 1 << 15},
                       16, FROM, dw_tile, 4, 3, run, thread);
}

START_TEST(weight_gradient)
{
    const int n = batches[_i], floats = TAPS * FROM * 16;
    TestValue x = random_value(BATCH_BLOCKS, HIGH * WIDE, FROM, 1);
    TestValue dy = random_value(BATCH_BLOCKS, DOWN * ACROSS, TO, 2);

    for (int threads = 1; threads <= 3; threads++) {
        float *partial = nan_floats(2L * BATCH_BLOCKS * floats),
              *scratch = nan_floats(3L * SCRATCH);
        struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};

        ON_THREADS(&run, threads)
        partial_dw(partial, x.at, dy.at, &run, thread);
        for (int k = 0; k < TAPS * FROM * TO; k++) {
            const int tap = k / TO / FROM, c = k / TO % FROM, o = k % TO;
            double sum = 0, got = 0;

            for (int s = 0; s < 2 * ((n + 15) / 16); s++)
                got += (double)partial[s * floats + k / TO * 16 + o];
            for (int i = 0; i < n; i++)
                for (int p = 0; p < DOWN * ACROSS; p++) {
                    const int row = p / ACROSS * 2 - 1 + tap / 2, column = p % ACROSS - 1 + tap % 2;

                    if (row >= 0 && row < HIGH && column >= 0 && column < WIDE)
                        sum += test_get(&x, i, row * WIDE + column, c) * test_get(&dy, i, p, o);
                }
            check_near(got, sum, 1e-5, "batch lanes dw");
        }
        free(partial);
        free(scratch);
    }
    free_value(&x);
    free_value(&dy);
}
END_TEST

Suite *suite_batch_lanes_templates(void)
{
    Suite *suite = suite_create("batch_lanes_templates");
    TCase *tcase = tcase_create("against loops in double");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, convolution, 0, BATCHES);
    tcase_add_loop_test(tcase, gradient, 0, BATCHES);
    tcase_add_loop_test(tcase, weight_gradient, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
