/*
 * table_faults_test.c -- broken csv and jsonl: each ends with its name, a place and a remedy,
 * wherever it is cut and whatever byte stands in it.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/readers_test.h"

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

static const struct table_fault table_cases[] = {
    {&net_reader_csv, &number_field, "", "t: expected a header, found an empty file"},
    {&net_reader_csv, &number_field, "a,b\n", "t: expected rows, found none"},
    {&net_reader_csv, &number_field, "a,c,d,e,f,g,h,i,j,k,l,m,n,o\n",
     "expected a column b, found a, c, d, e, f, g, h, i, j, k, l, m, ... of 14"},
    {&net_reader_csv, &number_field, "a,bb\n1,2\n",
     "t: line 1: expected a column b, found a, bb; did you mean bb?"},
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
    {&net_reader_csv, &number_field, "a,b\n1,2024-03-05\n",
     "column b: expected a number, found \"2024-03-05\"\n  a date or time is no number: `-> date("},
    {&net_reader_csv, &number_field, "a,b\n1,5.3.2024 12:30\n", "a date or time is no number"},
    {&net_reader_jsonl, &number_field, "{\"b\": \"2024-03-05T12:30:00Z\"}", "a date or time is no"},
    {&net_reader_csv, &number_field, "a,b\n1,1.2.3\n", "expected a number, found \"1.2.3\""},
    {&net_reader_csv, &number_field, "a,b\n1,\n",
     "t: line 2 (row 0), column b: expected a number, found nothing; `-> impute(missing, "
     "mean)`"},
    {&net_reader_csv, &number_field, "a,b\n1,NA\n", "found \"NA\"; `-> impute"},
    {&net_reader_csv, &number_field, "a,b\n1,na\n",
     "found \"na\"; missing numbers are written NA, N/A, NaN, nan, null, ? or not at all"},
    {&net_reader_csv, &number_field, "a,b\n1,#N/A\n", "found \"#N/A\", a spreadsheet's fault"},
    {&net_reader_csv, &number_field, "a,b\n1,2\n1,True\n",
     "t: line 3 (row 1), column b: expected a number, as before, found \"True\""},
    {&net_reader_csv, &number_field, "a,b\n1,false\n1,0\n",
     "column b: expected true or false, as before, found \"0\""},
    {&net_reader_csv, &number_field, "a,b\n1,tRUE\n", "expected a number, found \"tRUE\""},
    {&net_reader_csv, &number_field, "a,b\r\r\n1,2\r\r\n",
     "t: line 1: it ends with CR CR LF; expected LF or CR LF"},
    {&net_reader_csv, &number_field, "\"a\";\"b\"\n\"1\";\"2\"\n",
     "behind a closing quote, found \";\"; cells are separated by commas, this file seems to be by "
     "`;`"},
    {&net_reader_csv, &number_field, "\"a\"\t\"b\"\n", "this file seems to be by tabs"},
    {&net_reader_csv, &number_field, "a,b\n \"x, y\",2\n",
     "expected 2 cells, found 3; a quote behind a blank opens nothing"},
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
    {&net_reader_jsonl, &number_field, "{\"b\": }", "character 7: expected a value, found \"}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": 1} 2",
     "character 10: expected the line's end, found \"2\""},
    {&net_reader_jsonl, &number_field, "{\"b\" 1}", "expected a colon, found \"1}\""},
    {&net_reader_jsonl, &number_field, "{b: 1}", "expected a string, found \"b: 1}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": [1]}", "a string or a number, no list"},
    {&net_reader_jsonl, &number_field, "{\"b\": 1, \"b\": 2}", "\"b\" is there twice"},
    {&net_reader_jsonl, &number_field, "{\"b\": null}",
     "t: line 1 (row 0), column b: expected a number, found \"null\"; `-> impute"},
    {&net_reader_jsonl, &number_field, "{\"b\": NaN}", "found \"NaN}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": 10}\n{\"b\": 01}",
     "t: line 2, character 7: expected a number as JSON has it, without + or 0 in front and"},
    {&net_reader_jsonl, &number_field, "{\"b\": 1.}", "with digits on both sides of its point"},
    {&net_reader_jsonl, &number_field, "{\"b\": .5}", "expected a number as JSON has it"},
    {&net_reader_jsonl, &number_field, "{\"b\": +1}", "expected a number as JSON has it"},
    {&net_reader_jsonl, &class_field, "{\"kind\": 007}", "(a string in quotes can be a class)"},
    {&net_reader_jsonl, &number_field, "{\"a\": [-00], \"b\": 1}", "found \"-00], \"b\": 1}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": 1e+}", "expected a value, found \"1e+}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": -Infinity}", "null for one that is missing"},
    {&net_reader_jsonl, &number_field, "{\"a\": None, \"b\": 1}", "null for one that is missing"},
    {&net_reader_jsonl, &number_field, "{\"b\": \"2\"}",
     "t: line 1, character 7: expected a number, which stands without quotes, found \"\"2\"}\""},
    {&net_reader_jsonl, &number_field, "{\"b\": 1}\n{\"b\": true}",
     "t: line 2 (row 1), column b: expected a number, as before, found \"true\""},
    {&net_reader_jsonl, &number_field, "{\"b\": \"x\\q\"}", "expected one of \\\" \\\\"},
    {&net_reader_jsonl, &text_field, "{\"text\": 5}", "character 10: expected a string"},
    {&net_reader_jsonl, &text_field, "{\"text\": \"abc}", "expected the string to be closed"},
    {&net_reader_jsonl, &number_field,
     "{\"c\": [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1",
     "at most 64 arrays and objects"},
};

START_TEST(table_faults)
{
    for (int i = 0; i < LENGTH(table_cases); i++) {
        write_text("t", table_cases[i].text);
        expect_fault(read_faulty, &table_cases[i], table_cases[i].message);
    }
    write_bytes("t", "a,b\n1,\0002\n", 9, false);
    expect_fault(read_faulty, &table_cases[0], "t: byte 6: expected text, found a byte 0");
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
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), each = find_step();
    char message[4096], *lines = net_allocate(page + 512, 1), *bytes = lines + page;

    memset(lines, '\n', page);
    for (int c = 0; c < LENGTH(cases); c++)
        for (size_t i = 0; i < 8 * cases[c].size; i += each) {
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

TCase *readers_test_table_faults(void)
{
    const TTest *const tests[] = {
        table_faults,
        broken_files,
    };
    TCase *files = tcase_create("faults of tables");

    tcase_add_checked_fixture(files, data_test_make_folder, data_test_remove_folder);
    for (int i = 0; i < LENGTH(tests); i++)
        tcase_add_test(files, tests[i]);
    return files;
}
