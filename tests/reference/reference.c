/*
 * reference.c -- evaluates any graph naively, in double: what every test compares with.
 *
 * The one idea: values are plain row-major arrays in logical order, and an operation is the
 * shortest loop that says its definition; nothing is shared with what the compiler emits. The
 * operations that know channels and pixels are in image.c.
 */

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/random.h"
#include "reference/reference.h"

static int rows_of(const Reference *r, const Value *value)
{
    return value->batched ? r->n : 1;
}

static long count_of(const Reference *r, const Value *value)
{
    return (long)rows_of(r, value) * shape_size(value->shape);
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

/* The derivative of x tanh(log(1 + e^x)). */
static double mish_slope(double x)
{
    const double t = tanh(log1p(exp(x)));

    return t + x * (1 - t * t) * sigmoid(x);
}

#define UNUSED __attribute__((unused))
#define ELEMENT(name, expression)                                                                  \
    static double element_##name(UNUSED const Attributes *at, double a, UNUSED double b,           \
                                 UNUSED double c)                                                  \
    {                                                                                              \
        return expression;                                                                         \
    }
#include "reference/elementwise.def"
#undef ELEMENT

typedef double Element(const Attributes *at, double a, double b, double c);

static Element *const elements[OP_COUNT] = {
#define ELEMENT(name, expression) [OP_##name] = element_##name,
#include "reference/elementwise.def"
#undef ELEMENT
};

static void evaluate_elementwise(const Reference *r, const Node *node, double *const *in,
                                 double *const *out)
{
    const long count = count_of(r, node->outputs[0]);

    for (long i = 0; i < count; i++)
        out[0][i] = elements[node->op](&node->at, in[0][i], node->input_count > 1 ? in[1][i] : 0,
                                       node->input_count > 2 ? in[2][i] : 0);
}

static void evaluate_dropout(const Reference *r, const Node *node, double *const *in,
                             double *const *out)
{
    const uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
    const uint32_t threshold = net_dropout_threshold(node->at.p);
    const int size = shape_size(node->outputs[0]->shape);

    for (int row = 0; row < r->n; row++) {
        for (int i = 0; i < size; i++) {
            const long at = (long)row * size + i;
            const uint32_t draw = net_dropout_draw(key, (uint32_t)(i / node->at.together),
                                                   (uint32_t)row, r->step,
                                                   (uint32_t)node->at.stream);

            out[0][at] = draw >= threshold ? in[0][at] / (1 - node->at.p) : 0;
        }
    }
}

/* Two normal draws from two words, for two rows (Box and Muller 1958). */
static double normal_draw(const uint32_t words[4], int row)
{
    const double turn = 2 * acos(-1) * (words[row % 4 | 1] >> 8) / 16777216.0;
    const double from = ((words[row % 4 & 2] >> 8) + 1) / 16777216.0;

    return sqrt(-2 * log(from)) * (row % 2 ? sin(turn) : cos(turn));
}

static void evaluate_gaussian_noise(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const uint32_t key[2] = {(uint32_t)r->seed, (uint32_t)(r->seed >> 32)};
    const int size = shape_size(node->outputs[0]->shape);

    for (int row = 0; row < r->n; row++) {
        for (int i = 0; i < size; i++) {
            uint32_t words[4];

            net_philox(words, key, (uint32_t)i, (uint32_t)row / 4, r->step,
                       NET_RANDOM_NOISE + (uint32_t)node->at.stream);
            out[0][(long)row * size + i] = in[0][(long)row * size + i] +
                                           node->at.scale * normal_draw(words, row);
        }
    }
}

/* ---- Movement -------------------------------------------------------------------------------- */

/* Numbers as they are. The sums of a shard are those of the batch: all rows are here. */
static void evaluate_copy(const Reference *r, const Node *node, double *const *in,
                          double *const *out)
{
    for (int o = 0; o < node->output_count; o++)
        memcpy(out[o], in[o], (size_t)count_of(r, node->outputs[o]) * sizeof *out[o]);
}

/* ---- Products -------------------------------------------------------------------------------- */

