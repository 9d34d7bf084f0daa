/*
 * util.c -- memory, strings, growing arrays.
 *
 * One idea: a compiler's run is short, so memory comes from one arena, zeroed, and goes back as a
 * whole, where somebody compiles more than once. Out of memory is fatal, so no caller has to ask.
 */

#include "base/base.h"

#include <stdlib.h>
#include <string.h>

#include "core/attempt.h"

/* A sanitizer sees overruns only at the end of a block of its own: there, one for each request. */
#if defined(__SANITIZE_ADDRESS__)
#define CHUNK_SIZE 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CHUNK_SIZE 0
#endif
#endif
#ifndef CHUNK_SIZE
#define CHUNK_SIZE 65536
#endif

enum { ALIGNMENT = 16 };

typedef struct Chunk {
    struct Chunk *next; /* the one before it: keeps every chunk reachable */
    size_t used, size;  /* bytes, this header included */
} Chunk;

static Chunk *arena; /* the process's one, hence no parameter in every call */

_Noreturn void fail_memory(void)
{
    fputs("netc: error: out of memory\n", stderr);
    net_end(1);
}

void give_back(void)
{
    for (Chunk *next; arena; arena = next) {
        next = arena->next;
        free(arena);
    }
}

void *allocate(size_t size)
{
    const size_t header = (sizeof(Chunk) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;

    if (size > SIZE_MAX / 2)
        fail_memory();
    size_t need = CHUNK_SIZE ? (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT : size;
    if (!arena || arena->size - arena->used < need || !CHUNK_SIZE) {
        size_t bytes = header + (need > CHUNK_SIZE / 2 ? need : CHUNK_SIZE);
        Chunk *chunk = calloc(1, bytes);
        if (!chunk)
            fail_memory();
        chunk->used = header;
        chunk->size = bytes;
        if (arena && bytes - header == need) { /* a large one: the open chunk stays open */
            chunk->next = arena->next;
            arena->next = chunk;
            chunk->used = bytes;
            return (char *)chunk + header;
        }
        chunk->next = arena;
        arena = chunk;
    }
    void *at = (char *)arena + arena->used;
    arena->used += need;
    return at;
}

enum { FIRST = 4 }; /* entries of a growing array at first */

void *copy_array(const void *items, int count, size_t size)
{
    int room = FIRST;

    while (room < count)
        room *= 2;
    void *copy = allocate((size_t)room * size);
    if (count > 0 && items)
        memcpy(copy, items, (size_t)count * size);
    return copy;
}

void *grow(void *items, int count, size_t size)
{
    if (count == 0)
        return allocate(FIRST * size);
    if (count < FIRST || (count & (count - 1)) != 0)
        return items;
    void *larger = allocate(2 * (size_t)count * size);
    memcpy(larger, items, (size_t)count * size);
    return larger;
}

char *copy_text(const char *text, size_t length)
{
    char *copy = allocate(length + 1);
    memcpy(copy, text, length);
    return copy;
}

char *format(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    char *text = allocate((size_t)(length < 0 ? 0 : length) + 1);
    vsnprintf(text, (size_t)(length < 0 ? 0 : length) + 1, fmt, again);
    va_end(again);
    va_end(args);
    return text;
}

bool same(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

void text_add_v(Text *text, const char *fmt, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, fmt, args);
    if (length >= 0) {
        size_t need = text->length + (size_t)length + 1;
        if (need > text->capacity) {
            size_t capacity = text->capacity ? text->capacity : 256;
            while (capacity < need)
                capacity *= 2;
            char *larger = allocate(capacity);
            if (text->length)
                memcpy(larger, text->at, text->length);
            text->at = larger;
            text->capacity = capacity;
        }
        vsnprintf(text->at + text->length, (size_t)length + 1, fmt, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_add(Text *text, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    text_add_v(text, fmt, args);
    va_end(args);
}

int divide_up(int size, int unit)
{
    return (size + unit - 1) / unit;
}

int blocks_of(int count)
{
    return divide_up(count, 16);
}

long up16(long count)
{
    return (count + 15) / 16 * 16;
}
