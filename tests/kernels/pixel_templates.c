/*
 * pixel_templates.c -- convolutions of one image, whose tiles are pixels side by side, called
 * directly: against naive loops in double.
 */

#define NET_IMAGES 1

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/kernel.h"
#include "kernels/tables.h"
#include "support/graph_test.h"
#include "support/template_test.h"

Suite *suite_pixel_templates(void);

/* 3 x 2 taps of an image of 7 rows of 8 pixels; 4 rows of 8 pixels, or packed 3 of 7 */
enum { H = 7, W = 8, YH = 4, YW = 8, PACKED_H = 3, PACKED_W = 7, KH = 3, KW = 2 };

NET_CHAIN(store, float *y;)
{
    vec_store(o->y + e.at, v0);
}

/* A row of 8 pixels in tiles of 5, of which the second ends with it. */
NET_CHAIN_TILE(tile_5x2, store)
{
    net_tile(5, 2, 16 * 2, 2, 1, store, NULL, 0, x, w, b, taps, segments, &o, NULL, e, run);
}

NET_CHAIN_TILE(half_tile_8x1, store)
{
    net_half_tile(8, 16 * 2, 1, 1, store, NULL, 1, x, w, b, taps, segments, &o, e, run);
}

/* Two of 4 lines of 4 pixels; x has lines of 9 of two blocks with its border. */
NET_CHAIN_TILE(lines_tile_8x2, store)
{
    net_lines_tile(8, 2, 4, 2 * 32, 2 * 9 * 32, 2, 1, store, NULL, 0, x, w, b, taps, segments, &o,
                   e, run);
}

NET_CHAIN_TILE(tile_4x1_packed, store)
{
    net_packed_tile(4, 1, 4, 1, 4, 3, KH, KW, 4 * W, 1, store, NULL, 0, x, w, b, &o, NULL, e, run);
}

NET_CHAIN_TILE(half_tile_7x1_packed, store)
{
    net_packed_half_tile(7, 4, 1, 4, 3, KH, KW, 4 * W, 1, store, NULL, 0, x, w, b, &o, e, run);
}

/* Numbers of a row of 16 times `blocks` lanes, +0 beyond the last. */
static float *numbers(int rows, int count, int blocks, int lanes, uint32_t seed)
{
    float *at = nan_floats((long)rows * blocks * lanes);

    for (int i = 0; i < rows * blocks * lanes; i++) {
        const int c = i % (blocks * lanes);

        at[i] = c < count ? (float)random_number(seed, i) : 0;
    }
    return at;
}

typedef struct Case {
    int channels, lanes, outputs, blocks, height, width; /* blocks and size of y */
    int stride, padding, dilation;                       /* of rows; padding of columns; theirs */
    int across;                                          /* stride of columns */
} Case;

static double expected(const Case *c, const float *x, const float *w, const float *b, int row,
                       int column, int output)
{
    const int x_row = c->lanes < 16 ? c->lanes : (c->channels + 15) / 16 * 16;
    double sum = (double)b[output];

    for (int tap = 0; tap < KH * KW; tap++) {
        const int h = row * c->stride - c->padding + tap / KW;
        const int l = column * c->across - c->padding + tap % KW * c->dilation;

        for (int i = 0; i < c->channels && h >= 0 && h < H && l >= 0 && l < W; i++)
            sum += (double)x[(h * W + l) * x_row + i] *
                   (double)w[(tap * c->channels + i) * c->blocks * 16 + output];
    }
    return sum;
}

static void check_case(const Case *c, const float *x, const float *w, const float *b,
                       const float *y, const char *what)
{
    for (int i = 0; i < c->height * c->width; i++)
        for (int o = 0; o < c->blocks * 16; o++) {
            const double got = (double)y[i * c->blocks * 16 + o];

            check_near(got,
                       o < c->outputs ? expected(c, x, w, b, i / c->width, i % c->width, o) : 0,
                       1e-5, what);
        }
}

static void run_border(const float *x, const float *w, const float *b, float *y, int outputs,
                       NET_RUN)
{
    const struct store to = {y};

    if (outputs > 8)
        net_conv2d(NULL, tile_5x2, NULL, x, w, b, &to, NULL, NULL,
                   (struct net_contraction){.tile_rows = 5,
                                            .y = {1, YH, YW, 2},
                                            .x = {1, H, W, 2},
                                            .x_lanes = 16,
                                            .inputs = 19,
                                            .outputs = 30,
                                            NET_SEGMENTS({0, 19, H * W, 0, 2}),
                                            NET_PARTS({.pixels = 1, .panels = {0, 1, 0}}),
                                            .taps = {.kernel = {KH, KW},
                                                     .stride = {2, 1},
                                                     .padding = {1, 1},
                                                     .dilation = {1, 2}}},
                   run, thread);
    else
        net_conv2d(NULL, NULL, half_tile_8x1, x, w, b, &to, NULL, NULL,
                   (struct net_contraction){.tile_rows = 8,
                                            .y = {1, YH, YW, 1},
                                            .x = {1, H, W, 2},
                                            .x_lanes = 16,
                                            .inputs = 19,
                                            .outputs = 7,
                                            NET_SEGMENTS({0, 19, H * W, 0, 2}),
                                            NET_PARTS({.pixels = 1, .panels = {0, 0, 1}}),
                                            .taps = {.kernel = {KH, KW},
                                                     .stride = {2, 1},
                                                     .padding = {1, 1},
                                                     .dilation = {1, 2}}},
                   run, thread);
}

