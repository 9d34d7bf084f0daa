/*
 * config.c -- `config`: every value of a run, and where it comes from.
 */

#include <stdio.h>
#include <stdlib.h>

#include "commands/commands.h"

/* What no flag changes: schedules by name, with words such as by=step, and rows that are mixed. */
static void print_fixed(const struct net_model *model)
{
    const double shares[] = {model->mixup, model->cutmix};
    struct net_text text = {0};

    for (int i = 0; i < model->schedule_count; i++) {
        const struct net_call *call = &model->schedule[i];
        const char *open = "(";

        net_text_add(&text, "%s%s", i ? ", " : "", call->name);
        for (int a = 0; a < call->arg_count; a++)
            if (call->args[a].given && call->args[a].text) {
                net_text_add(&text, "%s%s=%s", open, call->args[a].name, call->args[a].text);
                open = ", ";
            }
        net_text_add(&text, *open == ',' ? ")" : "");
    }
    printf("%-20s %-14s %s\n", "schedule", text.at, model->source);
    for (int i = 0; i < 2; i++)
        if (shares[i] > 0)
            printf("%-20s %-14g %s\n", i ? "cutmix" : "mixup", shares[i], model->source);
    printf("%-20s %-14s %s\n", "precision", model->precision ? model->precision : "float32",
           model->source);
    printf("%-20s %-14s %s\n", "compiled from", model->hash, model->source);
    free(text.at);
}

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
        printf("%-20s %-14s %s\n", net_option_infos[o].name, text.at, net_option_from(options, o));
    }
    print_fixed(options->model);
    if (net_start_file(options))
        printf("%-20s %-14s model file\n", "start", net_start_file(options));
    for (int i = 0; i < options->model->let_count; i++) {
        const struct net_let *let = &options->model->lets[i];
        char *from = net_let_from(options, i);

        text.length = 0;
        net_let_show(&text, options, i);
        if (net_let_is_shown(let))
            printf("%-20s %-14s %s\n", let->name, text.at, from);
        free(from);
    }
    free(text.at);
    return NET_OK;
}
