/*
 * info_nce.h -- losses over pairs of the batch, each row beside all others, and their gradients
 * (van den Oord and others 2018; of two views Chen and others 2020).
 *
 * The one idea: as in attention sixteen rows are the lanes and all rows of the batch go by in
 * strips, whose scores are computed again in backward beside the stored maximum and sum of
 * exponentials: nothing is as large as batch by batch. A row's gradient has what its own loss gives
 * it, and what it gives the losses of other rows, of which it is a positive or a negative; each
 * thread reads all rows and writes its own. The weights of a sum of rows nearly cancel, so that of
 * rows that are nearly alike rounding would leave little: what the rows differ from a middle is
 * summed, and the middle, times the sum of the weights, added at the end.
 *
 * Needs: attention.h. Gives: net_info_nce, net_info_nce_grad.
 */

#ifndef NET_INFO_NCE_H
#define NET_INFO_NCE_H

#include "kernels/attention.h"

struct net_info_nce {
    int channels;
    float scale; /* of scores: 1 / temperature */
};

/* ---- Strips ---------------------------------------------------------------------------------- */

/* Where a thread has a strip of rows, packed; sixteen rows, their transposes, sums of as many
   channels; scores, [row of the strip][16]; the mean of the sixteen. */
struct net_pairs {
    float *strip, *own, *lanes, *sum, *score, *middle;
    struct net_attention shape; /* its size: the channels */
};

NET_INLINE struct net_pairs net_pairs_in(float *scratch, struct net_info_nce s)
{
    const long floats = 16L * ((s.channels + 15) / 16 * 16);
    float *own = scratch + net_packed_keys(NET_INFO_NCE_ROWS, s.channels);
    float *score = own + 3 * floats + 16 * NET_TILE_ROWS;

    return (struct net_pairs){.strip = scratch,
                              .own = own,
                              .lanes = own + floats,
                              .sum = own + 2 * floats,
                              .score = score,
                              .middle = score + 16 * (NET_INFO_NCE_ROWS + NET_TILE_ROWS),
                              .shape = {.size = s.channels}};
}

/* Rows `first` to first + count - 1 of a value of vectors. */
NET_INLINE void net_pack_pairs(float *to, const float *x, int first, int count,
                               struct net_attention shape)
{
    const struct net_heads v = {0, shape.size};

    for (int i = 0; i < count; i++)
        net_get_head(to + (long)i * net_head_row(shape), x + net_image_at(v, 1, first + i), v, 0,
                     shape);
}

/* The rows of a batch block as lanes. */
NET_INLINE void net_set_lanes(struct net_pairs p, const float *x, int block, float scale,
                              const struct net_run *run)
{
    net_pack_pairs(p.own, x, 16 * block, net_rows(run, block), p.shape);
    net_transpose_rows(p.lanes, p.own, net_rows(run, block), scale, p.shape);
}

/* score[j][i] = row first + j of x times lane i; gives how many rows there are. */
NET_INLINE int net_score_strip(struct net_pairs p, const float *x, int first, int tile_rows,
                               const struct net_run *run)
{
    const int left = run->n - first, count = left < NET_INFO_NCE_ROWS ? left : NET_INFO_NCE_ROWS;

    net_pack_pairs(p.strip, x, first, count, p.shape);
    net_scores(p.score, p.strip, p.lanes, count, tile_rows, p.shape);
    return count;
}

/* Where the strip has the rows that the lanes are: [i][i]; NULL: elsewhere. */
NET_INLINE float *net_diagonal(struct net_pairs p, int block, int first)
{
    const int at = 16 * block - first;

    return at >= 0 && at < NET_INFO_NCE_ROWS ? p.score + 16 * at : NULL;
}

/* A number a row, lane `view` of its vector. */
NET_INLINE vec net_load_numbers(const float *x, int block, int view, const struct net_run *run)
{
    _Alignas(64) float number[16] = {0};

    for (int i = 0; i < net_rows(run, block); i++)
        number[i] = x[(long)TILE * block + 16 * i + view];
    return vec_load(number);
}

