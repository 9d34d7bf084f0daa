/* picture_files.h -- pictures that tests write. */

#ifndef PICTURE_FILES_H
#define PICTURE_FILES_H

#include <stdio.h>

#include <jpeglib.h>

const char *picture_path(const char *name); /* in the test's folder, until the next call */
void make_picture_folders(void);            /* set/a, set/b and set/c c */

/* `format` as of libpng's simplified interface. */
void write_png(const char *name, int height, int width, unsigned format, const void *pixels);
/* A palette of so many colors, which are no labels; libpng packs few of them into bits. */
void write_mask(const char *name, int height, int width, int colors, const unsigned char *labels);
/* All pixels of a color but the first 8 x 8, which are 0; EXIF's orientation, or 0: none. malloc'd,
   `size` bytes. */
unsigned char *make_jpeg(unsigned long *size, int height, int width, J_COLOR_SPACE colors,
                         int channels, int orientation);

#endif
