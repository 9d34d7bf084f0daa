/*
 * arriving.c -- rows of a pipe, as they arrive: of what it has given so far the complete rows
 * become standard input, a file in memory behind the header that all of them share; then the next.
 * What is kept is one reading of the pipe, or the longest row.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sources/source.h"

enum { READING = 1 << 16 };
enum where { CELL_BEGINS, IN_CELL, IN_QUOTES, BEHIND_QUOTE };

static struct {
    int from, file;
    char *bytes; /* the header, then what was not given as rows before */
    size_t used, room;
    size_t looked_at, header, whole; /* bytes; whole: up to the end of the last complete row */
    bool ended, packed, has_header;
    char separator, quote;
    enum net_input_kind kind;
    enum where where;           /* of a table: at looked_at */
    bool filled;                /* the row at looked_at is not empty */
    long lines, rows;           /* of those in bytes, behind the header */
    long lines_seen;            /* up to looked_at */
    long lines_past, rows_past; /* given before */
} pipe_in;

/* More bytes of the pipe; false at its end. */
static bool read_more(void)
{
    ssize_t count;

    if (pipe_in.room - pipe_in.used < READING) {
        pipe_in.room = 2 * pipe_in.room + READING;
        pipe_in.bytes = realloc(pipe_in.bytes, pipe_in.room);
        if (!pipe_in.bytes)
            net_fail(1, "standard input: out of memory for a row of %zu bytes", pipe_in.used);
    }
    do
        count = read(pipe_in.from, pipe_in.bytes + pipe_in.used, READING);
    while (count < 0 && errno == EINTR);
    if (count < 0)
        net_fail(1, "cannot read standard input: %s", strerror(errno));
    pipe_in.used += (size_t)count;
    pipe_in.ended = !count;
    return count > 0;
}

/* Where a table's next character stands. */
static enum where step(enum where where, char c)
{
    if (where == IN_QUOTES)
        return c == pipe_in.quote ? BEHIND_QUOTE : IN_QUOTES;
    if (c == pipe_in.separator || c == '\n')
        return CELL_BEGINS;
    return c == pipe_in.quote && where != IN_CELL ? IN_QUOTES : IN_CELL;
}

static void end_row(void)
{
    const bool is_row = pipe_in.filled || pipe_in.kind == NET_INPUT_LINES;

    pipe_in.whole = pipe_in.looked_at;
    pipe_in.filled = false;
    if (is_row && pipe_in.has_header && !pipe_in.header) {
        pipe_in.header = pipe_in.whole;
        return;
    }
    pipe_in.rows += is_row;
    pipe_in.lines += pipe_in.lines_seen;
    pipe_in.lines_seen = 0;
}

/* Finds the complete rows; of a file that is packed there are none before its end. */
static void look(void)
{
    while (pipe_in.looked_at < pipe_in.used && !pipe_in.packed) {
        const char c = pipe_in.bytes[pipe_in.looked_at++];
        const bool mark = pipe_in.looked_at <= 3 && !pipe_in.rows_past && strchr("\xef\xbb\xbf", c);

        if (pipe_in.kind == NET_INPUT_TABLE && !mark)
            pipe_in.where = step(pipe_in.where, c);
        pipe_in.filled |= c != '\n' && c != '\r' &&
                          (pipe_in.kind == NET_INPUT_TABLE || (c != ' ' && c != '\t'));
        pipe_in.lines_seen += c == '\n' && (pipe_in.header || !pipe_in.has_header);
        if (c == '\n' && pipe_in.where != IN_QUOTES)
            end_row();
    }
}

/* Rows that were given go, and empty lines. */
static void drop(void)
{
    const size_t rest = pipe_in.used - pipe_in.whole;

    memmove(pipe_in.bytes + pipe_in.header, pipe_in.bytes + pipe_in.whole, rest);
    pipe_in.looked_at -= pipe_in.whole - pipe_in.header;
    pipe_in.whole = pipe_in.header;
    pipe_in.used = pipe_in.header + rest;
    pipe_in.lines_past += pipe_in.lines;
    pipe_in.rows_past += pipe_in.rows;
    pipe_in.lines = pipe_in.rows = 0;
}

