/*
 * sources.c -- tables (csv, jsonl) and records (CIFAR): what is read, and that every broken
 * file ends with its name, a place and a remedy. Words are in readers_test.c,
 * archives in npz_test.c.
 */

#define _GNU_SOURCE

#include "support/readers_test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "data/sources/source.h"

#define LENGTH(list) ((int)(sizeof(list) / sizeof *(list)))

/* ---- tables ---------------------------------------------------------------------------------- */

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
static const struct net_field number_field = {
    .name = "b", .source = "b", .kind = NET_INPUT, .columns = only_b, .column_count = 1, .size = 1};
static const struct net_field imputed_field = {.name = "b",
                                               .source = "b",
                                               .kind = NET_INPUT,
                                               .columns = only_b,
                                               .column_count = 1,
                                               .size = 1,
                                               .steps = impute_step,
                                               .step_count = 1};
static const struct net_field class_field = {.name = "kind",
                                             .source = "kind",
                                             .kind = NET_TARGET_CLASS,
                                             .columns = only_kind,
                                             .column_count = 1,
                                             .size = 1,
                                             .classes = 3,
                                             .steps = impute_step};
static const struct net_field text_field = {.name = "text",
                                            .source = "text",
                                            .kind = NET_INPUT_TOKENS,
                                            .columns = only_text,
                                            .column_count = 1,
                                            .size = 8};

struct net_table read_table(const struct net_reader *reader, const char *file, bool header,
                            const struct net_field *fields, int field_count)
{
    const struct net_arg args[] = {{.name = "file", .text = file},
                                   {.name = "header", .number = header}};
    const struct net_call call = {
        .name = reader->name, .args = args, .arg_count = 2, .reader = reader};
    const struct net_request request = {
        .call = &call, .folder = data_test_folder(), .fields = fields, .field_count = field_count};
    struct net_table table = {0};

    reader->open(&table, &request);
    return table;
}

static double number_at(const struct net_table *table, int f, long row, int k)
{
    return net_element(&table->columns[f], row, k);
}

void write_text(const char *name, const char *text)
{
    write_bytes(name, text, strlen(text), false);
}

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
    ck_assert_str_eq(net_string(table.columns[1].words, 1), "fig");
    free(scratch.at);
    net_table_free(&table);
}
END_TEST

/* Names of classes are kept as JSON and printed on a line. */
START_TEST(csv_names)
{
    static const char *const names[] = {"\xc3\x91", "a b \xc3\xbf", "\xf0\x9f\x98\x80"};

    write_text("t.csv", "kind\n\xc3\x91\n\"a\nb \xc3\xbf\"\n\xf0\x9f\x98\x80\n");
    struct net_table table = read_table(&net_reader_csv, "t.csv", true, &class_field, 1);

    for (int row = 0; row < 3; row++)
        ck_assert_str_eq(
            net_string(table.columns[0].words, *(const int32_t *)net_row(&table.columns[0], row)),
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
               "\"kind\":7,\"b\":true}\r\n"
               "{\"a\": \"3\", \"b\": 0, \"kind\": false, \"text\": \"\"}");
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
        ck_assert_str_eq(net_string(table.columns[1].words, kind), kinds[row]);
    }
    free(scratch.at);
    net_table_free(&table);
}
END_TEST

struct table_fault {
    const struct net_reader *reader;
    const struct net_field *field;
    const char *text; /* of the file */
    const char *message;
};

static void read_faulty(const void *context)
{
    const struct table_fault *fault = context;
    struct net_table table = read_table(fault->reader, "t", true, fault->field, 1);

    net_table_free(&table);
}

static const struct net_field beyond = {.name = "x",
                                        .source = "7",
                                        .kind = NET_INPUT,
                                        .column_count = 1,
                                        .size = 1,
                                        .columns = (const struct net_arg[]){{.number = 7}}};
static const struct net_field backwards = {
    .name = "x",
    .source = "c..a",
    .kind = NET_INPUT,
    .column_count = 2,
    .size = 1,
    .columns = (const struct net_arg[]){{.text = "c"}, {.text = "a"}},
    .column_range = true};

