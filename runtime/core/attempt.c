/*
 * attempt.c -- the end of a fault: a program's exit, or a jump to whom it concerns.
 */

#include "core/attempt.h"

#include <setjmp.h>
#include <stdlib.h>

struct attempt {
    jmp_buf end;
    int code;
};

/* A thread's own, as its stack is, hence no parameter in every call that may fail. */
static _Thread_local struct attempt *innermost;

int net_attempt(void (*work)(const void *context), const void *context)
{
    struct attempt attempt = {.code = 0}, *const outer = innermost;

    innermost = &attempt;
    if (!setjmp(attempt.end))
        work(context);
    innermost = outer;
    return attempt.code;
}

void net_end(int code)
{
    if (!innermost)
        exit(code);
    innermost->code = code;
    longjmp(innermost->end, 1);
}
