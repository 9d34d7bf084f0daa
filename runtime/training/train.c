/*
 * train.c -- `train`: epochs of steps, validation after each, checkpoints, the end.
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
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"

enum {
    SAMPLE = 10000,         /* rows, at most, that an epoch's train metrics are taken from */
    SAVE_AFTER_EPOCH = 5,   /* seconds since the last checkpoint, at the end of an epoch */
    SAVE_WITHIN_EPOCH = 60, /* the same, inside one */
    SLOW_DATA = 2,          /* seconds of reading after which a person is told of them */
    RUN_AGAIN = 120,        /* the same, at most, to look for the cause of a divergence */
};

/* ---- Saving ---------------------------------------------------------------------------------- */

static void save_weights(const struct net_training *training)
{
    const bool best = training->kept && training->state.best_epoch;
    char *path = net_format("%s/model.safetensors", training->folder);

    net_weights_write(path, training->session.model,
                      best ? training->kept : training->session.run.params);
    free(path);
}

/* What may help against a loss that is not finite, after an update or before the first; malloc'd. */
static char *advise(const struct net_training *training, bool updated)
{
    const struct net_value *value = training->options->value;
    const double clip = value[NET_CLIP].number;

    if (updated && clip > 0.0)
        return net_format("Try a smaller --lr, or a smaller --clip than %g", clip);
    if (updated)
        return net_format("Try a smaller --lr, or --clip 1");
    if (value[NET_WEIGHTS].text)
        return net_format("No update came before it, so the learning rate is not its cause: the "
                          "weights of %s or the numbers of the rows are too large",
                          value[NET_WEIGHTS].text);
    return net_format("No update came before it, so the learning rate is not its cause: inputs, "
                      "targets or initial weights are too large; standardize and minmax make rows "
                      "smaller");
}

/* A good checkpoint is not written over by one whose parameters are not finite. */
static void save(struct net_training *training)
{
    const struct net_tensor *spoilt = net_not_finite(&training->session);

    if (training->again)
        return;
    if (spoilt) {
        net_progress_close(&training->progress);
        net_run_json(training, "diverged", NULL);
        net_fail(NET_DIVERGED,
                 "after step %u, the last step, %s is not finite. %s, from "
                 "the last good checkpoint: --weights %s/checkpoint.safetensors",
                 training->session.run.step, spoilt->name, advise(training, true),
                 training->folder);
    }
    net_checkpoint_write(training);
    save_weights(training);
    training->saved = net_now();
}

/* ---- What is shown --------------------------------------------------------------------------- */

static double rate(const struct net_training *training)
{
    const struct net_state *state = &training->state;

    return state->seconds > 0.0 ? state->rows_trained / state->seconds : 0.0;
}

/* Of the epoch so far; batches weigh as they do in net_evaluate. */
static double mean_loss(const struct net_state *state)
{
    return state->loss_weight > 0.0 ? state->loss_sum / state->loss_weight : 0.0;
}

static void show_step(struct net_training *training, const char *metrics)
{
    const struct net_state *state = &training->state;
    const long epochs = net_whole(training->options, NET_EPOCHS);
    const long batch = net_whole(training->options, NET_BATCH);
    const double left = ((double)(epochs - state->epoch) * (double)training->row_count -
                         (double)state->row) /
                        fmax(rate(training), 1.0);
    char *line = net_format(
        "epoch %ld/%ld  step %ld/%ld  loss %.4g%s  %.0f samples/s  %.0f:%02.0f left",
        state->epoch + 1, epochs, (state->row + batch - 1) / batch,
        (training->row_count + batch - 1) / batch, mean_loss(state), metrics, rate(training),
        floor(left / 60.0), floor(fmod(left, 60.0)));

    net_progress_step(&training->progress, line);
    free(line);
}

/* "  accuracy 0.9812", for each metric; what is very large or small by its power of ten */
static char *metrics_text(const struct net_model *model, const double *values)
{
    struct net_text text = {0};

    net_text_add(&text, "%s", "");
    for (int m = 0; m < model->metric_count; m++) {
        const double size = fabs(values[m]);

        net_text_add(&text, size == 0 || (size >= 1e-4 && size < 1e6) ? "  %s %.4f" : "  %s %.6g",
                     model->metrics[m].name, values[m]);
    }
    return text.at;
}

/* ---- An epoch -------------------------------------------------------------------------------- */