/* Reads until there is a row, or no more; then standard input is the file of them. */
static void fill(void)
{
    for (look(); !pipe_in.rows && !pipe_in.ended; look()) {
        if (pipe_in.header)
            drop();
        read_more();
    }
    if (!pipe_in.rows) {
        /* one without a line break at its end */
        pipe_in.rows = pipe_in.filled || (pipe_in.kind == NET_INPUT_LINES && !pipe_in.packed &&
                                          pipe_in.used > pipe_in.whole);
        pipe_in.whole = pipe_in.used;
        pipe_in.filled = false; /* it is given now */
    }
    size_t done = 0;
    ssize_t count = ftruncate(pipe_in.file, 0);

    for (; done < pipe_in.whole && count >= 0; done += (size_t)count)
        count = pwrite(pipe_in.file, pipe_in.bytes + done, pipe_in.whole - done, (off_t)done);
    if (count < 0)
        net_fail(1, "cannot keep rows of standard input: %s", strerror(errno));
}

/* Of a pipe before, which a fault may have ended: then its bytes were given back. */
static void close_files(void)
{
    if (pipe_in.file > 0) {
        close(pipe_in.from);
        close(pipe_in.file);
    }
    memset(&pipe_in, 0, sizeof pipe_in);
}

char net_separator(const struct net_call *call)
{
    const struct net_arg *given = net_argument(call, "separator");

    return !given || !given->text                        ? ','
           : *given->text == 't' || *given->text == '\\' ? '\t'
                                                         : *given->text;
}

char net_quote(const struct net_call *call)
{
    const struct net_arg *given = net_argument(call, "quote");

    return given && *given->text == '\'' ? '\'' : given && *given->text == 'n' ? '\0' : '"';
}

bool net_arriving_open(const char *file, const struct net_call *call, bool texts)
{
    const struct net_arg *header = net_argument(call, "header");
    const bool standard = !strcmp(file, "-");
    struct stat status;
    size_t first = 0;

    if (standard ? fstat(STDIN_FILENO, &status)
                 : net_input_kind_by_name(file) != NET_INPUT_UNKNOWN || stat(file, &status))
        return false;
    if (S_ISREG(status.st_mode) || (!standard && !S_ISFIFO(status.st_mode)))
        return false;
    close_files();
    pipe_in.from = standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
                            : open(file, O_RDONLY | O_CLOEXEC);
    pipe_in.file = memfd_create("input", MFD_CLOEXEC);
    if (pipe_in.from < 0 || pipe_in.file < 0 || dup2(pipe_in.file, STDIN_FILENO) < 0)
        net_fail(1, "cannot read %s: %s", file, strerror(errno));
    do
        while (first < pipe_in.used && strchr(" \t\r\n\xef\xbb\xbf", pipe_in.bytes[first]))
            first++;
    while ((first == pipe_in.used || pipe_in.used < 2) && read_more());
    pipe_in.packed = pipe_in.used > 1 && !memcmp(pipe_in.bytes, "\x1f\x8b", 2);
    pipe_in.kind = first < pipe_in.used && pipe_in.bytes[first] == '{' ? NET_INPUT_OBJECTS
                   : texts                                             ? NET_INPUT_LINES
                                                                       : NET_INPUT_TABLE;
    pipe_in.has_header = (!header || header->number != 0) && pipe_in.kind == NET_INPUT_TABLE;
    pipe_in.separator = net_separator(call);
    pipe_in.quote = net_quote(call);
    fill();
    return true;
}

bool net_arriving_next(long *lines, long *rows)
{
    drop();
    fill();
    *lines = pipe_in.lines_past;
    *rows = pipe_in.rows_past;
    if (pipe_in.rows)
        return true;
    free(pipe_in.bytes);
    pipe_in.bytes = NULL;
    return false;
}
