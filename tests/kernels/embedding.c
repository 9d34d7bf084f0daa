/*
 * embedding.c -- the templates of embedding.h called directly, with literals of their own: against
 * naive loops in double, on one to three threads, for full and partial batches.
 */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/embedding.h"
#include "support/template_test.h"

Suite *suite_embedding(void);

/* A vocabulary of two items of rows and a part of one; up to 37 images of 5 tokens, 19 channels. */
enum { VOCABULARY = 37, LENGTH = 5, CHANNELS = 19, BLOCKS = 2, IMAGES = 37, BATCH_BLOCKS = 3 };
enum { PADDING_ROW = 2, ROW = 16 * BLOCKS };

static const int batches[] = {1, 16, 19, 37};

enum { BATCHES = sizeof batches / sizeof *batches };

/* What a batch packs. */
typedef struct Ids {
    int32_t id[16 * BATCH_BLOCKS * LENGTH];
    int32_t begin[VOCABULARY + 1], order[16 * BATCH_BLOCKS * LENGTH];
} Ids;

/* Many tokens are 0, as padding is; some occur never, image 1 has nothing else. */
static void pack(Ids *ids, int n)
{
    static int32_t text[IMAGES][LENGTH];
    const void *row[IMAGES];
    const struct net_rows rows = {.type = NET_I32, .row = row};
    uint32_t state = 5;

    for (int i = 0; i < n; i++) {
        row[i] = text[i];
        for (int k = 0; k < LENGTH; k++) {
            state = state * 1664525u + 1013904223u;
            text[i][k] = state >> 31 || i == 1 ? 0 : (int32_t)((state >> 8) % VOCABULARY);
        }
    }
    net_pack_tokens(ids->id, ids->begin, ids->order, &rows, n, LENGTH, VOCABULARY, true);
}

#define TOKENS                                                                                     \
    (struct net_embedding)                                                                         \
    {                                                                                              \
        .batch_blocks = BATCH_BLOCKS, .length = LENGTH, .blocks = BLOCKS                           \
    }

static float *random_matrix(void)
{
    TestValue v = random_value((VOCABULARY * ROW + 255) / 256, 1, 16, 3);

    return v.at;
}

/* ---- Packing --------------------------------------------------------------------------------- */

/* Each token has its positions, by image, then position, and no other. */
START_TEST(packing)
{
    Ids ids;
    int32_t k = 0;

    pack(&ids, batches[_i]);
    for (int token = 0; token < VOCABULARY; token++) {
        ck_assert_int_eq(ids.begin[token], k);
        for (int i = 0; i < batches[_i]; i++)
            for (int position = 0; position < LENGTH; position++)
                if (ids.id[i * LENGTH + position] == token)
                    ck_assert_int_eq(ids.order[k++], (i / 16 * LENGTH + position) * 16 + i % 16);
    }
    ck_assert_int_eq(ids.begin[VOCABULARY], k);
    ck_assert_int_eq(k, batches[_i] * LENGTH);
}
END_TEST

/* ---- Embedding ------------------------------------------------------------------------------- */

static void embedding(float *y, const int32_t *id, const float *w, NET_RUN)
{
    net_embedding(y, id, w, TOKENS, run, thread);
}

START_TEST(rows_are_gathered)
{
    struct net_run run = {.n = batches[_i]};
    float *w = random_matrix();
    Ids ids;

    pack(&ids, run.n);
    for (int threads = 1; threads <= 3; threads++) {
        TestValue y = nan_value(BATCH_BLOCKS, LENGTH, CHANNELS);

        ON_THREADS(&run, threads)
        embedding(y.at, ids.id, w, &run, thread);
        for (int i = 0; i < run.n; i++)
            for (int k = 0; k < LENGTH; k++)
                for (int c = 0; c < CHANNELS; c++)
                    ck_assert(test_get(&y, i, k, c) == (double)w[ids.id[i * LENGTH + k] * ROW + c]);
        free_value(&y);
    }
    free(w);
}
END_TEST

static void embedding_dw(float *dw, const Ids *ids, const float *dy, NET_RUN)
{
    net_embedding_dw(dw, ids->begin, ids->order, dy,
                     (struct net_embedding_dw){
                         .vocabulary = VOCABULARY, .blocks = BLOCKS, .padding_row = PADDING_ROW},
                     run, thread);
}

static void embedding_dw_update(float *w, const Ids *ids, const float *dy, NET_RUN)
{
    net_embedding_dw(
        w, ids->begin, ids->order, dy,
        (struct net_embedding_dw){
            .vocabulary = VOCABULARY, .blocks = BLOCKS, .padding_row = -1, .apply = {true, 0, 0}},
        run, thread);
}

/* What the optimizer is given stands where the weight was. */
static void keep(float *restrict w, const float *restrict g, float *restrict state, long count,
                 const struct net_step_scalars *scalars)
{
    (void)state, (void)scalars;
    memcpy(w, g, (size_t)count * sizeof *w);
}

static double exact_dw(const Ids *ids, const TestValue *dy, int n, int token, int channel)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        for (int k = 0; k < LENGTH; k++)
            if (ids->id[i * LENGTH + k] == token)
                sum += test_get(dy, i, k, channel);
    return sum;
}

/* zero_is_noop: of an update to which a gradient of 0 is a no-op, which leaves rows without a token
   alone */
