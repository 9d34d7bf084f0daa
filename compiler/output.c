/*
 * output.c -- the trainer that clang makes of the generated C.
 */

#define _XOPEN_SOURCE 700 /* realpath */

#include "driver.h"
#include "emit/emit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* `path` is about to be written. */
static void keep_model(const Options *o, const char *path, const char *what)
{
    if (is_same_file(path, o->input))
        fail_usage(
            format("%s would be written over the model, %s; give -o another name", what, path));
}

/* The model file, line by line, for the runtime: report.html shows it. */
static void add_model(Text *text, const Source *source)
{
    const char *line = source->text, *end = source->text + source->length;

    text_add(text, "\nconst char net_model_text[] =\n");
    for (const char *next; line < end; line = next) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));

        next = newline ? newline + 1 : end;
        text_add(text, "    %s\n", quoted(format("%.*s", (int)(next - line), line)));
    }
    text_add(text, "    \"\";\n");
}

/* Writes the units, the model file's text behind the first, and builds the trainer. */
static Built build_from(const Clang *clang, const char *target, Code *code, const Source *source,
                        const char *trainer)
{
    WorkFolder work;
    const int count = count_units(code, (int)sysconf(_SC_NPROCESSORS_ONLN));
    const char **files = allocate((size_t)count * sizeof *files);
    Built status = BUILT_NO_FILE;
    int written = 0;

    if (!open_work_folder(&work, trainer)) {
        fprintf(stderr, "netc: error: cannot write %s: %s\n", work.path, strerror(errno));
        return BUILT_NO_FILE;
    }
    cut_into_units(code, count);
    for (; written < count; written++) {
        Text text = {0};

        files[written] = format("%s/%d.c", work.path, written);
        write_unit(&text, code, written);
        if (written == 0)
            add_model(&text, source);
        if (write_output(files[written], &text) != 0)
            break;
    }
    if (written == count)
        status = build_trainer(clang, target, files, count, trainer, work.path);
    close_work_folder(&work);
    return status;
}

/* With --keep the generated C stays as FILE.c. After a signal no other file does. */
int build_output(const Options *o, const Clang *clang, const char *target, Code *code,
                 const Source *source, double began)
{
    const char *name = o->output ? o->output : file_name(source->name);
    const char *real = realpath(name, NULL), *trainer = real ? real : name; /* behind a link */
    const char *whole = o->keep ? format("%s.c", trainer) : NULL;
    double emitted, built;
    struct stat there;
    Text text = {0};
    Built status;

    if (!real && errno == ENOMEM)
        fail_memory();
    if (stat(trainer, &there) == 0 && S_ISDIR(there.st_mode))
        fail_usage(format("%s is a folder; name the trainer with -o", trainer));
    if (stat(trainer, &there) == 0 && !S_ISREG(there.st_mode))
        fail_usage(format("%s is not a file; name the trainer with -o", trainer));
    keep_model(o, trainer, "the trainer");
    if (stat(trainer, &there) == 0 && there.st_size > 0 && !(there.st_mode & 0111))
        fail_usage(format("%s is there and no program, which would be lost; give -o another name",
                          trainer));
    if (whole)
        keep_model(o, whole, "the generated C");
    hold_signals();
    if (whole)
        write_unit(&text, code, 0);
    if (whole && write_output(whole, &text) != 0)
        return EXIT_FAULT;
    emitted = milliseconds();
    status = build_from(clang, target, code, source, trainer);
    built = milliseconds();
    release_signals();
    if (status == BUILT && o->verbose)
        fprintf(stderr, "netc %.0f ms, clang %.0f ms\n", emitted - began, built - emitted);
    return status == BUILT ? 0 : status == BUILT_NO_FILE ? EXIT_FAULT : EXIT_CLANG;
}
