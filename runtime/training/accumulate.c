/*
 * accumulate.c -- `accumulate = 4`: a step is of four batches, whose mean gradient makes one
 * update, as that of one batch of all their rows would. (In a batchnorm it would not: rows meet
 * there.)
 *
 * Each batch counts what its loss does in the mean of all: its rows, or the weights of their
 * classes. The last step of an epoch has the batches that are left. Only trainers of models that
 * say `accumulate` have this file.
 */

#include <math.h>

#include "training/pieces.h"

struct sum {
    struct net_session *session;
    float factor;
    enum {
        BEGIN,
        ADD,
        END
    } work; /* gathered = factor g; gathered += factor g; g = factor gathered */
};

static void sum_piece(const void *context, int tensor, long at, long count)
{
    const struct sum *sum = context;
    float *restrict g = sum->session->run.grads + at;
    float *restrict gathered = sum->session->gathered + at;

    (void)tensor;
    for (long i = 0; sum->work == BEGIN && i < count; i++)
        gathered[i] = sum->factor * g[i];
    for (long i = 0; sum->work == ADD && i < count; i++)
        gathered[i] += sum->factor * g[i];
    for (long i = 0; sum->work == END && i < count; i++)
        g[i] = sum->factor * gathered[i];
}

static void sum_share(void *context, int thread)
{
    const struct sum *sum = context;

    net_share_pieces(sum->session, thread, sum_piece, sum);
}

/* The batches that a step has at most, and whether another comes now. */
static const void *next_batch(const struct net_session *session, uint32_t had, int *n)
{
    const long *numbers;

    return session->loader && had < (uint32_t)net_whole(session->options, NET_ACCUMULATE)
               ? net_loader_next(session->loader, &numbers, n)
               : NULL;
}

/* Fills run.grads, run.loss, rows and weight. What is random in batch k of a step has a number of
   its own. A loss that is not finite ends the step. */
void net_accumulate(struct net_session *session, const void *batch, int n)
{
    struct net_run *run = &session->run;
    const uint32_t step = run->step;
    double loss = 0.0, mean;

    session->rows = 0;
    session->weight = 0.0;
    for (uint32_t had = 0; batch;) {
        run->step = step * (uint32_t)net_whole(session->options, NET_ACCUMULATE) + had++;
        mean = (double)net_batch_gradients(session, batch, n);
        const double weight = net_loss_weight(session->model, run);

        session->rows += n;
        session->weight += weight;
        loss += weight * mean;
        batch = isfinite(mean) ? next_batch(session, had, &n) : NULL;
        if (had > 1 || batch)
            net_threads_run(session->pool, sum_share,
                            &(struct sum){session, (float)weight, had > 1 ? ADD : BEGIN});
        if (had > 1 && !batch) {
            const double factor = session->weight > 0.0 ? 1.0 / session->weight : 0.0;

            net_threads_run(session->pool, sum_share, &(struct sum){session, (float)factor, END});
            mean = isfinite(mean) ? loss * factor : mean;
        }
    }
    run->step = step;
    run->loss = (float)(mean + net_penalize(session));
}
