/*
 * export.c -- `export`: the weights of a run as a file of named arrays, in PyTorch's names and
 * layouts: safetensors, or numpy's npz, which is a zip archive of an .npy for each, not packed; or
 * the network with them, as ONNX.
 */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "commands/commands.h"
#include "commands/npy.h"

enum { VERSION = 20, UTF8 = 1 << 11, FIRST_DAY = 0x21, LOCAL_SIZE = 30, CENTRAL_SIZE = 46 };

static void put(unsigned char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

struct entry {
    char *name;
    uint32_t crc, size, at; /* of the .npy; where its header is */
};

/* The fields that an entry has in both of its headers, from the version on. */
static void put_entry(unsigned char *at, const struct entry *entry)
{
    put(at, VERSION, 2);
    put(at + 2, UTF8, 2);
    put(at + 8, FIRST_DAY, 2);
    put(at + 10, entry->crc, 4);
    put(at + 14, entry->size, 4);
    put(at + 18, entry->size, 4);
    put(at + 22, (uint32_t)strlen(entry->name), 2);
}

/* Writes one array at `at`; gives where it ends. */
static uint64_t write_entry(struct net_file *file, struct entry *entry,
                            const struct net_tensor *tensor, const void *params, uint64_t at)
{
    const size_t count = (size_t)net_tensor_size(tensor), bytes = count * sizeof(float);
    unsigned char header[LOCAL_SIZE] = "PK\3\4";
    float *logical = net_allocate(count, sizeof *logical);
    struct net_text shape = {0};
    struct net_npy npy;

    for (int axis = 0; axis < tensor->rank; axis++)
        net_text_add(&shape, "%s%d%s", axis ? " " : "", tensor->shape[axis],
                     axis && axis == tensor->rank - 1 ? "" : ",");
    net_npy_begin(&npy, shape.at ? shape.at : "");
    net_tensor_get(tensor, params, logical);

    const uint64_t size = sizeof npy.magic + npy.line.length + bytes;

    if (at + size + LOCAL_SIZE > UINT32_MAX || count > UINT32_MAX / sizeof(float))
        net_fail(NET_FAULT, "%s: an npz holds up to 4 GB; --format safetensors holds more",
                 file->path);
    uLong crc = crc32(0, npy.magic, sizeof npy.magic);

    crc = crc32(crc, (const Bytef *)npy.line.at, (uInt)npy.line.length);
    crc = crc32(crc, (const Bytef *)logical, (uInt)bytes);
    *entry = (struct entry){net_format("%s.npy", tensor->name), (uint32_t)crc, (uint32_t)size,
                            (uint32_t)at};
    put_entry(header + 4, entry);
    net_file_write(file, header, sizeof header);
    net_file_write(file, entry->name, strlen(entry->name));
    net_file_write(file, npy.magic, sizeof npy.magic);
    net_file_write(file, npy.line.at, npy.line.length);
    net_file_write(file, logical, bytes);
    free(npy.line.at);
    free(shape.at);
    free(logical);
    return at + LOCAL_SIZE + strlen(entry->name) + size;
}

static void write_npz(const char *path, const struct net_model *model, const void *params)
{
    struct entry *entries = net_allocate((size_t)model->tensor_count, sizeof *entries);
    unsigned char end[22] = "PK\5\6";
    struct net_file file;
    uint64_t at = 0, size = 0;

    net_file_open(&file, NULL, path);
    for (int t = 0; t < model->tensor_count; t++)
        at = write_entry(&file, &entries[t], &model->tensors[t], params, at);
    for (int t = 0; t < model->tensor_count; t++) {
        unsigned char header[CENTRAL_SIZE] = "PK\1\2";

        put(header + 4, VERSION, 2);
        put_entry(header + 6, &entries[t]);
        put(header + 42, entries[t].at, 4);
        net_file_write(&file, header, sizeof header);
        net_file_write(&file, entries[t].name, strlen(entries[t].name));
        size += sizeof header + strlen(entries[t].name);
        free(entries[t].name);
    }
    put(end + 8, (uint32_t)model->tensor_count, 2);
    put(end + 10, (uint32_t)model->tensor_count, 2);
    put(end + 12, (uint32_t)size, 4);
    put(end + 16, (uint32_t)at, 4);
    net_file_write(&file, end, sizeof end);
    net_file_commit(&file);
    free(entries);
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
    net_session_open(&session, options);
    net_session_weights(&session);
    if (is_wanted(options, "npz"))
        write_npz(path, options->model, session.run.params);
    else if (is_wanted(options, "onnx"))
        net_export_onnx(path, options->model, session.run.params);
    else
        net_weights_write(NULL, path, options->model, session.run.params, session.opening.checksum);
    net_session_close(&session);
    return NET_OK;
}
