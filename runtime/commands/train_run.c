/*
 * train_run.c -- a training run from its beginning, or where it stopped, to its end.
 *
 * The state of a run is its parameters, its optimizer's state and struct net_state; everything else
 * follows from the settings, so that a run that was stopped anywhere between two steps goes on bit
 * for bit.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "commands/train.h"

enum {
    SAMPLE = 10000, /* rows, at most, that an epoch's train metrics are taken from */
    LARGE = 10,     /* times the first step's loss: nothing was learnt */
};

/* ---- Beginning ------------------------------------------------------------------------------- */

static void open_rows(struct trainer *trainer)
{
    const struct net_session *session = &trainer->run.session;
    long most = 0;

    trainer->run.row_count = net_data_rows(session->data, NET_TRAIN);
    if (!trainer->run.row_count)
        net_fail(NET_FAULT, "%s: the training part has no rows", session->model->source);
    for (int part = 0; part < NET_PARTS; part++)
        if (net_data_rows(session->data, (enum net_part)part) > most)
            most = net_data_rows(session->data, (enum net_part)part);
    trainer->rows = net_allocate((size_t)trainer->run.row_count, sizeof(long));
    trainer->every = net_allocate((size_t)most, sizeof(long));
    net_order(trainer->every, most, session->run.seed, 0, false);

    const long step = net_step_rows(session->options);

    trainer->run.state.epoch_steps = (trainer->run.row_count + step - 1) / step;
    trainer->run.session.steps = trainer->run.state.epoch_steps *
                                 net_whole(session->options, NET_EPOCHS);
    const long count = trainer->run.row_count < SAMPLE ? trainer->run.row_count : SAMPLE;
    trainer->sample = net_allocate((size_t)count, sizeof(long));
    trainer->run.measured = count;
    for (long i = 0; i < count; i++)
        trainer->sample[i] = i * trainer->run.row_count / count;
}

/* The run's folder: that of --resume before anything else, a new one where nothing stands in its
   way any more. A fold's is in that of all. */
static void open_folder(struct trainer *trainer, bool resume)
{
    struct net_training *run = &trainer->run;
    const struct net_options *options = run->options;
    const char *place = options->whole ? options->place : NULL;

    if (net_is_led(options->ranks)) { /* it reads a checkpoint, and writes nothing */
        if (resume && !net_folder_open(&run->folder, NULL, options->value[NET_RESUME].text))
            net_fail(NET_FAULT, "--resume %s: %s", options->value[NET_RESUME].text,
                     strerror(errno));
    } else if (resume) {
        net_folder_resume(&run->folder, options->whole,
                          place ? place : options->value[NET_RESUME].text);
    } else {
        run->made_folder = net_folder_new(&run->folder, options->whole,
                                          place ? place : options->value[NET_OUT].text,
                                          options->model);
        net_folder_need_free(&run->folder, options);
    }
}

/* From now on there is always a good checkpoint, and it is of these data. Data that changed are
   taken up by it before preparation.json says that they are the run's: a run that is killed between
   the two finds that they have changed once more. */
static void save_beginning(struct trainer *trainer, bool resume)
{
    if (!resume)
        save_learnt(trainer);
    if (!resume || net_data_changed(trainer->run.session.data)) {
        net_sinks_save(&trainer->sinks, &trainer->run);
        net_checkpoint_write(&trainer->run);
    }
    if (resume)
        save_learnt(trainer);
}

/* Of several ranks, which have to begin alike. */
static bool is_told_by_another(const struct trainer *trainer)
{
    const struct net_world *ranks = trainer->run.options->ranks;

    if (net_are_several(ranks))
        ranks->agree(&trainer->run);
    return net_is_led(ranks);
}

static void open_training(struct trainer *trainer, struct net_options *options)
{
    struct net_tensors tensors;
    struct net_session *session = &trainer->run.session;
    const bool resume = options->value[NET_RESUME].text != NULL;

    if (resume) {
        open_folder(trainer, true);
        net_checkpoint_settings(&tensors, options, &trainer->run.folder, "checkpoint.safetensors");
        net_check_outputs(options); /* the run's --data is known now */
    }
    net_progress_open(&trainer->progress,
                      options->command == NET_KFOLD        ? stderr
                      : net_flag(options, NET_JSON_OUTPUT) ? NULL
                                                           : stdout,
                      net_flag(options, NET_QUIET));
    net_session_open(session, options);
    const struct net_start *begins = resume ? NULL : options->model->begins;

    if (options->value[NET_WEIGHTS].text)
        net_session_weights(session);
    else if (begins)
        begins->find(session);
    open_data(trainer, options, resume ? &tensors : NULL);
    if (begins && !options->value[NET_WEIGHTS].text)
        begins->read(session);
    open_rows(trainer);
    net_preflight(options, session->data);
    if (!strcmp(options->value[NET_KEEP].text, "best") &&
        net_data_rows(session->data, NET_VALIDATION))
        trainer->run.kept = net_memory(options->model->params_size);
    trainer->run.state.best = INFINITY;
    trainer->run.state.plateau_best = trainer->run.state.stop_best = INFINITY;
    trainer->run.state.plateau_scale = 1.0;
    if (resume) {
        net_checkpoint_read(&tensors, &trainer->run);
        net_tensors_free(&tensors);
        net_check_stretched(options, &trainer->run.state);
    }
    trainer->run.epochs = net_allocate(1, sizeof *trainer->run.epochs);
    trainer->metrics = net_metrics_new(options->model, session->data);
    for (struct net_metrics *m = trainer->metrics; m; m = net_metrics_next(m))
        if (net_metrics_classes(m) == 2)
            net_metrics_rank(m); /* for the curves of report.html */
    trainer->loader = net_session_loads(session);
    net_step_times_open(&trainer->run.times, session);
    trainer->saved = net_now();
    trainer->run.began = (double)time(NULL);
    if (!resume)
        open_folder(trainer, false);
    if (is_told_by_another(trainer))
        return;
    net_sinks_reserve(&trainer->sinks, &trainer->run, &trainer->progress);
    if (!resume)
        net_folder_clear(&trainer->run.folder, 0);
    net_sinks_open(&trainer->sinks);
    save_beginning(trainer, resume);
}

