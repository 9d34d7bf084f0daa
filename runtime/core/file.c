/*
 * file.c -- files that are read or replaced as a whole, and folders that stay open. A fault ends
 * the program.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

/* ---- Folders --------------------------------------------------------------------------------- */

static int folder_at(const struct net_folder *folder)
{
    return folder ? folder->at : AT_FDCWD;
}

char *net_path_in(const struct net_folder *folder, const char *name)
{
    return folder ? net_format("%s/%s", folder->path, name) : net_format("%s", name);
}

bool net_folder_open(struct net_folder *folder, const struct net_folder *in, const char *name)
{
    const int at = net_open_folder(folder_at(in), name);

    if (at >= 0)
        *folder = (struct net_folder){net_path_in(in, name), at};
    return at >= 0;
}

void net_folder_close(struct net_folder *folder)
{
    if (!folder->path)
        return;
    close(folder->at);
    free(folder->path);
    *folder = (struct net_folder){0};
}

bool net_folder_find(struct net_folder *folder, const struct net_folder *in, const char *name)
{
    const bool there = net_folder_open(folder, in, name);

    if (!there && errno != ENOENT && errno != ENOTDIR)
        net_fail(NET_FAULT, "the folder %s cannot be opened: %s", net_path_in(in, name),
                 strerror(errno));
    return there;
}

void *net_folder_list(const struct net_folder *folder)
{
    const int at = openat(folder->at, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *entries = at >= 0 ? fdopendir(at) : NULL;

    if (!entries && errno != EACCES)
        net_fail(NET_FAULT, "the folder %s cannot be read: %s", folder->path, strerror(errno));
    return entries;
}

bool net_folder_has(const struct net_folder *folder, const char *name)
{
    return !faccessat(folder_at(folder), name, F_OK, 0);
}

bool net_folder_moved(const struct net_folder *folder)
{
    struct stat named, held;

    return stat(folder->path, &named) || fstat(folder->at, &held) || named.st_dev != held.st_dev ||
           named.st_ino != held.st_ino;
}

bool net_folder_try(const struct net_folder *in, const char *name, bool *made)
{
    char *path = net_format("%s", name);
    struct stat status;
    int above = 0;

    for (char *c = path + 1; *c; c++)
        if (*c == '/') {
            *c = '\0'; /* the last one tells whether all is well, these why not */
            if (mkdirat(folder_at(in), path, 0777) && errno != EEXIST && !above)
                above = errno;
            *c = '/';
        }
    free(path);
    *made = !mkdirat(folder_at(in), name, 0777);
    if (!*made && errno == ENOENT && above)
        errno = above;
    if (*made || errno != EEXIST)
        return *made;
    if (fstatat(folder_at(in), name, &status, 0))
        return false; /* a link that leads nowhere */
    errno = S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
    return !errno;
}

bool net_folder_make(const struct net_folder *in, const char *name)
{
    bool made;

    if (!net_folder_try(in, name, &made)) {
        const int why = errno;
        char *whole = net_path_in(in, name);
        struct stat status;

        if (why == ENOTDIR && net_folder_has(in, name))
            net_fail(NET_FAULT, "--out %s is a file, not a folder", whole);
        if (why == ENOENT && !fstatat(folder_at(in), name, &status, AT_SYMLINK_NOFOLLOW))
            net_fail(
                NET_FAULT,
                "--out %s is a link to a folder that is not there: make it, or remove the link",
                whole);
        net_fail(NET_FAULT, "the folder %s cannot be made: %s", whole, strerror(why));
    }
    return made;
}

char *net_real_path(const char *path)
{
    char *real = realpath(path, NULL);

    if (!real && errno == ENOMEM)
        net_fail(NET_FAULT, "out of memory");
    return real;
}

/* ---- Whole files ----------------------------------------------------------------------------- */

char *net_file_read(const struct net_folder *folder, const char *name, size_t *length)
{
    char *path = net_path_in(folder, name);
    struct stat status;
    const int at = openat(folder_at(folder), name, O_RDONLY | O_CLOEXEC);
    FILE *in = at >= 0 ? fdopen(at, "rb") : NULL;

    if (!in || fstat(at, &status))
        net_fail(NET_FAULT, "%s: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        net_fail(NET_FAULT, "%s is not a file", path);
    char *bytes = malloc((size_t)status.st_size + 1);
    if (!bytes)
        net_fail(NET_FAULT, "%s: out of memory for %lld bytes", path, (long long)status.st_size);
    *length = fread(bytes, 1, (size_t)status.st_size, in);
    if (*length != (size_t)status.st_size)
        net_fail(NET_FAULT, "%s: %zu of %lld bytes could be read", path, *length,
                 (long long)status.st_size);
    bytes[*length] = '\0';
    fclose(in);
    free(path);
    return bytes;
}

bool net_is_same_file(const char *a, const char *b)
{
    struct stat one, other;

    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static _Noreturn void fail_write(struct net_file *file)
{
    const int why = errno;

    net_atomic_drop(&file->whole);
    net_fail(NET_FAULT, "cannot write %s: %s", file->path, strerror(why));
}

void net_file_open(struct net_file *file, const struct net_folder *folder, const char *name)
{
    file->path = net_path_in(folder, name);
    if (net_atomic_open(&file->whole, folder_at(folder), name))
        return;
    if (errno == EEXIST)
        net_fail(NET_FAULT, "cannot write %s: it is there and not a file", file->path);
    fail_write(file);
}

void net_file_write(struct net_file *file, const void *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, file->whole.out) != count)
        fail_write(file);
}

void net_file_commit(struct net_file *file)
{
    if (!net_atomic_commit(&file->whole))
        fail_write(file);
    free(file->path);
}

void net_file_replace(const struct net_folder *folder, const char *name,
                      const struct net_text *text)
{
    struct net_file file;

    net_file_open(&file, folder, name);
    net_file_write(&file, text->at, text->length);
    net_file_commit(&file);
}

bool net_file_try(const struct net_folder *folder, const char *name, const struct net_text *text)
{
    struct net_atomic_file file;

    if (!net_atomic_open(&file, folder_at(folder), name))
        return false;
    if (fwrite(text->at, 1, text->length, file.out) == text->length && net_atomic_commit(&file))
        return true;
    const int why = errno;

    net_atomic_drop(&file);
    errno = why;
    return false;
}
