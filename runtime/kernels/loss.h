/*
 * loss.h -- losses with their gradients, and the mean loss of a batch.
 *
 * The one idea: a batch block of 16 images gives one number, its sum of losses by the weights of
 * their rows, and these numbers are added in order. dz = the gradient of the mean loss by the
 * prediction z; NULL: not wanted.
 *
 * Needs: softmax.h, layout.h. Gives: net_cross_entropy, net_weighted_cross_entropy,
 * net_elementwise_loss and its terms (net_mse, net_mae, net_huber, net_smooth_l1, net_log_cosh,
 * net_binary_cross_entropy, net_expression), net_mean_loss. Label smoothing is in
 * net_weighted_cross_entropy.
 */

#ifndef NET_LOSS_H
#define NET_LOSS_H

#include "kernels/layout.h"
#include "kernels/softmax.h"
#include "kernels/vec_math.h"

/* x scale; of padding +0, also where a factor of the loss is below 0. */
NET_INLINE vec vec_scaled(vec x, vec scale)
{
    return vec_fma(x, scale, vec_zero());
}

/* What row `row` of the batch counts, and all of them together. */
NET_INLINE float net_row_weight(const struct net_run *run, long row)
{
    return run->row_weights ? run->row_weights[row] : 1.0f;
}

/* What a sum of losses is divided by for their mean. */
NET_INLINE double net_all_rows(const struct net_run *run)
{
    return run->sums ? 1.0 : run->row_weights ? run->row_sum : (double)run->n;
}

/* slope over all elements of all rows; 0 where no row counts. */
NET_INLINE float net_mean_slope(const struct net_run *run, float slope, int elements)
{
    const float rows = (float)net_all_rows(run);

    return rows > 0.0f ? slope / (rows * (float)elements) : 0.0f;
}

/* ---- Cross entropy of a row of logits -------------------------------------------------------- */

/* Where class `label` of a row of logits is. */
NET_INLINE long net_class_at(int label)
{
    return label / 16 * TILE + label % 16;
}

/* -log softmax(z)[label] = log1p(rest) + (max - z[label]): added to either of the two first, a
   small loss would be lost. p: a place for the row's exponentials, or NULL; rest: their sum less
   1. */
NET_INLINE float net_cross_entropy_row(float *p, float *rest, const float *z, int label,
                                       int channels)
{
    const float max = net_row_max(z, channels);

    *rest = net_row_exp(p, z, max, channels);
    return net_log1p(*rest) + (max - z[net_class_at(label)]);
}

/* p[label] / (1 + rest) - 1, which for the largest is -rest / (1 + rest): no probability near 1 is
   rounded before. */
NET_INLINE float net_miss(float p, float rest)
{
    return (p - 1.0f - rest) / (1.0f + rest);
}

/* dz = (p / (1 + rest) - onehot(label)) scale, p and rest as net_cross_entropy_row left them; dz
   may be p */
NET_INLINE void net_cross_entropy_grad_row(float *dz, const float *p, float rest, int label,
                                           float scale, int channels)
{
    const float miss = net_miss(p[net_class_at(label)], rest);

    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + NET_IMAGES * c), vec_set(1.0f + rest));

        vec_store(dz + NET_IMAGES * c, vec_scaled(q, vec_set(scale)));
    }
    dz[net_class_at(label)] = miss * scale;
}

/* Of a row whose share `share` is of another label: what the loss is more than that of its own,
   share (z[own] - z[other]), and what dz is; `counts`: of the loss, scale: of dz. */
NET_INLINE float net_mix_labels(float *dz, const float *z, int own, int other, float share,
                                float counts, float scale)
{
    if (own == other)
        return 0.0f;
    if (dz) {
        dz[net_class_at(own)] += share * scale;
        dz[net_class_at(other)] -= share * scale;
    }
    return counts * share * (z[net_class_at(own)] - z[net_class_at(other)]);
}

