/*
 * attention.h -- y = softmax(q k' / sqrt(size)) v of each head, positions by channels, and its
 * gradient, an image and a head at a time.
 *
 * The one idea: sixteen queries are the lanes. Then the maximum and the sum of a softmax need no
 * sum over lanes, a causal mask is the end of a loop, and keys that are padding are not packed at
 * all. Scores live in strips of keys that stay in L1, [key][16 queries]: the running maximum and
 * sum of a strip rescale what was summed before (Milakov and Gimelshein 2018, Rabe and Staats
 * 2021); backward computes the strips again, from the stored log of the sum of exponentials (Dao
 * and others 2022), so that nothing is as large as queries by keys.
 *
 * Why not images in the lanes, which need no transposes: keys and values of a head would be sixteen
 * times as large, 512 KB for 128 positions of 32 channels, and each vector of them would be read
 * from L2 for four products. Of one image they are 32 KB, read from L1 for sixteen. The
 * transposes move 4 size (queries + keys) numbers beside 4 size queries keys flops.
 *
 * Needs: attention_heads.h. Gives: net_attention, net_attention_grad.
 */

#ifndef NET_ATTENTION_H
#define NET_ATTENTION_H

#include "kernels/attention_heads.h"
#include "kernels/transpose.h"

/* ---- Forward --------------------------------------------------------------------------------- */

/* Of sixteen queries. */
struct net_softmax_so_far {
    vec max;
    struct net_long_sum sum; /* of e^(score - max) */
};

NET_INLINE vec net_query_lanes(int first)
{
    const net_f32 lanes = __builtin_convertvector((net_i32)vec_lanes() + first, net_f32);
    vec x;

    memcpy(&x, &lanes, sizeof x);
    return x;
}

/* Scores of a causal strip: queries before the key do not see it. */
NET_INLINE void net_mask_scores(float *score, const int32_t *position, int count, int first_query)
{
    const vec query = net_query_lanes(first_query);

    for (int j = 0; j < count; j++)
        if (position[j] > first_query)
            vec_store(score + 16 * j,
                      vec_if_greater(vec_set((float)position[j]), query, vec_set(NET_MASKED),
                                     vec_load(score + 16 * j)));
}

/* Scores become e^(score - max), their sum is added; gives by what all that was before shrinks. */
NET_INLINE vec net_soften(struct net_softmax_so_far *so_far, float *score, int count, int causal)
{
    vec max = so_far->max;

    for (int j = 0; j < count; j++)
        max = vec_max(max, vec_load(score + 16 * j));
    const vec shrink = vec_exp(vec_sub(so_far->max, max));

    so_far->max = max;
    so_far->sum.sum = vec_mul(shrink, so_far->sum.sum);
    so_far->sum.lost = vec_mul(shrink, so_far->sum.lost);
    NET_SUM_GROUPS(j, end, count)
    {
        vec group = vec_zero();

        for (; j < end; j++) {
            const vec z = vec_load(score + 16 * j), e = vec_exp(vec_sub(z, max));
            const vec p = causal ? vec_if_greater(vec_set(0.9f * NET_MASKED), z, vec_zero(), e) : e;

            vec_store(score + 16 * j, p);
            group = vec_add(group, p);
        }
        net_long_add(&so_far->sum, group);
    }
    return shrink;
}

NET_INLINE void net_drop_weights(float *p, struct net_keeps *keeps, const int32_t *position,
                                 int count, struct net_attention_dropout d)
{
    for (int j = 0; j < count; j++)
        vec_store(p + 16 * j, vec_mul(net_keep(keeps, position[j], d), vec_load(p + 16 * j)));
}

/* Sums over keys become means; y and, where it is wanted, the log of their sums. Of queries that
   see no key, which only padding leaves, y is 0. */
