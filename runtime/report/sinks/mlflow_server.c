/*
 * mlflow_server.c -- the sink of --mlflow URL: as epochs end, and at the end, another process of
 * this program sends what the run's folder tells by then (`report RUN --mlflow URL`,
 * mlflow_send.c), so that no step waits for a server. What could not be sent stays in the folder,
 * and is sent with the next epochs or by that command. mlflow.steps there has a line of every Nth
 * step: milliseconds since 1970, loss, step.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "report/sinks/trackers.h"

enum { SEND_AFTER = 1, RETRY_AFTER = 30 }; /* seconds */

struct server {
    const char *url;
    struct net_progress *progress; /* is closed before a warning */
    long every;                    /* steps; 0: none is told of */
    int steps;                     /* mlflow.steps, or -1 */
    pid_t process;                 /* that sends; 0: none does */
    int said;                      /* by it, on stderr */
    double began;                  /* when it did, in seconds */
    bool failed, warned;
};

static void *reserve_server(const struct net_training *run, struct net_progress *progress)
{
    static const char *const words[] = {"curl", "--version", NULL};
    const char *url = run->options->value[NET_MLFLOW].text;

    (void)progress;
    if (!net_is_url(url))
        return NULL;
    if (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0)
        net_tracker_refuse(run, net_format("--mlflow %s: a server's address begins with http:// or "
                                           "https://",
                                           url));
    const int out = memfd_create("curl", MFD_CLOEXEC);
    const pid_t curl = net_program_start("curl", words, (int[3]){-1, out, out});

    if (curl < 0 || net_program_end(curl, true))
        net_tracker_refuse(run, net_format("--mlflow %s: the program curl is missing, which sends "
                                           "to a server: install it, or name a folder",
                                           url));
    close(out);
    return NULL;
}

/* ---- the process that sends ------------------------------------------------------------------ */

/* Is none at it? */
static bool has_ended(struct server *server, bool wait)
{
    const int status = server->process > 0 ? net_program_end(server->process, wait) : 1;

    if (server->process && status < 0)
        return false;
    server->failed = server->process ? status != 0 : server->failed;
    server->process = 0;
    return true;
}

static void begin_sending(struct server *server, const struct net_training *run)
{
    char *place = net_folder_place(&run->folder);
    const char *const words[] = {
        program_invocation_name, "report", "--mlflow", server->url, "--", place, NULL};
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    close(server->said);
    server->said = memfd_create("said", MFD_CLOEXEC);
    server->began = net_now();
    server->process = net_program_start("/proc/self/exe", words,
                                        (int[3]){-1, nowhere, server->said});
    close(nowhere);
    free(place);
}

/* With its last words, but for who says them. */
static void warn(struct server *server, const char *then)
{
    static const char error[] = ": error: ";
    char line[1024] = "";
    const ssize_t count = pread(server->said, line, sizeof line - 1, 0);
    const char *found = strstr(line, error);

    (void)count;
    line[strcspn(line, "\n")] = '\0';
    net_progress_close(server->progress);
    net_warn("--mlflow: %s; %s", found ? found + strlen(error) : "nothing could be sent", then);
}

/* ---- mlflow.steps ---------------------------------------------------------------------------- */

static _Noreturn void fail_steps(const struct net_training *run)
{
    net_fail(NET_FAULT, "cannot write %s/mlflow.steps: %s", run->folder.path, strerror(errno));
}

/* Behind its last whole line: a run that ended in the midst of one goes on there. */
static int open_steps(const struct net_training *run)
{
    const int file = openat(run->folder.at, "mlflow.steps", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                            0666);
    off_t end = file < 0 ? 0 : lseek(file, 0, SEEK_END);
    char last;

    while (end > 0 && pread(file, &last, 1, end - 1) == 1 && last != '\n')
        end--;
    if (file < 0 || end < 0 || ftruncate(file, end))
        fail_steps(run);
    return file;
}

/* ---- the sink -------------------------------------------------------------------------------- */

static void *open_server(const struct net_training *run, struct net_progress *progress)
{
    const char *url = run->options->value[NET_MLFLOW].text;

    if (!net_is_url(url))
        return NULL;
    struct server *server = net_allocate(1, sizeof *server);

    *server = (struct server){.url = url,
                              .progress = progress,
                              .every = net_whole(run->options, NET_TRACK_EVERY),
                              .steps = -1,
                              .said = -1};
    if (server->every)
        server->steps = open_steps(run);
    begin_sending(server, run);
    return server;
}

/* What is not written ends the run as a line of history.csv does: it comes again behind the last
   checkpoint. */
static void add_step(void *sink, const struct net_training *run, double loss)
{
    struct server *server = sink;
    const long step = run->session.run.step;

    if (server->every && !(step % server->every) &&
        dprintf(server->steps, "%.0f %.9g %ld\n", 1e3 * net_tracker_now(), loss, step) < 0)
        fail_steps(run);
}

static void add_epoch(void *sink, const struct net_training *run, const struct net_epoch *epoch)
{
    struct server *server = sink;

    (void)epoch;
    if (!has_ended(server, false))
        return;
    if (server->failed && !server->warned) {
        warn(server, "the run goes on, and what is missing is sent later");
        server->warned = true;
    }
    if (net_now() - server->began > (server->failed ? RETRY_AFTER : SEND_AFTER))
        begin_sending(server, run);
}

static void finish_server(void *sink, const struct net_training *run, const char *status)
{
    struct server *server = sink;
    struct net_text later = {0};
    char *place = net_folder_place(&run->folder);

    (void)status;
    has_ended(server, true);
    if (server->failed && !server->warned) /* what it could not do is done again, and is told */
        warn(server, "it is sent again");
    begin_sending(server, run);
    has_ended(server, true);
    net_text_add(&later, "send the rest later with:  ");
    net_text_shell(&later, program_invocation_name);
    net_text_add(&later, " report ");
    net_text_shell(&later, place);
    net_text_add(&later, " --mlflow ");
    net_text_shell(&later, server->url);
    if (server->failed)
        warn(server, later.at);
    free(later.at);
    free(place);
}

static void close_server(void *sink, const struct net_training *run)
{
    struct server *server = sink;

    (void)run;
    close(server->steps);
    close(server->said);
    free(server);
}

const struct net_sink net_sink_mlflow_server = {
    .reserve = reserve_server,
    .open = open_server,
    .step = add_step,
    .epoch = add_epoch,
    .finish = finish_server,
    .close = close_server,
};
