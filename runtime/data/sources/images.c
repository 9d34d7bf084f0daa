/*
 * images.c -- pictures of files, PNG and JPEG, in one size: `image`, and the name of the folder
 * that a file is in as `label`. All are decoded when the source is opened, by several threads; rows
 * are in the order of the paths, and the bits of each are its own file's, however many threads
 * there are.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sources/pictures.h"
#include "data/sources/source.h"

/* What the threads share. */
struct work {
    char *const *paths;
    int count;
    int height, width, channels; /* of a row of the result */
    unsigned char *rows;         /* [count, channels, height, width] */
    atomic_int next;             /* the first picture that nobody has begun */
    pthread_mutex_t lock;        /* of: */
    int failed;                  /* the first picture with a fault, or `count` */
    char fault[NET_PICTURE_FAULT];
};

/* ---- one picture ----------------------------------------------------------------------------- */

/* The whole file, malloc'd; NULL: `fault` says why. */
static unsigned char *read_file(const char *path, size_t *size, char fault[NET_PICTURE_FAULT])
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    unsigned char *bytes = NULL, *grown;
    size_t room = 0;
    ssize_t got = file < 0 ? -1 : 1;

    for (*size = 0; got > 0; *size += (size_t)got) {
        if (*size == room) {
            grown = realloc(bytes, room += room + (1 << 16));
            if (!grown) {
                errno = ENOMEM;
                got = -1;
                break;
            }
            bytes = grown;
        }
        got = read(file, bytes + *size, room - *size);
        if (got < 0)
            break;
    }
    if (got < 0) {
        snprintf(fault, NET_PICTURE_FAULT, "it cannot be read: %s", strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file >= 0)
        close(file);
    return bytes;
}

/* Pixels as planes, a grey one for every channel. */
static void store(const struct work *work, int i, const struct net_pixels *pixels)
{
    const size_t plane = (size_t)work->height * (size_t)work->width;
    unsigned char *to = work->rows + (size_t)i * plane * (size_t)work->channels;
    const size_t pixel = (size_t)pixels->channels;

    for (size_t c = 0; c < (size_t)work->channels; c++)
        for (size_t p = 0; p < plane; p++)
            to[c * plane + p] = pixels->at[p * pixel + (pixel == 3 ? c : 0)];
}

