/*
 * session.c -- a model with its memory and threads, and its two steps.
 *
 * Everything is allocated here, before the first step; nothing is in a step.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/mman.h>

#include "training/training.h"

/* The state begins as zeros, but adagrad's sums at a number. */
void net_init_state(struct net_session *session, const struct net_options *options, int section)
{
    const float start = (float)options->value[NET_INITIAL_ACCUMULATOR].number;

    for (int t = 0; start > 0.0f && t < session->model->tensor_count; t++) {
        const struct net_tensor *tensor = &session->model->tensors[t];
        float *state = session->run.state + tensor->offset / sizeof(float);

        for (long i = 0;
             tensor->trainable && tensor->section == section && i < net_tensor_size(tensor); i++)
            state[net_tensor_at(tensor, i)] = start;
    }
}

/* Where they are stored before an update, in place of one as they come. */
static void open_gradients(struct net_session *session)
{
    const struct net_model *model = session->model;

    for (int o = NET_ACCUMULATE; o <= NET_SHARDS; o++)
        if (net_whole(session->options, (enum net_option)o) > 1 &&
            !(o == NET_SHARDS ? model->shards : model->accumulate))
            net_fail(NET_FAULT, "the run has %s = %ld, and the train section of %s has none",
                     net_option_name((enum net_option)o),
                     net_whole(session->options, (enum net_option)o), model->source);
    if (net_whole(session->options, NET_ACCUMULATE) > 1)
        session->gathered = net_memory(model->params_size);
    if (model->cut)
        model->cut(session);
    if (session->options->value[NET_CLIP].number > 0.0 || model->rates || session->gathered)
        session->run.grads = net_memory(model->params_size);
}

void net_session_open(struct net_session *session, const struct net_options *options)
{
    const struct net_model *model = options->model;
    const struct net_optimizer *optimizer = net_find_optimizer(options);
    const struct net_variant variant = optimizer->variant(options);
    const uint64_t seed = (uint64_t)options->value[NET_SEED].number;
    struct net_run *run = &session->run;
    size_t outputs = 0;

    *session = (struct net_session){.model = model, .options = options, .optimizer = optimizer};
    session->opening.folder = options->value[NET_DATA].text;
    session->threads = (int)net_whole(options, NET_THREADS);
    session->pool = net_threads_open(session->threads);
    for (int b = 0; b < 2; b++)
        session->batch[b] = net_map(net_batch_bytes(model));
    for (const struct net_model *m = model; m; m = m->next)
        outputs += (size_t)m->outputs;
    session->predictions = net_memory(sizeof(float) * (size_t)model->batch * outputs);

    run->params = net_memory(model->params_size);
    run->arena = net_memory(model->arena_size);
    if (model->scratch_size) {
        run->scratch = net_memory(model->scratch_size * (size_t)session->threads);
        run->scratch_stride = (long)(model->scratch_size / sizeof(float));
    }
    run->values = net_lets_values(options);
    run->threads = session->threads;
    session->training = session->evaluating = net_pace_begin(options);
    run->pool = session->pool;
    run->seed[0] = (uint32_t)seed;
    run->seed[1] = (uint32_t)(seed >> 32);
    run->update = variant.update;
    run->scalars.stride = (long)(model->params_size / sizeof(float));
    session->state_copies = model->turns ? model->turns->open(session) : variant.copies;
    /* an optimizer without state never touches it, but is given a place inside it */
    run->state = session->state_copies
                     ? net_memory((size_t)session->state_copies * model->params_size)
                     : run->params;
    if (model->turns)
        model->turns->begin(session);
    else
        net_init_state(session, options, 0);
    session->rate = options->value[NET_LR].number;
    session->penalized = net_has_penalties(model);
    if (model->rates)
        session->scalars = net_allocate((size_t)model->tensor_count, sizeof *session->scalars);
    if (model->cycle) {
        session->cycled = net_allocate(1, sizeof *session->cycled);
        *session->cycled = *options;
    }
    if (options->value[NET_EMA].number > 0.0)
        session->average = net_memory(model->params_size);
    open_gradients(session);
    if (session->penalized || run->grads)
        net_sums_open(session);
    net_init_params(model, run->seed, run->params);
}

void net_session_close(struct net_session *session)
{
    net_threads_close(session->pool);
    for (int b = 0; b < 2; b++)
        munmap(session->batch[b], net_batch_bytes(session->model));
    free(session->predictions);
    if (session->state_copies)
        free(session->run.state);
    free(session->run.grads);
    free(session->gathered);
    if (session->cut)
        session->cut->close(session);
    free(session->average);
    free(session->cycled);
    free(session->run.params);
    free(session->run.arena);
    free(session->sums);
    free(session->scalars);
    free(session->run.scratch);
    if (session->turns)
        session->model->turns->close(session);
    if (session->data)
        net_data_close(session->data);
    net_folder_close(&session->weights);
    free(session->opening.preparation);
    free(session->opening.checksum);
    free(session->opening.alike);
}

struct net_loader *net_session_loads(struct net_session *session)
{
    session->loader = net_loader_open(session->data, session->batch, session->threads,
                                      session->cut);
    return session->loader;
}

