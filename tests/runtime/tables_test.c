/*
 * tables_test.c -- csv and jsonl: the numbers, classes and texts that are read.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "support/readers_test.h"

static const struct net_call impute_step[] = {
    {.name = "impute",
     .args = (const struct net_arg[]){{.name = "what", .text = "missing"}},
     .arg_count = 1}};

/* Fields of the table under test: numbers of a range, one number that may be missing, a class, and
   a text. */
static const struct net_arg range_a_c[] = {{.text = "a"}, {.text = "c"}};
static const struct net_arg only_b[] = {{.text = "b"}}, only_kind[] = {{.text = "kind"}},
                            only_text[] = {{.text = "text"}},
                            a_and_b[] = {{.text = "a"}, {.text = "b"}};
static const struct net_field numbers_field = {.name = "x",
                                               .source = "a..c",
                                               .kind = NET_INPUT,
                                               .columns = range_a_c,
                                               .column_count = 2,
                                               .column_range = true,
                                               .rank = 1,
                                               .shape = {3},
                                               .size = 3};
static const struct net_field listed_field = {.name = "x",
                                              .source = "a, b",
                                              .kind = NET_INPUT,
                                              .columns = a_and_b,
                                              .column_count = 2,
                                              .rank = 1,
                                              .shape = {2},
                                              .size = 2};
const struct net_field number_field = {
    .name = "b", .source = "b", .kind = NET_INPUT, .columns = only_b, .column_count = 1, .size = 1};
static const struct net_field imputed_field = {.name = "b",
                                               .source = "b",
                                               .kind = NET_INPUT,
                                               .columns = only_b,
                                               .column_count = 1,
                                               .size = 1,
                                               .steps = impute_step,
                                               .step_count = 1};
const struct net_field class_field = {.name = "kind",
                                      .source = "kind",
                                      .kind = NET_TARGET_CLASS,
                                      .columns = only_kind,
                                      .column_count = 1,
                                      .size = 1,
                                      .classes = 3,
                                      .steps = impute_step};
const struct net_field text_field = {.name = "text",
                                     .source = "text",
                                     .kind = NET_INPUT_TOKENS,
                                     .columns = only_text,
                                     .column_count = 1,
                                     .size = 8};
START_TEST(csv_numbers)
{
    static const char *const files[] = {
        "z,a,b,c\n9,1,2.5,-3\n9,1e2,.5,+7\n",
        "z,a,b,c\r\n9,1,2.5,-3\r\n9,1e2,.5,+7\r\n",
        "\xef\xbb\xbfz,a,b,c\n\n9, 1 ,\"2.5\",-3\n\n9,100,5e-1,7.0",
        "\"z\",\"a\", b ,\"c\"\n\"x,\n\"\"y\",1,2.5,-3\n,1E+2,0.50,7\n\r\n",
    };

    for (int i = 0; i < 2 * LENGTH(files); i++) {
        write_bytes("t.csv", files[i / 2], strlen(files[i / 2]), i % 2);
        struct net_table table = read_table(&net_reader_csv, "t.csv", true, &numbers_field, 1);

        ck_assert_int_eq(table.columns[0].rows, 2);
        ck_assert_int_eq(table.columns[0].size, 3);
        ck_assert_str_eq(table.columns[0].elements[2], "c");
        ck_assert_double_eq(number_at(&table, 0, 0, 0), 1);
        ck_assert_double_eq(number_at(&table, 0, 0, 1), 2.5);
        ck_assert_double_eq(number_at(&table, 0, 0, 2), -3);
        ck_assert_double_eq(number_at(&table, 0, 1, 0), 100);
        ck_assert_double_eq(number_at(&table, 0, 1, 1), .5);
        ck_assert_double_eq(number_at(&table, 0, 1, 2), 7);
        net_table_free(&table);
    }
}
END_TEST

