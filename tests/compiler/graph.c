/*
 * graph.c -- gradients and simplification of graphs, in double.
 *
 * The one idea: a case builds the graph of one operation with every input a parameter (an image
 * too: a parameter with a batch axis), ended by a loss. Its gradients, which autodiff appends, are
 * held against central differences of the same graph's loss. A table says which cases there are;
 * an operation without one fails a test.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "compiler/attention_cases.h"
#include "compiler/loss_cases.h"
#include "compiler/movement_cases.h"
#include "compiler/recurrent_cases.h"
#include "compiler/volume_cases.h"
#include "lower/lower.h"
#include "support/graph_test.h"
#include "support/small_graph.h"

TCase *value_tests(void);    /* values.c */
TCase *simplify_tests(void); /* simplify.c */
TCase *verify_tests(void);   /* verify.c */
TCase *print_tests(void);    /* print.c */
TCase *lower_tests(void);    /* lower.c */

/* ---- Cases ----------------------------------------------------------------------------------- */

static void build_dense(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, vector(channels), true);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {c->other, channels}}, false);
    Value *b = c->other > 1 ? parameter(g, vector(c->other), false) : NULL;

    finish(g, append(g, OP_DENSE, c->at, 3, x, w, b));
}

static void build_conv2d(Graph *g, const Case *c, int channels)
{
    const Shape weights = {.rank = 4,
                           .size = {c->other, channels, c->at.kernel[0], c->at.kernel[1]}};
    Value *x = parameter(g, image(channels, 5, 6), true);
    Value *w = parameter(g, weights, false);
    Value *b = c->other > 1 ? parameter(g, vector(c->other), false) : NULL;

    finish(g, append(g, OP_CONV2D, c->at, 3, x, w, b));
}

/* The global maximum of what an activation makes of a convolution. */
static void build_maximum(Graph *g, const Case *c, int channels)
{
    const Shape weights = {.rank = 4,
                           .size = {c->other, channels, c->at.kernel[0], c->at.kernel[1]}};
    Value *x = parameter(g, image(channels, 5, 6), true);
    Value *y = append(g, OP_CONV2D, c->at, 3, x, parameter(g, weights, false),
                      parameter(g, vector(c->other), false));

    finish(g, unary(g, OP_GLOBAL_MAXPOOL2D, unary(g, c->op, y)));
}

/* A group for each channel. */
static void build_depthwise(Graph *g, const Case *c, int channels)
{
    const Shape weights = {.rank = 4, .size = {channels, 1, c->at.kernel[0], c->at.kernel[1]}};
    Value *x = parameter(g, image(channels, 5, 6), true);
    Value *w = parameter(g, weights, false);
    Value *b = c->other > 1 ? parameter(g, vector(channels), false) : NULL;
    Attributes at = c->at;

    at.groups = channels;
    at.shape = weights;
    at.shape.size[1] = channels;
    w = append(g, OP_GROUP_EXPAND, at, 1, w, NULL, NULL);
    finish(g, append(g, OP_CONV2D, at, 3, x, w, b));
}

/* As many groups as channels: each of `other` channels, and one output more. */
static void build_groups(Graph *g, const Case *c, int channels)
{
    const int each = c->other, inputs = channels * each, outputs = channels * (each + 1);
    Attributes at = c->at;
    Value *x = parameter(g, image(inputs, 3, 3), true);
    Value *w = parameter(g, (Shape){.rank = 4, .size = {outputs, each, at.kernel[0], at.kernel[1]}},
                         false);

    at.groups = channels;
    at.shape = w->shape;
    at.shape.size[1] = inputs;
    w = append(g, OP_GROUP_EXPAND, at, 1, w, NULL, NULL);
    finish(g, append(g, OP_CONV2D, at, 3, x, w, parameter(g, vector(outputs), false)));
}