START_TEST(table_faults)
{
    static const struct table_fault cases[] = {
        {&net_reader_csv, &number_field, "", "t: expected a header, found an empty file"},
        {&net_reader_csv, &number_field, "a,b\n", "t: expected rows, found none"},
        {&net_reader_csv, &number_field, "a,bb\n1,2\n",
         "t: line 1: expected a column b, found a, ..."},
        {&net_reader_csv, &number_field, "b,b\n1,2\n", "two columns are called b, number 1 and 2"},
        {&net_reader_csv, &beyond, "a,b\n1,2\n", "there is no column 7, only 2"},
        {&net_reader_csv, &backwards, "a,b,c\n1,2,3\n", "line 1: column a stands before c"},
        {&net_reader_csv, &number_field, "a,b\n1,2\n1\n",
         "t: line 3 (row 1): expected 2 cells, found 1"},
        {&net_reader_csv, &number_field, "a,b\n\"x\ny\",2\n1,2,3\n",
         "t: line 4 (row 1): expected 2 cells, found 3"},
        {&net_reader_csv, &number_field, "a,b\n1,two\n",
         "t: line 2 (row 0), column b: expected a number, found \"two\""},
        {&net_reader_csv, &number_field, "a,b\n1,1e39\n", "expected a 32-bit number, found 1e39"},
        {&net_reader_csv, &number_field, "a,b\n1,0x10\n", "expected a number, found \"0x10\""},
        {&net_reader_csv, &number_field, "a,b\n1,inf\n", "expected a number, found \"inf\""},
        {&net_reader_csv, &number_field, "a,b\n1,1.2.3\n", "expected a number, found \"1.2.3\""},
        {&net_reader_csv, &number_field, "a,b\n1,\n",
         "t: line 2 (row 0), column b: expected a number, found nothing; `-> impute(missing, "
         "mean)`"},
        {&net_reader_csv, &number_field, "a,b\n1,NA\n", "found \"NA\"; `-> impute"},
        {&net_reader_csv, &number_field, "a,b\n1,na\n",
         "found \"na\"; missing numbers are written NA, N/A, NaN, nan, null, ? or not at all"},
        {&net_reader_csv, &number_field, "a;b\n1;2\n",
         "expected a column b, found a;b; cells are separated by commas, this file seems to be by "
         "`;`"},
        {&net_reader_csv, &number_field, "a\tb\n1\t2\n", "this file seems to be by tabs"},
        {&net_reader_csv, &number_field, "a,b\n1,\"2\n3,4\n",
         "t: line 2: a quote opens here and is never closed"},
        {&net_reader_csv, &number_field, "a,b\n\"x\"y,4\n",
         "t: line 2: expected a comma or the line's end behind a closing quote, found \"y\""},
        {&net_reader_csv, &class_field, "kind\na\n\"\"\n",
         "t: line 3 (row 1), column kind: expected a class, found nothing"},
        {&net_reader_csv, &class_field, "kind\na\ncaf\xe9\n",
         "t: line 3 (row 1): expected a class in UTF-8, found a byte E9; convert the file, for "
         "example with iconv -f latin1 -t utf-8"},
        {&net_reader_csv, &class_field, "kind\n\xed\xa0\x80\n", "found a byte ED"},
        {&net_reader_csv, &number_field, "a,\"b\"\r1,2\r3,4",
         "t: line 1: it ends with CR alone; expected LF or CR LF"},
        {&net_reader_jsonl, &text_field, "{\"text\": \"a\"}\n{\"text\": null}\n",
         "t: line 2, character 10: expected a string; a text of no words is \"\", found \"null}\""},
        {&net_reader_csv, &number_field,
         "\xff\xfe"
         "a",
         "expected UTF-8, found UTF-16"},
        {&net_reader_jsonl, &number_field, "", "t: expected rows, found none"},
        {&net_reader_jsonl, &number_field, "{\"b\": 1}\n[1]\n",
         "t: line 2, character 1: expected an object"},
        {&net_reader_jsonl, &number_field, "{\"a\": 1}\n",
         "t: line 1 (row 0): expected a member \"b\", found none"},
        {&net_reader_jsonl, &number_field, "{\"b\": 1",
         "t: line 1, character 8: expected a comma or }, found the line's end"},
        {&net_reader_jsonl, &number_field, "{\"b\": }",
         "character 7: expected a value, found \"}\""},
        {&net_reader_jsonl, &number_field, "{\"b\": 1} 2",
         "character 10: expected the line's end, found \"2\""},
        {&net_reader_jsonl, &number_field, "{\"b\" 1}", "expected a colon, found \"1}\""},
        {&net_reader_jsonl, &number_field, "{b: 1}", "expected a string, found \"b: 1}\""},
        {&net_reader_jsonl, &number_field, "{\"b\": [1]}", "a string or a number, no list"},
        {&net_reader_jsonl, &number_field, "{\"b\": 1, \"b\": 2}", "\"b\" is there twice"},
        {&net_reader_jsonl, &number_field, "{\"b\": null}",
         "t: line 1 (row 0), column b: expected a number, found \"null\"; `-> impute"},
        {&net_reader_jsonl, &number_field, "{\"b\": \"x\\q\"}", "expected one of \\\" \\\\"},
        {&net_reader_jsonl, &text_field, "{\"text\": 5}", "character 10: expected a string"},
        {&net_reader_jsonl, &text_field, "{\"text\": \"abc}", "expected the string to be closed"},
        {&net_reader_jsonl, &number_field,
         "{\"c\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1",
         "at most 64 arrays and objects"},
    };

    for (int i = 0; i < LENGTH(cases); i++) {
        write_text("t", cases[i].text);
        expect_fault(read_faulty, &cases[i], cases[i].message);
    }
    write_bytes("t", "a,b\n1,\0002\n", 9, false);
    expect_fault(read_faulty, &cases[0], "t: byte 6: expected text, found a byte 0");
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
        {&number_field, "a,c\n1,2\n", "t2: line 1: expected a column b, found a, ..."},
        {&number_field, "a\n1\n", "t2: line 1: expected a column b, found a"},
        {&by_number, "b,a\n1,2\n", "t2: line 1: column 2 is a, in "},
        {&by_number, "b,a\n1,2\n", " it is b; column(\"b\") takes it wherever it stands"},
        {&by_number, "a\n1\n", "t2: line 1: column 2 is not there, in "},
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

/* By name, the columns of another file may stand elsewhere, and others beside them. */
START_TEST(headers_in_another_order)
{
    write_text("t1", "z,a,b,c\n9,1,2,3\n");
    write_text("t2", "c,y,b,a,x\n6,9,5,4,9\n7,9,8,9,9\n");
    struct net_table table = read_table(&net_reader_csv, "t?", true, &numbers_field, 1);
    const double wanted[3][3] = {{1, 2, 3}, {4, 5, 6}, {9, 8, 7}};

    ck_assert_int_eq(table.columns[0].rows, 3);
    for (int row = 0; row < 3; row++)
        for (int k = 0; k < 3; k++)
            ck_assert_double_eq(number_at(&table, 0, row, k), wanted[row][k]);
    net_table_free(&table);
}
END_TEST

/* ---- libsvm ---------------------------------------------------------------------------------- */

static const struct net_field features_field = {
    .name = "x", .source = "x", .kind = NET_INPUT, .rank = 1, .shape = {4}, .size = 4};

START_TEST(libsvm_rows)
{
    static const char text[] = "# a comment\n+1 1:0.5 3:-2\r\n\n-1\t2:1e2  # another\n"
                               "2.5 4:1";

    for (int gzip = 0; gzip < 2; gzip++) {
        write_bytes("t.svm", text, sizeof text - 1, gzip);
        struct net_table table = read_table(&net_reader_libsvm, "t.svm", true, &features_field, 1);
        static const double x[3][4] = {{0.5, 0, -2, 0}, {0, 100, 0, 0}, {0, 0, 0, 1}};
        static const double y[3] = {1, -1, 2.5};

        ck_assert_int_eq(table.columns[0].rows, 3);
        for (int row = 0; row < 3; row++) {
            ck_assert_double_eq(number_at(&table, 1, row, 0), y[row]);
            for (int k = 0; k < 4; k++)
                ck_assert_double_eq(number_at(&table, 0, row, k), x[row][k]);
        }
        net_table_free(&table);
    }
}
END_TEST

static void read_features(const void *text)
{
    write_text("t.svm", text);
    read_table(&net_reader_libsvm, "t.svm", true, &features_field, 1);
}

START_TEST(libsvm_faults)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "t.svm: expected rows, found none"},
        {"1 1:2\nspam 1:2\n", "t.svm: line 2: expected a label, found \"spam\""},
        {"1,2 1:2\n", "line 1: expected a label, found \"1,2\""},
        {"1 5:2\n", "line 1: feature 5 of x, which the model declares with 4"},
        {"1 0:2\n", "line 1: feature 0 of x"},
        {"1 2:1 1:1\n", "line 1: expected features in rising order, found \"1:1\""},
        {"1 qid:3 1:1\n", "line 1: expected FEATURE:VALUE, found \"qid:3\""},
        {"1 1:\n2", "line 1: expected a number behind the colon"},
        {"1 1:nan\n", "line 1: expected a number behind the colon, found \"nan\""},
    };

    for (int i = 0; i < LENGTH(cases); i++)
        expect_fault(read_features, cases[i].text, cases[i].message);
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

