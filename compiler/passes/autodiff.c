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

#include "passes/passes.h"

typedef struct Reverse {
    Graph *g;
    const Node *node;          /* the forward node being differentiated */
    Value **gradient;          /* by id of a forward value: the sum so far, or NULL */
    bool *wanted;              /* by id: does a parameter lie behind it? */
    int values;                /* how many there were before */
    const Node **first_reader; /* by id: of a parameter */
} Reverse;

/* dy: the gradient of the node's first output; NULL for the loss itself. */
typedef void Vjp(Reverse *r, const Node *node, Value *dy);

static bool wants(const Reverse *r, int input)
{
    const Value *value = r->node->inputs[input];

    return value && r->wanted[value->id];
}

/* A backward node; place and layer are those of the forward node. */
static Node *append(Reverse *r, Op op, Value *const *inputs, int count, Attributes at)
{
    Node *node = add_node(r->g, op, inputs, count, at, r->node->span, r->node->path);

    node->backward = true;
    return node;
}

static void accumulate(Reverse *r, int input, Value *gradient)
{
    Value *value = r->node->inputs[input], **sum = &r->gradient[value->id];

    if (!gradient->gradient_of)
        gradient->gradient_of = value;
    *sum = *sum ? append(r, OP_ADD, (Value *[]){*sum, gradient}, 2, (Attributes){0})->outputs[0]
                : gradient;
    if (!(*sum)->gradient_of)
        (*sum)->gradient_of = value;
}

/* Attributes with the shape that the gradient of input 0 has. */
static Attributes restoring(const Node *node)
{
    Attributes at = node->at;

    at.shape = node->inputs[0]->shape;
    return at;
}

/* ---- An operation each ----------------------------------------------------------------------- */

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
static void vjp_conv2d_dx(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x w */

    if (wants(r, 1))
        accumulate(r, 1, append(r, OP_CONV2D_DW, (Value *[]){dy, in[0]}, 2, node->at)->outputs[0]);
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, OP_CONV2D, (Value *[]){dy, in[1], NULL}, 3, node->at)->outputs[0]);
}

static void vjp_add_bias(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 1))
        accumulate(r, 1, append(r, OP_CHANNEL_SUM, &dy, 1, node->at)->outputs[0]);
    if (wants(r, 0))
        accumulate(r, 0, dy);
}

static void vjp_add(Reverse *r, const Node *node, Value *dy)
{
    (void)node;
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i, dy);
}

/* A forward value as backward reads it: what is stretched over an image is stretched again, in the
   kernel that needs it, and not kept. */
static Value *kept_value(Reverse *r, Value *value)
{
    const Node *node = value->node;

    return node && node->op == OP_STRETCH
               ? append(r, OP_STRETCH, node->inputs, 1, node->at)->outputs[0]
               : value;
}

/* d(ab) = b da + a db */
static void vjp_multiply(Reverse *r, const Node *node, Value *dy)
{
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i,
                       append(r, OP_MULTIPLY, (Value *[]){dy, kept_value(r, node->inputs[1 - i])},
                              2, node->at)
                           ->outputs[0]);
}

static Value *scaled(Reverse *r, Value *x, double scale)
{
    return append(r, OP_SCALE, &x, 1, (Attributes){.scale = scale})->outputs[0];
}

/* y = a / b: da = dy / b, db = -da y */
static void vjp_divide(Reverse *r, const Node *node, Value *dy)
{
    Value *b = kept_value(r, node->inputs[1]);
    Value *da = append(r, OP_DIVIDE, (Value *[]){dy, b}, 2, node->at)->outputs[0];

    if (wants(r, 0))
        accumulate(r, 0, da);
    if (wants(r, 1))
        accumulate(
            r, 1,
            scaled(
                r,
                append(r, OP_MULTIPLY, (Value *[]){da, node->outputs[0]}, 2, node->at)->outputs[0],
                -1));
}

static void vjp_maximum(Reverse *r, const Node *node, Value *dy)
{
    for (int i = 0; i < 2; i++)
        if (wants(r, i))
            accumulate(r, i,
                       append(r, OP_MAXIMUM_GRAD,
                              (Value *[]){node->inputs[i], node->inputs[1 - i], dy}, 3, node->at)
                           ->outputs[0]);
}

static void vjp_scale(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_SCALE, &dy, 1, node->at)->outputs[0]);
}

/* The gradient of an activation reads x or y. */
static void vjp_activation(Reverse *r, const Node *node, Value *dy)
{
    const Activation *a = find_activation(node->op);
    Value *kept = a->kept == KEPT_Y ? node->outputs[0] : node->inputs[0];

    if (wants(r, 0))
        accumulate(r, 0, append(r, a->gradient, (Value *[]){kept, dy}, 2, node->at)->outputs[0]);
}

static void vjp_softmax(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(
            r, 0,
            append(r, OP_SOFTMAX_GRAD, (Value *[]){node->outputs[0], dy}, 2, node->at)->outputs[0]);
}

