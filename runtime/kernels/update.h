/*
 * update.h -- the update of a parameter by a gradient in memory, or by the sum of several: of a
 * parameter that is used more than once.
 */

#ifndef NET_UPDATE_H
#define NET_UPDATE_H

#include "kernels/run.h"

/* w is updated by the sum of g[0] ... g[terms - 1], in this order; items: vectors of 16 of `floats`.
   With l1 or l2 the gradient of the penalty is added. */
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
            net_finish_penalized(run, w + at, sum, 16, l1, l2);
        else
            net_finish(run, w + at, sum, 16);
    }
}

#endif
