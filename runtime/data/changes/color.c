/*
 * color.c -- color_jitter: brightness, contrast and saturation, each by a factor from 1 - x to
 * 1 + x, as torchvision's ColorJitter has them, in this order; numbers are not cut to a range.
 */

#include <math.h>

#include "data/changes/change.h"

/* What the eye makes of a pixel's colours (ITU-R BT.601); of one channel itself. */
static double grey(const struct net_change_at *at, long pixel)
{
    const long pixels = (long)at->height * at->width;
    const float *x = at->to + pixel;

    return at->channels == 3
               ? .299 * (double)x[0] + .587 * (double)x[pixels] + .114 * (double)x[2 * pixels]
               : (double)x[0];
}

static double factor(const struct net_change_at *at, const char *name, uint32_t word)
{
    const double far = net_change_number(at, name, 0);

    return net_change_between(word, fmax(0, 1 - far), 1 + far);
}

/* x becomes f x + (1 - f) times what stands for grey. */
static void jitter(const struct net_change_at *at)
{
    const long pixels = (long)at->height * at->width;
    double mean = 0;
    uint32_t word[4];

    net_change_draw(word, at, 0);
    const double brightness = factor(at, "brightness", word[0]);
    const double contrast = factor(at, "contrast", word[1]);
    const double saturation = factor(at, "saturation", word[2]);

    for (long i = 0; i < pixels; i++)
        mean += grey(at, i) * brightness / (double)pixels;
    for (long i = 0; i < pixels; i++)
        for (int c = 0; c < at->channels; c++) {
            float *x = at->to + c * pixels + i;

            *x = (float)(contrast * brightness * (double)*x + (1 - contrast) * mean);
        }
    for (long i = 0; i < pixels && at->channels == 3; i++) {
        const double level = grey(at, i);

        for (int c = 0; c < 3; c++) {
            float *x = at->to + c * pixels + i;

            *x = (float)(saturation * (double)*x + (1 - saturation) * level);
        }
    }
}

const struct net_change net_change_color_jitter = {.apply = jitter};
