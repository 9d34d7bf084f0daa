/*
 * graph.c -- a graph of values and nodes: how it is built, printed and verified.
 *
 * The one idea: values are in SSA form. Each has one definition, and a value that lives in the
 * memory of an older one says so by `storage`; nothing else is ever overwritten. Every pass takes
 * and gives such a graph, and verify() holds it to that.
 */

#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"

const OpInfo op_info[OP_COUNT + 1] = {
#define OP(name, text, formals, inputs, outputs, class, effects)                                   \
    [OP_##name] = {text, formals, inputs, outputs, class, effects},
#include "graph/ops.def"
    [OP_NONE] = {"no operation", "", 0, 0, CLASS_UPDATE, PURE},
};

const Activation *find_activation(Op op)
{
    static const Activation activations[] = {
#define ACTIVATION(NAME, name, kept, cost, zero, forward, backward)                                \
    {OP_##NAME, OP_##NAME##_GRAD, KEPT_##kept, COST_##cost, AT_##zero, forward, backward},
#include "graph/ops.def"
    };

    for (int i = 0; i < COUNT(activations); i++)
        if (activations[i].op == op || activations[i].gradient == op)
            return &activations[i];
    return NULL;
}

const char *formal_name(Op op, int at)
{
    const int inputs = op_info[op].inputs;
    const char *word = op_info[op].formals, *arrow = strstr(word, "-> ");

    if (inputs < 0 && at >= 0)
        return "x"; /* any number of one name */
    if (at >= inputs)
        word = arrow + strlen("-> "), at -= inputs;
    for (; at > 0; at--)
        word += strcspn(word, " ") + 1;
    return copy_text(word, strcspn(word, " "));
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* The inside of the brackets, with "n" for the batch axis. */
static const char *sizes_text(Shape shape, bool batched)
{
    const char *text = batched ? "n" : "";

    for (int i = 0; i < shape.rank; i++)
        text = format("%s%s%d", text, *text ? ", " : "", shape.size[i]);
    return text;
}

/* ---- Building -------------------------------------------------------------------------------- */

Graph *new_graph(const char *name)
{
    Graph *g = allocate(sizeof *g);

    g->name = name;
    g->prediction_activation = OP_NONE;
    return g;
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

/* What an in-place result replaces. A second update of the same memory replaces the first one's
   result, which lies where the parameter lies. */
static Value *storage_of(Value *replaced)
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

/* ---- Printing -------------------------------------------------------------------------------- */

/* A parameter by its name, a new version of it by the name and "'", a result by its number. */
static const char *printed_name(const Value *value)
{
    if (!value)
        return "none";
    if (value->storage && value->storage->name)
        return format("%s'", value->storage->name);
    return value->name ? value->name : format("%%%d", value->id);
}

static const char *declaration_text(const Value *value)
{
    static const char *const types[] = {[TYPE_F32] = "",
                                        [TYPE_CLASS] = " class",
                                        [TYPE_BYTE] = " byte",
                                        [TYPE_TOKENS] = " tokens",
                                        [TYPE_SPARSE] = " sparse"};

    return format("%s[%s]%s", printed_name(value), sizes_text(value->shape, value->batched),
                  types[value->type]);
}

/* "3x3", or "3" where both are equal and `square` allows it. */
static const char *pair_text(const int pair[2], bool square)
{
    return square && pair[0] == pair[1] ? format("%d", pair[0]) : format("%dx%d", pair[0], pair[1]);
}

static void print_attributes(FILE *out, const Node *node)
{
    const Attributes *at = &node->at;

    switch (node->op) {
    case OP_CONV2D:
    case OP_CONV2D_DX:
    case OP_CONV2D_DW:
    case OP_CONV2D_DX_ARGMAX:
    case OP_CONV2D_DW_ARGMAX:
    case OP_DEPTHWISE:
    case OP_DEPTHWISE_DX:
    case OP_DEPTHWISE_DW:
    case OP_MAXPOOL2D:
    case OP_MAXPOOL2D_GRAD:
    case OP_AVGPOOL2D:
    case OP_AVGPOOL2D_GRAD:
    case OP_UPSAMPLE2D:
    case OP_UPSAMPLE2D_GRAD:
        fprintf(out, " kernel=%s stride=%s padding=%s", pair_text(at->kernel, false),
                pair_text(at->stride, true), pair_text(at->padding, true));
        if (memcmp(at->padding, at->padding_end, sizeof at->padding) != 0)
            fprintf(out, " padding_end=%s", pair_text(at->padding_end, true));
        if (dilation_of(at, 0) > 1 || dilation_of(at, 1) > 1)
            fprintf(out, " dilation=%s", pair_text(at->dilation, true));
        if (groups_of(at) > 1)
            fprintf(out, " groups=%d", at->groups);
        break;
    case OP_GROUP_EXPAND:
    case OP_GROUP_COLLECT:
        fprintf(out, " groups=%d", at->groups);
        break;
    case OP_LEAKY_RELU:
    case OP_LEAKY_RELU_GRAD:
        fprintf(out, " slope=%g", at->slope);
        break;
    case OP_ELU:
    case OP_ELU_GRAD:
        fprintf(out, " slope=%g scale=%g", at->slope, at->scale);
        break;
    case OP_GAUSSIAN_NOISE:
        fprintf(out, " scale=%g stream=%d", at->scale, at->stream);
        break;
    case OP_DROPOUT:
        fprintf(out, " p=%g stream=%d", at->p, at->stream);
        break;
    case OP_BATCHNORM_STATS:
        fprintf(out, " eps=%g momentum=%g pixels=%d", at->eps, at->momentum, at->pixels);
        break;
    case OP_INVERSE_STD:
    case OP_LAYERNORM:
    case OP_LAYERNORM_GRAD:
    case OP_LAYERNORM_SUMS:
        fprintf(out, " eps=%g", at->eps);
        break;
    case OP_NORMALIZE_GRAD:
        fprintf(out, " pixels=%d", at->pixels);
        break;
    case OP_HUBER:
    case OP_HUBER_GRAD:
        fprintf(out, " delta=%g", at->delta);
        break;
    case OP_CROSS_ENTROPY:
    case OP_CROSS_ENTROPY_GRAD:
        if (at->smoothing != 0)
            fprintf(out, " smoothing=%g", at->smoothing);
        if (at->class_weights)
            fprintf(out, " class_weights");
        break;
    case OP_EMBEDDING_DW:
        if (at->padding_row)
            fprintf(out, " padding_row=%d", at->padding_row - 1);
        break;
    case OP_SPARSE_DENSE_DX:
    case OP_SLICE:
        fprintf(out, " begin=%d", at->begin);
        break;
    default:
        break;
    }
}

static void print_node(FILE *out, const Graph *g, const Node *node)
{
    for (int i = 0; i < node->output_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", declaration_text(node->outputs[i]));
    fprintf(out, " = %s(", op_info[node->op].text);
    for (int i = 0; i < node->input_count; i++)
        fprintf(out, "%s%s", i ? ", " : "", printed_name(node->inputs[i]));
    fprintf(out, ")");
    print_attributes(out, node);
    if (g->source)
        fprintf(out, "  # line %d", line_of(g->source, node->span));
    fprintf(out, "\n");
}

void print_graph(FILE *out, const Graph *g)
{
    static const char *const roles[] = {[ROLE_INPUT] = "input",
                                        [ROLE_TARGET] = "target",
                                        [ROLE_PARAMETER] = "parameter",
                                        [ROLE_STATE] = "state"};
    bool backward = false;

    fprintf(out, "graph %s\n\n", g->name);
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->role == ROLE_RESULT)
            continue;
        fprintf(out, "%s %s", roles[value->role], declaration_text(value));
        if (value->init)
            fprintf(out, " init=%s", value->init);
        if (value->fan_in)
            fprintf(out, " fan_in=%d", value->fan_in);
        fprintf(out, "\n");
    }
    fprintf(out, "\n");
    for (int i = 0; i < g->node_count; i++) {
        if (g->nodes[i]->backward && !backward)
            fprintf(out, "\n# backward\n");
        backward = g->nodes[i]->backward;
        print_node(out, g, g->nodes[i]);
    }
    fprintf(out, "\nprediction %s", printed_name(g->prediction));
    if (g->prediction_activation != OP_NONE)
        fprintf(out, " -> %s", op_info[g->prediction_activation].text);
    fprintf(out, "\nloss %s\n", printed_name(g->loss));
}

/* ---- Verifying ------------------------------------------------------------------------------- */

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
