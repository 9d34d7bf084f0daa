/*
 * pool.c -- the naive evaluations of pools without a window index: means of windows, what
 * goes over a whole image, upsampling.
 *
 * The one idea: images are looked at a channel at a time; padding is what lies outside and counts
 * as 0.
 */

#include "reference/reference.h"

#include <math.h>

/* A channel of a batch: n times c of them, height by width each. */
typedef struct Plane {
    long count;
    int height, width;
} Plane;

static Plane planes_of(const Reference *r, const Value *value)
{
    const int *size = value->shape.size;

    return (Plane){(long)r->n * size[0], size[1], size[2]};
}

/* Adds, for each overlap of an output position with a pixel under its window, scale times one to
   the other: the positions to the pixels, or the pixels to the positions. Slices are planes. */
static void add_overlaps(const Attributes *at, Plane y, Plane x, double scale, const double *from,
                         double *to, bool to_positions)
{
    y.count *= slices_of(at), y.height /= slices_of(at);
    x.count *= slices_of(at), x.height /= slices_of(at);
    for (long i = 0; i < y.count * y.height * y.width; i++) {
        const long plane = i / (y.height * y.width);
        const int row = (int)(i / y.width % y.height), column = (int)(i % y.width);

        for (int h = row * at->stride[0] - at->padding[0], k = 0; k < at->kernel[0]; k++, h++)
            for (int w = column * at->stride[1] - at->padding[1], l = 0; l < at->kernel[1];
                 l++, w++) {
                const long pixel = (plane * x.height + h) * x.width + w;

                if (h < 0 || h >= x.height || w < 0 || w >= x.width)
                    continue;
                if (to_positions)
                    to[i] += scale * from[pixel];
                else
                    to[pixel] += scale * from[i];
            }
    }
}

static void clear(const Reference *r, const Value *value, double *at)
{
    for (long i = 0; i < (long)r->n * shape_size(value->shape); i++)
        at[i] = 0;
}

static double share_of(const Attributes *at)
{
    return 1.0 / (at->kernel[0] * at->kernel[1]);
}

static void evaluate_avgpool2d(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    add_overlaps(&node->at, planes_of(r, node->outputs[0]), planes_of(r, node->inputs[0]),
                 share_of(&node->at), in[0], out[0], true);
}

static void evaluate_avgpool2d_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    add_overlaps(&node->at, planes_of(r, node->inputs[0]), planes_of(r, node->outputs[0]),
                 share_of(&node->at), in[0], out[0], false);
}

static void evaluate_upsample2d(const Reference *r, const Node *node, double *const *in,
                                double *const *out)
{
    const Plane x = planes_of(r, node->inputs[0]), y = planes_of(r, node->outputs[0]);

    for (long i = 0; i < y.count * y.height * y.width; i++) {
        const long plane = i / (y.height * y.width);
        const int row = (int)(i / y.width % y.height), column = (int)(i % y.width);

        out[0][i] = in[0][(plane * x.height + row / node->at.kernel[0]) * x.width +
                          column / node->at.kernel[1]];
    }
}

static void evaluate_upsample2d_grad(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    add_overlaps(&node->at, planes_of(r, node->outputs[0]), planes_of(r, node->inputs[0]), 1, in[0],
                 out[0], true);
}

/* PyTorch's rule: y's position i of an axis stands at (i + 0.5) / factor - 0.5 of x, no further out
   than its first and last pixel, between two pixels. */
static void find_neighbours(int i, int factor, int size, int at[2], double share[2])
{
    double place = (i + 0.5) / factor - 0.5;

    place = place < 0 ? 0 : place > size - 1 ? size - 1 : place;
    at[0] = (int)place;
    at[1] = at[0] + 1 < size ? at[0] + 1 : at[0];
    share[1] = place - at[0];
    share[0] = 1 - share[1];
}

/* Adds x's pixels to y's by their shares, or y's to x's. */
static void add_bilinear(const Attributes *at, Plane y, Plane x, const double *from, double *to,
                         bool to_y)
{
    for (long i = 0; i < y.count * y.height * y.width; i++) {
        const long plane = i / (y.height * y.width);
        int row[2], column[2];
        double h[2], w[2];

        find_neighbours((int)(i / y.width % y.height), at->stride[0], x.height, row, h);
        find_neighbours((int)(i % y.width), at->stride[1], x.width, column, w);
        for (int k = 0; k < 4; k++) {
            const long pixel = (plane * x.height + row[k / 2]) * x.width + column[k % 2];
            const double share = h[k / 2] * w[k % 2];

            if (to_y)
                to[i] += share * from[pixel];
            else
                to[pixel] += share * from[i];
        }
    }
}

static void evaluate_upsample2d_bilinear(const Reference *r, const Node *node, double *const *in,
                                         double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    add_bilinear(&node->at, planes_of(r, node->outputs[0]), planes_of(r, node->inputs[0]), in[0],
                 out[0], true);
}

