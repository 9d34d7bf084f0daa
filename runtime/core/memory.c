/*
 * memory.c -- zeroed memory; where there is none the program ends.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/core.h"

enum { HUGE_PAGE = 2 << 20 }; /* bytes */

void *net_allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    if (!memory)
        net_fail(1, "out of memory: %zu x %zu bytes cannot be had", count, size);
    return memory;
}

void *net_memory(size_t size)
{
    const size_t unit = size >= HUGE_PAGE ? HUGE_PAGE : 64;
    const size_t whole = (size + unit) / unit * unit;
    void *memory = aligned_alloc(unit, whole);

    if (!memory)
        net_fail(NET_FAULT, "out of memory: %.1f MB are wanted", (double)size / 1e6);
    if (unit == HUGE_PAGE)
        madvise(memory, whole, MADV_HUGEPAGE);
    return memset(memory, 0, whole);
}
