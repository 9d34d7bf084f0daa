/*
 * csv.c -- comma-separated values as RFC 4180 has them: cells may stand in quotes, where
 * commas and line breaks are text and "" is a quote. Lines that are empty are no rows. A quote
 * inside a cell that does not begin with one is an ordinary character. Another separator or
 * quote, a decimal comma and further words for missing numbers are the source's arguments.
 */

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

/* A cell as it stands in the file. */
struct cell {
    const char *at; /* behind the opening quote where there is one */
    size_t length;
    bool quoted;
    bool doubled; /* "" inside */
};

struct csv {
    const char *path, *at, *end;
    const char *hint;              /* where a column is not there; or NULL */
    char separator, quote;         /* no quote: 0 */
    bool comma;                    /* the decimal one */
    const struct net_arg *missing; /* words for a missing number; or NULL */
    long line;                     /* of `at`, from 1 */
    struct cell *cells;            /* of the row that was read */
    int count, room;
};

static const char *separator_name(char c, bool many)
{
    return c == ';'    ? "`;`"
           : c == '|'  ? "`|`"
           : c == '\t' ? many ? "tabs" : "a tab"
           : many      ? "commas"
                       : "a comma";
}

enum { REMARK = 160 };

/* What to say of a file whose cells are parted by `found`. */
static void tell_separator(char text[REMARK], char own, char found)
{
    const char *name = found == '\t' ? "tab" : (char[]){found, '\0'};

    snprintf(text, REMARK,
             "cells are separated by %s, this file seems to be by %s; write csv(...%s%s%s)",
             separator_name(own, true), separator_name(found, true),
             found == ',' ? "" : ", separator=\"", found == ',' ? "" : name,
             found == ',' ? "" : "\"");
}

static _Noreturn void fail_behind_quote(const struct csv *c, char found)
{
    char remark[REMARK];

    snprintf(remark, sizeof remark,
             "a quote inside quotes is written %c%c; csv(..., quote=none) reads all as letters",
             c->quote, c->quote);
    if (found && strchr(";|\t,", found))
        tell_separator(remark, c->separator, found);
    net_fail(
        1, "%s: line %ld: expected %s or the line's end behind a closing quote, found \"%c\"; %s",
        c->path, c->line, separator_name(c->separator, false), found < ' ' ? ' ' : found, remark);
}

/* One cell; leaves c->at on what ends it: the separator, a line break, or the file's end. */
static struct cell read_cell(struct csv *c)
{
    struct cell cell = {.at = c->at};
    const char *at = c->at;

    if (at == c->end || *at != c->quote) {
        while (at < c->end && *at != c->separator && *at != '\n' &&
               !(*at == '\r' && (at + 1 == c->end || at[1] == '\n')))
            at++;
        cell.length = (size_t)(at - cell.at);
        c->at = at;
        return cell;
    }
    const long line = c->line;

    cell.at = ++at;
    cell.quoted = true;
    for (;; at++) {
        if (at == c->end)
            net_fail(1,
                     "%s: line %ld: a quote opens here and is never closed; where it is a letter "
                     "as others: csv(..., quote=none)",
                     c->path, line);
        if (*at == '\n')
            c->line++;
        if (*at != c->quote)
            continue;
        if (at + 1 == c->end || at[1] != c->quote)
            break;
        cell.doubled = true;
        at++;
    }
    cell.length = (size_t)(at++ - cell.at);
    if (at < c->end && *at != c->separator && *at != '\n' &&
        !(*at == '\r' && (at + 1 == c->end || at[1] == '\n')))
        fail_behind_quote(c, *at);
    c->at = at;
    return cell;
}

/* Lines of old Macs would be one long line, and no row; CR CR LF, of a file that was converted
   twice, leaves a CR in each last cell. */
static void check_line_ends(const struct csv *c)
{
    const size_t size = (size_t)(c->end - c->at);
    const char *newline = memchr(c->at, '\n', size);
    const char *end = newline ? NULL : memchr(c->at, '\r', size);

    if (newline && newline - c->at >= 2 && newline[-1] == '\r' && newline[-2] == '\r')
        net_fail(1,
                 "%s: line 1: it ends with CR CR LF; expected LF or CR LF; convert the file, "
                 "for example with tr -d '\\r'",
                 c->path);
    if (end && end + 1 < c->end)
        net_fail(1,
                 "%s: line 1: it ends with CR alone; expected LF or CR LF; convert the file, "
                 "for example with tr '\\r' '\\n'",
                 c->path);
}

