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
#include <sys/resource.h>
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

/* runs/NAME-DATE-TIME: mkdir decides whose it is, the next takes another name. */
static char *make_new(const struct net_model *model)
{
    const struct tm tm = net_calendar((long long)time(NULL));
    char *first = net_format("runs/%s-%04d%02d%02d-%02d%02d%02d", model->name, tm.tm_year,
                             tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    char *path = net_format("%s", first);

    net_folder_make(NULL, "runs");
    for (int i = 2; mkdir(path, 0777); i++) {
        if (errno != EEXIST)
            net_fail(NET_FAULT, "the folder %s cannot be made: %s", path, strerror(errno));
        free(path);
        path = net_format("%s-%d", first, i);
    }
    free(first);
    return path;
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
    "mlflow.steps",
    "sweep.csv",
    "kfold.json",
    "sweep.json",
    "run.json",
};

static void drop_files(const struct net_folder *folder)
{
    for (size_t i = 0; i < sizeof written / sizeof *written; i++)
        if (written[i])
            unlinkat(folder->at, written[i], 0);
}

/* Where another process trains the lock ends the program; one that cannot be had is told. What a
   killed process left half written in the folder goes away. */
static void lock_folder(const struct net_folder *folder)
{
    const bool held = !flock(folder->at, LOCK_EX | LOCK_NB);

    if (!held && errno == EWOULDBLOCK)
        net_fail(NET_USAGE,
                 "another process trains in %s: wait for its end, or name another "
                 "folder with --out",
                 folder->path);
    if (!held)
        net_warn("%s cannot be locked: %s; that no other process trains there is not known",
                 folder->path, strerror(errno == EBADF ? EACCES : errno)); /* it is not readable */
    for (size_t i = 0; held && i < sizeof written / sizeof *written; i++)
        if (written[i])
            net_atomic_clean(folder->at, written[i]);
}

/* Of fold_3 or point_3; "" of another name. */
static const char *number_of(const char *name)
{
    return !strncmp(name, "fold_", 5) ? name + 5 : !strncmp(name, "point_", 6) ? name + 6 : "";
}

/* The folders fold_1, ..., fold_MOST, and points alike, open and locked: where another process
   trains in one the program ends, and none has lost a file. */
static struct net_folder *hold_folds(const struct net_folder *folder, long most, int *count)
{
    DIR *files = net_folder_list(folder);
    struct net_folder *folds = NULL;
    struct rlimit limit;

    if (!getrlimit(RLIMIT_NOFILE, &limit)) {
        limit.rlim_cur = limit.rlim_max; /* a descriptor a fold */
        setrlimit(RLIMIT_NOFILE, &limit);
    }
    for (struct dirent *file; files && (file = readdir(files));) {
        const char *number = number_of(file->d_name);
        struct net_folder fold;

        if (*number < '1' || *number > '9' || number[strspn(number, "0123456789")] ||
            strtol(number, NULL, 10) > most)
            continue;
        if (!net_folder_find(&fold, folder, file->d_name))
            continue;
        lock_folder(&fold);
        folds = realloc(folds, (size_t)(*count + 1) * sizeof *folds);
        if (!folds)
            net_fail(NET_FAULT, "out of memory");
        folds[(*count)++] = fold;
    }
    if (files)
        closedir(files);
    return folds;
}

/* Other files in them stay, and so does then the folder. */
static void drop_folds(const struct net_folder *folder, long most)
{
    int count = 0;
    struct net_folder *folds = hold_folds(folder, most, &count);

    for (int i = 0; i < count; i++) {
        drop_files(&folds[i]);
        unlinkat(folder->at, strrchr(folds[i].path, '/') + 1, AT_REMOVEDIR);
        net_folder_close(&folds[i]);
    }
    free(folds);
}

/* The first of so many files that stands in the folder; NULL: none does. */
static const char *first_there(const struct net_folder *in, const char *name,
                               const char *const *files, size_t count)
{
    const char *first = NULL;

    for (size_t i = 0; i < count && !first; i++) {
        char *file = files[i] ? net_format("%s/%s", name, files[i]) : NULL;

        if (file && net_folder_has(in, file))
            first = files[i];
        free(file);
    }
    return first;
}

static bool is_run(const struct net_folder *in, const char *name)
{
    static const char *const files[] = {"run.json", "checkpoint.safetensors", "kfold.json",
                                        "sweep.json"};

    return first_there(in, name, files, sizeof files / sizeof *files);
}

const char *net_folder_taken(const struct net_folder *in, const char *name)
{
    return first_there(in, name, written, sizeof written / sizeof *written);
}

const char *net_folder_file(const struct net_folder *folder, int file)
{
    struct stat own, other;

    for (size_t i = 0; i < sizeof written / sizeof *written && !fstat(file, &other); i++)
        if (written[i] && !fstatat(folder->at, written[i], &own, 0) && own.st_dev == other.st_dev &&
            own.st_ino == other.st_ino)
            return written[i];
    return NULL;
}

bool net_is_file_of_run(const char *path)
{
    char *real = net_real_path(path), *slash = real ? strrchr(real, '/') : NULL;
    bool is = false;

    if (slash) {
        *slash = '\0';
        for (size_t i = 0; i < sizeof written / sizeof *written; i++)
            is |= written[i] && !strcmp(slash + 1, written[i]);
        is = is && is_run(NULL, slash == real ? "/" : real);
    }
    free(real);
    return is;
}

void net_folder_clear(const struct net_folder *folder, int folds)
{
    const bool all = net_folder_has(folder, "kfold.json") || net_folder_has(folder, "sweep.json");

    drop_folds(folder, all ? INT_MAX : folds);
    drop_files(folder);
}

void net_folder_resume(struct net_folder *folder, const struct net_folder *in, const char *name)
{
    int count = 0;

    if (!net_folder_open(folder, in, name) && (errno == ENOENT || errno == ENOTDIR))
        net_fail(NET_FAULT, "--resume %s: there is no such folder", net_path_in(in, name));
    if (!folder->path)
        net_fail(NET_FAULT, "--resume %s: %s", net_path_in(in, name), strerror(errno));
    lock_folder(folder);
    struct net_folder *folds = hold_folds(folder, INT_MAX, &count);

    for (int i = 0; i < count; i++) /* to lock one takes away what was left there half written */
        net_folder_close(&folds[i]);
    free(folds);
}

bool net_folder_new(struct net_folder *folder, const struct net_folder *in, const char *name,
                    const struct net_model *model)
{
    char *path = name ? NULL : make_new(model);
    const bool made = !name || net_folder_make(in, name);

    if (!net_folder_open(folder, in, name ? name : path))
        net_fail(NET_FAULT, "the folder %s cannot be opened: %s",
                 name ? net_path_in(in, name) : path, strerror(errno));
    free(path);
    lock_folder(folder);
    return made;
}

void net_folder_need_free(const struct net_folder *folder, const struct net_options *options)
{
    const char *file = net_folder_taken(folder, ".");

    if (!file || net_flag(options, NET_FORCE))
        return;
    if (!is_run(folder, "."))
        net_fail(NET_USAGE, "%s has %s already, which a run writes: --force writes over it",
                 folder->path, file);
    if (!net_folder_has(folder, "checkpoint.safetensors") &&
        !net_folder_has(folder, "kfold.json") && !net_folder_has(folder, "sweep.json"))
        net_fail(NET_USAGE, "%s is a run already, without a checkpoint: --force writes over it",
                 folder->path);
    net_fail(NET_USAGE, "%s is a run already: --resume %s goes on with it, --force writes over it",
             folder->path, folder->path);
}

void net_folder_need_free_part(const struct net_folder *folder, const char *name, const char *what,
                               const struct net_options *options)
{
    const char *file = net_flag(options, NET_FORCE) ? NULL : net_folder_taken(folder, name);

    if (file)
        net_fail(NET_USAGE,
                 "%s/%s has %s already, where this %s trains: --force writes over it, --out names "
                 "another folder",
                 folder->path, name, file, what);
}

void net_folder_unmake(const struct net_folder *folder)
{
    if (!net_folder_moved(folder))
        rmdir(folder->path);
}

char *net_folder_place(const struct net_folder *folder)
{
    char own[40], now[PATH_MAX];

    if (!net_folder_moved(folder))
        return net_format("%s", folder->path);
    snprintf(own, sizeof own, "/proc/self/fd/%d", folder->at);
    const ssize_t length = readlink(own, now, sizeof now);

    return length > 0 ? net_format("%.*s", (int)length, now) : net_format("%s", folder->path);
}
