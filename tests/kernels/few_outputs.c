/*
 * few_outputs.c -- the templates of few_outputs.h, called with literals of their own, against loops
 * in double: 1 to 4 outputs, a batch block that is not full, two threads.
 */

#include <check.h>
#include <stdlib.h>

#include "kernels/few_outputs.h"

enum { N = 29, BATCH_BLOCKS = 2, BLOCKS = 3, INPUTS = 16 * BLOCKS };

static float *values(unsigned seed, int count)
{
    float *x = aligned_alloc(64, (size_t)count * sizeof *x);

    for (int i = 0; i < count; i++) {
        seed = seed * 1103515245u + 12345u;
        x[i] = (float)((int)(seed >> 16) % 2001 - 1000) * 1e-3f;
    }
    return x;
}

/* Channel c of image n of a value of `blocks` blocks. */
static int at(int blocks, int n, int c)
{
    return ((n / 16 * blocks + c / 16) * 16 + n % 16) * 16 + c % 16;
}

struct operands_y {
    float *y;
};

NET_EPILOGUE(store)
{
    const struct operands_y *o = operands;

    vec_store(o->y + e.at, v0);
}

NET_INLINE void check_layer(int outputs, int images, int group)
{
    const struct net_few_outputs s = {BATCH_BLOCKS, BLOCKS};
    float *x = values(1, BATCH_BLOCKS * BLOCKS * 256), *w = values(2, outputs * INPUTS);
    float *b = values(3, 16), *y = values(4, BATCH_BLOCKS * 256),
          *dy = values(5, BATCH_BLOCKS * 256);
    float *dx = values(6, BATCH_BLOCKS * BLOCKS * 256), *dw = values(7, outputs * INPUTS);
    const struct operands_y of_y = {y}, of_dx = {dx};
    struct net_run run = {.n = N, .threads = 2};

    for (int thread = 0; thread < 2; thread++) {
        net_dense_few_outputs(x, w, b, outputs, images, store, NULL, &of_y, NULL, NULL, s, &run,
                              thread);
        net_dense_few_outputs_dx(dy, w, outputs, store, NULL, &of_dx, NULL, NULL, s, &run, thread);
        net_dense_few_outputs_dw(dw, x, dy, outputs, group, s, (struct net_apply){0}, &run, thread);
    }
    for (int n = 0; n < N; n++)
        for (int o = 0; o < outputs; o++) {
            double sum = (double)b[o];

            for (int c = 0; c < INPUTS; c++)
                sum += (double)x[at(BLOCKS, n, c)] * (double)w[o * INPUTS + c];
            ck_assert_float_eq_tol(y[at(1, n, o)], (float)sum, 1e-5f);
        }
    for (int c = 0; c < INPUTS; c++) {
        for (int n = 0; n < N; n++) {
            double sum = 0;

            for (int o = 0; o < outputs; o++)
                sum += (double)dy[at(1, n, o)] * (double)w[o * INPUTS + c];
            ck_assert_float_eq_tol(dx[at(BLOCKS, n, c)], (float)sum, 1e-5f);
        }
        for (int o = 0; o < outputs; o++) {
            double sum = 0;

            for (int n = 0; n < N; n++)
                sum += (double)dy[at(1, n, o)] * (double)x[at(BLOCKS, n, c)];
            ck_assert_float_eq_tol(dw[o * INPUTS + c], (float)sum, 1e-5f);
        }
    }
    free(x), free(w), free(b), free(y), free(dy), free(dx), free(dw);
}

START_TEST(outputs_1)
{
    check_layer(1, 4, 3);
}
END_TEST

START_TEST(outputs_3)
{
    check_layer(3, 2, 1);
}
END_TEST

START_TEST(outputs_4)
{
    check_layer(4, 1, 1);
}
END_TEST

Suite *suite_few_outputs(void);

Suite *suite_few_outputs(void)
{
    const TTest *const tests[] = {outputs_1, outputs_3, outputs_4};
    Suite *suite = suite_create("few_outputs");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        TCase *tcase = tcase_create(tests[i]->name);

        tcase_add_test(tcase, tests[i]);
        suite_add_tcase(suite, tcase);
    }
    return suite;
}