static void evaluate_upsample2d_bilinear_grad(const Reference *r, const Node *node,
                                              double *const *in, double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    add_bilinear(&node->at, planes_of(r, node->inputs[0]), planes_of(r, node->outputs[0]), in[0],
                 out[0], false);
}

static void evaluate_global_maxpool2d(const Reference *r, const Node *node, double *const *in,
                                      double *const *out)
{
    const Plane x = planes_of(r, node->inputs[0]);
    const int pixels = x.height * x.width;

    for (long i = 0; i < x.count; i++) {
        const double *at = in[0] + i * pixels;
        int first = 0;

        for (int p = 1; p < pixels; p++)
            if (at[p] > at[first])
                first = p;
        out[0][i] = at[first];
        out[1][i] = first;
    }
}

static void evaluate_global_maxpool2d_grad(const Reference *r, const Node *node, double *const *in,
                                           double *const *out)
{
    const Plane x = planes_of(r, node->outputs[0]);

    clear(r, node->outputs[0], out[0]);
    for (long i = 0; i < x.count; i++)
        out[0][i * x.height * x.width + (long)in[0][i]] = in[1][i];
}

/* ---- Convolutions under a global maximum ----------------------------------------------------- */

/* dw, or dx, of a convolution of x whose dy is 0 but at index[row][output]. */
static void meet_windows(const Node *node, Shape x, Shape w, int n, const double *dy,
                         const double *index, const double *from, double *to, bool dw)
{
    const Attributes *at = &node->at;
    const int width = window_count(at, x.size[2], 1), taps = w.size[2] * w.size[3];

    for (long i = 0; i < (long)n * w.size[0]; i++)
        for (int c = 0; c < x.size[0]; c++)
            for (int tap = 0; tap < taps; tap++) {
                const int h = (int)index[i] / width * at->stride[0] - at->padding[0] +
                              tap / w.size[3] * dilation_of(at, 0);
                const int v = (int)index[i] % width * at->stride[1] - at->padding[1] +
                              tap % w.size[3] * dilation_of(at, 1);
                const long weight = (i % w.size[0] * w.size[1] + c) * taps + tap;
                const long pixel = ((i / w.size[0] * x.size[0] + c) * x.size[1] + h) * x.size[2] +
                                   v;

                if (h < 0 || h >= x.size[1] || v < 0 || v >= x.size[2])
                    continue;
                if (dw)
                    to[weight] += dy[i] * from[pixel];
                else
                    to[pixel] += dy[i] * from[weight];
            }
}

static void evaluate_conv2d_dw_argmax(const Reference *r, const Node *node, double *const *in,
                                      double *const *out)
{
    for (long i = 0; i < shape_size(node->outputs[0]->shape); i++)
        out[0][i] = 0;
    meet_windows(node, node->inputs[0]->shape, node->outputs[0]->shape, r->n, in[1], in[2], in[0],
                 out[0], true);
}

static void evaluate_conv2d_dx_argmax(const Reference *r, const Node *node, double *const *in,
                                      double *const *out)
{
    clear(r, node->outputs[0], out[0]);
    meet_windows(node, node->outputs[0]->shape, node->inputs[1]->shape, r->n, in[0], in[2], in[1],
                 out[0], false);
}

static void evaluate_pixel_sum(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Plane x = planes_of(r, node->inputs[0]);
    const int pixels = x.height * x.width;

    for (long i = 0; i < x.count; i++) {
        out[0][i] = 0;
        for (int p = 0; p < pixels; p++)
            out[0][i] += in[0][i * pixels + p];
    }
}

static void evaluate_stretch(const Reference *r, const Node *node, double *const *in,
                             double *const *out)
{
    const Plane y = planes_of(r, node->outputs[0]);
    const int pixels = y.height * y.width;

    for (long i = 0; i < y.count * pixels; i++)
        out[0][i] = in[0][i / pixels];
}

/* ---- Along one axis -------------------------------------------------------------------------- */

/* x[before][size][behind], of all rows, where `one` has one of size. */
typedef struct Axis {
    long before;
    int size, behind;
} Axis;

static Axis axis_of(const Reference *r, const Node *node, const Value *many)
{
    const Shape shape = many->shape;
    Axis axis = {(many->batched ? r->n : 1), shape.size[node->at.axis], 1};

    for (int i = 0; i < node->at.axis; i++)
        axis.before *= shape.size[i];
    for (int i = node->at.axis + 1; i < shape.rank; i++)
        axis.behind *= shape.size[i];
    return axis;
}

/* Where index `at` of the axis is, of element `one` of what has one of it. */
static long place_of(Axis axis, long one, int at)
{
    return (one / axis.behind * axis.size + at) * axis.behind + one % axis.behind;
}

