/*
 * history.c -- a run's folder: run.json, history.csv, --log-steps.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime.h"

void net_make_folder(const char *path)
{
    char *copy = net_format("%s", path);
    struct stat status;
    int above = 0;

    for (char *c = copy + 1; *c; c++)
        if (*c == '/') {
            *c = '\0'; /* the last one tells whether all is well, these why not */
            if (mkdir(copy, 0777) && errno != EEXIST && !above)
                above = errno;
            *c = '/';
        }
    if (mkdir(copy, 0777) && errno != EEXIST)
        net_fail(NET_FAULT, "the folder %s cannot be made: %s", path,
                 strerror(errno == ENOENT && above ? above : errno));
    if (stat(copy, &status) || !S_ISDIR(status.st_mode))
        net_fail(NET_FAULT, "--out %s is a file, not a folder", path);
    free(copy);
}

bool net_has_file(const char *folder, const char *name)
{
    char *path = net_format("%s/%s", folder, name);
    const bool there = !access(path, F_OK);

    free(path);
    return there;
}

/* A moment's date and time of day in UTC. libc's own way would bring its time zones along, a
   seventh of the trainer. */
static struct tm calendar(long long now)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int second = (int)(now % 86400);
    struct tm tm = {.tm_year = 1970,
                    .tm_mday = 1,
                    .tm_hour = second / 3600,
                    .tm_min = second / 60 % 60,
                    .tm_sec = second % 60};

    for (long long days = now / 86400; days > 0; days--) {
        const bool leap = (tm.tm_year % 4 == 0 && tm.tm_year % 100 != 0) || tm.tm_year % 400 == 0;

        if (tm.tm_mday++ < lengths[tm.tm_mon] + (tm.tm_mon == 1 && leap))
            continue;
        tm.tm_mday = 1;
        if (++tm.tm_mon == 12)
            tm.tm_mon = 0, tm.tm_year++;
    }
    return tm;
}

char *net_new_folder(const struct net_model *model)
{
    const struct tm tm = calendar((long long)time(NULL));
    char *date = net_format("%04d%02d%02d-%02d%02d%02d", tm.tm_year, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
    char *folder;

    folder = net_format("runs/%s-%s", model->name, date);
    for (int i = 2; net_has_file(folder, ""); i++) {
        free(folder);
        folder = net_format("runs/%s-%s-%d", model->name, date, i);
    }
    free(date);
    return folder;
}

/* FILE.PID.part, as net_text_write calls what is not whole yet */
static bool is_part_of(const char *name, const char *file)
{
    const size_t length = strlen(file);

    if (strncmp(name, file, length) || name[length] != '.')
        return false;
    const size_t digits = strspn(name + length + 1, "0123456789");
    return digits > 0 && !strcmp(name + length + 1 + digits, ".part");
}

/* What a process that was killed had half written. */
static void drop_parts(const char *folder)
{
    static const char *const whole[] = {
        "run.json",
        "history.csv",
        "model.safetensors",
        "preparation.json",
        "checkpoint.safetensors",
        "kfold.json",
        "folds.csv",
        "band.csv",
    };
    DIR *files = opendir(folder);

    for (struct dirent *file; files && (file = readdir(files));)
        for (size_t i = 0; i < sizeof whole / sizeof *whole; i++)
            if (is_part_of(file->d_name, whole[i]))
                unlinkat(dirfd(files), file->d_name, 0);
    if (files)
        closedir(files);
}

int net_folder_lock(const char *folder)
{
    const int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool held = lock >= 0 && !flock(lock, LOCK_EX | LOCK_NB);

    if (lock >= 0 && !held && errno == EWOULDBLOCK)
        net_fail(NET_USAGE,
                 "another process trains in %s: wait for its end, or name another "
                 "folder with --out",
                 folder);
    if (held)
        drop_parts(folder);
    return lock;
}

/* What netc wrote of a run or a k-fold, in the order in which it goes: weights first, so that a
   process that is killed here leaves none that look like the new run's, and what tells that there
   is a run last, so that the next one clears the rest. */
static void drop_files(const char *folder)
{
    static const char *const files[] = {
        "model.safetensors", "checkpoint.safetensors",
        "history.csv",       "preparation.json",
        "folds.csv",         "band.csv",
        "kfold.json",        "run.json",
    };

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *path = net_format("%s/%s", folder, files[i]);

        unlink(path);
        free(path);
    }
}