/* The gradient of a convolution of an image 3 larger than x, as a layer, with a bias. */
static void build_transpose(Graph *g, const Case *c, int channels)
{
    const Shape weights = {.rank = 4,
                           .size = {channels, c->other, c->at.kernel[0], c->at.kernel[1]}};
    const Value *y = NULL;
    Value *x, *w, *b = parameter(g, vector(c->other), false);
    Attributes at = c->at;

    at.shape = image(c->other, 6, 7);
    y = append(g, OP_CONV2D, at, 3, parameter(g, at.shape, true), parameter(g, weights, false),
               NULL);
    x = parameter(g, y->shape, true);
    w = parameter(g, weights, false);
    finish(g, append(g, OP_ADD_BIAS, at, 2, append(g, OP_CONV2D_DX, at, 2, x, w, NULL), b, NULL));
}

/* a of `other` rows, b of 3 columns: both read transposed or not. Then the product times itself. */
static void build_matmul(Graph *g, const Case *c, int channels)
{
    const bool ta = c->op == OP_MATMUL_TN || c->op == OP_MATMUL_TT;
    const bool tb = c->op == OP_MATMUL_NT || c->op == OP_MATMUL_TT;
    Value *a = parameter(g, sequence(ta ? c->other : channels, ta ? channels : c->other), true);
    Value *b = parameter(g, sequence(tb ? channels : 3, tb ? 3 : channels), true);
    Value *y = append(g, c->op, c->at, 2, a, b, NULL);

    finish(g, append(g, OP_MATMUL_NT, c->at, 2, y, y, NULL));
}

static void build_unary(Graph *g, const Case *c, int channels)
{
    const Shape shape = c->other ? image(channels, c->other, c->other + 1) : vector(channels);

    finish(g, unary(g, c->op, parameter(g, shape, true)));
}

/* f(f(a, b), a): a is read twice */
static void build_binary(Graph *g, const Case *c, int channels)
{
    Value *a = parameter(g, vector(channels), true), *b = parameter(g, vector(channels), true);
    Value *ab = append(g, c->op, c->at, 2, a, b, NULL);

    finish(g, append(g, c->op, c->at, 2, ab, a, NULL));
}

static void build_batchnorm(Graph *g, const Case *c, int channels)
{
    const Shape shape = c->other ? image(channels, c->other, 2) : vector(channels);
    const Attributes at = {
        .eps = 1e-2, .momentum = 0.1, .pixels = c->other ? 2 * c->other : 1, .meets = c->at.meets};
    Value *x = parameter(g, shape, true);
    Value *running[] = {x, state(g, vector(channels)), state(g, vector(channels))};
    const Node *stats = add_node(g, OP_BATCHNORM_STATS, running, 3, at, (Span){0}, "test");
    Value *inputs[] = {x, stats->outputs[0], stats->outputs[1],
                       parameter(g, vector(channels), false),
                       parameter(g, vector(channels), false)};

    finish(g, add_node(g, OP_NORMALIZE, inputs, 5, at, (Span){0}, "test")->outputs[0]);
}

/* Evaluation: nothing to differentiate through. */
static void build_inverse_std(Graph *g, const Case *c, int channels)
{
    const Attributes at = {.eps = 1e-2};
    Value *x = add_value(g, image(channels, c->other, 2), true, TYPE_F32, ROLE_INPUT);
    Value *mean = state(g, vector(channels)), *var = state(g, vector(channels));
    Value *inputs[] = {x, mean, append(g, OP_INVERSE_STD, at, 1, var, NULL, NULL),
                       state(g, vector(channels)), state(g, vector(channels))};

    x->name = "x";
    finish(g, add_node(g, OP_NORMALIZE, inputs, 5, at, (Span){0}, "test")->outputs[0]);
}

static void build_reshape(Graph *g, const Case *c, int channels)
{
    const Attributes at = {.shape = vector(channels * c->other * c->other)};
    Value *x = parameter(g, image(channels, c->other, c->other), true);
    Value *flat = append(g, OP_RESHAPE, at, 1, x, NULL, NULL);

    finish(g, append(g, OP_MULTIPLY, at, 2, flat, flat, NULL));
}

