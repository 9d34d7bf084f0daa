/*
 * summary.c -- `netc --summary`: what each layer is, what it connects to, the shape it gives and
 * what it costs. The same rows go into the trainer's table. One idea: a layer's parameters are the
 * graph's parameters whose name is the layer's path and one more part.
 *
 * Needs: the Model, and the evaluate Graph as it was lowered. Gives: rows, and the printed table.
 */

#include "lower/lower.h"
#include "report/summary_table.h"

#include <assert.h>
#include <string.h>

/* A name a layer without a path can be called by: the input's, or the operation's. */
static const char *layer_name(const Layer *layer)
{
    if (layer->field)
        return layer->field->name;
    return layer->path ? layer->path : layer->call->name;
}

/* With a word where its parameters are not trained, and its own arguments do not say so, or where
   they have a rate of their own. */
static const char *type_text(const Layer *layer)
{
    const char *text = typed_text(layer->call);

    if (layer->rate && !layer->frozen)
        text = format("%s, rate %g", text, layer->rate->factor.number);
    return layer->frozen && !strstr(text, "frozen") ? format("%s, frozen", text) : text;
}

static const char *input_names(const Layer *layer)
{
    Text text = {0};

    text_add(&text, "%s", "");
    for (int i = 0; i < layer->input_count; i++)
        text_add(&text, "%s%s", i ? ", " : "", layer_name(layer->inputs[i]));
    return text.at;
}

/* The row of the layer that a parameter or state belongs to, whose path its name begins with:
   net.attention of net.attention.out_proj.weight. */
static int owner_row(const Table *rows_of, const Value *value)
{
    size_t length = strlen(value->name);
    int row = -1;

    while (row < 0 && length > 0) {
        while (length > 0 && value->name[--length] != '.')
            ;
        row = table_find(rows_of, copy_text(value->name, length));
    }
    assert(row >= 0); /* what no layer has would be missing in the totals */
    return row;
}

/* Each to the first layer of its path that is not shared with one before it. */
static void count_parameters(LayerRow *rows, const Table *rows_of, const Graph *g)
{
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (value->role == ROLE_PARAMETER)
            rows[owner_row(rows_of, value)].parameters += shape_size(value->shape);
        else if (value->role == ROLE_STATE)
            rows[owner_row(rows_of, value)].states += shape_size(value->shape);
    }
}

/* A contraction's weight holds one factor for each product that makes one output pixel; or that is
   made of one input pixel, where it is transposed. */
static double forward_flops(const Node *node)
{
    const Shape x = node->inputs[0]->shape, y = node->outputs[0]->shape;

    if (node->op == OP_DENSE)
        return 2.0 * shape_size(node->inputs[1]->shape);
    if (node->op == OP_SPARSE_DENSE) /* as if the bag were full */
        return 2.0 * shape_size(node->inputs[2]->shape);
    if (node->op == OP_CONV2D_DX || node->op == OP_CONV3D_DX)
        return 2.0 * shape_size(node->inputs[1]->shape) * shape_size(x) / x.size[0];
    if (node->op == OP_CONV2D || node->op == OP_CONV3D || node->op == OP_DEPTHWISE)
        return 2.0 * shape_size(node->inputs[1]->shape) / groups_of(&node->at) * shape_size(y) /
               y.size[0];
    if (node->op == OP_RNN || node->op == OP_LSTM || node->op == OP_GRU)
        return 2.0 * shape_size(node->inputs[1]->shape) * y.size[2];
    return product_flops(node);
}

Shape row_shape(const LayerRow *row)
{
    Shape shape = {.rank = row->rank};

    memcpy(shape.size, row->shape, sizeof row->shape);
    return shape;
}

LayerRow *summarize(const Model *model, const Graph *evaluate, int *count)
{
    LayerRow *rows = allocate((size_t)model->layer_count * sizeof *rows);
    Table rows_of = {0};

    *count = 0;
    for (int i = 0; i < model->layer_count; i++) {
        const Layer *layer = model->layers[i];
        LayerRow *row = &rows[*count];

        if (!layer->predicts) /* an expression of the loss */
            continue;
        row->name = layer_name(layer);
        row->type = type_text(layer);
        row->inputs = input_names(layer);
        row->rank = layer->value->shape.rank;
        memcpy(row->shape, layer->value->shape.size, sizeof row->shape);
        if (!layer->shared && layer->path && *layer->path)
            table_set(&rows_of, layer->path, *count);
        for (const Value *v = layer->value; v->node && v != layer->inputs[0]->value;
             v = v->node->inputs[0])
            row->flops += forward_flops(v->node);
        (*count)++;
    }
    count_parameters(rows, &rows_of, evaluate);
    return rows;
}

void print_summary(FILE *out, const Model *model, const LayerRow *rows, int count,
                   const char *target, size_t memory)
{
    net_summary_print(out, &(struct net_summary){.name = model->name,
                                                 .layers = rows,
                                                 .layer_count = count,
                                                 .batch = model->max_batch,
                                                 .memory = memory,
                                                 .target = target});
}
