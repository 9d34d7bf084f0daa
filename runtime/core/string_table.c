/*
 * string_table.c -- strings by number, in a hash table with open addressing. Its order never shows: words
 * are numbered as they arrive, and sorted by what they are.
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

void net_strings_free(struct net_string_table *words)
{
    if (!words)
        return;
    free(words->text);
    free(words->begin);
    free(words->seen);
    free(words->slots);
    free(words);
}

/* FNV-1a, with its high bits stirred into the low ones that the table takes. */
static uint32_t hash_of(const char *at, size_t length)
{
    uint64_t hash = 14695981039346656037u;

    for (size_t i = 0; i < length; i++)
        hash = (hash ^ (unsigned char)at[i]) * 1099511628211u;
    return (uint32_t)(hash ^ hash >> 32);
}

static bool is_word(const struct net_string_table *words, int32_t number, const char *at,
                    size_t length)
{
    const size_t begin = words->begin[number];
    const size_t end = number + 1 < words->count ? words->begin[number + 1] : words->used;

    return end - begin == length + 1 && !memcmp(words->text + begin, at, length);
}

/* The slot where the word is, or would be. */
static struct net_slot *slot_of(const struct net_string_table *words, uint32_t hash, const char *at,
                                size_t length)
{
    for (size_t i = hash & words->mask;; i = (i + 1) & words->mask) {
        struct net_slot *slot = &words->slots[i];

        if (slot->number < 0 || (slot->hash == hash && is_word(words, slot->number, at, length)))
            return slot;
    }
}

static void clear_slots(struct net_string_table *words, size_t count)
{
    words->mask = count - 1;
    words->slots = grow(words->slots, count, sizeof *words->slots);
    memset(words->slots, -1, count * sizeof *words->slots);
}

/* Four times as many slots; words keep the hashes that they have. */
static void rehash(struct net_string_table *words)
{
    struct net_slot *old = words->slots;
    const size_t count = words->mask + 1;

    words->slots = NULL;
    clear_slots(words, 4 * count);
    for (size_t i = 0; i < count; i++) {
        size_t to = old[i].hash & words->mask;

        if (old[i].number < 0)
            continue;
        while (words->slots[to].number >= 0)
            to = (to + 1) & words->mask;
        words->slots[to] = old[i];
    }
    free(old);
}

struct net_string_table *net_strings_new(void)
{
    struct net_string_table *words = net_allocate(1, sizeof *words);

    clear_slots(words, 256);
    return words;
}

int32_t net_strings_add(struct net_string_table *words, const char *at, size_t length)
{
    const uint32_t hash = hash_of(at, length);
    struct net_slot *slot = slot_of(words, hash, at, length);

    if (slot->number >= 0) {
        words->seen[slot->number]++;
        return slot->number;
    }
    if (words->count == words->most) {
        if (words->count > INT32_MAX / 2)
            net_fail(1, "more than %d different words", words->count);
        words->most = words->most * 2 + 64;
        words->begin = grow(words->begin, (size_t)words->most, sizeof *words->begin);
        words->seen = grow(words->seen, (size_t)words->most, sizeof *words->seen);
    }
    if (words->used + length + 1 > words->capacity) {
        words->capacity = 2 * words->capacity + length + 4096;
        words->text = grow(words->text, words->capacity, 1);
    }
    words->begin[words->count] = words->used;
    words->seen[words->count] = 1;
    memcpy(words->text + words->used, at, length);
    words->text[words->used + length] = '\0';
    words->used += length + 1;
    *slot = (struct net_slot){hash, words->count++};
    if (2 * (size_t)words->count > words->mask)
        rehash(words);
    return words->count - 1;
}

int32_t net_strings_find(const struct net_string_table *words, const char *at, size_t length)
{
    return slot_of(words, hash_of(at, length), at, length)->number;
}

static int by_spelling(const void *a, const void *b, void *context)
{
    const struct net_string_table *words = context;

    return strcmp(net_string(words, *(const int32_t *)a), net_string(words, *(const int32_t *)b));
}

static int by_frequency(const void *a, const void *b, void *context)
{
    const struct net_string_table *words = context;
    const long x = words->seen[*(const int32_t *)a], y = words->seen[*(const int32_t *)b];

    return x != y ? (x > y ? -1 : 1) : by_spelling(a, b, context);
}

int32_t *net_strings_order(const struct net_string_table *words, bool frequent_first)
{
    int32_t *order = net_allocate((size_t)words->count, sizeof *order);

    for (int32_t i = 0; i < words->count; i++)
        order[i] = i;
    qsort_r(order, (size_t)words->count, sizeof *order, frequent_first ? by_frequency : by_spelling,
            (void *)words);
    return order;
}
