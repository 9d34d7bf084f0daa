/*
 * sparse.c -- the templates of sparse.h called directly, with literals of their own: against naive
 * loops in double, on one to three threads, for full and partial batches.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/sparse.h"
#include "kernels/tables.h"
#include "support/template_test.h"

Suite *suite_sparse(void);

/* x: 35 columns; h: 3 and 18 channels, in 2 pixels each; 81 outputs: 6 blocks, in panels of 3, 2,
   1 */
enum { COLUMNS = 35, OUTPUTS = 81, BLOCKS = 6, BATCH_BLOCKS = 3, IMAGES = 37 };
enum { BESIDE = 2 * 3 + 2 * 18, INPUTS = COLUMNS + BESIDE, H_BLOCKS = 2 + 4 };

static const int batches[] = {1, 16, 19, 37};
static const int panels[3] = {1, 1, 1};

enum { BATCHES = sizeof batches / sizeof *batches };

#define DENSE(...)                                                                                 \
    (struct net_sparse_dense)                                                                      \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .panels = {1, 1, 1}, .columns = COLUMNS, __VA_ARGS__         \
    }

#define H                                                                                          \
    {                                                                                              \
        256L * H_BLOCKS, NET_SEGMENTS({0, 3, 2, 0, 1}, {6, 18, 2, 2, 2})                           \
    }

/* ---- A batch --------------------------------------------------------------------------------- */

typedef struct Batch {
    double x[IMAGES][COLUMNS]; /* its zeros included */
    int32_t row_begin[IMAGES + 1], column[IMAGES * COLUMNS];
    float value[IMAGES * COLUMNS];
    int32_t column_begin[COLUMNS + 1], image[IMAGES * COLUMNS];
    float column_value[IMAGES * COLUMNS];
} Batch;

/* About a third of the elements; image 1 and column 20 have none. */
static void pack(Batch *b, int n)
{
    static int32_t column[IMAGES][COLUMNS];
    static float value[IMAGES][COLUMNS];
    struct net_sparse sparse[IMAGES];
    const void *row[IMAGES];
    const struct net_rows rows = {.type = NET_SPARSE, .row = row};
    uint32_t state = 3;

    memset(b, 0, sizeof *b);
    for (int i = 0; i < n; i++) {
        int count = 0;

        for (int k = 0; k < COLUMNS; k++) {
            state = state * 1664525u + 1013904223u;
            if ((state >> 16) % 3 != 0 || i == 1 || k == 20)
                continue;
            column[i][count] = k;
            value[i][count] = (float)(1 + (state >> 8) % 7) / 4;
            b->x[i][k] = (double)value[i][count++];
        }
        sparse[i] = (struct net_sparse){.count = count, .index = column[i], .value = value[i]};
        row[i] = &sparse[i];
    }
    net_pack_sparse(b->row_begin, b->column, b->value, b->column_begin, b->image, b->column_value,
                    &rows, n, COLUMNS, true);
}

/* Of h: [segment][pixel][block]; its element `k`, counted through the segments. */
static long h_at(int image, int k)
{
    const int channels = k < 6 ? 3 : 18, left = k < 6 ? k : k - 6;
    const int c = left % channels, pixel = left / channels;
    const int block = k < 6 ? pixel : 2 + 2 * pixel + c / 16;

    return ((long)(image / 16) * H_BLOCKS + block) * 256 + image % 16 * 16 + c % 16;
}

static long w_at(int rows, int row, int output)
{
    const struct net_panel p = net_panel_of(output / 16, panels[0], panels[1]);

    return p.first * 16L * rows + row * 16L * p.width + (output / 16 - p.first) * 16 + output % 16;
}

static float *random_floats(long count, uint32_t seed)
{
    return random_value((int)((count + 255) / 256), 1, 16, seed).at;
}

/* A weight of `rows` rows, +0 beyond the last output. */
static float *random_weight(int rows, uint32_t seed)
{
    float *w = random_floats((long)rows * 16 * BLOCKS, seed);

    for (int row = 0; row < rows; row++)
        for (int o = OUTPUTS; o < 16 * BLOCKS; o++)
            w[w_at(rows, row, o)] = 0.0f;
    return w;
}

/* ---- Forward --------------------------------------------------------------------------------- */

static void alone(float *y, const Batch *b, const float *w, const float *bias, NET_RUN)
{
    net_sparse_dense(y, NET_CSR(b), NULL, w, bias, DENSE(.inputs = COLUMNS), run, thread);
}

static void beside(float *y, const Batch *b, const float *h, const float *w, NET_RUN)
{
    net_sparse_dense(y, NET_CSR(b), h, w, NULL, DENSE(.inputs = INPUTS, .h = H), run, thread);
}

static void check_dense(const Batch *b, const TestValue *y, const float *h, const float *w,
                        const float *bias, int rows, int n)
{
    for (int i = 0; i < n; i++)
        for (int o = 0; o < OUTPUTS; o++) {
            double sum = bias ? (double)bias[o] : 0;

            for (int k = 0; k < COLUMNS; k++)
                sum += b->x[i][k] * (double)w[w_at(rows, k, o)];
            for (int k = 0; k < rows - COLUMNS; k++)
                sum += (double)h[h_at(i, k)] * (double)w[w_at(rows, COLUMNS + k, o)];
            check_near(test_get(y, i, 0, o), sum, 1e-5, "y");
        }
    check_padding(y, n, "y");
}

