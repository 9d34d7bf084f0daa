/*
 * norm.h -- layernorm along the channels of each pixel, and its gradient; batchnorm of an element.
 *
 * The one idea: the images of a batch block are looked at together, so that a sum over
 * channels is a transposition and sums of vectors. Nothing but x is kept for backward: the mean and
 * deviation of a pixel are found again, cheaper than numbers fetched from memory.
 *
 * Needs: epilogue.h. Gives: net_layernorm, net_layernorm_grad; net_stats and xhat of a pixel, to
 * the sums of dgamma and dbeta too.
 */

#ifndef NET_NORM_H
#define NET_NORM_H

#include "kernels/epilogue.h"

/* ---- Batchnorm: an element ------------------------------------------------------------------- */

/* (x - mean) / std gamma + beta */
NET_INLINE vec net_normalize(vec x, vec mean, vec inv_std, vec gamma, vec beta)
{
    return vec_fma(vec_sub(x, mean), vec_mul(inv_std, gamma), beta);
}

/* gamma / std (dy - (dbeta + xhat dgamma) / rows): Ioffe and Szegedy 2015, section 3 */
NET_INLINE vec net_normalize_grad(vec x, vec dy, vec mean, vec inv_std, vec gamma, vec dgamma,
                                  vec dbeta, float inverse_rows)
{
    const vec xhat = vec_mul(vec_sub(x, mean), inv_std);
    const vec sum = vec_fma(xhat, dgamma, dbeta);

    return vec_mul(vec_mul(gamma, inv_std), vec_sub(dy, vec_mul(sum, vec_set(inverse_rows))));
}

/* ---- One pixel of a batch block -------------------------------------------------------------- */

/* Of each image: the mean of its channels, and one over their deviation. */
struct net_stats {
    _Alignas(64) float mean[16], inv_std[16];
};

/* What a gradient takes away: the mean of g, and of g times xhat. */
struct net_grad_means {
    _Alignas(64) float g[16], g_xhat[16];
};

/* x: the images of a block of channels, the blocks a TILE apart */
NET_INLINE void net_find_stats(struct net_stats *s, const float *x, int channels, float eps)
{
    _Alignas(64) float part[TILE];
    const vec count = vec_set((float)channels);

    for (int i = 0; i < NET_IMAGES; i++) {
        struct net_long_sum sum = net_long_zero();

        NET_SUM_GROUPS(block, end, (channels + 15) / 16)
        {
            vec group = vec_zero();

            for (; block < end; block++)
                group = vec_add(group, vec_load(x + TILE * block + 16 * i));
            net_long_add(&sum, group);
        }
        vec_store(part + 16 * i, sum.sum);
    }
    vec_store(s->mean, vec_div(vec_sum_each(part, NET_IMAGES), count));
    for (int i = 0; i < NET_IMAGES; i++) {
        const vec mean = vec_set(s->mean[i]);
        struct net_long_sum sum = net_long_zero();

        NET_SUM_GROUPS(block, end, (channels + 15) / 16)
        {
            vec group = vec_zero();

            for (; block < end; block++) {
                const vec away = vec_sub(vec_load(x + TILE * block + 16 * i), mean);
                const vec d = vec_first(channels - 16 * (int)block, away, vec_zero());

                group = vec_fma(d, d, group);
            }
            net_long_add(&sum, group);
        }
        vec_store(part + 16 * i, sum.sum);
    }
    const vec variance = vec_div(vec_sum_each(part, NET_IMAGES), count);
    vec_store(s->inv_std, vec_div(vec_set(1.0f), vec_sqrt(vec_add(variance, vec_set(eps)))));
}

/* x of image i less its mean, over its deviation; padding is no number of use */
NET_INLINE vec net_standard(const struct net_stats *s, int i, vec x)
{
    return vec_mul(vec_sub(x, vec_set(s->mean[i])), vec_set(s->inv_std[i]));
}

NET_INLINE void net_find_grad_means(struct net_grad_means *means, const struct net_stats *s,
                                    const float *x, const float *dy, const float *gamma,
                                    int channels)
{
    _Alignas(64) float part[TILE], part_xhat[TILE];
    const vec count = vec_set((float)channels);

    for (int i = 0; i < NET_IMAGES; i++) {
        struct net_long_sum sum = net_long_zero(), second = net_long_zero();

        NET_SUM_GROUPS(block, end, (channels + 15) / 16)
        {
            vec group = vec_zero(), second_group = vec_zero();

            for (; block < end; block++) {
                const vec xhat = net_standard(s, i, vec_load(x + TILE * block + 16 * i));
                const vec g = vec_mul(vec_load(dy + TILE * block + 16 * i),
                                      vec_load(gamma + 16 * block));

                group = vec_add(group, g);
                second_group = vec_fma(g, xhat, second_group);
            }
            net_long_add(&sum, group);
            net_long_add(&second, second_group);
        }
        vec_store(part + 16 * i, sum.sum);
        vec_store(part_xhat + 16 * i, second.sum);
    }
    vec_store(means->g, vec_div(vec_sum_each(part, NET_IMAGES), count));
    vec_store(means->g_xhat, vec_div(vec_sum_each(part_xhat, NET_IMAGES), count));
}

