/*
 * kfold.c -- k-fold cross-validation: a whole run for each fold, in a folder of its own, from fresh
 * weights and with transforms fitted on its own training rows.
 *
 * The runs' own files are the only truth: folds that are finished are known by their run.json, so
 * that an interrupted k-fold goes on where it stopped.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands/commands.h"

/* One that was cut short by --max-steps is finished too, as a run; it goes on as train does. */
static bool is_finished(const struct net_folds *folds, int number)
{
    char *name = net_fold_name(number, "run.json");
    struct net_json *json = net_folder_has(&folds->folder, name) ? net_folds_read(folds, name)
                                                                 : NULL;
    const struct net_json *status = net_json_member(json, "status");
    const struct net_json *epochs = net_json_member(json, "epochs");
    const bool finished = status && status->text && !strcmp(status->text, "finished") && epochs &&
                          epochs->number >= folds->options->value[NET_EPOCHS].number;

    net_json_free(json);
    free(name);
    return finished;
}

static int train_fold(const struct net_folds *folds, int number)
{
    struct net_options options = *folds->options;
    struct net_value *value = options.value;
    char *name = net_fold_name(number, NULL);
    char *folder = net_path_in(&folds->folder, name);
    char *checkpoint = net_fold_name(number, "checkpoint.safetensors");
    const bool resume = value[NET_RESUME].text != NULL;
    int code = NET_OK;

    options.fold = (struct net_fold){number, folds->count};
    options.whole = &folds->folder;
    options.place = name;
    options.data = NULL;
    value[NET_RESUME] = (struct net_value){0};
    value[NET_OUT] = (struct net_value){.text = folder};
    value[NET_FORCE] = (struct net_value){.number = 1.0};
    if (resume && net_folder_has(&folds->folder, checkpoint)) {
        value[NET_RESUME].text = folder;
        value[NET_OUT].text = NULL;
    }
    if (!resume || !is_finished(folds, number)) {
        if (!net_flag(folds->options, NET_QUIET))
            fprintf(stderr, "fold %d of %d\n", number, folds->count);
        code = net_train_run(&options, folds->signals);
    }
    free(options.data);
    free(checkpoint);
    free(folder);
    free(name);
    return code;
}

/* The k-fold in this folder, when it is of this model: how many folds it has, and the settings that
   it began with, which those have that are still to come. */
static int take_up(const struct net_folds *all)
{
    struct net_options *options = all->options;
    const char *folder = all->folder.path;

    if (!net_folder_has(&all->folder, "kfold.json"))
        net_fail(NET_FAULT, "--resume %s: there is no kfold.json in it", folder);
    struct net_json *json = net_folds_read(all, "kfold.json");
    const struct net_json *hash = net_json_member(json, "model_hash");
    const struct net_json *count = net_json_member(json, "folds");

    if (!hash || !hash->text || strcmp(hash->text, options->model->hash) != 0)
        net_fail(NET_FAULT, "%s/kfold.json is of another model", folder);
    if (!count || !(count->number >= 2 && count->number <= 10000) ||
        count->number != floor(count->number))
        net_fail(NET_FAULT, "%s/kfold.json: expected a number of \"folds\"", folder);
    const struct net_json *settings = net_json_member(json, "settings");
    const int folds = (int)count->number;
    char *path = net_path_in(&all->folder, "kfold.json");

    if (options->value[NET_EPOCHS].given)
        net_fail(NET_USAGE, "--epochs: a k-fold that is resumed keeps its epochs");
    if (!settings || settings->kind != NET_JSON_OBJECT)
        net_fail(NET_FAULT, "%s: expected \"settings\", with which its folds are trained", path);
    net_settings_take(options, settings, path);
    net_json_free(json);
    free(path);
    if (options->folds && options->folds != folds)
        net_fail(NET_USAGE, "kfold %d: the k-fold in %s has %d folds", options->folds, folder,
                 folds);
    return folds;
}

static int asked_count(const struct net_options *options)
{
    const struct net_call *validation = options->model->parts[NET_VALIDATION];

    if (options->folds)
        return options->folds;
    if (validation && !strcmp(validation->name, "kfold"))
        return (int)validation->args[0].number;
    net_fail(NET_USAGE, "kfold wants how many folds: kfold 10");
}

/* What a run wrote here, or in a folder of the folds to come, is written over by --force alone. */
static void need_free(const struct net_folds *folds)
{
    net_folder_need_free(&folds->folder, folds->options);
    for (int i = 1; i <= folds->count; i++) {
        char *name = net_fold_name(i, NULL);

        net_folder_need_free_part(&folds->folder, name, "k-fold", folds->options);
        free(name);
    }
}

/* Data that are not there or too few fail here, before a folder is made that is in the way. The
   first fold has as many rows as any, the last as few: where batches do not go with that, no fold
   is trained. */
static void check_data(const struct net_folds *folds)
{
    const struct net_options *options = folds->options;

    for (int i = 0; i < (options->model->least_batch ? 2 : 1); i++) {
        const struct net_opening opening = {.folder = options->value[NET_DATA].text,
                                            .fold = {i ? folds->count : 1, folds->count}};
        struct net_data *data = net_data_open_by(options->model, &opening);

        net_check_batches(options, net_data_rows(data, NET_TRAIN));
        net_data_close(data);
    }
}

/* Makes the folder, or refuses one that is there. */
static void open_folder(struct net_folds *folds)
{
    const struct net_options *options = folds->options;
    const char *out = options->value[NET_OUT].text;

    if (out && net_folder_find(&folds->folder, NULL, out)) {
        need_free(folds);
        net_folder_close(&folds->folder);
    }
    check_data(folds);
    net_folder_new(&folds->folder, NULL, out, options->model);
    need_free(folds);
    net_folder_clear(&folds->folder, folds->count);
}

