/*
 * loader.c -- batches packed by a helper thread, and the order of rows.
 *
 * Two packed batches: a step reads one while the helper fills the other; or as many shards of one
 * as it computes together, and those of the next. They are numbered from the start of the program;
 * number k lies in buffer k % count. A job of one batch is packed by the caller itself: waking a
 * thread would cost more.
 */

#define _GNU_SOURCE

#include <pthread.h>
#include <stdlib.h>

#include "core/random.h"
#include "data/data.h"

struct net_loader {
    const struct net_data *data;
    void *const *batches; /* packed */
    int count, held;      /* of them; that a step reads */
    pthread_t helper;
    struct net_eventcount asked;  /* advanced when the helper may have something to do */
    struct net_eventcount filled; /* batches that the helper has filled, in all */
    atomic_uint taken;            /* batches that net_loader_next has given out, in all */
    atomic_uint end;              /* the number behind the job's last batch */
    atomic_bool stop;
    int spins;          /* before a wait goes to the kernel */
    enum net_part part; /* the job: fixed while the helper works on it */
    struct net_mode mode;
    const long *rows;
    long row_count;
    int batch;
    const struct net_cut *cut; /* of batches of training; NULL: they are whole */
    const struct net_cut *own; /* of this job's */
    unsigned begin;            /* the number of its first batch */
    double waited;             /* seconds that net_loader_next took for batches */
    bool alone;                /* a job of one batch that is still to be given out */
};

static int batch_rows(const struct net_loader *loader, unsigned number, const long **rows)
{
    if (loader->own) {
        const struct net_shard shard = loader->own->find(loader->own, loader->row_count,
                                                         loader->batch, number - loader->begin);

        *rows = loader->rows + shard.first;
        return shard.n;
    }
    const long first = (long)(number - loader->begin) * loader->batch;
    const long left = loader->row_count - first;

    *rows = loader->rows + first;
    return left < loader->batch ? (int)left : loader->batch;
}

static void *place_of(const struct net_loader *loader, unsigned number)
{
    return loader->batches[number % (unsigned)loader->count];
}

static void fill(struct net_loader *loader, unsigned number)
{
    const long *rows;
    const int n = batch_rows(loader, number, &rows);

    if (n)
        net_data_pack(loader->data, loader->part, &loader->mode, rows, n, place_of(loader, number));
}

/* The first batch that may not be filled: those before `taken` are being read, and it would lie in
   the place of the first. */
static unsigned filled_to(const struct net_loader *loader)
{
    const unsigned taken = atomic_load(&loader->taken), end = atomic_load(&loader->end),
                   most = (unsigned)(loader->count - loader->held);

    return end - taken < most ? end : taken + most;
}

/* `asked` is looked at first, so that a change of `taken` or `end` is never missed. */
static void *help(void *argument)
{
    struct net_loader *loader = argument;

    net_flush_denormals();
    for (;;) {
        const unsigned asked = net_eventcount_value(&loader->asked);
        const unsigned number = net_eventcount_value(&loader->filled);

        if (atomic_load(&loader->stop))
            return NULL;
        if (number != filled_to(loader)) {
            fill(loader, number);
            net_eventcount_advance(&loader->filled);
        } else {
            net_eventcount_wait(&loader->asked, asked, loader->spins);
        }
    }
}

struct net_loader *net_loader_open(const struct net_data *data, void *const batch[2], int threads,
                                   const struct net_cut *cut)
{
    struct net_loader *loader = net_allocate(1, sizeof *loader);

    loader->data = data;
    loader->held = cut && cut->held ? cut->held : 1;
    loader->count = 2 * loader->held;
    loader->batches = cut && cut->held ? cut->batches : batch;
    loader->cut = cut;
    loader->spins = threads < net_cores() ? NET_SPINS : 1;
    if (pthread_create(&loader->helper, NULL, help, loader))
        net_fail(NET_FAULT, "the thread that prepares batches cannot be started");
    return loader;
}

/* The helper is idle here: the job before was read to its end, or cancelled. */
void net_loader_begin(struct net_loader *loader, enum net_part part, const struct net_mode *mode,
                      const long *rows, long count, int batch)
{
    loader->own = mode && mode->kind == NET_MODE_TRAIN ? loader->cut : NULL;
    const unsigned batches = (unsigned)(loader->own ? loader->own->count(loader->own, count, batch)
                                                    : (count + batch - 1) / batch);

    loader->part = part;
    loader->mode = mode ? *mode : (struct net_mode){0};
    loader->rows = rows;
    loader->row_count = count;
    loader->batch = batch;
    loader->begin = net_eventcount_value(&loader->filled);
    loader->alone = batches == 1;
    if (batches > 1) {
        atomic_store(&loader->end, loader->begin + batches);
        net_eventcount_advance(&loader->asked);
    }
}

struct net_shard net_loader_shard(const struct net_loader *loader)
{
    const unsigned taken = atomic_load(&loader->taken) - loader->begin; /* 0: it is alone */

    return loader->own->find(loader->own, loader->row_count, loader->batch, taken ? taken - 1 : 0);
}

const void *net_loader_next(struct net_loader *loader, const long **rows, int *n)
{
    const unsigned number = atomic_load(&loader->taken);

    if (loader->alone) {
        const double began = net_now();

        *n = batch_rows(loader, number, rows);
        loader->alone = false;
        fill(loader, number);
        loader->waited += net_now() - began;
        return place_of(loader, number);
    }
    if (number == atomic_load(&loader->end))
        return NULL;
    if (net_eventcount_value(&loader->filled) == number) {
        const double began = net_now();

        net_eventcount_wait(&loader->filled, number, loader->spins);
        loader->waited += net_now() - began;
    }
    *n = batch_rows(loader, number, rows);
    atomic_store(&loader->taken, number + 1);
    if (number + 1 != atomic_load(&loader->end))
        net_eventcount_advance(&loader->asked);
    return place_of(loader, number);
}

/* What is being filled is waited for, and what will be. */
void net_loader_cancel(struct net_loader *loader)
{
    const unsigned end = filled_to(loader);
    unsigned filled;

    loader->alone = false;
    atomic_store(&loader->end, end);
    while ((filled = net_eventcount_value(&loader->filled)) != end)
        net_eventcount_wait(&loader->filled, filled, loader->spins);
    atomic_store(&loader->taken, end);
}

double net_loader_waited(const struct net_loader *loader)
{
    return loader->waited;
}

void net_loader_close(struct net_loader *loader)
{
    atomic_store(&loader->stop, true);
    net_eventcount_advance(&loader->asked);
    pthread_join(loader->helper, NULL);
    free(loader);
}

/* A draw below `bound`: the high half of a 64-bit product (its bias is below 2^-32). */
static long below(long bound, const uint32_t seed[2], uint32_t row, uint32_t epoch)
{
    uint32_t draw[4];

    net_philox(draw, seed, row, epoch, 0, NET_RANDOM_SHUFFLE);
    return (long)((uint64_t)draw[0] * (uint64_t)bound >> 32);
}

/* Fisher and Yates: every row changes places with one at or before it. */
void net_order(long *rows, long count, const uint32_t seed[2], uint32_t epoch, bool shuffle)
{
    for (long i = 0; i < count; i++)
        rows[i] = i;
    if (!shuffle)
        return;
    for (long i = count - 1; i > 0; i--) {
        const long j = below(i + 1, seed, (uint32_t)i, epoch), row = rows[i];

        rows[i] = rows[j];
        rows[j] = row;
    }
}