/* Linear, with the mask drawn again: the stream is in the attributes. */
static void vjp_dropout(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_DROPOUT, &dy, 1, node->at)->outputs[0]);
}

/* x + noise, x + a number */
static void vjp_shift(Reverse *r, const Node *node, Value *dy)
{
    (void)node;
    if (wants(r, 0))
        accumulate(r, 0, dy);
}

/* Through mean and inverse_std as well, which are statistics of the same x (shape.c, lower.c):
   BATCHNORM_STATS needs no function of its own. */
static void vjp_normalize(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x mean inv_std gamma beta */
    const Node *sums = append(r, OP_BATCHNORM_SUMS, (Value *[]){in[0], dy, in[1], in[2]}, 4,
                              node->at);
    Value *dgamma = sums->outputs[0], *dbeta = sums->outputs[1];

    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, OP_NORMALIZE_GRAD,
                          (Value *[]){in[0], dy, in[1], in[2], in[3], dgamma, dbeta}, 7, node->at)
                       ->outputs[0]);
    accumulate(r, 3, dgamma);
    accumulate(r, 4, dbeta);
}

static void vjp_embedding(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = node->at;

    at.shape = node->inputs[1]->shape;
    if (wants(r, 1))
        accumulate(r, 1,
                   append(r, OP_EMBEDDING_DW, (Value *[]){node->inputs[0], dy}, 2, at)->outputs[0]);
}

static void vjp_token_mean(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, OP_TOKEN_MEAN_GRAD, (Value *[]){dy, node->inputs[1]}, 2, node->at)
                       ->outputs[0]);
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

static void vjp_layernorm(Reverse *r, const Node *node, Value *dy)
{
    Value *const *in = node->inputs; /* x gamma beta */
    const Node *sums = append(r, OP_LAYERNORM_SUMS, (Value *[]){in[0], dy}, 2, node->at);

    if (wants(r, 0))
        accumulate(
            r, 0,
            append(r, OP_LAYERNORM_GRAD, (Value *[]){in[0], dy, in[1]}, 3, node->at)->outputs[0]);
    accumulate(r, 1, sums->outputs[0]);
    accumulate(r, 2, sums->outputs[1]);
}

static void vjp_reshape(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, OP_RESHAPE, &dy, 1, restoring(node))->outputs[0]);
}

static void vjp_concat(Reverse *r, const Node *node, Value *dy)
{
    Attributes at = {0};

    for (int i = 0; i < node->input_count; i++) {
        at.shape = node->inputs[i]->shape;
        if (wants(r, i))
            accumulate(r, i, append(r, OP_SLICE, &dy, 1, at)->outputs[0]);
        at.begin += at.shape.size[0];
    }
}

static void vjp_maxpool2d(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(
            r, 0,
            append(r, OP_MAXPOOL2D_GRAD, (Value *[]){node->outputs[1], dy}, 2, restoring(node))
                ->outputs[0]);
}

/* What sums windows and what scatters a pixel to them are each other's gradient. */
static void vjp_linear(Reverse *r, const Node *node, Value *dy, Op op)
{
    if (wants(r, 0))
        accumulate(r, 0, append(r, op, &dy, 1, restoring(node))->outputs[0]);
}

static void vjp_avgpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_AVGPOOL2D_GRAD);
}

static void vjp_upsample2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_UPSAMPLE2D_GRAD);
}

static void vjp_stretch(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_PIXEL_SUM);
}

static void vjp_pixel_sum(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_STRETCH);
}

static void vjp_global_maxpool2d(Reverse *r, const Node *node, Value *dy)
{
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, OP_GLOBAL_MAXPOOL2D_GRAD, (Value *[]){node->outputs[1], dy}, 2,
                          restoring(node))
                       ->outputs[0]);
}

static void vjp_global_avgpool2d(Reverse *r, const Node *node, Value *dy)
{
    vjp_linear(r, node, dy, OP_GLOBAL_AVGPOOL2D_GRAD);
}

static const Op loss_gradients[OP_COUNT] = {
    [OP_CROSS_ENTROPY] = OP_CROSS_ENTROPY_GRAD,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = OP_##NAME##_GRAD,
#include "graph/ops.def"
};

/* A loss ends the graph: its gradient starts from d loss = 1. */
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
    [OP_MAXPOOL2D] = vjp_maxpool2d,
    [OP_AVGPOOL2D] = vjp_avgpool2d,
    [OP_UPSAMPLE2D] = vjp_upsample2d,
    [OP_STRETCH] = vjp_stretch,
    [OP_PIXEL_SUM] = vjp_pixel_sum,
    [OP_GLOBAL_MAXPOOL2D] = vjp_global_maxpool2d,
    [OP_GLOBAL_AVGPOOL2D] = vjp_global_avgpool2d,
#define ACTIVATION(NAME, ...) [OP_##NAME] = vjp_activation,
#include "graph/ops.def"
    [OP_SOFTMAX] = vjp_softmax,
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
        if ((dy || node->outputs[0] == g->loss) && vjps[node->op])
            vjps[node->op](&r, node, dy);
        update_parameters(&r, node);
    }
}
