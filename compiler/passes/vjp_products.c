/*
 * vjp_products.c -- gradients of contractions and of rows of matrices: dx and dw of each.
 */

#include "passes/autodiff.h"

/* Of x w b: db, dw, dx. dw before dx: what a contraction reads is still in the cache for the
   second. */
static void vjp_contraction(Reverse *r, const Node *node, Value *dy, Op op_dw, Op op_dx)
{
    Value *const *in = node->inputs;

    if (wants(r, 2))
        accumulate(r, 2, append(r, OP_CHANNEL_SUM, &dy, 1, (Attributes){0})->outputs[0]);
    if (wants(r, 1))
        accumulate(r, 1, append(r, op_dw, (Value *[]){in[0], dy}, 2, node->at)->outputs[0]);
    if (wants(r, 0))
        accumulate(r, 0, append(r, op_dx, (Value *[]){dy, in[1]}, 2, restoring(node))->outputs[0]);
}

static void vjp_dense(Reverse *r, const Node *node, Value *dy)
{
    vjp_contraction(r, node, dy, OP_DENSE_DW, OP_DENSE_DX);
}

static void vjp_conv2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_contraction(r, node, dy, OP_CONV2D_DW, OP_CONV2D_DX);
}

static void vjp_conv3d(Reverse *r, const Node *node, Value *dy)
{
    vjp_contraction(r, node, dy, OP_CONV3D_DW, OP_CONV3D_DX);
}

/* dp by time in reverse. Of q = W_hh h' + b: db and dW are sums over all steps, of h one step back,
   which is +0 before the first. */
static void vjp_recurrent(Reverse *r, const Node *node, Value *dh)
{
    Value *const *in = node->inputs, *const *out = node->outputs; /* p w b tokens; h gates s */
    const int back = node->at.reverse ? -1 : 1;
    const Attributes shift = {.place = {0, 0, back}, .shape = out[0]->shape};
    const Attributes product = {.kernel = {1, 1}, .stride = {1, 1}};
    Value *before, *dq;
    const Node *grad;

    if (node->op == OP_RNN)
        grad = append(r, OP_RNN_GRAD, (Value *[]){dh, in[1], out[0], in[3]}, 4, node->at);
    else if (node->op == OP_LSTM)
        grad = append(r, OP_LSTM_GRAD, (Value *[]){dh, in[1], out[1], out[2], in[3]}, 5, node->at);
    else
        grad = append(r, OP_GRU_GRAD, (Value *[]){dh, in[1], out[1], out[2], out[0], in[3]}, 6,
                      node->at);
    dq = grad->outputs[grad->output_count - 1];
    if (wants(r, 2))
        accumulate(r, 2, append(r, OP_CHANNEL_SUM, &dq, 1, (Attributes){0})->outputs[0]);
    if (wants(r, 1)) {
        before = append(r, OP_PAD, out, 1, shift)->outputs[0];
        accumulate(r, 1, append(r, OP_CONV2D_DW, (Value *[]){before, dq}, 2, product)->outputs[0]);
    }
    if (wants(r, 0))
        accumulate(r, 0, grad->outputs[0]);
}

/* c = a b: da = dc b', db = a' dc; and so on: what is transposed there is transposed here. */
static void vjp_matmul(Reverse *r, const Node *node, Value *dc)
{
    static const struct {
        Op op, da, db;
        bool b_first, dc_first; /* da = b dc, db = dc a */
    } gradients[] = {
        {OP_MATMUL, OP_MATMUL_NT, OP_MATMUL_TN, false, false},
        {OP_MATMUL_NT, OP_MATMUL, OP_MATMUL_TN, false, true},
        {OP_MATMUL_TN, OP_MATMUL_NT, OP_MATMUL, true, false},
        {OP_MATMUL_TT, OP_MATMUL_TT, OP_MATMUL_TT, true, true},
    };
    Value *a = node->inputs[0], *b = node->inputs[1];
    int i = 0;

    while (gradients[i].op != node->op)
        i++;
    if (wants(r, 0)) {
        const bool first = gradients[i].b_first;

        accumulate(
            r, 0,
            append(r, gradients[i].da, (Value *[]){first ? b : dc, first ? dc : b}, 2, node->at)
                ->outputs[0]);
    }
    if (wants(r, 1)) {
        const bool first = gradients[i].dc_first;

        accumulate(
            r, 1,
            append(r, gradients[i].db, (Value *[]){first ? dc : a, first ? a : dc}, 2, node->at)
                ->outputs[0]);
    }
}

