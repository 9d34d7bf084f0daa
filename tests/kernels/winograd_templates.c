/*
 * winograd_templates.c -- the templates of winograd_conv.h and winograd_dw.h called directly, with
 * literals of their own: against naive loops in double, on one and two threads, for full and
 * partial batches.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/winograd_dw.h"
#include "support/graph_test.h"
#include "support/template_test.h"

Suite *suite_winograd_templates(void);

/* Images of a batch that may have up to 48: each test is run for each of them. */
static const int batches[] = {1, 16, 19, 48};

/* A 3 x 3 convolution of 19 channels to 70: 7 x 9 pixels, one of padding. */
enum {
    BATCHES = sizeof batches / sizeof *batches,
    BATCH_BLOCKS = 3,
    HIGH = 7,
    WIDE = 9,
    PIXELS = HIGH * WIDE,
    FROM = 19,
    TO = 70,
    ROWS = 9 * FROM, /* of the weight */
    SCRATCH = 1 << 20,
    EVERY = 13, /* so many-th weight is looked at */
};

static const int panels[3] = {1, 1, 0}; /* of 70 outputs */

/* ---- Functions of their own ------------------------------------------------------------------ */

static void input_2(float *restrict to, long step, const float *const pixels[36])
{
    net_winograd_input(to, step, pixels, 2);
}

static void input_4(float *restrict to, long step, const float *const pixels[36])
{
    net_winograd_input(to, step, pixels, 4);
}

static void output_2(float *restrict to, const float *restrict from, long step)
{
    net_winograd_output(to, from, step, 2);
}

static void output_4(float *restrict to, const float *restrict from, long step)
{
    net_winograd_output(to, from, step, 4);
}

static void gradient_2(float *restrict to, long step, const float *const pixels[36])
{
    net_winograd_gradient(to, step, pixels, 2);
}

static void gradient_4(float *restrict to, long step, const float *const pixels[36])
{
    net_winograd_gradient(to, step, pixels, 4);
}

static void filter_2(float *restrict to, long step, const float *restrict from, long tap)
{
    net_winograd_transform_filter(to, step, from, tap, 2, vec_stream);
}

static void filter_4(float *restrict to, long step, const float *restrict from, long tap)
{
    net_winograd_transform_filter(to, step, from, tap, 4, vec_store);
}

static void filter_gradient_2(float *restrict to, long tap, const float *restrict from, long step,
                              long count, long splits, long split)
{
    net_winograd_weight_gradient(to, tap, from, step, count, splits, split, 2);
}

static void filter_gradient_4(float *restrict to, long tap, const float *restrict from, long step,
                              long count, long splits, long split)
{
    net_winograd_weight_gradient(to, tap, from, step, count, splits, split, 4);
}

#define PRODUCT_TILE(vectors)                                                                      \
    static void tile_8x##vectors(float *restrict m, const float *restrict v,                       \
                                 const float *restrict u, long channels)                           \
    {                                                                                              \
        net_winograd_multiply(m, v, u, channels, 8, vectors, 16);                                  \
    }                                                                                              \
    static void dw_tile_8x##vectors(float *restrict dw, const float *restrict x,                   \
                                    const float *restrict dy, const struct net_reduction *over)    \
    {                                                                                              \
        net_sum_dw(dw, x, dy, over, 8, vectors, true, false);                                      \
    }

PRODUCT_TILE(3)
PRODUCT_TILE(2)

/* ---- conv2d and its dx ----------------------------------------------------------------------- */

NET_EPILOGUE(store_result)
{
    vec_store(*(float *const *)operands + e.at, v0);
}

/* Rows of pixels that were finished, of each batch block. */
NET_ROW_END(count_row)
{
    (void)run;
    ((int *)sums)[batch_block * HIGH + row]++;
}

static void forward_2(float *y, int *finished, float *u, const float *x, const float *w,
                      const float *b, NET_RUN)
{
    if (thread == 0)
        net_winograd_weights(u, w,
                             (struct net_winograd_weights){.inputs = FROM,
                                                           .outputs = TO,
                                                           .panels = {1, 1, 0},
                                                           .u_panels = {1, 1, 0},
                                                           .stream = true},
                             filter_2, &(struct net_run){.threads = 1}, 0);
    net_winograd(x, u, b,
                 (struct net_winograd){.x = {BATCH_BLOCKS, HIGH, WIDE, 2},
                                       .y = {BATCH_BLOCKS, HIGH, WIDE, 5},
                                       .channels = FROM,
                                       .outputs = TO,
                                       .panels = {1, 1, 0},
                                       .padding = {1, 1},
                                       .m = 2,
                                       .down = 4,
                                       .across = 5,
                                       .group = 2,
                                       .batch_blocks = 1},
                 8, input_2, output_2, tile_8x3, tile_8x2, NULL, store_result, NULL, &y, count_row,
                 finished, run, thread);
}

