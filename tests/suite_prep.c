/*
 * suite_prep.c -- preparations, augmentation, folds and metrics on data that stand in memory: the
 * model under test is a table by hand, whose pack copies what it is given.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data_parts.h"
#include "data_test.h"
#include "metrics.h"
#include "random.h"
#include "runtime.h"

#define LENGTH(list) ((int)(sizeof(list) / sizeof *(list)))

/* ---- the model ------------------------------------------------------------------------------- */

enum { BATCH = 64, MOST = 192 };    /* rows of a batch; numbers of a row */

struct batch {
    float x[BATCH][MOST], y[BATCH][MOST];
};

/* What the reader of the running test gives: x of any size, y of one number. */
static struct {
    const float *x, *y;
    const uint8_t *bytes;       /* x, in the place of floats; or NULL */
    int rows, size;
} memory;

static void *copy(const void *at, size_t size)
{
    return memcpy(net_allocate(size, 1), at, size);
}

static void open_memory(struct net_table *table, const struct net_request *request)
{
    const size_t count = (size_t)(memory.rows * memory.size);

    (void)request;
    table->columns[0] = (struct net_column){
        .name = "x", .place = "memory", .type = memory.bytes ? NET_U8 : NET_F32, .rank = 1,
        .shape = {memory.size}, .rows = memory.rows, .size = memory.size,
        .at = memory.bytes ? copy(memory.bytes, count) : copy(memory.x, 4 * count)};
    table->columns[1] = (struct net_column){
        .name = "y", .place = "memory", .type = NET_F32, .rank = 1, .shape = {1},
        .rows = memory.rows, .size = 1, .at = copy(memory.y, 4 * (size_t)memory.rows)};
    table->column_count = 2;
}

static const struct net_reader reader = {"memory", open_memory, NULL};
static const struct net_call source = {.name = "memory", .reader = &reader};

static void pack_field(float (*to)[MOST], const struct net_rows *rows, int channels, int size,
                       int n)
{
    for (int i = 0; i < n; i++)
        for (int k = 0; k < size; k++) {
            const int c = k / (size / channels);

            to[i][k] = rows->type == NET_F32 ? ((const float *)rows->row[i])[k] :
                       rows->type == NET_I32 ? (float)((const int32_t *)rows->row[i])[k] :
                       ((const uint8_t *)rows->row[i])[k] * rows->scale[c] + rows->shift[c];
        }
}

struct fixture {
    struct net_model model;
    struct net_field fields[2];
};

static const struct fixture *packed;    /* whose fields pack fills */

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;
    const struct net_field *field = packed->fields;

    pack_field(batch->x, &fields[0], field[0].shape[0], field[0].size, n);
    pack_field(batch->y, &fields[1], field[1].rank ? field[1].shape[0] : 1, field[1].size, n);
}

/* A picture of `channels` x height x width, and a target of one number. */
static void make_model(struct fixture *f, int channels, int height, int width)
{
    *f = (struct fixture){
        .fields = {{.name = "image", .source = "x", .kind = NET_INPUT, .rank = 3,
                    .shape = {channels, height, width}, .size = channels * height * width},
                   {.name = "target", .source = "y", .kind = NET_TARGET_VALUES, .rank = 1,
                    .shape = {1}, .size = 1}},
        .model = {.name = "test", .batch = BATCH, .batch_size = sizeof(struct batch),
                  .field_count = 2, .parts = {&source}, .pack = pack, .outputs = 1}};
    f->model.fields = f->fields;
    packed = f;
}

static void set_steps(struct fixture *f, const struct net_call *steps, int count)
{
    f->fields[0].steps = steps;
    f->fields[0].step_count = count;
}

static void set_classes(struct fixture *f, int classes)
{
    static const struct net_call steps[] = {
        {.name = "classes", .preparation = &net_preparation_classes}};

    f->fields[1] = (struct net_field){.name = "target", .source = "y", .kind = NET_TARGET_CLASS,
                                      .size = 1, .classes = classes, .steps = steps,
                                      .step_count = 1};
}

