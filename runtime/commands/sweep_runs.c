/*
 * sweep_runs.c -- the points of a sweep as runs, each in a process of its own: one that diverges or
 * is killed ends alone, and the data that were read before are the same memory for all.
 *
 * How many at once: a model whose step is too short to be shared by all cores (--threads, or its
 * default) leaves some idle, which take further points. With a core for each thread none waits for
 * another.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/sweep.h"

enum { LOOK_EVERY = 200 }; /* ms, for the end of the time */
#define SHOW_EVERY 0.5     /* seconds */

/* ---- What there is already ------------------------------------------------------------------- */

/* Finished up to that epoch, stopped early, or diverged. */
static bool is_done(const struct sweep *sweep, int point, long pause)
{
    struct net_json *json = sweep_run_json(sweep, point);
    const struct net_json *status = net_json_member(json, "status");
    const struct net_json *epochs = net_json_member(json, "epochs");
    struct net_options options;

    sweep_options(sweep, point, &options);
    const double last = options.value[NET_EPOCHS].number;
    const double wanted = pause && (double)pause < last ? (double)pause : last;
    const char *text = status && status->text ? status->text : "";
    const bool done = !strcmp(text, "diverged") ||
                      (!strcmp(text, "finished") && epochs && epochs->number >= wanted);

    sweep_options_free(&options);
    net_json_free(json);
    return done;
}

/* ---- A process for each ---------------------------------------------------------------------- */

/* Of several at once each has cores of its own: a run's helper, which packs batches, would else
   take those of another's steps, and both wait. */
static void take_cores(const struct sweep *sweep, int job)
{
    const int threads = (int)net_whole(sweep->options, NET_THREADS);
    cpu_set_t all, own;
    int seen = 0;

    if (sweep->jobs < 2 || sched_getaffinity(0, sizeof all, &all))
        return;
    CPU_ZERO(&own);
    for (int core = 0; core < CPU_SETSIZE; core++)
        if (CPU_ISSET(core, &all) && seen++ / threads == job)
            CPU_SET(core, &own);
    sched_setaffinity(0, sizeof own, &own); /* where it cannot be had, the kernel's choice */
}

static _Noreturn void train_point(const struct sweep *sweep, int point, int job, long pause)
{
    struct net_signals *signals = net_allocate(1, sizeof *signals);
    char *checkpoint = net_format("%s/checkpoint.safetensors", sweep->names[point]);
    struct net_options options;

    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without the sweep it saves, and ends */
    if (getppid() != sweep->process)  /* it is gone already */
        _exit(NET_FAULT);
    take_cores(sweep, job);
    net_signals_open(signals);
    sweep_options(sweep, point, &options);
    options.whole = &sweep->folder;
    options.place = sweep->names[point];
    options.pause = pause;
    options.opened = sweep->data;
    options.value[NET_QUIET].number = 1.0;
    char *folder = net_path_in(&sweep->folder, sweep->names[point]);
    const bool resume = net_folder_has(&sweep->folder, checkpoint);

    options.value[resume ? NET_RESUME : NET_OUT] = (struct net_value){.text = folder};
    options.value[NET_FORCE] = (struct net_value){.number = 1.0};
    const int code = net_train_run(&options, signals);

    fflush(NULL);
    _exit(code);
}

/* Its exit code. A point that diverged says so in its row; warnings and faults are passed on. */
static int say_end(struct sweep *sweep, int point, int status, const char *said)
{
    const size_t length = said ? strlen(said) : 0;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const bool interrupted = code > 128 && WIFEXITED(status);

    net_progress_close(&sweep->progress); /* nothing is drawn where it is said */
    if (length && code != NET_DIVERGED && !interrupted &&
        !(sweep->said && !strcmp(sweep->said, said))) {
        fprintf(stderr, "%s: %s%s", sweep->names[point], said,
                said[length - 1] == '\n' ? "" : "\n");
        free(sweep->said);
        sweep->said = net_format("%s", said);
    }
    sweep->left = sweep->left || (code != NET_OK && code != NET_DIVERGED);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: error: %s was ended by signal %d%s\n", program_invocation_short_name,
                sweep->names[point], WTERMSIG(status),
                WTERMSIG(status) == SIGKILL ? "; is memory short?" : "");
    return WIFSIGNALED(status) ? NET_FAULT : code;
}

static bool is_late(const struct sweep *sweep)
{
    return sweep->deadline > 0 && net_now() >= sweep->deadline;
}

/* ---- All ------------------------------------------------------------------------------------- */

struct queue {
    struct net_job *jobs;
    const int *points;
    int count, next, ended, running;
    bool stopping; /* those that run were told to */
    int code;
};

static void stop_all(struct sweep *sweep, struct queue *queue)
{
    for (int j = 0; j < sweep->jobs; j++)
        if (queue->jobs[j].process)
            kill(queue->jobs[j].process, SIGTERM);
    queue->stopping = true;
}

