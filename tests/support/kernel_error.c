/*
 * kernel_error.c -- how far a compiled value may be from the reference.
 *
 * The one idea: a rule instead of numbers. An error is relative to the largest entry of a value, or
 * to the largest term of what it adds up where terms cancel; it grows by one rounding for each
 * operand and by the root of the number of terms, and takes over what its operands already have.
 */

#include "support/kernel_test.h"

#include <math.h>

#include "support/graph_test.h"

typedef struct Bounds {
    const Reference *r;
    double *sizes; /* largest entries; where all are 0, the largest term */
    double *errors;
} Bounds;

/* How many products or numbers an element of the node's result is a sum of. */
static double terms_of(const Node *node, int n)
{
    const Shape x = node->inputs[0]->shape;
    const int pixels = x.rank == 3 ? x.size[1] * x.size[2] : 1;
    const Shape w = node->input_count > 1 && node->inputs[1] ? node->inputs[1]->shape : x;

    switch (node->op) {
    case OP_DENSE:
    case OP_CONV2D:
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
        return shape_size(w) / w.size[0];
    case OP_DENSE_DX:
    case OP_SPARSE_DENSE_DX:
    case OP_CONV2D_DX:
    case OP_CONV2D_DX_ARGMAX:
        return (double)shape_size(w) / w.size[1];
    case OP_DENSE_DW:
    case OP_CONV2D_DW:
    case OP_CONV2D_DW_ARGMAX:
    case OP_DEPTHWISE_DW:
        return (double)n * (w.rank == 3 ? w.size[1] * w.size[2] : 1);
    case OP_CHANNEL_SUM:
    case OP_BATCHNORM_STATS:
    case OP_BATCHNORM_SUMS:
    case OP_LAYERNORM_SUMS:
        return (double)n * pixels;
    case OP_GLOBAL_AVGPOOL2D:
        return pixels;
    case OP_EMBEDDING_DW:
        return (double)n * x.size[0];
    case OP_TOKEN_MEAN:
    case OP_MATMUL_TN:
    case OP_MATMUL_TT:
        return x.size[1];
    case OP_SPARSE_DENSE:
        return node->inputs[2]->shape.size[1];
    case OP_SPARSE_DENSE_DW:
        return n;
    case OP_MAXPOOL2D_GRAD:
    case OP_AVGPOOL2D:
    case OP_AVGPOOL2D_GRAD:
    case OP_UPSAMPLE2D_GRAD:
        return node->at.kernel[0] * node->at.kernel[1];
    case OP_MATMUL:
    case OP_MATMUL_NT:
    case OP_SOFTMAX:
    case OP_SOFTMAX_GRAD:
    case OP_LAYERNORM:
    case OP_LAYERNORM_GRAD:
    case OP_CROSS_ENTROPY_GRAD:
        return x.size[0];
    case OP_CROSS_ENTROPY:
#define ELEMENTWISE_LOSS(NAME, ...) case OP_##NAME:
#include "graph/ops.def"
        return (double)n * shape_size(x);
    default:
        return 1;
    }
}

static double largest_entry(const Reference *r, const Value *value)
{
    double largest = 0;

    for (long i = 0; i < element_count(value, r->n); i++)
        largest = fmax(largest, fabs(r->at[value->id][i]));
    return largest;
}

static double size_of(const Bounds *b, const Value *value)
{
    return value->node ? b->sizes[value->id] : largest_entry(b->r, value);
}

static double product_of(const Bounds *b, const Node *node, int i, int j)
{
    return size_of(b, node->inputs[i]) * size_of(b, node->inputs[j]);
}

/* The largest share of a row in the mean of a cross entropy. */
static double heaviest_row(const Bounds *b, const Node *node)
{
    const double *weights = node->at.class_weights, *class = b->r->at[node->inputs[1]->id];
    double most = 0, sum = 0;

    if (!weights)
        return 1.0 / b->r->n;
    for (int i = 0; i < node->inputs[0]->shape.size[0]; i++)
        most = fmax(most, weights[i]);
    for (int row = 0; row < b->r->n; row++)
        sum += weights[(int)class[row]];
    return sum > 0 ? most / sum : 0;
}

/* The largest entry of x over the deviation of the pixel where it is least: what an error of x
   becomes when its pixels are standardized. */
static double standardized(const Bounds *b, const Node *node)
{
    const Value *x = node->inputs[0];
    const double *at = b->r->at[x->id];
    const int channels = x->shape.size[0], pixels = shape_size(x->shape) / channels;
    double least = INFINITY;

    for (long i = 0; i < (long)b->r->n * pixels; i++) {
        const double *pixel = at + i / pixels * channels * pixels + i % pixels;
        double mean = 0, variance = 0;

        for (int c = 0; c < channels; c++)
            mean += pixel[c * pixels] / channels;
        for (int c = 0; c < channels; c++)
            variance += pow(pixel[c * pixels] - mean, 2) / channels;
        least = fmin(least, variance + node->at.eps);
    }
    return size_of(b, x) / sqrt(least);
}

static double loss_gradient_term(const Bounds *b, const Node *node)
{
    const double y = size_of(b, node->inputs[0]);
    const double count = (double)element_count(node->outputs[0], b->r->n);

    switch (node->op) {
    case OP_CROSS_ENTROPY_GRAD: /* a probability less 0 or 1; its slope is 1/4 */
        return (1 + y / 4) * heaviest_row(b, node);
    case OP_BINARY_CROSS_ENTROPY_GRAD:
        return (1 + y / 4) / count;
    case OP_MSE_GRAD:
        return 2 * y / count;
    default:
        return y / count;
    }
}

