/*
 * categories_test.c -- inputs of classes: values that training does not have, or that are missing,
 * from csv, jsonl and arrays, and what preparation.json keeps of them.
 */

#include "support/readers_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/transforms/transform.h"

enum { BATCH = 8, CLASSES = 3 };

/* What the model gets of a row: the embedding's row, and the vector of one_hot. */
struct batch {
    int32_t color[BATCH];
    float hot[BATCH][CLASSES];
};

static void pack(void *to, const struct net_rows *fields, int n)
{
    struct batch *batch = to;

    ck_assert_int_eq(fields[0].type, NET_I32);
    for (int i = 0; i < n; i++) {
        batch->color[i] = *(const int32_t *)fields[0].row[i];
        memcpy(batch->hot[i], fields[1].row[i], sizeof batch->hot[i]);
    }
}

/* A model of the column `color`, with these rules, and a target t. */
struct rules {
    const char *unknown, *missing;
    int least; /* min_count */
};

struct fixture {
    struct net_arg args[2][3];
    struct net_call steps[2];
    struct net_field fields[3];
    struct net_model model;
};

static const struct net_arg color_column[] = {{.text = "color"}}, t_column[] = {{.text = "t"}};
static const struct net_arg train_args[] = {{.name = "file", .text = "train.csv"},
                                            {.name = "header", .number = 1},
                                            {.name = "missing", .text = "none"}};
static const struct net_arg test_args[] = {{.name = "file", .text = "test.jsonl"}};
static const struct net_call train = {
    .name = "csv", .args = train_args, .arg_count = 3, .reader = &net_reader_csv};
static const struct net_call test = {
    .name = "jsonl", .args = test_args, .arg_count = 1, .reader = &net_reader_jsonl};

static void make_model(struct fixture *f, struct rules rules)
{
    const struct net_transform *const transforms[] = {&net_transform_classes,
                                                      &net_transform_one_hot};
    const char *const own[] = {"row", "zeros"};

    for (int i = 0; i < 2; i++) {
        const char *const given[] = {rules.unknown, rules.missing};

        for (int a = 0; a < 2; a++)
            f->args[i][a] = (struct net_arg){.name = a ? "missing" : "unknown",
                                             .text = strcmp(given[a], "own") ? given[a] : own[i]};
        f->args[i][2] = (struct net_arg){.name = "min_count", .number = rules.least};
        f->steps[i] = (struct net_call){.name = transforms[i]->name,
                                        .args = f->args[i],
                                        .arg_count = 3,
                                        .transform = transforms[i]};
        f->fields[i] = (struct net_field){.name = i ? "hot" : "color",
                                          .source = "color",
                                          .kind = i ? NET_INPUT : NET_INPUT_TOKENS,
                                          .columns = color_column,
                                          .column_count = 1,
                                          .rank = 1,
                                          .shape = {i ? CLASSES : 1},
                                          .size = i ? CLASSES : 1,
                                          .classes = CLASSES,
                                          .vocabulary = i ? 0 : CLASSES + 2,
                                          .steps = &f->steps[i],
                                          .step_count = 1};
    }
    f->fields[2] = (struct net_field){.name = "t",
                                      .source = "t",
                                      .kind = NET_TARGET_VALUES,
                                      .columns = t_column,
                                      .column_count = 1,
                                      .rank = 1,
                                      .shape = {1},
                                      .size = 1};
    f->model = (struct net_model){.name = "colors",
                                  .batch = BATCH,
                                  .batch_size = sizeof(struct batch),
                                  .fields = f->fields,
                                  .field_count = 3,
                                  .parts = {&train, NULL, &test},
                                  .pack = pack,
                                  .outputs = 1};
}