static struct net_data *open_model(const struct fixture *f)
{
    return net_data_open(&f->model, NULL, NULL);
}

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

/* ---- preparations ---------------------------------------------------------------------------- */

static const struct net_arg half_args[] = {{.name = "f", .number = .5}};
static const struct net_call halves = {.name = "holdout", .args = half_args, .arg_count = 1};
static const struct net_call minmax = {.name = "minmax", .preparation = &net_preparation_minmax};

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

static void set_impute(struct net_call *call, struct net_arg args[3], const char *what,
                       const char *by, const double *except, int count)
{
    args[0] = (struct net_arg){.name = "what", .text = what};
    args[1] = (struct net_arg){.name = "by", .text = by};
    args[2] = (struct net_arg){.name = "except", .list = except, .count = count, .none = !count};
    *call = (struct net_call){.name = "impute", .args = args, .arg_count = 3,
                              .preparation = &net_preparation_impute};
}

START_TEST(imputed)
{
    static const double second[] = {2};
    static const float zeros[5][2] = {{1, 0}, {0, 0}, {2, 5}, {9, 0}, {4, 0}};
    static const float missing[5][2] = {{1, 0}, {NAN, 0}, {2, 5}, {9, 0}, {4, 0}};
    static const float y[5] = {0};
    static const struct {
        const char *what, *by;
        float expected;         /* of the first column's missing number */
    } cases[] = {
        {"zeros", "mean", 4}, {"zeros", "median", 3}, {"missing", "mean", 4},
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
    static const struct net_call call = {.name = "permute_pixels", .args = sevens, .arg_count = 1,
                                         .preparation = &net_preparation_permute_pixels};
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

    ck_assert_int_eq(data->opened[NET_TRAIN].fields[0].column.type, NET_U8);
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

/* ---- augmentation ---------------------------------------------------------------------------- */

static const struct net_arg pad_args[] = {{.name = "padding", .number = 3}};
static const struct net_arg crop_args[] = {{.name = "height", .number = 7},
                                           {.name = "width", .number = 9}};
static const struct net_arg often[] = {{.name = "p", .number = .5}};
static const struct net_arg always[] = {{.name = "p", .number = 1}};
static const struct net_arg std_args[] = {{.name = "std", .number = .5}};
static const struct net_arg normalize_args[] = {{.name = "mean", .number = 2},
                                                {.name = "std", .number = 4}};
static const struct net_call moves[] = {
    {.name = "pad", .args = pad_args, .arg_count = 1},
    {.name = "random_crop", .args = crop_args, .arg_count = 2},
    {.name = "random_flip", .args = often, .arg_count = 1},
};
static const struct net_call noise = {.name = "noise", .args = std_args, .arg_count = 1,
                                      .preparation = &net_preparation_noise};

enum { HEIGHT = 7, WIDTH = 9, PICTURE = 2 * HEIGHT * WIDTH, PICTURES = 40 };

/* Every pixel of every picture is its own number, above 0. */
static void make_pictures(struct fixture *f, float *x, const float *y)
{
    for (int i = 0; i < PICTURES * PICTURE; i++)
        x[i] = (float)(i + 1);
    memory.x = x, memory.y = y, memory.bytes = NULL;
    memory.rows = PICTURES, memory.size = PICTURE;
    make_model(f, 2, HEIGHT, WIDTH);
}

static void set_augments(struct net_field *field, const struct net_call *calls, int count)
{
    field->augments = calls;
    field->augment_count = count;
}

static struct net_pass training_pass(uint32_t epoch)
{
    return (struct net_pass){NET_PASS_TRAIN, {3, 4}, epoch};
}

/* The pixel of a picture that was moved by y, x and perhaps flipped; 0 outside. */
static float moved_pixel(const float *picture, int c, int y, int x, const int move[3])
{
    const int from_y = y + move[0], from_x = (move[2] ? WIDTH - 1 - x : x) + move[1];

    if (from_y < 0 || from_y >= HEIGHT || from_x < 0 || from_x >= WIDTH)
        return 0;
    return picture[(c * HEIGHT + from_y) * WIDTH + from_x];
}

static bool is_moved(const float *got, const float *picture, const int move[3])
{
    for (int i = 0; i < PICTURE; i++)
        if (got[i] != moved_pixel(picture, i / (HEIGHT * WIDTH), i / WIDTH % HEIGHT, i % WIDTH,
                                  move))
            return false;
    return true;
}

/* Which move made `got` of `picture`; false: none. */
static bool find_move(const float *got, const float *picture, int move[3])
{
    for (move[0] = -3; move[0] <= 3; move[0]++)
        for (move[1] = -3; move[1] <= 3; move[1]++)
            for (move[2] = 0; move[2] < 2; move[2]++)
                if (is_moved(got, picture, move))
                    return true;
    return false;
}

START_TEST(moved_pictures)
{
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    int places[7][7] = {{0}}, flips = 0, count = 0;
    struct fixture f;

    make_pictures(&f, x, y);
    f.fields[1] = f.fields[0];              /* the target is the same picture, and follows */
    f.fields[1].name = "clean", f.fields[1].kind = NET_TARGET_VALUES;
    set_augments(&f.fields[0], moves, 3);
    set_augments(&f.fields[1], moves, 3);
    struct net_data *data = open_model(&f);

    for (uint32_t epoch = 0; epoch < 50; epoch++) {
        const struct net_pass pass = training_pass(epoch);
        long rows[PICTURES];

        for (int i = 0; i < PICTURES; i++)
            rows[i] = (i * 7 + epoch) % PICTURES;
        net_data_pack(data, NET_TRAIN, &pass, rows, PICTURES, batch);
        for (int i = 0; i < PICTURES; i++) {
            int move[3];

            ck_assert_msg(find_move(batch->x[i], x + rows[i] * PICTURE, move), "row %d", i);
            ck_assert(is_moved(batch->y[i], x + rows[i] * PICTURE, move));
            places[move[0] + 3][move[1] + 3]++;
            flips += move[2];
            count++;
        }
    }
    for (int i = 0; i < 49; i++)            /* of 2000 draws, 41 each: deviation 6.3 */
        ck_assert_int_le(abs(places[i / 7][i % 7] - count / 49), 26);
    ck_assert_int_le(abs(flips - count / 2), 90);

    net_data_pack(data, NET_TRAIN, NULL, &(long){5}, 1, batch);
    ck_assert(is_moved(batch->x[0], x + 5 * PICTURE, (int[3]){0}));
    net_data_close(data);
    free(batch);
}
END_TEST

/* One by one or together, in any place: a row of an epoch is one picture. Bytes move as floats. */
START_TEST(draws_follow_rows)
{
    static const struct net_call steps[] = {
        {.name = "pad", .args = pad_args, .arg_count = 1},
        {.name = "random_flip", .args = often, .arg_count = 1},
        {.name = "random_erase", .args = often, .arg_count = 1},
        {.name = "random_crop", .args = crop_args, .arg_count = 2},
        {.name = "normalize", .args = normalize_args, .arg_count = 2},
        {.name = "random_flip", .args = often, .arg_count = 1},
    };
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    uint8_t bytes[PICTURES * PICTURE];
    struct batch *together = net_allocate(1, sizeof *together);
    struct batch *one = net_allocate(1, sizeof *one);
    const struct net_pass pass = training_pass(3), next = training_pass(4);
    struct fixture f;
    long rows[PICTURES];
    int same = 0;

    make_pictures(&f, x, y);
    for (int i = 0; i < PICTURES * PICTURE; i++) {
        bytes[i] = (uint8_t)(i * 37 + 11);
        x[i] = bytes[i];
    }
    set_augments(&f.fields[0], steps, LENGTH(steps));
    for (int i = 0; i < PICTURES; i++)
        rows[i] = PICTURES - 1 - i;
    struct net_data *data = open_model(&f);

    net_data_pack(data, NET_TRAIN, &pass, rows, PICTURES, together);
    net_data_close(data);
    memory.bytes = bytes;
    data = open_model(&f);
    ck_assert_int_eq(data->opened[NET_TRAIN].fields[0].column.type, NET_U8);
    for (int i = 0; i < PICTURES; i++) {
        net_data_pack(data, NET_TRAIN, &pass, &rows[i], 1, one);
        ck_assert_mem_eq(one->x[0], together->x[i], PICTURE * sizeof(float));
        net_data_pack(data, NET_TRAIN, &next, &rows[i], 1, one);
        same += !memcmp(one->x[0], together->x[i], PICTURE * sizeof(float));
    }
    ck_assert_int_eq(same, 0);
    net_data_close(data);
    free(together);
    free(one);
}
END_TEST

/* A rectangle of zeros, in both channels, of 0.02 to 0.33 of the picture; half of the time. */
START_TEST(erased_pictures)
{
    static const struct net_call steps[] = {{.name = "random_erase", .args = often,
                                             .arg_count = 1}};
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    struct fixture f;
    long rows[PICTURES];
    int erased = 0;
    double share = 0;

    make_pictures(&f, x, y);
    set_augments(&f.fields[0], steps, 1);
    for (int i = 0; i < PICTURES; i++)
        rows[i] = i;
    struct net_data *data = open_model(&f);

    for (uint32_t epoch = 0; epoch < 50; epoch++) {
        const struct net_pass pass = training_pass(epoch);

        net_data_pack(data, NET_TRAIN, &pass, rows, PICTURES, batch);
        for (int i = 0; i < PICTURES; i++) {
            int zeros = 0, top = HEIGHT, bottom = -1, left = WIDTH, right = -1;

            for (int k = 0; k < PICTURE; k++) {
                const int row = k / WIDTH % HEIGHT, column = k % WIDTH;

                if (batch->x[i][k] != 0) {
                    ck_assert_float_eq(batch->x[i][k], x[i * PICTURE + k]);
                    continue;
                }
                zeros++;
                top = row < top ? row : top, bottom = row > bottom ? row : bottom;
                left = column < left ? column : left, right = column > right ? column : right;
            }
            if (!zeros)
                continue;
            ck_assert_int_eq(zeros, 2 * (bottom - top + 1) * (right - left + 1));
            ck_assert_int_le(zeros, PICTURE / 2);
            erased++;
            share += zeros / (double)PICTURE;
        }
    }
    ck_assert_int_gt(erased, 880);
    ck_assert_int_lt(erased, 1120);
    ck_assert_double_gt(share / erased, .12);
    ck_assert_double_lt(share / erased, .22);
    net_data_close(data);
    free(batch);
}
END_TEST

/* ---- noise ----------------------------------------------------------------------------------- */

START_TEST(noisy_rows)
{
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(3, sizeof *batch);
    const struct net_pass pass = training_pass(0), next = training_pass(1);
    const struct net_pass predict = {.kind = NET_PASS_PREDICT};
    double sum = 0, squares = 0, fourths = 0;
    const long row = 11, other = 12;
    struct fixture f;

    make_pictures(&f, x, y);
    set_steps(&f, &noise, 1);
    struct net_data *data = open_model(&f);

    net_data_pack(data, NET_TRAIN, &pass, &row, 1, &batch[0]);
    net_data_pack(data, NET_TRAIN, &next, &row, 1, &batch[1]);
    ck_assert_mem_ne(batch[0].x[0], batch[1].x[0], PICTURE * sizeof(float));
    net_data_pack(data, NET_TRAIN, NULL, &row, 1, &batch[1]);
    net_data_pack(data, NET_TRAIN, NULL, (long[]){other, row}, 2, &batch[2]);
    ck_assert_mem_eq(batch[1].x[0], batch[2].x[1], PICTURE * sizeof(float));
    ck_assert_mem_ne(batch[0].x[0], batch[1].x[0], PICTURE * sizeof(float));
    net_data_pack(data, NET_TRAIN, &predict, &row, 1, &batch[1]);
    ck_assert_mem_eq(batch[1].x[0], x + row * PICTURE, PICTURE * sizeof(float));
    net_data_close(data);
    free(batch);

    enum { DRAWS = 1 << 18 };
    float *normals = net_allocate(DRAWS, sizeof *normals);
    int beyond = 0;

    net_normals(normals, DRAWS, (const uint32_t[]){1, 2}, 3, 4, NET_RANDOM_ROW_NOISE);
    for (int i = 0; i < DRAWS; i++) {
        const double z = (double)normals[i];

        sum += z;
        squares += z * z;
        fourths += z * z * z * z;
        beyond += fabs(z) > 3;
    }
    ck_assert_double_eq_tol(sum / DRAWS, 0, 4 / 512.);
    ck_assert_double_eq_tol(squares / DRAWS, 1, 4 * 1.42 / 512);
    ck_assert_double_eq_tol(fourths / DRAWS, 3, 4 * 9.8 / 512);
    ck_assert_int_lt(abs(beyond - 708), 110);       /* 0.0027 of them */
    net_normals(normals + 7, 5, (const uint32_t[]){1, 2}, 3, 4, NET_RANDOM_ROW_NOISE);
    ck_assert_mem_eq(normals, normals + 7, 5 * sizeof *normals);
    free(normals);
}
END_TEST

/* The noise is added before the picture moves: its target follows without any. */
START_TEST(noisy_rows_move)
{
    static const struct net_call flips[] = {{.name = "random_flip", .args = always,
                                             .arg_count = 1}};
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    const struct net_pass pass = training_pass(9);
    struct fixture f;
    double squares = 0;

    make_pictures(&f, x, y);
    set_steps(&f, &noise, 1);
    f.fields[1] = f.fields[0];
    f.fields[1].name = "clean", f.fields[1].kind = NET_TARGET_VALUES;
    f.fields[1].step_count = 0;
    set_augments(&f.fields[0], flips, 1);
    set_augments(&f.fields[1], flips, 1);
    struct net_data *data = open_model(&f);

    net_data_pack(data, NET_TRAIN, &pass, &(long){0}, 1, batch);
    ck_assert(is_moved(batch->y[0], x, (int[3]){0, 0, 1}));
    for (int i = 0; i < PICTURE; i++) {
        const double difference = (double)batch->x[0][i] - (double)batch->y[0][i];

        ck_assert_double_ne(difference, 0);
        squares += difference * difference;
    }
    ck_assert_double_eq_tol(sqrt(squares / PICTURE), .5, .13);
    net_data_close(data);
    free(batch);
}
END_TEST

/* ---- metrics --------------------------------------------------------------------------------- */

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
        outputs[5][k] = .5f;                    /* class 1 is the sixth: 0, then these four */
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

Suite *suite_prep(void)
{
    const TTest *const tests[] = {
        minmax_is_fitted_on_training, imputed, impute_faults, permuted, moved_pictures,
        draws_follow_rows, erased_pictures, noisy_rows, noisy_rows_move, scores_of_classes,
        scores_of_one_output,
    };
    Suite *suite = suite_create("prep");
    TCase *prepared = tcase_create("prepared");

    tcase_set_timeout(prepared, 60);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(prepared, tests[i]);
    suite_add_tcase(suite, prepared);
    return suite;
}
