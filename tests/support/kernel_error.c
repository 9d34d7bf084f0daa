/*
 * kernel_error.c -- how far a compiled value may be from the reference.
 *
 * The one idea: a rule instead of numbers. An error is relative to the largest entry of a value, or
 * to the largest term of what it adds up where terms cancel; it grows by one rounding for each
 * operand and by the root of the number of terms, and takes over what its operands already have.
 * Where rounding may decide which of two numbers is the maximum, or on which side of a kink one is,
 * gradients behind it are not bound.
 */

#include "support/kernel_test.h"

#include <math.h>

#include "support/graph_test.h"

typedef struct Bounds {
    const Reference *r;
    double *sizes; /* largest entries; where all are 0, the largest term */
    double *errors;
    bool *jumps; /* an error of this value may change what its gradient is by more than an error */
} Bounds;

static int pixels_of(Shape x) /* of a channel; steps of a sequence */
{
    return x.rank > 1 ? shape_size(x) / x.size[0] : 1;
}

/* Channels of a head, then keys; of any other operation 1. */
static double attention_terms(const Node *node)
{
    const Heads of = heads_of(node);

    return of.channels ? of.channels / (double)node->at.heads + of.keys : 1;
}

/* Numbers along an axis, pixels that a bilinear one is made of; of any other operation 1. */
static double terms_along(const Node *node)
{
    const Op op = node->op;

    if (op == OP_UPSAMPLE2D_BILINEAR)
        return 4;
    if (op == OP_UPSAMPLE2D_BILINEAR_GRAD)
        return node->at.kernel[0] * node->at.kernel[1];
    return op == OP_AXIS_SUM || op == OP_LOGSUMEXP || op == OP_AXIS_SOFTMAX ||
                   op == OP_AXIS_SOFTMAX_GRAD
               ? node->inputs[0]->shape.size[node->at.axis]
               : 1;
}

/* A step takes over the errors of all before it; of any other operation 1. */
static double terms_over_time(const Node *node)
{
    if (node->op != OP_RNN && node->op != OP_LSTM && node->op != OP_GRU && !walks_back(node->op))
        return 1;
    return node->inputs[1]->shape.size[!walks_back(node->op)] *
           pow(pixels_of(node->inputs[0]->shape), 2);
}

/* Of a score, and of all rows of both views; of any other operation 1. */
static double terms_of_pairs(const Node *node, int n)
{
    return node->op == OP_INFO_NCE || node->op == OP_INFO_NCE_GRAD
               ? node->inputs[0]->shape.size[0] + 2 * n
               : 1;
}