/* a, a computed value, and a again, side by side */
static void build_concat(Graph *g, const Case *c, int channels)
{
    const Shape one = c->other ? image(channels, c->other, c->other) : vector(channels);
    const Shape two = c->other ? image(3, c->other, c->other) : vector(3);
    Value *a = parameter(g, one, true), *b = parameter(g, two, true);

    finish(g, append(g, OP_CONCAT, c->at, 3, a, unary(g, OP_TANH, b), a));
}

static void build_window(Graph *g, const Case *c, int channels)
{
    Value *x = parameter(g, image(channels, c->other, c->other + 1), true);

    finish(g, append(g, c->op, c->at, 1, x, NULL, NULL));
}

static void build_layernorm(Graph *g, const Case *c, int channels)
{
    const Shape shape = c->other ? image(channels, c->other, 2) : vector(channels);
    const Attributes at = {.eps = 1e-2};
    Value *x = parameter(g, shape, true);

    finish(g, append(g, c->op, at, 3, x, parameter(g, vector(channels), false),
                     parameter(g, vector(channels), false)));
}

static void build_upsample(Graph *g, const Case *c, int channels)
{
    Attributes at = c->at;

    at.shape = image(channels, c->other * at.stride[0], (c->other + 1) * at.stride[1]);
    finish(g, append(g, c->op, at, 1, parameter(g, image(channels, c->other, c->other + 1), true),
                     NULL, NULL));
}

/* The mean over words of an embedding of 7, of the table twice; row `other` - 1 is padding. */
static void build_embedding(Graph *g, const Case *c, int channels)
{
    const Attributes at = {.padding_row = c->other};
    Value *tokens = tokens_of(g, 9, TYPE_TOKENS);
    Value *w = parameter(g, (Shape){.rank = 2, .size = {7, channels}}, false);
    Value *a = append(g, OP_EMBEDDING, at, 2, tokens, w, NULL);
    Value *b = append(g, OP_TOKEN_MEAN, at, 2, a, tokens, NULL);

    a = append(g, OP_RESHAPE, (Attributes){.shape = vector(9 * channels)}, 1, a, NULL, NULL);
    finish(g, append(g, OP_CONCAT, at, 2, unary(g, OP_TANH, b), a, NULL));
}

/* A bag beside `other` numbers, and with its zeros. */
static void build_bag(Graph *g, const Case *c, int channels)
{
    Value *bag = tokens_of(g, 11, TYPE_SPARSE), *h = NULL, *y;
    Value *inputs[4] = {bag, NULL, NULL, NULL};

    if (c->other)
        inputs[1] = h = unary(g, OP_TANH, parameter(g, vector(c->other), true));
    inputs[2] = parameter(g, (Shape){.rank = 2, .size = {channels, 11 + c->other}}, false);
    if (h)
        inputs[3] = parameter(g, vector(channels), false);
    y = add_node(g, OP_SPARSE_DENSE, inputs, 4, c->at, (Span){0}, "test")->outputs[0];
    finish(g, append(g, OP_CONCAT, c->at, 2, y, append(g, OP_TO_DENSE, c->at, 1, bag, NULL, NULL),
                     NULL));
}

#define NOTHING                                                                                    \
    {                                                                                              \
        .slope = 0                                                                                 \
    } /* braces that gcc takes for all of Attributes */
#define WINDOW(kh, kw, sh, sw, ph, pw, eh, ew)                                                     \
    {                                                                                              \
        .kernel = {kh, kw}, .stride = {sh, sw}, .padding = {ph, pw}, .padding_end = { eh, ew }     \
    }

#define APART(kh, kw, sh, sw, ph, pw, eh, ew, dh, dw)                                              \
    {                                                                                              \
        .kernel = {kh, kw}, .stride = {sh, sw}, .padding = {ph, pw}, .padding_end = {eh, ew},      \
        .dilation = {                                                                              \
            dh,                                                                                    \
            dw                                                                                     \
        }                                                                                          \
    }

static const double class_weights[40] = {0.5, 2, 3, 0.25, 1, 7, 0.125, 1, 2};

