/*
 * data_file.c -- files as readers see them: bytes with a position, plain or gzip alike, and names
 * with wildcards. The one idea: a header's promise is never believed before the bytes are there.
 */

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "data_file.h"

_Noreturn void net_stream_fail(const struct net_stream *file, uint64_t at, const char *format,
                               ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    net_fail(1, "%s: byte %llu: %s", file->path, (unsigned long long)at, text);
}

/* Opens the file that is there: x.gz where x is named and missing, and the other way round. */
static gzFile open_packed_or_not(const char *path)
{
    const size_t length = strlen(path);
    const bool packed = length > 3 && !strcmp(path + length - 3, ".gz");
    gzFile zlib = gzopen(path, "rb");

    if (zlib || errno != ENOENT || length + 4 > PATH_MAX)
        return zlib;

    char other[PATH_MAX];

    snprintf(other, sizeof other, "%.*s%s", (int)(packed ? length - 3 : length), path,
             packed ? "" : ".gz");
    return gzopen(other, "rb");
}

void net_stream_open(struct net_stream *file, const char *path)
{
    struct stat status;

    if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        net_fail(1, "%s: expected a file, found a folder", path);
    *file = (struct net_stream){.path = path, .zlib = open_packed_or_not(path)};
    if (!file->zlib)
        net_fail(1, "cannot open %s: %s\n  The folder that holds the data is named by --data DIR.",
                 path, errno ? strerror(errno) : "out of memory");
    gzbuffer(file->zlib, 1 << 17);
}

void net_stream_close(struct net_stream *file)
{
    gzclose_r(file->zlib);
    file->zlib = NULL;
}

/* As many of `size` bytes as there are; a fault of the disk or of the packing ends the program. */
static size_t read_some(struct net_stream *file, void *bytes, size_t size)
{
    size_t done = 0;

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

    if (read_some(file, bytes, size) < size)
        fail_short(file, begin, size, what);
}

void *net_stream_append(struct net_stream *file, void *bytes, size_t used, size_t size,
                      const char *what)
{
    const uint64_t begin = file->at;
    size_t done = 0;

    for (size_t chunk = 1 << 20; done < size; chunk *= 2) {
        const size_t want = chunk < size - done ? chunk : size - done;
        void *grown = realloc(bytes, used + done + want);

        if (!grown)
            net_fail(1, "%s: out of memory after %zu bytes", file->path, used + done);
        bytes = grown;
        const size_t got = read_some(file, (char *)bytes + used + done, want);

        done += got;
        if (got < want)
            fail_short(file, begin, size, what);
    }
    return bytes;
}

void net_stream_end(struct net_stream *file)
{
    unsigned char more;
    const uint64_t at = file->at;

    if (read_some(file, &more, 1))
        net_stream_fail(file, at, "expected the end of the file by its header, found more data");
}

/* ---- names ----------------------------------------------------------------------------------- */

