/*
 * metrics_test.c -- metrics and reports of predictions, and what `predict` prints.
 */

#define _GNU_SOURCE

#include "support/data_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"

/* ---- metrics --------------------------------------------------------------------------------- */

/* Data whose targets are `y`, for a model with these outputs; inputs are zeros. */
static struct net_data *open_targets(struct fixture *f, const float *y, int rows, int size)
{
    uint8_t *x = net_allocate((size_t)rows, INPUT);
    char shape[32];

    snprintf(shape, sizeof shape, "%d, 4", rows);
    write_npy("x.npy", "|u1", shape, x, (size_t)rows * INPUT);
    free(x);
    snprintf(shape, sizeof shape, "%d, %d", rows, size);
    write_npy("y.npy", "<f4", shape, y, (size_t)(rows * size) * sizeof *y);
    if (f->fields[1].kind == NET_TARGET_VALUES && !f->fields[1].classes)
        f->fields[1].shape[0] = f->fields[1].size = size;
    return open_fixture(f);
}

static char *report_text(const struct net_metrics *metrics, int digits)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    net_report(out, metrics, digits);
    fclose(out);
    return text;
}

/* scikit-learn 1.9 printed the reports for this confusion matrix. */
/* Rows of each class by the class that is predicted, and the report with 2 and 14 digits. */
static const int confusion[5][5] = {{5, 1}, {2, 7, 1}, {0}, {0, 3, 0, 4}, {0}};
static const char *const reports[] = {
    "              precision    recall  f1-score   support\n\n"
    "           0       0.71      0.83      0.77         6\n"
    "           1       0.64      0.70      0.67        10\n"
    "           2       0.00      0.00      0.00         0\n"
    "           3       1.00      0.57      0.73         7\n\n"
    "    accuracy                           0.70        23\n"
    "   macro avg       0.59      0.53      0.54        23\n"
    "weighted avg       0.77      0.70      0.71        23\n"
    "\nBalanced accuracy: 0.70\n"
    "\nConfusion matrix (rows: true class, columns: predicted)\n\n"
    "       0   1   2   3   4\n"
    "   0   5   1   0   0   0\n"
    "   1   2   7   1   0   0\n"
    "   2   0   0   0   0   0\n"
    "   3   0   3   0   4   0\n"
    "   4   0   0   0   0   0\n",
    "                precision    recall  f1-score   support\n\n"
    "             0  0.71428571428571 0.83333333333333 0.76923076923077         6\n"
    "             1  0.63636363636364 0.70000000000000 0.66666666666667        10\n"
    "             2  0.00000000000000 0.00000000000000 0.00000000000000         0\n"
    "             3  1.00000000000000 0.57142857142857 0.72727272727273         7\n\n"
    "      accuracy                      0.69565217391304        23\n"
    "     macro avg  0.58766233766234 0.52619047619048 0.54079254079254        23\n"
    "  weighted avg  0.76736307171090 0.69565217391304 0.71186784230262        23\n",
};

