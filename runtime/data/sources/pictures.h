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

#endif
