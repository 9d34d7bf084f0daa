/*
 * fail.c -- the end of a program that cannot go on: one line on stderr, and the exit code.
 * Warnings.
 */

#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/attempt.h"
#include "core/core.h"

_Noreturn void net_fail(int code, const char *format, ...)
{
    va_list args;

    fflush(stdout);
    fprintf(stderr, "%s: error: ", program_invocation_short_name);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    net_end(code);
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

/* strerror's and assert's texts as they are: a trainer never calls setlocale, so libc would only
   look for a catalogue of messages that it does not have, by 20 KB of code. */
char *__dcgettext(const char *domain, const char *text, int category);

char *__dcgettext(const char *domain, const char *text, int category)
{
    (void)domain;
    (void)category;
    return (char *)text;
}
