/*
 * training.c -- optimizers against PyTorch's numbers, initial values by their statistics, penalties
 * and norms by their bits. Schedules are in schedules.c.
 */

#define _GNU_SOURCE

#include <check.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "support/length.h"
#include "support/tiny_model.h"

TCase *schedule_tests(void); /* schedules.c */

/* ---- optimizers: nine steps (radam changes after the fifth), torch.optim in double ---------- */

static const struct {
    const char *flags;
    double w[3];
} torch[] = {
    {"--lr 0.1 --momentum 0 --weight-decay 0", {-0.85, -1.34, 1.964}},
    {"--lr 0.1 --momentum 0 --weight-decay 0.05", {-0.85421177, -1.288978756, 1.876196022}},
    {"--lr 0.1 --momentum 0.9 --weight-decay 0", {-3.585682117, -0.835682117, 1.89867844}},
    {"--lr 0.1 --momentum 0.9 --weight-decay 0.05", {-3.576426799, -0.674242723, 1.564211753}},
    {"--lr 0.1 --momentum 0.9 --nesterov --weight-decay 0.05",
     {-4.453846485, -0.799826536, 1.493133109}},
    {"--optimizer adam --lr 0.01", {0.411768463, -1.209559887, 1.928308381}},
    {"--optimizer adam --lr 0.01 --beta1 0.8 --beta2 0.95 --eps 1e-3 --weight-decay 0.05",
     {0.408291024, -1.213407313, 1.908670523}},
    {"--optimizer adamw", {0.491132199, -1.245843772, 1.992651083}},
    {"--optimizer adamw --lr 0.01 --beta1 0.8 --weight-decay 0.5",
     {0.385576294, -1.166739844, 1.83353773}},
    {"--optimizer nadam", {0.481133064, -1.251120712, 1.982323199}},
    {"--optimizer nadam --lr 0.05 --beta1 0.8 --beta2 0.95 --eps 1e-4 --weight-decay 0.05 "
     "--momentum-decay 0.1",
     {-0.020063492, -1.25375045, 1.556271448}},
    {"--optimizer radam", {0.496728002, -1.247606326, 1.99980987}},
    {"--optimizer radam --lr 0.05 --beta1 0.8 --beta2 0.95 --eps 1e-4 --weight-decay 0.05",
     {0.277171908, -1.131099479, 1.919683457}},
    {"--optimizer radam --lr 0.05 --beta1 0.8 --beta2 0.5 --eps 1e-4 --weight-decay 0.05",
     {0.01192646, -1.137554119, 1.943860566}},
    {"--optimizer adamax", {0.487436973, -1.243492179, 1.991094429}},
    {"--optimizer adamax --lr 0.05 --beta1 0.8 --beta2 0.95 --eps 1e-4 --weight-decay 0.05",
     {0.164339811, -1.086658484, 1.586155071}},
    {"--optimizer adagrad", {0.435854876, -1.249670145, 1.941186016}},
    {"--optimizer adagrad --lr 0.1 --lr-decay 0.2 --weight-decay 0.05 --eps 1e-3 "
     "--initial-accumulator 0.3",
     {0.159875525, -1.162724706, 1.88297928}},
    {"--optimizer rmsprop", {-0.144008787, -1.249655816, 1.409810084}},
    {"--optimizer rmsprop --alpha 0.9 --momentum 0.5 --weight-decay 0.05",
     {0.118475118, -1.20825085, 1.680671701}},
    {"--optimizer rmsprop --centered --eps 1e-4", {-0.155343277, -1.248617817, 1.418916947}},
    {"--optimizer rmsprop --centered --momentum 0.9 --eps 1e-4",
     {-2.238813366, -0.516506209, -0.223490485}},
    {"--optimizer adadelta", {0.442216794, -1.255244099, 1.953223029}},
    {"--optimizer adadelta --lr 2 --rho 0.8 --eps 1e-3 --weight-decay 0.05",
     {-2.001775948, -1.427223655, 0.743793303}},
};

