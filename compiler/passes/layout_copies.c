/*
 * layout_copies.c -- copies where two values have to meet in different layouts.
 */

#include "passes/layout.h"

#include <stdlib.h>

void require(LayoutPass *l, Node *node, int i, const Layout *wanted)
{
    Value *x = node->inputs[i];
    Graph *g = l->g;
    Node *copy;

    if (lies_as(x->layout, wanted))
        return;
    for (int j = 0; j < l->count; j++) { /* a loss and its gradient read the same copy */
        Value *y = l->nodes[j]->outputs[0];

        if (l->nodes[j]->op == OP_RESHAPE && l->nodes[j]->inputs[0] == x &&
            same_shape(y->shape, x->shape) && lies_as(y->layout, wanted)) {
            node->inputs[i] = y;
            return;
        }
    }
    copy = add_node(g, OP_RESHAPE, &x, 1, (Attributes){.shape = x->shape}, node->span, node->path);
    g->node_count--; /* its place is before this node, not at the end */
    copy->backward = node->backward;
    give(g, copy->outputs[0], *wanted, NULL);
    APPEND(l->nodes, l->count, copy);
    node->inputs[i] = copy->outputs[0];
}

void require_plain(LayoutPass *l, Node *node, int i)
{
    const Layout plain = new_value(l->g, node->inputs[i]->shape);

    require(l, node, i, &plain);
}

void check_kept(const Value *parameter, bool as_wanted)
{
    if (as_wanted)
        return;
    fprintf(stderr, "netc: internal error: two layouts of one parameter, %s\n",
            parameter->name ? parameter->name : "a result");
    abort();
}
