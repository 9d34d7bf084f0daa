/*
 * clang.c -- clang behind netc: finds it, and lets it turn the generated C and libnetrt into a
 * trainer, which appears under its name only when it is complete.
 *
 * The headers of the kernels are most of what clang reads. They are parsed once, into a precompiled
 * header in the user's cache; where there can be none, or it no longer fits, clang reads them.
 *
 * Needs: generated C in a file. Gives: a trainer.
 */

#define _XOPEN_SOURCE 700 /* mkstemp, readlink */

#include "driver.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

/* A netc that was built with sanitizers builds its trainers with them: so they are tested. */
#ifndef __has_feature
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define SANITIZERS "-fsanitize=address,undefined"
#elif defined(__SANITIZE_THREAD__) || __has_feature(thread_sanitizer)
#define SANITIZERS "-fsanitize=thread"
#else
#define SANITIZERS ""
#endif

static bool is_sanitized(void)
{
    return *SANITIZERS;
}

/* ---- where things are ------------------------------------------------------------------------ */

static bool is_program(const char *path)
{
    struct stat status;

    return access(path, X_OK) == 0 && stat(path, &status) == 0 && S_ISREG(status.st_mode);
}

static bool on_path(const char *name)
{
    const char *path = getenv("PATH");

    if (strchr(name, '/'))
        return is_program(name);
    while (path && *path) {
        const size_t length = strcspn(path, ":");

        if (length > 0 && is_program(format("%.*s/%s", (int)length, path, name)))
            return true;
        path += length + (path[length] == ':');
    }
    return false;
}

/* The folder of the running netc, without a final slash; NULL where /proc is missing. */
static char *own_folder(void)
{
    char path[4096];
    const ssize_t length = readlink("/proc/self/exe", path, sizeof path - 1);

    if (length <= 0)
        return NULL;
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    return copy_text(path, strlen(path));
}

static bool find_runtime(Clang *clang)
{
    const char *folder = own_folder();

    if (!folder) {
        fprintf(stderr, "netc: error: /proc/self/exe cannot be read, so netc does not find its own "
                        "folder and the runtime beside it\n");
        return false;
    }
    clang->libraries = folder; /* build/netc, build/libnetrt.a */
    if (access(format("%s/libnetrt.a", clang->libraries), R_OK) != 0)
        clang->libraries = format("%s/../lib/netc", folder); /* as installed */
    clang->headers = format("%s/include", clang->libraries);
    if (access(format("%s/libnetrt.a", clang->libraries), R_OK) == 0 &&
        access(format("%s/netrt.h", clang->headers), R_OK) == 0)
        return true;
    fprintf(stderr,
            "netc: error: the runtime, libnetrt.a and include/netrt.h, lies neither in %s "
            "nor in %s/../lib/netc; run `make` or `make install` again\n",
            folder, folder);
    return false;
}

bool find_clang(Clang *clang, const char *cc)
{
    static const char *const names[] = {"clang",    "clang-14", "clang-15", "clang-16",
                                        "clang-17", "clang-18", "clang-19"};

    for (int i = 0; !cc && !clang->program && i < COUNT(names); i++)
        if (on_path(names[i]))
            clang->program = names[i];
    clang->asked = cc != NULL;
    if (cc && *cc && on_path(cc))
        clang->program = cc;
    if (!clang->program && cc)
        fprintf(stderr, "netc: error: --cc: there is no program `%s`\n", cc);
    else if (!clang->program)
        fprintf(stderr, "netc: error: no clang on PATH (clang, clang-14 to clang-19); install the "
                        "package clang, or name one with --cc\n");
    return clang->program && find_runtime(clang);
}