/* Lanes beyond it are +0 where it is the first. */
NET_INLINE void net_store_numbers(float *y, vec x, int block, int view, const struct net_run *run)
{
    _Alignas(64) float number[16];

    vec_store(number, x);
    for (int i = 0; i < net_rows(run, block); i++) {
        float *to = y + (long)TILE * block + 16 * i;

        if (view == 0)
            vec_store(to, vec_zero());
        to[view] = number[i];
    }
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* Sixteen rows of x: their positives are the same rows of `other`. */
NET_INLINE void net_info_nce_rows(float *y, float *sums, const float *x, const float *other,
                                  int block, int view, int views, int tile_rows,
                                  struct net_info_nce s, struct net_pairs p,
                                  const struct net_run *run)
{
    struct net_softmax_so_far so_far = {vec_set(-INFINITY), net_long_zero()};
    _Alignas(64) float positive[16] = {0};

    net_set_lanes(p, x, block, s.scale, run);
    for (int own = 0; own < views; own++)
        for (int first = 0; first < run->n; first += NET_INFO_NCE_ROWS) {
            const int count = net_score_strip(p, own ? x : other, first, tile_rows, run);
            float *diagonal = net_diagonal(p, block, first);

            for (int i = 0; diagonal && i < net_rows(run, block); i++) {
                if (own)
                    diagonal[17 * i] = NET_MASKED;
                else
                    positive[i] = diagonal[17 * i];
            }
            net_soften(&so_far, p.score, count, 0);
        }
    const vec log_sum = vec_log(so_far.sum.sum);

    net_store_numbers(y, vec_add(log_sum, vec_sub(so_far.max, vec_load(positive))), block, view,
                      run);
    if (!sums)
        return;
    net_store_numbers(sums, so_far.max, block, view, run);
    net_store_numbers(sums, vec_div(vec_set(1.0f), so_far.sum.sum), block, views + view, run);
}

/* With scores a_i b_j scale: y = log of the sum over j of e^score, less the score of j = i, of one
   view of rows i of a; of two views also of rows of b, and the sums go over the rows of the own
   view, too, but i. sums: the largest score of each and 1 / the sum of e^(score - that), or NULL.
   Rows j are those of the batch. tile_rows: of a register tile. Items: batch blocks. */
NET_TEMPLATE void net_info_nce(float *y, float *sums, const float *a, const float *b, int views,
                               int tile_rows, struct net_info_nce s, NET_RUN)
{
    const struct net_pairs p = net_pairs_in(net_scratch(run, thread), s);

    NET_ITEMS(block, net_batch_blocks(run), run, thread)
        for (int view = 0; view < views; view++)
            net_info_nce_rows(y, sums, view ? b : a, view ? a : b, block, view, views, tile_rows, s,
                              p, run);
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Of rows as lanes, or of a strip: the largest score of each, 1 / the sum, what its loss counts. */
struct net_pair_losses {
    vec max, share, dy;                     /* of the lanes */
    const float *at_max, *at_share, *at_dy; /* of the strip's rows, in one lane of each */
    int counts_rows, counts_strip;          /* whose losses they are scores of */
};

/* Scores become their gradients: dy_i e^(score - max_i) / sum_i of the lane's loss, and the same of
   j, the row in the strip. */
NET_INLINE void net_pair_gradients(float *score, int first, int count, struct net_pair_losses z)
{
    for (int j = 0; j < count; j++) {
        const long at = 16L * (first + j);
        const vec x = vec_load(score + 16 * j);
        vec g = vec_zero();

        if (z.counts_rows)
            g = vec_mul(z.dy, vec_mul(vec_exp(vec_sub(x, z.max)), z.share));
        if (z.counts_strip)
            g = vec_fma(
                vec_set(z.at_dy[at]),
                vec_mul(vec_exp(vec_sub(x, vec_set(z.at_max[at]))), vec_set(z.at_share[at])), g);
        vec_store(score + 16 * j, g);
    }
}

/* The mean of the rows that are the lanes, which are there times `scale`. */
NET_INLINE void net_set_middle(struct net_pairs p, int block, float scale,
                               const struct net_run *run)
{
    const int row = net_head_row(p.shape), rows = net_rows(run, block);

    for (int c = 0; c < row; c += 16) {
        vec sum = vec_zero();

        for (int i = 0; i < rows; i++)
            sum = vec_add(sum, vec_load(p.own + i * row + c));
        vec_store(p.middle + c, vec_mul(vec_set(1.0f / (scale * (float)rows)), sum));
    }
}

/* A strip of the other view, or of the own one: the sums of sixteen rows, and of their weights. */
NET_INLINE void net_add_strip(struct net_pairs p, vec *weights, const float *x, int own, int first,
                              int block, int tile_rows, struct net_pair_losses z,
                              const struct net_run *run)
{
    const int row = net_head_row(p.shape);
    const int count = net_score_strip(p, x, first, tile_rows, run);
    float *diagonal = net_diagonal(p, block, first);
    _Alignas(64) float dy[16];

    net_pair_gradients(p.score, first, count, z);
    vec_store(dy, z.dy);
    for (int i = 0; diagonal && i < net_rows(run, block); i++) {
        if (z.counts_rows)
            diagonal[17 * i] -= dy[i];
        if (z.counts_strip)
            diagonal[17 * i] -= z.at_dy[16L * (16 * block + i)];
        if (own)
            diagonal[17 * i] = 0.0f;
    }
    for (int j = 0; j < count; j++) {
        *weights = vec_add(*weights, vec_load(p.score + 16 * j));
        for (int c = 0; c < row; c += 16)
            vec_store(p.strip + j * row + c,
                      vec_sub(vec_load(p.strip + j * row + c), vec_load(p.middle + c)));
    }
    net_weighted_sums(p.sum, p.strip, p.score, count, tile_rows, p.shape);
}

/* The sums with the middle, times `scale`, back to rows. */
NET_INLINE void net_put_sums(float *dx, struct net_pairs p, vec weights, int block, float scale,
                             const struct net_run *run)
{
    const struct net_heads v = {0, p.shape.size};
    const int row = net_head_row(p.shape);

    for (int c = 0; c < row; c += 16) {
        for (int i = c; i < c + 16; i++)
            vec_store(p.sum + 16 * i, vec_mul(vec_set(scale), vec_fma(vec_set(p.middle[i]), weights,
                                                                      vec_load(p.sum + 16 * i))));
        net_transpose_16x16(p.own + c, row, p.sum + 16 * c, 16, 16, 16);
    }
    for (int i = 0; i < net_rows(run, block); i++)
        net_put_head(dx + net_image_at(v, 1, 16 * block + i), p.own + i * row, v, 0, p.shape);
}

/* dx of the view that x is; other: the other one. Of one view sums and dy are those of a. Items:
   batch blocks. */
NET_TEMPLATE void net_info_nce_grad(float *dx, const float *x, const float *other,
                                    const float *sums, const float *dy, int views, int view,
                                    int tile_rows, struct net_info_nce s, NET_RUN)
{
    const struct net_pairs p = net_pairs_in(net_scratch(run, thread), s);
    const int mine = views == 2 ? view : 0, theirs = views == 2 ? 1 - view : 0; /* lanes of dy */

    NET_ITEMS(block, net_batch_blocks(run), run, thread) {
        struct net_pair_losses z = {.max = net_load_numbers(sums, block, mine, run),
                                    .share = net_load_numbers(sums, block, views + mine, run),
                                    .dy = net_load_numbers(dy, block, mine, run),
                                    .counts_rows = views == 2 || view == 0,
                                    .counts_strip = views == 2 || view == 1};
        vec weights = vec_zero();

        net_set_lanes(p, x, block, s.scale, run);
        net_set_middle(p, block, s.scale, run);
        for (int c = 0; c < net_head_row(p.shape); c++)
            vec_store(p.sum + 16 * c, vec_zero());
        for (int own = 0; own < views; own++) {
            z.at_max = sums + (own ? mine : theirs);
            z.at_share = z.at_max + views;
            z.at_dy = dy + (own ? mine : theirs);
            for (int first = 0; first < run->n; first += NET_INFO_NCE_ROWS)
                net_add_strip(p, &weights, own ? x : other, own, first, block, tile_rows, z, run);
        }
        net_put_sums(dx, p, weights, block, s.scale, run);
    }
}

#endif
