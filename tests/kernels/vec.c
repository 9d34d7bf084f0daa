/*
 * vec.c -- the functions of vec_math.h against libm in double, and the random draws' distribution.
 *
 * The one idea: here vec.h is emulated, so this needs no particular processor; that the other
 * targets give the same bits is what the suites of kernels show.
 */

#include <check.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/activation.h"
#include "kernels/loss.h"

/* ---- Accuracy -------------------------------------------------------------------------------- */

static vec sine_of_turns(vec x)
{
    vec sine, cosine;

    vec_sin_cos_turns(x, &sine, &cosine);
    return sine;
}

static vec cosine_of_turns(vec x)
{
    vec sine, cosine;

    vec_sin_cos_turns(x, &sine, &cosine);
    return cosine;
}

static vec selu(vec x)
{
    return net_elu(x, 1.67326324f, 1.05070099f);
}

static double exact_sine(double x)
{
    return sin(2 * acos(-1) * x);
}

static double exact_cosine(double x)
{
    return cos(2 * acos(-1) * x);
}

static double exact_selu(double x)
{
    return 1.0507009873554805 * (x > 0 ? x : 1.6732632423543773 * expm1(x));
}

static double exact_softplus(double x)
{
    return fmax(x, 0) + log1p(exp(-fabs(x)));
}

/* Errors are in units of the last place; where results come near 0 by cancelling, of that of
   `least`. */
static const struct {
    const char *name;
    vec (*function)(vec x);
    double (*exact)(double x);
    double from, to;
    double least, allowed;
} functions[] = {
    {"expm1", vec_expm1, expm1, -20, 0, 0, 2},
    {"expm1 near 0", vec_expm1, expm1, -1e-3, 0, 0, 2},
    {"log1p", vec_log1p, log1p, 0, 2, 0, 2},
    {"log1p near 0", vec_log1p, log1p, 0, 1e-6, 0, 2},
    {"sine", sine_of_turns, exact_sine, 0, 0.99999994, 0.05, 2},
    {"cosine", cosine_of_turns, exact_cosine, 0, 0.99999994, 0.05, 2},
    {"exp", net_exp, exp, -86.5, 88.7, 0, 2},
    {"exp near 0", net_exp, exp, -1e-3, 1e-3, 0, 2},
    {"log", net_log, log, 1e-6, 4, 0, 2},
    {"log of large", net_log, log, 1, 3e38, 0, 2},
    {"log of small", net_log, log, 1.2e-38, 1e-30, 0, 2},
    {"sin", net_sin, sin, -7, 7, 0, 2},
    {"sin of large", net_sin, sin, 1e5, 3e5, 0, 2},
    {"sin of very large", net_sin, sin, 1e7, 3e38, 0, 2},
    {"cos", net_cos, cos, -7, 7, 0, 2},
    {"cos of large", net_cos, cos, -3e5, -1e5, 0, 2},
    {"selu", selu, exact_selu, -10, 10, 0, 4},
    {"softplus", net_softplus, exact_softplus, -30, 30, 0, 4},
};

START_TEST(functions_are_exact_to_a_few_places)
{
    enum { COUNT = 100000 };
    const double from = functions[_i].from, step = (functions[_i].to - from) / (COUNT - 1);
    double worst = 0, at = 0;

    for (int i = 0; i < COUNT; i += 16) {
        _Alignas(64) float x[16], y[16];

        for (int k = 0; k < 16; k++)
            x[k] = (float)(from + step * (i + k < COUNT ? i + k : 0));
        vec_store(y, functions[_i].function(vec_load(x)));
        for (int k = 0; k < 16; k++) {
            const double exact = functions[_i].exact((double)x[k]);
            const double size = fmax(fmax(fabs(exact), functions[_i].least), FLT_MIN);
            const double place = ldexp(1, ilogb(size) - 23);
            const double error = fabs((double)y[k] - exact) / place;

            if (!(error <= worst))
                worst = error, at = (double)x[k];
        }
    }
    ck_assert_msg(worst <= functions[_i].allowed, "%s: %.2f last places at %.9g",
                  functions[_i].name, worst, at);
}
END_TEST