/* For OpenMPI and MPICH: which compiler the wrapper calls, is said in the environment. */
bool find_mpi(Clang *clang)
{
    if (!on_path("mpicc")) {
        fprintf(stderr, "netc: error: --mpi wants MPI, and there is no mpicc on PATH; install the "
                        "packages libopenmpi-dev and openmpi-bin\n");
        return false;
    }
    setenv("OMPI_CC", clang->program, 1);
    setenv("MPICH_CC", clang->program, 1);
    clang->wrapper = "mpicc";
    return true;
}

/* ---- the trainer ----------------------------------------------------------------------------- */

/* Room for the largest trainer and what clang writes on its way to it. */
enum { ROOM = 16 << 20 };

/* 0, or why a file of that size cannot be written in a folder. */
static int try_writing(const char *folder)
{
    static const char zeros[1 << 16];
    char *path = format("%s/netc-XXXXXX", folder);
    const int file = mkstemp(path);
    int error = file < 0 ? errno : 0;

    for (ssize_t size = 0, count; !error && size < ROOM; size += count)
        if ((count = write(file, zeros, sizeof zeros)) <= 0)
            error = errno;
    if (file >= 0) {
        close(file);
        unlink(path);
    }
    return error;
}

/* MB that a program may have; 0: clang has enough. */
static long memory_limit(void)
{
    enum { ENOUGH = 2048 };
    static const int limits[] = {RLIMIT_AS, RLIMIT_DATA};
    struct rlimit limit;
    long least = ENOUGH;

    for (int i = 0; i < COUNT(limits); i++)
        if (!getrlimit(limits[i], &limit) && limit.rlim_cur >> 20 < (rlim_t)least)
            least = (long)(limit.rlim_cur >> 20);
    return least < ENOUGH ? least : 0;
}

/* clang failed: for want of a place to write or of memory, by a signal, or by a fault of the
   code. */
static Built explain_failure(const Clang *clang, const char *output, int result)
{
    const char *slash = strrchr(output, '/');
    const char *folder = slash ? format("%.*s", (int)(slash - output) + 1, output) : ".";
    const int error = try_writing(folder);

    if (error) {
        fprintf(stderr, "netc: error: clang cannot write in %s: %s\n", folder, strerror(error));
        return BUILT_NO_FILE;
    }
    if (memory_limit()) {
        fprintf(stderr,
                "netc: error: %s failed with %ld MB of memory, all that it may have (ulimit -v, "
                "-d): it wants about 300, of large models more; raise the limit\n",
                clang->program, memory_limit());
        return BUILT_FAULT;
    }
    if (result > 0) {
        fprintf(stderr, "netc: error: %s was ended by signal %d (%s)%s\n", clang->program, result,
                strsignal(result), result == SIGKILL ? "; is memory short?" : "");
        return BUILT_FAULT;
    }
    fprintf(stderr,
            clang->asked ? "netc: error: `%s` of --cc made no trainer of the generated C; "
                           "netc wants clang 14 to 19. If it is one, its message is above, "
                           "and that is a fault of netc's: please report it\n"
                         : "netc: error: %s failed on the generated C (its message is "
                           "above); that is a fault of netc's, not of the model: please "
                           "report it\n",
            clang->program);
    return BUILT_FAULT;
}

static const char *const sanitize[] = {"-O1", "-gline-tables-only", SANITIZERS,
                                       "-fno-sanitize-recover=all"};

static void add_compiler(Command *command, const Clang *clang, const char *target)
{
    static const char *const flags[] = {
        "-std=c11", "-O2", "-ffp-contract=off", "-fno-math-errno",
        "-fno-asynchronous-unwind-tables",
        "-fno-unroll-loops", /* but those that a template marks */
        /* templates are inlined before anything is optimised, not into what already was: the same
           work once, two thirds of the time */
        "-mllvm", "-enable-module-inliner"};

    add_word(command, clang->program);
    add_words(command, flags, COUNT(flags));
    add_processor(command, target);
    if (is_sanitized() && is_here(target))
        add_words(command, sanitize, COUNT(sanitize));
    if (clang->images && clang->images < 16) /* for headers that were parsed before, too */
        add_word(command, format("-DNET_IMAGES=%d", clang->images));
    if (!clang->shared)
        add_word(command, "-pthread");
    else /* it goes into programs of others, at any place of memory */
        add_words(command, (const char *[]){"-fvisibility=hidden", "-fPIC"},
                  same(target, "wasm32") ? 1 : 2);
    add_word(command, format("-I%s", clang->headers));
}

