/*
 * warp.c -- pictures that are turned, moved, scaled and cut out: random_rotation, random_affine,
 * random_resized_crop, random_vertical_flip.
 *
 * Each is a map from a place of the new picture to one of the old, whose pixel is interpolated from
 * the four around it; beyond the picture is 0. Of classes the nearest one counts.
 */

#include <math.h>
#include <string.h>

#include "data/changes/change.h"

/* Where place (x, y) comes from: x' = map[0][0] x + map[0][1] y + map[0][2], y' by map[1]; pixel i
   reaches from i to i + 1. */
typedef double map_t[2][3];

static const uint32_t *pixel(const struct net_change_at *at, int c, int y, int x)
{
    const bool inside = y >= 0 && y < at->from_height && x >= 0 && x < at->from_width;

    return inside
               ? (const uint32_t *)at->from + ((long)c * at->from_height + y) * at->from_width + x
               : NULL;
}

static double value(const struct net_change_at *at, int c, int y, int x)
{
    const uint32_t *p = pixel(at, c, y, x);
    float number = 0;

    if (p)
        memcpy(&number, p, sizeof number);
    return (double)number;
}

static float interpolated(const struct net_change_at *at, int c, double y, double x)
{
    const double top = floor(y - .5), left = floor(x - .5);
    const double below = y - .5 - top, right = x - .5 - left;
    const int i = (int)top, j = (int)left;

    return (
        float)((1 - below) * ((1 - right) * value(at, c, i, j) + right * value(at, c, i, j + 1)) +
               below * ((1 - right) * value(at, c, i + 1, j) + right * value(at, c, i + 1, j + 1)));
}

static void copy_nearest(const struct net_change_at *at, int c, double y, double x, float *to)
{
    const uint32_t *p = pixel(at, c, (int)floor(y), (int)floor(x));

    if (p)
        memcpy(to, p, sizeof *to);
    else
        memset(to, at->outside, sizeof *to);
}

static void warp(const struct net_change_at *at, map_t map)
{
    float *to = at->to;

    for (int c = 0; c < at->channels; c++)
        for (int i = 0; i < at->height; i++)
            for (int j = 0; j < at->width; j++, to++) {
                const double x = map[0][0] * (j + .5) + map[0][1] * (i + .5) + map[0][2];
                const double y = map[1][0] * (j + .5) + map[1][1] * (i + .5) + map[1][2];

                const bool near = x > -1 && x < at->from_width + 1 && y > -1 &&
                                  y < at->from_height + 1; /* else no int may hold them */

                if (!near)
                    memset(to, at->outside, sizeof *to);
                else if (at->classes)
                    copy_nearest(at, c, y, x, to);
                else
                    *to = interpolated(at, c, y, x);
            }
}

/* Turned by an angle about its middle, made `scale` times as large, then moved by (x, y). */
static void turn(const struct net_change_at *at, double angle, double scale, double y, double x)
{
    const double cosine = cos(angle) / scale, sine = sin(angle) / scale;
    const double middle_x = at->width / 2.0, middle_y = at->height / 2.0;
    map_t map = {{cosine, -sine, 0}, {sine, cosine, 0}};

    map[0][2] = middle_x - cosine * (middle_x + x) + sine * (middle_y + y);
    map[1][2] = middle_y - sine * (middle_x + x) - cosine * (middle_y + y);
    warp(at, map);
}

static double drawn_angle(const struct net_change_at *at, uint32_t word)
{
    const double most = net_change_number(at, "degrees", 0);

    return net_change_between(word, -most, most) * (acos(-1.0) / 180);
}

static void rotate(const struct net_change_at *at)
{
    uint32_t word[4];

    net_change_draw(word, at, 0);
    turn(at, drawn_angle(at, word[0]), 1, 0, 0);
}

static void move(const struct net_change_at *at)
{
    const double far_y = net_change_number(at, "translate", 0) * at->height;
    const double far_x = net_change_number(at, "translate", 1) * at->width;
    uint32_t word[4];

    net_change_draw(word, at, 0);
    turn(at, drawn_angle(at, word[0]),
         net_change_between(word[1], net_change_number(at, "scale", 0),
                            net_change_number(at, "scale", 1)),
         net_change_between(word[2], -far_y, far_y), net_change_between(word[3], -far_x, far_x));
}

/* torchvision's RandomResizedCrop: a share of the area by `scale`, a ratio of width to height by
   `ratio` (its logarithm is uniform), ten attempts to find one that fits; else the largest part in
   the middle that keeps the ratio. */
static void cut_out(const struct net_change_at *at)
{
    const double area = (double)at->from_height * at->from_width;
    const double least = net_change_number(at, "ratio", 0),
                 most = net_change_number(at, "ratio", 1);
    const double own = (double)at->from_width / at->from_height;
    const double kept = fmin(fmax(own, least), most);
    double width = fmin(at->from_width, round(at->from_height * kept));
    double height = fmin(at->from_height, round(at->from_width / kept));
    double x = floor((at->from_width - width) / 2), y = floor((at->from_height - height) / 2);
    uint32_t word[4];

    for (uint32_t attempt = 0; attempt < 10; attempt++) {
        net_change_draw(word, at, attempt);
        const double share = area * net_change_between(word[0], net_change_number(at, "scale", 0),
                                                       net_change_number(at, "scale", 1));
        const double ratio = exp(net_change_between(word[1], log(least), log(most)));
        const double w = round(sqrt(share * ratio)), h = round(sqrt(share / ratio));

        if (!(w > 0 && w <= at->from_width && h > 0 && h <= at->from_height))
            continue;
        width = w, height = h;
        y = net_change_below(word[2], at->from_height - (int)h + 1);
        x = net_change_below(word[3], at->from_width - (int)w + 1);
        break;
    }
    map_t map = {{width / at->width, 0, x}, {0, height / at->height, y}};

    warp(at, map);
}

static void turn_over(const struct net_change_at *at)
{
    const size_t row = (size_t)at->width * sizeof *at->to;
    uint32_t word[4];

    net_change_draw(word, at, 0);
    const bool over = net_change_unit(word[0]) < at->call->args[0].number;

    for (int c = 0; c < at->channels; c++)
        for (int y = 0; y < at->height; y++)
            memcpy(at->to + ((long)c * at->height + y) * at->width,
                   at->from + ((long)c * at->height + (over ? at->height - 1 - y : y)) * at->width,
                   row);
}

const struct net_change net_change_random_rotation = {.moves = true, .apply = rotate};
const struct net_change net_change_random_affine = {.moves = true, .apply = move};
const struct net_change net_change_random_resized_crop = {.moves = true, .apply = cut_out};
const struct net_change net_change_random_vertical_flip = {.moves = true, .apply = turn_over};
