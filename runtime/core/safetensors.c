/*
 * safetensors.c -- named tensors in a file: u64 little-endian length of a JSON header, the header,
 * the numbers. Tensors have PyTorch's names and layouts.
 *
 * Our files carry a CRC-32 of everything (its own eight digits counted as zeros) in the metadata;
 * files of other programs have none and are read too.
 */

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "core/core.h"

#define BETWEEN_LAYERS "; "

#define CHECKSUM "\"checksum\":\""
#define NO_CHECKSUM "00000000"

enum { HEADER_MOST = 100000000 };

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_header(struct net_text *header, const struct net_entry *entries, int count,
                         const struct net_text *metadata)
{
    size_t at = 0;

    net_text_add(header, "{\"__metadata__\":{" CHECKSUM NO_CHECKSUM "\"");
    if (metadata)
        net_text_add(header, ",%s", metadata->at);
    net_text_add(header, "}");
    for (int e = 0; e < count; e++) {
        const struct net_tensor *tensor = entries[e].tensor;
        const size_t size = sizeof(float) * (size_t)net_tensor_size(tensor);

        net_text_add(header, ",");
        net_text_quote(header, entries[e].name);
        net_text_add(header, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int axis = 0; axis < tensor->rank; axis++)
            net_text_add(header, "%s%d", axis ? "," : "", tensor->shape[axis]);
        net_text_add(header, "],\"data_offsets\":[%zu,%zu]}", at, at + size);
        at += size;
    }
    net_text_add(header, "}");
    while (header->length % 8)
        net_text_add(header, " ");
}

/* Two passes over the numbers: the checksum stands in front of them. */
void net_tensors_write(const struct net_folder *folder, const char *name,
                       const struct net_entry *entries, int count, const struct net_text *metadata)
{
    struct net_text header = {0};
    struct net_file file;
    long most = 1;
    char digits[9];

    for (int e = 0; e < count; e++)
        if (net_tensor_size(entries[e].tensor) > most)
            most = net_tensor_size(entries[e].tensor);
    float *logical = net_allocate((size_t)most, sizeof *logical);

    write_header(&header, entries, count, metadata);
    uLong crc = crc32(0, (const Bytef *)header.at, (uInt)header.length);
    net_file_open(&file, folder, name);
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            const uint64_t length = header.length;
            uint8_t bytes[8];

            snprintf(digits, sizeof digits, "%08lx", crc & 0xffffffffu);
            memcpy(strstr(header.at, CHECKSUM) + strlen(CHECKSUM), digits, 8);
            for (int i = 0; i < 8; i++)
                bytes[i] = (uint8_t)(length >> 8 * i);
            net_file_write(&file, bytes, sizeof bytes);
            net_file_write(&file, header.at, header.length);
        }
        for (int e = 0; e < count; e++) {
            const size_t size = sizeof(float) * (size_t)net_tensor_size(entries[e].tensor);

            net_tensor_get(entries[e].tensor, entries[e].base, logical);
            if (pass == 0)
                crc = crc32_z(crc, (const Bytef *)logical, size);
            else
                net_file_write(&file, logical, size);
        }
    }
    net_file_commit(&file);
    free(logical);
    free(header.at);
}

void net_layers_keep(struct net_text *metadata, const struct net_model *model)
{
    net_text_add(metadata, ",\"evaluated\":");
    net_text_quote(metadata, model->evaluated);
}