START_TEST(classification)
{
    static const struct net_call *const targets[] = {classes, one_hot};

    for (int hot = 0; hot < 2; hot++) {
        float y[23], predictions[23][5] = {{0}};
        long rows[23];
        struct fixture f;
        int n = 0;

        for (int truth = 0; truth < 5; truth++)
            for (int c = 0; c < 5; c++)
                for (int k = 0; k < confusion[truth][c]; k++) {
                    y[n] = (float)truth;
                    rows[n] = n;
                    predictions[n++][c] = .5f;
                }
        make_copier(&f, NULL, 0, targets[hot], 5);
        f.model.outputs = 5;
        struct net_data *data = open_targets(&f, y, n, 1);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 3);
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 20);
        net_metrics_add(metrics, NET_TRAIN, rows + 20, predictions[20], 3);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "accuracy"), 16 / 23., 1e-12);
        ck_assert_double_eq_tol(net_metrics_value(metrics, "balanced_accuracy"),
                                (5 / 6. + .7 + 4 / 7.) / 3, 1e-12);
        if (hot)
            ck_assert_double_eq_tol(net_metrics_value(metrics, "mse"), (16 * .25 + 7 * 1.25) / 115,
                                    1e-12);
        else
            ck_assert(isnan(net_metrics_value(metrics, "mse")));
        char *text = report_text(metrics, 2), *fine = report_text(metrics, 14);

        ck_assert_str_eq(text, reports[0]);
        ck_assert_msg(strncmp(fine, reports[1], strlen(reports[1])) == 0, "%s", fine);
        free(text);
        free(fine);
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* Outputs that are not finite are of no class: neither the first, nor among the likeliest. */
START_TEST(lost_rows)
{
    const float y[] = {0, 0, 1};
    const float predictions[3][3] = {{1, 0, 0}, {NAN, NAN, NAN}, {0, INFINITY, NAN}};
    const long rows[] = {0, 1, 2};
    struct net_score score;
    struct fixture f;

    make_copier(&f, NULL, 0, classes, 3);
    f.model.outputs = 3;
    struct net_data *data = open_targets(&f, y, 3, 1);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 3);
    ck_assert_int_eq(net_metrics_lost(metrics), 2);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "accuracy"), 1 / 3., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "top5"), 1 / 3., 1e-12);
    ck_assert(net_metrics_score(metrics, 0, &score) && score.support == 2 && score.precision == 1);
    ck_assert_int_eq(net_metrics_confusion(metrics, 0, 0), 1);
    ck_assert_int_eq(net_metrics_confusion(metrics, 1, 1), 0);
    net_metrics_reset(metrics);
    ck_assert_int_eq(net_metrics_lost(metrics), 0);
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* Memory grows with the classes, not with their square. */
START_TEST(many_classes)
{
    enum { CLASSES = 300000 };
    const float y[] = {0, 7, CLASSES - 1, CLASSES - 1};
    const int predicted[] = {0, 7, CLASSES - 1, 8};
    const long rows[] = {0, 1, 2, 3};
    float *predictions = calloc(4L * CLASSES, sizeof *predictions);
    struct net_score score;
    struct fixture f;

    for (int i = 0; i < 4; i++)
        predictions[(long)i * CLASSES + predicted[i]] = 1;
    make_copier(&f, NULL, 0, classes, CLASSES);
    f.model.outputs = CLASSES;
    struct net_data *data = open_targets(&f, y, 4, 1);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    for (int i = 0; i < 2; i++) {
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, predictions, 4);
    }
    ck_assert(!net_metrics_has_confusion(metrics));
    ck_assert_double_eq(net_metrics_value(metrics, "accuracy"), .75);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "balanced_accuracy"), 2.5 / 3, 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "f1"), (1 + 1 + 2 / 3.) / 4, 1e-12);
    ck_assert(net_metrics_score(metrics, 8, &score) && score.support == 0);
    ck_assert(!net_metrics_score(metrics, 9, &score));
    char *text = report_text(metrics, 2);

    ck_assert_ptr_nonnull(strstr(text, "\nConfusion matrix: not printed for more than 100"));
    free(text);
    net_metrics_free(metrics);
    net_data_close(data);
    free(predictions);
}
END_TEST

