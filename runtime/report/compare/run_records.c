/*
 * run_records.c -- runs as run.json and history.csv of their folders tell of them: of any trainer,
 * finished or not. Data and weights are not read.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "report/compare/compare.h"

enum { MOST_DIGITS = 6 /* behind the points of a table, where nobody said how many */ };

const char *net_record_text(const struct net_json *json, const char *key)
{
    const struct net_json *member = net_json_member(json, key);

    return member && member->kind == NET_JSON_STRING ? member->text : "";
}

/* ---- a run ----------------------------------------------------------------------------------- */

/* A run that was killed still says that it is running; who trains holds the folder's lock. */
static const char *find_status(const struct net_json *json, const struct net_folder *folder)
{
    const char *status = net_record_text(json, "status");

    if (strcmp(status, "running") != 0 || flock(folder->at, LOCK_SH | LOCK_NB))
        return status;
    flock(folder->at, LOCK_UN);
    return "killed";
}

static void read_epochs(struct net_run_record *run, const struct net_folder *folder)
{
    size_t length;
    char *text = net_file_read(folder, "history.csv", &length);
    const int damaged = net_epochs_read(&run->epochs, text);

    if (damaged && strcmp(run->status, "running") != 0)
        net_warn("%s/history.csv: %d damaged line%s left out", folder->path, damaged,
                 damaged > 1 ? "s are" : " is");
    free(text);
}

/* One that is damaged is left out, with a warning, where it is not needed. */
static void read_run(struct net_run_records *runs, const struct net_folder *folder, bool needed)
{
    char *path = net_path_in(folder, "run.json"), error[256];
    struct net_run_record run = {
        .path = net_format("%s", folder->path), .score = NAN, .result = NAN};
    size_t length;
    char *text = net_file_read(folder, "run.json", &length);

    run.json = net_json_read(text, length, error, sizeof error);
    free(text);
    if (run.json && run.json->kind != NET_JSON_OBJECT) {
        net_json_free(run.json);
        run.json = NULL;
        snprintf(error, sizeof error, "it is no object");
    }
    if (!run.json && needed)
        net_fail(NET_FAULT, "%s: %s: ask for the others without that run", path, error);
    if (!run.json) {
        net_warn("%s is left out: %s", path, error);
        free(run.path);
        free(path);
        return;
    }
    run.status = find_status(run.json, folder);
    if (net_folder_has(folder, "history.csv"))
        read_epochs(&run, folder);
    runs->at = realloc(runs->at, (size_t)(runs->count + 1) * sizeof *runs->at);
    if (!runs->at)
        net_fail(NET_FAULT, "out of memory");
    runs->at[runs->count++] = run;
    free(path);
}

char *net_record_setting(const struct net_run_record *run, const char *name)
{
    const struct net_json *settings = net_json_member(run->json, "hyperparameters");
    const struct net_json *value = net_json_member(settings, name);
    struct net_text text = {0};

    if (!value)
        value = net_json_member(run->json, name);
    if (value && value->kind == NET_JSON_STRING)
        return net_format("%s", value->text);
    if (value && value->kind == NET_JSON_BOOL)
        return net_format(value->number != 0 ? "true" : "false");
    if (!value || value->kind != NET_JSON_NUMBER)
        return net_format("");
    net_text_number(&text, value->number);
    return text.at;
}

static double find_final(const struct net_run_record *run, const char *part, const char *name)
{
    const struct net_json *final = net_json_member(run->json, "final");
    const struct net_json *value = net_json_member(net_json_member(final, part), name);

    return value && value->kind == NET_JSON_NUMBER ? value->number : NAN;
}

double net_record_final(const struct net_run_record *run, const char *part, const char *name,
                        double *deviation)
{
    double *values = net_allocate((size_t)run->fold_count + 1, sizeof *values);
    double mean = find_final(run, part, name), spread = NAN;

    for (int f = 0; f < run->fold_count; f++)
        values[f] = find_final(&run->folds[f], part, name);
    if (run->fold_count)
        net_find_mean(values, run->fold_count, &mean, &spread);
    if (deviation)
        *deviation = spread;
    free(values);
    return mean;
}

static bool is_less_better(const struct net_run_record *run, const char *name)
{
    const bool loss = !strcmp(name, "loss");
    const struct net_metric *metric = loss ? NULL : net_metric_find(name);

    if (!loss && !metric)
        net_fail(NET_FAULT,
                 "%s/run.json: this trainer has no metric `%s`: compare such runs by one of the "
                 "netc that made theirs",
                 run->path, name);
    return loss || metric->less;
}

