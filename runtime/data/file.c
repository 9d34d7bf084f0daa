/*
 * file.c -- files as readers see them: bytes with a position, plain or gzip alike. The one
 * idea: a header's promise is never believed before the bytes are there. One that is cut short
 * while it is mapped ends in core/exit_report.c.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/sources/source.h"

_Noreturn void net_stream_fail(const struct net_stream *file, uint64_t at, const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    net_fail(1, "%s: byte %llu: %s", file->path, (unsigned long long)at, text);
}

/* x.gz for x, and the other way round; false: too long. */
static bool name_other(char other[PATH_MAX], const char *path)
{
    const size_t length = strlen(path);
    const bool packed = length > 3 && !strcmp(path + length - 3, ".gz");

    if (length + 4 > PATH_MAX)
        return false;
    snprintf(other, PATH_MAX, "%.*s%s", (int)(packed ? length - 3 : length), path,
             packed ? "" : ".gz");
    return true;
}

/* Opens the file that is there: x.gz where x is named and missing, and the other way round. */
static gzFile open_packed_or_not(const char *path)
{
    gzFile zlib = gzopen(path, "rb");
    char other[PATH_MAX];

    if (zlib || errno != ENOENT || !name_other(other, path))
        return zlib;
    return gzopen(other, "rb");
}

char *net_file_present(char *path)
{
    char other[PATH_MAX];

    if (access(path, F_OK) == 0 || errno != ENOENT || !name_other(other, path) ||
        access(other, F_OK) != 0)
        return path;
    free(path);
    return net_format("%s", other);
}

void net_need_file(const char *path)
{
    char other[PATH_MAX];

    if (strpbrk(path, "*?") || access(path, R_OK) == 0)
        return;
    if (errno == ENOENT && name_other(other, path) && access(other, R_OK) == 0)
        return;
    net_fail(1, "cannot open %s: %s\n  A FILE to predict is looked for from the current folder.",
             path, strerror(errno));
}

bool net_file_status(const char *path, struct stat *status)
{
    char other[PATH_MAX];

    return stat(path, status) == 0 || (name_other(other, path) && stat(other, status) == 0);
}

void net_stream_open(struct net_stream *file, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        net_fail(1, "%s: expected a file, found a folder", path);
    *file = (struct net_stream){.path = path, .zlib = open_packed_or_not(path)};
    if (!file->zlib)
        net_fail(1, "cannot open %s: %s%s", path, errno ? strerror(errno) : "out of memory",
                 errno == ENOENT || errno == ENOTDIR
                     ? "\n  The folder that holds the data is named by --data DIR."
                     : "");
    gzbuffer(file->zlib, 1 << 17);
    file->most = net_most_bytes();
}

void net_stream_memory(struct net_stream *file, const char *path, const char *memory, size_t size)
{
    *file = (struct net_stream){.path = path, .memory = memory, .size = size};
}

/* ---- bytes behind gzip data ------------------------------------------------------------------ */

/* zlib ends at the first byte that begins no further member (RFC 1952) and says nothing of the
   rest. Of one member alone, the last 4 bytes of the file are the length of its data. */
static bool ends_with_length(FILE *packed, uint64_t length)
{
    unsigned char last[4];

    return fseek(packed, -4, SEEK_END) == 0 && fread(last, 1, 4, packed) == 4 &&
           (last[0] | last[1] << 8 | last[2] << 16 | (uint32_t)last[3] << 24) == (uint32_t)length;
}

/* How many there are behind the last member, up to the size of a buffer; zeros, with which tapes
   are padded, count for nothing. */
static size_t bytes_behind(FILE *packed)
{
    static unsigned char in[1 << 16], out[1 << 16];
    z_stream z = {0};
    int code = Z_OK;
    size_t rest = 0;

    rewind(packed);
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return 0;
    while (code == Z_OK || code == Z_BUF_ERROR || code == Z_STREAM_END) {
        if (z.avail_in == 0 &&
            (z.avail_in = (unsigned)fread(z.next_in = in, 1, sizeof in, packed)) == 0)
            break;
        if (code == Z_STREAM_END && *z.next_in != 0x1f)
            break;
        if (code == Z_STREAM_END)
            inflateReset(&z);
        z.next_out = out, z.avail_out = sizeof out;
        code = inflate(&z, Z_NO_FLUSH);
    }
    for (unsigned i = 0; i < z.avail_in; i++)
        rest = z.next_in[i] ? z.avail_in : rest;
    inflateEnd(&z);
    return rest;
}

