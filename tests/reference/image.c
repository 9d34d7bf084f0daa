/*
 * image.c -- the naive evaluations that know channels and pixels: contractions, pools,
 * batch normalisation (Ioffe and Szegedy 2015).
 *
 * The one idea: a window is a walk over (output position, tap) pairs that are inside the image, and
 * every operation with windows, forward or backward, is one statement at each step of that walk.
 */

#include <math.h>

#include "reference/reference.h"

/* ---- Dense ----------------------------------------------------------------------------------- */

static void evaluate_dense(const Reference *r, const Node *node, double *const *in,
                           double *const *out)
{
    const int outputs = node->inputs[1]->shape.size[0], inputs = node->inputs[1]->shape.size[1];

    for (int row = 0; row < r->n; row++) {
        for (int o = 0; o < outputs; o++) {
            double sum = in[2] ? in[2][o] : 0;

            for (int k = 0; k < inputs; k++)
                sum += in[0][(long)row * inputs + k] * in[1][(long)o * inputs + k];
            out[0][(long)row * outputs + o] = sum;
        }
    }
}

static void evaluate_dense_dx(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const int outputs = node->inputs[1]->shape.size[0], inputs = node->inputs[1]->shape.size[1];

    for (int row = 0; row < r->n; row++) {
        for (int k = 0; k < inputs; k++) {
            double sum = 0;

            for (int o = 0; o < outputs; o++)
                sum += in[0][(long)row * outputs + o] * in[1][(long)o * inputs + k];
            out[0][(long)row * inputs + k] = sum;
        }
    }
}

static void evaluate_dense_dw(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const int outputs = node->inputs[1]->shape.size[0], inputs = node->inputs[0]->shape.size[0];

    for (int o = 0; o < outputs; o++) {
        for (int k = 0; k < inputs; k++) {
            double sum = 0;

            for (int row = 0; row < r->n; row++)
                sum += in[0][(long)row * inputs + k] * in[1][(long)row * outputs + o];
            out[0][(long)o * inputs + k] = sum;
        }
    }
}

/* ---- Windows --------------------------------------------------------------------------------- */

/* One overlap of an output position with a tap of its window, both inside. */
typedef struct Overlap {
    int row;      /* of the batch */
    int position; /* output pixel, row-major */
    int tap;      /* kh * KW + kw */
    int pixel;    /* input pixel, row-major */
} Overlap;

typedef struct Walk {
    const Attributes *at;
    Shape x, y; /* image shapes before and after the window */
    int n;
    double *const *in;
    double *const *out;
} Walk;

typedef void Visit(const Walk *walk, const Overlap *m);

/* Of a volume's pool a window stays in one of the slices, whose rows are one below the other. */
static void walk_windows(const Walk *walk, Visit *visit)
{
    const Attributes *at = walk->at;
    const int taps = at->kernel[0] * at->kernel[1], width = walk->y.size[2];
    const int positions = walk->y.size[1] * width, height = walk->y.size[1] / slices_of(at);
    const int x_height = walk->x.size[1] / slices_of(at), x_width = walk->x.size[2];

    for (int i = 0; i < walk->n * positions; i++)
        for (int tap = 0; tap < taps; tap++) {
            const int position = i % positions, slice = position / width / height;
            const int h = position / width % height * at->stride[0] - at->padding[0] +
                          tap / at->kernel[1] * dilation_of(at, 0);
            const int w = position % width * at->stride[1] - at->padding[1] +
                          tap % at->kernel[1] * dilation_of(at, 1);

            if (h >= 0 && h < x_height && w >= 0 && w < x_width)
                visit(walk, &(Overlap){i / positions, position, tap,
                                       (slice * x_height + h) * x_width + w});
        }
}

/* Offset of channel c of a row in a batch of images. */
static long channel_at(Shape shape, int row, int c)
{
    return ((long)row * shape.size[0] + c) * shape.size[1] * shape.size[2];
}

static long weight_at(const Walk *walk, int o, int c, int tap)
{
    const int taps = walk->at->kernel[0] * walk->at->kernel[1];

    return ((long)o * walk->x.size[0] + c) * taps + tap;
}

/* The channels that an output sees: those of its group. */
static int group_channels(const Walk *walk)
{
    return walk->x.size[0] / groups_of(walk->at);
}

static int first_channel(const Walk *walk, int output)
{
    return output / (walk->y.size[0] / groups_of(walk->at)) * group_channels(walk);
}

/* What one output multiplies where window and pixel meet: a channel of its group after another. */
typedef struct Products {
    int count;
    long x, y, w;        /* offsets of the first */
    long x_step, w_step; /* to the next; the output stays */
} Products;

