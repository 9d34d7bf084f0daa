/*
 * series_test.c -- rows that are positions in time: windows of every type of number, what is ahead
 * of them, and that nothing of one part or file is seen from another.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/data_model.h"
#include "support/length.h"

enum { ROWS = 20, SPLIT = 16 /* the first row of the last fifth */ };

static const double first_and_third[] = {1, 3};
static const struct net_arg window_args[] = {{.name = "length", .number = 2},
                                             {.name = "stride", .number = 1}},
                            stride_args[] = {{.name = "length", .number = 2},
                                             {.name = "stride", .number = 3}},
                            long_args[] = {{.name = "length", .number = 20},
                                           {.name = "stride", .number = 1}},
                            next_args[] = {{.name = "steps", .number = 1}},
                            later_args[] = {{.name = "steps", .list = first_and_third, .count = 2}};

#define STEP(step, of)                                                                             \
    {                                                                                              \
        .name = #step, .args = (of), .arg_count = LENGTH(of), .transform = &net_transform_##step   \
    }

static const struct net_call
    windows[] = {STEP(window, window_args)},
    strides[] = {STEP(window, stride_args)}, too_long[] = {STEP(window, long_args)},
    standard_windows[] = {{.name = "standardize", .transform = &net_transform_standardize},
                          STEP(window, window_args)},
    next[] = {STEP(ahead, next_args)},
    standard_later[] = {{.name = "standardize", .transform = &net_transform_standardize},
                        STEP(ahead, later_args)},
    next_class[] = {{.name = "classes", .transform = &net_transform_classes},
                    STEP(ahead, next_args)};

/* Windows of two numbers at two positions, and a number of the row behind them. */
static void make_series(struct fixture *f, const struct net_call *steps, int step_count)
{
    make_copier(f, steps, step_count, next, 0);
    f->fields[0].rank = 2;
    f->fields[0].shape[1] = PIXELS;
}

/* x [rows][2]: 10 row and 10 row + 1, y [rows]: the row; of a type, from row `first` on. */
static void write_rows(const char *x, const char *y, const char *descr, int first, int rows)
{
    unsigned char bytes[2][2 * ROWS * 8];
    const int width = descr[2] - '0';
    char shape[16];

    for (int i = 0; i < 2 * rows; i++) {
        const double both[] = {10 * (first + i / 2) + i % 2, first + i / 2};

        for (int k = 0; k < 2; k++) {
            void *at = bytes[k] + (k ? i / 2 : i) * width;

            if (descr[1] == 'f' && width == 8)
                memcpy(at, &both[k], 8);
            else if (descr[1] == 'f')
                *(float *)at = (float)both[k];
            else if (width == 4)
                *(int32_t *)at = (int32_t)both[k];
            else
                *(uint8_t *)at = (uint8_t)both[k];
        }
    }
    snprintf(shape, sizeof shape, "%d, 2", rows);
    write_npy(x, descr, shape, bytes[0], (size_t)(2 * rows * width));
    snprintf(shape, sizeof shape, "%d,", rows);
    write_npy(y, descr, shape, bytes[1], (size_t)(rows * width));
}

/* The sample at `row` of a part is the window that ends at row `at` of the source. */
static void check_sample(const struct net_data *data, enum net_part part, long row, int at,
                         double mean, double deviation)
{
    struct batch batch;

    net_data_pack(data, part, NULL, &row, 1, &batch);
    for (int c = 0; c < CHANNELS; c++)
        for (int p = 0; p < PIXELS; p++)
            ck_assert_float_eq_tol(
                batch.input[0][c * PIXELS + p],
                (float)((10 * (at + p - 1) - mean) / deviation) + (mean > 0 ? 0 : (float)c), 1e-5f);
    ck_assert_float_eq(batch.target[0], (float)at + 1);
    ck_assert_float_eq(*net_data_target(data, part, row), (float)at + 1);
    net_data_place(data, part, 0, &row);
    ck_assert_int_eq(row, at);
}

/* Windows and targets stay in their part; what is fitted is fitted on all rows of training. */
START_TEST(windows_of_parts)
{
    static const char *const types[] = {"|u1", "<i4", "<f4", "<f8"};
    const double mean = 75, deviation = 46.09772228646444; /* of 0, 10, ... 150 */

    for (int i = 0; i < 2 * LENGTH(types); i++) {
        struct fixture f;

        make_series(&f, i % 2 ? standard_windows : windows, 1 + i % 2);
        f.model.parts[NET_VALIDATION] = &holdout_fifth;
        write_rows("x.npy", "y.npy", types[i / 2], 0, ROWS);
        struct net_data *data = open_fixture(&f);

        ck_assert_int_eq(net_data_rows(data, NET_TRAIN), SPLIT - 2);
        for (int row = 0; row < SPLIT - 2; row++)
            check_sample(data, NET_TRAIN, row, row + 1, i % 2 ? mean : 0, i % 2 ? deviation : 1);
        ck_assert_int_eq(net_data_rows(data, NET_VALIDATION), 2);
        for (int row = 0; row < 2; row++)
            check_sample(data, NET_VALIDATION, row, SPLIT + 1 + row, i % 2 ? mean : 0,
                         i % 2 ? deviation : 1);
        net_data_close(data);
    }
}
END_TEST

