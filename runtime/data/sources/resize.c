/*
 * resize.c -- pictures to grey and to another size, in whole numbers, so that the bits are the same
 * on every machine: Pillow's (libImaging/Convert.c and Resample.c, whose 8-bit path keeps weights
 * as fixed-point numbers of 22 bits and rounds to bytes between the two passes).
 */

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"

enum { BITS = 22 }; /* of weights behind the point */

void net_make_grey(struct net_pixels *pixels)
{
    const size_t count = (size_t)pixels->height * (size_t)pixels->width;
    const unsigned char *from = pixels->at;

    for (size_t i = 0; pixels->channels == 3 && i < count; i++, from += 3)
        pixels->at[i] =
            (unsigned char)((from[0] * 19595 + from[1] * 38470 + from[2] * 7471 + 0x8000) >> 16);
    pixels->channels = 1;
}

/* What each place of the result is made of, along one side. */
struct weights {
    int *first, *count; /* of the places that it reads */
    int32_t *at;        /* of each `room` weights */
    int room;
};

static void weights_close(struct weights *weights)
{
    free(weights->first);
    free(weights->count);
    free(weights->at);
}

/* The weights of place `to`, whose triangle is `support` wide to each side. */
static void find_weights(struct weights *weights, int to, double scale, double support, int from,
                         double *shares)
{
    const double center = ((double)to + 0.5) * scale;
    int first = (int)(center - support + 0.5), end = (int)(center + support + 0.5);
    double sum = 0;

    first = first < 0 ? 0 : first;
    end = end > from ? from : end;
    for (int i = first; i < end; i++) {
        const double distance = fabs(((double)i - center + 0.5) * (1.0 / support));

        shares[i - first] = distance < 1 ? 1 - distance : 0;
        sum += shares[i - first];
    }
    for (int i = 0; i < end - first; i++) {
        const double share = sum != 0 ? shares[i] / sum : shares[i];

        weights->at[(size_t)to * (size_t)weights->room + (size_t)i] =
            (int32_t)(0.5 + share * (1 << BITS));
    }
    weights->first[to] = first;
    weights->count[to] = end - first;
}

static bool weights_open(struct weights *weights, int from, int to)
{
    const double scale = (double)from / (double)to, support = scale < 1 ? 1 : scale;

    weights->room = (int)ceil(support) * 2 + 1;
    weights->first = malloc((size_t)to * sizeof *weights->first);
    weights->count = malloc((size_t)to * sizeof *weights->count);
    weights->at = malloc((size_t)to * (size_t)weights->room * sizeof *weights->at);
    double *shares = malloc((size_t)weights->room * sizeof *shares);
    const bool open = weights->first && weights->count && weights->at && shares;

    for (int i = 0; open && i < to; i++)
        find_weights(weights, i, scale, support, from, shares);
    free(shares);
    return open;
}

/* One pass: place `to` of a line is the weighted sum of bytes `step` apart; `count` lines of bytes
   side by side. */
static void add_weighted(unsigned char *result, const unsigned char *from, size_t step,
                         const int32_t *weights, int count, size_t lines)
{
    for (size_t c = 0; c < lines; c++) {
        int32_t sum = 1 << (BITS - 1);

        for (int i = 0; i < count; i++)
            sum += from[(size_t)i * step + c] * weights[i];
        sum >>= BITS;
        result[c] = (unsigned char)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
    }
}

static void resize_rows(struct net_pixels *to, const struct net_pixels *from,
                        const struct weights *weights)
{
    const size_t pixel = (size_t)from->channels;

    for (int y = 0; y < to->height; y++)
        for (int x = 0; x < to->width; x++)
            add_weighted(
                to->at + ((size_t)y * (size_t)to->width + (size_t)x) * pixel,
                from->at + ((size_t)y * (size_t)from->width + (size_t)weights->first[x]) * pixel,
                pixel, weights->at + (size_t)x * (size_t)weights->room, weights->count[x], pixel);
}

static void resize_columns(struct net_pixels *to, const struct net_pixels *from,
                           const struct weights *weights)
{
    const size_t pitch = (size_t)from->width * (size_t)from->channels;

    for (int y = 0; y < to->height; y++)
        add_weighted(to->at + (size_t)y * pitch, from->at + (size_t)weights->first[y] * pitch,
                     pitch, weights->at + (size_t)y * (size_t)weights->room, weights->count[y],
                     pitch);
}

/* Along one side; what there was is given back. */
static bool resize_side(struct net_pixels *pixels, int size, bool columns,
                        char fault[NET_PICTURE_FAULT])
{
    const struct net_pixels from = *pixels;
    struct weights weights = {0};
    const bool open = weights_open(&weights, columns ? from.height : from.width, size) &&
                      net_pixels_open(pixels, columns ? size : from.height,
                                      columns ? from.width : size, from.channels, fault);

    if (open)
        (columns ? resize_columns : resize_rows)(pixels, &from, &weights);
    else
        snprintf(fault, NET_PICTURE_FAULT, "out of memory to resize %d x %d pixels", from.width,
                 from.height);
    if (!open)
        *pixels = (struct net_pixels){0};
    free(from.at);
    weights_close(&weights);
    return open;
}

bool net_resize(struct net_pixels *pixels, int height, int width, char fault[NET_PICTURE_FAULT])
{
    return (pixels->width == width || resize_side(pixels, width, false, fault)) &&
           (pixels->height == height || resize_side(pixels, height, true, fault));
}

void net_resize_labels(unsigned char *to, int height, int width, const struct net_pixels *mask)
{
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            const size_t from_y = (2 * (size_t)y + 1) * (size_t)mask->height / (2 * (size_t)height);
            const size_t from_x = (2 * (size_t)x + 1) * (size_t)mask->width / (2 * (size_t)width);

            *to++ = mask->at[from_y * (size_t)mask->width + from_x];
        }
}
