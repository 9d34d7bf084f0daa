/*
 * mlflow.c -- the sink of --mlflow DIR: the run in MLflow's layout of files,
 *
 *     DIR/EXPERIMENT/meta.yaml         the experiment, called as the model
 *     DIR/EXPERIMENT/RUN/meta.yaml     name, status and times of the run
 *                        params/NAME   a value
 *                        metrics/NAME  lines of milliseconds since 1970, value, step
 *                        tags/NAME     a text
 *                        artifacts/    copies of the run's files, at its end
 *
 * where RUN is 32 hexadecimal digits, which a run that goes on has from mlflow.run in its folder.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/atomic_file.h"
#include "report/sinks/trackers.h"

enum status { RUNNING = 1, FINISHED = 3, FAILED, KILLED };

struct mlflow {
    struct net_folder folder; /* of the run in DIR */
    char *experiment, *id, *title;
    double began;                  /* seconds since 1970, of the first session */
    long every;                    /* steps; 0: none is told of */
    struct net_progress *progress; /* is closed before a warning */
    bool lost;                     /* it was told that something cannot be written */
};

/* What cannot be written ends no run. */
static void tell(struct mlflow *mlflow, const char *name)
{
    const int why = errno;

    if (mlflow->lost)
        return;
    mlflow->lost = true;
    net_progress_close(mlflow->progress);
    net_warn("cannot write %s/%s: %s; the run goes on", mlflow->folder.path, name, strerror(why));
}

/* A small file, or lines behind those of one. It need not be on the disk at once. */
static void write_file(struct mlflow *mlflow, const char *path, int how, const char *text)
{
    const size_t length = strlen(text);
    const int file = openat(mlflow->folder.at, path, O_WRONLY | O_CREAT | O_CLOEXEC | how, 0666);
    const ssize_t done = file >= 0 ? write(file, text, length) : -1;

    if (done >= 0 && done < (ssize_t)length)
        errno = ENOSPC;
    if (done < (ssize_t)length)
        tell(mlflow, path);
    if (file >= 0)
        close(file);
}

static void write_value(struct mlflow *mlflow, const char *kind, const char *name,
                        const char *value)
{
    char *path = net_format("%s/%s", kind, name);

    write_file(mlflow, path, O_TRUNC, value);
    free(path);
}

/* ---- The experiment -------------------------------------------------------------------------- */

/* The value of a line "key: value" or "key: 'value'"; malloc'd, or NULL. */
static char *find_value(const char *yaml, const char *key)
{
    const size_t length = strlen(key);

    for (const char *line = yaml; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, length) != 0 || line[length] != ':')
            continue;
        line += length + 1;
        line += strspn(line, " '");
        return net_format("%.*s", (int)strcspn(line, "'\n"), line);
    }
    return NULL;
}

/* The value of a key in meta.yaml of a folder there; malloc'd, or NULL. */
static char *read_meta(const struct net_folder *in, const char *folder, const char *key)
{
    char *name = net_format("%s/meta.yaml", folder), *value = NULL;
    struct stat status;
    size_t length;

    if (!fstatat(in->at, name, &status, 0) && S_ISREG(status.st_mode)) {
        char *yaml = net_file_read(in, name, &length);

        value = find_value(yaml, key);
        free(yaml);
    }
    free(name);
    return value;
}

/* The folder in DIR of the experiment of this name, as MLflow or a run made it; malloc'd, or
   NULL. */
static char *find_experiment(const struct net_folder *store, const char *name)
{
    DIR *entries = net_folder_list(store);
    char *found = NULL;

    for (struct dirent *entry; entries && !found && (entry = readdir(entries));) {
        char *own = *entry->d_name == '.' ? NULL : read_meta(store, entry->d_name, "name");

        if (own && !strcmp(own, name))
            found = net_format("%s", entry->d_name);
        free(own);
    }
    if (entries)
        closedir(entries);
    return found;
}

