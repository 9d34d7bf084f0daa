/*
 * bench.h -- what `bench` measures (bench.c) and shows (bench_report.c).
 */

#ifndef NET_BENCH_H
#define NET_BENCH_H

#include "commands/commands.h"

/* Where bytes come from: the last are nearest. */
enum level { MEMORY, THIRD_CACHE, OWN_CACHE, LEVELS };

struct bench {
    struct net_session session;
    const struct net_options *options;
    bool evaluates;        /* steps without training */
    int n;                 /* rows in a step */
    long *rows, row_count; /* of the training part in some order; NULL: rows are not real */
    long steps;
    struct net_profile *profile;
    double *seconds;                /* of each step */
    double median, least, mean;     /* of seconds */
    double cpu;                     /* seconds a step, of the thread that used most */
    double preparing;               /* a batch, seconds of a processor */
    double loaded;                  /* median of steps while batches are prepared */
    double loaded_cpu;              /* as cpu, of those steps */
    double waiting;                 /* the share of that time that is spent waiting for them */
    double first;                   /* seconds from the command's start to the end of a step */
    double memory;                  /* bytes resident then, at most */
    double phases[NET_PHASES];      /* seconds of a step's kernels */
    double flops;                   /* of a step */
    double peak, bandwidth[LEVELS]; /* measured: flops and bytes a second */
    enum level level;               /* where a step's values are found again, at least */
    double update_traffic;          /* reads and writes of each parameter that is updated */
    double thread_cpu[NET_MAX_THREADS];
    long rounds;              /* of net_roofline_fma, about two milliseconds */
    float *a, *b, *c;         /* of the triad */
    long triad, triad_rounds; /* floats in use of each; how often they are walked */
};

void bench_show(const struct bench *bench);
void bench_show_json(const struct bench *bench);

#endif
