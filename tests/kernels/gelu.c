/*
 * gelu.c -- gelu and its gradient on all pieces of their tables, against libm in double: nowhere
 * further off than PyTorch's in float32.
 *
 * Bounds are the largest errors of PyTorch 2.13 over 2^20 numbers of each range, of its two ways,
 * with oneDNN and without, the smaller: python3 tests/pytorch/gelu_errors.py prints the rows.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>

#include "kernels/gelu.h"

Suite *suite_gelu(void);

static const struct {
    double from, to;
    int relative; /* errors are of the result */
    double gelu, gradient;
} ranges[] = {
    {-10, -6, 0, 5.92e-09, 9.87e-10},
    {-6, -5, 0, 8.28e-08, 1.54e-08},
    {-5, -4, 0, 1.19e-07, 2.99e-08},
    {-4, -3, 0, 2.60e-07, 8.84e-08},
    {-3, -2, 0, 2.56e-07, 1.12e-07},
    {-2, -1.5, 0, 1.52e-07, 1.10e-07},
    {-1.5, -1, 0, 8.88e-08, 1.36e-07},
    {-1, -0.5, 0, 3.87e-08, 1.70e-07},
    {-0.5, -0.25, 0, 2.15e-08, 2.37e-07},
    {-0.25, -0.125, 0, 9.01e-09, 2.28e-07},
    {-0.125, 0, 0, 4.10e-09, 2.80e-07},
    {0, 0.125, 0, 7.68e-09, 3.03e-07},
    {0.125, 0.25, 0, 1.66e-08, 2.50e-07},
    {0.25, 0.5, 0, 3.62e-08, 2.68e-07},
    {0.5, 1, 0, 8.78e-08, 2.25e-07},
    {1, 1.5, 0, 1.77e-07, 2.15e-07},
    {1.5, 2, 0, 2.51e-07, 1.87e-07},
    {2, 3, 0, 4.57e-07, 1.86e-07},
    {3, 4, 0, 4.70e-07, 1.75e-07},
    {4, 5, 0, 4.64e-07, 1.18e-07},
    {5, 6, 0, 4.49e-07, 1.04e-07},
    {6, 10, 0, 5.92e-09, 3.55e-08},
    {-0.25, -0.01, 1, 9.96e-08, 7.46e-07},
    {-0.01, -0.0001, 1, 1.03e-07, 5.02e-07},
    {-0.0001, -1e-06, 1, 1.04e-07, 3.37e-07},
    {-1e-29, -1e-30, 1, 0.00e+00, 0.00e+00},
    {0.01, 0.25, 1, 1.23e-07, 5.88e-07},
    {0.0001, 0.01, 1, 1.31e-07, 5.24e-07},
    {1e-06, 0.0001, 1, 1.32e-07, 3.72e-07},
    {1e-30, 1e-29, 1, 0.00e+00, 0.00e+00},
};

static double share_below(double x)
{
    return erfc(-x / sqrt(2)) / 2;
}

static double exact_gelu(double x)
{
    return x * share_below(x);
}

static double exact_gradient(double x)
{
    return share_below(x) + x * exp(-x * x / 2) / sqrt(2 * acos(-1));
}

static vec gradient(vec x)
{
    return net_gelu_grad(x, vec_set(1.0f));
}

/* PyTorch's numbers of range `at`, or each sixteenth of them: LONG takes all. */
static void check_range(int at, const char *name, vec (*function)(vec x), double (*exact)(double x),
                        double allowed)
{
    const int last = (1 << 20) - 1, step = getenv("LONG") ? 1 : 16;
    const double from = ranges[at].from, size = ranges[at].to - from;

    for (int i = 0; i <= last; i += 16 * step) {
        _Alignas(64) float x[16], y[16];

        for (int k = 0; k < 16; k++)
            x[k] = (float)(from + size * fmin(i + k * step, last) / last);
        vec_store(y, function(vec_load(x)));
        for (int k = 0; k < 16; k++) {
            const double want = exact((double)x[k]), error = fabs((double)y[k] - want);
            const double allowed_here = ranges[at].relative ? allowed * fabs(want) : allowed;

            ck_assert_msg(error <= allowed_here, "%s of %.9g is %.9g: %.3g off, PyTorch %.3g", name,
                          (double)x[k], (double)y[k], error, allowed_here);
        }
    }
}

START_TEST(errors_are_at_most_pytorch_s)
{
    check_range(_i, "gelu", net_gelu, exact_gelu, ranges[_i].gelu);
    check_range(_i, "its gradient", gradient, exact_gradient, ranges[_i].gradient);
}
END_TEST

/* Far from 0 they are those of relu. */
START_TEST(far_out_it_is_relu)
{
    static const float x[] = {-INFINITY, -3e38f, -1e10f, -7, 7, 1e10f, 3e38f, INFINITY};
    _Alignas(64) float y[16], slope[16];

    for (size_t i = 0; i < sizeof x / sizeof *x; i++) {
        vec_store(y, net_gelu(vec_set(x[i])));
        vec_store(slope, gradient(vec_set(x[i])));
        ck_assert_float_eq(y[0], x[i] > 0 ? x[i] : 0);
        ck_assert_float_eq(slope[0], x[i] > 0 ? 1 : 0);
    }
}
END_TEST

Suite *suite_gelu(void)
{
    Suite *suite = suite_create("gelu");
    TCase *tcase = tcase_create("gelu");

    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, errors_are_at_most_pytorch_s, 0, sizeof ranges / sizeof *ranges);
    tcase_add_test(tcase, far_out_it_is_relu);
    suite_add_tcase(suite, tcase);
    return suite;
}
