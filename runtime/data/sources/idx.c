/*
 * idx.c -- the IDX format of MNIST: 00 00 type axes, a big-endian u32 size an axis, then the
 * numbers, big-endian. The first axis counts rows.
 */

#include <string.h>

#include "data/sources/source.h"

enum { MAX_AXES = 5 }; /* rows and the four axes of struct net_column */

static struct net_encoding encoding_of(const struct net_stream *file, int type)
{
    switch (type) {
    case 0x08:
        return (struct net_encoding){'u', 1, true, false};
    case 0x09:
        return (struct net_encoding){'i', 1, true, false};
    case 0x0B:
        return (struct net_encoding){'i', 2, true, false};
    case 0x0C:
        return (struct net_encoding){'i', 4, true, false};
    case 0x0D:
        return (struct net_encoding){'f', 4, true, false};
    case 0x0E:
        return (struct net_encoding){'f', 8, true, false};
    }
    net_stream_fail(file, 2, "expected a type 08, 09, 0B, 0C, 0D or 0E, found %02X", type);
}

size_t net_header_idx(struct net_stream *file, struct net_column *column,
                      struct net_encoding *encoding)
{
    unsigned char magic[4], size[4];
    uint64_t shape[MAX_AXES];
    size_t bytes;

    net_stream_read(file, magic, 4, "an IDX header");
    if (magic[0] || magic[1])
        net_stream_fail(file, 0,
                        "expected an IDX file (00 00 type axes), found %02X %02X %02X "
                        "%02X%s",
                        magic[0], magic[1], magic[2], magic[3],
                        !memcmp(magic,
                                "\xfd"
                                "7zX",
                                4)
                            ? ": an xz file; unpack it with xz -d"
                        : !memcmp(magic, "PK\3\4", 4) ? ": a zip file; unpack it with unzip"
                                                      : "");
    *encoding = encoding_of(file, magic[2]);
    const int axes = magic[3];

    if (axes < 1 || axes > MAX_AXES)
        net_stream_fail(file, 3, "expected 1 to %d axes, found %d", MAX_AXES, axes);
    for (int i = 0; i < axes; i++) {
        net_stream_read(file, size, 4, "the size of an axis");
        shape[i] = (uint64_t)size[0] << 24 | (uint64_t)size[1] << 16 | (uint64_t)size[2] << 8 |
                   size[3];
        if (!shape[i])
            net_stream_fail(file, file->at - 4, "expected a size of 1 or more for axis %d, found 0",
                            i);
    }
    if (!net_sizes(shape, axes, encoding->width, column, &bytes))
        net_stream_fail(file, 4, "the sizes of the %d axes are too large to be true", axes);
    return bytes;
}

static void open_idx(struct net_table *table, const struct net_request *request)
{
    net_open_files(table, request, net_header_idx);
}

const struct net_reader net_reader_idx = {.name = "idx", .open = open_idx};
