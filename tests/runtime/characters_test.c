/*
 * characters_test.c -- texts as windows of characters: what the rows are, which of them a split
 * holds, and what their characters become.
 */

#include "support/readers_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { BATCH = 64, LENGTH = 4 };

struct batch {
    int32_t past[BATCH][LENGTH], next[BATCH][LENGTH];
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    for (int i = 0; i < n; i++) {
        memcpy(batch->past[i], fields[0].row[i], sizeof batch->past[i]);
        if (fields[1].row)
            memcpy(batch->next[i], fields[1].row[i], sizeof batch->next[i]);
    }
}

struct fixture {
    struct net_arg source[2], splits[2], steps_args[2][2];
    struct net_call train, test, validation, steps[2];
    struct net_field fields[2];
    struct net_model model;
};

/* Windows of LENGTH characters of t*.txt and those behind them, by n classes. stride 0: default. */
static void make_model(struct fixture *f, int n, int stride)
{
    f->source[0] = (struct net_arg){.name = "file", .text = "t*.txt"};
    f->source[1] = (struct net_arg){.name = "stride", .number = stride, .none = !stride};
    f->train = (struct net_call){
        .name = "text", .args = f->source, .arg_count = 2, .reader = &net_reader_text};
    for (int i = 0; i < 2; i++) {
        f->splits[i] = (struct net_arg){.name = "f", .number = .2};
        f->steps_args[i][0] = (struct net_arg){.name = "n", .number = n};
        f->steps_args[i][1] = (struct net_arg){.name = "ahead", .number = i};
        f->steps[i] = (struct net_call){.name = "characters",
                                        .args = f->steps_args[i],
                                        .arg_count = 2,
                                        .transform = &net_transform_characters};
        f->fields[i] = (struct net_field){.name = i ? "next" : "past",
                                          .source = "text",
                                          .kind = i ? NET_TARGET_CLASS : NET_INPUT_TOKENS,
                                          .rank = 1,
                                          .shape = {LENGTH},
                                          .size = LENGTH,
                                          .classes = n,
                                          .vocabulary = i ? 0 : n,
                                          .numbered_as = i,
                                          .steps = &f->steps[i],
                                          .step_count = 1};
    }
    f->test = (struct net_call){.name = "holdout", .args = &f->splits[0], .arg_count = 1};
    f->validation = (struct net_call){.name = "holdout", .args = &f->splits[1], .arg_count = 1};
    f->model = (struct net_model){.name = "texts",
                                  .batch = BATCH,
                                  .batch_size = sizeof(struct batch),
                                  .fields = f->fields,
                                  .field_count = 2,
                                  .parts = {&f->train, &f->validation, &f->test},
                                  .pack = pack,
                                  .outputs = n * LENGTH};
}

/* A part's rows as text, by the names of classes: "abcd>bcde efgh>fghi". */
static void expect_rows(const struct net_data *data, enum net_part part, const char *expected)
{
    const long count = net_data_rows(data, part);
    long rows[BATCH];
    struct net_text text = {0};
    struct batch batch;
    int n;

    ck_assert_int_le(count, BATCH);
    for (long row = 0; row < count; row++)
        rows[row] = row;
    net_data_pack(data, part, NULL, rows, (int)count, &batch);
    const char *const *names = net_data_vocabulary(data, 0, &n);

    net_text_add(&text, "%s", "");
    for (long row = 0; row < count; row++) {
        net_text_add(&text, row ? " " : "");
        for (int i = 0; i < 2 * LENGTH; i++)
            net_text_add(&text, "%s%s", i == LENGTH ? ">" : "",
                         i < LENGTH ? names[batch.past[row][i]]
                                    : net_data_class_name(data, batch.next[row][i - LENGTH]));
    }
    ck_assert_str_eq(text.at, expected);
    free(text.at);
}

/* The last fifth of 11 windows is the test part, that of the 8 before it the validation part, and a
   window between that shares a character with either is in none. */
START_TEST(windows)
{
    struct fixture f = {0};

    make_model(&f, 64, 0);
    write_text("t.txt", "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST");
    struct net_data *data = net_data_open(&f.model, data_test_folder(), NULL);

    expect_rows(data, NET_TRAIN, "abcd>bcde efgh>fghi ijkl>jklm mnop>nopq qrst>rstu");
    expect_rows(data, NET_VALIDATION, "����>���� ����>����");
    ck_assert_int_eq(net_data_rows(data, NET_TEST), 2);
    char *json = net_data_preparation_json(data);

    write_text("preparation.json", json);
    free(json);
    net_data_close(data);

    write_text("t.txt", "uatsqqqqq"); /* what was learnt is not learnt again */
    char *folder = net_format("%s/preparation.json", data_test_folder());
    const struct net_opening opening = {.folder = data_test_folder(), .preparation = folder};
    char *file = net_format("%s/t.txt", data_test_folder());

    data = net_data_open_files(&f.model, (const char *const *)&file, 1, &opening);
    ck_assert_int_eq(net_data_rows(data, NET_TEST), 2);
    ck_assert_str_eq(net_data_class_name(data, 21), "u");
    net_data_close(data);
    free(folder);
    free(file);
}
END_TEST

