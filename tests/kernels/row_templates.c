/*
 * row_templates.c -- the templates of softmax.h, movement.h and loss.h called directly, with
 * literals of their own: against naive loops in double, on one to three threads.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/loss.h"
#include "kernels/movement.h"
#include "kernels/tables.h"
#include "support/template_test.h"

Suite *suite_row_templates(void);

/* Images of a batch that may have up to 48: each test is run for each of them. */
static const int batches[] = {1, 16, 19, 33, 48};

enum { BATCHES = sizeof batches / sizeof *batches };

/* ---- Softmax --------------------------------------------------------------------------------- */

static void softmax_48x19x3x5(float *y, const float *x, NET_RUN)
{
    net_softmax(y, x, (struct net_softmax){.batch_blocks = 3, .size = {3, 5}, .channels = 19}, run,
                thread);
}

static void softmax_48x33(float *y, const float *x, NET_RUN)
{
    net_softmax(y, x, (struct net_softmax){.batch_blocks = 3, .size = {1, 1}, .channels = 33}, run,
                thread);
}

static void softmax_grad_48x19x3x5(float *dx, const float *y, const float *dy, NET_RUN)
{
    net_softmax_grad(dx, y, dy,
                     (struct net_softmax){.batch_blocks = 3, .size = {3, 5}, .channels = 19}, run,
                     thread);
}

/* log of the sum of e^x over the channels of a pixel */
static double log_sum(const TestValue *x, int image, int pixel)
{
    double sum = 0;

    for (int c = 0; c < x->channels; c++)
        sum += exp(test_get(x, image, pixel, c));
    return log(sum);
}

static void check_softmax(void (*kernel)(float *, const float *, NET_RUN), int pixels, int channels,
                          int n)
{
    struct net_run run = {.n = n};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(3, pixels, channels, 1), y = nan_value(3, pixels, channels);

        ON_THREADS(&run, threads)
        kernel(y.at, x.at, &run, thread);
        check_padding(&y, n, "softmax");
        for (int i = 0; i < n; i++)
            for (int p = 0; p < pixels; p++)
                for (int c = 0; c < channels; c++)
                    check_near(test_get(&y, i, p, c),
                               exp(test_get(&x, i, p, c) - log_sum(&x, i, p)), 1e-6, "softmax");
        free_value(&x);
        free_value(&y);
    }
}

START_TEST(softmax)
{
    check_softmax(softmax_48x19x3x5, 15, 19, batches[_i]);
    check_softmax(softmax_48x33, 1, 33, batches[_i]);
}
END_TEST

START_TEST(softmax_grad)
{
    const int n = batches[_i];
    struct net_run run = {.n = n};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue y = random_value(3, 15, 19, 1), dy = random_value(3, 15, 19, 2);
        TestValue dx = nan_value(3, 15, 19);

        ON_THREADS(&run, threads)
        softmax_grad_48x19x3x5(dx.at, y.at, dy.at, &run, thread);
        check_padding(&dx, n, "softmax_grad");
        for (int i = 0; i < n; i++)
            for (int p = 0; p < 15; p++) {
                double sum = 0;

                for (int c = 0; c < 19; c++)
                    sum += test_get(&y, i, p, c) * test_get(&dy, i, p, c);
                for (int c = 0; c < 19; c++)
                    check_near(test_get(&dx, i, p, c),
                               test_get(&y, i, p, c) * (test_get(&dy, i, p, c) - sum), 1e-5,
                               "softmax_grad");
            }
        free_value(&y);
        free_value(&dy);
        free_value(&dx);
    }
}
END_TEST

/* ---- Movement -------------------------------------------------------------------------------- */

/* Two parts of 5 and 33 channels: one block, then three. */
static void concat_48x5_33(float *y, const float *a, const float *b, NET_RUN)
{
    net_copy_blocks(y, (struct net_blocks[]){{a, 1, 0, 0, 1}, {b, 3, 0, 1, 3}}, 2,
                    (struct net_copy_blocks){.batch_blocks = 3, .blocks = 4, .size = {2, 3}}, run,
                    thread);
}

/* The last block of three. */
static void slice_48x33_from_32(float *y, const float *x, NET_RUN)
{
    net_copy_blocks(y, (struct net_blocks[]){{x, 3, 2, 0, 1}}, 1,
                    (struct net_copy_blocks){.batch_blocks = 3, .blocks = 1, .size = {2, 3}}, run,
                    thread);
}

