/*
 * clang.c -- clang behind netc: finds it, asks it what this machine has, and lets it turn the
 * generated C and libnetrt into a trainer. One idea: programs are run directly, never by a shell,
 * and the output appears under its name only when it is complete.
 *
 * Needs: generated C in a file. Gives: a trainer.
 */

#define _GNU_SOURCE

#include "driver.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* A netc that was built with sanitizers builds its trainers with them: so they are tested. */
#if defined(__SANITIZE_ADDRESS__)
enum { SANITIZED = 1 };
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
enum { SANITIZED = 1 };
#else
enum { SANITIZED = 0 };
#endif
#else
enum { SANITIZED = 0 };
#endif

/* ---- where things are ------------------------------------------------------------------------ */

static bool is_program(const char *path)
{
    return access(path, X_OK) == 0;
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
    if (cc && on_path(cc))
        clang->program = cc;
    if (!clang->program && cc)
        fprintf(stderr, "netc: error: --cc: there is no program `%s`\n", cc);
    else if (!clang->program)
        fprintf(stderr, "netc: error: no clang on PATH (clang, clang-14 to clang-19); install the "
                        "package clang, or name one with --cc\n");
    return clang->program && find_runtime(clang);
}

/* ---- running it ------------------------------------------------------------------------------ */

/* The signals that end netc; one that is ignored, as SIGHUP is under nohup, is left alone. */
static sigset_t ending_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
    sigset_t set;

    sigemptyset(&set);
    for (int i = 0; i < COUNT(numbers); i++) {
        struct sigaction action;

        if (sigaction(numbers[i], NULL, &action) == 0 && action.sa_handler != SIG_IGN)
            sigaddset(&set, numbers[i]);
    }
    return set;
}

void hold_signals(void)
{
    const sigset_t set = ending_signals();

    sigprocmask(SIG_BLOCK, &set, NULL);
}

void release_signals(void)
{
    const sigset_t set = ending_signals();

    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* Has a signal come that is held? */
static bool was_ended(void)
{
    sigset_t set;

    sigpending(&set);
    return sigismember(&set, SIGINT) || sigismember(&set, SIGTERM) || sigismember(&set, SIGHUP);
}

/* Waits for the end of programs, which are told of a signal to netc. That one stays pending. True
   if all succeeded. */
static bool wait_for(pid_t *pids, int count)
{
    sigset_t set = ending_signals();
    int number, ending = 0, running = count;
    bool ok = true;

    sigaddset(&set, SIGCHLD);
    for (;;) {
        for (int i = 0; i < count; i++) {
            int status = -1;
            const pid_t ended = pids[i] > 0 ? waitpid(pids[i], &status, WNOHANG) : 0;

            if (ended == 0)
                continue;
            ok = ok && ended == pids[i] && WIFEXITED(status) && WEXITSTATUS(status) == 0;
            pids[i] = 0;
            running--;
        }
        if (running == 0)
            break;
        if (sigwait(&set, &number) == 0 && number != SIGCHLD) {
            for (int i = 0; i < count; i++)
                if (pids[i] > 0)
                    kill(pids[i], number);
            ending = number;
        }
    }
    if (ending)
        raise(ending);
    return ok;
}

/* Starts a program with the signal mask `mask`; 0 after an error. `out`: descriptor for its output,
   or -1. */
static pid_t start(const char *const *arguments, const sigset_t *mask, int out, bool quiet)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    pid_t pid = 0;
    int error;

    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, mask);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    posix_spawn_file_actions_init(&actions);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    if (quiet)
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    error = posix_spawnp(&pid, arguments[0], &actions, &attributes, (char *const *)arguments,
                         environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (!error)
        return pid;
    fprintf(stderr, "netc: error: cannot run %s: %s\n", arguments[0], strerror(error));
    return 0;
}

