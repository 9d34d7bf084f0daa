/*
 * summary.c -- `netc --summary`: what each layer is, what it connects to, the shape it gives and
 * what it costs. The same rows go into the trainer's table. One idea: a layer's parameters are the
 * graph's parameters whose name is the layer's path and one more part.
 *
 * Needs: the Model, and the evaluate Graph as it was lowered. Gives: rows, and the printed table.
 */

#include "lower/lower.h"

#include <string.h>

/* ---- rows ------------------------------------------------------------------------------------ */

static void add_constant(Text *text, const Constant *constant)
{
    switch (constant->kind) {
    case CONSTANT_NUMBER:
        text_add(text, "%g", constant->number);
        break;
    case CONSTANT_BOOL:
        text_add(text, "%s", constant->number != 0 ? "true" : "false");
        break;
    case CONSTANT_LIST:
        text_add(text, "[");
        for (int i = 0; i < constant->count; i++) {
            text_add(text, "%s", i ? ", " : "");
            add_constant(text, &constant->items[i]);
        }
        text_add(text, "]");
        break;
    case CONSTANT_CALL:
        text_add(text, "%s", constant->call->name);
        break;
    case CONSTANT_NONE:
    case CONSTANT_STRING:
    case CONSTANT_NAME:
        text_add(text, "%s", constant->text ? constant->text : "none");
        break;
    }
}

static bool is_size(const Constant *constant)
{
    return constant->kind == CONSTANT_LIST ||
           (constant->kind == CONSTANT_NUMBER && constant->number >= 1);
}

/* "conv2d(6, 5, padding=same)": what was given, two sizes at most without their names */
static const char *call_text(const Call *call)
{
    Text text = {0};
    bool by_position = true;
    int printed = 0;

    text_add(&text, "%s", call->name);
    for (int i = 0; i < call->count; i++) {
        const Argument *argument = &call->arguments[i];

        if (!argument->given) {
            by_position = false;
            continue;
        }
        by_position = by_position && i < 2 && is_size(&argument->value);
        text_add(&text, "%s", printed++ ? ", " : "(");
        if (!by_position)
            text_add(&text, "%s=", argument->name);
        add_constant(&text, &argument->value);
    }
    if (printed)
        text_add(&text, ")");
    return text.at;
}

/* A name a layer without a path can be called by: the input's, or the operation's. */
static const char *layer_name(const Layer *layer)
{
    if (layer->field)
        return layer->field->name;
    return layer->path ? layer->path : layer->call->name;
}

static const char *input_names(const Layer *layer)
{
    Text text = {0};

    text_add(&text, "%s", "");
    for (int i = 0; i < layer->input_count; i++)
        text_add(&text, "%s%s", i ? ", " : "", layer_name(layer->inputs[i]));
    return text.at;
}

static bool belongs_to(const Value *value, const Layer *layer)
{
    const size_t length = layer->path ? strlen(layer->path) : 0;

    return length && value->name && strncmp(value->name, layer->path, length) == 0 &&
           value->name[length] == '.' && !strchr(value->name + length + 1, '.');
}

