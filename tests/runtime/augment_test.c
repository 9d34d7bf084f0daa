/*
 * augment_test.c -- rows that change as they are packed: every picture that comes out is one that
 * the moves could have made, draws are spread as they should be, and depend on (seed, epoch, row)
 * alone.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "data/changes/change.h"
#include "support/memory_data.h"

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
static const struct net_call noise = {
    .name = "noise", .args = std_args, .arg_count = 1, .transform = &net_transform_noise};

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

static struct net_mode training_mode(uint32_t epoch)
{
    return (struct net_mode){NET_MODE_TRAIN, {3, 4}, epoch};
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
        if (got[i] !=
            moved_pixel(picture, i / (HEIGHT * WIDTH), i / WIDTH % HEIGHT, i % WIDTH, move))
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
    f.fields[1] = f.fields[0]; /* the target is the same picture, and follows */
    f.fields[1].name = "clean", f.fields[1].kind = NET_TARGET_VALUES, f.fields[1].moved_with = 1;
    set_augments(&f.fields[0], moves, 3);
    set_augments(&f.fields[1], moves, 3);
    struct net_data *data = open_model(&f);

    for (uint32_t epoch = 0; epoch < 50; epoch++) {
        const struct net_mode mode = training_mode(epoch);
        long rows[PICTURES];

        for (int i = 0; i < PICTURES; i++)
            rows[i] = (i * 7 + epoch) % PICTURES;
        net_data_pack(data, NET_TRAIN, &mode, rows, PICTURES, batch);
        for (int i = 0; i < PICTURES; i++) {
            int move[3];

            ck_assert_msg(find_move(batch->x[i], x + rows[i] * PICTURE, move), "row %d", i);
            ck_assert(is_moved(batch->y[i], x + rows[i] * PICTURE, move));
            places[move[0] + 3][move[1] + 3]++;
            flips += move[2];
            count++;
        }
    }
    for (int i = 0; i < 49; i++) /* of 2000 draws, 41 each: deviation 6.3 */
        ck_assert_int_le(abs(places[i / 7][i % 7] - count / 49), 26);
    ck_assert_int_le(abs(flips - count / 2), 90);

    net_data_pack(data, NET_TRAIN, NULL, &(long){5}, 1, batch);
    ck_assert(is_moved(batch->x[0], x + 5 * PICTURE, (int[3]){0}));
    net_data_close(data);
    free(batch);
}
END_TEST

/* An input of the same picture that follows none moves by itself, of 98 moves there are. */
START_TEST(views_move_apart)
{
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    const struct net_mode mode = training_mode(3);
    struct fixture f;
    int alike = 0;

    make_pictures(&f, x, y);
    f.fields[1] = f.fields[0];
    f.fields[1].name = "other", f.fields[1].kind = NET_TARGET_VALUES;
    set_augments(&f.fields[0], moves, 3);
    set_augments(&f.fields[1], moves, 3);
    struct net_data *data = open_model(&f);

    for (long row = 0; row < PICTURES; row++) {
        int move[2][3];

        net_data_pack(data, NET_TRAIN, &mode, &row, 1, batch);
        ck_assert(find_move(batch->x[0], x + row * PICTURE, move[0]));
        ck_assert(find_move(batch->y[0], x + row * PICTURE, move[1]));
        alike += !memcmp(move[0], move[1], sizeof move[0]);
    }
    ck_assert_int_le(alike, 4);
    net_data_close(data);
    free(batch);
}
END_TEST

