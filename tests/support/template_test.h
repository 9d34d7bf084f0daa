/*
 * template_test.h -- kernel templates called directly, beside a naive loop in double.
 *
 * The one idea: a value is made of `channels` random numbers for each pixel and image, padding
 * lanes +0; a result begins as NaN, so that what a kernel left out is no number.
 */

#ifndef TEMPLATE_TEST_H
#define TEMPLATE_TEST_H

#include "netrt.h"

/* Calls a kernel's instance for each of `count` threads; templates without barriers alone. */
#define ON_THREADS(run, count)                                                                     \
    for (int thread = ((run)->threads = (count), 0); thread < (count); thread++)

/* A value as kernels see it: [batch block][pixel][block][16 images][16 channels]. */
typedef struct TestValue {
    int batch_blocks, pixels, channels;
    long count; /* floats, with padding */
    float *at;  /* 64-byte aligned */
} TestValue;

TestValue random_value(int batch_blocks, int pixels, int channels, uint32_t seed);
TestValue nan_value(int batch_blocks, int pixels, int channels);
float *nan_floats(long count); /* 64-byte aligned */
void free_value(TestValue *v);

/* The float of one channel of one pixel of one image. */
long test_at(const TestValue *v, int image, int pixel, int channel);
double test_get(const TestValue *v, int image, int pixel, int channel);

/* Fails the test unless every padding lane of the first n images is +0, and batch blocks without
   one are NaN as before. */
void check_padding(const TestValue *v, int n, const char *what);

/* Sums of batch blocks of n images; those without one are NaN as before. */
void check_sums(const float *sums, const double *expected, int batch_blocks, int n,
                const char *what);

/* Fails the test unless |a - b| <= allowed (1 + |b|). */
void check_near(double a, double b, double allowed, const char *what);

#endif
