/*
 * fail.c -- the end of a program that cannot go on: one line on stderr, and the exit code. Warnings.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "data/data.h"

_Noreturn void net_fail(int code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: error: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(code);
}

void net_warn(const char *format, ...)
{
    va_list args;

    fprintf(stderr, "%s: warning: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}

void *net_allocate(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);

    if (!memory)
        net_fail(1, "out of memory: %zu x %zu bytes cannot be had", count, size);
    return memory;
}
