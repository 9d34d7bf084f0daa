/*
 * tables.h -- how generated code writes the tables of netrt.h: a line a tensor, call, layer and
 * kernel. A macro counts what it lists, so that no number stands twice.
 */

#ifndef NET_TABLES_H
#define NET_TABLES_H

#include "netrt.h"

#define NET_COUNT(type, ...) ((int)(sizeof((type[]){__VA_ARGS__}) / sizeof(type)))

/* .rank and .shape: NET_SHAPE(1, 28, 28) */
#define NET_SHAPE(...) .rank = NET_COUNT(int, __VA_ARGS__), .shape = {__VA_ARGS__}

/* .segments and their number: NET_SEGMENTS({0, 784, 1, 0, 49}) */
#define NET_SEGMENTS(...)                                                                          \
    .segments = (const struct net_segment[]){__VA_ARGS__},                                         \
    .segment_count = NET_COUNT(struct net_segment, __VA_ARGS__)

/* Tensors by their member of `struct params`; a vector has one value per channel, in order. */
#define NET_TENSOR(member, path, trained, ...)                                                     \
    {                                                                                              \
        .name = (path), .offset = offsetof(struct params, member),                                 \
        .count = sizeof(((struct params *)0)->member) / sizeof(float), .trainable = (trained),     \
        __VA_ARGS__                                                                                \
    }
#define NET_CHANNELS(channels)                                                                     \
    .kind = NET_VECTOR, NET_SHAPE(channels), NET_SEGMENTS({0, channels, 1, 0, 0})
#define NET_TRAINED_VECTOR(member, path, channels, values, fan)                                    \
    NET_TENSOR(member, path, true, NET_CHANNELS(channels), .init = (values), .fan_in = (fan))
#define NET_STATISTIC(member, path, channels, values)                                              \
    NET_TENSOR(member, path, false, NET_CHANNELS(channels), .init = (values))

/* Calls of the .net file: { .name = "sgd", NET_ARGS(NET_ARG("lr", .number = 0.1)) } */
#define NET_ARG(text, ...)                                                                         \
    {                                                                                              \
        .name = (text), __VA_ARGS__                                                                \
    }
#define NET_ARGS(...)                                                                              \
    .args = (const struct net_arg[]){__VA_ARGS__},                                                 \
    .arg_count = NET_COUNT(struct net_arg, __VA_ARGS__)

/* What a kernel computes for a layer, where a run looks for numbers that are not finite. */
#define NET_RESULTS(...)                                                                           \
    .results = (const struct net_result[]){__VA_ARGS__},                                           \
    .result_count = NET_COUNT(struct net_result, __VA_ARGS__)

/* A kernel of a step; after its operations, the bytes and what else is known. */
#define NET_ROW(function, path, category, number, operations, ...)                                 \
    {                                                                                              \
        .name = #function, .layer = (path), .kind = (category), .line = (number),                  \
        .flops = (operations), .bytes = __VA_ARGS__                                                \
    }

#define NET_ONNX(...)                                                                              \
    .onnx = (const char *const[])                                                                  \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* What every model has under the same names. */
#define NET_LENGTH(array) ((int)(sizeof(array) / sizeof *(array)))
#define NET_STEP_TABLES(name)                                                                      \
    {                                                                                              \
        .run = name##_step, .kernels = name##_kernels, .kernel_count = NET_LENGTH(name##_kernels)  \
    }
#define NET_MODEL_TABLES                                                                           \
    .params_size = sizeof(struct params), .batch_size = sizeof(struct batch), .tensors = tensors,  \
    .fields = fields, .field_count = NET_LENGTH(fields), .loss_call = &loss_call,                  \
    .optimizer = &optimizer, .schedule = schedule, .schedule_count = NET_LENGTH(schedule),         \
    .layers = layers, .layer_count = NET_LENGTH(layers), .pack = pack, .unpack = unpack,           \
    .train = NET_STEP_TABLES(train), .evaluate = NET_STEP_TABLES(evaluate)

#endif
