/*
 * loss.h -- losses with their gradients, and the mean loss of a batch.
 *
 * The one idea: a batch block of 16 images gives one number, its sum of losses, and these numbers
 * are added in order. dz = the gradient of the mean loss by the prediction z; NULL: not wanted.
 *
 * Needs: softmax.h, layout.h. Gives: net_cross_entropy, net_weighted_cross_entropy,
 * net_elementwise_loss and its terms (net_mse, net_mae, net_huber, net_log_cosh,
 * net_binary_cross_entropy), net_mean_loss. Label smoothing is in net_weighted_cross_entropy.
 */

#ifndef NET_LOSS_H
#define NET_LOSS_H

#include "kernels/layout.h"
#include "kernels/softmax.h"
#include "kernels/vec_math.h"

/* ---- Cross entropy of a row of logits -------------------------------------------------------- */

/* -log softmax(z)[label]; p: a place for the row's exponentials, or NULL */
NET_INLINE float net_cross_entropy_row(float *p, float *sum, const float *z, int label,
                                       int channels)
{
    const float max = net_row_max(z, channels);

    *sum = net_row_exp(p, z, max, channels);
    return net_log(*sum) + max - z[label / 16 * 256 + label % 16];
}

/* dz = (p / sum - onehot(label)) scale, p as net_cross_entropy_row left it; dz may be p */
NET_INLINE void net_cross_entropy_grad_row(float *dz, const float *p, float sum, int label,
                                           float scale, int channels)
{
    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + 16 * c), vec_set(sum));

        vec_store(dz + 16 * c, vec_mul(vec_sub(q, vec_one_hot(label - c)), vec_set(scale)));
    }
}

/* What the classes count in a row: class c by weight[c], times `own` in a row of its label, and
   times `every` in all rows (label smoothing; Szegedy et al. 2016). */
struct net_class_weights {
    const float *weight; /* +0 beyond the last class; 64-byte aligned */
    float sum;           /* of all weights */
    float own, every;    /* 1 - smoothing, smoothing / classes */
};

/* The weights of the rows' classes, added in order. */
static inline float net_sum_weights(const int32_t *label, int n, const float *weight)
{
    double sum = 0;

    for (int i = 0; i < n; i++)
        sum += (double)weight[label[i]];
    return (float)sum;
}

/* The sum over classes of what they count times -log softmax(z)[c]; p as net_cross_entropy_row. */
NET_INLINE float net_weighted_cross_entropy_row(float *p, float *sum, const float *z, int label,
                                                const struct net_class_weights *w, int channels)
{
    const float max = net_row_max(z, channels);
    float every = 0.0f;

    *sum = net_row_exp(p, z, max, channels);
    const float all = net_log(*sum) + max;
    for (int c = 0; c < channels; c += 16)
        every += vec_sum(
            vec_mul(vec_load(w->weight + c), vec_sub(vec_set(all), vec_load(z + 16 * c))));
    return w->own * w->weight[label] * (all - z[label / 16 * 256 + label % 16]) + w->every * every;
}

/* dz = (p / sum of what all classes count - what each class counts) scale */
NET_INLINE void net_weighted_cross_entropy_grad_row(float *dz, const float *p, float sum, int label,
                                                    const struct net_class_weights *w, float scale,
                                                    int channels)
{
    const float own = w->own * w->weight[label];
    const vec all = vec_set(own + w->every * w->sum), every = vec_set(w->every);

    for (int c = 0; c < channels; c += 16) {
        const vec q = vec_div(vec_load(p + 16 * c), vec_set(sum));
        const vec counts = vec_fma(vec_one_hot(label - c), vec_set(own),
                                   vec_mul(every, vec_load(w->weight + c)));

        vec_store(dz + 16 * c, vec_mul(vec_sub(vec_mul(q, all), counts), vec_set(scale)));
    }
}

/* ---- Cross entropy kernels ------------------------------------------------------------------- */

struct net_cross_entropy {
    int batch_blocks, classes;
};

/* loss = the sum of -log softmax(z)[label] over images; dz = (softmax(z) - onehot(label)) / n.
   Items: batch blocks. */
NET_TEMPLATE void net_cross_entropy(float *dz, float *loss, const float *z, const int32_t *label,
                                    struct net_cross_entropy s, NET_RUN)
{
    const long floats = (s.classes + 15) / 16 * 256L; /* of a batch block */
    const float scale = 1.0f / (float)run->n;

    NET_ITEMS(b, s.batch_blocks, run, thread) {
        float total = 0.0f;

        for (int i = 0; i < net_rows(run, b); i++) {
            const long at = b * floats + 16 * i;
            const int own = label[16 * b + i];
            float *p = dz ? dz + at : NULL, sum;

            total += net_cross_entropy_row(p, &sum, z + at, own, s.classes);
            if (dz)
                net_cross_entropy_grad_row(p, p, sum, own, scale, s.classes);
        }
        loss[b] = total;
    }
}

struct net_weighted_cross_entropy {
    int batch_blocks, classes;
    struct net_class_weights weights;
};

