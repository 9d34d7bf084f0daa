/*
 * change.h -- steps of `augment` that change the pixels themselves: each is linked where a model
 * names it. Steps that only say where a pixel comes from (pad, random_crop, random_flip) are
 * augment.c's own.
 */

#ifndef NET_CHANGE_H
#define NET_CHANGE_H

#include "core/random.h"
#include "data/data.h"

/* A picture of one row, [channels][height][width], before and after. */
struct net_change_at {
    const struct net_call *call;
    const float *from;
    float *to; /* `from` itself, where nothing moves */
    int channels, from_height, from_width, height, width;
    bool classes; /* int32 numbers of classes, between which there is nothing */
    int outside;  /* each byte of a pixel from beyond the picture */
    uint32_t seed[2], number, row, epoch, stream;
};

struct net_change {
    bool moves; /* pixels go elsewhere: fields of the same picture follow */
    void (*apply)(const struct net_change_at *at);
};

#define CHANGE(name, ...) extern const struct net_change net_change_##name;
#include "language.def"

/* Draw `k` of this step and row, 0 to 15: four words. */
static inline void net_change_draw(uint32_t word[4], const struct net_change_at *at, uint32_t k)
{
    net_philox(word, at->seed, 16 * at->number + k, at->row, at->epoch, at->stream);
}

/* A draw from 0 to 1, both excluded. */
static inline double net_change_unit(uint32_t word)
{
    return ((double)word + .5) * 0x1p-32;
}

static inline double net_change_between(uint32_t word, double least, double most)
{
    return least + (most - least) * net_change_unit(word);
}

/* 0 to count - 1 */
static inline int net_change_below(uint32_t word, int count)
{
    return (int)((uint64_t)word * (uint64_t)count >> 32);
}

/* Number i of an argument that is a number, or a list. */
static inline double net_change_number(const struct net_change_at *at, const char *name, int i)
{
    const struct net_arg *arg = net_argument(at->call, name);

    return arg->list ? arg->list[i < arg->count ? i : arg->count - 1] : arg->number;
}

#endif