static void skip_line_break(struct csv *c)
{
    if (c->at < c->end && *c->at == '\r')
        c->at++;
    if (c->at < c->end && *c->at == '\n') {
        c->at++;
        c->line++;
    }
}

/* The next row that is not empty; false at the file's end. `line` is where it begins. */
static bool read_row(struct csv *c, long *line)
{
    while (c->at < c->end && (*c->at == '\n' || *c->at == '\r')) {
        const char *at = c->at;

        skip_line_break(c);
        if (c->at == at + 1 && *at == '\r' && c->at < c->end)
            break; /* not a line break: it begins a cell */
    }
    *line = c->line;
    c->count = 0;
    if (c->at == c->end)
        return false;
    for (;; c->at++) {
        if (c->count == c->room) {
            c->room = 2 * c->room + 64;
            c->cells = realloc(c->cells, (size_t)c->room * sizeof *c->cells);
            if (!c->cells)
                net_fail(1, "%s: line %ld: out of memory for %d cells", c->path, *line, c->room);
        }
        c->cells[c->count++] = read_cell(c);
        if (c->at == c->end || *c->at != c->separator)
            break;
    }
    skip_line_break(c);
    return true;
}

/* The cell's text, "" made one quote. */
static struct net_slice content(struct cell cell, struct net_scratch *scratch)
{
    size_t length = 0;

    if (!cell.doubled)
        return (struct net_slice){cell.at, cell.length};
    const char quote = cell.at[-1];

    net_scratch_fit(scratch, cell.length);
    for (size_t i = 0; i < cell.length; i++) {
        scratch->at[length++] = cell.at[i];
        i += cell.at[i] == quote;
    }
    return (struct net_slice){scratch->at, length};
}

/* A text of a file, by what parts its cells and the quote around them. */
#define READ_TEXT(name, by, mark)                                                                  \
    static struct net_slice name(const char *at, const char *end, struct net_scratch *scratch)     \
    {                                                                                              \
        struct csv c = {.path = "", .at = at, .end = end, .separator = (by), .quote = (mark)};     \
                                                                                                   \
        return content(read_cell(&c), scratch);                                                    \
    }