/* c[j, i] = sum over k of a b; an image of [channels, length], either read with its axes swapped */
static void evaluate_matmul(const Reference *r, const Node *node, double *const *in,
                            double *const *out)
{
    const bool ta = node->op == OP_MATMUL_TN || node->op == OP_MATMUL_TT;
    const bool tb = node->op == OP_MATMUL_NT || node->op == OP_MATMUL_TT;
    const int rows = node->outputs[0]->shape.size[1], columns = node->outputs[0]->shape.size[0];
    const int inner = node->inputs[0]->shape.size[ta];

    for (int n = 0; n < r->n; n++) {
        const double *a = in[0] + (long)n * rows * inner, *b = in[1] + (long)n * inner * columns;

        for (int j = 0; j < columns; j++)
            for (int i = 0; i < rows; i++) {
                double sum = 0;

                for (int k = 0; k < inner; k++)
                    sum += a[ta ? i * inner + k : k * rows + i] *
                           b[tb ? k * columns + j : j * inner + k];
                out[0][((long)n * columns + j) * rows + i] = sum;
            }
    }
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Channels and the pixels of each: softmax runs along the former at each of the latter. */
static void find_axis(const Value *value, int *channels, int *pixels)
{
    *channels = value->shape.size[0];
    *pixels = shape_size(value->shape) / *channels;
}

static void evaluate_softmax(const Reference *r, const Node *node, double *const *in,
                             double *const *out)
{
    int channels, pixels;

    find_axis(node->inputs[0], &channels, &pixels);
    for (int row = 0; row < rows_of(r, node->inputs[0]); row++) {
        for (int p = 0; p < pixels; p++) {
            const double *x = in[0] + (long)row * channels * pixels + p;
            double *y = out[0] + (long)row * channels * pixels + p;
            double most = x[0], sum = 0;

            for (int c = 1; c < channels; c++)
                most = fmax(most, x[c * pixels]);
            for (int c = 0; c < channels; c++)
                sum += exp(x[c * pixels] - most);
            for (int c = 0; c < channels; c++)
                y[c * pixels] = exp(x[c * pixels] - most) / sum;
        }
    }
}

/* dx = y (dy - sum y dy) */
static void evaluate_softmax_grad(const Reference *r, const Node *node, double *const *in,
                                  double *const *out)
{
    int channels, pixels;

    find_axis(node->inputs[0], &channels, &pixels);
    for (int row = 0; row < rows_of(r, node->inputs[0]); row++) {
        for (int p = 0; p < pixels; p++) {
            const long at = (long)row * channels * pixels + p;
            double sum = 0;

            for (int c = 0; c < channels; c++)
                sum += in[0][at + c * pixels] * in[1][at + c * pixels];
            for (int c = 0; c < channels; c++)
                out[0][at + c * pixels] = in[0][at + c * pixels] * (in[1][at + c * pixels] - sum);
        }
    }
}

/* Mean and 1 / deviation of the channels of a pixel, `step` apart. */
static void find_stats(const double *x, int channels, int step, double eps, double *mean,
                       double *inv_std)
{
    double variance = 0;

    *mean = 0;
    for (int c = 0; c < channels; c++)
        *mean += x[c * step] / channels;
    for (int c = 0; c < channels; c++)
        variance += (x[c * step] - *mean) * (x[c * step] - *mean) / channels;
    *inv_std = 1 / sqrt(variance + eps);
}

static void evaluate_layernorm(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    int channels, pixels;

    find_axis(node->inputs[0], &channels, &pixels);
    for (int row = 0; row < r->n; row++) {
        for (int p = 0; p < pixels; p++) {
            const long at = (long)row * channels * pixels + p;
            double mean, inv_std;

            find_stats(in[0] + at, channels, pixels, node->at.eps, &mean, &inv_std);
            for (int c = 0; c < channels; c++)
                out[0][at + c * pixels] = (in[0][at + c * pixels] - mean) * inv_std * in[1][c] +
                                          in[2][c];
        }
    }
}

/* dx = inv_std (g - mean of g - xhat mean of g xhat), g = dy gamma */
static void evaluate_layernorm_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    int channels, pixels;

    find_axis(node->inputs[0], &channels, &pixels);
    for (int row = 0; row < r->n; row++) {
        for (int p = 0; p < pixels; p++) {
            const long at = (long)row * channels * pixels + p;
            double mean, inv_std, share = 0, slope = 0;

            find_stats(in[0] + at, channels, pixels, node->at.eps, &mean, &inv_std);
            for (int c = 0; c < channels; c++) {
                const double g = in[1][at + c * pixels] * in[2][c];

                share += g / channels;
                slope += g * (in[0][at + c * pixels] - mean) * inv_std / channels;
            }
            for (int c = 0; c < channels; c++) {
                const double normal = (in[0][at + c * pixels] - mean) * inv_std;

                out[0][at + c * pixels] = inv_std * (in[1][at + c * pixels] * in[2][c] - share -
                                                     normal * slope);
            }
        }
    }
}