static Products products_of(const Walk *walk, const Overlap *m, int output)
{
    const int first = first_channel(walk, output);

    return (Products){
        .count = group_channels(walk),
        .x = channel_at(walk->x, m->row, first) + m->pixel,
        .y = channel_at(walk->y, m->row, output) + m->position,
        .w = weight_at(walk, output, first, m->tap),
        .x_step = channel_at(walk->x, 0, 1),
        .w_step = weight_at(walk, 0, 1, 0),
    };
}

static void visit_conv2d(const Walk *walk, const Overlap *m)
{
    const double *x = walk->in[0], *w = walk->in[1];

    for (int o = 0; o < walk->y.size[0]; o++) {
        const Products p = products_of(walk, m, o);
        double sum = 0;

        for (int c = 0; c < p.count; c++)
            sum += x[p.x + c * p.x_step] * w[p.w + c * p.w_step];
        walk->out[0][p.y] += sum;
    }
}

static void visit_conv2d_dx(const Walk *walk, const Overlap *m)
{
    const double *dy = walk->in[0], *w = walk->in[1];

    for (int o = 0; o < walk->y.size[0]; o++) {
        const Products p = products_of(walk, m, o);
        double *dx = walk->out[0] + p.x;

        for (int c = 0; c < p.count; c++)
            dx[c * p.x_step] += dy[p.y] * w[p.w + c * p.w_step];
    }
}

static void visit_conv2d_dw(const Walk *walk, const Overlap *m)
{
    const double *x = walk->in[0], *dy = walk->in[1];

    for (int o = 0; o < walk->y.size[0]; o++) {
        const Products p = products_of(walk, m, o);
        double *dw = walk->out[0] + p.w;

        for (int c = 0; c < p.count; c++)
            dw[c * p.w_step] += x[p.x + c * p.x_step] * dy[p.y];
    }
}

static void visit_depthwise(const Walk *walk, const Overlap *m)
{
    const int taps = walk->at->kernel[0] * walk->at->kernel[1];

    for (int c = 0; c < walk->x.size[0]; c++)
        walk->out[0][channel_at(walk->y, m->row, c) + m->position] +=
            walk->in[0][channel_at(walk->x, m->row, c) + m->pixel] *
            walk->in[1][(long)c * taps + m->tap];
}

static void visit_depthwise_dx(const Walk *walk, const Overlap *m)
{
    const int taps = walk->at->kernel[0] * walk->at->kernel[1];

    for (int c = 0; c < walk->x.size[0]; c++)
        walk->out[0][channel_at(walk->x, m->row, c) + m->pixel] +=
            walk->in[0][channel_at(walk->y, m->row, c) + m->position] *
            walk->in[1][(long)c * taps + m->tap];
}

static void visit_depthwise_dw(const Walk *walk, const Overlap *m)
{
    const int taps = walk->at->kernel[0] * walk->at->kernel[1];

    for (int c = 0; c < walk->x.size[0]; c++)
        walk->out[0][(long)c * taps + m->tap] +=
            walk->in[0][channel_at(walk->x, m->row, c) + m->pixel] *
            walk->in[1][channel_at(walk->y, m->row, c) + m->position];
}

/* Taps come in order, so that a later equal one does not replace the first. */
static void visit_maxpool2d(const Walk *walk, const Overlap *m)
{
    for (int c = 0; c < walk->x.size[0]; c++) {
        const double x = walk->in[0][channel_at(walk->x, m->row, c) + m->pixel];
        const long at = channel_at(walk->y, m->row, c) + m->position;

        if (x > walk->out[0][at]) {
            walk->out[0][at] = x;
            walk->out[1][at] = m->tap;
        }
    }
}

static void visit_maxpool2d_grad(const Walk *walk, const Overlap *m)
{
    for (int c = 0; c < walk->x.size[0]; c++) {
        const long at = channel_at(walk->y, m->row, c) + m->position;

        if ((int)walk->in[0][at] == m->tap)
            walk->out[0][channel_at(walk->x, m->row, c) + m->pixel] += walk->in[1][at];
    }
}

static void fill(double *at, long count, double value)
{
    for (long i = 0; i < count; i++)
        at[i] = value;
}

static long elements_of(const Reference *r, const Value *value)
{
    return (long)(value->batched ? r->n : 1) * shape_size(value->shape);
}