void net_weights_write(const struct net_folder *folder, const char *name,
                       const struct net_model *model, const void *params, const char *mark)
{
    struct net_entry *entries = net_allocate((size_t)model->tensor_count, sizeof *entries);
    struct net_text metadata = {0};

    for (int t = 0; t < model->tensor_count; t++)
        entries[t] = (struct net_entry){
            .name = net_format("%s", model->tensors[t].name),
            .tensor = &model->tensors[t],
            .base = params,
        };
    net_text_add(&metadata, "\"format\":\"pt\",\"model\":");
    net_text_quote(&metadata, model->name);
    net_text_add(&metadata, ",\"preparation\":\"%s\"", mark);
    net_layers_keep(&metadata, model);
    net_tensors_write(folder, name, entries, model->tensor_count, &metadata);
    for (int t = 0; t < model->tensor_count; t++)
        free(entries[t].name);
    free(entries);
    free(metadata.at);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static uint64_t read_u64(const char *bytes)
{
    uint64_t x = 0;

    for (int i = 7; i >= 0; i--)
        x = x << 8 | (uint8_t)bytes[i];
    return x;
}

static void check_checksum(const struct net_tensors *tensors, size_t length)
{
    const char *digits = net_tensors_metadata(tensors, "checksum");
    char *header = tensors->bytes + 8, *place;

    if (!digits || strlen(digits) != 8)
        return;
    const char last = tensors->bytes[tensors->data];
    tensors->bytes[tensors->data] = '\0'; /* the search ends with the header */
    place = strstr(header, CHECKSUM);
    tensors->bytes[tensors->data] = last;
    if (!place || (size_t)(place - header) + strlen(CHECKSUM) + 8 > tensors->data - 8)
        return;
    place += strlen(CHECKSUM);

    char found[9] = {0}, sum[9];
    memcpy(found, place, 8);
    memcpy(place, NO_CHECKSUM, 8); /* NOLINT: text goes on behind it */
    const uLong crc = crc32_z(0, (const Bytef *)header, length - 8);
    memcpy(place, found, 8);
    snprintf(sum, sizeof sum, "%08lx", crc & 0xffffffffu);
    if (strcmp(sum, found) != 0)
        net_fail(NET_FAULT, "%s is damaged: its checksum says %s, its bytes give %s", tensors->path,
                 found, sum);
}

void net_tensors_read(struct net_tensors *tensors, const struct net_folder *folder,
                      const char *name)
{
    size_t length;
    char mistake[128], *path = net_path_in(folder, name);

    *tensors = (struct net_tensors){.path = path};
    tensors->bytes = net_file_read(folder, name, &length);
    const uint64_t header = length < 8 ? 0 : read_u64(tensors->bytes);
    if (length < 8 || header > HEADER_MOST || (length > 8 && tensors->bytes[8] != '{'))
        net_fail(NET_FAULT,
                 "%s is not a safetensors file: it should begin with the length of a JSON "
                 "header and `{`",
                 path);
    if (header > length - 8)
        net_fail(NET_FAULT, "%s is cut off: its header should be %llu bytes, the file has %zu",
                 path, (unsigned long long)header, length);
    tensors->data = 8 + (size_t)header;
    tensors->data_size = length - tensors->data;
    tensors->header = net_json_read(tensors->bytes + 8, (size_t)header, mistake, sizeof mistake);
    if (!tensors->header || tensors->header->kind != NET_JSON_OBJECT)
        net_fail(NET_FAULT, "%s: its header is not a JSON object: %s", path,
                 tensors->header ? "another value" : mistake);

    double end = 0.0; /* of the last tensor: a shorter file was cut off */
    for (const struct net_json *entry = tensors->header->first; entry; entry = entry->next) {
        const struct net_json *offsets = net_json_member(entry, "data_offsets");

        if (offsets && offsets->count == 2 && offsets->first->next->number > end)
            end = offsets->first->next->number;
    }
    if (end > (double)tensors->data_size)
        net_fail(NET_FAULT, "%s is cut off: its tensors are %.0f bytes, the file has %zu", path,
                 end, tensors->data_size);
    check_checksum(tensors, length);
}

void net_tensors_free(struct net_tensors *tensors)
{
    free(tensors->path);
    free(tensors->bytes);
    net_json_free(tensors->header);
}

const char *net_tensors_metadata(const struct net_tensors *tensors, const char *key)
{
    const struct net_json *metadata = net_json_member(tensors->header, "__metadata__");
    const struct net_json *value = net_json_member(metadata, key);

    return value && value->kind == NET_JSON_STRING ? value->text : NULL;
}

static void show_shape(struct net_text *text, const struct net_json *shape)
{
    net_text_add(text, "[");
    for (const struct net_json *size = shape->first; size; size = size->next)
        net_text_add(text, "%s%.0f", size == shape->first ? "" : ", ", size->number);
    net_text_add(text, "]");
}

static void show_wanted(struct net_text *text, const struct net_tensor *tensor)
{
    net_text_add(text, "[");
    for (int axis = 0; axis < tensor->rank; axis++)
        net_text_add(text, "%s%d", axis ? ", " : "", tensor->shape[axis]);
    net_text_add(text, "]");
}

static void check_shape(const struct net_tensors *tensors, const char *name,
                        const struct net_tensor *tensor, const struct net_json *shape)
{
    bool same = shape && shape->kind == NET_JSON_ARRAY && shape->count == tensor->rank;
    struct net_text found = {0}, wanted = {0};
    int axis = 0;

    if (!shape || shape->kind != NET_JSON_ARRAY)
        net_fail(NET_FAULT, "%s: tensor %s has no shape", tensors->path, name);
    for (const struct net_json *size = shape->first; same && size; size = size->next)
        same = size->kind == NET_JSON_NUMBER && size->number == tensor->shape[axis++];
    if (same)
        return;
    show_shape(&found, shape);
    show_wanted(&wanted, tensor);
    net_fail(NET_FAULT, "%s: tensor %s has shape %s; this model's is %s", tensors->path, name,
             found.at, wanted.at);
}

void net_tensors_get(const struct net_tensors *tensors, const char *name,
                     const struct net_tensor *tensor, void *base)
{
    const struct net_json *entry = net_json_member(tensors->header, name);
    const struct net_json *dtype = net_json_member(entry, "dtype");
    const struct net_json *offsets = net_json_member(entry, "data_offsets");
    const size_t size = sizeof(float) * (size_t)net_tensor_size(tensor);

    if (!entry)
        net_fail(NET_FAULT,
                 "%s: tensor %s is missing; the file is of another model, or a part of "
                 "one",
                 tensors->path, name);
    if (!dtype || dtype->kind != NET_JSON_STRING || strcmp(dtype->text, "F32") != 0)
        net_fail(NET_FAULT,
                 "%s: tensor %s has dtype %s; this trainer reads F32 (in PyTorch: "
                 ".float())",
                 tensors->path, name,
                 dtype && dtype->kind == NET_JSON_STRING ? dtype->text : "none");
    check_shape(tensors, name, tensor, net_json_member(entry, "shape"));
    if (!offsets || offsets->kind != NET_JSON_ARRAY || offsets->count != 2 ||
        offsets->first->kind != NET_JSON_NUMBER || offsets->first->next->kind != NET_JSON_NUMBER ||
        offsets->first->number < 0.0 || offsets->first->number > (double)tensors->data_size ||
        offsets->first->next->number - offsets->first->number != (double)size ||
        offsets->first->next->number > (double)tensors->data_size)
        net_fail(NET_FAULT, "%s: tensor %s has wrong data_offsets: %zu bytes are wanted",
                 tensors->path, name, size);

    float *logical = net_allocate(size / sizeof(float),
                                  sizeof *logical); /* aligned, the file is not */
    memcpy(logical, tensors->bytes + tensors->data + (size_t)offsets->first->number, size);
    net_tensor_set(tensor, base, logical);
    free(logical);
}

/* A tensor of the file that the model does not have; NULL: none. */
static const char *find_unknown(const struct net_tensors *tensors, const struct net_model *model,
                                bool (*may_be)(const char *name), net_is_left *left)
{
    struct net_string_table *names = net_strings_new();
    const char *unknown = NULL;

    for (int t = 0; t < model->tensor_count; t++)
        net_strings_add(names, model->tensors[t].name, strlen(model->tensors[t].name));
    for (const struct net_json *entry = tensors->header->first; entry && !unknown;
         entry = entry->next)
        if (strcmp(entry->key, "__metadata__") != 0 && !may_be(entry->key) &&
            !(left && left(model, entry->key)) &&
            net_strings_find(names, entry->key, strlen(entry->key)) < 0)
            unknown = entry->key;
    net_strings_free(names);
    return unknown;
}

static bool is_of_checkpoint(const char *name)
{
    return !strncmp(name, "kept.", 5) || !strncmp(name, "optimizer.", 10);
}

/* PyTorch's batch norms also save a count that nothing needs. */
static bool is_of_pytorch(const char *name)
{
    static const char end[] = ".num_batches_tracked";
    const size_t length = strlen(name), tail = sizeof end - 1;

    return length >= tail && !strcmp(name + length - tail, end);
}

char *net_tensors_difference(const struct net_tensors *tensors, const struct net_model *model)
{
    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];
        const struct net_json *entry = net_json_member(tensors->header, tensor->name);
        const struct net_json *shape = net_json_member(entry, "shape");
        struct net_text found = {0}, wanted = {0};

        if (!shape || shape->kind != NET_JSON_ARRAY)
            return net_format("it has no %s", tensor->name);
        show_shape(&found, shape);
        show_wanted(&wanted, tensor);
        if (strcmp(found.at, wanted.at) != 0)
            return net_format("its %s is %s, this trainer's %s", tensor->name, found.at, wanted.at);
        free(found.at);
        free(wanted.at);
    }
    const char *unknown = find_unknown(tensors, model, is_of_checkpoint, NULL);

    return unknown ? net_format("it has %s, this trainer none", unknown) : NULL;
}

