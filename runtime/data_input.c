/*
 * data_input.c -- what kind of file `predict` was given: its name says so, or its first byte.
 * Standard input becomes a file in memory, which can be looked at and read again.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data_file.h"

static const char standard_input[] = "/dev/stdin";

static void keep_input(void)
{
    const int memory = memfd_create("stdin", 0);
    static char bytes[1 << 16];
    ssize_t count = memory < 0 ? -1 : 0, written = 0;

    while (memory >= 0 && written >= 0 && (count = read(STDIN_FILENO, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < count && written >= 0; at += written)
            written = write(memory, bytes + at, (size_t)(count - at));
    if (count < 0 || written < 0 || dup2(memory, STDIN_FILENO) < 0)
        net_fail(1, "cannot read %s: %s", standard_input, strerror(errno));
    close(memory);
}

const char *net_input_path(const char *file)
{
    struct stat status;

    if (strcmp(file, "-"))
        return file;
    if (fstat(STDIN_FILENO, &status) || !S_ISREG(status.st_mode))
        keep_input();
    return standard_input;
}

static bool ends_with(const char *file, const char *suffix)
{
    size_t length = strlen(file);

    if (length > 3 && !strcmp(file + length - 3, ".gz"))
        length -= 3;
    return length > strlen(suffix) &&
           !strncmp(file + length - strlen(suffix), suffix, strlen(suffix));
}

/* Is the first character but spaces that one? */
static bool begins_with(const char *file, char wanted)
{
    struct net_stream stream;
    char c = ' ';

    net_stream_open(&stream, file);
    while (net_stream_some(&stream, &c, 1) == 1 && strchr(" \t\r\n\xef\xbb\xbf", c))
        ;
    net_stream_close(&stream);
    return c == wanted;
}

enum net_shown net_input_shows(const char *file, bool texts)
{
    if (ends_with(file, ".txt"))
        return NET_SHOWS_LINES;
    if (ends_with(file, ".csv") || strpbrk(file, "*?"))
        return NET_SHOWS_TABLE;
    if (ends_with(file, ".jsonl") || ends_with(file, ".json") || begins_with(file, '{'))
        return NET_SHOWS_OBJECTS;
    return texts && !strcmp(file, standard_input) ? NET_SHOWS_LINES : NET_SHOWS_TABLE;
}
