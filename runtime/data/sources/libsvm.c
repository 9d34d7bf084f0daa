/*
 * libsvm.c -- LIBSVM's text: a row a line, its label and the features that are not 0, numbered from
 * 1 and rising: `-1 3:0.5 17:1`. What follows a # is a comment; several files stand one behind the
 * other. Fields: y, the label; x, as many features as the model declares.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

struct rows {
    const char *path; /* of the file being read */
    long line;        /* in it, from 1 */
    double *x, *y;    /* [count][size], [count] */
    long count, room;
    int size;
};

static _Noreturn void fail_line(const struct rows *rows, const char *at, const char *expected)
{
    net_fail(1, "%s: line %ld: expected %s, found \"%.*s\"", rows->path, rows->line, expected,
             (int)strcspn(at, " \t\r\n"), at);
}

/* The number at `*at`, which a blank, `ends` or the line's end follows. */
static double read_number(const struct rows *rows, const char **at, const char *ends,
                          const char *expected)
{
    char *end = (char *)*at;
    const double x = strchr(" \t\r\n", **at) ? NAN : strtod(*at, &end);

    if (end == *at || !isfinite(x) || end > *at + strspn(*at, "+-.0123456789eE") ||
        !strchr(ends, *end)) /* not all that strtod reads is a decimal number */
        fail_line(rows, *at, expected);
    *at = end;
    return x;
}

static double *add_row(struct rows *rows)
{
    const size_t size = (size_t)rows->size;

    if (rows->count == rows->room) {
        rows->room = 2 * rows->room + 256;
        rows->x = realloc(rows->x, (size_t)rows->room * size * sizeof *rows->x);
        rows->y = realloc(rows->y, (size_t)rows->room * sizeof *rows->y);
        if (!rows->x || !rows->y)
            net_fail(1, "%s: line %ld: out of memory for %ld rows of %d numbers", rows->path,
                     rows->line, rows->room, rows->size);
    }
    return memset(rows->x + (size_t)rows->count * size, 0, size * sizeof *rows->x);
}

/* A line that is not empty; `at` stands on its label. */
static void read_row(struct rows *rows, const char *at)
{
    double *x = add_row(rows);
    int last = 0;

    rows->y[rows->count++] = read_number(rows, &at, " \t\r\n#", "a label");
    for (at += strspn(at, " \t\r"); *at && *at != '\n' && *at != '#'; at += strspn(at, " \t\r")) {
        const char *feature = at;
        const double index = read_number(rows, &at, ":", "FEATURE:VALUE");

        if (!(index >= 1 && index <= rows->size && index == floor(index)))
            net_fail(1,
                     "%s: line %ld: feature %.*s of x, which the model declares with %d; they are "
                     "numbered from 1",
                     rows->path, rows->line, (int)strcspn(feature, ":"), feature, rows->size);
        if (index <= last)
            fail_line(rows, feature, "features in rising order");
        last = (int)index;
        at++;
        x[last - 1] = read_number(rows, &at, " \t\r\n#", "a number behind the colon");
    }
}

static void read_file(struct rows *rows, const char *path)
{
    struct net_stream file;
    size_t size;

    net_stream_open(&file, path);
    char *text = net_stream_rest(&file, &size);

    net_stream_close(&file);
    rows->path = path;
    rows->line = 1;
    if (memchr(text, 0, size))
        net_fail(1, "%s: expected text, found a byte 0", path);
    for (const char *at = text; *at; at += *at == '\n', rows->line++) {
        at += strspn(at, " \t\r");
        if (*at != '\n' && *at != '#' && *at)
            read_row(rows, at);
        at += strcspn(at, "\n");
    }
    free(text);
}

/* How many features the model's fields declare. */
static int features_of(const struct net_request *request)
{
    int size = 1;

    for (int f = 0; f < request->field_count; f++)
        if (!strcmp(request->fields[f].source, "x") && request->fields[f].size > size)
            size = request->fields[f].size;
    return size;
}

static void open_libsvm(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    struct rows rows = {.size = features_of(request)};
    int count;
    char **paths = net_paths(request->folder, file->text, &count);
    const char *place = net_place(table, request->folder, file->text, paths, count);

    for (int i = 0; i < count; i++)
        read_file(&rows, paths[i]);
    net_paths_free(paths, count);
    if (!rows.count)
        net_fail(1, "%s: expected rows, found none", place);
    table->column_count = 2;
    table->columns[0] = (struct net_column){.name = "x", .size = rows.size, .at = rows.x};
    table->columns[1] = (struct net_column){.name = "y", .size = 1, .at = rows.y};
    for (int c = 0; c < 2; c++) {
        struct net_column *column = &table->columns[c];

        column->place = place;
        column->type = NET_F64;
        column->rank = 1;
        column->shape[0] = column->size;
        column->rows = rows.count;
    }
}

const struct net_reader net_reader_libsvm = {.name = "libsvm", .open = open_libsvm, .file = "file"};