static bool stopped(const struct net_training *training)
{
    const long most = net_whole(training->options, NET_MAX_STEPS);

    return atomic_load_explicit(&training->signals->stop, memory_order_relaxed) ||
           (most && training->session.run.step >= (uint64_t)most) ||
           (training->again && training->session.run.step >= training->end);
}

/* The epoch's order of rows and learning rate. */
static struct net_pass begin_epoch(struct net_training *training)
{
    const uint32_t *seed = training->session.run.seed, epoch = (uint32_t)training->state.epoch;

    net_order(training->rows, training->row_count, seed, epoch,
              net_flag(training->options, NET_SHUFFLE));
    training->session.rate = net_schedule_rate(training->options, &training->state);
    return (struct net_pass){NET_PASS_TRAIN, {seed[0], seed[1]}, epoch};
}

static bool train_epochs(struct net_training *training);

/* Where the loss of the last step, which is not finite, comes from: the run is taken up from its
   last checkpoint, and stopped before that step. NULL: that would take too long, or was stopped. */
static char *find_cause(struct net_training *training)
{
    struct net_session *session = &training->session;
    struct net_state *state = &training->state;
    struct net_tensors checkpoint;
    const long *numbers;
    const void *batch;
    int n;

    if (net_now() - training->saved > RUN_AGAIN)
        return NULL;
    net_progress_say(&training->progress, "the loss is not finite; looking for where it began");
    net_progress_hush(&training->progress);
    training->steps = NULL;
    training->again = true;
    training->end = session->run.step - 1;
    char *path = net_format("%s/checkpoint.safetensors", training->folder);
    net_tensors_read(&checkpoint, path);
    /* padding is not in the checkpoint, and the step has spoilt it */
    memset(session->run.params, 0, session->model->params_size);
    if (session->state_copies)
        memset(session->run.state, 0, (size_t)session->state_copies * session->model->params_size);
    net_checkpoint_read(&checkpoint, training);
    net_tensors_free(&checkpoint);
    free(path);
    train_epochs(training);
    if (session->run.step != training->end)
        return NULL;

    const struct net_pass pass = begin_epoch(training);
    net_loader_begin(training->loader, NET_TRAIN, &pass, training->rows + state->row,
                     training->row_count - state->row,
                     (int)net_whole(training->options, NET_BATCH));
    batch = net_loader_next(training->loader, &numbers, &n);
    return net_diverged_in(session, batch, n);
}

static _Noreturn void diverge(struct net_training *training, float loss)
{
    const uint32_t step = training->session.run.step;
    const long epoch = training->state.epoch + 1, row = training->state.row;

    net_run_json(training, "diverged", NULL);
    net_loader_cancel(training->loader);
    const char *cause = find_cause(training);
    net_progress_close(&training->progress);
    char *checkpoint = net_format(", from the last good checkpoint: --weights "
                                  "%s/checkpoint.safetensors",
                                  training->folder);

    net_fail(NET_DIVERGED, "the loss is %s in step %u (epoch %ld, row %ld)%s%s. %s%s",
             isnan(loss) ? "not a number" : "infinite", step, epoch, row, cause ? "; " : "",
             cause ? cause : "", advise(training, step > 1), step > 1 ? checkpoint : "");
}

static void save_in_time(struct net_training *training)
{
    const bool asked = atomic_exchange_explicit(&training->signals->save, false,
                                                memory_order_relaxed);
    const bool every = training->options->value[NET_CHECKPOINT_EVERY].number > 0.0;

    if (asked || (!every && net_now() - training->saved > SAVE_WITHIN_EPOCH)) {
        save(training);
        if (asked)
            net_progress_say(&training->progress, "saved %s/checkpoint.safetensors",
                             training->folder);
    }
}

/* Trains the rows of the epoch that are left; false: it was stopped before the last. */
static bool train_rows(struct net_training *training, const char *metrics)
{
    struct net_session *session = &training->session;
    struct net_state *state = &training->state;
    const long *numbers;
    const void *batch;
    const double waited = state->waited - net_loader_waited(training->loader);
    double last = net_now();
    int n;
    const struct net_pass pass = begin_epoch(training);

    net_loader_begin(training->loader, NET_TRAIN, &pass, training->rows + state->row,
                     training->row_count - state->row,
                     (int)net_whole(training->options, NET_BATCH));
    while (!stopped(training) && (batch = net_loader_next(training->loader, &numbers, &n))) {
        const float loss = net_step(session, batch, n);
        const double now = net_now();

        state->row += n;
        state->loss_sum += (double)loss * (double)session->run.loss_weight;
        state->loss_weight += (double)session->run.loss_weight;
        state->rows_trained += n;
        state->seconds += now - last;
        state->waited = waited + net_loader_waited(training->loader);
        last = now;
        if (training->steps)
            fprintf(training->steps, "%u,%.9g\n", session->run.step, (double)loss);
        if (!isfinite(loss) && !training->again)
            diverge(training, loss);
        if (net_progress_due(&training->progress))
            show_step(training, metrics);
        save_in_time(training);
    }
    net_loader_cancel(training->loader);
    return state->row == training->row_count;
}

