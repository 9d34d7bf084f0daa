/*
 * weights.c -- a run's weights, as the library has them in memory, and what its run has learnt of
 * its data.
 *
 * The one idea: netc reads and checks a file with the very functions that a library does.
 *
 * Needs: layouts. Gives: the bytes of NAME.weights, which are read again when NAME.c is compiled.
 */

#define _POSIX_C_SOURCE 200809L /* S_ISDIR */

#include "library/weights.h"
#include "core/run_files.h"
#include "library/library.h"

#include <errno.h>
#include <sys/stat.h>

/* The whole file, with a NUL behind it; NULL: it was told why not, unless `quiet`. */
static char *read_whole(const char *path, size_t *size, bool quiet)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    char *bytes = NULL;

    *size = 0;
    if (file && fstat(fileno(file), &status) == 0 && S_ISREG(status.st_mode)) {
        bytes = allocate((size_t)status.st_size + 1);
        *size = fread(bytes, 1, (size_t)status.st_size, file);
        if (*size != (size_t)status.st_size) {
            fprintf(stderr, "netc: error: --weights: %s cannot be read whole\n", path);
            bytes = NULL;
        }
    } else if (!quiet) {
        fprintf(stderr, "netc: error: --weights: cannot read %s: %s\n", path,
                file ? "it is not a file" : strerror(errno));
    }
    if (file)
        fclose(file);
    return bytes;
}

static struct net_tensor tensor_of(const Value *value)
{
    const Layout *v = value->layout;
    const Shape shape = file_shape(value);
    struct net_segment *segments = allocate((size_t)v->segment_count * sizeof *segments);
    struct net_tensor tensor = {
        .name = value->name,
        .offset = v->buffer->offset,
        .count = (long)(v->buffer->size / sizeof(float)),
        .rank = shape.rank,
        .kind = v->kind == LAYOUT_WEIGHT  ? NET_WEIGHT
                : v->kind == LAYOUT_TABLE ? NET_TABLE
                                          : NET_VECTOR,
        .panels = {v->panels[0], v->panels[1], v->panels[2]},
        .winograd = (uint8_t)v->winograd,
        .segments = segments,
        .segment_count = v->segment_count,
    };

    for (int i = 0; i < shape.rank; i++)
        tensor.shape[i] = shape.size[i];
    for (int i = 0; i < v->segment_count; i++)
        segments[i] = (struct net_segment){v->segments[i].start, v->segments[i].channels,
                                           v->segments[i].pixels, v->segments[i].block,
                                           v->segments[i].stride};
    return tensor;
}

static struct net_library_fold *tables_of_folds(const Library *l)
{
    const Graph *g = l->program->graph;
    struct net_library_fold *folds = allocate((size_t)(l->folds.count + 1) * sizeof *folds);

    for (int i = 0; i < l->folds.count; i++) {
        const Fold *fold = &l->folds.at[i];

        folds[i] = (struct net_library_fold){tensor_place(g, fold->weight),
                                             tensor_place(g, fold->bias),
                                             fold->gamma,
                                             fold->beta,
                                             fold->mean,
                                             fold->var,
                                             fold->eps};
    }
    return folds;
}

/* The tables of NAME.c, for netc itself. */
static struct net_library tables_of(const Library *l)
{
    const Graph *g = l->program->graph;
    struct net_tensor *tensors = NULL;
    const char **others = copy_array(l->others, l->other_count, sizeof *others);
    struct net_library tables = {.folds = tables_of_folds(l),
                                 .fold_count = l->folds.count,
                                 .evaluated = evaluated_text(l->model)};

    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->role != ROLE_PARAMETER && value->role != ROLE_STATE)
            continue;
        APPEND(tensors, tables.tensor_count, tensor_of(value));
        tables.params_size += value->layout->buffer->size;
    }
    others = grow(others, l->other_count, sizeof *others);
    others[l->other_count] = NULL;
    tables.tensors = tensors;
    tables.others = others;
    return tables;
}

