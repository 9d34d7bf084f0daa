/*
 * ema.c -- `ema = 0.999`: the exponential moving average of the parameters over steps, of running
 * statistics too, as torch.optim.swa_utils.AveragedModel has it with get_ema_multi_avg_fn and
 * use_buffers: after the first step it is the parameters, so that nothing of the initial values is
 * in it. Only trainers of models that say `ema` have this file.
 */

#include <string.h>

#include "training/training.h"

enum { PIECE = 4096 }; /* floats */

/* a += (1 - ema) (w - a), by this thread for its share of the pieces; padding stays +0 */
static void average_share(void *context, int thread)
{
    const struct net_session *session = context;
    const long count = (long)(session->model->params_size / sizeof(float));
    const float share = (float)(1.0 - session->options->value[NET_EMA].number);
    const float *w = session->run.params;
    float *restrict a = session->average;

    for (long at = PIECE * (long)thread; at < count; at += PIECE * (long)session->run.threads)
        for (long i = at; i < count && i < at + PIECE; i++)
            a[i] += share * (w[i] - a[i]);
}

void net_average(struct net_session *session)
{
    if (session->run.step == 1)
        memcpy(session->average, session->run.params, session->model->params_size);
    else
        net_threads_run(session->pool, average_share, session);
}
