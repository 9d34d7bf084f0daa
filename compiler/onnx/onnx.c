/*
 * onnx.c -- the walk over a graph that writes ONNX nodes.
 *
 * The one idea: a rule (rules.c) turns a node of the graph into nodes of ONNX and gives the name of
 * its result. Only what the prediction is made of is visited, from the end to the beginning.
 */

#include <string.h>

#include "onnx/writer.h"

/* By node id: those that a value is made of. What is gone past, and the projection of all steps
   before a recurrence, are parts of their reader. */
static void mark(const Value *value, bool *wanted, bool part)
{
    const Node *node = value ? value->node : NULL;

    if (!node || wanted[node->id])
        return;
    wanted[node->id] = !part;
    for (int i = 0; i < node->input_count; i++)
        mark(node->inputs[i], wanted, is_part(node, i));
}

static int most_id(const Graph *g)
{
    int most = 0;

    for (int i = 0; i < g->node_count; i++)
        most = g->nodes[i]->id > most ? g->nodes[i]->id : most;
    return most;
}

/* A last node gives what `predict` prints: one more, unless it gives that alone. */
static void finish(Writer *w, const Value *prediction, Op activation, const char *output)
{
    Onnx *onnx = w->onnx;
    const char *name = onnx_name(w, prediction);
    const bool last = onnx->count > 0 && same(onnx->nodes[onnx->count - 1].outputs, name);

    if (activation == OP_SOFTMAX)
        add_onnx(w, "Softmax", name, "axis=1");
    else if (activation == OP_SIGMOID)
        add_onnx(w, "Sigmoid", name, NULL);
    else if (!last || output)
        add_onnx(w, "Identity", name, NULL);
    onnx->nodes[onnx->count - 1].outputs = output ? output : "prediction";
}

/* Of the second target, and so on; as export says it (runtime/commands/export_onnx.c). */
static const char *output_name(int number)
{
    return format("prediction_%d", number);
}

static bool is_output(const Graph *g, const char *name)
{
    bool is = same(name, "prediction");

    for (int i = 0; i < g->head_count; i++)
        is |= same(name, output_name(i + 2));
    return is;
}

void describe_onnx(Graph *g)
{
    Onnx *onnx = g->onnx = allocate(sizeof *onnx);
    Writer w = {.onnx = onnx, .names = allocate((size_t)(g->value_count + 1) * sizeof *w.names)};
    bool *wanted = allocate((size_t)most_id(g) + 1);

    mark(g->prediction, wanted, false);
    for (int i = 0; i < g->head_count; i++)
        mark(g->heads[i].value, wanted, false);
    for (int i = 0; i < g->node_count; i++) {
        const Node *node = g->nodes[i];

        if (!wanted[node->id])
            continue;
        const char *name = describe_node(&w, node);

        if (!name) {
            *onnx = (Onnx){.refused = format("%s (line %d)", op_info[node->op].text,
                                             g->source ? line_of(g->source, node->span) : 0)};
            return;
        }
        w.names[node->outputs[0]->id] = name;
    }
    for (int i = 0; i < g->head_count; i++)
        finish(&w, g->heads[i].value, g->heads[i].activation, output_name(i + 2));
    finish(&w, g->prediction, g->prediction_activation, g->head_count ? "prediction" : NULL);
    for (int i = 0; i < g->value_count; i++)
        if (g->values[i]->role == ROLE_INPUT && is_output(g, g->values[i]->name))
            *onnx = (Onnx){.refused = "input of the output's name, `prediction`,"};
}

void print_onnx(FILE *out, const Onnx *onnx)
{
    if (onnx->refused)
        fprintf(out, "onnx has no %s\n", onnx->refused);
    for (int i = 0; i < onnx->count; i++) {
        const OnnxNode *node = &onnx->nodes[i];

        fprintf(out, "%s = %s(%s)%s%s\n", node->outputs, node->op, node->inputs,
                *node->attributes ? " " : "", node->attributes);
    }
}