/* dgamma = sum of dy xhat, dbeta = sum of dy */
static void evaluate_layernorm_sums(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    int channels, pixels;

    find_axis(node->inputs[0], &channels, &pixels);
    for (int c = 0; c < channels; c++)
        out[0][c] = out[1][c] = 0;
    for (int row = 0; row < r->n; row++) {
        for (int p = 0; p < pixels; p++) {
            const long at = (long)row * channels * pixels + p;
            double mean, inv_std;

            find_stats(in[0] + at, channels, pixels, node->at.eps, &mean, &inv_std);
            for (int c = 0; c < channels; c++) {
                const double dy = in[1][at + c * pixels];

                out[0][c] += dy * (in[0][at + c * pixels] - mean) * inv_std;
                out[1][c] += dy;
            }
        }
    }
}

/* ---- The graph ------------------------------------------------------------------------------- */

static Evaluate *const evaluations[OP_COUNT] = {
#define ELEMENT(name, expression) [OP_##name] = evaluate_elementwise,
#include "reference/elementwise.def"
#undef ELEMENT
    [OP_GAUSSIAN_NOISE] = evaluate_gaussian_noise,
    [OP_DROPOUT] = evaluate_dropout,
    [OP_MATMUL] = evaluate_matmul,
    [OP_MATMUL_NT] = evaluate_matmul,
    [OP_MATMUL_TN] = evaluate_matmul,
    [OP_MATMUL_TT] = evaluate_matmul,
    [OP_RESHAPE] = evaluate_copy,
    [OP_BATCH_SUMS] = evaluate_copy,
    [OP_LAYERNORM] = evaluate_layernorm,
    [OP_LAYERNORM_GRAD] = evaluate_layernorm_grad,
    [OP_LAYERNORM_SUMS] = evaluate_layernorm_sums,
    [OP_SOFTMAX] = evaluate_softmax,
    [OP_SOFTMAX_GRAD] = evaluate_softmax_grad,
};

Evaluate *find_evaluation(Op op)
{
    Evaluate *(*const elsewhere[])(Op op) = {
        find_image_evaluation,     find_loss_evaluation,      find_movement_evaluation,
        find_pool_evaluation,      find_volume_evaluation,    find_words_evaluation,
        find_attention_evaluation, find_recurrent_evaluation, find_pairs_evaluation};

    for (int i = 0; i < COUNT(elsewhere); i++)
        if (elsewhere[i](op))
            return elsewhere[i](op);
    return evaluations[op];
}

Reference *new_reference(const Graph *g, int n)
{
    Reference *r = allocate(sizeof *r);

    r->graph = g;
    r->n = n;
    r->at = allocate((size_t)(g->value_count + 1) * sizeof *r->at);
    for (int i = 0; i < g->value_count; i++)
        r->at[i] = allocate((size_t)count_of(r, g->values[i]) * sizeof **r->at);
    return r;
}

double round_bfloat16(double x)
{
    const float near = (float)x;
    float rounded;
    uint32_t bits;

    memcpy(&bits, &near, sizeof bits);
    if (isnan(x))
        return x;
    bits = fabsf(near) < FLT_MIN ? bits & 0x80000000u
                                 : (bits + 0x7fffu + (bits >> 16 & 1u)) & 0xffff0000u;
    memcpy(&rounded, &bits, sizeof rounded);
    return rounded;
}

/* An operand of a contraction of bfloat16. */
static double *rounded_copy(const Reference *r, const Value *value)
{
    const long count = count_of(r, value);
    double *copy = allocate((size_t)count * sizeof *copy);

    for (long i = 0; i < count; i++)
        copy[i] = round_bfloat16(r->at[value->id][i]);
    return copy;
}

void evaluate_reference(Reference *r)
{
    for (int i = 0; i < r->graph->node_count; i++) {
        const Node *node = r->graph->nodes[i];
        double *in[MAX_INPUTS] = {0}, *out[MAX_OUTPUTS] = {0};

        for (int j = 0; j < node->input_count; j++)
            in[j] = !node->inputs[j]          ? NULL
                    : j < 2 && node->bfloat16 ? rounded_copy(r, node->inputs[j])
                                              : r->at[node->inputs[j]->id];
        for (int j = 0; j < node->output_count; j++)
            out[j] = r->at[node->outputs[j]->id];
        if (!find_evaluation(node->op)) {
            fprintf(stderr, "%s has no evaluation in tests/reference/\n", op_info[node->op].text);
            abort();
        }
        find_evaluation(node->op)(r, node, in, out);
    }
}