static bool decode(const struct work *work, int i, char fault[NET_PICTURE_FAULT])
{
    struct net_pixels pixels = {0};
    size_t size = 0;
    unsigned char *bytes = read_file(work->paths[i], &size, fault);
    bool read = bytes && net_decode_picture(&pixels, bytes, size, fault);

    free(bytes);
    if (read && work->channels == 1)
        net_make_grey(&pixels);
    read = read && net_resize(&pixels, work->height, work->width, fault);
    if (read)
        store(work, i, &pixels);
    free(pixels.at);
    return read;
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Pictures are begun in order, so of those with a fault the first is among them when the threads
   end: which one is told depends on the files alone. */
static void *decode_some(void *argument)
{
    struct work *work = argument;
    char fault[NET_PICTURE_FAULT];

    for (bool more = true; more;) {
        const int i = atomic_fetch_add(&work->next, 1);
        const bool failed = i < work->count && !decode(work, i, fault);

        pthread_mutex_lock(&work->lock);
        if (failed && i < work->failed) {
            work->failed = i;
            memcpy(work->fault, fault, sizeof fault);
        }
        more = i < work->failed;
        pthread_mutex_unlock(&work->lock);
    }
    return NULL;
}

static void decode_all(struct work *work)
{
    enum { PICTURES = 16 }; /* that are worth a thread */
    pthread_t threads[NET_MAX_THREADS];
    const int cores = net_cores(), most = work->count / PICTURES + 1;
    int started = 0;

    pthread_mutex_init(&work->lock, NULL);
    while (started + 1 < (most < cores ? most : cores) &&
           !pthread_create(&threads[started], NULL, decode_some, work))
        started++;
    decode_some(work);
    for (int t = 0; t < started; t++)
        pthread_join(threads[t], NULL);
    pthread_mutex_destroy(&work->lock);
    if (work->failed < work->count)
        net_fail(1, "%s: %s", work->paths[work->failed], work->fault);
}

/* Bytes of memory that are free, by Linux (proc(5), /proc/meminfo), or may be taken at most. */
static double free_bytes(void)
{
    static const char name[] = "MemAvailable:";
    FILE *file = fopen("/proc/meminfo", "r");
    double bytes = net_most_bytes();
    char line[128];

    while (file && fgets(line, sizeof line, file))
        if (!strncmp(line, name, sizeof name - 1))
            bytes = fmin(bytes, 1024 * strtod(line + sizeof name - 1, NULL));
    if (file)
        fclose(file);
    return bytes;
}

static void check_room(const struct work *work, const char *place)
{
    const double row = (double)work->channels * work->height * work->width;
    const double left = free_bytes();

    if (row * work->count > left / 2)
        net_fail(1,
                 "%s: %d pictures of [%d, %d, %d] are %.1f GB as bytes, more than half of the %.1f "
                 "GB of memory that are free; a smaller `size` wants less",
                 place, work->count, work->channels, work->height, work->width,
                 row * work->count / 1e9, left / 1e9);
}

/* ---- labels ---------------------------------------------------------------------------------- */

/* How many parts of a path, from behind, stand for the class: those from the last folder with a
   wildcard on, or the file and its folder. */
static int class_depth(const char *pattern)
{
    int depth = 1, found = 2;
    const char *end = pattern + strlen(pattern);

    for (const char *at = end; at-- > pattern;)
        if (*at == '/')
            depth++;
        else if (depth > 1 && (*at == '*' || *at == '?'))
            return depth;
    return found;
}

/* The part that is `depth` from the end, the file itself being 1; length 0: there is none. */
static struct net_slice part_of(const char *path, int depth)
{
    const char *end = path + strlen(path), *begin = end;

    for (; depth > 0; depth--) {
        while (end > path && end[-1] == '/')
            end--;
        for (begin = end; begin > path && begin[-1] != '/';)
            begin--;
        if (depth > 1)
            end = begin;
    }
    return (struct net_slice){begin, (size_t)(end - begin)};
}

static void add_labels(struct net_column *column, char *const *paths, int count,
                       const char *pattern)
{
    const int depth = class_depth(pattern);
    int32_t *labels = net_allocate((size_t)count, sizeof *labels);

    column->at = labels;
    column->strings = net_strings_new();
    for (int i = 0; i < count; i++) {
        const struct net_slice name = part_of(paths[i], depth);

        if (!name.length || (name.length == 1 && *name.at == '.'))
            net_fail(1,
                     "%s: it lies in no folder whose name could be its class; a pattern such as "
                     "\"train/*/*.png\" has one",
                     paths[i]);
        labels[i] = net_strings_add(column->strings, name.at, name.length);
    }
    net_sort_classes(column);
}

/* ---- the source ------------------------------------------------------------------------------ */

/* The files of one pattern, or those that `predict` was given, each a pattern too. */
static char **list_files(const struct net_request *request, const struct net_arg *file, int *count)
{
    char **all = NULL;

    if (!file->texts)
        return net_paths(request->folder, file->text, count);
    *count = 0;
    for (int t = 0; t < file->count; t++) {
        int some;
        char **paths = net_paths(request->folder, file->texts[t], &some);

        if (*count > INT_MAX - some ||
            !(all = realloc(all, ((size_t)*count + (size_t)some) * sizeof *all)))
            net_fail(1, "out of memory for the names of files");
        memcpy(all + *count, paths, (size_t)some * sizeof *paths);
        *count += some;
        free(paths);
    }
    return all;
}

static bool wants(const struct net_request *request, const char *source)
{
    for (int f = 0; f < request->field_count; f++)
        if (!strcmp(request->fields[f].source, source))
            return true;
    return false;
}

static void open_images(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    const struct net_arg *size = net_argument(request->call, "size");
    const char *pattern = file->texts ? file->texts[0] : file->text;
    struct work work = {.channels = net_has_word(request->call, "colors", "grey") ? 1 : 3};
    char **paths = list_files(request, file, &work.count);
    const char *place = net_place(table, request->folder, pattern, paths, work.count);

    work.height = (int)(size->list ? size->list[0] : size->number);
    work.width = (int)(size->list ? size->list[1] : size->number);
    work.paths = paths;
    work.failed = work.count;
    check_room(&work, place);
    const int pixels = work.channels * work.height * work.width;

    table->column_count = 1 + wants(request, "label");
    table->columns[0] = (struct net_column){.name = "image",
                                            .place = place,
                                            .type = NET_U8,
                                            .rank = 3,
                                            .shape = {work.channels, work.height, work.width},
                                            .rows = work.count,
                                            .size = pixels};
    table->columns[1] = (struct net_column){
        .name = "label", .place = place, .type = NET_I32, .rows = work.count, .size = 1};
    if (table->column_count > 1)
        add_labels(&table->columns[1], paths, work.count, pattern);
    work.rows = net_allocate((size_t)work.count, (size_t)pixels);
    table->columns[0].at = work.rows;
    decode_all(&work);
    net_paths_free(paths, work.count);
}

const struct net_reader net_reader_images = {
    .name = "images", .open = open_images, .file = "file", .several = true};
