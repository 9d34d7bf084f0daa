/*
 * ranks.c -- several processes, the ranks of one run: each computes its shards of every batch, all
 * have the same parameters and make the same update.
 *
 * Sums go along the tree of training/shards.c. Its leaves are in the order of ranks, so that the
 * sums of two neighbours make one of the level above: at level l a rank exchanges with the one
 * whose number differs in bit l. a + b is b + a, so all have the same bits. The gradient leaves in
 * parts, while backward goes on (buckets.c); the rest meets once a step, before the update.
 *
 * Rank 0 says and writes what there is to be told; the others are silent. Everything that decides
 * how a run goes on is either computed by all alike or goes along with the sums. Whoever fails ends
 * all: rank 0 at once, another after a moment, in which rank 0 may find the same fault. A rank
 * waits for another for a limited time, but for rank 0 at the end, whose files take as long as they
 * take: there the others sleep, and MPI ends them where rank 0 is lost.
 */

#define _GNU_SOURCE

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ranks/ranks.h"

enum {
    LIMIT = 600,   /* seconds, at most, that a rank waits for another */
    BUCKET = 1024, /* KB of the gradient that leave together, and at most: */
    MOST_BUCKET = 1 << 20,
    KB = 1024 / sizeof(float), /* floats */
    TURNS = 20,                /* ranks that speak one behind another, where all have a fault */
    LOOK_AT_WEIGHTS = 64       /* steps between checks that all have the same */
};

/* ---- The sums of a step ---------------------------------------------------------------------- */

/* What goes along with a step's gradient. */
struct record {
    double weight, loss;
    uint32_t step, checksum; /* of the parameters before it, now and then */
    int stop;                /* a signal, or 0 */
    int save;                /* SIGUSR1 came */
};

static uint32_t checksum(const struct net_session *session)
{
    const bool due = session->run.step % LOOK_AT_WEIGHTS == 0;

    return due ? (uint32_t)crc32_z(0, session->run.params, session->model->params_size) : 0;
}

static void sum_records(struct net_world *ranks, struct record *own)
{
    for (int bit = 1; bit < ranks->size; bit *= 2) {
        const struct record mine = *own;
        struct record other;

        net_ranks_exchange(ranks, ranks->rank ^ bit, &mine, sizeof mine, &other, sizeof other);
        if (other.step != own->step || other.checksum != own->checksum)
            net_fail(NET_FAULT,
                     "ranks %d and %d have not the same weights before step %u: their machines "
                     "compute differently; netc --target generic makes a trainer for both",
                     ranks->rank, ranks->rank ^ bit, own->step + 1);
        own->weight += other.weight;
        own->loss += other.loss;
        own->stop = own->stop > other.stop ? own->stop : other.stop;
        own->save |= other.save;
    }
}

static void sum(struct net_session *session, double *weight, double *loss)
{
    struct net_world *ranks = session->options->ranks;
    struct record own = {*weight,
                         *loss,
                         session->run.step,
                         checksum(session),
                         atomic_load(&ranks->own->stop),
                         atomic_exchange(&ranks->own->save, false)};

    sum_records(ranks, &own);
    *weight = own.weight;
    *loss = own.loss;
    atomic_store(&ranks->agreed.stop, own.stop);
    if (own.save)
        atomic_store(&ranks->agreed.save, true);
    net_ranks_finish(ranks);
}

/* ---- Before the first step ------------------------------------------------------------------- */

/* What all have to have alike beside the trainer and its data, as text. */
static char *describe(const struct net_training *run)
{
    const struct net_session *session = &run->session;
    struct net_text text = {0};

    net_text_add(&text, "%ld %ld %u %08lx ", run->state.epoch, run->state.row, session->run.step,
                 crc32_z(0, session->run.params, session->model->params_size));
    net_ranks_describe(&text, run->options);
    net_text_add(&text, "%ld", net_whole(run->options, NET_MAX_STEPS));
    return text.at;
}

static void agree(const struct net_training *run)
{
    struct net_world *ranks = run->options->ranks;
    char *data = net_data_preparation_json(run->session.data), *own = describe(run);
    uint32_t sums[2] = {net_ranks_sum_text(net_ranks_sum_text(0, run->options->model->hash), data),
                        net_ranks_sum_text(0, own)};

    for (int bit = 1; bit < ranks->size; bit *= 2) {
        const int with = ranks->rank ^ bit;
        uint32_t other[2];

        net_ranks_exchange(ranks, with, sums, sizeof sums, other, sizeof other);
        if (other[0] != sums[0])
            net_fail(NET_FAULT,
                     "ranks %d and %d have other trainers or other data, by the checksums of all "
                     "cells: their files have to be the same",
                     ranks->rank, with);
        if (other[1] != sums[1])
            net_fail(NET_FAULT,
                     "ranks %d and %d begin otherwise: their flags, the weights or the checkpoint "
                     "that they read differ",
                     ranks->rank, with);
    }
    free(data);
    free(own);
    net_ranks_open_evaluation(ranks, &run->session);
}

/* ---- Opening and the end --------------------------------------------------------------------- */

