/*
 * loss.c -- the naive evaluations of losses and their gradients, PyTorch's definitions.
 *
 * The one idea: a loss is a mean, so each term is divided as it is added.
 */

#include <math.h>

#include "reference/reference.h"

static long count_of(const Reference *r, const Value *value)
{
    return (long)r->n * shape_size(value->shape);
}

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static void evaluate_mse(const Reference *r, const Node *node, double *const *in,
                         double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    out[0][0] = 0;
    for (long i = 0; i < count; i++)
        out[0][0] += (in[0][i] - in[1][i]) * (in[0][i] - in[1][i]) / (double)count;
}

static void evaluate_mse_grad(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    for (long i = 0; i < count; i++)
        out[0][i] = 2 * (in[0][i] - in[1][i]) / (double)count;
}

static void evaluate_mae(const Reference *r, const Node *node, double *const *in,
                         double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    out[0][0] = 0;
    for (long i = 0; i < count; i++)
        out[0][0] += fabs(in[0][i] - in[1][i]) / (double)count;
}

static void evaluate_mae_grad(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    for (long i = 0; i < count; i++)
        out[0][i] = ((in[0][i] > in[1][i]) - (in[0][i] < in[1][i])) / (double)count;
}

/* Half the square up to delta, a line beyond (Huber 1964). */
static void evaluate_huber(const Reference *r, const Node *node, double *const *in,
                           double *const *out)
{
    const long count = count_of(r, node->inputs[0]);
    const double delta = node->at.delta;

    out[0][0] = 0;
    for (long i = 0; i < count; i++) {
        const double error = fabs(in[0][i] - in[1][i]);

        out[0][0] += (error <= delta ? error * error / 2 : delta * (error - delta / 2)) /
                     (double)count;
    }
}

static void evaluate_huber_grad(const Reference *r, const Node *node, double *const *in,
                                double *const *out)
{
    const long count = count_of(r, node->inputs[0]);
    const double delta = node->at.delta;

    for (long i = 0; i < count; i++)
        out[0][i] = fmax(-delta, fmin(delta, in[0][i] - in[1][i])) / (double)count;
}

/* Huber's loss over its delta. */
static void evaluate_smooth_l1(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    evaluate_huber(r, node, in, out);
    out[0][0] /= node->at.delta;
}

static void evaluate_smooth_l1_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    evaluate_huber_grad(r, node, in, out);
    for (long i = 0; i < count; i++)
        out[0][i] /= node->at.delta;
}

static void evaluate_log_cosh(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    out[0][0] = 0;
    for (long i = 0; i < count; i++) {
        const double error = fabs(in[0][i] - in[1][i]);

        out[0][0] += (error + log1p(exp(-2 * error)) - log(2)) / (double)count;
    }
}

static void evaluate_log_cosh_grad(const Reference *r, const Node *node, double *const *in,
                                   double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    for (long i = 0; i < count; i++)
        out[0][i] = tanh(in[0][i] - in[1][i]) / (double)count;
}

/* log(sum of exp), without overflow */
static double log_sum_exp(const double *x, int count)
{
    double most = x[0], sum = 0;

    for (int i = 1; i < count; i++)
        most = fmax(most, x[i]);
    for (int i = 0; i < count; i++)
        sum += exp(x[i] - most);
    return most + log(sum);
}

static double label_weight(const Node *node, int class)
{
    return node->at.class_weights ? node->at.class_weights[class] : 1;
}

/* Labels, one below 0 of no class: of each row as many as z has positions. */
static long label_count(const Reference *r, const Node *node)
{
    return count_of(r, node->inputs[0]) / node->inputs[0]->shape.size[0];
}

/* What the mean is over: the weights of the labels' classes. */
static double weight_of_labels(const Reference *r, const Node *node, const double *class)
{
    double sum = 0;

    for (long i = 0; i < label_count(r, node); i++)
        sum += class[i] < 0 ? 0 : label_weight(node, (int)class[i]);
    return sum > 0 ? sum : 1;
}

/* What class c counts in a row of class `of`: 1 - smoothing for its own, smoothing / classes for
   each, by the weight of the class that c is (PyTorch's CrossEntropyLoss). */
static double share_of(const Node *node, int of, int c)
{
    const double smoothing = node->at.smoothing;

    if (of < 0)
        return 0;
    return label_weight(node, c) *
           ((c == of ? 1 - smoothing : 0) + smoothing / node->inputs[0]->shape.size[0]);
}

/* The logits of a label, which are channels of its position, in `x`, and where they begin. */
static long find_logits(const Reference *r, const Node *node, const double *z, long label,
                        double *x)
{
    const long classes = node->inputs[0]->shape.size[0], step = label_count(r, node) / r->n;
    const long at = label / step * step * classes + label % step;

    for (long c = 0; c < classes; c++)
        x[c] = z[at + c * step];
    return at;
}

