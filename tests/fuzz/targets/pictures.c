/* pictures.c -- a PNG or a JPEG, decoded, made grey, and brought to a size; the same as a mask. */

#include <stdlib.h>
#include <string.h>

#include "data/sources/pictures.h"
#include "fuzz/fuzz.h"

static void read_mask(const uint8_t *bytes, size_t size)
{
    struct net_pixels mask;
    char fault[NET_PICTURE_FAULT] = "";
    unsigned char labels[40 * 40];

    if (net_decode_mask(&mask, bytes, size, fault))
        net_resize_labels(labels, 1 + (int)(size % 40), 1 + (int)(size / 8 % 40), &mask);
    else if (!*fault || mask.at)
        fuzz_finding("a fault without words, or with a mask");
    free(mask.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct net_pixels pixels;
    char fault[NET_PICTURE_FAULT] = "";
    unsigned sum = 0;

    read_mask(bytes, size);
    if (!net_decode_picture(&pixels, bytes, size, fault)) {
        if (!*fault || memchr(fault, '\0', sizeof fault) == NULL || pixels.at)
            fuzz_finding("a fault without words, or with a picture");
        return 0;
    }
    for (size_t i = 0; i < (size_t)pixels.height * (size_t)pixels.width * (size_t)pixels.channels;
         i++)
        sum += pixels.at[i];
    if (size % 2 || sum % 7 == 0)
        net_make_grey(&pixels);
    if (!net_resize(&pixels, 1 + (int)(size % 40), 1 + (int)(size / 8 % 40), fault))
        fuzz_finding("%s", fault);
    free(pixels.at);
    return 0;
}