static void vjp_group_expand(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_GROUP_COLLECT, &dy, 1, restoring(node))->outputs[0]);
}

/* The transposed convolution, whose gradient is the convolution. */
static void vjp_transposed(Reverse *r, const Node *node, Value *dy, Op op_dw, Op op)
{
    Value *const *in = node->inputs; /* x w */

    if (wants(r, 1))
        accumulate(r, 1, append(r, op_dw, (Value *[]){dy, in[0]}, 2, node->at)->outputs[0]);
    if (wants(r, 0))
        accumulate(r, 0, append(r, op, (Value *[]){dy, in[1], NULL}, 3, node->at)->outputs[0]);
}

static void vjp_conv2d_dx(Reverse *r, const Node *node, Value *dy)
{
    vjp_transposed(r, node, dy, OP_CONV2D_DW, OP_CONV2D);
}

static void vjp_conv3d_dx(Reverse *r, const Node *node, Value *dy)
{
    vjp_transposed(r, node, dy, OP_CONV3D_DW, OP_CONV3D);
}

static void vjp_embedding(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = node->at;

    at.shape = node->inputs[1]->shape;
    if (wants(r, 1))
        accumulate(r, 1,
                   append(r, OP_EMBEDDING_DW, (Value *[]){node->inputs[0], dy}, 2, at)->outputs[0]);
}

/* The sparse x comes from the reader: only h, what stands beside it, has a gradient. */
static void vjp_sparse_dense(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x h w b */
    Attributes at = {.begin = in[0]->shape.size[0]};

    if (wants(r, 3))
        accumulate(r, 3, append(r, OP_CHANNEL_SUM, &dy, 1, (Attributes){0})->outputs[0]);
    if (wants(r, 2))
        accumulate(
            r, 2,
            append(r, OP_SPARSE_DENSE_DW, (Value *[]){in[0], in[1], dy}, 3, node->at)->outputs[0]);
    if (wants(r, 1)) {
        at.shape = in[1]->shape;
        accumulate(r, 1, append(r, OP_SPARSE_DENSE_DX, (Value *[]){dy, in[2]}, 2, at)->outputs[0]);
    }
}

static void vjp_attention(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs, *const *out = node->outputs;

    if (wants(r, 0))
        accumulate(
            r, 0,
            append(r, OP_ATTENTION_GRAD, (Value *[]){in[0], in[1], out[0], out[1], dy}, 5, node->at)
                ->outputs[0]);
}

static void vjp_cross_attention(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs, *const *out = node->outputs;
    const Node *grad;

    if (!wants(r, 0) && !wants(r, 1))
        return;
    grad = append(r, OP_CROSS_ATTENTION_GRAD, (Value *[]){in[0], in[1], in[2], out[0], out[1], dy},
                  6, node->at);
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i, grad->outputs[i]);
}

static void vjp_info_nce(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs;
    Attributes at = node->at;

    for (at.view = 0; at.view < 2; at.view++)
        if (wants(r, at.view))
            accumulate(r, at.view,
                       append(r, OP_INFO_NCE_GRAD,
                              (Value *[]){in[at.view], in[1 - at.view], node->outputs[1], dy}, 4,
                              at)
                           ->outputs[0]);
}

static void vjp_weight_slice(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_WEIGHT_SLICE_GRAD, &dy, 1, restoring(node))->outputs[0]);
}

Vjp *const products_vjps[OP_COUNT] = {
    [OP_DENSE] = vjp_dense,
    [OP_CONV2D] = vjp_conv2d,
    [OP_CONV2D_DX] = vjp_conv2d_dx,
    [OP_CONV3D] = vjp_conv3d,
    [OP_CONV3D_DX] = vjp_conv3d_dx,
    [OP_RNN] = vjp_recurrent,
    [OP_LSTM] = vjp_recurrent,
    [OP_GRU] = vjp_recurrent,
    [OP_MATMUL] = vjp_matmul,
    [OP_MATMUL_NT] = vjp_matmul,
    [OP_MATMUL_TN] = vjp_matmul,
    [OP_MATMUL_TT] = vjp_matmul,
    [OP_GROUP_EXPAND] = vjp_group_expand,
    [OP_EMBEDDING] = vjp_embedding,
    [OP_SPARSE_DENSE] = vjp_sparse_dense,
    [OP_ATTENTION] = vjp_attention,
    [OP_CROSS_ATTENTION] = vjp_cross_attention,
    [OP_INFO_NCE] = vjp_info_nce,
    [OP_WEIGHT_SLICE] = vjp_weight_slice,
};