static const Case cases[] = {
    {OP_DENSE, build_dense, 1, NOTHING},
    {OP_DENSE, build_dense, 19, NOTHING},
    {OP_CONV2D, build_conv2d, 3, WINDOW(3, 3, 1, 1, 1, 1, 1, 1)},
    {OP_CONV2D, build_conv2d, 17, WINDOW(3, 3, 2, 2, 1, 1, 1, 1)},
    {OP_CONV2D, build_conv2d, 1, WINDOW(2, 4, 1, 1, 0, 1, 1, 2)},
    {OP_CONV2D, build_conv2d, 5, WINDOW(1, 1, 2, 3, 0, 0, 0, 0)},
    {OP_CONV2D, build_conv2d, 2, WINDOW(1, 5, 3, 1, 0, 4, 0, 4)},
    {OP_CONV2D, build_conv2d, 3, APART(3, 2, 1, 1, 2, 1, 1, 0, 2, 3)},
    {OP_CONV2D, build_conv2d, 2, APART(2, 3, 4, 3, 1, 4, 1, 4, 2, 2)},
    {OP_CONV2D_DX, build_transpose, 3, WINDOW(3, 3, 2, 3, 1, 0, 0, -1)},
    {OP_CONV2D_DX, build_transpose, 2, APART(2, 3, 1, 2, 0, 2, 0, 1, 3, 2)},
    {OP_CONV3D, build_conv3d, 2, VOLUME_WINDOW(3, 2, 2, 1, 1, 1, 1, 0, 1, 1, 1, 1)},
    {OP_CONV3D, build_conv3d, 3, VOLUME_WINDOW(2, 1, 2, 2, 1, 2, 0, 0, 1, 1, 1, 2)},
    {OP_CONV3D_DX, build_conv3d_transpose, 2, VOLUME_WINDOW(2, 3, 2, 2, 1, 1, 0, 1, 0, 1, 1, 1)},
    {OP_RELU, build_maximum, 3, WINDOW(2, 3, 1, 1, 0, 0, 0, 0)},
    {OP_RELU6, build_maximum, 2, WINDOW(3, 3, 2, 2, 1, 1, 2, 1)},
    {OP_LEAKY_RELU, build_maximum, 1, APART(3, 2, 1, 1, 2, 1, 1, 0, 2, 3)},
    {OP_SIGMOID, build_maximum, 5, WINDOW(1, 4, 1, 1, 0, 3, 0, 3)},
    {OP_TANH, build_maximum, 2, WINDOW(1, 1, 1, 2, 0, 0, 0, 0)},
    {OP_GELU, build_maximum, 2, WINDOW(2, 2, 1, 1, 0, 0, 0, 0)},
    {OP_DEPTHWISE, build_depthwise, 1, WINDOW(3, 3, 1, 1, 1, 1, 1, 1)},
    {OP_DEPTHWISE, build_depthwise, 2, APART(2, 3, 3, 2, 0, 4, 1, 3, 2, 2)},
    {OP_GROUP_EXPAND, build_groups, 1, WINDOW(2, 2, 1, 1, 0, 1, 0, 1)},
    {OP_GROUP_EXPAND, build_groups, 2, WINDOW(1, 2, 1, 2, 0, 0, 0, 0)},
    {OP_ADD_BIAS, build_transpose, 1, WINDOW(1, 1, 1, 1, 0, 0, 0, 0)},
    {OP_ATTENTION, build_attention, 1, NOTHING},
    {OP_ATTENTION, build_attention, 5, {.causal = true}},
    {OP_ATTENTION, build_attention, 7, {.causal = true, .pixels = 1}},
    {OP_ATTENTION, build_attention, 9, {.p = 0.25, .stream = 3}},
    {OP_CROSS_ATTENTION, build_cross_attention, 5, NOTHING},
    {OP_CROSS_ATTENTION, build_cross_attention, 3, {.p = 0.25, .stream = 3, .pixels = 1}},
    {OP_WEIGHT_SLICE, build_weight_slice, 1, NOTHING},
    {OP_WEIGHT_SLICE, build_weight_slice, 17, NOTHING},
    {OP_MATMUL, build_matmul, 1, NOTHING},
    {OP_MATMUL, build_matmul, 5, NOTHING},
    {OP_MATMUL_NT, build_matmul, 2, NOTHING},
    {OP_MATMUL_TN, build_matmul, 5, NOTHING},
    {OP_MATMUL_TT, build_matmul, 7, NOTHING},
    {OP_ADD, build_binary, 0, NOTHING},
    {OP_MULTIPLY, build_binary, 0, NOTHING},
    {OP_DIVIDE, build_divide, 0, NOTHING},
    {OP_MAXIMUM, build_binary, 0, NOTHING},
    {OP_GREATER, build_comparison, 0, NOTHING},
    {OP_ABOVE, build_comparison, 0, {.limit = 0.1}},
    {OP_ABOVE, build_comparison, 0, {.below = true, .limit = -0.1}},
    {OP_SCALE, build_unary, 0, NOTHING},
    {OP_SHIFT, build_unary, 0, NOTHING},
    {OP_EXP, build_unary, 0, NOTHING},
    {OP_LOG, build_positive, 0, NOTHING},
    {OP_SQRT, build_positive, 0, NOTHING},
    {OP_SQUARE, build_unary, 0, NOTHING},
    {OP_ABS, build_unary, 0, NOTHING},
    {OP_SIN, build_unary, 0, NOTHING},
    {OP_COS, build_unary, 0, NOTHING},
    {OP_RECIPROCAL, build_positive, 0, NOTHING},
    {OP_CLAMP, build_unary, 0, NOTHING},
    {OP_STRETCH, build_stretch, 3, NOTHING},
    {OP_PIXEL_SUM, build_stretch, 2, NOTHING},
    {OP_AXIS_SUM, build_along, 3, {.axis = 0}},
    {OP_AXIS_SUM, build_along, 2, {.axis = 1}},
    {OP_AXIS_SOFTMAX, build_along, 3, {.axis = 1}},
    {OP_LOGSUMEXP, build_along, 3, {.axis = 0}},
    {OP_AXIS_MAX, build_along, 3, {.axis = 0}},
    {OP_AXIS_MAX, build_along, 3, {.axis = 1, .smallest = true}},
    {OP_AXIS_MAX, build_along, 2, {.axis = 2}},
    {OP_RELU, build_unary, 0, NOTHING},
    {OP_LEAKY_RELU, build_unary, 0, NOTHING},
    {OP_RELU6, build_unary, 0, NOTHING},
    {OP_SIGMOID, build_unary, 0, NOTHING},
    {OP_TANH, build_unary, 0, NOTHING},
    {OP_SILU, build_unary, 0, NOTHING},
    {OP_ELU, build_unary, 0, NOTHING},
    {OP_GELU, build_unary, 0, NOTHING},
    {OP_SOFTPLUS, build_unary, 2, NOTHING},
    {OP_MISH, build_unary, 0, NOTHING},
    {OP_SOFTSIGN, build_unary, 0, NOTHING},
    {OP_HARDSWISH, build_unary, 0, NOTHING},
    {OP_HARDSIGMOID, build_unary, 0, NOTHING},
    {OP_GAUSSIAN_NOISE, build_unary, 3, NOTHING},
    {OP_DROPOUT, build_unary, 3, NOTHING},
    {OP_BATCHNORM_STATS, build_batchnorm, 0, NOTHING},
    {OP_BATCHNORM_STATS, build_batchnorm, 3, NOTHING},
    {OP_BATCHNORM_STATS, build_batchnorm, 3, {.meets = true}},
    {OP_INVERSE_STD, build_inverse_std, 3, NOTHING},
    {OP_RESHAPE, build_reshape, 3, NOTHING},
    {OP_CONCAT, build_concat, 0, NOTHING},
    {OP_CONCAT, build_concat, 3, NOTHING},
    {OP_SLICE, build_slice, 3, NOTHING},
    {OP_PAD, build_pad, 3, {.place = {0, 2, 1}, .axes = {0, 3, 1}}},
    {OP_PAD, build_pad, 3, {.place = {2, -1, 0}, .axes = {3, -1, 0}}},
    {OP_PAD, build_pad, 2, {.place = {-1, 0, 1}, .axes = {1, 0, 0}}},
    {OP_PAD, build_side_by_side, 0, {.axis = 1}},
    {OP_PAD, build_side_by_side, 0, {.axis = 2}},
    {OP_PERMUTE, build_transposed, 4, NOTHING},
    {OP_PERMUTE, build_permuted, 3, NOTHING},
    {OP_MAXPOOL2D, build_window, 4, WINDOW(2, 2, 2, 2, 0, 0, 0, 0)},
    {OP_MAXPOOL2D, build_window, 5, WINDOW(3, 3, 1, 2, 1, 1, 1, 1)},
    {OP_MAXPOOL2D, build_window, 7, WINDOW(3, 2, 2, 3, 1, 0, 1, 0)},
    {OP_AVGPOOL2D, build_window, 4, WINDOW(2, 2, 2, 2, 0, 0, 0, 0)},
    {OP_AVGPOOL2D, build_window, 5, WINDOW(3, 3, 1, 2, 1, 1, 1, 1)},
    {OP_AVGPOOL2D, build_window, 7, WINDOW(3, 2, 2, 3, 1, 0, 1, 0)},
    {OP_MAXPOOL2D, build_slices, 5, SLICES(2, 3, 2, 1, 1, 1)},
    {OP_AVGPOOL2D, build_slices, 4, SLICES(3, 2, 1, 2, 1, 0)},
    {OP_UPSAMPLE2D, build_upsample, 3, WINDOW(2, 2, 2, 2, 0, 0, 0, 0)},
    {OP_UPSAMPLE2D, build_upsample, 2, WINDOW(3, 1, 3, 1, 0, 0, 0, 0)},
    {OP_UPSAMPLE2D_BILINEAR, build_upsample, 3, WINDOW(4, 4, 2, 2, 1, 1, 1, 1)},
    {OP_UPSAMPLE2D_BILINEAR, build_upsample, 2, WINDOW(5, 1, 3, 1, 1, 0, 1, 0)},
    {OP_GLOBAL_MAXPOOL2D, build_window, 3, NOTHING},
    {OP_GLOBAL_AVGPOOL2D, build_window, 3, NOTHING},
    {OP_LAYERNORM, build_layernorm, 0, NOTHING},
    {OP_LAYERNORM, build_layernorm, 2, NOTHING},
    {OP_SOFTMAX, build_unary, 0, NOTHING},
    {OP_SOFTMAX, build_unary, 2, NOTHING},
    {OP_EMBEDDING, build_embedding, 0, NOTHING},
    {OP_RNN, build_recurrent, 4, {.begin = 1}},
    {OP_RNN, build_recurrent, 1, {.begin = 1, .reverse = true}},
    {OP_LSTM, build_recurrent, 1, {.begin = 4}},
    {OP_LSTM, build_recurrent, 4, {.begin = 4}},
    {OP_LSTM, build_recurrent, 5, {.begin = 4, .reverse = true}},
    {OP_GRU, build_recurrent, 4, {.begin = 3}},
    {OP_GRU, build_recurrent, 3, {.begin = 3, .reverse = true}},
    {OP_SPARSE_DENSE, build_bag, 0, NOTHING},
    {OP_SPARSE_DENSE, build_bag, 5, NOTHING},
    {OP_MSE, build_loss, 0, NOTHING},
    {OP_MAE, build_loss, 0, NOTHING},
    {OP_HUBER, build_loss, 0, {.delta = 1.5}},
    {OP_SMOOTH_L1, build_loss, 0, {.delta = 0.7}},
    {OP_LOG_COSH, build_loss, 0, NOTHING},
    {OP_CROSS_ENTROPY, build_loss, 0, NOTHING},
    {OP_CROSS_ENTROPY, build_loss, 0, {.smoothing = 0.25}},
    {OP_CROSS_ENTROPY, build_loss, 0, {.smoothing = 0.25, .class_weights = class_weights}},
    {OP_BINARY_CROSS_ENTROPY, build_loss, 0, NOTHING},
    {OP_BINARY_CROSS_ENTROPY, build_class_loss, 0, NOTHING},
    {OP_EXPRESSION, build_expression, 0, NOTHING},
    {OP_INFO_NCE, build_pairs, 1, NOTHING},
    {OP_INFO_NCE, build_pairs, 2, NOTHING},
    {OP_ADD_LOSSES, build_losses, 0, NOTHING},
};

