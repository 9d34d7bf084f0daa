/*
 * sums.h -- sums over images and pixels, one to three values per channel: of a bias' gradient, the
 * statistics of a batchnorm, the gradients of a batchnorm and of a layernorm.
 *
 * The one idea: a row of pixels of a batch block gives partial sums, [block][16 channels] of the
 * first sum, then of the second and the third; the final reduction adds them in order. The order is
 * that of the rows, whoever computes them. A pixel is summed by itself first: thousands of equal
 * numbers, as padded tokens are, added to one sum would all be rounded the same way.
 */

#ifndef NET_SUMS_H
#define NET_SUMS_H

#include "kernels/norm.h"
#include "kernels/update.h"

/* ---- Partial sums of a row of pixels --------------------------------------------------------- */

/* Floats of the partial sums of one row. */
NET_INLINE float *net_partial_of(float *partial, struct net_extent v, int sums, int batch_block,
                                 int row)
{
    return partial + ((long)batch_block * v.height + row) * sums * v.blocks * 16;
}

/* partial = sum of dy */
NET_TEMPLATE void net_channel_sum_row(float *partial, const float *dy, struct net_extent v,
                                      const struct net_run *run, int batch_block, int row)
{
    const int images = net_rows(run, batch_block);
    float *to = net_partial_of(partial, v, 1, batch_block, row);

    for (int block = 0; block < v.blocks; block++) {
        struct net_long_sum sum = net_long_zero();

        NET_SUM_GROUPS(column, end, v.width)
        {
            vec group = vec_zero();

            for (; column < end; column++) {
                const float *di = dy +
                                  net_block_at(v, batch_block, row * v.width + (int)column, block);
                vec a = vec_zero();

                for (int i = 0; i < images; i++)
                    a = vec_add(a, vec_load(di + 16 * i));
                group = vec_add(group, a);
            }
            net_long_add(&sum, group);
        }
        vec_store(to + 16 * block, sum.sum);
    }
}

/* partial = the part's first number, the mean of x less that, and the sum of (x - mean)^2 about its
   own mean: apart, so that a mean far from 0 costs no digits of the variance */
NET_TEMPLATE void net_batchnorm_stats_row(float *partial, const float *x, struct net_extent v,
                                          const struct net_run *run, int batch_block, int row)
{
    const int images = net_rows(run, batch_block);
    float *to = net_partial_of(partial, v, 3, batch_block, row);

    for (int block = 0; block < v.blocks; block++) {
        const vec shift = vec_load(x + net_block_at(v, batch_block, row * v.width, block));
        struct net_long_sum sum = net_long_zero(), second = net_long_zero();

        NET_SUM_GROUPS(column, end, v.width)
        {
            vec first_group = vec_zero(), second_group = vec_zero();

            for (; column < end; column++) {
                const float *xi = x +
                                  net_block_at(v, batch_block, row * v.width + (int)column, block);
                vec a = vec_zero(), b = vec_zero();

                for (int i = 0; i < images; i++) {
                    const vec d = vec_sub(vec_load(xi + 16 * i), shift);

                    a = vec_add(a, d);
                    b = vec_fma(d, d, b);
                }
                first_group = vec_add(first_group, a);
                second_group = vec_add(second_group, b);
            }
            net_long_add(&sum, first_group);
            net_long_add(&second, second_group);
        }
        const vec mean = vec_div(sum.sum, vec_set((float)(images * v.width)));

        vec_store(to + 16 * block, shift);
        vec_store(to + 16 * (v.blocks + block), mean);
        vec_store(to + 16 * (2 * v.blocks + block), vec_sub(second.sum, vec_mul(sum.sum, mean)));
    }
}

/* partial = sum of dy xhat, and of dy */
NET_TEMPLATE void net_batchnorm_sums_row(float *partial, const float *x, const float *dy,
                                         const float *mean, const float *inv_std,
                                         struct net_extent v, const struct net_run *run,
                                         int batch_block, int row)
{
    const int images = net_rows(run, batch_block);
    float *to = net_partial_of(partial, v, 2, batch_block, row);

    for (int block = 0; block < v.blocks; block++) {
        const vec m = vec_load(mean + 16 * block), s = vec_load(inv_std + 16 * block);
        struct net_long_sum sum = net_long_zero(), second = net_long_zero();

        NET_SUM_GROUPS(column, end, v.width)
        {
            vec first_group = vec_zero(), second_group = vec_zero();

            for (; column < end; column++) {
                const long at = net_block_at(v, batch_block, row * v.width + (int)column, block);
                vec a = vec_zero(), b = vec_zero();

                for (int i = 0; i < images; i++) {
                    const vec di = vec_load(dy + at + 16 * i), xi = vec_load(x + at + 16 * i);

                    a = vec_fma(di, vec_mul(vec_sub(xi, m), s), a);
                    b = vec_add(b, di);
                }
                first_group = vec_add(first_group, a);
                second_group = vec_add(second_group, b);
            }
            net_long_add(&sum, first_group);
            net_long_add(&second, second_group);
        }
        vec_store(to + 16 * block, sum.sum);
        vec_store(to + 16 * (v.blocks + block), second.sum);
    }
}