START_TEST(one_output)
{
    static const struct {
        float y[4], predictions[4];
        enum net_activation activation;
        double accuracy; /* negative: values */
    } cases[] = {
        {{0, 1, 1, 0}, {-1, 1, 0, .25f}, NET_SIGMOID, .75},
        {{0, 1, 1, 0}, {.1f, .5f, .4f, .6f}, NET_IDENTITY, .5},
        {{-1, 1, 1, -1}, {-.1f, .1f, .4f, .6f}, NET_IDENTITY, .75},
        {{-1, 1, 2, -1}, {-.1f, .1f, .4f, .6f}, NET_IDENTITY, -1},
    };
    const long rows[] = {0, 1, 2, 3};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        make_copier(&f, NULL, 0, NULL, 0);
        f.model.outputs = 1;
        f.model.activation = cases[i].activation;
        struct net_data *data = open_targets(&f, cases[i].y, 4, 1);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_metrics_add(metrics, NET_TRAIN, rows, cases[i].predictions, 4);
        if (cases[i].accuracy < 0)
            ck_assert(isnan(net_metrics_value(metrics, "accuracy")));
        else
            ck_assert_double_eq(net_metrics_value(metrics, "accuracy"), cases[i].accuracy);
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* scikit-learn gives these for r2_score, mean_squared_error, mean_absolute_error. */
START_TEST(regression)
{
    static const float y[][2] = {{1, 2}, {3, 2}, {4, 2.5f}};
    static const float predictions[][2] = {{1.5f, 2}, {2, 2}, {4, 3}};
    const long rows[] = {0, 1, 2};
    struct fixture f;

    make_copier(&f, NULL, 0, NULL, 0);
    f.model.outputs = 2;
    struct net_data *data = open_targets(&f, y[0], 3, 2);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    ck_assert(isnan(net_metrics_value(metrics, "mse")));
    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 3);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "r2"), 0.1160714286, 1e-9);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "mse"), 0.25, 1e-9);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "rmse"), 0.5, 1e-9);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "mae"), 0.3333333333, 1e-9);
    char *text = report_text(metrics, 2);

    ck_assert_str_eq(text, "MSE  0.25\nMAE  0.333333333\nR2   0.116071429\n");
    free(text);
    net_metrics_reset(metrics);
    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 1);
    ck_assert(isnan(net_metrics_value(metrics, "r2"))); /* of one row */
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* Of several values 0 or 1, as `python3 tests/runtime/sklearn_metrics.py` prints them; a value that
   is neither has none. */
START_TEST(labels)
{
    enum { ROWS = 97 };
    float y[ROWS][3], predictions[ROWS][3];
    long rows[ROWS];
    struct fixture f;

    for (int i = 0; i < ROWS; i++) {
        const int n = i * i + i / 3;

        rows[i] = i;
        y[i][0] = (float)(n % 2), y[i][1] = n % 3 > 0, y[i][2] = n % 5 > 3;
        for (int c = 0; c < 3; c++)
            predictions[i][c] = (float)((i * 37 + c * 101 + i * i * 7) % 17 - 8) / 4;
    }
    for (int stray = 0; stray < 2; stray++) {
        make_copier(&f, NULL, 0, NULL, 0);
        f.model.outputs = 3;
        f.model.activation = NET_SIGMOID;
        y[5][1] = stray ? .25f : y[5][1];
        struct net_data *data = open_targets(&f, y[0], ROWS, 3);
        struct net_metrics *metrics = net_metrics_new(&f.model, data);

        net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 9);
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], ROWS);
        const double exact = net_metrics_value(metrics, "exact_match"),
                     accuracy = net_metrics_value(metrics, "label_accuracy"),
                     f1 = net_metrics_value(metrics, "label_f1");

        if (stray) {
            ck_assert(isnan(exact) && isnan(accuracy) && isnan(f1));
        } else {
            ck_assert_double_eq_tol(exact, 0.061855670103092786, 1e-12);
            ck_assert_double_eq_tol(accuracy, 0.4776632302405498, 1e-12);
            ck_assert_double_eq_tol(f1, 0.3997181825546048, 1e-12);
        }
        net_metrics_free(metrics);
        net_data_close(data);
    }
}
END_TEST

