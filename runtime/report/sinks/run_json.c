/*
 * run_json.c -- the sink of run.json: what the run is, with which settings, and how it ended. Where
 * it ends in its middle, the file that says so is ready (core/exit_report.c).
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

enum { RENDER_AFTER = 1 }; /* seconds since the last words were, at the end of an epoch */

struct run_json {
    struct net_text results; /* the members of "final" as they come */
    char **earlier;          /* files of the data that changed before the run was resumed */
    int earlier_count;
    char *command, *started; /* of the run's beginning, where it was resumed; or NULL */
    struct net_text resumed; /* of a resumed run: how it was each time, the members of a list */
    int told;                /* files that changed since then and are in the file */
    double rendered;         /* when the last words were, in seconds */
};

/* Files of the data that changed while it ran, in this session and before. */
static void add_changed(struct net_text *text, const struct run_json *json,
                        const struct net_data *data)
{
    const char *comma = "  \"data_changed\": [", *path;
    int count = 0;

    for (int i = 0; i < json->earlier_count; i++, comma = ", ") {
        net_text_add(text, "%s", comma);
        net_text_quote(text, json->earlier[i]);
    }
    for (; (path = net_data_touched(data, count)) != NULL; count++, comma = ", ") {
        net_text_add(text, "%s", comma);
        net_text_quote(text, path);
    }
    if (count + json->earlier_count)
        net_text_add(text, "],\n");
}

static char *started_text(const struct net_training *run)
{
    const struct tm tm = net_calendar((long long)run->began);

    return net_format("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon + 1, tm.tm_mday,
                      tm.tm_hour, tm.tm_min, tm.tm_sec);
}

/* The command that the run goes on by, and when. */
static void add_resumed(struct net_text *list, const char *command, const char *started)
{
    net_text_add(list, "%s\n    {\"command\": ", list->at ? "," : "");
    net_text_quote(list, command);
    net_text_add(list, ", \"started\": ");
    net_text_quote(list, started);
    net_text_add(list, "}");
}

/* `place`: of the status in the text. */
static struct net_text as_json(const struct run_json *json, const struct net_training *run,
                               const char *status, size_t *place)
{
    const struct net_options *options = run->options;
    const struct net_model *model = options->model;
    const struct net_state *state = &run->state;
    struct net_text text = {0};
    char *started = started_text(run);
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    net_text_add(&text, "{\n  \"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(&text, ",\n  \"source\": ");
    net_text_quote(&text, model->source);
    net_text_add(&text, ",\n  \"status\": \"");
    *place = text.length;
    net_text_add(&text, "%s\",\n  \"command\": ", status);
    net_text_quote(&text, json->command ? json->command : options->command_line);
    net_data_keep(&text, ",\n  ", options);
    net_text_add(&text, ",\n  \"hyperparameters\": ");
    net_settings_json(&text, options);
    net_text_add(&text, ",\n  \"seed\": %.0f,\n  \"threads\": %d,\n  \"host\": ",
                 options->value[NET_SEED].number, run->session.threads);
    net_text_quote(&text, host);
    net_text_add(&text, ",\n  \"isa\": \"%s\",\n  \"netc\": \"%s\",\n  \"model_hash\": \"%s\",\n",
                 model->isa, model->version, model->hash);
    if (model->precision)
        net_text_add(&text, "  \"precision\": \"%s\",\n", model->precision);
    net_text_add(&text, "  \"started\": \"%s\",\n", json->started ? json->started : started);
    free(started);
    if (json->resumed.at)
        net_text_add(&text, "  \"resumed\": [%s\n  ],\n", json->resumed.at);
    net_text_add(&text, "  \"seconds\": %.3f,\n  \"waited_for_data\": %.3f,\n", state->seconds,
                 state->waited);
    net_text_add(&text, "  \"samples_per_second\": %.0f,\n  \"epochs\": %ld,\n  \"steps\": %u,\n",
                 state->seconds > 0.0 ? state->rows_trained / state->seconds : 0.0, state->epoch,
                 run->session.run.step);
    if (options->fold.count)
        net_text_add(&text, "  \"fold\": [%d, %d],\n", options->fold.number, options->fold.count);
    add_changed(&text, json, run->session.data);
    net_text_add(&text, "  \"best_epoch\": %ld,\n  \"final\": {%s}\n}\n",
                 state->best_epoch ? state->best_epoch : state->epoch,
                 json->results.at ? json->results.at : "");
    return text;
}

static void write_json(struct run_json *json, const struct net_training *run, const char *status)
{
    size_t place;
    struct net_text text = as_json(json, run, status, &place);

    net_file_replace(&run->folder, "run.json", &text);
    while (net_data_touched(run->session.data, json->told))
        json->told++;
    free(text.at);
}

