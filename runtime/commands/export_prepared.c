/*
 * export_prepared.c -- what a run does to its data, as nodes of ONNX before and behind its network:
 * in double, as the trainer does it, and rounded once.
 *
 * The one idea: the graph's inputs and outputs keep their names, and the network's own have
 * ":prepared" behind them. No name of a model or of its tensors has a colon.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "commands/onnx.h"

/* Nodes that are added one behind the other, to numbers of so many sizes. */
struct chain {
    struct net_buffer *graph;
    const struct net_model *model;
    const char *name; /* of the input or output; parts are NAME:1, NAME:2, ... */
    char *at;         /* the name of what has been made so far; owned */
    int parts;
    const int *sizes;
    int rank;
};

/* ---- Nodes ----------------------------------------------------------------------------------- */

static char *next_name(struct chain *c)
{
    return net_format("%s:%d", c->name, ++c->parts);
}

/* OPERATOR(so far, other) attributes; other: NULL or the name of what is given to it too. */
static void add_node(struct chain *c, const char *op, const char *other, const char *attributes)
{
    char *made = next_name(c);
    char *node = net_format("%s = %s(%s%s%s)%s%s", made, op, c->at, other ? " " : "",
                            other ? other : "", attributes ? " " : "",
                            attributes ? attributes : "");

    net_onnx_node(c->graph, c->model, NULL, node);
    free(node);
    free(c->at);
    c->at = made;
}

static bool are_alike(const double *x, int count)
{
    for (int i = 1; i < count; i++)
        if (!(x[i] == x[0] || (isnan(x[i]) && isnan(x[0]))))
            return false;
    return true;
}

/* A tensor of doubles, one for each number of a row, or for all; its name, malloc'd. */
static char *add_doubles(struct chain *c, const double *x, int count)
{
    struct net_buffer tensor = {0};
    char *name = next_name(c);

    if (are_alike(x, count))
        count = 1;
    for (int axis = 0; axis < c->rank && count > 1; axis++)
        net_proto_whole(&tensor, TENSOR_SIZE, (uint64_t)c->sizes[axis]);
    net_proto_whole(&tensor, TENSOR_TYPE, ELEMENT_DOUBLE);
    net_proto_text(&tensor, TENSOR_NAME, name);
    net_proto_begin(&tensor, TENSOR_BYTES, (size_t)count * sizeof *x);
    net_buffer_add(&tensor, (const char *)x, (size_t)count * sizeof *x);
    net_proto_message(c->graph, GRAPH_WEIGHT, &tensor);
    return name;
}

static void add_with(struct chain *c, const char *op, const double *x, int count)
{
    char *name = add_doubles(c, x, count);

    add_node(c, op, name, NULL);
    free(name);
}

/* Where OPERATOR(so far, other) holds it is `x`, else what it was; NaN is in no comparison. */
static void add_where(struct chain *c, const char *op, const double *other, const double *x,
                      int count)
{
    char *before = net_format("%s", c->at);

    if (other)
        add_with(c, op, other, 1);
    else
        add_node(c, op, NULL, NULL);
    char *put = add_doubles(c, x, count), *both = net_format("%s %s", put, before);

    add_node(c, "Where", both, NULL);
    free(before);
    free(put);
    free(both);
}

static bool are(const double *x, int count, double number)
{
    return x[0] == number && are_alike(x, count);
}

static void add_stage(struct chain *c, const struct net_number_stage *stage, int count)
{
    const double one = 1, minus_one = -1, zero = 0, none = (double)NAN;

    switch (stage->kind) {
    case NET_STAGE_AFFINE:
        if (!are(stage->scale, count, 1))
            add_with(c, "Mul", stage->scale, count);
        if (!are(stage->shift, count, 0))
            add_with(c, "Add", stage->shift, count);
        break;
    case NET_STAGE_LOG1P: /* the trainer refuses what is not above -1 */
        add_where(c, "LessOrEqual", &minus_one, &none, 1);
        add_with(c, "Add", &one, 1);
        add_node(c, "Log", NULL, NULL);
        break;
    case NET_STAGE_CLIP:
        if (isfinite(stage->least))
            add_where(c, "Less", &stage->least, &stage->least, 1);
        if (isfinite(stage->most))
            add_where(c, "Greater", &stage->most, &stage->most, 1);
        break;
    case NET_STAGE_FILL:
        add_where(c, stage->zeros ? "Equal" : "IsNaN", stage->zeros ? &zero : NULL, stage->fill,
                  count);
    }
}