NET_INLINE void net_end_queries(float *y, float *lse, float *sum, float *packed,
                                struct net_softmax_so_far so_far, struct net_head_place at,
                                int first, int padded, struct net_attention s)
{
    const struct net_heads of_y = {0, s.heads * s.size}, of_lse = {0, s.heads};
    const int row = net_head_row(s), left = s.queries - first;
    const vec total = so_far.sum.sum, one = vec_set(1.0f);
    const vec some = padded ? vec_if_greater(total, vec_zero(), total, vec_add(total, one)) : total;
    _Alignas(64) float log_sum[16];

    vec_store(log_sum,
              vec_if_greater(total, vec_zero(), vec_add(so_far.max, vec_log(some)), total));
    for (int c = 0; c < s.size; c++)
        vec_store(sum + 16 * c, vec_div(vec_load(sum + 16 * c), some));
    for (int c = 0; c < row; c += 16)
        net_transpose_16x16(packed + c, row, sum + 16 * c, 16, 16, 16);
    for (int i = 0; i < 16 && i < left; i++) {
        float *to = lse ? lse + (first + i) * net_heads_step(of_lse) : NULL;

        net_put_head(y + (first + i) * net_heads_step(of_y), packed + i * row, of_y, at.head, s);
        if (!lse)
            continue;
        to[net_channel_at(at.head)] = log_sum[i];
        for (int h = s.heads; at.head == s.heads - 1 && h % 16 != 0; h++)
            to[net_channel_at(h)] = 0.0f;
    }
}

/* Sixteen queries from `first` on by the packed keys. */
NET_INLINE void net_attend(float *y, float *lse, const float *q, const float *k, const float *v,
                           float *scratch, const int32_t *position, int count,
                           struct net_head_place at, int first, int padded, int rows,
                           struct net_attention_dropout d, struct net_attention s,
                           const struct net_run *run)
{
    const int row = net_head_row(s), left = s.queries - first;
    float *packed = scratch, *transposed = packed + 16 * row, *sum = transposed + 16 * row;
    float *score = sum + 16 * row;
    struct net_keeps keeps;
    struct net_softmax_so_far so_far = {vec_set(-INFINITY), net_long_zero()};

    for (int i = 0; i < 16 && i < left; i++)
        net_get_head(packed + i * row, q + (first + i) * net_heads_step(s.q), s.q, at.head, s);
    net_transpose_rows(transposed, packed, left, s.scale, s);
    for (int c = 0; c < row; c++)
        vec_store(sum + 16 * c, vec_zero());
    if (s.stream >= 0)
        keeps = net_begin_keeps(at, first, s, run);
    for (int j = 0; j < count; j += NET_ATTENTION_KEYS) {
        const int strip = count - j < NET_ATTENTION_KEYS ? count - j : NET_ATTENTION_KEYS;
        vec shrink;

        net_scores(score, k + (long)j * row, transposed, strip, rows, s);
        if (s.causal)
            net_mask_scores(score, position + j, strip, first);
        shrink = net_soften(&so_far, score, strip, s.causal);
        for (int c = 0; c < s.size && j > 0; c++)
            vec_store(sum + 16 * c, vec_mul(shrink, vec_load(sum + 16 * c)));
        if (s.stream >= 0)
            net_drop_weights(score, &keeps, position + j, strip, d);
        net_weighted_sums(sum, v + (long)j * row, score, strip, rows, s);
    }
    net_end_queries(y, lse, sum, packed, so_far, at, first, padded, s);
}

/* y = softmax(q k' / sqrt(size)) v; lse = log of the sum of e^score, a channel a head, or NULL. id:
   tokens, of which 0 is no key; or NULL. rows: of a register tile. Items: (batch block, head,
   image). */
NET_TEMPLATE void net_attention(float *y, float *lse, const float *q, const float *k,
                                const float *v, const int32_t *id, int rows,
                                struct net_attention_dropout d, struct net_attention s, NET_RUN)
{
    const struct net_heads of_y = {0, s.heads * s.size}, of_lse = {0, s.heads};
    const long packed = net_packed_keys(s.keys, s.size);
    float *packed_k = net_scratch(run, thread), *packed_v = packed_k + packed;
    int32_t *position = (int32_t *)(packed_v + packed);
    float *scratch = packed_v + packed + (s.keys + 15) / 16 * 16;

