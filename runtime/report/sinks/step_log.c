/*
 * step_log.c -- the sink of --log-steps: a csv with a line a step. A run that goes on with a log
 * that is there keeps its lines up to the checkpoint's step.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/report.h"

static const char header[] = "step,loss\n";

struct step_log {
    FILE *out;
    const char *path;
    bool regular; /* a file, no pipe and no device */
    int lost;     /* why lines are not on the disk; 0: they are */
};

/* Where it cannot be written no folder is left that was made for the run. */
static _Noreturn void refuse(const struct net_training *run, int code, char *why)
{
    if (run->made_folder)
        net_folder_unmake(&run->folder);
    net_fail(code, "%s", why);
}

/* Bytes of a log that are of steps up to the checkpoint's, one after another. */
static off_t count_kept(const struct net_training *run, const char *path)
{
    FILE *in = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    off_t kept = 0;
    unsigned long last = 0;

    if (!in)
        refuse(run, NET_FAULT, net_format("cannot read %s: %s", path, strerror(errno)));
    if ((length = getline(&line, &room, in)) > 0 && !strcmp(line, header))
        kept = length;
    while (kept && (length = getline(&line, &room, in)) > 0 && line[length - 1] == '\n') {
        const unsigned long step = strtoul(line, NULL, 10);

        if (step <= last || step > run->session.run.step)
            break;
        last = step;
        kept += length;
    }
    free(line);
    fclose(in);
    return kept;
}

/* It is opened as it is: what is one of the run's own files, behind links too, is refused whole. */
static int open_log(const struct net_training *run, const char *path)
{
    struct stat status;
    const bool there = !stat(path, &status);
    const int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    const char *own = log >= 0 ? net_folder_file(&run->folder, log) : NULL;

    if (own && !there)
        unlinkat(run->folder.at, own, 0);
    if (own)
        refuse(run, NET_USAGE,
               net_format("--log-steps %s is the %s of the run's folder, which would be lost", path,
                          own));
    return log;
}

/* What is written now tells of a full disk, too. */
static void *reserve_log(const struct net_training *run, struct net_progress *progress)
{
    (void)progress;
    const char *path = run->options->value[NET_LOG_STEPS].text;

    if (!path)
        return NULL;
    struct step_log *log = net_allocate(1, sizeof *log);
    const int at = open_log(run, path);
    struct stat status;
    bool ok = at >= 0 && !fstat(at, &status);

    log->path = path;
    log->regular = ok && S_ISREG(status.st_mode);
    const off_t kept = log->regular && run->options->value[NET_RESUME].text ? count_kept(run, path)
                                                                            : 0;

    if (log->regular)
        ok = !ftruncate(at, kept) && lseek(at, kept, SEEK_SET) == kept;
    log->out = ok ? fdopen(at, "w") : NULL;
    if (log->out && (kept || fputs(header, log->out) >= 0) && !fflush(log->out))
        return log;
    refuse(run, NET_FAULT, net_format("cannot write %s: %s", path, strerror(errno)));
}

static void add_step(void *sink, const struct net_training *run, double loss)
{
    struct step_log *log = sink;

    fprintf(log->out, "%u,%.9g\n", run->session.run.step, loss);
}

static _Noreturn void fail_lost(const struct step_log *log)
{
    net_fail(NET_FAULT, "%s: the steps could not all be written: %s", log->path,
             strerror(log->lost));
}

/* A checkpoint counts these steps, and a run that goes on with it does not write them again: where
   they are not in their file the one before stays, behind which they come again. A pipe cannot be
   synced, and what it has lost never comes back. */
static void save_log(void *sink, struct net_training *run)
{
    struct step_log *log = sink;

    (void)run;
    if ((fflush(log->out) || (fsync(fileno(log->out)) && errno != EINVAL && errno != EROFS)) &&
        !log->lost)
        log->lost = errno;
    if (log->lost && log->regular)
        fail_lost(log);
}

static void close_log(void *sink, const struct net_training *run)
{
    struct step_log *log = sink;
    const bool failed = ferror(log->out);

    (void)run;
    if ((fclose(log->out) || failed) && !log->lost)
        log->lost = errno;
    if (log->lost)
        fail_lost(log);
    free(log);
}

const struct net_sink net_sink_step_log = {
    .reserve = reserve_log,
    .step = add_step,
    .save = save_log,
    .close = close_log,
};
