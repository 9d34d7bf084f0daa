/*
 * watch.c -- the files of a source while a run goes on. Rows of mapped files are read as they are
 * wanted: what is written into such a file in mid-run is trained on. It cannot be undone, but told.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <sys/stat.h>

#include "data/dataset.h"
#include "data/sources/source.h"

struct net_watched {
    char *path;
    struct stat status; /* when the source was opened */
    bool changed;       /* since then, as was found */
};

static void watch(void *context, const char *path)
{
    struct net_source *source = context;
    struct net_watched file = {0};

    if (!net_file_status(path, &file.status)) /* of a call's other texts, or the reader says so */
        return;
    if (!S_ISREG(file.status.st_mode) && !S_ISDIR(file.status.st_mode))
        return; /* a pipe changes as it is read */
    struct net_watched *grown = realloc(source->files,
                                        ((size_t)source->file_count + 1) * sizeof *grown);

    if (!grown)
        net_fail(NET_FAULT, "out of memory");
    file.path = net_copy(path);
    source->files = grown;
    grown[source->file_count++] = file;
}

void net_watch_files(struct net_data *data, enum net_part part, const struct net_call *call)
{
    net_visit_paths(call, data->folder, watch, &data->sources[part]);
}

uint64_t net_watched_bytes(const struct net_source *source)
{
    uint64_t bytes = 0;

    for (int i = 0; i < source->file_count; i++)
        bytes += (uint64_t)source->files[i].status.st_size;
    return bytes;
}

/* In words, malloc'd; NULL: nothing has changed. */
static char *difference(const struct net_watched *file, bool written)
{
    const struct stat *then = &file->status;
    struct stat now;

    if (!net_file_status(file->path, &now))
        return written ? NULL : net_format("%s is not there any more", file->path);
    if (now.st_dev != then->st_dev || now.st_ino != then->st_ino)
        return written ? NULL : net_format("%s is another file now", file->path);
    if (now.st_size != then->st_size)
        return net_format("%s has %lld bytes now, it had %lld", file->path, (long long)now.st_size,
                          (long long)then->st_size);
    if (now.st_mtim.tv_sec != then->st_mtim.tv_sec || now.st_mtim.tv_nsec != then->st_mtim.tv_nsec)
        return net_format("%s was written to", file->path);
    return NULL;
}

/* Are rows still read from its files? Not from one that has another's name now, or none. */
static bool is_mapped(const struct net_source *source)
{
    bool mapped = false;

    for (int i = 0; i < source->table.held_count; i++)
        mapped |= source->table.held[i].mapped > 0;
    return mapped;
}

char *net_data_look(struct net_data *data, bool written, bool *rows)
{
    for (int part = 0; part < NET_PARTS; part++)
        for (int i = 0; i < data->sources[part].file_count; i++) {
            struct net_watched *file = &data->sources[part].files[i];
            char *words = file->changed ? NULL : difference(file, true);

            *rows = words && is_mapped(&data->sources[part]);
            if (!words && !file->changed && !written)
                words = difference(file, false);
            file->changed |= words != NULL;
            if (words)
                return words;
        }
    return NULL;
}

const char *net_data_touched(const struct net_data *data, int number)
{
    for (int part = 0; part < NET_PARTS; part++)
        for (int i = 0; i < data->sources[part].file_count; i++)
            if (data->sources[part].files[i].changed && !number--)
                return data->sources[part].files[i].path;
    return NULL;
}

void net_watch_end(struct net_source *source)
{
    for (int i = 0; i < source->file_count; i++)
        free(source->files[i].path);
    free(source->files);
}
