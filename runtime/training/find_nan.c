/*
 * find_nan.c -- where a number that is not finite came from: a parameter, or a layer's result.
 *
 * A step that fails is run again, from the parameters before it, on one thread; after each kernel
 * the results that it left in the arena are looked at. What is fused behind a layer has a result of
 * its own where backward reads it.
 */

#include <math.h>

#include "training/training.h"

static bool all_finite(const float *x, long count)
{
    bool finite = true;

    for (long i = 0; i < count; i++)
        finite = finite && isfinite(x[i]);
    return finite;
}

const struct net_tensor *net_not_finite(const struct net_session *session)
{
    const struct net_model *model = session->model;

    for (int t = 0; t < model->tensor_count; t++)
        if (!all_finite((const float *)session->run.params +
                            model->tensors[t].offset / sizeof(float),
                        model->tensors[t].count))
            return &model->tensors[t];
    return NULL;
}

/* Of the rows of this batch; those beyond may hold anything. */
static bool result_is_finite(const struct net_run *run, const struct net_result *result)
{
    for (int row = 0; row < run->n; row += 16) {
        const float *batch_block = (const float *)((const char *)run->arena + result->at) +
                                   row / 16 * result->batch_block;
        const int rows = run->n - row < 16 ? run->n - row : 16;

        for (int pixel = 0; pixel < result->pixels; pixel++)
            for (int block = 0; block < result->blocks; block++)
                if (!all_finite(batch_block +
                                    256L * (result->block + pixel * result->stride + block),
                                16L * rows))
                    return false;
    }
    return true;
}

struct look {
    const struct net_session *session;
    const struct net_result *first; /* that is not finite; NULL: none yet */
};

static void look_at(void *context, int kernel)
{
    struct look *look = context;
    const struct net_kernel *k = &look->session->model->train.kernels[kernel];

    for (int i = 0; !look->first && i < k->result_count; i++)
        if (!result_is_finite(&look->session->run, &k->results[i]))
            look->first = &k->results[i];
}

static void run_alone(const struct net_model *model, struct net_run *run)
{
    const struct net_step *train = &model->train;

    for (run->segment = 0; run->segment <= train->meeting_count; run->segment++) {
        train->run(run, 0);
        if (run->segment < train->meeting_count && train->meetings[run->segment].channels)
            model->meet(train, run->segment, run->params, run, 1, NULL);
    }
}

char *net_find_nan(struct net_session *session, const void *batch, int n)
{
    const struct net_tensor *tensor = net_not_finite(session);
    struct look look = {.session = session};
    struct net_run *run = &session->run;
    const int threads = run->threads;

    if (tensor)
        return net_format("the update before it spoilt %s", tensor->name);
    run->batch = batch;
    run->n = run->rows = n;
    run->has_target = true;
    run->threads = 1;
    run->profile = net_profile_look(look_at, &look);
    run_alone(session->model, run);
    net_profile_close(run->profile);
    run->profile = NULL;
    run->threads = threads;
    if (look.first)
        return net_format("it began in the result of %s (line %d)", look.first->layers,
                          look.first->line);
    return net_format("%s", isfinite(run->loss) ? "it began in the penalties l1 and l2"
                                                : "it began in the loss itself");
}
