/*
 * fold_report.c -- what the runs of a k-fold say together: a table with their mean and standard
 * deviation, kfold.json, folds.csv (a row an epoch and fold) and band.csv (a row an epoch).
 *
 * The runs' own files are read back: folds of an earlier session are among them.
 */

#define _GNU_SOURCE

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

char *net_fold_name(int number, const char *file)
{
    return net_format("fold_%d%s%s", number, file ? "/" : "", file ? file : "");
}

struct net_json *net_folds_read(const struct net_folds *folds, const char *name)
{
    char *path = net_path_in(&folds->folder, name), error[256];
    size_t length;
    char *text = net_file_read(&folds->folder, name, &length);
    struct net_json *json = net_json_read(text, length, error, sizeof error);

    if (!json)
        net_fail(NET_FAULT, "%s: %s", path, error);
    free(text);
    free(path);
    return json;
}

/* ---- What a fold gave ------------------------------------------------------------------------ */

/* The numbers of a run's "final": train_loss, train_accuracy, validation_loss, ... */
struct net_fold_results {
    char **names;
    double *values; /* NaN where it was null */
    int count;
};

static void add_result(struct net_fold_results *result, const char *part,
                       const struct net_json *number)
{
    const size_t count = (size_t)result->count + 1;

    result->names = realloc(result->names, count * sizeof *result->names);
    result->values = realloc(result->values, count * sizeof *result->values);
    if (!result->names || !result->values)
        net_fail(NET_FAULT, "out of memory");
    result->names[count - 1] = net_format("%s_%s", part, number->key);
    result->values[count - 1] = number->kind == NET_JSON_NUMBER ? number->number : NAN;
    result->count++;
}

static struct net_fold_results read_result(const struct net_folds *folds, int number)
{
    char *name = net_fold_name(number, "run.json");
    struct net_json *json = net_folds_read(folds, name);
    const struct net_json *final = net_json_member(json, "final");
    struct net_fold_results result = {0};

    for (const struct net_json *part = final ? final->first : NULL; part; part = part->next)
        for (const struct net_json *number = part->first; number; number = number->next)
            add_result(&result, part->key, number);
    net_json_free(json);
    free(name);
    return result;
}

static void free_result(struct net_fold_results *result)
{
    for (int i = 0; i < result->count; i++)
        free(result->names[i]);
    free(result->names);
    free(result->values);
}

/* ---- The table ------------------------------------------------------------------------------- */

static void find_column_mean(const struct net_fold_results *results, int folds, int column,
                             double *mean, double *deviation)
{
    double *values = net_allocate((size_t)folds, sizeof *values);

    for (int i = 0; i < folds; i++)
        values[i] = results[i].values[column];
    net_find_mean(values, folds, mean, deviation);
    free(values);
}

static int width_of(const char *name)
{
    return strlen(name) > 10 ? (int)strlen(name) : 10;
}

/* Columns from..to, a row a fold, and their means and deviations. */
static void add_columns(struct net_text *text, const struct net_fold_results *results, int folds,
                        int from, int to)
{
    char *const *names = results[0].names;

    net_text_add(text, "%-5s", "fold");
    for (int c = from; c < to; c++)
        net_text_add(text, "  %*s", width_of(names[c]), names[c]);
    for (int i = 0; i < folds; i++) {
        net_text_add(text, "\n%-5d", i + 1);
        for (int c = from; c < to; c++)
            net_text_add(text, "  %*.6g", width_of(names[c]), results[i].values[c]);
    }
    for (int row = 0; row < 2; row++) {
        net_text_add(text, "%s\n%-5s", row ? "" : "\n", row ? "sd" : "mean");
        for (int c = from; c < to; c++) {
            double numbers[2];

            find_column_mean(results, folds, c, &numbers[0], &numbers[1]);
            net_text_add(text, "  %*.6g", width_of(names[c]), numbers[row]);
        }
    }
    net_text_add(text, "\n\n");
}

/* On a terminal columns that it has no room for stand below. */
static struct net_text as_table(const struct net_fold_results *results, int folds)
{
    const int columns = net_stdout_width();
    struct net_text text = {0};