/* What the file will say if the run ends before it comes to its end. */
static void prepare_words(struct run_json *json, const struct net_training *run)
{
    size_t place;

    net_exit_report(&run->folder, "run.json", as_json(json, run, "", &place).at, place);
    json->rendered = net_now();
}

/* A member that is a text, malloc'd; or NULL. */
static char *copy_text(const struct net_json *object, const char *key)
{
    const struct net_json *text = net_json_member(object, key);

    return text && text->kind == NET_JSON_STRING ? net_format("%s", text->text) : NULL;
}

/* How the run began, and was resumed before; this session is one more. */
static void read_beginning(struct run_json *json, const struct net_json *before,
                           const struct net_training *run)
{
    const struct net_json *list = net_json_member(before, "resumed");
    char *command = copy_text(before, "command"), *started = copy_text(before, "started");
    char *now = started_text(run);

    if (command && started) {
        json->command = command;
        json->started = started;
    } else {
        free(command);
        free(started);
    }
    for (const struct net_json *one = list ? list->first : NULL; one; one = one->next) {
        command = copy_text(one, "command");
        started = copy_text(one, "started");
        if (command && started)
            add_resumed(&json->resumed, command, started);
        free(command);
        free(started);
    }
    add_resumed(&json->resumed, run->options->command_line, now);
    free(now);
}

/* What the file of the session before says of data that changed; one that cannot say so is told. */
static void read_earlier(struct run_json *json, const struct net_training *run,
                         struct net_progress *progress)
{
    const bool there = net_folder_has(&run->folder, "run.json");
    char error[128] = "it is missing";
    size_t length;
    char *text = there ? net_file_read(&run->folder, "run.json", &length) : NULL;
    struct net_json *before = there ? net_json_read(text, length, error, sizeof error) : NULL;
    const struct net_json *list = net_json_member(before, "data_changed");

    if (before && list && list->kind != NET_JSON_ARRAY)
        snprintf(error, sizeof error, "expected \"data_changed\" to be a list");
    if (!before || (list && list->kind != NET_JSON_ARRAY)) {
        net_progress_close(progress);
        net_warn("%s/run.json: %s; it is written anew, and which data changed before is not known "
                 "any more",
                 run->folder.path, error);
    }
    json->earlier = net_allocate(list ? (size_t)list->count : 0, sizeof *json->earlier);
    for (const struct net_json *path = list ? list->first : NULL; path; path = path->next)
        if (path->kind == NET_JSON_STRING)
            json->earlier[json->earlier_count++] = net_format("%s", path->text);
    read_beginning(json, before, run);
    net_json_free(before);
    free(text);
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void *open_json(const struct net_training *run, struct net_progress *progress)
{
    struct run_json *json = net_allocate(1, sizeof *json);

    if (run->options->value[NET_RESUME].text)
        read_earlier(json, run, progress);
    prepare_words(json, run);
    write_json(json, run, "running");
    return json;
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct run_json *json = sink;

    (void)epoch;
    if (net_now() - json->rendered > RENDER_AFTER)
        prepare_words(json, run);
}

/* Data that changed are on record before the weights that saw them. */
static void save_json(void *sink, struct net_training *run)
{
    struct run_json *json = sink;

    if (net_data_touched(run->session.data, json->told))
        write_json(json, run, "running");
    prepare_words(json, run);
}

static void add_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                     const double *values, const struct net_metrics *metrics)
{
    const struct net_model *model = run->session.model;
    struct net_text *results = &((struct run_json *)sink)->results;

    (void)metrics;
    net_text_add(results, "%s\n    \"%s\": {\"loss\": ", results->at ? "," : "",
                 net_part_names[part]);
    net_text_number(results, loss);
    for (int m = 0; m < model->metric_count; m++) {
        net_text_add(results, ", \"%s\": ", model->metrics[m].name);
        net_text_number(results, values[m]);
    }
    net_text_add(results, "}");
}

static void finish_json(void *sink, const struct net_training *run, const char *status)
{
    struct run_json *json = sink;

    if (json->results.at)
        net_text_add(&json->results, "\n  ");
    write_json(json, run, status);
    net_exit_report_drop();
}

static void close_json(void *sink, const struct net_training *run)
{
    struct run_json *json = sink;

    (void)run;
    for (int i = 0; i < json->earlier_count; i++)
        free(json->earlier[i]);
    free(json->earlier);
    free(json->command);
    free(json->started);
    free(json->resumed.at);
    free(json->results.at);
    free(json);
}

const struct net_sink net_sink_run_json = {
    .open = open_json,
    .epoch = add_epoch,
    .save = save_json,
    .part = add_part,
    .finish = finish_json,
    .close = close_json,
};