/* The last node is called as the graph calls it. */
static void finish(struct chain *c, const char *name)
{
    char *node = net_format("%s = Cast(%s) to=%d", name, c->at, ELEMENT_FLOAT);

    net_onnx_node(c->graph, c->model, NULL, node);
    free(node);
    free(c->at);
}

/* ---- Inputs and outputs ---------------------------------------------------------------------- */

void net_onnx_prepare(struct net_buffer *graph, const struct net_model *model,
                      const struct net_data *learnt, const char *name, const int *sizes, int rank)
{
    struct chain c = {graph, model, name, net_format("%s", name), 0, sizes, rank};
    const int f = net_onnx_input(model, name);
    struct net_stages stages;

    if (f < 0) { /* it is drawn */
        net_onnx_value(graph, GRAPH_INPUT, name, ELEMENT_FLOAT, sizes, rank);
        free(c.at);
        return;
    }
    net_data_stages(&stages, learnt, f);
    if (stages.refused)
        net_fail(NET_FAULT,
                 "--with-preparations: %s of %s is not said in ONNX; without it the file takes "
                 "prepared rows",
                 stages.refused, name);
    net_onnx_value(graph, GRAPH_INPUT, name, stages.bytes ? ELEMENT_UINT8 : ELEMENT_DOUBLE, sizes,
                   rank);
    if (stages.bytes) {
        char *to = net_format("to=%d", ELEMENT_DOUBLE);

        add_node(&c, "Cast", NULL, to);
        free(to);
    }
    for (int s = 0; s < stages.count; s++)
        add_stage(&c, &stages.at[s], model->fields[f].size);
    net_stages_close(&stages);
    char *inner = net_onnx_inner_name(model, name);

    finish(&c, inner);
    free(inner);
}

/* Of each number of the output, from one for each position. */
static double *of_each(const double *x, const struct net_inverse *inverse, double sign)
{
    double *all = net_allocate((size_t)inverse->count, sizeof *all);

    for (int i = 0; i < inverse->count; i++)
        all[i] = sign * x[i / inverse->length];
    return all;
}

static void take_back(struct chain *c, const struct net_inverse *inverse)
{
    for (int s = inverse->stage_count - 1; s >= 0; s--) {
        const struct net_inverse_stage *stage = &inverse->stages[s];
        const double minus_one = -1;

        if (stage->inverse == expm1) {
            add_node(c, "Exp", NULL, NULL);
            add_with(c, "Add", &minus_one, 1);
            continue;
        }
        if (stage->inverse)
            net_fail(NET_FAULT, "--with-preparations: the inverse of a target's transform is not "
                                "said in ONNX");
        double *shift = of_each(stage->shift, inverse, -1),
               *scale = of_each(stage->scale, inverse, 1);

        if (!are(shift, inverse->count, 0))
            add_with(c, "Add", shift, inverse->count);
        if (!are(scale, inverse->count, 1))
            add_with(c, "Div", scale, inverse->count);
        free(shift);
        free(scale);
    }
}

void net_onnx_take_back(struct net_buffer *graph, const struct net_model *model,
                        const struct net_data *learnt, const struct net_model *head,
                        const char *name)
{
    struct chain c = {graph,
                      model,
                      name,
                      net_onnx_inner_name(model, name),
                      0,
                      head->output_shape,
                      head->output_rank};
    struct net_inverse inverse;
    char *to = net_format("to=%d", ELEMENT_DOUBLE);

    net_inverse_open(&inverse, learnt, head);
    add_node(&c, "Cast", NULL, to);
    take_back(&c, &inverse);
    finish(&c, name);
    net_inverse_close(&inverse);
    free(to);
}
