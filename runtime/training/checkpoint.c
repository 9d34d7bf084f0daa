/*
 * checkpoint.c -- all that a resume needs, in one safetensors file, whose checksum is written and
 * checked by core/safetensors.c: parameters under their names, optimizer state as optimizer.1.NAME,
 * optimizer.2.NAME, ..., their moving average as average.NAME, the best parameters so far as
 * kept.NAME, counters and settings in the metadata. (Random numbers have no state: they are drawn
 * by position.)
 */

#define _GNU_SOURCE

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "training/training.h"

/* ---- Tensors: the same walk for writing and reading ------------------------------------------ */

struct walk {
    const struct net_training *training;
    struct net_entry *entries;         /* writing: filled; NULL when reading */
    const struct net_tensors *tensors; /* reading */
    int count;
};

static void visit(struct walk *walk, const char *prefix, const struct net_tensor *tensor,
                  void *base)
{
    char *name = net_format("%s%s", prefix, tensor->name);

    if (walk->entries) {
        walk->entries[walk->count] = (struct net_entry){name, tensor, base};
    } else {
        /* padding too: a step that diverged has left NaN there */
        memset((char *)base + tensor->offset, 0, (size_t)tensor->count * sizeof(float));
        net_tensors_get(walk->tensors, name, tensor, base);
        free(name);
    }
    walk->count++;
}