static void expect_part(const struct net_data *data, enum net_part part, const char *expected)
{
    static const long rows[BATCH] = {0, 1, 2, 3, 4, 5, 6, 7};
    const int count = (int)strlen(expected);
    struct batch batch;

    net_data_pack(data, part, NULL, rows, count, &batch);
    for (int i = 0; i < count; i++) {
        ck_assert_msg(batch.color[i] == expected[i] - '0', "part %d, row %d: %d, expected %c",
                      (int)part, i, batch.color[i], expected[i]);
        for (int c = 0; c < CLASSES; c++)
            ck_assert_float_eq(batch.hot[i][c], (float)(batch.color[i] == c));
    }
}

/* As report.html shows a row of the test part: a name, or that it is of no class. */
static void expect_names(const struct net_data *data, const char *expected)
{
    for (int f = 0; f < 2; f++) {
        struct net_text text = {0};

        for (long row = 0; row < net_data_rows(data, NET_TEST); row++) {
            net_text_add(&text, row ? " " : "");
            net_data_field_text(&text, data, NET_TEST, f, row);
        }
        ck_assert_str_eq(text.at, expected);
        free(text.at);
    }
}

static void write_preparation(const struct net_model *model)
{
    struct net_data *data = net_data_open(model, data_test_folder(), NULL);
    char *json = net_data_preparation_json(data);

    write_text("preparation.json", json);
    free(json);
    net_data_close(data);
}

/* The same by what was fitted and by what preparation.json kept of it. */
static void check_rules(struct rules rules, const char *of_train, const char *of_test)
{
    char *path = net_format("%s/preparation.json", data_test_folder());
    struct fixture f;

    make_model(&f, rules);
    for (int kept = 0; kept < 2; kept++) {
        struct net_data *data = net_data_open(&f.model, data_test_folder(), kept ? path : NULL);

        expect_part(data, NET_TRAIN, of_train);
        expect_part(data, NET_TEST, of_test);
        net_data_close(data);
        write_preparation(&f.model);
    }
    free(path);
}

static void write_colors(const char *csv, const char *json)
{
    char text[512] = "color,t\n", lines[512] = "", word[16];
    int length;

    for (; sscanf(csv, "%15[^ ]%n", word, &length) == 1; csv += length + (csv[length] == ' '))
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s,1\n",
                 strcmp(word, "-") ? word : "");
    for (; sscanf(json, "%15[^ ]%n", word, &length) == 1; json += length + (json[length] == ' '))
        snprintf(lines + strlen(lines), sizeof lines - strlen(lines),
                 strcmp(word, "-") ? "{\"color\": %s, \"t\": 2}\n" : "{\"t\": 2}\n", word);
    write_text("train.csv", text);
    write_text("test.jsonl", lines);
}

/* In training red 3 times, blue 2, green 1; rows 3 and 4 of the embedding are those behind. */
START_TEST(names)
{
    write_colors("red blue - red green none blue red", "\"blue\" \"pink\" null - \"green\"");
    check_rules((struct rules){"own", "own", 1}, "20421402", "03441");
    check_rules((struct rules){"own", "mode", 1}, "20221202", "03221");
    check_rules((struct rules){"own", "own", 2}, "10413401", "03443");
    write_colors("red blue - red green none blue red", "\"blue\" null - \"green\" \"red\"");
    check_rules((struct rules){"error", "own", 1}, "20321302", "03312");
    check_rules((struct rules){"error", "mode", 1}, "20221202", "02212");
}
END_TEST

START_TEST(shown)
{
    static const struct {
        const char *csv, *json, *names;
    } cases[] = {
        {"red blue - red green", "\"blue\" \"pink\" null \"red\"", "blue – – red"},
        {"2 0 10 2", "0 2.0 7 10", "0 2 – 10"},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        struct fixture f;

        write_colors(cases[i].csv, cases[i].json);
        make_model(&f, (struct rules){"own", "own", 1});
        struct net_data *data = net_data_open(&f.model, data_test_folder(), NULL);

        expect_names(data, cases[i].names);
        net_data_close(data);
    }
}
END_TEST

/* Whole numbers below n are themselves, unless training says which are known. */
START_TEST(numbers)
{
    write_colors("2 0 - 2 0 none 2 2", "0 2.0 - null 1");
    check_rules((struct rules){"error", "own", 1}, "20320322", "02331");
    check_rules((struct rules){"error", "mode", 1}, "20220222", "02221");
    check_rules((struct rules){"own", "own", 1}, "10410411", "01443");
}
END_TEST

