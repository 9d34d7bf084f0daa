/*
 * fuzz.c -- files in memory, and works that are attempted: the linker puts the functions here in
 * the place of those that open something (--wrap), so that it is known what a fault has left open.
 */

#define _GNU_SOURCE

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "core/attempt.h"
#include "fuzz/fuzz.h"

/* ---- files ----------------------------------------------------------------------------------- */

enum { MAX_FILES = 8 };

static struct {
    char *name, *path;
    int memory; /* its descriptor */
} files[MAX_FILES];
static char folder[256];
static bool attempting; /* what is opened is looked after */

static int report = STDERR_FILENO;

/* libFuzzer closes stderr, for the messages of faults. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc, (void)argv;
    report = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    return 0;
}

_Noreturn void fuzz_finding(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vdprintf(report, format, args);
    va_end(args);
    dprintf(report, "\n");
    abort();
}

static void remove_folder(void)
{
    char path[sizeof folder + 300];
    const struct dirent *entry;
    DIR *entries = opendir(folder);

    while (entries && (entry = readdir(entries))) {
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        unlink(path);
    }
    if (entries)
        closedir(entries);
    rmdir(folder);
}

const char *fuzz_folder(void)
{
    const char *above = getenv("TMPDIR");

    if (*folder)
        return folder;
    snprintf(folder, sizeof folder, "%s/netc-fuzz-XXXXXX", above ? above : "/tmp");
    if (!mkdtemp(folder))
        fuzz_finding("cannot make %s", folder);
    atexit(remove_folder);
    return folder;
}

/* A link in the folder to a file that has no other name. */
static int link_memory(const char *name, const char *path)
{
    const int memory = memfd_create(name, MFD_CLOEXEC);
    char *target = net_format("/proc/self/fd/%d", memory);

    if (memory < 0 || symlink(target, path))
        fuzz_finding("cannot make %s", path);
    free(target);
    return memory;
}

const char *fuzz_file(const char *name, const void *bytes, size_t size)
{
    const bool within = attempting;
    int i = 0;

    while (files[i].name && strcmp(files[i].name, name) != 0)
        if (++i == MAX_FILES)
            fuzz_finding("more than %d files", MAX_FILES);
    attempting = false; /* names and descriptors stay */
    if (!files[i].name) {
        files[i].name = net_format("%s", name);
        files[i].path = net_format("%s/%s", fuzz_folder(), name);
        files[i].memory = link_memory(name, files[i].path);
    }
    attempting = within;
    if (ftruncate(files[i].memory, 0) || pwrite(files[i].memory, bytes, size, 0) != (ssize_t)size)
        fuzz_finding("cannot write %s", name);
    return files[i].path;
}

/* ---- what is open ---------------------------------------------------------------------------- */

enum kind { MEMORY, MAP, DESCRIPTOR, STREAM, PACKED, FOLDER };

static const char *const kinds[] = {"memory", "map", "descriptor", "file", "gzip file", "folder"};

/* A hash table by place, at most half full. */
static struct open {
    void *at; /* NULL: free; of a descriptor: one more than it */
    size_t size;
    enum kind kind;
} * table;
static size_t mask, count;

void *__real_malloc(size_t size);
void *__real_calloc(size_t number, size_t size);
void *__real_realloc(void *at, size_t size);
void *__real_aligned_alloc(size_t unit, size_t size);
char *__real_strdup(const char *text);
char *__real_realpath(const char *path, char *resolved);
void __real_free(void *at);
void *__real_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset);
int __real_munmap(void *at, size_t size);
FILE *__real_fopen(const char *path, const char *mode);
FILE *__real_fdopen(int file, const char *mode);
int __real_close(int file);
int __real_fclose(FILE *file);
gzFile __real_gzopen(const char *path, const char *mode);
int __real_gzclose_r(gzFile file);
DIR *__real_opendir(const char *path);
DIR *__real_fdopendir(int file);
int __real_openat(int folder, const char *path, int flags, mode_t mode);
int __real_closedir(DIR *entries);

static size_t first_slot(const void *at)
{
    return ((uintptr_t)at >> 4) * 0x9E3779B97F4A7C15u >> 20 & mask;
}

static size_t slot_of(const void *at)
{
    size_t i = first_slot(at);

    while (table[i].at && table[i].at != at)
        i = (i + 1) & mask;
    return i;
}

static void enlarge(void)
{
    struct open *old = table;
    const size_t size = mask + 1;

    mask = old ? 2 * size - 1 : 1023;
    table = __real_calloc(mask + 1, sizeof *table);
    if (!table)
        fuzz_finding("out of memory for what is open");
    for (size_t i = 0; old && i < size; i++)
        if (old[i].at)
            table[slot_of(old[i].at)] = old[i];
    __real_free(old);
}

static void *opened(enum kind kind, void *at, size_t size)
{
    if (!attempting || !at)
        return at;
    if (!table || 2 * (count + 1) > mask)
        enlarge();
    table[slot_of(at)] = (struct open){at, size, kind};
    count++;
    return at;
}

/* Those behind it move up to where they are looked for. */
static void closed(const void *at)
{
    size_t hole = table && at ? slot_of(at) : 0;

    if (!table || !at || !table[hole].at)
        return;
    count--;
    for (size_t i = hole;;) {
        table[hole].at = NULL;
        do {
            i = (i + 1) & mask;
            if (!table[i].at)
                return;
        } while (((i - first_slot(table[i].at)) & mask) < ((i - hole) & mask));
        table[hole] = table[i];
        hole = i;
    }
}

