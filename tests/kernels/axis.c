/*
 * axis.c -- sums, means and extremes along axes: a whole network against the reference, and the
 * templates of axis.h called directly.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/axis.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_axis(void);

/* ---- Networks -------------------------------------------------------------------------------- */

/* Of one block of channels, of three, the last in part; of zeros that are alike, too. */
static const KernelCase cases[] = {
    {"axes", 33, 1, false, "input x[3, 5, 7] = x\n    input y[5, 21] = y", "[9] = t", "x, y",
     "    k = x -> conv2d(36, 3, padding=1)\n"
     "    h = y -> conv1d(19, 3)\n"
     "    b = k * (mean(k, axis=channels) -> sigmoid) - (k -> relu -> max(axis=channels))\n"
     "    c = b -> sum(axis=height) -> min(axis=channels) -> flatten\n"
     "    d = k -> min(axis=height) -> mean\n"
     "    e = k -> relu -> max(axis=width) -> sum\n"
     "    f = k - mean(k, axis=all) -> mean(axis=width) -> flatten\n"
     "    g = concat(b -> max(axis=all), k -> min(axis=all), y -> sum(axis=all), y -> min)\n"
     "    i = (h - (h -> min(axis=channels))) * (h -> sum) / (1 + sum(h, axis=all)) -> min\n"
     "    j = x -> mean(axis=height) -> max(axis=channels) -> flatten\n"
     "    l = concat(k -> logsumexp(axis=channels), x -> softmax(axis=height)) -> var(axis=width)\n"
     "    m = concat(h -> softmax(axis=length) -> logsumexp, k -> softmax(axis=width) -> "
     "var(axis=all))\n"
     "    n = concat(h -> logsumexp(axis=all), y -> softmax(axis=all) -> var(correction=0))\n"
     "    p, q, r = k -> split(3)\n"
     "    o = (p -> detach) * (q -> softmax(axis=[height, width])) -\n"
     "          mean(r, axis=[channels, height, width])\n"
     "    s = concat(o -> mean(axis=[height, width]), o -> max(axis=[width, height]), p -> "
     "var(axis=[\n"
     "          height, width]), q -> logsumexp(axis=[channels, width]) -> flatten)\n"
     "    t, u = x -> conv2d(4, [2, 1]) -> split(2, axis=height)\n"
     "    concat(c, d, e, f, g, i, j, l -> flatten, m, n, s, t - u -> flatten) -> dense(9)\n",
     "mse"},
};

START_TEST(networks)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* Or of sums of them. */
static bool is_of_squares(const Value *value)
{
    while (value->node && value->node->op == OP_AXIS_SUM)
        value = value->node->inputs[0];
    return value->node && value->node->op == OP_SQUARE;
}

/* Variances of numbers that are a million times as far from 0 as from each other: a mean that is
   rounded once leaves 1 to 10% of them wrong. */
START_TEST(far_from_0)
{
    static const KernelCase c = {"far from 0",
                                 2,
                                 1,
                                 false,
                                 "input farthest[40, 48] = x",
                                 "[9] = t",
                                 "farthest",
                                 "    a = farthest -> var\n"
                                 "    b = farthest -> var(axis=channels) -> flatten\n"
                                 "    concat(a, b, farthest -> var(axis=all)) -> dense(9)\n",
                                 "mse"};
    const char *targets[MAX_TARGETS];
    int variances = 0;

    find_targets(targets);
    Compiled compiled = plan_model(kernel_model(&c), targets[0]);

    start_clang(&compiled);
    load_model(&compiled);
    const Outcome outcome = check_step(&compiled, 2, true);

    for (int i = 0; i < outcome.distance_count; i++) {
        const Distance *d = &outcome.distances[i];
        const Node *node = d->value->node;

        if (!node || node->op != OP_AXIS_SUM || !is_of_squares(node->inputs[0]))
            continue;
        ck_assert_msg(d->most <= 1e-6, "a variance is %.2g off", d->most);
        variances++;
    }
    ck_assert_int_ge(variances, 4); /* axis=all goes along two */
}
END_TEST

/* ---- The templates --------------------------------------------------------------------------- */

enum { BLOCKS = 2 }; /* of batch */

#define AXIS(before_, size_, behind_, blocks_, channels_, across_)                                 \
    (struct net_axis)                                                                              \
    {                                                                                              \
        .batch_blocks = BLOCKS, .before = before_, .size = size_, .behind = behind_,               \
        .blocks = blocks_, .channels = channels_, .across = across_                                \
    }