/* x is dy, y is dx, without a bias: two batch blocks at a time */
static void backward_4(float *y, int *finished, float *u, const float *x, const float *w,
                       const float *b, NET_RUN)
{
    (void)b;
    if (thread == 0)
        net_winograd_weights(u, w,
                             (struct net_winograd_weights){.inputs = FROM,
                                                           .outputs = TO,
                                                           .panels = {1, 1, 0},
                                                           .u_panels = {0, 1, 0},
                                                           .transposed = true},
                             filter_4, &(struct net_run){.threads = 1}, 0);
    net_winograd(x, u, NULL,
                 (struct net_winograd){.x = {BATCH_BLOCKS, HIGH, WIDE, 5},
                                       .y = {BATCH_BLOCKS, HIGH, WIDE, 2},
                                       .channels = TO,
                                       .outputs = FROM,
                                       .panels = {0, 1, 0},
                                       .padding = {1, 1},
                                       .m = 4,
                                       .down = 2,
                                       .across = 3,
                                       .group = 1,
                                       .batch_blocks = 2},
                 8, input_4, output_4, NULL, tile_8x2, NULL, store_result, NULL, &y, count_row,
                 finished, run, thread);
}

static long weight_at(int row, int output)
{
    const struct net_panel p = net_panel_of(output / 16, panels[0], panels[1]);

    return p.first * 16L * ROWS + row * 16L * p.width + (output / 16 - p.first) * 16 + output % 16;
}

/* The element of y, or where `dx` of dx. */
static double conv(const TestValue *x, const float *w, const float *b, bool dx, int image,
                   int pixel, int channel)
{
    double sum = dx ? 0 : (double)b[channel];

    for (int tap = 0; tap < 9; tap++)
        for (int c = 0; c < x->channels; c++) {
            const int row = pixel / WIDE + (dx ? 1 - tap / 3 : tap / 3 - 1);
            const int column = pixel % WIDE + (dx ? 1 - tap % 3 : tap % 3 - 1);
            const int input = dx ? channel : c, output = dx ? c : channel;

            if (row >= 0 && row < HIGH && column >= 0 && column < WIDE)
                sum += test_get(x, image, row * WIDE + column, c) *
                       (double)w[weight_at(tap * FROM + input, output)];
        }
    return sum;
}

static void check_conv(bool dx, int n, int threads)
{
    TestValue x = random_value(BATCH_BLOCKS, PIXELS, dx ? TO : FROM, 1);
    TestValue y = nan_value(BATCH_BLOCKS, PIXELS, dx ? FROM : TO);
    float *u = nan_floats(36L * TO * 32), *w = nan_floats(ROWS * 80L), b[80] = {0};
    float *scratch = nan_floats(2L * SCRATCH);
    int finished[BATCH_BLOCKS * HIGH] = {0};
    struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};
    _Alignas(64) float bias[80];

    memset(w, 0, ROWS * 80L * sizeof *w);
    for (int o = 0; o < TO; o++) {
        b[o] = (float)random_number(3, o);
        for (int row = 0; row < ROWS; row++)
            w[weight_at(row, o)] = (float)random_number(2, row * TO + o);
    }
    memcpy(bias, b, sizeof bias);
    ON_THREADS(&run, threads)
    (dx ? backward_4 : forward_2)(y.at, finished, u, x.at, w, bias, &run, thread);
    check_padding(&y, n, "winograd");
    for (int i = 0; i < n; i += 9)
        for (int p = 0; p < PIXELS; p++)
            for (int c = 0; c < y.channels; c++)
                check_near(test_get(&y, i, p, c), conv(&x, w, b, dx, i, p, c), 1e-4, "winograd");
    for (int i = 0; i < BATCH_BLOCKS * HIGH; i++)
        ck_assert_int_eq(finished[i], 16 * (i / HIGH) < n);
    free_value(&x);
    free_value(&y);
    free(u);
    free(w);
    free(scratch);
}

START_TEST(convolution)
{
    for (int threads = 1; threads <= 2; threads++) {
        check_conv(false, batches[_i], threads);
        check_conv(true, batches[_i], threads);
    }
}
END_TEST