START_TEST(optimizers_agree_with_pytorch)
{
    _Alignas(64) float w[16] = {0.5f, -1.25f, 2.0f}, g[16] = {0}, state[48] = {0};
    struct net_options options;
    struct net_step_scalars scalars = {.stride = 16};

    read_options(&options, &tiny_model, torch[_i].flags);
    const struct net_optimizer *optimizer = net_find_optimizer(&options);

    net_flush_denormals();
    for (int i = 0; i < 3; i++)
        state[i] = (float)options.value[NET_INITIAL_ACCUMULATOR].number;
    for (int t = 0; t < 9; t++) {
        g[0] = 0.3f * (float)(t + 1), g[1] = -0.7f + 0.2f * (float)t, g[2] = 0.01f * (float)t;
        net_set_step_scalars(&scalars, optimizer, &options, options.value[NET_LR].number,
                             (uint64_t)t);
        optimizer->variant(&options).update(w, g, state, 16, &scalars);
    }
    for (int i = 0; i < 3; i++)
        ck_assert_double_eq_tol((double)w[i], torch[_i].w[i], 2e-6);
    for (int i = 3; i < 16; i++) {
        uint32_t bits;

        memcpy(&bits, &w[i], sizeof bits);
        ck_assert_uint_eq(bits, 0);
    }
    net_options_free(&options);
}
END_TEST

/* scalars.zero_is_noop: a gradient of 0 changes neither parameter nor state, and only then. */
static const char *const zero_flags[] = {
    "--momentum 0 --weight-decay 0",
    "--momentum 0 --weight-decay 0.1",
    "--momentum 0.9 --weight-decay 0",
    "--optimizer adagrad",
    "--optimizer adagrad --lr-decay 0.1 --initial-accumulator 0.5",
    "--optimizer adagrad --weight-decay 0.1",
    "--optimizer rmsprop",
    "--optimizer rmsprop --momentum 0.5",
    "--optimizer adadelta",
    "--optimizer adam",
    "--optimizer adamw",
    "--optimizer nadam",
    "--optimizer radam",
    "--optimizer adamax",
};

/* A gradient that is no number shows in the parameter: an update by a sign could hide it. */
START_TEST(diverged_gradient_shows)
{
    _Alignas(64) float w[16] = {0.5f}, g[16] = {NAN}, state[48] = {0};
    struct net_step_scalars scalars = {.stride = 16};
    struct net_options options;

    read_options(&options, &tiny_model, zero_flags[_i]);
    const struct net_optimizer *optimizer = net_find_optimizer(&options);

    net_set_step_scalars(&scalars, optimizer, &options, 0.1, 0);
    optimizer->variant(&options).update(w, g, state, 16, &scalars);
    ck_assert_float_nan(w[0]);
    net_options_free(&options);
}
END_TEST

START_TEST(zero_is_noop_is_true)
{
    _Alignas(64) float w[16] = {0.5f}, g[16] = {1}, state[48] = {0}, w1[16], state1[48];
    struct net_options options;
    struct net_step_scalars scalars = {.stride = 16};

    read_options(&options, &tiny_model, zero_flags[_i]);
    const struct net_optimizer *optimizer = net_find_optimizer(&options);

    net_set_step_scalars(&scalars, optimizer, &options, 0.1, 0);
    optimizer->variant(&options).update(w, g, state, 16, &scalars);
    memcpy(w1, w, sizeof w);
    memcpy(state1, state, sizeof state);
    g[0] = 0.0f;
    optimizer->variant(&options).update(w, g, state, 16, &scalars);
    ck_assert_int_eq(scalars.zero_is_noop,
                     !memcmp(w, w1, sizeof w) && !memcmp(state, state1, sizeof state));
    net_options_free(&options);
}
END_TEST

/* ---- init.c ---------------------------------------------------------------------------------- */

enum { OUT = 80, IN = 24, TAPS = 9, FAN_IN = IN * TAPS, FAN_OUT = OUT * TAPS };

