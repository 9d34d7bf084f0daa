/*
 * table.c -- from the cells of a table to the columns of the model's fields. Strings of
 * classes are numbered in sorted order when the whole source has been read.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "data/dataset.h"
#include "data/transforms/transform.h"

enum {
    CHUNK = 1 << 25,  /* bytes of a file, and */
    FORGET = 1 << 18, /* rows of texts, after which what lies before is let go */
};

/* ---- cells ----------------------------------------------------------------------------------- */

/* What to add where a cell that is no number may stand for a missing one. */
static const char *missing_hint(const char *at, size_t length)
{
    static const char *const words[] = {"na", "n/a", "nan", "null", "none", "-", "."};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && !strncasecmp(words[i], at, length))
            return "; missing numbers are written NA, N/A, NaN, nan, null, ? or not at all";
    if (length && *at == '#') /* #N/A, #DIV/0!, #VALUE! */
        return ", a spreadsheet's fault; mend it there, or leave the cell empty";
    return "";
}

/* 2024-03-05, 5/3/24, 05.03.2024, 12:30, 2024-03-05T12:30:00Z: digits with two separators of a
   kind, or a colon, and what stands between date and time. */
static bool is_time(const char *at, size_t length)
{
    static const char letters[] = "0123456789-/.:+TZ ";
    int dashes = 0, slashes = 0, points = 0, colons = 0;

    for (size_t i = 0; i < length; i++) {
        dashes += at[i] == '-';
        slashes += at[i] == '/';
        points += at[i] == '.';
        colons += at[i] == ':';
        if (!memchr(letters, at[i], sizeof letters - 1))
            return false;
    }
    return length >= 4 && at[0] >= '0' && at[0] <= '9' && points < 3 &&
           (colons || dashes == 2 || slashes == 2 || (points == 2 && length >= 8));
}

static const char *time_hint(const char *at, size_t length)
{
    return is_time(at, length)
               ? "\n  a date or time is no number: `-> date(year, month, day, hour)` makes numbers "
                 "of it"
               : "";
}

char *net_copy(const char *text)
{
    const size_t size = strlen(text) + 1;

    return memcpy(net_allocate(size, 1), text, size); /* libc's strcpy is 5 KB of a trainer */
}

struct net_bytes net_text_bytes(struct net_bytes bytes, const char *path)
{
    const char *nul = NULL;

    for (size_t begin = 0, count; begin < bytes.size && !nul; begin += count) {
        count = bytes.size - begin < CHUNK ? bytes.size - begin : CHUNK;
        nul = memchr(bytes.at + begin, 0, count);
        if (bytes.mapped)
            net_forget(bytes.at + begin, bytes.at + begin + count);
    }
    if (bytes.size >= 2 && (!memcmp(bytes.at, "\xff\xfe", 2) || !memcmp(bytes.at, "\xfe\xff", 2)))
        net_fail(1, "%s: byte 0: expected UTF-8, found UTF-16; convert it, for example with iconv",
                 path);
    if (nul)
        net_fail(1, "%s: byte %td: expected text, found a byte 0%s", path, nul - bytes.at,
                 bytes.size >= 4 && !memcmp(bytes.at, "PK\3\4", 4) ? ": a zip file; unpack it"
                                                                   : "");
    if (bytes.size >= 3 && !memcmp(bytes.at, "\xef\xbb\xbf", 3))
        bytes.at += 3, bytes.size -= 3;
    return bytes;
}

/* ---- the builder ----------------------------------------------------------------------------- */

/* Who reads the files that its cells name; NULL: they name none. */
static const struct net_cells *cells_of(const struct net_field *field)
{
    const struct net_cells *cells = NULL;

    for (int s = 0; s < field->step_count; s++)
        if (field->steps[s].transform && field->steps[s].transform->cells)
            cells = field->steps[s].transform->cells;
    return cells;
}

static enum net_take what_it_takes(const struct net_field *field)
{
    if (cells_of(field))
        return NET_TAKE_FILE;
    for (int s = 0; s < field->step_count; s++)
        if (!strcmp(field->steps[s].name, "quantiles")) /* whose bins are the classes */
            return NET_TAKE_NUMBERS;
    if (field->texts)
        return NET_TAKE_TEXT;
    if (field->classes)
        return NET_TAKE_CLASS;
    return field->kind == NET_INPUT_TOKENS || field->kind == NET_INPUT_SPARSE ? NET_TAKE_TEXT
                                                                              : NET_TAKE_NUMBERS;
}