static void evaluate_conv2d(const Reference *r, const Node *node, double *const *in,
                            double *const *out)
{
    const Walk walk = {&node->at, node->inputs[0]->shape, node->outputs[0]->shape, r->n, in, out};
    const int pixels = walk.y.size[1] * walk.y.size[2];

    for (int row = 0; row < r->n; row++)
        for (int o = 0; o < walk.y.size[0]; o++)
            fill(out[0] + channel_at(walk.y, row, o), pixels, in[2] ? in[2][o] : 0);
    walk_windows(&walk, node->op == OP_DEPTHWISE ? visit_depthwise : visit_conv2d);
}

static void evaluate_conv2d_dx(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Walk walk = {&node->at, node->outputs[0]->shape, node->inputs[0]->shape, r->n, in, out};

    fill(out[0], elements_of(r, node->outputs[0]), 0);
    walk_windows(&walk, node->op == OP_DEPTHWISE_DX ? visit_depthwise_dx : visit_conv2d_dx);
}

static void evaluate_conv2d_dw(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Walk walk = {&node->at, node->inputs[0]->shape, node->inputs[1]->shape, r->n, in, out};

    fill(out[0], elements_of(r, node->outputs[0]), 0);
    walk_windows(&walk, node->op == OP_DEPTHWISE_DW ? visit_depthwise_dw : visit_conv2d_dw);
}

/* Element (o, row of its group, tap) of a weight by groups, in the full one. */
static long full_index(Shape full, Shape grouped, const Attributes *at, long i)
{
    const int taps = full.size[2] * full.size[3], each = grouped.size[1];
    const long o = i / taps / each, group = o / (full.size[0] / groups_of(at));

    return (o * full.size[1] + group * each + i / taps % each) * taps + i % taps;
}

static void evaluate_group_expand(const Reference *r, const Node *node, double *const *in,
                                  double *const *out)
{
    const Shape full = node->outputs[0]->shape, grouped = node->inputs[0]->shape;

    fill(out[0], elements_of(r, node->outputs[0]), 0);
    for (long i = 0; i < shape_size(grouped); i++)
        out[0][full_index(full, grouped, &node->at, i)] = in[0][i];
}

static void evaluate_group_collect(const Reference *r, const Node *node, double *const *in,
                                   double *const *out)
{
    const Shape full = node->inputs[0]->shape, grouped = node->outputs[0]->shape;

    (void)r;
    for (long i = 0; i < shape_size(grouped); i++)
        out[0][i] = in[0][full_index(full, grouped, &node->at, i)];
}

static void evaluate_maxpool2d(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Walk walk = {&node->at, node->inputs[0]->shape, node->outputs[0]->shape, r->n, in, out};

    fill(out[0], elements_of(r, node->outputs[0]), -INFINITY);
    walk_windows(&walk, visit_maxpool2d);
}

static void evaluate_maxpool2d_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const Walk walk = {&node->at, node->outputs[0]->shape, node->inputs[0]->shape, r->n, in, out};

    fill(out[0], elements_of(r, node->outputs[0]), 0);
    walk_windows(&walk, visit_maxpool2d_grad);
}

/* ---- Channels -------------------------------------------------------------------------------- */

/* Rows, channels and pixels of a batched [c] or [c, h, w]. */
typedef struct Extent {
    int n, channels, pixels;
} Extent;

static Extent extent_of(const Reference *r, const Value *value)
{
    const int channels = value->shape.size[0];

    return (Extent){r->n, channels, shape_size(value->shape) / channels};
}

/* The sum over images and pixels of a channel of x, or of x times y. */
static double channel_sum(Extent e, int c, const double *x, const double *y)
{
    double sum = 0;

    for (int row = 0; row < e.n; row++)
        for (int p = 0; p < e.pixels; p++) {
            const long at = ((long)row * e.channels + c) * e.pixels + p;

            sum += y ? x[at] * y[at] : x[at];
        }
    return sum;
}

static void evaluate_channel_sum(const Reference *r, const Node *node, double *const *in,
                                 double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);

    for (int c = 0; c < e.channels; c++)
        out[0][c] = channel_sum(e, c, in[0], NULL);
}

static void evaluate_add_bias(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);

    for (long i = 0; i < (long)e.n * e.channels * e.pixels; i++)
        out[0][i] = in[0][i] + in[1][i / e.pixels % e.channels];
}

static void evaluate_global_avgpool2d(const Reference *r, const Node *node, double *const *in,
                                      double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);

    for (int i = 0; i < e.n * e.channels; i++) {
        out[0][i] = 0;
        for (int p = 0; p < e.pixels; p++)
            out[0][i] += in[0][(long)i * e.pixels + p] / e.pixels;
    }
}

