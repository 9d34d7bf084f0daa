/*
 * gemm_templates.c -- the templates of gemm.h and conv.h called directly, with literals of their
 * own: against naive loops in double, with batches that end inside a batch block, on one to three
 * threads.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"
#include "kernels/tables.h"
#include "kernels/weight_slice.h"
#include "support/graph_test.h"
#include "support/template_test.h"

Suite *suite_gemm_templates(void);

/* Images of a batch that may have up to 48: each test is run for each of them. */
static const int batches[] = {1, 16, 19, 48};

enum { BATCHES = sizeof batches / sizeof *batches };

/* ---- Ends and tiles -------------------------------------------------------------------------- */

struct operands {
    float *y;
    const float *factor;
};

NET_EPILOGUE(multiply)
{
    const struct operands *o = operands;

    vec_store(o->y + e.at, vec_mul(v0, vec_load(o->factor + e.at)));
}

/* Twice a draw of 0.5 is 1: the same as `multiply`, through memory. */
NET_EPILOGUE(multiply_draw)
{
    const struct operands *o = operands;
    const vec v1 = vec_mul(v0, vec_load(o->factor + e.at));

    vec_store(o->y + e.at, vec_mul(vec_add(v1, v1), vec_load(draws)));
}

NET_DRAW(halves)
{
    (void)e;
    for (int i = 0; i < images; i++)
        vec_store(draws + 16 * i, vec_set(0.5f));
}

