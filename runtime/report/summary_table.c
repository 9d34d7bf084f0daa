/*
 * summary_table.c -- `summary`: the model's layers as a table that users of Keras know.
 */

#include <stdlib.h>
#include <string.h>

#include "runtime.h"

/* 55050 -> "55,050" */
static void add_grouped(struct net_text *text, long x)
{
    char digits[32];
    const int length = snprintf(digits, sizeof digits, "%ld", x);

    for (int i = 0; i < length; i++)
        net_text_add(text, "%s%c", i && (length - i) % 3 == 0 ? "," : "", digits[i]);
}

/* One column more, at least `width` wide. */
static void add_cell(struct net_text *text, const char *cell, int width, bool right)
{
    net_text_add(text, right ? "%*s" : "%-*s", width, cell);
}

static void add_shape(struct net_text *text, const struct net_layer *layer)
{
    net_text_add(text, "(");
    for (int axis = 0; axis < layer->rank; axis++)
        net_text_add(text, "%s%d", axis ? ", " : "", layer->shape[axis]);
    net_text_add(text, ")");
}

static void add_total(struct net_text *text, const char *name, long count)
{
    const double bytes = 4.0 * (double)count;

    net_text_add(text, " %s: ", name);
    add_grouped(text, count);
    if (bytes < 1024.0)
        net_text_add(text, " (%.2f B)\n", bytes);
    else if (bytes < 1024.0 * 1024.0)
        net_text_add(text, " (%.2f KB)\n", bytes / 1024.0);
    else
        net_text_add(text, " (%.2f MB)\n", bytes / (1024.0 * 1024.0));
}

static void add_json(struct net_text *text, const struct net_model *model, long trainable,
                     long states)
{
    net_text_add(text,
                 "{\"model\": \"%s\", \"parameters\": %ld, \"trainable\": %ld, "
                 "\"non_trainable\": %ld, \"layers\": [",
                 model->name, trainable + states, trainable, states);
    for (int l = 0; l < model->layer_count; l++) {
        const struct net_layer *layer = &model->layers[l];

        net_text_add(text, "%s\n  {\"name\": ", l ? "," : "");
        net_text_quote(text, layer->name);
        net_text_add(text, ", \"type\": ");
        net_text_quote(text, layer->type);
        net_text_add(text, ", \"inputs\": ");
        net_text_quote(text, layer->inputs);
        net_text_add(text, ", \"shape\": [");
        for (int axis = 0; axis < layer->rank; axis++)
            net_text_add(text, "%s%d", axis ? ", " : "", layer->shape[axis]);
        net_text_add(text, "], \"parameters\": %ld, \"states\": %ld, \"flops\": %.0f}",
                     layer->parameters, layer->states, layer->flops);
    }
    net_text_add(text, "]}\n");
}

enum { COLUMNS = 4 };

/* The cells of row `row`; row -1 is the heading. malloc'd. */
static char *cell(const struct net_model *model, int row, int column)
{
    static const char *const heading[COLUMNS] = {
        "Layer (type)",
        "Connected to",
        "Output Shape",
        "Param #",
    };
    struct net_text text = {0};

    if (row < 0)
        return net_format("%s", heading[column]);
    const struct net_layer *layer = &model->layers[row];
    switch (column) {
    case 0:
        net_text_add(&text, "%s (%s)", layer->name, layer->type);
        break;
    case 1:
        net_text_add(&text, "%s", layer->inputs);
        break;
    case 2:
        add_shape(&text, layer);
        break;
    default:
        add_grouped(&text, layer->parameters + layer->states);
    }
    return text.at;
}

static void add_table(struct net_text *text, const struct net_model *model)
{
    int width[COLUMNS] = {0}, whole = 0;

    for (int row = -1; row < model->layer_count; row++)
        for (int column = 0; column < COLUMNS; column++) {
            char *c = cell(model, row, column);

            if ((int)strlen(c) > width[column])
                width[column] = (int)strlen(c);
            free(c);
        }
    for (int column = 0; column < COLUMNS; column++)
        whole += width[column] + 2;
    net_text_add(text, "Model: \"%s\"\n", model->name);
    for (int row = -1; row < model->layer_count; row++) {
        for (int column = 0; column < COLUMNS; column++) {
            char *c = cell(model, row, column);

            net_text_add(text, "%s", column ? "  " : " ");
            add_cell(text, c, width[column], column == COLUMNS - 1);
            free(c);
        }
        net_text_add(text, "\n");
        if (row == -1 || row == model->layer_count - 1) {
            for (int i = 0; i < whole; i++)
                net_text_add(text, "%s", row == -1 ? "=" : "-");
            net_text_add(text, "\n");
        }
    }
}

int net_summary(const struct net_options *options)
{
    const struct net_model *model = options->model;
    struct net_text text = {0};
    long trainable = 0, states = 0;
    double flops = 0.0;

    for (int t = 0; t < model->tensor_count; t++)
        *(model->tensors[t].trainable ? &trainable
                                      : &states) += net_tensor_size(&model->tensors[t]);
    for (int l = 0; l < model->layer_count; l++)
        flops += model->layers[l].flops;
    if (net_flag(options, NET_JSON_OUTPUT)) {
        add_json(&text, model, trainable, states);
    } else {
        add_table(&text, model);
        add_total(&text, "Total params", trainable + states);
        add_total(&text, "Trainable params", trainable);
        add_total(&text, "Non-trainable params", states);
        net_text_add(&text, " Forward pass: %.3g MFLOP a row\n", flops / 1e6);
        net_text_add(&text, " Memory of a step: %.1f KB, batches of up to %d (%s)\n",
                     (double)model->arena_size / 1024.0, model->batch, model->isa);
    }
    fputs(text.at, stdout);
    free(text.at);
    return NET_OK;
}
