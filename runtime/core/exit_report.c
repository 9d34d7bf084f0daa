/*
 * exit_report.c -- what a program that ends in its middle still does: it says that of a mapped
 * file a byte is gone, and writes a file that was prepared, such as the run.json of a run that
 * failed.
 *
 * A mapped file that is cut short raises SIGBUS where it is read. Nothing is known there but the
 * address, and little may be called: hence the two variables, and a text that is ready.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

/* ---- the file -------------------------------------------------------------------------------- */

struct words {
    int folder;
    char *name, *part; /* in the folder */
    char *text;
    size_t length, status; /* where the status is put in */
};

static _Atomic(struct words *) prepared; /* NULL: none are */

static void free_words(struct words *words)
{
    if (!words)
        return;
    free(words->name);
    free(words->part);
    free(words->text);
    free(words);
}

static void say_failed(void)
{
    net_exit_report_write("failed");
}

void net_exit_report(const struct net_folder *folder, const char *name, char *text, size_t status)
{
    static atomic_flag registered = ATOMIC_FLAG_INIT;
    struct words *words = net_allocate(1, sizeof *words);

    if (!atomic_flag_test_and_set(&registered))
        atexit(say_failed);
    *words = (struct words){.folder = folder->at,
                            .name = net_format("%s", name),
                            .part = net_format("%s.%ld" NET_PART_SUFFIX, name, (long)getpid()),
                            .text = text,
                            .length = strlen(text),
                            .status = status};
    free_words(atomic_exchange(&prepared, words));
}

void net_exit_report_drop(void)
{
    free_words(atomic_exchange(&prepared, NULL));
}

static bool write_all(int file, const char *bytes, size_t size)
{
    ssize_t done = 0;

    for (; size > 0 && (done = write(file, bytes, size)) > 0; size -= (size_t)done)
        bytes += done;
    return !size;
}

/* Locked, so that no other process takes it for one that was left; it may have been, before the
   lock. */
static int create_part(const struct words *words)
{
    struct stat status;
    int file = -1;

    do {
        if (file >= 0)
            close(file);
        file = openat(words->folder, words->part,
                      O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    } while (file >= 0 && !flock(file, LOCK_EX | LOCK_NB) && !fstat(file, &status) &&
             !status.st_nlink);
    return file;
}

/* Async-signal-safe. Who takes the words away owns them: they are said once. */
void net_exit_report_write(const char *status)
{
    const struct words *words = atomic_exchange(&prepared, NULL);

    if (!words)
        return;
    const int file = create_part(words);
    const bool whole = file >= 0 && write_all(file, words->text, words->status) &&
                       write_all(file, status, strlen(status)) &&
                       write_all(file, words->text + words->status,
                                 words->length - words->status) &&
                       !fsync(file);

    if (file >= 0 && (!whole || renameat(words->folder, words->part, words->folder, words->name)))
        unlinkat(words->folder, words->part, 0);
    if (file >= 0)
        close(file);
}

/* ---- mapped files ---------------------------------------------------------------------------- */

/* Never given back: another thread may be looking for an address. */
struct mapped {
    const char *at;
    atomic_size_t size; /* 0: it is mapped no more */
    char *path;
    struct mapped *next;
};

static _Atomic(struct mapped *) maps;

static char *add_text(char *to, const char *end, const char *text)
{
    while (*text && to < end)
        *to++ = *text++;
    return to;
}

static char *add_number(char *to, const char *end, size_t number)
{
    char digits[24], *at = digits + sizeof digits - 1;

    *at = '\0';
    do
        *--at = (char)('0' + number % 10);
    while (number /= 10);
    return add_text(to, end, at);
}

static _Noreturn void tell(const struct mapped *map, size_t byte)
{
    char line[4096 + 256], *const end = line + sizeof line - 1, *to = line;
    struct stat status;
    const bool there = !stat(map->path, &status) && (size_t)status.st_size > byte;

    to = add_text(to, end, program_invocation_short_name);
    to = add_text(to, end, ": error: ");
    to = add_text(to, end, map->path);
    to = add_text(to, end, ": byte ");
    to = add_number(to, end, byte);
    to = add_text(to, end,
                  there
                      ? " cannot be read any more: the file was changed in its place, or its disk "
                        "has a fault"
                      : " is not there any more: the file was cut short while it was read");
    *to++ = '\n';
    write_all(STDERR_FILENO, line, (size_t)(to - line));
    net_exit_report_write("failed");
    _exit(NET_FAULT);
}

static void find_map(int number, siginfo_t *info, void *context)
{
    const char *at = info->si_addr;

    (void)context;
    for (const struct mapped *map = atomic_load(&maps); map; map = map->next)
        if (at >= map->at && at < map->at + atomic_load(&map->size))
            tell(map, (size_t)(at - map->at));
    signal(number, SIG_DFL); /* a fault of another kind, which comes again */
}

void net_map_begins(const void *at, size_t size, const char *path)
{
    struct sigaction action = {.sa_sigaction = find_map, .sa_flags = SA_SIGINFO};
    struct mapped *map = net_allocate(1, sizeof *map);

    map->at = at;
    map->size = size;
    map->path = net_format("%s", path);
    map->next = atomic_load(&maps);
    while (!atomic_compare_exchange_weak(&maps, &map->next, map))
        ;
    if (!map->next)
        sigaction(SIGBUS, &action, NULL);
}

void net_map_ends(const void *at)
{
    for (struct mapped *map = atomic_load(&maps); map; map = map->next)
        if (map->at == at)
            atomic_store(&map->size, 0);
}
