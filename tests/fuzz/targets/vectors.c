/* vectors.c -- pretrained vectors of words, for models/vectors.net. */

#include <string.h>

#include "fuzz/fuzz.h"
#include "training/training.h"

static struct net_data *data; /* that has the words */
static void *params;

static void read_vectors(const void *unused)
{
    (void)unused;
    net_pretrained_read(&net_model, data, fuzz_folder(), params, NULL, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char rows[] = "text,y\none two,1\nthree,2\nfour one,3\n";

    if (!data) {
        fuzz_file("t.csv", rows, strlen(rows));
        data = net_data_open(&net_model, fuzz_folder(), NULL);
        params = net_memory(net_model.params_size);
    }
    fuzz_file("words.vec", bytes, size);
    fuzz_attempt(read_vectors, NULL);
    return 0;
}
