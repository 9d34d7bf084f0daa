/*
 * fuse_reductions.c -- the kernels of sums over images and of losses.
 *
 * The one idea: a reduction is two kernels, partial sums of each item and their final reduction in
 * order. Partial sums are taken by the kernel that writes what is summed, while it is in the cache,
 * if it goes by the same items.
 */

#include "passes/fuse.h"

#include <assert.h>

/* The kernel that writes, row by row, the last of what is summed; it takes the sums as it goes. */
static Kernel *find_row_writer(const Fusion *f, const Node *node, const Value *summed)
{
    const int producer = f->producer[summed->id];
    Kernel *writer;

    assert(producer < 0 || f->program->kernels);
    writer = producer < 0 ? NULL : f->program->kernels[producer];
    if (!writer || (!takes_epilogue(writer) && writer->kind != KERNEL_MAXPOOL) ||
        (writer->kind != KERNEL_WINOGRAD && writer->schedule.rows != summed->layout->height) ||
        !lies_as(summed->layout, writer->node->outputs[0]->layout))
        return NULL;
    for (int i = 0; i < node->input_count; i++)
        if (f->producer[root_of(node->inputs[i])->id] > producer ||
            (node->inputs[i]->batched && !lies_as(node->inputs[i]->layout, summed->layout)))
            return NULL;
    return writer;
}

static Kernel *find_sums_kernel(const Fusion *f, const Node *node)
{
    const bool is_gradient = node->op == OP_BATCHNORM_SUMS || node->op == OP_LAYERNORM_SUMS;

    return find_row_writer(f, node, root_of(node->inputs[is_gradient]));
}

/* The kernel that sums, or a part of the one that writes what is summed. */
static Kernel *begin_sums(Fusion *f, Kernel *writer, Node *node)
{
    if (!writer)
        return add_kernel(f, KERNEL_SUMS, node);

    Kernel *k = new_kernel(KERNEL_SUMS, node);

    f->fused[node->id] = true;
    APPEND(writer->sums, writer->sum_count, k);
    return k;
}

/* A sum of pixels, a number a channel of each image: of what a kernel writes or of its product with
   what is there, which is stored nowhere. */
void add_image_sums(Fusion *f, Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    Node *product = late_input(f, node, 0);
    const Value *last = NULL;
    Kernel *writer, *k;

    flush_pending(f);
    if (product)
        find_producer(f, product, &last);
    writer = find_row_writer(f, product ? product : node, last ? last : root_of(node->inputs[0]));
    if (!writer && !product) {
        add_kernel(f, KERNEL_GLOBAL_AVGPOOL, node);
        return;
    }
    k = begin_sums(f, writer, node);
    k->scratch = new_buffer(IN_ARENA,
                            (size_t)(x->batch_blocks * x->height * x->blocks * x->images * 16) *
                                sizeof(float),
                            layer_part(node, "sums of rows"));
    split_rows(k, node->inputs[0]);
    if (product)
        APPEND(k->epilogue, k->epilogue_count, product);
    add_reduction(f, KERNEL_SUMS_REDUCTION, k, NULL, true);
    if (product)
        f->producer[product->outputs[0]->id] = f->producer[node->outputs[0]->id];
}

void add_sums(Fusion *f, Node *node)
{
    const Layout *x = node->inputs[0]->layout;
    const int sums = node->op == OP_CHANNEL_SUM ? 1 : node->op == OP_BATCHNORM_STATS ? 3 : 2;
    Node *update = NULL;
    Kernel *writer, *k;

    flush_pending(f);
    writer = find_sums_kernel(f, node);
    k = begin_sums(f, writer, node);
    k->scratch = new_buffer(IN_ARENA,
                            (size_t)(x->batch_blocks * x->height) *
                                (size_t)(sums * x->blocks * 16) * sizeof(float),
                            layer_part(node, node->backward ? "gradients' sums" : "sums"));
    split_rows(k, node->inputs[0]);
    if (node->op == OP_CHANNEL_SUM)
        update = take_update(f, node->outputs[0]);
    add_reduction(f,
                  node->op == OP_BATCHNORM_STATS && node->at.meets ? KERNEL_MEETING
                                                                   : KERNEL_SUMS_REDUCTION,
                  k, update, update == NULL);
}

/* What all before it have written is whole, and what follows waits for it. */
void add_meeting(Fusion *f, Node *node)
{
    flush_pending(f);
    add_kernel(f, KERNEL_MEETING, node);
}

void add_loss(Fusion *f, Node *node)
{
    Kernel *k = add_kernel(f, KERNEL_LOSS, node);

    k->needs_target = true;
    if (node->op == OP_CROSS_ENTROPY)
        split_rows(k, node->inputs[0]);
    add_reduction(f, KERNEL_MEAN_LOSS, k, NULL, false);
    f->pending[f->pending_count - 1]->needs_target = true;
}

/* No kernel: their means are added as they come, the first term's first, by one thread. */
void add_losses(Fusion *f, Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        assert(node->inputs[i]->node && node->inputs[i]->node->at.term == i);
    f->fused[node->id] = true;
}

/* Computed with the loss of its term: both read prediction and target. */
void add_loss_grad(Fusion *f, Node *node)
{
    for (int i = 0; i < f->program->count; i++) {
        Kernel *k = f->program->kernels[i];

        if (k->kind == KERNEL_LOSS && k->node->at.term == node->at.term) {
            k->grad = node;
            f->producer[node->outputs[0]->id] = i;
            f->fused[node->id] = true;
        }
    }
    if (!f->fused[node->id])
        fail_fusion(node);
}

void add_update(Fusion *f, Node *node)
{
    flush_pending(f);
    add_kernel(f, KERNEL_UPDATE, node);
}