/* The metrics of an epoch, as history.csv has them: of a sample of the training rows, then loss and
   metrics of validation. Gives the validation loss, or infinity. */
static double measure(struct net_training *training, double *values)
{
    struct net_session *session = &training->session;
    const struct net_model *model = session->model;
    const long count = net_data_rows(session->data, NET_VALIDATION);
    double loss = INFINITY;

    if (model->metric_count)
        net_evaluate(session, training->loader, NET_TRAIN, training->sample, training->sample_count,
                     training->metrics);
    for (int m = 0; m < model->metric_count; m++)
        *values++ = net_metrics_value(training->metrics, model->metrics[m].name);
    if (!count)
        return loss;
    loss = net_evaluate(session, training->loader, NET_VALIDATION, training->every, count,
                        training->metrics);
    *values++ = loss;
    for (int m = 0; m < model->metric_count; m++)
        *values++ = net_metrics_value(training->metrics, model->metrics[m].name);
    return loss;
}

/* `rows` were trained since `began`: all of the epoch's, or those after a resume. */
static void finish_epoch(struct net_training *training, double *values, double began, long rows)
{
    const struct net_model *model = training->session.model;
    struct net_state *state = &training->state;
    const double trained = net_now() - began, loss = mean_loss(state);
    const double validation = measure(training, values), speed = (double)rows / fmax(trained, 1e-9);
    const long every = net_whole(training->options, NET_CHECKPOINT_EVERY);
    const double *watched = values + model->metric_count + 1; /* metrics of validation */
    char *metrics = metrics_text(model, values), *line;

    net_schedule_watch(training->options, state, validation, watched);
    state->epoch++;
    state->row = 0;
    state->loss_sum = state->loss_weight = 0.0;
    const double now = training->kept
                           ? net_monitored(model, training->options->value[NET_MONITOR].text,
                                           validation, watched)
                           : 0.0;
    if (training->kept && now < state->best) {
        state->best = now;
        state->best_epoch = state->epoch;
        memcpy(training->kept, training->session.run.params, model->params_size);
    }
    if (!training->again)
        net_history_add(training, loss, values, net_now() - began, speed);
    line = net_format("epoch %ld/%ld  loss %.4g%s", state->epoch,
                      net_whole(training->options, NET_EPOCHS), loss, metrics);
    if (isfinite(validation)) {
        char *more = metrics_text(model, watched);
        char *both = net_format("%s  validation loss %.4g%s", line, validation, more);

        free(more);
        free(line);
        line = both;
    }
    char *all = net_format("%s  %.1f s  %.0f samples/s", line, net_now() - began, speed);
    net_progress_line(&training->progress, all);
    free(all);
    free(line);
    free(metrics);
    if (every ? state->epoch % every == 0 : net_now() - training->saved > SAVE_AFTER_EPOCH)
        save(training);
}

/* Epochs until the last, or until a signal or --max-steps; false: stopped inside an epoch. */
static bool train_epochs(struct net_training *training)
{
    const struct net_options *options = training->options;
    const struct net_model *model = options->model;
    struct net_state *state = &training->state;
    double *values = net_allocate(2 * (size_t)model->metric_count + 1, sizeof *values);
    bool whole = true, measured = false; /* values: none yet, after a resume too */

    while (whole && state->epoch < net_whole(options, NET_EPOCHS) && !stopped(training) &&
           !net_schedule_stops(options, state)) {
        const double began = net_now();
        const long done = state->row;
        char *shown = measured ? metrics_text(model, values) : net_format("%s", "");

        whole = train_rows(training, shown);
        free(shown);
        if (whole)
            finish_epoch(training, values, began, training->row_count - done);
        measured = whole;
    }
    free(values);
    if (net_schedule_stops(options, state))
        net_progress_say(&training->progress, "early_stop: no better %s for %ld epochs",
                         net_argument(model->stop, "monitor")->text, state->stop_bad);
    return whole;
}

/* ---- Beginning and end ----------------------------------------------------------------------- */