/* CRC-32 of what weights mean nothing without: columns, fields and classes (data/contract.c). */
static const char *learnt_checksum(const char *text, size_t size)
{
    const char *begin = strstr(text, "  \"columns\": {"),
               *classes = strstr(text, "\n  \"classes\": [");
    uint32_t crc = 0xffffffff;

    if (!begin || !classes)
        return "";
    struct net_walk w = {(const unsigned char *)strchr(classes, '['),
                         (const unsigned char *)text + size, false};

    net_walk_value(&w);
    for (const char *at = begin; at < (const char *)w.at; at++)
        crc = net_crc_byte(crc, (unsigned char)*at);
    return format("%08x", ~crc);
}

static bool is_whole_json(const char *text, size_t size)
{
    struct net_walk w = {(const unsigned char *)text, (const unsigned char *)text + size, false};

    net_walk_value(&w);
    net_walk_blanks(&w);
    return !w.wrong && w.at == w.end;
}

static bool is_of_this_version(const char *text, size_t size)
{
    struct net_walk w = {(const unsigned char *)text, (const unsigned char *)text + size, false};

    return net_library_find(&w, "version") && net_walk_whole(&w) == NET_PREPARATION_VERSION;
}

/* What stands beside the weights is what their run has learnt. */
static bool read_preparation(Library *l, const char *folder, const struct net_library_file *file)
{
    const char *path = format("%s/preparation.json", folder);
    size_t size;
    const char *text = read_whole(path, &size, true);

    if (!text && file->preparation.at) {
        l->bare = format("%s, which the run of the weights had", path);
        fprintf(stderr,
                "netc: warning: --weights: %s cannot be read: the library takes prepared rows "
                "alone, and has no names of classes\n",
                path);
    }
    if (!text || !file->preparation.at)
        return true;
    l->checksum = learnt_checksum(text, size);
    if (!is_whole_json(text, size)) {
        fprintf(stderr, "netc: error: --weights: %s is damaged\n", path);
        return false;
    }
    if (!is_of_this_version(text, size)) {
        fprintf(stderr, "netc: error: --weights: %s: expected \"version\" %d, this netc's\n", path,
                NET_PREPARATION_VERSION);
        return false;
    }
    if (!net_string_is(file->preparation, l->checksum)) {
        fprintf(stderr,
                "netc: error: --weights: %s is not what the run of the weights has learnt\n", path);
        return false;
    }
    l->preparation = text;
    find_class_names(l);
    return find_raw_form(l);
}

static const char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? format("%.*s", (int)(slash - path) + (slash == path), path) : ".";
}

/* Of several folds nobody can say which is meant. */
static bool is_of_folds(const char *run)
{
    struct stat status;
    const bool is = stat(format("%s/kfold.json", run), &status) == 0;

    if (is)
        fprintf(stderr,
                "netc: error: --weights: %s is a k-fold, with weights for each of its folds: "
                "--weights %s/fold_1\n",
                run, run);
    return is;
}

bool read_weights(Library *l, const char *run)
{
    const struct net_library tables = tables_of(l);
    struct net_library_file file;
    struct stat status;
    const char *path = run, *tensor;
    size_t size;

    if (is_of_folds(run))
        return false;
    if (stat(run, &status) == 0 && S_ISDIR(status.st_mode))
        path = format("%s/model.safetensors", run);
    const char *bytes = read_whole(path, &size, false);
    char *room = allocate(tables.params_size + 64), *params = room + (-(uintptr_t)room & 63);

    if (!bytes)
        return false;
    const int error = net_library_weights(&tables, bytes, size, params, &tensor);

    if (error) {
        fprintf(stderr, "netc: error: --weights: %s: %s%s%s\n", path, tensor ? tensor : "",
                tensor ? ": " : "", net_library_text(error));
        return false;
    }
    l->weights = (Text){params, tables.params_size, tables.params_size};
    net_library_open(&file, bytes, size);
    return read_preparation(l, folder_of(path), &file);
}
