/*
 * names.c -- what a run has learnt of texts, as tables of strings in the library's bytes
 * (runtime/library/names.h).
 */

#include "library/names.h"
#include "library/library.h"
#include "library/weights.h"

#include <string.h>

static void add_bytes(Text *to, const void *bytes, size_t count)
{
    if (to->length + count > to->capacity) {
        const size_t capacity = 2 * to->capacity + count + 4096;
        char *at = allocate(capacity);

        if (to->length)
            memcpy(at, to->at, to->length);
        *to = (Text){at, to->length, capacity};
    }
    memcpy(to->at + to->length, bytes, count);
    to->length += count;
}

long add_inside(Library *l, const void *bytes, size_t count)
{
    const long at = (long)l->names.length;

    add_bytes(&l->names, bytes, count);
    add_bytes(&l->names, (const char[16]){0}, (16 - l->names.length % 16) % 16);
    return at;
}

/* The strings of the list that a walk stands before, a NUL behind each; where each begins, and the
   last ends. False: it is no such list. */
static bool read_strings(struct net_walk w, Text *text, int32_t **begin, int *count)
{
    bool first = true;
    int begins = 0;

    *count = 0;
    if (!net_walk_past(&w, '['))
        return false;
    while (net_walk_item(&w, ']', &first)) {
        const char *string = string_text(net_walk_string(&w));

        APPEND(*begin, begins, (int32_t)text->length);
        add_bytes(text, string, strlen(string) + 1);
        (*count)++;
    }
    APPEND(*begin, begins, (int32_t)text->length);
    return !w.wrong;
}

bool add_names(Library *l, struct net_walk step, const char *key, NameTable *table)
{
    struct net_names_head head = {.slots = 4};
    Text text = {0};
    int32_t *begin = NULL, *slots;

    *table = (NameTable){.at = -1};
    if (!net_library_find(&step, key))
        return true;
    if (!read_strings(step, &text, &begin, &head.count))
        return false;
    while (head.slots < 2 * head.count)
        head.slots *= 2;
    slots = allocate((size_t)head.slots * sizeof *slots);
    for (int i = 0; i < head.slots; i++)
        slots[i] = -1;
    for (int i = 0; i < head.count; i++) {
        const int length = begin[i + 1] - begin[i] - 1;
        uint32_t slot = net_name_hash(text.at + begin[i], (size_t)length);

        while (slots[slot & (uint32_t)(head.slots - 1)] >= 0)
            slot++;
        slots[slot & (uint32_t)(head.slots - 1)] = i;
        head.longest = length > head.longest ? length : head.longest;
    }
    Text bytes = {0};

    add_bytes(&bytes, &head, sizeof head);
    add_bytes(&bytes, slots, (size_t)head.slots * sizeof *slots);
    add_bytes(&bytes, begin, ((size_t)head.count + 1) * sizeof *begin);
    add_bytes(&bytes, text.at, text.length);
    *table = (NameTable){add_inside(l, bytes.at, bytes.length), head.count, head.longest};
    return true;
}