static void close_one(struct open open)
{
    switch (open.kind) {
    case MEMORY:
        __real_free(open.at);
        break;
    case MAP:
        __real_munmap(open.at, open.size);
        break;
    case DESCRIPTOR:
        __real_close((int)(intptr_t)open.at - 1);
        break;
    case STREAM:
        __real_fclose(open.at);
        break;
    case PACKED:
        __real_gzclose_r(open.at);
        break;
    case FOLDER:
        __real_closedir(open.at);
        break;
    }
}

static void close_all(void)
{
    for (size_t i = 0; count && i <= mask; i++)
        if (table[i].at) {
            close_one(table[i]);
            table[i].at = NULL;
            count--;
        }
    if (mask > 1023) {
        __real_free(table);
        table = NULL;
    }
}

int fuzz_attempt(void (*work)(const void *context), const void *context)
{
    attempting = true;
    const int code = net_attempt(work, context);
    attempting = false;

    for (size_t i = 0; code == 0 && count && i <= mask; i++)
        if (table[i].at)
            fuzz_finding("%zu things are left open, such as %s at %p", count, kinds[table[i].kind],
                         table[i].at);
    close_all();
    return code;
}

/* ---- in the place of what opens something ---------------------------------------------------- */

void *__wrap_malloc(size_t size)
{
    return opened(MEMORY, __real_malloc(size), 0);
}

void *__wrap_calloc(size_t number, size_t size)
{
    return opened(MEMORY, __real_calloc(number, size), 0);
}

void *__wrap_realloc(void *at, size_t size)
{
    void *moved = __real_realloc(at, size);

    if (moved) {
        closed(at);
        opened(MEMORY, moved, 0);
    }
    return moved;
}

void *__wrap_aligned_alloc(size_t unit, size_t size)
{
    return opened(MEMORY, __real_aligned_alloc(unit, size), 0);
}

char *__wrap_realpath(const char *path, char *resolved)
{
    char *real = __real_realpath(path, resolved);

    return resolved ? real : opened(MEMORY, real, 0);
}

char *__wrap_strdup(const char *text)
{
    return opened(MEMORY, __real_strdup(text), 0);
}

void __wrap_free(void *at)
{
    closed(at);
    __real_free(at);
}

/* The guard of maps keeps what it is told to the program's end: it is told nothing. */
void __wrap_net_map_begins(const void *at, size_t size, const char *path)
{
    (void)at, (void)size, (void)path;
}

void __wrap_net_map_ends(const void *at)
{
    (void)at;
}

void *__wrap_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    void *map = __real_mmap(at, size, protection, flags, file, offset);

    return map == MAP_FAILED ? map : opened(MAP, map, size);
}

/* A map may be ended in parts, of its begin or of its end; pages are whole. */

int __wrap_munmap(void *at, size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), whole = (size + page - 1) / page * page;

    for (size_t i = 0; table && count && i <= mask; i++) {
        const struct open map = table[i];
        char *const begin = map.at, *const part = at;

        if (!begin || map.kind != MAP || part < begin || part >= begin + map.size)
            continue;
        char *const end = begin + map.size;

        closed(begin);
        if (begin < part)
            opened(MAP, begin, (size_t)(part - begin));
        else if (part + whole < end)
            opened(MAP, part + whole, (size_t)(end - part) - whole);
        break;
    }
    return __real_munmap(at, size);
}

static void *number(int file)
{
    return (void *)((intptr_t)file + 1);
}

static int open_file(int folder, const char *path, int flags, va_list mode)
{
    const int file = __real_openat(folder, path, flags,
                                   flags & (O_CREAT | O_TMPFILE) ? va_arg(mode, mode_t) : 0);

    if (file >= 0)
        opened(DESCRIPTOR, number(file), 0);
    return file;
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list mode;

    va_start(mode, flags);
    const int file = open_file(folder, path, flags, mode);
    va_end(mode);
    return file;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list mode;

    va_start(mode, flags);
    const int file = open_file(AT_FDCWD, path, flags, mode);
    va_end(mode);
    return file;
}

int __wrap_close(int file)
{
    closed(number(file));
    return __real_close(file);
}

FILE *__wrap_fdopen(int file, const char *mode)
{
    closed(number(file));
    return opened(STREAM, __real_fdopen(file, mode), 0);
}

DIR *__wrap_fdopendir(int file)
{
    closed(number(file));
    return opened(FOLDER, __real_fdopendir(file), 0);
}

FILE *__wrap_fopen(const char *path, const char *mode)
{
    return opened(STREAM, __real_fopen(path, mode), 0);
}

int __wrap_fclose(FILE *file)
{
    closed(file);
    return __real_fclose(file);
}

gzFile __wrap_gzopen(const char *path, const char *mode)
{
    return opened(PACKED, __real_gzopen(path, mode), 0);
}

int __wrap_gzclose_r(gzFile file)
{
    closed(file);
    return __real_gzclose_r(file);
}

DIR *__wrap_opendir(const char *path)
{
    return opened(FOLDER, __real_opendir(path), 0);
}

int __wrap_closedir(DIR *entries)
{
    closed(entries);
    return __real_closedir(entries);
}
