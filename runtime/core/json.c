/*
 * json.c -- a reader of JSON (RFC 8259) into a tree. Input may be anything: depth and every byte
 * are checked, a mistake gives its place.
 */

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

enum { MAX_DEPTH = 64, MANY = 16 /* members, from which on they are found by a hash */ };

struct reader {
    const char *begin, *at, *end;
    int depth;           /* of arrays and objects */
    const char *mistake; /* NULL: none yet */
};

static void *wrong(struct reader *r, const char *what)
{
    if (!r->mistake)
        r->mistake = what;
    return NULL;
}

static void skip_space(struct reader *r)
{
    while (r->at < r->end && strchr(" \t\r\n", *r->at) && *r->at)
        r->at++;
}

static bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->at == r->end || *r->at != c)
        return false;
    r->at++;
    return true;
}

/* The four digits behind "\u" */
static int read_digits(struct reader *r)
{
    const int code = net_read_escape(r->at - 2, r->end);

    r->at += code < 0 ? 0 : 4;
    return code;
}

/* Behind "\u": one code, or a pair of surrogates. -1: neither. NUL is refused: texts end with
   it. */
static int read_code(struct reader *r)
{
    int code = read_digits(r);

    if (code >= 0xd800 && code < 0xdc00) {
        if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
            return -1;
        r->at += 2;
        const int low = read_digits(r);
        code = low >= 0xdc00 && low < 0xe000 ? 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00
                                             : -1;
    } else if (code >= 0xdc00 && code < 0xe000) {
        code = -1;
    }
    return code == 0 ? -1 : code;
}

static char *read_string(struct reader *r)
{
    if (!take(r, '"'))
        return wrong(r, "expected a string");

    size_t length = 0; /* as it is written; nothing that is read back is longer */

    while (r->at + length < r->end && r->at[length] != '"')
        length += 1 + (r->at[length] == '\\');
    char *text = net_allocate(length + 1, 1), *out = text;

    while (r->at < r->end && *r->at != '"' && !r->mistake) {
        const char *escapes = "\"\\/bfnrt", *plain = "\"\\/\b\f\n\r\t";
        const char c = *r->at++;

        if ((unsigned char)c < 0x20) {
            wrong(r, "a control character in a string");
        } else if (c != '\\') {
            *out++ = c;
        } else if (r->at < r->end && *r->at == 'u') {
            r->at++;
            const int code = read_code(r);
            if (code < 0)
                wrong(r, "a wrong \\u escape");
            else
                out = net_put_utf8(out, (unsigned)code);
        } else {
            const char *escape = r->at < r->end && *r->at ? strchr(escapes, *r->at) : NULL;
            if (!escape)
                wrong(r, "a wrong escape");
            else
                *out++ = plain[escape - escapes];
            r->at++;
        }
    }
    if (!r->mistake && !take(r, '"'))
        wrong(r, "a string without its end");
    if (r->mistake) {
        free(text);
        return NULL;
    }
    return text;
}

static const char *pass_digits(const char *at, const char *end)
{
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    return at;
}

size_t net_json_number_length(const char *text, const char *end)
{
    const char *at = text + (text < end && *text == '-');
    const char *whole = at;

    at = at < end && *at == '0' ? at + 1 : pass_digits(at, end);
    if (at == whole)
        return 0;
    if (at < end && *at == '.') {
        const char *fraction = pass_digits(at + 1, end);

        if (fraction == at + 1)
            return 0;
        at = fraction;
    }
    if (at < end && (*at == 'e' || *at == 'E')) {
        const char *digits = at + 1 + (at + 1 < end && (at[1] == '+' || at[1] == '-'));

        at = pass_digits(digits, end);
        if (at == digits)
            return 0;
    }
    return (size_t)(at - text);
}

static double read_number(struct reader *r)
{
    char digits[64] = "";
    const size_t length = net_json_number_length(r->at, r->end);

    if (length < sizeof digits)
        memcpy(digits, r->at, length);
    r->at += length;
    const double x = strtod(digits, NULL);
    if (!*digits || !isfinite(x))
        wrong(r, "a wrong number");
    return x;
}

