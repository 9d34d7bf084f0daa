/*
 * threads.c -- threads that live as long as the trainer, and the barrier between phases.
 *
 * Waiting is a short spin, then a futex: a pure spin costs a hundredfold when a core is taken away,
 * a futex alone tens of microseconds a phase.
 */

#define _GNU_SOURCE

#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/core.h"

enum { MEMBER = 1 << 16 }; /* of a barrier, in its word */

/* What one thread writes often, on a cache line of its own. */
struct net_threads {
    _Alignas(64) atomic_uint barrier; /* members times MEMBER, and how many have arrived */
    _Alignas(64) struct net_eventcount generation;        /* advanced when all have arrived */
    _Alignas(64) void (*work)(void *context, int thread); /* NULL: the end */
    void *context;
    _Atomic(struct net_profile *) profile; /* told when a thread leaves the barrier, or NULL */
    int threads;                           /* that there are */
    int spins;                             /* before a wait goes to the kernel */
    atomic_int used;                       /* of them: those that run, the others sleep */
    struct net_eventcount called;          /* advanced when sleepers are to run */
    struct worker {
        struct net_threads *pool;
        int number;
        pthread_t id;
    } workers[NET_MAX_THREADS];
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

unsigned net_eventcount_value(struct net_eventcount *count)
{
    return atomic_load_explicit(&count->value, memory_order_acquire);
}

/* A sleeper is counted before the kernel compares `value`, and net_eventcount_advance changes it
   before it looks for sleepers; both in one total order, so that no wake is lost. */
void net_eventcount_wait(struct net_eventcount *count, unsigned value, int spins)
{
    for (int i = 0; i < spins; i++) {
        if (net_eventcount_value(count) != value)
            return;
        pause_briefly();
    }
    atomic_fetch_add(&count->sleepers, 1);
    while (atomic_load(&count->value) == value)
        syscall(SYS_futex, &count->value, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
    atomic_fetch_sub(&count->sleepers, 1);
}

void net_eventcount_advance(struct net_eventcount *count)
{
    atomic_fetch_add(&count->value, 1);
    if (atomic_load(&count->sleepers))
        syscall(SYS_futex, &count->value, FUTEX_WAKE_PRIVATE, NET_MAX_THREADS, NULL, NULL, 0);
}

/* Members and arrivals are one word, so that who arrives knows of how many it may be the last, even
   where net_threads_use changes that. */
void net_threads_wait(struct net_threads *pool, int thread)
{
    if (atomic_load_explicit(&pool->barrier, memory_order_relaxed) / MEMBER > 1) {
        const unsigned generation = net_eventcount_value(&pool->generation);
        const unsigned before = atomic_fetch_add_explicit(&pool->barrier, 1, memory_order_acq_rel);

        if (before % MEMBER + 1 == before / MEMBER) {
            atomic_fetch_sub_explicit(&pool->barrier, before / MEMBER, memory_order_relaxed);
            net_eventcount_advance(&pool->generation);
        } else {
            net_eventcount_wait(&pool->generation, generation, pool->spins);
        }
    }
    struct net_profile *profile = atomic_load_explicit(&pool->profile, memory_order_relaxed);
    if (profile)
        net_profile_resume(profile, thread);
}

/* Until it is used again. */
static void sleep_unused(struct net_threads *pool, int thread)
{
    for (;;) {
        const unsigned called = net_eventcount_value(&pool->called);

        if (thread < atomic_load(&pool->used))
            return;
        net_eventcount_wait(&pool->called, called, 1);
    }
}

/* Inside of a run `used` does not change. */
static void *work(void *argument)
{
    const struct worker *worker = argument;
    struct net_threads *pool = worker->pool;

    net_flush_denormals();
    for (;;) {
        net_threads_wait(pool, worker->number);
        if (!pool->work)
            return NULL;
        pool->work(pool->context, worker->number);
        const bool unused = worker->number >= atomic_load(&pool->used);

        net_threads_wait(pool, worker->number);
        if (unused)
            sleep_unused(pool, worker->number);
    }
}

struct net_threads *net_threads_open(int threads)
{
    struct net_threads *pool = net_memory(sizeof *pool);

    if (threads < 1 || threads > NET_MAX_THREADS)
        net_fail(NET_USAGE, "%d threads: a trainer runs on 1 to %d", threads, NET_MAX_THREADS);
    pool->threads = threads;
    atomic_init(&pool->used, threads);
    atomic_init(&pool->barrier, (unsigned)threads * MEMBER);
    pool->spins = NET_SPINS;
    if (threads > net_cores())
        pool->spins = 1; /* who is waited for may need this core */
    for (int t = 1; t < threads; t++) {
        pool->workers[t] = (struct worker){.pool = pool, .number = t};
        if (pthread_create(&pool->workers[t].id, NULL, work, &pool->workers[t]))
            net_fail(NET_FAULT, "thread %d of %d cannot be started; try fewer --threads", t + 1,
                     threads);
    }
    return pool;
}

void net_threads_run(struct net_threads *pool, void (*run)(void *context, int thread),
                     void *context)
{
    pool->work = run;
    pool->context = context;
    net_threads_wait(pool, 0);
    run(context, 0);
    net_threads_wait(pool, 0);
}

static void do_nothing(void *context, int thread)
{
    (void)context;
    (void)thread;
}

/* Whoever is to sleep stands at the barrier before a run, and has to come through it; whoever is
   called may come to it at once. */
void net_threads_use(struct net_threads *pool, int threads)
{
    const int used = atomic_load(&pool->used);

    if (threads > used) {
        atomic_fetch_add(&pool->barrier, (unsigned)(threads - used) * MEMBER);
        atomic_store(&pool->used, threads);
        net_eventcount_advance(&pool->called);
    } else if (threads < used) {
        atomic_store(&pool->used, threads);
        net_threads_run(pool, do_nothing, NULL);
        atomic_fetch_sub(&pool->barrier, (unsigned)(used - threads) * MEMBER);
    }
}

void net_threads_close(struct net_threads *pool)
{
    net_threads_use(pool, pool->threads);
    pool->work = NULL;
    net_threads_wait(pool, 0);
    for (int t = 1; t < pool->threads; t++)
        pthread_join(pool->workers[t].id, NULL);
    free(pool);
}

void net_threads_profile(struct net_threads *pool, struct net_profile *profile)
{
    atomic_store(&pool->profile, profile);
}

/* A denormal number costs a hundred normal ones, and moments of dead units pass through them. */
void net_flush_denormals(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_ldmxcsr(__builtin_ia32_stmxcsr() | 0x8040); /* FTZ and DAZ */
#elif defined(__aarch64__)
    uint64_t control;

    __asm__ volatile("mrs %0, fpcr" : "=r"(control));
    __asm__ volatile("msr fpcr, %0" : : "r"(control | (uint64_t)1 << 24));
#endif
}
