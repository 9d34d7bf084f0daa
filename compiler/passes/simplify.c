/*
 * simplify.c -- a smaller graph that computes the same.
 *
 * The one idea: a few local rules, repeated until none applies. An input that is only ever read
 * reshaped is packed in that shape; reshapes of reshapes and to the same shape go; an activation's
 * gradient is taken of the max that follows it, not of all the pixels of a window; what was
 * computed before is not computed again (never what is random or has a state); what nobody reads
 * goes, with parameters that are left without a reader.
 *
 * Needs: any graph that verifies, for training after autodiff. Gives: the same, renumbered.
 */

#include <string.h>

#include "passes/passes.h"

/* ---- Substitution ---------------------------------------------------------------------------- */

static Value *follow(Value **substitute, Value *value)
{
    while (value && substitute[value->id])
        value = substitute[value->id];
    return value;
}

static void substitute_inputs(Value **substitute, Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        node->inputs[i] = follow(substitute, node->inputs[i]);
}

/* ---- Inputs read in one shape only ----------------------------------------------------------- */

/* The shape in which every reader wants `input`, through a reshape; rank 0 if there is none. */
static Shape shape_of_readers(const Graph *g, const Value *input)
{
    Shape shape = {0};

    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        for (int j = 0; j < node->input_count; j++) {
            if (node->inputs[j] != input)
                continue;
            if (node->op != OP_RESHAPE || (shape.rank > 0 && !same_shape(shape, node->at.shape)))
                return (Shape){0};
            shape = node->at.shape;
        }
    }
    return shape;
}

/* The reader of the batch packs elements in row-major order, so the shape is only a name. */
static bool reshape_inputs(Graph *g)
{
    bool changed = false;

    for (int i = 0; i < g->value_count; i++) {
        Value *value = g->values[i];
        Shape shape;

        if (value->role != ROLE_INPUT)
            continue;
        shape = shape_of_readers(g, value);
        if (shape.rank > 0 && !same_shape(shape, value->shape) && !is_predicted(g, value)) {
            value->shape = shape;
            changed = true;
        }
    }
    return changed;
}

/* ---- Reshapes and common subexpressions ------------------------------------------------------ */

/* What a reshape can be replaced by, or NULL; a reshape of a reshape is shortened in place. */
static Value *simplify_reshape(Node *node, bool *changed)
{
    const Node *before = node->inputs[0]->node;

    if (before && before->op == OP_RESHAPE) {
        node->inputs[0] = before->inputs[0];
        *changed = true;
    }
    return same_shape(node->inputs[0]->shape, node->at.shape) ? node->inputs[0] : NULL;
}

static bool same_attributes(const Attributes *a, const Attributes *b)
{
#define ATTRIBUTE(type, name, extent)                                                              \
    if (memcmp(&a->name, &b->name, sizeof a->name) != 0)                                           \
        return false;
#include "graph/attributes.def"
    return same_shape(a->shape, b->shape);
}

bool is_recomputed(const Node *node)
{
    return node->backward && (node->op == OP_NORMALIZE || node->op == OP_STRETCH);
}

/* What backward computes again is not kept from forward. */
static bool same_computation(const Node *a, const Node *b)
{
    return a->op == b->op && is_recomputed(a) == is_recomputed(b) &&
           a->input_count == b->input_count &&
           memcmp(a->inputs, b->inputs, sizeof a->inputs) == 0 && same_attributes(&a->at, &b->at);
}

/* Nodes by a hash of operation and inputs: chains through `next`, by node id. */
typedef struct Seen {
    Node **first; /* by hash */
    Node **next;  /* by node id */
    size_t size;  /* a power of two */
} Seen;

static Node **find_chain(const Seen *seen, const Node *node)
{
    size_t hash = (size_t)node->op;

    for (int i = 0; i < node->input_count; i++)
        hash = hash * 31 + (node->inputs[i] ? (size_t)node->inputs[i]->id + 1 : 0);
    return &seen->first[hash & (seen->size - 1)];
}

/* A node that computed the same before, or NULL; remembers this one. */
static Node *find_twin(const Seen *seen, Node *node)
{
    Node **chain = find_chain(seen, node);

    for (Node *other = *chain; other; other = seen->next[other->id])
        if (same_computation(other, node))
            return other;
    seen->next[node->id] = *chain;
    *chain = node;
    return NULL;
}

static bool remove_repetition(Graph *g)
{
    Value **substitute = allocate((size_t)g->value_count * sizeof *substitute);
    Seen seen = {.size = 16};
    bool changed = false;

    while (seen.size < (size_t)g->node_count)
        seen.size *= 2;
    seen.first = allocate(seen.size * sizeof *seen.first);
    seen.next = allocate((size_t)(g->node_count + 1) * sizeof *seen.next);
    for (int i = 0; i < g->node_count; i++) {
        Node *node = g->nodes[i];
        Value *other = NULL;
        const Node *twin;

        substitute_inputs(substitute, node);
        if (node->op == OP_RESHAPE)
            other = simplify_reshape(node, &changed);
        if (other) {
            substitute[node->outputs[0]->id] = other;
        } else if (op_info[node->op].effects == PURE && (twin = find_twin(&seen, node))) {
            for (int j = 0; j < node->output_count; j++)
                substitute[node->outputs[j]->id] = twin->outputs[j];
        }
        changed = changed || substitute[node->outputs[0]->id];
    }
    for (int i = 0; i < g->value_count; i++)
        g->values[i]->gradient_of = follow(substitute, g->values[i]->gradient_of);
    g->prediction = follow(substitute, g->prediction);
    for (int i = 0; i < g->head_count; i++)
        g->heads[i].value = follow(substitute, g->heads[i].value);
    g->loss = follow(substitute, g->loss);
    return changed;
}

