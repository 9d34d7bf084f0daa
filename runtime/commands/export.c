/*
 * export.c -- `export`: the weights of a run as a file of named arrays, in PyTorch's names and
 * layouts: safetensors, or numpy's npz; or the network with them, as ONNX.
 */

#include <stdlib.h>
#include <string.h>

#include "commands/commands.h"
#include "commands/npz.h"

static void write_to_file(void *to, const void *bytes, size_t count)
{
    net_file_write(to, bytes, count);
}

static void write_tensor(struct net_npz *npz, const struct net_tensor *tensor, const void *params)
{
    const size_t count = (size_t)net_tensor_size(tensor);
    const struct net_file *file = npz->to;
    float *logical = net_allocate(count, sizeof *logical);
    struct net_text shape = {0};

    for (int axis = 0; axis < tensor->rank; axis++)
        net_text_add(&shape, "%s%d%s", axis ? " " : "", tensor->shape[axis],
                     axis && axis == tensor->rank - 1 ? "" : ",");
    net_tensor_get(tensor, params, logical);
    if (!net_npz_add(npz, tensor->name, shape.at ? shape.at : "", logical, count))
        net_fail(NET_FAULT, "%s: an npz holds up to 4 GB; --format safetensors holds more",
                 file->path);
    free(shape.at);
    free(logical);
}

static void write_npz(const char *path, const struct net_model *model, const void *params)
{
    struct net_file file;
    struct net_npz npz;

    net_file_open(&file, NULL, path);
    net_npz_open(&npz, write_to_file, &file, model->tensor_count);
    for (int t = 0; t < model->tensor_count; t++)
        write_tensor(&npz, &model->tensors[t], params);
    net_npz_end(&npz);
    net_file_commit(&file);
}

/* A name that promises what export does not write. */
static void check_ending(const char *path)
{
    static const char *const others[] = {".bin", ".ckpt", ".h5",  ".keras",
                                         ".pkl", ".pt",   ".pth", ".tflite"};
    const char *ending = strrchr(path, '.');

    for (size_t i = 0; ending && i < sizeof others / sizeof *others; i++)
        if (!strcmp(ending, others[i]))
            net_fail(
                NET_USAGE,
                "-o %s: export writes safetensors, npz or onnx, which a name with %s does not say; "
                "torch and others read .safetensors with the package safetensors",
                path, ending);
}

static bool is_format(const char *word)
{
    return !strcmp(word, "npz") || !strcmp(word, "safetensors") || !strcmp(word, "onnx");
}

/* By --format, or by the ending of the name. */
static bool is_wanted(const struct net_options *options, const char *format)
{
    const struct net_value *given = &options->value[NET_FORMAT];
    const char *ending = strrchr(options->value[NET_OUTPUT].text, '.');

    return given->given ? !strcmp(given->text, format) : ending && !strcmp(ending + 1, format);
}

static void export_onnx(const char *path, const struct net_session *session)
{
    struct net_data *learnt = NULL;

    if (net_flag(session->options, NET_WITH_PREPARATIONS)) {
        if (!session->opening.preparation)
            net_fail(NET_USAGE, "--with-preparations wants --weights of a run's folder, with its "
                                "preparation.json");
        struct net_opening opening = session->opening;

        opening.same = 1u << NET_TRAIN; /* tells whether the data were bytes */
        learnt = net_data_open_learnt(session->model, &opening);
    }
    net_export_onnx(path, session->model, session->run.params, learnt);
    if (learnt)
        net_data_close(learnt);
}

int net_command_export(struct net_options *options)
{
    const struct net_value *format = &options->value[NET_FORMAT];
    const char *path = options->value[NET_OUTPUT].text;
    struct net_session session;

    if (!path)
        net_fail(NET_USAGE, "export wants -o FILE, such as -o weights.npz");
    if (format->given && !is_format(format->text))
        net_fail(NET_USAGE, "export writes --format npz, safetensors or onnx, not %s",
                 format->text);
    if (!format->given)
        check_ending(path);
    if (net_flag(options, NET_WITH_PREPARATIONS) && !is_wanted(options, "onnx"))
        net_fail(NET_USAGE, "--with-preparations goes with --format onnx: weights have none");
    net_session_open(&session, options);
    net_session_weights(&session);
    if (is_wanted(options, "npz"))
        write_npz(path, options->model, session.run.params);
    else if (is_wanted(options, "onnx"))
        export_onnx(path, &session);
    else
        net_weights_write(NULL, path, options->model, session.run.params, session.opening.checksum);
    net_session_close(&session);
    return NET_OK;
}
