/* weights.c -- a safetensors file, for models/tiny.net. */

#include <stdlib.h>

#include "fuzz/fuzz.h"

static void *params;

static void read_weights(const void *path)
{
    free(net_weights_read(NULL, path, &net_model, NULL, params));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!params)
        params = net_memory(net_model.params_size);
    fuzz_attempt(read_weights, fuzz_file("model.safetensors", bytes, size));
    return 0;
}