/* Rank 0 writes what there is to tell, and then lets the others go, which sleep. */
static void leave(struct net_world *ranks)
{
    char byte = 0, other;

    for (int with = 1; !ranks->rank && with < ranks->size; with++)
        net_ranks_exchange(ranks, with, &byte, 1, &other, 1);
    if (ranks->rank) {
        struct net_exchange exchange;

        ranks->link->start(&exchange, 0, 0, &byte, 1, &other, 1);
        while (!ranks->link->done(&exchange))
            usleep(10000);
    }
    ranks->link->close();
    ranks->open = false;
}

/* Another may have told already, and the job be ending: by SIGTERM. */
static void wait_turn(const struct net_world *ranks)
{
    const int turn = ranks->rank < TURNS ? ranks->rank : TURNS;

    for (int i = 0; i < 20 + 5 * turn; i++) {
        usleep(100000);
        if (ranks->own && atomic_load(&ranks->own->stop))
            _exit(NET_FAULT);
    }
}

/* The job ends with this process, but rank 0 has its say first. */
static void end(int status, void *argument)
{
    struct net_world *ranks = argument;

    if (ranks->dealt) { /* a task's own process */
        fflush(NULL);
        _exit(status);
    }
    if (!ranks->open)
        return;
    if (!status) {
        ranks->link->close();
        return;
    }
    if (ranks->rank) {
        wait_turn(ranks);
        fflush(stderr);
        dprintf(STDERR_FILENO, "rank %d: ", ranks->rank);
        if (write(STDERR_FILENO, ranks->said, ranks->said_size) < 0)
            ranks->said_size = 0; /* who would hear it */
    }
    ranks->link->abort(status);
}

/* What it says is kept until it fails; what is told of a run is rank 0's. */
static void be_silent(struct net_world *ranks)
{
    FILE *nothing = fopen("/dev/null", "w"),
         *kept = open_memstream(&ranks->said, &ranks->said_size);

    if (!nothing || !kept)
        net_fail(NET_FAULT, "rank %d cannot open /dev/null", ranks->rank);
    stdout = nothing;
    stderr = kept;
}

/* MPI's own threads take no signals: they are blocked where it begins. */
static void open_link(struct net_world *ranks)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1};
    sigset_t set, before;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        sigaddset(&set, numbers[i]);
    pthread_sigmask(SIG_BLOCK, &set, &before);
    const bool threads = ranks->link->open(&ranks->rank, &ranks->size, &ranks->beside);

    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (ranks->size == 1) { /* a process as any other, that may start some: sweep does */
        ranks->link->close();
        return;
    }
    setvbuf(stderr, NULL, _IOLBF, BUFSIZ); /* mpirun's own lines come between two writes */
    ranks->open = true;
    on_exit(end, ranks);
    if (!threads)
        net_fail(NET_FAULT, "this MPI is for programs of one thread, and a trainer has several: it "
                            "gives less than MPI_THREAD_FUNNELED");
}

static bool is_started(void)
{
    static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "PMI_RANK", "PMIX_RANK",
                                        "SLURM_PROCID"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (getenv(names[i]))
            return true;
    return false;
}

/* Of the environment, 1 or more. */
static double number_of(const char *name, double usual, const char *unit)
{
    const char *text = getenv(name);
    char *end = NULL;
    const double number = text ? strtod(text, &end) : usual;

    if (text && (end == text || *end || !(number >= 1)))
        net_fail(NET_USAGE, "%s=%s: it is a number of %s, 1 or more", name, text, unit);
    return number;
}

static void join(struct net_world *ranks, struct net_options *options)
{
    struct net_value *threads = &options->value[NET_THREADS];
    const double share = fmax(1.0, floor((double)sysconf(_SC_NPROCESSORS_ONLN) / ranks->beside));

    options->ranks = ranks;
    if (!threads->given)
        threads->number = fmin(threads->number, share);
    if (ranks->rank)
        options->value[NET_QUIET].number = 1.0;
    if (ranks->size > 1 && options->command != NET_TRAIN_COMMAND && options->command != NET_SWEEP &&
        options->command != NET_KFOLD)
        net_fail(NET_USAGE, "%s runs in one process: start it without mpirun",
                 net_commands[options->command]);
}

struct net_world *net_open_ranks(const struct net_model *model)
{
    struct net_world *ranks = net_allocate(1, sizeof *ranks);

    *ranks = (struct net_world){
        .size = 1,
        .beside = 1,
        .link = model->link,
        .limit = number_of("NETC_RANK_LIMIT", LIMIT, "seconds"),
        .bucket = KB * (size_t)fmin(number_of("NETC_RANK_BUCKET", BUCKET, "KB"), MOST_BUCKET),
        .join = join,
        .agree = agree,
        .send = net_ranks_send,
        .sum = sum,
        .evaluate = net_ranks_evaluate,
        .exchange = net_ranks_exchange,
        .share = net_ranks_share,
        .deal = net_ranks_deal,
        .serve = net_ranks_serve,
        .end_deal = net_ranks_end_deal,
        .leave = leave};
    if (is_started())
        open_link(ranks);
    if (ranks->rank)
        be_silent(ranks);
    const char *task = getenv("SLURM_PROCID");

    if (ranks->size == 1 && task && strtol(task, NULL, 10) > 0)
        net_fail(NET_USAGE,
                 "task %s of Slurm's is alone: MPI does not know the others; "
                 "srun --mpi=pmix, or mpirun, starts them as one run",
                 task);
    return ranks;
}
