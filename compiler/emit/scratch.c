/*
 * scratch.c -- what a kernel's thread has for itself.
 *
 * The one idea: a stack does not grow with a model. An array whose size follows that of a layer or a
 * kernel lies in the thread's scratch.
 */

#include "emit/emit.h"

/* What the largest kernel of both steps wants for a thread. */
size_t thread_floats(const Program *train, const Program *evaluate)
{
    long most = 0;

    for (int step = 0; step < 2; step++) {
        const Program *p = step ? evaluate : train;

        for (int i = 0; i < p->count; i++) {
            const Kernel *k = p->kernels[i];
            const Winograd *g = &k->winograd;
            const bool conv_dw = k->kind == KERNEL_DW && k->node->op == OP_CONV2D_DW;
            const long floats = g->v + g->m + g->u + argmax_grad_floats(k) + k->batch_lanes.floats +
                                k->batch_lanes_dw.floats +
                                (k->kind == KERNEL_EMBEDDING_DW ? embedding_dw_floats(k) : 0) +
                                (conv_dw ? conv_dw_floats(k->node) : 0);

            most = floats > most ? floats : most;
        }
    }
    return (size_t)most;
}
