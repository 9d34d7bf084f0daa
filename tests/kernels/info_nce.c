/*
 * info_nce.c -- losses over pairs of the batch: a whole network against the reference, and the
 * templates of info_nce.h called directly.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/info_nce.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_info_nce(void);

/* ---- A network ------------------------------------------------------------------------------- */

/* Vectors of one number, of blocks and a part; not of length 1; a value with itself. */
static const char network[] =
    "data {\n"
    "    train = npy(x=\"x.npy\", y=\"y.npy\")\n"
    "    input x[6] = x\n"
    "    input y[6] = y\n"
    "}\n"
    "network few(v) { v -> dense(1) }\n"
    "network many(v) { v -> dense(35) -> tanh }\n"
    "train {\n"
    "    loss = nt_xent(many(x), many(y)) + nt_xent(few(x), few(y), normalize=false) / 5 +\n"
    "        mean(square(many(x) -> info_nce(many(y), temperature=7, normalize=false))) +\n"
    "        0.1 * nt_xent(many(y), many(y), temperature=0.9)\n"
    "    optimizer = sgd(lr=0.1)\n"
    "    batch = 69\n"
    "}\n";

const char *info_nce_text(void)
{
    return network;
}

START_TEST(against_the_reference)
{
    static const KernelCase c = {.name = "pairs", .batch = 69, .least = 1};

    check_kernel_text(&c, network);
}
END_TEST

/* ---- Templates ------------------------------------------------------------------------------- */

enum { IMAGES = 67, BATCH_BLOCKS = 5, CHANNELS = 19 };

static const struct net_info_nce shape = {.channels = CHANNELS, .scale = 0.8f};

typedef struct Values { /* in: a b dy; out: y sums da db */
    TestValue a, b, dy, y, sums, d[2];
} Values;

#define PAIRS(name, views, rows)                                                                   \
    static void name(Values *x, NET_RUN)                                                           \
    {                                                                                              \
        net_info_nce(x->y.at, x->sums.at, x->a.at, x->b.at, views, rows,                           \
                     (struct net_info_nce){.channels = CHANNELS, .scale = 0.8f}, run, thread);     \
    }                                                                                              \
    static void name##_grad(Values *x, NET_RUN)                                                    \
    {                                                                                              \
        net_info_nce_grad(x->d[0].at, x->a.at, x->b.at, x->sums.at, x->dy.at, views, 0, rows,      \
                          (struct net_info_nce){.channels = CHANNELS, .scale = 0.8f}, run,         \
                          thread);                                                                 \
        net_info_nce_grad(x->d[1].at, x->b.at, x->a.at, x->sums.at, x->dy.at, views, 1, rows,      \
                          (struct net_info_nce){.channels = CHANNELS, .scale = 0.8f}, run,         \
                          thread);                                                                 \
    }

PAIRS(one, 1, 4)
PAIRS(two, 2, 8)

static const struct {
    void (*forward)(Values *x, NET_RUN), (*backward)(Values *x, NET_RUN);
    int views;
} templates[] = {{one, one_grad, 1}, {two, two_grad, 2}};

/* Row k of both views together, of n each. */
static double row_at(const Values *x, int n, int k, int channel)
{
    return test_get(k < n ? &x->a : &x->b, k % n, 0, channel);
}

static double score_of(const Values *x, int n, int k, int l)
{
    double sum = 0;

    for (int c = 0; c < CHANNELS; c++)
        sum += row_at(x, n, k, c) * row_at(x, n, l, c);
    return sum * shape.scale;
}

/* The loss of row k, and what its gradients add to those of all rows. */
static double add_loss(const Values *x, int n, int k, int views, double *gradients)
{
    double p[2 * IMAGES], sum = 0;
    const int positive = (k + n) % (2 * n);
    const double dy = test_get(&x->dy, k % n, 0, k / n);

    for (int l = 0; l < 2 * n; l++) {
        p[l] = (views == 2 ? l != k : l >= n) ? exp(score_of(x, n, k, l)) : 0;
        sum += p[l];
    }
    for (int l = 0; l < 2 * n; l++) {
        const double g = dy * shape.scale * (p[l] / sum - (l == positive));

        for (int c = 0; c < CHANNELS && (p[l] > 0 || l == positive); c++) {
            gradients[k * CHANNELS + c] += g * row_at(x, n, l, c);
            gradients[l * CHANNELS + c] += g * row_at(x, n, k, c);
        }
    }
    return log(sum / p[positive]);
}

static void check_values(const Values *x, int n, int views)
{
    double *gradients = calloc((size_t)(2 * n * CHANNELS), sizeof *gradients);

    for (int k = 0; k < views * n; k++)
        check_near(test_get(&x->y, k % n, 0, k / n), add_loss(x, n, k, views, gradients), 1e-5,
                   "y");
    for (int k = 0; k < 2 * n; k++)
        for (int c = 0; c < CHANNELS; c++)
            check_near(test_get(&x->d[k / n], k % n, 0, c), gradients[k * CHANNELS + c], 1e-5,
                       "gradient");
    free(gradients);
}

static void check_same(const Values *a, const Values *b)
{
    const TestValue *const of_a[] = {&a->y, &a->sums, &a->d[0], &a->d[1]};
    const TestValue *const of_b[] = {&b->y, &b->sums, &b->d[0], &b->d[1]};

    for (int i = 0; i < 4; i++)
        ck_assert_mem_eq(of_a[i]->at, of_b[i]->at, (size_t)of_a[i]->count * sizeof(float));
}