/* How far a graph has come through the passes. */
typedef enum Stage { FORWARD, BACKWARD, SELECTED } Stage;

static Graph *build(const Case *c, int channels, Stage stage)
{
    Graph *g = new_graph("test");

    g->max_batch = 16;
    g->conv = CONV_AUTO;
    c->build(g, c, channels);
    if (stage >= BACKWARD)
        autodiff(g);
    if (stage >= SELECTED) {
        simplify(g);
        select_algorithms(g, new_graph("nothing"), find_target("avx512"));
    }
    verify(g);
    return g;
}

/* ---- Gradients ------------------------------------------------------------------------------- */

static const int channel_counts[] = {1, 2, 3, 5, 16, 17, 19, 33};
static const int row_counts[] = {1, 3, 13};

/* Of what autodiff made of the case, and of the operations that were selected then. */
static void check_stage(const Case *c, Stage stage)
{
    for (int i = 0; i < COUNT(channel_counts); i++) {
        const Graph *g = build(c, channel_counts[i], stage);
        int updates = 0;

        for (int j = 0; j < COUNT(row_counts); j++)
            updates += check_gradients(
                g, row_counts[j],
                format("%s, %d channels", op_info[c->op].text, channel_counts[i]));
        ck_assert(updates > 0 || c->op == OP_INVERSE_STD);
    }
}

