/*
 * json.h -- a walk over JSON text in memory that is only read, for libraries: no allocation, and no
 * byte beyond the end is looked at.
 *
 * The one idea: a walk is a place in the text and its end; each step moves it behind what it has
 * read, or to the end with `wrong` set, where every further step gives nothing.
 */

#ifndef NET_LIBRARY_JSON_H
#define NET_LIBRARY_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Weights are read once: what does it is small. */
#define NET_COLD static __attribute__((unused, noinline, cold))

struct net_walk {
    const unsigned char *at, *end;
    bool wrong;
};

/* What stands between the quotes of a string, with its escapes. */
struct net_string {
    const unsigned char *at, *end;
};

NET_COLD void net_walk_fail(struct net_walk *w)
{
    w->at = w->end;
    w->wrong = true;
}

NET_COLD void net_walk_blanks(struct net_walk *w)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\n' || *w->at == '\t' || *w->at == '\r'))
        w->at++;
}

/* The next mark, behind blanks; 0 at the end. */
NET_COLD int net_walk_next(struct net_walk *w)
{
    net_walk_blanks(w);
    return w->at < w->end ? *w->at : 0;
}

/* Goes past a mark if it is the next. */
NET_COLD bool net_walk_past(struct net_walk *w, int mark)
{
    const bool is = net_walk_next(w) == mark;

    w->at += is;
    return is;
}

NET_COLD void net_walk_want(struct net_walk *w, int mark)
{
    if (!net_walk_past(w, mark))
        net_walk_fail(w);
}

NET_COLD struct net_string net_walk_string(struct net_walk *w)
{
    struct net_string s;

    net_walk_want(w, '"');
    s.at = w->at;
    while (w->at < w->end && *w->at != '"')
        w->at += *w->at == '\\' && w->at + 1 < w->end ? 2 : 1;
    s.end = w->at;
    net_walk_want(w, '"');
    return s;
}

/* A whole number, in digits alone. */
NET_COLD uint64_t net_walk_whole(struct net_walk *w)
{
    uint64_t x = 0;

    if (net_walk_next(w) < '0' || *w->at > '9')
        net_walk_fail(w);
    while (w->at < w->end && *w->at >= '0' && *w->at <= '9') {
        if (x > UINT64_MAX / 16)
            net_walk_fail(w);
        else
            x = 10 * x + (uint64_t)(*w->at++ - '0');
    }
    return x;
}

/* Past a value, whatever it is. */
NET_COLD void net_walk_value(struct net_walk *w)
{
    long depth = 0;

    do {
        const int mark = net_walk_next(w);

        if (mark == '"')
            net_walk_string(w);
        else if (!mark || ((mark == ']' || mark == '}') && !depth))
            net_walk_fail(w);
        else if (w->at++, mark == '[' || mark == '{')
            depth++;
        else if (mark == ']' || mark == '}')
            depth--;
        else if (mark != ',' && mark != ':')
            while (w->at < w->end && *w->at != ',' && *w->at != ']' && *w->at != '}')
                w->at++;
    } while (depth && !w->wrong);
}

/* Begins an object or array; then, until it is false: is there another item? */
NET_COLD bool net_walk_item(struct net_walk *w, int end, bool *first)
{
    if (w->wrong || net_walk_past(w, end))
        return false;
    if (!*first)
        net_walk_want(w, ',');
    *first = false;
    return !w->wrong;
}

/* ---- Strings --------------------------------------------------------------------------------- */

/* Four hexadecimal digits; -1: they are none. */
NET_COLD int net_hex(const unsigned char *at, const unsigned char *end)
{
    int x = 0;

    for (int i = 0; i < 4; i++, at++) {
        const int c = at < end ? *at | 32 : 0;
        const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;

        if (digit < 0)
            return -1;
        x = 16 * x + digit;
    }
    return x;
}

/* The next character of a string, as a number of Unicode or a byte of UTF-8; -1: it is no text. */
NET_COLD int net_string_next(struct net_string *s)
{
    static const char marks[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    int x = *s->at++;

    if (x != '\\' || s->at == s->end)
        return x;
    x = *s->at++;
    for (int i = 0; marks[i]; i++)
        if (marks[i] == x)
            return (unsigned char)meant[i];
    if (x != 'u' || (x = net_hex(s->at, s->end)) < 0)
        return -1;
    s->at += 4;
    if (x >= 0xd800 && x < 0xdc00 && s->end - s->at >= 6 && s->at[0] == '\\' && s->at[1] == 'u') {
        const int low = net_hex(s->at + 2, s->end);

        if (low >= 0xdc00 && low < 0xe000) {
            s->at += 6;
            return 0x10000 + ((x - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    return x;
}

/* The next bytes of a string in UTF-8, and how many: 0 where it is no text. */
NET_COLD int net_string_bytes(struct net_string *s, unsigned char bytes[4])
{
    const bool escaped = *s->at == '\\';
    int x = net_string_next(s);

    if (x < 0)
        return 0;
    if (!escaped || x < 0x80)
        return bytes[0] = (unsigned char)x, 1;
    const int count = x < 0x800 ? 2 : x < 0x10000 ? 3 : 4;

    for (int i = count - 1; i > 0; i--, x >>= 6)
        bytes[i] = (unsigned char)(0x80 | (x & 63));
    bytes[0] = (unsigned char)(x | (0xf00 >> count & 0xf0));
    return count;
}

/* Is the string this text, which is UTF-8? */
NET_COLD bool net_string_is(struct net_string s, const char *text)
{
    while (s.at < s.end && *text) {
        unsigned char bytes[4];
        const int count = net_string_bytes(&s, bytes);

        for (int i = 0; i < count; i++)
            if (!*text || (unsigned char)*text++ != bytes[i])
                return false;
        if (!count)
            return false;
    }
    return s.at == s.end && !*text;
}

#endif
