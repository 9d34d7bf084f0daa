/*
 * grams_test.c -- pairs of words, and counts weighted as scikit-learn's TfidfVectorizer does.
 */

#include "support/readers_test.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { BATCH = 4, TOKENS = 9, COLUMNS = 24 };

struct batch {
    int32_t tokens[BATCH][TOKENS];
    float bag[BATCH][COLUMNS];
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    memset(batch, 0, sizeof *batch);
    for (int i = 0; i < n; i++) {
        const struct net_sparse *bag = fields[1].row[i];

        memcpy(batch->tokens[i], fields[0].row[i], sizeof batch->tokens[i]);
        for (int k = 0; k < bag->count; k++)
            batch->bag[i][bag->index[k]] = bag->value[k];
    }
}

#define ARGS(words)                                                                                \
    {.name = "vocabulary", .number = words}, {.name = "length", .number = TOKENS},                 \
        {.name = "min_count", .number = 1}, {.name = "min_letters", .number = 1},                  \
        {.name = "lower", .number = 1},                                                            \
    {                                                                                              \
        .name = "ngrams", .number = 2                                                              \
    }

static const struct net_arg token_args[] = {ARGS(10)}, bag_args[] = {ARGS(COLUMNS)};
static const struct net_call token_steps[] = {{.name = "tokens",
                                               .args = token_args,
                                               .arg_count = LENGTH(token_args),
                                               .transform = &net_transform_tokens}};
static const struct net_call bag_steps[] = {{.name = "bag_of_words",
                                             .args = bag_args,
                                             .arg_count = LENGTH(bag_args),
                                             .transform = &net_transform_bag_of_words},
                                            {.name = "tfidf", .transform = &net_transform_tfidf}};
static const struct net_arg text_column[] = {{.text = "text"}}, y_column[] = {{.text = "y"}};
static const struct net_field fields[] = {
    {.name = "words",
     .source = "text",
     .kind = NET_INPUT_TOKENS,
     .columns = text_column,
     .column_count = 1,
     .rank = 1,
     .shape = {TOKENS},
     .size = TOKENS,
     .vocabulary = 12,
     .steps = token_steps,
     .step_count = 1},
    {.name = "bag",
     .source = "text",
     .kind = NET_INPUT_SPARSE,
     .columns = text_column,
     .column_count = 1,
     .rank = 1,
     .shape = {COLUMNS},
     .size = COLUMNS,
     .vocabulary = COLUMNS,
     .steps = bag_steps,
     .step_count = 2},
    {.name = "y",
     .source = "y",
     .kind = NET_TARGET_VALUES,
     .columns = y_column,
     .column_count = 1,
     .rank = 1,
     .shape = {1},
     .size = 1},
};
static const struct net_arg train_args[] = {{.name = "file", .text = "train.csv"},
                                            {.name = "header", .number = 1}};
static const struct net_arg test_args[] = {{.name = "file", .text = "test.csv"},
                                           {.name = "header", .number = 1}};
static const struct net_call train = {
    .name = "csv", .args = train_args, .arg_count = 2, .reader = &net_reader_csv};
static const struct net_call test = {
    .name = "csv", .args = test_args, .arg_count = 2, .reader = &net_reader_csv};
static const struct net_model model = {.name = "grams",
                                       .batch = BATCH,
                                       .batch_size = sizeof(struct batch),
                                       .fields = fields,
                                       .field_count = 3,
                                       .parts = {&train, NULL, &test},
                                       .pack = pack,
                                       .outputs = 1};

