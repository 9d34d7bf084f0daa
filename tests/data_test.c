/*
 * data_test.c -- from a source to packed batches, metrics, reports and predictions. The model under
 * test is a table by hand: an input of 2 channels and 2 pixels, a target, and steps that copy.
 */

#define _GNU_SOURCE

#include "data_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_parts.h"
#include "metrics.h"
#include "runtime.h"

/* ---- the model ------------------------------------------------------------------------------- */

enum { CHANNELS = 2, PIXELS = 2, INPUT = CHANNELS * PIXELS, BATCH = 8 };

struct batch {
    float input[BATCH][INPUT];
    float target[BATCH];        /* its first number, or the class */
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    for (int i = 0; i < n; i++) {
        for (int k = 0; k < INPUT; k++)
            batch->input[i][k] = fields[0].type == NET_F32 ?
                ((const float *)fields[0].row[i])[k] :
                fmaf(((const uint8_t *)fields[0].row[i])[k], fields[0].scale[k / PIXELS],
                     fields[0].shift[k / PIXELS]);
        if (fields[1].row)
            batch->target[i] = fields[1].type == NET_F32 ? *(const float *)fields[1].row[i] :
                               (float)*(const int32_t *)fields[1].row[i];
    }
}

/* The outputs are the first ones of the input. */
static void evaluate(struct net_run *run, int thread)
{
    if (thread == 0)
        memcpy(run->arena, run->batch, sizeof(struct batch));
}

static void unpack(float *rows, const struct net_run *run)
{
    const struct batch *batch = run->arena;

    for (int i = 0; i < run->n; i++)
        memcpy(rows + (long)i * INPUT, batch->input[i], sizeof batch->input[i]);
}

static const double two_means[] = {.5, .25}, two_stds[] = {.5, 2};
static const struct net_arg scale_args[] = {{.name = "k", .number = 1 / 255.}};
static const struct net_arg normalize_args[] = {
    {.name = "mean", .list = two_means, .count = 2}, {.name = "std", .list = two_stds, .count = 2}};
static const struct net_call scale_normalize[] = {
    {.name = "scale", .args = scale_args, .arg_count = 1, .preparation = &net_preparation_scale},
    {.name = "normalize", .args = normalize_args, .arg_count = 2,
     .preparation = &net_preparation_normalize}};
static const struct net_call standardize[] = {
    {.name = "standardize", .preparation = &net_preparation_standardize}};
static const struct net_call classes[] = {
    {.name = "classes", .preparation = &net_preparation_classes}};
static const struct net_call one_hot[] = {
    {.name = "one_hot", .preparation = &net_preparation_one_hot}};

static const struct net_arg files[] = {{.name = "x", .text = "x.npy"},
                                       {.name = "y", .text = "y.npy"}};
static const struct net_call source = {.name = "npy", .args = files, .arg_count = 2,
                                       .reader = &net_reader_npy};
static const struct net_arg fifth[] = {{.name = "f", .number = .2}};
static const struct net_arg tenth[] = {{.name = "f", .number = .1}};
static const struct net_call holdout_fifth = {.name = "holdout", .args = fifth, .arg_count = 1};
static const struct net_call holdout_tenth = {.name = "holdout", .args = tenth, .arg_count = 1};

struct fixture {
    struct net_model model;
    struct net_field fields[2];
};

static void make_model(struct fixture *f, const struct net_call *steps, int step_count,
                       const struct net_call *target_steps, int class_count)
{
    *f = (struct fixture){
        .fields = {{.name = "image", .source = "x", .kind = NET_INPUT, .rank = 3,
                    .shape = {CHANNELS, 1, PIXELS}, .size = INPUT, .steps = steps,
                    .step_count = step_count},
                   {.name = "label", .source = "y", .kind = NET_TARGET_VALUES, .rank = 1,
                    .shape = {1}, .size = 1, .steps = target_steps,
                    .step_count = target_steps != NULL, .classes = class_count}},
        .model = {.name = "test", .batch = BATCH, .batch_size = sizeof(struct batch),
                  .field_count = 2, .parts = {&source}, .pack = pack, .unpack = unpack,
                  .evaluate = {.run = evaluate}, .outputs = INPUT}};
    if (target_steps == classes) {
        f->fields[1].kind = NET_TARGET_CLASS;
        f->fields[1].rank = 0;
    } else if (target_steps == one_hot) {
        f->fields[1].shape[0] = f->fields[1].size = class_count;
    }
    f->model.fields = f->fields;
}

