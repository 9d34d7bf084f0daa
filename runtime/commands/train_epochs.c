/*
 * train_epochs.c -- epochs of steps, validation after each, and when a checkpoint is due.
 *
 * What happens is told to the sinks; nothing here knows how a run is shown or written. Whether
 * early_stop ends it is asked of training/schedule.c.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/train.h"

enum {
    SAVE_AFTER_EPOCH = 5,   /* seconds since the last checkpoint, at the end of an epoch */
    SAVE_WITHIN_EPOCH = 60, /* the same, inside one */
    LOOK_AFTER = 1,         /* since the data's files were looked at, at the end of an epoch */
    LEAST = 16,             /* rows of a first step whose loss is near that of all */
};

/* ---- Saving ---------------------------------------------------------------------------------- */

static void save_in_time(struct trainer *trainer)
{
    const bool asked = atomic_exchange_explicit(&trainer->signals->save, false,
                                                memory_order_relaxed);

    if (asked || net_now() - trainer->saved > SAVE_WITHIN_EPOCH) {
        save_training(trainer);
        if (asked)
            net_progress_say(&trainer->progress, "saved %s/checkpoint.safetensors",
                             trainer->run.folder.path);
    }
}

/* ---- An epoch -------------------------------------------------------------------------------- */

static bool stopped(const struct trainer *trainer)
{
    const long most = net_whole(trainer->run.options, NET_MAX_STEPS);

    return atomic_load_explicit(&trainer->signals->stop, memory_order_relaxed) ||
           (most && trainer->run.session.run.step >= (uint64_t)most) ||
           (trainer->again && trainer->run.session.run.step >= trainer->end);
}

/* The epoch's order of rows and learning rate. */
struct net_mode begin_epoch(struct trainer *trainer)
{
    const uint32_t *seed = trainer->run.session.run.seed,
                   epoch = (uint32_t)trainer->run.state.epoch;

    net_order(trainer->rows, trainer->run.row_count, seed, epoch,
              net_flag(trainer->run.options, NET_SHUFFLE));
    trainer->run.session.rate = net_schedule_rate(trainer->run.options, &trainer->run.state);
    return (struct net_mode){NET_MODE_TRAIN, {seed[0], seed[1]}, epoch};
}

/* Trains the rows of the epoch that are left; false: it was stopped before the last, or a loss is
   not finite. */
static bool train_rows(struct trainer *trainer)
{
    struct net_session *session = &trainer->run.session;
    struct net_state *state = &trainer->run.state;
    const long *numbers;
    const void *batch;
    const double waited = state->waited - net_loader_waited(trainer->loader);
    double last = net_now();
    int n;
    const struct net_mode mode = begin_epoch(trainer);

    net_loader_begin(trainer->loader, NET_TRAIN, &mode, trainer->rows + state->row,
                     trainer->run.row_count - state->row,
                     (int)net_whole(trainer->run.options, NET_BATCH));
    while (!stopped(trainer) && (batch = net_loader_next(trainer->loader, &numbers, &n))) {
        const float loss = net_timed_step(&trainer->run.times, session, batch, n);
        const double now = net_now();

        if (session->run.step == 1 && session->rows >= LEAST)
            trainer->first = (double)loss;
        state->row += session->rows;
        state->loss_sum += (double)loss * session->weight;
        state->loss_weight += session->weight;
        state->rows_trained += (double)session->rows;
        state->seconds += now - last;
        state->waited = waited + net_loader_waited(trainer->loader);
        last = now;
        if (!trainer->again)
            net_sinks_step(&trainer->sinks, (double)loss);
        if (!isfinite(loss) && !trainer->again) {
            trainer->diverged = loss;
            break;
        }
        save_in_time(trainer);
    }
    net_loader_cancel(trainer->loader);
    return state->row == trainer->run.row_count && isfinite(trainer->diverged);
}

void look_at_loss(struct trainer *trainer, enum net_part part, double loss)
{
    if (isfinite(loss) || trainer->lost || trainer->again)
        return;
    trainer->lost = true;
    net_progress_close(&trainer->progress);
    net_warn("the loss of %s is not finite after step %u: outputs of %ld of %ld rows are not "
             "finite; the run goes on",
             net_part_names[part], trainer->run.session.run.step,
             net_metrics_lost(trainer->metrics), net_data_rows(trainer->run.session.data, part));
}

