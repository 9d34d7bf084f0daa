/*
 * prediction.c -- the part of an evaluate graph that makes predictions, as a program of its own.
 *
 * Needs: the evaluate graph, simplified. Gives: its program, planned.
 */

#include "library/library.h"

/* A softmax or sigmoid that the loss took in is the network's again. */
static Value *with_activation(Graph *g, Value *prediction, Op activation, Span span)
{
    if (activation == OP_NONE)
        return prediction;
    return add_node(g, activation, &prediction, 1, (Attributes){0}, span, op_info[activation].text)
        ->outputs[0];
}

static bool is_read(const Graph *g, const Value *value)
{
    bool read = is_predicted(g, value);

    for (int i = 0; i < g->node_count; i++)
        for (int j = 0; j < g->nodes[i]->input_count; j++)
            read |= g->nodes[i]->inputs[j] == value;
    return read;
}

/* Targets, and inputs that only the loss reads. */
static void remove_unread(Graph *g)
{
    int count = 0;

    for (int i = 0; i < g->value_count; i++) {
        Value *value = g->values[i];

        if (value->node || !value->field || is_read(g, value)) {
            value->id = count;
            g->values[count++] = value;
        }
    }
    g->value_count = count;
}

static bool check_inputs(const Graph *g)
{
    bool fine = true;

    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->node || !value->field)
            continue;
        if (value->role == ROLE_TARGET)
            error_at(g->model->source, value->span,
                     "the prediction is made of `%s`, a target: a library is not given it",
                     value->name);
        else
            continue;
        fine = false;
    }
    return fine;
}

bool keep_prediction(Graph *g, int rows)
{
    const Term *terms = g->model->terms;

    g->max_batch = rows;
    g->loss = NULL;
    g->prediction = with_activation(g, g->prediction, g->prediction_activation,
                                    terms[0].call->span);
    for (int i = 0; i < g->head_count; i++)
        g->heads[i].value = with_activation(g, g->heads[i].value, g->heads[i].activation,
                                            terms[g->heads[i].term].call->span);
    simplify(g);
    remove_unread(g);
    verify(g);
    return check_inputs(g);
}

/* Operations whose kernels take values that have no lanes of other images; elementwise ones do. */
static bool takes_one_image(const Node *node)
{
    static const Op known[] = {
        OP_DENSE,
        OP_CONV2D,
        OP_MATMUL,
        OP_MATMUL_NT,
        OP_MATMUL_TN,
        OP_MATMUL_TT,
        OP_RNN,
        OP_LSTM,
        OP_GRU,
        OP_ATTENTION,
        OP_CROSS_ATTENTION,
        OP_GROUP_EXPAND,
        OP_INVERSE_STD,
        OP_RESHAPE,
        OP_CONCAT,
        OP_SLICE,
        OP_PAD,
        OP_PERMUTE,
        OP_MAXPOOL2D,
        OP_AVGPOOL2D,
        OP_UPSAMPLE2D,
        OP_UPSAMPLE2D_BILINEAR,
        OP_STRETCH,
        OP_AXIS_SUM,
        OP_AXIS_MAX,
        OP_LOGSUMEXP,
        OP_SPREAD,
        OP_AXIS_SOFTMAX,
        OP_PIXEL_SUM,
        OP_GLOBAL_MAXPOOL2D,
        OP_GLOBAL_AVGPOOL2D,
        OP_EMBEDDING,
        OP_TOKEN_MEAN,
        OP_SOFTMAX,
        OP_LAYERNORM,
    };

    for (int i = 0; i < COUNT(known); i++)
        if (node->op == known[i])
            return true;
    return op_info[node->op].class == CLASS_ELEMENTWISE;
}

/* For one row at a time; with all else sixteen images stand side by side, of which one is used. */
static int images_of(const Graph *g)
{
    for (int i = 0; i < g->node_count; i++)
        if (!takes_one_image(g->nodes[i]))
            return 16;
    return g->max_batch == 1 ? 1 : 16;
}

Program *plan_prediction(Graph *g, const Target *target)
{
    Graph *none = new_graph("none"); /* there is no other that shares weights and batch */
    Target *own = copy_array(target, 1, sizeof *own);
    Program *program;

    g->images = images_of(g);
    none->max_batch = g->max_batch;
    none->model = g->model;
    if (own->images > g->max_batch)
        own->images = g->max_batch;
    select_algorithms(g, none, own), verify(g);
    lay_out(g, none, own), verify(g);
    verify_layout(g, none);
    program = fuse(g, own);
    plan(program), verify_plan(program);
    return program;
}
