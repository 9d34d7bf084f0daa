/*
 * weight_gradient_templates.c -- the templates of weight_gradient.h called directly, with literals
 * of their own: against naive loops in double, on one to three threads, for full and partial
 * batches.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"
#include "support/template_test.h"

Suite *suite_weight_gradient_templates(void);

/* Images of a batch that may have up to 48: each test is run for each of them. */
static const int batches[] = {1, 16, 19, 48};

enum { BATCHES = sizeof batches / sizeof *batches };

/* ---- Tiles ----------------------------------------------------------------------------------- */

#define DW_TILE(name, call)                                                                        \
    static void name(float *restrict dw, const float *restrict x, const float *restrict dy,        \
                     const struct net_reduction *over)                                             \
    {                                                                                              \
        call;                                                                                      \
    }

DW_TILE(tile_8x3, net_sum_dw(dw, x, dy, over, 8, 3, false, false))
DW_TILE(tile_8x2, net_sum_dw(dw, x, dy, over, 8, 2, false, false))
DW_TILE(tile_4x1, net_sum_dw(dw, x, dy, over, 4, 1, false, false))
DW_TILE(tile_4x3_add, net_sum_dw(dw, x, dy, over, 4, 3, true, true))
DW_TILE(tile_4x2_add, net_sum_dw(dw, x, dy, over, 4, 2, true, true))
DW_TILE(tile_4x1_add, net_sum_dw(dw, x, dy, over, 4, 1, true, true))

/* ---- Weights --------------------------------------------------------------------------------- */

/* Of a weight of `rows` inputs: the float of a row and an output. */
static long weight_at(const int panels[3], long rows, long row, int output)
{
    const struct net_panel p = net_panel_of(output / 16, panels[0], panels[1]);

    return p.first * 16 * rows + row * 16 * p.width + (output / 16 - p.first) * 16 + output % 16;
}

/* What the optimizer is given stands where the weight was. */
static void keep(float *restrict w, const float *restrict g, float *restrict state, long count,
                 const struct net_step_scalars *scalars)
{
    (void)state, (void)scalars;
    memcpy(w, g, (size_t)count * sizeof *w);
}

/* ---- Dense ----------------------------------------------------------------------------------- */

enum { DENSE_ROWS = 2 + 3 * 19, DENSE_OUTPUTS = 70, DENSE_FLOATS = DENSE_ROWS * 80 };

/* x: three pixels of 19 channels; dw: two rows of another segment first */
static void dense_dw(float *w, const float *x, const float *dy, NET_RUN)
{
    net_dense_dw(w, x, dy,
                 (struct net_dense_dw){.panels = {1, 1, 0},
                                       .inputs = DENSE_ROWS,
                                       .first = 2,
                                       .channels = 19,
                                       .pixels = 3,
                                       .block = 0,
                                       .stride = 2,
                                       .x_blocks = 6,
                                       .dy_blocks = 5,
                                       .apply = {.update = true, .l2 = 0.5f}},
                 8, tile_8x3, tile_8x2, NULL, run, thread);
}

static void dense_dw_4x1(float *dw, const float *x, const float *dy, NET_RUN)
{
    net_dense_dw(dw, x, dy,
                 (struct net_dense_dw){.panels = {0, 0, 5},
                                       .inputs = DENSE_ROWS,
                                       .first = 2,
                                       .channels = 19,
                                       .pixels = 3,
                                       .stride = 2,
                                       .x_blocks = 6,
                                       .dy_blocks = 5},
                 4, NULL, NULL, tile_4x1, run, thread);
}

static void check_dense(bool update, int n, int threads)
{
    const int panels[2][3] = {{0, 0, 5}, {1, 1, 0}};
    TestValue x = random_value(3, 3, 19, 1), dy = random_value(3, 1, DENSE_OUTPUTS, 2);
    float *w = nan_floats(DENSE_FLOATS);
    struct net_run run = {.n = n, .params = w, .update = keep};

    for (int i = 0; update && i < DENSE_FLOATS; i++)
        w[i] = 1.0f;
    ON_THREADS(&run, threads)
    (update ? dense_dw : dense_dw_4x1)(w, x.at, dy.at, &run, thread);
    for (int row = 0; row < 3 * 19; row++)
        for (int o = 0; o < DENSE_OUTPUTS; o++) {
            double sum = update ? 0.5 : 0; /* of the penalty l2 / 2 w^2 at w = 1 */

            for (int i = 0; i < n; i++)
                sum += test_get(&x, i, row / 19, row % 19) * test_get(&dy, i, 0, o);
            check_near((double)w[weight_at(panels[update], DENSE_ROWS, 2 + row, o)], sum, 1e-5,
                       "dense dw");
        }
    free_value(&x);
    free_value(&dy);
    free(w);
}

