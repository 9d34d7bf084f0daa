/*
 * generate.c -- `generate`, of a model that can: its source says how (generate_text.c), so that no
 * other trainer has it.
 */

#include "commands/commands.h"

int net_command_generate(struct net_options *options)
{
    net_generate *generate = net_data_generate(options->model);

    if (!generate)
        net_fail(NET_USAGE,
                 "generate goes on with a text, by a model of text(..) -> characters(n); the data "
                 "of %s are %s",
                 options->model->source, options->model->parts[NET_TRAIN]->name);
    return generate(options);
}