/* partial = sum of dy xhat, and of dy; mean and deviation of each pixel's `channels` are found
   again, a group of pixels at a time, whose sums are added to `partial` */
NET_TEMPLATE void net_layernorm_sums_row(float *partial, const float *x, const float *dy,
                                         struct net_extent v, int channels, float eps,
                                         const struct net_run *run, int batch_block, int row)
{
    const int images = net_rows(run, batch_block);
    float *to = net_partial_of(partial, v, 2, batch_block, row);

    memset(to, 0, (size_t)(32 * v.blocks) * sizeof *to);
    NET_SUM_GROUPS(column, end, v.width)
    {
        const long pixel = net_block_at(v, batch_block, row * v.width + (int)column, 0);
        struct net_stats stats[NET_SUM_GROUP];

        for (long k = 0; k < end - column; k++)
            net_find_stats(&stats[k], x + pixel + TILE * v.blocks * k, channels, eps);
        for (int block = 0; block < v.blocks; block++) {
            float *first = to + 16 * block, *other = to + 16 * (v.blocks + block);
            vec sum = vec_zero(), second = vec_zero();

            for (long k = 0; k < end - column; k++) {
                const long at = pixel + TILE * (v.blocks * k + block);
                vec a = vec_zero(), b = vec_zero();

                for (int i = 0; i < images; i++) {
                    const vec di = vec_load(dy + at + 16 * i), xi = vec_load(x + at + 16 * i);

                    a = vec_fma(di, net_standard(&stats[k], i, xi), a);
                    b = vec_add(b, di);
                }
                sum = vec_add(sum, a);
                second = vec_add(second, b);
            }
            vec_store(first, vec_add(vec_load(first), sum));
            vec_store(other, vec_add(vec_load(other), second));
        }
    }
}

/* ---- As the end of a row: what a kernel passes, and the function for it ---------------------- */

struct net_channel_sum {
    float *partial;
    const float *dy;
    struct net_extent v;
};

NET_ROW_END(net_channel_sum_end)
{
    const struct net_channel_sum *o = sums;

    net_channel_sum_row(o->partial, o->dy, o->v, run, batch_block, row);
}

struct net_batchnorm_stats {
    float *partial;
    const float *x;
    struct net_extent v;
};

NET_ROW_END(net_batchnorm_stats_end)
{
    const struct net_batchnorm_stats *o = sums;

    net_batchnorm_stats_row(o->partial, o->x, o->v, run, batch_block, row);
}

struct net_batchnorm_sums {
    float *partial;
    const float *x, *dy, *mean, *inv_std;
    struct net_extent v;
};

NET_ROW_END(net_batchnorm_sums_end)
{
    const struct net_batchnorm_sums *o = sums;

    net_batchnorm_sums_row(o->partial, o->x, o->dy, o->mean, o->inv_std, o->v, run, batch_block,
                           row);
}

struct net_layernorm_sums {
    float *partial;
    const float *x, *dy;
    struct net_extent v;
    int channels;
    float eps;
};

NET_ROW_END(net_layernorm_sums_end)
{
    const struct net_layernorm_sums *o = sums;

    net_layernorm_sums_row(o->partial, o->x, o->dy, o->v, o->channels, o->eps, run, batch_block,
                           row);
}

/* The sums of a value that no kernel computes right before; items: (batch block, row) */
NET_TEMPLATE void net_sum_rows(net_row_end *row_end, const void *sums, struct net_extent v, NET_RUN)
{
    NET_ITEMS(item, net_present(run, v.batch_blocks) * v.height, run, thread)
        row_end(sums, run, item / v.height, item % v.height);
}

/* ---- Final reductions: partial sums added in order; items: blocks of channels ---------------- */

