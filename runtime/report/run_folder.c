/*
 * run_folder.c -- a run's folder: its name, its lock, what an earlier run left in it.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "report/report.h"

/* libc's own way would bring its time zones along, a
   seventh of the trainer. */
struct tm net_calendar(long long now)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const int second = (int)(now % 86400);
    struct tm tm = {.tm_year = 1970,
                    .tm_mday = 1,
                    .tm_hour = second / 3600,
                    .tm_min = second / 60 % 60,
                    .tm_sec = second % 60};

    for (long long days = now / 86400; days > 0; days--) {
        const bool leap = (tm.tm_year % 4 == 0 && tm.tm_year % 100 != 0) || tm.tm_year % 400 == 0;

        if (tm.tm_mday++ < lengths[tm.tm_mon] + (tm.tm_mon == 1 && leap))
            continue;
        tm.tm_mday = 1;
        if (++tm.tm_mon == 12)
            tm.tm_mon = 0, tm.tm_year++;
    }
    return tm;
}

char *net_new_folder(const struct net_model *model)
{
    const struct tm tm = net_calendar((long long)time(NULL));
    char *date = net_format("%04d%02d%02d-%02d%02d%02d", tm.tm_year, tm.tm_mon + 1, tm.tm_mday,
                            tm.tm_hour, tm.tm_min, tm.tm_sec);
    char *folder;

    folder = net_format("runs/%s-%s", model->name, date);
    for (int i = 2; net_has_file(folder, ""); i++) {
        free(folder);
        folder = net_format("runs/%s-%s-%d", model->name, date, i);
    }
    free(date);
    return folder;
}

/* What netc writes of a run or a k-fold, in the order in which an earlier one's goes: weights
   first, so that a process that is killed then leaves none that look like the new run's, and what
   tells that there is a run last, so that the next one clears the rest. */
static const char *const written[] = {
    "model.safetensors",
    "checkpoint.safetensors",
    "preparation.json",
    "folds.csv",
    "band.csv",
#define SINK(name, file) file,
    NET_EVERY_SINK
#undef SINK
    "kfold.json",
    "run.json",
};

/* FILE.PID.part, as net_text_write calls what is not whole yet */
static bool is_part_of(const char *name, const char *file)
{
    const size_t length = strlen(file);

    if (strncmp(name, file, length) || name[length] != '.')
        return false;
    const size_t digits = strspn(name + length + 1, "0123456789");
    return digits > 0 && !strcmp(name + length + 1 + digits, ".part");
}

/* What a process that was killed had half written. */
static void drop_parts(const char *folder)
{
    DIR *files = opendir(folder);

    for (struct dirent *file; files && (file = readdir(files));)
        for (size_t i = 0; i < sizeof written / sizeof *written; i++)
            if (written[i] && is_part_of(file->d_name, written[i]))
                unlinkat(dirfd(files), file->d_name, 0);
    if (files)
        closedir(files);
}

int net_folder_lock(const char *folder)
{
    const int lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool held = lock >= 0 && !flock(lock, LOCK_EX | LOCK_NB);

    if (lock >= 0 && !held && errno == EWOULDBLOCK)
        net_fail(NET_USAGE,
                 "another process trains in %s: wait for its end, or name another "
                 "folder with --out",
                 folder);
    if (held)
        drop_parts(folder);
    return lock;
}

static void drop_files(const char *folder)
{
    for (size_t i = 0; i < sizeof written / sizeof *written; i++) {
        char *path = written[i] ? net_format("%s/%s", folder, written[i]) : NULL;

        if (path)
            unlink(path);
        free(path);
    }
}

/* fold_1, ..., fold_MOST: of a k-fold. Other files in them stay, and so does then the folder. */
static void drop_folds(const char *folder, long most)
{
    DIR *files = opendir(folder);

    for (struct dirent *file; files && (file = readdir(files));) {
        const char *number = strncmp(file->d_name, "fold_", 5) ? "" : file->d_name + 5;

        if (*number < '1' || *number > '9' || number[strspn(number, "0123456789")] ||
            strtol(number, NULL, 10) > most)
            continue;
        char *fold = net_format("%s/%s", folder, file->d_name);
        const int lock = net_folder_lock(fold);

        drop_files(fold);
        rmdir(fold);
        if (lock >= 0)
            close(lock);
        free(fold);
    }
    if (files)
        closedir(files);
}

bool net_is_run(const char *folder)
{
    return net_has_file(folder, "run.json") || net_has_file(folder, "checkpoint.safetensors") ||
           net_has_file(folder, "kfold.json");
}

void net_folder_clear(const char *folder, int folds)
{
    drop_folds(folder, net_has_file(folder, "kfold.json") ? INT_MAX : folds);
    if (net_is_run(folder))
        drop_files(folder);
}

int net_folder_open(struct net_training *run, int lock)
{
    const struct net_value *value = run->options->value;

    if (value[NET_RESUME].text) {
        run->folder = net_format("%s", value[NET_RESUME].text);
        return lock;
    }
    run->folder = value[NET_OUT].text ? net_format("%s", value[NET_OUT].text)
                                      : net_new_folder(run->options->model);
    const bool resumable = net_has_file(run->folder, "checkpoint.safetensors") ||
                           net_has_file(run->folder, "kfold.json");
    const bool force = net_flag(run->options, NET_FORCE);

    if (net_is_run(run->folder) && !resumable && !force)
        net_fail(NET_USAGE, "%s is a run already, without a checkpoint: --force writes over it",
                 run->folder);
    if (net_is_run(run->folder) && !force)
        net_fail(NET_USAGE,
                 "%s is a run already: --resume %s goes on with it, --force writes over it",
                 run->folder, run->folder);
    run->made_folder = !net_has_file(run->folder, "");
    net_make_folder(run->folder);
    return net_folder_lock(run->folder);
}
