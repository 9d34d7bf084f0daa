/*
 * memory.c -- zeroed memory; where there is none the program ends.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/core.h"

enum { HUGE_PAGE = 2 << 20 }; /* bytes */

void *net_allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    if (!memory)
        net_fail(1, "out of memory: %zu x %zu bytes cannot be had", count, size);
    return memory;
}

/* What is mapped too much, before a huge page and behind the size, goes back. */
void *net_map(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;
    char *base = mmap(NULL, whole + HUGE_PAGE, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED)
        net_fail(NET_FAULT, "out of memory: %zu bytes are wanted for a batch", size);
    const size_t before = -(uintptr_t)base % HUGE_PAGE;

    if (before)
        munmap(base, before);
    munmap(base + before + whole, HUGE_PAGE - before);
    if (size >= HUGE_PAGE)
        madvise(base + before, whole, MADV_HUGEPAGE);
    return base + before;
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