static void evaluate_global_avgpool2d_grad(const Reference *r, const Node *node, double *const *in,
                                           double *const *out)
{
    const Extent e = extent_of(r, node->outputs[0]);

    for (int i = 0; i < e.n * e.channels; i++)
        fill(out[0] + (long)i * e.pixels, e.pixels, in[0][i] / e.pixels);
}

/* ---- Batch normalisation --------------------------------------------------------------------- */

/* The batch is normalised with the biased variance; running_var takes the unbiased one. A batch of
   one number a channel has no variance: the running statistics stay as they are. */
static void evaluate_batchnorm_stats(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);
    const double count = (double)e.n * node->at.pixels, momentum = node->at.momentum;

    for (int c = 0; c < e.channels; c++) {
        const double mean = channel_sum(e, c, in[0], NULL) / count;
        double variance = 0;

        for (int row = 0; row < e.n; row++)
            for (int p = 0; p < e.pixels; p++) {
                const double x = in[0][((long)row * e.channels + c) * e.pixels + p];

                variance += (x - mean) * (x - mean) / count;
            }
        out[0][c] = mean;
        out[1][c] = 1 / sqrt(variance + node->at.eps);
        out[2][c] = in[1][c];
        out[3][c] = in[2][c];
        if (count > 1) {
            out[2][c] = (1 - momentum) * in[1][c] + momentum * mean;
            out[3][c] = (1 - momentum) * in[2][c] + momentum * variance * count / (count - 1);
        }
    }
}

/* y = gamma (x - mean) inv_std + beta */
static void evaluate_normalize(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);

    for (long i = 0; i < (long)e.n * e.channels * e.pixels; i++) {
        const long c = i / e.pixels % e.channels;

        out[0][i] = in[3][c] * (in[0][i] - in[1][c]) * in[2][c] + in[4][c];
    }
}

/* dgamma = sum of dy (x - mean) inv_std, dbeta = sum of dy */
static void evaluate_batchnorm_sums(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);

    for (int c = 0; c < e.channels; c++) {
        const double sum = channel_sum(e, c, in[1], NULL);

        out[0][c] = (channel_sum(e, c, in[0], in[1]) - in[2][c] * sum) * in[3][c];
        out[1][c] = sum;
    }
}

/* dx = gamma inv_std (dy - (dbeta + (x - mean) inv_std dgamma) / count) */
static void evaluate_normalize_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const Extent e = extent_of(r, node->inputs[0]);
    const double count = (double)e.n * node->at.pixels;

    for (long i = 0; i < (long)e.n * e.channels * e.pixels; i++) {
        const long c = i / e.pixels % e.channels;
        const double normal = (in[0][i] - in[2][c]) * in[3][c];

        out[0][i] = in[4][c] * in[3][c] * (in[1][i] - (in[6][c] + normal * in[5][c]) / count);
    }
}

static Evaluate *const evaluations[OP_COUNT] = {
    [OP_DENSE] = evaluate_dense,
    [OP_DENSE_DX] = evaluate_dense_dx,
    [OP_DENSE_DW] = evaluate_dense_dw,
    [OP_CONV2D] = evaluate_conv2d,
    [OP_CONV2D_DX] = evaluate_conv2d_dx,
    [OP_CONV2D_DW] = evaluate_conv2d_dw,
    [OP_GROUP_EXPAND] = evaluate_group_expand,
    [OP_GROUP_COLLECT] = evaluate_group_collect,
    [OP_DEPTHWISE] = evaluate_conv2d,
    [OP_DEPTHWISE_DX] = evaluate_conv2d_dx,
    [OP_DEPTHWISE_DW] = evaluate_conv2d_dw,
    [OP_CHANNEL_SUM] = evaluate_channel_sum,
    [OP_ADD_BIAS] = evaluate_add_bias,
    [OP_BATCHNORM_STATS] = evaluate_batchnorm_stats,
    [OP_NORMALIZE] = evaluate_normalize,
    [OP_BATCHNORM_SUMS] = evaluate_batchnorm_sums,
    [OP_NORMALIZE_GRAD] = evaluate_normalize_grad,
    [OP_MAXPOOL2D] = evaluate_maxpool2d,
    [OP_MAXPOOL2D_GRAD] = evaluate_maxpool2d_grad,
    [OP_GLOBAL_AVGPOOL2D] = evaluate_global_avgpool2d,
    [OP_GLOBAL_AVGPOOL2D_GRAD] = evaluate_global_avgpool2d_grad,
};

Evaluate *find_image_evaluation(Op op)
{
    return evaluations[op];
}
