/*
 * files.c -- where results go: to stdout, or to whole files or none.
 */

#define _XOPEN_SOURCE 700 /* clock_gettime */

#include "core/atomic_file.h"
#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "netc: error: cannot write: %s\n", strerror(errno));
    return EXIT_FAULT;
}

const char *file_name(const char *word)
{
    return word[0] == '-' ? format("./%s", word) : word;
}

bool is_same_file(const char *a, const char *b)
{
    struct stat one, other;

    return stat(a, &one) == 0 && stat(b, &other) == 0 && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

double milliseconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec * 1e-6;
}

int write_output(const char *path, const Text *text)
{
    struct net_atomic_file file;
    bool ok = net_atomic_open(&file, AT_FDCWD, path);

    if (!ok && errno == EEXIST) {
        fprintf(stderr, "netc: error: cannot write %s: it is not a file\n", path);
        return EXIT_USAGE;
    }
    if (ok && fwrite(text->at, 1, text->length, file.out) == text->length)
        ok = net_atomic_commit(&file);
    else if (ok)
        net_atomic_drop(&file), ok = false;
    if (ok)
        return 0;
    fprintf(stderr, "netc: error: cannot write %s: %s\n", path, strerror(errno));
    return EXIT_FAULT;
}

int write_out(const Options *o, const Text *text)
{
    if (o->output)
        return write_output(o->output, text);
    fwrite(text->at, 1, text->length, stdout);
    return flush();
}