/* ---- CIFAR ----------------------------------------------------------------------------------- */

static void write_records(const char *name, int labels, int count, int first, bool gzip)
{
    const size_t record = 3072 + (size_t)labels;
    unsigned char *bytes = net_allocate((size_t)count, record);

    for (int i = 0; i < count; i++) {
        unsigned char *at = bytes + (size_t)i * record;

        for (int l = 0; l < labels; l++)
            at[l] = (unsigned char)((first + i) % 10 + 20 * l);
        memset(at + labels, first + i, 3072);
        at[labels + 1] = 77; /* the second pixel of red */
    }
    write_bytes(name, bytes, (size_t)count * record, gzip);
    free(bytes);
}

START_TEST(cifar_records)
{
    for (int labels = 1; labels <= 2; labels++) {
        write_records("batch_2.bin", labels, 3, 4, true);
        write_records("batch_1.bin", labels, 4, 0, false);
        struct net_table table = read_table(
            labels == 1 ? &net_reader_cifar10 : &net_reader_cifar100, "batch_*.bin", true, NULL, 0);
        const struct net_column *image = &table.columns[labels];

        ck_assert_int_eq(table.column_count, labels + 1);
        ck_assert_str_eq(image->name, "image");
        ck_assert_str_eq(table.columns[labels - 1].name, "label");
        ck_assert_int_eq(image->rows, 7);
        for (int row = 0; row < 7; row++) {
            const uint8_t *pixel = net_row(image, row);

            ck_assert_int_eq(pixel[0], row);
            ck_assert_int_eq(pixel[1], 77);
            ck_assert_int_eq(pixel[3071], row);
            for (int l = 0; l < labels; l++)
                ck_assert_int_eq(*(const uint8_t *)net_row(&table.columns[l], row), row + 20 * l);
        }
        net_table_free(&table);
    }
}
END_TEST