static bool take_word(struct reader *r, const char *word)
{
    const size_t length = strlen(word);

    if ((size_t)(r->end - r->at) < length || memcmp(r->at, word, length) != 0)
        return false;
    r->at += length;
    return true;
}

/* Where a member of this name is, or would be. */
static struct net_json **slot_of(const struct net_json *object, const char *key)
{
    size_t i = net_hash(key, strlen(key)) & object->mask;

    while (object->slots[i] && strcmp(object->slots[i]->key, key) != 0)
        i = (i + 1) & object->mask;
    return &object->slots[i];
}

/* Of two members of one name the first is found. */
static void index_members(struct net_json *object)
{
    size_t slots = 2 * MANY;

    if (object->count < MANY)
        return;
    while (slots < 2 * (size_t)object->count)
        slots *= 2;
    object->slots = net_allocate(slots, sizeof(struct net_json *));
    object->mask = slots - 1;
    for (struct net_json *member = object->first; member; member = member->next) {
        struct net_json **slot = slot_of(object, member->key);

        if (!*slot)
            *slot = member;
    }
}

static struct net_json *read_value(struct reader *r);

/* The members of an object, or the elements of an array, up to and with `close`. */
static void read_members(struct reader *r, struct net_json *in, char close)
{
    struct net_json **last = &in->first;

    if (++r->depth > MAX_DEPTH) {
        wrong(r, "too deep");
        return;
    }
    if (!take(r, close))
        do {
            char *key = NULL;

            if (close == '}') {
                key = read_string(r);
                if (!r->mistake && !take(r, ':'))
                    wrong(r, "expected `:`");
            }
            *last = r->mistake ? NULL : read_value(r);
            if (!*last) {
                free(key);
                return;
            }
            (*last)->key = key;
            last = &(*last)->next;
            in->count++;
            if (!take(r, ',')) {
                if (!take(r, close))
                    wrong(r, close == '}' ? "expected `,` or `}`" : "expected `,` or `]`");
                break;
            }
        } while (true);
    r->depth--;
}

static struct net_json *read_value(struct reader *r)
{
    struct net_json *json = net_allocate(1, sizeof *json);

    skip_space(r);
    if (r->at == r->end) {
        wrong(r, "the end came too early");
    } else if (*r->at == '{') {
        json->kind = NET_JSON_OBJECT;
        r->at++;
        read_members(r, json, '}');
        if (!r->mistake)
            index_members(json);
    } else if (*r->at == '[') {
        json->kind = NET_JSON_ARRAY;
        r->at++;
        read_members(r, json, ']');
    } else if (*r->at == '"') {
        json->kind = NET_JSON_STRING;
        json->text = read_string(r);
    } else if (take_word(r, "true")) {
        json->kind = NET_JSON_BOOL;
        json->number = 1.0;
    } else if (take_word(r, "false")) {
        json->kind = NET_JSON_BOOL;
    } else if (!take_word(r, "null")) {
        json->kind = NET_JSON_NUMBER;
        json->number = read_number(r);
    }
    if (r->mistake) {
        net_json_free(json);
        return NULL;
    }
    return json;
}

struct net_json *net_json_read(const char *text, size_t length, char *error, size_t size)
{
    struct reader r = {.begin = text, .at = text, .end = text + length};
    struct net_json *json = read_value(&r);

    if (json) {
        skip_space(&r);
        if (r.at < r.end)
            wrong(&r, "more text behind the value");
    }
    if (r.mistake) {
        snprintf(error, size, "%s at byte %td", r.mistake, r.at - r.begin);
        net_json_free(json);
        return NULL;
    }
    return json;
}

void net_json_free(struct net_json *json)
{
    while (json) {
        struct net_json *next = json->next;

        net_json_free(json->first);
        free(json->key);
        free(json->text);
        free(json->slots);
        free(json);
        json = next;
    }
}

const struct net_json *net_json_member(const struct net_json *object, const char *key)
{
    const struct net_json *member;

    if (!object || object->kind != NET_JSON_OBJECT)
        return NULL;
    if (object->slots)
        return *slot_of(object, key);
    for (member = object->first; member; member = member->next)
        if (!strcmp(member->key, key))
            break;
    return member;
}
