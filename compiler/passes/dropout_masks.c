/*
 * dropout_masks.c -- what dropout keeps, drawn once.
 *
 * The one idea: drawing costs more than memory does, so where the dropout of backward works on the
 * elements that forward's did, one after another, forward leaves a bit for each and backward reads
 * it. Inside a contraction or a pool they are drawn again. The bits are written and read by
 * net_draw_dropout and net_read_dropout of kernels/epilogue.h.
 */

#include "passes/passes.h"

static const Node *find_dropout(const Kernel *k, int stream)
{
    const bool walks_pixels = k->kind == KERNEL_ELEMENTWISE || k->kind == KERNEL_FEW_OUTPUTS;

    for (int i = 0; i < k->epilogue_count && walks_pixels && !k->mask; i++)
        if (k->epilogue[i]->op == OP_DROPOUT && (stream < 0 || k->epilogue[i]->at.stream == stream))
            return k->epilogue[i];
    return NULL;
}

/* The bits of 16 channels of an image are 16 of the mask, in the order of the value. */
static Buffer *new_mask(const Node *node)
{
    const Layout *v = node->outputs[0]->layout;
    const size_t rows = (size_t)v->batch_blocks * (size_t)(v->height * v->width * v->blocks) *
                        (size_t)v->images;

    return new_buffer(IN_ARENA, rows * sizeof(uint16_t),
                      format("%s mask", node->path ? node->path : "dropout"));
}

void share_masks(Program *p)
{
    Kernel **drop = allocate((size_t)(p->count + 1) * sizeof *drop);
    int count = 0;

    for (int i = 0; i < p->count; i++)
        if (find_dropout(p->kernels[i], -1))
            drop[count++] = p->kernels[i];
    for (int i = 0; i < count; i++) {
        Kernel *draws = drop[i];
        const Node *node = find_dropout(draws, -1);

        for (int j = i + 1; j < count && node && !draws->mask; j++) {
            Kernel *reads = drop[j];
            const Node *again = find_dropout(reads, node->at.stream);

            if (!again || !same_layout(node->outputs[0]->layout, again->outputs[0]->layout))
                continue;
            draws->mask = reads->mask = new_mask(node);
            draws->masked = node;
            reads->masked = again;
            draws->writes_mask = true;
        }
    }
}
