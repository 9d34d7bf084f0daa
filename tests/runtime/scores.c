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

/* Areas and log loss of scores that are often equal, as `python3 tests/runtime/sklearn_metrics.py`
   prints them. Of one output and of two classes they do not need to be asked for twice. */
START_TEST(ranks)
{
    enum { ROWS = 97 };
    static const struct {
        int outputs;
        double auc, pr_auc, log_loss;
    } cases[] = {
        {1, 0.49903846153846154, 0.3327086015622898, 0.9044779581907849},
        {2, 0.5009615384615385, 0.33032646048109965, 0.9089963899455198},
        {5, 0.5319818057735033, 0.21264020037435943, 1.822114263162982},
    };
    static const struct net_call names[] = {{.name = "auc"}, {.name = "pr_auc"}};

    for (int i = 0; i < LENGTH(cases); i++) {
        const int count = cases[i].outputs;
        float x[ROWS] = {0}, y[ROWS], outputs[ROWS * 5];
        long rows[ROWS];
        struct fixture f;

        for (int row = 0; row < ROWS; row++) {
            rows[row] = row;
            y[row] = (float)((row * row + row / 3) % (count == 1 ? 2 : count));
            for (int c = 0; c < count; c++)
                outputs[row * count + c] = (float)((row * 37 + c * 101 + row * row * 7) % 17 - 8) /
                                           4;
        }
        memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = ROWS, memory.size = 1;
        make_model(&f, 1, 1, 1);
        if (count > 1)
            set_classes(&f, count);
        f.model.outputs = count;
        f.model.activation = count > 1 ? NET_SOFTMAX : NET_SIGMOID;
        f.model.metrics = names;
        f.model.metric_count = 2;
        struct net_data *data = open_model(&f);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_metrics_add(metrics, NET_TRAIN, rows, outputs, ROWS);
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, outputs, 50);
        net_metrics_add(metrics, NET_TRAIN, rows + 50, outputs + 50L * count, ROWS - 50);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "auc"), cases[i].auc, 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "pr_auc"), cases[i].pr_auc, 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "log_loss"), cases[i].log_loss, 1e-12);
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* Probabilities that floats would round to 1 rank as they should; a class that is not there has no
   area; rows that are lost leave none. */
