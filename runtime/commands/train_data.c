/*
 * train_data.c -- the data of a training run: they are those of the run that goes on, or of the
 * folds before; what is learnt of them is kept in the run's folder before its first checkpoint.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "commands/train.h"

enum { SLOW_DATA = 2 }; /* seconds of reading after which a person is told of them */

/* Data that took long to read: how fast, and the most memory that the program has had. */
static void say_data(struct trainer *trainer, double seconds)
{
    const struct net_data *data = trainer->run.session.data;
    struct rusage usage;
    long rows = 0;

    for (int part = 0; part < NET_PARTS; part++)
        rows += net_data_rows(data, (enum net_part)part);
    if (seconds > SLOW_DATA && getrusage(RUSAGE_SELF, &usage) == 0)
        net_progress_say(&trainer->progress,
                         "read %ld rows in %.1f s, %.0f a second; "
                         "%.0f MB of memory at most",
                         rows, seconds, (double)rows / seconds, (double)usage.ru_maxrss / 1024);
}

static void say(void *progress, const char *line)
{
    net_progress_say(progress, "%s", line);
}

void open_data(struct trainer *trainer, struct net_options *options,
               const struct net_tensors *tensors)
{
    struct net_session *session = &trainer->run.session;
    struct net_opening *opening = &session->opening;
    const char *checksum = tensors ? net_tensors_metadata(tensors, "preparation") : NULL;
    const double begun = net_now();

    if (checksum)
        opening->checksum = net_format("%s", checksum);
    if (tensors) {
        opening->run = &trainer->run.folder;
        opening->preparation = net_format("preparation.json");
    } else if (options->whole && options->fold.number > 1) { /* folds are of one data */
        opening->run = options->whole;
        opening->alike = net_fold_name(1, "preparation.json");
    }
    opening->begins = !tensors;
    opening->changed = net_flag(options, NET_DATA_CHANGED);
    if (tensors || opening->alike)
        opening->same = (1u << NET_PARTS) - 1;
    opening->fold = options->fold;
    session->data = options->opened && !tensors && !opening->start
                        ? options->opened
                        : net_data_open_by(options->model, opening);
    for (int part = 0; part < NET_PARTS; part++)
        net_data_check_task(session->data, (enum net_part)part);
    options->fold = net_data_fold(session->data);
    net_data_checksum(session->data, trainer->run.checksum);
    say_data(trainer, net_now() - begun);
    if (!tensors && !options->value[NET_WEIGHTS].text)
        net_pretrained_read(options->model, session->data, opening->folder, session->run.params,
                            say, &trainer->progress);
}

void look_at_data(struct trainer *trainer)
{
    bool rows;

    trainer->looked = net_now();
    for (char *change; (change = net_data_look(trainer->run.session.data, false, &rows)) != NULL;
         free(change)) {
        net_progress_close(&trainer->progress);
        net_warn("%s: %s; run.json says so", change,
                 rows ? "what the run reads of it from now on may be other rows than before"
                      : "the run goes on with the rows that it had");
    }
}

void save_learnt(struct trainer *trainer)
{
    const struct net_folder *folder = &trainer->run.folder;
    const struct net_data *data = trainer->run.session.data;
    const bool resume = trainer->run.options->value[NET_RESUME].text != NULL;
    struct net_text *learnt = &trainer->learnt, there = {0};

    if (!learnt->at && resume && !net_data_changed(data)) { /* it was read, and is right */
        learnt->at = net_file_read(folder, "preparation.json", &learnt->length);
        return;
    }
    if (!learnt->at) {
        learnt->at = net_data_preparation_json(data);
        learnt->length = strlen(learnt->at);
    }
    if (net_folder_has(folder, "preparation.json"))
        there.at = net_file_read(folder, "preparation.json", &there.length);
    if (!there.at || strcmp(there.at, learnt->at) != 0)
        net_file_replace(folder, "preparation.json", learnt);
    free(there.at);
}
