/*
 * volume_cases.h -- graphs of convolutions of volumes, and of pools in each slice of them, for
 * graph.c.
 */

#ifndef VOLUME_CASES_H
#define VOLUME_CASES_H

#include "compiler/arithmetic_cases.h"

/* Of height, width and depth, in this order. */
#define VOLUME_WINDOW(kh, kw, kd, sh, sw, sd, ph, pw, pd, dh, dw, dd)                              \
    {                                                                                              \
        .kernel = {kh, kw, kd}, .stride = {sh, sw, sd}, .padding = {ph, pw, pd},                   \
        .padding_end = {ph, pw, pd}, .dilation = {                                                 \
            dh,                                                                                    \
            dw,                                                                                    \
            dd                                                                                     \
        }                                                                                          \
    }

static inline Shape volume(int channels, int depth, int height, int width)
{
    return (Shape){.rank = 4, .size = {channels, depth, height, width}};
}

static Shape volume_weights(const Case *c, int outputs, int inputs)
{
    const int *kernel = c->at.kernel;

    return (Shape){.rank = 4, .size = {outputs, inputs, kernel[2] * kernel[0], kernel[1]}};
}

static void build_conv3d(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, volume(channels, 3, 4, 3), true);
    Value *w = parameter(g, volume_weights(c, c->other, channels), false);

    finish(g, append(g, OP_CONV3D, c->at, 3, x, w, parameter(g, vector(c->other), false)));
}

/* The gradient of a convolution of a volume as a layer. */
static void build_conv3d_transpose(Graph *g, const Case *c, int channels)
{
    const Shape weights = volume_weights(c, channels, c->other);
    const Value *y = NULL;
    Value *x, *w;
    Attributes at = c->at;

    at.shape = volume(c->other, 3, 4, 5);
    y = append(g, OP_CONV3D, at, 3, parameter(g, at.shape, true), parameter(g, weights, false),
               NULL);
    x = parameter(g, y->shape, true);
    w = parameter(g, weights, false);
    finish(g, append(g, OP_CONV3D_DX, at, 2, x, w, NULL));
}

#define SLICES(kh, kw, sh, sw, ph, pw)                                                             \
    {                                                                                              \
        .kernel = {kh, kw}, .stride = {sh, sw}, .padding = {ph, pw}, .padding_end = {ph, pw},      \
        .slices = 3                                                                                \
    }

/* Windows in each of at.slices slices. */
static void build_slices(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, image(channels, 3 * c->other, 4), true);

    finish(g, append(g, c->op, c->at, 1, unary(g, OP_TANH, x), NULL, NULL));
}

#endif
