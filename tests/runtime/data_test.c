/*
 * data_test.c -- from a source to prepared rows: what transforms make of them, and which a split
 * takes.
 */

#include "support/data_model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- transforms ------------------------------------------------------------------------------ */

START_TEST(bytes_stay_bytes)
{
    const long rows[] = {2, 0};
    struct fixture f;
    struct batch batch;

    write_pictures("\0\1\2");
    make_copier(&f, scale_normalize, 2, classes, 3);
    struct net_data *data = open_fixture(&f);

    ck_assert_int_eq(data->sources[NET_TRAIN].fields[0].column.type, NET_U8);
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
    write_npy("x.npy", "<f8", "40, 4", x, sizeof x);
    write_npy("y.npy", "<f4", "40", y, sizeof y);
    make_copier(&f, standardize, 1, NULL, 0);
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
    write_npy("x.npy", "<f8", "40, 4", x, sizeof x);
    f.model.parts[NET_VALIDATION] = NULL;
    snprintf(path, sizeof path, "%s/preparation.json", data_test_folder());
    data = net_data_open(&f.model, data_test_folder(), path);
    net_data_pack(data, NET_TRAIN, NULL, &(long){0}, 1, &batch);
    ck_assert_double_eq_tol((double)batch.input[0][0], (x[0][0] - mean) / std, 1e-6);
    net_data_close(data);
}
END_TEST

/* As scikit-learn's KBinsDiscretizer(3, encode="ordinal", strategy="quantile") has it. */
START_TEST(binned)
{
    static const float x[8][INPUT] = {{0, 0, 3, 2.5f}, {1, 0, 3, -100}, {2, 0, 3, 9},
                                      {3, 0, 3, 9},    {4, 5, 3, 90},   {5, 6, 3, 9},
                                      {6, 7, 3, .5f},  {7, 8, 3, 4}};
    static const float expected[8][INPUT] = {{0, 0, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 1},
                                             {1, 0, 0, 1}, {1, 0, 0, 1}, {2, 1, 0, 1},
                                             {2, 1, 0, 0}, {2, 1, 0, 1}};
    static const struct net_arg limits[] = {{.name = "least", .number = -1},
                                            {.name = "most", .number = 9}},
                                bins[] = {{.name = "n", .number = 3}};
    static const struct net_call steps[] = {
        {.name = "clip", .args = limits, .arg_count = 2, .transform = &net_transform_clip},
        {.name = "quantiles", .args = bins, .arg_count = 1, .transform = &net_transform_quantiles}};
    const long rows[] = {0, 1, 2, 3, 4, 5, 6, 7};
    struct fixture f;
    struct batch batch;

    write_npy("x.npy", "<f4", "8, 4", x, sizeof x);
    write_npy("y.npy", "|u1", "8,", pictures, 8);
    make_copier(&f, steps, 2, NULL, 0);
    struct net_data *data = open_fixture(&f);

    net_data_pack(data, NET_TRAIN, NULL, rows, 8, &batch);
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < INPUT; k++)
            ck_assert_float_eq(batch.input[i][k], expected[i][k]);
    net_data_close(data);
}
END_TEST

START_TEST(hot_vectors)
{
    struct fixture f;

    write_pictures("\2\0\1");
    make_copier(&f, NULL, 0, one_hot, 3);
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
    const float not_finite[3] = {0, 1, INFINITY}, half[3] = {0, .5f, 1}, missing[3] = {0, NAN, 1};
    struct fixture f;

    make_copier(&f, scale_normalize, 2, classes, 3);
    write_pictures("\0\1\3");
    expect_fault(open_and_close, &f,
                 "y.npy: row 2 (from 0): expected y to be a class, a whole number from 0 to 2, "
                 "found 3");
    write_npy("y.npy", "<f4", "3", half, sizeof half);
    expect_fault(open_and_close, &f, "found 0.5");
    write_npy("y.npy", "<f4", "3", not_finite, sizeof not_finite);
    expect_fault(open_and_close, &f,
                 "y.npy: row 2, element 0 (from 0): expected a finite 32-bit "
                 "number in y, found inf: inf, or beyond single precision");
    write_npy("y.npy", "<f4", "3", missing, sizeof missing);
    expect_fault(
        open_and_close, &f,
        "y.npy: row 1, element 0 (from 0): expected a finite 32-bit number in y, found "
        "nan; give it a number that is no class, such as -1, and cross_entropy(ignore=-1)");
    write_npy("y.npy", "|u1", "2", "\0\1", 2);
    expect_fault(open_and_close, &f, "DIR/x.npy has 3 rows, DIR/y.npy has 2");
    write_pictures("\0\1\2");
    write_npy("x.npy", "|u1", "3, 2, 2, 1", pictures, 12);
    f.fields[0].shape[1] = 2, f.fields[0].shape[2] = 1;
    net_data_close(open_fixture(&f));
    write_npy("x.npy", "|u1", "3, 4, 1", pictures, 12);
    net_data_close(open_fixture(&f));
    write_npy("x.npy", "|u1", "3, 3", pictures, 9);
    expect_fault(open_and_close, &f, "a row of x is [3], the model's input image wants [2, 2, 1]");
    f.fields[0].source = "picture";
    expect_fault(open_and_close, &f, "npy has no field picture; it has x, y");
}
END_TEST