/* Padding lanes hold +0: what has a value of 0 there must have the bits of +0. */
START_TEST(zero_stays_zero)
{
    const vec zero = vec_zero();
    const vec results[] = {
        net_elu(zero, 1, 1),
        net_elu_grad(zero, zero, 1, 1),
        net_gelu(zero),
        net_gelu_grad(zero, zero),
        net_softplus_grad(zero, zero),
        net_softsign(zero),
        net_softsign_grad(zero, zero),
        net_hardswish(zero),
        net_hardswish_grad(zero, zero),
        net_hardsigmoid_grad(zero, zero),
        net_sin(zero),
        net_cos_grad(zero, zero),
        net_reciprocal_grad(zero, zero),
        net_clamp_grad(zero, zero, -1, 1),
        net_maximum(zero, zero),
        net_maximum_grad(zero, zero, zero),
    };

    for (size_t i = 0; i < sizeof results / sizeof *results; i++) {
        const net_u32 bits = vec_bits(results[i]);

        for (int k = 0; k < 16; k++)
            ck_assert_msg(bits[k] == 0, "function %zu gives bits %x of +0", i, bits[k]);
    }
}
END_TEST

/* ---- What is not a number -------------------------------------------------------------------- */

static vec elu_grad(vec x)
{
    return net_elu_grad(x, vec_set(1.0f), 1.0f, 1.0f);
}

static vec gelu_grad(vec x)
{
    return net_gelu_grad(x, vec_set(1.0f));
}

static vec softplus_grad(vec x)
{
    return net_softplus_grad(x, vec_set(1.0f));
}

static vec clamp(vec x)
{
    return net_clamp(x, -1, 1);
}

static vec larger(vec x)
{
    return net_maximum(x, vec_set(1.0f));
}

static vec larger_than(vec x)
{
    return net_maximum(vec_set(INFINITY), x);
}

static vec relu(vec x)
{
    return vec_max(vec_zero(), x);
}

static vec huber(vec x)
{
    return vec_huber(x, 0.5f);
}

static vec huber_grad(vec x)
{
    return vec_huber_grad(x, 0.5f);
}

static vec binary_logit(vec x)
{
    return vec_binary_cross_entropy(x, vec_zero(), vec_exp(vec_sub(vec_zero(), vec_abs(x))));
}

static vec binary_target(vec x)
{
    return vec_binary_cross_entropy(vec_zero(), x, vec_set(1.0f));
}

START_TEST(nan_stays_nan)
{
    static const struct {
        const char *name;
        vec (*function)(vec x);
    } all[] = {
        {"exp", vec_exp},
        {"expm1", vec_expm1},
        {"log", vec_log},
        {"log1p", vec_log1p},
        {"sigmoid", vec_sigmoid},
        {"tanh", vec_tanh},
        {"abs", vec_abs},
        {"sqrt", vec_sqrt},
        {"sine", sine_of_turns},
        {"cosine", cosine_of_turns},
        {"relu", relu},
        {"selu", selu},
        {"gelu", net_gelu},
        {"softplus", net_softplus},
        {"hardswish", net_hardswish},
        {"hardsigmoid", net_hardsigmoid},
        {"its own exp", net_exp},
        {"its own log", net_log},
        {"sin", net_sin},
        {"cos", net_cos},
        {"clamp", clamp},
        {"maximum", larger},
        {"maximum of infinity", larger_than},
        {"elu_grad", elu_grad},
        {"gelu_grad", gelu_grad},
        {"softplus_grad", softplus_grad},
        {"huber", huber},
        {"huber_grad", huber_grad},
        {"binary_cross_entropy", binary_logit},
        {"its target", binary_target},
    };
    static const uint32_t nans[] = {0x7fc00000, 0xffc00000, 0x7fc00001, 0xffffffff,
                                    0x7fffffff, 0x7fc0ffff, 0x7f800001};

    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        for (size_t k = 0; k < sizeof nans / sizeof *nans; k++) {
            const net_u32 y = vec_bits(all[i].function(vec_from_bits((net_u32){0} + nans[k])));

            for (int lane = 0; lane < 16; lane++)
                ck_assert_msg((y[lane] & 0x7fffffffu) > 0x7f800000u, "%s of NaN %x is %x",
                              all[i].name, nans[k], y[lane]);
        }
}
END_TEST

/* ---- Where functions have no finite value ---------------------------------------------------- */

static vec reciprocal(vec x)
{
    return vec_div(vec_set(1.0f), x);
}

