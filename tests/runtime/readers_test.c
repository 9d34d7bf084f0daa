/*
 * readers_test.c -- from a table's texts to packed words and classes, and back through
 * preparation.json for other files.
 */

#define _GNU_SOURCE

#include "support/readers_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "data/transforms/transform.h"

/* ---- a model that reads words ---------------------------------------------------------------- */

enum { BATCH = 4, TOKENS = 4, COLUMNS = 5 };

struct batch {
    int32_t tokens[BATCH][TOKENS];
    float bag[BATCH][COLUMNS];
    int32_t class[BATCH];
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    memset(batch, 0, sizeof *batch);
    for (int i = 0; i < n; i++) {
        const struct net_sparse *bag = fields[1].row[i];

        ck_assert_int_eq(fields[0].type, NET_I32);
        ck_assert_int_eq(fields[1].type, NET_SPARSE);
        memcpy(batch->tokens[i], fields[0].row[i], sizeof batch->tokens[i]);
        for (int k = 0; k < bag->count; k++) {
            ck_assert(k == 0 || bag->index[k] > bag->index[k - 1]);
            batch->bag[i][bag->index[k]] = bag->value[k];
        }
        if (fields[2].row)
            batch->class[i] = *(const int32_t *)fields[2].row[i];
    }
}

#define WORD_ARGS(words, least)                                                                    \
    {.name = "vocabulary", .number = words}, {.name = "length", .number = TOKENS},                 \
        {.name = "min_count", .number = least}, {.name = "min_letters", .number = 1},              \
        {.name = "lower", .number = 1},                                                            \
    {                                                                                              \
        .name = "strip", .text = "punctuation", .count = 1                                         \
    }

static const struct net_arg token_args[] = {WORD_ARGS(4, 2),
                                            {.name = "stopwords", .text = "stop.txt"}};
static const struct net_arg bag_args[] = {WORD_ARGS(COLUMNS, 1),
                                          {.name = "stopwords", .none = true}};
static const struct net_call token_steps[] = {{.name = "tokens",
                                               .args = token_args,
                                               .arg_count = LENGTH(token_args),
                                               .transform = &net_transform_tokens}};
static const struct net_call bag_steps[] = {{.name = "bag_of_words",
                                             .args = bag_args,
                                             .arg_count = LENGTH(bag_args),
                                             .transform = &net_transform_bag_of_words}};
static const struct net_call class_steps[] = {
    {.name = "classes", .transform = &net_transform_classes}};
static const struct net_arg text_column[] = {{.text = "text"}}, kind_column[] = {{.text = "kind"}};

static const struct net_field fields[] = {
    {.name = "words",
     .source = "text",
     .kind = NET_INPUT_TOKENS,
     .columns = text_column,
     .column_count = 1,
     .rank = 1,
     .shape = {TOKENS},
     .size = TOKENS,
     .vocabulary = 6,
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
     .step_count = 1},
    {.name = "kind",
     .source = "kind",
     .kind = NET_TARGET_CLASS,
     .columns = kind_column,
     .column_count = 1,
     .size = 1,
     .classes = 3,
     .steps = class_steps,
     .step_count = 1},
};
static const struct net_arg train_args[] = {{.name = "file", .text = "train.csv"},
                                            {.name = "header", .number = 1}};
static const struct net_arg test_args[] = {{.name = "file", .text = "test.jsonl"}};
static const struct net_call train = {
    .name = "csv", .args = train_args, .arg_count = 2, .reader = &net_reader_csv};
static const struct net_call test = {
    .name = "jsonl", .args = test_args, .arg_count = 1, .reader = &net_reader_jsonl};
static const struct net_model model = {.name = "words",
                                       .batch = BATCH,
                                       .batch_size = sizeof(struct batch),
                                       .fields = fields,
                                       .field_count = 3,
                                       .parts = {&train, NULL, &test},
                                       .pack = pack,
                                       .outputs = 3};

