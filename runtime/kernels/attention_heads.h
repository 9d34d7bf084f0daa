/*
 * attention_heads.h -- what attention and its gradient are made of: heads packed and put back, keys
 * that are no padding, products of tiles, and draws of dropout.
 *
 * The one idea: a head of an image is a matrix of positions by channels whose rows are lines of 16
 * channels, far apart; it is packed, and sixteen queries are transposed to be the lanes.
 *
 * Needs: activation.h (draws), transpose.h. Gives: parts to attention.h.
 */

#ifndef NET_ATTENTION_HEADS_H
#define NET_ATTENTION_HEADS_H

#include "kernels/activation.h"
#include "kernels/run.h"
#include "kernels/transpose.h"

/* Where q, k or v lies in a value of `channels` channels: from channel `first` on. */
struct net_heads {
    int first, channels;
};

struct net_attention {
    int queries, keys; /* positions */
    int heads, size;   /* channels of a head */
    struct net_heads q, k, v;
    int causal;  /* query i sees keys 0 to i */
    float scale; /* of scores: 1 / sqrt(size) */
    int stream;  /* of its dropout; -1: none */
    int token;   /* key that the first of the tokens belongs to; keys without one are no padding */
    int tokens;  /* how many there are, where there are ids */
};

/* What dropout keeps of the weights: drawn where they are at least `threshold`, times `scale`. */
struct net_attention_dropout {
    uint32_t threshold;
    float scale;
};

/* Scores of queries that a key comes after: below every other, and finite. */
#define NET_MASKED (-3e38f)

/* ---- An image and a head --------------------------------------------------------------------- */

/* Floats of a head's channels in a packed row; from position to position of a value. */
NET_INLINE int net_head_row(struct net_attention s)
{
    return (s.size + 15) / 16 * 16;
}

NET_INLINE long net_heads_step(struct net_heads v)
{
    return (v.channels + 15) / 16 * (long)TILE;
}

/* Are the heads whole blocks of channels? */
NET_INLINE int net_in_blocks(struct net_attention s, struct net_heads v)
{
    return s.size % 16 == 0 && v.first % 16 == 0;
}

NET_INLINE long net_channel_at(int channel)
{
    return channel / 16 * (long)TILE + channel % 16;
}

struct net_head_place {
    int image, head;
};

/* Items are (batch block, head, image): the lines of neighbouring images lie side by side. */
NET_INLINE struct net_head_place net_head_place_of(int item, struct net_attention s,
                                                   const struct net_run *run)
{
    const int block = item / (NET_IMAGES * s.heads), left = item % (NET_IMAGES * s.heads);
    const int images = net_rows(run, block);

    return (struct net_head_place){NET_IMAGES * block + left % images, left / images};
}

/* A value's first float of an image of so many positions. */
NET_INLINE long net_image_at(struct net_heads v, int positions, int image)
{
    return image / NET_IMAGES * positions * net_heads_step(v) + image % NET_IMAGES * 16;
}

/* Up to sixteen numbers of one line, in pieces whose lengths are known: a move each. */
NET_INLINE void net_copy_lanes(float *to, const float *from, int count)
{
    if (count == 16) {
        memcpy(to, from, 16 * sizeof *to);
        return;
    }
    if (count & 8)
        memcpy(to, from, 8 * sizeof *to);
    if (count & 4)
        memcpy(to + (count & 8), from + (count & 8), 4 * sizeof *to);
    if (count & 2)
        memcpy(to + (count & 12), from + (count & 12), 2 * sizeof *to);
    if (count & 1)
        to[count & 14] = from[count & 14];
}

/* Of `left` channels from `channel` on, how many lie in its line. */
NET_INLINE int net_lanes_in_line(int channel, int left)
{
    const int lanes = 16 - channel % 16;

    return left < lanes ? left : lanes;
}

/* The channels of a head at one position, packed. */
NET_INLINE void net_get_head(float *to, const float *x, struct net_heads v, int head,
                             struct net_attention s)
{
    const int first = v.first + head * s.size;

    if (net_in_blocks(s, v))
        for (int c = 0; c < s.size; c += 16)
            vec_store(to + c, vec_load(x + (long)NET_IMAGES * (first + c)));
    else
        for (int c = 0, count; c < s.size; c += count) {
            count = net_lanes_in_line(first + c, s.size - c);
            net_copy_lanes(to + c, x + net_channel_at(first + c), count);
        }
}

/* Back; the last channels of the value are followed by +0. packed: NULL for +0 everywhere. Of a
   line that heads share, each writes its own numbers alone: another thread may write the others. */
NET_INLINE void net_put_head(float *x, const float *packed, struct net_heads v, int head,
                             struct net_attention s)
{
    const float zeros[16] = {0};
    const int first = v.first + head * s.size;

    if (net_in_blocks(s, v)) {
        for (int c = 0; c < s.size; c += 16)
            vec_store(x + (long)NET_IMAGES * (first + c),
                      packed ? vec_load(packed + c) : vec_zero());
        return;
    }
    for (int c = 0, count; c < s.size; c += count) {
        count = net_lanes_in_line(first + c, s.size - c);
        net_copy_lanes(x + net_channel_at(first + c), packed ? packed + c : zeros, count);
    }
    if (first + s.size == v.channels && v.channels % 16 != 0)
        net_copy_lanes(x + net_channel_at(v.channels), zeros, 16 - v.channels % 16);
}

