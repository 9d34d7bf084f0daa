/*
 * sums.c -- the templates of elementwise.h, sums.h and update.h, called with literals of their own,
 * against loops in double.
 *
 * The one idea: values of odd extents lie as kernels have them, the last batch block is not full,
 * and two threads take their items one after the other.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/kernel.h"

enum { N = 37, BLOCKS = 3, HEIGHT = 5, WIDTH = 3, SIZE = 3 * HEIGHT * WIDTH * BLOCKS * 256 };

#define EXTENT ((struct net_extent){3, HEIGHT, WIDTH, BLOCKS})

static float *values(unsigned seed, int count)
{
    float *x = aligned_alloc(64, (size_t)count * sizeof *x);

    for (int i = 0; i < count; i++) {
        seed = seed * 1103515245u + 12345u;
        x[i] = (float)((int)(seed >> 16) % 2001 - 1000) * 1e-3f + 3.0f;
    }
    return x;
}

static float *numbers(int count)
{
    float *x = aligned_alloc(64, (size_t)count * sizeof *x);

    return memset(x, 0, (size_t)count * sizeof *x);
}

/* Sum over images and pixels of f(element) of a channel; f of x and y at one place. */
static double total(double (*f)(double x, double y, double m, double s), const float *x,
                    const float *y, double m, double s, int channel)
{
    double sum = 0;

    for (int n = 0; n < N; n++)
        for (int pixel = 0; pixel < HEIGHT * WIDTH; pixel++) {
            const long at = net_block_at(EXTENT, n / 16, pixel, channel / 16) + n % 16 * 16 +
                            channel % 16;

            sum += f((double)x[at], (double)y[at], m, s);
        }
    return sum;
}

static double first(double x, double y, double m, double s)
{
    (void)y, (void)m, (void)s;
    return x;
}

static double distance(double x, double y, double m, double s)
{
    (void)y, (void)s;
    return (x - m) * (x - m);
}

static double along(double x, double y, double m, double s)
{
    return y * (x - m) * s;
}

static void expect_near(double got, double wanted, const char *what, int channel)
{
    ck_assert_msg(fabs(got - wanted) <= 2e-5 * (fabs(wanted) + 50),
                  "%s of channel %d: %.9g, not %.9g", what, channel, got, wanted);
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

struct operands_y_x_b {
    float *y;
    const float *x, *b;
};

NET_EPILOGUE(scale_add)
{
    const struct operands_y_x_b *o = operands;

    vec_store(o->y + e.at,
              vec_fma(vec_load(o->x + e.at), vec_load(o->b + e.lane), vec_load(draws)));
}

/* A draw that tells its place: the image, and the block counted through pixels. */
NET_DRAW(places)
{
    for (int i = 0; i < images; i++)
        vec_store(draws + 16 * i, vec_set((float)(1000 * e.index + e.image + i)));
}

struct rows_done {
    int *count;
};

NET_ROW_END(count_rows)
{
    const struct rows_done *o = sums;

    (void)run;
    o->count[batch_block * HEIGHT + row]++;
}

START_TEST(elementwise)
{
    float *x = values(1, SIZE), *b = values(2, 16 * BLOCKS), *y = numbers(SIZE);
    int done[3 * HEIGHT] = {0};
    const struct operands_y_x_b operands = {y, x, b};
    const struct rows_done sums = {done};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++)
        net_elementwise(scale_add, places, &operands, count_rows, &sums, EXTENT, &run, thread);
    for (int i = 0; i < SIZE; i++) {
        const int image = i / 16 % 16 + i / (HEIGHT * WIDTH * BLOCKS * 256) * 16;
        const int index = i / 256 % (HEIGHT * WIDTH * BLOCKS), block = index % BLOCKS;

        ck_assert_float_eq(y[i], fmaf(x[i], b[16 * block + i % 16], (float)(1000 * index + image)));
    }
    for (int i = 0; i < 3 * HEIGHT; i++)
        ck_assert_int_eq(done[i], 1);
    free(x), free(b), free(y);
}
END_TEST

/* ---- Sums ------------------------------------------------------------------------------------ */

struct operands_of_sums {
    float *partial;
    const float *x, *dy, *mean, *inv_std;
};

NET_ROW_END(channel_sum)
{
    const struct operands_of_sums *o = sums;

    net_channel_sum_row(o->partial, o->dy, EXTENT, run, batch_block, row);
}

NET_ROW_END(statistics)
{
    const struct operands_of_sums *o = sums;

    net_batchnorm_stats_row(o->partial, o->x, EXTENT, run, batch_block, row);
}

NET_ROW_END(batchnorm_sums)
{
    const struct operands_of_sums *o = sums;

    net_batchnorm_sums_row(o->partial, o->x, o->dy, o->mean, o->inv_std, EXTENT, run, batch_block,
                           row);
}

