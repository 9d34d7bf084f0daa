/*
 * text.c -- text that grows, and files that are whole or absent.
 *
 * A file that matters is written beside its place, synced and renamed: a full disk or a power cut
 * leaves the old one.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/core.h"

/* Room for `more` bytes and a NUL behind them. */
static void reserve(struct net_text *text, size_t more)
{
    if (text->length + more + 1 <= text->capacity)
        return;
    text->capacity = 2 * text->capacity + more + 64;
    text->at = realloc(text->at, text->capacity);
    if (!text->at)
        net_fail(NET_FAULT, "out of memory");
}

static void add(struct net_text *text, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    const int length = vsnprintf(NULL, 0, format, again);
    va_end(again);
    if (length < 0)
        net_fail(NET_FAULT, "cannot format a text");
    reserve(text, (size_t)length);
    vsnprintf(text->at + text->length, text->capacity - text->length, format, args);
    text->length += (size_t)length;
}

void net_text_add(struct net_text *text, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    add(text, format, args);
    va_end(args);
}

/* A byte that is not UTF-8 is the Latin-1 character: JSON is UTF-8. */
void net_text_quote(struct net_text *text, const char *string)
{
    const unsigned char *at = (const unsigned char *)string, *end = at + strlen(string);
    int length;

    reserve(text, 6 * (size_t)(end - at) + 2); /* at most \u0001 a byte */
    char *to = text->at + text->length;

    *to++ = '"';
    for (; at < end; at += length) {
        const unsigned code = net_read_utf8(at, end, &length);

        if (code == '"' || code == '\\')
            *to++ = '\\';
        if (code < 0x20)
            to += sprintf(to, "\\u%04x", code);
        else
            to = net_put_utf8(to, code);
    }
    *to++ = '"';
    *to = '\0';
    text->length = (size_t)(to - text->at);
}

/* The shortest decimal number that reads back as x. */
void net_text_number(struct net_text *text, double x)
{
    char digits[40];

    if (!isfinite(x)) {
        net_text_add(text, "null");
        return;
    }
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, x);
        if (strtod(digits, NULL) == x)
            break;
    }
    net_text_add(text, "%s", digits);
}

char *net_format(const char *format, ...)
{
    struct net_text text = {0};
    va_list args;

    va_start(args, format);
    add(&text, format, args);
    va_end(args);
    return text.at;
}

char *net_file_read(const char *path, size_t *length)
{
    struct stat status;
    FILE *in = fopen(path, "rb");

    if (!in || fstat(fileno(in), &status))
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
    return bytes;
}

bool net_is_same_file(const char *a, const char *b)
{
    struct stat one, other;

    return !stat(a, &one) && !stat(b, &other) && one.st_dev == other.st_dev &&
           one.st_ino == other.st_ino;
}

static _Noreturn void fail_write(const struct net_file *file)
{
    const int why = errno;

    unlink(file->temporary);
    net_fail(NET_FAULT, "cannot write %s: %s", file->path, strerror(why));
}

void net_file_open(struct net_file *file, const char *path)
{
    struct stat status;

    if (!stat(path, &status) && !S_ISREG(status.st_mode))
        net_fail(NET_FAULT, "cannot write %s: it is there and not a file", path);
    file->path = realpath(path, NULL); /* a link stays one: what it names is replaced */
    if (!file->path)
        file->path = net_format("%s", path);
    file->temporary = net_format("%s.%ld.part", file->path, (long)getpid());
    file->out = fopen(file->temporary, "wb");
    if (!file->out)
        fail_write(file);
}

void net_file_write(struct net_file *file, const void *bytes, size_t count)
{
    if (fwrite(bytes, 1, count, file->out) != count)
        fail_write(file);
}

/* The rename itself is on the disk only when the folder is. A file system that cannot sync a
   folder says EINVAL; then there is no more to do. */
static void sync_folder(const char *path)
{
    char *copy = net_format("%s", path);
    const int folder = open(dirname(copy), O_RDONLY | O_DIRECTORY);

    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
    free(copy);
}

void net_file_commit(struct net_file *file)
{
    if (fflush(file->out) || ferror(file->out) || fsync(fileno(file->out)))
        fail_write(file);
    if (fclose(file->out) || rename(file->temporary, file->path))
        fail_write(file);
    sync_folder(file->path);
    free(file->path);
    free(file->temporary);
}

void net_file_replace(const char *path, const struct net_text *text)
{
    struct net_file file;

    net_file_open(&file, path);
    net_file_write(&file, text->at, text->length);
    net_file_commit(&file);
}

/* ---- Folders --------------------------------------------------------------------------------- */

void net_make_folder(const char *path)
{
    char *copy = net_format("%s", path);
    struct stat status;
    int above = 0;

    for (char *c = copy + 1; *c; c++)
        if (*c == '/') {
            *c = '\0'; /* the last one tells whether all is well, these why not */
            if (mkdir(copy, 0777) && errno != EEXIST && !above)
                above = errno;
            *c = '/';
        }
    if (mkdir(copy, 0777) && errno != EEXIST)
        net_fail(NET_FAULT, "the folder %s cannot be made: %s", path,
                 strerror(errno == ENOENT && above ? above : errno));
    if (stat(copy, &status) || !S_ISDIR(status.st_mode))
        net_fail(NET_FAULT, "--out %s is a file, not a folder", path);
    free(copy);
}

bool net_has_file(const char *folder, const char *name)
{
    char *path = net_format("%s/%s", folder, name);
    const bool there = !access(path, F_OK);

    free(path);
    return there;
}
