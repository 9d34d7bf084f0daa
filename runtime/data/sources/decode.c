/*
 * decode.c -- pictures by what their first bytes say they are.
 */

#include <stdio.h>
#include <string.h>

#include "data/sources/pictures.h"

/* What a file begins with, how it is called, and who reads it, or NULL. */
static const struct format {
    const char *begin;
    size_t length;
    const char *name;
    net_decode *picture, *mask;
} formats[] = {
    {"\x89PNG\r\n\x1a\n", 8, "a PNG", net_decode_png, net_decode_png_mask},
    {"\xff\xd8\xff", 3, "a JPEG", net_decode_jpeg, NULL},
    {"GIF8", 4, "a GIF", NULL, NULL},
    {"BM", 2, "a BMP", NULL, NULL},
    {"RIFF", 4, "a WebP", NULL, NULL},
    {"II*\0", 4, "a TIFF", NULL, NULL},
    {"MM\0*", 4, "a TIFF", NULL, NULL},
    {"\x1f\x8b", 2, "gzip data", NULL, NULL},
};

static const struct format *find_format(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (size >= formats[i].length && !memcmp(bytes, formats[i].begin, formats[i].length))
            return &formats[i];
    return NULL;
}

/* What a file is that is not read. */
static const char *found_text(const struct format *format, size_t size)
{
    return format ? format->name : size ? "no picture" : "an empty file";
}

bool net_decode_picture(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                        char fault[NET_PICTURE_FAULT])
{
    const struct format *format = find_format(bytes, size);

    if (format && format->picture)
        return format->picture(pixels, bytes, size, fault);
    *pixels = (struct net_pixels){0};
    snprintf(fault, NET_PICTURE_FAULT,
             "expected a PNG or a JPEG, found %s; write the picture as one of them, or let the "
             "pattern pass it over",
             found_text(format, size));
    return false;
}

bool net_decode_mask(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                     char fault[NET_PICTURE_FAULT])
{
    const struct format *format = find_format(bytes, size);

    if (format && format->mask)
        return format->mask(pixels, bytes, size, fault);
    *pixels = (struct net_pixels){0};
    snprintf(fault, NET_PICTURE_FAULT,
             "expected a mask that is a PNG, found %s%s; write masks as PNG",
             found_text(format, size),
             format && format->picture ? ", whose compression mixes labels" : "");
    return false;
}
