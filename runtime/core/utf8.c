/*
 * utf8.c -- characters as UTF-8, and as JSON's \u escapes.
 */

#include "core/utf8.h"
#include "core/core.h"

unsigned net_read_utf8(const unsigned char *at, const unsigned char *end, int *length)
{
    return net_utf8_read(at, end, length);
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
    return net_utf8_put(to, code);
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