/* The first asks for the end, as one to a run does; another, a moment later, for it at once. */
static void take_signal(struct sweep *sweep)
{
    const int signal = net_signals_take(sweep->signals, &sweep->asked);

    sweep->signal = sweep->signal ? sweep->signal : signal;
}

static void show(struct sweep *sweep, const struct queue *queue)
{
    int points[NET_MAX_THREADS], count = 0;

    if (net_now() - sweep->progress.drawn < SHOW_EVERY)
        return;
    for (int j = 0; j < sweep->jobs; j++)
        if (queue->jobs[j].process)
            points[count++] = queue->jobs[j].task;
    sweep_show(sweep, points, count, queue->ended, queue->count);
}

static void wait_for_some(struct sweep *sweep, struct queue *queue)
{
    struct pollfd files[NET_MAX_THREADS + 1];

    for (int j = 0; j < sweep->jobs; j++)
        files[j] = (struct pollfd){.fd = queue->jobs[j].process ? queue->jobs[j].said : -1,
                                   .events = POLLIN};
    files[sweep->jobs] = (struct pollfd){.fd = sweep->signals, .events = POLLIN};
    show(sweep, queue);
    if (poll(files, (nfds_t)sweep->jobs + 1, LOOK_EVERY) <= 0)
        return;
    if (files[sweep->jobs].revents)
        take_signal(sweep);
    for (int j = 0; j < sweep->jobs; j++) {
        struct net_job *job = &queue->jobs[j];
        int status = 0;

        if (!job->process || !files[j].revents || !net_job_hear(job, &status))
            continue;
        const int code = say_end(sweep, job->task, status, job->text.at);

        free(job->text.at);
        queue->running--;
        if (code == NET_OK || code == NET_DIVERGED)
            sweep_tell(sweep, job->task, ++queue->ended, queue->count);
        else if ((code < 128 || !queue->stopping) && queue->code == NET_OK)
            queue->code = code;
    }
}

/* ---- By ranks -------------------------------------------------------------------------------- */

struct dealt {
    struct sweep *sweep;
    long pause;
    int ended, count, code;
};

static enum net_dealt look_at_point(void *context, int point)
{
    struct dealt *dealt = context;

    if (!is_done(dealt->sweep, point, dealt->pause))
        return NET_DEAL_DUE;
    dealt->ended++;
    return NET_DEAL_DONE;
}

static void end_point(void *context, int point, int status, const char *said, bool stopping)
{
    struct dealt *dealt = context;
    const int code = say_end(dealt->sweep, point, status, said);

    if (code == NET_OK || code == NET_DIVERGED)
        sweep_tell(dealt->sweep, point, ++dealt->ended, dealt->count);
    else if ((code < 128 || !stopping) && dealt->code == NET_OK)
        dealt->code = code;
}

static bool stops(void *context)
{
    const struct dealt *dealt = context;

    return dealt->code != NET_OK || is_late(dealt->sweep);
}

static void run_point(void *context, int point, long pause)
{
    const struct dealt *dealt = context;

    train_point(dealt->sweep, point, 0, pause);
}

int sweep_serve(struct sweep *sweep)
{
    struct net_world *ranks = sweep->options->ranks;
    struct dealt dealt = {.sweep = sweep};

    return ranks->serve(
        ranks, &(struct net_deal){.context = &dealt, .signals = sweep->signals, .run = run_point});
}

static int deal_points(struct sweep *sweep, const int *points, int count, long pause)
{
    struct net_world *ranks = sweep->options->ranks;
    struct dealt dealt = {.sweep = sweep, .pause = pause, .count = count};
    const struct net_deal deal = {&dealt,        sweep->signals, points,    count, pause,
                                  look_at_point, run_point,      end_point, stops};

    sweep->signal = ranks->deal(ranks, &deal);
    sweep->left = sweep->left || sweep->signal || dealt.ended < count;
    return sweep->signal ? 128 + sweep->signal : dealt.code;
}

int sweep_train(struct sweep *sweep, const int *points, int count, long pause)
{
    struct queue queue = {.points = points, .count = count};

    if (net_are_several(sweep->options->ranks))
        return deal_points(sweep, points, count, pause);

    queue.jobs = net_allocate((size_t)sweep->jobs, sizeof *queue.jobs);
    for (;;) {
        const bool stop = queue.code != NET_OK || sweep->signal || is_late(sweep);

        for (int j = 0; j < sweep->jobs && !stop && queue.next < count; j++) {
            if (queue.jobs[j].process)
                continue;
            const int point = points[queue.next++];

            if (is_done(sweep, point, pause)) {
                queue.ended++;
                j--; /* the job is free for the next */
                continue;
            }
            if (net_job_begin(&queue.jobs[j], point))
                train_point(sweep, point, j, pause);
            queue.running++;
        }
        if (stop && !queue.stopping)
            stop_all(sweep, &queue);
        if (!queue.running)
            break;
        wait_for_some(sweep, &queue);
    }
    sweep->left = sweep->left || queue.next < count;
    free(queue.jobs);
    return sweep->signal ? 128 + sweep->signal : queue.code;
}
