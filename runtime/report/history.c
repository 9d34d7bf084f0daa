/*
 * history.c -- the sink of history.csv: a line an epoch, with losses and metrics.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "report/report.h"

static void add_header(struct net_text *text, const struct net_training *run)
{
    const struct net_model *model = run->session.model;
    const bool validation = net_data_rows(run->session.data, NET_VALIDATION) > 0;

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
static void *open_history(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    char *path = net_path_in(&run->folder, "history.csv");
    struct net_text text = {0};

    add_header(&text, run);
    if (run->options->value[NET_RESUME].text && net_folder_has(&run->folder, "history.csv")) {
        size_t length;
        char *old = net_file_read(&run->folder, "history.csv", &length), *rest = old;

        strsep(&rest, "\n");
        for (char *line; rest && (line = strsep(&rest, "\n")) && rest;)
            if (strtol(line, NULL, 10) >= 1 && strtol(line, NULL, 10) <= run->state.epoch)
                net_text_add(&text, "%s\n", line);
        free(old);
    }
    net_file_replace(&run->folder, "history.csv", &text);
    const int at = openat(run->folder.at, "history.csv", O_WRONLY | O_APPEND | O_CLOEXEC);
    FILE *history = at >= 0 ? fdopen(at, "a") : NULL;

    if (!history)
        net_fail(NET_FAULT, "cannot write %s: %s", path, strerror(errno));
    free(text.at);
    free(path);
    return history;
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    FILE *history = sink;
    const struct net_model *model = run->session.model;
    const bool validation = net_data_rows(run->session.data, NET_VALIDATION) > 0;
    const int count = model->metric_count + validation * (1 + model->metric_count);

    fprintf(history, "%ld,%.9g", run->state.epoch, epoch->loss);
    for (int i = 0; i < count; i++)
        fprintf(history, ",%.9g", epoch->values[i]);
    fprintf(history, ",%.9g,%.3f,%.0f\n", run->session.rate, epoch->seconds,
            epoch->samples_per_second);
    if (fflush(history))
        net_fail(NET_FAULT, "cannot write %s/history.csv: %s", run->folder.path, strerror(errno));
}

static void close_history(void *sink, const struct net_training *run)
{
    FILE *history = sink;
    const bool lost = ferror(history);

    if (fclose(history) || lost)
        net_fail(NET_FAULT, "%s: the history could not be written: %s", run->folder.path,
                 strerror(errno));
}

const struct net_sink net_sink_history = {
    .open = open_history,
    .epoch = add_epoch,
    .close = close_history,
};
