/*
 * embedding.c -- words and bags of words in double: reference.c's operations on tokens and on
 * rows of which few elements are not 0.
 *
 * One idea: here a bag is a plain row with all its zeros, and a token the number itself.
 */

#include "reference/reference.h"

/* y[c, l] = w[word l, c] */
static void evaluate_embedding(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    const int length = node->inputs[0]->shape.size[0], width = node->inputs[1]->shape.size[1];

    for (int row = 0; row < r->n; row++)
        for (int l = 0; l < length; l++) {
            const long word = (long)in[0][(long)row * length + l];

            for (int c = 0; c < width; c++)
                out[0][((long)row * width + c) * length + l] = in[1][word * width + c];
        }
}

/* dw[word, c] = sum of dy[c, l] where word l is this one */
static void evaluate_embedding_dw(const Reference *r, const Node *node, double *const *in,
                                  double *const *out)
{
    const int length = node->inputs[0]->shape.size[0];
    const int rows = node->at.shape.size[0], width = node->at.shape.size[1];

    for (long i = 0; i < (long)rows * width; i++)
        out[0][i] = 0;
    for (int row = 0; row < r->n; row++)
        for (int l = 0; l < length; l++) {
            const long word = (long)in[0][(long)row * length + l];

            for (int c = 0; c < width && word != node->at.padding_row - 1; c++)
                out[0][word * width + c] += in[1][((long)row * width + c) * length + l];
        }
}

static int count_words(const double *tokens, int length)
{
    int count = 0;

    for (int l = 0; l < length; l++)
        count += tokens[l] != 0;
    return count;
}

/* The mean over the words that are there; none: 0 */
static void evaluate_token_mean(const Reference *r, const Node *node, double *const *in,
                                double *const *out)
{
    const int width = node->inputs[0]->shape.size[0], length = node->inputs[0]->shape.size[1];

    for (int row = 0; row < r->n; row++) {
        const double *tokens = in[1] + (long)row * length;
        const int count = count_words(tokens, length);

        for (int c = 0; c < width; c++) {
            double sum = 0;

            for (int l = 0; l < length; l++)
                if (tokens[l] != 0)
                    sum += in[0][((long)row * width + c) * length + l];
            out[0][(long)row * width + c] = count ? sum / count : 0;
        }
    }
}

static void evaluate_token_mean_grad(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    const int width = node->inputs[0]->shape.size[0], length = node->inputs[1]->shape.size[0];

    for (int row = 0; row < r->n; row++) {
        const double *tokens = in[1] + (long)row * length;
        const int count = count_words(tokens, length);

        for (int c = 0; c < width; c++)
            for (int l = 0; l < length; l++)
                out[0][((long)row * width + c) * length + l] = tokens[l] != 0
                                                                   ? in[0][(long)row * width + c] /
                                                                         count
                                                                   : 0;
    }
}

/* The bag and h side by side. */
static double joined(const Node *node, double *const *in, int row, int i)
{
    const int words = node->inputs[0]->shape.size[0];
    const int others = node->inputs[1] ? node->inputs[1]->shape.size[0] : 0;

    return i < words ? in[0][(long)row * words + i] : in[1][(long)row * others + i - words];
}

static void evaluate_sparse_dense(const Reference *r, const Node *node, double *const *in,
                                  double *const *out)
{
    const int outputs = node->inputs[2]->shape.size[0], inputs = node->inputs[2]->shape.size[1];

    for (int row = 0; row < r->n; row++)
        for (int o = 0; o < outputs; o++) {
            double sum = in[3] ? in[3][o] : 0;

            for (int i = 0; i < inputs; i++)
                sum += joined(node, in, row, i) * in[2][(long)o * inputs + i];
            out[0][(long)row * outputs + o] = sum;
        }
}

static void evaluate_sparse_dense_dx(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    const int outputs = node->inputs[1]->shape.size[0], inputs = node->inputs[1]->shape.size[1];
    const int others = node->at.shape.size[0];

    for (int row = 0; row < r->n; row++)
        for (int i = 0; i < others; i++) {
            double sum = 0;

            for (int o = 0; o < outputs; o++)
                sum += in[0][(long)row * outputs + o] *
                       in[1][(long)o * inputs + node->at.begin + i];
            out[0][(long)row * others + i] = sum;
        }
}

static void evaluate_sparse_dense_dw(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    const int outputs = node->outputs[0]->shape.size[0], inputs = node->outputs[0]->shape.size[1];

    for (int o = 0; o < outputs; o++)
        for (int i = 0; i < inputs; i++) {
            double sum = 0;

            for (int row = 0; row < r->n; row++)
                sum += joined(node, in, row, i) * in[2][(long)row * outputs + o];
            out[0][(long)o * inputs + i] = sum;
        }
}

static void evaluate_to_dense(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    for (long i = 0; i < (long)r->n * shape_size(node->inputs[0]->shape); i++)
        out[0][i] = in[0][i];
}

static Evaluate *const evaluations[OP_COUNT] = {
    [OP_EMBEDDING] = evaluate_embedding,
    [OP_EMBEDDING_DW] = evaluate_embedding_dw,
    [OP_TOKEN_MEAN] = evaluate_token_mean,
    [OP_TOKEN_MEAN_GRAD] = evaluate_token_mean_grad,
    [OP_SPARSE_DENSE] = evaluate_sparse_dense,
    [OP_SPARSE_DENSE_DX] = evaluate_sparse_dense_dx,
    [OP_SPARSE_DENSE_DW] = evaluate_sparse_dense_dw,
    [OP_TO_DENSE] = evaluate_to_dense,
};

Evaluate *find_words_evaluation(Op op)
{
    return evaluations[op];
}
