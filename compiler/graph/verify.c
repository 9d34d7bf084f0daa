/*
 * verify.c -- what every pass owes: a graph whose nodes read what is defined and not yet replaced,
 * know their values, and have the shapes that their operations say.
 */

#include <stdlib.h>

#include "graph/graph.h"

/* What find_fault knows of the nodes it has passed. */
typedef struct Progress {
    const Graph *graph;
    bool *defined;         /* by value id */
    const Value **current; /* by id of a parameter or state: what its memory holds now */
} Progress;

static bool belongs(const Graph *g, const Value *value)
{
    return value && value->id >= 0 && value->id < g->value_count && g->values[value->id] == value;
}

/* A node may read what is defined and has not been replaced. */
static const char *find_input_fault(const Progress *p, const Node *node)
{
    const int arity = op_info[node->op].inputs;

    if (arity >= 0 ? node->input_count != arity : node->input_count < 1)
        return format("%d inputs", node->input_count);
    for (int i = 0; i < node->input_count; i++) {
        const Value *value = node->inputs[i];
        const Value *root;

        if (!value)
            continue;
        if (!belongs(p->graph, value))
            return format("input %d is not a value of the graph", i);
        if (!p->defined[value->id])
            return format("%s is read before it is defined", printed_name(value));
        root = value->storage ? value->storage : value;
        if (value->role == ROLE_PARAMETER && value->storage) /* before autodiff */
            continue;
        if ((root->role == ROLE_PARAMETER || root->role == ROLE_STATE) &&
            p->current[root->id] != value)
            return format("%s is read after it was replaced", printed_name(value));
    }
    return NULL;
}

/* The input that an output replaces in place, or NULL. */
static Value *replaced_by(const Node *node, int output)
{
    if (node->op == OP_UPDATE)
        return node->inputs[0];
    if (node->op == OP_BATCHNORM_STATS && output >= 2)
        return node->inputs[output - 1];
    return NULL;
}

static const char *find_output_fault(const Progress *p, const Node *node)
{
    if (node->output_count != op_info[node->op].outputs)
        return format("%d outputs", node->output_count);
    for (int i = 0; i < node->output_count; i++) {
        const Value *value = node->outputs[i];
        Value *replaced = replaced_by(node, i);

        if (!belongs(p->graph, value))
            return format("output %d is not a value of the graph", i);
        if (p->defined[value->id])
            return format("%s is defined twice", printed_name(value));
        if (value->node != node || value->output != i || value->role != ROLE_RESULT)
            return format("%s does not know its node", printed_name(value));
        if (value->storage != (replaced ? storage_of(replaced) : NULL))
            return format("%s has the wrong storage", printed_name(value));
        if (value->storage && value->storage->role != ROLE_PARAMETER &&
            value->storage->role != ROLE_STATE)
            return format("%s replaces what is neither parameter nor state", printed_name(value));
        p->defined[value->id] = true;
        if (value->storage)
            p->current[value->storage->id] = value;
    }
    return NULL;
}

const char *find_fault(const Graph *g)
{
    Progress p = {.graph = g};

    p.defined = allocate((size_t)(g->value_count + 1) * sizeof *p.defined);
    p.current = allocate((size_t)(g->value_count + 1) * sizeof *p.current);
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->id != i)
            return format("value %d has id %d", i, value->id);
        if ((value->role == ROLE_RESULT) != (value->node != NULL))
            return format("%s: its role and its node disagree", printed_name(value));
        p.defined[i] = value->role != ROLE_RESULT;
        p.current[i] = value;
    }
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];
        const char *fault = node->id == i ? NULL : format("has id %d", node->id);

        if (!fault)
            fault = find_input_fault(&p, node);
        if (!fault)
            fault = find_output_fault(&p, node);
        if (!fault)
            fault = find_shape_fault(node);
        if (fault)
            return format("node %d, %s: %s", i, op_info[node->op].text, fault);
    }
    for (int i = 0; i < g->value_count; i++)
        if (!p.defined[i])
            return format("%s has no definition", printed_name(g->values[i]));
    if (g->loss && (!belongs(g, g->loss) || g->loss->shape.rank != 0))
        return "the loss is not a scalar of the graph";
    if (g->prediction && !belongs(g, g->prediction))
        return "the prediction is not a value of the graph";
    for (int i = 0; i < g->head_count; i++)
        if (!belongs(g, g->heads[i].value))
            return "a head is not a value of the graph";
    return NULL;
}

void verify(const Graph *g)
{
    const char *fault = find_fault(g);

    if (fault) {
        fprintf(stderr, "netc: internal error: graph %s: %s\n", g->name, fault);
        abort();
    }
}