START_TEST(border)
{
    const Case c = {19, 16, _i ? 7 : 30, _i ? 1 : 2, YH, YW, 2, 1, 2, 1};
    float *x = numbers(H * W, 19, 2, 16, 1), *b = numbers(1, c.outputs, c.blocks, 16, 3);
    float *w = numbers(KH * KW * 19, c.outputs, c.blocks, 16, 2);
    float *y = nan_floats((long)YH * YW * c.blocks * 16), *scratch = nan_floats(9L * 10 * 32);
    struct net_run run = {.n = 1, .threads = 1, .scratch = scratch};

    run_border(x, w, b, y, c.outputs, &run, 0);
    check_case(&c, x, w, b, y, "a border");
    free(x), free(b), free(w), free(y), free(scratch);
}
END_TEST

static void count_row(const void *sums, const struct net_run *run, int batch_block, int row)
{
    (void)run;
    ck_assert_int_eq(batch_block, 0);
    (*(int *const *)sums)[row]++;
}

/* Two lines are one of twice the length. */
START_TEST(lines)
{
    const Case c = {19, 16, 30, 2, YH, YH, 2, 1, 2, 2};
    float *x = numbers(H * W, 19, 2, 16, 1), *b = numbers(1, 30, 2, 16, 3);
    float *w = numbers(KH * KW * 19, 30, 2, 16, 2);
    float *y = nan_floats(YH * YH * 32L), *scratch = nan_floats(9L * 9 * 32);
    struct net_run run = {.n = 1, .threads = 1, .scratch = scratch};
    int rows[YH] = {0}, *counts = rows;

    net_conv2d(
        NULL, lines_tile_8x2, NULL, x, w, b, &(struct store){y}, count_row, &counts,
        (struct net_contraction){
            .tile_rows = 8,
            .lines = 2,
            .y = {1, YH, YH, 2},
            .x = {1, H, W, 2},
            .x_lanes = 16,
            .inputs = 19,
            .outputs = 30,
            NET_SEGMENTS({0, 19, H * W, 0, 2}),
            NET_PARTS({.pixels = 1, .panels = {0, 1, 0}}),
            .taps = {.kernel = {KH, KW}, .stride = {2, 2}, .padding = {1, 1}, .dilation = {1, 2}}},
        &run, 0);
    check_case(&c, x, w, b, y, "lines of a tile");
    for (int i = 0; i < YH; i++)
        ck_assert_int_eq(rows[i], 1);
    free(x), free(b), free(w), free(y), free(scratch);
}
END_TEST

static void run_packed(const float *x, const float *w, const float *b, float *y, int outputs,
                       NET_RUN)
{
    const struct store to = {y};

    net_conv2d_packed(
        NULL, NULL, outputs > 8 ? tile_4x1_packed : half_tile_7x1_packed, x, w, b, &to, NULL, NULL,
        (struct net_contraction){
            .tile_rows = outputs > 8 ? 4 : 7,
            .y = {1, PACKED_H, PACKED_W, 1},
            .x = {1, H, W, 1},
            .x_lanes = 4,
            .inputs = 3,
            .outputs = outputs,
            NET_SEGMENTS({0, 3, H * W, 0, 1}),
            NET_PARTS({.pixels = 1, .panels = {0, 0, 1}}),
            .taps = {.kernel = {KH, KW}, .stride = {2, 1}, .padding = {0, 0}, .dilation = {1, 1}}},
        run, thread);
}

START_TEST(packed)
{
    const Case c = {3, 4, _i ? 5 : 13, 1, PACKED_H, PACKED_W, 2, 0, 1, 1};
    float *x = numbers(H * W, 3, 1, 4, 1), *b = numbers(1, c.outputs, 1, 16, 3);
    float *w = numbers(KH * KW * 3, c.outputs, 1, 16, 2);
    float *y = nan_floats(16L * PACKED_H * PACKED_W);
    struct net_run run = {.n = 1, .threads = 1};

    run_packed(x, w, b, y, c.outputs, &run, 0);
    check_case(&c, x, w, b, y, "a packed image");
    free(x), free(b), free(w), free(y);
}
END_TEST

Suite *suite_pixel_templates(void)
{
    Suite *suite = suite_create("pixel_templates");
    TCase *tcase = tcase_create("templates");

    tcase_add_loop_test(tcase, border, 0, 2);
    tcase_add_loop_test(tcase, packed, 0, 2);
    tcase_add_test(tcase, lines);
    suite_add_tcase(suite, tcase);
    return suite;
}
