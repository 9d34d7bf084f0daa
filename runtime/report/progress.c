/*
 * progress.c -- what a person sees while it trains: lines that stay on stdout, and below them,
 * where stderr is a terminal, what is drawn again in its place.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

/* The first of LC_ALL, LC_CTYPE and LANG that says something. */
static bool speaks_utf8(void)
{
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = getenv(names[i]);

        if (value && *value)
            return strstr(value, "UTF-8") || strstr(value, "utf8") || strstr(value, "utf-8");
    }
    return false;
}

void net_progress_open(struct net_progress *progress, FILE *lines, bool quiet)
{
    const char *term = getenv("TERM"), *no_color = getenv("NO_COLOR");

    *progress = (struct net_progress){.lines = quiet ? NULL : lines, .quiet = quiet};
    progress->terminal = !quiet && isatty(STDERR_FILENO) && term && strcmp(term, "dumb") != 0;
    progress->color = progress->terminal && !(no_color && *no_color);
    progress->utf8 = speaks_utf8();
}

static int columns_of(int file)
{
    struct winsize size;

    return ioctl(file, TIOCGWINSZ, &size) || size.ws_col < 20 ? 80 : size.ws_col;
}

int net_progress_width(void)
{
    return columns_of(STDERR_FILENO);
}

static int limit_of(int file)
{
    return isatty(file) ? columns_of(file) : 0;
}

int net_progress_lines_width(const struct net_progress *progress)
{
    return progress->lines ? limit_of(fileno(progress->lines)) : 0;
}

int net_stdout_width(void)
{
    return limit_of(STDOUT_FILENO);
}

int net_text_columns(const char *line)
{
    int columns = 0;

    for (; *line; line++) {
        if (*line == '\033')
            line += strcspn(line, "m");
        else
            columns += ((unsigned char)*line & 0xc0) != 0x80;
        if (!*line)
            break;
    }
    return columns;
}

void net_text_wrap(struct net_text *text, const char *lines, int columns)
{
    char *copy = net_format("%s", lines), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        const size_t indent = strspn(line, " ");
        const char *gap = strstr(line + indent, "  ") ? "  " : " ";
        const bool whole = columns <= 0 || net_text_columns(line) <= columns;
        int used = 0;

        for (char *piece = line, *next = NULL; piece; piece = next) {
            const bool first = piece == line;

            next = whole ? NULL : strstr(first ? line + indent : piece, gap);
            if (next) {
                *next = '\0';
                next += strlen(gap);
            }
            const int width = net_text_columns(piece), between = (int)strlen(gap);
            const bool breaks = !first && used + between + width > columns;

            net_text_add(text, "%s%s", breaks ? "\n    " : first ? "" : gap, piece);
            used = width + (breaks ? 4 : first ? 0 : used + between);
        }
        net_text_add(text, "%s", rest ? "\n" : "");
    }
    free(copy);
}

/* Rows of the terminal that the drawn lines take: it may have become narrower since then. */
static int rows_of(const char *lines, int width)
{
    int rows = 0;
    char *copy = net_format("%s", lines), *rest = copy;

    for (char *line; (line = strsep(&rest, "\n"));) {
        const int columns = net_text_columns(line);

        rows += columns ? (columns + width - 1) / width : 1;
    }
    free(copy);
    return rows;
}

void net_progress_close(struct net_progress *progress)
{
    if (!progress->shown)
        return;
    /* row by row: some terminals keep what is cleared with the whole of their screen */
    for (int rows = rows_of(progress->shown, net_progress_width()); rows > 0; rows--)
        fprintf(stderr, "\r\033[K%s", rows > 1 ? "\033[A" : "");
    fflush(stderr);
    free(progress->shown);
    progress->shown = NULL;
}

void net_progress_hush(struct net_progress *progress)
{
    net_progress_close(progress);
    progress->quiet = true;
    progress->terminal = false;
    progress->lines = NULL;
}

bool net_progress_due(const struct net_progress *progress)
{
    return progress->terminal && net_now() - progress->drawn >= 0.1;
}

void net_progress_draw(struct net_progress *progress, const char *lines)
{
    if (!progress->terminal)
        return;
    net_progress_close(progress);
    fputs(lines, stderr);
    fflush(stderr);
    progress->drawn = net_now();
    progress->shown = net_format("%s", lines);
}

/* What is in its buffer goes nowhere, and is no fault. */
static void drop_stdout(void)
{
    const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);

    if (nowhere < 0 || dup2(nowhere, STDOUT_FILENO) < 0)
        net_fail(NET_FAULT, "cannot open /dev/null: %s", strerror(errno));
    close(nowhere);
    fflush(stdout);
    clearerr(stdout);
}

void net_print_lines(FILE **file, const char *lines)
{
    if (!*file)
        return;
    if (fprintf(*file, "%s\n", lines) >= 0 && !fflush(*file))
        return;
    if (errno != EPIPE && errno != EBADF)
        net_warn("cannot write to stdout: %s; nothing more is printed", strerror(errno));
    else if (*file == stdout)
        drop_stdout();
    *file = NULL;
}

void net_progress_print(struct net_progress *progress, const char *lines)
{
    if (!progress->lines)
        return;
    struct net_text text = {0};

    net_text_wrap(&text, lines, net_progress_lines_width(progress) - 1);
    net_progress_close(progress);
    net_print_lines(&progress->lines, text.at);
    free(text.at);
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
