/*
 * transforms.c -- transforms and folds, on data that stand in memory.
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

/* Row `row` of a part, as it is packed outside of training. */
static void read_row(const struct net_data *data, enum net_part part, long row, float *x)
{
    struct batch *batch = net_allocate(1, sizeof *batch);

    net_data_pack(data, part, NULL, &row, 1, batch);
    memcpy(x, batch->x[0], sizeof batch->x[0]);
    free(batch);
}

static void open_and_close(const void *context)
{
    net_data_close(open_model(context));
}

/* ---- transforms ------------------------------------------------------------------------------ */

static const struct net_arg half_args[] = {{.name = "f", .number = .5}};
static const struct net_call halves = {.name = "holdout", .args = half_args, .arg_count = 1};
static const struct net_call minmax = {.name = "minmax", .transform = &net_transform_minmax};

/* 20 rows of 3: counting, a constant, and one whose extremes lie outside of training. */
static void fill_rows(float x[20][3], float y[20])
{
    for (int i = 0; i < 20; i++) {
        x[i][0] = (float)i;
        x[i][1] = 7;
        x[i][2] = (float)(i * i);
        y[i] = (float)i;
    }
}

START_TEST(minmax_is_fitted_on_training)
{
    float x[20][3], y[20], row[MOST];
    double least = INFINITY, most = -INFINITY;
    struct fixture f;

    fill_rows(x, y);
    memory.x = x[0], memory.y = y, memory.bytes = NULL, memory.rows = 20, memory.size = 3;
    make_model(&f, 3, 1, 1);
    set_steps(&f, &minmax, 1);
    f.model.parts[NET_VALIDATION] = &halves;
    struct net_data *data = open_model(&f);

    for (long i = 0; i < 10; i++) {
        const double number = (double)x[data->parts[NET_TRAIN].rows[i]][2];

        least = fmin(least, number);
        most = fmax(most, number);
    }
    ck_assert_double_eq(data->fitted[0][0].list[0][2], least);
    ck_assert_double_eq(data->fitted[0][0].list[1][2], most);
    for (int part = 0; part < 2; part++)
        for (long i = 0; i < 10; i++) {
            const long at = data->parts[part].rows[i];

            read_row(data, (enum net_part)part, i, row);
            ck_assert_float_eq(row[1], 0);
            ck_assert_double_eq_tol((double)row[2], ((double)x[at][2] - least) / (most - least),
                                    1e-6);
        }
    net_data_close(data);
}
END_TEST

/* scikit-learn's RobustScaler, of five rows and of four. */
START_TEST(robust_scaling)
{
    static const float x[5][2] = {{4, 1}, {1, 7}, {1e6, 2}, {2, 9}, {3, 4}}, y[5] = {0};
    static const float expected[2][5][2] = {
        {{0.5f, -0.6f}, {-1, 0.6f}, {499998.5f, -0.4f}, {-0.5f, 1}, {0, 0}},
        {{3.99998e-6f, -0.60869565f},
         {-7.99996e-6f, 0.43478261f},
         {3.999968f, -0.43478261f},
         {-3.99998e-6f, 0.78260870f}}};
    static const struct net_call robust = {.name = "robust", .transform = &net_transform_robust};
    struct fixture f;
    float row[MOST];

    memory.x = x[0], memory.y = y, memory.bytes = NULL, memory.size = 2;
    make_model(&f, 2, 1, 1);
    set_steps(&f, &robust, 1);
    for (int k = 0; k < 2; k++) {
        memory.rows = 5 - k;
        struct net_data *data = open_model(&f);

        for (long r = 0; r < memory.rows; r++) {
            read_row(data, NET_TRAIN, r, row);
            for (int i = 0; i < 2; i++)
                ck_assert_float_eq_tol(row[i], expected[k][r][i], 1e-6f * fabsf(row[i]) + 1e-12f);
        }
        net_data_close(data);
    }
}
END_TEST