/* No window goes from a file into the next; a holdout takes the last rows of each. */
START_TEST(windows_of_files)
{
    static const struct net_arg files[] = {{.name = "x", .text = "x_*.npy"},
                                           {.name = "y", .text = "y_*.npy"}},
                                share[] = {{.name = "f", .number = .4}};
    const struct net_call several = {
        .name = "npy", .args = files, .arg_count = 2, .reader = &net_reader_npy};
    const struct net_call holdout = {.name = "holdout", .args = share, .arg_count = 1};
    static const struct {
        const struct net_call *steps;
        enum net_part part;
        int count, ends[8];
    } cases[] = {{windows, NET_TRAIN, 8, {1, 2, 3, 4, 11, 12, 13, 14}},
                 {windows, NET_TEST, 4, {7, 8, 17, 18}},
                 {strides, NET_TRAIN, 4, {1, 4, 11, 14}},
                 {strides, NET_TEST, 2, {7, 17}}};
    static const char *const types[] = {"<f4", "<u4", "|u1"}; /* mapped, decoded, bytes */

    for (int i = 0; i < LENGTH(types) * LENGTH(cases); i++) {
        const char *type = types[i / LENGTH(cases)];
        struct fixture f;

        make_series(&f, cases[i % LENGTH(cases)].steps, 1);
        f.model.parts[NET_TRAIN] = &several;
        f.model.parts[NET_TEST] = &holdout;
        write_rows("x_1.npy", "y_1.npy", type, 0, 10);
        write_rows("x_2.npy", "y_2.npy", type, 10, 10);
        struct net_data *data = open_fixture(&f);

        ck_assert_int_eq(net_data_rows(data, cases[i % LENGTH(cases)].part),
                         cases[i % LENGTH(cases)].count);
        for (int row = 0; row < cases[i % LENGTH(cases)].count; row++)
            check_sample(data, cases[i % LENGTH(cases)].part, row,
                         cases[i % LENGTH(cases)].ends[row], 0, 1);
        net_data_close(data);
    }
}
END_TEST

/* Two rows ahead of two numbers each, and back into the units of the data. */
START_TEST(several_ahead)
{
    struct net_inverse inverse;
    struct fixture f;

    make_series(&f, windows, 1);
    f.fields[1] = (struct net_field){.name = "later",
                                     .source = "x",
                                     .kind = NET_TARGET_VALUES,
                                     .rank = 2,
                                     .shape = {2, 2},
                                     .size = 4,
                                     .steps = standard_later,
                                     .step_count = 2};
    write_rows("x.npy", "y.npy", "<f8", 0, ROWS);
    struct net_data *data = open_fixture(&f);

    ck_assert_int_eq(net_data_rows(data, NET_TRAIN), ROWS - 4);
    net_inverse_open(&inverse, data, net_data_model(data));
    for (int row = 0; row < ROWS - 4; row++) {
        const float *later = net_data_target(data, NET_TRAIN, row);

        for (int i = 0; i < 4; i++)
            ck_assert_double_eq_tol(net_inverse_value(&inverse, i, later[i]),
                                    10 * (row + 1 + (i % 2 ? 3 : 1)) + i / 2, 1e-4);
    }
    net_inverse_close(&inverse);
    net_data_close(data);
}
END_TEST

START_TEST(classes_ahead)
{
    static const uint8_t kinds[] = {2, 0, 1, 1, 0, 2, 0, 1, 2, 2};
    struct fixture f;

    make_series(&f, windows, 1);
    f.fields[1].kind = NET_TARGET_CLASS;
    f.fields[1].rank = 0;
    f.fields[1].classes = 3;
    f.fields[1].steps = next_class;
    f.fields[1].step_count = 2;
    write_rows("x.npy", "y.npy", "|u1", 0, LENGTH(kinds));
    write_npy("y.npy", "|u1", "10,", kinds, sizeof kinds);
    struct net_data *data = open_fixture(&f);

    ck_assert_int_eq(net_data_rows(data, NET_TRAIN), LENGTH(kinds) - 2);
    for (int row = 0; row < LENGTH(kinds) - 2; row++) {
        const long number = row;
        struct batch batch;

        net_data_pack(data, NET_TRAIN, NULL, &number, 1, &batch);
        ck_assert_int_eq(net_data_class(data, NET_TRAIN, row), kinds[row + 2]);
        ck_assert_int_eq((int)batch.target[0], kinds[row + 2]);
    }
    net_data_close(data);
}
END_TEST

static void open_it(const void *f)
{
    net_data_close(open_fixture(f));
}

START_TEST(series_faults)
{
    static const struct net_arg much[] = {{.name = "f", .number = .99}};
    const struct net_call most = {.name = "holdout", .args = much, .arg_count = 1};
    struct fixture f;

    make_series(&f, too_long, 1);
    f.fields[0].shape[1] = ROWS;
    f.fields[0].size = CHANNELS * ROWS;
    write_rows("x.npy", "y.npy", "<f4", 0, ROWS);
    expect_fault(open_it, &f,
                 "DIR/x.npy: train has 20 rows, and no 21 that follow each other in one file: a "
                 "sample is a window of 20, and up to 1 ahead");
    make_series(&f, windows, 1);
    f.model.parts[NET_TEST] = &most;
    expect_fault(open_it, &f, "test = holdout(0.99) of 20 rows leaves train empty");
    f.model.parts[NET_TEST] = &holdout_tenth;
    expect_fault(open_it, &f, "x.npy: test has 2 rows, and no 3 that follow");
    f.fields[0].shape[0] = 3;
    f.fields[0].size = 6;
    f.model.parts[NET_TEST] = NULL;
    expect_fault(open_it, &f, "a row of x is [2], the model's input image wants [3]");
}
END_TEST

TCase *data_test_series(void)
{
    TCase *tcase = tcase_create("series");

    tcase_add_test(tcase, windows_of_parts);
    tcase_add_test(tcase, windows_of_files);
    tcase_add_test(tcase, several_ahead);
    tcase_add_test(tcase, classes_ahead);
    tcase_add_test(tcase, series_faults);
    return tcase;
}
