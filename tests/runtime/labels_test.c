/*
 * labels_test.c -- a class a position: labels of arrays, those that are ignored, and metrics, which
 * count labels and not rows.
 */

#define _GNU_SOURCE

#include "support/data_model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"
#include "support/length.h"

/* A model of two classes at two pixels, whose outputs are the input, and labels 255 ignored. */
static void make_labelled(struct fixture *f)
{
    make_copier(f, NULL, 0, classes, 2);
    f->fields[1].rank = 2;
    f->fields[1].shape[0] = 1;
    f->fields[1].shape[1] = f->fields[1].size = PIXELS;
    f->fields[1].ignores = true;
    f->fields[1].ignored = 255;
    f->model.activation = NET_SOFTMAX;
}

enum { ROWS = 3 };

static const uint8_t inputs[ROWS][INPUT] = {{2, 0, 0, 1}, {1, 5, 0, 0}, {3, 0, 0, 4}};
static const uint8_t labels[ROWS][PIXELS] = {{0, 1}, {1, 255}, {0, 0}};

static struct net_data *open_labelled(const struct fixture *f, const uint8_t *y, const char *shape,
                                      size_t size)
{
    write_npy("x.npy", "|u1", "3, 4", inputs, sizeof inputs);
    write_npy("y.npy", "|u1", shape, y, size);
    return open_fixture(f);
}

/* Class 0: 3 labels, 3 predictions, 2 of them right; class 1: 2, 2 and 1. scikit-learn's
   jaccard_score and f1_score of average="macro", and log_loss, give the numbers. */
START_TEST(counted)
{
    const long rows[] = {0, 1, 2};
    float predictions[ROWS][INPUT];
    struct net_score score;
    struct fixture f;

    make_labelled(&f);
    struct net_data *data = open_labelled(&f, labels[0], "3, 1, 2", sizeof labels);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    for (int i = 0; i < ROWS * INPUT; i++)
        predictions[i / INPUT][i % INPUT] = inputs[i / INPUT][i % INPUT];
    for (int again = 0; again < 2; again++) {
        net_metrics_reset(metrics);
        net_metrics_add(metrics, NET_TRAIN, rows, predictions[0], 2);
        net_metrics_add(metrics, NET_TRAIN, rows + 2, predictions[2], 1);
    }
    ck_assert_double_eq_tol(net_metrics_value(metrics, "accuracy"), 3 / 5., 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "iou"), (1 / 2. + 1 / 3.) / 2, 1e-12);
    ck_assert_double_eq_tol(net_metrics_value(metrics, "dice"), (2 / 3. + 1 / 2.) / 2, 1e-12);
    ck_assert_double_eq_tol(
        net_metrics_value(metrics, "log_loss"),
        (log1p(exp(-2)) + log1p(exp(-1)) + log1p(exp(1)) + log1p(exp(-3)) + log1p(exp(4))) / 5,
        1e-7);
    ck_assert(net_metrics_score(metrics, 0, &score) && score.support == 3);
    ck_assert_int_eq(net_metrics_confusion(metrics, 0, 1), 1);
    ck_assert_int_eq(net_metrics_confusion(metrics, 1, 1), 1);
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

/* A part of which every label is ignored has no accuracy, and none that looks like one. */
START_TEST(all_ignored)
{
    const uint8_t none[ROWS][PIXELS] = {{255, 255}, {255, 255}, {255, 255}};
    const float predictions[ROWS][INPUT] = {{0}};
    struct fixture f;

    make_labelled(&f);
    struct net_data *data = open_labelled(&f, none[0], "3, 2", sizeof none);
    struct net_metrics *metrics = net_metrics_new(&f.model, data);

    net_metrics_add(metrics, NET_TRAIN, (const long[]){0, 1, 2}, predictions[0], ROWS);
    ck_assert(isnan(net_metrics_value(metrics, "accuracy")));
    ck_assert(isnan(net_metrics_value(metrics, "iou")));
    net_metrics_free(metrics);
    net_data_close(data);
}
END_TEST

struct wrong {
    uint8_t label;
    const char *shape;
    size_t size;
};

static void open_wrong(const void *context)
{
    const struct wrong *wrong = context;
    uint8_t y[3 * ROWS] = {0};
    struct fixture f;

    y[4] = wrong->label;
    make_labelled(&f);
    open_labelled(&f, y, wrong->shape, wrong->size);
}

START_TEST(faults)
{
    expect_fault(open_wrong, &(struct wrong){2, "3, 2", 6},
                 "DIR/y.npy: row 2 (from 0): expected y to be a class, a whole number from 0 to 1, "
                 "found 2");
    expect_fault(open_wrong, &(struct wrong){1, "3, 3", 9},
                 "DIR/y.npy: classes(2) wants [1, 2] a row, a row of y is [3]");
    expect_fault(open_wrong, &(struct wrong){1, "3", 3},
                 "DIR/y.npy: classes(2) wants [1, 2] a row, a row of y is []");
}
END_TEST

/* [2, 1, 3] of six labels a row, which only a row of several axes says. */
START_TEST(flat_rows)
{
    static const struct {
        const char *shape; /* of the file */
        bool unequal, flat;
    } cases[] = {
        {"1, 6", true, true},        {"1, 6, 1", true, true}, {"1, 2, 3", true, false},
        {"1, 2, 3, 1", true, false}, {"1, 6", false, false},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        const uint8_t y[6] = {0, 1, 1, 0, 1, 0};
        const int shape[] = {2, 1, 3};
        struct fixture f;

        make_labelled(&f);
        f.fields[1].rank = cases[i].unequal ? 3 : 2;
        memcpy(f.fields[1].shape, cases[i].unequal ? shape : (const int[]){1, 6, 1}, sizeof shape);
        f.fields[1].size = 6;
        write_npy("x.npy", "|u1", "1, 4", inputs, INPUT);
        write_npy("y.npy", "|u1", cases[i].shape, y, sizeof y);
        struct net_data *data = open_fixture(&f);

        ck_assert_int_eq(net_data_flat(data, 1) != NULL, cases[i].flat);
        ck_assert_ptr_null(net_data_flat(data, 0));
        net_data_close(data);
    }
}
END_TEST

TCase *data_test_labels(void)
{
    TCase *tcase = tcase_create("labels");

    tcase_add_checked_fixture(tcase, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(tcase, counted);
    tcase_add_test(tcase, all_ignored);
    tcase_add_test(tcase, faults);
    tcase_add_test(tcase, flat_rows);
    return tcase;
}
