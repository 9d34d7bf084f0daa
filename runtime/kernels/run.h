/*
 * run.h -- what every kernel is made with: its share of the items, its images, its scratch, and the
 * words that a generated file instantiates templates with.
 *
 * A kernel is an always-inline template in one of these headers: first numbers of typed values, one
 * literal struct with the shape, then the run and the thread. A generated kernel is one call of it,
 * which clang folds to code of that shape:
 *
 *     NET_KERNEL void softmax_64x10(OUT(value_64x10) y, IN(value_64x10) x, NET_RUN)
 *     { net_softmax(V(y), V(x), (struct net_softmax){.batch_blocks = 4, ...}, run, thread); }
 *
 * What must be unrolled early, and functions that it calls, are parameters of a template rather
 * than members of the struct. Code for a tile that may be NULL stands behind `if (tile)`: a NULL
 * argument takes it away when the template is inlined, a number of the struct only much later,
 * when clang has made and optimised it.
 *
 * Needs: vec.h, netrt.h. Gives: nothing that computes.
 */

#ifndef NET_KERNELS_RUN_H
#define NET_KERNELS_RUN_H

#include "core/kernel_sizes.h"
#include "kernels/vec.h"
#include "netrt.h"

/* What generated code instantiates, and a test calls; parts of one are NET_INLINE. */
#define NET_TEMPLATE static inline __attribute__((always_inline))

/* Functions of their own: shared, seen by profilers, and compiled one by one. */
#define NET_TILE static __attribute__((noinline))

/* A kernel has all of its operands; a template may be given NULL for one that it can do without.
   The units of a model call each other's. */
#define NET_KERNEL __attribute__((noinline, nonnull, visibility("hidden")))

/* The last parameters of kernels and templates. */
#define NET_RUN struct net_run *run, int thread

/* Images of a batch block: of batches of at most 8 or 4 rows, which have one, so many. A library
   that takes one row at a time says 1: its values have no lanes of other images, and its register
   tiles are of pixels side by side. */
#ifndef NET_IMAGES
#define NET_IMAGES 16
#endif

/* Channels of a block; floats of a block of images by one of channels; images whose vectors are in
   registers together. */
enum { BLOCK = 16, TILE = NET_IMAGES * BLOCK, NET_GROUP = NET_IMAGES < 4 ? NET_IMAGES : 4 };

/* Operands of a kernel: typed values that it reads, and that it writes. */
#define IN(type) const struct type *restrict
#define OUT(type) struct type *restrict

/* The first number of a typed value. */
#define V(operand) ((void *)(operand))

/* This thread's contiguous share of the items 0 to count-1. */
#define NET_ITEMS(item, count, run, thread)                                                        \
    for (int item = (int)((long)(count) * (thread) / (run)->threads),                              \
             item##_end = (int)((long)(count) * ((thread) + 1) / (run)->threads);                  \
         item < item##_end; item++)

/* A step of the network is a list of calls, so clang need not spend time on it: its own branches
   are in these two functions. */
#define NET_STEP static __attribute__((noinline, optnone))

NET_TILE __attribute__((unused)) void net_lap(const struct net_run *run, int kernel, int thread)
{
    if (run->profile)
        net_profile_lap(run->profile, kernel, thread);
}

/* All threads have finished what stands above before one begins what stands below. */
NET_TILE __attribute__((unused)) void barrier(const struct net_run *run, int thread)
{
    if (run->threads > 1)
        net_threads_wait(run->pool, thread);
}

/* One line of a step: the call of a kernel with its operands, then its time where someone asks. */
#define RUN(number, kernel, ...) (kernel(__VA_ARGS__, run, thread), net_lap(run, number, thread))

/* A typed view: offset bytes into the arena. */
NET_INLINE void *net_at(const struct net_run *run, size_t offset)
{
    return (char *)run->arena + offset;
}

/* What a thread has for itself; nothing in it outlives a kernel. */
NET_INLINE float *net_scratch(const struct net_run *run, int thread)
{
    return run->scratch + thread * run->scratch_stride;
}

/* Images of this batch that lie in a batch block: 0 to NET_IMAGES. */
NET_INLINE int net_rows(const struct net_run *run, int batch_block)
{
    const int rows = run->n - NET_IMAGES * batch_block;

    return rows < 0 ? 0 : rows < NET_IMAGES ? rows : NET_IMAGES;
}

/* Batch blocks that hold an image of this batch. */
NET_INLINE int net_batch_blocks(const struct net_run *run)
{
    return (run->n + NET_IMAGES - 1) / NET_IMAGES;
}

/* Of the `all` batch blocks of a value those that hold an image of this batch: the others are left
   alone, and nothing reads what they hold. All kernels ask this, so that those that split alike go
   on to do so. */
NET_INLINE int net_present(const struct net_run *run, int all)
{
    return all == 1 ? 1 : net_batch_blocks(run);
}

/* The extent of a value: what items (batch block, row of pixels) are made of. */
struct net_extent {
    int batch_blocks, height, width, blocks;
};

/* Floats from the start of a value to image 0 of a block of channels of a pixel. */
NET_INLINE long net_block_at(struct net_extent v, int batch_block, int pixel, int block)
{
    return (((long)batch_block * v.height * v.width + pixel) * v.blocks + block) * TILE;
}

#endif
