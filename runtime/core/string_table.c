/*
 * string_table.c -- strings by number, in a hash table with open addressing. Its order never shows:
 * words are numbered as they arrive, and sorted by what they are.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>

#include "core/core.h"

static void *grow(void *at, size_t count, size_t size)
{
    void *grown = realloc(at, count * size);

    if (!grown)
        net_fail(1, "out of memory for %zu words", count);
    return grown;
}

void net_strings_free(struct net_string_table *strings)
{
    if (!strings)
        return;
    free(strings->text);
    free(strings->begin);
    free(strings->seen);
    free(strings->slots);
    free(strings);
}

/* FNV-1a, with its high bits stirred into the low ones that the table takes. */
uint32_t net_hash(const char *at, size_t length)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
    return (uint32_t)(hash ^ hash >> 32);
}

static bool is_string(const struct net_string_table *strings, int32_t number, const char *at,
                      size_t length)
{
    const size_t begin = strings->begin[number];
    const size_t end = number + 1 < strings->count ? strings->begin[number + 1] : strings->used;

    return end - begin == length + 1 && !memcmp(strings->text + begin, at, length);
}

/* The slot where the word is, or would be. */
static struct net_slot *slot_of(const struct net_string_table *strings, uint32_t hash,
                                const char *at, size_t length)
{
    for (size_t i = hash & strings->mask;; i = (i + 1) & strings->mask) {
        struct net_slot *slot = &strings->slots[i];

        if (slot->number < 0 ||
            (slot->hash == hash && is_string(strings, slot->number, at, length)))
            return slot;
    }
}

static void clear_slots(struct net_string_table *strings, size_t count)
{
    strings->mask = count - 1;
    strings->slots = grow(strings->slots, count, sizeof *strings->slots);
    memset(strings->slots, -1, count * sizeof *strings->slots);
}

/* Four times as many slots; words keep the hashes that they have. */
static void rehash(struct net_string_table *strings)
{
    struct net_slot *old = strings->slots;
    const size_t count = strings->mask + 1;

    strings->slots = NULL;
    clear_slots(strings, 4 * count);
    for (size_t i = 0; i < count; i++) {
        size_t to = old[i].hash & strings->mask;

        if (old[i].number < 0)
            continue;
        while (strings->slots[to].number >= 0)
            to = (to + 1) & strings->mask;
        strings->slots[to] = old[i];
    }
    free(old);
}

struct net_string_table *net_strings_new(void)
{
    struct net_string_table *strings = net_allocate(1, sizeof *strings);

    clear_slots(strings, 256);
    return strings;
}

int32_t net_strings_add(struct net_string_table *strings, const char *at, size_t length)
{
    const uint32_t hash = net_hash(at, length);
    struct net_slot *slot = slot_of(strings, hash, at, length);

    if (slot->number >= 0) {
        strings->seen[slot->number]++;
        return slot->number;
    }
    if (strings->count == strings->most) {
        if (strings->count > INT32_MAX / 2)
            net_fail(1, "more than %d different words", strings->count);
        strings->most = strings->most * 2 + 64;
        strings->begin = grow(strings->begin, (size_t)strings->most, sizeof *strings->begin);
        strings->seen = grow(strings->seen, (size_t)strings->most, sizeof *strings->seen);
    }
    if (strings->used + length + 1 > strings->capacity) {
        strings->capacity = 2 * strings->capacity + length + 4096;
        strings->text = grow(strings->text, strings->capacity, 1);
    }
    strings->begin[strings->count] = strings->used;
    strings->seen[strings->count] = 1;
    memcpy(strings->text + strings->used, at, length);
    strings->text[strings->used + length] = '\0';
    strings->used += length + 1;
    *slot = (struct net_slot){hash, strings->count++};
    if (2 * (size_t)strings->count > strings->mask)
        rehash(strings);
    return strings->count - 1;
}

int32_t net_strings_find(const struct net_string_table *strings, const char *at, size_t length)
{
    return slot_of(strings, net_hash(at, length), at, length)->number;
}

struct net_string_table *net_strings_copy(const struct net_string_table *strings)
{
    struct net_string_table *copy = strings ? net_strings_new() : NULL;

    for (int32_t i = 0; strings && i < strings->count; i++)
        net_strings_add(copy, net_string(strings, i), strlen(net_string(strings, i)));
    return copy;
}

static int by_spelling(const void *a, const void *b, void *context)
{
    const struct net_string_table *strings = context;

    return strcmp(net_string(strings, *(const int32_t *)a),
                  net_string(strings, *(const int32_t *)b));
}

static int by_frequency(const void *a, const void *b, void *context)
{
    const struct net_string_table *strings = context;
    const long x = strings->seen[*(const int32_t *)a], y = strings->seen[*(const int32_t *)b];

    return x != y ? (x > y ? -1 : 1) : by_spelling(a, b, context);
}

int32_t *net_strings_order(const struct net_string_table *strings, bool frequent_first)
{
    int32_t *order = net_allocate((size_t)strings->count, sizeof *order);

    for (int32_t i = 0; i < strings->count; i++)
        order[i] = i;
    qsort_r(order, (size_t)strings->count, sizeof *order,
            frequent_first ? by_frequency : by_spelling, (void *)strings);
    return order;
}