START_TEST(ends_are_ieee)
{
    static const struct {
        const char *name;
        vec (*function)(vec x);
        float x, y; /* NAN is any */
    } ends[] = {
        {"exp", net_exp, 88.8f, INFINITY},
        {"exp", net_exp, INFINITY, INFINITY},
        {"exp", net_exp, -90, 0},
        {"exp", net_exp, -INFINITY, 0},
        {"exp", net_exp, 0, 1},
        {"log", net_log, 0, -INFINITY},
        {"log", net_log, INFINITY, INFINITY},
        {"log", net_log, -1, NAN},
        {"log", net_log, -INFINITY, NAN},
        {"log", net_log, 1, 0},
        {"sin", net_sin, INFINITY, NAN},
        {"cos", net_cos, -INFINITY, NAN},
        {"cos", net_cos, 0, 1},
        {"reciprocal", reciprocal, 0, INFINITY},
        {"clamp", clamp, INFINITY, 1},
        {"clamp", clamp, -INFINITY, -1},
        {"maximum", larger, -INFINITY, 1},
        {"maximum", larger, INFINITY, INFINITY},
        {"maximum", larger_than, 3, INFINITY},
    };

    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        _Alignas(64) float y[16];

        vec_store(y, ends[i].function(vec_set(ends[i].x)));
        for (int k = 0; k < 16; k++)
            ck_assert_msg(isnan(ends[i].y) ? isnan(y[k]) : y[k] == ends[i].y, "%s of %g is %g",
                          ends[i].name, (double)ends[i].x, (double)y[k]);
    }
}
END_TEST

/* One logit that is not a number, whichever it is: so are all shares, and the loss. */
START_TEST(nan_spoils_its_row)
{
    enum { CLASSES = 19 };
    static const _Alignas(64) float weight[32] = {1, 2, 3};
    const struct net_class_weights weights = {weight, 6, 0.9f, 0.1f / CLASSES};

    for (int at = 0; at < CLASSES; at++)
        for (int label = 0; label < CLASSES; label++) {
            _Alignas(64) float z[512] = {0}, p[512];
            float rest;

            z[at / 16 * 256 + at % 16] = at % 2 ? NAN : -NAN;
            ck_assert_float_nan(net_cross_entropy_row(p, &rest, z, label, CLASSES));
            ck_assert_float_nan(
                net_weighted_cross_entropy_row(p, &rest, z, label, &weights, CLASSES));
            net_softmax_row(p, z, CLASSES);
            for (int c = 0; c < CLASSES; c++)
                ck_assert_float_nan(p[c / 16 * 256 + c % 16]);
        }
}
END_TEST

/* ---- Sums ------------------------------------------------------------------------------------ */

/* Sixteen at once have the bits of one by one. */
START_TEST(sums_over_lanes_are_the_same)
{
    _Alignas(64) float rows[256], sums[16];

    for (int i = 0; i < 256; i++)
        rows[i] = ldexpf((float)((i * 7919 + _i) % 1009 - 504), i * 31 % 17);
    for (int count = 1; count <= 16; count++) {
        vec_store(sums, vec_sum_each(rows, count));
        for (int k = 0; k < 16; k++) {
            const float one = k < count ? vec_sum(vec_load(rows + 16 * k)) : 0.0f;

            ck_assert_msg(memcmp(&one, &sums[k], sizeof one) == 0, "sum %d of %d: %.9g for %.9g", k,
                          count, (double)sums[k], (double)one);
        }
    }
}
END_TEST

/* ---- Draws ----------------------------------------------------------------------------------- */

enum { ROWS = 256, ELEMENTS = 4096 };

/* Sixteen draws at once are those of net_philox. */
START_TEST(draws_are_philox)
{
    static const struct {
        uint32_t key[2], element, step, group, time, purpose;
    } cases[] = {
        {{0, 0}, 0, 1, 0, 0, NET_RANDOM_DROPOUT},
        {{5, 9}, 112, 1, 3, 7, NET_RANDOM_DROPOUT + 2},
        {{0xffffffff, 0x80000001}, 0xfffffff8, 125, 0xffffffff, 0xfffffffe, NET_RANDOM_NOISE},
        {{0x12345678, 0x9abcdef0}, 7999, 784, 1023, 65537, NET_RANDOM_NOISE + 9},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct net_draws draws = net_begin_draws(
            cases[i].key, cases[i].element, cases[i].step, cases[i].time, cases[i].purpose);
        net_u32 draw[4];

        net_draw(draw, &draws, cases[i].group);
        for (uint32_t lane = 0; lane < 16; lane++) {
            uint32_t word[4];

            net_philox(word, cases[i].key, cases[i].element + cases[i].step * lane, cases[i].group,
                       cases[i].time, cases[i].purpose);
            for (int k = 0; k < 4; k++)
                ck_assert_uint_eq(draw[k][lane], word[k]);
        }
    }
}
END_TEST

/* Dropout keeps what net_dropout_draw says, whatever group of images comes first, and drops p of a
   million elements within five standard errors. */
