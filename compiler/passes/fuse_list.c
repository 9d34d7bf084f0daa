/*
 * fuse_list.c -- the list of kernels, as fusion makes it.
 *
 * The one idea: kernels stand in an order in which they can run. Weights in other forms come before
 * the step; final reductions wait until their layer is done, for fewer barriers.
 */

#include "passes/fuse.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void split_rows(Kernel *k, const Value *value)
{
    k->schedule.rows = value->layout->height;
}

/* Split as its kind says. */
Kernel *new_kernel(KernelKind kind, Node *node)
{
    Kernel *k = allocate(sizeof *k);

    *k = (Kernel){.kind = kind, .node = node};
    if (kernel_info[kind].split == SPLIT_ROWS)
        split_rows(k, node->outputs[0]);
    if (kernel_info[kind].split == SPLIT_IMAGES)
        k->schedule.rows = 1;
    return k;
}

Kernel *add_kernel(Fusion *f, KernelKind kind, Node *node)
{
    Kernel *k = new_kernel(kind, node);

    for (int i = 0; i < node->output_count; i++)
        f->producer[node->outputs[i]->id] = f->program->count;
    f->fused[node->id] = true;
    APPEND(f->program->kernels, f->program->count, k);
    return k;
}

const char *layer_part(const Node *node, const char *what)
{
    return format("%s %s", node->path ? node->path : op_info[node->op].text, what);
}

/* Sums that nobody waits for come after the kernels of their layer: fewer barriers. */
void flush_pending(Fusion *f)
{
    for (int i = 0; i < f->pending_count; i++) {
        Kernel *end = f->pending[i];

        if (end->update)
            f->producer[end->update->outputs[0]->id] = f->program->count;
        for (int j = 0; j < end->node->output_count; j++)
            f->producer[end->node->outputs[j]->id] = f->program->count;
        APPEND(f->program->kernels, f->program->count, end);
    }
    f->pending_count = 0;
}

/* The update of a gradient that only it reads. */
Node *take_update(Fusion *f, const Value *gradient)
{
    Node *reader = f->only_reader[gradient->id];

    if (!reader || reader->op != OP_UPDATE)
        return NULL;
    f->fused[reader->id] = true;
    f->producer[reader->outputs[0]->id] = f->program->count - 1; /* or where a reduction stands */
    return reader;
}

void add_reduction(Fusion *f, KernelKind kind, const Kernel *partial, Node *update, bool wait)
{
    Kernel *end = new_kernel(kind, partial->node);

    end->scratch = partial->scratch;
    end->schedule.splits = partial->schedule.splits;
    end->schedule.winograd = partial->schedule.winograd;
    end->update = update;
    APPEND(f->pending, f->pending_count, end);
    if (wait)
        flush_pending(f);
}

/* The pending reduction of channel sums of `summed` becomes a part of the kernel added last. */
Kernel *take_reduction(Fusion *f, const Value *summed)
{
    for (int i = 0; i < f->pending_count; i++) {
        Kernel *k = f->pending[i];

        if (k->node->op != OP_CHANNEL_SUM || !k->update ||
            root_of(k->node->inputs[0]) != root_of((Value *)summed))
            continue;
        f->producer[k->node->outputs[0]->id] = f->program->count - 1;
        f->producer[k->update->outputs[0]->id] = f->program->count - 1;
        f->pending_count--;
        memmove(&f->pending[i], &f->pending[i + 1],
                (size_t)(f->pending_count - i) * sizeof *f->pending);
        return k;
    }
    return NULL;
}

void fail_fusion(const Node *node)
{
    fprintf(stderr, "netc: fusion has no kernel for %s\n", op_info[node->op].text);
    abort();
}

/* Is it, or is it made of, what an update has left of a parameter? */
static bool is_updated(const Value *weight)
{
    const Node *node = weight->node;

    return node && (node->op == OP_UPDATE ||
                    ((node->op == OP_GROUP_EXPAND || node->op == OP_WEIGHT_SLICE) &&
                     is_updated(node->inputs[0])));
}

const Kernel *find_first(const Fusion *f, int i)
{
    return i < f->first_count                   ? f->first[i]
           : i - f->first_count < f->late_count ? f->late[i - f->first_count]
                                                : NULL;
}

/* At the start of the step, or where a kernel there makes `weight`, behind that; of an updated one
   here. */
void add_first(Fusion *f, Kernel *k, const Value *weight)
{
    int place = 0;

    if (is_updated(weight)) {
        APPEND(f->late, f->late_count, k);
        APPEND(f->program->kernels, f->program->count, k);
        return;
    }
    while (weight->node && place < f->first_count && f->first[place++]->node != weight->node)
        ;
    assert(!weight->node || (place && f->first[place - 1]->node == weight->node));
    f->first = grow(f->first, f->first_count, sizeof *f->first);
    memmove(&f->first[place + 1], &f->first[place],
            (size_t)(f->first_count++ - place) * sizeof *f->first);
    f->first[place] = k;
}

/* Before the others. */
void join_first(Fusion *f)
{
    Program *p = f->program;
    Kernel **all = NULL;
    int count = 0;

    for (int i = 0; i < f->first_count; i++)
        APPEND(all, count, f->first[i]);
    for (int i = 0; i < p->count; i++)
        APPEND(all, count, p->kernels[i]);
    p->kernels = all;
    p->count = count;
}

/* Can elementwise work be done on what it computes, in registers? */
bool takes_epilogue(const Kernel *k)
{
    return kernel_info[k->kind].epilogue == EPILOGUE;
}
