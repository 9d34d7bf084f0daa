/*
 * movement.c -- the naive evaluations of what only moves numbers.
 *
 * The one idea: an element of the result is asked for by its indices, and says where it comes from.
 */

#include "reference/reference.h"

/* Along axis 0 of a row, so a row's part is one run of numbers. */
static void evaluate_concat(const Reference *r, const Node *node, double *const *in,
                            double *const *out)
{
    const int whole = shape_size(node->outputs[0]->shape);
    int begin = 0;

    for (int i = 0; i < node->input_count; i++) {
        const int part = shape_size(node->inputs[i]->shape);

        for (int row = 0; row < (node->outputs[0]->batched ? r->n : 1); row++)
            for (int k = 0; k < part; k++)
                out[0][(long)row * whole + begin + k] = in[i][(long)row * part + k];
        begin += part;
    }
}

static void evaluate_slice(const Reference *r, const Node *node, double *const *in,
                           double *const *out)
{
    const Shape shape = node->outputs[0]->shape;
    const int part = shape_size(shape), whole = shape_size(node->inputs[0]->shape);
    const int begin = node->at.begin * (part / shape.size[0]);

    for (int row = 0; row < (node->outputs[0]->batched ? r->n : 1); row++)
        for (int k = 0; k < part; k++)
            out[0][(long)row * part + k] = in[0][(long)row * whole + begin + k];
}

static void evaluate_weight_slice_grad(const Reference *r, const Node *node, double *const *in,
                                       double *const *out)
{
    const Shape shape = node->inputs[0]->shape;
    const long part = shape_size(shape), begin = node->at.begin * (part / shape.size[0]);

    (void)r;
    for (long k = 0; k < shape_size(node->outputs[0]->shape); k++)
        out[0][k] = k >= begin && k < begin + part ? in[0][k - begin] : 0;
}

/* Is index `at` of y inside of x, which begins at `place`? Gives its flat element. */
static bool find_inside(Shape x, const int *place, const int *at, long *element)
{
    *element = 0;
    for (int axis = 0; axis < x.rank; axis++) {
        const int index = at[axis] - place[axis];

        if (index < 0 || index >= x.size[axis])
            return false;
        *element = *element * x.size[axis] + index;
    }
    return true;
}

static void evaluate_pad(const Reference *r, const Node *node, double *const *in,
                         double *const *out)
{
    const Shape y = node->outputs[0]->shape;
    const int size = shape_size(y);

    for (long k = 0; k < (long)r->n * size; k++) {
        int at[MAX_RANK] = {0},
            place[MAX_RANK] = {node->at.place[0], node->at.place[1], node->at.place[2]};
        long left = k % size, element;

        for (int axis = y.rank - 1; axis >= 0; axis--) {
            at[axis] = (int)(left % y.size[axis]);
            left /= y.size[axis];
        }
        out[0][k] = 0;
        for (int i = 0; i < node->input_count; i++) {
            const Shape x = node->inputs[i]->shape;

            if (find_inside(x, place, at, &element))
                out[0][k] = in[i][k / size * shape_size(x) + element];
            place[node->at.axis] += x.size[node->at.axis];
        }
    }
}

/* Element by element of x: where it goes. */
static void evaluate_permute(const Reference *r, const Node *node, double *const *in,
                             double *const *out)
{
    const Attributes *at = &node->at;
    const int size = shape_size(node->outputs[0]->shape);

    for (long k = 0; k < (long)r->n * size; k++) {
        int index[MAX_AXES];
        long left = k % size, to = 0;

        for (int axis = at->axis_count - 1; axis >= 0; axis--) {
            index[axis] = (int)(left % at->axes[axis]);
            left /= at->axes[axis];
        }
        for (int i = 0; i < at->axis_count; i++)
            to = to * at->axes[at->order[i]] + index[at->order[i]];
        out[0][k / size * size + to] = in[0][k];
    }
}

static Evaluate *const evaluations[OP_COUNT] = {
    [OP_CONCAT] = evaluate_concat,
    [OP_SLICE] = evaluate_slice,
    [OP_WEIGHT_SLICE] = evaluate_slice,
    [OP_WEIGHT_SLICE_GRAD] = evaluate_weight_slice_grad,
    [OP_PAD] = evaluate_pad,
    [OP_PERMUTE] = evaluate_permute,
};

Evaluate *find_movement_evaluation(Op op)
{
    return evaluations[op];
}
