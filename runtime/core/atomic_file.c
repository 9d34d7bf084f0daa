/*
 * atomic_file.c -- a file that appears whole under its name, or not at all: a full disk, a killed
 * process or a power cut leaves the old one.
 *
 * It is written without a name (O_TMPFILE), synced, and linked under its own. A name that is taken
 * cannot be linked over: the file is called NAME.PID.netc-part then, between two system calls.
 * Where there are no files without a name it is called so from its beginning, and locked: a part
 * whose lock is free was left by a process that was killed.
 */

#define _GNU_SOURCE

#include "core/atomic_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OWN_PATH = 40 }; /* room for "/proc/self/fd/N" */

static char *own_path(char path[OWN_PATH], int descriptor)
{
    snprintf(path, OWN_PATH, "/proc/self/fd/%d", descriptor);
    return path;
}

int net_open_folder(int folder, const char *path)
{
    const int at = openat(folder, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    return at >= 0 || errno != EACCES ? at : openat(folder, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* ---- where it will be ------------------------------------------------------------------------ */

/* What the path names, behind links; malloc'd, or NULL. */
static char *behind_links(int *folder, const char *path)
{
    char own[OWN_PATH] = ".", *whole, *real = NULL;
    struct stat status;

    if (fstatat(*folder, path, &status, AT_SYMLINK_NOFOLLOW) || !S_ISLNK(status.st_mode))
        return strdup(path);
    if (*folder != AT_FDCWD && *path != '/') {
        if (asprintf(&whole, "%s/%s", own_path(own, *folder), path) < 0)
            return NULL;
        real = realpath(whole, NULL);
        free(whole);
    } else {
        real = realpath(path, NULL);
    }
    if (!real)
        return errno == ENOENT ? strdup(path) : NULL; /* it names nothing: it is replaced itself */
    *folder = AT_FDCWD;
    return real;
}

static bool find_place(struct net_atomic_file *file, int folder, const char *path)
{
    struct stat status;

    if (!fstatat(folder, path, &status, 0) && !S_ISREG(status.st_mode)) {
        errno = EEXIST;
        return false;
    }
    char *real = behind_links(&folder, path), *slash = real ? strrchr(real, '/') : NULL;

    if (!real)
        return false;
    file->name = strdup(slash ? slash + 1 : real);
    if (slash)
        slash[slash == real] = '\0';
    file->folder = net_open_folder(folder, slash ? real : ".");
    free(real);
    if (!file->name || file->folder < 0)
        return false;
    if (*file->name)
        return asprintf(&file->part, "%s.%ld" NET_PART_SUFFIX, file->name, (long)getpid()) >= 0;
    errno = EISDIR;
    return false;
}

/* ---- what was left half written -------------------------------------------------------------- */

bool net_is_part_of(const char *entry, const char *name)
{
    const size_t length = strlen(name);

    if (strncmp(entry, name, length) || entry[length] != '.')
        return false;
    const size_t digits = strspn(entry + length + 1, "0123456789");
    return digits > 0 && !strcmp(entry + length + 1 + digits, NET_PART_SUFFIX);
}

static void drop_unlocked(int folder, const char *part)
{
    const int at = openat(folder, part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

    if (at >= 0 && !flock(at, LOCK_EX | LOCK_NB))
        unlinkat(folder, part, 0);
    if (at >= 0)
        close(at);
}

static bool is_part(const char *entry)
{
    const size_t length = strlen(entry), suffix = strlen(NET_PART_SUFFIX);

    return length > suffix && !strcmp(entry + length - suffix, NET_PART_SUFFIX);
}

void net_atomic_clean(int folder, const char *name)
{
    const int at = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = at >= 0 ? fdopendir(at) : NULL;

    for (struct dirent *entry; entries && (entry = readdir(entries));)
        if (name ? net_is_part_of(entry->d_name, name) : is_part(entry->d_name))
            drop_unlocked(folder, entry->d_name);
    if (entries)
        closedir(entries);
    else if (at >= 0)
        close(at);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* Another process that clears up may take the part between its making and its lock. */
static int create_part(struct net_atomic_file *file)
{
    struct stat status;
    int at = -1;

    do {
        if (at >= 0)
            close(at);
        at = openat(file->folder, file->part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC,
                    0666);
        file->named = at >= 0;
    } while (at >= 0 && !flock(at, LOCK_EX | LOCK_NB) && !fstat(at, &status) && !status.st_nlink);
    return at;
}

static int create(struct net_atomic_file *file)
{
    char own[OWN_PATH];
    const int at = openat(file->folder, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);

    if (at >= 0 && !access(own_path(own, at), F_OK))
        return at;
    if (at >= 0)
        close(at); /* without /proc it would never get a name */
    return create_part(file);
}

bool net_atomic_open(struct net_atomic_file *file, int folder, const char *path)
{
    *file = (struct net_atomic_file){.at = -1, .folder = -1};
    if (find_place(file, folder, path)) {
        if (folder == AT_FDCWD)
            net_atomic_clean(file->folder, file->name);
        file->at = create(file);
    }
    const int out = file->at >= 0 ? fcntl(file->at, F_DUPFD_CLOEXEC, 0) : -1;

    file->out = out >= 0 ? fdopen(out, "wb") : NULL;
    if (file->out)
        return true;
    if (out >= 0)
        close(out);
    net_atomic_drop(file);
    return false;
}

static bool take_name(struct net_atomic_file *file)
{
    char own[OWN_PATH];

    if (!file->named) {
        own_path(own, file->at);
        if (!linkat(AT_FDCWD, own, file->folder, file->name, AT_SYMLINK_FOLLOW))
            return true;
        if (errno != EEXIST)
            return false;
        unlinkat(file->folder, file->part, 0); /* of a process that had this number */
        if (linkat(AT_FDCWD, own, file->folder, file->part, AT_SYMLINK_FOLLOW))
            return false;
        file->named = true;
    }
    if (renameat(file->folder, file->part, file->folder, file->name))
        return false;
    file->named = false;
    return true;
}

/* The name itself is on the disk only when the folder is. A file system that cannot sync a folder
   says EINVAL; then there is no more to do, nor in a folder that may not be read. */
static bool sync_folder(int folder)
{
    return !fsync(folder) || errno == EINVAL || (errno == EBADF && fcntl(folder, F_GETFL) & O_PATH);
}

bool net_atomic_commit(struct net_atomic_file *file)
{
    FILE *out = file->out;

    /* after an error that was before, another byte says what it was, if it is still there */
    if (ferror(out))
        errno = write(file->at, "", 1) < 0 ? errno : EIO;
    bool ok = !ferror(out) && !fflush(out) && !fsync(file->at);
    const int why = errno;

    file->out = NULL;
    if (fclose(out))
        ok = false;
    else
        errno = why;
    ok = ok && take_name(file) && sync_folder(file->folder);
    net_atomic_drop(file);
    return ok;
}

void net_atomic_drop(struct net_atomic_file *file)
{
    const int why = errno;

    if (file->out)
        fclose(file->out);
    if (file->named)
        unlinkat(file->folder, file->part, 0);
    if (file->at >= 0)
        close(file->at);
    if (file->folder >= 0)
        close(file->folder);
    free(file->name);
    free(file->part);
    *file = (struct net_atomic_file){.at = -1, .folder = -1};
    errno = why;
}
