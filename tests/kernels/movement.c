/*
 * movement.c -- parts of values, zeros around them and axes in another order: whole networks
 * against the reference, and the templates of movement.h, lanes.h and permute.h called directly.
 */

#include <check.h>
#include <stdlib.h>

#include "kernels/lanes.h"
#include "kernels/movement.h"
#include "kernels/permute.h"
#include "kernels/tables.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_movement(void);

/* ---- Networks -------------------------------------------------------------------------------- */

static const KernelCase cases[] = {
    {"sequences", 33, 1, true, "input x[5, 37] = x", "[24] = t", "x",
     "    a = x -> conv1d(19, 3, padding=causal, dilation=2) -> tanh\n"
     "    b = a -> transpose -> conv1d(17, 1) -> transpose\n"
     "    c = a -> slice(3..18) -> slice(5..9, axis=length)\n"
     "    d = a -> last -> dense(6)\n"
     "    e = concat(x, x -> tanh, x, axis=length) -> conv1d(7, 5, padding=[3, 0], stride=3)\n"
     "    f = a -> pad([2, 7]) -> pad(1, axis=channels) -> channel_shuffle(3)\n"
     "    g = x -> transpose -> slice(20..36) -> pad([16, 3], axis=channels)\n"
     "    concat(b -> flatten -> dense(6), c -> flatten -> dense(4), d,\n"
     "           e -> flatten -> dense(3), f -> flatten -> dense(2), g -> flatten -> dense(3))\n"
     "        -> dense(210) -> dense(24)\n", /* of full blocks, which the parts are copied to */
     "mse"},

    {"pictures", 17, 1, true, "input x[3, 6, 10] = x", "[20] = t", "x",
     "    a = x -> conv2d(36, 3, padding=same) -> tanh\n"
     "    b = a -> pixel_shuffle(2) -> conv2d(5, 3) -> pixel_unshuffle(2)\n"
     "    c = a -> channel_shuffle(4) -> pad([1, 2]) -> maxpool2d(3, stride=2, ceil=true) -> glu\n"
     "    d = a -> slice(1..4, axis=height) -> slice(7, axis=width)\n"
     "    e = concat(x, a -> slice(16..18), axis=height)\n"
     "    f = concat(x, a -> slice(30..32), x, axis=width) -> pad([0, 4], axis=width)\n"
     "    concat(b -> flatten -> dense(4), c -> flatten -> dense(4), d -> flatten -> dense(4),\n"
     "           e -> flatten -> dense(4), f -> flatten -> dense(4))\n",
     "mse"},

    {"lanes", 19, 1, true, "input x[21, 5, 3] = x", "[3] = t", "x",
     "    a = concat(x -> conv2d(24, 1), x -> conv2d(39, 1)) -> channel_shuffle(3)\n"
     "    b = concat(x -> conv2d(9, 1), x) -> relu\n" /* of two segments, which y is added to */
     "    c = b + (a -> slice(13..42) -> conv2d(30, 1) -> batchnorm) -> silu\n"
     "    d = c -> slice(3..20) -> channel_shuffle(6) -> channel_shuffle(2)\n"
     "    d = d -> conv2d(18, 3, padding=1) -> batchnorm -> silu\n"
     "    e = d * (d -> global_avgpool2d -> dense(18) -> sigmoid) -> conv2d(5, 1)\n" /* excited */
     "    e -> flatten -> dense(3)\n",
     "mse"},
};

START_TEST(networks)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- The templates --------------------------------------------------------------------------- */

enum { BLOCKS = 2 }; /* of batch */

static void transposed(float *y, const float *x, NET_RUN)
{
    net_transpose_positions(
        y, x,
        (struct net_transpose_positions){.batch_blocks = BLOCKS, .channels = 35, .positions = 18},
        run, thread);
}

/* [2, 17, 5] as [5, 2, 17]: of 34 channels and 5 pixels, 10 channels of 17. */
static void permuted(float *y, const float *x, NET_RUN)
{
    net_permute(y, x,
                (struct net_permute){.batch_blocks = BLOCKS,
                                     .y_channels = 10,
                                     .y_pixels = 17,
                                     .x_channels = 34,
                                     .x_pixels = 5,
                                     .axes = 3,
                                     .size = {5, 2, 17},
                                     .step = {1, 85, 5}},
                run, thread);
}

/* 20 channels of 3 x 4 pixels from channel 3, row 1 and column -1 on in 40 of 5 x 3. */
static void padded(float *y, const float *x, NET_RUN)
{
    net_pad(y, (struct net_padded[]){{x, 20, {3, 4}, {3, 1, -1}}}, 1,
            (struct net_pad){.batch_blocks = BLOCKS, .channels = 40, .size = {5, 3}}, run, thread);
}