static const struct net_segment inputs = {0, IN, TAPS, 0, 1};

/* A convolution's weight [80, 24, 3, 3], its blocks in panels of 3 and 2, or each alone. */
static struct net_tensor weight(const char *init, double scale, bool wide)
{
    return (struct net_tensor){
        .name = "w",
        .count = OUT * FAN_IN,
        .rank = 4,
        .shape = {OUT, IN, 3, 3},
        .kind = NET_WEIGHT,
        .panels = {wide, wide, wide ? 0 : 5},
        .segments = &inputs,
        .segment_count = 1,
        .trainable = true,
        .init = init,
        .init_scale = scale,
        .fan_in = FAN_IN,
        .fan_out = FAN_OUT,
    };
}

/* The logical elements, drawn with `seed`. */
static void draw(float *w, const char *init, double scale, bool wide, uint32_t seed)
{
    static const size_t size = OUT * FAN_IN * sizeof(float);
    const struct net_tensor tensor = weight(init, scale, wide);
    const struct net_model model = {.tensors = &tensor, .tensor_count = 1, .params_size = size};
    float *params = net_memory(size);

    net_init_params(&model, (uint32_t[]){seed, 0}, params);
    net_tensor_get(&tensor, params, w);
    free(params);
}

static const struct {
    const char *name;
    double deviation, limit; /* limit 0: none */
    double scale;            /* of the tensor; 0: none */
} initial[] = {
    {"zeros", 0, 1e-30, 0},
    {"kaiming_uniform", 0.03928371, 0.06804138, 0}, /* 1 / sqrt(216) */
    {"normal", 1, 0, 0},
    {"small_uniform", 0.02886751, 0.05, 0},
    {"small_normal", 0.05, 0, 0},
    {"small_normal", 0.02, 0, 0.02},
    {"small_uniform", 0.05773503, 0.1, 0.1},
    {"glorot_uniform", 0.04622502, 0.08006408, 0}, /* sqrt(6 / 936) */
    {"glorot_normal", 0.04622502, 0, 0},
    {"he_uniform", 0.09622504, 0.16666667, 0},
    {"he_normal", 0.09622504, 0, 0},
    {"lecun_uniform", 0.06804138, 0.11785113, 0},
    {"lecun_normal", 0.06804138, 0, 0},
    {"orthogonal", 0.06804138, 0, 0}, /* rows of length 1 */
};

START_TEST(initial_values_have_their_deviation)
{
    static float w[OUT * FAN_IN], same[OUT * FAN_IN], other[OUT * FAN_IN];
    const int n = OUT * FAN_IN;
    double sum = 0, square = 0, fourth = 0, top = 0;

    draw(w, initial[_i].name, initial[_i].scale, false, 5);
    draw(same, initial[_i].name, initial[_i].scale, true, 5);
    draw(other, initial[_i].name, initial[_i].scale, false, 6);
    ck_assert_mem_eq(w, same, sizeof w);
    ck_assert_int_eq(!memcmp(w, other, sizeof w), _i == 0);
    for (int i = 0; i < n; i++) {
        const double x = (double)w[i];

        sum += x;
        square += x * x;
        fourth += x * x * x * x;
        top = fmax(top, fabs(x));
    }
    const double deviation = initial[_i].deviation, limit = initial[_i].limit;
    ck_assert_double_eq_tol(sum / n, 0, 4 * deviation / sqrt(n) + 1e-30);
    ck_assert_double_eq_tol(sqrt(square / n), deviation, 0.02 * deviation + 1e-30);
    if (limit > 0 && deviation > 0) {
        ck_assert_double_le(top, limit * 1.000001);
        ck_assert_double_ge(top, limit * 0.999);
    } else if (deviation > 0) { /* a normal distribution's fourth moment is 3 */
        ck_assert_double_eq_tol(fourth * n / (square * square), 3, 0.15);
    }
}
END_TEST