static char *join(const char *folder, const char *name)
{
    const size_t length = folder ? strlen(folder) : 0;
    char *path = net_allocate(length + strlen(name) + 2, 1);

    if (length && name[0] != '/')
        sprintf(path, "%s%s", folder, folder[length - 1] == '/' ? "" : "/");
    return strcat(path, name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* `*` is any text, `?` any character. Only the last star has to be tried again, further on. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *rest = NULL;

    while (*name) {
        if (*pattern == '*') {
            star = ++pattern, rest = name;
        } else if (*pattern && (*pattern == '?' || *pattern == *name)) {
            pattern++, name++;
        } else {
            if (!star)
                return false;
            pattern = star, name = ++rest;
        }
    }
    return !pattern[strspn(pattern, "*")];
}

/* Wildcards are for the last part of a path. (libc's glob would bring half of libc along: users'
   home folders, and the services that know them.) */
char **net_paths(const char *folder, const char *pattern, int *count)
{
    char *full = join(folder ? folder : ".", pattern), *last = strrchr(full, '/');
    char **paths = net_allocate(1, sizeof *paths);
    const struct dirent *entry;
    DIR *files;

    *count = 0;
    if (!strpbrk(pattern, "*?")) {
        paths[(*count)++] = full;
        return paths;
    }
    *last++ = '\0';
    files = opendir(*full ? full : "/");
    if (!files)
        net_fail(1, "cannot list the folder %s of \"%s\": %s\n"
                    "  The folder that holds the data is named by --data DIR.",
                 full, pattern, strerror(errno));
    while ((entry = readdir(files))) {
        if (entry->d_name[0] == '.' || !matches(last, entry->d_name))
            continue;
        if (*count == INT_MAX || !(paths = realloc(paths, ((size_t)*count + 1) * sizeof *paths)))
            net_fail(1, "out of memory for the files \"%s\" in %s", pattern, full);
        paths[(*count)++] = join(*full ? full : "/", entry->d_name);
    }
    closedir(files);
    if (!*count)
        net_fail(1, "no file matches \"%s\" in %s\n"
                    "  The folder that holds the data is named by --data DIR.",
                 last, full);
    qsort(paths, (size_t)*count, sizeof *paths, by_name);
    free(full);
    return paths;
}

void net_paths_free(char **paths, int count)
{
    for (int i = 0; i < count; i++)
        free(paths[i]);
    free(paths);
}

/* ---- arguments ------------------------------------------------------------------------------- */

const struct net_arg *net_argument(const struct net_call *call, const char *name)
{
    for (int i = 0; i < call->arg_count; i++)
        if (!strcmp(call->args[i].name, name))
            return &call->args[i];
    return NULL;
}

double net_whole_argument(const struct net_call *call, const char *name, double least, double most)
{
    const struct net_arg *arg = net_argument(call, name);
    const double number = arg ? arg->number : least - 1;

    if (!(number >= least && number <= most) || number != (double)(long)number)
        net_fail(1, "%s(%s=...): expected a whole number from %.0f to %.0f, found %g", call->name,
                 name, least, most, arg ? arg->number : 0);
    return number;
}

/* ---- numbers --------------------------------------------------------------------------------- */

bool net_sizes(const uint64_t *shape, int rank, int width, struct net_column *column,
               size_t *bytes)
{
    uint64_t size = 1, total;

    for (int i = 1; i < rank; i++)
        if (__builtin_mul_overflow(size, shape[i], &size) || size > INT_MAX)
            return false;
    if (__builtin_mul_overflow(size, shape[0], &total) ||
        __builtin_mul_overflow(total, (uint64_t)width, &total) || total > PTRDIFF_MAX / 8)
        return false;
    column->rank = rank - 1;
    for (int i = 1; i < rank; i++)
        column->shape[i - 1] = (int)shape[i];
    column->size = (int)size;
    column->rows = (long)shape[0];
    *bytes = (size_t)total;
    return true;
}

static uint64_t load(const unsigned char *at, struct net_encoding encoding)
{
    uint64_t bits = 0;

    for (int i = 0; i < encoding.width; i++)
        bits = bits << 8 | at[encoding.big_endian ? i : encoding.width - 1 - i];
    return bits;
}

static int64_t load_integer(const unsigned char *at, struct net_encoding encoding)
{
    const uint64_t bits = load(at, encoding);
    const uint64_t sign = (uint64_t)1 << (8 * encoding.width - 1);

    return encoding.kind == 'i' ? (int64_t)((bits ^ sign) - sign) : (int64_t)bits;
}

static float load_float(const unsigned char *at, struct net_encoding encoding)
{
    const uint64_t bits = load(at, encoding);

    if (encoding.kind == 'u')
        return (float)bits;
    if (encoding.kind == 'i')
        return (float)load_integer(at, encoding);
    if (encoding.width == 8) {
        double number;

        memcpy(&number, &bits, sizeof number);
        return (float)number;
    }
    const uint32_t low = (uint32_t)bits;
    float number;

    memcpy(&number, &low, sizeof number);
    return number;
}

static bool fits_int32(const unsigned char *at, size_t count, struct net_encoding encoding)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t number = load_integer(at + i * (size_t)encoding.width, encoding);

        if (number < INT32_MIN || number > INT32_MAX)
            return false;
    }
    return true;
}