NET_GEMM_TILE(tile_4x2_bias)
{
    net_tile(4, 2, 16, 0, 1, multiply, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_GEMM_TILE(tile_4x1_bias)
{
    net_tile(4, 1, 16, 0, 1, multiply_draw, halves, 1, x, w, b, taps, segments, o, NULL, e, run);
}

NET_GEMM_TILE(tile_8x3)
{
    net_tile(8, 3, 16, 0, 0, multiply, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_GEMM_TILE(tile_8x1)
{
    net_tile(8, 1, 16, 0, 0, multiply, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

/* 3x2 taps of 3 channels in 4 lanes, a row of 9 pixels, its border with it */
NET_GEMM_TILE(tile_8x1_packed)
{
    net_packed_tile(8, 1, 4, 0, 4, 3, 3, 2, 16L * 4 * 9, 0, multiply, NULL, 0, x, w, b, o, NULL, e,
                    run);
}

/* How often each row was ended. */
NET_ROW_END(count_rows)
{
    int *const *counts = sums;

    (void)run;
    (*counts)[8 * batch_block + row]++;
}

/* ---- Weights --------------------------------------------------------------------------------- */

/* [row][output] and the same in panels; padding is +0. */
typedef struct Weights {
    int rows, outputs;
    float *plain, *panels;
} Weights;

static long weight_at(const Weights *w, int row, int output, int threes, int twos)
{
    const struct net_panel p = net_panel_of(output / 16, threes, twos);

    return p.first * 16L * w->rows + ((long)row * p.width + output / 16 - p.first) * 16 +
           output % 16;
}

static Weights random_weights(int rows, int outputs, int threes, int twos)
{
    const long floats = (outputs + 15) / 16 * 16L * rows;
    Weights w = {rows, outputs, nan_floats((long)rows * outputs), nan_floats(floats)};

    memset(w.panels, 0, (size_t)floats * sizeof *w.panels);
    for (int r = 0; r < rows; r++)
        for (int o = 0; o < outputs; o++) {
            const float value = (float)random_number(7, r * outputs + o);

            w.plain[r * outputs + o] = value;
            w.panels[weight_at(&w, r, o, threes, twos)] = value;
        }
    return w;
}

static void free_weights(Weights *w)
{
    free(w->plain);
    free(w->panels);
}

/* ---- Dense ----------------------------------------------------------------------------------- */

enum { INPUTS = 35, OUTPUTS = 41 }; /* 3 blocks each */

static void dense_48x35x41(const float *x, const float *w, const float *b,
                           const struct operands *operands, int **counts, NET_RUN)
{
    net_dense(NULL, tile_4x2_bias, tile_4x1_bias, x, w, b, operands, count_rows, counts,
              (struct net_contraction){.tile_rows = 4,
                                       .y = {3, 1, 1, 3},
                                       .x = {3, 1, 1, 3},
                                       .x_lanes = 16,
                                       .inputs = INPUTS,
                                       .outputs = OUTPUTS,
                                       NET_SEGMENTS({0, 35, 1, 0, 3}),
                                       NET_PARTS({.pixels = 1, .panels = {0, 1, 1}})},
              run, thread);
}

START_TEST(dense)
{
    struct net_run run = {.n = batches[_i]};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(3, 1, INPUTS, 1), factor = random_value(3, 1, OUTPUTS, 2);
        TestValue y = nan_value(3, 1, OUTPUTS);
        const struct operands operands = {y.at, factor.at};
        Weights w = random_weights(INPUTS, OUTPUTS, 0, 1);
        _Alignas(64) float bias[48] = {0};
        int rows[24] = {0}, *counts = rows;

        for (int o = 0; o < OUTPUTS; o++)
            bias[o] = (float)random_number(3, o);
        ON_THREADS(&run, threads)
        dense_48x35x41(x.at, w.panels, bias, &operands, &counts, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int o = 0; o < OUTPUTS; o++) {
                double sum = (double)bias[o];

                for (int c = 0; c < INPUTS; c++)
                    sum += test_get(&x, i, 0, c) * (double)w.plain[c * OUTPUTS + o];
                check_near(test_get(&y, i, 0, o), sum * test_get(&factor, i, 0, o), 1e-5, "dense");
            }
        check_padding(&y, run.n, "dense");
        for (int block = 0; block < 3; block++)
            ck_assert_int_eq(rows[8 * block], run.n > 16 * block);
        free_value(&x), free_value(&factor), free_value(&y);
        free_weights(&w);
    }
}
END_TEST

/* dx of x[20, 3 pixels] flattened: 2 blocks a pixel, panels of one block */
static void dense_dx_48x20x3x41(const float *dy, const float *w, const struct operands *operands,
                                NET_RUN)
{
    net_dense(NULL, NULL, tile_8x1, dy, w, NULL, operands, NULL, NULL,
              (struct net_contraction){.tile_rows = 8,
                                       .panel_outer = 1,
                                       .y = {3, 1, 1, 6},
                                       .x = {3, 1, 1, 3},
                                       .x_lanes = 16,
                                       .inputs = OUTPUTS,
                                       .outputs = 60,
                                       NET_SEGMENTS({0, OUTPUTS, 1, 0, 0}),
                                       NET_PARTS({.pixels = 3, .stride = 2, .panels = {0, 0, 2}})},
              run, thread);
}

static void transpose_60x41(float *wt, const float *w, NET_RUN)
{
    net_transpose_weights(
        wt, w, (struct net_transposed[]){{.step = 20, .taps = 3, .inputs = 20, .panels = {0, 0}}},
        1, (struct net_transpose){.rows = 60, .outputs = OUTPUTS, .panels = {1, 0}}, run, thread);
}

START_TEST(dense_dx)
{
    struct net_run run = {.n = batches[_i]};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue dy = random_value(3, 1, OUTPUTS, 1), factor = random_value(3, 3, 20, 2);
        TestValue dx = nan_value(3, 3, 20);
        const struct operands operands = {dx.at, factor.at};
        Weights w = random_weights(60, OUTPUTS, 1, 0);
        float *wt = nan_floats(32L * 3 * OUTPUTS);

        ON_THREADS(&run, threads)
        transpose_60x41(wt, w.panels, &run, thread);
        ON_THREADS(&run, threads)
        dense_dx_48x20x3x41(dy.at, wt, &operands, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int row = 0; row < 60; row++) {
                const int pixel = row / 20, c = row % 20;
                double sum = 0;

                for (int o = 0; o < OUTPUTS; o++)
                    sum += test_get(&dy, i, 0, o) * (double)w.plain[row * OUTPUTS + o];
                check_near(test_get(&dx, i, pixel, c), sum * test_get(&factor, i, pixel, c), 1e-5,
                           "dense_dx");
            }
        check_padding(&dx, run.n, "dense_dx");
        free_value(&dy), free_value(&factor), free_value(&dx);
        free_weights(&w);
        free(wt);
    }
}
END_TEST

/* ---- Convolutions ---------------------------------------------------------------------------- */

enum { H = 7, W = 8, C = 19, O = 37, YH = 4, YW = 8 };

#define TAPS .kernel = {3, 2}, .stride = {2, 1}, .padding = {1, 1}, .dilation = {1, 2}

/* The pixel of x under tap (k, l) of a pixel of y; -1 outside. */
static int tap_pixel(int pixel, int k, int l)
{
    const int h = pixel / YW * 2 - 1 + k, w = pixel % YW - 1 + 2 * l;

    return h < 0 || h >= H || w < 0 || w >= W ? -1 : h * W + w;
}

static void conv2d_48x19x7x8(const float *x, const float *w, const struct operands *operands,
                             int **counts, NET_RUN)
{
    net_conv2d(tile_8x3, NULL, NULL, x, w, NULL, operands, count_rows, counts,
               (struct net_contraction){.tile_rows = 8,
                                        .y = {3, YH, YW, 3},
                                        .x = {3, H, W, 2},
                                        .x_lanes = 16,
                                        .inputs = C,
                                        .outputs = O,
                                        NET_SEGMENTS({0, C, H * W, 0, 2}),
                                        NET_PARTS({.pixels = 1, .panels = {1, 0, 0}}),
                                        .taps = {TAPS}},
               run, thread);
}

START_TEST(conv2d)
{
    struct net_run run = {.n = batches[_i]};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(3, H * W, C, 1), factor = random_value(3, YH * YW, O, 2);
        TestValue y = nan_value(3, YH * YW, O);
        const struct operands operands = {y.at, factor.at};
        Weights w = random_weights(6 * C, O, 1, 0);
        int rows[24] = {0}, *counts = rows;

        ON_THREADS(&run, threads)
        conv2d_48x19x7x8(x.at, w.panels, &operands, &counts, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int p = 0; p < YH * YW; p++)
                for (int o = 0; o < O; o++) {
                    double sum = 0;

                    for (int row = 0; row < 6 * C; row++) {
                        const int at = tap_pixel(p, row / C / 2, row / C % 2);

                        if (at >= 0)
                            sum += test_get(&x, i, at, row % C) * (double)w.plain[row * O + o];
                    }
                    check_near(test_get(&y, i, p, o), sum * test_get(&factor, i, p, o), 1e-5,
                               "conv2d");
                }
        check_padding(&y, run.n, "conv2d");
        for (int item = 0; item < 3 * YH; item++)
            ck_assert_int_eq(rows[item / YH * 8 + item % YH], run.n > item / YH * 16);
        free_value(&x), free_value(&factor), free_value(&y);
        free_weights(&w);
    }
}
END_TEST

static void transpose_114x37(float *wt, const float *w, NET_RUN)
{
    net_transpose_weights(
        wt, w, (struct net_transposed[]){{.step = C, .taps = 6, .inputs = C, .panels = {0, 0}}}, 1,
        (struct net_transpose){.rows = 6 * C, .outputs = O, .panels = {1, 0}}, run, thread);
}

static void conv2d_dx_48x19x7x8(const float *dy, const float *wt, const struct operands *operands,
                                NET_RUN)
{
    net_conv2d(NULL, NULL, tile_8x1, dy, wt, NULL, operands, NULL, NULL,
               (struct net_contraction){.tile_rows = 8,
                                        .panel_outer = 1,
                                        .y = {3, H, W, 2},
                                        .x = {3, YH, YW, 3},
                                        .x_lanes = 16,
                                        .inputs = O,
                                        .outputs = C,
                                        NET_SEGMENTS({0, O, YH * YW, 0, 3}),
                                        NET_PARTS({.pixels = 1, .panels = {0, 0, 2}}),
                                        .taps = {TAPS, .step = {2, 1}}},
               run, thread);
}

START_TEST(conv2d_dx)
{
    struct net_run run = {.n = batches[_i]};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue dy = random_value(3, YH * YW, O, 1), factor = random_value(3, H * W, C, 2);
        TestValue dx = nan_value(3, H * W, C);
        const struct operands operands = {dx.at, factor.at};
        Weights w = random_weights(6 * C, O, 1, 0);
        float *wt = nan_floats(32L * 6 * O);
        double *sum = calloc((size_t)H * W * C, sizeof *sum);

        ON_THREADS(&run, threads)
        transpose_114x37(wt, w.panels, &run, thread);
        ON_THREADS(&run, threads)
        conv2d_dx_48x19x7x8(dy.at, wt, &operands, &run, thread);
        for (int i = 0; i < run.n; i++) {
            memset(sum, 0, (size_t)H * W * C * sizeof *sum);
            for (int p = 0; p < YH * YW; p++)
                for (int row = 0; row < 6 * C; row++) {
                    const int at = tap_pixel(p, row / C / 2, row / C % 2);

                    for (int o = 0; o < O && at >= 0; o++)
                        sum[at * C + row % C] += test_get(&dy, i, p, o) *
                                                 (double)w.plain[row * O + o];
                }
            for (int k = 0; k < H * W * C; k++)
                check_near(test_get(&dx, i, k / C, k % C),
                           sum[k] * test_get(&factor, i, k / C, k % C), 1e-5, "conv2d_dx");
        }
        check_padding(&dx, run.n, "conv2d_dx");
        free_value(&dy), free_value(&factor), free_value(&dx);
        free_weights(&w);
        free(wt);
        free(sum);
    }
}
END_TEST

/* ---- A packed image -------------------------------------------------------------------------- */

enum { PH = 6, PW = 9, POUT = 4, PACKED = 48 * PH * PW * 4 }; /* with the border; 4 by 4 outputs */

static void conv2d_packed_48(const float *x, const float *w, const struct operands *operands,
                             NET_RUN)
{
    net_conv2d_packed(NULL, NULL, tile_8x1_packed, x, w, NULL, operands, NULL, NULL,
                      (struct net_contraction){.tile_rows = 8,
                                               .y = {3, POUT, POUT, 1},
                                               .x = {3, PH, PW, 1},
                                               .x_lanes = 4,
                                               .inputs = 3,
                                               .outputs = 5,
                                               NET_SEGMENTS({0, 3, PH * PW, 0, 1}),
                                               NET_PARTS({.pixels = 1, .panels = {0, 0, 1}}),
                                               .taps = {.kernel = {3, 2}, .stride = {1, 2}}},
                      run, thread);
}

START_TEST(conv2d_packed)
{
    struct net_run run = {.n = batches[_i]};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue factor = random_value(3, POUT * POUT, 5, 2), y = nan_value(3, POUT * POUT, 5);
        const struct operands operands = {y.at, factor.at};
        Weights w = random_weights(18, 5, 0, 0);
        float *x = nan_floats(PACKED);

        for (int k = 0; k < PACKED; k++) /* [batch block][pixel][16 images][4 channels] */
            x[k] = (float)random_number(3, k);
        ON_THREADS(&run, threads)
        conv2d_packed_48(x, w.panels, &operands, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int p = 0; p < POUT * POUT; p++)
                for (int o = 0; o < 5; o++) {
                    double sum = 0;

                    for (int row = 0; row < 18; row++) {
                        const int h = p / POUT + row / 6, v = p % POUT * 2 + row / 3 % 2;
                        const int pixel = i / 16 * PH * PW + h * PW + v;

                        sum += (double)x[(pixel * 16 + i % 16) * 4 + row % 3] *
                               (double)w.plain[row * 5 + o];
                    }
                    check_near(test_get(&y, i, p, o), sum * test_get(&factor, i, p, o), 1e-5,
                               "conv2d_packed");
                }
        check_padding(&y, run.n, "conv2d_packed");
        free_value(&factor), free_value(&y);
        free_weights(&w);
        free(x);
    }
}
END_TEST

/* ---- Weights in part ------------------------------------------------------------------------- */

enum { ALL = 57, PART = 27, ROWS = 5 }; /* outputs of 4 and 2 blocks */

#define SLICE(name, y_panels_, x_panels_, y_outputs_, x_outputs_, floats_, place_)                 \
    static void name(float *y, const float *x, NET_RUN)                                            \
    {                                                                                              \
        net_weight_slice(y, x,                                                                     \
                         (struct net_weight_slice){.y_panels = y_panels_,                          \
                                                   .x_panels = x_panels_,                          \
                                                   .y_outputs = (y_outputs_),                      \
                                                   .x_outputs = (x_outputs_),                      \
                                                   .floats = (floats_),                            \
                                                   .place = (place_)},                             \
                         run, thread);                                                             \
    }
#define OF_ALL                                                                                     \
    {                                                                                              \
        1, 0, 1                                                                                    \
    }
#define OF_PART                                                                                    \
    {                                                                                              \
        0, 1, 0                                                                                    \
    }
SLICE(slice_16, OF_PART, OF_ALL, PART, ALL, 64L * ROWS, -16)
SLICE(slice_21, OF_PART, OF_ALL, PART, ALL, 64L * ROWS, -21)
SLICE(put_16, OF_ALL, OF_PART, ALL, PART, 32L * ROWS, 16)
SLICE(put_21, OF_ALL, OF_PART, ALL, PART, 32L * ROWS, 21)

static const struct {
    void (*slice)(float *y, const float *x, NET_RUN);
    int begin; /* the output of all that the first of the part is */
    bool back;
} slices[] = {{slice_16, 16, false}, {slice_21, 21, false}, {put_16, 16, true}, {put_21, 21, true}};

START_TEST(weight_slice)
{
    const bool back = slices[_i].back;
    const int begin = slices[_i].begin, outputs = back ? ALL : PART;
    Weights x = back ? random_weights(ROWS, PART, 0, 1) : random_weights(ROWS, ALL, 1, 0);
    struct net_run run = {.n = 1};

    for (int threads = 1; threads <= 3; threads++) {
        Weights y = {ROWS, (outputs + 15) / 16 * 16, NULL, nan_floats(64L * ROWS)};

        ON_THREADS(&run, threads)
        slices[_i].slice(y.panels, x.panels, &run, thread);
        for (int row = 0; row < ROWS; row++)
            for (int o = 0; o < y.outputs; o++) {
                const int from = back ? o - begin : o + begin;
                const bool inside = o < outputs && from >= 0 && from < x.outputs;
                const float wanted = inside ? x.plain[row * x.outputs + from] : 0;

                ck_assert_float_eq(y.panels[weight_at(&y, row, o, back, !back)], wanted);
            }
        free(y.panels);
    }
    free_weights(&x);
}
END_TEST

Suite *suite_gemm_templates(void)
{
    Suite *suite = suite_create("gemm_templates");
    TCase *test = tcase_create("templates");

    tcase_add_loop_test(test, dense, 0, BATCHES);
    tcase_add_loop_test(test, dense_dx, 0, BATCHES);
    tcase_add_loop_test(test, conv2d, 0, BATCHES);
    tcase_add_loop_test(test, conv2d_dx, 0, BATCHES);
    tcase_add_loop_test(test, conv2d_packed, 0, BATCHES);
    tcase_add_loop_test(test, weight_slice, 0, sizeof slices / sizeof *slices);
    suite_add_tcase(suite, test);
    return suite;
}