struct share {
    const struct net_step *step;
    struct net_run *run;
};

static void run_share(void *context, int thread)
{
    const struct share *share = context;

    share->step->run(share->run, thread);
}

/* A step on as many threads as its pace says: of each batch or shard what it has up to the end of a
   segment, where rows meet or gradients are whole, then what follows of each. */
static void run_step(struct net_session *session, struct net_pace *pace,
                     const struct net_step *step, struct net_run *runs, int count,
                     const struct net_cut *cut)
{
    double seconds = 0.0;

    net_threads_use(session->pool, pace->threads);
    session->run.threads = pace->threads;
    for (int segment = 0;; segment++) {
        const double begin = net_now();

        for (int i = 0; i < count; i++) {
            runs[i].threads = pace->threads;
            runs[i].segment = segment;
            net_threads_run(session->pool, run_share, &(struct share){step, &runs[i]});
        }
        seconds += net_now() - begin;
        if (segment == step->meeting_count)
            break;
        const struct net_meeting *m = &step->meetings[segment];

        if (m->whole && session->cut && session->cut->whole)
            session->cut->whole(session, m->whole);
        if (!m->channels)
            continue;
        session->model->meet(step, segment, session->run.params, runs, count, cut);
        if (session->run.profile)
            net_profile_lap(session->run.profile, m->kernel, 0);
    }
    if (count) /* not of a rank whose shards are all empty */
        net_pace_add(pace, seconds);
}

static void set_weights(const struct net_model *model, struct net_run *run)
{
    run->other_share = net_share(model, run->batch);
    run->row_weights = net_row_weights(model, run->batch);
    run->row_sum = run->row_weights ? 0 : run->n;
    for (int i = 0; run->row_weights && i < run->n; i++)
        run->row_sum += (double)run->row_weights[i];
    for (int t = 0; t < NET_TERMS; t++)
        run->terms[t].weight = (float)run->row_sum;
}

double net_loss_weight(const struct net_model *model, const struct net_run *run)
{
    return model->term_count ? run->row_sum : (double)run->terms[0].weight;
}

float net_forward(struct net_session *session, const void *batch, int n, bool has_target)
{
    const struct net_model *model = session->model;
    struct net_run *run = &session->run;

    run->batch = batch;
    run->n = n;
    run->has_target = has_target;
    run->loss = 0.0f;
    set_weights(model, run);
    run_step(session, &session->evaluating, &model->evaluate, run, 1, NULL);
    model->unpack(session->predictions, run);
    return run->loss;
}

void net_shard_gradients(struct net_session *session, struct net_run *runs, int count)
{
    for (int i = 0; i < count; i++)
        set_weights(session->model, &runs[i]);
    run_step(session, &session->training, &session->model->train, runs, count, session->cut);
}

float net_batch_gradients(struct net_session *session, const void *batch, int n)
{
    struct net_run *run = &session->run;

    run->batch = batch;
    run->n = run->rows = n;
    run->has_target = true;
    set_weights(session->model, run);
    run_step(session, &session->training, &session->model->train, run, 1, NULL);
    return run->loss;
}

float net_gradients(struct net_session *session, const void *batch, int n)
{
    struct net_run *run = &session->run;
    /* of the weights as they are before the step, whose updates may follow at once */
    const double penalty = run->grads ? 0.0 : net_penalty(session),
                 loss = (double)net_batch_gradients(session, batch, n);

    run->loss = (float)(loss + (run->grads ? net_penalize(session) : penalty));
    return run->loss;
}

/* The rate and the momentum of a schedule that goes by steps. */
static void cycle(struct net_session *session)
{
    const double steps = (double)session->steps;
    const struct net_cycle now = session->model->cycle(
        session->options, session->run.step, steps,
        steps / session->options->value[NET_EPOCHS].number);

    session->rate = now.rate;
    if (now.momentum >= 0.0)
        session->cycled->value[NET_MOMENTUM].number = session->cycled->value[NET_BETA1].number =
            now.momentum;
}

float net_step(struct net_session *session, const void *batch, int n)
{
    struct net_run *run = &session->run;

    if (session->cycled && session->steps)
        cycle(session);
    net_set_step_scalars(&run->scalars, session->optimizer, net_step_options(session),
                         session->rate, run->step);
    if (session->scalars)
        session->model->rates(session);
    if (session->turns)
        session->model->turns->step(session);
    if (session->gathered) {
        session->model->accumulates(session, batch, n);
    } else {
        net_gradients(session, batch, n);
        session->rows = n;
        session->weight = net_loss_weight(session->model, run);
    }
    if (run->grads)
        net_clip_update(session, session->options->value[NET_CLIP].number);
    if (session->model->bounds)
        session->model->bounds(session);
    run->step++;
    if (session->average)
        session->model->averages(session);
    return run->loss;
}

void net_exchange_average(struct net_session *session)
{
    void *params = session->run.params, *averaged = net_averaged(session);

    if (averaged != params)
        session->average = params;
    session->run.params = averaged;
}
