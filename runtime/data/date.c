/*
 * date.c -- cells that are dates or times: their parts as numbers. Dates are those of the Gregorian
 * calendar, in ISO 8601's form or one that is given, and parts are those that are written: a zone
 * behind them changes none.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/sources/source.h"

enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, WEEKDAY, YEARDAY, PARTS };

static const char *const part_names[PARTS] = {"year",   "month",  "day",     "hour",
                                              "minute", "second", "weekday", "yearday"};

/* ---- what is written ------------------------------------------------------------------------- */

/* From `least` to `most` digits; false: there are fewer. */
static bool read_digits(const char **at, const char *end, int least, int most, int *number)
{
    int count = 0;

    for (*number = 0; count < most && *at < end && **at >= '0' && **at <= '9'; count++)
        *number = *number * 10 + *(*at)++ - '0';
    return count >= least;
}

static bool read_mark(const char **at, const char *end, const char *marks)
{
    if (*at == end || !**at || !strchr(marks, **at))
        return false;
    ++*at;
    return true;
}

/* Z, +02, +0200 or +02:00, or nothing, up to the end. */
static bool is_zone(const char *at, const char *end)
{
    int hours, minutes = 0;

    if (at == end || (*at == 'Z' && at + 1 == end))
        return true;
    if (!read_mark(&at, end, "+-") || !read_digits(&at, end, 2, 2, &hours))
        return false;
    if (at < end && ((read_mark(&at, end, ":"), false) || !read_digits(&at, end, 2, 2, &minutes)))
        return false;
    return at == end && hours < 24 && minutes < 60;
}

/* 2024-03-05, 2024-03-05T14, 2024-03-05 14:30, 2024-03-05T14:30:05.25Z */
static bool read_iso(const char *at, const char *end, int *part)
{
    int fraction;

    if (!read_digits(&at, end, 4, 4, &part[YEAR]) || !read_mark(&at, end, "-") ||
        !read_digits(&at, end, 2, 2, &part[MONTH]) || !read_mark(&at, end, "-") ||
        !read_digits(&at, end, 2, 2, &part[DAY]))
        return false;
    if (at == end)
        return true;
    if (!read_mark(&at, end, "T ") || !read_digits(&at, end, 2, 2, &part[HOUR]))
        return false;
    for (int i = MINUTE; i <= SECOND && read_mark(&at, end, ":"); i++) {
        if (!read_digits(&at, end, 2, 2, &part[i]))
            return false;
        if (i == SECOND && read_mark(&at, end, ".,")) {
            if (!read_digits(&at, end, 1, 1, &fraction))
                return false;
            while (read_digits(&at, end, 1, 1, &fraction))
                ;
        }
    }
    return is_zone(at, end);
}

static bool read_format(const char *at, const char *end, const char *format, int *part)
{
    static const char letters[] = "YmdHMS";

    for (; *format; format++) {
        const char *letter = *format == '%' && format[1] != '%' ? strchr(letters, format[1]) : NULL;

        format += *format == '%';
        if (letter && !read_digits(&at, end, *letter == 'Y' ? 4 : 1, *letter == 'Y' ? 4 : 2,
                                   &part[letter - letters]))
            return false;
        if (!letter && !read_mark(&at, end, (const char[]){*format, '\0'}))
            return false;
    }
    return at == end;
}

/* ---- what it is ------------------------------------------------------------------------------ */

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days before the first of a month, of a year without a 29th of February. */
static const int days_before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

/* Fills what follows from the others; false: there is no such day, or time. */
static bool complete(int *part)
{
    const int month = part[MONTH], year = part[YEAR];

    if (month < 1 || month > 12 || part[DAY] < 1 || part[HOUR] > 23 || part[MINUTE] > 59 ||
        part[SECOND] > 59 ||
        part[DAY] > days_before[month] - days_before[month - 1] + (month == 2 && is_leap(year)))
        return false;
    part[YEARDAY] = days_before[month - 1] + part[DAY] + (month > 2 && is_leap(year));
    /* days since the Monday that 1 January of year 1 was, and of the years from 0 on */
    const int before = year
                           ? (year - 1) * 365 + (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400
                           : -366;

    part[WEEKDAY] = (before + part[YEARDAY] - 1 + 7 * 53) % 7;
    return true;
}

int net_date_parts(const struct net_call *date)
{
    int count = 1;

    for (const char *at = net_argument(date, "parts")->text; *at; at++)
        count += *at == ' ';
    return count;
}

static const char *find_part(const struct net_call *date, int k, size_t *length)
{
    const char *at = net_argument(date, "parts")->text;

    while (k-- > 0)
        at = strchr(at, ' ') + 1;
    *length = strcspn(at, " ");
    return at;
}

const struct net_call *net_date_step(const struct net_field *field)
{
    for (int s = 0; s < field->step_count; s++)
        if (!strcmp(field->steps[s].name, "date"))
            return &field->steps[s];
    return NULL;
}

void net_date_numbers(double *numbers, const struct net_taker *taker, struct net_slice cell,
                      const struct net_spot *spot)
{
    const struct net_arg *format = net_argument(taker->date, "format");
    const int count = net_date_parts(taker->date);
    int part[PARTS] = {[YEAR] = 2000, [MONTH] = 1, [DAY] = 1};
    double number;
    char text[48];

    while (cell.length && (*cell.at == ' ' || *cell.at == '\t'))
        cell.at++, cell.length--;
    while (cell.length && (cell.at[cell.length - 1] == ' ' || cell.at[cell.length - 1] == '\t'))
        cell.length--;
    const char *end = cell.at + cell.length;
    const bool missing = net_parse_number(cell.at, cell.length, &number) == NET_MISSING;
    const bool given = format && !format->none && format->text;

    if (!(missing && taker->imputed) &&
        !(given ? read_format(cell.at, end, format->text, part) : read_iso(cell.at, end, part)))
        net_fail(1, "%s: line %ld (row %ld), column %s: expected a date %s%s, found %s%s%s%s",
                 spot->path, spot->line, spot->row, taker->field->source,
                 given ? "in the format " : "such as 2024-03-05 or 2024-03-05 14:30:00",
                 given ? format->text : "", cell.length ? "\"" : "",
                 cell.length ? net_cell_text(text, cell.at, cell.length) : "nothing",
                 cell.length ? "\"" : "",
                 missing ? ""
                 : given ? ""
                         : "\n  another form is said by date(..., format=\"%d.%m.%Y %H:%M\")");
    if (!(missing && taker->imputed) && !complete(part))
        net_fail(1, "%s: line %ld (row %ld), column %s: there is no such date as \"%s\"",
                 spot->path, spot->line, spot->row, taker->field->source,
                 net_cell_text(text, cell.at, cell.length));
    for (int k = 0; k < count; k++) {
        size_t length;
        const char *name = find_part(taker->date, k, &length);
        int p = 0;

        while (strlen(part_names[p]) != length || memcmp(part_names[p], name, length) != 0)
            p++;
        numbers[k] = missing ? (double)NAN : part[p];
    }
}