/* ---- End ------------------------------------------------------------------------------------- */

static void close_training(struct trainer *trainer)
{
    net_progress_close(&trainer->progress);
    net_loader_close(trainer->loader);
    net_metrics_free(trainer->metrics);
    net_sinks_close(&trainer->sinks);
    free(trainer->run.epochs);
    net_step_times_close(&trainer->run.times);
    net_session_close(&trainer->run.session);
    free(trainer->run.kept);
    free(trainer->learnt.at);
    free(trainer->rows);
    free(trainer->every);
    free(trainer->sample);
    net_folder_close(&trainer->run.folder);
}

/* Every part once, with the weights that are kept. False when the rows that were trained have no
   finite loss: the last step spoilt the weights. */
static bool evaluate_parts(struct trainer *trainer)
{
    struct net_session *session = &trainer->run.session;
    const struct net_model *model = session->model;
    double *values = net_allocate((size_t)model->metric_count, sizeof *values);
    bool finite = true;

    for (int part = 0; part < NET_PARTS; part++) {
        const long count = net_data_rows(session->data, (enum net_part)part);

        if (!count)
            continue;
        const double loss = net_evaluate(session, trainer->loader, (enum net_part)part,
                                         trainer->every, count, trainer->metrics);

        if (part != NET_TRAIN)
            look_at_loss(trainer, (enum net_part)part, loss);
        if (part == NET_TRAIN)
            trainer->trained = loss;
        finite = finite && (part != NET_TRAIN || isfinite(loss));
        for (int m = 0; m < model->metric_count; m++)
            values[m] = net_metrics_value(trainer->metrics, model->metrics[m].name);
        net_sinks_part(&trainer->sinks, (enum net_part)part, loss, values, trainer->metrics);
    }
    look_at_data(trainer);
    net_sinks_finish(&trainer->sinks, finite ? "finished" : "diverged");
    free(values);
    return finite;
}

/* After the checkpoint is written: from here on the parameters are those that are kept. */
static void finish_training(struct trainer *trainer, bool whole)
{
    struct net_session *session = &trainer->run.session;

    if (trainer->run.kept && trainer->run.state.best_epoch && whole)
        memcpy(session->run.params, trainer->run.kept, session->model->params_size);
    else
        net_exchange_average(session);
    if (trainer->run.kept && !trainer->run.state.best_epoch && trainer->run.state.epoch) {
        net_progress_close(&trainer->progress);
        net_warn("no epoch is the best, since none has a %s that is finite: the last weights are "
                 "kept",
                 trainer->run.options->value[NET_MONITOR].text);
    }
    if (!net_is_led(trainer->run.options->ranks))
        net_weights_write(&trainer->run.folder, "model.safetensors", session->model,
                          session->run.params, trainer->run.checksum);
    /* of several sections one's loss may be what another wants */
    const bool finite = evaluate_parts(trainer),
               worse = trainer->first > 0 && trainer->trained > LARGE * trainer->first &&
                       !session->model->section_count;

    if (!finite || worse)
        net_progress_close(&trainer->progress);
    if (finite && worse)
        net_warn(
            "the loss of train is %.4g, and was %.4g at the first step: nothing was learnt. %s",
            trainer->trained, trainer->first, advise_diverged(trainer, true));
    while (!finite && net_is_led(trainer->run.options->ranks))
        pause(); /* until rank 0, which tells of it, ends all */
    if (!finite) {
        net_fail(NET_DIVERGED, "the loss after the last step is not finite. %s",
                 advise_diverged(trainer, session->run.step > 0));
    }
}

int net_train_run(struct net_options *options, struct net_signals *signals)
{
    struct trainer *trainer = net_allocate(1, sizeof *trainer);

    trainer->run.options = options;
    trainer->signals = signals;
    if (net_are_several(options->ranks)) {
        options->ranks->own = signals;
        trainer->signals = &options->ranks->agreed;
    }
    open_training(trainer, options);

    const bool whole = train_epochs(trainer);

    if (!isfinite(trainer->diverged))
        fail_diverged(trainer);
    const int signal = atomic_load(&trainer->signals->stop);

    look_at_data(trainer);
    save_training(trainer);
    if (signal && net_is_led(options->ranks)) {
        /* rank 0 tells of the end */
    } else if (signal) {
        char *place = net_folder_place(options->whole ? options->whole : &trainer->run.folder);
        struct net_text command = {0};

        net_text_shell(&command, program_invocation_name);
        net_text_add(&command, " %s --resume ", options->whole ? "kfold" : "train");
        net_text_shell(&command, place);
        net_sinks_finish(&trainer->sinks, "interrupted");
        net_progress_say(&trainer->progress, "stopped after step %u; go on with:  %s",
                         trainer->run.session.run.step, command.at);
        free(command.at);
        free(place);
    } else {
        finish_training(trainer, whole);
    }
    close_training(trainer);
    free(trainer);
    return signal ? 128 + signal : NET_OK;
}