START_TEST(dense)
{
    for (int threads = 1; threads <= 3; threads++) {
        check_dense(true, batches[_i], threads);
        check_dense(false, batches[_i], threads);
    }
}
END_TEST

/* ---- Convolutions ---------------------------------------------------------------------------- */

enum { BATCH_BLOCKS = 3, MAX_DW = 9 * 38 * 80 };

typedef struct Conv {
    struct net_conv_dw s;
    void (*kernel)(float *dw, const float *x, const float *dy, NET_RUN);
} Conv;

#define STRIDED                                                                                    \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .panels = {1, 1, 0}, .tap_rows = {3, 1}, .inputs = 38,       \
        .outputs = 70, .groups = 1, .first = 0, .channels = 38, .x_blocks = 3, .dy_blocks = 5,     \
        .x = {7, 5}, .dy = {4, 3}, .kernel = {3, 3}, .stride = {2, 2}, .padding = {1, 1},          \
        .dilation = {                                                                              \
            1,                                                                                     \
            1                                                                                      \
        }                                                                                          \
    }
#define GROUPED                                                                                    \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .panels = {0, 0, 3}, .tap_rows = {0, 0, 2}, .inputs = 38,    \
        .outputs = 34, .groups = 2, .first = 0, .channels = 38, .x_blocks = 3, .dy_blocks = 3,     \
        .x = {6, 5}, .dy = {5, 7}, .kernel = {2, 3}, .stride = {1, 1}, .padding = {1, 3},          \
        .dilation = {                                                                              \
            3,                                                                                     \
            2                                                                                      \
        }                                                                                          \
    }
#define PARTIAL                                                                                    \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .panels = {0, 1, 0}, .tap_rows = {0, 3}, .inputs = 9,        \
        .outputs = 20, .groups = 1, .channels = 9, .x_blocks = 1, .dy_blocks = 2, .x = {4, 65},    \
        .dy = {4, 65}, .kernel = {3, 1}, .stride = {1, 1}, .padding = {1, 0}, .dilation = {1, 1},  \
        .partial = true                                                                            \
    }

static void strided_dw(float *dw, const float *x, const float *dy, NET_RUN)
{
    net_conv_dw(dw, x, dy, (struct net_conv_dw)STRIDED, 4, tile_4x3_add, tile_4x2_add, NULL, run,
                thread);
}

static void grouped_dw(float *dw, const float *x, const float *dy, NET_RUN)
{
    net_conv_dw(dw, x, dy, (struct net_conv_dw)GROUPED, 4, NULL, NULL, tile_4x1_add, run, thread);
}

static void partial_dw(float *dw, const float *x, const float *dy, NET_RUN)
{
    net_conv_dw(dw, x, dy, (struct net_conv_dw)PARTIAL, 4, NULL, tile_4x2_add, NULL, run, thread);
}

static const Conv convs[] = {
    {STRIDED, strided_dw},
    {GROUPED, grouped_dw},
    {PARTIAL, partial_dw},
};

enum { CONVS = sizeof convs / sizeof *convs };

/* One weight's gradient over images `first` to `end` - 1. */
static double conv_sum(const struct net_conv_dw *s, const TestValue *x, const TestValue *dy,
                       int first, int end, int input, int output, int k, int l)
{
    double sum = 0;

    if (input / (s->inputs / s->groups) != output / (s->outputs / s->groups))
        return 0;
    for (int i = first; i < end; i++)
        for (int r = 0; r < s->dy[0]; r++)
            for (int c = 0; c < s->dy[1]; c++) {
                const int row = r * s->stride[0] - s->padding[0] + k * s->dilation[0];
                const int column = c * s->stride[1] - s->padding[1] + l * s->dilation[1];

                if (row >= 0 && row < s->x[0] && column >= 0 && column < s->x[1])
                    sum += test_get(x, i, row * s->x[1] + column, input) *
                           test_get(dy, i, r * s->dy[1] + c, output);
            }
    return sum;
}

static void check_conv(const struct net_conv_dw *s, const float *dw, const TestValue *x,
                       const TestValue *dy, int first, int end)
{
    const long rows = (long)s->kernel[0] * s->kernel[1] * s->inputs;

    for (long row = 0; row < rows; row++)
        for (int o = 0; o < s->outputs; o++) {
            const int tap = (int)(row / s->inputs), input = (int)(row % s->inputs);

            check_near(
                (double)dw[weight_at(s->panels, rows, row, o)],
                conv_sum(s, x, dy, first, end, input, o, tap / s->kernel[1], tap % s->kernel[1]),
                1e-4, "conv dw");
        }
}