/* ---- dw -------------------------------------------------------------------------------------- */

#define DW                                                                                         \
    .x = {BATCH_BLOCKS, HIGH, WIDE, 2}, .dy = {BATCH_BLOCKS, HIGH, WIDE, 5}, .inputs = FROM,       \
    .panels = {1, 1, 0}, .padding = {1, 1}

static void dw_2(float *dw, float *partial, const float *x, const float *dy, NET_RUN)
{
    (void)partial;
    net_winograd_dw(
        dw, x, dy,
        (struct net_winograd_dw){DW, .down = 4, .across = 5, .group = 2, .batch_blocks = 1,
                                 .item_panels = 2, .item_blocks = 1, .splits = 1},
        2, 8, input_2, gradient_2, filter_gradient_2, dw_tile_8x3, dw_tile_8x2, NULL, run, thread);
}

/* All tiles are one group. */
static void whole_dw_4(float *dw, float *partial, const float *x, const float *dy, NET_RUN)
{
    (void)partial;
    net_winograd_dw(
        dw, x, dy,
        (struct net_winograd_dw){DW, .down = 2, .across = 3, .group = 6, .batch_blocks = 3,
                                 .item_panels = 1, .item_blocks = 2, .whole = true, .splits = 1},
        4, 8, input_4, gradient_4, filter_gradient_4, dw_tile_8x3, dw_tile_8x2, NULL, run, thread);
}

#define SPLIT                                                                                      \
    (struct net_winograd_dw)                                                                       \
    {                                                                                              \
        DW, .down = 2, .across = 3, .group = 2, .batch_blocks = 1, .item_panels = 2,               \
            .item_blocks = 2, .splits = 4                                                          \
    }

/* On one thread: the final reduction follows at once. */
static void split_dw_4(float *dw, float *partial, const float *x, const float *dy, NET_RUN)
{
    (void)thread;
    for (int t = 0; t < run->threads && thread == 0; t++)
        net_winograd_dw(partial, x, dy, SPLIT, 4, 8, input_4, gradient_4, filter_gradient_4,
                        dw_tile_8x3, dw_tile_8x2, NULL, run, t);
    net_winograd_reduce_dw(dw, partial, SPLIT, 4, filter_gradient_4, run, thread);
}

static double dw_sum(const TestValue *x, const TestValue *dy, int n, int row, int output)
{
    const int tap = row / FROM;
    double sum = 0;

    for (int i = 0; i < n; i++)
        for (int p = 0; p < PIXELS; p++) {
            const int r = p / WIDE + tap / 3 - 1, c = p % WIDE + tap % 3 - 1;

            if (r >= 0 && r < HIGH && c >= 0 && c < WIDE)
                sum += test_get(x, i, r * WIDE + c, row % FROM) * test_get(dy, i, p, output);
        }
    return sum;
}

START_TEST(weight_gradient)
{
    void (*const kernels[])(float *, float *, const float *, const float *,
                            NET_RUN) = {dw_2, whole_dw_4, split_dw_4};
    const int n = batches[_i];
    TestValue x = random_value(BATCH_BLOCKS, PIXELS, FROM, 1);
    TestValue dy = random_value(BATCH_BLOCKS, PIXELS, TO, 2);
    double *sums = malloc(ROWS * TO * sizeof *sums);

    ck_assert_ptr_nonnull(sums);
    for (int k = 0; k < ROWS * TO; k += EVERY)
        sums[k] = dw_sum(&x, &dy, n, k / TO, k % TO);
    for (int k = 0; k < 6; k++) {
        float *dw = nan_floats(ROWS * 80L), *partial = nan_floats(4L * 36 * 2 * 6 * 256);
        float *scratch = nan_floats(2L * SCRATCH);
        struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};

        ON_THREADS(&run, k / 3 + 1)
        kernels[k % 3](dw, partial, x.at, dy.at, &run, thread);
        for (int i = 0; i < ROWS * TO; i += EVERY)
            check_near((double)dw[weight_at(i / TO, i % TO)], sums[i], 3e-4, "winograd dw");
        free(dw);
        free(partial);
        free(scratch);
    }
    free_value(&x);
    free_value(&dy);
    free(sums);
}
END_TEST

Suite *suite_winograd_templates(void)
{
    Suite *suite = suite_create("winograd_templates");
    TCase *tcase = tcase_create("against loops in double");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, convolution, 0, BATCHES);
    tcase_add_loop_test(tcase, weight_gradient, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
