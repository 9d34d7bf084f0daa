/*
 * meetings.c -- where rows of all shards of a batch meet: the statistics of a batchnorm, and in
 * backward the sums that its gradient has of all rows.
 *
 * Each shard gives two numbers a channel, and how many rows of x they are of. They are put together
 * by the binary tree of shards.c, whose leaves are this process's shards and whose upper levels go
 * from rank to rank, the lower one always on the left: whoever computes what, the bits are the
 * same. Means and sums of squares about them go up the tree in double (Chan, Golub and LeVeque
 * 1979), as in kernels/sums.h.
 *
 * Only trainers of models with such a layer under `shards` have this file.
 */

#include <math.h>
#include <string.h>

#include "training/training.h"

enum {
    BLOCK = 16,        /* channels; rows */
    MOST = 64 * BLOCK, /* channels, at a time */
};

/* Of some rows: their number of each channel, and two numbers of `width` channels, one behind the
   other: mean and sum of squares about it; or two sums. */
struct part {
    double count;
    double at[2 * MOST];
};

/* ---- Of a shard ------------------------------------------------------------------------------ */

/* Rows of pixels of a batch block: `count` in all, of the step's images and `width` pixels. */
static double numbers_of(const struct net_run *run, const struct net_meeting *m, long row)
{
    const long left = run->n - row / m->height * BLOCK;

    return (double)((left < BLOCK ? left : BLOCK) * m->width);
}

/* Channels `at` and on, 16 of them, from partial sums of rows of pixels. net_batchnorm_reduce
   (kernels/sums.h) does the same and ends there, so it divides squares by the count of all as it
   adds them; here they stay sums, as what other shards have is not known yet. Last bits of a batch
   with and without shards may differ, then, as they do by the order of the tree. */
static void find_moments(double *mean, double *squares, const struct net_run *run,
                         const struct net_meeting *m, int at)
{
    const float *partial = (const float *)((const char *)run->arena + m->from[0]) + at;
    const long count = (long)(run->n + BLOCK - 1) / BLOCK * m->height, step = 3L * m->channels;
    const double all = (double)run->n * m->height * m->width;

    memset(mean, 0, BLOCK * sizeof *mean);
    memset(squares, 0, BLOCK * sizeof *squares);
    for (long row = 0; row < count; row++) {
        const float *first = partial + row * step, *second = first + m->channels;
        const double share = numbers_of(run, m, row) / all;

        for (int lane = 0; lane < BLOCK; lane++)
            mean[lane] += share * ((double)first[lane] + (double)second[lane]);
    }
    for (long row = 0; row < count; row++) {
        const float *first = partial + row * step, *second = first + m->channels,
                    *third = second + m->channels;
        const double numbers = numbers_of(run, m, row);

        for (int lane = 0; lane < BLOCK; lane++) {
            const double d = (double)first[lane] - mean[lane] + (double)second[lane];

            squares[lane] += (double)third[lane] + numbers * d * d;
        }
    }
}

static void copy_sums(double *sums, const struct net_run *run, size_t from, int at)
{
    const float *sum = (const float *)((const char *)run->arena + from) + at;

    for (int lane = 0; lane < BLOCK; lane++)
        sums[lane] = (double)sum[lane];
}

/* ---- Of two parts ---------------------------------------------------------------------------- */

/* What is left of both in the tree is in `a`, in channels `at` and on of `width`. */
static void join(double *a, double a_count, const double *b, double b_count, int width, int count,
                 bool statistics)
{
    const double all = a_count + b_count;

    if (b_count <= 0)
        return;
    for (int i = 0; i < count; i++) {
        const double d = b[i] - a[i];

        if (!statistics) {
            a[i] += b[i];
            a[width + i] += b[width + i];
        } else if (a_count <= 0) {
            a[i] = b[i];
            a[width + i] = b[width + i];
        } else {
            a[i] += d * (b_count / all);
            a[width + i] += b[width + i] + d * d * (a_count / all) * b_count;
        }
    }
}

/* ---- Of a batch ------------------------------------------------------------------------------ */

struct leaf {
    double count, at[2 * BLOCK];
};

