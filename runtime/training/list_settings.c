/*
 * list_settings.c -- settings and lets of a run for people and for other tools: their values, and
 * where these come from.
 */

#include <stdlib.h>

#include "training/training.h"

const char *net_start_file(const struct net_options *options)
{
    const struct net_call *start = options->model->start;

    return start && !options->value[NET_WEIGHTS].given ? start->args[0].text : NULL;
}

void net_let_show(struct net_text *text, const struct net_options *options, int let)
{
    const struct net_let *shown = &options->model->lets[let];

    if (shown->text)
        net_text_add(text, "%s", shown->text);
    else
        net_text_number(text, let < NET_MAX_LETS ? options->let[let].number : shown->number);
}

char *net_let_from(const struct net_options *options, int let)
{
    const struct net_let *shown = &options->model->lets[let];

    if (!shown->by_run)
        return net_format("compiled");
    if (options->let[let].given)
        return net_format("flag");
    return net_format("let, %s:%d", options->model->source, shown->line);
}

const char *net_option_from(const struct net_options *options, enum net_option option)
{
    const struct net_value *value = &options->value[option];

    return value->given ? "flag" : value->by_model ? "model file" : "built in";
}

void net_settings_json(struct net_text *text, const struct net_options *options)
{
    const char *comma = "";

    net_text_add(text, "{");
    for (int o = 0; o < NET_SETTINGS; o++) {
        if (!options->value[o].applies)
            continue;
        net_text_add(text, "%s\"%s\": ", comma, net_option_infos[o].name);
        if (net_option_infos[o].kind == NET_KIND_CHOICE ||
            net_option_infos[o].kind == NET_KIND_TEXT)
            net_text_quote(text, options->value[o].text);
        else
            net_option_show(text, options, (enum net_option)o);
        comma = ", ";
    }
    if (net_start_file(options)) {
        net_text_add(text, "%s\"start\": ", comma);
        net_text_quote(text, net_start_file(options));
    }
    if (options->model->mixup > 0)
        net_text_add(text, "%s\"mixup\": %g", comma, options->model->mixup);
    if (options->model->cutmix > 0)
        net_text_add(text, "%s\"cutmix\": %g", comma, options->model->cutmix);
    for (int i = 0; i < options->model->let_count; i++) {
        const struct net_let *let = &options->model->lets[i];

        if (!net_let_is_shown(let))
            continue;
        net_text_add(text, "%s\"%s\": ", comma, let->name);
        if (let->text)
            net_text_quote(text, let->text);
        else
            net_let_show(text, options, i);
        comma = ", ";
    }
    net_text_add(text, "}");
}
