/*
 * picture_files.c -- PNGs, masks and JPEGs in the test's folder.
 */

#include <png.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

#include "support/picture_files.h"
#include "support/readers_test.h"

const char *picture_path(const char *name)
{
    static char path[256];

    snprintf(path, sizeof path, "%s/%s", data_test_folder(), name);
    return path;
}

void write_png(const char *name, int height, int width, unsigned format, const void *pixels)
{
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .height = (unsigned)height,
                       .width = (unsigned)width,
                       .format = format};

    ck_assert_msg(png_image_write_to_file(&image, picture_path(name), 0, pixels, 0, NULL), "%s",
                  image.message);
}

unsigned char *make_jpeg(unsigned long *size, int height, int width, J_COLOR_SPACE colors,
                         int channels, int orientation)
{
    struct jpeg_compress_struct jpeg;
    struct jpeg_error_mgr errors;
    unsigned char *bytes = NULL, row[4 * 64], *rows[] = {row};
    unsigned char exif[] = "Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0";

    jpeg.err = jpeg_std_error(&errors);
    jpeg_create_compress(&jpeg);
    jpeg_mem_dest(&jpeg, &bytes, size);
    jpeg.image_height = (unsigned)height;
    jpeg.image_width = (unsigned)width;
    jpeg.input_components = channels;
    jpeg.in_color_space = colors;
    jpeg_set_defaults(&jpeg);
    jpeg_set_quality(&jpeg, 100, TRUE);
    for (int c = 0; c < jpeg.num_components; c++)
        jpeg.comp_info[c].h_samp_factor = jpeg.comp_info[c].v_samp_factor = 1;
    jpeg_start_compress(&jpeg, TRUE);
    exif[24] = (unsigned char)orientation;
    if (orientation)
        jpeg_write_marker(&jpeg, JPEG_APP0 + 1, exif, sizeof exif - 1);
    for (int y = 0; y < height; y++) {
        memset(row, 200, sizeof row);
        memset(row, y < 8 ? 0 : 200, 8 * (size_t)channels);
        jpeg_write_scanlines(&jpeg, rows, 1);
    }
    jpeg_finish_compress(&jpeg);
    jpeg_destroy_compress(&jpeg);
    return bytes;
}

void write_mask(const char *name, int height, int width, int colors, const unsigned char *labels)
{
    unsigned char palette[3 * 256] = {0};
    png_image image = {.version = PNG_IMAGE_VERSION,
                       .height = (unsigned)height,
                       .width = (unsigned)width,
                       .format = PNG_FORMAT_RGB_COLORMAP,
                       .colormap_entries = (unsigned)colors};

    for (int i = 0; i < 3 * colors; i++)
        palette[i] = (unsigned char)(200 - 7 * i);
    ck_assert_msg(png_image_write_to_file(&image, picture_path(name), 0, labels, 0, palette), "%s",
                  image.message);
}

void make_picture_folders(void)
{
    static const char *const folders[] = {"set", "set/b", "set/a", "set/c c"};

    for (int i = 0; i < LENGTH(folders); i++)
        ck_assert_int_eq(mkdir(picture_path(folders[i]), 0700), 0);
}