/* A tensor that the model does not have: another model's file. (A checkpoint has more than
   weights.) */
static void check_unknown(const struct net_tensors *tensors, const struct net_model *model,
                          net_is_left *left)
{
    const char *unknown = net_tensors_metadata(tensors, "checkpoint")
                              ? NULL
                              : find_unknown(tensors, model, is_of_pytorch, left);

    if (unknown)
        net_fail(NET_FAULT, "%s: tensor %s is not of this model (%s)", tensors->path, unknown,
                 model->name);
}

/* The length of a layer's text in a list of them. */
static int length_of_layer(const char *list)
{
    const char *end = strstr(list, BETWEEN_LAYERS);

    return (int)(end ? end - list : (long)strlen(list));
}

static void next_layer(const char **list)
{
    *list += length_of_layer(*list);
    *list += **list ? strlen(BETWEEN_LAYERS) : 0;
}

/* Layers without weights show in no tensor: where they are others the weights are taken, as those
   of any network may be, but it is told. */
static void compare_layers(const struct net_tensors *tensors, const struct net_model *model)
{
    const char *kept = net_tensors_metadata(tensors, "evaluated"), *own = model->evaluated;

    for (int l = 1; kept && (*kept || *own); l++) {
        const int length = length_of_layer(kept), own_length = length_of_layer(own);

        if (length != own_length || strncmp(kept, own, (size_t)length) != 0) {
            net_warn("%s: layer %d of its network is %.*s, of this model %.*s: the weights were "
                     "trained for another network",
                     tensors->path, l, length ? length : 4, length ? kept : "none",
                     own_length ? own_length : 4, own_length ? own : "none");
            return;
        }
        next_layer(&kept);
        next_layer(&own);
    }
}

char *net_weights_read(const struct net_folder *folder, const char *name,
                       const struct net_model *model, net_is_left *left, void *params)
{
    struct net_tensors tensors;

    net_tensors_read(&tensors, folder, name);
    for (int t = 0; t < model->tensor_count; t++)
        if (!left || !left(model, model->tensors[t].name))
            net_tensors_get(&tensors, model->tensors[t].name, &model->tensors[t], params);
    check_unknown(&tensors, model, left);
    if (!left)
        compare_layers(&tensors, model);
    const char *mark = net_tensors_metadata(&tensors, "preparation");
    char *copy = mark ? net_format("%s", mark) : NULL;

    net_tensors_free(&tensors);
    return copy;
}