/* fold_1, ..., fold_MOST: of a k-fold. Other files in them stay, and so does then the folder. */
static void drop_folds(const char *folder, long most)
{
    DIR *files = opendir(folder);

    for (struct dirent *file; files && (file = readdir(files));) {
        const char *number = strncmp(file->d_name, "fold_", 5) ? "" : file->d_name + 5;

        if (*number < '1' || *number > '9' || number[strspn(number, "0123456789")] ||
            strtol(number, NULL, 10) > most)
            continue;
        char *fold = net_format("%s/%s", folder, file->d_name);
        const int lock = net_folder_lock(fold);

        drop_files(fold);
        rmdir(fold);
        if (lock >= 0)
            close(lock);
        free(fold);
    }
    if (files)
        closedir(files);
}

bool net_is_run(const char *folder)
{
    return net_has_file(folder, "run.json") || net_has_file(folder, "checkpoint.safetensors") ||
           net_has_file(folder, "kfold.json");
}

void net_folder_clear(const char *folder, int folds)
{
    drop_folds(folder, net_has_file(folder, "kfold.json") ? INT_MAX : folds);
    if (net_is_run(folder))
        drop_files(folder);
}

/* The file of --log-steps; where it cannot be written no folder is left that was made for the run.
   What is written now tells of a full disk, too. */
static void open_steps(struct net_training *training, bool made)
{
    const char *log = training->options->value[NET_LOG_STEPS].text;

    if (!log)
        return;
    training->steps = fopen(log, "w");
    if (training->steps && fprintf(training->steps, "step,loss\n") > 0 && !fflush(training->steps))
        return;

    const int why = errno;

    if (made)
        rmdir(training->folder);
    net_fail(NET_FAULT, "cannot write %s: %s", log, strerror(why));
}

void net_folder_open(struct net_training *training)
{
    const struct net_value *value = training->options->value;

    if (value[NET_RESUME].text) {
        training->folder = net_format("%s", value[NET_RESUME].text);
        open_steps(training, false);
        return;
    }
    training->folder = value[NET_OUT].text ? net_format("%s", value[NET_OUT].text)
                                           : net_new_folder(training->options->model);
    const bool resumable = net_has_file(training->folder, "checkpoint.safetensors") ||
                           net_has_file(training->folder, "kfold.json");
    const bool run = net_is_run(training->folder);
    const bool force = net_flag(training->options, NET_FORCE);
    if (run && !resumable && !force)
        net_fail(NET_USAGE, "%s is a run already, without a checkpoint: --force writes over it",
                 training->folder);
    if (run && !force)
        net_fail(NET_USAGE,
                 "%s is a run already: --resume %s goes on with it, --force writes over it",
                 training->folder, training->folder);
    const bool made = !net_has_file(training->folder, "");
    net_make_folder(training->folder);
    training->lock = net_folder_lock(training->folder);
    open_steps(training, made);
    net_folder_clear(training->folder, 0);
}

/* ---- history.csv ----------------------------------------------------------------------------- */

static void add_header(struct net_text *text, const struct net_training *training)
{
    const struct net_model *model = training->session.model;
    const bool validation = net_data_rows(training->session.data, NET_VALIDATION) > 0;

    net_text_add(text, "epoch");
    for (int part = 0; part <= validation; part++) {
        const char *name = part ? "validation" : "train";

        net_text_add(text, ",%s_loss", name);
        for (int m = 0; m < model->metric_count; m++)
            net_text_add(text, ",%s_%s", name, model->metrics[m].name);
    }
    net_text_add(text, ",lr,seconds,samples_per_second\n");
}

