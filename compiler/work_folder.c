/*
 * work_folder.c -- a folder for files in the making, PLACE.PID.netc-part, gone whatever ends
 * netc.
 *
 * One idea: a keeper, a process of its own, waits for the end of a pipe whose other end netc alone
 * holds, and removes the folder then. Where both are killed at once the next netc that writes
 * PLACE removes it: its lock is free.
 *
 * Needs: the place of the result. Gives: a folder beside it.
 */

#define _GNU_SOURCE

#include "core/atomic_file.h"
#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A linker that netc started may still be writing: it is asked again for two seconds. */
enum { TRIES = 100, PAUSE = 20000000 }; /* ns between them */

static void remove_folder(const char *path)
{
    const struct timespec pause = {.tv_nsec = PAUSE};
    DIR *folder;

    for (int i = 0; i < TRIES && (folder = opendir(path)) != NULL; i++) {
        for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
            unlinkat(dirfd(folder), entry->d_name, 0);
        closedir(folder);
        if (rmdir(path) == 0)
            return;
        nanosleep(&pause, NULL);
    }
}

/* Of processes that were killed. */
static void remove_older(const char *place)
{
    const char *slash = strrchr(place, '/'), *name = slash ? slash + 1 : place;
    const char *beside = slash ? format("%.*s", (int)(slash - place) + 1, place) : "./";
    DIR *folder = opendir(beside);

    for (struct dirent *entry; folder && (entry = readdir(folder)) != NULL;) {
        if (!net_is_part_of(entry->d_name, name))
            continue;
        const char *path = format("%s%s", beside, entry->d_name);
        const int lock = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

        if (lock >= 0 && flock(lock, LOCK_EX | LOCK_NB) == 0)
            remove_folder(path);
        if (lock >= 0)
            close(lock);
    }
    if (folder)
        closedir(folder);
}

static _Noreturn void keep(const char *path, int end)
{
    sigset_t all;
    char byte;

    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid(); /* what ends netc's group does not end it */
    for (int file = 0; file <= 2; file++)
        close(file); /* who reads what netc says does not wait for it */
    while (read(end, &byte, 1) < 0 && errno == EINTR)
        ;
    remove_folder(path);
    _exit(0);
}

bool open_work_folder(WorkFolder *folder, const char *place)
{
    int ends[2];

    remove_older(place);
    *folder = (WorkFolder){.path = format("%s.%ld" NET_PART_SUFFIX, place, (long)getpid()),
                           .lock = -1};
    if (mkdir(folder->path, 0777) != 0 && errno != EEXIST)
        return false;
    folder->lock = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->lock >= 0)
        flock(folder->lock, LOCK_EX | LOCK_NB);
    if (pipe2(ends, O_CLOEXEC) != 0)
        return true; /* close_work_folder removes it */
    fflush(NULL);
    folder->keeper = fork();
    if (folder->keeper == 0) {
        close(ends[1]);
        keep(folder->path, ends[0]);
    }
    close(ends[0]);
    folder->end = ends[1];
    return true;
}

void close_work_folder(WorkFolder *folder)
{
    if (folder->end > 0)
        close(folder->end);
    if (folder->keeper > 0)
        waitpid(folder->keeper, NULL, 0);
    remove_folder(folder->path); /* where there was none, or it was killed */
    if (folder->lock >= 0)
        close(folder->lock);
}
