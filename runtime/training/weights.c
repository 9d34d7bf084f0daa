/*
 * weights.c -- --weights, and what the model starts from: which file they are in, and whether what
 * their run has learnt of its data is beside them. Weights bear a checksum of it (data/contract.c);
 * those of a run mean nothing without.
 */

#define _GNU_SOURCE

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "training/training.h"

/* A run's folder has weights. */
static void check_run(const struct net_folder *folder, const char *said, const char *path)
{
    if (net_folder_has(folder, "kfold.json"))
        net_fail(NET_FAULT, "%s is a k-fold, with weights for each of its folds: %s %s/fold_1",
                 path, said, path);
    if (net_folder_has(folder, "model.safetensors"))
        return;
    if (net_folder_has(folder, "checkpoint.safetensors"))
        net_fail(NET_FAULT,
                 "%s has no model.safetensors: the run diverged, or has not saved "
                 "yet; it has a checkpoint: %s %s/checkpoint.safetensors",
                 path, said, path);
    net_fail(NET_FAULT,
             "%s has no model.safetensors: it is not a run's folder, or the run "
             "ended before its first checkpoint",
             path);
}

/* There is no preparation.json beside the weights. `run`: a run's folder was named. */
static void check_alone(const struct net_session *session, const char *path, bool run)
{
    const char *checksum = session->opening.checksum;
    const struct net_field *field = net_field_learns(session->model);
    const enum net_command command = session->options->command;

    if (command == NET_EXPORT || (checksum && !net_is_run_checksum(checksum)) ||
        (!field && !(run && checksum)))
        return;
    if (checksum)
        net_fail(NET_FAULT,
                 "%s has no preparation.json beside it: what its run has learnt of its data is "
                 "wanted too, such as of %s; --weights names the run's folder, whole",
                 path, field ? field->name : session->model->fields[0].name);
    if (command == NET_EVAL || command == NET_PREDICT || command == NET_GENERATE ||
        (command == NET_TRAIN_COMMAND && field->vocabulary))
        net_fail(NET_FAULT,
                 "%s has no preparation.json beside it, and %s is prepared with what was learnt "
                 "in training: --weights wants a run's folder",
                 path, field->name);
    if (command == NET_TRAIN_COMMAND)
        net_warn("%s has no preparation.json beside it: %s is fitted to the rows of this run", path,
                 field->name);
}

/* Nothing that is not finite is anybody's result; and weights that another program wrote say
   nothing of what was learnt beside them. */
static void check_numbers(const struct net_session *session, const char *path, bool run)
{
    const struct net_tensor *spoilt = net_not_finite(session);
    const struct net_field *field = net_field_learns(session->model);

    if (spoilt)
        net_fail(NET_FAULT, "--weights %s: %s is not finite; the run that it is of has diverged",
                 path, spoilt->name);
    if (!run && !session->opening.checksum && session->opening.preparation && field)
        net_warn(
            "%s bears no checksum of a run: that the preparation.json beside it is what it learnt, "
            "such as of %s, is not known",
            path, field->name);
}

bool net_weights_find(struct net_session *session, const char *said, const char *path)
{
    struct stat status;

    if (stat(path, &status))
        net_fail(NET_FAULT, "%s %s: there is no such file or folder", said, path);
    const bool run = S_ISDIR(status.st_mode);
    const char *slash = strrchr(path, '/');
    char *folder = run     ? net_format("%s", path)
                   : slash ? net_format("%.*s", (int)(slash - path) + (slash == path), path)
                           : net_format(".");

    if (!net_folder_open(&session->weights, NULL, folder))
        net_fail(NET_FAULT, "%s %s: %s", said, path, strerror(errno));
    if (run)
        check_run(&session->weights, said, path);
    free(folder);
    return run;
}

void net_session_weights(struct net_session *session)
{
    const char *path = session->options->value[NET_WEIGHTS].text;
    struct net_opening *opening = &session->opening;

    if (!path)
        net_fail(NET_USAGE, "--weights is wanted: a run's folder, or a .safetensors file");
    const bool run = net_weights_find(session, "--weights", path);

    opening->checksum = net_weights_read(run ? &session->weights : NULL,
                                         run ? "model.safetensors" : path, session->model, NULL,
                                         session->run.params);
    opening->run = &session->weights;
    if (net_folder_has(opening->run, "preparation.json"))
        opening->preparation = net_format("preparation.json");
    else
        check_alone(session, path, run);
    check_numbers(session, path, run);
}
