/*
 * utf8.c -- characters as UTF-8, and as JSON's \u escapes.
 */

#include "core/core.h"

unsigned net_read_utf8(const unsigned char *at, const unsigned char *end, int *length)
{
    const unsigned first = *at;
    const int size = first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
    unsigned code = size == 1 ? first : first & (0x7Fu >> size);

    for (int i = 1; i < size; i++) {
        if (at + i >= end || (at[i] & 0xC0) != 0x80) {
            *length = 1;
            return first;
        }
        code = code << 6 | (at[i] & 0x3Fu);
    }
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000) || (size == 3 && code < 0x800) ||
        (size == 4 && code < 0x10000)) {
        *length = 1;
        return first;
    }
    *length = size;
    return code;
}

bool net_is_utf8(const char *text)
{
    const unsigned char *at = (const unsigned char *)text, *end = at;
    int length;

    while (*end)
        end++;
    for (; at < end; at += length)
        if (net_read_utf8(at, end, &length) > 0x7F && length == 1)
            return false;
    return true;
}

char *net_put_utf8(char *to, unsigned code)
{
    if (code < 0x80) {
        *to++ = (char)code;
        return to;
    }
    if (code < 0x800) {
        *to++ = (char)(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            *to++ = (char)(0xE0 | code >> 12);
        } else {
            *to++ = (char)(0xF0 | code >> 18);
            *to++ = (char)(0x80 | (code >> 12 & 63));
        }
        *to++ = (char)(0x80 | (code >> 6 & 63));
    }
    *to++ = (char)(0x80 | (code & 63));
    return to;
}

int net_read_escape(const char *at, const char *end)
{
    int code = 0;

    if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
        return -1;
    for (int i = 2; i < 6; i++) {
        const char c = at[i];
        const int digit = c >= '0' && c <= '9'   ? c - '0'
                          : c >= 'a' && c <= 'f' ? c - 'a' + 10
                          : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                                 : -1;

        if (digit < 0)
            return -1;
        code = code * 16 + digit;
    }
    return code;
}
