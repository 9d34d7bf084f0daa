/*
 * unwinding.c -- what libc calls to unwind the stack of a thread that is cancelled or calls
 * pthread_exit. No thread of a trainer does, and trainer.ld leaves out the tables that unwinding
 * reads: so these stand for the 21 KB of libgcc_eh, and end the program.
 *
 * Sanitizers unwind to print where they are; trainers built with them have libgcc's.
 */

#if !defined(__has_feature)
#define __has_feature(name) 0
#endif

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__) &&                             \
    !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)

#include <stdlib.h>
#include <unwind.h>

_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
                                         _Unwind_Exception_Class class,
                                         struct _Unwind_Exception *exception,
                                         struct _Unwind_Context *context);

_Unwind_Reason_Code __gcc_personality_v0(int version, _Unwind_Action actions,
                                         _Unwind_Exception_Class class,
                                         struct _Unwind_Exception *exception,
                                         struct _Unwind_Context *context)
{
    (void)version, (void)actions, (void)class, (void)exception, (void)context;
    abort();
}

void _Unwind_Resume(struct _Unwind_Exception *exception)
{
    (void)exception;
    abort();
}

_Unwind_Reason_Code _Unwind_ForcedUnwind(struct _Unwind_Exception *exception, _Unwind_Stop_Fn stop,
                                         void *argument)
{
    (void)exception, (void)stop, (void)argument;
    abort();
}

_Unwind_Word _Unwind_GetCFA(struct _Unwind_Context *context)
{
    (void)context;
    abort();
}

#else
typedef int unwinding_is_libgccs;
#endif