START_TEST(blocks)
{
    struct net_run run = {.n = 48};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue a = random_value(3, 6, 5, 1), b = random_value(3, 6, 33, 2);
        TestValue y = nan_value(3, 6, 64), last = nan_value(3, 6, 1);

        ON_THREADS(&run, threads)
        {
            concat_48x5_33(y.at, a.at, b.at, &run, thread);
            slice_48x33_from_32(last.at, b.at, &run, thread);
        }
        check_padding(&last, 48, "slice");
        for (int i = 0; i < 48; i++)
            for (int p = 0; p < 6; p++) {
                for (int c = 0; c < 5; c++)
                    ck_assert(test_get(&y, i, p, c) == test_get(&a, i, p, c));
                for (int c = 5; c < 16; c++)
                    ck_assert(test_get(&y, i, p, c) == 0);
                for (int c = 0; c < 33; c++)
                    ck_assert(test_get(&y, i, p, 16 + c) == test_get(&b, i, p, c));
                ck_assert(test_get(&last, i, p, 0) == test_get(&b, i, p, 32));
            }
        free_value(&a);
        free_value(&b);
        free_value(&y);
        free_value(&last);
    }
}
END_TEST

/* Channels 2 to 8 of [9, 6], an image's, to one pixel: element 6 c + p. */
static void relayout_48x42(float *y, const float *x, NET_RUN)
{
    net_relayout(y, x,
                 (struct net_relayout){.batch_blocks = 3,
                                       .start = 12,
                                       .size = 42,
                                       .y = {3 * 256, NET_SEGMENTS({0, 42, 1, 0, 3})},
                                       .x = {6 * 256, NET_SEGMENTS({0, 9, 6, 0, 1})}},
                 run, thread);
}

START_TEST(relayout)
{
    struct net_run run = {.n = 48};

    for (int threads = 1; threads <= 3; threads++) {
        TestValue x = random_value(3, 6, 9, 1), y = nan_value(3, 1, 42);

        ON_THREADS(&run, threads)
        relayout_48x42(y.at, x.at, &run, thread);
        check_padding(&y, 48, "relayout");
        for (int i = 0; i < 48; i++)
            for (int k = 0; k < 42; k++)
                ck_assert(test_get(&y, i, 0, k) == test_get(&x, i, k % 6, 2 + k / 6));
        free_value(&x);
        free_value(&y);
    }
}
END_TEST

/* The blocks of a concat: an image of 5 channels beside one of 17, of two pixels. */
START_TEST(channels_of_blocks)
{
    static const struct net_segment segments[] = {{0, 5, 2, 0, 3}, {10, 17, 2, 1, 3}};
    static const struct net_lanes expected[] = {{5, 0, 2},   {17, 10, 2}, {1, 42, 2}, {5, 1, 2},
                                                {17, 11, 2}, {1, 43, 2},  {0, 0, 0}};

    for (int block = 0; block < 7; block++) {
        const struct net_lanes lanes = net_lanes_of(segments, 2, block);

        ck_assert_mem_eq(&lanes, &expected[block], sizeof lanes);
    }
}
END_TEST

/* ---- Cross entropy --------------------------------------------------------------------------- */

enum { CLASSES = 19 };

static const _Alignas(64) float class_weights[32] = {1, 0, 3, 0.5f, 2, 1, 1, 1, 1,    1,
                                                     1, 1, 1, 1,    1, 1, 1, 1, 0.25f};

static void cross_entropy_grad(float *dz, float *loss, const float *z, const int32_t *label,
                               NET_RUN)
{
    net_cross_entropy(
        dz, loss, z, label,
        (struct net_cross_entropy){
            .batch_blocks = 3, .height = 1, .width = 1, .classes = CLASSES, .slope = 1.0f},
        run, thread);
}

static void cross_entropy_alone(float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_cross_entropy(
        NULL, loss, z, label,
        (struct net_cross_entropy){
            .batch_blocks = 3, .height = 1, .width = 1, .classes = CLASSES, .slope = 1.0f},
        run, thread);
}

static void weighted_grad(float *dz, float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_weighted_cross_entropy(dz, loss, z, label,
                               (struct net_weighted_cross_entropy){
                                   .batch_blocks = 3,
                                   .height = 1,
                                   .width = 1,
                                   .classes = CLASSES,
                                   .slope = 1.0f,
                                   .weights = {class_weights, 19.75f, 0.9f, 0.1f / CLASSES}},
                               run, thread);
}