/* Times in seconds, and numbers of customers, have no room in single precision. */
START_TEST(csv_doubles)
{
    write_text("t.csv", "a,b,c\n1700000119,9007199254740991,0.1\n");
    struct net_table table = read_table(&net_reader_csv, "t.csv", true, &numbers_field, 1);

    ck_assert_double_eq(number_at(&table, 0, 0, 0), 1700000119);
    ck_assert_double_eq(number_at(&table, 0, 0, 1), 9007199254740991);
    ck_assert_double_eq(number_at(&table, 0, 0, 2), .1);
    net_table_free(&table);
}
END_TEST

START_TEST(csv_without_header)
{
    static const struct net_arg second_third[] = {{.number = 2}, {.number = 3}};
    const struct net_field field = {.name = "x",
                                    .source = "2..3",
                                    .kind = NET_INPUT,
                                    .columns = second_third,
                                    .column_count = 2,
                                    .column_range = true,
                                    .size = 2};

    write_text("part_b.csv", "7,8,9\n");
    write_text("part_a.csv", "1,2,3\n4,5,6\n");
    struct net_table table = read_table(&net_reader_csv, "part_*.csv", false, &field, 1);

    ck_assert_int_eq(table.columns[0].rows, 3);
    ck_assert_double_eq(number_at(&table, 0, 0, 0), 2);
    ck_assert_double_eq(number_at(&table, 0, 1, 1), 6);
    ck_assert_double_eq(number_at(&table, 0, 2, 1), 9);
    ck_assert_str_eq(table.columns[0].elements[0], "2");
    net_table_free(&table);
}
END_TEST

START_TEST(csv_fields)
{
    const struct net_field fields[] = {imputed_field, class_field, text_field};
    struct net_scratch scratch = {0};

    write_text("t.csv", "b,kind,text\n1,pear,plain text\n"
                        ",apple,\"a \"\"quoted\"\", one\"\nNA,pear,\n"
                        "?,fig,\"\"\n-0.25,apple,5\" screen\n");
    struct net_table table = read_table(&net_reader_csv, "t.csv", true, fields, 3);
    const char *const texts[] = {"plain text", "a \"quoted\", one", "", "", "5\" screen"};
    const int kinds[] = {2, 0, 2, 1, 0};

    ck_assert_int_eq(table.columns[2].rows, 5);
    for (int row = 0; row < 5; row++) {
        const struct net_slice slice = net_text_row(&table.columns[2], row, &scratch);

        ck_assert_int_eq(*(const int32_t *)net_row(&table.columns[1], row), kinds[row]);
        ck_assert_uint_eq(slice.length, strlen(texts[row]));
        ck_assert_mem_eq(slice.at, texts[row], slice.length);
    }
    ck_assert_double_eq(number_at(&table, 0, 0, 0), 1);
    ck_assert(isnan(number_at(&table, 0, 1, 0)) && isnan(number_at(&table, 0, 2, 0)) &&
              isnan(number_at(&table, 0, 3, 0)));
    ck_assert_double_eq(number_at(&table, 0, 4, 0), -.25);
    ck_assert_str_eq(net_string(table.columns[1].strings, 1), "fig");
    free(scratch.at);
    net_table_free(&table);
}
END_TEST

/* Names of classes are what stands in the file. */
START_TEST(csv_names)
{
    static const char *const names[] = {"\xc3\x91", "a\nb \xc3\xbf", "\xf0\x9f\x98\x80"};

    write_text("t.csv", "kind\n\xc3\x91\n\"a\nb \xc3\xbf\"\n\xf0\x9f\x98\x80\n");
    struct net_table table = read_table(&net_reader_csv, "t.csv", true, &class_field, 1);

    for (int row = 0; row < 3; row++)
        ck_assert_str_eq(
            net_string(table.columns[0].strings, *(const int32_t *)net_row(&table.columns[0], row)),
            names[row]);
    net_table_free(&table);
}
END_TEST

