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

/* A tensor of `count` numbers, of 8 bytes each; its name, malloc'd. */
static char *add_tensor(struct chain *c, uint64_t type, const int *sizes, int rank, const void *x,
                        int count)
{
    struct net_buffer tensor = {0};
    char *name = next_name(c);

    for (int axis = 0; axis < rank; axis++)
        net_proto_whole(&tensor, TENSOR_SIZE, (uint64_t)sizes[axis]);
    net_proto_whole(&tensor, TENSOR_TYPE, type);
    net_proto_text(&tensor, TENSOR_NAME, name);
    net_proto_begin(&tensor, TENSOR_BYTES, (size_t)count * sizeof(double));
    net_buffer_add(&tensor, x, (size_t)count * sizeof(double));
    net_proto_message(c->graph, GRAPH_WEIGHT, &tensor);
    return name;
}

/* One for each number of a row, or for all. */
static char *add_doubles(struct chain *c, const double *x, int count)
{
    if (are_alike(x, count))
        count = 1;
    return add_tensor(c, ELEMENT_DOUBLE, c->sizes, count > 1 ? c->rank : 0, x, count);
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

static void add_last_axis(struct chain *c)
{
    const int64_t last = -1;
    char *axes = add_tensor(c, ELEMENT_INT64, (const int[]){1}, 1, &last, 1);

    add_node(c, "Unsqueeze", axes, NULL);
    free(axes);
}

static void add_cast(struct chain *c, uint64_t type)
{
    char *to = net_format("to=%d", (int)type);

    add_node(c, "Cast", NULL, to);
    free(to);
}

/* Sums of the last axis, times what `factors` has for its elements. */
static void add_sum(struct chain *c, const double *factors, int count)
{
    char *name = add_tensor(c, ELEMENT_DOUBLE, &count, 1, factors, count);

    add_cast(c, ELEMENT_DOUBLE);
    add_node(c, "MatMul", name, NULL);
    free(name);
}

/* Where `x` is missing it is `number`. */
static void add_missing(struct chain *c, const char *x, double number)
{
    char *now = c->at, *other;

    c->at = net_format("%s", x);
    add_node(c, "IsNaN", NULL, NULL);
    char *put = add_doubles(c, &number, 1);

    other = net_format("%s %s", put, now);
    add_node(c, "Where", other, NULL);
    free(now);
    free(put);
    free(other);
}

/* How many edges of a number are not above it; comparisons with NaN are false. */
static void add_bins(struct chain *c, const struct net_number_stage *stage, int count)
{
    char *x = net_format("%s", c->at), *edges;
    double *ones = net_allocate((size_t)stage->n + 1, sizeof *ones);
    int sizes[9];

    memcpy(sizes, c->sizes, (size_t)c->rank * sizeof *sizes);
    sizes[c->rank] = stage->n;
    for (int i = 0; i < stage->n; i++)
        ones[i] = 1;
    edges = add_tensor(c, ELEMENT_DOUBLE, sizes, c->rank + 1, stage->edges, count * stage->n);
    add_last_axis(c);
    add_node(c, "GreaterOrEqual", edges, NULL);
    add_sum(c, ones, stage->n);
    add_missing(c, x, (double)NAN);
    free(ones);
    free(edges);
    free(x);
}

enum { NO_CLASS = INT32_MAX }; /* no row of an embedding: ONNX's Gather fails */

/* 1 at the place of its class; NaN where it has none and that is a fault. */
static void add_hot(struct chain *c, const struct net_number_stage *stage)
{
    const bool has_mode = stage->missing >= 0 && stage->missing < stage->n;
    double *numbers = net_allocate((size_t)stage->n, sizeof *numbers);

    for (int k = 0; k < stage->n; k++)
        numbers[k] = stage->edges ? stage->edges[k] : k;
    if (has_mode)
        add_where(c, "IsNaN", NULL, &numbers[stage->missing], 1);
    char *x = net_format("%s", c->at);
    char *table = add_tensor(c, ELEMENT_DOUBLE, &stage->n, 1, numbers, stage->n);

    add_node(c, "Equal", table, NULL);
    add_cast(c, ELEMENT_DOUBLE);
    if (stage->unknown < 0) {
        char *hot = c->at;

        c->at = net_format("%s", hot);
        add_node(c, "ReduceMax", NULL, "axes=[-1] keepdims=1");
        char *most = c->at;

        c->at = hot;
        add_node(c, "Div", most, NULL);
        free(most);
    }
    if (!has_mode)
        add_missing(c, x, stage->missing < 0 ? (double)NAN : 0);
    free(table);
    free(numbers);
    free(x);
}

/* Numbers by their place among those of the classes. */
static void add_places(struct chain *c, const struct net_number_stage *stage, double unknown)
{
    double *places = net_allocate((size_t)stage->n, sizeof *places);
    char *table = add_tensor(c, ELEMENT_DOUBLE, &stage->n, 1, stage->edges, stage->n);

    for (int k = 0; k < stage->n; k++)
        places[k] = k - unknown;
    add_last_axis(c);
    add_node(c, "Equal", table, NULL);
    add_sum(c, places, stage->n);
    add_with(c, "Add", &unknown, 1);
    free(table);
    free(places);
}

/* Whole numbers from 0 to n - 1 are the classes. */
static void add_whole(struct chain *c, const struct net_number_stage *stage, double unknown)
{
    const double zero = 0, last = stage->n - 1, none = (double)NAN;
    char *x, *both;

    add_where(c, "Less", &zero, &none, 1);
    add_where(c, "Greater", &last, &none, 1);
    x = net_format("%s", c->at);
    add_node(c, "Floor", NULL, NULL);
    add_node(c, "Equal", x, NULL);
    char *other = add_doubles(c, &unknown, 1);

    both = net_format("%s %s", x, other);
    add_node(c, "Where", both, NULL);
    free(x);
    free(other);
    free(both);
}

static void add_classes(struct chain *c, const struct net_number_stage *stage)
{
    const double unknown = stage->unknown < 0 ? NO_CLASS : stage->unknown;
    char *x = net_format("%s", c->at);

    if (stage->edges)
        add_places(c, stage, unknown);
    else
        add_whole(c, stage, unknown);
    add_missing(c, x, stage->missing < 0 ? NO_CLASS : stage->missing);
    free(x);
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
        break;
    case NET_STAGE_BINS:
        add_bins(c, stage, count);
        break;
    case NET_STAGE_CLASSES:
        if (stage->hot)
            add_hot(c, stage);
        else
            add_classes(c, stage);
    }
}

/* The last node is called as the graph calls it. */
static void finish(struct chain *c, const char *name, int type)
{
    char *node = net_format("%s = Cast(%s) to=%d", name, c->at, type);

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
    const int one = 1;

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
    if (stages.size != model->fields[f].size) /* of one_hot */
        c.sizes = &one, c.rank = 1;
    net_onnx_value(graph, GRAPH_INPUT, name, stages.bytes ? ELEMENT_UINT8 : ELEMENT_DOUBLE, c.sizes,
                   c.rank);
    if (stages.bytes)
        add_cast(&c, ELEMENT_DOUBLE);
    for (int s = 0; s < stages.count; s++)
        add_stage(&c, &stages.at[s], stages.size);
    net_stages_close(&stages);
    char *inner = net_onnx_inner_name(model, name);

    finish(&c, inner, model->fields[f].kind == NET_INPUT ? ELEMENT_FLOAT : ELEMENT_INT32);
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

    net_inverse_open(&inverse, learnt, head);
    add_cast(&c, ELEMENT_DOUBLE);
    take_back(&c, &inverse);
    finish(&c, name, ELEMENT_FLOAT);
    net_inverse_close(&inverse);
}
