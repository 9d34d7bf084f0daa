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
    for (int row = 0; row < run->n; row += result->images) {
        const float *batch_block = (const float *)((const char *)run->arena + result->at) +
                                   row / result->images * result->batch_block;
        const int left = run->n - row, rows = left < result->images ? left : result->images;

        for (int pixel = 0; pixel < result->pixels; pixel++)
            for (int block = 0; block < result->blocks; block++)
                if (!all_finite(batch_block + 16L * result->images *
                                                  (result->block + pixel * result->stride + block),
                                16L * rows))
                    return false;
    }
    return true;
}

struct look {
    const struct net_session *session;
    const struct net_run *run;
    const struct net_result *first; /* that is not finite; NULL: none yet */
};

static void look_at(void *context, int kernel)
{
    struct look *look = context;
    const struct net_kernel *k = &look->session->model->train.kernels[kernel];

    for (int i = 0; !look->first && i < k->result_count; i++)
        if (!result_is_finite(look->run, &k->results[i]))
            look->first = &k->results[i];
}

/* The step of a batch, or of shards that run together, on one thread. */
static void run_alone(struct look *look, struct net_run *runs, int count, const struct net_cut *cut)
{
    const struct net_model *model = look->session->model;
    const struct net_step *train = &model->train;
    struct net_profile *profile = net_profile_look(look_at, look);

    for (int i = 0; i < count; i++) {
        runs[i].threads = 1;
        runs[i].profile = profile;
    }
    for (int segment = 0; segment <= train->meeting_count; segment++) {
        for (int i = 0; i < count; i++) {
            look->run = &runs[i];
            runs[i].segment = segment;
            train->run(&runs[i], 0);
        }
        if (segment < train->meeting_count && train->meetings[segment].channels)
            model->meet(train, segment, look->session->run.params, runs, count, cut);
    }
    net_profile_close(profile);
}

/* Of a batch, or of its shards that run together: the loss. */
static float look_through(struct look *look, struct net_session *session, const void *batch, int n)
{
    const struct net_cut *cut = session->cut;
    struct net_run run = session->run;
    float loss = 0.0f;

    if (!cut || !cut->held) {
        run.batch = batch;
        run.n = run.rows = n;
        run.has_target = true;
        run_alone(look, &run, 1, NULL);
        return run.loss;
    }
    const int count = cut->hold(session, batch, n);

    net_shard_gradients(session, cut->runs, count); /* for what their rows count */
    run_alone(look, cut->runs, count, cut);
    for (int i = 0; i < count; i++)
        loss += cut->runs[i].loss;
    return loss;
}

char *net_find_nan(struct net_session *session, const void *batch, int n)
{
    const struct net_tensor *tensor = net_not_finite(session);
    struct look look = {.session = session};

    if (tensor)
        return net_format("the update before it spoilt %s", tensor->name);
    const float loss = look_through(&look, session, batch, n);

    if (look.first)
        return net_format("it began in the result of %s (line %d)", look.first->layers,
                          look.first->line);
    return net_format("%s", isfinite(loss) ? "it began in the penalties l1 and l2"
                                           : "it began in the loss itself");
}
