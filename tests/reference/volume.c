/*
 * volume.c -- the naive evaluations of convolutions of volumes.
 *
 * The one idea: forward, dx and dw are one walk over all that meet: a number of x, one of y and one
 * of w, of which two give a product that is added to the third.
 */

#include "reference/reference.h"

enum { DEPTH, HEIGHT, WIDTH };

/* The axes of Attributes, of shapes [channels, depth, height, width] in their order. */
static const int attribute_axis[] = {2, 0, 1};

/* What it goes over, and the number of x, y or w that is added to. */
typedef struct Volumes {
    const Attributes *at;
    Shape x, y;
    int n;
    void (*meet)(double *const *operands, long x, long y, long w);
    double *operands[3];
} Volumes;

static void add_to_y(double *const *o, long x, long y, long w)
{
    o[1][y] += o[0][x] * o[2][w];
}

static void add_to_x(double *const *o, long x, long y, long w)
{
    o[0][x] += o[1][y] * o[2][w];
}

static void add_to_w(double *const *o, long x, long y, long w)
{
    o[2][w] += o[0][x] * o[1][y];
}

static long element_at(Shape shape, int row, int channel, const int place[3])
{
    const int *size = shape.size;

    return ((((long)row * size[0] + channel) * size[1] + place[DEPTH]) * size[2] + place[HEIGHT]) *
               size[3] +
           place[WIDTH];
}

static int count_taps(const Attributes *at)
{
    return at->kernel[0] * at->kernel[1] * at->kernel[2];
}

/* All channels of two places whose tap is number `tap` of the kernel. */
static void meet_channels(const Volumes *v, int row, const int x[3], const int y[3], int tap)
{
    const int groups = groups_of(v->at), inputs = v->x.size[0] / groups;

    for (int o = 0; o < v->y.size[0]; o++)
        for (int c = 0; c < inputs; c++) {
            const int channel = o / (v->y.size[0] / groups) * inputs + c;

            v->meet(v->operands, element_at(v->x, row, channel, x), element_at(v->y, row, o, y),
                    ((long)o * v->x.size[0] + channel) * count_taps(v->at) + tap);
        }
}

static void walk_volumes(const Volumes *v)
{
    const int *size = v->y.size, *kernel = v->at->kernel;
    const int places = size[1] * size[2] * size[3];

    for (int i = 0; i < v->n * places; i++)
        for (int tap = 0; tap < count_taps(v->at); tap++) {
            const int y[3] = {i % places / (size[2] * size[3]), i / size[3] % size[2], i % size[3]};
            const int taps[3] = {tap / (kernel[0] * kernel[1]), tap / kernel[1] % kernel[0],
                                 tap % kernel[1]};
            int x[3], inside = 1;

            for (int k = 0; k < 3; k++) {
                const int axis = attribute_axis[k];

                x[k] = y[k] * v->at->stride[axis] - v->at->padding[axis] +
                       taps[k] * dilation_of(v->at, axis);
                inside = inside && x[k] >= 0 && x[k] < v->x.size[1 + k];
            }
            if (inside)
                meet_channels(v, i / places, x, y, tap);
        }
}

static void clear(double *at, long count)
{
    for (long i = 0; i < count; i++)
        at[i] = 0;
}

static void evaluate_conv3d(const Reference *r, const Node *node, double *const *in,
                            double *const *out)
{
    const Volumes v = {&node->at, node->inputs[0]->shape, node->outputs[0]->shape, r->n,
                       add_to_y,  {in[0], out[0], in[1]}};
    const long places = shape_size(v.y) / v.y.size[0];

    for (long i = 0; i < (long)r->n * shape_size(v.y); i++)
        out[0][i] = in[2] ? in[2][i / places % v.y.size[0]] : 0;
    walk_volumes(&v);
}

static void evaluate_conv3d_dx(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Volumes v = {&node->at, node->outputs[0]->shape, node->inputs[0]->shape, r->n,
                       add_to_x,  {out[0], in[0], in[1]}};

    clear(out[0], (long)r->n * shape_size(v.x));
    walk_volumes(&v);
}

static void evaluate_conv3d_dw(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const Volumes v = {&node->at, node->inputs[0]->shape, node->inputs[1]->shape, r->n,
                       add_to_w,  {in[0], in[1], out[0]}};

    clear(out[0], shape_size(node->outputs[0]->shape));
    walk_volumes(&v);
}

Evaluate *find_volume_evaluation(Op op)
{
    return op == OP_CONV3D      ? evaluate_conv3d
           : op == OP_CONV3D_DX ? evaluate_conv3d_dx
           : op == OP_CONV3D_DW ? evaluate_conv3d_dw
                                : NULL;
}
