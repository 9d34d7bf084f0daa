/*
 * jsonl.c -- JSON lines: an object a line, whose members are the columns. A line is read once,
 * from left to right; members that no field takes are checked and passed over.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/utf8.h"
#include "core/words.h"
#include "data/sources/source.h"

enum { MAX_DEPTH = 64 }; /* arrays and objects inside one another */

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

/* ---- values ---------------------------------------------------------------------------------- */

/* What other languages write where JSON has null, true or false. */
static bool is_foreign(struct net_slice word)
{
    static const char *const words[] = {"NaN", "nan",  "Infinity", "-Infinity", "inf",
                                        "NA",  "None", "True",     "False",     "undefined"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == word.length && !memcmp(words[i], word.at, word.length))
            return true;
    return false;
}

/* What to say of a word that is neither a number nor true, false or null. */
static const char *expected_value(struct net_slice word)
{
    double number;

    if (is_foreign(word))
        return "a value: JSON has true, false, numbers that are finite, and null for one that is "
               "missing";
    if (word.length && *word.at < 'A' &&
        net_parse_number(word.at, word.length, &number) == NET_PARSED)
        return "a number as JSON has it, without + or 0 in front and with digits on both sides of "
               "its point (a string in quotes can be a class)";
    return "a value";
}

/* A number, true, false or null: up to what ends it. */
static struct net_slice read_word(struct json *j)
{
    struct net_slice word = {.at = j->at};

    while (j->at < j->end && !strchr(",]} \t\r", *j->at))
        j->at++;
    word.length = (size_t)(j->at - word.at);
    const bool name = (word.length == 4 &&
                       (!memcmp(word.at, "true", 4) || !memcmp(word.at, "null", 4))) ||
                      (word.length == 5 && !memcmp(word.at, "false", 5));

    if (!name && (!word.length || net_json_number_length(word.at, j->at) != word.length)) {
        j->at = word.at;
        fail_json(j, expected_value(word));
    }
    return word;
}

/* Is it one word, as core/words.h parts a text? */
static bool is_word(struct net_slice word)
{
    const unsigned char *at = (const unsigned char *)word.at, *end = at + word.length;
    int size;

    for (; at < end; at += size)
        if (net_is_space(net_utf8_read(at, end, &size)))
            return false;
    return word.length > 0;
}

/* A string, or a list of words, strings and numbers, as the text that they are. */
static struct net_slice read_words(struct json *j, struct net_scratch *scratch)
{
    struct net_scratch own = {0};
    size_t length = 0;

    if (j->at == j->end || *j->at != '[')
        return read_string(j, scratch);
    j->at++;
    for (bool more = !take(j, ']'); more; more = take(j, ',')) {
        const char *at = j->at;

        skip_spaces(j);
        if (j->at < j->end && strchr("[{tfn", *j->at))
            fail_json(j, "a word, a string or a number");
        const struct net_slice word = j->at < j->end && *j->at != '"' ? read_word(j)
                                                                      : read_string(j, &own);

        if (!is_word(word)) {
            j->at = at;
            fail_json(j, "one word, without a blank in it");
        }
        net_scratch_fit(scratch, length + word.length + 1);
        memcpy(scratch->at + length, word.at, word.length);
        length += word.length;
        scratch->at[length++] = ' ';
    }
    if (length && !take(j, ']'))
        fail_json(j, "a comma or ]");
    free(own.at);
    return length ? (struct net_slice){scratch->at, length - 1} : (struct net_slice){"", 0};
}

static struct net_slice read_text(const char *at, const char *end, struct net_scratch *scratch)
{
    struct json j = {.at = at, .end = end, .begin = at};

    return read_words(&j, scratch);
}