/* An absolute path as a URL; malloc'd. */
static char *as_url(const struct net_folder *folder)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                "-._~/";
    char *path = net_real_path(folder->path);
    struct net_text url = {0};

    net_text_add(&url, "file://");
    for (const char *c = path ? path : folder->path; *c; c++)
        net_text_add(&url, strchr(plain, *c) ? "%c" : "%%%02X", (unsigned char)*c);
    free(path);
    return url.at;
}

static char *milliseconds(double seconds)
{
    return net_format("%.0f", 1000.0 * seconds);
}

/* Two runs that begin at once make the same. */
static char *make_experiment(const struct net_folder *store, const char *name)
{
    char *id = net_format("%u%09u", net_hash(name, strlen(name)), (unsigned)strlen(name));
    char *meta = net_format("%s/meta.yaml", id), *url = as_url(store);
    char *now = milliseconds(net_tracker_now());
    struct net_text text = {0};
    bool made;

    net_text_add(&text,
                 "artifact_location: '%s/%s'\ncreation_time: %s\nexperiment_id: '%s'\n"
                 "last_update_time: %s\nlifecycle_stage: active\nname: '%s'\n",
                 url, id, now, id, now, name);
    if (!net_folder_try(store, id, &made) || !net_file_try(store, meta, &text))
        net_fail(NET_FAULT, "--mlflow: cannot write %s/%s: %s", store->path, meta, strerror(errno));
    free(text.at);
    free(now);
    free(url);
    free(meta);
    return id;
}

/* ---- The run --------------------------------------------------------------------------------- */

static void write_meta(struct mlflow *mlflow, enum status status)
{
    char *url = as_url(&mlflow->folder), *began = milliseconds(mlflow->began);
    char *end = status == RUNNING ? NULL : milliseconds(net_tracker_now());
    const char *user = getenv("USER");
    struct net_text text = {0};

    net_text_add(&text, "artifact_uri: '%s/artifacts'\nend_time: %s\nentry_point_name: ''\n", url,
                 end ? end : "null");
    net_text_add(&text, "experiment_id: '%s'\nlifecycle_stage: active\nrun_id: %s\nrun_name: ",
                 mlflow->experiment, mlflow->id);
    net_text_quote(&text, mlflow->title);
    net_text_add(&text,
                 "\nrun_uuid: %s\nsource_name: ''\nsource_type: 4\nsource_version: ''\n"
                 "start_time: %s\nstatus: %d\ntags: []\nuser_id: ",
                 mlflow->id, began, status);
    net_text_quote(&text, user ? user : "");
    net_text_add(&text, "\n");
    if (!net_file_try(&mlflow->folder, "meta.yaml", &text))
        tell(mlflow, "meta.yaml");
    free(text.at);
    free(end);
    free(began);
    free(url);
}

static void write_params(struct mlflow *mlflow, const struct net_training *run)
{
    struct net_json *settings = net_tracker_settings(run);

    for (const struct net_json *setting = settings->first; setting; setting = setting->next) {
        char *value = setting->kind == NET_JSON_BOOL
                          ? net_format("%s", setting->number != 0.0 ? "true" : "false")
                      : setting->text ? net_format("%s", setting->text)
                                      : net_format("%.15g", setting->number);

        write_value(mlflow, "params", setting->key, value);
        free(value);
    }
    net_json_free(settings);
}

static void write_tags(struct mlflow *mlflow, const struct net_training *run)
{
    const struct net_model *model = run->session.model;
    const char *user = getenv("USER");
    char *place = net_folder_place(&run->folder);

    write_value(mlflow, "tags", "mlflow.runName", mlflow->title);
    write_value(mlflow, "tags", "mlflow.source.name", model->source);
    write_value(mlflow, "tags", "mlflow.source.type", "LOCAL");
    write_value(mlflow, "tags", "mlflow.user", user ? user : "");
    write_value(mlflow, "tags", "netc.command", run->options->command_line);
    write_value(mlflow, "tags", "netc.folder", place);
    write_value(mlflow, "tags", "netc.isa", model->isa);
    write_value(mlflow, "tags", "netc.model_hash", model->hash);
    write_value(mlflow, "tags", "netc.version", model->version);
    free(place);
}

