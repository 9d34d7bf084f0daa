/*
 * epochs.c -- history.csv as a table in memory, for whatever draws or compares epochs: of this run,
 * with the epochs before it was resumed, or of another.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static void *grown(void *at, size_t count, size_t size)
{
    void *more = realloc(at, count * size);

    if (!more)
        net_fail(NET_FAULT, "out of memory");
    return more;
}

static void read_names(struct net_epochs *epochs, const char *line, size_t length)
{
    for (size_t begin = 0; begin <= length;) {
        const char *comma = memchr(line + begin, ',', length - begin);
        const size_t end = comma ? (size_t)(comma - line) : length;

        epochs->names = grown(epochs->names, (size_t)epochs->columns + 1, sizeof *epochs->names);
        epochs->names[epochs->columns++] = net_format("%.*s", (int)(end - begin), line + begin);
        begin = end + 1;
    }
}

/* False: the line has other cells than the header. */
static bool read_row(struct net_epochs *epochs, const char *line, size_t length)
{
    const char *at = line, *end = line + length;
    int commas = 0;

    for (size_t i = 0; i < length; i++)
        commas += line[i] == ',';
    if (commas != epochs->columns - 1)
        return false;
    if (epochs->count == epochs->room) {
        epochs->room = epochs->room ? 2 * epochs->room : 16;
        epochs->cells = grown(epochs->cells, (size_t)(epochs->room * epochs->columns),
                              sizeof *epochs->cells);
    }
    double *row = epochs->cells + epochs->count++ * epochs->columns;

    for (int c = 0; c < epochs->columns; c++) {
        const char *comma = at ? memchr(at, ',', (size_t)(end - at)) : NULL;
        char *behind = NULL;
        const double number = at && at < end ? strtod(at, &behind) : NAN;

        row[c] = behind == (comma ? comma : end) ? number : NAN;
        at = comma ? comma + 1 : NULL;
    }
    return true;
}

int net_epochs_read(struct net_epochs *epochs, const char *csv)
{
    int damaged = 0;

    for (size_t length; *csv; csv += length + (csv[length] == '\n')) {
        length = strcspn(csv, "\n");
        if (!csv[length])
            damaged++;
        else if (!epochs->columns)
            read_names(epochs, csv, length);
        else if (length)
            damaged += !read_row(epochs, csv, length);
    }
    return damaged;
}

int net_epochs_column(const struct net_epochs *epochs, const char *name)
{
    for (int c = 0; c < epochs->columns; c++)
        if (!strcmp(epochs->names[c], name))
            return c;
    return -1;
}

double net_epochs_at(const struct net_epochs *epochs, long row, int column)
{
    return column < 0 ? NAN : epochs->cells[row * epochs->columns + column];
}

void net_epochs_free(struct net_epochs *epochs)
{
    for (int c = 0; c < epochs->columns; c++)
        free(epochs->names[c]);
    free(epochs->names);
    free(epochs->cells);
    *epochs = (struct net_epochs){0};
}