/* What class c counts in a row of class `label`, of weights and smoothing 0.1 or of none. */
static double counts(int c, int label, bool weighted)
{
    const double own = c == label ? 1 : 0;

    return weighted ? (0.9 * own + 0.1 / CLASSES) * (double)class_weights[c] : own;
}

/* loss, dz and their scale against sums in double. */
static void check_rows(const TestValue *z, const TestValue *dz, const float *loss,
                       const int32_t *label, int n, bool weighted)
{
    double sums[3] = {0}, all = 0;

    for (int i = 0; i < n; i++)
        all += weighted ? (double)class_weights[label[i]] : 1;
    for (int i = 0; i < n; i++) {
        double every = 0;

        for (int c = 0; c < CLASSES; c++)
            every += counts(c, label[i], weighted);
        for (int c = 0; c < CLASSES; c++) {
            const double log_p = test_get(z, i, 0, c) - log_sum(z, i, 0);

            sums[i / 16] -= counts(c, label[i], weighted) * log_p / (weighted ? all : 1);
            check_near(test_get(dz, i, 0, c),
                       (exp(log_p) * every - counts(c, label[i], weighted)) / all, 1e-6, "dz");
        }
    }
    check_sums(loss, sums, 3, n, "cross entropy");
}

START_TEST(cross_entropy)
{
    const int n = batches[_i];
    struct net_run run = {.n = n};
    int32_t label[48];

    for (int i = 0; i < 48; i++)
        label[i] = i * 7 % CLASSES;
    for (int threads = 1; threads <= 3; threads++) {
        TestValue z = random_value(3, 1, CLASSES, 1), dz = nan_value(3, 1, CLASSES);
        float *loss = nan_floats(3), *again = nan_floats(3);

        ON_THREADS(&run, threads)
        {
            cross_entropy_grad(dz.at, loss, z.at, label, &run, thread);
            cross_entropy_alone(again, z.at, label, &run, thread);
        }
        check_padding(&dz, n, "cross entropy");
        check_rows(&z, &dz, loss, label, n, false);
        ck_assert_mem_eq(loss, again, 3 * sizeof *loss);
        ON_THREADS(&run, threads)
        weighted_grad(dz.at, loss, z.at, label, &run, thread);
        check_padding(&dz, n, "weighted cross entropy");
        check_rows(&z, &dz, loss, label, n, true);
        free_value(&z);
        free_value(&dz);
        free(loss);
        free(again);
    }
}
END_TEST

/* ---- Elementwise losses ---------------------------------------------------------------------- */

/* Images of 5 channels and 6 pixels. */
#define LOSS(...)                                                                                  \
    (struct net_elementwise_loss)                                                                  \
    {                                                                                              \
        .batch_blocks = 3, .blocks = 6, .elements = 30, __VA_ARGS__                                \
    }

static void mse(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_mse, LOSS(.slope = 2.0f), run, thread);
}

static void mae(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_mae, LOSS(.slope = 1.0f), run, thread);
}

static void huber(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_huber, LOSS(.slope = 1.0f, .delta = 0.5f),
                         run, thread);
}

static void smooth_l1(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_smooth_l1,
                         LOSS(.slope = 1.0f, .delta = 0.5f), run, thread);
}

static void log_cosh(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_log_cosh, LOSS(.slope = 1.0f), run, thread);
}

static void binary(float *dz, float *loss, const float *z, const float *target, NET_RUN)
{
    net_elementwise_loss(dz, loss, z, target, NULL, net_binary_cross_entropy,
                         LOSS(.slope = 1.0f, .z = {NET_SEGMENTS({0, 5, 6, 0, 1})}), run, thread);
}

static double exact_mse(double z, double t)
{
    return (z - t) * (z - t);
}

static double exact_mae(double z, double t)
{
    return fabs(z - t);
}

static double exact_huber(double z, double t)
{
    const double a = fabs(z - t);

    return a < 0.5 ? a * a / 2 : 0.5 * (a - 0.25);
}

static double exact_smooth_l1(double z, double t)
{
    return exact_huber(z, t) / 0.5;
}

static double exact_log_cosh(double z, double t)
{
    return log(cosh(z - t));
}

static double exact_binary(double z, double t)
{
    return fmax(z, 0) - z * t + log1p(exp(-fabs(z)));
}