#define ALONG(name, ...)                                                                           \
    static void name##_sum(float *y, const float *x, NET_RUN)                                      \
    {                                                                                              \
        net_axis_sum(y, x, AXIS(__VA_ARGS__), run, thread);                                        \
    }                                                                                              \
    static void name##_max(float *y, float *index, const float *x, NET_RUN)                        \
    {                                                                                              \
        net_axis_max(y, index, x, 1.0f, AXIS(__VA_ARGS__), run, thread);                           \
    }                                                                                              \
    static void name##_min(float *y, float *index, const float *x, NET_RUN)                        \
    {                                                                                              \
        net_axis_max(y, index, x, -1.0f, AXIS(__VA_ARGS__), run, thread);                          \
    }

ALONG(middle, 3, 70, 2, 2, 19, false)
ALONG(last, 6, 5, 1, 2, 32, false)
ALONG(channels, 1, 1, 4, 3, 35, true)

static const struct {
    void (*sum)(float *, const float *, NET_RUN);
    void (*extreme[2])(float *, float *, const float *, NET_RUN);
    int before, size, behind, channels;
    bool along_channels;
} axes[] = {
    {middle_sum, {middle_max, middle_min}, 3, 70, 2, 19, false},
    {last_sum, {last_max, last_min}, 6, 5, 1, 32, false},
    {channels_sum, {channels_max, channels_min}, 1, 1, 4, 35, true},
};

/* Element `at` of an axis, of what becomes channel c of a pixel. */
static float element(const TestValue *x, int axis, int image, int pixel, int c, int at)
{
    const int behind = axes[axis].behind;

    if (axes[axis].along_channels)
        return x->at[test_at(x, image, pixel, at)];
    return x->at[test_at(x, image,
                         (pixel / behind * axes[axis].size + at) * behind + pixel % behind, c)];
}

static void check_element(int axis, const TestValue *x, const TestValue y[3],
                          const TestValue index[2], const int at[3])
{
    const int size = axes[axis].along_channels ? axes[axis].channels : axes[axis].size;
    const long to = test_at(&y[0], at[0], at[1], at[2]);
    int first[2] = {0, 0};
    double sum = 0;

    for (int i = 0; i < size; i++) {
        const float is = element(x, axis, at[0], at[1], at[2], i);

        sum += (double)is;
        if (is > element(x, axis, at[0], at[1], at[2], first[0]))
            first[0] = i;
        if (is < element(x, axis, at[0], at[1], at[2], first[1]))
            first[1] = i;
    }
    ck_assert(fabs((double)y[2].at[to] - sum) <= 1e-6 * size);
    for (int i = 0; i < 2; i++) {
        ck_assert(index[i].at[to] == (float)first[i]);
        ck_assert(y[i].at[to] == element(x, axis, at[0], at[1], at[2], first[i]));
    }
}

/* Of a few numbers, so that many are alike, on one to three threads. */
START_TEST(template)
{
    const int pixels = axes[_i].before * axes[_i].behind;
    const int channels = axes[_i].along_channels ? 1 : axes[_i].channels;
    struct net_run run = {.n = 16 * BLOCKS};
    TestValue x = random_value(BLOCKS, pixels * axes[_i].size, axes[_i].channels, 1);

    for (int at = 0; at < run.n * x.pixels * x.channels; at++) {
        float *is = &x.at[test_at(&x, at / x.channels / x.pixels, at / x.channels % x.pixels,
                                  at % x.channels)];
        *is = roundf(*is * 4) / 4;
    }
    for (int threads = 1; threads <= 3; threads++) {
        TestValue y[3], index[2];

        for (int i = 0; i < 3; i++)
            y[i] = nan_value(BLOCKS, pixels, channels);
        for (int i = 0; i < 2; i++)
            index[i] = nan_value(BLOCKS, pixels, channels);
        ON_THREADS(&run, threads)
        {
            axes[_i].sum(y[2].at, x.at, &run, thread);
            for (int i = 0; i < 2; i++)
                axes[_i].extreme[i](y[i].at, index[i].at, x.at, &run, thread);
        }
        for (int i = 0; i < 3; i++)
            check_padding(&y[i], run.n, "axis");
        for (int at = 0; at < run.n * pixels * channels; at++)
            check_element(_i, &x, y, index,
                          (int[]){at / channels / pixels, at / channels % pixels, at % channels});
        for (int i = 0; i < 3; i++)
            free_value(&y[i]);
        for (int i = 0; i < 2; i++)
            free_value(&index[i]);
    }
    free_value(&x);
}
END_TEST

KernelCases axis_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

Suite *suite_axis(void)
{
    Suite *suite = suite_create("axis");
    TCase *t = tcase_create("template");

    add_cases(suite, networks, cases, COUNT(cases));
    tcase_add_loop_test(t, template, 0, COUNT(axes));
    tcase_add_test(t, far_from_0);
    suite_add_tcase(suite, t);
    return suite;
}