/* db = the sum of all rows; sums: how many values per channel a row has, of which this is one */
NET_TEMPLATE void net_reduce_channels(float *db, const float *partial, int sums,
                                      struct net_extent v, NET_RUN)
{
    NET_ITEMS(block, v.blocks, run, thread)
        vec_store(db + 16 * block, net_sum_partials(partial + 16 * block, sums * v.blocks * 16,
                                                    (long)net_batch_blocks(run) * v.height));
}

/* The same, and the update of b with it. */
NET_TEMPLATE void net_reduce_channels_update(float *b, const float *partial, struct net_extent v,
                                             NET_RUN)
{
    NET_ITEMS(block, v.blocks, run, thread) {
        _Alignas(64) float db[16];

        vec_store(db, net_sum_partials(partial + 16 * block, v.blocks * 16,
                                       (long)net_batch_blocks(run) * v.height));
        net_apply_update(run, b + 16 * block, db, 16);
    }
}

/* dgamma and dbeta */
NET_TEMPLATE void net_reduce_pairs(float *dgamma, float *dbeta, const float *partial,
                                   struct net_extent v, NET_RUN)
{
    net_reduce_channels(dgamma, partial, 2, v, run, thread);
    net_reduce_channels(dbeta, partial + 16 * v.blocks, 2, v, run, thread);
}

/* Batchnorm of one block from partial means m, in two terms `second` floats apart, and behind them
   their sums M of (x - m)^2: mean = sum of k m / K, K var = sum of M + k (m - mean)^2 for parts of
   k numbers, K in all (Chan, Golub and LeVeque 1979). Gives mean, 1 / std with the biased variance,
   and the running statistics moved by `momentum` towards mean and unbiased variance (PyTorch's
   BatchNorm); a batch of one number a channel has no variance and leaves them. A part is a row of
   `width` pixels of a batch block, which has `height` of them. */
NET_INLINE void net_batchnorm_reduce(float *mean, float *inv_std, float *running_mean,
                                     float *running_var, const float *partial, long second,
                                     long step, const struct net_run *run, int height, int width,
                                     double eps, double momentum)
{
    const long count = (long)net_batch_blocks(run) * height;
    const double all = (double)run->n * height * width;
    double m[16] = {0}, var[16] = {0};

    for (long s = 0; s < count; s++) {
        const double share = net_rows(run, (int)(s / height)) * width / all;

        for (int lane = 0; lane < 16; lane++)
            m[lane] += share * ((double)partial[s * step + lane] +
                                (double)partial[s * step + second + lane]);
    }
    for (long s = 0; s < count; s++) {
        const double share = net_rows(run, (int)(s / height)) * width / all;

        for (int lane = 0; lane < 16; lane++) {
            const double d = (double)partial[s * step + lane] - m[lane] +
                             (double)partial[s * step + second + lane];

            var[lane] += (double)partial[s * step + 2 * second + lane] / all + share * d * d;
        }
    }
    for (int lane = 0; lane < 16; lane++) {
        const double biased = var[lane] < 0 || all < 2 ? 0 : var[lane];
        const double unbiased = biased * all / (all - 1);
        const double last_mean = (double)running_mean[lane], last_var = (double)running_var[lane];

        mean[lane] = (float)m[lane];
        inv_std[lane] = (float)(1.0 / __builtin_sqrt(biased + eps));
        if (all < 2)
            continue;
        running_mean[lane] = (float)(last_mean + momentum * (m[lane] - last_mean));
        running_var[lane] = (float)(last_var + momentum * (unbiased - last_var));
    }
}

NET_TEMPLATE void net_batchnorm_stats(float *mean, float *inv_std, float *running_mean,
                                      float *running_var, const float *partial, struct net_extent v,
                                      double eps, double momentum, NET_RUN)
{
    NET_ITEMS(block, v.blocks, run, thread)
        net_batchnorm_reduce(mean + 16 * block, inv_std + 16 * block, running_mean + 16 * block,
                             running_var + 16 * block, partial + 16 * block, v.blocks * 16,
                             3 * v.blocks * 16, run, v.height, v.width, eps, momentum);
}

/* inv_std = 1 / sqrt(var + eps), as the statistics of a batch are rounded; items: blocks */
NET_TEMPLATE void net_inverse_std(float *inv_std, const float *var, int blocks, double eps, NET_RUN)
{
    NET_ITEMS(block, blocks, run, thread)
        for (int i = 0; i < 16; i++)
            inv_std[16 * block + i] = (float)(1.0 /
                                              __builtin_sqrt((double)var[16 * block + i] + eps));
}

#endif