/* The largest term of what a node adds up, or the largest number that it takes in: its result may
   be smaller, where terms cancel or an activation saturates, but is no more exact. 0: nothing of
   the sort. */
static double largest_term(const Bounds *b, const Node *node)
{
    switch (node->op) {
    case OP_SPARSE_DENSE:
    case OP_SPARSE_DENSE_DW: /* the bag and what stands beside it, times w or dy */
        return fmax(product_of(b, node, 0, 2), node->inputs[1] ? product_of(b, node, 1, 2) : 0);
    case OP_TOKEN_MEAN:
        return size_of(b, node->inputs[0]);
    case OP_EMBEDDING_DW:
        return size_of(b, node->inputs[1]);
    case OP_ADD:
    case OP_ADD_BIAS:
        return fmax(size_of(b, node->inputs[0]), size_of(b, node->inputs[1]));
    case OP_CHANNEL_SUM:
    case OP_RELU6:
    case OP_ELU:
    case OP_GELU:
    case OP_SOFTPLUS:
    case OP_MISH:
    case OP_SOFTSIGN:
    case OP_HARDSWISH:
    case OP_SIGMOID:
    case OP_TANH:
    case OP_SILU:
    case OP_SOFTMAX:
        return size_of(b, node->inputs[0]);
    case OP_BATCHNORM_SUMS:
    case OP_SIGMOID_GRAD:
    case OP_TANH_GRAD:
    case OP_SILU_GRAD:
    case OP_ELU_GRAD:
    case OP_GELU_GRAD:
    case OP_SOFTPLUS_GRAD:
    case OP_MISH_GRAD:
    case OP_SOFTSIGN_GRAD:
    case OP_HARDSWISH_GRAD:
    case OP_SOFTMAX_GRAD:
        return size_of(b, node->inputs[1]);
    case OP_GAUSSIAN_NOISE: /* no draw is beyond sqrt(-2 log 2^-24) = 5.8 */
        return fmax(size_of(b, node->inputs[0]), 5.8 * node->at.scale);
    case OP_CROSS_ENTROPY_GRAD:
#define ELEMENTWISE_LOSS(NAME, ...) case OP_##NAME##_GRAD:
#include "graph/ops.def"
        return loss_gradient_term(b, node);
    case OP_LAYERNORM:
    case OP_LAYERNORM_SUMS:
        return standardized(b, node) * size_of(b, node->inputs[1]);
    case OP_LAYERNORM_GRAD:
        return standardized(b, node) * product_of(b, node, 1, 2) *
               (1 + standardized(b, node) / size_of(b, node->inputs[0]));
    case OP_NORMALIZE:
        return product_of(b, node, 2, 3) * size_of(b, node->inputs[0]);
    case OP_NORMALIZE_GRAD:
        return product_of(b, node, 3, 4) * size_of(b, node->inputs[1]);
    default:
        return op_info[node->op].class == CLASS_CONTRACTION ? product_of(b, node, 0, 1) : 0;
    }
}

/* Winograd's transforms add up what they later take away: with tiles of 4 x 4 errors were found up
   to 5 times as large as those of direct sums, with 2 x 2 none larger. */
static double winograd_factor(const Node *node)
{
    const int tile = winograd_tile(node);

    return tile == 4 ? 8 : tile == 2 ? 2 : 1;
}

static void bound_node(Bounds *b, const Node *node)
{
    double term = largest_term(b, node);
    double relative = node->input_count + sqrt(terms_of(node, b->r->n)), inherited = 0;

    for (int i = 0; i < node->input_count; i++) {
        const Value *x = node->inputs[i];

        if (x && size_of(b, x) > 0)
            inherited = fmax(inherited, b->errors[x->id] / size_of(b, x));
    }
    relative = relative * winograd_factor(node) / (1 << 24) + inherited;
    for (int i = 0; i < node->output_count; i++) {
        const int y = node->outputs[i]->id;
        const double largest = largest_entry(b->r, node->outputs[i]);

        if (node->op == OP_BATCHNORM_STATS) /* a mean cancels, 1 / std does not */
            term = i == 1 ? 0 : size_of(b, node->inputs[0]);
        if (largest == 0 && term == 0)
            for (int j = 0; j < node->input_count; j++)
                term = fmax(term, node->inputs[j] ? size_of(b, node->inputs[j]) : 0);
        b->sizes[y] = largest > 0 ? largest : term;
        b->errors[y] = relative * fmax(largest, term);
        if (node->op == OP_BATCHNORM_STATS && i == 1) /* errors of x, in deviations */
            b->errors[y] += (b->errors[node->inputs[0]->id] +
                             size_of(b, node->inputs[0]) / (1 << 24)) *
                            largest * largest;
    }
}

double *bound_errors(const Reference *r)
{
    const size_t count = (size_t)r->graph->value_count + 1;
    Bounds b = {r, allocate(count * sizeof(double)), allocate(count * sizeof(double))};

    for (int i = 0; i < r->graph->node_count; i++)
        bound_node(&b, r->graph->nodes[i]);
    return b.errors;
}