    for (int from = 0, to; from < results[0].count; from = to) {
        int used = 5;

        for (to = from; to < results[0].count; to++) {
            used += 2 + width_of(results[0].names[to]);
            if (columns && to > from && used >= columns)
                break;
        }
        add_columns(&text, results, folds, from, to);
    }
    net_text_add(&text, "sd: the standard deviation of a sample, over %d - 1", folds);
    return text;
}

static void add_members(struct net_text *text, char *const *names, const double *values, int count)
{
    for (int c = 0; c < count; c++) {
        net_text_add(text, c ? ", \"%s\": " : "\"%s\": ", names[c]);
        net_text_number(text, values[c]);
    }
    net_text_add(text, "}");
}

/* The whole as JSON; without results where `results` is NULL. */
static struct net_text as_json(const struct net_folds *folds,
                               const struct net_fold_results *results)
{
    struct net_text text = {0};

    net_text_add(&text, "{\n  \"model\": ");
    net_text_quote(&text, folds->options->model->name);
    net_text_add(&text, ",\n  \"model_hash\": \"%s\",\n  \"folds\": %d",
                 folds->options->model->hash, folds->count);
    net_text_add(&text, ",\n  \"settings\": {");
    net_settings_keep(&text, folds->options);
    net_text_add(&text, "}");
    if (results) {
        const int columns = results[0].count;
        double *mean = net_allocate((size_t)columns, sizeof *mean);
        double *deviation = net_allocate((size_t)columns, sizeof *deviation);

        net_text_add(&text, ",\n  \"results\": [");
        for (int i = 0; i < folds->count; i++) {
            net_text_add(&text, "%s\n    {\"fold\": %d, ", i ? "," : "", i + 1);
            add_members(&text, results[i].names, results[i].values, columns);
        }
        for (int c = 0; c < columns; c++)
            find_column_mean(results, folds->count, c, &mean[c], &deviation[c]);
        net_text_add(&text, "\n  ],\n  \"mean\": {");
        add_members(&text, results[0].names, mean, columns);
        net_text_add(&text, ",\n  \"sample_standard_deviation\": {");
        add_members(&text, results[0].names, deviation, columns);
        free(mean);
        free(deviation);
    }
    net_text_add(&text, "\n}");
    return text;
}

void net_folds_write(const struct net_folds *folds, const struct net_fold_results *results)
{
    struct net_text json = as_json(folds, results);

    net_text_add(&json, "\n");
    net_file_replace(&folds->folder, "kfold.json", &json);
    free(json.at);
}

/* ---- Epochs ---------------------------------------------------------------------------------- */

/* A history.csv as numbers. */
struct history {
    char *text;     /* the file, its lines and the header's words cut */
    char **names;   /* of columns */
    double *values; /* [rows][columns] */
    int columns, rows;
};

static int count_of(const char *text, char c)
{
    int count = 0;

    for (; *text; text++)
        count += *text == c;
    return count;
}

static struct history read_history(const struct net_folds *folds, int number)
{
    char *name = net_fold_name(number, "history.csv"), *rest, *line;
    char *path = net_path_in(&folds->folder, name);
    struct history history = {0};
    size_t length;

    history.text = rest = net_file_read(&folds->folder, name, &length);
    const int lines = count_of(rest, '\n');

    line = strtok_r(rest, "\n", &rest);
    if (!line)
        net_fail(NET_FAULT, "%s is empty", path);
    history.columns = count_of(line, ',') + 1;
    history.names = net_allocate((size_t)history.columns, sizeof *history.names);
    history.values = net_allocate((size_t)lines * (size_t)history.columns, sizeof *history.values);
    for (int c = 0; c < history.columns; c++)
        history.names[c] = strtok_r(line, ",", &line);
    for (; (line = strtok_r(NULL, "\n", &rest)) != NULL; history.rows++) {
        double *values = history.values + history.rows * history.columns;

        for (int c = 0; c < history.columns; c++) {
            const char *number = strtok_r(line, ",", &line);

            if (!number)
                net_fail(NET_FAULT, "%s: line %d has fewer numbers than the header", path,
                         history.rows + 2);
            values[c] = strtod(number, NULL);
        }
        if (values[0] != history.rows + 1)
            net_fail(NET_FAULT, "%s: line %d is of epoch %g, expected %d: it was edited", path,
                     history.rows + 2, values[0], history.rows + 1);
    }
    free(path);
    free(name);
    return history;
}

