/*
 * erase.c -- random_erase: a rectangle of zeros.
 */

#include <math.h>
#include <string.h>

#include "data/changes/change.h"

/* RandomErasing of torchvision: a share of the area from 0.02 to 0.33, a ratio of sides from 0.3 to
   3.3 (its logarithm is uniform), ten attempts to find one that fits. */
static void erase(const struct net_change_at *at)
{
    const int height = at->height, width = at->width;
    uint32_t word[4];

    net_change_draw(word, at, 10);
    if (net_change_unit(word[0]) >= at->call->args[0].number)
        return;
    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        net_change_draw(word, at, attempt);
        const double area = height * width * (.02 + (.33 - .02) * net_change_unit(word[0]));
        const double ratio = .3 * pow(3.3 / .3, net_change_unit(word[1]));
        const double h = round(sqrt(area * ratio)), w = round(sqrt(area / ratio));

        if (!(h < height && w < width))
            continue;
        const int y = net_change_below(word[2], height - (int)h + 1);
        const int x = net_change_below(word[3], width - (int)w + 1);

        for (int c = 0; c < at->channels; c++)
            for (int k = y; k < y + (int)h; k++)
                memset(at->to + ((long)c * height + k) * width + x, 0, (size_t)w * sizeof *at->to);
        return;
    }
}

const struct net_change net_change_random_erase = {.apply = erase};
