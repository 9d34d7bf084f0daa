/*
 * names.h -- strings by number, as netc writes them into the bytes of a library: words of a
 * vocabulary, names of classes.
 *
 * The one idea: a table is found its way in as it lies, so nothing is built at the start:
 *
 *     int32  count, slots (a power of 2), the longest string's bytes, 0
 *     int32  the number of a string, or -1, in each slot: open addressing by net_name_hash
 *     int32  where each string begins in the text behind, and where the last ends
 *     text   a NUL behind each
 */

#ifndef NET_LIBRARY_NAMES_H
#define NET_LIBRARY_NAMES_H

#include <stddef.h>
#include <stdint.h>

#include "core/decimal.h"

struct net_names_head {
    int32_t count, slots, longest, unused;
};

/* FNV-1a. */
static inline uint32_t net_name_hash(const char *at, size_t length)
{
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)at[i]) * 16777619u;
    return hash;
}

/* The string's number, from 0; -1: it is none of the table, which begins at a multiple of 4. */
static inline int32_t net_names_find(const void *table, const char *at, size_t length)
{
    const struct net_names_head *head = table;
    const int32_t *slots = (const int32_t *)(head + 1), *begin = slots + head->slots;
    const char *text = (const char *)(begin + head->count + 1);
    const uint32_t mask = (uint32_t)head->slots - 1;

    if (length > (size_t)head->longest)
        return -1;
    for (uint32_t i = net_name_hash(at, length) & mask; slots[i] >= 0; i = (i + 1) & mask) {
        const int32_t n = slots[i];
        size_t same = 0;

        if ((size_t)(begin[n + 1] - begin[n]) != length + 1)
            continue;
        while (same < length && text[begin[n] + (long)same] == at[same])
            same++;
        if (same == length)
            return n;
    }
    return -1;
}

static inline size_t net_text_length(const char *text)
{
    size_t length = 0;

    while (text[length])
        length++;
    return length;
}

/* The class that a cell names: as it is written or, a number, written otherwise (2.0); -1: none.
   Names have a NUL behind them. */
static inline int32_t net_names_class(const void *table, const char *cell)
{
    const struct net_names_head *head = table;
    const int32_t *begin = (const int32_t *)(head + 1) + head->slots;
    const char *text = (const char *)(begin + head->count + 1);
    const int32_t found = net_names_find(table, cell, net_text_length(cell));

    for (int32_t i = 0; found < 0 && net_is_decimal(cell) && i < head->count; i++)
        if (net_is_decimal(text + begin[i]) && net_decimal_compare(cell, text + begin[i]) == 0)
            return i;
    return found;
}

#endif