static void write_array(const char *name, const char *descr, const char *shape, const void *data,
                        size_t size)
{
    unsigned char *bytes = net_allocate(size + 256, 1);
    char header[128];
    const int length = snprintf(header, sizeof header,
                                "{'descr': '%s', 'fortran_order': False, 'shape': (%s), }\n", descr,
                                shape);

    memcpy(bytes, "\x93NUMPY\1", 8);
    bytes[8] = (unsigned char)length;
    memcpy(bytes + 10, header, (size_t)length);
    memcpy(bytes + 10 + length, data, size);
    write_bytes(name, bytes, 10 + (size_t)length + size, false);
    free(bytes);
}

static const uint8_t pictures[] = {0, 255, 51, 102, 1, 2, 3, 4, 250, 251, 252, 253};

static void write_pictures(const char *labels)
{
    write_array("x.npy", "|u1", "3, 2, 1, 2", pictures, 12);
    write_array("y.npy", "|u1", "3,", labels, 3);
}

static struct net_data *open_fixture(const struct fixture *f)
{
    return net_data_open(&f->model, data_test_folder(), NULL);
}

/* ---- preparations ---------------------------------------------------------------------------- */

START_TEST(bytes_stay_bytes)
{
    const long rows[] = {2, 0};
    struct fixture f;
    struct batch batch;

    write_pictures("\0\1\2");
    make_model(&f, scale_normalize, 2, classes, 3);
    struct net_data *data = open_fixture(&f);

    ck_assert_int_eq(data->opened[NET_TRAIN].fields[0].column.type, NET_U8);
    net_data_pack(data, NET_TRAIN, NULL, rows, 2, &batch);
    for (int i = 0; i < 2; i++)
        for (int k = 0; k < INPUT; k++) {
            const double x = pictures[4 * rows[i] + k] / 255.;
            const double wanted = (x - two_means[k / PIXELS]) / two_stds[k / PIXELS];

            ck_assert_double_eq_tol((double)batch.input[i][k], wanted, 1e-6);
        }
    ck_assert_float_eq(batch.target[0], 2);
    ck_assert_float_eq(batch.target[1], 0);
    ck_assert_int_eq(net_data_class(data, NET_TRAIN, 1), 1);
    net_data_close(data);
}
END_TEST

