/*
 * weights.h -- the tensors of a .safetensors file in memory, checked and put where a network has
 * them: no allocation, and the file is only read.
 *
 * Errors are numbers of errors.def. Names and layouts are PyTorch's, as the runtime writes them
 * (core/safetensors.c).
 */

#ifndef NET_LIBRARY_WEIGHTS_H
#define NET_LIBRARY_WEIGHTS_H

#include "core/tensor_layout.h"
#include "library/json.h"

enum net_library_error {
    NET_LIBRARY_OK,
#define LIBRARY_ERROR(name, text) NET_LIBRARY_##name,
#include "library/errors.def"
    NET_LIBRARY_ERRORS
};

NET_COLD const char *net_library_text(int error)
{
    static const char *const texts[] = {
        "success",
#define LIBRARY_ERROR(name, text) text,
#include "library/errors.def"
    };

    return error >= 0 && error < NET_LIBRARY_ERRORS ? texts[error] : "there is no such error";
}

/* A batchnorm that is in the product before it: w becomes w s and b (b - mean) s + beta, where
   s = gamma / sqrt(var + eps), in double, rounded once. */
struct net_library_fold {
    int weight, bias; /* which tensors they are; the bias may be beta itself, b is 0 then */
    const char *gamma, *beta, *mean, *var; /* names */
    double eps;
};

/* What a file's tensors are compared with. */
struct net_library {
    const struct net_tensor *tensors; /* that the prediction is made of */
    int tensor_count;
    const struct net_library_fold *folds;
    int fold_count;
    const char *const *others; /* names of those that it is not made of; NULL behind the last */
    const char *evaluated;     /* the network's layers, net_model.evaluated */
    const char *preparation;   /* checksum of what their run has learnt of its data; NULL: any */
    size_t params_size;        /* bytes */
};

/* A file: its header, its numbers, and what it says of itself. */
struct net_library_file {
    const unsigned char *bytes, *data;
    size_t size, data_size;
    struct net_string checksum, evaluated, preparation; /* at NULL: it says nothing */
    bool checkpoint;                                    /* it has a trainer's state besides */
};

NET_COLD struct net_walk net_library_header(const struct net_library_file *file)
{
    return (struct net_walk){file->bytes + 8, file->data, false};
}

/* ---- The file as a whole --------------------------------------------------------------------- */

/* CRC-32 of a byte more, four bits at a time. */
static inline uint32_t net_crc_byte(uint32_t crc, unsigned char byte)
{
    static const uint32_t steps[16] = {
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };

    crc ^= byte;
    crc = steps[crc & 15] ^ crc >> 4;
    return steps[crc & 15] ^ crc >> 4;
}

/* Of all behind the header's length, the eight digits of the checksum counted as zeros. Files of a
   trainer, which tell its layers, have one; those of other programs need not. */