START_TEST(orthogonal_rows)
{
    static float w[OUT * FAN_IN];

    draw(w, "orthogonal", 0, true, 3);
    for (int a = 0; a < OUT; a++)
        for (int b = 0; b <= a; b++) {
            double product = 0;

            for (int k = 0; k < FAN_IN; k++)
                product += (double)w[a * FAN_IN + k] * (double)w[b * FAN_IN + k];
            ck_assert_double_eq_tol(product, a == b, 1e-6);
        }
}
END_TEST

/* More outputs than inputs: the columns are orthonormal. */
START_TEST(orthogonal_columns)
{
    static const struct net_segment segment = {0, 5, 1, 0, 1};
    static const struct net_tensor tensor = {
        .name = "w",
        .count = 48 * 5,
        .rank = 2,
        .shape = {37, 5},
        .kind = NET_WEIGHT,
        .panels = {1, 0, 0},
        .segments = &segment,
        .segment_count = 1,
        .init = "orthogonal",
    };
    static const struct net_model model = {
        .tensors = &tensor, .tensor_count = 1, .params_size = 48 * 5 * sizeof(float)};
    _Alignas(64) static float params[48 * 5];
    float w[37 * 5];

    net_init_params(&model, (uint32_t[]){1, 0}, params);
    net_tensor_get(&tensor, params, w);
    for (int a = 0; a < 5; a++)
        for (int b = 0; b <= a; b++) {
            double product = 0;

            for (int k = 0; k < 37; k++)
                product += (double)w[k * 5 + a] * (double)w[k * 5 + b];
            ck_assert_double_eq_tol(product, a == b, 1e-6);
        }
}
END_TEST

/* ---- penalty.c ------------------------------------------------------------------------------- */

/* The penalty and the norm have the same bits for every cut of panels and number of threads; the
   gradient is the formula's. */
START_TEST(penalties_are_sums)
{
    static float w[OUT * FAN_IN], g[OUT * FAN_IN];
    double want = 0, square = 0, first = 0, norm = 0;

    draw(w, "he_normal", 0, false, 9);
    w[7] = 0.0f;
    for (int i = 0; i < OUT * FAN_IN; i++) {
        want += 0.25 * fabs((double)w[i]) + 0.125 * (double)w[i] * (double)w[i];
        g[i] = (float)(i % 7) - 2.0f;
    }
    for (int threads = 1; threads <= 3; threads++)
        for (int wide = 0; wide <= 1; wide++) {
            struct net_tensor tensor = weight("zeros", 0, wide);
            const struct net_model model = {.tensors = &tensor, .tensor_count = 1};
            struct net_session session = {.model = &model,
                                          .run.threads = threads,
                                          .penalized = true,
                                          .pool = net_threads_open(threads)};
            static float after[OUT * FAN_IN];

            tensor.l1 = 0.25;
            tensor.l2 = 0.125;
            net_sums_open(&session);
            session.run.params = net_memory(sizeof w);
            session.run.grads = net_memory(sizeof w);
            net_tensor_set(&tensor, session.run.params, w);
            net_tensor_set(&tensor, session.run.grads, g);
            const double alone = net_penalty(&session), sum = net_penalize(&session);
            const double length = net_gradient_norm(&session);

            ck_assert(net_has_penalties(&model));
            ck_assert_double_eq(alone, sum);
            ck_assert_double_eq_tol(sum, want, 1e-9 * want);
            net_tensor_get(&tensor, session.run.grads, after);
            square = 0;
            for (int i = 0; i < OUT * FAN_IN; i++) {
                const double sign = w[i] > 0 ? 1 : w[i] < 0 ? -1 : 0;

                ck_assert_double_eq_tol((double)after[i],
                                        (double)g[i] + 0.25 * sign + 0.25 * (double)w[i], 1e-6);
                square += (double)after[i] * (double)after[i];
            }
            ck_assert_double_eq_tol(length, sqrt(square), 1e-9 * length);
            if (threads == 1 && !wide)
                first = sum, norm = length;
            ck_assert(first == sum && norm == length);
            net_threads_close(session.pool);
            free(session.run.params);
            free(session.run.grads);
            free(session.sums);
        }
}
END_TEST

