/*
 * argmax_grad_templates.c -- the templates of argmax_grad.h called directly, with literals of their
 * own: against naive loops in double, on one to three threads.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/argmax_grad.h"
#include "support/epilogue_test.h"

Suite *suite_argmax_grad_templates(void);

/* Windows of 3 x 2, every 2 rows and 1 column, columns 2 apart: 7 x 6 becomes 3 x 4. */
enum { XH = 7, XW = 6, YH = 3, YW = 4, KH = 3, KW = 2, TAPS = KH * KW, OUTPUTS = 21 };

#define TAPS_OF(...)                                                                               \
    {                                                                                              \
        .kernel = {KH, KW}, .stride = {2, 1}, .padding = {1, 0}, .dilation = {1, 2}, __VA_ARGS__   \
    }

/* A gradient and its pixel for each output and image; a third of them 0. */
typedef struct Sparse {
    TestValue dy, index;
} Sparse;

static Sparse random_sparse(void)
{
    Sparse s = {random_value(BATCH_BLOCKS, 1, OUTPUTS, 1),
                random_value(BATCH_BLOCKS, 1, OUTPUTS, 2)};

    for (int i = 0; i < IMAGES; i++)
        for (int o = 0; o < OUTPUTS; o++) {
            const long at = test_at(&s.dy, i, 0, o);

            s.index.at[at] = (float)((i * 5 + o * 7) % (YH * YW));
            if ((i + o) % 3 == 0)
                s.dy.at[at] = 0.0f;
        }
    return s;
}

static void free_sparse(Sparse *s)
{
    free_value(&s->dy);
    free_value(&s->index);
}

/* The pixel of x that a tap reads for the output's maximum; -1: in the padding. */
static int tap_pixel(const Sparse *s, int image, int output, int tap)
{
    const int pixel = (int)test_get(&s->index, image, 0, output);
    const int row = pixel / YW * 2 - 1 + tap / KW, column = pixel % YW + tap % KW * 2;

    return row < 0 || row >= XH ? -1 : row * XW + column;
}

/* ---- dw -------------------------------------------------------------------------------------- */

/* Of 23 inputs, the last CHANNELS are x's. */
enum { INPUTS = 23, FIRST = INPUTS - CHANNELS, DW_FLOATS = TAPS * INPUTS * 32 };

#define DW(...)                                                                                    \
    (struct net_argmax_dw)                                                                         \
    {                                                                                              \
        .inputs = INPUTS, .outputs = OUTPUTS, .first = FIRST, .channels = CHANNELS,                \
        .x_blocks = BLOCKS, .x = {XH, XW}, .dy_width = YW, .edges = true, .taps = TAPS_OF(),       \
        __VA_ARGS__                                                                                \
    }

static void argmax_dw(float *dw, const float *x, const float *dy, const float *index, NET_RUN)
{
    net_argmax_dw(dw, x, dy, index, DW(.panels = {0, 1, 0}, .input_panels = {0, 1, 0}), run,
                  thread);
}

static void argmax_dw_update(float *w, const float *x, const float *dy, const float *index, NET_RUN)
{
    net_argmax_dw(
        w, x, dy, index,
        DW(.panels = {0, 0, 2}, .input_panels = {0, 0, 2}, .apply = {.update = true, .l2 = 0.5f}),
        run, thread);
}

/* What the optimizer is given stands where the weight was. */
static void keep(float *restrict w, const float *restrict g, float *restrict state, long count,
                 const struct net_step_scalars *scalars)
{
    (void)state, (void)scalars;
    memcpy(w, g, (size_t)count * sizeof *w);
}

static double exact_dw(const TestValue *x, const Sparse *s, int n, int output, int tap, int channel)
{
    double sum = 0;

    for (int i = 0; i < n; i++) {
        const int from = tap_pixel(s, i, output, tap);

        if (from >= 0)
            sum += test_get(&s->dy, i, 0, output) * test_get(x, i, from, channel);
    }
    return sum;
}

static void check_dw(bool update, int n, int threads)
{
    const int panels[2][3] = {{0, 1, 0}, {0, 0, 2}};
    TestValue x = random_value(BATCH_BLOCKS, XH * XW, CHANNELS, 3);
    float *w = nan_floats(DW_FLOATS), *scratch = nan_floats(3 * 48 * OUTPUTS * TAPS);
    struct net_run run = {.n = n,
                          .params = w,
                          .update = keep,
                          .scratch = scratch,
                          .scratch_stride = 48 * OUTPUTS * TAPS};
    Sparse s = random_sparse();

    for (int i = 0; update && i < DW_FLOATS; i++)
        w[i] = 1.0f;
    ON_THREADS(&run, threads)
    (update ? argmax_dw_update : argmax_dw)(w, x.at, s.dy.at, s.index.at, &run, thread);
    for (int o = 0; o < OUTPUTS; o++)
        for (int tap = 0; tap < TAPS; tap++)
            for (int c = 0; c < CHANNELS; c++) {
                const struct net_panel p = net_panel_of(o / 16, panels[update][0],
                                                        panels[update][1]);
                const long at = p.first * 16L * TAPS * INPUTS +
                                (tap * INPUTS + FIRST + c) * 16L * p.width +
                                (o / 16 - p.first) * 16 + o % 16;

                check_near((double)w[at], exact_dw(&x, &s, n, o, tap, c) + (update ? 0.5 : 0), 1e-5,
                           "dw");
            }
    free_value(&x);
    free_sparse(&s);
    free(scratch);
    free(w);
}

