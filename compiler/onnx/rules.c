/*
 * rules.c -- what an operation is in ONNX, by a table: one operator for most, with its attributes
 * where a function finds them, or a function that adds several.
 */

#include <math.h>
#include <string.h>

#include "onnx/writer.h"

/* The weight of groups, a deviation, and the projection of all steps of a recurrence. */
bool is_part(const Node *node, int input)
{
    const Node *maker = node->inputs[input] ? node->inputs[input]->node : NULL;

    if (!maker)
        return false;
    return maker->op == OP_GROUP_EXPAND || maker->op == OP_INVERSE_STD ||
           (input == 0 && (node->op == OP_RNN || node->op == OP_LSTM || node->op == OP_GRU));
}

/* ---- Elementwise ----------------------------------------------------------------------------- */

static const char *describe_add_bias(Writer *w, const Node *node)
{
    int sizes[MAX_RANK] = {node->inputs[1]->shape.size[0]};
    const int rank = node->inputs[0]->shape.rank;

    for (int i = 1; i < rank; i++)
        sizes[i] = 1;
    const char *b = add_reshape(w, onnx_name(w, node->inputs[1]), sizes, rank);

    return add_onnx(w, "Add", format("%s %s", onnx_name(w, node->inputs[0]), b), NULL);
}

static const char *describe_normalize(Writer *w, const Node *node)
{
    const Node *deviation = node->inputs[2]->node;
    const Value *variance = deviation ? deviation->inputs[0] : NULL;

    if (!deviation || deviation->op != OP_INVERSE_STD)
        return NULL;
    return add_onnx(w, "BatchNormalization",
                    format("%s %s %s %s %s", onnx_name(w, node->inputs[0]),
                           onnx_name(w, node->inputs[3]), onnx_name(w, node->inputs[4]),
                           onnx_name(w, node->inputs[1]), onnx_name(w, variance)),
                    format("epsilon=%.9g", node->at.eps));
}

/* Along the channels, which ONNX wants last. */
static const char *describe_layernorm(Writer *w, const Node *node)
{
    static const char *const there[] = {[2] = "0,2,1", [3] = "0,2,3,1", [4] = "0,2,3,4,1"};
    static const char *const back[] = {[2] = "0,2,1", [3] = "0,3,1,2", [4] = "0,4,1,2,3"};
    const int rank = node->inputs[0]->shape.rank;
    const char *x = onnx_name(w, node->inputs[0]);

    if (rank > 1)
        x = add_transpose(w, x, there[rank]);
    x = add_onnx(
        w, "LayerNormalization",
        format("%s %s %s", x, onnx_name(w, node->inputs[1]), onnx_name(w, node->inputs[2])),
        format("axis=-1 epsilon=%.9g", node->at.eps));
    return rank > 1 ? add_transpose(w, x, back[rank]) : x;
}

static const char *describe_relu6(Writer *w, const Node *node)
{
    return add_onnx(
        w, "Clip",
        format("%s %s %s", onnx_name(w, node->inputs[0]), add_float(w, 0), add_float(w, 6)), NULL);
}

static const char *describe_clamp(Writer *w, const Node *node)
{
    const char *x = onnx_name(w, node->inputs[0]);

    if (isfinite(node->at.least))
        x = add_onnx(w, "Max", format("%s %s", x, add_float(w, node->at.least)), NULL);
    if (isfinite(node->at.most))
        x = add_onnx(w, "Min", format("%s %s", x, add_float(w, node->at.most)), NULL);
    return x;
}

/* A float of ONNX, one that is whole too: without a point it would be an integer. */
static const char *float_attribute(const char *name, double x)
{
    const char *number = format("%.9g", x);

    return format("%s=%s%s", name, number, strpbrk(number, ".e") ? "" : ".0");
}

static const char *describe_leaky(Writer *w, const Node *node)
{
    return add_onnx(w, "LeakyRelu", onnx_name(w, node->inputs[0]),
                    float_attribute("alpha", node->at.slope));
}

static const char *describe_elu(Writer *w, const Node *node)
{
    const char *y = add_onnx(w, "Elu", onnx_name(w, node->inputs[0]),
                             float_attribute("alpha", node->at.slope));

    if (node->at.scale == 1)
        return y;
    return add_onnx(w, "Mul", format("%s %s", y, add_float(w, node->at.scale)), NULL);
}

/* x f(x): silu, mish, square */
static const char *times_itself(Writer *w, const Node *node)
{
    const char *x = onnx_name(w, node->inputs[0]), *y = x;

    if (node->op == OP_SILU)
        y = add_onnx(w, "Sigmoid", x, NULL);
    else if (node->op == OP_MISH)
        y = add_onnx(w, "Tanh", add_onnx(w, "Softplus", x, NULL), NULL);
    return add_onnx(w, "Mul", format("%s %s", x, y), NULL);
}

