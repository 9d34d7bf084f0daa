/*
 * optimizer.c -- the updates of parameters, with PyTorch's definitions; compiled once for each
 * instruction set.
 *
 * Elementwise over vectors of 16, called with pieces of a gradient while they are in the cache. The
 * scalars of a step come computed (hyper.c). Zero parameters with zero gradients stay +0, so that
 * padding does.
 */

#include "kernels/vec.h"
#include "runtime.h"

/* g + weight_decay w; w -= lr g */
static void sgd(float *restrict w, const float *restrict g, float *restrict state, long count,
                const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);

    (void)state;
    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));

        vec_store(w + i, vec_fma(rate, d, wi));
    }
}

/* v = momentum v + g; w -= lr v. (v starts at 0, so that the first v is g.) */
static void sgd_momentum(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec momentum = vec_set(hyper->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vi, wi));
    }
}

/* v = momentum v + g; w -= lr (g + momentum v) */
static void sgd_nesterov(float *restrict w, const float *restrict g, float *restrict v, long count,
                         const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec momentum = vec_set(hyper->momentum);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(momentum, vec_load(v + i), d);

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_fma(momentum, vi, d), wi));
    }
}

/* m += (1 - beta1) (g - m); v = beta2 v + (1 - beta2) g^2;
   w = shrink w - lr / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + eps).
   adamw's decay is in `shrink`, adam's in the gradient. */
static void adam(float *restrict w, const float *restrict g, float *restrict m, long count,
                 const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec first = vec_set(hyper->first_share), second = vec_set(hyper->second_share);
    const vec beta2 = vec_set(hyper->beta2), scale = vec_set(hyper->second_scale);
    const vec eps = vec_set(hyper->eps), shrink = vec_set(hyper->shrink);
    float *v = m + hyper->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec mi = vec_fma(first, vec_sub(d, vec_load(m + i)), vec_load(m + i));
        const vec vi = vec_fma(vec_mul(second, d), d, vec_mul(beta2, vec_load(v + i)));

        vec_store(m + i, mi);
        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_div(mi, vec_fma(scale, vec_sqrt(vi), eps)),
                                 vec_mul(shrink, wi)));
    }
}

/* v += g^2; w -= lr / (1 + lr_decay (t - 1)) g / (sqrt(v) + eps) */
static void adagrad(float *restrict w, const float *restrict g, float *restrict v, long count,
                    const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec eps = vec_set(hyper->eps);

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(d, d, vec_load(v + i));

        vec_store(v + i, vi);
        vec_store(w + i, vec_fma(rate, vec_div(d, vec_add(vec_sqrt(vi), eps)), wi));
    }
}

/* v = alpha v + (1 - alpha) g^2; s = g / (sqrt(v) + eps); w -= lr s. Centered, the mean of g goes
   off: m += (1 - alpha) (g - m), and v - m^2 in place of v. With momentum: b = momentum b + s;
   w -= lr b. The state is v, then b, then m. */
static inline void rmsprop_step(float *restrict w, const float *restrict g, float *restrict v,
                                long count, const struct net_hyper *hyper, bool has_momentum,
                                bool centered)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec alpha = vec_set(hyper->beta2), share = vec_set(hyper->second_share);
    const vec momentum = vec_set(hyper->momentum), eps = vec_set(hyper->eps);
    float *b = v + hyper->stride, *m = has_momentum ? b + hyper->stride : b;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(vec_mul(share, d), d, vec_mul(alpha, vec_load(v + i)));
        vec spread = vi;

        vec_store(v + i, vi);
        if (centered) {
            const vec mi = vec_fma(share, vec_sub(d, vec_load(m + i)), vec_load(m + i));

            vec_store(m + i, mi);
            /* rounding may take it below 0 */
            spread = vec_max(vec_sub(vi, vec_mul(mi, mi)), vec_zero());
        }
        vec step = vec_div(d, vec_add(vec_sqrt(spread), eps));
        if (has_momentum) {
            step = vec_fma(momentum, vec_load(b + i), step);
            vec_store(b + i, step);
        }
        vec_store(w + i, vec_fma(rate, step, wi));
    }
}

static void rmsprop(float *restrict w, const float *restrict g, float *restrict state, long count,
                    const struct net_hyper *hyper)
{
    rmsprop_step(w, g, state, count, hyper, false, false);
}

static void rmsprop_momentum(float *restrict w, const float *restrict g, float *restrict state,
                             long count, const struct net_hyper *hyper)
{
    rmsprop_step(w, g, state, count, hyper, true, false);
}

static void rmsprop_centered(float *restrict w, const float *restrict g, float *restrict state,
                             long count, const struct net_hyper *hyper)
{
    rmsprop_step(w, g, state, count, hyper, false, true);
}

static void rmsprop_centered_momentum(float *restrict w, const float *restrict g,
                                      float *restrict state, long count,
                                      const struct net_hyper *hyper)
{
    rmsprop_step(w, g, state, count, hyper, true, true);
}

/* v = rho v + (1 - rho) g^2; s = sqrt(u + eps) / sqrt(v + eps) g; u = rho u + (1 - rho) s^2;
   w -= lr s */
static void adadelta(float *restrict w, const float *restrict g, float *restrict v, long count,
                     const struct net_hyper *hyper)
{
    const vec rate = vec_set(-hyper->lr), decay = vec_set(hyper->weight_decay);
    const vec rho = vec_set(hyper->beta2), share = vec_set(hyper->second_share);
    const vec eps = vec_set(hyper->eps);
    float *u = v + hyper->stride;

    for (long i = 0; i < count; i += 16) {
        const vec wi = vec_load(w + i), d = vec_fma(decay, wi, vec_load(g + i));
        const vec vi = vec_fma(vec_mul(share, d), d, vec_mul(rho, vec_load(v + i)));
        const vec ui = vec_load(u + i);
        const vec step = vec_mul(vec_div(vec_sqrt(vec_add(ui, eps)), vec_sqrt(vec_add(vi, eps))),
                                 d);

        vec_store(v + i, vi);
        vec_store(u + i, vec_fma(vec_mul(share, step), step, vec_mul(rho, ui)));
        vec_store(w + i, vec_fma(rate, step, wi));
    }
}

const struct net_optimizer net_optimizers[] = {
    {"sgd", sgd, 0},
    {"sgd momentum", sgd_momentum, 1},
    {"sgd nesterov", sgd_nesterov, 1},
    {"adam", adam, 2},
    {"adamw", adam, 2},
    {"adagrad", adagrad, 1},
    {"rmsprop", rmsprop, 1},
    {"rmsprop momentum", rmsprop_momentum, 2},
    {"rmsprop centered", rmsprop_centered, 2},
    {"rmsprop centered momentum", rmsprop_centered_momentum, 3},
    {"adadelta", adadelta, 2},
    {NULL, NULL, 0},
};