static void open_rows(struct net_training *training)
{
    const struct net_session *session = &training->session;
    long most = 0;

    training->row_count = net_data_rows(session->data, NET_TRAIN);
    if (!training->row_count)
        net_fail(NET_FAULT, "%s: the training part has no rows", session->model->source);
    for (int part = 0; part < NET_PARTS; part++)
        if (net_data_rows(session->data, (enum net_part)part) > most)
            most = net_data_rows(session->data, (enum net_part)part);
    training->rows = net_allocate((size_t)training->row_count, sizeof(long));
    training->every = net_allocate((size_t)most, sizeof(long));
    net_order(training->every, most, session->run.seed, 0, false);

    const long count = training->row_count < SAMPLE ? training->row_count : SAMPLE;
    training->sample = net_allocate((size_t)count, sizeof(long));
    training->sample_count = count;
    for (long i = 0; i < count; i++)
        training->sample[i] = i * training->row_count / count;
}

static struct net_fold resumed_fold(const char *folder)
{
    char *path = net_format("%s/preparation.json", folder);
    struct net_fold fold = {0};

    if (net_has_file(folder, "preparation.json"))
        fold = net_preparation_fold(path);
    free(path);
    return fold;
}

/* Data that took long to read: how fast, and the most memory that the program has had. */
static void say_data(struct net_training *training, double seconds)
{
    const struct net_data *data = training->session.data;
    struct rusage usage;
    long rows = 0;

    for (int part = 0; part < NET_PARTS; part++)
        rows += net_data_rows(data, (enum net_part)part);
    if (seconds > SLOW_DATA && getrusage(RUSAGE_SELF, &usage) == 0)
        net_progress_say(&training->progress,
                         "read %ld rows in %.1f s, %.0f a second; "
                         "%.0f MB of memory at most",
                         rows, seconds, (double)rows / seconds, (double)usage.ru_maxrss / 1024);
}

static void open_training(struct net_training *training, struct net_options *options)
{
    struct net_tensors tensors;
    struct net_session *session = &training->session;
    const bool resume = options->value[NET_RESUME].text != NULL;

    if (resume) {
        training->lock = net_folder_lock(options->value[NET_RESUME].text);
        net_checkpoint_settings(&tensors, options);
        options->fold = resumed_fold(options->value[NET_RESUME].text);
    }
    net_progress_open(&training->progress, net_flag(options, NET_QUIET));
    net_session_open(session, options);
    if (options->value[NET_WEIGHTS].text)
        free(net_session_weights(session));
    const double begun = net_now();

    session->data = net_data_open_fold(options->model, options->value[NET_DATA].text,
                                       options->fold);
    say_data(training, net_now() - begun);
    if (!resume && !options->value[NET_WEIGHTS].text)
        net_pretrained_read(options->model, session->data, options->value[NET_DATA].text,
                            session->run.params, &training->progress);
    open_rows(training);
    net_check_run(options, session->data);
    if (!strcmp(options->value[NET_KEEP].text, "best") &&
        net_data_rows(session->data, NET_VALIDATION))
        training->kept = net_memory(options->model->params_size);
    training->state.best = INFINITY;
    training->state.plateau_best = training->state.stop_best = INFINITY;
    training->state.plateau_scale = 1.0;
    if (resume) {
        net_checkpoint_read(&tensors, training);
        net_tensors_free(&tensors);
    }
    training->metrics = net_metrics_new(options->model, session->data);
    training->loader = net_loader_open(session);
    training->saved = net_now();
    training->began = (double)time(NULL);
    net_folder_open(training);
    net_history_open(training);
    net_run_json(training, "running", NULL);
    if (!resume) {
        struct net_text text = {.at = net_data_preparation_json(session->data)};
        char *path = net_format("%s/preparation.json", training->folder);

        text.length = strlen(text.at);
        net_file_replace(path, &text);
        free(text.at);
        free(path);
        net_checkpoint_write(training); /* from now on there is always a good one */
    }
}

static void close_training(struct net_training *training)
{
    net_progress_close(&training->progress);
    net_loader_close(training->loader);
    net_metrics_free(training->metrics);
    net_session_close(&training->session);
    const char *log = training->options->value[NET_LOG_STEPS].text;
    const bool lost = ferror(training->history), lost_steps = log && ferror(training->steps);

    if (fclose(training->history) || lost)
        net_fail(NET_FAULT, "%s: the history could not be written: %s", training->folder,
                 strerror(errno));
    if (log && (fclose(training->steps) || lost_steps))
        net_fail(NET_FAULT, "%s: the steps could not all be written: %s", log, strerror(errno));
    if (training->lock >= 0)
        close(training->lock);
    free(training->kept);
    free(training->rows);
    free(training->every);
    free(training->sample);
    free(training->folder);
}

