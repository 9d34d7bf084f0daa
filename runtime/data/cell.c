/*
 * cell.c -- a cell of a table by itself: a number, a word for a missing one, true or false.
 */

#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

const char *const net_missing_words[] = {"", "NA", "N/A", "NaN", "nan", "null", "?", NULL};

static bool is_missing(const char *at, size_t length)
{
    for (int i = 0; net_missing_words[i]; i++)
        if (strlen(net_missing_words[i]) == length && !memcmp(net_missing_words[i], at, length))
            return true;
    return false;
}

/* As C, Python and R write them. */
static bool is_truth(const char *at, size_t length, double *number)
{
    static const char *const words[] = {"false", "true", "False", "True", "FALSE", "TRUE"};

    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strlen(words[i]) == length && !memcmp(words[i], at, length)) {
            *number = i % 2;
            return true;
        }
    return false;
}

/* What strtod can be asked: not everything it reads is a decimal number (inf, 0x1p3). */
static enum net_parsed parse_slowly(const char *at, size_t length, double *number)
{
    static const char letters[] = "0123456789+-.eE";
    char text[64], *end, *copy = text;

    for (size_t i = 0; i < length; i++) /* a mapped file has no end of its own */
        if (!memchr(letters, at[i], sizeof letters - 1))
            return NET_NO_NUMBER;
    if (length >= sizeof text)
        copy = net_allocate(length + 1, 1);
    memcpy(copy, at, length);
    copy[length] = '\0';
    *number = strtod(copy, &end);
    const bool whole = *end == '\0' && end > copy;

    if (copy != text)
        free(copy);
    return whole ? NET_PARSED : NET_NO_NUMBER;
}

/* Digits below 2^53 and a power of ten up to 22 are exact doubles: their quotient or product is
   rounded once, as strtod does it (Clinger's fast path). */
enum net_parsed net_parse_number(const char *at, size_t length, double *number)
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                    1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                    1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    uint64_t digits = 0;
    int seen = 0, behind = 0;

    while (length && (*at == ' ' || *at == '\t'))
        at++, length--;
    while (length && (at[length - 1] == ' ' || at[length - 1] == '\t'))
        length--;
    if (is_missing(at, length))
        return NET_MISSING;
    if (is_truth(at, length, number))
        return NET_TRUTH;
    const bool negative = *at == '-';
    const char *c = at + (*at == '-' || *at == '+'), *end = at + length;
    const char *point = NULL;

    for (; c < end && seen < 18; c++) {
        if (*c >= '0' && *c <= '9') {
            digits = digits * 10 + (uint64_t)(*c - '0');
            seen++;
        } else if (*c == '.' && !point) {
            point = c;
        } else {
            break;
        }
    }
    if (point)
        behind = (int)(c - point) - 1;
    if (c < end || !seen || digits > (uint64_t)1 << 53 || behind > 22)
        return parse_slowly(at, length, number);
    *number = (double)digits / powers[behind];
    if (negative)
        *number = -*number;
    return NET_PARSED;
}

const char *net_cell_text(char text[48], const char *at, size_t length)
{
    size_t shown = length < 40 ? length : 40;

    for (size_t i = 0; i < shown; i++)
        text[i] = (unsigned char)at[i] < ' ' || at[i] == 127 ? ' ' : at[i];
    memcpy(text + shown, shown < length ? "..." : "", shown < length ? 4 : 1);
    return text;
}
