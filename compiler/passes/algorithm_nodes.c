/*
 * algorithm_nodes.c -- contractions become the operation that their algorithm computes.
 *
 * The one idea: an algorithm that reads or writes something other than x, w and y is an operation
 * of its own. What it makes superfluous (a gradient scattered over an image, a weight with zeros
 * between groups) is dead afterwards. And where a gradient reads a weight as it lies, it has to
 * stand before the kernel that ends with the update of it.
 */

#include "passes/select.h"

/* ---- Argmax-sparse --------------------------------------------------------------------------- */

/* Are the channels of the maximum those of dy? Then its pixels are too: both count along rows. */
const Node *find_argmax(const Node *node)
{
    const Value *dy = is_input_gradient(node->op)    ? node->inputs[0]
                      : is_weight_gradient(node->op) ? node->inputs[1]
                                                     : NULL;
    const Node *pool_grad = dy && node->backward ? find_pool_grad(dy) : NULL;

    return pool_grad && pool_grad->op == OP_GLOBAL_MAXPOOL2D_GRAD &&
                   pool_grad->inputs[1]->shape.size[0] == dy->shape.size[0]
               ? pool_grad
               : NULL;
}

/* dx of d, w, index; dw of x, d, index: d holds one number a channel. */
static void use_argmax(Node *node, const Node *pool_grad)
{
    if (is_input_gradient(node->op)) {
        node->op = OP_CONV2D_DX_ARGMAX;
        node->inputs[0] = pool_grad->inputs[1];
    } else {
        node->op = OP_CONV2D_DW_ARGMAX;
        node->inputs[1] = pool_grad->inputs[1];
    }
    node->inputs[2] = pool_grad->inputs[0];
    node->input_count = 3;
}

/* The bias' gradient of such a dy likewise: the sum of d. */
static void sum_argmax(const Graph *g, const Value *dy, Value *d)
{
    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_CHANNEL_SUM && g->nodes[i]->inputs[0] == dy)
            g->nodes[i]->inputs[0] = d;
}

/* ---- Depthwise ------------------------------------------------------------------------------- */

bool is_depthwise(const Graph *g, const Node *node)
{
    const bool dw = node->op == OP_CONV2D_DW;
    const Value *w = weight_of(node);
    const Node *reader, *expand = w->node;
    const int groups = groups_of(&node->at);

    if (groups == 1 || groups != w->shape.size[0] || groups != w->shape.size[1])
        return false;
    if (!dw)
        return expand && expand->op == OP_GROUP_EXPAND;
    reader = find_only_readers(g)[w->id];
    return reader && reader->op == OP_GROUP_COLLECT;
}

/* Reads the parameter itself; dw is what group_collect would have made, which is left with nothing
   that anybody reads. */
static void use_depthwise(const Graph *g, Node *node)
{
    if (node->op == OP_CONV2D_DW) {
        Node *collect = find_only_readers(g)[node->outputs[0]->id];
        Value *full = node->outputs[0], *dw = collect->outputs[0];

        node->outputs[0] = dw, dw->node = node;
        collect->outputs[0] = full, full->node = collect;
        node->op = OP_DEPTHWISE_DW;
    } else {
        node->op = node->op == OP_CONV2D ? OP_DEPTHWISE : OP_DEPTHWISE_DX;
        node->inputs[1] = node->inputs[1]->node->inputs[0];
    }
    node->at.groups = 0;
}

/* ---- Readers before the update --------------------------------------------------------------- */

/* The parameter that a node of backward reads as it lies; NULL: none, or another form of it, which
   is made before the step. */
static const Value *read_in_place(const Node *node)
{
    const bool few = node->selection && node->selection->algorithm == ALGORITHM_FEW_OUTPUTS;

    if (!node->backward)
        return NULL;
    return node->op == OP_CONV2D || node->op == OP_CONV3D || node->op == OP_DEPTHWISE_DX ||
                   node->op == OP_SPARSE_DENSE_DX || (node->op == OP_DENSE_DX && few)
               ? node->inputs[1]
               : NULL;
}

static bool reads(const Node *node, const Node *producer)
{
    for (int i = 0; i < node->input_count; i++)
        if (node->inputs[i] && node->inputs[i]->node == producer)
            return true;
    return false;
}

/* Moves node `at`, if it reads a parameter in place, before the gradient of that: both read dy. */
static void move_reader(Graph *g, int at)
{
    Node *node = g->nodes[at];
    const Value *w = read_in_place(node);
    int first = at;

    for (int i = at - 1; w && i >= 0 && !reads(node, g->nodes[i]); i--)
        if (g->nodes[i]->outputs[0]->gradient_of == w)
            first = i;
    for (int i = at; i > first; i--)
        g->nodes[i] = g->nodes[i - 1];
    g->nodes[first] = node;
}

void use_algorithms(Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        Node *node = g->nodes[i];

        if (!node->selection)
            continue;
        if (node->selection->algorithm == ALGORITHM_ARGMAX_SPARSE) {
            const Node *pool_grad = find_argmax(node);

            sum_argmax(g, node->inputs[is_weight_gradient(node->op)], pool_grad->inputs[1]);
            use_argmax(node, pool_grad);
        } else if (node->selection->algorithm == ALGORITHM_DEPTHWISE) {
            use_depthwise(g, node);
        }
    }
    for (int i = 0; i < g->node_count; i++)
        move_reader(g, i);
    remove_dead(g);
}