/* `train` has flags that are of one run; where the model says kfold(k) they have no meaning. */
static void check_flags(const struct net_options *options)
{
    if (options->value[NET_WEIGHTS].given)
        net_fail(NET_USAGE,
                 "--weights does not go with a k-fold: its folds begin with fresh weights");
    if (options->value[NET_LOG_STEPS].given)
        net_fail(NET_USAGE,
                 "--log-steps does not go with a k-fold: each fold has steps of its own");
}

/* ---- By ranks -------------------------------------------------------------------------------- */

struct dealt {
    struct net_folds *folds;
    pid_t process; /* of the rank */
    int code;
};

/* The others are of the data that the first is found to have. */
static enum net_dealt look_at_fold(void *context, int number)
{
    const struct dealt *dealt = context;
    const struct net_folds *folds = dealt->folds;
    char *first = net_fold_name(1, "preparation.json");
    const bool later = number > 1 && !net_folder_has(&folds->folder, first);

    free(first);
    if (later)
        return NET_DEAL_LATER;
    return folds->options->value[NET_RESUME].text && is_finished(folds, number) ? NET_DEAL_DONE
                                                                                : NET_DEAL_DUE;
}

static void run_fold(void *context, int number, long unused)
{
    const struct dealt *dealt = context;
    struct net_folds folds = *dealt->folds;

    (void)unused;
    prctl(PR_SET_PDEATHSIG, SIGTERM); /* without its rank it saves, and ends */
    if (getppid() != dealt->process)  /* it is gone already */
        _exit(NET_FAULT);
    folds.signals = net_allocate(1, sizeof *folds.signals);
    net_signals_open(folds.signals);
    folds.options->value[NET_QUIET].number = 1.0;
    const int code = train_fold(&folds, number);

    fflush(NULL);
    _exit(code);
}

static void end_fold(void *context, int number, int status, const char *said, bool stopping)
{
    struct dealt *dealt = context;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : NET_FAULT;

    if (code < 128)
        fputs(said, stderr);
    if (WIFSIGNALED(status))
        fprintf(stderr, "%s: error: fold_%d was ended by signal %d\n",
                program_invocation_short_name, number, WTERMSIG(status));
    if (code == NET_OK && !net_flag(dealt->folds->options, NET_QUIET))
        fprintf(stderr, "fold %d of %d has ended\n", number, dealt->folds->count);
    if ((code < 128 || !stopping) && dealt->code == NET_OK)
        dealt->code = code;
}

static bool stops(void *context)
{
    const struct dealt *dealt = context;

    return dealt->code != NET_OK;
}

/* All ranks have the folder; gives the exit code. */
static int deal_folds(struct net_folds *folds)
{
    struct net_world *ranks = folds->options->ranks;
    struct dealt dealt = {.folds = folds, .process = getpid()};
    int *tasks = net_allocate((size_t)folds->count, sizeof *tasks);
    char *own = ranks->rank ? NULL : net_real_path(folds->folder.path),
         *alike = net_format("%d folds", folds->count),
         *path = ranks->share(folds->options, own, alike);
    const struct net_deal deal = {&dealt,       net_signals_file(), tasks,    folds->count, 0,
                                  look_at_fold, run_fold,           end_fold, stops};
    int code;

    for (int i = 0; i < folds->count; i++)
        tasks[i] = i + 1;
    if (ranks->rank && !folds->folder.path && !net_folder_open(&folds->folder, NULL, path))
        net_fail(NET_FAULT, "%s: %s: all ranks write to one folder", path, strerror(errno));
    if (ranks->rank) {
        code = ranks->serve(ranks, &deal);
    } else {
        const int signal = ranks->deal(ranks, &deal);

        code = signal ? 128 + signal : dealt.code;
        if (code >= 128)
            fprintf(stderr, "stopped; go on with:  %s kfold --resume %s\n", program_invocation_name,
                    path);
        ranks->end_deal(ranks, code);
    }
    free(own);
    free(path);
    free(alike);
    free(tasks);
    return code;
}

int net_kfold(struct net_options *options, struct net_signals *signals)
{
    const struct net_model *model = options->model;
    const char *resume = options->value[NET_RESUME].text;
    struct net_folds folds = {.options = options, .signals = signals};
    int code = NET_OK;

    check_flags(options);
    if (model->parts[NET_VALIDATION] && model->parts[NET_VALIDATION]->reader)
        net_fail(NET_USAGE,
                 "kfold: the validation part of %s is a source of its own, not rows of "
                 "the training part",
                 model->source);
    const bool led = net_is_led(options->ranks);

    if (resume) {
        if (!led)
            net_folder_resume(&folds.folder, NULL, resume);
        else if (!net_folder_open(&folds.folder, NULL, resume))
            net_fail(NET_FAULT, "--resume %s: %s", resume, strerror(errno));
        folds.count = take_up(&folds);
    } else {
        folds.count = asked_count(options);
    }
    if (!resume && !led) {
        open_folder(&folds);
        net_folds_write(&folds, NULL);
    }
    if (net_are_several(options->ranks))
        code = deal_folds(&folds);
    for (int i = 1; i <= folds.count && code == NET_OK && !net_are_several(options->ranks); i++)
        code = train_fold(&folds, i);
    if (code == NET_OK && !led)
        net_folds_show(&folds);
    net_folder_close(&folds.folder);
    return code;
}
