/*
 * init.c -- initial parameters, and the command that writes them.
 *
 * An element is drawn by (tensor, logical element), so that it does not depend on the layout.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "runtime.h"

/* U(-limit, limit) from the 24 high bits of a draw, as many as a float holds. */
static float uniform(uint32_t draw, double limit)
{
    return (float)(limit * (2.0 * ((double)(draw >> 8) + 0.5) / 16777216.0 - 1.0));
}

static void init_tensor(const struct net_tensor *tensor, int number, const uint32_t seed[2],
                        void *params)
{
    float *at = (float *)((char *)params + tensor->offset);
    const long size = net_tensor_size(tensor);
    const double limit = 1.0 / sqrt((double)(tensor->fan_in > 0 ? tensor->fan_in : 1));
    const bool ones = !strcmp(tensor->init, "ones"), zeros = !strcmp(tensor->init, "zeros");

    if (!ones && !zeros && strcmp(tensor->init, "kaiming_uniform") != 0)
        net_fail(NET_FAULT, "%s: this trainer knows no init `%s`", tensor->name, tensor->init);
    for (long i = 0; i < size; i++) {
        uint32_t draw[4];

        if (!ones && !zeros)
            net_philox(draw, seed, (uint32_t)i, 0, 0, (uint32_t)(NET_RANDOM_INIT + number));
        at[net_tensor_at(tensor, i)] = ones ? 1.0f : zeros ? 0.0f : uniform(draw[0], limit);
    }
}

void net_init_params(const struct net_model *model, const uint32_t seed[2], void *params)
{
    memset(params, 0, model->params_size);
    for (int t = 0; t < model->tensor_count; t++)
        init_tensor(&model->tensors[t], t, seed, params);
}

int net_init(const struct net_options *options)
{
    const struct net_model *model = options->model;
    const char *path = options->value[NET_OUTPUT].text;
    const uint64_t seed = (uint64_t)options->value[NET_SEED].number;
    const uint32_t key[2] = { (uint32_t)seed, (uint32_t)(seed >> 32) };

    if (!path)
        net_fail(NET_USAGE, "init wants -o FILE, such as -o weights.safetensors");
    void *params = net_memory(model->params_size);
    net_init_params(model, key, params);
    net_weights_write(path, model, params);
    free(params);
    return NET_OK;
}