/* The same over the weights of all rows, by which each block's sum is divided at once: no other
   kernel knows them. Sets run->loss_weight. Items: batch blocks. */
NET_TEMPLATE void net_weighted_cross_entropy(float *dz, float *loss, const float *z,
                                             const int32_t *label,
                                             struct net_weighted_cross_entropy s, NET_RUN)
{
    const long floats = (s.classes + 15) / 16 * 256L; /* of a batch block */
    const float all = net_sum_weights(label, run->n, s.weights.weight);
    const float scale = all > 0.0f ? 1.0f / all : 0.0f;

    if (thread == 0)
        run->loss_weight = all;
    NET_ITEMS(b, s.batch_blocks, run, thread) {
        float total = 0.0f;

        for (int i = 0; i < net_rows(run, b); i++) {
            const long at = b * floats + 16 * i;
            const int own = label[16 * b + i];
            float *p = dz ? dz + at : NULL, sum;

            total += scale *
                     net_weighted_cross_entropy_row(p, &sum, z + at, own, &s.weights, s.classes);
            if (dz)
                net_weighted_cross_entropy_grad_row(p, p, sum, own, &s.weights, scale, s.classes);
        }
        loss[b] = total;
    }
}

/* ---- Elementwise losses ---------------------------------------------------------------------- */

/* max(z, 0) - z t + log(1 + e^-|z|) */
NET_INLINE vec vec_binary_cross_entropy(vec z, vec t)
{
    const vec e = vec_exp(vec_sub(vec_zero(), vec_abs(z)));
    const vec soft = vec_log(vec_add(vec_set(1.0f), e));

    return vec_add(vec_sub(vec_max(vec_zero(), z), vec_mul(z, t)), soft);
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

/* log(cosh(e)) = |e| + log((1 + exp(-2|e|)) / 2): e^2 / 2 near 0, |e| - log 2 far from it; no exp
   that is too large. Its derivative is tanh(e). */
NET_INLINE vec net_log_cosh(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    const vec error = vec_sub(z, t), a = vec_abs(error);
    const vec tail = vec_exp(vec_mul(vec_set(-2.0f), a));

    (void)p;
    *slope = vec_tanh(error);
    return vec_add(sum, vec_add(a, vec_log(vec_fma(vec_set(0.5f), tail, vec_set(0.5f)))));
}

NET_INLINE vec net_binary_cross_entropy(vec sum, vec z, vec t, vec *slope, struct net_loss_place p)
{
    *slope = vec_first(p.lanes, vec_sub(vec_sigmoid(z), t), vec_zero());
    return vec_add(sum, vec_first(p.lanes, vec_binary_cross_entropy(z, t), vec_zero()));
}

struct net_elementwise_loss {
    int batch_blocks;    /* of 16 images */
    int blocks;          /* of 16 channels, of all pixels of an image */
    int elements;        /* of an image: what the mean is over, besides images */
    float slope, delta;  /* dz is slope times the term's, over all elements; of huber */
    struct net_layout z; /* of a term that does not give +0 for padding */
};

/* loss = the sum of `term` over images and their elements, dz = its slope over n elements. z
   against `target` of its layout, or where that is NULL against the number of each image's class.
   The images of a block are looked at side by side, as they lie. Items: batch blocks. */
NET_TEMPLATE void net_elementwise_loss(float *dz, float *loss, const float *z, const float *target,
                                       const int32_t *label, net_loss_term *term,
                                       struct net_elementwise_loss s, NET_RUN)
{
    const vec scale = vec_set(s.slope / ((float)run->n * (float)s.elements));

    NET_ITEMS(b, s.batch_blocks, run, thread) {
        const int images = net_rows(run, b);
        float total = 0.0f;
        vec sum[16];

        for (int i = 0; i < images; i++)
            sum[i] = vec_zero();
        for (int block = 0; block < s.blocks; block++) {
            const struct net_loss_place p = {
                net_lanes_of(s.z.segments, s.z.segment_count, block).lanes, s.delta};

            for (int i = 0; i < images; i++) {
                const long at = ((long)b * s.blocks + block) * 256 + 16 * i;
                const vec t = target ? vec_load(target + at) : vec_set((float)label[16 * b + i]);
                vec slope;

                sum[i] = term(sum[i], vec_load(z + at), t, &slope, p);
                if (dz)
                    vec_store(dz + at, vec_mul(slope, scale));
            }
        }
        for (int i = 0; i < images; i++)
            total += vec_sum(sum[i]);
        loss[b] = total;
    }
}

/* ---- The mean -------------------------------------------------------------------------------- */

struct net_mean_loss {
    int elements; /* of an image; 0: the sums are divided already */
};

/* run->loss = the batch blocks' sums added in order, over n elements. One thread. */
NET_TEMPLATE void net_mean_loss(const float *loss, struct net_mean_loss s, NET_RUN)
{
    float sum = 0.0f;

    if (thread != 0)
        return;
    for (int b = 0; b < net_batch_blocks(run); b++)
        sum += loss[b];
    run->loss = s.elements ? sum / ((float)run->n * (float)s.elements) : sum;
}

#endif
