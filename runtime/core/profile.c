/*
 * profile.c -- times of single kernels, of every step and thread: a kernel's time is the median
 * over steps of its slowest thread, so that a moment without the processor does not count.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <time.h>

#include "core/core.h"

double net_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* A thread's laps; on cache lines of its own. */
struct lane {
    _Alignas(64) double last; /* when its last lap, or wait, ended */
    float *laps;              /* [steps][kernels], in seconds */
};

struct net_profile {
    int kernels, threads;
    long step; /* that runs */
    struct lane lanes[NET_MAX_THREADS];
    void (*look)(void *context, int kernel); /* called in place of all this, or NULL */
    void *context;
};

struct net_profile *net_profile_open(int kernels, int threads, long steps)
{
    struct net_profile *profile = net_memory(sizeof *profile);

    profile->kernels = kernels;
    profile->threads = threads;
    for (int t = 0; t < threads; t++)
        profile->lanes[t].laps = net_memory(sizeof(float) * (size_t)steps * (size_t)kernels);
    return profile;
}

struct net_profile *net_profile_look(void (*look)(void *context, int kernel), void *context)
{
    struct net_profile *profile = net_memory(sizeof *profile);

    profile->look = look;
    profile->context = context;
    return profile;
}

void net_profile_step(struct net_profile *profile, long step)
{
    profile->step = step;
}

void net_profile_lap(struct net_profile *profile, int kernel, int thread)
{
    struct lane *lane = &profile->lanes[thread];
    const double now = net_now();

    if (profile->look) {
        profile->look(profile->context, kernel);
        return;
    }
    lane->laps[profile->step * profile->kernels + kernel] += (float)(now - lane->last);
    lane->last = now;
}

void net_profile_resume(struct net_profile *profile, int thread)
{
    profile->lanes[thread].last = net_now();
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double net_median(double *x, long count)
{
    qsort(x, (size_t)count, sizeof *x, compare);
    return count % 2 ? x[count / 2] : 0.5 * (x[count / 2 - 1] + x[count / 2]);
}

double net_profile_median(const struct net_profile *profile, int kernel)
{
    const long steps = profile->step + 1;
    double *slowest = net_allocate((size_t)steps, sizeof *slowest), median;

    for (long s = 0; s < steps; s++)
        for (int t = 0; t < profile->threads; t++) {
            const double lap = (double)profile->lanes[t].laps[s * profile->kernels + kernel];

            if (lap > slowest[s])
                slowest[s] = lap;
        }
    median = net_median(slowest, steps);
    free(slowest);
    return median;
}

void net_profile_close(struct net_profile *profile)
{
    for (int t = 0; t < profile->threads; t++)
        free(profile->lanes[t].laps);
    free(profile);
}