/* Told when all data were read. */
static void check_end(const struct net_stream *file)
{
    char other[PATH_MAX];
    FILE *packed = fopen(file->path, "rb");

    if (!packed && name_other(other, file->path))
        packed = fopen(other, "rb");
    if (!packed)
        return;
    if (!ends_with_length(packed, file->at)) {
        const size_t rest = bytes_behind(packed);

        if (rest)
            net_warn("%s: %zu bytes or more stand behind its gzip data and are not read; fetch the "
                     "file again",
                     file->path, rest);
    }
    fclose(packed);
}

void net_stream_close(struct net_stream *file)
{
    if (file->zlib && !gzdirect(file->zlib) && gzeof(file->zlib))
        check_end(file);
    if (file->zlib)
        gzclose_r(file->zlib);
    file->zlib = NULL;
}

size_t net_stream_some(struct net_stream *file, void *bytes, size_t size)
{
    size_t done = 0;

    if (file->memory) {
        done = size < file->size - file->at ? size : file->size - (size_t)file->at;
        memcpy(bytes, file->memory + file->at, done);
        file->at += done;
        return done;
    }
    while (done < size) {
        const size_t left = size - done;
        const int got = gzread(file->zlib, (char *)bytes + done,
                               left < INT_MAX ? (unsigned)left : INT_MAX);

        if (got > 0) {
            done += (size_t)got;
            file->at += (uint64_t)got;
        }
        int code;
        const char *text = gzerror(file->zlib, &code);

        if (code == Z_BUF_ERROR)
            net_stream_fail(file, file->at, "the gzip data are cut off here; fetch the file again");
        if (code == Z_ERRNO)
            net_stream_fail(file, file->at, "cannot read on: %s", strerror(errno));
        if (code != Z_OK && code != Z_STREAM_END)
            net_stream_fail(file, file->at, "the gzip data are damaged (%s); fetch the file again",
                            text);
        if (got <= 0)
            break;
    }
    return done;
}

static _Noreturn void fail_short(const struct net_stream *file, uint64_t begin, size_t size,
                                 const char *what)
{
    net_stream_fail(file, file->at, "the file ends; expected %s, %zu bytes from byte %llu on", what,
                    size, (unsigned long long)begin);
}

void net_stream_read(struct net_stream *file, void *bytes, size_t size, const char *what)
{
    const uint64_t begin = file->at;

    if (net_stream_some(file, bytes, size) < size)
        fail_short(file, begin, size, what);
}

/* A small file may hold zeros for a thousand times its size. */
static void *grow(const struct net_stream *file, void *bytes, size_t used, size_t size)
{
    const bool packed = file->zlib && !gzdirect(file->zlib);

    if (packed && (double)size > file->most)
        net_fail(1,
                 "%s: unpacked it is larger than the %.1f GB of memory; gunzip it: a file that is "
                 "not packed is read where it lies",
                 file->path, file->most / 1e9);
    void *grown = realloc(bytes, size);

    if (!grown)
        net_fail(1, "%s: out of memory after %zu bytes", file->path, used);
    return grown;
}

void *net_stream_append(struct net_stream *file, void *bytes, size_t used, size_t size,
                        const char *what)
{
    const uint64_t begin = file->at;
    size_t done = 0;

    for (size_t chunk = 1 << 20; done < size; chunk *= 2) {
        const size_t want = chunk < size - done ? chunk : size - done;

        bytes = grow(file, bytes, used + done, used + done + want);
        const size_t got = net_stream_some(file, (char *)bytes + used + done, want);

        done += got;
        if (got < want)
            fail_short(file, begin, size, what);
    }
    return bytes;
}

char *net_stream_rest(struct net_stream *file, size_t *size)
{
    char *bytes = NULL;
    size_t used = 0, capacity = 0;

    for (;;) {
        if (capacity - used < 2)
            bytes = grow(file, bytes, used, capacity += capacity / 2 + (1 << 16));
        const size_t got = net_stream_some(file, bytes + used, capacity - used - 1);

        used += got;
        if (used < capacity - 1)
            break;
    }
    bytes[used] = '\0';
    *size = used;
    return bytes;
}

void net_stream_end(struct net_stream *file)
{
    unsigned char more;
    const uint64_t at = file->at;

    if (net_stream_some(file, &more, 1))
        net_stream_fail(file, at, "expected the end of the file by its header, found more data");
}