START_TEST(gradients_are_differences)
{
    check_stage(&cases[_i], BACKWARD);
    check_stage(&cases[_i], SELECTED);
}
END_TEST

START_TEST(every_operation_has_a_case)
{
    bool seen[OP_COUNT] = {0};

    for (int i = 0; i < COUNT(cases); i++) {
        for (Stage stage = BACKWARD; stage <= SELECTED; stage++) {
            const Graph *g = build(&cases[i], 17, stage);

            for (int j = 0; j < g->node_count; j++)
                seen[g->nodes[j]->op] = true;
        }
    }
    for (int op = 0; op < OP_COUNT; op++) {
        ck_assert_msg(seen[op], "%s has no case", op_info[op].text);
        ck_assert_msg(find_evaluation((Op)op) != NULL, "%s has no evaluation", op_info[op].text);
    }
}
END_TEST

/* ---- Simplification -------------------------------------------------------------------------- */

START_TEST(cases_stay_the_same_when_simplified)
{
    const Graph *before = build(&cases[_i], 5, BACKWARD);
    Graph *after = build(&cases[_i], 5, BACKWARD);

    simplify(after);
    verify(after);
    check_same_results(before, after, 3);
}
END_TEST

Suite *suite_graph(void)
{
    Suite *suite = suite_create("graph");
    TCase *t = tcase_create("graph");

    tcase_set_timeout(t, 120); /* sanitized convolutions in double are slow */
    tcase_add_loop_test(t, gradients_are_differences, 0, COUNT(cases));
    tcase_add_test(t, every_operation_has_a_case);
    tcase_add_loop_test(t, cases_stay_the_same_when_simplified, 0, COUNT(cases));
    suite_add_tcase(suite, t);
    suite_add_tcase(suite, value_tests());
    suite_add_tcase(suite, simplify_tests());
    suite_add_tcase(suite, verify_tests());
    suite_add_tcase(suite, print_tests());
    suite_add_tcase(suite, lower_tests());
    return suite;
}
