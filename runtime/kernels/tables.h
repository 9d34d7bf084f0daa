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

/* Calls of the .net file with their arguments: NET_CALL("sgd", NET_ARG("lr", .number = 0.1)) */
#define NET_ARG(text, ...)                                                                         \
    {                                                                                              \
        .name = (text), __VA_ARGS__                                                                \
    }
#define NET_ARGS(...)                                                                              \
    .args = (const struct net_arg[]){__VA_ARGS__},                                                 \
    .arg_count = NET_COUNT(struct net_arg, __VA_ARGS__)
#define NET_CALL(text, ...)                                                                        \
    {                                                                                              \
        .name = (text), NET_ARGS(__VA_ARGS__)                                                      \
    }

/* A kernel of a step; after its operations, the bytes and what else is known. */
#define NET_ROW(function, path, category, number, operations, ...)                                 \
    {                                                                                              \
        .name = #function, .layer = (path), .kind = (category), .line = (number),                  \
        .flops = (operations), .bytes = __VA_ARGS__                                                \
    }

/* A source and a preparation, which name what is linked for them. */
#define NET_READER(source) .reader = &net_reader_##source
#define NET_SOURCE(source, ...)                                                                    \
    {                                                                                              \
        .name = #source, NET_READER(source), NET_ARGS(__VA_ARGS__)                                 \
    }
#define NET_PREPARATION(step) .transform = &net_transform_##step
#define NET_STEP(step, ...)                                                                        \
    {                                                                                              \
        .name = #step, NET_PREPARATION(step), NET_ARGS(__VA_ARGS__)                                \
    }

#endif
