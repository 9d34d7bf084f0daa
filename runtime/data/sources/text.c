/*
 * text.c -- a text as windows of its characters: row r begins with character r * stride of its
 * file, and goes as far as the fields read, so that no window reaches from one file into the next.
 * A field is `size` characters, from the `ahead`-th of the window on. Characters are code points; a
 * byte that is no UTF-8 is Latin-1's, and a line ends with \n, however it does in the file.
 */

#include <stdlib.h>

#include "data/sources/source.h"

static int ahead_of(const struct net_field *field)
{
    return (int)net_whole_argument(&field->steps[0], "ahead", 0, 1e9);
}

/* Characters of a window: up to the last that a field reads. */
static long span_of(const struct net_request *request)
{
    long span = 0;

    for (int f = 0; f < request->field_count; f++) {
        const long end = (long)ahead_of(&request->fields[f]) + request->fields[f].size;

        span = end > span ? end : span;
    }
    return span;
}

/* From a window to the next; by default those of the longest input lie side by side. */
static int stride_of(const struct net_request *request)
{
    const struct net_arg *stride = net_argument(request->call, "stride");
    int longest = 1;

    for (int f = 0; f < request->field_count; f++)
        if (request->fields[f].kind == NET_INPUT_TOKENS && request->fields[f].size > longest)
            longest = request->fields[f].size;
    return stride ? (int)net_whole_argument(request->call, "stride", 1, 1e9) : longest;
}

/* The code points of a file, `count` of them, which the table holds. */
static const int32_t *read_characters(struct net_table *table, const char *path, long *count)
{
    struct net_table file = {0};
    const struct net_bytes bytes = net_text_bytes(net_map_file(&file, path), path);
    const unsigned char *at = (const unsigned char *)bytes.at, *end = at + bytes.size;
    int32_t *characters = net_allocate(bytes.size, sizeof *characters);
    int length;

    *count = 0;
    for (; at < end; at += length) {
        const unsigned c = net_read_utf8(at, end, &length);

        if (c != '\r' || at + 1 == end || at[1] != '\n')
            characters[(*count)++] = (int32_t)c;
    }
    net_table_free(&file);
    int32_t *fitting = realloc(characters, ((size_t)*count + 1) * sizeof *characters);

    if (!fitting)
        net_fail(1, "%s: out of memory", path);
    net_hold(table, fitting, 0);
    return fitting;
}

static void add_file(struct net_table *table, const struct net_request *request, const char *path,
                     long *longest)
{
    const long span = span_of(request), stride = stride_of(request);
    long count;
    const int32_t *at = read_characters(table, path, &count);
    const long rows = count < span ? 0 : (count - span) / stride + 1;

    *longest = count > *longest ? count : *longest;
    for (int f = 0; rows && f < table->column_count; f++)
        net_add_piece(&table->columns[f], rows, (const char *)(at + ahead_of(&request->fields[f])),
                      NULL);
}

static void open_text(struct net_table *table, const struct net_request *request)
{
    const char *pattern = net_argument(request->call, "file")->text;
    const long span = span_of(request), stride = stride_of(request);
    int count;
    char **paths = net_paths(request->folder, pattern, &count);
    const char *place = net_place(table, request->folder, pattern, paths, count);
    long longest = 0;

    table->by_field = true;
    table->windows = true;
    table->overlap = (span - 1) / stride;
    table->column_count = request->field_count;
    for (int f = 0; f < request->field_count; f++) {
        const int size = request->fields[f].size;

        table->columns[f] = (struct net_column){.name = "text",
                                                .place = place,
                                                .type = NET_I32,
                                                .rank = 1,
                                                .shape = {size},
                                                .size = size,
                                                .stride = (size_t)stride * sizeof(int32_t)};
    }
    for (int i = 0; i < count; i++)
        add_file(table, request, paths[i], &longest);
    if (!table->columns[0].rows)
        net_fail(1, "%s: expected a text of %ld characters, as the model's fields read, found %ld",
                 place, span, longest);
    net_paths_free(paths, count);
}

const struct net_reader net_reader_text = {
    .name = "text", .open = open_text, .file = "file", .generate = net_generate_text};