static void pass_value(struct json *j, int depth)
{
    const bool object = j->at < j->end && *j->at == '{';
    bool escaped;

    if (depth == MAX_DEPTH)
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

/* A place that a member's value goes to: element k of field f. */
struct place {
    int f, k;
    int next; /* place of the same member, or -1 */
    bool seen;
};

struct jsonl {
    struct net_builder builder;
    struct net_scratch key, value;
    struct net_string_table *members; /* that a field takes, by name */
    struct place *places;
    int *first; /* by member: its first place */
    int place_count;
};

/* A value for element k of field f. */
static void take_value(struct jsonl *l, struct json *j, int f, int k)
{
    struct net_builder *b = &l->builder;
    const enum net_take what = b->takers[f].take;
    const bool string = *j->at == '"';

    if (what == NET_TAKE_TEXT && (string || *j->at == '[')) {
        const char *at = j->at;

        net_builder_text(b, f, at, read_words(j, &l->value));
        return;
    }
    if (*j->at == '[' || *j->at == '{')
        fail_json(j, "a string or a number, no list or object");
    if (what == NET_TAKE_TEXT)
        fail_json(j, "a string; a text of no words is \"\"");
    const char *value = j->at;
    struct net_slice slice = string ? read_string(j, &l->value) : read_word(j);
    double number;

    if (what != NET_TAKE_NUMBERS) {
        const bool null = !string && *slice.at == 'n';

        net_builder_class(b, f, slice.at, null ? 0 : slice.length, &j->spot);
        return;
    }
    const enum net_parsed found = net_parse_number(slice.at, slice.length, &number);

    if (string && !b->takers[f].date && (found == NET_PARSED || found == NET_TRUTH)) {
        j->at = value;
        fail_json(j, "a number, which stands without quotes");
    }
    net_builder_number(b, f, k, slice.at, slice.length, &j->spot);
}

/* One member: every field that is made of it takes its value. */
static void read_member(struct jsonl *l, struct json *j)
{
    const struct net_slice key = read_string(j, &l->key);
    const int32_t member = net_strings_find(l->members, key.at, key.length);

    if (!take(j, ':'))
        fail_json(j, "a colon");
    if (j->at == j->end)
        fail_json(j, "a value");
    if (member < 0) {
        pass_value(j, 1);
        return;
    }
    const char *value = j->at;

    for (int p = l->first[member]; p >= 0; p = l->places[p].next) {
        struct place *place = &l->places[p];

        if (place->seen)
            net_fail(1, "%s: line %ld: \"%s\" is there twice", j->spot.path, j->spot.line,
                     net_string(l->members, member));
        j->at = value;
        take_value(l, j, place->f, place->k);
        place->seen = true;
    }
}

/* What a line leaves out is missing: a number or a class may be filled in, all else is a fault. */
static void finish_row(struct jsonl *l, const struct json *j)
{
    for (struct place *place = l->places; place < l->places + l->place_count; place++) {
        const struct net_taker *taker = &l->builder.takers[place->f];

        if (!place->seen && (taker->take == NET_TAKE_TEXT || !taker->imputed))
            net_fail(1, "%s: line %ld (row %ld): expected a member \"%s\", found none",
                     j->spot.path, j->spot.line, j->spot.row,
                     l->builder.names[place->f].at[place->k]);
        if (!place->seen && taker->take != NET_TAKE_NUMBERS)
            net_builder_class(&l->builder, place->f, "", 0, &j->spot);
        else if (!place->seen)
            net_builder_number(&l->builder, place->f, place->k, "", 0, &j->spot);
    }
}

static void read_line(struct jsonl *l, struct json *j)
{
    if (!take(j, '{'))
        fail_json(j, "an object, {\"name\": value, ...}");
    for (int p = 0; p < l->place_count; p++)
        l->places[p].seen = false;
    net_builder_row(&l->builder);
    if (!take(j, '}')) {
        do
            read_member(l, j);
        while (take(j, ','));
        if (!take(j, '}'))
            fail_json(j, "a comma or }");
    }
    if (j->at < j->end)
        fail_json(j, "the line's end");
    finish_row(l, j);
}

static void read_file(struct jsonl *l, struct net_bytes bytes, const char *path, long before)
{
    const char *at = bytes.at, *end = bytes.at + bytes.size;

    for (long line = 1 + before; at < end; line++) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        struct json j = {.at = at,
                         .begin = at,
                         .end = newline ? newline : end,
                         .spot = {path, line, l->builder.before + l->builder.rows}};

        skip_spaces(&j);
        if (j.at < j.end)
            read_line(l, &j);
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

/* Which members the fields take, and where each of them goes. */
static void open_places(struct jsonl *l)
{
    int count = 0;

    for (int f = 0; f < l->builder.count; f++)
        count += l->builder.names[f].count;
    l->members = net_strings_new();
    l->places = net_allocate((size_t)count, sizeof *l->places);
    l->first = net_allocate((size_t)count, sizeof *l->first);
    for (int f = 0; f < l->builder.count; f++)
        for (int k = 0; k < l->builder.names[f].count; k++) {
            const char *name = l->builder.names[f].at[k];
            const int32_t known = l->members->count;
            const int32_t member = net_strings_add(l->members, name, strlen(name));

            l->places[l->place_count] = (struct place){
                .f = f, .k = k, .next = member < known ? l->first[member] : -1};
            l->first[member] = l->place_count++;
        }
}

void net_open_jsonl(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    struct jsonl l = {0};
    int count;

    if (request->lines) {
        net_open_lines(table, request);
        return;
    }
    char **paths = net_paths(request->folder, file->text, &count);
    const char *place = net_place(table, request->folder, file->text, paths, count);

    net_builder_open(&l.builder, table, request, read_text);
    for (int f = 0; f < request->field_count; f++) {
        need_names(&l.builder, f, place);
        net_builder_elements(&l.builder, f);
    }
    open_places(&l);

    for (int i = 0; i < count; i++) {
        const struct net_bytes bytes = net_text_bytes(net_map_file(table, paths[i]), paths[i]);

        net_builder_file(&l.builder, bytes);
        read_file(&l, bytes, paths[i], request->lines_before);
    }
    net_builder_close(&l.builder, place);
    net_strings_free(l.members);
    free(l.places);
    free(l.first);
    free(l.key.at);
    free(l.value.at);
    net_paths_free(paths, count);
}