static void free_history(struct history *history)
{
    free(history->text);
    free(history->names);
    free(history->values);
}

/* folds.csv: the folds' histories in one file, a row an epoch and fold. */
static void write_folds(const struct net_folds *folds, const struct history *histories)
{
    struct net_text text = {0};

    net_text_add(&text, "fold");
    for (int c = 0; c < histories[0].columns; c++)
        net_text_add(&text, ",%s", histories[0].names[c]);
    for (int i = 0; i < folds->count; i++)
        for (int row = 0; row < histories[i].rows; row++) {
            net_text_add(&text, "\n%d", i + 1);
            for (int c = 0; c < histories[i].columns; c++)
                net_text_add(&text, ",%.9g", histories[i].values[row * histories[i].columns + c]);
        }
    net_text_add(&text, "\n");
    net_file_replace(&folds->folder, "folds.csv", &text);
    free(text.at);
}

/* band.csv: of each epoch the mean and standard deviation over the folds that came so far. */
static void write_band(const struct net_folds *folds, const struct history *histories)
{
    double *values = net_allocate((size_t)folds->count, sizeof *values), mean, deviation;
    struct net_text text = {0};

    net_text_add(&text, "epoch,folds");
    for (int c = 1; c < histories[0].columns; c++)
        net_text_add(&text, ",%s_mean,%s_sd", histories[0].names[c], histories[0].names[c]);
    net_text_add(&text, "\n");
    for (int row = 0, there = 1; there; row++) {
        there = 0;
        for (int i = 0; i < folds->count; i++)
            there += row < histories[i].rows;
        if (there)
            net_text_add(&text, "%d,%d", row + 1, there);
        for (int c = 1; there && c < histories[0].columns; c++) {
            int count = 0;

            for (int i = 0; i < folds->count; i++)
                if (row < histories[i].rows)
                    values[count++] = histories[i].values[row * histories[i].columns + c];
            net_find_mean(values, count, &mean, &deviation);
            net_text_add(&text, ",%.9g,%.9g", mean, deviation);
        }
        net_text_add(&text, there ? "\n" : "");
    }
    net_file_replace(&folds->folder, "band.csv", &text);
    free(text.at);
    free(values);
}

static void write_epochs(const struct net_folds *folds)
{
    struct history *histories = net_allocate((size_t)folds->count, sizeof *histories);

    for (int i = 0; i < folds->count; i++) {
        histories[i] = read_history(folds, i + 1);
        if (histories[i].columns != histories[0].columns)
            net_fail(NET_FAULT, "the histories of fold 1 and fold %d have other columns", i + 1);
    }
    write_folds(folds, histories);
    write_band(folds, histories);
    for (int i = 0; i < folds->count; i++)
        free_history(&histories[i]);
    free(histories);
}

void net_folds_show(const struct net_folds *folds)
{
    struct net_fold_results *results = net_allocate((size_t)folds->count, sizeof *results);

    for (int i = 0; i < folds->count; i++) {
        results[i] = read_result(folds, i + 1);
        if (results[i].count != results[0].count)
            net_fail(NET_FAULT, "%s/fold_%d/run.json has other results than that of fold 1",
                     folds->folder.path, i + 1);
    }
    net_folds_write(folds, results); /* of the runs; what histories add is told after it */
    const bool json = net_flag(folds->options, NET_JSON_OUTPUT);
    struct net_text text = json ? as_json(folds, results) : as_table(results, folds->count);
    FILE *out = stdout;

    net_print_lines(&out, text.at);
    free(text.at);
    write_epochs(folds);
    net_compare_folder(&folds->folder);
    if (!net_flag(folds->options, NET_QUIET))
        fprintf(stderr, "The folds are in %s: report.html, folds.csv, band.csv, kfold.json.\n",
                folds->folder.path);
    for (int i = 0; i < folds->count; i++)
        free_result(&results[i]);
    free(results);
}