/* Runs programs side by side to their end; true if all succeeded. */
static bool run_all(const char *const *const *commands, int count, int out, bool quiet)
{
    pid_t *pids = allocate((size_t)count * sizeof *pids);
    sigset_t set = ending_signals(), before, none;
    int started = 0;
    bool ok;

    signal(SIGCHLD, SIG_DFL); /* ignored, it would not say that a program ended */
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, &before);
    sigemptyset(&none);
    while (started < count && (pids[started] = start(commands[started], &none, out, quiet)) > 0)
        started++;
    ok = wait_for(pids, started) && started == count;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ok;
}

static bool run(const char *const *arguments, int out, bool quiet)
{
    return run_all(&arguments, 1, out, quiet);
}

/* What a program prints, or NULL if it failed. */
static const char *output_of(const char *const *arguments)
{
    const int memory = memfd_create("clang", MFD_CLOEXEC); /* no disk, which may be full */
    FILE *file = memory < 0 ? NULL : fdopen(memory, "r");
    Text text = {0};
    char piece[4096];
    size_t length;
    bool ok;

    if (!file)
        return NULL;
    ok = run(arguments, fileno(file), true);
    rewind(file);
    while ((length = fread(piece, 1, sizeof piece - 1, file)) > 0) {
        piece[length] = '\0';
        text_add(&text, "%s", piece);
    }
    fclose(file);
    return ok && text.at ? text.at : NULL;
}

const char *native_target(const Clang *clang)
{
    const char *const arguments[] = {
        clang->program, "-march=native", "-dM", "-E", "-x", "c", "/dev/null", NULL};
    static const char *const avx512[] = {"__AVX512F__ ",  "__AVX512BW__ ", "__AVX512DQ__ ",
                                         "__AVX512VL__ ", "__AVX512CD__ ", "__FMA__ "};
    static const char *const avx2[] = {"__AVX2__ ", "__FMA__ ", "__BMI2__ "};
    const char *macros = output_of(arguments);
    bool has_avx512 = macros, has_avx2 = macros;

    for (int i = 0; macros && i < COUNT(avx512); i++)
        has_avx512 &= strstr(macros, avx512[i]) != NULL;
    for (int i = 0; macros && i < COUNT(avx2); i++)
        has_avx2 &= strstr(macros, avx2[i]) != NULL;
    return has_avx512 ? "avx512" : has_avx2 ? "avx2" : "generic";
}

/* ---- the trainer ----------------------------------------------------------------------------- */

typedef struct Command {
    const char **words; /* NULL-terminated once complete */
    int count;
} Command;

static void add(Command *command, const char *word)
{
    APPEND(command->words, command->count, word);
}

static void add_all(Command *command, const char *const *words, int count)
{
    for (int i = 0; i < count; i++)
        add(command, words[i]);
}

/* The levels of the x86-64 psABI: what the Makefile compiles libnetrt-ISA.a for. */
static void add_target(Command *command, const char *target)
{
    if (same(target, "avx512")) {
        add(command, "-march=x86-64-v4");
        add(command, "-mprefer-vector-width=512");
    } else {
        add(command, same(target, "avx2") ? "-march=x86-64-v3" : "-march=x86-64");
    }
}

static void print_command(const Command *command)
{
    for (int i = 0; command->words[i]; i++)
        fprintf(stderr, "%s%s", i ? " " : "", command->words[i]);
    fputc('\n', stderr);
}

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

/* Where clang keeps its own files. */
static const char *temporary_folder(void)
{
    static const char *const names[] = {"TMPDIR", "TMP", "TEMP", "TEMPDIR"};

    for (int i = 0; i < COUNT(names); i++)
        if (getenv(names[i]))
            return getenv(names[i]);
    return "/tmp";
}

/* clang failed: for want of a place to write, or by a fault of the code. */
static Built explain_failure(const Clang *clang, const char *output)
{
    const char *slash = strrchr(output, '/');
    const char *const folders[] = {slash ? format("%.*s", (int)(slash - output) + 1, output) : ".",
                                   temporary_folder()};

    for (int i = 0; i < COUNT(folders); i++) {
        const int error = try_writing(folders[i]);

        if (!error)
            continue;
        fprintf(stderr, "netc: error: clang cannot write in %s: %s\n", folders[i], strerror(error));
        return BUILT_NO_FILE;
    }
    fprintf(stderr,
            "netc: error: %s failed on the generated C (its message is above); that is a "
            "fault of netc's, not of the model: please report it\n",
            clang->program);
    return BUILT_FAULT;
}

