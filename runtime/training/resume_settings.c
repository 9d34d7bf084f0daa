/*
 * resume_settings.c -- what a resume needs of the command line that a run or a k-fold began with,
 * in an object of JSON: "setting.lr": "0.5" for each setting that applies, and "data", the
 * absolute path of --data. All are texts, as the metadata of a checkpoint have to be.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "training/training.h"

/* ---- Writing --------------------------------------------------------------------------------- */

/* A path is bytes: where they are no UTF-8, JSON has them in hexadecimal too, as "KEY_bytes". */
static void add_path(struct net_text *text, const char *before, const char *key, const char *path)
{
    struct net_text shown = {0};

    net_text_quote(&shown, path);
    net_text_add(text, "%s\"%s\": %s", before, key, shown.at);
    if (!net_is_utf8(path)) {
        net_text_add(text, ", \"%s_bytes\": \"", key);
        for (const char *c = path; *c; c++)
            net_text_add(text, "%02x", (unsigned)(unsigned char)*c);
        net_text_add(text, "\"");
    }
    free(shown.at);
}

void net_data_keep(struct net_text *text, const char *before, const struct net_options *options)
{
    const char *folder = options->value[NET_DATA].text;
    char *absolute = folder ? net_real_path(folder) : NULL;

    if (folder)
        add_path(text, before, "data", absolute ? absolute : folder);
    free(absolute);
}

void net_settings_keep(struct net_text *text, const struct net_options *options)
{
    const char *comma = "";

    for (int o = 0; o < NET_SETTINGS; o++) {
        struct net_text value = {0};

        if (!options->value[o].applies)
            continue;
        net_option_show(&value, options, (enum net_option)o);
        net_text_add(text, "%s\"setting.%s\": ", comma, net_option_name((enum net_option)o));
        net_text_quote(text, value.at);
        free(value.at);
        comma = ", ";
    }
    for (int i = 0; i < options->model->let_count && i < NET_MAX_LETS; i++)
        if (options->let[i].applies) {
            net_text_add(text, "%s\"let.%s\": \"", comma, options->model->lets[i].name);
            net_text_number(text, options->let[i].number);
            net_text_add(text, "\"");
            comma = ", ";
        }
    net_data_keep(text, ", ", options);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static const char *text_of(const struct net_json *kept, const char *key)
{
    const struct net_json *text = net_json_member(kept, key);

    return text && text->kind == NET_JSON_STRING ? text->text : NULL;
}

/* The path that add_path wrote, malloc'd; NULL: there is none. */
static char *read_path(const struct net_json *kept, const char *key, const char *file)
{
    const char *path = text_of(kept, key);
    char *bytes_key = net_format("%s_bytes", key);
    const char *bytes = text_of(kept, bytes_key);
    char *copy = path ? net_format("%s", path) : NULL;

    free(bytes_key);
    if (!bytes)
        return copy;
    free(copy);
    copy = net_allocate(strlen(bytes) / 2 + 1, 1);
    for (size_t i = 0; i < strlen(bytes) / 2; i++) {
        const char pair[] = {bytes[2 * i], bytes[2 * i + 1], '\0'};

        copy[i] = (char)strtol(pair, NULL, 16);
        if (strspn(pair, "0123456789abcdef") != 2 || !copy[i])
            net_fail(NET_FAULT, "%s: \"%s_bytes\" is no path", file, key);
    }
    return copy;
}

static void take_lets(struct net_options *options, const struct net_json *kept, const char *file)
{
    for (int i = 0; i < options->model->let_count && i < NET_MAX_LETS; i++) {
        char *key = net_format("let.%s", options->model->lets[i].name);
        const char *text = text_of(kept, key);

        if (text && options->let[i].applies) {
            net_let_resume(options, i, text, file);
            options->let[i].given = true; /* as the run had it, whatever others make of it */
        }
        free(key);
    }
    net_lets_apply(options);
}

void net_settings_take(struct net_options *options, const struct net_json *kept, const char *file)
{
    take_lets(options, kept, file);
    for (int o = 0; o < NET_SETTINGS; o++) {
        char *key = net_format("setting.%s", net_option_name((enum net_option)o));
        const char *text = text_of(kept, key);
        const bool applied = options->value[o].applies;

        free(key);
        options->value[o].applies = text != NULL;
        if (text)
            net_settings_resume(options, o, text, file);
        else if (options->value[o].given)
            net_fail(NET_USAGE, "--%s does not apply to the run of %s",
                     net_option_flag((enum net_option)o), file);
        else if (applied)
            options->value[o].number = 0.0; /* of the model's optimizer, not of the run's */
    }
    if (!options->value[NET_DATA].given && text_of(kept, "data"))
        options->value[NET_DATA].text = options->data = read_path(kept, "data", file);
}

static void take_data(struct net_options *options, const struct net_json *run, const char *file)
{
    struct net_value *data = &options->value[NET_DATA];

    if (data->given || options->file || options->command == NET_GENERATE)
        return;
    options->data = read_path(run, "data", file);
    if (!options->data)
        return;
    data->text = options->data;
    if (access(options->data, F_OK))
        net_fail(NET_FAULT,
                 "the data of the run were in %s, which is not there any more: --data DIR says "
                 "where they are",
                 options->data);
}

void net_settings_of_run(struct net_options *options)
{
    const char *weights = options->value[NET_WEIGHTS].text;
    const char *slash = weights ? strrchr(weights, '/') : NULL;
    struct net_folder folder;
    char error[128];
    size_t length;

    if (!weights)
        return;
    if (!net_folder_find(&folder, NULL, weights)) {
        char *beside = slash ? net_format("%.*s", (int)(slash - weights) + (slash == weights),
                                          weights)
                             : net_format(".");
        const bool there = net_folder_find(&folder, NULL, beside);

        free(beside);
        if (!there)
            return;
    }
    char *text = net_folder_has(&folder, "run.json") ? net_file_read(&folder, "run.json", &length)
                                                     : NULL;
    struct net_json *json = text ? net_json_read(text, length, error, sizeof error) : NULL;

    const struct net_json *kept = net_json_member(json, "hyperparameters"),
                          *batch = net_json_member(kept, "batch");

    net_lets_of_run(options, kept);
    if (options->model->pairs && batch && batch->number >= 1 &&
        batch->number <= options->model->batch)
        options->value[NET_BATCH].number = batch->number;
    take_data(options, json, "run.json");
    net_json_free(json);
    free(text);
    net_folder_close(&folder);
}
