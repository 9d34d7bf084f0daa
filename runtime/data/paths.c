/*
 * paths.c -- which files a source names, by wildcards too, and the arguments of its call.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "data/sources/source.h"

/* ---- names ----------------------------------------------------------------------------------- */

static char *join(const char *folder, const char *name)
{
    const size_t length = folder ? strlen(folder) : 0;

    if (!length || name[0] == '/')
        return net_format("%s", name);
    return net_format("%s%s%s", folder, folder[length - 1] == '/' ? "" : "/", name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

const char *net_data_folder(const struct net_model *model, const char *folder)
{
    if (!folder && model->folder && !access(model->folder, F_OK))
        return model->folder;
    return folder;
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

struct paths {
    char **at;
    int count;
};

/* The entries of a folder whose names match, in their order, behind the paths so far. `pass`: the
   errno for which a folder that cannot be listed is passed over; NULL for `pattern`: for each. */
static void add_matches(struct paths *paths, const char *folder, const char *part, int pass,
                        const char *pattern)
{
    DIR *files = opendir(folder);
    const int first = paths->count;
    const struct dirent *entry;

    if (!files && pattern && errno != pass)
        net_fail(1,
                 "cannot list the folder %s of \"%s\": %s\n"
                 "  The folder that holds the data is named by --data DIR.",
                 folder, pattern, strerror(errno));
    while (files && (entry = readdir(files))) {
        if (entry->d_name[0] == '.' || !matches(part, entry->d_name))
            continue;
        if (paths->count == INT_MAX ||
            !(paths->at = realloc(paths->at, ((size_t)paths->count + 1) * sizeof *paths->at)))
            net_fail(1, "out of memory for the files \"%s\" in %s", part, folder);
        paths->at[paths->count++] = join(folder, entry->d_name);
    }
    if (files)
        closedir(files);
    if (paths->count > first)
        qsort(paths->at + first, (size_t)(paths->count - first), sizeof *paths->at, by_name);
}

/* Level by level: those of a folder, then what is in them where the pattern has a part behind.
   (libc's glob would bring half of libc along: users' home folders, and the services that know
   them.) */
static struct paths expand(const char *folder, const char *pattern, const char *whole)
{
    char *parts = net_format("%s", pattern), *rest = parts, *part;
    struct paths folders = {net_allocate(1, sizeof(char *)), 1};

    folders.at[0] = net_format("%s", *folder ? folder : "/");
    for (int level = 0; (part = strsep(&rest, "/")); level++) {
        struct paths found = {net_allocate(1, sizeof(char *)), 0};

        for (int i = 0; i < folders.count; i++)
            add_matches(&found, folders.at[i], part, level ? ENOTDIR : 0, whole);
        net_paths_free(folders.at, folders.count);
        folders = found;
    }
    free(parts);
    return folders;
}

static char **list_paths(const char *folder, const char *pattern, int *count, bool fail)
{
    char *full = join(folder ? folder : ".", pattern);
    char *first = full + strlen(full) - strlen(pattern);
    struct paths paths = {NULL, 0};

    first += strcspn(first, "*?");
    if (!*first || !access(full, F_OK)) {
        paths.at = net_allocate(1, sizeof *paths.at);
        paths.at[0] = net_file_present(full);
        *count = 1;
        return paths.at;
    }
    while (*first != '/') /* behind the last folder without wildcards */
        first--;
    *first++ = '\0';
    for (int packed = 0; packed < 2 && !paths.count; packed++) { /* x.gz where there is no x */
        char *wanted = net_format("%s%s", first, packed ? ".gz" : "");

        free(paths.at);
        paths = expand(full, wanted, fail ? pattern : NULL);
        free(wanted);
    }
    if (!paths.count && fail)
        net_fail(1,
                 "no file matches \"%s\" in %s\n"
                 "  The folder that holds the data is named by --data DIR.",
                 first, full);
    free(full);
    *count = paths.count;
    return paths.at;
}

char **net_paths(const char *folder, const char *pattern, int *count)
{
    return list_paths(folder, pattern, count, true);
}

const char *net_place(struct net_table *table, const char *folder, const char *pattern,
                      char *const *paths, int count)
{
    char *place = count == 1 ? net_format("%s", paths[0]) : join(folder, pattern);

    table->places[table->place_count++] = place;
    return place + (strncmp(place, "./", 2) ? 0 : 2);
}

char **net_paths_if_any(const char *folder, const char *pattern, int *count)
{
    return list_paths(folder, pattern, count, false);
}

void net_need_regular(const char *folder, const char *pattern)
{
    int count;
    char **paths = list_paths(folder, pattern, &count, false);
    struct stat status;

    for (int i = 0; i < count; i++)
        if (stat(paths[i], &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode))
            net_fail(1,
                     "%s is a pipe or a device: training data are read more than once; copy "
                     "them to a file",
                     paths[i]);
    net_paths_free(paths, count);
}

void net_visit_paths(const struct net_call *call, const char *folder,
                     void (*visit)(void *context, const char *path), void *context)
{
    for (int i = 0; call && i < call->arg_count; i++) {
        int count = 0;
        char **paths = call->args[i].text ? net_paths_if_any(folder, call->args[i].text, &count)
                                          : NULL;

        for (int p = 0; p < count; p++)
            visit(context, paths[p]);
        if (paths)
            net_paths_free(paths, count);
    }
}

struct search {
    struct stat wanted;
    bool found;
};

/* Of the file, or of the .gz in its place. */
static void compare(void *context, const char *path)
{
    struct search *search = context;
    struct stat status;

    search->found = search->found ||
                    (net_file_status(path, &status) && status.st_dev == search->wanted.st_dev &&
                     status.st_ino == search->wanted.st_ino);
}

static void compare_all(struct search *search, const char *folder, const char *pattern)
{
    int count;
    char **paths = net_paths_if_any(folder, pattern, &count);

    for (int p = 0; p < count; p++)
        compare(search, paths[p]);
    net_paths_free(paths, count);
}

bool net_is_file_of(const char *folder, const char *pattern, const char *path)
{
    struct search search = {0};

    if (!stat(path, &search.wanted))
        compare_all(&search, folder, pattern);
    return search.found;
}

bool net_is_data_file(const struct net_model *model, const char *folder, const char *path)
{
    struct search search = {0};
    const char *data = net_data_folder(model, folder);

    if (stat(path, &search.wanted))
        return false;
    for (int part = 0; part < NET_PARTS; part++)
        net_visit_paths(model->parts[part], data, compare, &search);
    for (int f = 0; f < model->field_count; f++) /* of stop words */
        for (int i = 0; i < model->fields[f].step_count; i++)
            net_visit_paths(&model->fields[f].steps[i], data, compare, &search);
    for (int t = 0; t < model->tensor_count; t++)
        if (model->tensors[t].pretrained)
            compare_all(&search, data, model->tensors[t].pretrained);
    return search.found;
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
    for (int i = 0; call && i < call->arg_count; i++)
        if (!strcmp(call->args[i].name, name) && !call->args[i].none)
            return &call->args[i];
    return NULL;
}

bool net_has_word(const struct net_call *call, const char *name, const char *word)
{
    const struct net_arg *arg = net_argument(call, name);

    return arg && arg->text && !strcmp(arg->text, word);
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
