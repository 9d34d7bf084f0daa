/*
 * contractions.c -- dense layers, convolutions and products in ONNX.
 */

#include "onnx/writer.h"

#include <string.h>

/* A weight as its file has it: of groups [o, c / g, k, l]. */
static const char *weight_name(Writer *w, const Value *weight)
{
    const Node *node = weight->node;

    return onnx_name(w, node && node->op == OP_GROUP_EXPAND ? node->inputs[0] : weight);
}

static const char *with_bias(Writer *w, const Node *node, const char *x, const char *weight, int at)
{
    const Value *b = at < node->input_count ? node->inputs[at] : NULL;

    return format("%s %s%s%s", x, weight, b ? " " : "", b ? onnx_name(w, b) : "");
}

const char *describe_dense(Writer *w, const Node *node)
{
    return add_onnx(w, "Gemm", onnx_names(w, node, 3), "transB=1");
}

/* x is counts, of which only those that are not 0 were kept; h stands beside it. */
const char *describe_sparse_dense(Writer *w, const Node *node)
{
    const Value *h = node->inputs[1];
    const char *x = onnx_name(w, node->inputs[0]);

    if (h)
        x = add_onnx(w, "Concat", format("%s %s", x, onnx_name(w, h)), "axis=1");
    return add_onnx(w, "Gemm", with_bias(w, node, x, onnx_name(w, node->inputs[2]), 3), "transB=1");
}

/* "[2,2]", of a volume with its depth first; what is 0 as `absent`. */
const char *sizes_along(const Attributes *at, const int size[3], int absent)
{
    const int axes = window_axes(at);
    int ordered[3];

    for (int i = 0; i < axes; i++) {
        const int axis = axes == 2 ? i : (i + 2) % 3;

        ordered[i] = size[axis] ? size[axis] : absent;
    }
    return ints_text(ordered, axes);
}

/* " NAME=[2,2]" where one of them, or 1 for a 0, is not 1. */
static void add_axes(Text *text, const Attributes *at, const char *name, const int size[3])
{
    static const int ones[3] = {1, 1, 1};
    const char *sizes = sizes_along(at, size, 1);

    if (!same(sizes, sizes_along(at, ones, 1)))
        text_add(text, " %s=%s", name, sizes);
}

/* "[1,1,0,0]": before each axis, then after each. */
static const char *pads_text(const Attributes *at)
{
    const char *before = sizes_along(at, at->padding, 0),
               *after = sizes_along(at, at->padding_end, 0);

    return format("%.*s,%s", (int)strlen(before) - 1, before, after + 1);
}

const char *strides_text(const Attributes *at)
{
    bool padded = false;
    Text text = {0};

    for (int i = 0; i < window_axes(at); i++)
        padded = padded || at->padding[i] || at->padding_end[i];
    text_add(&text, "%s", "");
    add_axes(&text, at, "strides", at->stride);
    if (padded)
        text_add(&text, " pads=%s", pads_text(at));
    add_axes(&text, at, "dilations", at->dilation);
    return text.at;
}

static const char *groups_text(int groups)
{
    return groups > 1 ? format(" group=%d", groups) : "";
}

const char *describe_conv(Writer *w, const Node *node)
{
    const int groups = node->op == OP_DEPTHWISE ? node->inputs[0]->shape.size[0]
                                                : groups_of(&node->at);
    const char *weight = weight_name(w, node->inputs[1]);

    return add_onnx(w, "Conv", with_bias(w, node, onnx_name(w, node->inputs[0]), weight, 2),
                    format("%s%s", strides_text(&node->at), groups_text(groups)));
}

/* The gradient of a convolution, of which rows that its stride leaves out are output_padding. */
const char *describe_transpose_conv(Writer *w, const Node *node)
{
    Attributes at = node->at;
    const int groups = node->op == OP_DEPTHWISE_DX ? node->inputs[0]->shape.size[0]
                                                   : groups_of(&at);
    const int rank = at.shape.rank;
    int extra[3] = {0};

    for (int i = 0; i < window_axes(&at); i++) {
        const int place = i == 2 ? 1 : rank - 2 + i;
        const int size = (node->inputs[0]->shape.size[place] - 1) * at.stride[i] +
                         window_reach(&at, i) - 2 * at.padding[i];

        extra[i] = at.shape.size[place] - size;
        at.padding_end[i] = at.padding[i];
    }
    return add_onnx(w, "ConvTranspose",
                    format("%s %s", onnx_name(w, node->inputs[0]), weight_name(w, node->inputs[1])),
                    format("%s%s%s", strides_text(&at), groups_text(groups),
                           extra[0] || extra[1] || extra[2]
                               ? format(" output_padding=%s", sizes_along(&at, extra, 0))
                               : ""));
}

/* Values [channels, positions]: c = a b of positions by channels is b a of these. */
const char *describe_matmul(Writer *w, const Node *node)
{
    const bool a_turned = node->op == OP_MATMUL_TN || node->op == OP_MATMUL_TT;
    const bool b_turned = node->op == OP_MATMUL_NT || node->op == OP_MATMUL_TT;
    const char *a = onnx_name(w, node->inputs[0]), *b = onnx_name(w, node->inputs[1]);

    if (a_turned)
        a = add_transpose(w, a, "0,2,1");
    if (b_turned)
        b = add_transpose(w, b, "0,2,1");
    return add_onnx(w, "MatMul", format("%s %s", b, a), NULL);
}
