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
    [OP_EXPRESSION] = OP_EXPRESSION_GRAD,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = OP_##NAME##_GRAD,
#include "graph/ops.def"
};

/* A loss ends the graph: its gradient starts from d loss = 1, or its factor in a sum. */
static void vjp_loss(Reverse *r, const Node *node, Value *dy)
{
    (void)dy;
    if (wants(r, 0))
        accumulate(r, 0,
                   append(r, loss_gradients[node->op], node->inputs, node->input_count, node->at)
                       ->outputs[0]);
}

static Vjp *const loss_vjps[OP_COUNT] = {
    [OP_CROSS_ENTROPY] = vjp_loss,
    [OP_EXPRESSION] = vjp_loss,
#define ELEMENTWISE_LOSS(NAME, ...) [OP_##NAME] = vjp_loss,
#include "graph/ops.def"
};

/* Or NULL: no gradient goes through it. */
static Vjp *find_vjp(Op op)
{
    return loss_vjps[op]          ? loss_vjps[op]
           : products_vjps[op]    ? products_vjps[op]
           : elementwise_vjps[op] ? elementwise_vjps[op]
           : pool_vjps[op]        ? pool_vjps[op]
                                  : movement_vjps[op];
}

/* By the section, where there are several. */
static bool is_trained(const Reverse *r, const Value *value)
{
    return value->role == ROLE_PARAMETER && !value->storage && value->section == r->section;
}

static void find_wanted(Reverse *r)
{
    for (int i = 0; i < r->values; i++)
        r->wanted[i] = is_trained(r, r->g->values[i]);
    for (int i = 0; i < r->count; i++) {
        const Node *node = r->nodes[i];

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

/* An update's result, the value added last, is what sections behind it read already. */
static void give_next(Graph *g, Node *update, Value *next)
{
    g->value_count--;
    update->outputs[0] = next;
    next->role = ROLE_RESULT;
    next->node = update;
    next->output = 0;
}

/* The parameters that have no reader before this node. */
static void update_parameters(Reverse *r, const Node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        Value *w = node->inputs[i];

        if (w && is_trained(r, w) && r->first_reader[w->id] == node && r->gradient[w->id]) {
            Node *update = append(r, OP_UPDATE, (Value *[]){w, r->gradient[w->id]}, 2,
                                  (Attributes){0});
            if (w->next)
                give_next(r->g, update, w->next);
            r->gradient[w->id] = NULL; /* w may stand there twice */
        }
    }
}

/* The losses of the section, by the parameters that it trains. */
static void differentiate(Reverse *r)
{
    const size_t values = (size_t)r->g->value_count;

    r->values = r->g->value_count;
    r->gradient = allocate(values * sizeof *r->gradient);
    r->wanted = allocate(values * sizeof *r->wanted);
    r->first_reader = allocate(values * sizeof *r->first_reader);
    find_wanted(r);
    for (int i = r->count - 1; i >= 0; i--) {
        const Node *node = r->nodes[i];
        Value *dy = r->gradient[node->outputs[0]->id];
        Vjp *vjp = find_vjp(node->op);
        const bool other = loss_vjps[node->op] && r->section &&
                           r->g->term_sections[node->at.term] != r->section - 1;

        r->node = node;
        if (vjp && !other && (dy || loss_vjps[node->op]))
            vjp(r, node, dy);
        update_parameters(r, node);
    }
}

/* Parameters that no gradient has reached stay what they are. */
static void drop_versions(Graph *g)
{
    for (int i = 0; i < g->node_count; i++) {
        Node *node = g->nodes[i];

        node->id = i;
        for (int j = 0; j < node->input_count; j++)
            if (node->inputs[j] && node->inputs[j]->storage && !node->inputs[j]->node)
                node->inputs[j] = node->inputs[j]->storage;
    }
}

/* What is read, and no gradient reaches, behind a detach, is no parameter: no decay, no penalty. */
static void keep_unreached(Graph *g)
{
    bool *updated = allocate((size_t)g->value_count + 1);

    for (int i = 0; i < g->node_count; i++)
        if (g->nodes[i]->op == OP_UPDATE)
            updated[g->nodes[i]->inputs[0]->id] = true;
    for (int i = 0; i < g->value_count; i++) {
        Value *w = g->values[i];

        if (w->role != ROLE_PARAMETER || updated[w->id])
            continue;
        w->role = ROLE_STATE;
        w->unreached = true;
        w->l1 = w->l2 = w->rate = 0;
        w->run_l1 = w->run_l2 = w->run_rate = 0;
    }
}

static bool is_detach(const Node *node)
{
    return node->op == OP_SCALE && node->at.constant && node->at.scale == 1;
}

/* The parameters of a section, from 1, or 0, that its losses read behind a detach. */
static void mark_detached(const Graph *g, int section)
{
    bool *needed = allocate((size_t)g->value_count + 1), /* by its losses, */
        *behind = allocate((size_t)g->value_count + 1);  /* through a detach */

    for (int i = g->node_count - 1; i >= 0; i--) {
        const Node *node = g->nodes[i];
        bool wanted = loss_vjps[node->op] &&
                      (!section || g->term_sections[node->at.term] == section - 1);
        bool hidden = false;

        for (int k = 0; k < node->output_count; k++) {
            wanted |= needed[node->outputs[k]->id];
            hidden |= behind[node->outputs[k]->id];
        }
        for (int j = 0; wanted && j < node->input_count; j++)
            if (node->inputs[j]) {
                needed[node->inputs[j]->id] = true;
                behind[node->inputs[j]->id] |= hidden || is_detach(node);
            }
    }
    for (int i = 0; i < g->value_count; i++)
        g->values[i]->detached |= behind[i] && g->values[i]->role == ROLE_PARAMETER &&
                                  g->values[i]->section == section;
}

void autodiff(Graph *g)
{
    for (int k = g->section_count > 0; k <= g->section_count; k++)
        mark_detached(g, k);

    Node **forward = copy_array(g->nodes, g->node_count, sizeof(Node *));
    const int count = g->node_count;
    int end = 0;

    if (!g->section_count) {
        Reverse r = {.g = g, .nodes = forward, .count = count};

        differentiate(&r);
        keep_unreached(g);
        return;
    }
    g->node_count = 0;
    for (int k = 0; k < g->section_count; k++) {
        const int begin = end;

        end = k + 1 < g->section_count ? g->section_ends[k] : count; /* with the sum of all */
        for (int i = begin; i < end; i++)
            APPEND(g->nodes, g->node_count, forward[i]);

        Reverse r = {.g = g, .nodes = forward, .count = end, .section = k + 1};
        differentiate(&r);
    }
    drop_versions(g);
    keep_unreached(g);
}
