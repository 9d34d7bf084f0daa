/*
 * target_words_test.c -- words as targets: labels, and words of a text that ends by a mark,
 * with the numbers of an input; what stands behind a row's end; rows of a file of a user.
 */

#include "support/readers_test.h"

#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { BATCH = 4, POSITIONS = 3, WORDS = 4 };

struct batch {
    int32_t words[BATCH][POSITIONS], next[BATCH][POSITIONS], tags[BATCH][POSITIONS];
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    for (int i = 0; i < n; i++) {
        memcpy(batch->words[i], fields[0].row[i], sizeof batch->words[i]);
        memcpy(batch->next[i], fields[1].row[i], sizeof batch->next[i]);
        memcpy(batch->tags[i], fields[2].row[i], sizeof batch->tags[i]);
    }
}

#define ARGS(mark)                                                                                 \
    {.name = "vocabulary", .number = WORDS}, {.name = "length", .number = POSITIONS},              \
        {.name = "min_count", .number = 1}, {.name = "min_letters", .number = 1},                  \
        {.name = "lower", .number = 1},                                                            \
    {                                                                                              \
        .name = mark, .number = 1                                                                  \
    }

static const struct net_arg begin_args[] = {ARGS("begin")}, end_args[] = {ARGS("end")},
                            label_args[] = {{.name = "n", .number = 3},
                                            {.name = "length", .number = POSITIONS}};
static const struct net_call begins[] = {{.name = "tokens",
                                          .args = begin_args,
                                          .arg_count = LENGTH(begin_args),
                                          .transform = &net_transform_tokens}};
static const struct net_call ends[] = {{.name = "tokens",
                                        .args = end_args,
                                        .arg_count = LENGTH(end_args),
                                        .transform = &net_transform_tokens}};
static const struct net_call labels[] = {{.name = "labels",
                                          .args = label_args,
                                          .arg_count = LENGTH(label_args),
                                          .transform = &net_transform_labels}};
static const struct net_arg text_column[] = {{.text = "text"}}, tags_column[] = {{.text = "tags"}};

#define FIELD(field, of, what, call)                                                               \
    .name = field, .source = field, .kind = what, .columns = of, .column_count = 1, .rank = 1,     \
    .shape = {POSITIONS}, .size = POSITIONS, .steps = call, .step_count = 1

static const struct net_field fields[] = {
    {FIELD("text", text_column, NET_INPUT_TOKENS, begins), .vocabulary = WORDS + 3},
    {FIELD("next", text_column, NET_TARGET_CLASS, ends), .vocabulary = WORDS + 3,
     .classes = WORDS + 3, .numbered_as = 1, .texts = &net_texts},
    {FIELD("tags", tags_column, NET_TARGET_CLASS, labels), .classes = 3, .texts = &net_texts},
};
static const struct net_arg train_args[] = {{.name = "file", .text = "train.csv"},
                                            {.name = "header", .number = 1}};
static const struct net_call train = {
    .name = "csv", .args = train_args, .arg_count = 2, .reader = &net_reader_csv};
static const struct net_model model = {.name = "words",
                                       .batch = BATCH,
                                       .batch_size = sizeof(struct batch),
                                       .fields = fields,
                                       .field_count = 3,
                                       .parts = {&train},
                                       .pack = pack,
                                       .outputs = 3 * POSITIONS};

/* Row 0 to 2 of a part. */
static void expect_batch(const struct net_data *data, enum net_part part,
                         const struct batch *expected)
{
    const long rows[] = {0, 1, 2};
    struct batch batch = {0};

    ck_assert_int_eq(net_data_rows(data, part), 3);
    net_data_pack(data, part, NULL, rows, 3, &batch);
    ck_assert_mem_eq(batch.words, expected->words, sizeof batch.words);
    ck_assert_mem_eq(batch.next, expected->next, sizeof batch.next);
    ck_assert_mem_eq(batch.tags, expected->tags, sizeof batch.tags);
}

static void expect_text(const struct net_data *data, int field, const int32_t *row, bool json,
                        const char *expected)
{
    char *text = net_texts.tell(data, field, row, json);

    ck_assert_str_eq(text, expected);
    free(text);
}

/* Ids are 0 padding, 1 unknown, 2 the mark, then words by how often they are there; one that is
   written as what stands for others is a word like them. */
START_TEST(target_words)
{
    static const struct batch learnt = {.words = {{2, 3, 3}, {2, 5, 0}, {2, 0, 0}},
                                        .next = {{3, 3, 4}, {5, 2, -1}, {2, -1, -1}},
                                        .tags = {{1, 0, 1}, {2, -1, -1}, {-1, -1, -1}}};
    static const struct batch others = {.words = {{2, 1, 4}, {2, 5, 0}, {2, 0, 0}},
                                        .next = {{1, 4, 2}, {5, 2, -1}, {2, -1, -1}},
                                        .tags = {{2, -1, -1}, {0, 0, -1}, {-1, -1, -1}}};

    write_text("train.csv", "text,tags\nA a <unk> a <unk>,X O X O\nb,Y\n,\n");
    struct net_data *data = net_data_open(&model, data_test_folder(), NULL);

    expect_batch(data, NET_TRAIN, &learnt);
    char *json = net_data_preparation_json(data);

    write_text("preparation.json", json);
    free(json);
    net_data_close(data);

    write_text("others.csv", "tags,text\nY,zz  <unk>\n O O,b\n,\n");
    char *preparation = net_format("%s/preparation.json", data_test_folder());
    char *file = net_format("%s/others.csv", data_test_folder());
    const struct net_opening opening = {
        .folder = data_test_folder(), .preparation = preparation, .labelled = true};

    data = net_data_open_files(&model, (const char *const *)&file, 1, &opening);
    expect_batch(data, NET_TEST, &others);
    expect_text(data, 1, others.next[0], false, "<unk> <unk>");
    expect_text(data, 1, learnt.next[0], true, "[\"a\", \"a\", \"<unk>\"]");
    expect_text(data, 1, others.next[2], false, "");
    expect_text(data, 2, learnt.tags[0], false, "X O X");
    expect_text(data, 2, learnt.tags[2], true, "[]");
    net_data_close(data);
    free(preparation);
    free(file);
}
END_TEST

TCase *readers_test_target_words(void)
{
    TCase *test_case = tcase_create("words as targets");

    tcase_add_checked_fixture(test_case, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(test_case, target_words);
    return test_case;
}
