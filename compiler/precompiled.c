/*
 * precompiled.c -- headers of kernels that clang parsed before, in the user's cache.
 *
 * One idea: the cache can only save time. A file that is missing or older than a header is made,
 * one that cannot be made is done without, and clang itself looks whether a file still fits.
 *
 * Needs: the command that compiles what includes the headers. Gives: the file for -include-pch.
 */

#define _XOPEN_SOURCE 700

#include "driver.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "passes/passes.h"

static bool make_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

/* netc's in the folder that the XDG Base Directory Specification names; NULL if there is none. */
static const char *cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME"), *folder;

    if (!cache || cache[0] != '/')
        cache = home && home[0] == '/' ? format("%s/.cache", home) : NULL;
    if (!cache || !make_folder(cache))
        return NULL;
    folder = format("%s/netc", cache);
    return make_folder(folder) ? folder : NULL;
}

/* FNV-1a (Fowler, Noll, Vo), 64 bits: another command, another file. */
static uint64_t hash_command(const Command *command)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (int i = 0; i < command->count; i++)
        for (const char *at = command->words[i];; at++) {
            hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
            if (!*at)
                break;
        }
    return hash;
}

static bool is_older(const struct stat *a, const struct stat *b)
{
    return a->st_mtim.tv_sec < b->st_mtim.tv_sec ||
           (a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec < b->st_mtim.tv_nsec);
}

/* Is `file` there, and no header of the folder newer? */
static bool is_fresh(const char *file, const char *folder)
{
    DIR *list = opendir(folder);
    bool fresh = list && access(file, R_OK) == 0;
    struct stat made, header;
    struct dirent *entry;

    fresh = fresh && stat(file, &made) == 0;
    while (fresh && (entry = readdir(list)) != NULL)
        fresh = (!strstr(entry->d_name, ".h") && !strstr(entry->d_name, ".def")) ||
                stat(format("%s/%s", folder, entry->d_name), &header) != 0 ||
                !is_older(&made, &header);
    if (list)
        closedir(list);
    return fresh;
}

/* kernel.h, and in front of it what kinds of kernels have beside it: a row's, unless the row above
   has it too. */
static void add_headers(Command *command, const char *headers)
{
    const char *above = "";

    for (int kind = 0; kind < KERNEL_KINDS; kind++) {
        const char *header = kernel_info[kind].header;

        if (!header)
            continue;
        if (!same(header, above))
            add_words(command, (const char *[]){"-include", format("kernels/%s.h", header)}, 2);
        above = header;
    }
    add_words(command,
              (const char *[]){"-include", "kernels/tables.h", "-x", "c-header",
                               format("%s/kernels/kernel.h", headers)},
              5);
}

const char *precompile_headers(const Command *compiler, const char *headers, const char *name,
                               bool verbose)
{
    static const char *const folders[] = {"kernels", ".", "core"}; /* what they include */
    const char *folder = cache_folder(), *file, *part;
    bool fresh = true;
    Command command = {0};
    WorkFolder work;

    if (!folder)
        return NULL;
    file = format("%s/%s-%016llx.pch", folder, name, (unsigned long long)hash_command(compiler));
    for (int i = 0; i < COUNT(folders); i++)
        fresh = fresh && is_fresh(file, format("%s/%s", headers, folders[i]));
    if (fresh)
        return file;
    if (!open_work_folder(&work, file))
        return NULL;
    part = format("%s/header.pch", work.path);
    add_words(&command, compiler->words, compiler->count);
    add_words(&command, (const char *[]){"-o", part}, 2);
    add_headers(&command, headers);
    if (run(complete(&command, verbose), true) != 0 || rename(part, file) != 0)
        file = NULL;
    close_work_folder(&work);
    return file;
}
