/*
 * json_lines.c -- the sink of `train --json`: an object a line on stdout, one for each epoch and
 * one at the end.
 */

#include <math.h>
#include <stdlib.h>

#include "report/report.h"

struct lines {
    FILE *out;             /* stdout; NULL: nobody reads it any more */
    struct net_text parts; /* of the last object, as they come */
};

static void add_part(struct net_text *text, const struct net_model *model, const char *part,
                     double loss, const double *values)
{
    net_text_add(text, ", \"%s\": {\"loss\": ", part);
    net_text_number(text, loss);
    for (int m = 0; m < model->metric_count; m++) {
        net_text_add(text, ", \"%s\": ", model->metrics[m].name);
        net_text_number(text, values[m]);
    }
    net_text_add(text, "}");
}

static void print(struct lines *lines, struct net_text *text)
{
    net_print_lines(&lines->out, text->at);
    free(text->at);
}

static void *open_lines(const struct net_training *run, struct net_progress *progress)
{
    struct lines *lines;

    (void)progress;
    if (!net_flag(run->options, NET_JSON_OUTPUT) || run->options->command != NET_TRAIN_COMMAND)
        return NULL;
    lines = net_allocate(1, sizeof *lines);
    lines->out = stdout;
    return lines;
}

static void print_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    const struct net_model *model = run->session.model;
    struct net_text text = {0};

    net_text_add(&text, "{\"epoch\": %ld", run->state.epoch);
    add_part(&text, model, net_part_names[NET_TRAIN], epoch->loss, epoch->values);
    if (isfinite(epoch->validation_loss))
        add_part(&text, model, net_part_names[NET_VALIDATION], epoch->validation_loss,
                 epoch->values + model->metric_count + 1);
    net_text_add(&text, ", \"lr\": ");
    net_text_number(&text, run->session.rate);
    net_text_add(&text,
                 ", \"seconds\": %.3f, \"samples_per_second\": %.0f, \"measured_rows\": %ld}",
                 epoch->seconds, epoch->samples_per_second, run->measured);
    print(sink, &text);
}

static void keep_part(void *sink, const struct net_training *run, enum net_part part, double loss,
                      const double *values, const struct net_metrics *metrics)
{
    struct lines *lines = sink;

    (void)metrics;
    add_part(&lines->parts, run->session.model, net_part_names[part], loss, values);
}

static void print_end(void *sink, const struct net_training *run, const char *status)
{
    struct lines *lines = sink;
    const struct net_state *state = &run->state;
    struct net_text text = {0};
    char *place = net_folder_place(&run->folder);

    net_text_add(
        &text, "{\"status\": \"%s\", \"epochs\": %ld, \"steps\": %u, \"best_epoch\": %ld%s", status,
        state->epoch, run->session.run.step, state->best_epoch ? state->best_epoch : state->epoch,
        lines->parts.at ? lines->parts.at : "");
    net_text_add(&text, ", \"seconds\": %.3f, \"folder\": ", state->seconds);
    net_text_quote(&text, place);
    net_text_add(&text, "}");
    print(sink, &text);
    free(place);
}

static void close_lines(void *sink, const struct net_training *run)
{
    struct lines *lines = sink;

    (void)run;
    free(lines->parts.at);
    free(lines);
}

const struct net_sink net_sink_json_lines = {
    .open = open_lines,
    .epoch = print_epoch,
    .part = keep_part,
    .finish = print_end,
    .close = close_lines,
};