static void read_cifar(const void *context)
{
    struct net_table table = read_table(context, "t", true, NULL, 0);

    net_table_free(&table);
}

static void read_batches(const void *reader)
{
    struct net_table table = read_table(reader, "data_batch_*.bin", true, NULL, 0);

    net_table_free(&table);
}

static void read_test_batch(const void *reader)
{
    struct net_table table = read_table(reader, "test_batch.bin", true, NULL, 0);

    net_table_free(&table);
}

/* The Python version unpacked in the place of the binary one. */
START_TEST(cifar_pickles)
{
    write_bytes("data_batch_1", "records", 7, false);
    expect_fault(read_batches, &net_reader_cifar10, "no file matches \"data_batch_*.bin\"");
    write_bytes("data_batch_2", "\x80\x02}q", 4, false);
    expect_fault(read_batches, &net_reader_cifar10,
                 "data_batch_2: byte 0: found 80, a Python "
                 "pickle; fetch the binary version, cifar-10-binary.tar.gz (make data-cifar10,");
    write_bytes("test_batch", "\x80\x02}q", 4, false);
    expect_fault(read_test_batch, &net_reader_cifar100, "(make data-cifar100,");
    write_records("test_batch.bin", 1, 2, 0, true); /* both */
    read_test_batch(&net_reader_cifar10);
}
END_TEST