START_TEST(jsonl_fields)
{
    const struct net_field fields[] = {imputed_field, class_field, text_field, listed_field};
    struct net_scratch scratch = {0};

    write_text("t.jsonl",
               "{\"b\": 1.5, \"kind\": \"pear\", \"text\": \"a\\u00f1o \\ud83d\\ude00\\n\", "
               "\"a\": 2}\n"
               "\n"
               "  {\"text\":\"\",\"a\":-1e1,\"other\":{\"x\":[1,{\"y\":null}],\"z\":\"]\"},"
               "\"kind\":7,\"b\":1}\r\n"
               "{\"a\": 3, \"b\": 0, \"kind\": false, \"text\": \"\"}");
    struct net_table table = read_table(&net_reader_jsonl, "t.jsonl", true, fields, 4);
    const char *const texts[] = {"a\xc3\xb1o \xf0\x9f\x98\x80\n", "", ""};
    const double a[] = {2, -10, 3}, b[] = {1.5, 1, 0};
    const char *const kinds[] = {"pear", "7", "false"};

    for (int row = 0; row < 3; row++) {
        const struct net_slice slice = net_text_row(&table.columns[2], row, &scratch);
        const int kind = *(const int32_t *)net_row(&table.columns[1], row);

        ck_assert_uint_eq(slice.length, strlen(texts[row]));
        ck_assert_mem_eq(slice.at, texts[row], slice.length);
        ck_assert_double_eq(number_at(&table, 0, row, 0), b[row]);
        ck_assert_double_eq(number_at(&table, 3, row, 0), a[row]);
        ck_assert_double_eq(number_at(&table, 3, row, 1), b[row]);
        ck_assert_str_eq(net_string(table.columns[1].strings, kind), kinds[row]);
    }
    free(scratch.at);
    net_table_free(&table);
}
END_TEST
/* A column of true and false alone is numbers; what may be missing stands between them. */
START_TEST(truths)
{
    static const double expected[] = {1, 0, NAN, 1, NAN};
    static const struct {
        const struct net_reader *reader;
        const char *text;
    } cases[] = {
        {&net_reader_csv, "b\nTrue\nFALSE\nNA\ntrue\n\"\"\n"},
        {&net_reader_jsonl, "{\"b\": true}\n{\"b\": false}\n{\"b\": null}\n{\"b\": true}\n"
                            "{\"b\": \"NA\"}\n"},
        {&net_reader_csv, "b\n1\n0\nnan\n+1.0\n?\n"},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        write_text("t", cases[i].text);
        struct net_table table = read_table(cases[i].reader, "t", true, &imputed_field, 1);

        ck_assert_int_eq(table.columns[0].rows, LENGTH(expected));
        for (int row = 0; row < LENGTH(expected); row++) {
            const double found = number_at(&table, 0, row, 0);

            ck_assert(found == expected[row] || (isnan(found) && isnan(expected[row])));
        }
        net_table_free(&table);
    }
}
END_TEST

static void read_two_files(const void *context)
{
    struct net_table table = read_table(&net_reader_csv, "t?", true, context, 1);

    net_table_free(&table);
}

static void read_without_headers(const void *context)
{
    struct net_table table = read_table(&net_reader_csv, "t?", false, context, 1);

    net_table_free(&table);
}

START_TEST(headers_differ)
{
    static const struct net_arg second[] = {{.number = 2}};
    const struct net_field by_number = {
        .name = "x", .columns = second, .column_count = 1, .size = 1, .rank = 1, .shape = {1}};
    const struct {
        const struct net_field *field;
        const char *other, *fault;
    } cases[] = {
        {&number_field, "a,c\n1,2\n", "t2: line 1: expected a column b, found a, c\n"},
        {&number_field, "a\n1\n", "t2: line 1: expected a column b, found a"},
        {&by_number, "a,c\n1,2\n", "t2: line 1: expected a column b, found a, c\n"},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        write_text("t1", "a,b\n1,2\n");
        write_text("t2", cases[i].other);
        expect_fault(read_two_files, cases[i].field, cases[i].fault);
    }
    write_text("t1", "1,2\n");
    write_text("t2", "1\n");
    expect_fault(read_without_headers, &by_number, "t2: line 1: 1 columns, ");
}
END_TEST

/* However the model names them, the columns of another file may stand elsewhere, and others beside
   them. */