void net_builder_open(struct net_builder *builder, struct net_table *table,
                      const struct net_request *request, net_read_text *read_text)
{
    static const enum net_type types[] = {NET_F64, NET_I32, NET_TEXT, NET_U8};

    *builder = (struct net_builder){
        .table = table, .count = request->field_count, .before = request->rows};
    builder->names = request->names ? request->names : builder->own;
    table->by_field = true;
    table->column_count = request->field_count;
    for (int f = 0; f < request->field_count; f++) {
        const struct net_field *field = &request->fields[f];
        struct net_taker *taker = &builder->takers[f];

        *taker = (struct net_taker){.field = field,
                                    .column = &table->columns[f],
                                    .take = what_it_takes(field),
                                    .imputed = net_field_imputes(field),
                                    .cells = cells_of(field),
                                    .date = net_date_step(field)};
        *taker->column = (struct net_column){
            .name = field->source, .type = types[taker->take], .size = 1, .read_text = read_text};
        if (taker->take == NET_TAKE_CLASS)
            taker->column->strings = net_strings_new();
        if (taker->cells)
            taker->files = taker->cells->open(taker);
    }
}

void net_builder_elements(struct net_builder *builder, int f)
{
    struct net_taker *taker = &builder->takers[f];
    const int count = builder->names[f].count;
    const int size = taker->date && taker->take == NET_TAKE_NUMBERS ? net_date_parts(taker->date)
                                                                    : count;
    if (taker->take != NET_TAKE_NUMBERS && count != 1)
        net_fail(1, "%s: %s wants one column, %s are %d", taker->field->name,
                 taker->field->steps[0].name, taker->field->source, count);
    taker->holds = net_allocate((size_t)count, 1);
    if (taker->take == NET_TAKE_FILE)
        return;
    char **names = net_allocate((size_t)size, sizeof *names);

    taker->column->rank = taker->take == NET_TAKE_NUMBERS;
    taker->column->size = taker->column->shape[0] = size;
    for (int k = 0; k < size; k++)
        names[k] = net_copy(builder->names[f].at[size > count ? 0 : k]);
    taker->column->elements = names;
}

void net_builder_file(struct net_builder *builder, struct net_bytes bytes)
{
    net_add_border(builder->table, builder->rows);
    for (int f = 0; f < builder->count; f++) {
        struct net_column *column = builder->takers[f].column;

        if (builder->takers[f].take != NET_TAKE_TEXT)
            continue;
        column->rows = builder->rows; /* where the file's rows begin */
        net_add_piece(column, 0, bytes.at, bytes.at + bytes.size);
        column->pieces[column->piece_count - 1].mapped = bytes.mapped;
    }
}

void net_builder_seen(struct net_bytes *bytes, const char *at)
{
    if (!bytes->mapped || at - bytes->at < CHUNK)
        return;
    net_forget(bytes->at, at);
    bytes->size -= (size_t)(at - bytes->at);
    bytes->at = at;
}

void net_builder_row(struct net_builder *builder)
{
    if (builder->rows++ < builder->room)
        return;
    builder->room += builder->room / 2 + 1024;
    for (int f = 0; f < builder->count; f++) {
        struct net_column *column = builder->takers[f].column;
        const size_t width = net_width(column->type);

        if (builder->takers[f].take == NET_TAKE_FILE)
            continue;
        void *grown = realloc(column->at, (size_t)builder->room * (size_t)column->size * width);

        if (!grown)
            net_fail(1, "out of memory for %ld rows", builder->room);
        column->at = grown;
    }
}

/* A column is of numbers, or of true and false: both in one are a column that went wrong. */
static void need_alike(const struct net_taker *taker, int k, enum net_parsed found, const char *at,
                       size_t length, const struct net_spot *spot)
{
    char text[48];

    if (taker->holds[k] && taker->holds[k] != found)
        net_fail(1, "%s: line %ld (row %ld), column %s: expected %s, as before, found \"%s\"",
                 spot->path, spot->line, spot->row, taker->column->elements[k],
                 found == NET_TRUTH ? "a number" : "true or false",
                 net_cell_text(text, at, length));
    taker->holds[k] = (unsigned char)found;
}