START_TEST(cifar_faults)
{
    write_bytes("t", "\x80\x02}q", 4, false);
    expect_fault(read_cifar, &net_reader_cifar10,
                 "a Python pickle; fetch the binary version, "
                 "cifar-10-binary.tar.gz");
    expect_fault(read_cifar, &net_reader_cifar100, "cifar-100-binary.tar.gz");
    write_records("t", 2, 3, 0, false);
    expect_fault(read_cifar, &net_reader_cifar10,
                 "t: byte 9219: expected records of 3073 bytes to "
                 "the end, found 3 bytes; it fits cifar100");
    write_records("t", 1, 3, 0, false);
    expect_fault(read_cifar, &net_reader_cifar100, "found 3071 bytes; it fits cifar10");
    write_bytes("t", "", 0, false);
    expect_fault(read_cifar, &net_reader_cifar10, "t: byte 0: expected records of 3073 bytes");
}
END_TEST

/* ---- broken files ---------------------------------------------------------------------------- */

struct mutation {
    const struct net_reader *reader;
    const struct net_field *fields;
    int field_count;
};

/* Behind the file no memory may be read: where there is room, it is mapped below this page. */
static void read_mutation(const void *context)
{
    const struct mutation *m = context;
    void *guard = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
                       -1, 0);
    struct net_table table = read_table(m->reader, "t", true, m->fields, m->field_count);
    struct net_scratch scratch = {0};

    for (int f = 0; f < m->field_count; f++)
        for (long row = 0; row < table.columns[f].rows; row++)
            if (table.columns[f].type == NET_TEXT)
                net_text_row(&table.columns[f], row, &scratch);
    free(scratch.at);
    net_table_free(&table);
    munmap(guard, (size_t)sysconf(_SC_PAGESIZE));
}

/* Cut anywhere, or with any byte in any place, a file is read or refused, and nothing else; so is
   one that empty lines in front fill up to a page. */
START_TEST(broken_files)
{
    static const char csv[] = "b,kind,text\r\n1.5,pear,\"a \"\"b\"\", c\"\n2e1,fig,plain\n";
    static const char jsonl[] = "{\"b\": 1e2, \"kind\": \"pear\", \"text\": \"\\u00e9\\n\", "
                                "\"c\": [1]}\n"
                                "{\"text\": \"\", \"b\": 2, \"kind\": 0}\n";
    static const unsigned char odd[] = {0,   '"', '\\', '\n', '\r', ',',
                                        '{', '}', 'u',  0xFF, 0xC3, '9'};
    const struct net_field fields[] = {number_field, class_field, text_field};
    const struct {
        struct mutation mutation;
        const char *bytes;
        size_t size;
    } cases[] = {
        {{&net_reader_csv, fields, 3}, csv, sizeof csv - 1},
        {{&net_reader_jsonl, fields, 3}, jsonl, sizeof jsonl - 1},
    };
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char message[4096], *lines = net_allocate(page + 512, 1), *bytes = lines + page;

    memset(lines, '\n', page);
    for (int c = 0; c < LENGTH(cases); c++)
        for (size_t i = 0; i < 8 * cases[c].size; i++) {
            const size_t place = i / 2 % cases[c].size;
            size_t size = cases[c].size;

            memcpy(bytes, cases[c].bytes, size);
            if (i / 2 < size)
                size = place;
            else
                bytes[place] = (char)odd[(i / 2 * 7 + i / 2 / size) % sizeof odd];
            if (i % 2)
                write_bytes("t", bytes, size, false);
            else
                write_bytes("t", lines + size, page, false);
            const int status = run_child(read_mutation, &cases[c].mutation, message,
                                         sizeof message);

            ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) <= 1, "%d, %zu: %x %s", c, i,
                          status, message);
            ck_assert_msg(WEXITSTATUS(status) == 0 || strstr(message, "t: "), "%s", message);
        }
    free(lines);
}
END_TEST

Suite *suite_readers(void)
{
    const TTest *const tests[] = {
        libsvm_rows,
        libsvm_faults,
        csv_numbers,
        csv_doubles,
        csv_without_header,
        csv_fields,
        csv_names,
        jsonl_fields,
        table_faults,
        headers_differ,
        headers_in_another_order,
        numbers_are_exact,
        numbers_end_with_a_page,
        cifar_records,
        cifar_pickles,
        cifar_faults,
        broken_files,
    };
    Suite *suite = suite_create("readers");
    TCase *files = tcase_create("files");

    tcase_add_checked_fixture(files, data_test_make_folder, data_test_remove_folder);
    tcase_set_timeout(files, 120);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(files, tests[i]);
    suite_add_tcase(suite, files);
    suite_add_tcase(suite, readers_test_words());
    suite_add_tcase(suite, readers_test_archives());
    return suite;
}