static void check_dw(int n, int threads, bool update, bool zero_is_noop)
{
    TestValue dy = random_value(BATCH_BLOCKS, LENGTH, CHANNELS, 4);
    float *dw = nan_floats(VOCABULARY * ROW);
    struct net_run run = {
        .n = n, .params = dw, .update = keep, .scalars = {.zero_is_noop = zero_is_noop}};
    Ids ids;

    pack(&ids, n);
    for (int i = 0; i < VOCABULARY * ROW && update; i++)
        dw[i] = 9.0f;
    ON_THREADS(&run, threads)
    (update ? embedding_dw_update : embedding_dw)(dw, &ids, dy.at, &run, thread);
    for (int token = 0; token < VOCABULARY; token++)
        for (int c = 0; c < CHANNELS; c++) {
            const bool left = zero_is_noop && ids.begin[token] == ids.begin[token + 1];
            const double exact = left ? 9
                                 : !update && token == PADDING_ROW
                                     ? 0
                                     : exact_dw(&ids, &dy, n, token, c);

            check_near((double)dw[token * ROW + c], exact, 1e-5, "dw");
        }
    free_value(&dy);
    free(dw);
}

START_TEST(gradient)
{
    for (int threads = 1; threads <= 3; threads++) {
        check_dw(batches[_i], threads, false, false);
        check_dw(batches[_i], threads, true, false);
        check_dw(batches[_i], threads, true, true);
    }
}
END_TEST

/* A row of 4,112 floats, more than an array of the template has: in the thread's scratch. */
enum { WIDE = 257 };

static void wide_dw(float *dw, const int32_t *begin, const int32_t *order, const float *dy, NET_RUN)
{
    net_embedding_dw(dw, begin, order, dy,
                     (struct net_embedding_dw){.vocabulary = 3, .blocks = WIDE, .padding_row = -1},
                     run, thread);
}

START_TEST(wide_rows)
{
    static const int32_t begin[] = {0, 0, 2, 3}, order[] = {0, 18, 17};
    TestValue dy = random_value(1, 2, 16 * WIDE, 6);
    float *dw = nan_floats(3 * 16 * WIDE), *scratch = nan_floats(2 * 16 * WIDE);
    struct net_run run = {.n = 16, .scratch = scratch, .scratch_stride = 16 * WIDE};

    ON_THREADS(&run, 2)
    wide_dw(dw, begin, order, dy.at, &run, thread);
    for (int c = 0; c < 16 * WIDE; c++) {
        ck_assert(dw[c] == 0.0f);
        check_near((double)dw[16 * WIDE + c], test_get(&dy, 0, 0, c) + test_get(&dy, 2, 1, c), 1e-6,
                   "wide dw");
        ck_assert((double)dw[32 * WIDE + c] == test_get(&dy, 1, 1, c));
    }
    free_value(&dy);
    free(scratch);
    free(dw);
}
END_TEST

/* ---- Means over tokens ----------------------------------------------------------------------- */

static void token_mean(float *y, const float *x, const int32_t *id, NET_RUN)
{
    net_token_mean(y, x, id, TOKENS, run, thread);
}

static void token_mean_grad(float *dx, const float *dy, const int32_t *id, NET_RUN)
{
    net_token_mean_grad(dx, dy, id, TOKENS, run, thread);
}

/* Checks one channel of one image; an image of padding alone has a mean of 0. */
static void check_mean(const TestValue *x, const TestValue *y, const TestValue *dy,
                       const TestValue *dx, const int32_t *id, int i, int c)
{
    double sum = 0;
    int count = 0;

    for (int k = 0; k < LENGTH; k++)
        if (id[k] != 0)
            sum += test_get(x, i, k, c), count++;
    check_near(test_get(y, i, 0, c), count ? sum / count : 0, 1e-6, "mean");
    for (int k = 0; k < LENGTH; k++)
        check_near(test_get(dx, i, k, c), id[k] != 0 ? test_get(dy, i, 0, c) / count : 0, 1e-6,
                   "gradient of a mean");
}

START_TEST(means)
{
    struct net_run run = {.n = batches[_i]};
    TestValue x = random_value(BATCH_BLOCKS, LENGTH, CHANNELS, 1);
    TestValue dy = random_value(BATCH_BLOCKS, 1, CHANNELS, 2);
    Ids ids;

    pack(&ids, run.n);
    for (int threads = 1; threads <= 3; threads++) {
        TestValue y = nan_value(BATCH_BLOCKS, 1, CHANNELS);
        TestValue dx = nan_value(BATCH_BLOCKS, LENGTH, CHANNELS);

        ON_THREADS(&run, threads)
        {
            token_mean(y.at, x.at, ids.id, &run, thread);
            token_mean_grad(dx.at, dy.at, ids.id, &run, thread);
        }
        for (int i = 0; i < run.n; i++)
            for (int c = 0; c < CHANNELS; c++)
                check_mean(&x, &y, &dy, &dx, ids.id + i * LENGTH, i, c);
        check_padding(&y, run.n, "mean");
        check_padding(&dx, run.n, "gradient of a mean");
        free_value(&y);
        free_value(&dx);
    }
    free_value(&x);
    free_value(&dy);
}
END_TEST

Suite *suite_embedding(void)
{
    Suite *suite = suite_create("embedding");
    TCase *tcase = tcase_create("templates");

    tcase_add_loop_test(tcase, packing, 0, BATCHES);
    tcase_add_loop_test(tcase, rows_are_gathered, 0, BATCHES);
    tcase_add_loop_test(tcase, gradient, 0, BATCHES);
    tcase_add_test(tcase, wide_rows);
    tcase_add_loop_test(tcase, means, 0, BATCHES);
    suite_add_tcase(suite, tcase);
    return suite;
}
