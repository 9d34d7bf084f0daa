/*
 * text.c -- text that grows.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"

/* Room for `more` bytes and a NUL behind them. */
static void reserve(struct net_text *text, size_t more)
{
    if (text->length + more + 1 <= text->capacity)
        return;
    text->capacity = 2 * text->capacity + more + 64;
    text->at = realloc(text->at, text->capacity);
    if (!text->at)
        net_fail(NET_FAULT, "out of memory");
}

static void add(struct net_text *text, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        net_fail(NET_FAULT, "cannot format a text");
    reserve(text, (size_t)length);
    vsnprintf(text->at + text->length, text->capacity - text->length, format, args);
    text->length += (size_t)length;
}

void net_text_add(struct net_text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

/* A byte that is not UTF-8 is the Latin-1 character: JSON is UTF-8. */
void net_text_quote(struct net_text *text, const char *string)
{
    const unsigned char *at = (const unsigned char *)string, *end = at + strlen(string);
    int length;

    reserve(text, 6 * (size_t)(end - at) + 2); /* at most \u0001 a byte */
    char *to = text->at + text->length;

    *to++ = '"';
    for (; at < end; at += length) {
        const unsigned code = net_read_utf8(at, end, &length);

        if (code == '"' || code == '\\')
            *to++ = '\\';
        if (code < 0x20)
            to += sprintf(to, "\\u%04x", code);
        else
            to = net_put_utf8(to, code);
    }
    *to++ = '"';
    *to = '\0';
    text->length = (size_t)(to - text->at);
}

void net_text_shell(struct net_text *text, const char *word)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "%+,-./:=@_";

    if (*word && !word[strspn(word, plain)]) {
        net_text_add(text, "%s", word);
        return;
    }
    net_text_add(text, "'");
    for (; *word; word++)
        net_text_add(text, *word == '\'' ? "'\\''" : "%c", *word);
    net_text_add(text, "'");
}

/* A control character as it is escaped in C or JSON: a terminal would obey it. */
static char *put_visible(char *to, unsigned code)
{
    const char letter = code == '\n' ? 'n' : code == '\t' ? 't' : code == '\r' ? 'r' : '\0';

    if (code >= 0x20 && (code < 0x7F || code > 0x9F))
        return net_put_utf8(to, code);
    return to + (letter ? sprintf(to, "\\%c", letter) : sprintf(to, "\\u%04x", code));
}

static void add_visible(struct net_text *text, const char *string, bool html)
{
    const unsigned char *at = (const unsigned char *)string, *end = at + strlen(string);
    int length;

    reserve(text, 6 * (size_t)(end - at)); /* at most &quot; or \u0001 a byte */
    char *to = text->at + text->length;

    for (; at < end; at += length) {
        const unsigned code = net_read_utf8(at, end, &length);

        if (html && (code == '&' || code == '<' || code == '>' || code == '"'))
            to += sprintf(to, "&%s;",
                          code == '&'   ? "amp"
                          : code == '<' ? "lt"
                          : code == '>' ? "gt"
                                        : "quot");
        else
            to = put_visible(to, code);
    }
    *to = '\0';
    text->length = (size_t)(to - text->at);
}

void net_text_visible(struct net_text *text, const char *string)
{
    add_visible(text, string, false);
}

void net_text_html(struct net_text *text, const char *string)
{
    add_visible(text, string, true);
}

/* The shortest decimal number that reads back as x. */
void net_text_number(struct net_text *text, double x)
{
    char digits[40];

    if (!isfinite(x)) {
        net_text_add(text, "null");
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x)
            break;
    }
    net_text_add(text, "%s", digits);
}

char *net_format(const char *format, ...)
{
    struct net_text text = {0};
    va_list args;

    va_start(args, format);
    add(&text, format, args);
    va_end(args);
    return text.at;
}