/* binary_cross_entropy wants probabilities, behind the transforms and in every part. */
START_TEST(faults_in_probabilities)
{
    static const struct net_call minmax[] = {
        {.name = "minmax", .transform = &net_transform_minmax}};
    static const struct net_arg other[] = {{.name = "x", .text = "x.npy"},
                                           {.name = "y", .text = "z.npy"}};
    static const struct net_call second = {
        .name = "npy", .args = other, .arg_count = 2, .reader = &net_reader_npy};
    const float wide[3] = {0, .5f, -1};
    struct fixture f;

    write_pictures("\0\2\0");
    make_copier(&f, NULL, 0, NULL, 0);
    net_data_close(open_fixture(&f));
    f.fields[1].wanted_by = "binary_cross_entropy", f.fields[1].most = 1;
    expect_fault(open_and_close, &f,
                 "y.npy: row 1 (from 0), y: expected 0 to 1 for "
                 "binary_cross_entropy, found 2; `-> minmax` brings");
    make_copier(&f, NULL, 0, minmax, 0);
    f.fields[1].wanted_by = "binary_cross_entropy", f.fields[1].most = 1;
    net_data_close(open_fixture(&f));
    write_npy("z.npy", "<f4", "3", wide, sizeof wide);
    f.model.parts[NET_VALIDATION] = &second;
    expect_fault(open_and_close, &f,
                 "z.npy: row 2 (from 0), y: expected 0 to 1 for "
                 "binary_cross_entropy, found -0.5 behind the transforms");
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
    static const struct {
        const char *text, *message; /* text: the fields, or all */
    } cases[] = {
        {"\"image\": [{\"scale\": {}}], \"label\": []", "p.json: expected preparation 1 of image"},
        {"\"image\": [], \"label\": []", "p.json: expected the 1 preparation of image"},
        {"\"image\": [{\"standardize\": {\"mean\": [1]}}], \"label\": []",
         "p.json: expected a list of numbers \"std\""},
        {"\"image\": [{\"standardize\": {\"mean\": [1], \"std\": [1]}}], \"label\": []",
         "x.npy: a row of x has 4 numbers"},
        {"\"image\": [{\"standardize\": {\"mean\": [1,1,1,1], \"std\": [1,0,1,1]}}],"
         " \"label\": []",
         "x.npy: "},
        {"\"image\": [{\"standardize\": {\"mean\": [1,1,1,1], \"std\": [1,1,1]}}], \"label\": []",
         "p.json: expected a list of numbers \"std\""},
    };
    static const struct {
        const char *text, *message;
    } others[] = {
        {"", "p.json: the end came too early"},
        {"[1", "p.json: expected `,` or `]`"},
        {"{}", "p.json: expected a \"version\": the run is of an older netc"},
        {"{\"fields\": {}}", "p.json: expected a \"version\": the run is of an older netc"},
        {"{\"version\": 3}", "p.json: expected \"version\" 2"},
        {"{\"version\": \"2\"}", "p.json: expected \"version\" 2"},
        {"{\"version\": 2}", "p.json: expected \"columns\" of image"},
        {"{\"version\": 2, \"columns\": {\"image\": []}}", "p.json: expected \"columns\" of image"},
        {"{\"version\": 2, \"columns\": {\"image\": [\"x\", true]}}",
         "p.json: number 1 of the columns of image is no name"},
        {"{\"version\": 2, \"columns\": {\"image\": [\"z\"]}}",
         "p.json: its image is made of z, this model's of x: the run is of another model"},
        {"{\"version\": 2, \"columns\": {\"image\": [\"x\"], \"label\": [\"y\"]}}",
         "p.json: expected \"missing\" to be the cells"},
    };
    struct fixture f;
    char path[128];

    write_pictures("\0\1\2");
    make_copier(&f, standardize, 1, NULL, 0);
    snprintf(path, sizeof path, "%s/p.json", data_test_folder());
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[512];

        snprintf(text, sizeof text,
                 "{\"version\": 2, \"columns\": {\"image\": [\"x\"], \"label\": [\"y\"]},"
                 " \"missing\": [\"\", \"NA\", \"N/A\", \"NaN\", \"nan\", \"null\", \"?\"],"
                 " \"fields\": {%s}}",
                 cases[i].text);
        write_bytes("p.json", text, strlen(text), false);
        expect_fault(load, &(struct loading){&f.model, path}, cases[i].message);
    }
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        write_bytes("p.json", others[i].text, strlen(others[i].text), false);
        expect_fault(load, &(struct loading){&f.model, path}, others[i].message);
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
    write_npy("x.npy", "|u1", "1000, 4", x, 4 * ROWS);
    write_npy("y.npy", "|u1", "1000", y, ROWS);
    make_copier(&f, NULL, 0, classes, 10);
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
    make_copier(&f, NULL, 0, classes, 3);
    f.model.parts[NET_VALIDATION] = &holdout_tenth;
    expect_fault(open_and_close, &f,
                 "validation = holdout(0.1) of 3 rows is empty: a larger share or more rows are "
                 "needed; a class's only row stays in training");
    make_copier(&f, NULL, 0, classes, 2); /* the reason comes before what follows from it */
    f.model.parts[NET_VALIDATION] = &holdout_tenth;
    expect_fault(open_and_close, &f, "whole number from 0 to 1, found 2");
}
END_TEST

TCase *data_test_prepared(void)
{
    const TTest *const tests[] = {
        bytes_stay_bytes,
        standardized,
        hot_vectors,
        binned,
        faults_in_rows,
        faults_in_probabilities,
        faults_in_a_preparation,
        holdouts,
        empty_holdout,
    };
    TCase *prepared = tcase_create("prepared");

    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(prepared, tests[i]);
    return prepared;
}
