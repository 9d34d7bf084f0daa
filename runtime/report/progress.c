/*
 * progress.c -- what a person sees while it trains, on stderr: on a terminal one line that is drawn
 * again in its place, elsewhere a plain line an epoch.
 */

#define _GNU_SOURCE

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

void net_progress_open(struct net_progress *progress, bool quiet)
{
    const char *term = getenv("TERM");

    *progress = (struct net_progress){.quiet = quiet, .begun = net_now()};
    progress->terminal = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
}

void net_progress_hush(struct net_progress *progress)
{
    net_progress_close(progress);
    progress->quiet = true;
    progress->terminal = false;
}

bool net_progress_due(const struct net_progress *progress)
{
    return progress->terminal && net_now() - progress->drawn >= 0.1;
}

/* A line that is wider than the terminal could not be drawn over. */
static void draw(struct net_progress *progress, const char *line)
{
    struct winsize size = {.ws_col = 80};

    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) || size.ws_col < 20)
        size.ws_col = 80;
    fprintf(stderr, "\r\033[K%.*s", size.ws_col - 1, line);
    fflush(stderr);
    progress->drawn = net_now();
    progress->shown = 1;
}

void net_progress_step(struct net_progress *progress, const char *line)
{
    if (progress->terminal)
        draw(progress, line);
}

void net_progress_line(struct net_progress *progress, const char *line)
{
    if (progress->terminal)
        draw(progress, line);
    else if (!progress->quiet)
        fprintf(stderr, "%s\n", line);
}

void net_progress_close(struct net_progress *progress)
{
    if (progress->shown)
        fputc('\n', stderr);
    progress->shown = 0;
}

void net_progress_say(struct net_progress *progress, const char *format, ...)
{
    va_list args;

    if (progress->quiet)
        return;
    net_progress_close(progress);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
}