/* What the classes count in a row: class c by weight[c], times `own` in a row of its label, and
   times `every` in all rows (label smoothing; Szegedy et al. 2016). */
struct net_class_weights {
    const float *weight; /* +0 beyond the last class; 64-byte aligned */
    float sum;           /* of all weights */
    float own, every;    /* 1 - smoothing, smoothing / classes */
};

/* The weights of the labels of a batch's images, each times its row's, added in order; one below 0
   is ignored. */
static inline float net_sum_weights(const int32_t *label, const struct net_run *run, int pixels,
                                    const float *weight)
{
    double sum = 0;

    for (long p = 0; p < (run->n + 15) / 16 * (long)pixels; p++) {
        const int first = 16 * (int)(p / pixels);

        for (int i = 0; i < run->n - first && i < 16; i++)
            if (label[16 * p + i] >= 0)
                sum += (double)weight[label[16 * p + i]] * (double)net_row_weight(run, first + i);
    }
    return (float)sum;
}

/* The sum over classes of what they count times -log softmax(z)[c]; p, rest as
   net_cross_entropy_row. */
NET_INLINE float net_weighted_cross_entropy_row(float *p, float *rest, const float *z, int label,
                                                const struct net_class_weights *w, int channels)
{
    const float max = net_row_max(z, channels);
    struct net_long_sum every = net_long_zero();

    *rest = net_row_exp(p, z, max, channels);
    const float all = net_log1p(*rest);
    NET_SUM_GROUPS(block, end, (channels + 15) / 16)
    {
        vec part = vec_zero();

        for (long c = 16 * block; c < 16 * end; c += 16) {
            const vec below = vec_sub(vec_set(max), vec_load(z + NET_IMAGES * c));

            part = vec_fma(vec_load(w->weight + c), vec_add(vec_set(all), below), part);
        }
        net_long_add(&every, part);
    }
    return w->own * w->weight[label] * (all + (max - z[net_class_at(label)])) +
           w->every * vec_sum(every.sum);
}

/* dz = ((q - onehot(label)) what the label counts + every (q sum - weight)) scale, q = p / (1 +
   rest) */
NET_INLINE void net_weighted_cross_entropy_grad_row(float *dz, const float *p, float rest,
                                                    int label, const struct net_class_weights *w,
                                                    float scale, int channels)
{
    const float own = w->own * w->weight[label], p_own = p[net_class_at(label)];
    const float q_own = p_own / (1.0f + rest);
    const float along = w->every * (q_own * w->sum - w->weight[label]);

    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + NET_IMAGES * c), vec_set(1.0f + rest));
        const vec each = vec_sub(vec_mul(q, vec_set(w->sum)), vec_load(w->weight + c));
        const vec g = vec_fma(q, vec_set(own), vec_mul(vec_set(w->every), each));

        vec_store(dz + NET_IMAGES * c, vec_scaled(g, vec_set(scale)));
    }
    dz[net_class_at(label)] = (net_miss(p_own, rest) * own + along) * scale;
}

/* ---- Cross entropy kernels ------------------------------------------------------------------- */

struct net_cross_entropy {
    int batch_blocks, height, width, classes;
    bool mixes;  /* a class a row, and a share of run->other_share of that of row n - 1 - i */
    float slope; /* dz is times this */
};

/* loss = the sum of -log softmax(z)[label] over the images of an item, dz = (softmax(z) -
   onehot(label)) / n; of pictures and sequences each pixel has a label. Items: (batch block, row of
   pixels). */
NET_TEMPLATE void net_cross_entropy(float *dz, float *loss, const float *z, const int32_t *label,
                                    struct net_cross_entropy s, NET_RUN)
{
    const long floats = (s.classes + 15) / 16 * (long)TILE; /* of a block of images' pixel */
    const float scale = net_mean_slope(run, s.slope, s.height * s.width);