/* A resumed run keeps the lines of the epochs that its checkpoint knows. */
void net_history_open(struct net_training *training)
{
    char *path = net_format("%s/history.csv", training->folder);
    struct net_text text = {0};

    add_header(&text, training);
    if (training->options->value[NET_RESUME].text &&
        net_has_file(training->folder, "history.csv")) {
        size_t length;
        char *old = net_file_read(path, &length), *rest = old;

        strsep(&rest, "\n");
        for (char *line; rest && (line = strsep(&rest, "\n")) && rest;)
            if (strtol(line, NULL, 10) >= 1 && strtol(line, NULL, 10) <= training->state.epoch)
                net_text_add(&text, "%s\n", line);
        free(old);
    }
    net_file_replace(path, &text);
    training->history = fopen(path, "a");
    if (!training->history)
        net_fail(NET_FAULT, "cannot write %s: %s", path, strerror(errno));
    free(text.at);
    free(path);
}

/* values: train metrics, then where there is a validation part its loss and metrics. */
void net_history_add(struct net_training *training, double loss, const double *values,
                     double seconds, double samples_per_second)
{
    const struct net_model *model = training->session.model;
    const bool validation = net_data_rows(training->session.data, NET_VALIDATION) > 0;
    const int count = model->metric_count + validation * (1 + model->metric_count);

    fprintf(training->history, "%ld,%.9g", training->state.epoch, loss);
    for (int i = 0; i < count; i++)
        fprintf(training->history, ",%.9g", values[i]);
    fprintf(training->history, ",%.9g,%.3f,%.0f\n", training->session.rate, seconds,
            samples_per_second);
    if (fflush(training->history))
        net_fail(NET_FAULT, "cannot write %s/history.csv: %s", training->folder, strerror(errno));
}

/* ---- run.json -------------------------------------------------------------------------------- */

void net_run_json(const struct net_training *training, const char *status, const char *results)
{
    const struct net_options *options = training->options;
    const struct net_model *model = options->model;
    const struct net_state *state = &training->state;
    struct net_text text = {0};
    const struct tm tm = calendar((long long)training->began);
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    net_text_add(&text, "{\n  \"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(&text, ",\n  \"status\": \"%s\",\n  \"command\": ", status);
    net_text_quote(&text, options->command_line);
    net_text_add(&text, ",\n  \"hyperparameters\": ");
    net_settings_json(&text, options);
    net_text_add(&text, ",\n  \"seed\": %.0f,\n  \"threads\": %d,\n  \"host\": ",
                 options->value[NET_SEED].number, training->session.threads);
    net_text_quote(&text, host);
    net_text_add(&text, ",\n  \"isa\": \"%s\",\n  \"netc\": \"%s\",\n  \"model_hash\": \"%s\",\n",
                 model->isa, model->version, model->hash);
    net_text_add(&text, "  \"started\": \"%04d-%02d-%02dT%02d:%02d:%02dZ\",\n", tm.tm_year,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    net_text_add(&text, "  \"seconds\": %.3f,\n  \"waited_for_data\": %.3f,\n", state->seconds,
                 state->waited);
    net_text_add(&text, "  \"samples_per_second\": %.0f,\n  \"epochs\": %ld,\n  \"steps\": %u,\n",
                 state->seconds > 0.0 ? state->rows_trained / state->seconds : 0.0, state->epoch,
                 training->session.run.step);
    if (options->fold.count)
        net_text_add(&text, "  \"fold\": [%d, %d],\n", options->fold.number, options->fold.count);
    net_text_add(&text, "  \"best_epoch\": %ld,\n  \"final\": {%s}\n}\n",
                 state->best_epoch ? state->best_epoch : state->epoch, results ? results : "");
    char *path = net_format("%s/run.json", training->folder);
    net_file_replace(path, &text);
    free(path);
    free(text.at);
}
