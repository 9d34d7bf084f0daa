/*
 * npy.c -- numpy's .npy: a magic, a version, and a header that is the text of a Python dict
 * with descr, fortran_order and shape; then the numbers. The first axis counts rows.
 */

#include <stdlib.h>
#include <string.h>

#include "data/sources/source.h"

enum { MAX_AXES = 5, MAX_HEADER = 1 << 16 };

/* A header's text being read. */
struct cursor {
    const struct net_stream *file;
    const char *text, *at;
    uint64_t begin; /* byte of text[0] in the file */
};

static _Noreturn void fail_header(const struct cursor *c, const char *expected)
{
    char found[25]; /* what may be shown on a terminal */
    int length = 0;

    for (; length < 24 && c->at[length] >= ' ' && c->at[length] <= '~'; length++)
        found[length] = c->at[length];
    found[length] = '\0';
    net_stream_fail(c->file, c->begin + (uint64_t)(c->at - c->text),
                    "expected %s in the .npy header, found \"%s\"", expected, found);
}

static bool skip(struct cursor *c, char wanted)
{
    c->at += strspn(c->at, " ");
    if (*c->at != wanted)
        return false;
    c->at++;
    c->at += strspn(c->at, " ");
    return true;
}

static void expect(struct cursor *c, char wanted, const char *expected)
{
    if (!skip(c, wanted))
        fail_header(c, expected);
}

/* 'text' or "text", without escapes; into a buffer of `size` bytes. */
static void read_string(struct cursor *c, char *text, size_t size)
{
    const char quote = *c->at;
    const char *begin = c->at + 1;

    if (quote != '\'' && quote != '"')
        fail_header(c, "a quoted name");
    const char *end = strchr(begin, quote);

    if (!end || (size_t)(end - begin) >= size)
        fail_header(c, "a short quoted name");
    memcpy(text, begin, (size_t)(end - begin));
    text[end - begin] = '\0';
    c->at = end + 1;
}

static void read_type(struct cursor *c, struct net_encoding *encoding)
{
    const struct cursor start = *c;
    char text[16];

    if (*c->at == '[')
        fail_header(c, "a plain number type (no records)");
    read_string(c, text, sizeof text);
    encoding->big_endian = text[0] == '>';
    encoding->kind = text[0] ? text[1] : '\0';
    encoding->width = encoding->kind && text[2] >= '1' && text[2] <= '8' && !text[3] ? text[2] - '0'
                                                                                     : 0;
    const int w = encoding->width;

    if (!text[0] || !strchr("<>|=", text[0]) ||
        !(encoding->kind == 'b'
              ? w == 1
              : strchr("iuf", encoding->kind) && encoding->kind &&
                    (w == 2 || w == 4 || w == 8 || (w == 1 && encoding->kind != 'f'))))
        fail_header(&start, "one of the types b1 i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8");
}

static bool read_bool(struct cursor *c)
{
    const bool yes = !strncmp(c->at, "True", 4);

    if (!yes && strncmp(c->at, "False", 5))
        fail_header(c, "True or False");
    c->at += yes ? 4 : 5;
    return yes;
}

/* (60000, 28, 28): returns how many. */
static int read_shape(struct cursor *c, uint64_t shape[MAX_AXES])
{
    int rank = 0;

    expect(c, '(', "a tuple of sizes");
    while (!skip(c, ')')) {
        uint64_t size = 0;

        if (*c->at < '0' || *c->at > '9')
            fail_header(c, "a size");
        for (; *c->at >= '0' && *c->at <= '9'; c->at++)
            if (__builtin_mul_overflow(size, 10u, &size) ||
                __builtin_add_overflow(size, (uint64_t)(*c->at - '0'), &size))
                fail_header(c, "a size that can be");
        if (rank == MAX_AXES)
            fail_header(c, "at most 5 axes");
        if (!size)
            fail_header(c, "sizes of 1 or more");
        shape[rank++] = size;
        if (!skip(c, ',') && *c->at != ')')
            fail_header(c, "a comma or a closing bracket");
    }
    if (!rank)
        fail_header(c, "one axis or more (the first counts rows)");
    return rank;
}

static size_t parse_header(struct cursor *c, struct net_column *column,
                           struct net_encoding *encoding)
{
    uint64_t shape[MAX_AXES];
    bool has_type = false, has_order = false;
    int rank = 0;
    char key[32];
    size_t bytes;

    expect(c, '{', "a dict");
    while (!skip(c, '}')) {
        read_string(c, key, sizeof key);
        expect(c, ':', "a colon");
        if (!strcmp(key, "descr")) {
            read_type(c, encoding);
            has_type = true;
        } else if (!strcmp(key, "fortran_order")) {
            encoding->fortran = read_bool(c);
            has_order = true;
        } else if (!strcmp(key, "shape")) {
            rank = read_shape(c, shape);
        } else {
            fail_header(c, "only descr, fortran_order and shape");
        }
        if (!skip(c, ',') && *c->at != '}')
            fail_header(c, "a comma or a closing brace");
    }
    if (!has_type || !has_order || !rank)
        fail_header(c, "descr, fortran_order and shape");
    if (!net_sizes(shape, rank, encoding->width, column, &bytes))
        fail_header(c, "a shape that can be");
    return bytes;
}

size_t net_header_npy(struct net_stream *file, struct net_column *column,
                      struct net_encoding *encoding)
{
    unsigned char magic[8], length[4] = {0};

    net_stream_read(file, magic, 8, "a .npy header");
    if (memcmp(magic, "\x93NUMPY", 6))
        net_stream_fail(file, 0, "expected a .npy file (93 NUMPY), found %02X %02X %02X %02X%s",
                        magic[0], magic[1], magic[2], magic[3],
                        !memcmp(magic, "PK\3\4", 4) ? ": an .npz or zip file; unpack it" : "");
    if (magic[6] < 1 || magic[6] > 3)
        net_stream_fail(file, 6, "expected version 1, 2 or 3 of .npy, found %d", magic[6]);
    net_stream_read(file, length, magic[6] == 1 ? 2 : 4, "the length of the header");
    const size_t size = length[0] | (size_t)length[1] << 8 | (size_t)length[2] << 16 |
                        (size_t)length[3] << 24;

    if (size > MAX_HEADER)
        net_stream_fail(file, 8, "expected a header of at most %d bytes, found %zu", MAX_HEADER,
                        size);
    char *text = net_allocate(size + 1, 1);
    struct cursor c = {file, text, text, file->at};

    net_stream_read(file, text, size, "the header");
    *encoding = (struct net_encoding){0};
    const size_t bytes = parse_header(&c, column, encoding);

    free(text);
    return bytes;
}

bool net_is_npy(const char *path)
{
    struct net_stream file;
    unsigned char magic[6];

    net_stream_open(&file, path);
    net_stream_read(&file, magic, sizeof magic, "an IDX or .npy file");
    net_stream_close(&file);
    return !memcmp(magic, "\x93NUMPY", 6);
}

static void open_npy(struct net_table *table, const struct net_request *request)
{
    net_open_files(table, request, net_header_npy);
}

const struct net_reader net_reader_npy = {.name = "npy", .open = open_npy};
