/*
 * jsonl.c -- JSON lines: an object a line, whose members are the columns. A line is read once,
 * from left to right; members that no field takes are checked and passed over.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

enum { DEEPEST = 64 }; /* arrays and objects inside one another */

/* One line. */
struct json {
    const char *at, *end;
    const char *begin; /* of the line */
    struct net_spot spot;
};

static _Noreturn void fail_json(const struct json *j, const char *expected)
{
    char text[48];
    const size_t left = (size_t)(j->end - j->at);

    net_fail(1, "%s: line %ld, character %td: expected %s, found %s%s%s", j->spot.path,
             j->spot.line, j->at - j->begin + 1, expected, left ? "\"" : "the line's end",
             net_cell_text(text, j->at, left < 20 ? left : 20), left ? "\"" : "");
}

static void skip_spaces(struct json *j)
{
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\t' || *j->at == '\r'))
        j->at++;
}

static bool take(struct json *j, char wanted)
{
    skip_spaces(j);
    if (j->at == j->end || *j->at != wanted)
        return false;
    j->at++;
    skip_spaces(j);
    return true;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* \uXXXX, two of them for what lies beyond 16 bits; a half without the other, and 0, become the
   replacement character. */
static const char *read_unicode(const char *at, const char *end, char **to)
{
    const int code = net_read_escape(at, end), next = net_read_escape(at + 6, end);

    if (code >= 0xD800 && code < 0xDC00 && next >= 0xDC00 && next < 0xE000) {
        *to = net_put_utf8(*to, 0x10000u + ((unsigned)(code - 0xD800) << 10) +
                                    (unsigned)(next - 0xDC00));
        return at + 12;
    }
    *to = net_put_utf8(*to,
                       code == 0 || (code >= 0xD800 && code < 0xE000) ? 0xFFFD : (unsigned)code);
    return at + 6;
}

/* Passes over a string that was looked at before, or fails; `escaped`: it holds a backslash. */
static struct net_slice pass_string(struct json *j, bool *escaped)
{
    const char *at = j->at + 1;

    *escaped = false;
    if (j->at == j->end || *j->at != '"')
        fail_json(j, "a string");
    for (;; at++) {
        if (at == j->end || (unsigned char)*at < ' ') {
            j->at = at;
            fail_json(j, "the string to be closed by \"");
        }
        if (*at == '"')
            break;
        if (*at != '\\')
            continue;
        *escaped = true;
        if (at + 1 < j->end && at[1] == 'u' && net_read_escape(at, j->end) >= 0) {
            at += 5;
        } else if (at + 1 < j->end && strchr("\"\\/bfnrt", at[1]) && at[1]) {
            at++;
        } else {
            j->at = at;
            fail_json(j, "one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
        }
    }
    const struct net_slice inside = {j->at + 1, (size_t)(at - j->at - 1)};

    j->at = at + 1;
    return inside;
}

static struct net_slice unescape(struct net_slice inside, struct net_scratch *scratch)
{
    const char *at = inside.at, *end = inside.at + inside.length;

    net_scratch_fit(scratch, inside.length + 1);
    char *to = scratch->at;

    while (at < end) {
        static const char codes[] = "\"\\/bfnrt", means[] = "\"\\/\b\f\n\r\t";

        if (*at != '\\') {
            *to++ = *at++;
        } else if (at[1] == 'u') {
            at = read_unicode(at, end, &to);
        } else {
            *to++ = means[strchr(codes, at[1]) - codes];
            at += 2;
        }
    }
    return (struct net_slice){scratch->at, (size_t)(to - scratch->at)};
}

static struct net_slice read_string(struct json *j, struct net_scratch *scratch)
{
    bool escaped;
    const struct net_slice inside = pass_string(j, &escaped);

    return escaped ? unescape(inside, scratch) : inside;
}

static struct net_slice read_text(const char *at, const char *end, struct net_scratch *scratch)
{
    struct json j = {.at = at, .end = end, .begin = at};

    return read_string(&j, scratch);
}

/* ---- values ---------------------------------------------------------------------------------- */

/* A number, true, false or null: up to what ends it. */
static struct net_slice read_word(struct json *j)
{
    struct net_slice word = {.at = j->at};
    double number;

    while (j->at < j->end && !strchr(",]} \t\r", *j->at))
        j->at++;
    word.length = (size_t)(j->at - word.at);
    const bool name = (word.length == 4 &&
                       (!memcmp(word.at, "true", 4) || !memcmp(word.at, "null", 4))) ||
                      (word.length == 5 && !memcmp(word.at, "false", 5));

    if (!name && (!word.length || !strchr("-0123456789", *word.at) ||
                  net_parse_number(word.at, word.length, &number) != NET_PARSED)) {
        j->at = word.at;
        fail_json(j, "a value");
    }
    return word;
}

static void pass_value(struct json *j, int depth)
{
    const bool object = j->at < j->end && *j->at == '{';
    bool escaped;

    if (depth == DEEPEST)
        fail_json(j, "at most 64 arrays and objects inside one another");
    if (j->at < j->end && *j->at == '"') {
        pass_string(j, &escaped);
    } else if (object || (j->at < j->end && *j->at == '[')) {
        const char close = object ? '}' : ']';

        j->at++;
        if (take(j, close))
            return;
        do {
            skip_spaces(j);
            if (object) {
                pass_string(j, &escaped);
                if (!take(j, ':'))
                    fail_json(j, "a colon");
            }
            pass_value(j, depth + 1);
        } while (take(j, ','));
        if (!take(j, close))
            fail_json(j, object ? "a comma or }" : "a comma or ]");
    } else {
        read_word(j);
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

struct jsonl {
    struct net_builder builder;
    struct net_scratch key, value;
};

/* A value for element k of field f. */
static void take_value(struct jsonl *l, struct json *j, int f, int k)
{
    struct net_builder *b = &l->builder;
    const enum net_take what = b->takers[f].take;
    const bool string = *j->at == '"';

    if (*j->at == '[' || *j->at == '{')
        fail_json(j, "a string or a number, no list or object");
    if (what == NET_TAKE_TEXT) {
        if (!string)
            fail_json(j, "a string; a text of no words is \"\"");
        const char *at = j->at;

        net_builder_text(b, f, at, read_string(j, &l->value));
        return;
    }
    struct net_slice slice = string ? read_string(j, &l->value) : read_word(j);

    if (what == NET_TAKE_CLASS) {
        const bool null = !string && *slice.at == 'n';

        net_builder_class(b, f, slice.at, null ? 0 : slice.length, &j->spot);
        return;
    }
    if (!string && (*slice.at == 't' || *slice.at == 'f'))
        slice = (struct net_slice){*slice.at == 't' ? "1" : "0", 1};
    net_builder_number(b, f, k, slice.at, slice.length, &j->spot);
}

/* One member: every field that is made of it takes its value. */
static void read_member(struct jsonl *l, struct json *j, bool *seen)
{
    const struct net_slice key = read_string(j, &l->key);
    const char *after = NULL;

    if (!take(j, ':'))
        fail_json(j, "a colon");
    const char *value = j->at;

    for (int f = 0, place = 0; f < l->builder.count; f++) {
        const struct net_names *names = &l->builder.names[f];

        for (int k = 0; k < names->count; k++, place++) {
            const char *name = names->at[k];

            if (strlen(name) != key.length || memcmp(name, key.at, key.length))
                continue;
            j->at = value;
            if (value == j->end)
                fail_json(j, "a value");
            if (seen[place])
                net_fail(1, "%s: line %ld: \"%s\" is there twice", j->spot.path, j->spot.line,
                         name);
            take_value(l, j, f, k);
            seen[place] = true;
            after = j->at;
        }
    }
    if (!after)
        pass_value(j, 1);
}

/* What a line leaves out is missing: a number may be filled in, all else is a fault. */
static void finish_row(struct jsonl *l, const struct json *j, const bool *seen)
{
    for (int f = 0, place = 0; f < l->builder.count; f++) {
        const struct net_taker *taker = &l->builder.takers[f];

        for (int k = 0; k < l->builder.names[f].count; k++, place++) {
            if (seen[place])
                continue;
            if (taker->take == NET_TAKE_NUMBERS && taker->imputed)
                net_builder_number(&l->builder, f, k, "", 0, &j->spot);
            else
                net_fail(1, "%s: line %ld (row %ld): expected a member \"%s\", found none",
                         j->spot.path, j->spot.line, j->spot.row, l->builder.names[f].at[k]);
        }
    }
}

static void read_line(struct jsonl *l, struct json *j, bool *seen, int places)
{
    if (!take(j, '{'))
        fail_json(j, "an object, {\"name\": value, ...}");
    memset(seen, 0, (size_t)places);
    net_builder_row(&l->builder);
    if (!take(j, '}')) {
        do
            read_member(l, j, seen);
        while (take(j, ','));
        if (!take(j, '}'))
            fail_json(j, "a comma or }");
    }
    if (j->at < j->end)
        fail_json(j, "the line's end");
    finish_row(l, j, seen);
}

static void read_file(struct jsonl *l, struct net_bytes bytes, const char *path, bool *seen,
                      int places)
{
    const char *at = bytes.at, *end = bytes.at + bytes.size;

    for (long line = 1; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct json j = {.at = at,
                         .begin = at,
                         .end = newline ? newline : end,
                         .spot = {path, line, l->builder.rows}};

        skip_spaces(&j);
        if (j.at < j.end)
            read_line(l, &j, seen, places);
        at = newline ? newline + 1 : end;
        net_builder_seen(&bytes, at);
    }
}

/* Members have names and no order. */
static void need_names(struct net_builder *builder, int f, const char *path)
{
    const struct net_field *field = builder->takers[f].field;
    struct net_names *names = &builder->names[f];
    bool named = names->count || !field->column_range;

    for (int k = 0; k < names->count; k++)
        named &= !names->place[k];
    for (int k = 0; !names->count && k < field->column_count; k++)
        named &= field->columns[k].text != NULL;
    if (!named)
        net_fail(1, "%s: expected a csv file: the model takes %s by the place of its columns", path,
                 field->name);
    if (names->count)
        return;
    names->count = field->column_count;
    names->at = net_allocate((size_t)names->count, sizeof *names->at);
    names->place = net_allocate((size_t)names->count, sizeof *names->place);
    for (int k = 0; k < names->count; k++)
        names->at[k] = net_copy(field->columns[k].text);
}

void net_open_jsonl(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    struct jsonl l = {0};
    int count, places = 0;

    if (request->lines) {
        net_open_lines(table, request);
        return;
    }
    char **paths = net_paths(request->folder, file->text, &count);

    net_builder_open(&l.builder, table, request, read_text);
    for (int f = 0; f < request->field_count; f++) {
        need_names(&l.builder, f, file->text);
        net_builder_elements(&l.builder, f);
        places += l.builder.names[f].count;
    }
    bool *seen = net_allocate((size_t)places, sizeof *seen);

    for (int i = 0; i < count; i++) {
        const struct net_bytes bytes = net_text_bytes(net_map_file(table, paths[i]), paths[i]);

        net_builder_file(&l.builder, bytes);
        read_file(&l, bytes, paths[i], seen, places);
    }
    net_builder_close(&l.builder, file->text);
    free(seen);
    free(l.key.at);
    free(l.value.at);
    net_paths_free(paths, count);
}
