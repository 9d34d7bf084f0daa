/* json.c -- a JSON text: a tree, or a mistake in words. */

#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"

static const uint8_t *text;
static size_t length;

static void read_json(const void *unused)
{
    char *copy = net_allocate(length, 1), mistake[100] = "";
    struct net_json *json;

    (void)unused;
    memcpy(copy, text, length);
    json = net_json_read(copy, length, mistake, sizeof mistake);
    if (!json == !*mistake)
        fuzz_finding("%s tree, \"%s\"", json ? "a" : "no", mistake);
    net_json_free(json);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    text = bytes;
    length = size;
    fuzz_attempt(read_json, NULL);
    return 0;
}
