/*
 * decode_jpeg.c -- a JPEG's pixels, by libjpeg-turbo: grey, or red, green and blue, upright as its
 * EXIF data say. Data that are broken or end too early are a fault, where libjpeg would go on with
 * grey.
 */

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h> /* before jpeglib.h, which wants it */
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

#include "data/sources/pictures.h"

/* libjpeg knows its first member; it lives outside of the function that setjmp returns to. */
struct reading {
    struct jpeg_error_mgr errors;
    struct jpeg_decompress_struct jpeg;
    jmp_buf end;
    const unsigned char *bytes;
    size_t size;
    struct net_pixels *pixels;
    int orientation; /* as in EXIF: 1 is upright */
    char *fault;
};

static _Noreturn void end_reading(j_common_ptr jpeg)
{
    struct reading *reading = (struct reading *)jpeg->err;
    char message[JMSG_LENGTH_MAX];

    if (!*reading->fault) {
        jpeg->err->format_message(jpeg, message);
        snprintf(reading->fault, NET_PICTURE_FAULT,
                 "this JPEG is broken: %s; fetch or write the file again", message);
    }
    longjmp(reading->end, 1);
}

static _Noreturn void refuse(struct reading *reading, const char *what, const char *remedy)
{
    snprintf(reading->fault, NET_PICTURE_FAULT, "this JPEG is in %s, which is not read: %s", what,
             remedy);
    longjmp(reading->end, 1);
}

/* A warning is of data that are not as they were written, unless it is of what stands beside
   them. */
static void judge_message(j_common_ptr jpeg, int level)
{
    const int code = jpeg->err->msg_code;

    if (level < 0 && code != JWRN_EXTRANEOUS_DATA && code != JWRN_ADOBE_XFORM &&
        code != JWRN_BOGUS_ICC)
        end_reading(jpeg);
}

/* ---- EXIF ------------------------------------------------------------------------------------ */

static uint32_t load(const unsigned char *at, int bytes, bool big_endian)
{
    uint32_t number = 0;

    for (int i = 0; i < bytes; i++)
        number = number << 8 | at[big_endian ? i : bytes - 1 - i];
    return number;
}

/* The tag Orientation of the first directory of TIFF data (TIFF 6.0, section 2); 1: there is
   none. */
static int find_orientation(const unsigned char *at, size_t size)
{
    enum { HEADER = 8, ENTRY = 12, ORIENTATION = 0x0112, SHORT = 3 };
    const bool big_endian = size >= HEADER && at[0] == 'M';

    if (size < HEADER || load(at + 2, 2, big_endian) != 42)
        return 1;
    const size_t first = load(at + 4, 4, big_endian);

    if (first > size || size - first < 2)
        return 1;
    const size_t count = load(at + first, 2, big_endian);

    for (size_t i = 0; i < count && size - first - 2 >= (i + 1) * ENTRY; i++) {
        const unsigned char *entry = at + first + 2 + i * ENTRY;
        const uint32_t value = load(entry + 8, 2, big_endian);

        if (load(entry, 2, big_endian) == ORIENTATION && load(entry + 2, 2, big_endian) == SHORT)
            return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

static int read_orientation(const struct jpeg_decompress_struct *jpeg)
{
    static const char mark[] = "Exif\0"; /* and a NUL more */

    for (const struct jpeg_marker_struct *m = jpeg->marker_list; m; m = m->next)
        if (m->data_length > sizeof mark && !memcmp(m->data, mark, sizeof mark))
            return find_orientation(m->data + sizeof mark, m->data_length - sizeof mark);
    return 1;
}

/* ---- pixels ---------------------------------------------------------------------------------- */

/* Of the channel with the most samples each 8 x 8 are a bit of Huffman code at least, and it has
   one for 2 x 2 pixels at least: a header that promises more than the file can hold is seen before
   there is memory for it. */
static void check_size(struct reading *reading)
{
    const double height = reading->jpeg.image_height, width = reading->jpeg.image_width;

    if (height * width / (4 * 64 * 8) <= (double)reading->size)
        return;
    snprintf(reading->fault, NET_PICTURE_FAULT,
             "this JPEG is broken: its %zu bytes cannot hold %.0f x %.0f pixels; fetch or write "
             "the file again",
             reading->size, width, height);
    longjmp(reading->end, 1);
}

static void read_pixels(struct reading *reading)
{
    struct jpeg_decompress_struct *jpeg = &reading->jpeg;
    const J_COLOR_SPACE colors = jpeg->jpeg_color_space;

    if (colors == JCS_CMYK || colors == JCS_YCCK)
        refuse(reading, "CMYK, the inks of a printer",
               "write it in RGB: `convert FILE -colorspace sRGB FILE` of ImageMagick does");
    if (colors != JCS_GRAYSCALE && colors != JCS_YCbCr && colors != JCS_RGB)
        refuse(reading, "an unknown color space", "write it in RGB or grey");
    if (jpeg->arith_code)
        refuse(reading, "arithmetic coding", "write it with Huffman's, or as PNG");
    check_size(reading);
    jpeg->out_color_space = colors == JCS_GRAYSCALE ? JCS_GRAYSCALE : JCS_RGB;
    jpeg->dct_method = JDCT_ISLOW;
    jpeg_start_decompress(jpeg);
    if (!net_pixels_open(reading->pixels, jpeg->output_height, jpeg->output_width,
                         jpeg->output_components, reading->fault))
        longjmp(reading->end, 1);
    while (jpeg->output_scanline < jpeg->output_height) {
        const size_t pitch = (size_t)jpeg->output_width * (size_t)jpeg->output_components;
        unsigned char *row = reading->pixels->at + jpeg->output_scanline * pitch;

        jpeg_read_scanlines(jpeg, &row, 1);
    }
    reading->orientation = read_orientation(jpeg);
    jpeg_finish_decompress(jpeg);
}

/* false: a fault. Nothing of this function's own is changed behind setjmp. */
static bool try_reading(struct reading *reading)
{
    if (setjmp(reading->end))
        return false;
    jpeg_create_decompress(&reading->jpeg);
    jpeg_mem_src(&reading->jpeg, reading->bytes, reading->size);
    jpeg_save_markers(&reading->jpeg, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&reading->jpeg, TRUE);
    read_pixels(reading);
    return true;
}

bool net_decode_jpeg(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                     char fault[NET_PICTURE_FAULT])
{
    struct reading reading = {
        .bytes = bytes, .size = size, .pixels = pixels, .orientation = 1, .fault = fault};

    *pixels = (struct net_pixels){0};
    *fault = '\0';
    reading.jpeg.err = jpeg_std_error(&reading.errors);
    reading.errors.error_exit = end_reading;
    reading.errors.emit_message = judge_message;
    bool read = try_reading(&reading);

    jpeg_destroy_decompress(&reading.jpeg);
    read = read && net_turn(pixels, reading.orientation, fault);
    if (!read) {
        free(pixels->at);
        *pixels = (struct net_pixels){0};
    }
    return read;
}
