/*
 * graph.c -- a graph of values and nodes: how it is built.
 *
 * The one idea: values are in SSA form. Each has one definition, and a value that lives in the
 * memory of an older one says so by `storage`; nothing else is ever overwritten. Every pass takes
 * and gives such a graph, and verify() holds it to that.
 */

#include "graph/graph.h"

Graph *new_graph(const char *name)
{
    Graph *g = allocate(sizeof *g);

    g->name = name;
    g->images = 16;
    g->prediction_activation = OP_NONE;
    return g;
}

/* Templates take images four at a time. */
int images_of_block(int rows)
{
    return rows > 8 ? 16 : rows > 4 ? 8 : 4;
}

Value *add_value(Graph *g, Shape shape, bool batched, ElementType type, Role role)
{
    Value *value = allocate(sizeof *value);

    value->id = g->value_count;
    value->shape = shape;
    value->batched = batched;
    value->type = type;
    value->role = role;
    APPEND(g->values, g->value_count, value);
    return value;
}

Value *storage_of(Value *replaced)
{
    return replaced->storage ? replaced->storage : replaced;
}

Value *find_field(const Graph *g, const Field *field)
{
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->field == field && !g->values[i]->node)
            return g->values[i];
    return NULL;
}

Table named_values(const Graph *g)
{
    Table named = {0};

    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->name && !g->values[i]->node)
            table_set(&named, g->values[i]->name, i);
    return named;
}

Node *add_node(Graph *g, Op op, Value *const *inputs, int count, Attributes at, Span span,
               const char *path)
{
    Node *node = allocate(sizeof *node);

    node->id = g->node_count;
    node->op = op;
    node->input_count = count;
    for (int i = 0; i < count; i++)
        node->inputs[i] = inputs[i];
    node->output_count = op_info[op].outputs;
    for (int i = 0; i < node->output_count; i++) {
        node->outputs[i] = add_value(g, (Shape){0}, false, TYPE_F32, ROLE_RESULT);
        node->outputs[i]->node = node;
        node->outputs[i]->output = i;
    }
    node->at = at;
    node->span = span;
    node->path = path;
    infer_shapes(node);
    if (op == OP_UPDATE)
        node->outputs[0]->storage = storage_of(inputs[0]);
    if (op == OP_BATCHNORM_STATS) {
        node->outputs[2]->storage = storage_of(inputs[1]);
        node->outputs[3]->storage = storage_of(inputs[2]);
    }
    APPEND(g->nodes, g->node_count, node);
    return node;
}

const Value *weight_of(const Node *node)
{
    return is_weight_gradient(node->op) ? node->outputs[0] : node->inputs[1];
}

Value *input_named(const Node *node, const char *formal)
{
    for (int i = 0; i < node->input_count; i++)
        if (same(formal_name(node->op, i), formal))
            return node->inputs[i];
    return NULL;
}

bool is_predicted(const Graph *g, const Value *value)
{
    bool predicted = value == g->prediction;

    for (int i = 0; i < g->head_count; i++)
        predicted |= value == g->heads[i].value;
    return predicted;
}

Node **find_only_readers(const Graph *g)
{
    Node **only = allocate((size_t)(g->value_count + 1) * sizeof *only);
    int *reads = allocate((size_t)(g->value_count + 1) * sizeof *reads);

    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            if (g->nodes[i]->inputs[j]) {
                const int id = g->nodes[i]->inputs[j]->id;

                only[id] = reads[id]++ ? NULL : g->nodes[i];
            }
    return only;
}
