/*
 * volume.c -- convolutions and pools of volumes: as compiled kernels against the reference, and
 * net_conv3d, its dx and its dw called with literals of their own.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"
#include "kernels/tables.h"
#include "support/graph_test.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

static const KernelCase cases[] = {
    {"volumes", 17, 1, false, "input x[3, 3, 5, 4] = x", "[2825] = t", "x",
     "    x3 = x -> conv3d(3, [3, 2, 3], padding=1, stride=[1, 2, 1]) -> tanh\n"
     "    x17 = x -> conv3d(17, [2, 3, 1], padding=same) -> batchnorm -> relu\n"
     "    a = x17 -> conv3d(33, [2, 1, 2], padding=[2, 0, 1], dilation=[3, 1, 1], "
     "stride=[2, 1, 3])\n"
     "    b = concat(x17, x -> conv3d(3, 1)) -> conv3d(6, 2, groups=2) -> dropout3d(0.3)\n"
     "    c = x17 + conv3d(x17, 17, 3, padding=1)\n"
     "          -> maxpool3d([3, 2, 2], stride=[2, 1, 2], padding=[1, 0, 1])\n"
     "    d = x3 -> conv3d_transpose(5, [2, 3, 2], stride=[1, 2, 3], padding=[1, 1, 0],\n"
     "                               output_padding=[0, 1, 2], bias=false)\n"
     "    e = x17 -> avgpool3d([2, 3, 2], stride=[1, 2, 2], padding=[1, 1, 0]) -> sigmoid\n"
     "    f = x3 -> upsample3d([1, 2, 2]) -> maxpool3d(2, ceil=true)\n"
     "    g = concat(x3, x3 -> relu, axis=height) -> slice(1..4, axis=height)\n"
     "          -> pad([1, 0], axis=depth)\n"
     "    h = x3 -> softmax(axis=[depth, height, width]) -> max(axis=height)\n"
     "    i = x3 * (x17 -> global_avgpool3d -> dense(3)) -> instancenorm\n"
     "    concat(a -> flatten, b -> flatten, c -> flatten, d -> flatten, e -> flatten,\n"
     "           f -> flatten, g -> flatten, h -> flatten, i -> flatten,\n"
     "           x17 -> global_maxpool3d)\n",
     "mse"},
};

KernelCases volume_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

START_TEST(test_case)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Templates ------------------------------------------------------------------------------- */

/* x[C, D, H, W] and y[O, YD, YH, YW]; 19 images, of 2 batch blocks */
enum { C = 19, D = 4, H = 3, W = 5, O = 20, YD = 2, YH = 4, YW = 3, IMAGES = 19, TAP_COUNT = 12 };

#define TAPS .kernel = {2, 3, 2}, .stride = {1, 2, 2}, .padding = {1, 1, 1}, .dilation = {1, 1, 2}

/* The pixel of x under a tap of a pixel of y; -1 outside. */
static int tap_pixel(int pixel, int tap)
{
    const int d = pixel / (YH * YW) * 2 - 1 + tap / 6 * 2;
    const int h = pixel / YW % YH - 1 + tap / 3 % 2, w = pixel % YW * 2 - 1 + tap % 3;

    return d < 0 || d >= D || h < 0 || h >= H || w < 0 || w >= W ? -1 : (d * H + h) * W + w;
}

NET_EPILOGUE(store)
{
    float *const *y = operands;

    (void)draws, (void)run;
    vec_store(*y + e.at, v0);
}

NET_GEMM_TILE(tile_4x2)
{
    net_tile(4, 2, 16, 0, 0, store, NULL, 0, x, w, b, taps, segments, o, NULL, e, run);
}

NET_DW_TILE(tile_4x2_add)
{
    net_sum_dw(dw, x, dy, over, 4, 2, true, false);
}

static void conv3d(float *const *y, const float *x, const float *w, NET_RUN)
{
    net_conv3d(NULL, tile_4x2, NULL, x, w, NULL, y, NULL, NULL,
               (struct net_contraction){.tile_rows = 4,
                                        .y = {2, YD * YH, YW, 2},
                                        .x = {2, D * H, W, 2},
                                        .x_lanes = 16,
                                        .inputs = C,
                                        .outputs = O,
                                        NET_SEGMENTS({0, C, D * H * W, 0, 2}),
                                        NET_PARTS({.pixels = 1, .panels = {0, 1, 0}}),
                                        .taps = {TAPS},
                                        .slices = {YD, D}},
               run, thread);
}

static void conv3d_dx(float *const *dx, const float *dy, const float *wt, NET_RUN)
{
    net_conv3d(NULL, tile_4x2, NULL, dy, wt, NULL, dx, NULL, NULL,
               (struct net_contraction){.tile_rows = 4,
                                        .y = {2, D * H, W, 2},
                                        .x = {2, YD * YH, YW, 2},
                                        .x_lanes = 16,
                                        .inputs = O,
                                        .outputs = C,
                                        NET_SEGMENTS({0, O, YD * YH * YW, 0, 2}),
                                        NET_PARTS({.pixels = 1, .panels = {0, 1, 0}}),
                                        .taps = {TAPS, .step = {1, 2, 1}},
                                        .slices = {D, YD}},
               run, thread);
}