static void evaluate_axis_sum(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const Axis axis = axis_of(r, node, node->inputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++) {
        out[0][i] = 0;
        for (int at = 0; at < axis.size; at++)
            out[0][i] += in[0][place_of(axis, i, at)];
    }
}

static void evaluate_spread(const Reference *r, const Node *node, double *const *in,
                            double *const *out)
{
    const Axis axis = axis_of(r, node, node->outputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++)
        for (int at = 0; at < axis.size; at++)
            out[0][place_of(axis, i, at)] = in[0][i];
}

static void evaluate_axis_max(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const Axis axis = axis_of(r, node, node->inputs[0]);
    const double sign = node->at.smallest ? -1 : 1;

    for (long i = 0; i < axis.before * axis.behind; i++) {
        out[0][i] = in[0][place_of(axis, i, 0)];
        out[1][i] = 0;
        for (int at = 1; at < axis.size; at++)
            if (sign * in[0][place_of(axis, i, at)] > sign * out[0][i]) {
                out[0][i] = in[0][place_of(axis, i, at)];
                out[1][i] = at;
            }
    }
}

static void evaluate_axis_max_grad(const Reference *r, const Node *node, double *const *in,
                                   double *const *out)
{
    const Axis axis = axis_of(r, node, node->outputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++)
        for (int at = 0; at < axis.size; at++)
            out[0][place_of(axis, i, at)] = in[0][i] == at ? in[1][i] : 0;
}

/* The largest along the axis, and the sum of e^(x - that). */
static double sum_exponentials(Axis axis, const double *x, long one, double *max)
{
    double sum = 0;

    *max = x[place_of(axis, one, 0)];
    for (int at = 1; at < axis.size; at++)
        *max = fmax(*max, x[place_of(axis, one, at)]);
    for (int at = 0; at < axis.size; at++)
        sum += exp(x[place_of(axis, one, at)] - *max);
    return sum;
}

static void evaluate_logsumexp(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Axis axis = axis_of(r, node, node->inputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++) {
        double max, sum = sum_exponentials(axis, in[0], i, &max);

        out[0][i] = max + log(sum);
    }
}

static void evaluate_axis_softmax(const Reference *r, const Node *node, double *const *in,
                                  double *const *out)
{
    const Axis axis = axis_of(r, node, node->inputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++) {
        double max, sum = sum_exponentials(axis, in[0], i, &max);

        for (int at = 0; at < axis.size; at++)
            out[0][place_of(axis, i, at)] = exp(in[0][place_of(axis, i, at)] - max) / sum;
    }
}

static void evaluate_axis_softmax_grad(const Reference *r, const Node *node, double *const *in,
                                       double *const *out)
{
    const Axis axis = axis_of(r, node, node->inputs[0]);

    for (long i = 0; i < axis.before * axis.behind; i++) {
        double sum = 0;

        for (int at = 0; at < axis.size; at++)
            sum += in[0][place_of(axis, i, at)] * in[1][place_of(axis, i, at)];
        for (int at = 0; at < axis.size; at++) {
            const long place = place_of(axis, i, at);

            out[0][place] = in[0][place] * (in[1][place] - sum);
        }
    }
}

static Evaluate *const evaluations[OP_COUNT] = {
    [OP_AXIS_SUM] = evaluate_axis_sum,
    [OP_AXIS_MAX] = evaluate_axis_max,
    [OP_AXIS_MAX_GRAD] = evaluate_axis_max_grad,
    [OP_SPREAD] = evaluate_spread,
    [OP_LOGSUMEXP] = evaluate_logsumexp,
    [OP_AXIS_SOFTMAX] = evaluate_axis_softmax,
    [OP_AXIS_SOFTMAX_GRAD] = evaluate_axis_softmax_grad,
    [OP_PIXEL_SUM] = evaluate_pixel_sum,
    [OP_STRETCH] = evaluate_stretch,
    [OP_CONV2D_DX_ARGMAX] = evaluate_conv2d_dx_argmax,
    [OP_CONV2D_DW_ARGMAX] = evaluate_conv2d_dw_argmax,
    [OP_AVGPOOL2D] = evaluate_avgpool2d,
    [OP_AVGPOOL2D_GRAD] = evaluate_avgpool2d_grad,
    [OP_UPSAMPLE2D] = evaluate_upsample2d,
    [OP_UPSAMPLE2D_GRAD] = evaluate_upsample2d_grad,
    [OP_UPSAMPLE2D_BILINEAR] = evaluate_upsample2d_bilinear,
    [OP_UPSAMPLE2D_BILINEAR_GRAD] = evaluate_upsample2d_bilinear_grad,
    [OP_GLOBAL_MAXPOOL2D] = evaluate_global_maxpool2d,
    [OP_GLOBAL_MAXPOOL2D_GRAD] = evaluate_global_maxpool2d_grad,
};

Evaluate *find_pool_evaluation(Op op)
{
    return evaluations[op];
}