    NET_ITEMS(row, net_present(run, s.batch_blocks) * s.height, run, thread) {
        const int images = net_rows(run, row / s.height);
        double sum = 0;

        for (long pixel = (long)row * s.width; pixel < (row + 1L) * s.width; pixel++) {
            float total = 0.0f;

            for (int i = 0; i < images; i++) {
                const long at = pixel * floats + 16 * i;
                const int own = label[16 * pixel + i];
                const float weight = net_row_weight(run, row / s.height * 16L + i);
                float *p = dz ? dz + at : NULL, rest;

                total += weight * net_cross_entropy_row(p, &rest, z + at, own, s.classes);
                if (dz)
                    net_cross_entropy_grad_row(p, p, rest, own, scale * weight, s.classes);
                if (s.mixes && run->other_share > 0.0f)
                    total += net_mix_labels(p, z + at, own, label[run->n - 1 - (16 * pixel + i)],
                                            run->other_share, weight, scale * weight);
            }
            sum += (double)total;
        }
        loss[row] = (float)sum;
    }
}

struct net_weighted_cross_entropy {
    int batch_blocks, height, width, classes;
    bool mixes, ignores; /* as above; labels below 0 */
    float slope;         /* dz is times this */
    int term;            /* of the loss */
    struct net_class_weights weights;
};

/* The same over the weights of all labels, by which each sum is divided at once: no other kernel
   knows them. A label that is ignored has neither loss nor gradient. Sets the term's weight. */
NET_TEMPLATE void net_weighted_cross_entropy(float *dz, float *loss, const float *z,
                                             const int32_t *label,
                                             struct net_weighted_cross_entropy s, NET_RUN)
{
    const long floats = (s.classes + 15) / 16 * (long)TILE; /* of a block of images' pixel */
    const float all = net_sum_weights(label, run, s.height * s.width, s.weights.weight);
    const float scale = run->sums ? 1.0f : all > 0.0f ? 1.0f / all : 0.0f;

    if (thread == 0)
        run->terms[s.term].weight = all;
    NET_ITEMS(row, net_present(run, s.batch_blocks) * s.height, run, thread) {
        const int images = net_rows(run, row / s.height);
        double sum = 0;

        for (long pixel = (long)row * s.width; pixel < (row + 1L) * s.width; pixel++) {
            float total = 0.0f;

            for (int i = 0; i < images; i++) {
                const long at = pixel * floats + 16 * i;
                const int own = label[16 * pixel + i];
                const float over = scale * net_row_weight(run, row / s.height * 16L + i);
                float *p = dz ? dz + at : NULL, rest;

                if (s.ignores && own < 0) {
                    for (int c = 0; dz && c < s.classes; c += 16)
                        vec_store(p + NET_IMAGES * c, vec_zero());
                    continue;
                }
                total += over * net_weighted_cross_entropy_row(p, &rest, z + at, own, &s.weights,
                                                               s.classes);
                if (dz)
                    net_weighted_cross_entropy_grad_row(p, p, rest, own, &s.weights, s.slope * over,
                                                        s.classes);
                if (s.mixes && run->other_share > 0.0f)
                    total += net_mix_labels(p, z + at, own, label[run->n - 1 - (16 * pixel + i)],
                                            run->other_share, over * s.weights.own,
                                            s.slope * over * s.weights.own);
            }
            sum += (double)total;
        }
        loss[row] = (float)sum;
    }
}

/* ---- Elementwise losses ---------------------------------------------------------------------- */

/* max(z, 0) - z t + log1p(e), e = e^-|z| */
NET_INLINE vec vec_binary_cross_entropy(vec z, vec t, vec e)
{
    return vec_add(vec_sub(vec_max(vec_zero(), z), vec_mul(z, t)), vec_log1p(e));
}

