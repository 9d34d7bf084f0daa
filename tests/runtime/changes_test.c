/*
 * changes_test.c -- steps of `augment` that change pixels, against formulas of their own: a plane
 * a + b x + c y stays one however it is turned, scaled and interpolated, so that every pixel that
 * comes from inside of the picture is known.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "data/changes/change.h"
#include "support/memory_data.h"

enum { CHANNELS = 3, TALL = 12, WIDE = 15, LOW = 9, NARROW = 10, DRAWN = 200 };

static const double shares[] = {.25, .2}, sizes[] = {.8, 1.5}, areas[] = {.08, 1};
static const double ratios[] = {.75, 4. / 3};
static float before[CHANNELS][TALL][WIDE], after[CHANNELS * TALL * WIDE];

/* At a place; pixel i is at i + 0.5. */
static double plane(int c, double y, double x)
{
    return 3 + c + .25 * x - .5 * y * (c + 1);
}

static struct net_change_at changing(const struct net_call *call, uint32_t row)
{
    for (int c = 0; c < CHANNELS; c++)
        for (int y = 0; y < TALL; y++)
            for (int x = 0; x < WIDE; x++)
                before[c][y][x] = (float)plane(c, y + .5, x + .5);
    return (struct net_change_at){.call = call,
                                  .from = &before[0][0][0],
                                  .to = after,
                                  .channels = CHANNELS,
                                  .from_height = TALL,
                                  .from_width = WIDE,
                                  .height = TALL,
                                  .width = WIDE,
                                  .seed = {5, 6},
                                  .number = 2,
                                  .row = row,
                                  .epoch = 1,
                                  .stream = 9};
}

/* Every pixel whose four neighbours are inside is the plane's at the place that it comes from;
   returns how many these are. */
static int check_plane(const struct net_change_at *at, const double map[2][3])
{
    int inside = 0;

    for (int c = 0; c < CHANNELS; c++)
        for (int i = 0; i < at->height; i++)
            for (int j = 0; j < at->width; j++) {
                const double x = map[0][0] * (j + .5) + map[0][1] * (i + .5) + map[0][2];
                const double y = map[1][0] * (j + .5) + map[1][1] * (i + .5) + map[1][2];

                if (x < .5 || x > WIDE - .5 || y < .5 || y > TALL - .5)
                    continue;
                ck_assert_double_eq_tol((double)after[(c * at->height + i) * at->width + j],
                                        plane(c, y, x), 1e-5);
                inside++;
            }
    return inside;
}

/* By the drawn angle and size, about the middle, then moved. */
static void check_turned(const struct net_change_at *at, double angle, double scale, double y,
                         double x)
{
    const double c = cos(angle) / scale, s = sin(angle) / scale;
    const double mx = WIDE / 2.0 + x, my = TALL / 2.0 + y;
    const double map[2][3] = {{c, -s, WIDE / 2.0 - c * mx + s * my},
                              {s, c, TALL / 2.0 - s * mx - c * my}};

    ck_assert_int_gt(check_plane(at, map), CHANNELS * TALL * WIDE / 4);
}

START_TEST(turned)
{
    static const struct net_arg degrees[] = {{.name = "degrees", .number = 40}};
    static const struct net_call call = {
        .name = "random_rotation", .args = degrees, .arg_count = 1};
    double least = 1, most = -1;

    for (uint32_t row = 0; row < DRAWN; row++) {
        const struct net_change_at at = changing(&call, row);
        uint32_t word[4];

        net_change_draw(word, &at, 0);
        const double angle = (2 * net_change_unit(word[0]) - 1) * 40 * acos(-1.0) / 180;

        net_change_random_rotation.apply(&at);
        check_turned(&at, angle, 1, 0, 0);
        least = fmin(least, angle), most = fmax(most, angle);
    }
    ck_assert(least < -.6 && most > .6 && net_change_random_rotation.moves);
}
END_TEST

START_TEST(moved_and_scaled)
{
    static const struct net_arg args[] = {{.name = "degrees", .number = 0},
                                          {.name = "translate", .list = shares, .count = 2},
                                          {.name = "scale", .list = sizes, .count = 2}};
    static const struct net_call call = {.name = "random_affine", .args = args, .arg_count = 3};

    for (uint32_t row = 0; row < DRAWN; row++) {
        const struct net_change_at at = changing(&call, row);
        uint32_t word[4];

        net_change_draw(word, &at, 0);
        net_change_random_affine.apply(&at);
        check_turned(&at, 0, .8 + .7 * net_change_unit(word[1]),
                     (2 * net_change_unit(word[2]) - 1) * .25 * TALL,
                     (2 * net_change_unit(word[3]) - 1) * .2 * WIDE);
    }
}
END_TEST

/* So small that all but the middle comes from far beyond the picture. */
START_TEST(far_away)
{
    static const double tiny[] = {1e-30, 1e-30};
    static const struct net_arg args[] = {{.name = "degrees", .number = 1e30},
                                          {.name = "translate", .number = 1},
                                          {.name = "scale", .list = tiny, .count = 2}};
    static const struct net_call call = {.name = "random_affine", .args = args, .arg_count = 3};
    const struct net_change_at at = changing(&call, 1);

    net_change_random_affine.apply(&at);
    for (int i = 0; i < CHANNELS * TALL * WIDE; i++)
        ck_assert_double_eq((double)after[i], 0);
}
END_TEST