/* A target that is standardized: errors in its units are scikit-learn's of the data. */
START_TEST(units)
{
    static const float y[][2] = {{20, 7}, {30, 8}, {65, 11}};
    static const float wanted[][2] = {{25, 7.5f}, {27, 8}, {70, 10}};
    static const struct {
        const char *name;
        double value;
    } cases[] = {{"mape", 0.0982101232101232},
                 {"rmse", 3.1688588903052577},
                 {"mae", 2.4166666666666665},
                 {"r2", 0.9014667049368542}};
    float predictions[3][2];
    const long rows[] = {0, 1, 2};
    struct fixture f;
    double value;

    make_copier(&f, NULL, 0, standardize, 0);
    struct net_data *data = open_targets(&f, y[0], 3, 2);
    f.model.outputs = 2;
    for (int k = 0; k < 2; k++) { /* as y was: by its first and last rows */
        const double first = (double)*(net_data_target(data, NET_TRAIN, 0) + k),
                     last = (double)*(net_data_target(data, NET_TRAIN, 2) + k),
                     unit = (last - first) / (double)(y[2][k] - y[0][k]);

        for (int i = 0; i < 3; i++)
            predictions[i][k] = (float)(first + unit * (double)(wanted[i][k] - y[0][k]));
    }
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ck_assert(net_metrics_in_units(metrics, cases[i].name, &value));
        ck_assert_double_eq_tol(value, cases[i].value, 1e-6);
    }
    ck_assert_double_eq_tol(net_metrics_value(metrics, "mape"), cases[0].value, 1e-6);
    ck_assert_double_lt(net_metrics_value(metrics, "rmse"), 1);
    ck_assert(!net_metrics_in_units(metrics, "accuracy", &value));
    char *text = report_text(metrics, 2);

    ck_assert_ptr_nonnull(strstr(text, "\nIn the units of the data:\nMSE  10.04166"));
    free(text);
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* ---- predict --------------------------------------------------------------------------------- */

static char *predict(const struct fixture *f, const char *file)
{
    struct net_options options = {.model = &f->model, .value[NET_FORMAT].text = "text"};
    struct net_session session = {.model = &f->model, .options = &options};
    char *text = NULL, path[128];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    snprintf(path, sizeof path, "%s/%s", data_test_folder(), file);
    session.data = net_data_open_files(&f->model, (const char *[]){path}, 1,
                                       &(struct net_opening){0});
    session.pool = net_threads_open(1);
    session.batch[0] = net_allocate(1, sizeof(struct batch));
    session.predictions = net_allocate(BATCH * INPUT, sizeof(float));
    session.run.arena = net_allocate(1, sizeof(struct batch));
    session.run.threads = session.threads = 1;
    session.run.pool = session.pool;
    net_predict(out, &session, NET_TEST);
    fclose(out);
    net_threads_close(session.pool);
    net_data_close(session.data);
    free(session.batch[0]);
    free(session.predictions);
    free(session.run.arena);
    return text;
}

START_TEST(predictions)
{
    unsigned char idx[16 + 10 * INPUT] = {0, 0, 8, 3, 0, 0, 0, 10, 0, 0, 0, 2, 0, 0, 0, 2};
    struct fixture f;
    char *text, *line;

    for (int i = 0; i < 10; i++)
        idx[16 + 4 * i + i % 4] = 100;
    write_bytes("rows", idx, sizeof idx, true);
    make_copier(&f, NULL, 0, classes, 4);
    f.model.activation = NET_SOFTMAX;
    text = line = predict(&f, "rows");
    for (int i = 0; i < 10; i++) {
        char wanted[64];
        int length = sprintf(wanted, "%d", i % 4);

        for (int k = 0; k < 4; k++)
            length += sprintf(wanted + length, " %s", k == i % 4 ? "1.000000" : "0.000000");
        sprintf(wanted + length, "\n");
        ck_assert_msg(strncmp(line, wanted, strlen(wanted)) == 0, "row %d: %s", i, line);
        line += strlen(wanted);
    }
    ck_assert_str_eq(line, "");
    free(text);

    write_npy("values.npy", "<f8", "1, 4", (const double[]){.5, -1, 2, 1e-3}, 32);
    make_copier(&f, NULL, 0, NULL, 0);
    text = predict(&f, "values.npy");
    ck_assert_str_eq(text, "0.5 -1 2 0.00100000005\n");
    free(text);

    /* the target was (x / 255 - mean) / std: the outputs mean .5 * .5 + .5, ... of 255 */
    f.fields[1].rank = 3;
    f.fields[1].shape[0] = CHANNELS, f.fields[1].shape[1] = 1, f.fields[1].shape[2] = PIXELS;
    f.fields[1].size = INPUT;
    f.fields[1].steps = scale_normalize;
    f.fields[1].step_count = 2;
    text = predict(&f, "values.npy");
    ck_assert_str_eq(text, "191.25 0 1083.75 64.260000024\n");
    free(text);
}
END_TEST