static void write_sources(void)
{
    write_text("stop.txt", "the\nOf\n");
    write_text("train.csv", "kind,text\n"
                            "pear,\"The cat, the dog.\"\n"
                            "apple,cat of CAT bird\n"
                            "pear,\n"
                            "fig,dog bird eel the end\n");
    write_text("test.jsonl", "{\"text\": \"dog dog owl the cat bird\", \"kind\": \"fig\"}\n"
                             "{\"kind\": \"apple\", \"text\": \"The\"}\n");
}

static void expect_batch(const struct net_data *data, enum net_part part, long row,
                         const int32_t *tokens, const float *bag)
{
    struct batch batch;

    net_data_pack(data, part, NULL, &row, 1, &batch);
    for (int k = 0; k < TOKENS; k++)
        ck_assert_int_eq(batch.tokens[0][k], tokens[k]);
    for (int k = 0; bag && k < COLUMNS; k++)
        ck_assert_float_eq(batch.bag[0][k], bag[k]);
}

/* Of words: cat 3, bird 2, dog 2, and rare ones; of the bag: cat 3, the 3, bird 2, dog 2, eel 1. */
static void expect_rows(const struct net_data *data)
{
    expect_batch(data, NET_TEST, 0, (int32_t[]){4, 4, 1, 2}, (float[]){1, 1, 1, 2, 0});
    expect_batch(data, NET_TEST, 1, (int32_t[]){0, 0, 0, 0}, (float[]){0, 1, 0, 0, 0});
    ck_assert_int_eq(net_data_class(data, NET_TEST, 0), 1);
    ck_assert_int_eq(net_data_class(data, NET_TEST, 1), 0);
}

START_TEST(vocabulary)
{
    const char *const expected[] = {NULL, NULL, "cat", "bird", "dog", NULL};
    int count;

    write_sources();
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);
    const char *const *words = net_data_vocabulary(data, 0, &count);

    ck_assert_int_eq(count, 6);
    for (int i = 0; i < count; i++)
        if (expected[i])
            ck_assert_str_eq(words[i], expected[i]);
        else
            ck_assert_ptr_null(words[i]);
    ck_assert_str_eq(net_data_vocabulary(data, 1, &count)[1], "the");
    ck_assert_int_eq(count, COLUMNS);
    expect_batch(data, NET_TRAIN, 0, (int32_t[]){2, 4, 0, 0}, (float[]){1, 2, 0, 1, 0});
    expect_batch(data, NET_TRAIN, 1, (int32_t[]){2, 2, 3, 0}, (float[]){2, 0, 1, 0, 0});
    expect_batch(data, NET_TRAIN, 2, (int32_t[]){0, 0, 0, 0}, (float[]){0, 0, 0, 0, 0});
    expect_batch(data, NET_TRAIN, 3, (int32_t[]){4, 3, 1, 1}, (float[]){0, 1, 1, 1, 1});
    ck_assert_str_eq(net_data_class_name(data, 2), "pear");
    expect_rows(data);
    net_data_close(data);
}
END_TEST

/* ---- what a run keeps ------------------------------------------------------------------------ */

static char *keep_preparation(void)
{
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);
    char *json = net_data_preparation_json(data);
    char *path = net_format("%s/preparation.json", data_test_folder());

    write_text("preparation.json", json);
    free(json);
    net_data_close(data);
    return path;
}

START_TEST(kept_vocabulary)
{
    write_sources();
    char *path = keep_preparation();

    write_text("stop.txt", "cat\n"); /* what was learnt stays */
    write_text("train.csv", "kind,text\nfig,other words\n");
    struct net_data *data = net_data_open(&model, data_test_folder(), path);

    expect_rows(data);
    net_data_close(data);
    free(path);
}
END_TEST