/* The metrics of an epoch, as sinks are told them: of a sample of the training rows, then loss and
   metrics of validation. Gives the validation loss, or infinity. */
static double measure(struct trainer *trainer, double *values)
{
    struct net_session *session = &trainer->run.session;
    const struct net_model *model = session->model;
    const long count = net_data_rows(session->data, NET_VALIDATION);
    double loss = INFINITY;

    if (model->metric_count)
        net_evaluate(session, trainer->loader, NET_TRAIN, trainer->sample, trainer->run.measured,
                     trainer->metrics);
    for (int m = 0; m < model->metric_count; m++)
        *values++ = net_metrics_value(trainer->metrics, model->metrics[m].name);
    if (!count)
        return loss;
    loss = net_evaluate(session, trainer->loader, NET_VALIDATION, trainer->every, count,
                        trainer->metrics);
    look_at_loss(trainer, NET_VALIDATION, loss);
    *values++ = loss;
    for (int m = 0; m < model->metric_count; m++)
        *values++ = net_metrics_value(trainer->metrics, model->metrics[m].name);
    return loss;
}

static void keep_best(struct trainer *trainer, double validation_loss, const double *metrics)
{
    const struct net_model *model = trainer->run.session.model;
    struct net_state *state = &trainer->run.state;

    if (!trainer->run.kept)
        return;
    const double now = net_monitored(model, trainer->run.options->value[NET_MONITOR].text,
                                     validation_loss, metrics);

    if (now < state->best) {
        state->best = now;
        state->best_epoch = state->epoch;
        memcpy(trainer->run.kept, net_averaged(&trainer->run.session), model->params_size);
    }
}

/* `rows` were trained since `began`: all of the epoch's, or those after a resume. */
static void finish_epoch(struct trainer *trainer, double *values, double began, long rows)
{
    const struct net_model *model = trainer->run.session.model;
    struct net_state *state = &trainer->run.state;
    const double trained = net_now() - began;
    struct net_epoch epoch = {
        .loss = state->loss_weight > 0.0 ? state->loss_sum / state->loss_weight : 0.0,
        .values = values,
        .samples_per_second = (double)rows / fmax(trained, 1e-9),
    };
    const long every = net_whole(trainer->run.options, NET_CHECKPOINT_EVERY);
    const double *watched = values + model->metric_count + 1; /* metrics of validation */

    net_exchange_average(&trainer->run.session);
    epoch.validation_loss = measure(trainer, values);
    net_exchange_average(&trainer->run.session);
    net_schedule_watch(trainer->run.options, state, epoch.validation_loss, watched);
    state->epoch++;
    state->row = 0;
    state->loss_sum = state->loss_weight = 0.0;
    keep_best(trainer, epoch.validation_loss, watched);
    epoch.seconds = net_now() - began;
    if (!trainer->again)
        net_sinks_epoch(&trainer->sinks, &epoch);
    if (!trainer->again && net_now() - trainer->looked > LOOK_AFTER)
        look_at_data(trainer);
    if ((every && state->epoch % every == 0) || net_now() - trainer->saved > SAVE_AFTER_EPOCH)
        save_training(trainer);
}

/* Where it ends, or pauses: a point of a sweep that goes on when it is among the better ones. */
static long last_epoch(const struct net_options *options)
{
    const long epochs = net_whole(options, NET_EPOCHS);

    return options->pause && options->pause < epochs ? options->pause : epochs;
}

bool train_epochs(struct trainer *trainer)
{
    const struct net_options *options = trainer->run.options;
    const struct net_model *model = options->model;
    struct net_state *state = &trainer->run.state;
    double *values = net_allocate(2 * (size_t)model->metric_count + 1, sizeof *values);
    bool whole = true;

    while (whole && state->epoch < last_epoch(options) && !stopped(trainer) &&
           !net_schedule_stops(options, state)) {
        const double began = net_now();
        const long done = state->row;

        whole = train_rows(trainer);
        if (whole)
            finish_epoch(trainer, values, began, trainer->run.row_count - done);
    }
    free(values);
    if (isfinite(trainer->diverged) && net_schedule_stops(options, state))
        net_progress_say(&trainer->progress, "early_stop: no better %s for %ld epochs",
                         net_argument(model->stop, "monitor")->text, state->stop_bad);
    return whole;
}