START_TEST(headers_in_another_order)
{
    static const struct net_arg names[] = {{.text = "a"}, {.text = "c"}},
                                numbers[] = {{.number = 2}, {.number = 3}, {.number = 4}},
                                ends[] = {{.number = 2}, {.number = 4}};
    const struct net_field fields[] = {
        numbers_field,
        {.name = "x", .columns = names, .column_count = 2, .column_range = true},
        {.name = "x", .columns = numbers, .column_count = 3},
        {.name = "x", .columns = ends, .column_count = 2, .column_range = true},
    };
    const double wanted[3][3] = {{1, 2, 3}, {4, 5, 6}, {9, 8, 7}};

    write_text("t1", "z,a,b,c\n9,1,2,3\n");
    write_text("t2", "c,y,b,a,x\n6,9,5,4,9\n7,9,8,9,9\n");
    for (int f = 0; f < LENGTH(fields); f++) {
        struct net_table table = read_table(&net_reader_csv, "t?", true, &fields[f], 1);

        ck_assert_int_eq(table.columns[0].rows, 3);
        for (int row = 0; row < 3; row++)
            for (int k = 0; k < 3; k++)
                ck_assert_double_eq(number_at(&table, 0, row, k), wanted[row][k]);
        net_table_free(&table);
    }
}
END_TEST

/* A name that two columns have says nothing: such a column keeps its place, under its name. */
START_TEST(columns_of_one_name)
{
    static const struct net_arg numbers[] = {{.number = 1}, {.number = 2}};
    const struct net_field field = {.name = "x", .columns = numbers, .column_count = 2};

    write_text("t1", "b,a,a\n1,2,3\n");
    write_text("t2", "a,a,b\n4,5,6\n");
    struct net_table table = read_table(&net_reader_csv, "t?", true, &field, 1);

    ck_assert_double_eq(number_at(&table, 0, 1, 0), 6);
    ck_assert_double_eq(number_at(&table, 0, 1, 1), 5);
    net_table_free(&table);
    write_text("t2", "a,b,a\n4,5,6\n");
    expect_fault(read_two_files, &field,
                 "t2: line 1: column 2 is b, in the run's first file it is a, one of two");
}
END_TEST

/* Many names that are looked for in as many: no square of them. */
START_TEST(wide_headers)
{
    enum { WIDTH = 50000 };
    static const struct net_arg ends[] = {{.number = 1}, {.number = WIDTH}};
    const struct net_field field = {
        .name = "x", .columns = ends, .column_count = 2, .column_range = true};
    char *text = net_allocate(WIDTH, 16);

    for (int file = 0; file < 2; file++) {
        char *to = text;

        for (int line = 0; line < 2; line++)
            for (int k = 0; k < WIDTH; k++)
                to += sprintf(to, "%s%d%c", line ? "" : "c", file ? WIDTH - k : k + 1,
                              k + 1 < WIDTH ? ',' : '\n');
        write_text(file ? "t2" : "t1", text);
    }
    struct net_table table = read_table(&net_reader_csv, "t?", true, &field, 1);

    for (int row = 0; row < 2; row++)
        for (int k = 0; k < WIDTH; k++)
            ck_assert_double_eq(number_at(&table, 0, row, k), k + 1);
    net_table_free(&table);
    free(text);
}
END_TEST

/* The same of the members of a line. */
START_TEST(wide_lines)
{
    enum { WIDTH = 50000 };
    char *text = net_allocate(WIDTH, 24), *to = text, (*names)[8] = net_allocate(WIDTH, 8);
    struct net_arg *columns = net_allocate(WIDTH, sizeof *columns);
    const struct net_field field = {.name = "x", .columns = columns, .column_count = WIDTH};

    for (int k = 0; k < WIDTH; k++) {
        snprintf(names[k], sizeof names[k], "c%d", k);
        columns[k].text = names[k];
    }
    for (int k = WIDTH; k-- > 0;)
        to += sprintf(to, "%s\"c%d\":%d%s", k == WIDTH - 1 ? "{" : ",", k, k, k ? "" : "}\n");
    write_text("t", text);
    struct net_table table = read_table(&net_reader_jsonl, "t", true, &field, 1);

    for (int k = 0; k < WIDTH; k++)
        ck_assert_double_eq(number_at(&table, 0, 0, k), k);
    net_table_free(&table);
    free(columns);
    free(names);
    free(text);
}
END_TEST