/* Numbers that single precision has no room for: they are rounded once, at the end. */
START_TEST(standardized)
{
    double x[40][INPUT];
    float y[40];
    struct fixture f;
    struct batch batch;
    char path[128];

    for (int i = 0; i < 40; i++) {
        y[i] = (float)i;
        for (int k = 0; k < INPUT; k++)
            x[i][k] = k == 3 ? .1 : i * i * (k + 1) + 1.7e12;
    }
    write_array("x.npy", "<f8", "40, 4", x, sizeof x);
    write_array("y.npy", "<f4", "40", y, sizeof y);
    make_model(&f, standardize, 1, NULL, 0);
    f.model.parts[NET_VALIDATION] = &holdout_fifth;
    struct net_data *data = open_fixture(&f);
    double sum[INPUT] = {0}, squares[INPUT] = {0};

    ck_assert_int_eq(net_data_rows(data, NET_TRAIN), 32);
    ck_assert_int_eq(net_data_rows(data, NET_VALIDATION), 8);
    ck_assert_int_eq(net_data_rows(data, NET_TEST), 0);
    for (long row = 0; row < 32; row++) {
        net_data_pack(data, NET_TRAIN, NULL, &row, 1, &batch);
        ck_assert_float_eq(*net_data_target(data, NET_TRAIN, row), batch.target[0]);
        for (int k = 0; k < INPUT; k++) {
            sum[k] += (double)batch.input[0][k];
            squares[k] += (double)batch.input[0][k] * (double)batch.input[0][k];
        }
        ck_assert_float_eq(batch.input[0][3], 0);
    }
    for (int k = 0; k < 3; k++) {
        ck_assert_double_eq_tol(sum[k] / 32, 0, 1e-6);
        ck_assert_double_eq_tol(squares[k] / 32, 1, 1e-6);
    }

    /* other data, prepared with what was learnt from these */
    const double mean = data->fitted[0][0].list[0][0], std = data->fitted[0][0].list[1][0];
    char *json = net_data_preparation_json(data);

    write_bytes("preparation.json", json, strlen(json), false);
    net_data_close(data);
    free(json);
    x[0][0] += 3000;
    write_array("x.npy", "<f8", "40, 4", x, sizeof x);
    f.model.parts[NET_VALIDATION] = NULL;
    snprintf(path, sizeof path, "%s/preparation.json", data_test_folder());
    data = net_data_open(&f.model, data_test_folder(), path);
    net_data_pack(data, NET_TRAIN, NULL, &(long){0}, 1, &batch);
    ck_assert_double_eq_tol((double)batch.input[0][0], (x[0][0] - mean) / std, 1e-6);
    net_data_close(data);
}
END_TEST

START_TEST(hot_vectors)
{
    struct fixture f;

    write_pictures("\2\0\1");
    make_model(&f, NULL, 0, one_hot, 3);
    struct net_data *data = open_fixture(&f);

    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            ck_assert_float_eq(net_data_target(data, NET_TRAIN, i)[k], k == (i + 2) % 3);
    net_data_close(data);
}
END_TEST

static void open_and_close(const void *context)
{
    net_data_close(open_fixture(context));
}

START_TEST(faults_in_rows)
{
    const float not_finite[3] = {0, 1, INFINITY}, half[3] = {0, .5f, 1};
    struct fixture f;

    make_model(&f, scale_normalize, 2, classes, 3);
    write_pictures("\0\1\3");
    expect_fault(open_and_close, &f,
                 "y.npy: row 2 (from 0): expected y to be a class, a whole number from 0 to 2, "
                 "found 3");
    write_array("y.npy", "<f4", "3", half, sizeof half);
    expect_fault(open_and_close, &f, "found 0.5");
    write_array("y.npy", "<f4", "3", not_finite, sizeof not_finite);
    expect_fault(open_and_close, &f, "y.npy: row 2, element 0 (from 0): expected a finite 32-bit "
                                     "number in y, found inf: inf, or beyond single precision");
    write_array("y.npy", "|u1", "2", "\0\1", 2);
    expect_fault(open_and_close, &f, "x.npy has 3 rows, y.npy has 2");
    write_pictures("\0\1\2");
    write_array("x.npy", "|u1", "3, 2, 2, 1", pictures, 12);
    f.fields[0].shape[1] = 2, f.fields[0].shape[2] = 1;
    net_data_close(open_fixture(&f));
    write_array("x.npy", "|u1", "3, 4, 1", pictures, 12);
    net_data_close(open_fixture(&f));
    write_array("x.npy", "|u1", "3, 3", pictures, 9);
    expect_fault(open_and_close, &f, "a row of x is [3], the model's input image wants [2, 2, 1]");
    f.fields[0].source = "picture";
    expect_fault(open_and_close, &f, "npy has no field picture; it has x, y");
}
END_TEST