/* Channels `at` and on, 16 of them, of all shards of this process. */
static void join_shards(struct leaf *leaves, int own, const struct net_meeting *m,
                        const struct net_run *runs, int count, int at)
{
    memset(leaves, 0, (size_t)own * sizeof *leaves);
    for (int i = 0; i < count; i++) {
        struct leaf *leaf = &leaves[runs[i].shard];

        leaf->count = (double)runs[i].n * (m->statistics ? m->height * m->width : 1);
        if (m->statistics) {
            find_moments(leaf->at, leaf->at + BLOCK, &runs[i], m, at);
        } else {
            copy_sums(leaf->at, &runs[i], m->from[0], at);
            copy_sums(leaf->at + BLOCK, &runs[i], m->from[1], at);
        }
    }
    for (int apart = 1; apart < own; apart *= 2)
        for (int i = 0; i < own; i += 2 * apart) {
            join(leaves[i].at, leaves[i].count, leaves[i + apart].at, leaves[i + apart].count,
                 BLOCK, BLOCK, m->statistics);
            leaves[i].count += leaves[i + apart].count;
        }
}

/* The same of the parts of all processes, in each of them. */
static void join_ranks(struct part *part, int width, bool statistics, const struct net_world *ranks)
{
    const size_t size = offsetof(struct part, at) + 2 * (size_t)width * sizeof *part->at;

    for (int bit = 1; bit < ranks->size; bit *= 2) {
        const int with = ranks->rank ^ bit;
        struct part other, *low = with < ranks->rank ? &other : part,
                           *high = with < ranks->rank ? part : &other;

        ranks->exchange(ranks, with, part, size, &other, size);
        join(low->at, low->count, high->at, high->count, width, width, statistics);
        low->count += high->count;
        if (low != part)
            memcpy(part, low, size);
    }
}

/* ---- What it is for -------------------------------------------------------------------------- */

static float *to(const struct net_run *run, size_t offset, int at)
{
    return (float *)((char *)run->arena + offset) + at;
}

/* PyTorch's BatchNorm: by the biased variance, and the running one moves to the unbiased. A batch
   of one number a channel has none, and leaves them. As in kernels/sums.h, but that the sum of
   squares is divided here, once. */
static void move_running(const struct net_meeting *m, const struct part *part, int at, int width,
                         char *params)
{
    float *mean = (float *)(params + m->running[0]) + at,
          *var = (float *)(params + m->running[1]) + at;

    for (int i = 0; i < width && part->count >= 2; i++) {
        const double unbiased = part->at[width + i] / (part->count - 1);

        mean[i] = (float)((double)mean[i] + m->momentum * (part->at[i] - (double)mean[i]));
        var[i] = (float)((double)var[i] + m->momentum * (unbiased - (double)var[i]));
    }
}

static void give(const struct net_meeting *m, const struct part *part, int at, int width,
                 const struct net_run *run)
{
    float *first = to(run, m->to[0], at), *second = to(run, m->to[1], at);

    for (int i = 0; i < width; i++) {
        const double var = part->count < 2 ? 0 : part->at[width + i] / part->count;

        first[i] = (float)part->at[i];
        second[i] = (float)(m->statistics ? 1.0 / sqrt((var < 0 ? 0 : var) + m->eps)
                                          : part->at[width + i]);
    }
}

void net_meet(const struct net_step *step, int place, void *params, struct net_run *runs, int count,
              const struct net_cut *cut)
{
    const struct net_meeting *m = &step->meetings[place];
    const int own = cut ? cut->own : 1;

    for (int at = 0; at < m->channels; at += MOST) {
        const int width = m->channels - at < MOST ? m->channels - at : MOST;
        struct leaf leaves[NET_MAX_SHARDS];
        struct part part;

        for (int i = 0; i < width; i += BLOCK) {
            join_shards(leaves, own, m, runs, count, at + i);
            part.count = leaves[0].count;
            memcpy(part.at + i, leaves[0].at, sizeof leaves[0].at / 2);
            memcpy(part.at + width + i, leaves[0].at + BLOCK, sizeof leaves[0].at / 2);
        }
        if (cut && net_are_several(cut->ranks))
            join_ranks(&part, width, m->statistics, cut->ranks);
        if (m->statistics)
            move_running(m, &part, at, width, params);
        for (int i = 0; i < count; i++)
            give(m, &part, at, width, &runs[i]);
    }
}
