/*
 * config.c -- `config`: every value of a run, and where it comes from.
 */

#include <stdio.h>
#include <stdlib.h>

#include "commands/commands.h"

int net_command_config(struct net_options *options)
{
    struct net_text text = {0};

    if (net_flag(options, NET_JSON_OUTPUT)) {
        net_settings_json(&text, options);
        puts(text.at);
        free(text.at);
        return NET_OK;
    }
    for (int o = 0; o <= NET_THREADS; o++) {
        if (!options->value[o].applies)
            continue;
        text.length = 0;
        net_option_show(&text, options, (enum net_option)o);
        printf("%-20s %-14s %s\n", net_option_infos[o].name, text.at,
               options->value[o].given      ? "flag"
               : options->value[o].by_model ? "model file"
                                            : "built in");
    }
    for (int i = 0; i < options->model->let_count && i < NET_MAX_LETS; i++) {
        const struct net_let *let = &options->model->lets[i];

        if (!options->let[i].applies)
            continue;
        text.length = 0;
        net_text_number(&text, options->let[i].number);
        printf("%-20s %-14s ", let->name, text.at);
        if (options->let[i].given)
            puts("flag");
        else
            printf("let, %s:%d\n", options->model->source, let->line);
    }
    free(text.at);
    return NET_OK;
}
