/*
 * scores.c -- metrics of predictions that are known, on data that stand in memory.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "support/data_test.h"
#include "support/memory_data.h"

/* Confusion 3 of 4, 1 of 3, 0 of 0; two rows are taken for class 2, which never occurs. */
START_TEST(scores_of_classes)
{
    static const float y[7] = {0, 0, 0, 0, 1, 1, 1};
    static const int taken[7] = {0, 0, 0, 2, 1, 0, 2};
    const long rows[7] = {0, 1, 2, 3, 4, 5, 6};
    float x[7] = {0}, outputs[7][8] = {{0}};
    struct fixture f;

    memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = 7, memory.size = 1;
    make_model(&f, 1, 1, 1);
    set_classes(&f, 8);
    f.model.outputs = 8;
    struct net_data *data = open_model(&f);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    for (int i = 0; i < 7; i++)
        outputs[i][taken[i]] = 1;
    for (int k = 3; k < 7; k++)
        outputs[5][k] = .5f; /* class 1 is the sixth: 0, then these four */
    net_metrics_add(metrics, NET_TRAIN, rows, outputs[0], 7);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "precision"), (3 / 4. + 1 + 0) / 3, 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "recall"), (3 / 4. + 1 / 3. + 0) / 3, 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "f1"), (6 / 8. + 2 / 4. + 0) / 3, 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "top5"), 6 / 7., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "balanced_accuracy"), (3 / 4. + 1 / 3.) / 2,
                            1e-12);
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

START_TEST(scores_of_one_output)
{
    static const float y[6] = {0, 0, 0, 1, 1, 1}, signs[6] = {-1, -1, -1, 1, 1, 1};
    static const float outputs[6] = {-1, -1, 1, -1, 1, 1}, never[6] = {-1, -1, -1, -1, -1, -1};
    const long rows[6] = {0, 1, 2, 3, 4, 5};
    float x[6] = {0};
    struct fixture f;

    for (int i = 0; i < 2; i++) {
        memory.x = x, memory.y = i ? signs : y, memory.bytes = NULL;
        memory.rows = 6, memory.size = 1;
        make_model(&f, 1, 1, 1);
        f.model.activation = i ? NET_IDENTITY : NET_SIGMOID;
        struct net_data *data = open_model(&f);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_metrics_add(metrics, NET_TRAIN, rows, outputs, 6);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "accuracy"), 4 / 6., 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "precision"), 2 / 3., 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "recall"), 2 / 3., 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "f1"), 2 / 3., 1e-12);
        ck_assert(isnan(net_metrics_value(metrics, "top5")));
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, never, 6);
        ck_assert_double_eq(net_metrics_value(metrics, "precision"), 0);
        ck_assert_double_eq(net_metrics_value(metrics, "f1"), 0);
        ck_assert(!isnan(net_metrics_value(metrics, "mse")));
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* Two outputs score as one does: class 1, here 2 right of 3 predicted and of 4 that there are. */
START_TEST(scores_of_two_classes)
{
    static const float y[7] = {0, 0, 0, 1, 1, 1, 1};
    static const float outputs[7][2] = {{1, 0}, {1, 0}, {0, 1}, {0, 1}, {0, 1}, {1, 0}, {1, 0}};
    const long rows[7] = {0, 1, 2, 3, 4, 5, 6};
    float x[7] = {0};
    struct fixture f;

    memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = 7, memory.size = 1;
    make_model(&f, 1, 1, 1);
    set_classes(&f, 2);
    f.model.outputs = 2;
    struct net_data *data = open_model(&f);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    net_metrics_add(metrics, NET_TRAIN, rows, outputs[0], 7);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "precision"), 2 / 3., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "recall"), 2 / 4., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "f1"), 4 / 7., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "balanced_accuracy"), (2 / 3. + 2 / 4.) / 2,
                            1e-12);
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

static void make_metrics(const void *context)
{
    const struct fixture *f = context;
    struct net_data *data = open_model(f);

    net_metrics_free(net_metrics_new(&f->model, data));
    net_data_close(data);
}

/* Values have no accuracy: the first that is no class is named. */
START_TEST(classes_of_values)
{
    static const struct {
        float y[4];
        const char *fault;
    } cases[] = {
        {{0, 1, 50.25f, 2},
         "row 2 (from 0), target: expected 0 and 1, or -1 and 1, for the metric "
         "accuracy, found 50.25; metrics of values are mse, rmse, mae, r2"},
        {{1, -1, 1, 0}, "row 3 (from 0), target: expected 0 and 1, or -1 and 1"},
        {{1, 0, 1, -1}, "row 3 (from 0), target: expected 0 and 1, or -1 and 1"},
        {{1, 1, 1, 1}, NULL},
        {{-1, 1, -1, -1}, NULL},
        {{0, 0, 0, 1}, NULL},
    };
    static const struct net_call names[] = {{.name = "mse"}, {.name = "accuracy"}};
    float x[4] = {0};
    struct fixture f;

    for (int i = 0; i < LENGTH(cases); i++) {
        memory.x = x, memory.y = cases[i].y, memory.bytes = NULL, memory.rows = 4, memory.size = 1;
        make_model(&f, 1, 1, 1);
        f.model.outputs = 1;
        f.model.metrics = names;
        f.model.metric_count = 2;
        if (cases[i].fault)
            expect_fault(make_metrics, &f, cases[i].fault);
        else
            make_metrics(&f);
        f.model.metric_count = 1;
        make_metrics(&f);
    }
}
END_TEST

TCase *scores_test(void)
{
    const TTest *const tests[] = {
        scores_of_classes,
        scores_of_one_output,
        scores_of_two_classes,
        classes_of_values,
    };
    TCase *scores = tcase_create("scores");

    tcase_add_checked_fixture(scores, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(scores, tests[i]);
    return scores;
}