/* (g - mean of g - xhat mean of g xhat) / deviation in the first `lanes` lanes */
NET_INLINE vec net_layernorm_dx(const struct net_stats *s, const struct net_grad_means *means,
                                int i, vec xhat, vec g, int lanes)
{
    const vec along = vec_fma(xhat, vec_set(means->g_xhat[i]), vec_set(means->g[i]));
    const vec dx = vec_mul(vec_sub(g, along), vec_set(s->inv_std[i]));

    return vec_first(lanes, dx, vec_zero());
}

/* ---- Kernels --------------------------------------------------------------------------------- */

struct net_layernorm {
    struct net_extent v; /* of x and of what becomes of it */
    int channels;        /* of a pixel, in order */
    float eps;           /* added to the variance */
};

/* One block of channels of a pixel; x, dy: its images. `channels`: from its first on. dy
   and `means` are NULL forward, beta backward. */
NET_INLINE void net_layernorm_block(const float *x, const float *dy, const struct net_stats *s,
                                    const struct net_grad_means *means, const float *gamma,
                                    const float *beta, int channels, net_epilogue *epilogue,
                                    net_draw_block *draw, const void *operands,
                                    struct net_element e, const struct net_run *run)
{
    const vec scale = vec_load(gamma);
    _Alignas(64) float draws[NET_MAX_DRAWS * 256];

    if (draw)
        draw(draws, operands, e, NET_IMAGES, run);
    NET_REPEAT(i, NET_IMAGES) {
        const vec xhat = net_standard(s, (int)i, vec_load(x + 16 * i));
        const vec v = dy ? net_layernorm_dx(s, means, (int)i, xhat,
                                            vec_mul(vec_load(dy + 16 * i), scale), channels)
                         : vec_fma(xhat, scale, vec_load(beta));

        epilogue(v, operands, net_element_after(e, (int)i), draws + 16 * i, run);
    }
}

/* y = (x - mean) / deviation gamma + beta along the channels. Items: (batch block, row). */
NET_TEMPLATE void net_layernorm(const float *x, const float *gamma, const float *beta,
                                net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                                net_row_end *row_end, const void *sums, struct net_layernorm s,
                                NET_RUN)
{
    NET_ITEMS(item, net_present(run, s.v.batch_blocks) * s.v.height, run, thread) {
        const int batch_block = item / s.v.height, row = item % s.v.height;

        for (int column = 0; column < s.v.width; column++) {
            const int pixel = row * s.v.width + column;
            const float *from = x + net_block_at(s.v, batch_block, pixel, 0);
            struct net_stats stats;

            net_find_stats(&stats, from, s.channels, s.eps);
            for (int block = 0; block < s.v.blocks; block++)
                net_layernorm_block(from + TILE * block, NULL, &stats, NULL, gamma + 16 * block,
                                    beta + 16 * block, 0, epilogue, draw, operands,
                                    net_element_of(s.v, batch_block, pixel, block, 0), run);
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

/* dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy gamma. Items: (batch block,
   row). */
NET_TEMPLATE void net_layernorm_grad(const float *x, const float *dy, const float *gamma,
                                     net_epilogue *epilogue, net_draw_block *draw,
                                     const void *operands, net_row_end *row_end, const void *sums,
                                     struct net_layernorm s, NET_RUN)
{
    NET_ITEMS(item, net_present(run, s.v.batch_blocks) * s.v.height, run, thread) {
        const int batch_block = item / s.v.height, row = item % s.v.height;

        for (int column = 0; column < s.v.width; column++) {
            const int pixel = row * s.v.width + column;
            const long at = net_block_at(s.v, batch_block, pixel, 0);
            struct net_grad_means means;
            struct net_stats stats;

            net_find_stats(&stats, x + at, s.channels, s.eps);
            net_find_grad_means(&means, &stats, x + at, dy + at, gamma, s.channels);
            for (int block = 0; block < s.v.blocks; block++)
                net_layernorm_block(x + at + TILE * block, dy + at + TILE * block, &stats, &means,
                                    gamma + 16 * block, NULL, s.channels - 16 * block, epilogue,
                                    draw, operands,
                                    net_element_of(s.v, batch_block, pixel, block, 0), run);
        }
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

#endif