START_TEST(conv)
{
    const struct net_conv_dw *s = &convs[_i % CONVS].s;
    const int n = batches[_i / CONVS];
    const long floats = (long)s->kernel[0] * s->kernel[1] * s->inputs * 16 *
                        (3 * s->panels[0] + 2 * s->panels[1] + s->panels[2]);
    TestValue x = random_value(BATCH_BLOCKS, s->x[0] * s->x[1], s->inputs, 1);
    TestValue dy = random_value(BATCH_BLOCKS, s->dy[0] * s->dy[1], s->outputs, 2);

    for (int threads = 1; threads <= 2; threads++) {
        float *dw = nan_floats(BATCH_BLOCKS * floats), *scratch = nan_floats(2L * MAX_DW);
        struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = MAX_DW};

        ON_THREADS(&run, threads)
        convs[_i % CONVS].kernel(dw, x.at, dy.at, &run, thread);
        for (int b = 0; b < (s->partial ? (n + 15) / 16 : 1); b++)
            check_conv(s, dw + b * floats, &x, &dy, 16 * b,
                       s->partial && n > 16 * b + 16 ? 16 * b + 16 : n);
        free(dw);
        free(scratch);
    }
    free_value(&x);
    free_value(&dy);
}
END_TEST

/* ---- Packed images --------------------------------------------------------------------------- */

/* x: 3 channels in 4 lanes, 6 x 8 with its border; taps 2 x 3 by steps of 2 x 1; 20 outputs, two
   partial sums a batch block */
enum { LANES = 4, HIGH = 6, WIDE = 8, DOWN = 3, ACROSS = 6, INPUTS = 18, OUTPUTS = 20, SPLITS = 2 };

DW_TILE(tile_from_0,
        net_sum_packed_dw(dw, x, dy, over, 12, 2, 0, 3, 3, 16 * LANES * WIDE, 16 * LANES))
DW_TILE(tile_from_12,
        net_sum_packed_dw(dw, x, dy, over, 6, 2, 12, 3, 3, 16 * LANES * WIDE, 16 * LANES))

static void packed_dw(float *partial, const float *x, const float *dy, NET_RUN)
{
    net_packed_dw(partial, x, dy,
                  (struct net_packed_dw){.batch_blocks = BATCH_BLOCKS,
                                         .splits = SPLITS,
                                         .panels = {0, 1, 0},
                                         .inputs = INPUTS,
                                         .tile_inputs = {8, 12, 24},
                                         .x = {HIGH, WIDE},
                                         .lanes = LANES,
                                         .dy = {DOWN, ACROSS},
                                         .dy_blocks = 2,
                                         .stride = {2, 1}},
                  NULL, (net_dw_tile *[]){tile_from_0, tile_from_12}, NULL, run, thread);
}

static void reduce_dw(float *dw, const float *partial, NET_RUN)
{
    net_reduce_dw(dw, partial, INPUTS * 32, SPLITS, (struct net_apply){0}, run, thread);
}

static double packed_get(const float *x, int image, int row, int column, int channel)
{
    const long pixel = ((long)image / 16 * HIGH + row) * WIDE + column;

    return (double)x[(pixel * 16 + image % 16) * LANES + channel];
}

START_TEST(packed)
{
    const int n = batches[_i], panels[3] = {0, 1, 0};
    TestValue dy = random_value(BATCH_BLOCKS, DOWN * ACROSS, OUTPUTS, 2);
    /* as many numbers as the packed image has, of which none is padding */
    TestValue x = random_value(BATCH_BLOCKS, HIGH * WIDE * LANES / 16, 16, 1);

    for (int threads = 1; threads <= 3; threads++) {
        float *partial = nan_floats(BATCH_BLOCKS * SPLITS * INPUTS * 32L);
        float *dw = nan_floats(INPUTS * 32);
        struct net_run run = {.n = n};

        ON_THREADS(&run, threads)
        packed_dw(partial, x.at, dy.at, &run, thread);
        ON_THREADS(&run, threads)
        reduce_dw(dw, partial, &run, thread);
        for (int row = 0; row < INPUTS; row++)
            for (int o = 0; o < OUTPUTS; o++) {
                double sum = 0;

                for (int i = 0; i < n; i++)
                    for (int p = 0; p < DOWN * ACROSS; p++)
                        sum += packed_get(x.at, i, p / ACROSS * 2 + row / 9,
                                          p % ACROSS + row / 3 % 3, row % 3) *
                               test_get(&dy, i, p, o);
                check_near((double)dw[weight_at(panels, INPUTS, row, o)], sum, 1e-5, "packed dw");
            }
        free(partial);
        free(dw);
    }
    free_value(&x);
    free_value(&dy);
}
END_TEST

Suite *suite_weight_gradient_templates(void)
{
    Suite *suite = suite_create("weight_gradient_templates");
    TCase *tcase = tcase_create("against loops in double");

    tcase_set_timeout(tcase, 60);
    tcase_add_loop_test(tcase, dense, 0, BATCHES);
    tcase_add_loop_test(tcase, conv, 0, BATCHES * CONVS);
    tcase_add_loop_test(tcase, packed, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