void net_builder_number(struct net_builder *builder, int f, int k, const char *at, size_t length,
                        const struct net_spot *spot)
{
    const struct net_taker *taker = &builder->takers[f];
    struct net_column *column = taker->column;
    const char *name = column->elements[k];
    double *to = (double *)column->at + (size_t)(builder->rows - 1) * (size_t)column->size +
                 (size_t)k;
    double number = NAN;
    char text[48];

    if (taker->date) {
        net_date_numbers(to, taker, (struct net_slice){at, length}, spot);
        return;
    }

    switch (net_parse_number(at, length, &number)) {
    case NET_NO_NUMBER:
        net_fail(1, "%s: line %ld (row %ld), column %s: expected a number, found \"%s\"%s%s%s",
                 spot->path, spot->line, spot->row, name, net_cell_text(text, at, length),
                 missing_hint(at, length), time_hint(at, length),
                 taker->field->kind != NET_INPUT ? "\n  strings are numbered by `-> classes(n)`"
                 : taker->field->column_range ? "\n  a list of names, columns([..]), leaves it out"
                                              : "");
    case NET_MISSING:
        if (!taker->imputed)
            net_fail(1, "%s: line %ld (row %ld), column %s: expected a number, found %s%s%s; %s",
                     spot->path, spot->line, spot->row, name, length ? "\"" : "nothing",
                     length ? net_cell_text(text, at, length) : "", length ? "\"" : "",
                     taker->field->kind == NET_INPUT ? "`-> impute(missing, mean)` fills it in"
                                                     : "leave out rows without a target");
        break;
    case NET_TRUTH:
        need_alike(taker, k, NET_TRUTH, at, length, spot);
        break;
    case NET_PARSED:
        need_alike(taker, k, NET_PARSED, at, length, spot);
        if (isinf((float)number))
            net_fail(1, "%s: line %ld (row %ld), column %s: expected a 32-bit number, found %s",
                     spot->path, spot->line, spot->row, name, net_cell_text(text, at, length));
    }
    *to = number;
}

/* A name is kept as JSON. */
static void check_name(const char *name, size_t length, const struct net_spot *spot)
{
    const unsigned char *at = (const unsigned char *)name, *end = at + length;
    int bytes;

    for (; at < end; at += bytes) {
        const unsigned c = net_read_utf8(at, end, &bytes);

        if (bytes == 1 && c > 0x7F)
            net_fail(1,
                     "%s: line %ld (row %ld): expected a class in UTF-8, found a byte %02X; "
                     "convert the file, for example with iconv -f latin1 -t utf-8",
                     spot->path, spot->line, spot->row, c);
    }
}

void net_builder_class(struct net_builder *builder, int f, const char *at, size_t length,
                       const struct net_spot *spot)
{
    const struct net_taker *taker = &builder->takers[f];
    struct net_column *column = taker->column;
    char part[24];
    double number;

    if (taker->cells) {
        taker->cells->add(taker, (struct net_slice){at, length}, spot);
        return;
    }
    if (taker->date) {
        net_date_numbers(&number, taker, (struct net_slice){at, length}, spot);
        length = isnan(number) ? 0 : (size_t)snprintf(part, sizeof part, "%.0f", number);
        at = part;
    }
    if (!length && !taker->imputed)
        net_fail(1, "%s: line %ld (row %ld), column %s: expected a class, found nothing%s",
                 spot->path, spot->line, spot->row, column->elements[0],
                 taker->field->kind == NET_TARGET_CLASS
                     ? "; `missing=ignore` leaves such rows out of its losses and metrics"
                 : taker->field->kind == NET_TARGET_VALUES
                     ? "; leave out rows without a target"
                     : "; `missing=mode` takes the most frequent one for it");
    check_name(at, length, spot);
    ((int32_t *)column->at)[builder->rows - 1] = net_strings_add(column->strings, at, length);
}

void net_builder_text(struct net_builder *builder, int f, const char *at, struct net_slice text)
{
    struct net_column *column = builder->takers[f].column;
    const uLong crc = crc32_z(column->crc, (const Bytef *)&text.length, sizeof text.length);

    ((const char **)column->at)[builder->rows - 1] = at;
    column->crc = (uint32_t)crc32_z(crc, (const Bytef *)text.at, text.length);
}

void net_sort_classes(struct net_column *column)
{
    struct net_string_table *strings = column->strings, *sorted = net_strings_new();
    int32_t *order = net_strings_order(strings, false);
    int32_t *rank = net_allocate((size_t)strings->count, sizeof *rank);
    int32_t *at = column->at;

    for (int32_t i = 0; i < strings->count; i++) {
        const char *word = net_string(strings, order[i]);

        rank[order[i]] = net_strings_add(sorted, word, strlen(word));
    }
    for (long row = 0; row < column->rows; row++)
        at[row] = rank[at[row]];
    free(order);
    free(rank);
    net_strings_free(strings);
    column->strings = sorted;
}

