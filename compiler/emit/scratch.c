/*
 * scratch.c -- what a kernel's thread has for itself.
 *
 * The one idea: a stack does not grow with a model. A small array is a local one; one that a wide
 * layer or a wide kernel makes large lies in the thread's scratch, after what else is there.
 */

#include "emit/emit.h"

enum { LOCAL = 16 << 10 }; /* floats of an array on the stack, at most: 64 KB */

long large_floats(long floats)
{
    return floats > LOCAL ? floats : 0;
}

void write_array(Text *text, int level, const char *name, long count, const char *element, int size,
                 long from)
{
    const char *at = from ? format(" + %ld", from) : "";

    if (!large_floats(count * size))
        line(text, level, "_Alignas(64) float %s[%ld]%s;", name, count, element);
    else if (*element)
        line(text, level, "float (*%s)%s = (float (*)%s)(net_scratch(run, thread)%s);", name,
             element, element, at);
    else
        line(text, level, "float *%s = net_scratch(run, thread)%s;", name, at);
}

/* Of the array whose size follows the model. */
static long array_floats(const Kernel *k)
{
    const Node *node = k->node;

    switch (k->kind) {
    case KERNEL_DX_AT:
        return 256L * node->outputs[0]->physical->blocks;
    default:
        return 0;
    }
}

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
            const long floats = g->v + g->m + g->u + floats_at(k) + k->batch_lanes.floats +
                                k->batch_lanes_dw.floats + large_floats(array_floats(k)) +
                                (k->kind == KERNEL_EMBEDDING_DW ? embedding_dw_floats(k) : 0) +
                                (conv_dw ? conv_dw_floats(k->node) : 0);

            most = floats > most ? floats : most;
        }
    }
    return (size_t)most;
}