START_TEST(channel_sums)
{
    float *dy = values(3, SIZE), *partial = numbers(3 * HEIGHT * BLOCKS * 16);
    float *db = numbers(16 * BLOCKS);
    const struct operands_of_sums sums = {.partial = partial, .dy = dy};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++)
        net_sum_rows(channel_sum, &sums, EXTENT, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_reduce_channels(db, partial, 1, EXTENT, &run, thread);
    for (int c = 0; c < 16 * BLOCKS; c++)
        expect_near(db[c], total(first, dy, dy, 0, 0, c), "sum", c);
    free(dy), free(partial), free(db);
}
END_TEST

START_TEST(batchnorm)
{
    const double count = N * HEIGHT * WIDTH, eps = 1e-5, momentum = 0.1;
    float *x = values(4, SIZE), *dy = values(5, SIZE);
    float *partial = numbers(3 * HEIGHT * 3 * BLOCKS * 16), *of = numbers(6 * 16 * BLOCKS);
    float *mean = of, *inv_std = of + 16 * BLOCKS, *running_mean = of + 32 * BLOCKS;
    float *running_var = of + 48 * BLOCKS, *dgamma = of + 64 * BLOCKS, *dbeta = of + 80 * BLOCKS;
    const struct operands_of_sums sums = {partial, x, dy, mean, inv_std};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++)
        net_sum_rows(statistics, &sums, EXTENT, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_batchnorm_stats(mean, inv_std, running_mean, running_var, partial, EXTENT, eps,
                            momentum, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_sum_rows(batchnorm_sums, &sums, EXTENT, &run, thread);
    for (int thread = 0; thread < 2; thread++)
        net_reduce_pairs(dgamma, dbeta, partial, EXTENT, &run, thread);
    for (int c = 0; c < 16 * BLOCKS; c++) {
        const double m = total(first, x, x, 0, 0, c) / count;
        const double var = total(distance, x, x, m, 0, c) / count, s = 1 / sqrt(var + eps);

        expect_near(mean[c], m, "mean", c);
        expect_near(inv_std[c], s, "1 / std", c);
        expect_near(running_mean[c], momentum * m, "running mean", c);
        expect_near(running_var[c], momentum * var * count / (count - 1), "running variance", c);
        expect_near(dgamma[c], total(along, x, dy, m, s, c), "dgamma", c);
        expect_near(dbeta[c], total(first, dy, dy, 0, 0, c), "dbeta", c);
    }
    free(x), free(dy), free(partial), free(of);
}
END_TEST

/* Numbers at 3e4 that differ by 2 at most: the variance has all digits that the numbers have. */
START_TEST(batchnorm_far_from_0)
{
    const double count = N * HEIGHT * WIDTH, eps = 0;
    float *x = values(4, SIZE);
    float *partial = numbers(3 * HEIGHT * 3 * BLOCKS * 16), *of = numbers(4 * 16 * BLOCKS);
    const struct operands_of_sums sums = {.partial = partial, .x = x};
    struct net_run run = {.n = N, .threads = 1};

    for (int i = 0; i < SIZE; i++)
        x[i] += 3e4f;
    net_sum_rows(statistics, &sums, EXTENT, &run, 0);
    net_batchnorm_stats(of, of + 16 * BLOCKS, of + 32 * BLOCKS, of + 48 * BLOCKS, partial, EXTENT,
                        eps, 1.0, &run, 0);
    for (int c = 0; c < 16 * BLOCKS; c++) {
        const double m = total(first, x, x, 0, 0, c) / count;
        const double var = total(distance, x, x, m, 0, c) / count;
        const double got[] = {(double)of[c] / m, (double)of[16 * BLOCKS + c] * sqrt(var),
                              (double)of[48 * BLOCKS + c] / (var * count / (count - 1))};

        for (int i = 0; i < 3; i++)
            ck_assert_msg(fabs(got[i] - 1) <= 1e-6, "channel %d: %.9g times what is right", c,
                          got[i]);
    }
    free(x), free(partial), free(of);
}
END_TEST

START_TEST(inverse_std)
{
    float *var = values(6, 16 * BLOCKS), *got = numbers(16 * BLOCKS);
    struct net_run run = {.n = N, .threads = 1};

    net_inverse_std(got, var, BLOCKS, 1e-3, &run, 0);
    for (int c = 0; c < 16 * BLOCKS; c++)
        ck_assert_float_eq(got[c], (float)(1 / sqrt((double)var[c] + 1e-3)));
    free(var), free(got);
}
END_TEST

/* ---- Layernorm's sums ------------------------------------------------------------------------ */

enum { CHANNELS = 39 };

struct operands_of_layernorm {
    float *partial;
    const float *x, *dy;
};

NET_ROW_END(layernorm_sums)
{
    const struct operands_of_layernorm *o = sums;

    net_layernorm_sums_row(o->partial, o->x, o->dy, EXTENT, CHANNELS, 1e-5f, run, batch_block, row);
}

/* Mean and 1 / std over the channels of an image's pixel. */
static void pixel_statistics(const float *x, int n, int pixel, double *mean, double *inv_std)
{
    double sum = 0, square = 0;

    for (int c = 0; c < CHANNELS; c++)
        sum += (double)x[net_block_at(EXTENT, n / 16, pixel, c / 16) + n % 16 * 16 + c % 16];
    *mean = sum / CHANNELS;
    for (int c = 0; c < CHANNELS; c++) {
        const long at = net_block_at(EXTENT, n / 16, pixel, c / 16) + n % 16 * 16 + c % 16;

        square += ((double)x[at] - *mean) * ((double)x[at] - *mean);
    }
    *inv_std = 1 / sqrt(square / CHANNELS + 1e-5);
}

START_TEST(layernorm)
{
    float *x = values(7, SIZE), *dy = values(8, SIZE), *dgamma = numbers(32 * BLOCKS);
    float *partial = numbers(3 * HEIGHT * 2 * BLOCKS * 16), *dbeta = dgamma + 16 * BLOCKS;
    const struct operands_of_layernorm sums = {partial, x, dy};
    struct net_run run = {.n = N, .threads = 1};

    for (int i = 0; i < SIZE; i++)
        if (i / 256 % BLOCKS * 16 + i % 16 >= CHANNELS)
            x[i] = dy[i] = 0;
    net_sum_rows(layernorm_sums, &sums, EXTENT, &run, 0);
    net_reduce_pairs(dgamma, dbeta, partial, EXTENT, &run, 0);
    for (int c = 0; c < CHANNELS; c++) {
        double wanted = 0, mean, inv_std;

        for (int n = 0; n < N; n++)
            for (int pixel = 0; pixel < HEIGHT * WIDTH; pixel++) {
                const long at = net_block_at(EXTENT, n / 16, pixel, c / 16) + n % 16 * 16 + c % 16;

                pixel_statistics(x, n, pixel, &mean, &inv_std);
                wanted += (double)dy[at] * ((double)x[at] - mean) * inv_std;
            }
        expect_near(dgamma[c], wanted, "dgamma", c);
        expect_near(dbeta[c], total(first, dy, dy, 0, 0, c), "dbeta", c);
    }
    free(x), free(dy), free(partial), free(dgamma);
}
END_TEST

/* ---- Updates --------------------------------------------------------------------------------- */

/* w -= g: plain descent */
static void descend(float *restrict w, const float *restrict g, float *restrict state, long count,
                    const struct net_step_scalars *scalars)
{
    (void)state, (void)scalars;
    for (long i = 0; i < count; i++)
        w[i] -= g[i];
}

START_TEST(update)
{
    enum { FLOATS = 80 };
    float *w = values(9, FLOATS), *a = values(10, FLOATS), *b = values(11, FLOATS);
    float *before = values(9, FLOATS), *state = numbers(FLOATS), *db = numbers(16 * BLOCKS);
    const float *const terms[] = {a, b};
    struct net_run run = {.n = N, .threads = 2, .params = w, .state = state, .update = descend};

    for (int thread = 0; thread < 2; thread++)
        net_update_parameter(w, terms, 2, FLOATS, 0.0f, 0.5f, &run, thread);
    for (int i = 0; i < FLOATS; i++)
        expect_near(w[i],
                    (double)before[i] - ((double)a[i] + (double)b[i] + 0.5 * (double)before[i]),
                    "w", i);
    free(w), free(a), free(b), free(before), free(state), free(db);
}
END_TEST

START_TEST(bias_update)
{
    float *dy = values(12, SIZE), *partial = numbers(3 * HEIGHT * BLOCKS * 16);
    float *b = numbers(16 * BLOCKS), *state = numbers(16 * BLOCKS);
    const struct operands_of_sums sums = {.partial = partial, .dy = dy};
    struct net_run run = {.n = N, .threads = 1, .params = b, .state = state, .update = descend};

    net_sum_rows(channel_sum, &sums, EXTENT, &run, 0);
    net_reduce_channels_update(b, partial, EXTENT, &run, 0);
    for (int c = 0; c < 16 * BLOCKS; c++)
        expect_near(b[c], -total(first, dy, dy, 0, 0, c), "b", c);
    free(dy), free(partial), free(b), free(state);
}
END_TEST

Suite *suite_sums(void);

Suite *suite_sums(void)
{
    const TTest *const tests[] = {elementwise, channel_sums, batchnorm, batchnorm_far_from_0,
                                  inverse_std, layernorm,    update,    bias_update};
    Suite *suite = suite_create("sums");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
