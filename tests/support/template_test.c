/*
 * template_test.c -- values for the tests of kernel templates.
 */

#include "support/template_test.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/graph_test.h"

float *nan_floats(long count)
{
    float *at = aligned_alloc(64, (size_t)(count + 15) / 16 * 64);

    ck_assert_ptr_nonnull(at);
    for (long i = 0; i < count; i++)
        at[i] = NAN;
    return at;
}

TestValue nan_value(int batch_blocks, int pixels, int channels)
{
    TestValue v = {batch_blocks, pixels, channels, 0, NULL};

    v.count = (long)batch_blocks * pixels * ((channels + 15) / 16) * 256;
    v.at = nan_floats(v.count);
    return v;
}

TestValue random_value(int batch_blocks, int pixels, int channels, uint32_t seed)
{
    TestValue v = nan_value(batch_blocks, pixels, channels);
    long k = 0;

    memset(v.at, 0, (size_t)v.count * sizeof *v.at);
    for (int i = 0; i < 16 * batch_blocks; i++)
        for (int pixel = 0; pixel < pixels; pixel++)
            for (int c = 0; c < channels; c++)
                v.at[test_at(&v, i, pixel, c)] = (float)random_number(seed, k++);
    return v;
}

void free_value(TestValue *v)
{
    free(v->at);
    v->at = NULL;
}

long test_at(const TestValue *v, int image, int pixel, int channel)
{
    const long blocks = (v->channels + 15) / 16;
    const long block = ((long)(image / 16) * v->pixels + pixel) * blocks + channel / 16;

    return block * 256 + image % 16 * 16 + channel % 16;
}

double test_get(const TestValue *v, int image, int pixel, int channel)
{
    return (double)v->at[test_at(v, image, pixel, channel)];
}

void check_padding(const TestValue *v, int n, const char *what)
{
    const long batch_block = v->count / v->batch_blocks;

    for (long i = (n + 15) / 16 * batch_block; i < v->count; i++)
        ck_assert_msg(isnan(v->at[i]), "%s: float %ld is written, beyond %d images", what, i, n);
    for (int i = 0; i < n; i++)
        for (int pixel = 0; pixel < v->pixels; pixel++)
            for (int c = v->channels; c % 16 != 0; c++) {
                const float x = v->at[test_at(v, i, pixel, c)];

                ck_assert_msg(x == 0.0f && !signbit(x), "%s: padding of image %d is %g", what, i,
                              (double)x);
            }
}

void check_sums(const float *sums, const double *expected, int batch_blocks, int n,
                const char *what)
{
    for (int b = 0; b < batch_blocks; b++)
        if (16 * b < n)
            check_near((double)sums[b], expected[b], 1e-5, what);
        else
            ck_assert_msg(isnan(sums[b]), "%s: sum %d is written, beyond %d images", what, b, n);
}

void check_near(double a, double b, double allowed, const char *what)
{
    ck_assert_msg(fabs(a - b) <= allowed * (1 + fabs(b)), "%s: %.9g for %.9g", what, a, b);
}
