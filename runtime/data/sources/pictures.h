/*
 * pictures.h -- pictures of files in memory, for the source images: decoded, turned, made grey, and
 * brought to a size. What is here ends no program, since several threads decode at once: a fault is
 * told in words.
 */

#ifndef NET_PICTURES_H
#define NET_PICTURES_H

#include <stdbool.h>
#include <stddef.h>

/* Rows of pixels, `channels` bytes each: 1 is grey, 3 are red, green and blue. */
struct net_pixels {
    unsigned char *at; /* height * width * channels bytes, malloc'd */
    int height, width, channels;
};

enum {
    NET_PICTURE_FAULT = 320,     /* bytes of a fault in words, which stand behind a path */
    NET_MOST_PIXELS = 134217728, /* of a picture, as decoded: 2^27 */
};

/* decode_png.c, decode_jpeg.c: the picture of a file's `size` bytes, 8 bits a channel. false:
   `fault` says why there is none, and `pixels` holds nothing. */
typedef bool net_decode(struct net_pixels *pixels, const unsigned char *bytes, size_t size,
                        char fault[NET_PICTURE_FAULT]);
net_decode net_decode_png, net_decode_jpeg;

/* decode.c: the same of either, which its first bytes tell. */
net_decode net_decode_picture;

/* The same of a mask: one byte a pixel, the index of a PNG's palette or the number of a grey one as
   it stands, of 8 bits at most. Other pictures are a fault. */
net_decode net_decode_mask, net_decode_png_mask;

/* pixels.c: memory for the pixels of these sizes; false: too many of them, or too little memory. */
bool net_pixels_open(struct net_pixels *pixels, double height, double width, int channels,
                     char fault[NET_PICTURE_FAULT]);
/* As EXIF's tag Orientation says, 1 to 8 (CIPA DC-008, 4.6.4): upright. */
bool net_turn(struct net_pixels *pixels, int orientation, char fault[NET_PICTURE_FAULT]);

/* resize.c: three channels become one, by ITU-R 601-2's luma, as Pillow's convert("L"). */
void net_make_grey(struct net_pixels *pixels);
/* To another size, by Pillow's BILINEAR and to its bits (up to version 12): a triangle, as wide as
   the step between two pixels of the result where that is larger than one of the picture's
   (antialias=True of torchvision). Both sides on their own: the aspect is not kept. false: memory
   is short. */
bool net_resize(struct net_pixels *pixels, int height, int width, char fault[NET_PICTURE_FAULT]);

/* Labels of a mask, the nearest of each pixel, as Pillow's NEAREST: [height, width] bytes. */
void net_resize_labels(unsigned char *to, int height, int width, const struct net_pixels *mask);

/* ---- many files: these may end the program --------------------------------------------------- */

enum net_picture_failure { NET_PICTURE_READ, NET_PICTURE_FAILED, NET_MASK_FAILED };

/* Files that become rows of bytes. */
struct net_picture_files {
    char *const *paths;
    char *const *masks; /* of each picture, or NULL */
    int count;
    int height, width, channels; /* of a row of the result */
    unsigned char *rows;         /* [count, channels, height, width] */
    unsigned char *labels;       /* of masks: [count, height, width]; else NULL */
    const bool *allowed;         /* [256]: which labels; NULL: any */
    int classes;                 /* of them: those below are allowed */
    int failed;                  /* the first picture with a fault, of which: */
    enum net_picture_failure failure;
    char fault[NET_PICTURE_FAULT];
};

/* decode_files.c: rows and labels, from net_allocate. Fails where more than half of the free memory
   would be taken; `place`: for the message. */
void net_picture_rows(struct net_picture_files *files, const char *place);
/* Fills them, by several threads; false: `failed` says which could not be read. */
bool net_decode_files(struct net_picture_files *files);

/* masks.c: the mask of a picture, malloc'd. `path` ends as `pattern` says, and the wildcards of
   `masks` stand for what the last of `pattern` stand for in it. Both are relative to one folder:
   that which `path` has in front of the pattern, or `folder`. Fails where it ends otherwise. */
char *net_mask_path(const char *folder, const char *pattern, const char *masks, const char *path);

#endif
