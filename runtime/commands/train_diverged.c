/*
 * train_diverged.c -- the end of a run whose numbers are not finite: what is said of it, and the
 * search for where that began, from the last checkpoint on.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "commands/train.h"

enum { RUN_AGAIN = 120 }; /* seconds, at most, to look for the cause */

/* Rank 0 looks by itself, with the shards of all. */
static void take_all_shards(struct trainer *trainer)
{
    struct net_session *session = &trainer->run.session;
    struct net_world *ranks = trainer->run.options->ranks;

    ranks->size = 1;
    trainer->signals = ranks->own;
    net_loader_close(trainer->loader);
    session->cut->close(session);
    free(session->gathered);
    session->cut = NULL;
    session->model->cut(session);
    trainer->loader = net_session_loads(session);
}

/* The batch of the next step whose loss is not finite, where it has several, or shards of one that
   run one by one: the parameters are those before it. Else its first. */
static const void *find_batch(struct trainer *trainer, int *n)
{
    struct net_session *session = &trainer->run.session;
    const struct net_options *options = trainer->run.options;
    const size_t size = options->model->params_size;
    const uint32_t most = (uint32_t)net_whole(options, session->cut ? NET_SHARDS : NET_ACCUMULATE);
    const struct net_mode mode = begin_epoch(trainer);
    const long row = trainer->run.state.row, *numbers;
    const void *batch, *next;

    net_loader_begin(trainer->loader, NET_TRAIN, &mode, trainer->rows + row,
                     trainer->run.row_count - row, (int)net_whole(options, NET_BATCH));
    batch = net_loader_next(trainer->loader, &numbers, n);
    if (!session->gathered || (session->cut && session->cut->held) || net_not_finite(session))
        return batch;
    void *before = net_memory(size); /* running statistics change */

    for (uint32_t k = 0; k < most; k++) {
        const struct net_shard shard = session->cut ? net_loader_shard(trainer->loader)
                                                    : (struct net_shard){.number = (int)k};

        session->run.step = trainer->end * most + (uint32_t)shard.number;
        memcpy(before, session->run.params, size);
        if (!isfinite(net_batch_gradients(session, batch, *n)))
            break;
        next = k + 1 < most && !shard.last ? net_loader_next(trainer->loader, &numbers, n) : NULL;
        if (!next)
            break;
        batch = next;
    }
    memcpy(session->run.params, before, size);
    free(before);
    return batch;
}

/* Where the loss of the last step, which is not finite, comes from: the run is taken up from its
   last checkpoint, and stopped before that step. NULL: that would take too long, or was stopped. */
static char *find_cause(struct trainer *trainer)
{
    struct net_session *session = &trainer->run.session;
    struct net_tensors checkpoint;
    const void *batch;
    const bool several = net_are_several(trainer->run.options->ranks);
    int n;

    if ((net_now() - trainer->saved) * (several ? trainer->run.options->ranks->size : 1) >
        RUN_AGAIN)
        return NULL;
    if (several)
        take_all_shards(trainer);
    net_progress_say(&trainer->progress, "the loss is not finite; looking for where it began");
    net_progress_hush(&trainer->progress);
    trainer->again = true;
    trainer->end = session->run.step - 1;
    net_tensors_read(&checkpoint, &trainer->run.folder, "checkpoint.safetensors");
    /* padding is not in the checkpoint, and the step has spoilt it */
    memset(session->run.params, 0, session->model->params_size);
    if (session->state_copies)
        memset(session->run.state, 0, (size_t)session->state_copies * session->model->params_size);
    if (session->average)
        memset(session->average, 0, session->model->params_size);
    net_checkpoint_read(&checkpoint, &trainer->run);
    net_tensors_free(&checkpoint);
    train_epochs(trainer);
    if (session->run.step != trainer->end)
        return NULL;

    batch = find_batch(trainer, &n);
    return net_find_nan(session, batch, n);
}

_Noreturn void fail_diverged(struct trainer *trainer)
{
    const float loss = trainer->diverged;
    const uint32_t step = trainer->run.session.run.step;
    const long epoch = trainer->run.state.epoch + 1, row = trainer->run.state.row;

    while (net_is_led(trainer->run.options->ranks))
        pause(); /* until rank 0, which tells of it, ends all: ranks/ranks.c */
    net_sinks_finish(&trainer->sinks, "diverged");
    trainer->diverged = 0.0f;
    const char *cause = find_cause(trainer);
    net_progress_close(&trainer->progress);
    char *place = net_folder_place(&trainer->run.folder);
    char *checkpoint = net_format(", from the last good checkpoint: --weights "
                                  "%s/checkpoint.safetensors",
                                  place);
    free(place);

    net_fail(NET_DIVERGED, "the loss is %s in step %u (epoch %ld, row %ld)%s%s. %s%s",
             isnan(loss) ? "not a number" : "infinite", step, epoch, row, cause ? "; " : "",
             cause ? cause : "", advise_diverged(trainer, step > 1), step > 1 ? checkpoint : "");
}
