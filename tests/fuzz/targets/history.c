/* history.c -- history.csv of a run of models/tiny.net that is resumed after three epochs. */

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "report/report.h"

extern const struct net_sink net_sink_history;

static struct net_options options;
static struct net_progress progress = {.quiet = true};
static struct net_epochs epochs;
static struct net_training run = {.options = &options, .state.epoch = 3, .epochs = &epochs};

static void open_history(const void *unused)
{
    (void)unused;
    net_sink_history.close(net_sink_history.open(&run, &progress), &run);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (!run.folder.path) {
        net_folder_open(&run.folder, NULL, fuzz_folder());
        options.value[NET_RESUME].text = run.folder.path;
        run.session.model = options.model = &net_model;
        run.session.data = net_data_open(&net_model, NULL, NULL);
    }
    char *path = net_path_in(&run.folder, "history.csv"); /* one that is replaced */
    FILE *file = fopen(path, "wb");

    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file))
        fuzz_finding("cannot write %s", path);
    fuzz_attempt(open_history, NULL);
    unlinkat(run.folder.at, "history.csv.found", 0);
    free(path);
    return 0;
}