    NET_ITEMS(item, run->n * s.heads, run, thread) {
        const struct net_head_place at = net_head_place_of(item, s, run);
        const int count = net_list_keys(position, id, at.image, s);

        net_pack_keys(packed_k, k + net_image_at(s.k, s.keys, at.image), s.k, at.head, position,
                      count, s);
        net_pack_keys(packed_v, v + net_image_at(s.v, s.keys, at.image), s.v, at.head, position,
                      count, s);
        for (int first = 0; first < s.queries; first += 16)
            net_attend(y + net_image_at(of_y, s.queries, at.image),
                       lse ? lse + net_image_at(of_lse, s.queries, at.image) : NULL,
                       q + net_image_at(s.q, s.queries, at.image), packed_k, packed_v, scratch,
                       position, net_seen_keys(position, count, first + 15, s.causal), at, first,
                       id != NULL, rows, d, s, run);
    }
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* Sixteen queries: packed rows of q, scaled, and of dy; both transposed; dy times y over a head;
   and what they become. */
struct net_queries {
    float *q, *dy, *q_transposed, *dy_transposed, *dq, *packed;
    vec lse, mean; /* mean: sum over channels of y dy, that of the keys' gradients by weights */
    struct net_keeps keeps;
};

NET_INLINE void net_begin_queries(struct net_queries *z, const float *q, const float *y,
                                  const float *lse, const float *dy, struct net_head_place at,
                                  int first, struct net_attention s)
{
    const struct net_heads of_y = {0, s.heads * s.size}, of_lse = {0, s.heads};
    const int row = net_head_row(s), left = s.queries - first, rows = left < 16 ? left : 16;
    _Alignas(64) float log_sum[16] = {0};

    for (int i = 0; i < rows; i++) {
        const long at_y = (first + i) * net_heads_step(of_y);

        net_get_head(z->q + i * row, q + (first + i) * net_heads_step(s.q), s.q, at.head, s);
        net_get_head(z->dy + i * row, dy + at_y, of_y, at.head, s);
        net_get_head(z->packed + i * row, y + at_y, of_y, at.head, s);
        log_sum[i] = lse[(first + i) * net_heads_step(of_lse) + net_channel_at(at.head)];
    }
    net_transpose_rows(z->dq, z->packed, rows, 1.0f, s);
    net_transpose_rows(z->q_transposed, z->q, rows, s.scale, s);
    net_transpose_rows(z->dy_transposed, z->dy, rows, 1.0f, s);
    z->lse = vec_load(log_sum);
    z->mean = vec_zero();
    for (int c = 0; c < s.size; c++)
        z->mean = vec_fma(vec_load(z->dq + 16 * c), vec_load(z->dy_transposed + 16 * c), z->mean);
    for (int c = 0; c < row; c++)
        vec_store(z->dq + 16 * c, vec_zero());
}

/* Of a strip, from scores and dy v': its weights p, as forward dropped them, and the gradients of
   its scores. */
NET_INLINE void net_score_gradients(float *score, float *dp, struct net_queries *z,
                                    const int32_t *position, int count, int first, int rows,
                                    struct net_attention_dropout d, struct net_attention s)
{
    const vec query = net_query_lanes(first);

    for (int j = 0; j < count; j++) {
        const vec e = vec_exp(vec_sub(vec_load(score + 16 * j), z->lse));
        const vec p = s.causal && position[j] > first
                          ? vec_if_greater(vec_set((float)position[j]), query, vec_zero(), e)
                          : e;
        const vec keep = s.stream >= 0 ? net_keep(&z->keeps, position[j], d) : vec_set(1.0f);
        const vec g = s.stream >= 0 ? vec_mul(keep, vec_load(dp + 16 * j)) : vec_load(dp + 16 * j);

        vec_store(score + 16 * j, s.stream >= 0 ? vec_mul(keep, p) : p);
        vec_store(dp + 16 * j, vec_mul(p, vec_sub(g, z->mean)));
    }
    for (int j = count; j % rows != 0; j++) { /* keys that these queries do not see */
        vec_store(score + 16 * j, vec_zero());
        vec_store(dp + 16 * j, vec_zero());
    }
}

/* Sixteen queries from `first` on: their part of dk and dv, and dq. */
NET_INLINE void net_attend_grad(float *dq, float *dk, float *dv, struct net_queries *z,
                                const float *k, const float *v, float *score,
                                const int32_t *position, int count, struct net_head_place at,
                                int first, int rows, struct net_attention_dropout d,
                                struct net_attention s)
{
    const int row = net_head_row(s), left = s.queries - first;
    float *dp = score + 16 * (NET_ATTENTION_GRAD_KEYS + NET_TILE_ROWS);

