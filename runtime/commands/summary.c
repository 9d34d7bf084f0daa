/*
 * summary.c -- `summary`: the model's layers as a table, or as JSON.
 */

#include <stdlib.h>

#include "commands/commands.h"
#include "report/summary_table.h"

static void add_json(struct net_text *text, const struct net_model *model)
{
    long trainable = 0, states = 0;

    for (int l = 0; l < model->layer_count; l++) {
        trainable += model->layers[l].parameters;
        states += model->layers[l].states;
    }
    net_text_add(text, "{\"model\": ");
    net_text_quote(text, model->name);
    net_text_add(text,
                 ", \"parameters\": %ld, \"trainable\": %ld, \"non_trainable\": %ld, "
                 "\"layers\": [",
                 trainable + states, trainable, states);
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

int net_command_summary(struct net_options *options)
{
    const struct net_model *model = options->model;
    const struct net_summary summary = net_summary_of(model);
    struct net_text text = {0};

    if (!net_flag(options, NET_JSON_OUTPUT)) {
        net_summary_print(stdout, &summary);
        return NET_OK;
    }
    add_json(&text, model);
    fputs(text.at, stdout);
    free(text.at);
    return NET_OK;
}