/* 1 / (1 + e^-z) - t, of e = e^-|z| too: no probability near 1 is rounded before */
NET_INLINE vec vec_binary_cross_entropy_grad(vec z, vec t, vec e)
{
    const vec one = vec_set(1.0f), small = vec_div(e, vec_add(one, e));

    return vec_if_greater(z, vec_zero(), vec_sub(vec_sub(one, t), small), vec_sub(small, t));
}

/* e^2 / 2 up to delta, delta (|e| - delta / 2) beyond (Huber 1964) */
NET_INLINE vec vec_huber(vec error, float delta)
{
    const vec a = vec_abs(error), near = vec_min(a, vec_set(delta));

    return vec_mul(near, vec_fma(near, vec_set(-0.5f), a));
}

/* e, no further from 0 than delta */
NET_INLINE vec vec_huber_grad(vec error, float delta)
{
    return vec_max(vec_set(-delta), vec_min(vec_set(delta), error));
}

/* What one element is compared by: the first `lanes` of 16 channels, 16 or more: all. */
struct net_loss_place {
    int lanes;
    float delta; /* of huber */
};

/* sum plus the losses of z against t; `slope`: the derivative by z. Both are +0 where z and t are
   padding. */
typedef vec net_loss_term(vec sum, vec z, vec t, vec *slope, struct net_loss_place p);

NET_INLINE vec net_mse(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t);

    (void)p;
    *slope = error; /* times 2: net_elementwise_loss.slope */
    return vec_fma(error, error, sum);
}

NET_INLINE vec net_mae(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t);

    (void)p;
    *slope = vec_sign(error);
    return vec_add(sum, vec_abs(error));
}

NET_INLINE vec net_huber(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t);

    *slope = vec_huber_grad(error, p.delta);
    return vec_add(sum, vec_huber(error, p.delta));
}

/* e^2 / (2 beta) up to beta, |e| - beta / 2 beyond: huber of delta = beta, over it */
NET_INLINE vec net_smooth_l1(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t), a = vec_abs(error), beta = vec_set(p.delta);
    const vec near = vec_min(a, beta);

    *slope = vec_div(vec_huber_grad(error, p.delta), beta);
    return vec_fma(vec_div(near, beta), vec_fma(near, vec_set(-0.5f), a), sum);
}

/* log(cosh(e)), a = |e|: log1p((1 - e^-a)^2 / (2 e^-a)) near 0, where it is e^2 / 2, and a +
   log1p(e^-2a) - log 2 far from it; no exp that is too large. Its derivative is tanh(e). */
NET_INLINE vec net_log_cosh(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t), a = vec_abs(error), one = vec_set(1.0f);
    const vec m = vec_expm1(vec_sub(vec_zero(), a)), e = vec_add(one, m);
    const vec near = vec_div(vec_mul(m, m), vec_add(e, e));
    const vec tail = vec_log1p(vec_if_greater(one, a, near, vec_mul(e, e)));
    const vec line = vec_sub(a, vec_set(0.69314718f));

    (void)p;
    *slope = vec_tanh(error);
    return vec_add(sum, vec_add(tail, vec_if_greater(one, a, vec_zero(), line)));
}

NET_INLINE vec net_binary_cross_entropy(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec e = vec_exp(vec_sub(vec_zero(), vec_abs(z)));

    *slope = vec_first(p.lanes, vec_binary_cross_entropy_grad(z, t, e), vec_zero());
    return vec_add(sum, vec_first(p.lanes, vec_binary_cross_entropy(z, t, e), vec_zero()));
}

/* Any value, which is the loss itself. */
NET_INLINE vec net_expression(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    (void)t;
    *slope = vec_first(p.lanes, vec_set(1.0f), vec_zero());
    return vec_add(sum, vec_first(p.lanes, z, vec_zero()));
}