#define READ_TEXTS(name, by)                                                                       \
    READ_TEXT(name, by, '"')                                                                       \
    READ_TEXT(name##_in_single_quotes, by, '\'')                                                   \
    READ_TEXT(name##_unquoted, by, '\0')

READ_TEXTS(by_comma, ',')
READ_TEXTS(by_semicolon, ';')
READ_TEXTS(by_bar, '|')
READ_TEXTS(by_tab, '\t')

static net_read_text *text_reader(char separator, char quote)
{
    static const char separators[] = ",;|\t", quotes[] = "\"'";
    static net_read_text *const readers[][3] = {
        {by_comma, by_comma_in_single_quotes, by_comma_unquoted},
        {by_semicolon, by_semicolon_in_single_quotes, by_semicolon_unquoted},
        {by_bar, by_bar_in_single_quotes, by_bar_unquoted},
        {by_tab, by_tab_in_single_quotes, by_tab_unquoted},
    };

    return readers[strchr(separators, separator) - separators][strchr(quotes, quote) - quotes];
}

/* ---- the header ------------------------------------------------------------------------------ */

/* A name as UTF-8, malloc'd: a byte that is none is the Latin-1 character. */
static char *copy_name(struct net_slice name)
{
    const unsigned char *at = (const unsigned char *)name.at, *end = at + name.length;
    char *copy = net_allocate(2 * name.length + 1, 1), *to = copy;

    for (int length; at < end; at += length)
        to = net_put_utf8(to, net_read_utf8(at, end, &length));
    return copy;
}

/* Names of columns, malloc'd each; without a header they are "1", "2", ... */
static char **read_names(struct csv *c, bool header)
{
    char **names = net_allocate((size_t)c->count + 1, sizeof *names);
    struct net_scratch scratch = {0};

    for (int i = 0; i < c->count; i++) {
        struct net_slice slice = content(c->cells[i], &scratch);

        while (slice.length && !c->cells[i].quoted && *slice.at == ' ')
            slice.at++, slice.length--;
        while (slice.length && !c->cells[i].quoted && slice.at[slice.length - 1] == ' ')
            slice.length--;
        names[i] = header ? copy_name(slice) : net_format("%d", i + 1);
    }
    free(scratch.at);
    return names;
}

/* Does a row have one cell that looks like several? What parts those; else 0. */
static char other_separator(const struct csv *c)
{
    static const char others[] = ";\t|,";

    for (const char *other = others; c->count == 1 && !c->cells[0].quoted && *other; other++)
        if (*other != c->separator && memchr(c->cells[0].at, *other, c->cells[0].length))
            return *other;
    return 0;
}

/* Where a row has more cells than it should: a quote that does not begin its cell is text. */
static const char *quote_hint(const struct csv *c)
{
    for (int i = 0; i < c->count; i++) {
        const struct cell *cell = &c->cells[i];
        size_t blanks = 0;

        while (!cell->quoted && blanks < cell->length && cell->at[blanks] == ' ')
            blanks++;
        if (blanks && blanks < cell->length && c->quote && cell->at[blanks] == c->quote)
            return "; a quote behind a blank opens nothing: leave the blanks out before it";
        if (c->quote == '"' && cell->length > 1 && *cell->at == '\'')
            return "; cells in single quotes are read by csv(..., quote=\"'\")";
    }
    return "";
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Columns by number whose names are numbers: 0, 1, 2 ... and wavelengths are names, a row none. */
static bool is_row(const struct net_header *header, const int *places, int count)
{
    double first = 0, step = 0, last = 0, number;
    bool even = true;

    for (int k = 0; k < count; k++, last = number) {
        const char *name = header->names[places[k] - 1];

        if (net_parse_number(name, strlen(name), &number) != NET_PARSED)
            return false;
        first = k ? first : number;
        step = k == 1 ? number - first : step;
        even &= k < 2 || fabs(number - last - step) <= 1e-6 * fabs(step);
    }
    return count > 2 ? !even || step == 0 : count > 1 ? step != 1 : first != floor(first);
}

/* Which cells the fields take, from 1, chosen[f][k], by the file's first row; the first file tells
   how many numbers a row of each field has. */
static void choose(int **chosen, struct net_builder *builder, struct csv *c, bool named, bool first)
{
    char remark[2 * REMARK] = "", separated[REMARK];
    const char other = other_separator(c);
    bool told = false;
    struct net_header header = {.path = c->path,
                                .names = read_names(c, named),
                                .count = c->count,
                                .named = named,
                                .remark = remark};

    if (other)
        tell_separator(separated, c->separator, other);
    snprintf(remark, sizeof remark, "%s%s%s", other ? "; " : "", other ? separated : "",
             c->hint ? c->hint : "");
    net_header_open(&header);
    for (int f = 0; f < builder->count; f++) {
        const struct net_taker *taker = &builder->takers[f];
        const bool asked = first && named && !told && !builder->names[f].count &&
                           taker->take == NET_TAKE_NUMBERS && !taker->field->columns[0].text;

        free(chosen[f]);
        chosen[f] = net_columns_find(&header, taker->field, &builder->names[f]);
        if (asked && is_row(&header, chosen[f], builder->names[f].count)) {
            net_warn("%s: line 1, numbers, is taken for the names of columns; if it is a row, "
                     "write csv(..., header=false)",
                     c->path);
            told = true;
        }
        if (first)
            net_builder_elements(builder, f);
    }
    net_header_close(&header);
}

/* Does a cell stand for a missing value by the words of the source? Blanks around it are none of
   it, as of a number. */
static bool is_missing_word(const struct net_arg *words, struct net_slice cell)
{
    const int count = words ? words->texts ? words->count : 1 : 0;

    while (cell.length && (*cell.at == ' ' || *cell.at == '\t'))
        cell.at++, cell.length--;
    while (cell.length && (cell.at[cell.length - 1] == ' ' || cell.at[cell.length - 1] == '\t'))
        cell.length--;
    for (int i = 0; i < count; i++) {
        const char *word = words->texts ? words->texts[i] : words->text;

        if (strlen(word) == cell.length && !memcmp(word, cell.at, cell.length))
            return true;
    }
    return false;
}

/* Is a cell a number that is a word for a missing one, however written: -999.0 where -999 is? */
static bool is_missing_number(const struct net_arg *words, struct net_slice cell)
{
    const int count = words ? words->texts ? words->count : 1 : 0;
    double number, missing;

    if (!count || net_parse_number(cell.at, cell.length, &number) != NET_PARSED)
        return false;
    for (int i = 0; i < count; i++) {
        const char *word = words->texts ? words->texts[i] : words->text;

        if (net_parse_number(word, strlen(word), &missing) == NET_PARSED && missing == number)
            return true;
    }
    return false;
}

/* A cell of numbers as those of other files: what stands for a missing one is empty, and a decimal
   comma is a point. A point beside it could mean thousands: a fault. */
static struct net_slice plain_number(const struct csv *c, struct net_slice cell,
                                     const struct net_spot *spot, struct net_scratch *scratch)
{
    char shown[48];

    if (is_missing_word(c->missing, cell))
        return (struct net_slice){cell.at, 0};
    if (!c->comma)
        return (struct net_slice){cell.at, is_missing_number(c->missing, cell) ? 0 : cell.length};
    if (memchr(cell.at, '.', cell.length))
        net_fail(1,
                 "%s: line %ld (row %ld): expected a number with a decimal comma, found %s; write "
                 "1234,5 for it, or leave decimal=\",\" out",
                 spot->path, spot->line, spot->row, net_cell_text(shown, cell.at, cell.length));
    if (cell.at != scratch->at) {
        net_scratch_fit(scratch, cell.length + 1);
        memcpy(scratch->at, cell.at, cell.length);
    }
    for (size_t i = 0; i < cell.length; i++)
        if (scratch->at[i] == ',')
            scratch->at[i] = '.';
    cell.at = scratch->at;
    return (struct net_slice){cell.at, is_missing_number(c->missing, cell) ? 0 : cell.length};
}

static void take_row(struct net_builder *builder, int *const *chosen, const struct csv *c,
                     const struct net_spot *spot, struct net_scratch *scratch)
{
    net_builder_row(builder);
    for (int f = 0; f < builder->count; f++)
        for (int k = 0; chosen[f] && k < builder->names[f].count; k++) {
            const struct cell cell = c->cells[chosen[f][k] - 1];
            struct net_slice slice = content(cell, scratch);

            const struct net_taker *taker = &builder->takers[f];

            if ((taker->date || (taker->take == NET_TAKE_CLASS && taker->imputed)) &&
                is_missing_word(c->missing, slice))
                slice.length = 0;
            if (taker->take == NET_TAKE_NUMBERS && !taker->date)
                slice = plain_number(c, slice, spot, scratch);
            if (taker->take == NET_TAKE_TEXT)
                net_builder_text(builder, f, cell.at - cell.quoted, slice);
            else if (taker->take == NET_TAKE_NUMBERS)
                net_builder_number(builder, f, k, slice.at, slice.length, spot);
            else
                net_builder_class(builder, f, slice.at, slice.length, spot);
        }
}

void net_open_csv(struct net_table *table, const struct net_request *request)
{
    if (request->lines) {
        net_open_lines(table, request);
        return;
    }
    const struct net_arg *given = net_argument(request->call, "header");
    const bool header = !given || given->number != 0; /* a model of jsonl has names */
    const struct net_arg *file = net_argument(request->call, "file");
    const struct net_arg *decimal = net_argument(request->call, "decimal");
    const char separator = net_separator(request->call), quote = net_quote(request->call);
    struct net_scratch scratch = {0};
    int *chosen[NET_COLUMNS] = {NULL}; /* of each field */
    struct net_builder builder;
    int count, width = 0;
    char **paths = net_paths(request->folder, file->text, &count);

    net_builder_open(&builder, table, request, text_reader(separator, quote));
    for (int i = 0; i < count; i++) {
        struct net_bytes bytes = net_text_bytes(net_map_file(table, paths[i]), paths[i]);
        struct csv c = {.path = paths[i],
                        .at = bytes.at,
                        .end = bytes.at + bytes.size,
                        .line = 1 + request->lines_before,
                        .hint = request->hint,
                        .separator = separator,
                        .quote = quote,
                        .comma = decimal && decimal->text && *decimal->text == ',',
                        .missing = net_argument(request->call, "missing")};
        const struct csv start = c;
        long line;

        check_line_ends(&c);
        net_builder_file(&builder, bytes);
        if (!read_row(&c, &line))
            net_fail(1, "%s: expected %s, found an empty file", paths[i],
                     header ? "a header" : "rows");
        if (i > 0 && !header && c.count != width)
            net_fail(1, "%s: line 1: %d columns, %s has %d", paths[i], c.count, paths[0], width);
        width = c.count;
        choose(chosen, &builder, &c, header, i == 0);
        if (!header)
            c.at = start.at, c.line = start.line;
        while (read_row(&c, &line)) {
            const struct net_spot spot = {paths[i], line, builder.before + builder.rows};

            if (c.count != width)
                net_fail(1, "%s: line %ld (row %ld): expected %d cells, found %d%s", paths[i], line,
                         builder.before + builder.rows, width, c.count, quote_hint(&c));
            take_row(&builder, chosen, &c, &spot, &scratch);
            net_builder_seen(&bytes, c.at);
        }
        free(c.cells);
    }
    net_builder_close(&builder, net_place(table, request->folder, file->text, paths, count));
    for (int f = 0; f < builder.count; f++)
        free(chosen[f]);
    free(scratch.at);
    net_paths_free(paths, count);
}
