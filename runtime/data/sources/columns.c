/*
 * columns.c -- which columns of a file the fields take. The model says so by names, by a range or
 * by numbers; the run's first file makes names of that, once, and in every other file the columns
 * are those that are called so, wherever they stand. Only what has no name of its own, in a file
 * without a header or beside a column that is called the same, keeps its place.
 */

#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

void net_header_open(struct net_header *header)
{
    header->table = net_strings_new();
    header->first = net_allocate((size_t)header->count, sizeof *header->first);
    for (int i = 0; i < header->count; i++) {
        const char *name = header->names[i];
        const int32_t known = header->table->count;
        const int32_t number = net_strings_add(header->table, name, strlen(name));

        if (number == known)
            header->first[number] = i + 1;
    }
}

void net_header_close(struct net_header *header)
{
    for (int i = 0; i < header->count; i++)
        free(header->names[i]);
    free(header->names);
    free(header->first);
    net_strings_free(header->table);
}

static bool is_alone(const struct net_header *header, const char *name)
{
    return header->table->seen[net_strings_find(header->table, name, strlen(name))] == 1;
}

static _Noreturn void fail_missing(const struct net_header *header, const char *name)
{
    enum { SHOWN = 12 }; /* names at most */
    const char *near = net_nearest(name, (const char *const *)header->names, header->count);
    struct net_text found = {0};
    char text[48];

    for (int i = 0; i < header->count && i < SHOWN; i++)
        net_text_add(&found, "%s%s", i ? ", " : "",
                     net_cell_text(text, header->names[i], strlen(header->names[i])));
    if (header->count > SHOWN)
        net_text_add(&found, ", ... of %d", header->count);
    net_fail(1, "%s: line 1: expected a column %s, found %s%s%s%s%s", header->path, name, found.at,
             near ? "; did you mean " : "", near ? near : "", near ? "?" : "", header->remark);
}

/* The place of the only column of that name, from 1. */
static int find_name(const struct net_header *header, const char *name)
{
    const int32_t number = net_strings_find(header->table, name, strlen(name));

    if (number < 0)
        fail_missing(header, name);
    const int first = header->first[number];
    int second = first + 1;

    if (is_alone(header, name))
        return first;
    while (strcmp(header->names[second - 1], name) != 0)
        second++;
    net_fail(1, "%s: line 1: two columns are called %s, number %d and %d", header->path, name,
             first, second);
}

static int need_place(const struct net_header *header, double place)
{
    if (place > header->count)
        net_fail(1, "%s: there is no column %.0f, only %d%s", header->path, place, header->count,
                 header->remark);
    return (int)place;
}

/* As the model's file says it. */
static int find_column(const struct net_header *header, const struct net_arg *column)
{
    return column->text ? find_name(header, column->text) : need_place(header, column->number);
}

/* The places that the model means in the run's first file; `count` of them. */
static int *first_places(const struct net_header *header, const struct net_field *field, int *count)
{
    const int first = find_column(header, &field->columns[0]);

    *count = field->column_count;
    if (field->column_range)
        *count = find_column(header, &field->columns[1]) - first + 1;
    if (*count < 1)
        net_fail(1, "%s: line 1: column %s stands before %s", header->path,
                 header->names[first + *count - 2], header->names[first - 1]);
    int *places = net_allocate((size_t)*count, sizeof *places);

    for (int k = 0; k < *count; k++)
        places[k] = field->column_range ? first + k : find_column(header, &field->columns[k]);
    return places;
}

static void name_columns(const struct net_header *header, const int *places, int count,
                         struct net_names *names)
{
    names->count = count;
    names->at = net_allocate((size_t)count, sizeof *names->at);
    names->place = net_allocate((size_t)count, sizeof *names->place);
    for (int k = 0; k < count; k++) {
        names->at[k] = net_copy(header->names[places[k] - 1]);
        if (!header->named || !is_alone(header, names->at[k]))
            names->place[k] = places[k];
    }
}

bool net_names_number(const struct net_names *names, int k)
{
    char *end;

    return names->place[k] && strtol(names->at[k], &end, 10) == names->place[k] && !*end;
}

/* Column k in another file of the run. */
static int find_again(const struct net_header *header, const struct net_names *names, int k)
{
    const char *name = names->at[k];

    if (!names->place[k])
        return find_name(header, name);
    const int place = need_place(header, names->place[k]);

    if (header->named && !net_names_number(names, k) && strcmp(header->names[place - 1], name) != 0)
        net_fail(1,
                 "%s: line 1: column %d is %s, in the run's first file it is %s, one of two that "
                 "are called so",
                 header->path, place, header->names[place - 1], name);
    return place;
}

int *net_columns_find(const struct net_header *header, const struct net_field *field,
                      struct net_names *names)
{
    int count = names->count, *places;

    if (!count || (!header->named && !field->columns[0].text)) { /* there are numbers alone */
        places = first_places(header, field, &count);
        if (!names->count)
            name_columns(header, places, count, names);
        return places;
    }
    places = net_allocate((size_t)count, sizeof *places);
    for (int k = 0; k < count; k++)
        places[k] = find_again(header, names, k);
    return places;
}
