/*
 * checkpoint.c -- the checkpoint of a run of models/tiny.net, at a resume: its settings, then, in a
 * session that has them, its tensors and counters. The trainer is said to be of the model hash that
 * stands in the corpus.
 */

#include <stdlib.h>

#include "commands/commands.h"
#include "fuzz/fuzz.h"

static struct net_model model;
static struct net_data *data; /* of another count of rows than some checkpoints */
static struct {
    struct net_options options;
    struct net_tensors tensors;
    struct net_training training;
} run;

static void read_checkpoint(const void *path)
{
    char *argv[] = {"--threads", "1", "--resume", (char *)fuzz_folder()};
    struct net_training *training = &run.training;

    net_options_read(&run.options, &model, NET_TRAIN_COMMAND, 4, argv);
    net_checkpoint_settings(&run.tensors, &run.options, NULL, path);
    net_session_open(&training->session, &run.options);
    training->session.data = data;
    training->row_count = net_data_rows(data, NET_TRAIN);
    training->kept = net_memory(net_model.params_size);
    net_checkpoint_read(&run.tensors, training);
    net_schedule_rate(&run.options, &training->state);
    net_schedule_stops(&run.options, &training->state);
    training->session.data = NULL; /* it stays */
    net_session_close(&training->session);
    net_tensors_free(&run.tensors);
    net_options_free(&run.options);
    free(training->kept);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    model = net_model;
    if (!data)
        data = net_data_open(&net_model, NULL, NULL);
    model.hash = "0123456789abcdef";
    run.training = (struct net_training){.options = &run.options};
    fuzz_attempt(read_checkpoint, fuzz_file("checkpoint.safetensors", bytes, size));
    return 0;
}
