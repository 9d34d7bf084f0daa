/*
 * image.c -- the transform image(file, size): pictures of the files that a column names.
 * Cells are kept as the table is read, and all files decoded at its end by several threads; in the
 * model it stands before all else, and changes nothing.
 */

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "data/sources/pictures.h"
#include "data/transforms/transform.h"

enum { LONGEST = 4096 }; /* bytes of a name */

/* The files of one column so far. */
struct named {
    const struct net_call *step;
    char **paths;
    struct net_spot *spots; /* where each is named */
    int count, room;
};

static void *open_named(const struct net_taker *taker)
{
    struct named *named = net_allocate(1, sizeof *named);
    struct net_column *column = taker->column;

    for (int s = 0; s < taker->field->step_count; s++)
        if (taker->field->steps[s].transform == &net_transform_image)
            named->step = &taker->field->steps[s];
    const struct net_arg *size = net_argument(named->step, "size");

    column->rank = 3;
    column->shape[0] = net_has_word(named->step, "colors", "grey") ? 1 : 3;
    column->shape[1] = (int)(size->list ? size->list[0] : size->number);
    column->shape[2] = (int)(size->list ? size->list[1] : size->number);
    column->size = column->shape[0] * column->shape[1] * column->shape[2];
    return named;
}

/* The cell in the place of the pattern's star; it begins in the folder that its table is in. */
static char *path_of(const char *pattern, struct net_slice cell, const char *table)
{
    const char *star = strchr(pattern, '*'), *slash = strrchr(table, '/');
    const bool rooted = star == pattern ? *cell.at == '/' : *pattern == '/';
    const bool piped = !strncmp(table, "/dev/", 5); /* in no folder */

    return net_format("%.*s%.*s%.*s%s", rooted || piped || !slash ? 0 : (int)(slash - table) + 1,
                      table, (int)(star - pattern), pattern, (int)cell.length, cell.at, star + 1);
}

static void add_named(const struct net_taker *taker, struct net_slice cell,
                      const struct net_spot *spot)
{
    struct named *named = taker->files;

    if (!cell.length || cell.length > LONGEST)
        net_fail(1, "%s: line %ld (row %ld), column %s: expected the name of a file, found %s",
                 spot->path, spot->line, spot->row, taker->field->source,
                 cell.length ? "a text" : "nothing");
    if (named->count == named->room) {
        if (named->room > INT_MAX / 2 - 1024)
            net_fail(1, "%s: more than %d pictures", spot->path, named->room);
        named->room += named->room / 2 + 1024;
        named->paths = realloc(named->paths, (size_t)named->room * sizeof *named->paths);
        named->spots = realloc(named->spots, (size_t)named->room * sizeof *named->spots);
        if (!named->paths || !named->spots)
            net_fail(1, "out of memory for the names of %d files", named->room);
    }
    named->spots[named->count] = *spot;
    named->paths[named->count++] = path_of(net_argument(named->step, "file")->text, cell,
                                           spot->path);
}

/* Is there no such file, as cells have the ending that the pattern gives them again? */
static bool ends_twice(const char *path, const char *pattern)
{
    const char *ending = strchr(pattern, '*') + 1;
    const size_t length = strlen(path), one = strlen(ending);

    return one && length > 2 * one && !strncmp(path + length - 2 * one, ending, one) &&
           access(path, F_OK);
}

static void close_named(const struct net_taker *taker)
{
    struct named *named = taker->files;
    struct net_column *column = taker->column;
    struct net_picture_files files = {.paths = named->paths,
                                      .count = named->count,
                                      .channels = column->shape[0],
                                      .height = column->shape[1],
                                      .width = column->shape[2]};

    net_picture_rows(&files, column->place);
    column->at = files.rows;
    if (!net_decode_files(&files)) {
        const struct net_spot *spot = &named->spots[files.failed];

        const char *path = named->paths[files.failed];
        const char *pattern = net_argument(named->step, "file")->text;

        net_fail(1, "%s: line %ld (row %ld), column %s: %s: %s%s", spot->path, spot->line,
                 spot->row, taker->field->source, path, files.fault,
                 ends_twice(path, pattern) ? "; cells that have their ending want a path that ends "
                                             "in *"
                                           : "");
    }
    net_paths_free(named->paths, named->count);
    free(named->spots);
    free(named);
}

static void apply_image(struct net_values *values, const struct net_call *call,
                        const struct net_fitted *fitted)
{
    (void)values;
    (void)call;
    (void)fitted;
}

static const struct net_cells named_files = {
    .open = open_named, .add = add_named, .close = close_named};

const struct net_transform net_transform_image = {.name = "image",
                                                  .given = {"size", "colors"},
                                                  .apply = apply_image,
                                                  .inverse_kind = NET_INVERSE_NOTHING,
                                                  .cells = &named_files};
