/*
 * embedding.h -- token ids: rows of an embedding matrix gathered, their gradient, and means over
 * the tokens that are no padding.
 *
 * The one idea: a row of the matrix is contiguous, blocks of 16 floats, so forward copies vectors;
 * backward sums, row by row, the positions of dy that the batch's counting sort has listed for it.
 *
 * Needs: row_gradient.h. Gives: net_pack_tokens, net_embedding, net_embedding_dw, net_token_mean,
 * net_token_mean_grad.
 */

#ifndef NET_EMBEDDING_H
#define NET_EMBEDDING_H

#include "kernels/row_gradient.h"

/* ---- Packing --------------------------------------------------------------------------------- */

/* id[image][position]; in order[begin[t] .. begin[t + 1] - 1] where token t is, by image, then
   position: vector 16 (batch block * length + position) + image % 16 of dy, [batch
   block][position][image]. sorted: does a gradient read begin and order? */
static inline void net_pack_tokens(int32_t *id, int32_t *begin, int32_t *order,
                                   const struct net_rows *rows, int n, int length, int vocabulary,
                                   bool sorted)
{
    if (!rows->row)
        return;
    for (int i = 0; i < n; i++)
        memcpy(id + (long)i * length, rows->row[i], (size_t)length * sizeof *id);
    if (!sorted)
        return;
    memset(begin, 0, ((size_t)vocabulary + 1) * sizeof *begin);
    for (long k = 0; k < (long)n * length; k++)
        begin[id[k] + 1]++;
    net_count_begins(begin, vocabulary);
    for (int i = 0; i < n; i++)
        for (int position = 0; position < length; position++)
            order[begin[id[(long)i * length + position]]++] = (i / 16 * length + position) * 16 +
                                                              i % 16;
    net_restore_begins(begin, vocabulary);
}

/* ---- The embedding matrix: rows of `blocks` blocks of 16 floats ------------------------------ */

struct net_embedding {
    int batch_blocks, length; /* of 16 images; tokens of an image */
    int blocks;               /* of a row */
};

/* y = the row of w for each token; items: batch blocks */
NET_TEMPLATE void net_embedding(float *y, const int32_t *id, const float *w, struct net_embedding s,
                                NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread)
        for (int position = 0; position < s.length; position++) {
            float *to = y + ((long)batch_block * s.length + position) * s.blocks * TILE;
            const int32_t *token = id + (long)NET_IMAGES * s.length * batch_block + position;
            const int images = net_rows(run, batch_block);

            for (int i = 0; i < images; i++) {
                const float *row = w + 16L * s.blocks * token[(long)i * s.length];

                for (int block = 0; block < s.blocks; block++)
                    vec_store(to + (long)TILE * block + 16 * i, vec_load(row + 16 * block));
            }
        }
}

struct net_embedding_dw {
    int vocabulary, blocks; /* rows of dw, and of 16 floats in each */
    int padding_row;        /* whose gradient is +0; or -1 */
    struct net_apply apply;
};

/* The gradient of one row: the sum of dy over `count` positions. */
NET_INLINE void net_sum_places(float *dw, const float *dy, const int32_t *order, int32_t count,
                               int blocks)
{
    for (int block = 0; block < blocks; block++) {
        struct net_long_sum sum = net_long_zero();

        NET_SUM_GROUPS(k, end, count)
        {
            vec group = vec_zero();

            for (; k < end; k++)
                group = vec_add(group,
                                vec_load(dy + (long)TILE * (order[k] / 16 * (long)blocks + block) +
                                         order[k] % 16 * 16));
            net_long_add(&sum, group);
        }
        vec_store(dw + 16 * block, sum.sum);
    }
}

/* dw = the sum of dy over the positions of each token; items: some rows. A row of more floats than
   NET_GRADIENT_FLOATS is summed in the thread's scratch. */
NET_TEMPLATE void net_embedding_dw(float *dw, const int32_t *begin, const int32_t *order,
                                   const float *dy, struct net_embedding_dw s, NET_RUN)
{
    const int floats = 16 * s.blocks, fit = NET_GRADIENT_FLOATS / floats;
    const int most = fit < 1 ? 1 : fit < NET_GRADIENT_ROWS ? fit : NET_GRADIENT_ROWS;
    _Alignas(64) float local[NET_GRADIENT_FLOATS];
    float *sum = fit < 1 ? net_scratch(run, thread) : local;

    for (int item = thread; item < (s.vocabulary + most - 1) / most; item += run->threads) {
        const int first = most * item, left = s.vocabulary - first;
        const int rows = left < most ? left : most;

        for (int r = 0; r < rows; r++) {
            const int32_t *at = begin + first + r;

            net_sum_places(sum + floats * r, dy, order + at[0],
                           first + r == s.padding_row ? 0 : at[1] - at[0], s.blocks);
        }
        net_apply_rows(run, dw + (long)floats * first, sum, rows, floats, begin + first, s.apply);
    }
}

/* ---- Means over tokens ----------------------------------------------------------------------- */

/* The tokens of an image that are no padding: not 0. */
NET_INLINE vec net_count_tokens(const int32_t *id, int length)
{
    int count = 0;

    for (int position = 0; position < length; position++)
        count += id[position] != 0;
    return vec_set((float)count);
}

/* x / count; 0 where nothing was counted */
NET_INLINE vec net_over_count(vec x, vec count)
{
    return vec_if_greater(count, vec_zero(), vec_div(x, count), vec_zero());
}

/* y = the mean of x over the positions whose token is not 0; items: batch blocks */
NET_TEMPLATE void net_token_mean(float *y, const float *x, const int32_t *id,
                                 struct net_embedding s, NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread)
        for (int i = 0; i < net_rows(run, batch_block); i++) {
            const int32_t *token = id + (long)s.length * (NET_IMAGES * batch_block + i);
            const vec count = net_count_tokens(token, s.length);
            const float *from = x + (long)batch_block * s.length * s.blocks * TILE + 16 * i;

            for (int block = 0; block < s.blocks; block++) {
                struct net_long_sum sum = net_long_zero();

                NET_SUM_GROUPS(position, end, s.length)
                {
                    vec group = vec_zero();

                    for (; position < end; position++)
                        if (token[position] != 0)
                            group = vec_add(
                                group, vec_load(from + (long)TILE * (position * s.blocks + block)));
                    net_long_add(&sum, group);
                }
                vec_store(y + ((long)batch_block * s.blocks + block) * TILE + 16 * i,
                          net_over_count(sum.sum, count));
            }
        }
}

/* dx = dy / count where the token is not 0, else +0; items: batch blocks */
NET_TEMPLATE void net_token_mean_grad(float *dx, const float *dy, const int32_t *id,
                                      struct net_embedding s, NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread)
        for (int i = 0; i < net_rows(run, batch_block); i++) {
            const int32_t *token = id + (long)s.length * (16 * batch_block + i);
            const vec count = net_count_tokens(token, s.length);
            float *to = dx + (long)batch_block * s.length * s.blocks * TILE + 16 * i;

            for (int block = 0; block < s.blocks; block++) {
                const float *from = dy + ((long)batch_block * s.blocks + block) * TILE + 16 * i;
                const vec mean_grad = net_over_count(vec_load(from), count);

                for (int position = 0; position < s.length; position++)
                    vec_store(to + (long)TILE * (position * s.blocks + block),
                              token[position] != 0 ? mean_grad : vec_zero());
            }
        }
}

#endif
