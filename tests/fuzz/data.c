/*
 * data.c -- data for the model of a target, from files that it was given: what a run learns of them
 * has to bring it back to the same numbers.
 */

#include <stdlib.h>
#include <string.h>

#include "core/attempt.h"
#include "fuzz/fuzz.h"

enum { MAX_BATCHES = 8 };

void fuzz_pack(const struct net_data *data, enum net_part part)
{
    const long count = net_data_rows(data, part);
    void *batch = net_memory(net_model.batch_size);
    long *rows = net_allocate((size_t)net_model.batch, sizeof *rows);

    for (long begin = 0; begin < count && begin < MAX_BATCHES * net_model.batch;) {
        int n = 0;

        for (; n < net_model.batch && begin < count; n++)
            rows[n] = begin++;
        net_data_pack(data, part, NULL, rows, n, batch);
    }
    free(rows);
    free(batch);
}

/* Opens the data of a run's preparation again; a fault of theirs is none of the input's. */
static void open_again(const void *json)
{
    const struct net_opening opening = {
        .folder = fuzz_folder(),
        .preparation = (char *)fuzz_file("preparation.json", json, strlen(json)),
        .same = (1u << NET_PARTS) - 1};
    struct net_data *data = net_data_open_by(&net_model, &opening);
    char *kept = net_data_preparation_json(data);

    if (strcmp(kept, json) != 0)
        fuzz_finding("learnt: %s\nkept: %s", (const char *)json, kept);
    net_data_close(data);
    free(kept);
}

void fuzz_open_data(const void *unused)
{
    struct net_data *data = net_data_open(&net_model, fuzz_folder(), NULL);

    (void)unused;
    for (int part = 0; part < NET_PARTS; part++)
        fuzz_pack(data, (enum net_part)part);
    char *json = net_data_preparation_json(data);

    net_data_close(data);
    if (net_attempt(open_again, json))
        fuzz_finding("its own preparation.json is refused: %s", json);
    free(json);
}
