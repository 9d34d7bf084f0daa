/*
 * bench.c -- `bench`: how long a step takes, and what share of the machine that is. The machine's
 * limits are measured in the same process just before and after, on the same threads. With --data
 * the rows are real, and the same steps are also run as training does: while the next batch is
 * prepared.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands/bench.h"

enum {
    REPEATS = 12,             /* measurements of a limit: the best counts */
    PREPARED = 31,            /* batches whose preparation is measured */
    WARM_STEPS = 3,           /* before those that are measured with a loader */
    PARTS_STEPS = 20,         /* at most, that are measured kernel by kernel for the parts */
    TRIAD = 8 << 20,          /* floats in each of the triad's three arrays */
    SECOND_CACHE = 512 << 10, /* bytes, where the system does not say */
};

/* ---- The machine's limits -------------------------------------------------------------------- */

static void run_fma(void *context, int thread)
{
    const struct bench *bench = context;

    (void)thread;
    net_roofline_fma(bench->rounds);
}

static void run_triad(void *context, int thread)
{
    const struct bench *bench = context;
    const long vectors = bench->triad / 16, threads = bench->session.threads;
    const long begin = vectors * thread / threads * 16, end = vectors * (thread + 1) / threads * 16;

    for (long r = 0; r < bench->triad_rounds; r++)
        net_roofline_triad(bench->a + begin, bench->b + begin, bench->c + begin, end - begin);
}

static double best_time(struct bench *bench, void (*run)(void *context, int thread), int repeats)
{
    double best = INFINITY;

    for (int r = 0; r < repeats; r++) {
        const double begin = net_now();

        net_threads_run(bench->session.pool, run, bench);
        best = fmin(best, net_now() - begin);
    }
    return best;
}

/* Of each thread's. */
static double second_cache(void)
{
#ifdef _SC_LEVEL2_CACHE_SIZE
    const long bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);

    if (bytes > 0)
        return (double)bytes;
#endif
    return SECOND_CACHE;
}

/* Bytes a second where the three arrays have `bytes`. */
static double measure_triad(struct bench *bench, double bytes)
{
    bench->triad = (long)fmin(bytes / 12.0, TRIAD);
    bench->triad_rounds = TRIAD / bench->triad;
    return 12.0 * (double)bench->triad * (double)bench->triad_rounds /
           best_time(bench, run_triad, REPEATS);
}

/* Half of each thread's second cache; three times as much as that holds, which the third does; and
   what neither does. */
static void measure_limits(struct bench *bench)
{
    const double caches = second_cache() * bench->session.threads;
    const double bytes[LEVELS] = {12.0 * TRIAD, 3.0 * caches, 0.5 * caches};

    bench->rounds = 20000;
    bench->rounds = (long)(20000.0 * 2e-3 / best_time(bench, run_fma, 3)) + 1;

    const double flops = net_roofline_fma(bench->rounds) * bench->session.threads;
    bench->peak = fmax(bench->peak, flops / best_time(bench, run_fma, REPEATS));
    for (int l = 0; l < LEVELS; l++)
        bench->bandwidth[l] = fmax(bench->bandwidth[l], measure_triad(bench, bytes[l]));
}

/* What a step touches stays in the second caches if it is half of them. The third is shared with
   others: whether something is still there, only a kernel's speed can tell. */
static enum level find_level(const struct bench *bench)
{
    const struct net_session *session = &bench->session;
    const struct net_model *model = session->model;
    const double copies = 1.0 + (session->run.grads ? 1.0 : 0.0) + session->state_copies;
    const double bytes = copies * (double)model->params_size + (double)model->arena_size +
                         2.0 * (double)model->batch_size;

    return bytes <= 0.5 * second_cache() * session->threads ? OWN_CACHE : MEMORY;
}

/* ---- The steps ------------------------------------------------------------------------------- */