static int compile_units(const Clang *clang, const char *target, const char *const *files,
                         const char *const *objects, int count, const char *precompiled)
{
    const char *const **commands = allocate((size_t)count * sizeof *commands);

    for (int i = 0; i < count; i++) {
        Command command = {0};

        add_compiler(&command, clang, target);
        if (clang->wrapper)
            command.words[0] = clang->wrapper;
        if (precompiled)
            add_words(&command, (const char *[]){"-include-pch", precompiled}, 2);
        if (clang->shared) /* where NAME.c finds NAME.weights */
            add_word(&command, format("-I%s", clang->shared));
        add_words(&command, (const char *[]){"-c", "-o", objects[i], files[i]}, 4);
        commands[i] = complete(&command, clang->verbose);
    }
    return run_all(commands, count, precompiled != NULL);
}

/* The runtime and what it calls: of another processor all of it is compiled for that target. */
static void add_runtime(Command *command, const Clang *clang, const char *target)
{
    add_words(command, (const char *[]){"-pthread", "-Wl,--start-group"}, 2);
    if (is_here(target))
        add_word(command, format("%s/libnetrt.a", clang->libraries)); /* libpng, libjpeg inside */
    add_word(command, format("%s/libnetrt-%s.a", clang->libraries, runtime_target(target)));
    if (!is_here(target) && clang->pictures)
        add_words(command, (const char *[]){"-lpng16", "-ljpeg"}, 2);
    add_words(command, (const char *[]){"-Wl,--end-group", "-lz", "-lm"}, 3);
}

static int link_units(const Clang *clang, const char *target, const char *const *objects, int count,
                      const char *output)
{
    const char *const alone[] = {"-static",
                                 "-Wl,--gc-sections",
                                 "-s",
                                 "-Wl,-z,noseparate-code", /* no padding between code and data */
                                 "-Wl,--build-id=none",
                                 "-Wl,--no-eh-frame-hdr",
                                 "-Wl,-u,__gcc_personality_v0", /* of core/unwinding.c */
                                 format("-Wl,-T,%s/trainer.ld", clang->headers)};
    /* MPI's libraries are shared, and see none of the trainer's names */
    const char *const with_mpi[] = {"-Wl,--gc-sections", "-Wl,--exclude-libs,ALL", "-s"};
    Command command = {0};

    add_words(&command,
              (const char *[]){clang->wrapper ? clang->wrapper : clang->program, "-o", output}, 3);
    add_trainer_linker(&command, target);
    add_words(&command, objects, count);
    if (is_sanitized() && is_here(target))
        add_words(&command, sanitize, COUNT(sanitize));
    else if (clang->wrapper)
        add_words(&command, with_mpi, COUNT(with_mpi));
    else
        add_words(&command, alone, COUNT(alone));
    add_runtime(&command, clang, target);
    return run(complete(&command, clang->verbose), false);
}

/* Parses the headers of the kernels, if the cache does not have them for this command. */
static const char *precompile(const Clang *clang, const char *target)
{
    Command command = {0};

    add_compiler(&command, clang, target);
    return precompile_headers(&command, clang->headers, target, clang->verbose);
}

/* Units side by side. A precompiled header that clang does not take, as after an update of clang or
   of libc, goes away: the next build makes another. */
static int compile_all(const Clang *clang, const char *target, const char *const *files,
                       const char *const *objects, int count)
{
    const char *precompiled = precompile(clang, target);
    int result = FAILED;

    if (!was_ended())
        result = compile_units(clang, target, files, objects, count, precompiled);
    if (result && precompiled && !was_ended()) {
        unlink(precompiled);
        result = compile_units(clang, target, files, objects, count, NULL);
    }
    return result;
}

