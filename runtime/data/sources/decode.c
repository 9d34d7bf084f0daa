/*
 * decode.c -- pictures by what their first bytes say they are.
 */

#include <stdio.h>
#include <string.h>

#include "data/sources/pictures.h"

/* What a file begins with; `decode` NULL: how it is called that is not read. */
static const struct format {
    const char *begin;
    size_t length;
    net_decode *decode;
    const char *name;
} formats[] = {
    {"\x89PNG\r\n\x1a\n", 8, net_decode_png, NULL},
    {"\xff\xd8\xff", 3, net_decode_jpeg, NULL},
    {"GIF8", 4, NULL, "a GIF"},
    {"BM", 2, NULL, "a BMP"},
    {"RIFF", 4, NULL, "a WebP"},
    {"II*\0", 4, NULL, "a TIFF"},
    {"MM\0*", 4, NULL, "a TIFF"},
    {"\x1f\x8b", 2, NULL, "gzip data"},
};

bool net_decode_picture(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                        char fault[NET_PICTURE_FAULT])
{
    const char *found = size ? "no picture" : "an empty file";

    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct format *format = &formats[i];

        if (size < format->length || memcmp(bytes, format->begin, format->length) != 0)
            continue;
        if (format->decode)
            return format->decode(pixels, bytes, size, fault);
        found = format->name;
        break;
    }
    *pixels = (struct net_pixels){0};
    snprintf(fault, NET_PICTURE_FAULT,
             "expected a PNG or a JPEG, found %s; write the picture as one of them, or let the "
             "pattern pass it over",
             found);
    return false;
}
