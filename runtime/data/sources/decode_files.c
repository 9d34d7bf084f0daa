/*
 * decode_files.c -- pictures of files, and masks of theirs, as rows of bytes: decoded by several
 * threads. The bits of each row are its own file's, however many threads there are.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/core.h"
#include "data/sources/pictures.h"

/* What the threads share. */
struct work {
    struct net_picture_files *files;
    atomic_int next;      /* the first picture that nobody has begun */
    pthread_mutex_t lock; /* of files->failed and what is told of it */
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
static void store(const struct net_picture_files *files, int i, const struct net_pixels *pixels)
{
    const size_t plane = (size_t)files->height * (size_t)files->width;
    unsigned char *to = files->rows + (size_t)i * plane * (size_t)files->channels;
    const size_t pixel = (size_t)pixels->channels;

    for (size_t c = 0; c < (size_t)files->channels; c++)
        for (size_t p = 0; p < plane; p++)
            to[c * plane + p] = pixels->at[p * pixel + (pixel == 3 ? c : 0)];
}

/* `size`: height and width of the picture as it stands upright, before it is resized. */
static bool decode_picture(const struct net_picture_files *files, int i, int size[2],
                           char fault[NET_PICTURE_FAULT])
{
    struct net_pixels pixels = {0};
    size_t count = 0;
    unsigned char *bytes = read_file(files->paths[i], &count, fault);
    bool read = bytes && net_decode_picture(&pixels, bytes, count, fault);

    free(bytes);
    size[0] = pixels.height;
    size[1] = pixels.width;
    if (read && files->channels == 1)
        net_make_grey(&pixels);
    read = read && net_resize(&pixels, files->height, files->width, fault);
    if (read)
        store(files, i, &pixels);
    free(pixels.at);
    return read;
}

/* Every label of the file, and not only those that are left when it is made smaller. */
static bool check_labels(const struct net_picture_files *files, const struct net_pixels *mask,
                         char fault[NET_PICTURE_FAULT])
{
    for (int p = 0; files->allowed && p < mask->height * mask->width; p++) {
        const int label = mask->at[p];

        if (files->allowed[label])
            continue;
        snprintf(fault, NET_PICTURE_FAULT,
                 "expected labels from 0 to %d, found %d at row %d, column %d (from 0); "
                 "cross_entropy(ignore=%d) passes such labels over, and a mask of 0 and 255 is "
                 "scale(1/255), for binary_cross_entropy",
                 files->classes - 1, label, p / mask->width, p % mask->width, label);
        return false;
    }
    return true;
}

/* Of a picture of that size. */
static bool decode_mask(const struct net_picture_files *files, int i, const int size[2],
                        char fault[NET_PICTURE_FAULT])
{
    const size_t plane = (size_t)files->height * (size_t)files->width;
    struct net_pixels mask = {0};
    size_t count = 0;
    unsigned char *bytes = read_file(files->masks[i], &count, fault);
    bool read = bytes && net_decode_mask(&mask, bytes, count, fault);

    free(bytes);
    if (read && (mask.height != size[0] || mask.width != size[1])) {
        snprintf(fault, NET_PICTURE_FAULT,
                 "this mask has %d x %d pixels, its picture, upright, %d x %d: expected as many",
                 mask.height, mask.width, size[0], size[1]);
        read = false;
    }
    read = read && check_labels(files, &mask, fault);
    if (read)
        net_resize_labels(files->labels + (size_t)i * plane, files->height, files->width, &mask);
    free(mask.at);
    return read;
}

/* ---- all of them ----------------------------------------------------------------------------- */

static enum net_picture_failure decode(const struct net_picture_files *files, int i,
                                       char fault[NET_PICTURE_FAULT])
{
    int size[2];

    if (!decode_picture(files, i, size, fault))
        return NET_PICTURE_FAILED;
    return !files->masks || decode_mask(files, i, size, fault) ? NET_PICTURE_READ : NET_MASK_FAILED;
}

/* Pictures are begun in order, so of those with a fault the first is among them when the threads
   end: which one is told depends on the files alone. */
static void *decode_some(void *argument)
{
    struct work *work = argument;
    struct net_picture_files *files = work->files;
    char fault[NET_PICTURE_FAULT];

    for (bool more = true; more;) {
        const int i = atomic_fetch_add(&work->next, 1);
        const enum net_picture_failure failure = i < files->count ? decode(files, i, fault)
                                                                  : NET_PICTURE_READ;

        pthread_mutex_lock(&work->lock);
        if (failure != NET_PICTURE_READ && i < files->failed) {
            files->failed = i;
            files->failure = failure;
            memcpy(files->fault, fault, sizeof fault);
        }
        more = i < files->failed;
        pthread_mutex_unlock(&work->lock);
    }
    return NULL;
}

bool net_decode_files(struct net_picture_files *files)
{
    enum { PICTURES = 16 }; /* that are worth a thread */
    pthread_t threads[NET_MAX_THREADS];
    const int cores = net_cores(), most = files->count / PICTURES + 1;
    struct work work = {.files = files};
    int started = 0;

    files->failed = files->count;
    files->failure = NET_PICTURE_READ;
    pthread_mutex_init(&work.lock, NULL);
    while (started + 1 < (most < cores ? most : cores) &&
           !pthread_create(&threads[started], NULL, decode_some, &work))
        started++;
    decode_some(&work);
    for (int t = 0; t < started; t++)
        pthread_join(threads[t], NULL);
    pthread_mutex_destroy(&work.lock);
    return files->failure == NET_PICTURE_READ;
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

void net_picture_rows(struct net_picture_files *files, const char *place)
{
    const double pixels = (double)files->height * files->width;
    const double row = (files->channels + (files->masks != NULL)) * pixels;
    const double left = free_bytes();

    if (row * files->count > left / 2)
        net_fail(1,
                 "%s: %d pictures of [%d, %d, %d] are %.1f GB as bytes, more than half of the %.1f "
                 "GB of memory that are free; a smaller `size` wants less",
                 place, files->count, files->channels, files->height, files->width,
                 row * files->count / 1e9, left / 1e9);
    files->rows = net_allocate((size_t)files->count, (size_t)files->channels * (size_t)pixels);
    if (files->masks)
        files->labels = net_allocate((size_t)files->count, (size_t)pixels);
}
