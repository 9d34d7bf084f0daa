/*
 * labels.c -- cross entropy of a class at each position of a sequence or a picture: its template
 * beside sums in double, and compiled kernels beside the reference.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/loss.h"

#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_labels(void);

/* ---- The template ---------------------------------------------------------------------------- */

enum { BLOCKS = 3, HEIGHT = 5, WIDTH = 14, POSITIONS = HEIGHT * WIDTH, CLASSES = 19 };

static const int batches[] = {1, 16, 17, 33, 48};

static const _Alignas(64) float weights[32] = {1, 0, 3, 0.5f, 2, 1, 1, 1, 1,    1,
                                               1, 1, 1, 1,    1, 1, 1, 1, 0.25f};

static void labelled(float *dz, float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_cross_entropy(dz, loss, z, label,
                      (struct net_cross_entropy){.batch_blocks = BLOCKS,
                                                 .height = HEIGHT,
                                                 .width = WIDTH,
                                                 .classes = CLASSES,
                                                 .slope = 1.0f},
                      run, thread);
}

static void with_ignored(float *dz, float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_weighted_cross_entropy(
        dz, loss, z, label,
        (struct net_weighted_cross_entropy){.batch_blocks = BLOCKS,
                                            .height = HEIGHT,
                                            .width = WIDTH,
                                            .classes = CLASSES,
                                            .ignores = true,
                                            .slope = 2.0f,
                                            .weights = {weights, 19.75f, 1.0f, 0.0f}},
        run, thread);
}

static void mean_of_rows(const float *loss, NET_RUN)
{
    net_mean_loss(loss,
                  (struct net_mean_loss){.rows = HEIGHT, .elements = POSITIONS, .factor = 1.0f},
                  run, thread);
}

static void mean_of_shares(const float *loss, NET_RUN)
{
    net_mean_loss(loss, (struct net_mean_loss){.rows = HEIGHT, .elements = 0, .factor = 1.0f}, run,
                  thread);
}

static double log_p(const TestValue *z, int image, int position, int class)
{
    double sum = 0;

    for (int c = 0; c < CLASSES; c++)
        sum += exp(test_get(z, image, position, c));
    return test_get(z, image, position, class) - log(sum);
}

static int label_at(const int32_t *label, int image, int position)
{
    return label[16 * (image / 16 * POSITIONS + position) + image % 16];
}

/* The mean of all labels by their weights; dz is checked to be its gradient, times `slope`. */
static double check_gradient(const TestValue *z, const TestValue *dz, const int32_t *label, int n,
                             bool weighted, double slope)
{
    double sum = 0, all = 0;

    for (int at = 0; at < n * POSITIONS; at++) {
        const int own = label_at(label, at / POSITIONS, at % POSITIONS);

        all += own < 0 ? 0 : weighted ? (double)weights[own] : 1;
    }
    for (int at = 0; at < n * POSITIONS; at++) {
        const int i = at / POSITIONS, p = at % POSITIONS, own = label_at(label, i, p);
        const double share = own < 0 ? 0 : (weighted ? (double)weights[own] : 1) / all;

        sum -= own < 0 ? 0 : share * log_p(z, i, p, own);
        for (int c = 0; c < CLASSES; c++)
            check_near(test_get(dz, i, p, c), slope * share * (exp(log_p(z, i, p, c)) - (c == own)),
                       1e-7, "dz");
    }
    return sum;
}

START_TEST(template)
{
    const int n = batches[_i];
    struct net_run run = {.n = n};
    int32_t label[16 * BLOCKS * POSITIONS];

    for (int i = 0; i < 16 * BLOCKS * POSITIONS; i++)
        label[i] = i * 7 % CLASSES;
    for (int threads = 1; threads <= 3; threads++) {
        TestValue z = random_value(BLOCKS, POSITIONS, CLASSES, 1);
        TestValue dz = nan_value(BLOCKS, POSITIONS, CLASSES);
        float *loss = nan_floats(BLOCKS * HEIGHT);

        ON_THREADS(&run, threads)
        labelled(dz.at, loss, z.at, label, &run, thread);
        ON_THREADS(&run, 1)
        mean_of_rows(loss, &run, thread);
        check_padding(&dz, n, "cross entropy of positions");
        check_near((double)run.loss, check_gradient(&z, &dz, label, n, false, 1), 1e-6, "loss");
        free_value(&z);
        free_value(&dz);
        free(loss);
    }
}
END_TEST