/* binary_cross_entropy wants probabilities, behind the preparations and in every part. */
START_TEST(faults_in_probabilities)
{
    static const struct net_call minmax[] = {
        {.name = "minmax", .preparation = &net_preparation_minmax}};
    static const struct net_arg other[] = {{.name = "x", .text = "x.npy"},
                                           {.name = "y", .text = "z.npy"}};
    static const struct net_call second = {.name = "npy", .args = other, .arg_count = 2,
                                           .reader = &net_reader_npy};
    const float wide[3] = {0, .5f, -1};
    struct fixture f;

    write_pictures("\0\2\0");
    make_model(&f, NULL, 0, NULL, 0);
    net_data_close(open_fixture(&f));
    f.model.loss = NET_BINARY_CROSS_ENTROPY;
    expect_fault(open_and_close, &f, "y.npy: row 1 (from 0), y: expected 0 to 1 for "
                                     "binary_cross_entropy, found 2; `-> minmax` brings");
    make_model(&f, NULL, 0, minmax, 0);
    f.model.loss = NET_BINARY_CROSS_ENTROPY;
    net_data_close(open_fixture(&f));
    write_array("z.npy", "<f4", "3", wide, sizeof wide);
    f.model.parts[NET_VALIDATION] = &second;
    expect_fault(open_and_close, &f, "z.npy: row 2 (from 0), y: expected 0 to 1 for "
                                     "binary_cross_entropy, found -0.5 behind the preparations");
}
END_TEST

struct loading {
    const struct net_model *model;
    const char *path;
};

static void load(const void *context)
{
    const struct loading *loading = context;

    net_data_close(net_data_open(loading->model, data_test_folder(), loading->path));
}

START_TEST(faults_in_a_preparation)
{
    static const char *const texts[] = {
        "", "{}", "[1", "{\"fields\": {\"image\": [{\"scale\": {}}], \"label\": []}}",
        "{\"fields\": {\"image\": [{\"standardize\": {\"mean\": [1]}}], \"label\": []}}",
        "{\"fields\": {\"image\": [{\"standardize\": {\"mean\": [1], \"std\": [1]}}],"
        " \"label\": []}}",
        "{\"fields\": {\"image\": [{\"standardize\": {\"mean\": [1,1,1,1], \"std\": [1,0,1,1]}}],"
        " \"label\": []}}",
        "{\"fields\": {\"image\": [{\"standardize\": {\"mean\": [1,1,1,1], \"std\": [1,1,1]}}],"
        " \"label\": []}}",
    };
    struct fixture f;
    char path[128];

    write_pictures("\0\1\2");
    make_model(&f, standardize, 1, NULL, 0);
    snprintf(path, sizeof path, "%s/p.json", data_test_folder());
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        write_bytes("p.json", texts[i], strlen(texts[i]), false);
        expect_fault(load, &(struct loading){&f.model, path},
                     i < 5 || i > 6 ? "p.json: " : "x.npy: ");
    }
}
END_TEST

/* ---- splits ---------------------------------------------------------------------------------- */

