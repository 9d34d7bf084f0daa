/*
 * number.c -- files of numbers: of any width and order in the file, in memory as bytes, 32-bit
 * integers, floats or doubles. What stands in a plain file as in memory is mapped and never read
 * whole.
 */

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

static const char promised[] = "the numbers that the header promises";

/* ---- numbers --------------------------------------------------------------------------------- */

bool net_sizes(const uint64_t *shape, int rank, int width, struct net_column *column, size_t *bytes)
{
    uint64_t size = 1, total;

    for (int i = 1; i < rank; i++)
        if (__builtin_mul_overflow(size, shape[i], &size) || size > INT_MAX)
            return false;
    if (__builtin_mul_overflow(size, shape[0], &total) ||
        __builtin_mul_overflow(total, (uint64_t)width, &total) || total > PTRDIFF_MAX / 8)
        return false;
    column->rank = rank - 1;
    for (int i = 1; i < rank; i++)
        column->shape[i - 1] = (int)shape[i];
    column->size = (int)size;
    column->rows = (long)shape[0];
    *bytes = (size_t)total;
    return true;
}

static uint64_t load(const unsigned char *at, struct net_encoding encoding)
{
    uint64_t bits = 0;

    for (int i = 0; i < encoding.width; i++)
        bits = bits << 8 | at[encoding.big_endian ? i : encoding.width - 1 - i];
    return bits;
}

static int64_t load_integer(const unsigned char *at, struct net_encoding encoding)
{
    const uint64_t bits = load(at, encoding);
    const uint64_t sign = (uint64_t)1 << (8 * encoding.width - 1);

    return encoding.kind == 'i' ? (int64_t)((bits ^ sign) - sign) : (int64_t)bits;
}

/* IEEE half precision: a sign, 5 bits of exponent, 10 of fraction. */
static double half(unsigned bits)
{
    const int exponent = bits >> 10 & 31, fraction = bits & 1023;
    const double size = exponent == 31 ? (fraction ? NAN : INFINITY)
                        : exponent     ? ldexp(1024 + fraction, exponent - 25)
                                       : ldexp(fraction, -24);

    return bits >> 15 ? -size : size;
}

static double load_double(const unsigned char *at, struct net_encoding encoding)
{
    const uint64_t bits = load(at, encoding);
    const uint32_t low = (uint32_t)bits;
    double number;
    float single;

    if (encoding.kind == 'u')
        return (double)bits;
    if (encoding.kind == 'i')
        return (double)load_integer(at, encoding);
    if (encoding.width == 2)
        return half(low);
    if (encoding.width == 4) {
        memcpy(&single, &low, sizeof single);
        return (double)single;
    }
    memcpy(&number, &bits, sizeof number);
    return number;
}

static bool fits_int32(const unsigned char *at, size_t count, struct net_encoding encoding)
{
    for (size_t i = 0; i < count; i++) {
        const int64_t number = load_integer(at + i * (size_t)encoding.width, encoding);

        /* an unsigned number of 2^63 or more is negative here */
        if (number < (encoding.kind == 'i' ? INT32_MIN : 0) || number > INT32_MAX)
            return false;
    }
    return true;
}

/* Turns `bytes` (malloc'd, taken over) into column->at and sets the type: unsigned bytes stay
   NET_U8, integers that fit become NET_I32, short floats NET_F32, everything else NET_F64. */
static void decode(struct net_column *column, void *bytes, struct net_encoding encoding)
{
    const size_t count = (size_t)column->rows * (size_t)column->size;
    const unsigned char *at = bytes;

    if (encoding.width == 1 && encoding.kind != 'i') {
        column->type = NET_U8;
        column->at = bytes;
        return;
    }
    column->type = encoding.kind == 'f'              ? (encoding.width == 8 ? NET_F64 : NET_F32)
                   : fits_int32(at, count, encoding) ? NET_I32
                                                     : NET_F64;
    column->at = net_allocate(count, net_width(column->type));
    for (size_t i = 0; i < count; i++, at += encoding.width)
        if (column->type == NET_I32)
            ((int32_t *)column->at)[i] = (int32_t)load_integer(at, encoding);
        else if (column->type == NET_F32)
            ((float *)column->at)[i] = (float)load_double(at, encoding);
        else
            ((double *)column->at)[i] = load_double(at, encoding);
    free(bytes);
}

/* ---- files of numbers ------------------------------------------------------------------------ */