static void conv3d_dw(float *dw, const float *x, const float *dy, int tap_rows, NET_RUN)
{
    struct net_conv_dw s = {.batch_blocks = 2,
                            .panels = {0, 1, 0},
                            .tap_rows = {0, tap_rows, 0},
                            .inputs = C,
                            .outputs = O,
                            .groups = 1,
                            .channels = C,
                            .x_blocks = 2,
                            .dy_blocks = 2,
                            .x = {H, W},
                            .dy = {YH, YW},
                            TAPS,
                            .slices = {D, YD}};

    net_conv_dw(dw, x, dy, s, 4, NULL, tile_4x2_add, NULL, run, thread);
}

/* w[tap][input][output] of a panel of two blocks, or with `back` [tap][output][input] */
static double weight(int tap, int c, int o)
{
    return (double)(float)random_number(7, (tap * C + c) * O + o);
}

static float *weights(bool back)
{
    float *w = nan_floats((back ? O : C) * 32L * TAP_COUNT);

    memset(w, 0, sizeof(float) * (size_t)(back ? O : C) * 32 * TAP_COUNT);
    for (int tap = 0; tap < TAP_COUNT; tap++)
        for (int c = 0; c < C; c++)
            for (int o = 0; o < O; o++)
                w[(tap * (back ? O : C) + (back ? o : c)) * 32L + (back ? c : o)] = (float)weight(
                    tap, c, o);
    return w;
}

START_TEST(forward)
{
    struct net_run run = {.n = IMAGES};
    TestValue x = random_value(2, D * H * W, C, 1), y = nan_value(2, YD * YH * YW, O);
    float *w = weights(false);

    ON_THREADS(&run, 1 + _i)
    conv3d(&y.at, x.at, w, &run, thread);
    for (int i = 0; i < IMAGES; i++)
        for (int p = 0; p < y.pixels; p++)
            for (int o = 0; o < O; o++) {
                double sum = 0;

                for (int k = 0; k < TAP_COUNT * C; k++)
                    if (tap_pixel(p, k / C) >= 0)
                        sum += test_get(&x, i, tap_pixel(p, k / C), k % C) *
                               weight(k / C, k % C, o);
                check_near(test_get(&y, i, p, o), sum, 1e-5, "conv3d");
            }
    free_value(&x), free_value(&y);
    free(w);
}
END_TEST

START_TEST(backward)
{
    struct net_run run = {.n = IMAGES};
    TestValue dy = random_value(2, YD * YH * YW, O, 1), dx = nan_value(2, D * H * W, C);
    double *sums = calloc((size_t)dx.pixels * C, sizeof *sums);
    float *wt = weights(true);

    ON_THREADS(&run, 1 + _i)
    conv3d_dx(&dx.at, dy.at, wt, &run, thread);
    for (int k = 0; k < dy.pixels * TAP_COUNT; k++)
        for (int c = 0; c < C && tap_pixel(k / TAP_COUNT, k % TAP_COUNT) >= 0; c++)
            for (int o = 0; o < O; o++)
                sums[tap_pixel(k / TAP_COUNT, k % TAP_COUNT) * C + c] +=
                    test_get(&dy, IMAGES - 1, k / TAP_COUNT, o) * weight(k % TAP_COUNT, c, o);
    for (int k = 0; k < dx.pixels * C; k++)
        check_near(test_get(&dx, IMAGES - 1, k / C, k % C), sums[k], 1e-5, "conv3d_dx");
    free_value(&dx), free_value(&dy);
    free(sums);
    free(wt);
}
END_TEST

/* Items of all taps, and of a row of them each. */
START_TEST(weight_gradient)
{
    TestValue x = random_value(2, D * H * W, C, 1), dy = random_value(2, YD * YH * YW, O, 2);
    float *dw = nan_floats(C * 32L * TAP_COUNT), *scratch = nan_floats(2L * 512 * TAP_COUNT);
    struct net_run run = {.n = IMAGES, .scratch = scratch, .scratch_stride = 512 * TAP_COUNT};

    ON_THREADS(&run, 2)
    conv3d_dw(dw, x.at, dy.at, _i ? 4 : 1, &run, thread);
    for (int k = 0; k < TAP_COUNT * C; k++)
        for (int o = 0; o < O; o++) {
            double sum = 0;

            for (int i = 0; i < IMAGES; i++)
                for (int p = 0; p < dy.pixels; p++)
                    if (tap_pixel(p, k / C) >= 0)
                        sum += test_get(&x, i, tap_pixel(p, k / C), k % C) * test_get(&dy, i, p, o);
            check_near((double)dw[32 * k + o], sum, 1e-5, "conv3d_dw");
        }
    free_value(&x), free_value(&dy);
    free(dw);
    free(scratch);
}
END_TEST

Suite *suite_volume(void);

Suite *suite_volume(void)
{
    Suite *suite = suite_create("volume");
    TCase *tcase = add_cases(suite, test_case, cases, COUNT(cases));

    tcase_add_loop_test(tcase, forward, 0, 2);
    tcase_add_loop_test(tcase, backward, 0, 2);
    tcase_add_loop_test(tcase, weight_gradient, 0, 2);
    return suite;
}
