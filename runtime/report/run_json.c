/*
 * run_json.c -- the sink of run.json: what the run is, with which settings, and how it ended.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

/* `results`: the members of "final", or NULL while there are none. */
static void write_json(const struct net_training *run, const char *status, const char *results)
{
    const struct net_options *options = run->options;
    const struct net_model *model = options->model;
    const struct net_state *state = &run->state;
    struct net_text text = {0};
    const struct tm tm = net_calendar((long long)run->began);
    char host[256] = "";

    gethostname(host, sizeof host - 1);
    net_text_add(&text, "{\n  \"model\": ");
    net_text_quote(&text, model->name);
    net_text_add(&text, ",\n  \"status\": \"%s\",\n  \"command\": ", status);
    net_text_quote(&text, options->command_line);
    net_text_add(&text, ",\n  \"hyperparameters\": ");
    net_settings_json(&text, options);
    net_text_add(&text, ",\n  \"seed\": %.0f,\n  \"threads\": %d,\n  \"host\": ",
                 options->value[NET_SEED].number, run->session.threads);
    net_text_quote(&text, host);
    net_text_add(&text, ",\n  \"isa\": \"%s\",\n  \"netc\": \"%s\",\n  \"model_hash\": \"%s\",\n",
                 model->isa, model->version, model->hash);
    net_text_add(&text, "  \"started\": \"%04d-%02d-%02dT%02d:%02d:%02dZ\",\n", tm.tm_year,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    net_text_add(&text, "  \"seconds\": %.3f,\n  \"waited_for_data\": %.3f,\n", state->seconds,
                 state->waited);
    net_text_add(&text, "  \"samples_per_second\": %.0f,\n  \"epochs\": %ld,\n  \"steps\": %u,\n",
                 state->seconds > 0.0 ? state->rows_trained / state->seconds : 0.0, state->epoch,
                 run->session.run.step);
    if (options->fold.count)
        net_text_add(&text, "  \"fold\": [%d, %d],\n", options->fold.number, options->fold.count);
    net_text_add(&text, "  \"best_epoch\": %ld,\n  \"final\": {%s}\n}\n",
                 state->best_epoch ? state->best_epoch : state->epoch, results ? results : "");
    net_file_replace(&run->folder, "run.json", &text);
    free(text.at);
}

/* The sink: the members of "final" as they come. */
static void *open_json(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    write_json(run, "running", NULL);
    return net_allocate(1, sizeof(struct net_text));
}

static void add_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                     const double *values)
{
    const struct net_model *model = run->session.model;
    struct net_text *results = sink;

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
    struct net_text *results = sink;

    if (results->at)
        net_text_add(results, "\n  ");
    write_json(run, status, results->at);
}

static void close_json(void *sink, const struct net_training *run)
{
    struct net_text *results = sink;

    (void)run;
    free(results->at);
    free(results);
}

const struct net_sink net_sink_run_json = {
    .open = open_json,
    .part = add_part,
    .finish = finish_json,
    .close = close_json,
};