/* A line behind those of a metric. */
static void add_metric(struct mlflow *mlflow, const char *name, double value, long step)
{
    char *path = net_format("metrics/%s", name), *now = milliseconds(net_tracker_now());
    char *line = net_format("%s %.9g %ld\n", now, value, step);

    write_file(mlflow, path, O_APPEND, line);
    free(line);
    free(now);
    free(path);
}

/* Keeps the lines of a metric up to the checkpoint's epoch, or step. */
static void cut_metric(struct mlflow *mlflow, const struct net_training *run, const char *name)
{
    const long last = !strncmp(name, "step_", 5)    ? (long)run->session.run.step
                      : !strncmp(name, "final_", 6) ? -1
                                                    : run->state.epoch;
    char *path = net_format("metrics/%s", name), *left;
    struct net_text kept = {0};
    size_t length;
    char *text = net_file_read(&mlflow->folder, path, &length);

    net_text_add(&kept, "%s", "");
    left = text;
    for (char *line; (line = strsep(&left, "\n")) && left;) {
        const char *step = strrchr(line, ' ');

        if (step && strtol(step, NULL, 10) <= last)
            net_text_add(&kept, "%s\n", line);
    }
    if (kept.length ? !net_file_try(&mlflow->folder, path, &kept)
                    : unlinkat(mlflow->folder.at, path, 0))
        tell(mlflow, path);
    free(kept.at);
    free(text);
    free(path);
}

static void cut_metrics(struct mlflow *mlflow, const struct net_training *run)
{
    DIR *entries = fdopendir(
        openat(mlflow->folder.at, "metrics", O_RDONLY | O_DIRECTORY | O_CLOEXEC));

    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (*entry->d_name != '.')
            cut_metric(mlflow, run, entry->d_name);
    if (entries)
        closedir(entries);
}

static void copy_artifacts(struct mlflow *mlflow, const struct net_training *run)
{
    for (int i = 0; net_tracker_files[i]; i++) {
        char *path = net_format("artifacts/%s", net_tracker_files[i]);
        struct net_text text = {0};

        if (net_folder_has(&run->folder, net_tracker_files[i])) {
            text.at = net_file_read(&run->folder, net_tracker_files[i], &text.length);
            if (!net_file_try(&mlflow->folder, path, &text))
                tell(mlflow, path);
        }
        free(text.at);
        free(path);
    }
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void *reserve_mlflow(const struct net_training *run, struct net_progress *progress)
{
    const char *path = run->options->value[NET_MLFLOW].text;

    (void)progress;
    if (path && !net_is_url(path))
        net_tracker_reserve(run, "--mlflow", path);
    return NULL;
}

/* What a process that was killed left half written. */
static void clean(const struct net_folder *folder)
{
    static const char *const folders[] = {".", "metrics", "artifacts"};

    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        const int at = net_open_folder(folder->at, folders[i]);

        if (at >= 0) {
            net_atomic_clean(at, NULL);
            close(at);
        }
    }
}

/* mlflow.run: EXPERIMENT/RUN. A run that goes on into another DIR, or whose entry is gone, is a new
   one there. */
static bool take_up(struct mlflow *mlflow, const struct net_training *run,
                    const struct net_folder *store)
{
    char *kept = net_tracker_kept(run, "mlflow.run");
    char *slash = kept ? strchr(kept, '/') : NULL;
    char *began = slash ? read_meta(store, kept, "start_time") : NULL;
    const bool found = began && net_folder_find(&mlflow->folder, store, kept);

    if (found) {
        clean(&mlflow->folder);
        mlflow->experiment = net_format("%.*s", (int)(slash - kept), kept);
        mlflow->id = net_format("%s", slash + 1);
        mlflow->began = strtod(began, NULL) / 1000.0;
    }
    free(began);
    free(kept);
    return found;
}