static void open_model_of(const void *model)
{
    net_data_close(net_data_open(model, data_test_folder(), NULL));
}

static void open_model(const void *rules)
{
    struct fixture f;

    make_model(&f, *(const struct rules *)rules);
    open_model_of(&f.model);
}

START_TEST(faults)
{
    const struct rules none = {"error", "error", 1}, unknown = {"own", "error", 1};
    const struct rules rare = {"own", "mode", 4};

    write_colors("red blue red", "\"pink\"");
    expect_fault(open_model, &none,
                 "test.jsonl: row 0 (from 0): expected color to be a class of the training data, "
                 "found \"pink\"; `unknown` of its transform");
    write_colors("red - red", "\"red\"");
    expect_fault(open_model, &unknown,
                 "line 3 (row 1), column color: expected a class, found nothing; `missing=mode`");
    write_colors("red - red blue red", "\"red\"");
    expect_fault(open_model, &rare,
                 "no value of color is in 4 training rows: classes(min_count=4)");
    write_colors("red blue green pink", "\"red\"");
    expect_fault(open_model, &unknown, "color has 4 different values, classes(3) has room for 3");
}
END_TEST

/* An array of integers, several a row: those beyond are unknown, NaN is missing. */
START_TEST(array)
{
    static const double cells[] = {0, 2, 1, 7, -1, 2.5, NAN, 2};
    struct fixture f;
    struct net_fitted fitted = {0};
    struct net_values values;
    struct net_column column = {.name = "ids",
                                .place = "ids.npy",
                                .type = NET_F64,
                                .rank = 1,
                                .shape = {4},
                                .rows = 2,
                                .size = 4,
                                .at = (void *)cells};
    static const int32_t expected[] = {0, 2, 1, 3, 3, 3, 4, 2};

    make_model(&f, (struct rules){"own", "own", 1});
    f.fields[0].size = f.fields[0].shape[0] = 4;
    net_values_open(&values, &f.fields[0], &column);
    net_transform_classes.fit(&fitted, &values, &f.steps[0], NULL, 2);
    net_transform_classes.apply(&values, &f.steps[0], &fitted);
    ck_assert_int_eq(values.column.size, 4);
    ck_assert_mem_eq(values.column.at, expected, sizeof expected);
    free(values.owned);
    free(values.scale);
    free(values.shift);
}
END_TEST

/* ---- Two columns with the same numbers ------------------------------------------------------- */

static const struct net_arg other_column[] = {{.text = "other"}};

/* The vector is of another column, whose values have the numbers of the first one's. */
static void make_joined(struct fixture *f, struct rules rules)
{
    make_model(f, rules);
    f->fields[1].source = "other";
    f->fields[1].columns = other_column;
    f->fields[1].numbered_as = 1;
}

static void expect_joined(const struct net_data *data, const char *colors, const char *others)
{
    static const long rows[BATCH] = {0, 1, 2, 3};
    const int count = (int)strlen(colors);
    struct batch batch;

    net_data_pack(data, NET_TRAIN, NULL, rows, count, &batch);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(batch.color[i], colors[i] - '0');
        for (int c = 0; c < CLASSES; c++)
            ck_assert_float_eq(batch.hot[i][c], (float)(c == others[i] - '0'));
    }
}

static void open_kept(const void *model)
{
    char *path = net_format("%s/preparation.json", data_test_folder());

    net_data_close(net_data_open(model, data_test_folder(), path));
}

