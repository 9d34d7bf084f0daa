/*
 * input.c -- what kind of file `predict` was given: its name says so, or its first byte.
 * Standard input and pipes without a telling name become a file in memory, which can be looked at
 * and read again.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sources/source.h"

static const char standard_input[] = "/dev/stdin";

static bool ends_with(const char *file, const char *suffix)
{
    size_t length = strlen(file);

    if (length > 3 && !strcmp(file + length - 3, ".gz"))
        length -= 3;
    return length > strlen(suffix) &&
           !strncmp(file + length - strlen(suffix), suffix, strlen(suffix));
}

/* What `from` gives becomes standard input, a file then. */
static void keep_input(int from, const char *name)
{
    const int memory = memfd_create("input", 0);
    static char bytes[1 << 16];
    ssize_t count = memory < 0 || from < 0 ? -1 : 0, written = 0;

    while (count >= 0 && written >= 0 && (count = read(from, bytes, sizeof bytes)) > 0)
        for (ssize_t at = 0; at < count && written >= 0; at += written)
            written = write(memory, bytes + at, (size_t)(count - at));
    if (count < 0 || written < 0 || dup2(memory, STDIN_FILENO) < 0)
        net_fail(1, "cannot read %s: %s", name, strerror(errno));
    close(memory);
}

/* What the name says; NET_INPUT_UNKNOWN: look inside. */
enum net_input_kind net_input_kind_by_name(const char *file)
{
    if (ends_with(file, ".txt"))
        return NET_INPUT_LINES;
    if (ends_with(file, ".csv") || strpbrk(file, "*?"))
        return NET_INPUT_TABLE;
    if (ends_with(file, ".jsonl") || ends_with(file, ".json"))
        return NET_INPUT_OBJECTS;
    return NET_INPUT_UNKNOWN;
}

const char *net_input_path(const char *file)
{
    struct stat status;

    if (!strcmp(file, "-")) {
        if (fstat(STDIN_FILENO, &status) || !S_ISREG(status.st_mode))
            keep_input(STDIN_FILENO, standard_input);
        return standard_input;
    }
    if (net_input_kind_by_name(file) != NET_INPUT_UNKNOWN || stat(file, &status) ||
        !S_ISFIFO(status.st_mode))
        return file;
    keep_input(open(file, O_RDONLY), file); /* a pipe that has to be looked into */
    return standard_input;
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

enum net_input_kind net_input_kind_of(const char *file, bool texts)
{
    const enum net_input_kind named = net_input_kind_by_name(file);

    if (named != NET_INPUT_UNKNOWN)
        return named;
    if (begins_with(file, '{'))
        return NET_INPUT_OBJECTS;
    return texts && !strcmp(file, standard_input) ? NET_INPUT_LINES : NET_INPUT_TABLE;
}