/* Channels 16 to 28 of 40. */
static void cut(float *y, const float *x, NET_RUN)
{
    net_pad(y, (struct net_padded[]){{x, 40, {2, 2}, {-16, 0, 0}}}, 1,
            (struct net_pad){.batch_blocks = BLOCKS, .channels = 13, .size = {2, 2}}, run, thread);
}

/* Channels 5 to 74 of 80, [2, 5, 7] as [7, 2, 5], of 2 x 3 pixels; x in segments of 32 and 48. */
static void shuffled(float *y, const float *x, NET_RUN)
{
    net_move_channels(
        y, x, NULL, NULL, NULL, NULL, NULL,
        (struct net_channel_moves){
            .y = {BLOCKS, 2, 3, 5},
            .x_blocks = 5,
            .channels = 70,
            .first = 5,
            .axes = 3,
            .size = {7, 2, 5},
            .step = {1, 35, 7},
            .to = {6 * 5 * TILE, NET_SEGMENTS({0, 70, 6, 0, 5})},
            .from = {6 * 5 * TILE, NET_SEGMENTS({0, 32, 6, 0, 5}, {192, 48, 6, 2, 5})}},
        run, thread);
}

/* Where element (c, pixel) of y comes from: false, nowhere. */
typedef bool Origin(int *c, int *pixel);

static bool of_transposed(int *c, int *pixel)
{
    const int position = *c;

    *c = *pixel;
    *pixel = position;
    return true;
}

static bool of_permuted(int *c, int *pixel)
{
    const int fifth = *c / 2, half = *c % 2;

    *c = half * 17 + *pixel;
    *pixel = fifth;
    return true;
}

static bool of_shuffled(int *c, int *pixel)
{
    (void)pixel;
    *c = 5 + *c / 10 + *c / 5 % 2 * 35 + *c % 5 * 7;
    return true;
}

static bool of_padded(int *c, int *pixel)
{
    const int row = *pixel / 3 - 1, column = *pixel % 3 + 1;

    *c -= 3;
    *pixel = row * 4 + column;
    return *c >= 0 && *c < 20 && row >= 0 && row < 3 && column < 4;
}

static bool of_cut(int *c, int *pixel)
{
    (void)pixel;
    *c += 16;
    return true;
}

static const struct {
    void (*kernel)(float *, const float *, NET_RUN);
    Origin *origin;
    int x_pixels, x_channels, y_pixels, y_channels;
} moves[] = {
    {transposed, of_transposed, 18, 35, 35, 18},
    {permuted, of_permuted, 5, 34, 17, 10},
    {shuffled, of_shuffled, 6, 80, 6, 70},
    {padded, of_padded, 12, 20, 15, 40},
    {cut, of_cut, 4, 40, 4, 13},
};

/* To the bit, padding too. */
START_TEST(template)
{
    enum { THREADS = 3, SCRATCH = 5 * (1 + 5 * 5) }; /* lists of lanes of 5 blocks from 5 */
    float scratch[THREADS * SCRATCH];
    struct net_run run = {.n = 16 * BLOCKS, .scratch = scratch, .scratch_stride = SCRATCH};
    TestValue x = random_value(BLOCKS, moves[_i].x_pixels, moves[_i].x_channels, 1);

    ck_assert(net_lanes_scratch(5, 5) == SCRATCH);
    for (int threads = 1; threads <= THREADS; threads++) {
        TestValue y = nan_value(BLOCKS, moves[_i].y_pixels, moves[_i].y_channels);

        ON_THREADS(&run, threads)
        moves[_i].kernel(y.at, x.at, &run, thread);
        check_padding(&y, run.n, "movement");
        for (int at = 0; at < run.n * y.pixels * y.channels; at++) {
            const int image = at / y.channels / y.pixels;
            int c = at % y.channels, pixel = at / y.channels % y.pixels;
            const float is = y.at[test_at(&y, image, pixel, c)];
            const bool inside = moves[_i].origin(&c, &pixel);

            ck_assert(is == (inside ? x.at[test_at(&x, image, pixel, c)] : 0));
        }
        free_value(&y);
    }
    free_value(&x);
}
END_TEST

KernelCases movement_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

Suite *suite_movement(void)
{
    Suite *suite = suite_create("movement");
    TCase *t = tcase_create("template");

    add_cases(suite, networks, cases, COUNT(cases));
    tcase_add_loop_test(t, template, 0, COUNT(moves));
    suite_add_tcase(suite, t);
    return suite;
}