void net_builder_close(struct net_builder *builder, const char *place)
{
    if (!builder->rows)
        net_fail(1, "%s: expected rows, found none", place);
    for (int f = 0; f < builder->count; f++) {
        const struct net_taker *taker = &builder->takers[f];
        struct net_column *column = taker->column;
        const size_t width = net_width(column->type);
        const size_t bytes = (size_t)builder->rows * (size_t)column->size * width;
        void *fitting = taker->cells ? NULL : realloc(column->at, bytes);

        free(taker->holds);
        column->at = fitting ? fitting : column->at;
        column->place = place;
        column->rows = builder->rows;
        if (taker->cells)
            taker->cells->close(taker);
        if (taker->take == NET_TAKE_CLASS)
            net_sort_classes(column);
        net_names_free(&builder->own[f]);
    }
}

/* ---- plain text ------------------------------------------------------------------------------ */

static void read_lines(struct net_builder *builder, struct net_bytes bytes, const char *path)
{
    const char *at = bytes.at, *end = bytes.at + bytes.size;

    for (int f = 0; f < builder->count; f++)
        if (builder->takers[f].take != NET_TAKE_TEXT)
            net_fail(1,
                     "%s: a .txt file has a text a line, %s is made of numbers; expected a file "
                     "such as the training data's",
                     path, builder->takers[f].field->name);
    for (int f = 1; f < builder->count; f++)
        if (strcmp(builder->takers[f].field->source, builder->takers[0].field->source) != 0)
            net_fail(1,
                     "%s: a .txt file has a text a line, and the model reads the columns %s and "
                     "%s; expected a file such as the training data's",
                     path, builder->takers[0].field->source, builder->takers[f].field->source);
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));

        net_builder_row(builder);
        for (int f = 0; f < builder->count; f++)
            net_builder_text(builder, f, at, (struct net_slice){at, 0}); /* of no run */
        at = newline ? newline + 1 : end;
    }
}

/* A text that is a line. */
static struct net_slice read_line(const char *at, const char *end, struct net_scratch *scratch)
{
    const char *newline = memchr(at, '\n', (size_t)(end - at));
    size_t length = (size_t)((newline ? newline : end) - at);

    (void)scratch; /* as it stands in the file */
    if (length && at[length - 1] == '\r')
        length--;
    return (struct net_slice){at, length};
}

/* Of a table, by a cell that is called as the column of texts. */
static void warn_header(const struct net_request *request, struct net_bytes bytes, const char *path)
{
    const char *column = request->fields[0].source, separator = net_separator(request->call);
    const struct net_slice line = read_line(bytes.at, bytes.at + bytes.size, NULL);
    const char *end = line.at + line.length, *next;

    for (const char *at = line.at; at < end; at = next + 1) {
        next = memchr(at, separator, (size_t)(end - at));
        next = next ? next : end;
        const bool quoted = next - at > 2 && *at == '"' && next[-1] == '"';
        const size_t length = (size_t)(next - at) - 2 * quoted;

        if (length == strlen(column) && !memcmp(at + quoted, column, length))
            net_warn("%s: each line is taken for a text, the first too, which looks like the "
                     "header of a table with the column %s: a table wants a name, `FILE.csv`",
                     path, column);
    }
}

void net_open_lines(struct net_table *table, const struct net_request *request)
{
    const char *path = net_argument(request->call, "file")->text;
    const struct net_bytes bytes = net_text_bytes(net_map_file(table, path), path);
    struct net_builder builder;

    net_builder_open(&builder, table, request, read_line);
    net_builder_file(&builder, bytes);
    read_lines(&builder, bytes, path);
    if (!request->lines_before)
        warn_header(request, bytes, path);
    net_builder_close(&builder, path);
}

/* ---- texts ----------------------------------------------------------------------------------- */

void net_scratch_fit(struct net_scratch *scratch, size_t size)
{
    if (size <= scratch->room)
        return;
    scratch->room = size + size / 2;
    scratch->at = realloc(scratch->at, scratch->room);
    if (!scratch->at)
        net_fail(1, "out of memory for a text of %zu bytes", size);
}

struct net_slice net_text_row(const struct net_column *column, long row,
                              struct net_scratch *scratch)
{
    const char *at = ((const char *const *)column->at)[row];
    int p = 0;

    while (p + 1 < column->piece_count && column->pieces[p + 1].first <= row)
        p++;
    if (row % FORGET == 0 && column->pieces[p].mapped)
        net_forget(column->pieces[p].at, at);
    return column->read_text(at, column->pieces[p].end, scratch);
}
