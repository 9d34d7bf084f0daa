/*
 * init.c -- `init`: the initial weights alone, into a file.
 */

#include <stdlib.h>

#include "commands/commands.h"

int net_command_init(struct net_options *options)
{
    const struct net_model *model = options->model;
    const char *path = options->value[NET_OUTPUT].text;
    const uint64_t seed = (uint64_t)options->value[NET_SEED].number;
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};

    if (!path)
        net_fail(NET_USAGE, "init wants -o FILE, such as -o weights.safetensors");
    void *params = net_memory(model->params_size);
    net_init_params(model, key, params);
    char *checksum = NULL;
    if (net_is_pretrained(model)) {
        const char *folder = options->value[NET_DATA].text;
        struct net_data *data = net_data_open(model, folder, NULL);

        net_pretrained_read(model, data, folder, params, NULL, NULL);
        char words[9];
        net_data_checksum(data, words);
        checksum = net_format(NET_INITIAL " %s", words);
        net_data_close(data);
    }
    net_weights_write(NULL, path, model, params, checksum ? checksum : NET_INITIAL);
    free(checksum);
    free(params);
    return NET_OK;
}
