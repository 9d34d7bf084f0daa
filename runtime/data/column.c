/*
 * column.c -- the memory behind columns: rows by number, and files that are mapped. A mapped
 * file is read by the system as its rows are asked for, so it may be larger than memory.
 */

#define _GNU_SOURCE

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "data/sources/source.h"

size_t net_width(enum net_type type)
{
    static const size_t widths[] = {
        [NET_F32] = sizeof(float),   [NET_U8] = 1,
        [NET_I32] = sizeof(int32_t), [NET_SPARSE] = sizeof(float),
        [NET_TEXT] = sizeof(char *), [NET_F64] = sizeof(double),
    };
    return widths[type];
}

const void *net_row(const struct net_column *column, long row)
{
    if (column->at)
        return (const char *)column->at +
               (size_t)row * (size_t)column->size * net_width(column->type);
    int low = 0;

    for (int high = column->piece_count; high - low > 1;) {
        const int middle = (low + high) / 2;

        if (column->pieces[middle].first <= row)
            low = middle;
        else
            high = middle;
    }
    return column->pieces[low].at + (size_t)(row - column->pieces[low].first) * column->stride;
}

double net_element(const struct net_column *column, long row, int i)
{
    const void *at = net_row(column, row);

    switch (column->type) {
    case NET_U8:
        return ((const uint8_t *)at)[i];
    case NET_I32:
        return ((const int32_t *)at)[i];
    case NET_F32:
        return (double)((const float *)at)[i];
    case NET_F64:
        return ((const double *)at)[i];
    case NET_SPARSE:
    case NET_TEXT:
        break;
    }
    return 0;
}

const struct net_column *net_find_column(const struct net_table *table,
                                         const struct net_model *model, int f)
{
    if (table->by_field)
        return f < table->column_count ? &table->columns[f] : NULL;
    for (int i = 0; i < table->column_count; i++)
        if (!strcmp(table->columns[i].name, model->fields[f].source))
            return &table->columns[i];
    return NULL;
}

void net_add_piece(struct net_column *column, long rows, const char *at, const char *end)
{
    struct net_piece *grown = realloc(column->pieces,
                                      ((size_t)column->piece_count + 1) * sizeof *grown);

    if (!grown)
        net_fail(1, "%s: out of memory", column->place);
    column->pieces = grown;
    grown[column->piece_count++] = (struct net_piece){.first = column->rows, .at = at, .end = end};
    column->rows += rows;
    if (!column->stride)
        column->stride = (size_t)column->size * net_width(column->type);
}

void net_column_free(struct net_column *column)
{
    for (int i = 0; column->elements && i < column->size; i++)
        free(column->elements[i]);
    free(column->elements);
    net_strings_free(column->strings);
    free(column->at);
    free(column->pieces);
    column->elements = NULL;
    column->strings = NULL;
    column->at = NULL;
    column->pieces = NULL;
    column->piece_count = 0;
}

void net_names_free(struct net_names *names)
{
    for (int k = 0; k < names->count; k++)
        free(names->at[k]);
    free(names->at);
    free(names->place);
    *names = (struct net_names){0};
}

void net_hold(struct net_table *table, void *at, size_t mapped)
{
    struct net_held *grown = realloc(table->held, ((size_t)table->held_count + 1) * sizeof *grown);

    if (!grown)
        net_fail(1, "out of memory");
    table->held = grown;
    grown[table->held_count++] = (struct net_held){at, mapped};
}

void net_add_border(struct net_table *table, long row)
{
    int i = table->border_count;

    while (i && table->borders[i - 1] > row)
        i--;
    if (!row || (i && table->borders[i - 1] == row))
        return;
    long *grown = realloc(table->borders, ((size_t)table->border_count + 1) * sizeof *grown);

    if (!grown)
        net_fail(1, "out of memory");
    memmove(grown + i + 1, grown + i, (size_t)(table->border_count++ - i) * sizeof *grown);
    grown[i] = row;
    table->borders = grown;
}

void net_table_release(struct net_table *table)
{
    for (int i = 0; i < table->held_count; i++)
        if (table->held[i].mapped) {
            net_map_ends(table->held[i].at);
            munmap(table->held[i].at, table->held[i].mapped);
        } else {
            free(table->held[i].at);
        }
    free(table->held);
    table->held = NULL;
    table->held_count = 0;
}

void net_table_free(struct net_table *table)
{
    for (int i = 0; i < table->column_count; i++)
        net_column_free(&table->columns[i]);
    for (int i = 0; i < table->place_count; i++)
        free(table->places[i]);
    table->place_count = 0;
    free(table->borders);
    net_table_release(table);
}

/* ---- rows of unequal length ------------------------------------------------------------------ */

size_t net_ragged_width(const struct net_column *column)
{
    if (!column->begin)
        return 0;
    return column->type == NET_SPARSE ? sizeof(struct net_sparse)
                                      : (size_t)column->size * sizeof(int32_t);
}

const void *net_ragged_row(const struct net_column *column, long row, void *scratch)
{
    const long begin = column->begin[row], count = column->begin[row + 1] - begin;
    const int32_t *index = (const int32_t *)column->at + begin;

    if (column->type == NET_SPARSE) {
        *(struct net_sparse *)scratch = (struct net_sparse){(int)count, index,
                                                            column->value + begin};
    } else {
        memcpy(scratch, index, (size_t)count * sizeof *index);
        memset((int32_t *)scratch + count, 0, (size_t)(column->size - count) * sizeof *index);
    }
    return scratch;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The whole file, or NULL where it has no bytes or cannot be mapped (a pipe). */
static char *map_whole(struct net_table *table, const char *path, size_t *size)
{
    struct stat status;
    void *at = MAP_FAILED;

    if (stat(path, &status) || !S_ISREG(status.st_mode))
        return NULL; /* to open a pipe again would wait for another who writes */
    const int file = open(path, O_RDONLY | O_CLOEXEC);

    if (file < 0)
        return NULL;
    if (fstat(file, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0)
        at = mmap(NULL, *size = (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (at == MAP_FAILED)
        return NULL;
    net_map_begins(at, *size, path);
    net_hold(table, at, *size);
    return at;
}

struct net_bytes net_map_file(struct net_table *table, const char *path)
{
    struct net_bytes bytes = {0};
    struct net_stream file;

    net_stream_open(&file, path);
    bytes.at = gzdirect(file.zlib) ? map_whole(table, path, &bytes.size) : NULL;
    bytes.mapped = bytes.at != NULL;
    if (!bytes.at) {
        char *read = net_stream_rest(&file, &bytes.size);

        net_hold(table, read, 0);
        bytes.at = read;
    }
    net_stream_close(&file);
    return bytes;
}

void net_forget(const char *begin, const char *end)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const uintptr_t first = ((uintptr_t)begin + page - 1) / page * page;
    const uintptr_t last = (uintptr_t)end / page * page;

    if (last > first)
        madvise((void *)first, last - first, MADV_DONTNEED);
}

const char *net_stream_map(struct net_stream *file, struct net_table *table, size_t size)
{
    size_t whole = 0;

    if (file->memory)
        return file->size == file->at + size ? file->memory + file->at : NULL;
    const char *at = gzdirect(file->zlib) ? map_whole(table, file->path, &whole) : NULL;

    if (!at || whole != file->at + size)
        return NULL; /* reading on says what is wrong with it */
    return at + file->at;
}