START_TEST(holdouts)
{
    enum { ROWS = 1000 };
    uint8_t *x = net_allocate(ROWS, INPUT), y[ROWS];
    int32_t number[ROWS];
    int shares[NET_PARTS][10] = {{0}}, seen[ROWS] = {0};
    struct fixture f;

    for (int i = 0; i < ROWS; i++) {
        number[i] = i;
        y[i] = (uint8_t)(i == 500 ? 9 : i % 9);
        memcpy(x + 4 * i, &number[i], 4);
    }
    write_array("x.npy", "|u1", "1000, 4", x, 4 * ROWS);
    write_array("y.npy", "|u1", "1000", y, ROWS);
    make_model(&f, NULL, 0, classes, 10);
    f.model.parts[NET_TEST] = &holdout_fifth;
    f.model.parts[NET_VALIDATION] = &holdout_tenth;
    struct net_data *data = open_fixture(&f), *again = open_fixture(&f);

    ck_assert_int_eq(net_data_rows(data, NET_TEST), 200);
    ck_assert_int_eq(net_data_rows(data, NET_VALIDATION), 80);
    ck_assert_int_eq(net_data_rows(data, NET_TRAIN), 720);
    for (int part = 0; part < NET_PARTS; part++)
        for (long i = 0; i < net_data_rows(data, (enum net_part)part); i++) {
            const long row = data->parts[part].rows[i];

            ck_assert_int_eq(row, again->parts[part].rows[i]);
            ck_assert_int_eq(net_data_class(data, (enum net_part)part, i), y[row]);
            shares[part][y[row]]++;
            seen[row]++;
        }
    for (int i = 0; i < ROWS; i++)
        ck_assert_int_eq(seen[i], 1);
    for (int c = 0; c < 9; c++) {
        ck_assert_int_ge(shares[NET_TEST][c], 21);
        ck_assert_int_le(shares[NET_TEST][c], 23);
        ck_assert_int_ge(shares[NET_VALIDATION][c], 8);
        ck_assert_int_le(shares[NET_VALIDATION][c], 10);
    }
    ck_assert_int_eq(shares[NET_TRAIN][9], 1);
    net_data_close(data);
    net_data_close(again);
    free(x);
}
END_TEST

START_TEST(empty_holdout)
{
    struct fixture f;

    write_pictures("\0\1\2");
    make_model(&f, NULL, 0, classes, 3);
    f.model.parts[NET_VALIDATION] = &holdout_tenth;
    expect_fault(open_and_close, &f, "validation = holdout(0.1) of 3 rows is empty");
    make_model(&f, NULL, 0, classes, 2);    /* the reason comes before what follows from it */
    f.model.parts[NET_VALIDATION] = &holdout_tenth;
    expect_fault(open_and_close, &f, "whole number from 0 to 1, found 2");
}
END_TEST

/* ---- metrics --------------------------------------------------------------------------------- */

/* Data whose targets are `y`, for a model with these outputs; inputs are zeros. */
static struct net_data *open_targets(struct fixture *f, const float *y, int rows, int size)
{
    uint8_t *x = net_allocate((size_t)rows, INPUT);
    char shape[32];

    snprintf(shape, sizeof shape, "%d, 4", rows);
    write_array("x.npy", "|u1", shape, x, (size_t)rows * INPUT);
    free(x);
    snprintf(shape, sizeof shape, "%d, %d", rows, size);
    write_array("y.npy", "<f4", shape, y, (size_t)(rows * size) * sizeof *y);
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
START_TEST(classification)
{
    static const int confusion[5][5] = {{5, 1}, {2, 7, 1}, {0}, {0, 3, 0, 4}, {0}};
    static const char *const expected[] = {
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
        make_model(&f, NULL, 0, targets[hot], 5);
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
            ck_assert_double_eq_tol(net_metrics_value(metrics, "mse"),
                                    (16 * .25 + 7 * 1.25) / 115, 1e-12);
        else
            ck_assert(isnan(net_metrics_value(metrics, "mse")));
        char *text = report_text(metrics, 2), *fine = report_text(metrics, 14);

        ck_assert_str_eq(text, expected[0]);
        ck_assert_msg(strncmp(fine, expected[1], strlen(expected[1])) == 0, "%s", fine);
        free(text);
        free(fine);
        net_metrics_free(metrics);
        net_data_close(data);
    }
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
    make_model(&f, NULL, 0, classes, CLASSES);
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
        double accuracy;        /* negative: values */
    } cases[] = {
        {{0, 1, 1, 0}, {-1, 1, 0, .25f}, NET_SIGMOID, .75},
        {{0, 1, 1, 0}, {.1f, .5f, .4f, .6f}, NET_IDENTITY, .5},
        {{-1, 1, 1, -1}, {-.1f, .1f, .4f, .6f}, NET_IDENTITY, .75},
        {{-1, 1, 2, -1}, {-.1f, .1f, .4f, .6f}, NET_IDENTITY, -1},
    };
    const long rows[] = {0, 1, 2, 3};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;

