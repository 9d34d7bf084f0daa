/*
 * allocate.c -- linked into a program with -Wl,--wrap=malloc and so on: the allocation of number
 * FAULT_ALLOCATION fails. The file FAULT_COUNT gets how many there were.
 */

#include <errno.h>
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
/* Main is near: what libc wants before is libc's matter. A compiler may set what it sees set. */
static volatile int begun;

static void __attribute__((constructor)) begin(void)
{
    begun = 1;
}

static int fails(void)
{
    const char *number = begun ? getenv("FAULT_ALLOCATION") : NULL;

    if (!begun || atomic_fetch_add(&done, 1) + 1 != (number ? strtol(number, NULL, 10) : 0))
        return 0;
    errno = ENOMEM;
    return 1;
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