/* TfidfVectorizer(ngram_range=(1, 2), token_pattern="[^ ]+") of scikit-learn 1.9.1 */
static const struct {
    int row; /* 3: the first of the test part, whose second has no word that is known */
    const char *gram;
    double value;
} expected[] = {
    {0, "cat", 0.235034908},     {0, "cat sat", 0.309042659}, {0, "mat", 0.309042659},
    {0, "on", 0.309042659},      {0, "on the", 0.309042659},  {0, "sat", 0.235034908},
    {0, "sat on", 0.309042659},  {0, "the", 0.470069815},     {0, "the cat", 0.309042659},
    {0, "the mat", 0.309042659}, {1, "dog", 0.393511204},     {1, "dog sat", 0.517419944},
    {1, "sat", 0.393511204},     {1, "the", 0.393511204},     {1, "the dog", 0.517419944},
    {2, "a", 0.578508475},       {2, "a cat", 0.385672316},   {2, "a dog", 0.192836158},
    {2, "and", 0.385672316},     {2, "and a", 0.385672316},   {2, "cat", 0.293313738},
    {2, "cat and", 0.192836158}, {2, "dog", 0.146656869},     {2, "dog and", 0.192836158},
    {3, "dog", 0.355432468},     {3, "mat", 0.934701964},
};

static void write_rows(void)
{
    write_text("train.csv", "text,y\nthe cat sat on the mat,1\nThe dog sat,2\n"
                            "a cat and a dog and a cat,3\n");
    write_text("test.csv", "text,y\nmat mat dog,1\nowl,2\n");
}

static void expect_rows(const struct net_data *data)
{
    struct batch batch;
    int count, found = 0, there = 0;
    const char *const *words = net_data_vocabulary(data, 1, &count);

    for (int row = 0; row < 5; row++) {
        const long number = row % 3;

        net_data_pack(data, row < 3 ? NET_TRAIN : NET_TEST, NULL, &number, 1, &batch);
        for (int k = 0; k < COLUMNS; k++)
            there += batch.bag[0][k] != 0;
        for (int e = 0; e < LENGTH(expected); e++)
            for (int k = 0; k < COLUMNS && expected[e].row == row; k++)
                if (words[k] && !strcmp(words[k], expected[e].gram)) {
                    ck_assert_double_eq_tol((double)batch.bag[0][k], expected[e].value, 5e-8);
                    found++;
                }
    }
    ck_assert_int_eq(found, LENGTH(expected));
    ck_assert_int_eq(there, found);
}

START_TEST(weighted_pairs)
{
    write_rows();
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);
    char *json = net_data_preparation_json(data);
    char *path = net_format("%s/preparation.json", data_test_folder());

    expect_rows(data);
    net_data_close(data);
    write_text("preparation.json", json);
    data = net_data_open(&model, data_test_folder(), path);
    expect_rows(data);
    net_data_close(data);
    free(path);
    free(json);
}
END_TEST

/* Words with those that are not known, and behind them the pairs that are. */
START_TEST(pairs_of_tokens)
{
    const long row = 0;
    struct batch batch;
    int count;

    write_rows();
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);
    const char *const *words = net_data_vocabulary(data, 0, &count);
    static const char *const known[] = {"a",     "cat", "the", "a cat", "and",
                                        "and a", "dog", "sat", "a dog", "cat and"};

    for (int i = 0; i < LENGTH(known); i++)
        ck_assert_str_eq(words[i + 2], known[i]);
    net_data_pack(data, NET_TRAIN, NULL, &row, 1, &batch);
    static const int32_t first[TOKENS] = {4, 3, 9, 1, 4, 1};

    ck_assert_mem_eq(batch.tokens[0], first, sizeof first);
    net_data_pack(data, NET_TRAIN, NULL, &(const long){2}, 1, &batch);
    static const int32_t third[TOKENS] = {2, 3, 6, 2, 8, 6, 2, 3, 5}; /* cut at its length */

    ck_assert_mem_eq(batch.tokens[0], third, sizeof third);
    net_data_close(data);
}
END_TEST

TCase *readers_test_grams(void)
{
    TCase *test_case = tcase_create("grams");

    tcase_add_checked_fixture(test_case, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(test_case, weighted_pairs);
    tcase_add_test(test_case, pairs_of_tokens);
    return test_case;
}