/* `rows` packed rows of 16, the others +0, times `scale`, as [channel][16]. */
NET_INLINE void net_transpose_rows(float *to, float *packed, int rows, float scale,
                                   struct net_attention s)
{
    const int row = net_head_row(s);

    for (int i = 0; i < 16; i++)
        for (int c = 0; c < row; c += 16) {
            const vec x = vec_first(s.size - c, vec_load(packed + i * row + c), vec_zero());

            vec_store(packed + i * row + c, i < rows ? vec_mul(vec_set(scale), x) : vec_zero());
        }
    for (int c = 0; c < row; c += 16)
        net_transpose_16x16(to + 16 * c, 16, packed + c, row, 16, 16);
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* The positions of the keys that are no padding, in order. id: of all images, or NULL. */
NET_INLINE int net_list_keys(int32_t *position, const int32_t *id, int image,
                             struct net_attention s)
{
    int count = 0;

    for (int j = 0; j < s.keys; j++) {
        const int token = j - s.token;

        if (!id || token < 0 || token >= s.tokens || id[(long)image * s.tokens + token] != 0)
            position[count++] = j;
    }
    return count;
}

/* Those that the queries up to `last` see, of `count`. */
NET_INLINE int net_seen_keys(const int32_t *position, int count, int last, int causal)
{
    while (causal && count > 0 && position[count - 1] > last)
        count--;
    return count;
}

NET_INLINE void net_pack_keys(float *to, const float *x, struct net_heads v, int head,
                              const int32_t *position, int count, struct net_attention s)
{
    for (int j = 0; j < count; j++)
        net_get_head(to + (long)j * net_head_row(s), x + position[j] * net_heads_step(v), v, head,
                     s);
}

/* ---- Products: `rows` is a register tile's --------------------------------------------------- */

/* s[j][i] = sum over c of x[j][c] y[c][i], of `count` rows rounded up to whole tiles */
NET_INLINE void net_scores(float *to, const float *x, const float *y, int count, int rows,
                           struct net_attention s)
{
    const long row = net_head_row(s);

    for (int j = 0; j < count; j += rows) {
        vec acc[NET_TILE_ROWS];

        NET_UNROLL(k, rows)
            acc[k] = vec_zero();
        NET_REPEAT(c, s.size) {
            const vec yc = vec_load(y + 16 * c);

            NET_UNROLL(k, rows)
                acc[k] = vec_fma(vec_set(x[(j + k) * row + c]), yc, acc[k]);
        }
        NET_UNROLL(k, rows)
            vec_store(to + 16 * (j + k), acc[k]);
    }
}

/* sum[c][i] += sum over j of x[j][c] p[j][i], of `count` rows */
NET_INLINE void net_weighted_sums(float *sum, const float *x, const float *p, int count, int rows,
                                  struct net_attention s)
{
    const long row = net_head_row(s);

    for (int c = 0; c < s.size; c += rows) {
        vec acc[NET_TILE_ROWS];

        NET_UNROLL(k, rows)
            acc[k] = vec_load(sum + 16 * (c + k));
        NET_REPEAT(j, count) {
            const vec pj = vec_load(p + 16 * j);

            NET_UNROLL(k, rows)
                acc[k] = vec_fma(vec_set(x[j * row + c + k]), pj, acc[k]);
        }
        NET_UNROLL(k, rows)
            vec_store(sum + 16 * (c + k), acc[k]);
    }
}

/* sum[j][c] += sum over i of p[j][i] x[i][c], of `count` rows rounded up to whole tiles */
NET_INLINE void net_key_sums(float *sum, const float *p, const float *x, int count, int rows,
                             struct net_attention s)
{
    const long row = net_head_row(s);

    for (int j = 0; j < count; j += rows)
        for (int c = 0; c < row; c += 16) {
            vec acc[NET_TILE_ROWS];

            NET_UNROLL(k, rows)
                acc[k] = vec_load(sum + (j + k) * row + c);
            NET_REPEAT(i, 16) {
                const vec xi = vec_load(x + i * row + c);

                NET_UNROLL(k, rows)
                    acc[k] = vec_fma(vec_set(p[16 * (j + k) + i]), xi, acc[k]);
            }
            NET_UNROLL(k, rows)
                vec_store(sum + (j + k) * row + c, acc[k]);
        }
}

/* ---- Dropout of weights ---------------------------------------------------------------------- */

/* Of sixteen queries of one image and head: element head queries + i of row image keys' + j, keys'
   the keys rounded up to 8. */
struct net_keeps {
    struct net_draws draws;
    vec keep[4]; /* of four keys, */
    long group;  /* these */
    long row;    /* of key 0 */
};

NET_INLINE struct net_keeps net_begin_keeps(struct net_head_place at, int first_query,
                                            struct net_attention s, const struct net_run *run)
{
    return (struct net_keeps){
        .draws = net_begin_draws(run->seed, (uint32_t)(at.head * s.queries + first_query), 1,
                                 run->step, NET_RANDOM_DROPOUT + (uint32_t)s.stream),
        .group = -1,
        .row = (long)at.image * ((s.keys + 7) / 8 * 8),
    };
}

NET_INLINE vec net_keep(struct net_keeps *k, int key, struct net_attention_dropout d)
{
    const long row = k->row + key;
    vec keep;

    if (row / 4 != k->group)
        vec_dropout(k->keep, &k->draws, (uint32_t)(row / 4), d.threshold, d.scale);
    k->group = row / 4;
    memcpy(&keep, (const float *)k->keep + 16 * (row % 4), sizeof keep);
    return keep;
}

#endif
