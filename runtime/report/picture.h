/*
 * picture.h -- rows of pictures as PNG.
 */

#ifndef NET_PICTURE_H
#define NET_PICTURE_H

#include "report/event_file.h"

struct net_picture {
    char *name; /* "image/row 12, class 7"; malloc'd */
    int height, width, channels;
    unsigned char *pixels; /* [height][width][channels]; malloc'd */
};

/* Some rows of the validation part, or of training where there is none, as the model's first input
   that is a picture of 1 or 3 channels, numbered from 0; false: there are no more. */
bool net_picture_sample(struct net_picture *picture, const struct net_data *data, int number);
/* Has the field the shape of one? */
bool net_is_picture(const struct net_field *field);
/* Numbers [channels][height][width], `low` as black; where high is not above it from the least to
   the largest number. */
struct net_picture net_picture_draw(const int shape[3], const float *x, float low, float high);
void net_picture_free(struct net_picture *picture);

/* Adds the file. */
void net_picture_png(struct net_bytes *file, const struct net_picture *picture);

#endif