/* x (1 + erf(x / sqrt 2)) / 2 */
static const char *describe_gelu(Writer *w, const Node *node)
{
    const char *x = onnx_name(w, node->inputs[0]);
    const char *y = add_onnx(w, "Mul", format("%s %s", x, add_float(w, sqrt(0.5))), NULL);

    y = add_onnx(w, "Erf", y, NULL);
    y = add_onnx(w, "Add", format("%s %s", y, add_float(w, 1)), NULL);
    y = add_onnx(w, "Mul", format("%s %s", x, y), NULL);
    return add_onnx(w, "Mul", format("%s %s", y, add_float(w, 0.5)), NULL);
}

static const char *as_number(Writer *w, const char *truth)
{
    return add_onnx(w, "Cast", truth, "to=1");
}

static const char *describe_greater(Writer *w, const Node *node)
{
    return as_number(w, add_onnx(w, "Greater", onnx_names(w, node, 2), NULL));
}

static const char *describe_above(Writer *w, const Node *node)
{
    const char *inputs = format("%s %s", onnx_name(w, node->inputs[0]),
                                add_float(w, node->at.limit));

    return as_number(w, add_onnx(w, node->at.below ? "Less" : "Greater", inputs, NULL));
}

static const char *describe_scale(Writer *w, const Node *node)
{
    return add_onnx(w, "Mul",
                    format("%s %s", onnx_name(w, node->inputs[0]), add_float(w, node->at.scale)),
                    NULL);
}

static const char *describe_shift(Writer *w, const Node *node)
{
    return add_onnx(w, "Add",
                    format("%s %s", onnx_name(w, node->inputs[0]), add_float(w, node->at.shift)),
                    NULL);
}

/* ---- Movement -------------------------------------------------------------------------------- */

static const char *describe_embedding(Writer *w, const Node *node)
{
    const char *rows = add_onnx(
        w, "Gather", format("%s %s", onnx_name(w, node->inputs[1]), onnx_name(w, node->inputs[0])),
        "axis=0");

    return add_transpose(w, rows, "0,2,1"); /* [n, length, channels] */
}

static const char *describe_reshape(Writer *w, const Node *node)
{
    return reshape_rows(w, onnx_name(w, node->inputs[0]), node->outputs[0]->shape);
}

static const char *describe_concat(Writer *w, const Node *node)
{
    return add_onnx(w, "Concat", onnx_names(w, node, node->input_count), "axis=1");
}

/* Of channels, or of a weight's rows, which have no batch in front. */
static const char *describe_slice(Writer *w, const Node *node)
{
    const int axis = node->inputs[0]->batched ? 1 : 0;

    return add_onnx(w, "Slice",
                    format("%s %s %s %s", onnx_name(w, node->inputs[0]), add_int(w, node->at.begin),
                           add_int(w, node->at.begin + node->outputs[0]->shape.size[0]),
                           add_int(w, axis)),
                    NULL);
}

/* Zeros around x, or less of it; further ones follow first. */
static const char *describe_pad(Writer *w, const Node *node)
{
    const Shape y = node->outputs[0]->shape;
    int pads[2 * (MAX_RANK + 1)] = {0};
    const char *x = onnx_name(w, node->inputs[0]);

    if (node->input_count > 1)
        x = add_onnx(w, "Concat", onnx_names(w, node, node->input_count),
                     format("axis=%d", node->at.axis + 1));
    for (int i = 0; i < y.rank; i++) {
        int size = node->inputs[0]->shape.size[i];

        for (int k = 1; k < node->input_count && i == node->at.axis; k++)
            size += node->inputs[k]->shape.size[i];
        pads[i + 1] = i < 3 ? node->at.place[i] : 0;
        pads[y.rank + 1 + i + 1] = y.size[i] - size - pads[i + 1];
    }
    return add_onnx(w, "Pad", format("%s %s", x, add_ints(w, pads, 2 * (y.rank + 1))), NULL);
}

static const char *describe_permute(Writer *w, const Node *node)
{
    int sizes[MAX_AXES + 1] = {-1}, order[MAX_AXES + 1] = {0};
    const int count = node->at.axis_count;

    for (int i = 0; i < count; i++) {
        sizes[i + 1] = node->at.axes[i];
        order[i + 1] = node->at.order[i] + 1;
    }
    const char *x = add_reshape(w, onnx_name(w, node->inputs[0]), sizes, count + 1);

    x = add_onnx(w, "Transpose", x, format("perm=%s", ints_text(order, count + 1)));
    return reshape_rows(w, x, node->outputs[0]->shape);
}