/* Of a run that has no end yet: the best of its epochs so far. */
static double find_number(const struct net_run_record *run, const char *part, const char *name)
{
    const double final = net_record_final(run, part, name, NULL),
                 sign = is_less_better(run, name) ? 1 : -1;
    char *column = net_format("%s_%s", part, name);
    const int c = net_epochs_column(&run->epochs, column);
    double best = INFINITY;

    free(column);
    if (isfinite(final) || !strcmp(run->status, "finished") || !strcmp(run->status, "diverged"))
        return final;
    for (long row = 0; row < run->epochs.count; row++)
        best = fmin(best, sign * net_epochs_at(&run->epochs, row, c));
    return isfinite(best) ? sign * best : NAN;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Of names with numbers in them the smaller number first: fold_2 before fold_10. */
static int by_name(const void *a, const void *b)
{
    return strverscmp(*(char *const *)a, *(char *const *)b);
}

/* Its subfolders' names, sorted; malloc'd. */
static char **list_folders(const struct net_folder *folder, int *count)
{
    DIR *files = net_folder_list(folder);
    char **names = NULL;

    *count = 0;
    for (struct dirent *file; files && (file = readdir(files));) {
        char *run = net_format("%s/run.json", file->d_name);

        if (file->d_name[0] != '.' && net_folder_has(folder, run)) {
            names = realloc(names, (size_t)(*count + 1) * sizeof *names);
            if (!names)
                net_fail(NET_FAULT, "out of memory");
            names[(*count)++] = net_format("%s", file->d_name);
        }
        free(run);
    }
    if (files)
        closedir(files);
    if (*count)
        qsort(names, (size_t)*count, sizeof *names, by_name);
    return names;
}

static void read_folder(struct net_run_records *runs, const struct net_folder *folder, bool all)
{
    int count;
    char **names = list_folders(folder, &count);

    for (int i = 0; i < count; i++) {
        struct net_folder run;

        if (net_folder_find(&run, folder, names[i])) {
            read_run(runs, &run, all);
            net_folder_close(&run);
        }
        free(names[i]);
    }
    free(names);
}

/* A k-fold beside other runs is one of them. */
static void fold_up(struct net_run_records *runs, int before, const char *path)
{
    const int count = runs->count - before;
    struct net_run_record *folds = net_allocate((size_t)count, sizeof *folds);

    memcpy(folds, runs->at + before, (size_t)count * sizeof *folds);
    runs->count = before + 1;
    net_record_average(&runs->at[before], folds, count);
    runs->at[before].path = net_format("%s", path);
}

static void read_path(struct net_run_records *runs, const struct net_folder *in, const char *path,
                      bool alone)
{
    struct net_folder folder;
    const int before = runs->count;

    if (!net_folder_open(&folder, in, path))
        net_fail(NET_FAULT, "%s: %s", net_path_in(in, path), strerror(errno));
    const bool folds = net_folder_has(&folder, "kfold.json");

    if (!folds && net_folder_has(&folder, "run.json"))
        read_run(runs, &folder, true);
    else
        read_folder(runs, &folder, folds);
    if (runs->count == before && !in)
        net_fail(NET_FAULT,
                 "%s: neither a run's folder nor one with runs in it: there is no "
                 "run.json to read",
                 path);
    runs->folds = folds && alone;
    if (folds && !alone)
        fold_up(runs, before, folder.path);
    runs->ranked = runs->ranked || (!folds && runs->count > before + 1);
    net_folder_close(&folder);
}

/* ---- what they are compared by --------------------------------------------------------------- */

static void shorten_names(struct net_run_records *runs)
{
    size_t common = 0;

    for (size_t i = 0; runs->count > 1; i++) {
        const char letter = runs->at[0].path[i];

        for (int r = 1; r < runs->count && letter; r++)
            if (runs->at[r].path[i] != letter)
                goto found;
        if (!letter)
            break;
        if (letter == '/')
            common = i + 1;
    }
found:
    for (int r = 0; r < runs->count; r++)
        runs->at[r].name = net_format("%s", runs->at[r].path + common);
}

/* Ranked by what the best weights were kept by; drawn is a metric, if there is one. */
static void find_scores(struct net_run_records *runs)
{
    const struct net_run_record *first = &runs->at[0];
    const struct net_json *settings = net_json_member(first->json, "hyperparameters");
    const bool validation = net_epochs_column(&first->epochs, "validation_loss") >= 0 ||
                            isfinite(net_record_final(first, "validation", "loss", NULL));
    const char *part = validation ? "validation" : "train",
               *monitor = net_record_text(settings, "monitor");
    const char *result = "loss";

    monitor = *monitor && strcmp(monitor, "validation_loss") != 0 ? monitor : "loss";
    if (strcmp(monitor, "loss") != 0)
        result = monitor;
    else if (first->epochs.columns > 2 && !strncmp(first->epochs.names[2], "train_", 6))
        result = first->epochs.names[2] + 6;
    runs->monitor = net_format("%s_%s", part, monitor);
    runs->result = net_format("%s_%s", part, result);
    for (int r = 0; r < runs->count; r++) {
        struct net_run_record *run = &runs->at[r];

        run->result = find_number(run, part, result);
        run->score = find_number(run, part, monitor) * (is_less_better(run, monitor) ? 1 : -1);
    }
}

static int by_score(const void *a, const void *b)
{
    const struct net_run_record *x = a, *y = b;
    const double p = isnan(x->score) ? INFINITY : x->score;
    const double q = isnan(y->score) ? INFINITY : y->score;

    return p != q ? (p > q ? 1 : -1) : strverscmp(x->path, y->path);
}

static void look_at_setting(struct net_run_records *runs, const char *name)
{
    char *first = net_record_setting(&runs->at[0], name);
    bool differs = false;

    for (int v = 0; v < runs->varied_count; v++)
        if (!strcmp(runs->varied[v], name))
            goto end;
    for (int r = 1; r < runs->count && !differs; r++) {
        char *other = net_record_setting(&runs->at[r], name);

        differs = strcmp(first, other) != 0;
        free(other);
    }
    if (differs) {
        runs->varied = realloc(runs->varied,
                               (size_t)(runs->varied_count + 1) * sizeof *runs->varied);
        if (!runs->varied)
            net_fail(NET_FAULT, "out of memory");
        runs->varied[runs->varied_count++] = net_format("%s", name);
    }
end:
    free(first);
}

/* Are there two of one file and the same values, compiled from different text? */
static bool has_unnamed(const struct net_run_records *runs)
{
    struct net_text *key = net_allocate((size_t)runs->count, sizeof *key);
    bool found = false;

    for (int r = 0; r < runs->count; r++) {
        net_text_add(&key[r], ":");
        for (int v = 0; v < runs->varied_count; v++) {
            char *value = net_record_setting(&runs->at[r], runs->varied[v]);

            if (!net_is_option(runs->varied[v]))
                net_text_add(&key[r], "%s\n", value);
            free(value);
        }
        for (int q = 0; q < r && !found; q++)
            found = !strcmp(key[q].at, key[r].at) &&
                    strcmp(net_record_text(runs->at[q].json, "model_hash"),
                           net_record_text(runs->at[r].json, "model_hash")) != 0;
    }
    for (int r = 0; r < runs->count; r++)
        free(key[r].at);
    free(key);
    return found;
}

static void find_varied(struct net_run_records *runs)
{
    look_at_setting(runs, "source");
    for (int r = 0; r < runs->count; r++) {
        const struct net_json *settings = net_json_member(runs->at[r].json, "hyperparameters");

        for (const struct net_json *s = settings ? settings->first : NULL; s; s = s->next)
            look_at_setting(runs, s->key);
    }
    if (has_unnamed(runs))
        look_at_setting(runs, "model_hash");
}

void net_run_records_open(struct net_run_records *runs, const struct net_folder *in,
                          const char *const *paths, int count)
{
    *runs = (struct net_run_records){.digits = -MOST_DIGITS};
    for (int i = 0; i < count; i++)
        read_path(runs, in, paths[i], count == 1);
    shorten_names(runs);
    if (!runs->count)
        return;
    find_scores(runs);
    if (runs->ranked)
        qsort(runs->at, (size_t)runs->count, sizeof *runs->at, by_score);
    find_varied(runs);
}

static void free_runs(struct net_run_record *at, int count)
{
    for (int r = 0; r < count; r++) {
        free(at[r].path);
        free(at[r].name);
        if (at[r].folds) {
            net_record_free_average(&at[r]);
            free_runs(at[r].folds, at[r].fold_count);
        } else {
            net_json_free(at[r].json);
            net_epochs_free(&at[r].epochs);
        }
    }
    free(at);
}

void net_run_records_close(struct net_run_records *runs)
{
    free_runs(runs->at, runs->count);
    for (int v = 0; v < runs->varied_count; v++)
        free(runs->varied[v]);
    free(runs->varied);
    free(runs->monitor);
    free(runs->result);
}