static void evaluate_cross_entropy(const Reference *r, const Node *node, double *const *in,
                                   double *const *out)
{
    const int classes = node->inputs[0]->shape.size[0];
    const double all = weight_of_labels(r, node, in[1]);
    double *x = allocate((size_t)classes * sizeof *x);

    out[0][0] = 0;
    for (long i = 0; i < label_count(r, node); i++) {
        find_logits(r, node, in[0], i, x);
        const double sum = log_sum_exp(x, classes);

        for (int c = 0; c < classes; c++)
            out[0][0] += share_of(node, (int)in[1][i], c) * (sum - x[c]) / all;
    }
}

/* For each share: (softmax(x) - its class) */
static void evaluate_cross_entropy_grad(const Reference *r, const Node *node, double *const *in,
                                        double *const *out)
{
    const int classes = node->inputs[0]->shape.size[0];
    const double all = weight_of_labels(r, node, in[1]);
    const long step = label_count(r, node) / r->n;
    double *x = allocate((size_t)classes * sizeof *x);

    for (long i = 0; i < label_count(r, node); i++) {
        const long at = find_logits(r, node, in[0], i, x);
        const double sum = log_sum_exp(x, classes);
        double shares = 0;

        for (int c = 0; c < classes; c++)
            shares += share_of(node, (int)in[1][i], c);
        for (int c = 0; c < classes; c++)
            out[0][at + c * step] = (exp(x[c] - sum) * shares - share_of(node, (int)in[1][i], c)) /
                                    all;
    }
}

/* -t log s(x) - (1 - t) log(1 - s(x)), without overflow; a class is its own t */
static void evaluate_binary_cross_entropy(const Reference *r, const Node *node, double *const *in,
                                          double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    out[0][0] = 0;
    for (long i = 0; i < count; i++) {
        const double x = in[0][i];

        out[0][0] += (fmax(x, 0) - x * in[1][i] + log1p(exp(-fabs(x)))) / (double)count;
    }
}

static void evaluate_binary_cross_entropy_grad(const Reference *r, const Node *node,
                                               double *const *in, double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    for (long i = 0; i < count; i++)
        out[0][i] = (sigmoid(in[0][i]) - in[1][i]) / (double)count;
}

/* The mean of a value. */
static void evaluate_expression(const Reference *r, const Node *node, double *const *in,
                                double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    out[0][0] = 0;
    for (long i = 0; i < count; i++)
        out[0][0] += in[0][i] / (double)count;
}

static void evaluate_expression_grad(const Reference *r, const Node *node, double *const *in,
                                     double *const *out)
{
    const long count = count_of(r, node->inputs[0]);

    (void)in;
    for (long i = 0; i < count; i++)
        out[0][i] = 1 / (double)count;
}

static void add_losses(const Reference *r, const Node *node, double *const *in, double *const *out)
{
    (void)r;
    out[0][0] = 0;
    for (int i = 0; i < node->input_count; i++)
        out[0][0] += in[i][0];
}

static Evaluate *const losses[OP_COUNT] = {
    [OP_MAE] = evaluate_mae,
    [OP_MAE_GRAD] = evaluate_mae_grad,
    [OP_HUBER] = evaluate_huber,
    [OP_HUBER_GRAD] = evaluate_huber_grad,
    [OP_SMOOTH_L1] = evaluate_smooth_l1,
    [OP_SMOOTH_L1_GRAD] = evaluate_smooth_l1_grad,
    [OP_LOG_COSH] = evaluate_log_cosh,
    [OP_LOG_COSH_GRAD] = evaluate_log_cosh_grad,
    [OP_MSE] = evaluate_mse,
    [OP_MSE_GRAD] = evaluate_mse_grad,
    [OP_EXPRESSION] = evaluate_expression,
    [OP_EXPRESSION_GRAD] = evaluate_expression_grad,
    [OP_CROSS_ENTROPY] = evaluate_cross_entropy,
    [OP_CROSS_ENTROPY_GRAD] = evaluate_cross_entropy_grad,
    [OP_BINARY_CROSS_ENTROPY] = evaluate_binary_cross_entropy,
    [OP_BINARY_CROSS_ENTROPY_GRAD] = evaluate_binary_cross_entropy_grad,
};

/* Any of them, times its factor. */
static void evaluate_loss(const Reference *r, const Node *node, double *const *in,
                          double *const *out)
{
    const Value *y = node->outputs[0];
    const long count = y->batched ? count_of(r, y) : 1;

    losses[node->op](r, node, in, out);
    for (long i = 0; i < count; i++)
        out[0][i] *= factor_of(&node->at);
}

Evaluate *find_loss_evaluation(Op op)
{
    return op == OP_ADD_LOSSES ? add_losses : losses[op] ? evaluate_loss : NULL;
}