/* ---- settings.c ------------------------------------------------------------------------------ */

static const struct {
    const char *name;
    double lr, decay, eps;
} defaults[] = {
    {"adam", 1e-3, 0, 1e-8},    {"adamw", 1e-3, 1e-2, 1e-8}, {"adagrad", 1e-2, 0, 1e-10},
    {"rmsprop", 1e-2, 0, 1e-8}, {"adadelta", 1, 0, 1e-6},    {"nadam", 2e-3, 0, 1e-8},
    {"adamax", 2e-3, 0, 1e-8},  {"radam", 1e-3, 0, 1e-8},
};

START_TEST(another_optimizer_has_pytorchs_defaults)
{
    char *line = net_format("--optimizer %s", defaults[_i].name);
    struct net_options options;

    read_options(&options, &tiny_model, line);
    ck_assert_double_eq(options.value[NET_LR].number, defaults[_i].lr);
    ck_assert_double_eq(options.value[NET_WEIGHT_DECAY].number, defaults[_i].decay);
    ck_assert_double_eq(options.value[NET_EPS].number, defaults[_i].eps);
    ck_assert_double_eq(options.value[NET_MOMENTUM].number, 0); /* not the model's 0.9 */
    net_options_free(&options);
    free(line);
}
END_TEST

/* ---- averages: running statistics are parameters too, and padding stays +0 ------------------- */

START_TEST(averages_follow_parameters)
{
    struct net_model model = tiny_model;
    struct net_options options;
    struct net_session session;

    model.keys = "ema";
    model.averages = net_average;
    read_options(&options, &model, "--ema 0.75 --threads 3");
    net_session_open(&session, &options);
    float *w = session.run.params;
    const long count = (long)(model.params_size / sizeof(float));

    ck_assert_ptr_eq(net_averaged(&session), w); /* before the first step */
    for (session.run.step = 1; session.run.step <= 3; session.run.step++) {
        for (long i = 0; i < count; i++)
            w[i] = (float)(i % 1000) * (float)session.run.step;
        net_average(&session);
    }
    const float *a = net_averaged(&session);

    for (long i = 0; i < count; i++) /* 1, then 1 + 1/4, then 5/4 + 7/4 / 4 */
        ck_assert_float_eq(a[i], (float)(i % 1000) * 1.6875f);
    net_exchange_average(&session);
    ck_assert_ptr_eq(session.run.params, a);
    net_exchange_average(&session);
    ck_assert_ptr_eq(session.run.params, w);
    net_session_close(&session);
    net_options_free(&options);
}
END_TEST

Suite *suite_training(void)
{
    Suite *suite = suite_create("training");
    TCase *step_case = tcase_create("steps");
    TCase *init = tcase_create("init"), *sums = tcase_create("sums");

    tcase_add_loop_test(step_case, optimizers_agree_with_pytorch, 0, LENGTH(torch));
    tcase_add_loop_test(step_case, diverged_gradient_shows, 0, LENGTH(zero_flags));
    tcase_add_loop_test(step_case, zero_is_noop_is_true, 0, LENGTH(zero_flags));
    tcase_add_loop_test(step_case, another_optimizer_has_pytorchs_defaults, 0, LENGTH(defaults));
    tcase_add_loop_test(init, initial_values_have_their_deviation, 0, LENGTH(initial));
    tcase_add_test(init, orthogonal_rows);
    tcase_add_test(init, orthogonal_columns);
    tcase_add_test(sums, penalties_are_sums);
    tcase_add_test(sums, averages_follow_parameters);
    suite_add_tcase(suite, step_case);
    suite_add_tcase(suite, schedule_tests());
    suite_add_tcase(suite, init);
    suite_add_tcase(suite, sums);
    return suite;
}
