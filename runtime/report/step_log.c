/*
 * step_log.c -- the sink of --log-steps: a csv with a line a step.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <string.h>

#include "report/report.h"

/* Where it cannot be written no folder is left that was made for the run. What is written now tells
   of a full disk, too. */
static void *reserve_log(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    const char *path = run->options->value[NET_LOG_STEPS].text;

    if (!path)
        return NULL;
    FILE *log = fopen(path, "w");

    if (log && fprintf(log, "step,loss\n") > 0 && !fflush(log))
        return log;

    const int why = errno;

    if (run->made_folder)
        net_folder_unmake(&run->folder);
    net_fail(NET_FAULT, "cannot write %s: %s", path, strerror(why));
}

static void add_step(void *sink, const struct net_training *run, double loss)
{
    fprintf(sink, "%u,%.9g\n", run->session.run.step, loss);
}

static void close_log(void *sink, const struct net_training *run)
{
    FILE *log = sink;
    const bool lost = ferror(log);

    if (fclose(log) || lost)
        net_fail(NET_FAULT, "%s: the steps could not all be written: %s",
                 run->options->value[NET_LOG_STEPS].text, strerror(errno));
}

const struct net_sink net_sink_step_log = {
    .reserve = reserve_log,
    .step = add_step,
    .close = close_log,
};