START_TEST(ranks_of_few)
{
    static const float y[4] = {0, 0, 1, 1};
    static const float outputs[5][3] = {{60, 0, -9}, {0, 80, -9}, {0, 81, -9}, {0, 90, -9}, {NAN}};
    const long rows[4] = {0, 1, 2, 3};
    float x[4] = {0};
    struct fixture f;

    memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = 4, memory.size = 1;
    make_model(&f, 1, 1, 1);
    set_classes(&f, 3);
    f.model.outputs = 3;
    f.model.activation = NET_SOFTMAX;
    struct net_data *data = open_model(&f);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    ck_assert(isnan(net_metrics_value(metrics, "auc")));
    net_metrics_rank(metrics);
    net_metrics_add(metrics, NET_TRAIN, rows, outputs[0], 4);
    ck_assert_double_eq(net_metrics_value(metrics, "auc"), 1);
    ck_assert_double_eq(net_metrics_value(metrics, "pr_auc"), 1);
    net_metrics_reset(metrics);
    net_metrics_add(metrics, NET_TRAIN, rows, outputs[0], 2);
    ck_assert(isnan(net_metrics_value(metrics, "auc")));
    net_metrics_reset(metrics);
    net_metrics_add(metrics, NET_TRAIN, rows, outputs[1], 4);
    ck_assert(isnan(net_metrics_value(metrics, "auc")));
    ck_assert(isnan(net_metrics_value(metrics, "log_loss")));
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* The curve has the areas: the ROC by trapezoids, precision by steps of recall. Of very many rows
   it is as long as a picture is wide, and still has them. */
START_TEST(curves)
{
    enum { MOST = 60000 };
    static const struct net_call names[] = {{.name = "auc"}, {.name = "pr_auc"}};
    static float x[MOST], y[MOST], outputs[MOST];
    static long rows[MOST];
    static double points[NET_CURVE][2];

    for (int count = 97; count <= MOST; count += MOST - 97) {
        double area = 0, precision = 0, before[2] = {0};
        struct fixture f;

        for (long row = 0; row < count; row++) {
            rows[row] = row;
            y[row] = (float)((row * row + row / 3) % 2);
            outputs[row] = sinf((float)row * 1.7F) + y[row] / 2;
        }
        memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = count, memory.size = 1;
        make_model(&f, 1, 1, 1);
        f.model.activation = NET_SIGMOID;
        f.model.metrics = names;
        f.model.metric_count = 2;
        struct net_data *data = open_model(&f);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);
        net_metrics_add(metrics, NET_TRAIN, rows, outputs, count);
        const int length = net_metrics_curve(metrics, points);
        const double *all = points[length - 1];

        ck_assert_int_gt(length, NET_CURVE_BEGIN / 2);
        ck_assert_int_lt(length, NET_CURVE);
        for (int i = 0; i < length; i++) {
            area += (points[i][0] - before[0]) * (points[i][1] + before[1]) / 2;
            precision += (points[i][1] - before[1]) * points[i][1] / (points[i][0] + points[i][1]);
            before[0] = points[i][0], before[1] = points[i][1];
        }
        const double most = count == MOST ? 1e-3 : 1e-12;
        ck_assert_double_eq_tol(area / all[0] / all[1], net_metrics_value(metrics, "auc"), most);
        ck_assert_double_eq_tol(precision / all[1], net_metrics_value(metrics, "pr_auc"), most);
        ck_assert_double_eq(all[0] + all[1], count);
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* Of one output the probability of class 1, of several that of the predicted class. */
START_TEST(calibration)
{
    static const float y[3] = {1, 0, 2};
    static const float one[3] = {1.0986123F, -1.0986123F,
                                 1.0986123F}; /* log 3: p = 3/4, 1/4, 3/4 */
    static const float three[3][3] = {{0, 1.3862944F, 0}, {0, 0, 1.3862944F}, {0, 0, 90}};
    const long rows[3] = {0, 1, 2};

    for (int outputs = 1; outputs <= 3; outputs += 2) {
        const float truth[3] = {y[0], y[1], outputs == 1 ? 0 : y[2]};
        float x[3] = {0};
        struct fixture f;

        memory.x = x, memory.y = truth, memory.bytes = NULL, memory.rows = 3, memory.size = 1;
        make_model(&f, 1, 1, 1);
        if (outputs > 1)
            set_classes(&f, outputs);
        f.model.outputs = outputs;
        f.model.activation = outputs > 1 ? NET_SOFTMAX : NET_SIGMOID;
        struct net_data *data = open_model(&f);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);
        net_metrics_add(metrics, NET_TRAIN, rows, outputs > 1 ? three[0] : one, 3);
        const struct net_bin *bin = net_metrics_bins(metrics);

        /* 4 / (4 + 1 + 1) is 2/3 */
        ck_assert_int_eq(bin[outputs > 1 ? 6 : 7].rows, 2);
        ck_assert_int_eq(bin[outputs > 1 ? 6 : 7].hits, 1);
        ck_assert_double_eq_tol(bin[outputs > 1 ? 6 : 7].sum, outputs > 1 ? 4 / 3. : 1.5, 1e-6);
        ck_assert_int_eq(bin[outputs > 1 ? 9 : 2].rows, 1);
        ck_assert_int_eq(bin[outputs > 1 ? 9 : 2].hits, outputs > 1);
        net_metrics_free(metrics);
        net_data_close(data);
    }
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

/* Where floats are 64 apart, and below them all, values are told in the data's units. */
START_TEST(coarse_units)
{
    static const struct {
        float y[3];
        double value, scale; /* of an output of 0.1; how far apart targets are */
        int digits;
    } cases[] = {{{1e9f, 1e9f + 64, 1e9f + 128}, 1e9 + 64 + 5.2255746, 64, 17},
                 {{1e-40f, 2e-40f, 3e-40f}, 2.08164966e-40, 1e-40, 10}};
    static const struct net_call steps[] = {
        {.name = "standardize", .transform = &net_transform_standardize}};
    static const float x[3] = {0}, outputs[3] = {0.1f, 0.1f, 0.1f};
    static const long rows[] = {0, 1, 2};
    struct fixture f;
    double mae, r2;

    for (int i = 0; i < LENGTH(cases); i++) {
        const double scale = cases[i].scale;
        struct net_inverse inverse;

        memory.x = x, memory.y = cases[i].y, memory.bytes = NULL, memory.rows = 3, memory.size = 1;
        make_model(&f, 1, 1, 1);
        f.fields[1].steps = steps;
        f.fields[1].step_count = 1;
        struct net_data *data = open_model(&f);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_inverse_open(&inverse, data, net_data_model(data));
        ck_assert_double_eq_tol(net_inverse_value(&inverse, 0, 0.1f), cases[i].value, scale * 1e-5);
        ck_assert_int_eq(net_inverse_digits(&inverse, 0, 0.1f), cases[i].digits);
        net_inverse_close(&inverse);
        net_metrics_add(metrics, NET_TRAIN, rows, outputs, 3);
        ck_assert(net_metrics_in_units(metrics, "mae", &mae));
        ck_assert_double_eq_tol(mae / scale, (2 + 0.081649658) / 3, 1e-5);
        ck_assert(net_metrics_in_units(metrics, "r2", &r2));
        ck_assert_double_eq_tol(r2, -0.01, 1e-5);
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

TCase *scores_test(void)
{
    const TTest *const tests[] = {
        scores_of_classes, scores_of_one_output, scores_of_two_classes, ranks, ranks_of_few, curves,
        calibration,       classes_of_values,    coarse_units,
    };
    TCase *scores = tcase_create("scores");

    tcase_add_checked_fixture(scores, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(scores, tests[i]);
    return scores;
}