NET_COLD bool net_library_is_whole(const struct net_library_file *file)
{
    uint32_t crc = 0xffffffff, said = 0;

    if (!file->checksum.at || file->checksum.end - file->checksum.at != 8)
        return !file->evaluated.at;
    for (const unsigned char *at = file->checksum.at; at < file->checksum.end; at++) {
        const int c = *at | 32;

        said = said << 4 | (uint32_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    for (const unsigned char *at = file->bytes + 8; at < file->bytes + file->size; at++)
        crc = net_crc_byte(crc, at >= file->checksum.at && at < file->checksum.end ? '0' : *at);
    return ~crc == said;
}

NET_COLD void net_library_metadata(struct net_library_file *file, struct net_walk *w)
{
    bool first = true;

    net_walk_want(w, '{');
    while (net_walk_item(w, '}', &first)) {
        const struct net_string key = net_walk_string(w);

        net_walk_want(w, ':');
        if (net_walk_next(w) != '"') {
            net_walk_value(w);
            continue;
        }
        const struct net_string value = net_walk_string(w);

        if (net_string_is(key, "checksum"))
            file->checksum = value;
        else if (net_string_is(key, "evaluated"))
            file->evaluated = value;
        else if (net_string_is(key, "preparation"))
            file->preparation = value;
        else if (net_string_is(key, "checkpoint"))
            file->checkpoint = true;
    }
}

/* The file's parts; the whole header is JSON. */
NET_COLD int net_library_open(struct net_library_file *file, const void *bytes, size_t size)
{
    uint64_t length = 0;
    bool first = true;

    *file = (struct net_library_file){.bytes = bytes, .size = size};
    if (!bytes || size < 9 || file->bytes[8] != '{')
        return NET_LIBRARY_NOT_SAFETENSORS;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | file->bytes[i];
    if (length > size - 8)
        return NET_LIBRARY_CUT_OFF;
    file->data = file->bytes + 8 + length;
    file->data_size = size - 8 - (size_t)length;

    struct net_walk w = net_library_header(file);

    net_walk_want(&w, '{');
    while (net_walk_item(&w, '}', &first)) {
        const struct net_string key = net_walk_string(&w);

        net_walk_want(&w, ':');
        if (net_string_is(key, "__metadata__"))
            net_library_metadata(file, &w);
        else
            net_walk_value(&w);
    }
    return w.wrong || net_walk_next(&w) ? NET_LIBRARY_NOT_SAFETENSORS : NET_LIBRARY_OK;
}

/* ---- Its tensors ----------------------------------------------------------------------------- */

enum { NET_LIBRARY_AXES = sizeof((struct net_tensor){.rank = 0}.shape) / sizeof(int) };

/* What the file says of a tensor. */
struct net_library_entry {
    struct net_string type;
    int rank;
    uint64_t shape[NET_LIBRARY_AXES], begin, end; /* bytes of the data */
    bool fits;                                    /* of no more axes */
};

NET_COLD void net_library_sizes(struct net_walk *w, uint64_t *sizes, int most, int *count)
{
    bool first = true;

    *count = 0;
    net_walk_want(w, '[');
    while (net_walk_item(w, ']', &first)) {
        const uint64_t size = net_walk_whole(w);

        if (*count < most)
            sizes[*count] = size;
        ++*count;
    }
}

NET_COLD struct net_library_entry net_library_entry(struct net_walk *w)
{
    struct net_library_entry e = {.rank = -1};
    uint64_t offsets[2] = {1, 0};
    bool first = true;
    int count = 0;

    net_walk_want(w, '{');
    while (net_walk_item(w, '}', &first)) {
        const struct net_string key = net_walk_string(w);

        net_walk_want(w, ':');
        if (net_string_is(key, "dtype"))
            e.type = net_walk_string(w);
        else if (net_string_is(key, "shape"))
            net_library_sizes(w, e.shape, NET_LIBRARY_AXES, &e.rank);
        else if (net_string_is(key, "data_offsets"))
            net_library_sizes(w, offsets, 2, &count);
        else
            net_walk_value(w);
    }
    e.begin = offsets[0];
    e.end = offsets[1];
    e.fits = !w->wrong && count == 2;
    return e;
}

/* The walk stands behind the name of a tensor; false: the file has none of that name. */
NET_COLD bool net_library_find(struct net_walk *w, const char *name)
{
    bool first = true;

    net_walk_want(w, '{');
    while (net_walk_item(w, '}', &first)) {
        const struct net_string key = net_walk_string(w);

        net_walk_want(w, ':');
        if (net_string_is(key, name))
            return !w->wrong;
        net_walk_value(w);
    }
    return false;
}

NET_COLD bool net_library_floats_are_finite(const void *floats, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint32_t bits;

        memcpy(&bits, (const char *)floats + 4 * i, sizeof bits);
        if ((bits & 0x7f800000) == 0x7f800000)
            return false;
    }
    return true;
}

/* The numbers of a tensor of the file: of that shape, all finite. 0, or an error. */
NET_COLD int net_library_numbers(const struct net_library_file *file, const char *name, int rank,
                                 const int *shape, const unsigned char **numbers)
{
    struct net_walk w = net_library_header(file);
    uint64_t count = 1;

    if (!net_library_find(&w, name))
        return NET_LIBRARY_MISSING_TENSOR;
    const struct net_library_entry e = net_library_entry(&w);

    if (!e.fits)
        return NET_LIBRARY_NOT_SAFETENSORS;
    if (!e.type.at || !net_string_is(e.type, "F32"))
        return NET_LIBRARY_WRONG_TYPE;
    if (e.rank != rank)
        return NET_LIBRARY_WRONG_SHAPE;
    for (int axis = 0; axis < rank; axis++, count *= e.shape[axis - 1])
        if (e.shape[axis] != (uint64_t)shape[axis])
            return NET_LIBRARY_WRONG_SHAPE;
    if (e.end > file->data_size)
        return NET_LIBRARY_CUT_OFF;
    if (e.begin > e.end || e.end - e.begin != 4 * count)
        return NET_LIBRARY_NOT_SAFETENSORS;
    *numbers = file->data + e.begin;
    return net_library_floats_are_finite(*numbers, count) ? NET_LIBRARY_OK : NET_LIBRARY_NOT_FINITE;
}

NET_COLD double net_library_number(const unsigned char *numbers, long i)
{
    float x;

    memcpy(&x, numbers + 4 * i, sizeof x);
    return (double)x;
}

/* The numbers of a batchnorm. */
struct net_library_norm {
    const unsigned char *gamma, *beta, *mean, *var;
    double eps;
};

/* 0, or an error, of tensor *name. */
NET_COLD int net_library_norm(const struct net_library_file *file,
                              const struct net_library_fold *fold, int channels,
                              struct net_library_norm *norm, const char **name)
{
    const char *const names[] = {fold->gamma, fold->beta, fold->mean, fold->var};
    const unsigned char *numbers[4];

    for (int i = 0; i < 4; i++) {
        const int error = net_library_numbers(file, names[i], 1, &channels, &numbers[i]);

        *name = names[i];
        if (error)
            return error;
    }
    *norm = (struct net_library_norm){numbers[0], numbers[1], numbers[2], numbers[3], fold->eps};
    for (int i = 0; i < channels; i++)
        if (!(net_library_number(norm->var, i) + norm->eps > 0))
            return NET_LIBRARY_NOT_FINITE;
    return NET_LIBRARY_OK;
}

/* What the weights of output i are multiplied by. */
NET_COLD double net_library_factor(const struct net_library_norm *norm, long i)
{
    return norm ? net_library_number(norm->gamma, i) /
                      __builtin_sqrt(net_library_number(norm->var, i) + norm->eps)
                : 1;
}

/* A weight [out, in, 3, 3], `taps` as bytes of floats, transformed for tiles of m x m outputs:
   G w G' in double, rounded once, [product][panel of outputs][input][block][16], as winograd.h
   does. norm: or NULL. */
NET_COLD void net_library_transform(const struct net_tensor *tensor, float *to,
                                    const unsigned char *taps, const struct net_library_norm *norm)
{
    static const double four[6][3] = {{1.0 / 4, 0, 0},
                                      {-1.0 / 6, -1.0 / 6, -1.0 / 6},
                                      {-1.0 / 6, 1.0 / 6, -1.0 / 6},
                                      {1.0 / 24, 1.0 / 12, 1.0 / 6},
                                      {1.0 / 24, -1.0 / 12, 1.0 / 6},
                                      {0, 0, 1}};
    static const double two[4][3] = {{1, 0, 0}, {0.5, 0.5, 0.5}, {0.5, -0.5, 0.5}, {0, 0, 1}};
    const double(*g)[3] = tensor->winograd == 4 ? four : two;
    const int n = tensor->winograd + 2, inputs = tensor->shape[1];
    const long step = 16L * inputs * ((tensor->shape[0] + 15) / 16);

    for (long i = 0; i < (long)tensor->shape[0] * inputs; i++) {
        const int output = (int)(i / inputs), block = output / 16;
        const double factor = net_library_factor(norm, output);
        int width;
        const long panel = net_panel_of_block(tensor, block, &width);
        float *at = to + 16 * (panel * inputs + i % inputs * width + block - panel) + output % 16;

        double w[9];

        for (int tap = 0; tap < 9; tap++)
            w[tap] = factor * net_library_number(taps, 9 * i + tap);
        for (int k = 0; k < n * n; k++) {
            double sum = 0;

            for (int tap = 0; tap < 9; tap++)
                sum += g[k / n][tap / 3] * g[k % n][tap % 3] * w[tap];
            at[k * step] = (float)sum;
        }
    }
}

/* The same of any other weight. */
NET_COLD void net_library_scale(const struct net_tensor *tensor, float *to,
                                const unsigned char *numbers, const struct net_library_norm *norm)
{
    const long count = net_tensor_elements(tensor), each = count / tensor->shape[0];

    for (long output = 0; output < tensor->shape[0]; output++) {
        const double factor = net_library_factor(norm, output);

        for (long i = output * each; i < (output + 1) * each; i++)
            to[net_tensor_place(tensor, i)] = (float)(factor * net_library_number(numbers, i));
    }
}

/* And of a bias, which there may be none of. */
NET_COLD void net_library_shift(const struct net_tensor *tensor, float *to,
                                const unsigned char *numbers, const struct net_library_norm *norm)
{
    for (long i = 0; i < tensor->shape[0]; i++) {
        const double b = numbers == norm->beta ? 0 : net_library_number(numbers, i);

        to[net_tensor_place(tensor, i)] = (float)((b - net_library_number(norm->mean, i)) *
                                                      net_library_factor(norm, i) +
                                                  net_library_number(norm->beta, i));
    }
}

/* 0, with tensor t at its place of `params`, or an error, of tensor *name. */
NET_COLD int net_library_read(const struct net_library *library,
                              const struct net_library_file *file, int t, void *params,
                              const char **name)
{
    const struct net_tensor *tensor = &library->tensors[t];
    const struct net_library_fold *fold = library->folds;
    const struct net_library_fold *end = fold ? fold + library->fold_count : fold;
    float *to = (float *)((char *)params + tensor->offset);
    struct net_library_norm norm;
    const unsigned char *numbers;
    int error;

    *name = tensor->name;
    error = net_library_numbers(file, tensor->name, tensor->rank, tensor->shape, &numbers);
    while (fold < end && fold->weight != t && fold->bias != t)
        fold++;
    if (!error && fold < end)
        error = net_library_norm(file, fold, tensor->shape[0], &norm, name);
    if (error)
        return error;
    if (tensor->winograd)
        net_library_transform(tensor, to, numbers, fold < end ? &norm : NULL);
    else if (fold == end)
        for (long i = 0; i < net_tensor_elements(tensor); i++)
            memcpy(&to[net_tensor_place(tensor, i)], numbers + 4 * i, sizeof *to);
    else if (fold->weight == t)
        net_library_scale(tensor, to, numbers, &norm);
    else
        net_library_shift(tensor, to, numbers, &norm);
    /* finite numbers of the file may have a product or a sum that no float holds */
    *name = tensor->name;
    return net_library_floats_are_finite(to, (uint64_t)tensor->count) ? NET_LIBRARY_OK
                                                                      : NET_LIBRARY_NOT_FINITE;
}

/* PyTorch's batch norms also save a count that nothing needs. */
NET_COLD bool net_library_may_have(const struct net_library *library, struct net_string name)
{
    static const char count[] = ".num_batches_tracked";
    const struct net_string end = {name.end - (sizeof count - 1), name.end};

    for (int t = 0; t < library->tensor_count; t++)
        if (net_string_is(name, library->tensors[t].name))
            return true;
    for (const char *const *other = library->others; *other; other++)
        if (net_string_is(name, *other))
            return true;
    return net_string_is(name, "__metadata__") ||
           (name.end - name.at >= (long)sizeof count && net_string_is(end, count));
}

/* Has it nothing but the network's tensors? */
NET_COLD bool net_library_is_known(const struct net_library *library,
                                   const struct net_library_file *file)
{
    struct net_walk w = net_library_header(file);
    bool first = true, known = true;

    net_walk_want(&w, '{');
    while (known && net_walk_item(&w, '}', &first)) {
        known = net_library_may_have(library, net_walk_string(&w));
        net_walk_want(&w, ':');
        net_walk_value(&w);
    }
    return known;
}

/* Puts the tensors of a file of `size` bytes where the network has them, params_size bytes at
   `params`. 0 or an error; `tensor`, if it is not NULL, is the name of the tensor that it is of,
   or NULL. */
NET_COLD int net_library_weights(const struct net_library *library, const void *bytes, size_t size,
                                 void *params, const char **tensor)
{
    struct net_library_file file;
    const char *name;
    int error;

    if (tensor)
        *tensor = NULL;
    if (!params)
        return NET_LIBRARY_NO_WEIGHTS;
    if ((uintptr_t)params % 64)
        return NET_LIBRARY_UNALIGNED;
    if ((error = net_library_open(&file, bytes, size)) != NET_LIBRARY_OK)
        return error;
    if (file.checkpoint)
        return NET_LIBRARY_CHECKPOINT;
    memset(params, 0, library->params_size);
    for (int t = 0; t < library->tensor_count; t++)
        if ((error = net_library_read(library, &file, t, params, &name)) != NET_LIBRARY_OK) {
            if (tensor)
                *tensor = name;
            return error;
        }
    if (!net_library_is_whole(&file))
        return NET_LIBRARY_DAMAGED;
    if (!net_library_is_known(library, &file))
        return NET_LIBRARY_UNKNOWN_TENSOR;
    if (file.evaluated.at && !net_string_is(file.evaluated, library->evaluated))
        return NET_LIBRARY_OTHER_LAYERS;
    if (library->preparation &&
        !(file.preparation.at && net_string_is(file.preparation, library->preparation)))
        return NET_LIBRARY_OTHER_PREPARATION;
    return NET_LIBRARY_OK;
}

#endif
