/*
 * images.c -- pictures of files, PNG and JPEG, in one size: `image`, the name of the folder that a
 * file is in as `label`, and of each the labels of another file as `mask`. All are decoded when the
 * source is opened; rows are in the order of the paths.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"
#include "data/sources/source.h"

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

static bool wants_labels(const struct net_field *field)
{
    return !strcmp(field->source, "mask") && field->kind == NET_TARGET_CLASS;
}

/* Which labels a mask may have by each of the fields that make classes of them; NULL: any. */
static bool *allowed_labels(struct net_picture_files *files, const struct net_request *request)
{
    enum { LABELS = 256 };
    bool *allowed = NULL;

    for (int f = 0; f < request->field_count; f++) {
        const struct net_field *field = &request->fields[f];

        if (!wants_labels(field))
            continue;
        if (!allowed) {
            allowed = net_allocate(LABELS, sizeof *allowed);
            memset(allowed, true, LABELS * sizeof *allowed);
            files->classes = field->classes;
        }
        files->classes = field->classes < files->classes ? field->classes : files->classes;
        for (int label = field->classes; label < LABELS; label++)
            allowed[label] &= field->ignores && label == field->ignored;
    }
    return allowed;
}

static char **list_masks(const struct net_request *request, const struct net_arg *masks,
                         char *const *paths, int count)
{
    const char *pattern = request->pattern ? request->pattern
                                           : net_argument(request->call, "file")->text;
    char **all = net_allocate((size_t)count, sizeof *all);

    for (int i = 0; i < count; i++)
        all[i] = net_mask_path(request->folder, pattern, masks->text, paths[i]);
    return all;
}

static void decode_all(struct net_picture_files *files)
{
    if (net_decode_files(files))
        return;
    const bool mask = files->failure == NET_MASK_FAILED;

    net_fail(1, "%s: %s%s%s", (mask ? files->masks : files->paths)[files->failed], files->fault,
             mask ? "; it is the mask of " : "", mask ? files->paths[files->failed] : "");
}

static void open_images(struct net_table *table, const struct net_request *request)
{
    const struct net_arg *file = net_argument(request->call, "file");
    const struct net_arg *size = net_argument(request->call, "size");
    const struct net_arg *masks = net_argument(request->call, "masks");
    const char *pattern = file->texts ? file->texts[0] : file->text;
    struct net_picture_files files = {.channels = net_has_word(request->call, "colors", "grey") ? 1
                                                                                                : 3,
                                      .height = (int)(size->list ? size->list[0] : size->number),
                                      .width = (int)(size->list ? size->list[1] : size->number)};
    char **paths = list_files(request, file, &files.count);
    char **others = masks && wants(request, "mask") ? list_masks(request, masks, paths, files.count)
                                                    : NULL;
    const char *place = net_place(table, request->folder, pattern, paths, files.count);
    bool *allowed = allowed_labels(&files, request);
    const int pixels = files.height * files.width;

    files.paths = paths;
    files.masks = others;
    files.allowed = allowed;
    net_picture_rows(&files, place);
    table->columns[table->column_count++] = (struct net_column){
        .name = "image",
        .place = place,
        .type = NET_U8,
        .rank = 3,
        .shape = {files.channels, files.height, files.width},
        .rows = files.count,
        .size = files.channels * pixels,
        .at = files.rows};
    if (wants(request, "label")) {
        struct net_column *label = &table->columns[table->column_count++];

        *label = (struct net_column){
            .name = "label", .place = place, .type = NET_I32, .rows = files.count, .size = 1};
        add_labels(label, paths, files.count, pattern);
    }
    if (others)
        table->columns[table->column_count++] = (struct net_column){
            .name = "mask",
            .place = place,
            .type = NET_U8,
            .rank = 2,
            .shape = {files.height, files.width},
            .rows = files.count,
            .size = pixels,
            .at = files.labels};
    decode_all(&files);
    if (others)
        net_paths_free(others, files.count);
    net_paths_free(paths, files.count);
    free(allowed);
}

const struct net_reader net_reader_images = {
    .name = "images", .open = open_images, .file = "file", .several = true};
