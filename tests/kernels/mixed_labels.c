/*
 * mixed_labels.c -- cross entropy of rows that are mixed: (1 - share) of its own class's and share
 * of that of row n - 1 - i, as the sum over soft targets in double.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/loss.h"
#include "support/template_test.h"

Suite *suite_mixed_labels(void);

enum { CLASSES = 19, ROWS = 37, BLOCKS = 3 };

#define MEMBERS .batch_blocks = BLOCKS, .height = 1, .width = 1, .classes = CLASSES, .mixes = true

static void plain(float *dz, float *loss, const float *z, const int32_t *label, NET_RUN)
{
    net_cross_entropy(dz, loss, z, label, (struct net_cross_entropy){MEMBERS, .slope = 1.0f}, run,
                      thread);
}

static void smoothed(float *dz, float *loss, const float *z, const int32_t *label, NET_RUN)
{
    static const _Alignas(64) float ones[32] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1,
                                                1, 1, 1, 1, 1, 1, 1, 1, 1};

    net_weighted_cross_entropy(
        dz, loss, z, label,
        (struct net_weighted_cross_entropy){MEMBERS, .slope = 1.0f,
                                            .weights = {ones, CLASSES, 0.9f, 0.1f / CLASSES}},
        run, thread);
}

/* What class c is in row i, of labels that are mixed and then smoothed by 0.1 or not. */
static double soft(const int32_t *label, int i, int c, double share, bool smooths)
{
    const double hard = (1 - share) * (label[i] == c) + share * (label[ROWS - 1 - i] == c);

    return smooths ? 0.9 * hard + 0.1 / CLASSES : hard;
}

static void check_rows(const TestValue *z, const TestValue *dz, const float *loss,
                       const int32_t *label, double share, bool smooths)
{
    double sums[BLOCKS] = {0};

    for (int i = 0; i < ROWS; i++) {
        double all = 0;

        for (int c = 0; c < CLASSES; c++)
            all += exp(test_get(z, i, 0, c));
        for (int c = 0; c < CLASSES; c++) {
            const double log_p = test_get(z, i, 0, c) - log(all);
            const double target = soft(label, i, c, share, smooths);

            sums[i / 16] -= target * log_p / (smooths ? ROWS : 1);
            check_near(test_get(dz, i, 0, c), (exp(log_p) - target) / ROWS, 1e-6, "dz");
        }
    }
    for (int b = 0; b < BLOCKS; b++)
        check_near((double)loss[b], sums[b], 1e-5, "mixed cross entropy");
}

START_TEST(mixed_labels)
{
    static const float shares[] = {0, 0.25f, 0.7f, 1};
    struct net_run run = {.n = ROWS, .other_share = shares[_i]};
    int32_t label[16 * BLOCKS];

    for (int i = 0; i < 16 * BLOCKS; i++)
        label[i] = i * 7 % CLASSES;
    for (int threads = 1; threads <= 3; threads++) {
        TestValue z = random_value(BLOCKS, 1, CLASSES, 1), dz = nan_value(BLOCKS, 1, CLASSES);
        float *loss = nan_floats(BLOCKS), *alone = nan_floats(BLOCKS);

        for (int smooths = 0; smooths < 2; smooths++) {
            ON_THREADS(&run, threads)
            {
                (smooths ? smoothed : plain)(dz.at, loss, z.at, label, &run, thread);
                (smooths ? smoothed : plain)(NULL, alone, z.at, label, &run, thread);
            }
            check_padding(&dz, ROWS, "mixed cross entropy");
            check_rows(&z, &dz, loss, label, (double)shares[_i], smooths);
            ck_assert_mem_eq(loss, alone, BLOCKS * sizeof *loss);
        }
        free_value(&z);
        free_value(&dz);
        free(loss);
        free(alone);
    }
}
END_TEST

Suite *suite_mixed_labels(void)
{
    Suite *suite = suite_create("mixed_labels");
    TCase *tcase = tcase_create("losses");

    tcase_add_loop_test(tcase, mixed_labels, 0, 4);
    suite_add_tcase(suite, tcase);
    return suite;
}
