/*
 * dates_test.c -- dates and times of tables: their forms, parts, and what is none.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/transforms/transform.h"
#include "support/readers_test.h"

static const struct net_arg when[] = {{.text = "when"}};
static const struct net_arg every_part[] =
    {{.name = "parts", .text = "year month day weekday yearday hour minute second"}},
                            german[] = {{.name = "parts", .text = "hour day"},
                                        {.name = "format", .text = "%d.%m.%Y, %H Uhr"}},
                            weekday[] = {{.name = "parts", .text = "weekday"}},
                            what[] = {{.name = "what", .text = "missing"}};

#define DATE(of)                                                                                   \
    {                                                                                              \
        .name = "date", .args = (of), .arg_count = LENGTH(of), .transform = &net_transform_date    \
    }

static const struct net_call all_parts[] = {DATE(every_part)}, in_german[] = {DATE(german)},
                             day_of_week[] = {{.name = "classes"}, DATE(weekday)},
                             filled_in[] = {{.name = "impute", .args = what, .arg_count = 1},
                                            DATE(german)};

static struct net_field date_field(const struct net_call *steps, int step_count, int size)
{
    return (struct net_field){.name = "when",
                              .source = "when",
                              .kind = NET_INPUT,
                              .columns = when,
                              .column_count = 1,
                              .rank = 1,
                              .shape = {size},
                              .size = size,
                              .steps = steps,
                              .step_count = step_count};
}

/* Weekdays and days of the year are those of Python's datetime. */
START_TEST(parts_of_dates)
{
    static const struct {
        const char *cell;
        int parts[8];
    } cases[] = {
        {"2024-03-05", {2024, 3, 5, 1, 65, 0, 0, 0}},
        {" 2024-02-29T23 ", {2024, 2, 29, 3, 60, 23, 0, 0}},
        {"2000-12-31 14:30", {2000, 12, 31, 6, 366, 14, 30, 0}},
        {"1900-03-01T00:05:59", {1900, 3, 1, 3, 60, 0, 5, 59}},
        {"1969-12-31T23:59:59.999Z", {1969, 12, 31, 2, 365, 23, 59, 59}},
        {"2023-10-29 02:30:00+02:00", {2023, 10, 29, 6, 302, 2, 30, 0}},
        {"2023-10-29 02:30-0530", {2023, 10, 29, 6, 302, 2, 30, 0}},
        {"0001-01-01T00+00", {1, 1, 1, 0, 1, 0, 0, 0}},
        {"9999-12-31", {9999, 12, 31, 4, 365, 0, 0, 0}},
    };
    const struct net_field field = date_field(all_parts, 1, 8);

    for (int i = 0; i < 2 * LENGTH(cases); i++) {
        char text[96];

        snprintf(text, sizeof text, i % 2 ? "{\"when\": \"%s\"}\n" : "a,when\n1,%s\n",
                 cases[i / 2].cell);
        write_text("t", text);
        struct net_table table = read_table(i % 2 ? &net_reader_jsonl : &net_reader_csv, "t", true,
                                            &field, 1);

        ck_assert_int_eq(table.columns[0].size, 8);
        for (int k = 0; k < 8; k++)
            ck_assert_double_eq(number_at(&table, 0, 0, k), cases[i / 2].parts[k]);
        net_table_free(&table);
    }
}
END_TEST

START_TEST(dates_as_classes)
{
    struct net_field field = date_field(day_of_week, 2, 1);

    field.classes = 7;
    write_text("t", "when\n2024-03-04\n2024-03-10 12:00\n2024-03-04\n");
    struct net_table table = read_table(&net_reader_csv, "t", true, &field, 1);
    const int32_t *class = table.columns[0].at;

    ck_assert_int_eq(class[0], class[2]);
    ck_assert_str_eq(net_string(table.columns[0].strings, class[0]), "0");
    ck_assert_str_eq(net_string(table.columns[0].strings, class[1]), "6");
    net_table_free(&table);
}
END_TEST

/* In a form that is given, and where a date is missing. */
START_TEST(formats_of_dates)
{
    const struct net_field field = date_field(filled_in, 2, 2);

    write_text("t", "when\n\"5.3.2024, 7 Uhr\"\nNA\n\"15.12.1999, 23 Uhr\"\n");
    struct net_table table = read_table(&net_reader_csv, "t", true, &field, 1);

    ck_assert_double_eq(number_at(&table, 0, 0, 0), 7);
    ck_assert_double_eq(number_at(&table, 0, 0, 1), 5);
    ck_assert(isnan(number_at(&table, 0, 1, 0)) && isnan(number_at(&table, 0, 1, 1)));
    ck_assert_double_eq(number_at(&table, 0, 2, 0), 23);
    ck_assert_double_eq(number_at(&table, 0, 2, 1), 15);
    net_table_free(&table);
}
END_TEST

struct dated {
    struct net_field field;
};

static void read_dated(const void *dated)
{
    struct net_table table = read_table(&net_reader_csv, "t", true,
                                        &((const struct dated *)dated)->field, 1);

    net_table_free(&table);
}

START_TEST(no_dates)
{
    static const struct {
        bool german;
        const char *cell, *text;
    } cases[] = {
        {false, "2023-02-29", "t: line 2 (row 0), column when: there is no such date as "},
        {false, "2100-02-29", "no such date"},
        {false, "2024-04-31", "no such date"},
        {false, "2024-13-01", "no such date"},
        {false, "2024-00-10", "no such date"},
        {false, "2024-01-00", "no such date"},
        {false, "2024-01-01 24:00", "no such date"},
        {false, "2024-01-01 12:60", "no such date"},
        {false, "2024-01-01 12:00:60", "no such date"},
        {false, "24-01-01", "expected a date such as 2024-03-05 or 2024-03-05 14:30:00, found"},
        {false, "2024-1-1", "another form is said by date(..., format="},
        {false, "2024-01-01T", "expected a date"},
        {false, "2024-01-01 12:", "expected a date"},
        {false, "2024-01-01 12:30:", "expected a date"},
        {false, "2024-01-01 12:30:10.", "expected a date"},
        {false, "2024-01-01 12:30 PM", "expected a date"},
        {false, "2024-01-01 12:30+2", "expected a date"},
        {false, "2024-01-01Z", "expected a date"},
        {false, "20240101", "expected a date"},
        {false, "NA", "found \"NA\""},
        {false, "", "found nothing"},
        {true, "2024-03-05", "expected a date in the format %d.%m.%Y, %H Uhr, found "},
        {true, "\"5.3.2024, 7 Uhr \"\" \"", "expected a date in"},
        {true, "\"31.2.2024, 7 Uhr\"", "no such date"},
    };
    char text[96];

    for (int i = 0; i < LENGTH(cases); i++) {
        const struct dated dated = {cases[i].german ? date_field(in_german, 1, 2)
                                                    : date_field(all_parts, 1, 8)};

        snprintf(text, sizeof text, "a,when\n1,%s\n", cases[i].cell);
        write_text("t", text);
        expect_fault(read_dated, &dated, cases[i].text);
    }
}
END_TEST

TCase *readers_test_dates(void)
{
    TCase *tcase = tcase_create("dates");

    tcase_add_checked_fixture(tcase, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(tcase, parts_of_dates);
    tcase_add_test(tcase, dates_as_classes);
    tcase_add_test(tcase, formats_of_dates);
    tcase_add_test(tcase, no_dates);
    return tcase;
}
