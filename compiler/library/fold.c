/*
 * fold.c -- batchnorms behind a convolution or a dense layer become its weight and bias.
 *
 * The one idea: (w x + b - mean) s + beta, s = gamma / sqrt(var + eps), is one product, with w s
 * and (b - mean) s + beta. The graph is left with the product, whose weights are folded as they
 * are read (library/weights.h); where there is no b, the tensor of beta is the bias.
 *
 * Needs: a graph of predictions. Gives: it without those batchnorms; of others the standard
 * deviations first, so that nothing stands between a batchnorm and the kernel that it ends.
 */

#include "library/library.h"

static bool has_channels(const Value *x, int channels)
{
    return x->shape.rank > 0 && x->shape.size[0] == channels;
}

/* The product whose result is x, which one node alone reads; a sequence's as that of an image. */
static Node *find_product(const Graph *g, Node *const *only, const Value *x, int channels)
{
    while (only[x->id] && !is_predicted(g, x) && has_channels(x, channels)) {
        Node *node = x->node;

        if (node && (node->op == OP_DENSE || node->op == OP_CONV2D || node->op == OP_CONV3D))
            return node;
        if (!node || node->op != OP_RESHAPE)
            return NULL;
        x = node->inputs[0];
    }
    return NULL;
}

/* A tensor that `reader` alone reads, or NULL; of groups before its zeros are added. */
static const Value *own_tensor(Node *const *only, const Value *value, const Node *reader)
{
    if (value->node && value->node->op == OP_GROUP_EXPAND && only[value->id] == reader) {
        reader = value->node;
        value = reader->inputs[0];
    }
    return value->role == ROLE_PARAMETER && only[value->id] == reader ? value : NULL;
}

static bool find_fold(const Graph *g, Node *const *only, const Node *norm, Fold *fold)
{
    const Value *mean = norm->inputs[1], *gamma = norm->inputs[3], *beta = norm->inputs[4];
    const Node *inverse = norm->inputs[2]->node;
    Node *product = find_product(g, only, norm->inputs[0], gamma->shape.size[0]);

    if (!product || !inverse || inverse->op != OP_INVERSE_STD)
        return false;
    *fold = (Fold){.product = product,
                   .weight = own_tensor(only, product->inputs[1], product),
                   .bias = product->inputs[2] ? own_tensor(only, product->inputs[2], product)
                                              : own_tensor(only, beta, norm),
                   .gamma = gamma->name,
                   .beta = beta->name,
                   .mean = mean->name,
                   .var = inverse->inputs[0]->name,
                   .eps = inverse->at.eps};
    return fold->weight && fold->bias && file_shape(fold->weight).size[0] == gamma->shape.size[0];
}

static void replace(Graph *g, const Value *old, Value *new)
{
    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            if (g->nodes[i]->inputs[j] == old)
                g->nodes[i]->inputs[j] = new;
    if (g->prediction == old)
        g->prediction = new;
    for (int i = 0; i < g->head_count; i++)
        if (g->heads[i].value == old)
            g->heads[i].value = new;
}

/* They read parameters alone. */
static void move_deviations_first(Graph *g)
{
    Node **nodes = allocate((size_t)(g->node_count + 1) * sizeof(Node *));
    int count = 0;

    for (int first = 1; first >= 0; first--)
        for (int i = 0; i < g->node_count; i++)
            if ((g->nodes[i]->op == OP_INVERSE_STD) == first)
                nodes[count++] = g->nodes[i];
    g->nodes = nodes;
    for (int i = 0; i < count; i++)
        nodes[i]->id = i;
}

Folds fold_batchnorms(Graph *g)
{
    Folds folds = {0};

    for (int i = 0; i < g->node_count; i++) {
        Node *norm = g->nodes[i];
        Fold fold;

        if (norm->op != OP_NORMALIZE || !find_fold(g, find_only_readers(g), norm, &fold))
            continue;
        if (!fold.product->inputs[2])
            fold.product->inputs[2] = norm->inputs[4];
        replace(g, norm->outputs[0], norm->inputs[0]);
        norm->inputs[4] = norm->inputs[3]; /* it is dead: who reads the bias is the product */
        APPEND(folds.at, folds.count, fold);
    }
    remove_dead(g);
    move_deviations_first(g);
    verify(g);
    return folds;
}

int tensor_place(const Graph *g, const Value *tensor)
{
    int place = 0;

    for (int i = 0; g->values[i] != tensor; i++)
        place += g->values[i]->role == ROLE_PARAMETER || g->values[i]->role == ROLE_STATE;
    return place;
}