        make_model(&f, NULL, 0, NULL, 0);
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

    make_model(&f, NULL, 0, NULL, 0);
    f.model.outputs = 2;
    struct net_data *data = open_targets(&f, y[0], 3, 2);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    ck_assert(isnan(net_metrics_value(metrics, "mse")));
    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 3);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "r2"), 0.1160714286, 1e-9);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "mse"), 0.25, 1e-9);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "mae"), 0.3333333333, 1e-9);
    char *text = report_text(metrics, 2);

    ck_assert_str_eq(text, "MSE  0.25\nMAE  0.333333333\nR2   0.116071429\n");
    free(text);
    net_metrics_reset(metrics);
    net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 1);
    ck_assert(isnan(net_metrics_value(metrics, "r2")));     /* of one row */
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* ---- predict --------------------------------------------------------------------------------- */

static char *predict(const struct fixture *f, const char *file)
{
    struct net_session session = {.model = &f->model};
    char *text = NULL, path[128];
    size_t size;
    FILE *out = open_memstream(&text, &size);

    snprintf(path, sizeof path, "%s/%s", data_test_folder(), file);
    session.data = net_data_open_file(&f->model, path, NULL);
    session.pool = net_pool_open(1);
    session.batch[0] = net_allocate(1, sizeof(struct batch));
    session.predictions = net_allocate(BATCH * INPUT, sizeof(float));
    session.run.arena = net_allocate(1, sizeof(struct batch));
    session.run.threads = session.threads = 1;
    session.run.pool = session.pool;
    net_predict(out, &session, NET_TEST);
    fclose(out);
    net_pool_close(session.pool);
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
    make_model(&f, NULL, 0, classes, 4);
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

    write_array("values.npy", "<f8", "1, 4", (const double[]){.5, -1, 2, 1e-3}, 32);
    make_model(&f, NULL, 0, NULL, 0);
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
    ck_assert_str_eq(text, "191.25 0 1083.75 64.2600021\n");
    free(text);
}
END_TEST

/* What preparations of a target do is undone, unless the loss takes it as a probability. */
START_TEST(undone)
{
    static const float y[][2] = {{20, 7}, {30, 7}, {65, 7}};
    static const struct net_call minmax = {.name = "minmax",
                                           .preparation = &net_preparation_minmax};
    const struct net_call steps[] = {standardize[0], scale_normalize[0], minmax};
    struct fixture f;

    for (int count = 1; count <= 3; count++) {
        struct net_undo undo;

        make_model(&f, NULL, 0, steps, 0);
        f.fields[1].step_count = count;
        struct net_data *data = open_targets(&f, y[0], 3, 2);

        net_undo_open(&undo, data);
        ck_assert_int_eq(undo.count, 2);
        for (int row = 0; row < 3; row++) {
            float made[2];

            memcpy(made, net_data_target(data, NET_TRAIN, row), sizeof made);
            ck_assert_float_ne(made[0], y[row][0]);
            net_undo(&undo, made);
            ck_assert_float_eq_tol(made[0], y[row][0], 1e-5f);
            ck_assert_float_eq_tol(made[1], y[row][1], 1e-5f);
        }
        net_undo_close(&undo);
        f.model.loss = NET_BINARY_CROSS_ENTROPY;
        net_undo_open(&undo, data);
        ck_assert_int_eq(undo.count, 0);
        net_undo_close(&undo);
        net_data_close(data);
    }
}
END_TEST

TCase *data_test_prepared(void)
{
    const TTest *const tests[] = {
        bytes_stay_bytes, standardized, hot_vectors, faults_in_rows, faults_in_probabilities,
        faults_in_a_preparation, holdouts, empty_holdout, classification, many_classes, one_output,
        regression, predictions, undone,
    };
    TCase *prepared = tcase_create("prepared");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(prepared, tests[i]);
    return prepared;
}
