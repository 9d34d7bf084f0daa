/*
 * autodiff.c -- reverse-mode differentiation: gradient and update nodes after the forward ones.
 *
 * The one idea: a function an operation, its vector-Jacobian product, appends the nodes that turn
 * the gradient of the outputs into gradients of the inputs. Forward nodes are visited backwards.
 * Gradients of one value are added as they come, so that a sum can be fused into what makes its
 * last part. A parameter is updated as soon as its first reader has been visited: then its
 * gradient is whole, and everything that reads it stands before the update.
 *
 * Needs: a train graph with a loss. Gives: the same with backward nodes, one update a parameter.
 */

#include "passes/autodiff.h"

/* ---- An operation each ----------------------------------------------------------------------- */

static const Op loss_gradients[OP_COUNT] = {
    [OP_CROSS_ENTROPY] = OP_CROSS_ENTROPY_GRAD,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = OP_##NAME##_GRAD,
#include "graph/ops.def"
};

/* A loss ends the graph: its gradient starts from d loss = 1, or its factor in a sum. */
static void vjp_loss(Reverse *r, const Node *node, Value *dy)
{
    (void)dy;
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, loss_gradients[node->op], node->inputs, 2, node->at)->outputs[0]);
}

static Vjp *const vjps[OP_COUNT] = {
    [OP_DENSE] = vjp_dense,
    [OP_CONV2D] = vjp_conv2d,
    [OP_CONV2D_DX] = vjp_conv2d_dx,
    [OP_RNN] = vjp_recurrent,
    [OP_LSTM] = vjp_recurrent,
    [OP_GRU] = vjp_recurrent,
    [OP_MATMUL] = vjp_matmul,
    [OP_MATMUL_NT] = vjp_matmul,
    [OP_MATMUL_TN] = vjp_matmul,
    [OP_MATMUL_TT] = vjp_matmul,
    [OP_GROUP_EXPAND] = vjp_group_expand,
    [OP_ADD] = vjp_add,
    [OP_ADD_BIAS] = vjp_add_bias,
    [OP_MULTIPLY] = vjp_multiply,
    [OP_DIVIDE] = vjp_divide,
    [OP_MAXIMUM] = vjp_maximum,
    [OP_GAUSSIAN_NOISE] = vjp_shift,
    [OP_SHIFT] = vjp_shift,
    [OP_SCALE] = vjp_scale,
    [OP_DROPOUT] = vjp_dropout,
    [OP_NORMALIZE] = vjp_normalize,
    [OP_EMBEDDING] = vjp_embedding,
    [OP_TOKEN_MEAN] = vjp_token_mean,
    [OP_SPARSE_DENSE] = vjp_sparse_dense,
    [OP_LAYERNORM] = vjp_layernorm,
    [OP_RESHAPE] = vjp_reshape,
    [OP_CONCAT] = vjp_concat,
    [OP_SLICE] = vjp_slice,
    [OP_PAD] = vjp_pad,
    [OP_PERMUTE] = vjp_permute,
    [OP_MAXPOOL2D] = vjp_maxpool2d,
    [OP_AVGPOOL2D] = vjp_avgpool2d,
    [OP_UPSAMPLE2D] = vjp_upsample2d,
    [OP_STRETCH] = vjp_stretch,
    [OP_PIXEL_SUM] = vjp_pixel_sum,
    [OP_GLOBAL_MAXPOOL2D] = vjp_global_maxpool2d,
    [OP_GLOBAL_AVGPOOL2D] = vjp_global_avgpool2d,
    [OP_AXIS_SUM] = vjp_axis_sum,
    [OP_AXIS_MAX] = vjp_axis_max,
    [OP_SPREAD] = vjp_spread,
    [OP_LOGSUMEXP] = vjp_logsumexp,
#define ACTIVATION(NAME, ...) [OP_##NAME] = vjp_activation,
#include "graph/ops.def"
    [OP_SOFTMAX] = vjp_softmax,
    [OP_AXIS_SOFTMAX] = vjp_softmax,
    [OP_ATTENTION] = vjp_attention,
    [OP_CROSS_ENTROPY] = vjp_loss,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = vjp_loss,
#include "graph/ops.def"
};

static void find_wanted(Reverse *r)
{
    for (int i = 0; i < r->values; i++)
        r->wanted[i] = r->g->values[i]->role == ROLE_PARAMETER;
    for (int i = 0; i < r->g->node_count; i++) {
        const Node *node = r->g->nodes[i];

        for (int j = 0; j < node->input_count; j++) {
            Value *input = node->inputs[j];

            if (!input)
                continue;
            if (!r->first_reader[input->id])
                r->first_reader[input->id] = node;
            for (int k = 0; k < node->output_count; k++)
                if (r->wanted[input->id])
                    r->wanted[node->outputs[k]->id] = true;
        }
    }
}

/* The parameters that have no reader before this node. */
static void update_parameters(Reverse *r, const Node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        Value *w = node->inputs[i];

        if (w && w->role == ROLE_PARAMETER && r->first_reader[w->id] == node &&
            r->gradient[w->id]) {
            append(r, OP_UPDATE, (Value *[]){w, r->gradient[w->id]}, 2, (Attributes){0});
            r->gradient[w->id] = NULL; /* w may stand there twice */
        }
    }
}

void autodiff(Graph *g)
{
    const size_t values = (size_t)g->value_count;
    Reverse r = {.g = g, .values = g->value_count};

    r.gradient = allocate(values * sizeof *r.gradient);
    r.wanted = allocate(values * sizeof *r.wanted);
    r.first_reader = allocate(values * sizeof *r.first_reader);
    find_wanted(&r);
    for (int i = g->node_count - 1; i >= 0; i--) {
        const Node *node = g->nodes[i];
        Value *dy = r.gradient[node->outputs[0]->id];

        r.node = node;
        if ((dy || op_info[node->op].class == CLASS_LOSS) && vjps[node->op])
            vjps[node->op](&r, node, dy);
        update_parameters(&r, node);
    }
}