START_TEST(files_to_predict)
{
    static const struct {
        const char *name, *text;
        int rows;
    } files[] = {
        {"new.csv", "text,other\ncat bird,1\n\"the \"\"dog\"\"\",2\n", 2},
        {"new.txt", "cat bird\nthe \"dog\"\n", 2},
        {"new.txt", "cat bird\r\n\"dog\"\r\n\r\n", 3},
        {"new.txt", "cat bird\n\"dog", 2},
    };

    write_sources();
    char *path = keep_preparation();

    for (int i = 0; i < 2 * LENGTH(files); i++) {
        char *file = net_format("%s/%s%s", data_test_folder(), files[i / 2].name,
                                i % 2 ? ".gz" : "");

        write_bytes(strrchr(file, '/') + 1, files[i / 2].text, strlen(files[i / 2].text), i % 2);
        struct net_data *data = net_data_open_files(&model, (const char *[]){file}, 1,
                                                    &(struct net_opening){.preparation = path});

        ck_assert_int_eq(net_data_rows(data, NET_TEST), files[i / 2].rows);
        expect_batch(data, NET_TEST, 0, (int32_t[]){2, 3, 0, 0}, NULL);
        expect_batch(data, NET_TEST, 1, (int32_t[]){4, 0, 0, 0}, NULL);
        net_data_close(data);
        free(file);
    }
    free(path);
}
END_TEST

/* Numbers that are not 0 to n - 1 are names, in order of their size; 2.0 is 2. */
START_TEST(numbered_classes)
{
    static const char *const names[] = {"2", "9", "10"};
    static const int classes[] = {2, 1, 0, 1};

    write_text("stop.txt", "");
    write_text("train.csv", "kind,text\n10,cat cat\n9,cat\n2,cat\n9.0,cat\n");
    write_text("test.jsonl", "{\"kind\": 2.00, \"text\": \"\"}\n{\"kind\": 10, \"text\": \"\"}\n");
    char *path = keep_preparation();

    for (int kept = 0; kept < 2; kept++) {
        struct net_data *data = net_data_open(&model, data_test_folder(), kept ? path : NULL);

        for (int row = 0; row < 4; row++)
            ck_assert_int_eq(net_data_class(data, NET_TRAIN, row), classes[row]);
        ck_assert_int_eq(net_data_class(data, NET_TEST, 0), 0);
        ck_assert_int_eq(net_data_class(data, NET_TEST, 1), 2);
        for (int c = 0; c < 3; c++)
            ck_assert_str_eq(net_data_class_name(data, c), names[c]);
        net_data_close(data);
    }
    free(path);
}
END_TEST

/* Labels that are one number in double, written apart; the same ones written otherwise. */
START_TEST(long_classes)
{
    static const char *const names[] = {"-1e-400", "9007199254740992", "9007199254740993"};
    static const int classes[] = {2, 1, 0, 1, 2};

    write_text("stop.txt", "");
    write_text("train.csv", "kind,text\n9007199254740993,cat cat\n9007199254740992,cat\n"
                            "-1e-400,cat\n9007199254740992.0,cat\n9007199254740993.0,cat\n");
    write_text("test.jsonl", "{\"kind\": 9007199254740992, \"text\": \"\"}\n"
                             "{\"kind\": 9.007199254740993E15, \"text\": \"\"}\n");
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);

    for (int row = 0; row < 5; row++)
        ck_assert_int_eq(net_data_class(data, NET_TRAIN, row), classes[row]);
    ck_assert_int_eq(net_data_class(data, NET_TEST, 0), 1);
    ck_assert_int_eq(net_data_class(data, NET_TEST, 1), 2);
    for (int c = 0; c < 3; c++)
        ck_assert_str_eq(net_data_class_name(data, c), names[c]);
    net_data_close(data);
}
END_TEST