/* Windows that overlap: all that reach into what is held out are left out. */
START_TEST(strides)
{
    struct fixture f = {0};

    make_model(&f, 64, 2);
    f.model.parts[NET_VALIDATION] = NULL;
    write_text("t.txt", "abcdefghijabcdefghijabc");
    struct net_data *data = net_data_open(&f.model, data_test_folder(), NULL);

    expect_rows(data, NET_TRAIN, "abcd>bcde cdef>defg efgh>fghi ghij>hija ijab>jabc abcd>bcde");
    expect_rows(data, NET_TEST, "ghij>hija ijab>jabc");
    net_data_close(data);
    make_model(&f, 64, 9);
    f.model.parts[NET_TEST] = f.model.parts[NET_VALIDATION] = NULL;
    data = net_data_open(&f.model, data_test_folder(), NULL);
    expect_rows(data, NET_TRAIN, "abcd>bcde jabc>abcd ijab>jabc");
    net_data_close(data);
}
END_TEST

/* The rows of a part by their numbers in the source: "0 1 4". */
static void expect_numbers(const struct net_data *data, enum net_part part, const char *expected)
{
    struct net_text text = {0};

    for (long i = 0; i < net_data_rows(data, part); i++) {
        long row = i;

        net_data_place(data, part, 0, &row);
        net_text_add(&text, i ? " %ld" : "%ld", row);
    }
    ck_assert_str_eq(text.at, expected);
    free(text.at);
}

START_TEST(folds)
{
    struct fixture f = {0};
    static const char *const held[] = {"0 1", "2 3", "4 5"}, *const kept[] = {"3 4 5", "0 5",
                                                                              "0 1 2"};

    make_model(&f, 64, 0);
    f.model.parts[NET_TEST] = NULL;
    write_text("t.txt", "abcdefghijklmnopqrstuvwxyz");
    for (int k = 0; k < 3; k++) {
        const struct net_opening opening = {.folder = data_test_folder(), .fold = {k + 1, 3}};
        struct net_data *data = net_data_open_by(&f.model, &opening);

        expect_numbers(data, NET_VALIDATION, held[k]);
        expect_numbers(data, NET_TRAIN, kept[k]);
        net_data_close(data);
    }
}
END_TEST

/* The most frequent, of equal ones the smaller; code points; lines of Windows; bytes of Latin-1; no
   window over two files. */
START_TEST(known_characters)
{
    struct fixture f = {0};

    make_model(&f, 5, 0);
    f.model.parts[NET_TEST] = f.model.parts[NET_VALIDATION] = NULL;
    write_text("t1.txt", "\xef\xbb\xbf"
                         "\xe2\x82\xac\xc3\xa9\r\n\xc3\xa9"
                         "a\xe2\x82\xac");
    write_text("t2.txt", "ab\xe9\xe9"
                         "azzzzzz");
    write_text("t3.txt", "abc");
    struct net_data *data = net_data_open(&f.model, data_test_folder(), NULL);

    expect_rows(data, NET_TRAIN, "�é\né>é\néa a�éé>�ééa azzz>zzzz");
    net_data_close(data);
}
END_TEST

static void open_data(const void *model)
{
    net_data_open(model, data_test_folder(), NULL);
}

START_TEST(faults)
{
    struct fixture f = {0};

    make_model(&f, 5, 0);
    write_text("t.txt", "");
    expect_fault(open_data, &f.model,
                 "t.txt: expected a text of 5 characters, as the model's fields read, found 0");
    write_text("t.txt", "abcd");
    expect_fault(open_data, &f.model, "found 4");
    write_text("t.txt", "abcdefghij");
    expect_fault(open_data, &f.model, "test = holdout(0.2) of 2 windows is empty");
    write_text("t.txt", "abcdefghijklmno");
    expect_fault(open_data, &f.model, "validation = holdout(0.2) of 1 windows is empty");
    f.splits[0].number = .6;
    expect_fault(open_data, &f.model, "3 windows are too few to divide");
    write_bytes("t.txt", "ab\0cdefghi", 10, false);
    expect_fault(open_data, &f.model, "t.txt: byte 2: expected text, found a byte 0");
}
END_TEST

TCase *readers_test_characters(void)
{
    TCase *test = tcase_create("characters");

    tcase_add_checked_fixture(test, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(test, windows);
    tcase_add_test(test, strides);
    tcase_add_test(test, folds);
    tcase_add_test(test, known_characters);
    tcase_add_test(test, faults);
    return test;
}