/* Every part once, with the weights that are kept; into run.json, and shown. False when the rows
   that were trained have no finite loss: the last step spoilt the weights. */
static bool evaluate_parts(struct net_training *training)
{
    static const char *const names[] = {"train", "validation", "test"};
    struct net_session *session = &training->session;
    const struct net_model *model = session->model;
    struct net_text results = {0};
    double *values = net_allocate((size_t)model->metric_count, sizeof *values);
    bool finite = true;

    for (int part = 0; part < NET_PARTS; part++) {
        const long count = net_data_rows(session->data, (enum net_part)part);

        if (!count)
            continue;
        const double loss = net_evaluate(session, training->loader, (enum net_part)part,
                                         training->every, count, training->metrics);
        finite = finite && (part != NET_TRAIN || isfinite(loss));
        net_text_add(&results, "%s\n    \"%s\": {\"loss\": ", results.at ? "," : "", names[part]);
        net_text_number(&results, loss);
        net_metrics_json(&results, model, training->metrics);
        net_text_add(&results, "}");
        for (int m = 0; m < model->metric_count; m++)
            values[m] = net_metrics_value(training->metrics, model->metrics[m].name);
        char *metrics = metrics_text(model, values);
        net_progress_say(&training->progress, "%-10s  loss %.6g%s", names[part], loss, metrics);
        free(metrics);
    }
    net_text_add(&results, "\n  ");
    net_run_json(training, finite ? "finished" : "diverged", results.at);
    free(results.at);
    free(values);
    return finite;
}

/* Is the data in the way? */
static void say_speed(struct net_training *training)
{
    const struct net_state *state = &training->state;

    if (state->seconds > 0.0)
        net_progress_say(&training->progress,
                         "trained %.0f rows in %.1f s: %.0f samples/s, %.1f%% of the time waiting "
                         "for data",
                         state->rows_trained, state->seconds, rate(training),
                         100.0 * state->waited / state->seconds);
}

/* After the checkpoint is written: from here on the parameters are those that are kept. */
static void finish_training(struct net_training *training, bool whole)
{
    struct net_session *session = &training->session;

    say_speed(training);
    if (training->kept && training->state.best_epoch && whole) {
        net_progress_say(&training->progress, "keeping the weights of epoch %ld, the best by %s",
                         training->state.best_epoch, training->options->value[NET_MONITOR].text);
        memcpy(session->run.params, training->kept, session->model->params_size);
    }
    char *path = net_format("%s/model.safetensors", training->folder);
    net_weights_write(path, session->model, session->run.params);
    free(path);
    const bool finite = evaluate_parts(training);
    net_progress_say(&training->progress, "the run is in %s", training->folder);
    if (!finite) {
        net_progress_close(&training->progress);
        net_fail(NET_DIVERGED, "the loss after the last step is not finite. %s",
                 advise(training, session->run.step > 0));
    }
}

int net_train_run(struct net_options *options, struct net_signals *signals)
{
    struct net_training *training = net_allocate(1, sizeof *training);

    training->options = options;
    training->signals = signals;
    open_training(training, options);

    const bool whole = train_epochs(training);
    const int signal = atomic_load(&signals->stop);

    save(training);
    if (signal) {
        net_run_json(training, "interrupted", NULL);
        net_progress_say(
            &training->progress, "stopped after step %u; go on with:  %s %s --resume %s",
            training->session.run.step, program_invocation_name, options->whole ? "kfold" : "train",
            options->whole ? options->whole : training->folder);
    } else {
        finish_training(training, whole);
    }
    close_training(training);
    free(training);
    return signal ? 128 + signal : NET_OK;
}

/* One run, or under kfold(k) one for each fold; --resume of a fold's own folder goes on with that
   fold. */
int net_train(struct net_options *options)
{
    const struct net_call *validation = options->model->parts[NET_VALIDATION];
    const char *resume = options->value[NET_RESUME].text;
    struct net_signals *signals = net_allocate(1, sizeof *signals); /* a thread keeps it */
    const bool folds = resume ? net_has_file(resume, "kfold.json")
                              : validation && !strcmp(validation->name, "kfold");

    net_signals_open(signals);
    if (options->command == NET_KFOLD || folds)
        return net_kfold(options, signals);
    return net_train_run(options, signals);
}