static void set_impute(struct net_call *call, struct net_arg args[3], const char *what,
                       const char *by, const double *except, int count)
{
    args[0] = (struct net_arg){.name = "what", .text = what};
    args[1] = (struct net_arg){.name = "by", .text = by};
    args[2] = (struct net_arg){.name = "except", .list = except, .count = count, .none = !count};
    *call = (struct net_call){
        .name = "impute", .args = args, .arg_count = 3, .transform = &net_transform_impute};
}

START_TEST(imputed)
{
    static const double second[] = {2};
    static const float zeros[5][2] = {{1, 0}, {0, 0}, {2, 5}, {9, 0}, {4, 0}};
    static const float missing[5][2] = {{1, 0}, {NAN, 0}, {2, 5}, {9, 0}, {4, 0}};
    static const float y[5] = {0};
    static const struct {
        const char *what, *by;
        float expected; /* of the first column's missing number */
    } cases[] = {
        {"zeros", "mean", 4},
        {"zeros", "median", 3},
        {"missing", "mean", 4},
        {"missing", "median", 3},
    };
    struct net_call call;
    struct net_arg args[3];
    struct fixture f;
    float row[MOST];

    memory.y = y, memory.bytes = NULL, memory.rows = 5, memory.size = 2;
    make_model(&f, 2, 1, 1);
    set_steps(&f, &call, 1);
    for (int i = 0; i < LENGTH(cases); i++) {
        memory.x = cases[i].what[0] == 'z' ? zeros[0] : missing[0];
        set_impute(&call, args, cases[i].what, cases[i].by, second, 1);
        struct net_data *data = open_model(&f);

        read_row(data, NET_TRAIN, 1, row);
        ck_assert_float_eq(row[0], cases[i].expected);
        ck_assert_float_eq(row[1], 0);
        read_row(data, NET_TRAIN, 3, row);
        ck_assert_float_eq(row[0], 9);
        net_data_close(data);
    }
}
END_TEST

/* A constant stays one: the mean of its numbers is it, and what rounding makes of it is not taken
   for a range. Columns: 0.1 and a missing number; 0.3 and 0.1 + 0.2; two numbers. */
START_TEST(constants)
{
    static const struct {
        const struct net_transform *transform;
        float low, high; /* of the third column */
    } scalers[] = {
        {&net_transform_standardize, -1, 1},
        {&net_transform_minmax, 0, 1},
        {&net_transform_robust, -0.5f, 0.5f},
    };
    enum { ROWS = 12 };
    double x[ROWS][3];
    float y[ROWS] = {0}, row[MOST];
    struct net_arg args[3];
    struct net_call calls[2];
    struct fixture f;

    for (int i = 0; i < ROWS; i++) {
        x[i][0] = i % 4 == 3 ? NAN : 0.1;
        x[i][1] = i % 2 ? 0.3 : 0.1 + 0.2;
        x[i][2] = i % 2;
    }
    ck_assert_double_ne(x[0][1], x[1][1]);
    memory.wide = x[0], memory.y = y, memory.bytes = NULL, memory.rows = ROWS, memory.size = 3;
    make_model(&f, 3, 1, 1);
    set_steps(&f, calls, 2);
    set_impute(&calls[0], args, "missing", "mean", NULL, 0);
    for (int i = 0; i < LENGTH(scalers); i++) {
        calls[1] = (struct net_call){.name = scalers[i].transform->name,
                                     .transform = scalers[i].transform};
        struct net_data *data = open_model(&f);

        for (long r = 0; r < ROWS; r++) {
            read_row(data, NET_TRAIN, r, row);
            ck_assert_float_eq_tol(row[0], 0, 1e-6f);
            ck_assert_float_eq_tol(row[1], 0, 1e-6f);
            ck_assert_float_eq(row[2], r % 2 ? scalers[i].high : scalers[i].low);
        }
        net_data_close(data);
    }
    memory.wide = NULL;
}
END_TEST

