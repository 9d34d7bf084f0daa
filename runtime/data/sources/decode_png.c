/*
 * decode_png.c -- a PNG's pixels, by libpng: 8 bits a channel, of 16 the nearest; palettes as their
 * colors; what is transparent over black. Color spaces are not converted: bytes are as they stand.
 * Of a mask the numbers in the file.
 */

#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"

/* What a fault may leave behind; it lives outside of the function that setjmp returns to. */
struct reading {
    const unsigned char *at;
    size_t size, left; /* bytes of the file; of them behind `at` */
    bool mask;
    png_structp png;
    png_infop info;
    png_bytepp rows;
    struct net_pixels *pixels;
    char *fault;
};

static void read_bytes(png_structp png, png_bytep to, size_t count)
{
    struct reading *reading = png_get_io_ptr(png);

    if (count > reading->left)
        png_error(png, "the file ends in its middle");
    memcpy(to, reading->at, count);
    reading->at += count;
    reading->left -= count;
}

static _Noreturn void end_reading(png_structp png, png_const_charp message)
{
    const struct reading *reading = png_get_error_ptr(png);

    if (!*reading->fault)
        snprintf(reading->fault, NET_PICTURE_FAULT,
                 "this PNG is broken: %s; fetch or write the file again", message);
    png_longjmp(png, 1);
}

/* Of chunks beside the pixels. */
static void pass_over(png_structp png, png_const_charp message)
{
    (void)png, (void)message;
}

/* Deflate makes at most 1032 bytes of one: a header that promises more than the file can hold is
   seen before there is memory for it. */
static void check_size(const struct reading *reading, double height, double width)
{
    const double bits = (double)png_get_bit_depth(reading->png, reading->info) *
                        (double)png_get_channels(reading->png, reading->info);

    if (height * width * bits / 8 > 1032 * (double)reading->size) {
        snprintf(reading->fault, NET_PICTURE_FAULT,
                 "this PNG is broken: its %zu bytes cannot hold %.0f x %.0f pixels; fetch or write "
                 "the file again",
                 reading->size, width, height);
        png_longjmp(reading->png, 1);
    }
}

/* Labels are indices of a palette, or grey numbers. */
static void check_mask(const struct reading *reading)
{
    const int type = png_get_color_type(reading->png, reading->info);
    const int bits = png_get_bit_depth(reading->png, reading->info);
    const bool labels = type == PNG_COLOR_TYPE_PALETTE || type == PNG_COLOR_TYPE_GRAY;

    if (labels && bits <= 8)
        return;
    snprintf(reading->fault, NET_PICTURE_FAULT,
             "expected a mask with a palette or grey, of 8 bits at most, found a PNG %s; write the "
             "number of each pixel's class",
             !labels && type & PNG_COLOR_MASK_COLOR ? "of colors"
             : !labels                              ? "with transparency"
                                                    : "of 16 bits");
    png_longjmp(reading->png, 1);
}

static void read_pixels(struct reading *reading)
{
    png_structp png = reading->png;
    struct net_pixels *pixels = reading->pixels;

    png_read_info(png, reading->info);
    const png_uint_32 height = png_get_image_height(png, reading->info);

    check_size(reading, height, png_get_image_width(png, reading->info));
    if (reading->mask) {
        check_mask(reading);
        png_set_packing(png);
    } else {
        png_set_scale_16(png);
        png_set_expand(png);
    }
    png_set_interlace_handling(png);
    png_read_update_info(png, reading->info);
    if (!net_pixels_open(pixels, height, png_get_image_width(png, reading->info),
                         png_get_channels(png, reading->info), reading->fault))
        png_longjmp(png, 1);
    const size_t pitch = (size_t)pixels->width * (size_t)pixels->channels;

    reading->rows = malloc(height * sizeof *reading->rows);
    if (!reading->rows)
        png_error(png, "out of memory");
    for (png_uint_32 y = 0; y < height; y++)
        reading->rows[y] = pixels->at + y * pitch;
    png_read_image(png, reading->rows);
    png_read_end(png, NULL);
}

/* false: a fault. Nothing of this function's own is changed behind setjmp. */
static bool try_reading(struct reading *reading)
{
    if (setjmp(png_jmpbuf(reading->png)))
        return false;
    png_set_read_fn(reading->png, reading, read_bytes);
    read_pixels(reading);
    return true;
}

/* Over black: 2 and 4 channels become 1 and 3, in place. */
static void drop_alpha(struct net_pixels *pixels)
{
    const size_t count = (size_t)pixels->height * (size_t)pixels->width;
    const int channels = pixels->channels - 1;
    const unsigned char *from = pixels->at;
    unsigned char *to = pixels->at;

    for (size_t i = 0; i < count; i++, from += channels + 1, to += channels)
        for (int c = 0; c < channels; c++)
            to[c] = (unsigned char)((from[c] * from[channels] + 127) / 255);
    pixels->channels = channels;
}

static bool decode(struct net_pixels *pixels, const unsigned char *bytes, size_t size, bool mask,
                   char fault[NET_PICTURE_FAULT])
{
    struct reading reading = {
        .at = bytes, .size = size, .left = size, .mask = mask, .pixels = pixels, .fault = fault};

    *pixels = (struct net_pixels){0};
    *fault = '\0';
    reading.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reading, end_reading, pass_over);
    if (reading.png)
        reading.info = png_create_info_struct(reading.png);
    const bool read = reading.info && try_reading(&reading);

    if (!*fault && !read)
        snprintf(fault, NET_PICTURE_FAULT, "out of memory for a picture");
    png_destroy_read_struct(&reading.png, &reading.info, NULL);
    free(reading.rows);
    if (!read) {
        free(pixels->at);
        *pixels = (struct net_pixels){0};
    } else if (pixels->channels % 2 == 0) {
        drop_alpha(pixels);
    }
    return read;
}

bool net_decode_png(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                    char fault[NET_PICTURE_FAULT])
{
    return decode(pixels, bytes, size, false, fault);
}

bool net_decode_png_mask(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                         char fault[NET_PICTURE_FAULT])
{
    return decode(pixels, bytes, size, true, fault);
}
