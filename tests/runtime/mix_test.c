/*
 * mix_test.c -- rows that are mixed with others of their batch: mixup and cutmix.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/memory_data.h"

enum { HEIGHT = 7, WIDTH = 9, PLANE = HEIGHT * WIDTH, PICTURE = 2 * PLANE, PICTURES = 40 };

static struct net_mode training(uint32_t epoch)
{
    return (struct net_mode){NET_MODE_TRAIN, {3, 4}, epoch};
}

/* Every pixel of every picture is its own number, and the target a picture's. */
static struct net_data *open_pictures(struct fixture *f, float *x, float *y, bool bytes)
{
    static const double scale[] = {0.5, 2}, shift[] = {1, -3};
    static uint8_t small[PICTURES * PICTURE];
    struct net_data *data;

    for (int i = 0; i < PICTURES * PICTURE; i++) {
        small[i] = (uint8_t)(i % 251);
        x[i] = bytes ? (float)(small[i] * scale[i / PLANE % 2] + shift[i / PLANE % 2])
                     : (float)(i + 1);
    }
    for (int i = 0; i < PICTURES; i++)
        y[i] = (float)i;
    memory.x = x, memory.y = y, memory.bytes = bytes ? small : NULL;
    memory.rows = PICTURES, memory.size = PICTURE;
    make_model(f, 2, HEIGHT, WIDTH);
    f->model.mix = net_mix_rows;
    data = open_model(f);
    if (bytes) {
        struct net_prepared_column *prepared = &data->sources[NET_TRAIN].fields[0];

        memcpy(prepared->scale, scale, sizeof scale);
        memcpy(prepared->shift, shift, sizeof shift);
    }
    return data;
}

START_TEST(mixup_blends)
{
    static float x[PICTURES * PICTURE], y[PICTURES];
    const int n = 2 * _i + 32; /* 32 and 34 rows, and 33 below */
    struct fixture f;
    struct net_data *data = open_pictures(&f, x, y, _i);
    struct batch *batch = net_allocate(1, sizeof *batch + 64);
    long rows[PICTURES];

    f.model.mixup = 0.5;
    for (int i = 0; i < PICTURES; i++)
        rows[i] = i * 7 % PICTURES;
    for (uint32_t epoch = 0; epoch < 20; epoch++) {
        const int count = n - epoch % 2;
        const struct net_mode mode = training(epoch);

        net_data_pack(data, NET_TRAIN, &mode, rows, count, batch);
        const double share = (double)net_share(&f.model, batch);

        ck_assert_double_gt(share, 0);
        for (int i = 0; i < count; i++) {
            const float *own = x + rows[i] * PICTURE, *other = x + rows[count - 1 - i] * PICTURE;

            for (int p = 0; p < PICTURE; p++)
                ck_assert_double_eq_tol((double)batch->x[i][p],
                                        (1 - share) * (double)own[p] + share * (double)other[p],
                                        2e-3);
            ck_assert_double_eq_tol(
                (double)batch->y[i][0],
                (1 - share) * (double)rows[i] + share * (double)rows[count - 1 - i], 1e-5);
        }
    }
    net_data_pack(data, NET_TRAIN, NULL, rows, n, batch);
    ck_assert_double_eq((double)net_share(&f.model, batch), 0);
    ck_assert_mem_eq(batch->y[1], &(float){(float)rows[1]}, sizeof(float));
    net_data_close(data);
    free(batch);
}
END_TEST

/* Beta(a, a) has the mean 1/2 and the variance 1 / (8 a + 4); both ways of drawing. */
START_TEST(shares)
{
    static const double alphas[] = {0.2, 1, 4};
    static float x[PICTURES * PICTURE], y[PICTURES];
    struct fixture f;
    struct net_data *data = open_pictures(&f, x, y, false);
    struct batch *batch = net_allocate(1, sizeof *batch + 64);
    const double alpha = f.model.mixup = alphas[_i], variance = 1 / (8 * alpha + 4);
    const int draws = 4000;
    double sum = 0, squares = 0;

    for (int k = 0; k < draws; k++) {
        const struct net_mode mode = training((uint32_t)k);

        net_data_pack(data, NET_TRAIN, &mode, &(long){k % PICTURES}, 1, batch);
        const double away = (double)net_share(&f.model, batch) - 0.5;

        sum += away;
        squares += away * away;
    }
    ck_assert_double_eq_tol(sum / draws, 0, 4 * sqrt(variance / draws));
    ck_assert_double_eq_tol(squares / draws / variance, 1, 0.1);
    net_data_close(data);
    free(batch);
}
END_TEST

/* A box of the other picture, in all channels; its pixels are the share. */
START_TEST(cutmix_cuts)
{
    static float x[PICTURES * PICTURE], y[PICTURES];
    struct fixture f;
    struct net_data *data = open_pictures(&f, x, y, false);
    struct batch *batch = net_allocate(1, sizeof *batch + 64);
    const long rows[] = {3, 17, 30, 8};
    int blends = 0, nothing = 0;

    f.model.cutmix = 1;
    f.model.mixup = _i;
    for (uint32_t epoch = 0; epoch < 200; epoch++) {
        const struct net_mode mode = training(epoch);
        int pixels = 0, top = HEIGHT, bottom = -1, left = WIDTH, right = -1;
        bool cuts = true;

        net_data_pack(data, NET_TRAIN, &mode, rows, 4, batch);
        const double share = (double)net_share(&f.model, batch);

        for (int p = 0; p < PLANE; p++) {
            const float own = x[17 * PICTURE + p], its = x[30 * PICTURE + p];
            const bool taken = batch->x[1][p] == its;

            cuts &= taken || batch->x[1][p] == own;
            if (!taken || !cuts)
                continue;
            ck_assert(batch->x[1][PLANE + p] == x[30 * PICTURE + PLANE + p]);
            ck_assert(batch->x[2][p] == own);
            pixels++;
            top = p / WIDTH < top ? p / WIDTH : top, bottom = p / WIDTH;
            left = p % WIDTH < left ? p % WIDTH : left;
            right = p % WIDTH > right ? p % WIDTH : right;
        }
        blends += !cuts;
        nothing += share == 0;
        if (!cuts || share == 0)
            continue;
        ck_assert_int_eq(pixels, (bottom - top + 1) * (right - left + 1));
        ck_assert_double_eq_tol(share, pixels / (double)PLANE, 1e-6);
        ck_assert_double_eq_tol((double)batch->y[1][0], 17 + share * 13, 1e-5);
    }
    ck_assert_int_lt(nothing, 60); /* boxes that are less than 2 pixels wide or high */
    ck_assert_int_ge(blends, _i ? 70 : 0);
    ck_assert_int_le(blends, _i ? 130 : 0);
    net_data_close(data);
    free(batch);
}
END_TEST

TCase *mix_test(void)
{
    TCase *tcase = tcase_create("mixed");

    tcase_add_loop_test(tcase, mixup_blends, 0, 2);
    tcase_add_loop_test(tcase, shares, 0, 3);
    tcase_add_loop_test(tcase, cutmix_cuts, 0, 2);
    return tcase;
}