START_TEST(dropout_is_drawn)
{
    static const double rates[] = {0.0, 0.025, 0.5, 0.9, 0.999999};
    const uint32_t key[2] = {5, 0x80000009}, stream = 2, step = 7;

    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        const uint32_t threshold = net_dropout_threshold(rates[i]);
        const double p = (double)threshold / 65536.0, count = (double)ROWS * ELEMENTS;
        double dropped = 0;

        ck_assert_double_le(fabs(p - rates[i]), 0x1p-16);
        for (uint32_t element = 0; element < ELEMENTS; element += 16) {
            struct net_draws draws = net_begin_draws(key, element, 1, step,
                                                     NET_RANDOM_DROPOUT + stream);

            for (uint32_t turn = 0; turn < ROWS / 4; turn++) {
                const uint32_t group = element % 32 ? turn : ROWS / 4 - 1 - turn;
                vec keep[4];

                vec_dropout(keep, &draws, group, threshold, 2.0f);
                for (uint32_t k = 0; k < 4; k++) {
                    _Alignas(64) float x[16];

                    vec_store(x, keep[k]);
                    for (uint32_t lane = 0; lane < 16; lane++) {
                        const int kept = net_dropout_draw(key, element + lane, 4 * group + k, step,
                                                          stream) >= threshold;

                        ck_assert_float_eq(x[lane], kept ? 2.0f : 0.0f);
                        dropped += !kept;
                    }
                }
            }
        }
        ck_assert_double_le(fabs(dropped - p * count), 5 * sqrt(p * (1 - p) * count));
    }
}
END_TEST

/* Mean, variance, skew and kurtosis of a million draws, and how many lie far out; neighbours, which
   share a radius, and steps are independent. Bounds are five standard errors. */
START_TEST(noise_is_normal)
{
    const uint32_t key[2] = {5, 9};
    const double count = (double)ROWS * ELEMENTS;
    double sum[5] = {0}, pairs = 0, steps = 0, beyond[3] = {0};
    static const double far[3] = {2, 3, 4}, share[3] = {4.550026e-2, 2.699796e-3, 6.334248e-5};

    for (uint32_t group = 0; group < ROWS / 4; group++) {
        for (uint32_t element = 0; element < ELEMENTS; element += 16) {
            _Alignas(64) float x[4][16], later[4][16];
            const struct net_draws first = net_begin_draws(key, element, 1, 7,
                                                           NET_RANDOM_NOISE + 2);
            const struct net_draws second = net_begin_draws(key, element, 1, 8,
                                                            NET_RANDOM_NOISE + 2);
            vec noise[4], next[4];

            vec_gaussian_noise(noise, &first, group, 1.0f);
            vec_gaussian_noise(next, &second, group, 1.0f);
            for (int k = 0; k < 4; k++) {
                vec_store(x[k], noise[k]);
                vec_store(later[k], next[k]);
            }
            for (int i = 0; i < 64; i++) {
                const double d = (double)x[i / 16][i % 16];

                for (int power = 1; power < 5; power++)
                    sum[power] += pow(d, power) / count;
                for (int k = 0; k < 3; k++)
                    beyond[k] += fabs(d) > far[k];
                pairs += d * (double)x[i / 16 ^ 1][i % 16] / count;
                steps += d * (double)later[i / 16][i % 16] / count;
            }
        }
    }
    ck_assert_double_le(fabs(sum[1]), 5 * sqrt(1 / count));
    ck_assert_double_le(fabs(sum[2] - 1), 5 * sqrt(2 / count));
    ck_assert_double_le(fabs(sum[3]), 5 * sqrt(15 / count));
    ck_assert_double_le(fabs(sum[4] - 3), 5 * sqrt(96 / count));
    ck_assert_double_le(fabs(pairs), 5 * sqrt(2 / count)); /* each pair is there twice */
    ck_assert_double_le(fabs(steps), 5 * sqrt(1 / count));
    for (int k = 0; k < 3; k++)
        ck_assert_double_le(fabs(beyond[k] - share[k] * count), 5 * sqrt(share[k] * count));
}
END_TEST

Suite *suite_vec(void);

Suite *suite_vec(void)
{
    Suite *suite = suite_create("vec");
    TCase *tcase = tcase_create("vec");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, functions_are_exact_to_a_few_places, 0,
                        sizeof functions / sizeof *functions);
    tcase_add_test(tcase, zero_stays_zero);
    tcase_add_test(tcase, nan_stays_nan);
    tcase_add_test(tcase, ends_are_ieee);
    tcase_add_test(tcase, nan_spoils_its_row);
    tcase_add_loop_test(tcase, sums_over_lanes_are_the_same, 0, 8);
    tcase_add_test(tcase, noise_is_normal);
    tcase_add_test(tcase, draws_are_philox);
    tcase_add_test(tcase, dropout_is_drawn);
    suite_add_tcase(suite, tcase);
    return suite;
}