/* Sorted together, counted together; the most frequent of each column is its own. */
START_TEST(joined)
{
    char *path = net_format("%s/preparation.json", data_test_folder());
    struct fixture f;

    write_text("train.csv", "color,other,t\nred,blue,1\nred,green,1\ngreen,green,1\n,,1\n");
    write_text("test.jsonl", "{\"color\": \"blue\", \"other\": \"red\", \"t\": 1}\n");
    make_joined(&f, (struct rules){"error", "mode", 1});
    for (int kept = 0; kept < 2; kept++) {
        struct net_data *data = net_data_open(&f.model, data_test_folder(), kept ? path : NULL);

        expect_joined(data, "2212", "0111");
        net_data_close(data);
        write_preparation(&f.model);
    }
    make_joined(&f, (struct rules){"own", "own", 2}); /* green is there 3 times, blue once */
    write_preparation(&f.model);
    open_kept(&f.model);
    struct net_data *data = net_data_open(&f.model, data_test_folder(), path);

    expect_joined(data, "1104", "3003");
    net_data_close(data);
    f.fields[1].numbered_as = 0; /* apart: green and red, and green alone */
    write_preparation(&f.model);
    f.fields[1].numbered_as = 1;
    expect_fault(open_kept, &f.model, "expected hot to have the numbers of color: the run is of");
    write_text("train.csv", "color,other,t\nred,blue,1\nred,green,1\ngreen,pink,1\n,,1\n");
    make_joined(&f, (struct rules){"own", "own", 1});
    expect_fault(open_model_of, &f.model,
                 "color and the inputs that share its numbers have 4 different values, classes(3)");
    free(path);
}
END_TEST

enum { LENGTH = 3 };

struct texts {
    int32_t id[2][BATCH][LENGTH];
};

static void pack_texts(void *to, const struct net_rows *fields, int n)
{
    struct texts *batch = to;

    for (int f = 0; f < 2; f++)
        for (int i = 0; i < n; i++)
            memcpy(batch->id[f][i], fields[f].row[i], sizeof batch->id[f][i]);
}

/* One vocabulary of both columns' words, the most frequent of both together first. */
START_TEST(joined_words)
{
    static const struct net_arg args[] = {
        {.name = "vocabulary", .number = 3}, {.name = "length", .number = LENGTH},
        {.name = "min_count", .number = 1},  {.name = "min_letters", .number = 1},
        {.name = "lower", .number = 1},      {.name = "strip", .none = true},
        {.name = "stopwords", .none = true}};
    static const struct net_call tokens = {
        .name = "tokens", .args = args, .arg_count = 7, .transform = &net_transform_tokens};
    static const int32_t expected[2][2][LENGTH] = {{{3, 2, 0}, {3, 1, 0}}, {{2, 4, 0}, {4, 2, 2}}};
    static const long rows[] = {0, 1};
    struct fixture f;
    struct texts batch;

    write_text("train.csv", "color,other,t\nb a,a c,1\nB d,c a a,1\n");
    write_text("test.jsonl", "{\"color\": \"c\", \"other\": \"b\", \"t\": 1}\n");
    make_joined(&f, (struct rules){"error", "error", 1});
    for (int i = 0; i < 2; i++) {
        f.fields[i].kind = NET_INPUT_TOKENS;
        f.fields[i].classes = 0;
        f.fields[i].vocabulary = 5;
        f.fields[i].shape[0] = f.fields[i].size = LENGTH;
        f.fields[i].steps = &tokens;
    }
    f.model.batch_size = sizeof batch;
    f.model.pack = pack_texts;
    struct net_data *data = net_data_open(&f.model, data_test_folder(), NULL);

    net_data_pack(data, NET_TRAIN, NULL, rows, 2, &batch);
    for (int i = 0; i < 2; i++)
        ck_assert_mem_eq(batch.id[i], expected[i], sizeof expected[i]);
    net_data_close(data);
}
END_TEST

TCase *readers_test_categories(void)
{
    TCase *tcase = tcase_create("categories");

    tcase_add_checked_fixture(tcase, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(tcase, names);
    tcase_add_test(tcase, numbers);
    tcase_add_test(tcase, shown);
    tcase_add_test(tcase, faults);
    tcase_add_test(tcase, array);
    tcase_add_test(tcase, joined);
    tcase_add_test(tcase, joined_words);
    return tcase;
}