static int build(const Clang *clang, const char *target, const char *const *files, int count,
                 const char *work, const char *output)
{
    const char **objects = allocate((size_t)count * sizeof *objects);

    for (int i = 0; i < count; i++)
        objects[i] = format("%s/%d.o", work, i);
    const int result = compile_all(clang, target, files, objects, count);

    return result ? result : link_units(clang, target, objects, count, output);
}

Built build_trainer(const Clang *clang, const char *target, const char *const *files, int count,
                    const char *output, const char *work)
{
    const char *part = format("%s/trainer", work);

    if (!can_link(clang, target, work))
        return BUILT_FAULT;
    const int result = build(clang, target, files, count, work, part);

    if (result || !is_program(part))
        return was_ended() ? BUILT_FAULT : explain_failure(clang, output, result);
    if (rename(part, output) != 0) {
        fprintf(stderr, "netc: error: cannot write %s: %s\n", output, strerror(errno));
        return BUILT_NO_FILE;
    }
    return BUILT;
}

/* ---- a library ------------------------------------------------------------------------------- */

/* Nothing of the start of a program, and no name that is not libc's. */
static int link_shared(const Clang *clang, const char *target, const char *name, const char *object,
                       const char *library)
{
    Command command = {0};

    add_words(&command, (const char *[]){clang->program, "-shared", "-o", library, object}, 5);
    add_linker(&command, target);
    add_words(&command,
              (const char *[]){format("-Wl,-soname,lib%s.so", name), "-Wl,--build-id=none",
                               "-Wl,-z,noexecstack"},
              3);
    if (!is_here(target))
        add_words(&command, (const char *[]){"-nostdlib", "-s", "-Wl,-z,defs", "-lc"}, 4);
    else if (is_sanitized())
        add_words(&command, sanitize, COUNT(sanitize));
    else
        add_words(&command, (const char *[]){"-nostartfiles", "-s", "-Wl,-z,defs"}, 3);
    add_words(&command, (const char *[]){"-Wl,--as-needed", "-lm"}, 2);
    return run(complete(&command, clang->verbose), false);
}

/* What a page takes: the functions of the header and the memory that they work in. */
static int link_wasm(const Clang *clang, const char *object, const char *module)
{
    Command command = {0};

    add_words(&command, (const char *[]){clang->program, "-o", module, object, "-s"}, 5);
    add_linker(&command, "wasm32");
    return run(complete(&command, clang->verbose), false);
}

static int archive(const Clang *clang, const char *object, const char *library)
{
    Command command = {0};

    add_words(&command, (const char *[]){on_path("ar") ? "ar" : "llvm-ar", "rcs", library, object},
              4);
    return run(complete(&command, clang->verbose), false);
}

int compile_library(const Clang *clang, const char *target, const char *work, const char *name,
                    int images)
{
    const char *source = format("%s/%s.c", work, name), *object = format("%s/%s.o", work, name);
    const char *shared = format("%s/lib%s.so", work, name);
    const bool wasm = same(target, "wasm32");
    Clang own = *clang;

    if (!can_compile(clang, target, work))
        return FAILED;
    own.shared = work;
    own.images = images;
    int result = compile_all(&own, target, &source, &object, 1);

    if (!result)
        result = wasm ? link_wasm(clang, object, format("%s/%s.wasm", work, name))
                      : link_shared(clang, target, name, object, shared);
    if (result && !was_ended()) {
        explain_failure(clang, shared, result);
    } else if (!result && !wasm &&
               (result = archive(clang, object, format("%s/lib%s.a", work, name))) != 0) {
        fprintf(stderr, "netc: error: `ar`, of binutils, made no library; is it installed?\n");
    }
    return result;
}