static void count_parameters(LayerRow *row, const Layer *layer, const Graph *g)
{
    for (int i = 0; i < g->value_count; i++) {
        const Value *value = g->values[i];

        if (!belongs_to(value, layer))
            continue;
        if (value->role == ROLE_PARAMETER)
            row->parameters += shape_size(value->shape);
        else if (value->role == ROLE_STATE)
            row->states += shape_size(value->shape);
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
    if (node->op == OP_CONV2D_DX)
        return 2.0 * shape_size(node->inputs[1]->shape) * x.size[1] * x.size[2];
    if (node->op == OP_CONV2D || node->op == OP_DEPTHWISE)
        return 2.0 * shape_size(node->inputs[1]->shape) / groups_of(&node->at) * y.size[1] *
               y.size[2];
    return 0;
}

LayerRow *summarize(const Model *model, const Graph *evaluate, int *count)
{
    LayerRow *rows = allocate((size_t)model->layer_count * sizeof *rows);

    for (int i = 0; i < model->layer_count; i++) {
        const Layer *layer = model->layers[i];
        LayerRow *row = &rows[i];

        row->name = layer_name(layer);
        row->type = call_text(layer->call);
        row->inputs = input_names(layer);
        row->shape = layer->value->shape;
        if (!layer->shared)
            count_parameters(row, layer, evaluate);
        for (const Value *v = layer->value; v->node && v != layer->inputs[0]->value;
             v = v->node->inputs[0])
            row->flops += forward_flops(v->node);
    }
    *count = model->layer_count;
    return rows;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* 1234567 -> "1,234,567" */
static const char *with_commas(long n)
{
    const char *digits = format("%ld", n);
    const int length = (int)strlen(digits);
    Text text = {0};

    for (int i = 0; i < length; i++)
        text_add(&text, "%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
    return text.at;
}

static const char *byte_text(double bytes)
{
    static const char *const units[] = {"B", "KB", "MB", "GB"};
    int unit = 0;

    while (bytes >= 1024 && unit < COUNT(units) - 1)
        bytes /= 1024, unit++;
    return format("%.2f %s", bytes, units[unit]);
}

static const char *flops_text(double flops)
{
    static const char *const units[] = {"", " k", " M", " G", " T"};
    int unit = 0;

    while (flops >= 1000 && unit < COUNT(units) - 1)
        flops /= 1000, unit++;
    return format(unit ? "%.2f%s" : "%.0f%s", flops, units[unit]);
}

static void print_total(FILE *out, const char *label, long parameters)
{
    fprintf(out, " %s: %s (%s)\n", label, with_commas(parameters),
            byte_text((double)parameters * 4));
}

static int wider(int width, const char *text)
{
    const int length = (int)strlen(text);

    return length > width ? length : width;
}

static void print_rule(FILE *out, int width)
{
    for (int i = 0; i < width; i++)
        fputc('-', out);
    fputc('\n', out);
}

void print_summary(FILE *out, const Model *model, const LayerRow *rows, int count, size_t memory)
{
    int widths[4] = {12, 12, 12, 7}; /* layer, connected to, output shape, params */
    long parameters = 0, states = 0;
    double flops = 0;

    for (int i = 0; i < count; i++) {
        widths[0] = wider(widths[0], format("%s (%s)", rows[i].name, rows[i].type));
        widths[1] = wider(widths[1], rows[i].inputs);
        widths[2] = wider(widths[2], shape_text(rows[i].shape));
        widths[3] = wider(widths[3], with_commas(rows[i].parameters + rows[i].states));
        parameters += rows[i].parameters;
        states += rows[i].states;
        flops += rows[i].flops;
    }
    fprintf(out, "Model: %s\n\n", model->name);
    fprintf(out, "%-*s  %-*s  %-*s  %*s\n", widths[0], "Layer (type)", widths[1], "Connected to",
            widths[2], "Output shape", widths[3], "Param #");
    print_rule(out, widths[0] + widths[1] + widths[2] + widths[3] + 6);
    for (int i = 0; i < count; i++)
        fprintf(out, "%-*s  %-*s  %-*s  %*s\n", widths[0],
                format("%s (%s)", rows[i].name, rows[i].type), widths[1], rows[i].inputs, widths[2],
                shape_text(rows[i].shape), widths[3],
                with_commas(rows[i].parameters + rows[i].states));
    print_rule(out, widths[0] + widths[1] + widths[2] + widths[3] + 6);
    print_total(out, "Total params", parameters + states);
    print_total(out, "Trainable params", parameters);
    print_total(out, "Non-trainable params", states);
    fprintf(out, " Forward FLOPs a row: %s\n", flops_text(flops));
    fprintf(out, " Planned memory at batch %d: %s\n", model->capacity, byte_text((double)memory));
}
