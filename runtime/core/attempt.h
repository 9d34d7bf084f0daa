/*
 * attempt.h -- work that may end in a fault, of which its caller is told: what tests and fuzzing
 * run readers, and the whole compiler, in. Shared with netc.
 */

#ifndef NET_ATTEMPT_H
#define NET_ATTEMPT_H

/* Runs `work` to its end, or to the first fault of this thread; gives 0, or the fault's exit code.
   What `work` had open at a fault stays open. */
int net_attempt(void (*work)(const void *context), const void *context);

/* A fault's end: that of this thread's innermost attempt; where there is none, the program's. */
_Noreturn void net_end(int code);

#endif