START_TEST(dense)
{
    struct net_run run = {.n = batches[_i]};
    float *h = random_floats(BATCH_BLOCKS * H_BLOCKS * 256, 1);
    float *w = random_weight(INPUTS, 2), *w_alone = random_weight(COLUMNS, 3);
    float *bias = random_weight(1, 4);
    Batch b;

    pack(&b, run.n);
    for (int threads = 1; threads <= 3; threads++) {
        TestValue y = nan_value(BATCH_BLOCKS, 1, OUTPUTS), z = nan_value(BATCH_BLOCKS, 1, OUTPUTS);

        ON_THREADS(&run, threads)
        {
            alone(y.at, &b, w_alone, bias, &run, thread);
            beside(z.at, &b, h, w, &run, thread);
        }
        check_dense(&b, &y, NULL, w_alone, bias, COLUMNS, run.n);
        check_dense(&b, &z, h, w, NULL, INPUTS, run.n);
        free_value(&y);
        free_value(&z);
    }
    free(h);
    free(w);
    free(w_alone);
    free(bias);
}
END_TEST

static void with_zeros(float *y, const Batch *b, NET_RUN)
{
    net_to_dense(y, NET_CSR(b), BATCH_BLOCKS, 3, run, thread);
}

START_TEST(to_dense)
{
    struct net_run run = {.n = batches[_i]};
    Batch b;

    pack(&b, run.n);
    for (int threads = 1; threads <= 3; threads++) {
        TestValue y = nan_value(BATCH_BLOCKS, 1, COLUMNS);

        ON_THREADS(&run, threads)
        with_zeros(y.at, &b, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int k = 0; k < COLUMNS; k++)
                ck_assert(test_get(&y, i, 0, k) == b.x[i][k]);
        check_padding(&y, run.n, "with zeros");
        free_value(&y);
    }
}
END_TEST

/* ---- Gradients ------------------------------------------------------------------------------- */

static void beside_dx(float *dh, const float *dy, const float *w, NET_RUN)
{
    net_sparse_dense_dx(dh, dy, w, DENSE(.inputs = INPUTS, .h = H), run, thread);
}

START_TEST(dx)
{
    struct net_run run = {.n = batches[_i]};
    TestValue dy = random_value(BATCH_BLOCKS, 1, OUTPUTS, 1);
    float *w = random_weight(INPUTS, 2);

    for (int threads = 1; threads <= 3; threads++) {
        float *dh = nan_floats(BATCH_BLOCKS * H_BLOCKS * 256);

        ON_THREADS(&run, threads)
        beside_dx(dh, dy.at, w, &run, thread);
        for (int i = 0; i < run.n; i++) {
            for (int k = 0; k < BESIDE; k++) {
                double sum = 0;

                for (int o = 0; o < OUTPUTS; o++)
                    sum += test_get(&dy, i, 0, o) * (double)w[w_at(INPUTS, COLUMNS + k, o)];
                check_near((double)dh[h_at(i, k)], sum, 1e-5, "dh");
            }
            ck_assert(dh[h_at(i, 2) + 1] == 0.0f); /* padding */
            ck_assert(dh[h_at(i, BESIDE - 1) + 1] == 0.0f);
        }
        free(dh);
    }
    free_value(&dy);
    free(w);
}
END_TEST

static void dw(float *to, const Batch *b, const float *dy, NET_RUN)
{
    net_sparse_dense_dw(
        to, NET_CSC(b), dy,
        (struct net_sparse_dense_dw){.panels = {1, 1, 1}, .inputs = INPUTS, .columns = COLUMNS},
        run, thread);
}

static void dw_update(float *to, const Batch *b, const float *dy, NET_RUN)
{
    net_sparse_dense_dw(to, NET_CSC(b), dy,
                        (struct net_sparse_dense_dw){.panels = {1, 1, 1},
                                                     .inputs = INPUTS,
                                                     .columns = COLUMNS,
                                                     .apply = {.update = true, .l2 = 0.5f}},
                        run, thread);
}

/* What the optimizer is given stands where the weight was. */
static void keep(float *restrict w, const float *restrict g, float *restrict state, long count,
                 const struct net_step_scalars *scalars)
{
    (void)state, (void)scalars;
    memcpy(w, g, (size_t)count * sizeof *w);
}

/* A penalty has a gradient where x has no element: no row is left out, though an update may. */
static void check_dw(const Batch *b, const TestValue *dy, bool update, int n, int threads)
{
    float *w = nan_floats(INPUTS * 16 * BLOCKS);
    struct net_run run = {.n = n, .params = w, .update = keep, .scalars = {.zero_is_noop = true}};

    for (int i = 0; update && i < INPUTS * 16 * BLOCKS; i++)
        w[i] = 1.0f;
    ON_THREADS(&run, threads)
    (update ? dw_update : dw)(w, b, dy->at, &run, thread);
    for (int k = 0; k < COLUMNS; k++)
        for (int o = 0; o < OUTPUTS; o++) {
            double sum = update ? 0.5 : 0;

            for (int i = 0; i < n; i++)
                sum += b->x[i][k] * test_get(dy, i, 0, o);
            check_near((double)w[w_at(INPUTS, k, o)], sum, 1e-5, "dw");
        }
    free(w);
}

START_TEST(weights)
{
    TestValue dy = random_value(BATCH_BLOCKS, 1, OUTPUTS, 1);
    Batch b;

    pack(&b, batches[_i]);
    for (int threads = 1; threads <= 3; threads++) {
        check_dw(&b, &dy, false, batches[_i], threads);
        check_dw(&b, &dy, true, batches[_i], threads);
    }
    free_value(&dy);
}
END_TEST

Suite *suite_sparse(void)
{
    Suite *suite = suite_create("sparse");
    TCase *tcase = tcase_create("templates");

    tcase_add_loop_test(tcase, dense, 0, BATCHES);
    tcase_add_loop_test(tcase, to_dense, 0, BATCHES);
    tcase_add_loop_test(tcase, dx, 0, BATCHES);
    tcase_add_loop_test(tcase, weights, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
