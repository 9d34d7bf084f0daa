/*
 * threads_test.c -- threads.c with a pause of 50 us, at times of 3 ms, before one in eight of its
 * reads and writes of what threads share: threads that lose their core at the wrong moment, made
 * common. A barrier whose members and arrivals are two words is one off in most runs of this.
 */

#define _GNU_SOURCE

#include <check.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

static void pause_at_times(void)
{
    static _Thread_local uint64_t state;

    if (!state)
        state = (uintptr_t)&state | 1; /* of each thread, another */
    state = state * 6364136223846793005U + 1442695040888963407U;
    if (state >> 61 == 0)
        usleep(state >> 32 & 7 ? 50 : 3000);
}

/* Operators of C11 on what is _Atomic stand for the functions of stdatomic.h. */
#undef atomic_load
#undef atomic_store
#undef atomic_load_explicit
#undef atomic_fetch_add
#undef atomic_fetch_sub
#undef atomic_fetch_add_explicit
#undef atomic_fetch_sub_explicit
#define atomic_load(from) (pause_at_times(), *(from))
#define atomic_store(to, value) (pause_at_times(), *(to) = (value))
#define atomic_fetch_add(to, value) (pause_at_times(), (*(to) += (value)) - (value))
#define atomic_fetch_sub(to, value) (pause_at_times(), (*(to) -= (value)) + (value))
#define atomic_load_explicit(from, order) atomic_load(from)
#define atomic_fetch_add_explicit(to, value, order) atomic_fetch_add(to, value)
#define atomic_fetch_sub_explicit(to, value, order) atomic_fetch_sub(to, value)

/* Beside those of the library. */
#define net_eventcount_value paused_eventcount_value
#define net_eventcount_wait paused_eventcount_wait
#define net_eventcount_advance paused_eventcount_advance
#define net_threads_open paused_threads_open
#define net_threads_wait paused_threads_wait
#define net_threads_run paused_threads_run
#define net_threads_use paused_threads_use
#define net_threads_close paused_threads_close
#define net_threads_profile paused_threads_profile
#define net_flush_denormals paused_flush_denormals
#include "core/threads.c" /* NOLINT(bugprone-suspicious-include): its atomics are those above */

#include "support/length.h"

TCase *late_threads_test(void);

enum { THREADS = 4, BARRIERS = 3 };

struct visits {
    struct net_threads *pool;
    int threads, count[THREADS], wrong;
};

/* Between two barriers each thread counts one, and behind them all have. */
static void visit(void *context, int thread)
{
    struct visits *visits = context;

    for (int round = 0; round < BARRIERS; round++) {
        const int before = visits->count[thread]++;

        net_threads_wait(visits->pool, thread);
        if (thread == round % visits->threads)
            for (int t = 0; t < visits->threads; t++)
                visits->wrong += visits->count[t] != before + 1;
        net_threads_wait(visits->pool, thread);
    }
}

START_TEST(threads_that_are_late)
{
    static const int used[] = {4, 1, 2, 3, 2, 4, 1, 4, 3, 1, 3, 4};
    struct visits visits = {.pool = net_threads_open(THREADS)};

    for (int i = 0; i < 120; i++) {
        int counted = 0;

        visits.threads = used[i % LENGTH(used)];
        for (int t = 0; t < THREADS; t++)
            visits.count[t] = 0;
        net_threads_use(visits.pool, visits.threads);
        net_threads_run(visits.pool, visit, &visits);
        for (int t = 0; t < THREADS; t++)
            counted += visits.count[t];
        ck_assert_int_eq(visits.wrong, 0);
        ck_assert_int_eq(counted, BARRIERS * visits.threads);
    }
    net_threads_use(visits.pool, used[_i]);
    net_threads_close(visits.pool);
}
END_TEST

TCase *late_threads_test(void)
{
    TCase *late = tcase_create("late threads");

    tcase_add_loop_test(late, threads_that_are_late, 0, 4);
    return late;
}