static const struct {
    void (*kernel)(float *dz, float *loss, const float *z, const float *target, NET_RUN);
    double (*exact)(double z, double t);
    const char *name;
} losses[] = {
    {mse, exact_mse, "mse"},
    {mae, exact_mae, "mae"},
    {huber, exact_huber, "huber"},
    {smooth_l1, exact_smooth_l1, "smooth_l1"},
    {log_cosh, exact_log_cosh, "log_cosh"},
    {binary, exact_binary, "binary_cross_entropy"},
};

/* dz against a difference quotient, but not where there is a kink. */
static void check_elements(const TestValue *z, const TestValue *t, const TestValue *dz,
                           const float *loss, int n, int which)
{
    double (*exact)(double, double) = losses[which].exact;
    const double step = 1e-4;
    double sums[3] = {0};

    for (int i = 0; i < n; i++)
        for (int p = 0; p < 6; p++)
            for (int c = 0; c < 5; c++) {
                const double zi = test_get(z, i, p, c), ti = test_get(t, i, p, c);
                const double slope = (exact(zi + step, ti) - exact(zi - step, ti)) / (2 * step);

                sums[i / 16] += exact(zi, ti);
                if (fabs(fabs(zi - ti) - 0.5) > step && fabs(zi - ti) > step)
                    check_near(test_get(dz, i, p, c) * n * 30, slope, 1e-4, losses[which].name);
            }
    check_sums(loss, sums, 3, n, losses[which].name);
}

START_TEST(elementwise)
{
    for (int k = 0; k < 2 * BATCHES; k++) {
        const int n = batches[k / 2];
        struct net_run run = {.n = n, .threads = 0};
        TestValue z = random_value(3, 6, 5, 1), t = random_value(3, 6, 5, 2);
        TestValue dz = nan_value(3, 6, 5);
        float *loss = nan_floats(3);

        ON_THREADS(&run, 1 + k % 2)
        losses[_i].kernel(dz.at, loss, z.at, t.at, &run, thread);
        check_padding(&dz, n, losses[_i].name);
        check_elements(&z, &t, &dz, loss, n, _i);
        free_value(&z);
        free_value(&t);
        free_value(&dz);
        free(loss);
    }
}
END_TEST

/* One logit against a class, 0 or 1; what does not want dz leaves it out. */
static void binary_of_class(float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_elementwise_loss(NULL, loss, z, NULL, label, net_binary_cross_entropy,
                         (struct net_elementwise_loss){.batch_blocks = 3,
                                                       .blocks = 1,
                                                       .elements = 1,
                                                       .slope = 1.0f,
                                                       .z = {NET_SEGMENTS({0, 1, 1, 0, 1})}},
                         run, thread);
}

static void mean_of_rows(const float *loss, NET_RUN)
{
    net_mean_loss(loss, (struct net_mean_loss){.rows = 1, .elements = 1, .factor = 1.0f}, run,
                  thread);
}

START_TEST(class_and_mean)
{
    const int n = batches[_i];
    struct net_run run = {.n = n};
    TestValue z = random_value(3, 1, 1, 1);
    float *loss = nan_floats(3);
    int32_t label[48];
    double sum = 0;

    for (int i = 0; i < 48; i++)
        label[i] = i % 3 == 0;
    for (int i = 0; i < n; i++)
        sum += exact_binary(test_get(&z, i, 0, 0), label[i]);
    ON_THREADS(&run, 2)
    binary_of_class(loss, z.at, label, &run, thread);
    ON_THREADS(&run, 2)
    mean_of_rows(loss, &run, thread);
    check_near((double)run.loss, sum / n, 1e-6, "mean loss");
    free_value(&z);
    free(loss);
}
END_TEST

Suite *suite_row_templates(void)
{
    Suite *suite = suite_create("row_templates");
    TCase *tcase = tcase_create("templates");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, softmax, 0, BATCHES);
    tcase_add_loop_test(tcase, softmax_grad, 0, BATCHES);
    tcase_add_test(tcase, blocks);
    tcase_add_test(tcase, relayout);
    tcase_add_test(tcase, channels_of_blocks);
    tcase_add_loop_test(tcase, cross_entropy, 0, BATCHES);
    tcase_add_loop_test(tcase, elementwise, 0, (int)(sizeof losses / sizeof *losses));
    tcase_add_loop_test(tcase, class_and_mean, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