/* ---- Windows and axes ------------------------------------------------------------------------ */

static const char *add_pool(Writer *w, const Node *node, const char *x, const Attributes *at)
{
    const bool max = node->op == OP_MAXPOOL2D;

    return add_onnx(w, max ? "MaxPool" : "AveragePool", x,
                    format("kernel_shape=%s%s%s", sizes_along(at, at->kernel, 1), strides_text(at),
                           max ? "" : " count_include_pad=1"));
}

/* A volume's windows are one slice deep. */
static const char *describe_pool(Writer *w, const Node *node)
{
    const Shape x = node->inputs[0]->shape, y = node->outputs[0]->shape;
    const int slices = slices_of(&node->at);
    const char *name = onnx_name(w, node->inputs[0]);
    Attributes at = node->at;

    if (slices == 1)
        return add_pool(w, node, name, &at);
    at.kernel[2] = at.stride[2] = 1;
    name = add_reshape(w, name, (int[]){-1, x.size[0], slices, x.size[1] / slices, x.size[2]}, 5);
    name = add_pool(w, node, name, &at);
    return add_reshape(w, name, (int[]){-1, y.size[0], y.size[1], y.size[2]}, 4);
}

static const char *describe_upsample(Writer *w, const Node *node)
{
    const char *scales = add_onnx(
        w, "Constant", "",
        format("value=[1.0,1.0,%d.0,%d.0]", node->at.stride[0], node->at.stride[1]));

    return add_onnx(w, "Resize", format("%s - %s", onnx_name(w, node->inputs[0]), scales),
                    node->op == OP_UPSAMPLE2D
                        ? "mode='nearest' coordinate_transformation_mode='asymmetric' "
                          "nearest_mode='floor'"
                        : "mode='linear' coordinate_transformation_mode='half_pixel'");
}

/* Over all pixels, of which no axis is left. */
static const char *describe_global(Writer *w, const Node *node)
{
    const char *x = onnx_name(w, node->inputs[0]);

    switch (node->op) {
    case OP_GLOBAL_MAXPOOL2D:
        return add_onnx(w, "ReduceMax", x, "axes=[2,3] keepdims=0");
    case OP_GLOBAL_AVGPOOL2D:
        return add_onnx(w, "ReduceMean", x, "axes=[2,3] keepdims=0");
    default:
        return add_onnx(w, "ReduceSum", format("%s %s", x, add_ints(w, (int[]){2, 3}, 2)),
                        "keepdims=0");
    }
}

static const char *describe_axis(Writer *w, const Node *node)
{
    const char *x = onnx_name(w, node->inputs[0]);
    const int axis = node->at.axis + 1;

    if (node->op == OP_AXIS_SUM)
        return add_onnx(w, "ReduceSum", format("%s %s", x, add_int(w, axis)), "keepdims=1");
    return add_onnx(w,
                    node->op == OP_LOGSUMEXP ? "ReduceLogSumExp"
                    : node->at.smallest != 0 ? "ReduceMin"
                                             : "ReduceMax",
                    x, format("axes=[%d] keepdims=1", axis));
}

static const char *describe_softmax(Writer *w, const Node *node)
{
    return add_onnx(w, "Softmax", onnx_name(w, node->inputs[0]),
                    format("axis=%d", node->op == OP_SOFTMAX ? 1 : node->at.axis + 1));
}

/* The same number on every pixel, or along an axis; the sizes of 1 are the batch's and others'. */
static const char *describe_spread(Writer *w, const Node *node)
{
    const Shape x = node->inputs[0]->shape, y = node->outputs[0]->shape;
    int thin[MAX_RANK + 1] = {-1}, full[MAX_RANK + 1] = {1};

    for (int i = 0; i < y.rank; i++) {
        thin[i + 1] = i < x.rank ? x.size[i] : 1;
        full[i + 1] = y.size[i];
    }
    const char *turned = add_reshape(w, onnx_name(w, node->inputs[0]), thin, y.rank + 1);

    return add_onnx(w, "Expand", format("%s %s", turned, add_ints(w, full, y.rank + 1)), NULL);
}

/* ---- The table ------------------------------------------------------------------------------- */

typedef struct Rule {
    const char *op, *attributes; /* of one operator of the same inputs, or */
    const char *(*describe)(Writer *w, const Node *node);
} Rule;