/* The classes of pixels follow the picture that has them as numbers, and are ignored around it. */
START_TEST(moved_classes)
{
    static const struct net_call steps[] = {
        {.name = "classes", .transform = &net_transform_classes}};
    enum { PIXELS = HEIGHT * WIDTH };
    float x[PICTURES * PIXELS], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    const struct net_mode mode = training_mode(1);
    int outside = 0, moved = 0;
    long rows[PICTURES];
    struct fixture f;

    for (int i = 0; i < PICTURES * PIXELS; i++)
        x[i] = (float)(1 + i % 97);
    memory.x = x, memory.y = y, memory.bytes = NULL;
    memory.rows = PICTURES, memory.size = PIXELS;
    make_model(&f, 1, HEIGHT, WIDTH);
    f.fields[1] = (struct net_field){.name = "map",
                                     .source = "x",
                                     .kind = NET_TARGET_CLASS,
                                     .rank = 2,
                                     .shape = {HEIGHT, WIDTH},
                                     .size = PIXELS,
                                     .classes = 98,
                                     .ignores = true,
                                     .ignored = 255,
                                     .steps = steps,
                                     .step_count = 1,
                                     .moved_with = 1};
    set_augments(&f.fields[0], moves, 3);
    set_augments(&f.fields[1], moves, 3);
    struct net_data *data = open_model(&f);

    for (int i = 0; i < PICTURES; i++)
        rows[i] = i;
    net_data_pack(data, NET_TRAIN, &mode, rows, PICTURES, batch);
    for (int i = 0; i < PICTURES * PIXELS; i++) {
        const float pixel = batch->x[i / PIXELS][i % PIXELS];

        ck_assert_float_eq(batch->y[i / PIXELS][i % PIXELS], pixel > 0 ? pixel : -1);
        outside += pixel == 0;
        moved += pixel != x[i];
    }
    ck_assert_int_gt(outside, PICTURES);
    ck_assert_int_gt(moved, outside);
    net_data_pack(data, NET_TRAIN, NULL, rows, PICTURES, batch);
    for (int i = 0; i < PICTURES * PIXELS; i++)
        ck_assert_float_eq(batch->y[i / PIXELS][i % PIXELS], x[i]);
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
        {.name = "random_erase", .args = often, .arg_count = 1, .change = &net_change_random_erase},
        {.name = "random_crop", .args = crop_args, .arg_count = 2},
        {.name = "normalize", .args = normalize_args, .arg_count = 2},
        {.name = "random_flip", .args = often, .arg_count = 1},
    };
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    uint8_t bytes[PICTURES * PICTURE];
    struct batch *together = net_allocate(1, sizeof *together);
    struct batch *one = net_allocate(1, sizeof *one);
    const struct net_mode mode = training_mode(3), next = training_mode(4);
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

    net_data_pack(data, NET_TRAIN, &mode, rows, PICTURES, together);
    net_data_close(data);
    memory.bytes = bytes;
    data = open_model(&f);
    ck_assert_int_eq(data->sources[NET_TRAIN].fields[0].column.type, NET_U8);
    for (int i = 0; i < PICTURES; i++) {
        net_data_pack(data, NET_TRAIN, &mode, &rows[i], 1, one);
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
    static const struct net_call steps[] = {{.name = "random_erase",
                                             .args = often,
                                             .arg_count = 1,
                                             .change = &net_change_random_erase}};
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
        const struct net_mode mode = training_mode(epoch);

        net_data_pack(data, NET_TRAIN, &mode, rows, PICTURES, batch);
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

/* What weights are trained on they see later too: normalize is no draw. */
START_TEST(normalized_everywhere)
{
    static const struct net_call steps[] = {
        {.name = "pad", .args = pad_args, .arg_count = 1},
        {.name = "normalize", .args = normalize_args, .arg_count = 2},
        {.name = "random_crop", .args = crop_args, .arg_count = 2},
    };
    static const struct net_arg half[] = {{.name = "fraction", .number = .5}};
    static const struct net_call holdout = {.name = "holdout", .args = half, .arg_count = 1};
    const struct net_mode passes[] = {{.kind = NET_MODE_EVALUATE}, {.kind = NET_MODE_PREDICT}};
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    uint8_t bytes[PICTURES * PICTURE];
    struct batch *batch = net_allocate(1, sizeof *batch);
    struct fixture f;

    make_pictures(&f, x, y);
    for (int i = 0; i < PICTURES * PICTURE; i++)
        bytes[i] = (uint8_t)i, x[i] = bytes[i];
    f.model.parts[NET_VALIDATION] = &holdout;
    set_augments(&f.fields[0], steps, 3);
    memory.bytes = _i ? bytes : NULL;
    struct net_data *data = open_model(&f);

    for (int part = NET_TRAIN; part <= NET_VALIDATION; part++)
        for (int pass = 0; pass < LENGTH(passes); pass++) {
            const float *from = x + data->parts[part].rows[3] * PICTURE;

            net_data_pack(data, (enum net_part)part, &passes[pass], &(long){3}, 1, batch);
            for (int k = 0; k < PICTURE; k++)
                ck_assert_float_eq(batch->x[0][k], (from[k] - 2) / 4);
        }
    net_data_close(data);
    free(batch);
}
END_TEST

/* ---- noise ----------------------------------------------------------------------------------- */

START_TEST(noisy_rows)
{
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(3, sizeof *batch);
    const struct net_mode mode = training_mode(0), next = training_mode(1);
    const struct net_mode predict = {.kind = NET_MODE_PREDICT};
    double sum = 0, squares = 0, fourths = 0;
    const long row = 11, other = 12;
    struct fixture f;

    make_pictures(&f, x, y);
    set_steps(&f, &noise, 1);
    struct net_data *data = open_model(&f);

    net_data_pack(data, NET_TRAIN, &mode, &row, 1, &batch[0]);
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
    ck_assert_int_lt(abs(beyond - 708), 110); /* 0.0027 of them */
    net_normals(normals + 7, 5, (const uint32_t[]){1, 2}, 3, 4, NET_RANDOM_ROW_NOISE);
    ck_assert_mem_eq(normals, normals + 7, 5 * sizeof *normals);
    free(normals);
}
END_TEST

/* The noise is added before the picture moves: its target follows without any. */
START_TEST(noisy_rows_move)
{
    static const struct net_call flips[] = {
        {.name = "random_flip", .args = always, .arg_count = 1}};
    float x[PICTURES * PICTURE], y[PICTURES] = {0};
    struct batch *batch = net_allocate(1, sizeof *batch);
    const struct net_mode mode = training_mode(9);
    struct fixture f;
    double squares = 0;

    make_pictures(&f, x, y);
    set_steps(&f, &noise, 1);
    f.fields[1] = f.fields[0];
    f.fields[1].name = "clean", f.fields[1].kind = NET_TARGET_VALUES, f.fields[1].moved_with = 1;
    f.fields[1].step_count = 0;
    set_augments(&f.fields[0], flips, 1);
    set_augments(&f.fields[1], flips, 1);
    struct net_data *data = open_model(&f);

    net_data_pack(data, NET_TRAIN, &mode, &(long){0}, 1, batch);
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

TCase *augment_test(void)
{
    const TTest *const tests[] = {
        moved_pictures,  views_move_apart, moved_classes,   draws_follow_rows,
        erased_pictures, noisy_rows,       noisy_rows_move,
    };
    TCase *augmented = tcase_create("augmented");

    tcase_add_loop_test(augmented, normalized_everywhere, 0, 2); /* floats, bytes */
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(augmented, tests[i]);
    return augmented;
}