/* Rows of `column` from the first axis varying fastest to the last one, in place. */
static void to_row_major(unsigned char *bytes, const struct net_column *column, int width)
{
    const size_t count = (size_t)column->rows * (size_t)column->size, w = (size_t)width;
    unsigned char *copy = net_allocate(count, w);

    memcpy(copy, bytes, count * w);
    for (size_t i = 0; i < count; i++) {
        size_t rest = i % (size_t)column->size, row = i / (size_t)column->size, from = 0;
        size_t below = (size_t)column->rows * (size_t)column->size;

        for (int axis = column->rank; axis-- > 0;) {
            below /= (size_t)column->shape[axis];
            from += rest % (size_t)column->shape[axis] * below;
            rest /= (size_t)column->shape[axis];
        }
        memcpy(bytes + i * w, copy + (from + row) * w, w);
    }
    free(copy);
}

/* Do the file's bytes stand as the column's type does? (All machines here are little-endian.) */
static bool is_direct(struct net_encoding encoding)
{
    return !encoding.fortran &&
           ((encoding.width == 1 && encoding.kind != 'i') ||
            (encoding.width == 4 && encoding.kind != 'u' && !encoding.big_endian) ||
            (encoding.width == 8 && encoding.kind == 'f' && !encoding.big_endian));
}

/* One file of the column's own numbers, where they are. */
static void add_direct(struct net_table *table, struct net_column *column, struct net_stream *file,
                       size_t size, struct net_encoding encoding, long rows)
{
    const char *at = net_stream_map(file, table, size);

    if (!at || (uintptr_t)at % (uintptr_t)encoding.width) {
        void *bytes = net_stream_append(file, NULL, 0, size, promised);

        net_stream_end(file);
        net_hold(table, bytes, 0);
        at = bytes;
    }
    column->type = encoding.width == 1    ? NET_U8
                   : encoding.width == 8  ? NET_F64
                   : encoding.kind == 'f' ? NET_F32
                                          : NET_I32;
    net_add_piece(column, rows, at, at + size);
}

void net_read_streams(struct net_table *table, struct net_column *column, net_open_stream *open,
                      const void *context, int count, net_header *header)
{
    struct net_encoding first = {0};
    unsigned char *bytes = NULL;
    size_t used = 0;

    for (int i = 0; i < count; i++) {
        struct net_column next = {0};
        struct net_encoding encoding;
        struct net_stream file;

        net_add_border(table, column->rows);
        open(&file, context, i);
        const size_t size = header(&file, &next, &encoding);

        if (i &&
            (encoding.kind != first.kind || encoding.width != first.width ||
             encoding.big_endian != first.big_endian || encoding.fortran != first.fortran ||
             next.rank != column->rank || memcmp(next.shape, column->shape, sizeof next.shape)))
            net_stream_fail(&file, 0, "type or shape of a row differs from that of the first file");
        column->rank = next.rank;
        memcpy(column->shape, next.shape, sizeof next.shape);
        column->size = next.size;
        first = encoding;
        if (is_direct(encoding)) {
            add_direct(table, column, &file, size, encoding, next.rows);
        } else {
            bytes = net_stream_append(&file, bytes, used, size, promised);
            net_stream_end(&file);
            if (encoding.fortran)
                to_row_major(bytes + used, &next, encoding.width);
            used += size;
            column->rows += next.rows;
        }
        net_stream_close(&file);
    }
    if (bytes)
        decode(column, bytes, first);
}

static void open_path(struct net_stream *file, const void *context, int number)
{
    net_stream_open(file, ((char *const *)context)[number]);
}

void net_read_files(struct net_table *table, struct net_column *column, char *const *paths,
                    int count, net_header *header)
{
    net_read_streams(table, column, open_path, paths, count, header);
}

void net_open_files(struct net_table *table, const struct net_request *request, net_header *header)
{
    const struct net_call *call = request->call;

    for (int i = 0; i < call->arg_count; i++) {
        const struct net_arg *arg = &call->args[i];

        if (!arg->text || arg->none)
            continue;
        if (table->column_count == NET_COLUMNS)
            net_fail(1, "%s: more than %d fields in one source", call->name, NET_COLUMNS);
        struct net_column *column = &table->columns[table->column_count++];
        int count;
        char **paths = net_paths(request->folder, arg->text, &count);

        column->name = arg->name;
        column->place = net_place(table, request->folder, arg->text, paths, count);
        net_read_files(table, column, paths, count, header);
        net_paths_free(paths, count);
    }
    if (!table->column_count)
        net_fail(1, "%s: expected a file, such as %s(image=\"FILE\")", call->name, call->name);
}
