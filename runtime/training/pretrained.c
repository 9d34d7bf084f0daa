/*
 * pretrained.c -- tables of words that begin with somebody's vectors: text (.vec, .txt; a line
 * `COUNT DIM`, then a line a word) or the whole table (.npy), gzip or not.
 *
 * One idea: the file may have millions of lines and is read once, in pieces; of words that are not
 * in the vocabulary only the word is looked at.
 */

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"
#include "training/training.h"

enum { PIECE = 1 << 20, MAX_LINE = 1 << 26 };

/* ---- Lines ----------------------------------------------------------------------------------- */

struct lines {
    struct net_stream file;
    char *at;                 /* what was read: used bytes, room for one more */
    size_t begin, used, room; /* begin: of the next line */
    long number;              /* of the line that was given last, from 1 */
};

static _Noreturn void fail_line(const struct lines *lines, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void fail_line(const struct lines *lines, const char *format, ...)
{
    char text[200];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    net_fail(NET_FAULT, "%s: line %ld: %s", lines->file.path, lines->number, text);
}

static void open_lines(struct lines *lines, const char *path)
{
    *lines = (struct lines){.room = PIECE};
    net_stream_open(&lines->file, path);
    lines->at = net_allocate(lines->room + 1, 1);
}

/* More of the file behind what is left of this piece; false at its end. */
static bool read_more(struct lines *lines)
{
    memmove(lines->at, lines->at + lines->begin, lines->used - lines->begin);
    lines->used -= lines->begin;
    lines->begin = 0;
    if (lines->used == lines->room) {
        char *grown = lines->room < MAX_LINE ? realloc(lines->at, 2 * lines->room + 1) : NULL;

        if (!grown)
            fail_line(lines, "the next line has no end; is this a text of vectors?");
        lines->at = grown;
        lines->room *= 2;
    }
    const size_t more = net_stream_some(&lines->file, lines->at + lines->used,
                                        lines->room - lines->used);

    lines->used += more;
    return more > 0;
}

/* The next line with a NUL in place of its end, or NULL; it stays until the next call. */
static char *next_line(struct lines *lines, size_t *length)
{
    size_t looked = 0;
    char *end;

    while (!(end = memchr(lines->at + lines->begin + looked, '\n',
                          lines->used - lines->begin - looked))) {
        looked = lines->used - lines->begin;
        if (read_more(lines))
            continue;
        if (looked == 0)
            return NULL;
        end = lines->at + lines->used;
        break;
    }
    char *line = lines->at + lines->begin;
    const bool last = end == lines->at + lines->used;

    lines->begin = (size_t)(end - lines->at) + !last;
    if (end > line && end[-1] == '\r')
        end--;
    *end = '\0';
    *length = (size_t)(end - line);
    lines->number++;
    return line;
}

/* ---- Vectors of words ------------------------------------------------------------------------ */

/* Words of the vocabulary, and the row of each. */
struct rows {
    struct net_string_table *words;
    int32_t *row; /* by number of the word; -1: it has its vector */
};

static struct rows open_rows(const char *const *vocabulary, int count)
{
    struct rows rows = {net_strings_new(), net_allocate((size_t)count, sizeof *rows.row)};

    for (int id = 0; id < count; id++)
        if (vocabulary[id])
            rows.row[net_strings_add(rows.words, vocabulary[id], strlen(vocabulary[id]))] = id;
    return rows;
}

static void read_header(struct lines *lines, const struct net_tensor *tensor, long *count)
{
    size_t length;
    const char *line = next_line(lines, &length);
    char *first = NULL, *second = NULL; /* behind the two numbers */
    long width = 0;

    lines->number = 1;
    if (line) {
        *count = strtol(line, &first, 10);
        width = strtol(first, &second, 10);
    }
    if (!line || first == line || second == first || second[strspn(second, " \t\r\n")] ||
        *count < 0)
        fail_line(lines,
                  "expected `COUNT DIM`: how many words there are, and how many numbers "
                  "each has; where the file begins with a word, put a line in front: its number of "
                  "lines, a space and %d",
                  tensor->shape[1]);
    if (width != tensor->shape[1])
        fail_line(lines, "%s has %d numbers a word, this file has %ld: embedding(%ld) takes it",
                  tensor->name, tensor->shape[1], width, width);
}

static void read_vector(const struct lines *lines, const struct net_tensor *tensor, void *params,
                        long row, char *at)
{
    float *table = (float *)((char *)params + tensor->offset);
    const int width = tensor->shape[1];

    for (int i = 0; i < width; i++) {
        char *end;
        const float x = (float)strtod(at, &end);

        if (end == at || (*end && *end != ' ' && *end != '\t') || !isfinite(x))
            fail_line(lines, "expected %d numbers behind the word; number %d is %s%.20s%s", width,
                      i + 1, *at ? "\"" : "missing", at, *at ? "\"" : "");
        table[net_tensor_at(tensor, row * width + i)] = x;
        at = end + strspn(end, " \t");
    }
    if (*at)
        fail_line(lines, "expected %d numbers behind the word, here are more", width);
}

/* Gives how many words have a vector. */
static long read_vectors(const char *path, const struct net_tensor *tensor,
                         const char *const *vocabulary, void *params)
{
    struct rows rows = open_rows(vocabulary, tensor->shape[0]);
    struct lines lines;
    long count, found = 0, seen = 0;
    size_t length;
    char *line;

    open_lines(&lines, path);
    read_header(&lines, tensor, &count);
    while ((line = next_line(&lines, &length))) {
        const size_t word = strcspn(line, " \t");
        const int32_t number = word ? net_strings_find(rows.words, line, word) : -1;

        seen += length > 0;
        if (number < 0 || rows.row[number] < 0)
            continue;
        read_vector(&lines, tensor, params, rows.row[number],
                    line + word + strspn(line + word, " \t"));
        rows.row[number] = -1;
        found++;
    }
    if (seen != count)
        fail_line(&lines, "the first line promises %ld words, here are %ld", count, seen);
    for (int i = 0; i < tensor->shape[1]; i++) /* padding */
        ((float *)((char *)params + tensor->offset))[net_tensor_at(tensor, i)] = 0.0f;
    net_stream_close(&lines.file);
    net_strings_free(rows.words);
    free(rows.row);
    free(lines.at);
    return found;
}

/* ---- Whole tables ---------------------------------------------------------------------------- */

static void read_table(char *path, const struct net_tensor *tensor, void *params)
{
    struct net_table table = {0};
    struct net_column column = {.name = "table", .place = path};
    float *at = (float *)((char *)params + tensor->offset);

    net_read_files(&table, &column, &path, 1, net_header_npy);
    if (column.rank != 1 || column.rows != tensor->shape[0] || column.size != tensor->shape[1])
        net_fail(NET_FAULT, "%s: expected a table [%d, %d] for %s, found %ld rows of %d%s", path,
                 tensor->shape[0], tensor->shape[1], tensor->name, column.rows, column.size,
                 column.rank > 1 ? " numbers in several axes" : " numbers");
    for (long row = 0; row < column.rows; row++)
        for (int i = 0; i < column.size; i++) {
            const float x = (float)net_element(&column, row, i);

            if (!isfinite(x))
                net_fail(NET_FAULT, "%s: row %ld, number %d: expected a finite number, found %g",
                         path, row, i, (double)x);
            at[net_tensor_at(tensor, row * column.size + i)] = x;
        }
    net_column_free(&column);
    net_table_free(&table);
}

/* ---- All tables ------------------------------------------------------------------------------ */

bool net_is_pretrained(const struct net_model *model)
{
    for (int t = 0; t < model->tensor_count; t++)
        if (model->tensors[t].pretrained)
            return true;
    return false;
}

void net_pretrained_read(const struct net_model *model, const struct net_data *data,
                         const char *folder, void *params,
                         void (*say)(void *context, const char *line), void *context)
{
    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];
        int files, count, words = 0;

        if (!tensor->pretrained)
            continue;
        char **paths = net_paths(net_data_folder(model, folder), tensor->pretrained, &files);
        const char *const *vocabulary = net_data_vocabulary(data, tensor->field, &count);

        if (files != 1)
            net_fail(NET_FAULT, "%s: \"%s\" names %d files, one is wanted", tensor->name,
                     tensor->pretrained, files);
        if (strstr(tensor->pretrained, ".npy")) {
            read_table(paths[0], tensor, params);
        } else {
            const long found = read_vectors(paths[0], tensor, vocabulary, params);

            for (int id = 0; id < count; id++)
                words += vocabulary[id] != NULL;
            if (say) {
                char *line = net_format("%s: %ld of %d words have a vector in %s", tensor->name,
                                        found, words, tensor->pretrained);

                say(context, line);
                free(line);
            }
            if (!found)
                fprintf(stderr,
                        "%s: warning: no word of the vocabulary is in %s; is its case that "
                        "of the words, as lower=true makes them?\n",
                        model->name, tensor->pretrained);
        }
        net_paths_free(paths, files);
    }
}
