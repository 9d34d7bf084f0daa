/*
 * evaluate.c -- a part is evaluated by all ranks: of each round of batches, as many as there are
 * ranks, every one computes its own, and all have the predictions of all then.
 *
 * Metrics are counts and sums over rows in their order, in double. So each rank adds all rows, by
 * the predictions of whoever computed them, and has the bits of one process: what costs time, the
 * network, is shared, and what is sent are its outputs.
 */

#include <stdlib.h>
#include <string.h>

#include "ranks/ranks.h"
#include "report/report.h"

/* What a batch gives: a block is this, and behind it predictions[model->batch][outputs]. */
struct result {
    _Alignas(16) struct net_term terms[NET_TERMS];
};

struct net_gather {
    long *rows;   /* of this rank: at most those of the largest part */
    char *blocks; /* [size], by rank */
    size_t block; /* bytes */
    size_t row;   /* bytes of predictions */
};

void net_ranks_open_evaluation(struct net_world *ranks, const struct net_session *session)
{
    struct net_gather *gather = net_allocate(1, sizeof *gather);
    long most = 1;

    for (int part = 0; part < NET_PARTS; part++) {
        const long count = net_data_rows(session->data, (enum net_part)part);

        most = count > most ? count : most;
    }
    for (const struct net_model *m = session->model; m; m = m->next)
        gather->row += (size_t)m->outputs * sizeof(float);
    gather->block = sizeof(struct result) + (size_t)session->model->batch * gather->row;
    gather->block = (gather->block + 15) / 16 * 16;
    gather->rows = net_allocate((size_t)most, sizeof *gather->rows);
    gather->blocks = net_memory((size_t)ranks->size * gather->block);
    ranks->gather = gather;
}

static long rows_of(const struct net_session *session, long batch, long count)
{
    const long begin = batch * session->model->batch, left = count - begin;

    return left < 0 ? 0 : left < session->model->batch ? left : session->model->batch;
}

/* Batches rank, rank + size, ... as one list. */
static long own_rows(const struct net_session *session, const long *rows, long count)
{
    const struct net_world *ranks = session->options->ranks;
    long own = 0;

    for (long b = ranks->rank, n; (n = rows_of(session, b, count)) > 0; b += ranks->size, own += n)
        memcpy(ranks->gather->rows + own, rows + b * session->model->batch,
               (size_t)n * sizeof *rows);
    return own;
}

static void compute(struct net_session *session, struct net_loader *loader)
{
    const struct net_world *ranks = session->options->ranks;
    const struct net_gather *gather = ranks->gather;
    struct result *own = (void *)(gather->blocks + (size_t)ranks->rank * gather->block);
    const long *numbers;
    int n;
    const void *batch = net_loader_next(loader, &numbers, &n);

    if (!batch)
        return;
    net_forward(session, batch, n, true);
    memcpy(own->terms, session->run.terms, sizeof own->terms);
    memcpy(own + 1, session->predictions, (size_t)n * gather->row);
}

/* Blocks of 2, 4, ... ranks that stand side by side (recursive doubling). */
static void gather_blocks(const struct net_world *ranks)
{
    const struct net_gather *gather = ranks->gather;

    for (int bit = 1; bit < ranks->size; bit *= 2) {
        const int own = ranks->rank & -bit, other = own ^ bit;
        const size_t size = (size_t)bit * gather->block;

        net_ranks_exchange(ranks, ranks->rank ^ bit, gather->blocks + (size_t)own * gather->block,
                           size, gather->blocks + (size_t)other * gather->block, size);
    }
}

void net_ranks_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                        const long *rows, long count, struct net_metrics *metrics)
{
    const struct net_world *ranks = session->options->ranks;
    const struct net_gather *gather = ranks->gather;
    struct net_run told = {0};
    const long size = session->model->batch;

    net_loader_begin(loader, part, NULL, gather->rows, own_rows(session, rows, count), (int)size);
    for (long first = 0; first * size < count; first += ranks->size) {
        compute(session, loader);
        gather_blocks(ranks);
        for (long b = first, n; b < first + ranks->size && (n = rows_of(session, b, count)); b++) {
            const struct result *result = (const void *)(gather->blocks +
                                                         (size_t)(b - first) * gather->block);

            memcpy(told.terms, result->terms, sizeof told.terms);
            net_metrics_add_loss(metrics, &told);
            net_metrics_add(metrics, part, rows + b * size, (const float *)(result + 1), (int)n);
        }
    }
    net_loader_cancel(loader);
}
