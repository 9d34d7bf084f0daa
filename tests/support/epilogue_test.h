/*
 * epilogue_test.h -- what a template that ends with an epilogue and sums is given by its tests.
 *
 * The one idea: the epilogue is result = v factor + bias, and the number of its image where it has
 * draws, so that a wrong place shows; sums count how often each row was ended.
 */

#ifndef EPILOGUE_TEST_H
#define EPILOGUE_TEST_H

#include <check.h>
#include <string.h>

#include "kernels/epilogue.h"
#include "support/template_test.h"

enum { IMAGES = 48, BATCH_BLOCKS = 3, CHANNELS = 19, BLOCKS = 2 }; /* of every value */

struct test_operands {
    float *result;
    const float *factor, *bias;
};

NET_EPILOGUE(factor_bias)
{
    const struct test_operands *o = operands;

    vec_store(o->result + e.at,
              vec_fma(v0, vec_load(o->factor + e.at), vec_load(o->bias + e.lane)));
}

NET_EPILOGUE(factor_bias_draw)
{
    const struct test_operands *o = operands;
    const vec v1 = vec_fma(v0, vec_load(o->factor + e.at), vec_load(o->bias + e.lane));

    vec_store(o->result + e.at, vec_add(v1, vec_load(draws)));
}

/* Of image i: i. */
NET_DRAW(image_numbers)
{
    for (int i = 0; i < images; i++)
        vec_store(draws + 16 * i, vec_set((float)(e.image + i)));
}

/* How often each row was ended. */
NET_ROW_END(count_rows)
{
    int *const *counts = sums;

    (void)run;
    (*counts)[16 * batch_block + row]++;
}

/* A result, and what its epilogue reads. */
typedef struct Result {
    TestValue result, factor, bias;
    struct test_operands operands;
    int rows[16 * BATCH_BLOCKS], *counts;
} Result;

static inline void start(Result *h, int pixels)
{
    memset(h->rows, 0, sizeof h->rows);
    h->counts = h->rows;
    h->result = nan_value(BATCH_BLOCKS, pixels, CHANNELS);
    h->factor = random_value(BATCH_BLOCKS, pixels, CHANNELS, 7);
    h->bias = random_value(1, 1, CHANNELS, 8);
    for (int block = 0; block < BLOCKS; block++) /* a vector: one value per channel */
        memmove(h->bias.at + 16 * block, h->bias.at + 256 * block, 16 * sizeof(float));
    h->operands = (struct test_operands){h->result.at, h->factor.at, h->bias.at};
}

/* Fails the test unless the result of one element is that of v. */
static inline void check_result(const Result *h, int image, int pixel, int channel, double v,
                                bool draws, const char *what)
{
    const double expected = v * test_get(&h->factor, image, pixel, channel) +
                            (double)h->bias.at[channel] + (draws ? image : 0);

    check_near(test_get(&h->result, image, pixel, channel), expected, 2e-5, what);
}

/* Fails the test unless each row was ended once, and padding is +0. */
static inline void finish(Result *h, int height, bool draws, const char *what)
{
    for (int b = 0; b < BATCH_BLOCKS; b++)
        for (int row = 0; row < height; row++)
            ck_assert_msg(h->rows[16 * b + row] == 1, "%s: row %d of block %d ended %d times", what,
                          row, b, h->rows[16 * b + row]);
    if (!draws)
        check_padding(&h->result, IMAGES, what);
    free_value(&h->result);
    free_value(&h->factor);
    free_value(&h->bias);
}

#endif