/* Classes are chosen before outputs become shares, which rounding makes alike: as metrics do. */
START_TEST(chosen_before_rounding)
{
    static const struct {
        float outputs[4];
        int count;
        const char *line;
    } cases[] = {
        {{-1e-9f}, 1, "0 0.500000\n"},
        {{0}, 1, "1 0.500000\n"},
        {{1, 1.0000001f, 1, 0}, 4, "1 0.296"},
        {{0, 3, 3, 3}, 4, "1 0.016"},
    };
    static const enum net_loss kinds[] = {NET_BINARY_CROSS_ENTROPY, NET_CROSS_ENTROPY};
    struct fixture f;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const bool one = cases[i].count == 1;

        make_copier(&f, NULL, 0, one ? NULL : classes, one ? 0 : 4);
        f.model.outputs = cases[i].count;
        f.model.activation = one ? NET_SIGMOID : NET_SOFTMAX;
        f.model.loss = kinds[!one];
        write_npy("outputs.npy", "<f4", "1, 4", cases[i].outputs, sizeof cases[i].outputs);
        char *text = predict(&f, "outputs.npy");

        ck_assert_msg(!strncmp(text, cases[i].line, strlen(cases[i].line)), "%s", text);
        ck_assert_int_eq(net_chosen_class(&f.model, cases[i].outputs), text[0] - '0');
        free(text);
    }
}
END_TEST

/* What transforms of a target do is undone, unless the loss takes it as a probability. */
START_TEST(undone)
{
    static const float y[][2] = {{20, 7}, {30, 7}, {65, 7}};
    static const struct net_call minmax = {.name = "minmax", .transform = &net_transform_minmax};
    static const struct net_call robust = {.name = "robust", .transform = &net_transform_robust};
    static const struct net_call log1p = {.name = "log1p", .transform = &net_transform_log1p};
    const struct net_call affine[] = {standardize[0], scale_normalize[0], minmax, robust};
    const struct net_call mixed[] = {affine[1], log1p, affine[0], log1p};
    struct fixture f;

    for (int i = 0; i < 8; i++) {
        struct net_inverse inverse;

        make_copier(&f, NULL, 0, i < 4 ? affine : mixed, 0);
        f.fields[1].step_count = i < 4 ? i + 1 : i - 3;
        struct net_data *data = open_targets(&f, y[0], 3, 2);

        net_inverse_open(&inverse, data, net_data_model(data));
        ck_assert_int_eq(inverse.count, 2);
        for (int row = 0; row < 3; row++) {
            const float *made = net_data_target(data, NET_TRAIN, row);

            ck_assert_float_ne(made[0], y[row][0]);
            for (int k = 0; k < 2; k++)
                ck_assert_double_eq_tol(net_inverse_value(&inverse, k, made[k]), (double)y[row][k],
                                        1e-5);
        }
        net_inverse_close(&inverse);
        f.model.loss = NET_BINARY_CROSS_ENTROPY;
        net_inverse_open(&inverse, data, net_data_model(data));
        ck_assert_int_eq(inverse.count, 0);
        net_inverse_close(&inverse);
        net_data_close(data);
    }
}
END_TEST

TCase *data_test_metrics(void)
{
    const TTest *const tests[] = {
        classification, lost_rows,   many_classes,           one_output, regression, labels,
        units,          predictions, chosen_before_rounding, undone,
    };
    TCase *metrics = tcase_create("metrics");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(metrics, tests[i]);
    return metrics;
}