void net_decode(struct net_column *column, void *bytes, struct net_encoding encoding)
{
    const size_t count = (size_t)column->rows * (size_t)column->size;
    const unsigned char *at = bytes;

    if (encoding.width == 1 && encoding.kind != 'i') {
        column->type = NET_U8;
        column->at = bytes;
        return;
    }
    column->at = net_allocate(count, 4);
    if (encoding.kind != 'f' && fits_int32(at, count, encoding)) {
        column->type = NET_I32;
        for (size_t i = 0; i < count; i++)
            ((int32_t *)column->at)[i] =
                (int32_t)load_integer(at + i * (size_t)encoding.width, encoding);
    } else {
        column->type = NET_F32;
        for (size_t i = 0; i < count; i++)
            ((float *)column->at)[i] = load_float(at + i * (size_t)encoding.width, encoding);
    }
    free(bytes);
}

/* ---- files of numbers ------------------------------------------------------------------------ */

/* Rows of `column` from the first axis varying fastest to the last one, in place. */
static void to_row_major(unsigned char *bytes, const struct net_column *column, int width)
{
    const size_t count = (size_t)column->rows * (size_t)column->size, w = (size_t)width;
    unsigned char *copy = net_allocate(count, w);

    memcpy(copy, bytes, count * w);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i % (size_t)column->size, row = i / (size_t)column->size, from = 0;
        size_t below = (size_t)column->rows * (size_t)column->size;

        for (int axis = column->rank; axis-- > 0;) {
            below /= (size_t)column->shape[axis];
            from += rest % (size_t)column->shape[axis] * below;
            rest /= (size_t)column->shape[axis];
        }
        memcpy(bytes + i * w, copy + (from + row) * w, w);
    }
    free(copy);
}

void net_read_files(struct net_column *column, char *const *paths, int count, net_header *header)
{
    struct net_encoding first = {0};
    unsigned char *bytes = NULL;
    size_t used = 0;
    long rows = 0;

    for (int i = 0; i < count; i++) {
        struct net_column next = *column;
        struct net_encoding encoding;
        struct net_stream file;

        net_stream_open(&file, paths[i]);
        const size_t size = header(&file, &next, &encoding);

        if (i && (encoding.kind != first.kind || encoding.width != first.width ||
                  encoding.big_endian != first.big_endian || next.rank != column->rank ||
                  memcmp(next.shape, column->shape, sizeof next.shape)))
            net_stream_fail(&file, 0, "type or shape of a row differs from that of %s", paths[0]);
        bytes = net_stream_append(&file, bytes, used, size, "the numbers that the header promises");
        net_stream_end(&file);
        net_stream_close(&file);
        if (encoding.fortran)
            to_row_major(bytes + used, &next, encoding.width);
        used += size;
        rows += next.rows;
        *column = next;
        column->rows = rows;
        first = encoding;
    }
    net_decode(column, bytes, first);
}

void net_open_files(struct net_table *table, const struct net_call *call, const char *folder,
                    net_header *header)
{
    for (int i = 0; i < call->arg_count; i++) {
        const struct net_arg *arg = &call->args[i];

        if (!arg->text || arg->none)
            continue;
        if (table->column_count == NET_COLUMNS)
            net_fail(1, "%s: more than %d fields in one source", call->name, NET_COLUMNS);
        struct net_column *column = &table->columns[table->column_count++];
        int count;
        char **paths = net_paths(folder, arg->text, &count);

        column->name = arg->name;
        column->place = arg->text;
        net_read_files(column, paths, count, header);
        net_paths_free(paths, count);
    }
    if (!table->column_count)
        net_fail(1, "%s: expected a file, such as %s(image=\"FILE\")", call->name, call->name);
}