START_TEST(dw)
{
    static const int batches[] = {1, 16, 19, 48};

    for (int threads = 1; threads <= 3; threads++) {
        check_dw(false, batches[_i], threads);
        check_dw(true, batches[_i], threads);
    }
}
END_TEST

/* ---- dx -------------------------------------------------------------------------------------- */

enum { DX_SCRATCH = 16 * (YH * YW + 2 + OUTPUTS) + 32 * OUTPUTS + 256 * BLOCKS };

#define DX                                                                                         \
    (struct net_argmax_dx)                                                                         \
    {                                                                                              \
        .x = {BATCH_BLOCKS, XH, XW, BLOCKS}, .dy = {YH, YW}, .outputs = OUTPUTS,                   \
        .taps = TAPS_OF(.step = {2, 1})                                                            \
    }

/* One part in a panel of two blocks; weights [tap][output][block][16]. */
static void dx_panel(const Sparse *s, const float *w, const Result *h, NET_RUN)
{
    net_argmax_dx(s->dy.at, s->index.at, w, (struct net_argmax_part[]){{0, {0, 1, 0}, 0}}, 1,
                  factor_bias, NULL, &h->operands, count_rows, &h->counts, DX, run, thread);
}

/* Two parts of a block each, with draws; weights [part][tap][output][16]. */
static void dx_parts(const Sparse *s, const float *w, const Result *h, NET_RUN)
{
    net_argmax_dx(
        s->dy.at, s->index.at, w,
        (struct net_argmax_part[]){{0, {0, 0, 1}, 0}, {1, {0, 0, 1}, 16 * TAPS * OUTPUTS}}, 2,
        factor_bias_draw, image_numbers, &h->operands, count_rows, &h->counts, DX, run, thread);
}

static double weight_of(int output, int tap, int channel)
{
    return (double)((output * 31 + tap * 17 + channel * 7) % 23 - 11) / 8;
}

static void check_dx(const Sparse *s, bool parts, int threads)
{
    float *w = nan_floats(TAPS * OUTPUTS * 32), *scratch = nan_floats(3 * DX_SCRATCH);
    struct net_run run = {.n = IMAGES, .scratch = scratch, .scratch_stride = DX_SCRATCH};
    Result h;

    start(&h, XH * XW);
    h.counts = h.rows;
    for (int row = 0; row < TAPS * OUTPUTS; row++)
        for (int c = 0; c < 32; c++)
            w[parts ? (c / 16 * TAPS * OUTPUTS + row) * 16 + c % 16 : row * 32 + c] =
                c < CHANNELS ? (float)weight_of(row % OUTPUTS, row / OUTPUTS, c) : 0.0f;
    ON_THREADS(&run, threads)
    (parts ? dx_parts : dx_panel)(s, w, &h, &run, thread);
    for (int i = 0; i < IMAGES; i++)
        for (int c = 0; c < CHANNELS; c++) {
            double sum[XH * XW] = {0};

            for (int o = 0; o < OUTPUTS; o++)
                for (int tap = 0; tap < TAPS; tap++)
                    if (tap_pixel(s, i, o, tap) >= 0)
                        sum[tap_pixel(s, i, o, tap)] += test_get(&s->dy, i, 0, o) *
                                                        weight_of(o, tap, c);
            for (int pixel = 0; pixel < XH * XW; pixel++)
                check_result(&h, i, pixel, c, sum[pixel], parts, "dx");
        }
    finish(&h, XH, parts, "dx");
    free(scratch);
    free(w);
}

START_TEST(dx)
{
    Sparse s = random_sparse();

    for (int threads = 1; threads <= 3; threads++) {
        check_dx(&s, false, threads);
        check_dx(&s, true, threads);
    }
    free_sparse(&s);
}
END_TEST

Suite *suite_argmax_grad_templates(void)
{
    Suite *suite = suite_create("argmax_grad_templates");
    TCase *tcase = tcase_create("templates");

    tcase_add_loop_test(tcase, dw, 0, 4);
    tcase_add_test(tcase, dx);
    suite_add_tcase(suite, tcase);
    return suite;
}