static void make_run(struct mlflow *mlflow, const struct net_training *run,
                     const struct net_folder *store)
{
    static const char *const kinds[] = {"params", "metrics", "tags", "artifacts"};
    const char *name = run->session.model->name;
    unsigned random[4];
    struct net_text text = {0};
    bool made;

    if (getentropy(random, sizeof random))
        net_fail(NET_FAULT, "no random numbers: %s", strerror(errno));
    mlflow->id = net_format("%08x%08x%08x%08x", random[0], random[1], random[2], random[3]);
    mlflow->experiment = find_experiment(store, name);
    if (!mlflow->experiment)
        mlflow->experiment = make_experiment(store, name);
    net_text_add(&text, "%s/%s", mlflow->experiment, mlflow->id);
    if (!net_folder_try(store, text.at, &made) || !net_folder_open(&mlflow->folder, store, text.at))
        net_fail(NET_FAULT, "--mlflow: the folder %s/%s cannot be made: %s", store->path, text.at,
                 strerror(errno));
    for (int k = 0; k < 4; k++)
        if (!net_folder_try(&mlflow->folder, kinds[k], &made))
            tell(mlflow, kinds[k]);
    net_text_add(&text, "\n");
    net_file_replace(&run->folder, "mlflow.run", &text);
    free(text.at);
    mlflow->began = run->began;
}

static void *open_mlflow(const struct net_training *run, struct net_progress *progress)
{
    const char *path = run->options->value[NET_MLFLOW].text;
    struct net_folder store;

    if (!path || net_is_url(path))
        return NULL;
    struct mlflow *mlflow = net_allocate(1, sizeof *mlflow);

    if (!net_folder_open(&store, NULL, path))
        net_fail(NET_FAULT, "--mlflow %s: %s", path, strerror(errno));
    mlflow->progress = progress;
    mlflow->every = net_whole(run->options, NET_TRACK_EVERY);
    mlflow->title = net_tracker_title(run);
    if (take_up(mlflow, run, &store))
        cut_metrics(mlflow, run);
    else
        make_run(mlflow, run, &store);
    write_params(mlflow, run);
    write_tags(mlflow, run);
    write_meta(mlflow, RUNNING);
    net_folder_close(&store);
    return mlflow;
}

static void add_step(void *sink, const struct net_training *run, double loss)
{
    struct mlflow *mlflow = sink;
    const long step = run->session.run.step;

    if (mlflow->every && !(step % mlflow->every))
        add_metric(mlflow, "step_loss", loss, step);
}

static void add_metrics(struct mlflow *mlflow, const struct net_training *run, const char *prefix,
                        double loss, const double *values)
{
    const struct net_model *model = run->session.model;

    for (int m = -1; m < model->metric_count; m++) {
        char *name = net_format("%s_%s", prefix, m < 0 ? "loss" : model->metrics[m].name);

        add_metric(mlflow, name, m < 0 ? loss : values[m], run->state.epoch);
        free(name);
    }
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct mlflow *mlflow = sink;
    const double *validation = epoch->values + run->session.model->metric_count;

    add_metrics(mlflow, run, "train", epoch->loss, epoch->values);
    if (net_data_rows(run->session.data, NET_VALIDATION))
        add_metrics(mlflow, run, "validation", *validation, validation + 1);
    add_metric(mlflow, "lr", run->session.rate, run->state.epoch);
}

static void add_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                     const double *values, const struct net_metrics *metrics)
{
    char *prefix = net_format("final_%s", net_part_names[part]);

    (void)metrics;
    add_metrics(sink, run, prefix, loss, values);
    free(prefix);
}

static void finish_mlflow(void *sink, const struct net_training *run, const char *status)
{
    copy_artifacts(sink, run);
    write_meta(sink, !strcmp(status, "finished")      ? FINISHED
                     : !strcmp(status, "interrupted") ? KILLED
                                                      : FAILED);
}

static void close_mlflow(void *sink, const struct net_training *run)
{
    struct mlflow *mlflow = sink;

    (void)run;
    net_folder_close(&mlflow->folder);
    free(mlflow->experiment);
    free(mlflow->id);
    free(mlflow->title);
    free(mlflow);
}

const struct net_sink net_sink_mlflow = {
    .reserve = reserve_mlflow,
    .open = open_mlflow,
    .step = add_step,
    .epoch = add_epoch,
    .part = add_part,
    .finish = finish_mlflow,
    .close = close_mlflow,
};
