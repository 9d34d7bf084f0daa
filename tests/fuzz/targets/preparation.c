/*
 * preparation.c -- what a run has learnt, as a resume and then predict read it, for models/csv.net.
 */

#include <string.h>

#include "fuzz/fuzz.h"

static const char rows[] = "a,b,c,text,kind\n"
                           "1,2.5,-3,one two,red\n,NA,7,\"three, <b>four\",green\n"
                           "4,1e3,0.5,one,blue\n5,6,7,two two,red\n8,9,1,five,red\n";

static void open_resume(const void *path)
{
    const struct net_opening opening = {.folder = fuzz_folder(),
                                        .preparation = (char *)path,
                                        .same = (1u << NET_PARTS) - 1,
                                        .changed = true};
    struct net_data *data = net_data_open_by(&net_model, &opening);

    fuzz_pack(data, NET_TRAIN);
    fuzz_pack(data, NET_VALIDATION);
    net_data_close(data);
}

static void open_predict(const void *path)
{
    const struct net_opening opening = {.folder = fuzz_folder(), .preparation = (char *)path};
    const char *const file = fuzz_file("t.csv", rows, strlen(rows));
    struct net_data *data = net_data_open_files(&net_model, &file, 1, &opening);

    fuzz_pack(data, NET_TEST);
    net_data_close(data);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    const char *path = fuzz_file("preparation.json", bytes, size);

    fuzz_file("t.csv", rows, strlen(rows));
    fuzz_attempt(open_resume, path);
    fuzz_attempt(open_predict, path);
    return 0;
}