START_TEST(logarithms)
{
    static const float x[3][2] = {{0, 1}, {2.5f, -0.5f}, {1e6f, 1e-9f}}, y[3] = {0};
    static const float below[3][2] = {{0, 1}, {0, -1}, {0, 1}};
    static const struct net_call call = {.name = "log1p", .transform = &net_transform_log1p};
    struct fixture f;
    float row[MOST];

    memory.x = x[0], memory.y = y, memory.bytes = NULL, memory.rows = 3, memory.size = 2;
    make_model(&f, 2, 1, 1);
    set_steps(&f, &call, 1);
    struct net_data *data = open_model(&f);

    for (long r = 0; r < 3; r++) {
        read_row(data, NET_TRAIN, r, row);
        for (int i = 0; i < 2; i++)
            ck_assert_float_eq(row[i], (float)log1p((double)x[r][i]));
    }
    net_data_close(data);
    memory.x = below[0];
    expect_fault(open_and_close, &f, "row 1 (from 0), x: log1p wants numbers above -1, found -1");
}
END_TEST

START_TEST(impute_faults)
{
    static const double second[] = {2}, third[] = {3};
    static const char *const names[] = {"Pregnancies"};
    static const float x[3][2] = {{0, NAN}, {0, 1}, {0, 2}}, y[3] = {0};
    struct net_call call;
    struct net_arg args[3];
    struct fixture f;

    memory.x = x[0], memory.y = y, memory.bytes = NULL, memory.rows = 3, memory.size = 2;
    make_model(&f, 2, 1, 1);
    expect_fault(open_and_close, &f, "memory: row 0, element 1 (from 0): expected a finite");
    set_steps(&f, &call, 1);
    set_impute(&call, args, "zeros", "mean", NULL, 0);
    expect_fault(open_and_close, &f, "memory: row 0, element 1 (from 0): expected a finite");
    set_impute(&call, args, "missing", "mean", second, 1);
    expect_fault(open_and_close, &f, "row 0 (from 0): column 2 of x has no number");
    set_impute(&call, args, "missing", "mean", third, 1);
    expect_fault(open_and_close, &f, "impute(except=3): x has 2 columns");
    set_impute(&call, args, "missing", "mean", second, 1);
    args[2] = (struct net_arg){.name = "except", .texts = names, .count = 1};
    expect_fault(open_and_close, &f, "impute(except=\"Pregnancies\")");
    memory.x = (const float[6]){0, 1, 0, 1, 0, 2};
    set_impute(&call, args, "zeros", "median", NULL, 0);
    expect_fault(open_and_close, &f, "no training row has a number in column 1 of x that is not 0");
}
END_TEST

START_TEST(permuted)
{
    static const struct net_arg sevens[] = {{.name = "seed", .number = 7}};
    static const struct net_call call = {.name = "permute_pixels",
                                         .args = sevens,
                                         .arg_count = 1,
                                         .transform = &net_transform_permute_pixels};
    static const float y[2] = {0};
    uint8_t bytes[2][2 * 35];
    float row[MOST], second[MOST];
    bool moved = false, seen[35] = {0};
    struct fixture f;

    for (int i = 0; i < 70; i++)
        bytes[0][i] = (uint8_t)i, bytes[1][i] = (uint8_t)(i + 100);
    memory.bytes = bytes[0], memory.y = y, memory.rows = 2, memory.size = 70;
    make_model(&f, 2, 5, 7);
    set_steps(&f, &call, 1);
    struct net_data *data = open_model(&f);

    ck_assert_int_eq(data->sources[NET_TRAIN].fields[0].column.type, NET_U8);
    read_row(data, NET_TRAIN, 0, row);
    read_row(data, NET_TRAIN, 1, second);
    for (int i = 0; i < 35; i++) {
        ck_assert_float_eq(row[i + 35], row[i] + 35);
        ck_assert_float_eq(second[i], row[i] + 100);
        ck_assert(!seen[(int)row[i]]);
        seen[(int)row[i]] = true;
        moved |= row[i] != (float)i;
    }
    ck_assert(moved);
    net_data_close(data);
}
END_TEST