/* How many products or numbers an element of the node's result is a sum of. */
static double terms_of(const Node *node, int n)
{
    const Shape x = node->inputs[0]->shape;
    const int pixels = pixels_of(x);
    const Shape w = node->input_count > 1 && node->inputs[1] ? node->inputs[1]->shape : x;

    if (is_weight_gradient(node->op) && node->op != OP_SPARSE_DENSE_DW)
        return (double)n * pixels_of(w); /* of dy */
    switch (node->op) {
    case OP_DENSE:
    case OP_CONV2D:
    case OP_CONV3D:
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
        return shape_size(w) / w.size[0];
    case OP_DENSE_DX:
    case OP_SPARSE_DENSE_DX:
    case OP_CONV2D_DX:
    case OP_CONV3D_DX:
    case OP_CONV2D_DX_ARGMAX:
        return (double)shape_size(w) / w.size[1];
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
        return attention_terms(node) * terms_over_time(node) * terms_along(node) *
               terms_of_pairs(node, n);
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

/* The largest share of a label in the mean of a cross entropy; one below 0 has none. */
static double heaviest_label(const Bounds *b, const Node *node)
{
    const double *weights = node->at.class_weights, *class = b->r->at[node->inputs[1]->id];
    double most = weights ? 0 : 1, sum = 0;

    for (int i = 0; weights && i < node->inputs[0]->shape.size[0]; i++)
        most = fmax(most, weights[i]);
    for (long i = 0; i < element_count(node->inputs[1], b->r->n); i++)
        sum += class[i] < 0 ? 0 : weights ? weights[(int)class[i]] : 1;
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

/* Of attention: the largest value, by the largest score of one product of channels, whose error is
   that of a weight as a share; of its gradient dy by them. */
static double attention_term(const Bounds *b, const Node *node)
{
    const Heads of = heads_of(node);
    const double q = size_of(b, node->inputs[0]), kv = size_of(b, node->inputs[of.apart]);
    const double x = fmax(q, kv), score = x * x * sqrt(of.channels / (double)node->at.heads);

    return (of.grad ? fmax(1, score) * size_of(b, node->inputs[4 + of.apart]) : x) *
           (1 + 2 * score);
}

/* The largest score, whose error is one of the exponentials as a share; of the gradient the largest
   row of the other view, in as many losses as there are rows. */
static double pairs_term(const Bounds *b, const Node *node)
{
    const double score = node->at.scale * product_of(b, node, 0, 1) *
                         sqrt(node->inputs[0]->shape.size[0]);

    if (node->op == OP_INFO_NCE)
        return 1 + 2 * score;
    return node->at.scale * product_of(b, node, 1, 3) * (2 + 4 * score);
}

static double loss_gradient_term(const Bounds *b, const Node *node)
{
    const double y = size_of(b, node->inputs[0]);
    const double count = (double)element_count(node->outputs[0], b->r->n);

    switch (node->op) {
    case OP_CROSS_ENTROPY_GRAD: /* a probability less 0 or 1; its slope is 1/4 */
        return (1 + y / 4) * heaviest_label(b, node);
    case OP_BINARY_CROSS_ENTROPY_GRAD:
        return (1 + y / 4) / count;
    case OP_EXPRESSION_GRAD:
        return 1 / count;
    case OP_MSE_GRAD:
        return 2 * y / count;
    case OP_SMOOTH_L1_GRAD:
        return y / node->at.delta / count;
    default:
        return y / count;
    }
}

/* The same of arithmetic and functions; of others that of an input. */
static double arithmetic_term(const Bounds *b, const Node *node)
{
    const Activation *a = find_activation(node->op);

    switch (node->op) {
    case OP_INFO_NCE:
    case OP_INFO_NCE_GRAD:
        return pairs_term(b, node);
    case OP_PIXEL_SUM: /* gradients of both signs */
        return pixels_of(node->inputs[0]->shape) * size_of(b, node->inputs[0]);
    case OP_AXIS_SUM:
        return node->inputs[0]->shape.size[node->at.axis] * size_of(b, node->inputs[0]);
    case OP_EXP: /* an error of x is one of e^x, as a share */
        return fmax(1, size_of(b, node->inputs[0])) * largest_entry(b->r, node->outputs[0]);
    case OP_SQUARE:
        return 2 * product_of(b, node, 0, 0);
    case OP_LOG_GRAD: /* of x that are not near 0 */
    case OP_SQRT_GRAD:
    case OP_SQUARE_GRAD:
    case OP_SIN_GRAD:
    case OP_COS_GRAD:
    case OP_RECIPROCAL_GRAD:
    case OP_DIVIDE: /* by what is not near 0 */
        return 2 * (1 + size_of(b, node->inputs[0])) * (1 + size_of(b, node->inputs[1]));
    case OP_SHIFT:
        return fmax(size_of(b, node->inputs[0]), fabs(node->at.shift));
    case OP_MAXIMUM:
        return fmax(size_of(b, node->inputs[0]), size_of(b, node->inputs[1]));
    default:
        if (a)
            return size_of(b, node->inputs[node->op != a->op]);
        return op_info[node->op].class == CLASS_CONTRACTION ? product_of(b, node, 0, 1) : 0;
    }
}

/* The largest term of what a node adds up, or the largest number that it takes in: its result may
   be smaller, where terms cancel or an activation saturates, but is no more exact. 0: nothing of
   the sort. */
static double largest_term(const Bounds *b, const Node *node)
{
    if (node->op == OP_RELU || node->op == OP_RELU_GRAD)
        return 0; /* rounds nothing */
    switch (node->op) {
    case OP_SPARSE_DENSE:
    case OP_SPARSE_DENSE_DW: /* the bag and what stands beside it, times w or dy */
        return fmax(product_of(b, node, 0, 2), node->inputs[1] ? product_of(b, node, 1, 2) : 0);
    case OP_ATTENTION:
    case OP_ATTENTION_GRAD:
    case OP_CROSS_ATTENTION:
    case OP_CROSS_ATTENTION_GRAD:
        return attention_term(b, node);
    case OP_TOKEN_MEAN:
        return size_of(b, node->inputs[0]);
    case OP_EMBEDDING_DW:
        return size_of(b, node->inputs[1]);
    case OP_RNN_GRAD:
    case OP_LSTM_GRAD:
    case OP_GRU_GRAD:
        return size_of(b, node->inputs[0]) * (1 + size_of(b, node->inputs[1]));
    case OP_RNN: /* of an h up to 1 */
    case OP_LSTM:
    case OP_GRU:
    case OP_ADD:
    case OP_ADD_BIAS:
        return fmax(size_of(b, node->inputs[0]), size_of(b, node->inputs[1]));
    case OP_CHANNEL_SUM:
    case OP_SOFTMAX:
    case OP_AXIS_SOFTMAX:
    case OP_LOGSUMEXP:
        return size_of(b, node->inputs[0]);
    case OP_BATCHNORM_SUMS:
    case OP_SOFTMAX_GRAD:
    case OP_AXIS_SOFTMAX_GRAD:
        return size_of(b, node->inputs[1]);
    case OP_GAUSSIAN_NOISE: /* no draw is beyond sqrt(-2 log 2^-24) = 5.8 */
        return fmax(size_of(b, node->inputs[0]), 5.8 * node->at.scale);
    case OP_CROSS_ENTROPY_GRAD:
    case OP_EXPRESSION_GRAD:
#define ELEMENTWISE_LOSS(NAME, ...) case OP_##NAME##_GRAD:
#include "graph/ops.def"
        return loss_gradient_term(b, node);
    case OP_LAYERNORM:
    case OP_LAYERNORM_SUMS:
        return standardized(b, node) * size_of(b, node->inputs[1]);
    case OP_LAYERNORM_GRAD:
        return standardized(b, node) * product_of(b, node, 1, 2) *
               (1 + standardized(b, node) / size_of(b, node->inputs[0]));
    case OP_MULTIPLY:
        return product_of(b, node, 0, 1);
    case OP_NORMALIZE:
        return product_of(b, node, 2, 3) * size_of(b, node->inputs[0]);
    case OP_NORMALIZE_GRAD:
        return product_of(b, node, 3, 4) * size_of(b, node->inputs[1]);
    default:
        return arithmetic_term(b, node);
    }
}

static bool is_gradient(const Node *node)
{
    return node->input_count == 2 && strstr(op_info[node->op].text, "_grad");
}

/* The error of a result whose operand's largest entry is gone from it, where entries were chosen,
   averaged, or bent by a function of a slope of up to 1.13 (gelu's): the operand's error is not.
   Of a loss, the error of the prediction by the loss's slope. */
static double passed_on(const Bounds *b, const Node *node)
{
    const bool gradient = is_gradient(node);
    const double error = b->errors[node->inputs[gradient]->id];
    double most = 0;

    switch (op_info[node->op].class) {
    case CLASS_WINDOW:
        return error;
    case CLASS_MOVEMENT:
        for (int i = 0; i < node->input_count; i++)
            most = fmax(most, b->errors[node->inputs[i]->id]);
        return most;
    case CLASS_ELEMENTWISE:
        return node->op == OP_ADD       ? error + b->errors[node->inputs[1]->id]
               : node->input_count <= 2 ? 1.13 * error
                                        : 0;
    case CLASS_LOSS:
        if (gradient || node->op == OP_EXPRESSION_GRAD)
            return 0;
        if (node->op == OP_MSE)
            return 2 * (size_of(b, node->inputs[0]) + size_of(b, node->inputs[1])) * error;
        return (node->op == OP_HUBER ? node->at.delta : 2) * error;
    default:
        return node->op == OP_BATCHNORM_STATS ? error : 0;
    }
}

/* The gradients behind a jump may be others than the reference's, and are not compared. */
static void find_jumps(Bounds *b, const Node *node)
{
    if (node->op == OP_MAXPOOL2D || node->op == OP_GLOBAL_MAXPOOL2D || node->op == OP_AXIS_MAX)
        b->jumps[node->outputs[1]->id] = has_near_maximum(b->r, b->errors, node);
    if (has_near_jump(b->r, b->errors, node))
        b->jumps[node->inputs[0]->id] = b->jumps[node->outputs[0]->id] = true;
}

static bool is_behind_jump(const Bounds *b, const Node *node)
{
    if (node->op == OP_CONV2D_DX_ARGMAX || node->op == OP_CONV2D_DW_ARGMAX)
        return b->jumps[node->inputs[2]->id];
    if (node->op == OP_MAXIMUM_GRAD || node->op == OP_GREATER || node->op == OP_ABOVE)
        return has_near_tie(b->r, b->errors, node);
    return is_gradient(node) && b->jumps[node->inputs[0]->id];
}

/* Winograd's transforms add up what they later take away: with tiles of 4 x 4 errors were found up
   to 5 times as large as those of direct sums, with 2 x 2 none larger. */
static double winograd_factor(const Node *node)
{
    const int tile = winograd_tile(node);

    return tile == 4 ? 8 : tile == 2 ? 2 : 1;
}

/* Of an operand that is rounded to bfloat16, as a share: none, unless the error of a number may put
   it on the other side of the middle between two. */
static double rounded_error(const Bounds *b, const Value *x)
{
    const double *at = b->r->at[x->id], error = b->errors[x->id];

    for (long i = 0; i < element_count(x, b->r->n); i++)
        if (round_bfloat16(at[i] - error) != round_bfloat16(at[i] + error))
            return 1.0 / 128;
    return 0;
}

static double inherited_error(const Bounds *b, const Node *node, int i)
{
    const Value *x = node->inputs[i];

    return i < 2 && node->bfloat16 ? rounded_error(b, x) : b->errors[x->id] / size_of(b, x);
}

static void bound_node(Bounds *b, const Node *node)
{
    double term = largest_term(b, node);
    double relative = node->input_count + sqrt(terms_of(node, b->r->n)), inherited = 0;

    find_jumps(b, node);
    for (int i = 0; i < node->input_count; i++) {
        const Value *x = node->inputs[i];

        if (x && size_of(b, x) > 0)
            inherited = fmax(inherited, inherited_error(b, node, i));
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
        b->errors[y] = fmax(relative * fmax(largest, term),
                            passed_on(b, node) + largest / (1 << 24));
        if (is_behind_jump(b, node) || isinf(inherited))
            b->errors[y] = INFINITY;
        if (node->op == OP_BATCHNORM_STATS && i == 1) /* errors of x, in deviations */
            b->errors[y] += (b->errors[node->inputs[0]->id] +
                             size_of(b, node->inputs[0]) / (1 << 24)) *
                            largest * largest;
    }
}

double *bound_errors(const Reference *r)
{
    const size_t count = (size_t)r->graph->value_count + 1;
    Bounds b = {r, allocate(count * sizeof(double)), allocate(count * sizeof(double)),
                allocate(count * sizeof(bool))};

    for (int i = 0; i < r->graph->node_count; i++)
        bound_node(&b, r->graph->nodes[i]);
    return b.errors;
}