    for (int j = 0; j < count; j += NET_ATTENTION_GRAD_KEYS) {
        const int strip = count - j < NET_ATTENTION_GRAD_KEYS ? count - j : NET_ATTENTION_GRAD_KEYS;
        const long from = (long)j * row;

        net_scores(score, k + from, z->q_transposed, strip, rows, s);
        net_scores(dp, v + from, z->dy_transposed, strip, rows, s);
        net_score_gradients(score, dp, z, position + j, strip, first, rows, d, s);
        net_weighted_sums(z->dq, k + from, dp, strip, rows, s);
        net_key_sums(dv + from, score, z->dy, strip, rows, s);
        net_key_sums(dk + from, dp, z->q, strip, rows, s);
    }
    for (int c = 0; c < row; c += 16) {
        for (int i = c; i < c + 16; i++)
            vec_store(z->dq + 16 * i, vec_mul(vec_set(s.scale), vec_load(z->dq + 16 * i)));
        net_transpose_16x16(z->packed + c, row, z->dq + 16 * c, 16, 16, 16);
    }
    for (int i = 0; i < 16 && i < left; i++)
        net_put_head(dq + (first + i) * net_heads_step(s.q), z->packed + i * row, s.q, at.head, s);
}

/* The gradients of keys or values, +0 where they are padding. */
NET_INLINE void net_put_keys(float *dx, const float *packed, struct net_heads v, int head,
                             const int32_t *position, int count, struct net_attention s)
{
    for (int j = 0, next = 0; j < s.keys; j++) {
        const int is_key = next < count && position[next] == j;

        net_put_head(dx + j * net_heads_step(v),
                     is_key ? packed + (long)next * net_head_row(s) : NULL, v, head, s);
        next += is_key;
    }
}

NET_INLINE struct net_queries net_queries_in(float *scratch, struct net_attention s)
{
    const long floats = 16L * net_head_row(s);

    return (struct net_queries){.q = scratch,
                                .dy = scratch + floats,
                                .q_transposed = scratch + 2 * floats,
                                .dy_transposed = scratch + 3 * floats,
                                .dq = scratch + 4 * floats,
                                .packed = scratch + 5 * floats};
}

/* With p = e^(score - lse), dp = dy v': dv = p' dy, ds = p (dp - sum of y dy), dq = ds k scale,
   dk = ds' q scale; p and dp as dropout leaves them, but the p before ds. Items: (batch block,
   head, image). */
NET_TEMPLATE void net_attention_grad(float *dq, float *dk, float *dv, const float *q,
                                     const float *k, const float *v, const int32_t *id,
                                     const float *y, const float *lse, const float *dy, int rows,
                                     struct net_attention_dropout d, struct net_attention s,
                                     NET_RUN)
{
    const struct net_heads of_y = {0, s.heads * s.size}, of_lse = {0, s.heads};
    const long packed = net_packed_keys(s.keys, s.size);
    float *pk = net_scratch(run, thread), *pv = pk + packed, *pdk = pv + packed,
          *pdv = pdk + packed;
    int32_t *position = (int32_t *)(pdv + packed);
    float *score = pdv + packed + (s.keys + 15) / 16 * 16;
    struct net_queries z = net_queries_in(score + 32 * (NET_ATTENTION_GRAD_KEYS + NET_TILE_ROWS),
                                          s);

    NET_ITEMS(item, run->n * s.heads, run, thread) {
        const struct net_head_place at = net_head_place_of(item, s, run);
        const int count = net_list_keys(position, id, at.image, s);
        const long at_k = net_image_at(s.k, s.keys, at.image);
        const long at_v = net_image_at(s.v, s.keys, at.image);
        const long at_q = net_image_at(s.q, s.queries, at.image);
        const long at_y = net_image_at(of_y, s.queries, at.image);

        net_pack_keys(pk, k + at_k, s.k, at.head, position, count, s);
        net_pack_keys(pv, v + at_v, s.v, at.head, position, count, s);
        memset(pdk, 0, 2 * (size_t)packed * sizeof *pdk);
        for (int first = 0; first < s.queries; first += 16) {
            net_begin_queries(&z, q + at_q, y + at_y,
                              lse + net_image_at(of_lse, s.queries, at.image), dy + at_y, at, first,
                              s);
            if (s.stream >= 0)
                z.keeps = net_begin_keeps(at, first, s, run);
            net_attend_grad(dq + at_q, pdk, pdv, &z, pk, pv, score, position,
                            net_seen_keys(position, count, first + 15, s.causal), at, first, rows,
                            d, s);
        }
        net_put_keys(dk + at_k, pdk, s.k, at.head, position, count, s);
        net_put_keys(dv + at_v, pdv, s.v, at.head, position, count, s);
    }
}

#endif
