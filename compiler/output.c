/*
 * output.c -- where results go: whole files or none, and the trainer that clang makes of the
 * generated C.
 */

#define _XOPEN_SOURCE 700 /* realpath */

#include "driver.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* What was printed has arrived. */
int flush(void)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return 0;
    fprintf(stderr, "netc: error: cannot write: %s\n", strerror(errno));
    return EXIT_FAULT;
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

/* Writes a whole file or none: beside its place first, then renamed. A link stays one. */
static int write_output(const char *path, const Text *text)
{
    const char *real = realpath(path, NULL);
    const char *place = real ? real : path, *part = format("%s.%ld.part", place, (long)getpid());
    struct stat there;

    if (stat(path, &there) == 0 && !S_ISREG(there.st_mode)) {
        fprintf(stderr, "netc: error: cannot write %s: it is not a file\n", path);
        return EXIT_USAGE;
    }

    FILE *file = fopen(part, "w");
    bool ok = file && fwrite(text->at, 1, text->length, file) == text->length;

    if (file)
        ok = fclose(file) == 0 && ok;
    ok = ok && rename(part, place) == 0;
    if (ok)
        return 0;
    fprintf(stderr, "netc: error: cannot write %s: %s\n", path, strerror(errno));
    if (file)
        unlink(part);
    return EXIT_FAULT;
}

/* What goes to stdout, or to the file of -o. */
int write_out(const Options *o, const Text *text)
{
    if (o->output)
        return write_output(o->output, text);
    fwrite(text->at, 1, text->length, stdout);
    return flush();
}

/* `path` is about to be written. */
static void keep_model(const Options *o, const char *path, const char *what)
{
    if (is_same_file(path, o->input))
        fail_usage(
            format("%s would be written over the model, %s; give -o another name", what, path));
}

/* The generated C goes to FILE.c, which goes away again unless --keep, after a signal too. */
int build_output(const Options *o, const Clang *clang, const char *target, const Text *code,
                 const char *name, double began)
{
    const char *real = realpath(name, NULL), *trainer = real ? real : name; /* behind a link */
    const char *path = format("%s.c", trainer);
    double emitted, built;
    struct stat there;
    Built status;

    if (stat(trainer, &there) == 0 && S_ISDIR(there.st_mode))
        fail_usage(format("%s is a folder; name the trainer with -o", trainer));
    if (stat(trainer, &there) == 0 && !S_ISREG(there.st_mode))
        fail_usage(format("%s is not a file; name the trainer with -o", trainer));
    if (!o->keep)
        path = format("%s.%ld.c", trainer, (long)getpid());
    keep_model(o, trainer, "the trainer");
    keep_model(o, path, "the generated C");
    hold_signals();
    if (write_output(path, code) != 0)
        return EXIT_FAULT;
    emitted = milliseconds();
    status = build_trainer(clang, target, path, trainer);
    built = milliseconds();
    if (!o->keep)
        unlink(path);
    release_signals();
    if (status == BUILT && o->verbose)
        fprintf(stderr, "netc %.0f ms, clang %.0f ms\n", emitted - began, built - emitted);
    return status == BUILT ? 0 : status == BUILT_NO_FILE ? EXIT_FAULT : EXIT_CLANG;
}