static void free_values(Values *x)
{
    free_value(&x->a), free_value(&x->b), free_value(&x->dy), free_value(&x->y);
    free_value(&x->sums), free_value(&x->d[0]), free_value(&x->d[1]);
}

/* On one to three threads, the same bits; rows beyond the batch, which are NaN, count nowhere, and
   nothing is written there. */
START_TEST(template)
{
    static const int batches[] = {1, 16, 37, IMAGES};
    const long stride = net_info_nce_scratch(CHANNELS);
    float *scratch = nan_floats(3 * stride);

    for (int b = 0; b < 4; b++) {
        Values first;

        for (int threads = 1; threads <= 3; threads++) {
            const int n = batches[b], views = templates[_i].views;
            struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = stride};
            Values x = {
                random_value(BATCH_BLOCKS, 1, CHANNELS, 1),
                random_value(BATCH_BLOCKS, 1, CHANNELS, 2),
                random_value(BATCH_BLOCKS, 1, views, 3),
                nan_value(BATCH_BLOCKS, 1, views),
                nan_value(BATCH_BLOCKS, 1, 2 * views),
                {nan_value(BATCH_BLOCKS, 1, CHANNELS), nan_value(BATCH_BLOCKS, 1, CHANNELS)}};

            for (int c = 0; n < 16 * BATCH_BLOCKS && c < CHANNELS; c++)
                x.a.at[test_at(&x.a, n, 0, c)] = x.b.at[test_at(&x.b, n, 0, c)] = NAN;
            ON_THREADS(&run, threads)
            templates[_i].forward(&x, &run, thread);
            ON_THREADS(&run, threads)
            templates[_i].backward(&x, &run, thread);
            check_padding(&x.y, n, "y");
            check_padding(&x.d[1], n, "gradient");
            ck_assert(isnan(test_get(&x.d[0], n, 0, 0)) && isnan(test_get(&x.y, n, 0, 0)));
            if (threads == 1) {
                check_values(&x, n, views);
                first = x;
            } else {
                check_same(&first, &x);
                free_values(&x);
            }
        }
        free_values(&first);
    }
    free(scratch);
}
END_TEST

/* By how much neighbouring channels of the gradients differ, of `views` and of what is right. */
static double worst_step(const Values *x, int n, const double *right)
{
    double worst = 0, most = 0;

    for (int k = 0; k < 2 * n; k++)
        for (int c = 1; c < CHANNELS; c++) {
            const double *at = right + k * CHANNELS + c, step = at[0] - at[-1];
            const TestValue *d = &x->d[k / n];
            const double found = test_get(d, k % n, 0, c) - test_get(d, k % n, 0, c - 1);

            worst = fmax(worst, fabs(found - step));
            most = fmax(most, fabs(step));
        }
    return worst / most;
}

/* Rows that are nearly alike, as an untrained network gives them: their weighted sums cancel, and
   what is left of them is known as well as what the rows differ by. */
START_TEST(nearly_alike)
{
    const int n = IMAGES, views = templates[_i].views;
    const long stride = net_info_nce_scratch(CHANNELS);
    float *scratch = nan_floats(stride);
    double *right = calloc((size_t)(2 * n * CHANNELS), sizeof *right);
    struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = stride};
    Values x = {random_value(BATCH_BLOCKS, 1, CHANNELS, 1),
                random_value(BATCH_BLOCKS, 1, CHANNELS, 2),
                random_value(BATCH_BLOCKS, 1, views, 3),
                nan_value(BATCH_BLOCKS, 1, views),
                nan_value(BATCH_BLOCKS, 1, 2 * views),
                {nan_value(BATCH_BLOCKS, 1, CHANNELS), nan_value(BATCH_BLOCKS, 1, CHANNELS)}};

    for (int k = 0; k < 2 * n; k++)
        for (int c = 0; c < CHANNELS; c++) {
            TestValue *of = k < n ? &x.a : &x.b;

            of->at[test_at(of, k % n, 0, c)] = 1.0f + 1e-3f * of->at[test_at(of, k % n, 0, c)];
        }
    for (int k = 0; k < views * n; k++)
        x.dy.at[test_at(&x.dy, k % n, 0, k / n)] = 1.0f;
    ON_THREADS(&run, 1)
    templates[_i].forward(&x, &run, thread);
    ON_THREADS(&run, 1)
    templates[_i].backward(&x, &run, thread);
    for (int k = 0; k < views * n; k++)
        add_loss(&x, n, k, views, right);
    ck_assert_double_le(worst_step(&x, n, right), 2e-6);
    free(right);
    free(scratch);
    free_values(&x);
}
END_TEST

Suite *suite_info_nce(void)
{
    Suite *suite = suite_create("info_nce");
    TCase *tcase = tcase_create("against the reference");

    tcase_set_timeout(tcase, 300);
    tcase_add_test(tcase, against_the_reference);
    tcase_add_loop_test(tcase, template, 0, COUNT(templates));
    tcase_add_loop_test(tcase, nearly_alike, 0, COUNT(templates));
    suite_add_tcase(suite, tcase);
    return suite;
}