/* Numbers with exponents that no integer holds are strings, none taken for another. */
START_TEST(large_exponents)
{
    static const char *const names[] = {"1e18446744073709551617", "1e30000000000000000000", "3e18"};

    write_text("stop.txt", "");
    write_text("train.csv", "kind,text\n1e30000000000000000000,cat cat\n3e18,cat\n"
                            "1e18446744073709551617,cat\n");
    write_text("test.jsonl", "{\"kind\": 1e18446744073709551617, \"text\": \"\"}\n"
                             "{\"kind\": 3000000000000000000, \"text\": \"\"}\n");
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);

    for (int c = 0; c < 3; c++)
        ck_assert_str_eq(net_data_class_name(data, c), names[c]);
    ck_assert_int_eq(net_data_class(data, NET_TRAIN, 0), 1);
    ck_assert_int_eq(net_data_class(data, NET_TEST, 0), 0);
    ck_assert_int_eq(net_data_class(data, NET_TEST, 1), 2);
    net_data_close(data);
}
END_TEST

/* ---- faults ---------------------------------------------------------------------------------- */

static void open_model(const void *preparation)
{
    net_data_close(net_data_open(&model, data_test_folder(), preparation));
}

START_TEST(class_faults)
{
    static const struct {
        const char *train, *test, *message;
    } cases[] = {
        {"a\nb\na\nb\nc\nd\nd\n", "a",
         "train.csv: kind has 4 different values, classes(3) has room for 3; the rarest, \"c\", is "
         "first in row 4 (from 0)"},
        {"a\nb\nc\n", "d",
         "test.jsonl: row 0 (from 0): expected kind to be a class of the "
         "training data, found \"d\""},
        {"0\n1\n3\n9\n", "0",
         "train.csv: kind has 4 different values, classes(3) has room for 3; the rarest, \"9\", is "
         "first in row 3 (from 0)"},
        {"1\n2\n3\n", "4",
         "test.jsonl: row 0 (from 0): expected kind to be a class of the "
         "training data, found \"4\""},
        {"0\n1\n2\n", "x",
         "test.jsonl: row 0 (from 0): expected kind to be a class, a whole "
         "number from 0 to 2, found \"x\""},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        char text[256] = "kind,text\n", line[64];

        for (const char *at = cases[i].train; *at; at += 2)
            snprintf(text + strlen(text), sizeof text - strlen(text), "%c,cat cat\n", *at);
        snprintf(line, sizeof line, "{\"kind\": \"%s\", \"text\": \"\"}\n", cases[i].test);
        write_text("stop.txt", "");
        write_text("train.csv", text);
        write_text("test.jsonl", line);
        expect_fault(open_model, NULL, cases[i].message);
    }
}
END_TEST

START_TEST(word_faults)
{
    write_sources();
    write_text("stop.txt", "cat bird dog end eel the of\n");
    expect_fault(open_model, NULL, "train.csv: no word of text is there 2 times in the training");
    char path[128];

    snprintf(path, sizeof path, "%s/stop.txt", data_test_folder());
    ck_assert_int_eq(remove(path), 0);
    expect_fault(open_model, NULL, "stop.txt");
    write_sources();
    char *kept = keep_preparation();

    write_text("preparation.json",
               "{\"version\": 2, \"columns\": {\"words\": [\"text\"], \"bag\": [\"text\"],"
               " \"kind\": [\"kind\"]},"
               " \"missing\": [\"\", \"NA\", \"N/A\", \"NaN\", \"nan\", \"null\", \"?\"],"
               " \"fields\": {\"words\": [{\"tokens\": {\"lower\": 1, \"min_letters\": 1,"
               " \"strip\": \"punctuation\"}}],"
               " \"bag\": [{\"bag_of_words\": {\"lower\": 1, \"min_letters\": 1,"
               " \"strip\": \"punctuation\"}}],"
               " \"kind\": [{\"classes\": {}}]}}");
    expect_fault(open_model, kept, "words: the preparation has no words");
    free(kept);
}
END_TEST

TCase *readers_test_words(void)
{
    const TTest *const tests[] = {
        vocabulary,   kept_vocabulary, files_to_predict, numbered_classes,
        long_classes, large_exponents, class_faults,     word_faults,
    };
    TCase *made = tcase_create("words");

    tcase_add_checked_fixture(made, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(made, tests[i]);
    return made;
}