/* Seconds of a processor that this thread has used. */
static double used(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void read_cpu(void *context, int thread)
{
    struct bench *bench = context;

    bench->thread_cpu[thread] = used() - bench->thread_cpu[thread];
}

static struct net_mode first_mode(const struct net_session *session)
{
    return (struct net_mode){NET_MODE_TRAIN, {session->run.seed[0], session->run.seed[1]}, 0};
}

static void fill_batches(struct bench *bench)
{
    struct net_session *session = &bench->session;
    const char *folder = bench->options->value[NET_DATA].text;

    if (!folder) {
        for (int b = 0; b < 2; b++)
            net_synthetic_pack(session->model, session->run.seed, b * bench->n, bench->n,
                               session->batch[b]);
        return;
    }
    session->data = net_data_open_by(session->model, &session->opening);
    bench->row_count = net_data_rows(session->data, NET_TRAIN);
    if (bench->row_count < bench->n)
        net_fail(NET_FAULT, "--data %s has %ld rows to train on; a batch has %d", folder,
                 bench->row_count, bench->n);
    bench->rows = net_allocate((size_t)bench->row_count, sizeof *bench->rows);
    net_order(bench->rows, bench->row_count, session->run.seed, 0, true);
    const struct net_mode mode = first_mode(session);

    for (int b = 0; b < 2; b++)
        net_data_pack(session->data, NET_TRAIN, &mode,
                      bench->rows + (bench->row_count >= 2 * bench->n ? b * bench->n : 0), bench->n,
                      session->batch[b]);
}

/* profile NULL: its kernels are not timed */
static void run_step(struct bench *bench, long step, struct net_profile *profile)
{
    struct net_session *session = &bench->session;
    const void *batch = session->batch[step % 2];

    if (bench->evaluates)
        net_forward(session, batch, bench->n, false);
    else if (profile)
        net_profiled_step(session, profile, step, batch, bench->n);
    else
        net_step(session, batch, bench->n);
}

static void run_steps(struct bench *bench)
{
    struct net_session *session = &bench->session;
    const double begin = net_now();

    for (long s = 0; s < 2 || net_now() - begin < 0.2; s++)
        run_step(bench, s, NULL);
    net_threads_run(session->pool, read_cpu, bench);
    for (long s = 0; s < bench->steps; s++) {
        const double before = net_now();
        run_step(bench, s, bench->profile);
        bench->seconds[s] = net_now() - before;
    }
    net_threads_run(session->pool, read_cpu, bench);

    bench->least = INFINITY;
    for (long s = 0; s < bench->steps; s++) {
        bench->mean += bench->seconds[s] / (double)bench->steps;
        bench->least = fmin(bench->least, bench->seconds[s]);
    }
    bench->median = net_median(bench->seconds, bench->steps);
    for (int t = 0; t < session->threads; t++)
        bench->cpu = fmax(bench->cpu, bench->thread_cpu[t] / (double)bench->steps);
}

/* What a batch costs whoever prepares it. */
static void measure_preparing(struct bench *bench)
{
    struct net_session *session = &bench->session;
    const struct net_mode mode = first_mode(session);
    const long whole = bench->row_count / bench->n;
    double seconds[PREPARED];

    for (int i = 0; i < PREPARED; i++) {
        const double begin = used();

        net_data_pack(session->data, NET_TRAIN, &mode, bench->rows + i % whole * bench->n, bench->n,
                      session->batch[i % 2]);
        seconds[i] = used() - begin;
    }
    bench->preparing = net_median(seconds, PREPARED);
}

/* Whole batches of the first epoch, as often as it takes. */
static void run_loaded_steps(struct bench *bench)
{
    struct net_session *session = &bench->session;
    struct net_loader *loader = net_session_loads(session); /* in shards, as training has them */
    const struct net_mode mode = first_mode(session);
    const long whole = bench->row_count / bench->n;
    double waited = 0.0, all = 0.0, last = 0.0;

    memset(bench->thread_cpu, 0, sizeof bench->thread_cpu);
    for (long s = -WARM_STEPS, left = 0; s < bench->steps; s++, left--) {
        const long *rows;
        int n;

        if (!left) {
            left = whole < bench->steps - s ? whole : bench->steps - s;
            net_loader_begin(loader, NET_TRAIN, &mode, bench->rows, left * bench->n, bench->n);
        }
        if (s == 0)
            net_threads_run(session->pool, read_cpu, bench);
        if (s <= 0) {
            last = net_now();
            waited = net_loader_waited(loader);
            all = 0.0;
        }
        const void *batch = net_loader_next(loader, &rows, &n);
        net_step(session, batch, n);
        const double now = net_now();
        if (s >= 0)
            bench->seconds[s] = now - last;
        all += now - last;
        last = now;
    }
    net_threads_run(session->pool, read_cpu, bench);
    for (int t = 0; t < session->threads; t++)
        bench->loaded_cpu = fmax(bench->loaded_cpu, bench->thread_cpu[t] / (double)bench->steps);
    bench->waiting = (net_loader_waited(loader) - waited) / all;
    bench->loaded = net_median(bench->seconds, bench->steps);
    net_loader_close(loader);
    session->loader = NULL;
}

/* The most memory that this process had, in bytes; 0 where the kernel does not say. (getrusage
   counts what was there before the program was loaded, too.) */
static double most_memory(void)
{
    FILE *status = fopen("/proc/self/status", "r");
    char line[128];
    double kilobytes = 0;

    while (status && fgets(line, sizeof line, status))
        if (!strncmp(line, "VmHWM:", 6))
            kilobytes = strtod(line + 6, NULL);
    if (status)
        fclose(status);
    return 1024.0 * kilobytes;
}

/* What a first step costs, before anything else takes memory. */
static void run_first_step(struct bench *bench, double begin)
{
    run_step(bench, 0, NULL);
    bench->first = net_now() - begin;
    bench->memory = most_memory();
}

/* Some steps kernel by kernel. */
static void measure_parts(struct bench *bench)
{
    struct net_session *session = &bench->session;
    const struct net_step *train = &session->model->train;
    const long steps = bench->steps < PARTS_STEPS ? bench->steps : PARTS_STEPS;
    struct net_profile *profile = net_profile_open(train->kernel_count, session->threads, steps);
    struct net_layer_time *layers = net_allocate((size_t)train->kernel_count, sizeof *layers);

    for (long s = 0; s < steps; s++)
        net_profiled_step(session, profile, s, session->batch[s % 2], bench->n);
    for (int l = net_layer_times(profile, train, layers) - 1; l >= 0; l--)
        for (int phase = 0; phase < NET_PHASES; phase++)
            bench->phases[phase] += layers[l].seconds[phase];
    net_profile_close(profile);
    free(layers);
}

/* ---- The command ----------------------------------------------------------------------------- */

/* A training step in its parts, and what limits it. */
static void measure_training(struct bench *bench)
{
    const struct net_session *session = &bench->session;
    const struct net_model *model = session->model;

    /* parameter and state are read and written; a gradient that is kept is only written */
    bench->update_traffic = session->run.grads ? 1.0 : 2.0 + 2.0 * session->state_copies;
    bench->level = find_level(bench);
    bench->a = net_memory(sizeof(float) * TRIAD);
    bench->b = net_memory(sizeof(float) * TRIAD);
    bench->c = net_memory(sizeof(float) * TRIAD);
    if (net_flag(bench->options, NET_PER_KERNEL))
        bench->profile = net_profile_open(model->train.kernel_count, session->threads,
                                          bench->steps);
    for (int k = 0; k < model->train.kernel_count; k++)
        bench->flops += model->train.kernels[k].flops * bench->n / model->batch;

    measure_limits(bench);
    run_steps(bench);
    measure_parts(bench);
    measure_limits(bench);
    if (bench->rows) {
        measure_preparing(bench);
        run_loaded_steps(bench);
    }
}

int net_command_bench(struct net_options *options)
{
    struct bench *bench = net_memory(sizeof *bench);
    struct net_session *session = &bench->session;
    const double begin = net_now();

    bench->options = options;
    bench->evaluates = net_flag(options, NET_EVALUATE);
    if (bench->evaluates && net_flag(options, NET_PER_KERNEL))
        net_fail(NET_USAGE, "--per-kernel does not apply to --evaluate: it is of training steps");
    bench->steps = net_whole(options, NET_STEPS);
    bench->n = (int)net_whole(options, NET_BATCH);
    net_session_open(session, options);
    if (options->value[NET_WEIGHTS].text)
        net_session_weights(session);
    fill_batches(bench);
    run_first_step(bench, begin);
    bench->seconds = net_allocate((size_t)bench->steps, sizeof *bench->seconds);
    if (bench->evaluates)
        run_steps(bench);
    else
        measure_training(bench);
    if (net_flag(options, NET_JSON_OUTPUT))
        bench_show_json(bench);
    else
        bench_show(bench);
    net_session_close(session);
    if (bench->profile)
        net_profile_close(bench->profile);
    free(bench->rows);
    free(bench->seconds);
    free(bench->a);
    free(bench->b);
    free(bench->c);
    free(bench);
    return NET_OK;
}