/* ---- numbers --------------------------------------------------------------------------------- */

START_TEST(numbers_are_exact)
{
    unsigned long long state = 88172645463325252ull;
    char text[64];

    for (int i = 0; i < 200000; i++) {
        double number;
        int length;

        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        const int digits = (int)(state % 20);
        const double x = (double)(state >> 20) * pow(10, (double)(state % 37) - 24) *
                         (state & 64 ? -1 : 1);

        switch (i % 3) {
        case 0:
            length = snprintf(text, sizeof text, "%.*f", digits % 12, fmod(x, 1e9));
            break;
        case 1:
            length = snprintf(text, sizeof text, "%.*e", digits, x);
            break;
        default:
            length = snprintf(text, sizeof text, "%.*g", digits, x);
            break;
        }
        ck_assert_int_eq(net_parse_number(text, (size_t)length, &number), NET_PARSED);
        ck_assert_msg(number == strtod(text, NULL), "%s: %.17g", text, number);
    }
}
END_TEST

/* A cell may end with its file, and that with a page of memory: what lies behind is not touched. */
START_TEST(numbers_end_with_a_page)
{
    static const char *const cells[] = {"7",   "2.5",  "1e0", "-1.5e-3", "123456789012345678901",
                                        "NA",  "pear", "-",   "1e",      ".",
                                        " 1e0"};
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *const end = (char *)mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
                                   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) +
                      page;

    ck_assert_int_eq(mprotect(end, page, PROT_NONE), 0);
    for (int i = 0; i < LENGTH(cells); i++) {
        const size_t length = strlen(cells[i]);
        double number = 0, expected = 0;

        memcpy(end - length, cells[i], length);
        ck_assert_int_eq(net_parse_number(end - length, length, &number),
                         net_parse_number(cells[i], length, &expected));
        ck_assert_double_eq(number, expected);
    }
}
END_TEST

/* The quotes that a call names, and others as letters; read back from the file. */
START_TEST(quotes_of_cells)
{
    static const char *const marks[] = {"'", "none", "double"};
    static const char *const wanted[3][2] = {
        {"it's \"a\", b\nc", "\"x\""}, {"'it''s", "\"x\""}, {"'it''s", "x"}};
    static const char *const files[] = {"text,kind\n'it''s \"a\", b\nc',fig\n\"x\",'pear'\n",
                                        "text,kind\n'it''s,fig\n\"x\",'pear'\n"};
    const struct net_field fields[] = {text_field, class_field};
    struct net_scratch scratch = {0};

    for (int i = 0; i < 3; i++) {
        const struct net_arg args[] = {{.name = "file", .text = "t.csv"},
                                       {.name = "quote", .text = marks[i]}};
        const struct net_call call = {
            .name = "csv", .args = args, .arg_count = 2, .reader = &net_reader_csv};
        const struct net_request request = {
            .call = &call, .folder = data_test_folder(), .fields = fields, .field_count = 2};
        struct net_table table = {0};

        write_text("t.csv", files[i > 0]);
        net_reader_csv.open(&table, &request);
        for (int row = 0; row < 2; row++) {
            const struct net_slice text = net_text_row(&table.columns[0], row, &scratch);

            ck_assert_int_eq(text.length, strlen(wanted[i][row]));
            ck_assert_int_eq(memcmp(text.at, wanted[i][row], text.length), 0);
        }
        ck_assert_str_eq(net_string(table.columns[1].strings, i ? 0 : 1), i ? "'pear'" : "pear");
        net_table_free(&table);
    }
    free(scratch.at);
}
END_TEST

TCase *readers_test_tables(void)
{
    const TTest *const tests[] = {
        csv_numbers,
        csv_doubles,
        csv_without_header,
        csv_fields,
        csv_names,
        quotes_of_cells,
        jsonl_fields,
        truths,
        headers_differ,
        headers_in_another_order,
        columns_of_one_name,
        wide_headers,
        wide_lines,
        numbers_are_exact,
        numbers_end_with_a_page,
    };
    TCase *files = tcase_create("tables");

    tcase_add_checked_fixture(files, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(files, tests[i]);
    return files;
}