/* A part of 8% to 100% of the area whose sides are as 3 to 4 or 4 to 3 at most, made smaller. */
START_TEST(cut_out)
{
    static const struct net_arg args[] = {{.name = "height", .number = LOW},
                                          {.name = "width", .number = NARROW},
                                          {.name = "scale", .list = areas, .count = 2},
                                          {.name = "ratio", .list = ratios, .count = 2}};
    static const struct net_call call = {
        .name = "random_resized_crop", .args = args, .arg_count = 4};
    double shares = 0;

    for (uint32_t row = 0; row < DRAWN; row++) {
        struct net_change_at at = changing(&call, row);

        at.height = LOW, at.width = NARROW;
        net_change_random_resized_crop.apply(&at);
        /* of the plane's three channels: steps by x and by y, and a corner */
        const double by_x = (double)(after[5 * NARROW + 6] - after[5 * NARROW + 5]) / .25;
        const double by_y = (double)(after[6 * NARROW + 5] - after[5 * NARROW + 5]) / -.5;
        const double width = by_x * NARROW, height = by_y * LOW, ratio = width / height;
        const double middle = (double)after[5 * NARROW + 5] - 3;

        ck_assert_double_eq_tol(width, round(width), 1e-3);
        ck_assert_double_eq_tol(height, round(height), 1e-3);
        ck_assert(width > .999 && height > .999 && width < WIDE + .001 && height < TALL + .001);
        ck_assert(ratio > .6 && ratio < 1.7); /* of rounded sides */
        ck_assert(middle > -.5 * TALL && middle < .25 * WIDE);
        shares += width * height / (TALL * WIDE) / DRAWN;
    }
    ck_assert_double_eq_tol(shares, .46, .1); /* large ones do not always fit */
}
END_TEST

START_TEST(upside_down)
{
    static const struct net_arg half[] = {{.name = "p", .number = .5}};
    static const struct net_call call = {
        .name = "random_vertical_flip", .args = half, .arg_count = 1};
    int over = 0;

    for (uint32_t row = 0; row < DRAWN; row++) {
        const struct net_change_at at = changing(&call, row);

        net_change_random_vertical_flip.apply(&at);
        const bool turned = after[0] != before[0][0][0];

        for (int c = 0; c < CHANNELS; c++)
            for (int y = 0; y < TALL; y++)
                ck_assert_mem_eq(after + (c * TALL + y) * WIDE,
                                 before[c][turned ? TALL - 1 - y : y], sizeof before[0][0]);
        over += turned;
    }
    ck_assert_int_lt(abs(over - DRAWN / 2), 30);
}
END_TEST

/* Classes are those of one pixel, beyond the picture what stands for none. */
START_TEST(turned_classes)
{
    static const struct net_arg degrees[] = {{.name = "degrees", .number = 45}};
    static const struct net_call call = {
        .name = "random_rotation", .args = degrees, .arg_count = 1};
    int32_t classes[TALL][WIDE], turned[TALL][WIDE];
    int beyond = 0;

    for (int i = 0; i < TALL * WIDE; i++)
        classes[i / WIDE][i % WIDE] = 1000000000 + i;
    for (uint32_t row = 0; row < DRAWN; row++) {
        struct net_change_at at = changing(&call, row);

        at.from = (const float *)&classes[0][0];
        at.to = (float *)&turned[0][0];
        at.channels = 1, at.classes = true, at.outside = 0xFF;
        net_change_random_rotation.apply(&at);
        for (int i = 0; i < TALL * WIDE; i++) {
            const int32_t class = turned[i / WIDE][i % WIDE];

            ck_assert(class == -1 || (class >= 1000000000 && class < 1000000000 + TALL * WIDE));
            beyond += class == -1;
        }
        ck_assert_int_eq(turned[TALL / 2][WIDE / 2], classes[TALL / 2][WIDE / 2]);
    }
    ck_assert_int_gt(beyond, DRAWN * 5);
}
END_TEST

/* Without saturation all channels are grey; contrast keeps the mean of grey; brightness scales. */
START_TEST(colours)
{
    static const struct net_arg args[] = {{.name = "brightness", .number = .4},
                                          {.name = "contrast", .number = .3},
                                          {.name = "saturation", .number = .6}};
    static const struct net_call call = {.name = "color_jitter", .args = args, .arg_count = 3};
    static const double weights[] = {.299, .587, .114};

    for (uint32_t row = 0; row < DRAWN; row++) {
        struct net_change_at at = changing(&call, row);
        double mean = 0, changed = 0;
        uint32_t word[4];

        memcpy(after, before, sizeof before);
        net_change_draw(word, &at, 0);
        const double bright = 1 + .4 * (2 * net_change_unit(word[0]) - 1);
        const double contrast = 1 + .3 * (2 * net_change_unit(word[1]) - 1);
        const double saturation = 1 + .6 * (2 * net_change_unit(word[2]) - 1);

        net_change_color_jitter.apply(&at);
        for (int i = 0; i < TALL * WIDE; i++)
            for (int c = 0; c < CHANNELS; c++) {
                mean += weights[c] * (double)(&before[c][0][0])[i] / (TALL * WIDE);
                changed += weights[c] * (double)after[c * TALL * WIDE + i] / (TALL * WIDE);
            }
        ck_assert_double_eq_tol(changed, bright * mean, 1e-4 * fabs(mean) + 1e-5);
        const double apart = (double)after[0] - (double)after[TALL * WIDE];
        const double was = (double)before[0][0][0] - (double)before[1][0][0];

        ck_assert_double_eq_tol(apart, bright * contrast * saturation * was, 1e-5);
    }
}
END_TEST

TCase *changes_test(void)
{
    const TTest *const tests[] = {far_away,    turned,         moved_and_scaled, cut_out,
                                  upside_down, turned_classes, colours};
    TCase *changes = tcase_create("changes");

    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(changes, tests[i]);
    return changes;
}