static const Rule rules[OP_COUNT] = {
    [OP_DENSE] = {.describe = describe_dense},
    [OP_SPARSE_DENSE] = {.describe = describe_sparse_dense},
    [OP_CONV2D] = {.describe = describe_conv},
    [OP_CONV3D] = {.describe = describe_conv},
    [OP_CONV3D_DX] = {.describe = describe_transpose_conv},
    [OP_DEPTHWISE] = {.describe = describe_conv},
    [OP_CONV2D_DX] = {.describe = describe_transpose_conv},
    [OP_DEPTHWISE_DX] = {.describe = describe_transpose_conv},
    [OP_MATMUL] = {.describe = describe_matmul},
    [OP_MATMUL_NT] = {.describe = describe_matmul},
    [OP_MATMUL_TN] = {.describe = describe_matmul},
    [OP_MATMUL_TT] = {.describe = describe_matmul},
    [OP_RNN] = {.describe = describe_recurrence},
    [OP_LSTM] = {.describe = describe_recurrence},
    [OP_GRU] = {.describe = describe_recurrence},
    [OP_ATTENTION] = {.describe = describe_attention},
    [OP_CROSS_ATTENTION] = {.describe = describe_attention},
    [OP_TOKEN_MEAN] = {.describe = describe_token_mean},

    [OP_ADD] = {.op = "Add"},
    [OP_MULTIPLY] = {.op = "Mul"},
    [OP_DIVIDE] = {.op = "Div"},
    [OP_MAXIMUM] = {.op = "Max"},
    [OP_RELU] = {.op = "Relu"},
    [OP_SIGMOID] = {.op = "Sigmoid"},
    [OP_TANH] = {.op = "Tanh"},
    [OP_SOFTPLUS] = {.op = "Softplus"},
    [OP_SOFTSIGN] = {.op = "Softsign"},
    [OP_HARDSWISH] = {.op = "HardSwish"},
    [OP_HARDSIGMOID] = {.op = "HardSigmoid", .attributes = "alpha=0.16666667"},
    [OP_EXP] = {.op = "Exp"},
    [OP_LOG] = {.op = "Log"},
    [OP_SQRT] = {.op = "Sqrt"},
    [OP_ABS] = {.op = "Abs"},
    [OP_SIN] = {.op = "Sin"},
    [OP_COS] = {.op = "Cos"},
    [OP_RECIPROCAL] = {.op = "Reciprocal"},
    [OP_TO_DENSE] = {.op = "Identity"},
    [OP_ADD_BIAS] = {.describe = describe_add_bias},
    [OP_NORMALIZE] = {.describe = describe_normalize},
    [OP_LAYERNORM] = {.describe = describe_layernorm},
    [OP_RELU6] = {.describe = describe_relu6},
    [OP_CLAMP] = {.describe = describe_clamp},
    [OP_LEAKY_RELU] = {.describe = describe_leaky},
    [OP_ELU] = {.describe = describe_elu},
    [OP_SILU] = {.describe = times_itself},
    [OP_MISH] = {.describe = times_itself},
    [OP_SQUARE] = {.describe = times_itself},
    [OP_GELU] = {.describe = describe_gelu},
    [OP_GREATER] = {.describe = describe_greater},
    [OP_ABOVE] = {.describe = describe_above},
    [OP_SCALE] = {.describe = describe_scale},
    [OP_SHIFT] = {.describe = describe_shift},

    [OP_EMBEDDING] = {.describe = describe_embedding},
    [OP_RESHAPE] = {.describe = describe_reshape},
    [OP_CONCAT] = {.describe = describe_concat},
    [OP_SLICE] = {.describe = describe_slice},
    [OP_WEIGHT_SLICE] = {.describe = describe_slice},
    [OP_PAD] = {.describe = describe_pad},
    [OP_PERMUTE] = {.describe = describe_permute},

    [OP_MAXPOOL2D] = {.describe = describe_pool},
    [OP_AVGPOOL2D] = {.describe = describe_pool},
    [OP_UPSAMPLE2D] = {.describe = describe_upsample},
    [OP_UPSAMPLE2D_BILINEAR] = {.describe = describe_upsample},
    [OP_GLOBAL_MAXPOOL2D] = {.describe = describe_global},
    [OP_GLOBAL_AVGPOOL2D] = {.describe = describe_global},
    [OP_PIXEL_SUM] = {.describe = describe_global},
    [OP_AXIS_SUM] = {.describe = describe_axis},
    [OP_AXIS_MAX] = {.describe = describe_axis},
    [OP_LOGSUMEXP] = {.describe = describe_axis},
    [OP_SPREAD] = {.describe = describe_spread},
    [OP_STRETCH] = {.describe = describe_spread},
    [OP_SOFTMAX] = {.describe = describe_softmax},
    [OP_AXIS_SOFTMAX] = {.describe = describe_softmax},
};

const char *describe_node(Writer *w, const Node *node)
{
    const Rule *rule = &rules[node->op];

    if (rule->describe)
        return rule->describe(w, node);
    if (!rule->op)
        return NULL;
    return add_onnx(w, rule->op, onnx_names(w, node, node->input_count), rule->attributes);
}