static void visit_all(struct walk *walk, bool kept)
{
    const struct net_session *session = &walk->training->session;
    const struct net_model *model = session->model;

    for (int t = 0; t < model->tensor_count; t++)
        visit(walk, "", &model->tensors[t], session->run.params);
    for (int copy = 0; copy < session->state_copies; copy++)
        for (int t = 0; t < model->tensor_count; t++) {
            char prefix[24];

            snprintf(prefix, sizeof prefix, "optimizer.%d.", copy + 1);
            if (model->tensors[t].trainable)
                visit(walk, prefix, &model->tensors[t],
                      (char *)session->run.state + (size_t)copy * model->params_size);
        }
    for (int t = 0; session->average && t < model->tensor_count; t++)
        visit(walk, "average.", &model->tensors[t], session->average);
    if (kept)
        for (int t = 0; t < model->tensor_count; t++)
            visit(walk, "kept.", &model->tensors[t], walk->training->kept);
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void add_count(struct net_text *text, const char *key, double x)
{
    net_text_add(text, ",\"%s\":\"%.0f\"", key, x);
}

/* In hexadecimal: every bit comes back. */
static void add_exact(struct net_text *text, const char *key, double x)
{
    net_text_add(text, ",\"%s\":\"%a\"", key, x);
}

static void write_metadata(struct net_text *text, const struct net_training *training)
{
    const struct net_options *options = training->options;
    const struct net_state *state = &training->state;

    net_text_add(text, "\"checkpoint\":\"1\",\"model\":");
    net_text_quote(text, options->model->name);
    net_text_add(text, ",\"source\":");
    net_text_quote(text, options->model->source);
    net_text_add(text, ",\"model_hash\":");
    net_text_quote(text, options->model->hash);
    net_text_add(text, ",\"preparation\":\"%s\"", training->checksum);
    net_text_add(text, ",\"history\":\"%s\"", training->history);
    net_layers_keep(text, options->model);
    add_count(text, "epoch", (double)state->epoch);
    add_count(text, "row", (double)state->row);
    add_count(text, "step", training->session.run.step);
    add_exact(text, "loss_sum", state->loss_sum);
    add_exact(text, "loss_weight", state->loss_weight);
    add_exact(text, "best", state->best);
    add_count(text, "best_epoch", (double)state->best_epoch);
    add_exact(text, "plateau_best", state->plateau_best);
    add_count(text, "plateau_bad", (double)state->plateau_bad);
    add_exact(text, "plateau_scale", state->plateau_scale);
    add_exact(text, "stop_best", state->stop_best);
    add_count(text, "stop_bad", (double)state->stop_bad);
    add_exact(text, "seconds", state->seconds);
    add_exact(text, "waited", state->waited);
    add_count(text, "rows_trained", state->rows_trained);
    add_count(text, "rows", (double)training->row_count);
    net_text_add(text, ",");
    net_settings_keep(text, options);
}

void net_checkpoint_write(const struct net_training *training)
{
    const struct net_model *model = training->session.model;
    struct walk walk = {.training = training};
    struct net_text metadata = {0};

    walk.entries = net_allocate((size_t)model->tensor_count *
                                    (3 + (size_t)training->session.state_copies),
                                sizeof *walk.entries);
    visit_all(&walk, training->kept && training->state.best_epoch);
    write_metadata(&metadata, training);
    net_tensors_write(&training->folder, "checkpoint.safetensors", walk.entries, walk.count,
                      &metadata);
    for (int e = 0; e < walk.count; e++)
        free(walk.entries[e].name);
    free(walk.entries);
    free(metadata.at);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static double metadata_number(const struct net_tensors *tensors, const char *key)
{
    const char *text = net_tensors_metadata(tensors, key);
    char *end = NULL;
    const double x = text ? strtod(text, &end) : 0.0;

    if (!text || !*text || *end || isnan(x))
        net_fail(NET_FAULT,
                 "%s: \"%s\" is missing or wrong in its metadata; it is not a checkpoint "
                 "of this trainer",
                 tensors->path, key);
    return x;
}

/* A whole number up to `most`. */
static long metadata_count(const struct net_tensors *tensors, const char *key, long most)
{
    const double x = metadata_number(tensors, key);

    if (x != floor(x) || x < 0.0 || x > (double)most)
        net_fail(NET_FAULT,
                 "%s: \"%s\" is not a count in its metadata; it is not a checkpoint of "
                 "this trainer",
                 tensors->path, key);
    return (long)x;
}

/* A layer of another size or name is told; what has no weights shows in the hash alone. */
static _Noreturn void fail_other(const struct net_tensors *tensors, const char *hash,
                                 const struct net_model *model)
{
    const char *source = net_tensors_metadata(tensors, "source");
    const char *difference = net_tensors_difference(tensors, model);

    net_fail(NET_FAULT, "%s is of another model: %s. It is of %s, %s; this trainer is of %s, %s",
             tensors->path,
             difference ? difference
                        : "all weights are alike, so that --weights begins a new run from it; the "
                          "data, a layer "
                          "without weights or netc's options are others",
             source ? source : "an older netc's", hash, model->source, model->hash);
}

void net_checkpoint_settings(struct net_tensors *tensors, struct net_options *options,
                             const struct net_folder *folder, const char *name)
{
    const char *run = options->value[NET_RESUME].text, *hash;
    char *path = net_path_in(folder, name);

    if (!net_folder_has(folder, name) && net_folder_has(folder, "run.json"))
        net_fail(NET_FAULT,
                 "--resume %s: the run ended before its first checkpoint; --out %s "
                 "--force begins it again",
                 run, run);
    if (!net_folder_has(folder, name))
        net_fail(NET_FAULT, "--resume %s: there is no checkpoint.safetensors in it", run);
    net_tensors_read(tensors, folder, name);
    hash = net_tensors_metadata(tensors, "model_hash");
    if (!net_tensors_metadata(tensors, "checkpoint") || !hash)
        net_fail(NET_FAULT,
                 "%s is not a checkpoint: it has weights only; --weights starts a new run "
                 "from it",
                 path);
    if (strcmp(hash, options->model->hash) != 0)
        fail_other(tensors, hash, options->model);
    net_settings_take(options, net_json_member(tensors->header, "__metadata__"), path);
    free(path);
}

void net_checkpoint_read(const struct net_tensors *tensors, struct net_training *training)
{
    struct net_state *state = &training->state;
    struct walk walk = {.training = training, .tensors = tensors};
    const char *history = net_tensors_metadata(tensors, "history");

    if (history)
        snprintf(training->history, sizeof training->history, "%s", history);
    state->epoch = metadata_count(tensors, "epoch", INT_MAX);
    state->row = metadata_count(tensors, "row", LONG_MAX / 1024);
    state->loss_sum = metadata_number(tensors, "loss_sum");
    state->loss_weight = metadata_number(tensors, "loss_weight");
    state->best = metadata_number(tensors, "best");
    state->best_epoch = metadata_count(tensors, "best_epoch", INT_MAX);
    state->plateau_best = metadata_number(tensors, "plateau_best");
    state->plateau_bad = metadata_count(tensors, "plateau_bad", INT_MAX);
    state->plateau_scale = metadata_number(tensors, "plateau_scale");
    state->stop_best = metadata_number(tensors, "stop_best");
    state->stop_bad = metadata_count(tensors, "stop_bad", INT_MAX);
    state->seconds = metadata_number(tensors, "seconds");
    state->waited = metadata_number(tensors, "waited");
    state->rows_trained = metadata_number(tensors, "rows_trained");
    training->session.run.step = (uint32_t)metadata_count(tensors, "step", UINT32_MAX);
    const bool rows_differ = metadata_count(tensors, "rows", LONG_MAX / 1024) !=
                             training->row_count;

    if (rows_differ && net_flag(training->options, NET_DATA_CHANGED)) {
        state->row = 0; /* the epoch begins again */
        state->loss_sum = state->loss_weight = 0.0;
    } else if (rows_differ || state->row >= training->row_count) {
        net_fail(NET_FAULT,
                 "%s was trained on %.0f rows; there are %ld now: the data differ. --data-changed "
                 "takes them as they are",
                 tensors->path, metadata_number(tensors, "rows"), training->row_count);
    }
    visit_all(&walk, training->kept && state->best_epoch);
}