/* ---- Gradients at one place ------------------------------------------------------------------ */

/* The node that scatters dy over an image, where dy is nothing but the gradient of a max: of each
   window, or of the whole image, one value per channel, at its index. */
const Node *find_pool_grad(const Value *dy)
{
    while (dy && dy->node && dy->node->op == OP_RESHAPE)
        dy = dy->node->inputs[0];
    if (!dy || !dy->node ||
        (dy->node->op != OP_GLOBAL_MAXPOOL2D_GRAD && dy->node->op != OP_MAXPOOL2D_GRAD))
        return NULL;
    return dy->node;
}

/* What the gradient of an activation is given of forward: is it that activation's y, or x, where
   the max was taken of y? */
static bool is_pooled(const Node *pool_grad, const Activation *a, const Value *kept)
{
    const Value *y = pool_grad->inputs[0]->node->inputs[0];

    while (y->node && y->node->op == OP_RESHAPE && (a->kept != KEPT_Y || y != kept))
        y = y->node->inputs[0];
    if (a->kept == KEPT_Y)
        return y == kept;
    return y->node && y->node->op == a->op && y->node->inputs[0] == kept;
}

/* A node before node `at`. */
static Node *insert_node(Graph *g, int at, Op op, Value *const *inputs, int count,
                         Attributes attributes)
{
    const Node *before = g->nodes[at];
    Node *node = add_node(g, op, inputs, count, attributes, before->span, before->path);

    node->backward = before->backward;
    for (int i = g->node_count - 1; i > at; i--)
        g->nodes[i] = g->nodes[i - 1];
    g->nodes[at] = node;
    return node;
}

/* The gradient of an activation that a max follows, where y or its sign is all it takes: of y where
   the max is, which is the max, before dy is scattered. */
static bool move_before_scatter(Graph *g, int at)
{
    Node *node = g->nodes[at], *moved;
    const Activation *a = find_activation(node->op);
    const Node *pool_grad = a && node->op == a->gradient && a->kept != KEPT_X
                                ? find_pool_grad(node->inputs[1])
                                : NULL;
    Value *index, *max, *dx = node->outputs[0];

    if (!pool_grad || !is_pooled(pool_grad, a, node->inputs[0]))
        return false;
    index = pool_grad->inputs[0];
    max = index->node->outputs[0];
    moved = insert_node(g, at++, node->op, (Value *[]){max, pool_grad->inputs[1]}, 2, node->at);
    moved->outputs[0]->gradient_of = max;
    node->inputs[0] = index;
    node->inputs[1] = moved->outputs[0];
    node->op = pool_grad->op;
    node->at = pool_grad->at;
    if (!same_shape(dx->shape, pool_grad->outputs[0]->shape)) {
        Node *again = insert_node(g, at, pool_grad->op, node->inputs, 2, pool_grad->at);

        again->span = pool_grad->span, again->path = pool_grad->path;
        node->op = OP_RESHAPE;
        node->at = (Attributes){.shape = dx->shape};
        node->inputs[0] = again->outputs[0];
        node->input_count = 1;
    } else {
        node->span = pool_grad->span, node->path = pool_grad->path;
    }
    return true;
}

static bool move_activations(Graph *g)
{
    bool changed = false;

    for (int i = 0; i < g->node_count; i++)
        changed = move_before_scatter(g, i) || changed;
    return changed;
}

/* ---- Dead nodes ------------------------------------------------------------------------------ */

/* An update is wanted for what it leaves. Statistics only where the batch is normalised by them:
   a batchnorm that leads nowhere is dead. */
static bool is_live(const Node *node, const bool *live)
{
    if (node->op == OP_UPDATE)
        return true;
    for (int i = 0; i < node->output_count; i++)
        if (live[node->outputs[i]->id])
            return true;
    return false;
}

static void number_values(Graph *g, const bool *live)
{
    int count = 0;

    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->gradient_of && !live[g->values[i]->gradient_of->id])
            g->values[i]->gradient_of = NULL;
    for (int i = 0; i < g->value_count; i++) {
        Value *value = g->values[i];

        if (!live[i] && value->role != ROLE_INPUT && value->role != ROLE_TARGET)
            continue;
        value->id = count;
        g->values[count++] = value;
    }
    g->value_count = count;
}

bool remove_dead(Graph *g)
{
    const int before = g->value_count;
    bool *live = allocate((size_t)g->value_count * sizeof *live);
    bool *keep = allocate((size_t)(g->node_count + 1) * sizeof *keep);
    int count = 0;

    if (g->loss)
        live[g->loss->id] = true;
    if (g->prediction)
        live[g->prediction->id] = true;
    for (int i = 0; i < g->head_count; i++)
        live[g->heads[i].value->id] = true;
    for (int i = g->node_count - 1; i >= 0; i--) {
        const Node *node = g->nodes[i];

        keep[i] = is_live(node, live);
        for (int j = 0; j < node->input_count && keep[i]; j++)
            if (node->inputs[j])
                live[node->inputs[j]->id] = true;
        for (int j = 0; j < node->output_count && keep[i]; j++)
            live[node->outputs[j]->id] = true;
    }
    for (int i = 0; i < g->node_count; i++) {
        if (!keep[i])
            continue;
        g->nodes[i]->id = count;
        g->nodes[count++] = g->nodes[i];
    }
    g->node_count = count;
    number_values(g, live);
    return g->value_count < before;
}

void simplify(Graph *g)
{
    bool changed = true;

    while (changed) {
        changed = move_activations(g);
        changed = remove_repetition(g) || changed;
        changed = remove_dead(g) || changed;
        changed = reshape_inputs(g) || changed;
    }
}