START_TEST(ignored)
{
    const int n = batches[_i];
    struct net_run run = {.n = n};
    int32_t label[16 * BLOCKS * POSITIONS];

    for (int i = 0; i < 16 * BLOCKS * POSITIONS; i++)
        label[i] = i % 3 ? i * 7 % CLASSES : -1;
    for (int threads = 1; threads <= 3; threads++) {
        TestValue z = random_value(BLOCKS, POSITIONS, CLASSES, 1);
        TestValue dz = nan_value(BLOCKS, POSITIONS, CLASSES);
        float *loss = nan_floats(BLOCKS * HEIGHT);

        ON_THREADS(&run, threads)
        with_ignored(dz.at, loss, z.at, label, &run, thread);
        ON_THREADS(&run, 1)
        mean_of_shares(loss, &run, thread);
        check_padding(&dz, n, "cross entropy of positions, some ignored");
        check_near((double)run.loss, check_gradient(&z, &dz, label, n, true, 2), 1e-6, "loss");
        free_value(&z);
        free_value(&dz);
        free(loss);
    }
}
END_TEST

/* None of the labels counts: neither a loss nor a gradient, and no division by 0. */
START_TEST(all_ignored)
{
    struct net_run run = {.n = 17};
    int32_t label[16 * BLOCKS * POSITIONS];
    TestValue z = random_value(BLOCKS, POSITIONS, CLASSES, 1);
    TestValue dz = nan_value(BLOCKS, POSITIONS, CLASSES);
    float *loss = nan_floats(BLOCKS * HEIGHT);

    for (int i = 0; i < 16 * BLOCKS * POSITIONS; i++)
        label[i] = -1;
    ON_THREADS(&run, 2)
    with_ignored(dz.at, loss, z.at, label, &run, thread);
    ON_THREADS(&run, 1)
    mean_of_shares(loss, &run, thread);
    ck_assert_float_eq(run.loss, 0);
    ck_assert_float_eq(run.terms[0].weight, 0);
    for (int at = 0; at < 17 * POSITIONS * CLASSES; at++)
        ck_assert_double_eq(
            test_get(&dz, at / CLASSES / POSITIONS, at / CLASSES % POSITIONS, at % CLASSES), 0);
    free_value(&z);
    free_value(&dz);
    free(loss);
}
END_TEST

/* ---- Compiled kernels ------------------------------------------------------------------------ */

static const KernelCase cases[] = {
    {"a class a pixel", 17, 1, true, "input x[3, 9, 15] = x", "[9, 15] = t -> classes(5)", "x",
     "    x -> conv2d(7, 3, padding=same) -> relu -> conv2d(5, 1)\n", "cross_entropy"},
    {"a class a pixel, some ignored, of a concat", 33, 1, true, "input x[3, 5, 6] = x",
     "[5, 6] = t -> classes(21)", "x",
     "    concat(x -> conv2d(9, 1), x -> conv2d(12, 3, padding=same)) -> softmax\n",
     "cross_entropy, ignore=255"},
    {"a class a position, all rules", 16, 1, false, "input x[4, 70] = x", "[70] = t -> classes(3)",
     "x", "    x -> conv1d(3, 3, padding=same)\n",
     "cross_entropy, ignore=-1, smoothing=0.2, class_weights=[1, 0.5, 2]"},
};

START_TEST(compiled)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

Suite *suite_labels(void)
{
    Suite *suite = suite_create("labels");
    TCase *tcase = tcase_create("labels");

    tcase_set_timeout(tcase, 300);
    tcase_add_loop_test(tcase, template, 0, COUNT(batches));
    tcase_add_loop_test(tcase, ignored, 0, COUNT(batches));
    tcase_add_test(tcase, all_ignored);
    tcase_add_loop_test(tcase, compiled, 0, COUNT(cases));
    suite_add_tcase(suite, tcase);
    return suite;
}
