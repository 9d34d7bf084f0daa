/*
 * update.h -- the end of a gradient: partial sums added in order, and the update of its parameter,
 * by pieces of the gradient while they are in the cache, or by a gradient in memory.
 */

#ifndef NET_UPDATE_H
#define NET_UPDATE_H

#include "kernels/run.h"
#include "kernels/vec_math.h"

/* ---- Pieces of a gradient -------------------------------------------------------------------- */

NET_INLINE vec net_sum_partials(const float *partial, long step, long count)
{
    struct net_long_sum sum = net_long_zero();

    NET_SUM_GROUPS(first, end, count)
    {
        vec group = vec_zero();

        NET_REPEAT(s, end - first)
            group = vec_add(group, vec_load(partial + (first + s) * step));
        net_long_add(&sum, group);
    }
    return sum.sum;
}

/* A finished piece of gradient goes to the optimizer, or to G where the run wants it kept. */
NET_INLINE void net_apply_update(const struct net_run *run, float *w, const float *g, long count)
{
    const long at = w - (float *)run->params;

    if (run->grads)
        memcpy(run->grads + at, g, (size_t)count * sizeof *g);
    else
        run->update(w, g, run->state ? run->state + at : NULL, count, &run->scalars);
}

/* The same of a weight with penalties l1 |w| + l2 / 2 w^2, whose gradient is added on the way to
   the optimizer; to a gradient that is kept penalty.c adds it. */
NET_INLINE void net_apply_penalized_update(const struct net_run *run, float *w, float *g,
                                           long count, float l1, float l2)
{
    for (long i = 0; i < count && !run->grads; i += 16) {
        const vec wi = vec_load(w + i), sign = vec_sign(wi);
        const vec add = vec_add(vec_mul(vec_set(l2), wi), vec_mul(vec_set(l1), sign));

        vec_store(g + i, vec_add(vec_load(g + i), add));
    }
    net_apply_update(run, w, g, count);
}

/* A finished piece of gradient updates its weights, penalties l1 |w| + l2 / 2 w^2 included; or is
   stored, as a gradient or as partial sums. */
struct net_apply {
    bool update;
    float l1, l2;
};

NET_INLINE void net_apply(const struct net_run *run, float *to, float *g, long count,
                          struct net_apply how)
{
    if (!how.update)
        memcpy(to, g, (size_t)count * sizeof *g);
    else if (how.l1 > 0 || how.l2 > 0)
        net_apply_penalized_update(run, to, g, count, how.l1, how.l2);
    else
        net_apply_update(run, to, g, count);
}

/* ---- A gradient in memory -------------------------------------------------------------------- */

/* w is updated by the sum of g[0] ... g[terms - 1], in this order; items: vectors of 16 of
   `floats`. With l1 or l2 the gradient of the penalty is added. */
NET_TEMPLATE void net_update_parameter(float *w, const float *const *g, int terms, int floats,
                                       float l1, float l2, NET_RUN)
{
    NET_ITEMS(item, floats / 16, run, thread) {
        const long at = 16 * item;
        _Alignas(64) float sum[16];
        vec g0 = vec_load(g[0] + at);

        for (int i = 1; i < terms; i++)
            g0 = vec_add(g0, vec_load(g[i] + at));
        vec_store(sum, g0);
        if (l1 != 0.0f || l2 != 0.0f)
            net_apply_penalized_update(run, w + at, sum, 16, l1, l2);
        else
            net_apply_update(run, w + at, sum, 16);
    }
}

#endif
