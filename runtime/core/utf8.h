/*
 * utf8.h -- characters as UTF-8: for the runtime, and for libraries.
 */

#ifndef NET_UTF8_H
#define NET_UTF8_H

/* One character, and how many bytes it takes; a byte that is not UTF-8 is a Latin-1 character. */
static inline unsigned net_utf8_read(const unsigned char *at, const unsigned char *end, int *length)
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

/* A character, of four bytes at most; behind it. */
static inline char *net_utf8_put(char *to, unsigned code)
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

#endif
