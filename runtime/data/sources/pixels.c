/*
 * pixels.c -- what the decoders share: memory for pixels, and turning them upright.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"

bool net_pixels_open(struct net_pixels *pixels, double height, double width, int channels,
                     char fault[NET_PICTURE_FAULT])
{
    *pixels = (struct net_pixels){0};
    if (height * width > NET_MOST_PIXELS) {
        snprintf(fault, NET_PICTURE_FAULT,
                 "%.0f x %.0f pixels are more than the %d that are decoded; write it smaller",
                 width, height, NET_MOST_PIXELS);
        return false;
    }
    pixels->at = malloc((size_t)(height * width) * (size_t)channels);
    if (!pixels->at) {
        snprintf(fault, NET_PICTURE_FAULT, "out of memory for %.0f x %.0f pixels", width, height);
        return false;
    }
    pixels->height = (int)height;
    pixels->width = (int)width;
    pixels->channels = channels;
    return true;
}

bool net_turn(struct net_pixels *pixels, int orientation, char fault[NET_PICTURE_FAULT])
{
    const struct net_pixels from = *pixels;
    const bool aside = orientation >= 5;                          /* rows become columns */
    const bool mirrored = orientation == 2 || orientation == 3 || /* columns from behind */
                          orientation == 7 || orientation == 8;
    const bool flipped = orientation == 3 || orientation == 4 || /* rows from below */
                         orientation == 6 || orientation == 7;
    const size_t pixel = (size_t)from.channels;

    if (orientation == 1)
        return true;
    if (!net_pixels_open(pixels, aside ? from.width : from.height, aside ? from.height : from.width,
                         from.channels, fault)) {
        free(from.at);
        return false;
    }
    for (int y = 0; y < pixels->height; y++)
        for (int x = 0; x < pixels->width; x++) {
            const int column = aside ? y : x, row = aside ? x : y;
            const size_t from_x = (size_t)(mirrored ? from.width - 1 - column : column);
            const size_t from_y = (size_t)(flipped ? from.height - 1 - row : row);

            memcpy(pixels->at + ((size_t)y * (size_t)pixels->width + (size_t)x) * pixel,
                   from.at + (from_y * (size_t)from.width + from_x) * pixel, pixel);
        }
    free(from.at);
    return true;
}