/* ---- folds ----------------------------------------------------------------------------------- */

enum { FOLD_ROWS = 103, FOLDS = 5 };

/* Every row is in one validation part; every class, and the whole, is divided evenly; what minmax
   learns comes from the fold's training rows alone. */
static void check_folds(const struct fixture *f, const float *x, const float *y, int classes)
{
    int seen[FOLD_ROWS] = {0};

    for (int k = 1; k <= FOLDS; k++) {
        struct net_data *data = net_data_open_by(&f->model,
                                                 &(struct net_opening){.fold = {k, FOLDS}});
        const struct net_subset *held = &data->parts[NET_VALIDATION];
        const struct net_subset *train = &data->parts[NET_TRAIN];
        double least = INFINITY, most = -INFINITY;
        int of_class[4] = {0};

        ck_assert_int_eq(held->count + train->count, FOLD_ROWS);
        ck_assert_int_ge(held->count, 20);
        ck_assert_int_le(held->count, 21);
        for (long i = 0; i < held->count; i++) {
            seen[held->rows[i]]++;
            of_class[classes ? (int)y[held->rows[i]] : 0]++;
            ck_assert(i == 0 || held->rows[i] > held->rows[i - 1]);
        }
        for (int c = 0; c < classes; c++) {
            int all = 0;

            for (int i = 0; i < FOLD_ROWS; i++)
                all += (int)y[i] == c;
            ck_assert_int_le(abs(of_class[c] * FOLDS - all), FOLDS - 1);
        }
        for (long i = 0; i < train->count; i++) {
            least = fmin(least, (double)x[train->rows[i]]);
            most = fmax(most, (double)x[train->rows[i]]);
        }
        ck_assert_double_eq(data->fitted[0][0].list[0][0], least);
        ck_assert_double_eq(data->fitted[0][0].list[1][0], most);

        char *json = net_data_preparation_json(data);
        char path[128];

        write_bytes("preparation.json", json, strlen(json), false);
        free(json);
        snprintf(path, sizeof path, "%s/preparation.json", data_test_folder());
        struct net_data *again = net_data_open(&f->model, NULL, path);

        ck_assert_int_eq(net_data_rows(again, NET_VALIDATION), held->count);
        ck_assert_mem_eq(again->parts[NET_VALIDATION].rows, held->rows,
                         (size_t)held->count * sizeof(long));
        net_data_close(again);
        net_data_close(data);
    }
    for (int i = 0; i < FOLD_ROWS; i++)
        ck_assert_int_eq(seen[i], 1);
}

static const struct net_arg five_args[] = {{.name = "k", .number = FOLDS},
                                           {.name = "seed", .number = 3}};
static const struct net_call five = {.name = "kfold", .args = five_args, .arg_count = 2};

START_TEST(folds_partition)
{
    float x[FOLD_ROWS], y[FOLD_ROWS];
    struct fixture f;

    for (int classes = 0; classes <= 3; classes++) {
        for (int i = 0; i < FOLD_ROWS; i++) {
            x[i] = (float)((i * 37) % FOLD_ROWS);
            y[i] = classes ? (float)(i % 10 < 7                  ? 0
                                     : i % 10 < 9 || classes < 3 ? 1
                                                                 : 2)
                           : (float)i * .5f;
            if (classes == 1)
                y[i] = 2 * y[i] - 1;
        }
        memory.x = x, memory.y = y, memory.bytes = NULL;
        memory.rows = FOLD_ROWS, memory.size = 1;
        make_model(&f, 1, 1, 1);
        set_steps(&f, &minmax, 1);
        f.model.parts[NET_VALIDATION] = &five;
        if (classes == 3)
            set_classes(&f, 3);
        check_folds(&f, x, y, classes == 1 ? 0 : classes);
    }
    struct net_data *data = open_model(&f); /* no fold: all is for training */

    ck_assert_int_eq(net_data_rows(data, NET_TRAIN), FOLD_ROWS);
    ck_assert_int_eq(net_data_rows(data, NET_VALIDATION), 0);
    net_data_close(data);
}
END_TEST

