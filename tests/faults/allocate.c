/*
 * allocate.c -- linked into a program with -Wl,--wrap=malloc and so on: the allocation of number
 * FAULT_ALLOCATION fails. The file FAULT_COUNT gets how many there were.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_aligned_alloc(size_t unit, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
void *__wrap_aligned_alloc(size_t unit, size_t size);

static atomic_long done;
static int begun; /* the program's own: what libc wants before it is libc's matter */

static void __attribute__((constructor)) begin(void)
{
    begun = 1;
}

static int fails(void)
{
    const char *number = begun ? getenv("FAULT_ALLOCATION") : NULL;

    return begun && atomic_fetch_add(&done, 1) + 1 == (number ? strtol(number, NULL, 10) : 0);
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size)
{
    return fails() ? NULL : __real_realloc(at, size);
}

void *__wrap_aligned_alloc(size_t unit, size_t size)
{
    return fails() ? NULL : __real_aligned_alloc(unit, size);
}

static void __attribute__((destructor)) count(void)
{
    const long all = atomic_load(&done);
    const char *path = getenv("FAULT_COUNT");
    FILE *file = path ? fopen(path, "w") : NULL;

    if (file) {
        fprintf(file, "%ld\n", all);
        fclose(file);
    }
}