struct net_elementwise_loss {
    int batch_blocks;    /* of 16 images */
    int blocks;          /* of 16 channels, of all pixels of an image */
    int elements;        /* of an image: what the mean is over, besides images */
    float slope, delta;  /* dz is slope times the term's, over all elements; of huber */
    struct net_layout z; /* of a term that does not give +0 for padding */
};

/* sums[i] = the sum of `term` over blocks `first` to `end` - 1 of image i of a batch block, whose
   slope is times scale[i]. */
NET_INLINE void net_sum_terms(vec sums[16], float *dz, const float *z, const float *target,
                              const int32_t *label, net_loss_term *term, long first, long end,
                              int images, const float scale[16], struct net_elementwise_loss s)
{
    for (int i = 0; i < images; i++)
        sums[i] = vec_zero();
    for (long block = first; block < end; block++) {
        const struct net_loss_place p = {
            net_lanes_of(s.z.segments, s.z.segment_count, (int)block).lanes, s.delta};

        for (int i = 0; i < images; i++) {
            const long at = TILE * block + 16 * i;
            const vec t = target  ? vec_load(target + at)
                          : label ? vec_set((float)label[i])
                                  : vec_zero();
            vec slope;

            sums[i] = term(sums[i], vec_load(z + at), t, &slope, p);
            if (dz)
                vec_store(dz + at, vec_scaled(slope, vec_set(scale[i])));
        }
    }
}

/* loss = the sum of `term` over images and their elements, dz = its slope over n elements. z
   against `target` of its layout, or where that is NULL against the number of each image's class;
   where both are NULL, alone.
   The images of a block are looked at side by side, as they lie. Items: batch blocks. */
NET_TEMPLATE void net_elementwise_loss(float *dz, float *loss, const float *z, const float *target,
                                       const int32_t *label, net_loss_term *term,
                                       struct net_elementwise_loss s, NET_RUN)
{
    const float slope = net_mean_slope(run, s.slope, s.elements);

    NET_ITEMS(b, net_present(run, s.batch_blocks), run, thread) {
        const int images = net_rows(run, b);
        const long at = (long)b * s.blocks * TILE;
        struct net_long_sum sums[16];
        float total = 0.0f, scale[16];

        for (int i = 0; i < images; i++) {
            sums[i] = net_long_zero();
            scale[i] = slope * net_row_weight(run, 16L * b + i);
        }
        NET_SUM_GROUPS(first, end, s.blocks)
        {
            vec part[16];

            net_sum_terms(part, dz ? dz + at : NULL, z + at, target ? target + at : NULL,
                          label ? label + 16 * b : NULL, term, first, end, images, scale, s);
            for (int i = 0; i < images; i++)
                net_long_add(&sums[i], part[i]);
        }
        for (int i = 0; i < images; i++)
            total += net_row_weight(run, 16L * b + i) * vec_sum(sums[i].sum);
        loss[b] = total;
    }
}

/* ---- The mean -------------------------------------------------------------------------------- */

struct net_mean_loss {
    int term;     /* of a sum of losses, or 0 */
    int rows;     /* sums of a batch block */
    int elements; /* of an image; 0: the sums are divided already */
    float factor; /* of the term */
};

/* A term's mean: the sums of batch blocks added in order, in double, over all elements of rows, by
   what these count; 0 where none does. run->loss =
   the first's, times its factor, and the others' are added to it. One thread. */
NET_TEMPLATE void net_mean_loss(const float *loss, struct net_mean_loss s, NET_RUN)
{
    double sum = 0;

    if (thread != 0)
        return;
    for (int i = 0; i < net_batch_blocks(run) * s.rows; i++)
        sum += (double)loss[i];
    if (s.elements)
        sum = net_all_rows(run) > 0 ? sum / (net_all_rows(run) * s.elements) : 0;
    run->terms[s.term].mean = (float)sum;
    run->terms[s.term].factor = s.factor;
    sum *= (double)s.factor;
    run->loss = s.term ? run->loss + (float)sum : (float)sum;
}

#endif