static const char *const sanitize[] = {"-O1", "-gline-tables-only", "-fsanitize=address,undefined",
                                       "-fno-sanitize-recover=all"};

static void add_compile_flags(Command *command, const Clang *clang, const char *target)
{
    static const char *const flags[] = {
        "-std=c11", "-O2", "-ffp-contract=off", "-fno-math-errno",
        "-fno-asynchronous-unwind-tables",
        "-fno-unroll-loops", /* but those that a template marks */
        /* templates are inlined before anything is optimised, not into what already was: the same
           work once, two thirds of the time */
        "-mllvm", "-enable-module-inliner"};

    add_all(command, flags, COUNT(flags));
    add_target(command, target);
    if (SANITIZED)
        add_all(command, sanitize, COUNT(sanitize));
    add(command, format("-I%s", clang->headers));
}

static void add_link_flags(Command *command, const Clang *clang, const char *target)
{
    static const char *const link[] = {"-static", "-Wl,--gc-sections", "-s"};

    if (SANITIZED)
        add_all(command, sanitize, COUNT(sanitize));
    else
        add_all(command, link, COUNT(link));
    add(command, "-pthread");
    add(command, "-Wl,--start-group");
    add(command, format("%s/libnetrt.a", clang->libraries));
    add(command, format("%s/libnetrt-%s.a", clang->libraries, target));
    add(command, "-Wl,--end-group");
    add(command, "-lz");
    add(command, "-lm");
}

/* One command compiles and links a file alone. */
static bool build_one(const Clang *clang, const char *target, const char *file, const char *part)
{
    Command command = {0};

    add(&command, clang->program);
    add_compile_flags(&command, clang, target);
    add(&command, "-o");
    add(&command, part);
    add(&command, file);
    add_link_flags(&command, clang, target);
    add(&command, NULL);
    if (clang->verbose)
        print_command(&command);
    return run(command.words, -1, false);
}

/* Units are compiled side by side, then linked. NET_UNITS: kernels are seen by other units. */
static bool build_units(const Clang *clang, const char *target, const char *const *files, int count,
                        const char *part)
{
    Command link = {0}, *compile = allocate((size_t)count * sizeof *compile);
    const char *const **commands = allocate((size_t)count * sizeof *commands);
    bool ok;

    add(&link, clang->program);
    add(&link, "-o");
    add(&link, part);
    for (int i = 0; i < count; i++) {
        const char *object = format("%.*s.o", (int)strlen(files[i]) - 2, files[i]);

        add(&compile[i], clang->program);
        add_compile_flags(&compile[i], clang, target);
        add(&compile[i], "-DNET_UNITS");
        add(&compile[i], "-pthread");
        add(&compile[i], "-c");
        add(&compile[i], "-o");
        add(&compile[i], object);
        add(&compile[i], files[i]);
        add(&compile[i], NULL);
        add(&link, object);
        commands[i] = compile[i].words;
        if (clang->verbose)
            print_command(&compile[i]);
    }
    add_link_flags(&link, clang, target);
    add(&link, NULL);
    if (clang->verbose)
        print_command(&link);
    ok = run_all(commands, count, -1, false) && run(link.words, -1, false);
    for (int i = 0; i < count; i++)
        unlink(link.words[3 + i]);
    return ok;
}

Built build_trainer(const Clang *clang, const char *target, const char *const *files, int count,
                    const char *output)
{
    const char *part = format("%s.%ld.part", output, (long)getpid());
    const bool ok = count == 1 ? build_one(clang, target, files[0], part)
                               : build_units(clang, target, files, count, part);

    if (!ok) {
        unlink(part);
        return was_ended() ? BUILT_FAULT : explain_failure(clang, output);
    }
    if (rename(part, output) != 0) {
        fprintf(stderr, "netc: error: cannot write %s: %s\n", output, strerror(errno));
        unlink(part);
        return BUILT_NO_FILE;
    }
    return BUILT;
}