/* The test part is drawn before, is the same for every fold, and shares no row with any. */
START_TEST(folds_beside_a_test_part)
{
    float x[FOLD_ROWS], y[FOLD_ROWS];
    int seen[FOLD_ROWS] = {0};
    struct fixture f;

    for (int i = 0; i < FOLD_ROWS; i++)
        x[i] = (float)i, y[i] = (float)(i == 50 ? 2 : i % 2);
    memory.x = x, memory.y = y, memory.bytes = NULL;
    memory.rows = FOLD_ROWS, memory.size = 1;
    make_model(&f, 1, 1, 1);
    set_classes(&f, 3);
    f.model.parts[NET_TEST] = &halves;
    for (int k = 1; k <= FOLDS; k++) {
        struct net_data *data = net_data_open_by(&f.model,
                                                 &(struct net_opening){.fold = {k, FOLDS}});

        ck_assert_int_eq(net_data_rows(data, NET_TEST), 51);
        for (int part = NET_VALIDATION; part <= NET_TEST; part++)
            for (long i = 0; i < net_data_rows(data, (enum net_part)part); i++)
                seen[data->parts[part].rows[i]] += part == NET_VALIDATION ? 100 : 1;
        net_data_close(data);
    }
    for (int i = 0; i < FOLD_ROWS; i++) /* the only row of its class is always trained on */
        ck_assert(i == 50 ? !seen[i] : seen[i] == 100 || seen[i] == FOLDS);
}
END_TEST

static void open_fold(const void *context)
{
    const struct fixture *f = context;

    net_data_close(net_data_open_by(&f->model, &(struct net_opening){.fold = {1, 4}}));
}

static void read_fold(const void *path)
{
    struct fixture f;

    make_model(&f, 1, 1, 1);
    net_data_close(net_data_open(&f.model, NULL, path));
}

START_TEST(fold_faults)
{
    static const char *const texts[] = {
        "{\"version\": 2, \"fold\": 3}",
        "{\"version\": 2, \"fold\": [1]}",
        "{\"version\": 2, \"fold\": [0, 2]}",
        "{\"version\": 2, \"fold\": [3, 2]}",
        "{\"version\": 2, \"fold\": [\"a\", \"b\"]}",
    };
    static const float x[3] = {0}, y[3] = {0, .5f, 2};
    struct fixture f;
    char path[128];

    memory.x = x, memory.y = y, memory.bytes = NULL, memory.rows = 3, memory.size = 1;
    make_model(&f, 1, 1, 1);
    expect_fault(open_fold, &f, "4 folds of 3 rows: there are too few rows");
    snprintf(path, sizeof path, "%s/p.json", data_test_folder());
    for (int i = 0; i < LENGTH(texts); i++) {
        write_bytes("p.json", texts[i], strlen(texts[i]), false);
        expect_fault(read_fold, path, "p.json: expected \"fold\" to be");
    }
}
END_TEST

Suite *suite_transforms(void)
{
    const TTest *const tests[] = {
        minmax_is_fitted_on_training,
        robust_scaling,
        constants,
        imputed,
        logarithms,
        impute_faults,
        permuted,
        folds_partition,
        folds_beside_a_test_part,
        fold_faults,
    };
    Suite *suite = suite_create("transforms");
    TCase *prepared = tcase_create("prepared");

    tcase_add_checked_fixture(prepared, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(prepared, tests[i]);
    suite_add_tcase(suite, prepared);
    suite_add_tcase(suite, scores_test());
    suite_add_tcase(suite, augment_test());
    suite_add_tcase(suite, mix_test());
    suite_add_tcase(suite, changes_test());
    return suite;
}
