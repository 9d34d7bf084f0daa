/*
 * start.c -- `start = weights("file", except=[head])`: the tensors that a run begins with.
 *
 * One idea: tensors of the layers that `except` names are this run's own, whatever the file has of
 * them; all others have to be there, and no more. Only trainers of models that say `start` have
 * this file.
 */

#define _GNU_SOURCE

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/nearest.h"
#include "training/training.h"

/* Of a layer that `except` names, in a text with a blank between two? */
static bool is_excepted(const struct net_model *model, const char *tensor)
{
    const struct net_arg *except = net_argument(model->start, "except");
    const char *name = except ? except->text : NULL;

    for (; name && *name; name += strcspn(name, " "), name += strspn(name, " "))
        if (net_is_of_part(tensor, name))
            return true;
    return false;
}

/* The file or folder, malloc'd: where the data's files are, else from the current folder on. */
static char *find_path(const struct net_session *session)
{
    const char *file = net_start_file(session->options);
    const char *folder = net_data_folder(session->model, session->options->value[NET_DATA].text);
    char *beside = folder && file[0] != '/' ? net_format("%s/%s", folder, file) : NULL;

    if (beside && !access(beside, F_OK))
        return beside;
    free(beside);
    return net_format("%s", file);
}

/* What that run has learnt of the inputs. A file of weights alone is taken with inputs that are
   fitted to this run's rows; the numbers of its words would mean others. */
static void find_inputs(struct net_session *session, const char *path)
{
    const struct net_field *field = net_field_learns(session->model);

    if (!field || field->kind > NET_INPUT_SPARSE) /* inputs come first */
        return;
    if (net_folder_has(&session->weights, "preparation.json")) {
        session->opening.start = &session->weights;
        session->opening.take_inputs = net_take_inputs;
    } else if (field->vocabulary) {
        net_fail(NET_FAULT,
                 "start: %s has no preparation.json beside it, and %s is prepared with what was "
                 "learnt in training: a run's folder is wanted",
                 path, field->name);
    } else {
        net_warn("start: %s has no preparation.json beside it: %s is fitted to the rows of this "
                 "run",
                 path, field->name);
    }
}

static void find(struct net_session *session)
{
    char *path = find_path(session);

    net_weights_find(session, "start", path);
    find_inputs(session, path);
    free(path);
}

static void read_tensors(struct net_session *session)
{
    char *path = find_path(session);
    struct stat status;
    const bool run = !stat(path, &status) && S_ISDIR(status.st_mode);
    const struct net_folder *folder = run ? &session->weights : NULL;

    free(net_weights_read(folder, run ? "model.safetensors" : path, session->model, is_excepted,
                          session->run.params));
    const struct net_tensor *spoilt = net_not_finite(session);

    if (spoilt)
        net_fail(NET_FAULT, "start %s: %s is not finite; the run that it is of has diverged", path,
                 spoilt->name);
    free(path);
}

const struct net_start net_start = {find, read_tensors};
