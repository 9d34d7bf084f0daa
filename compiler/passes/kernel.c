/*
 * kernel.c -- what a kernel touches.
 *
 * The one idea: barriers, lifetimes and the bytes that a kernel moves all follow from one list, the
 * buffers that it reads and writes; so all that a kernel's emitter passes to it has to be there.
 */

#include "passes/passes.h"

static void use_value(const Kernel *k, BufferUse *use, void *context, Value *value, bool written,
                      bool local)
{
    if (!value || value->internal || (!written && computes(k, root_of(value))))
        return;
    use(context, k, (Access){value->physical->buffer, written, local || k->split_rows == 1});
}

static void use_body(const Kernel *k, BufferUse *use, void *context)
{
    if (k->mask)
        use(context, k, (Access){k->mask, k->writes_mask, true});
    for (int i = 0; i < k->body_count; i++) {
        const Node *node = k->body[i];

        for (int j = 0; j < node->input_count; j++)
            use_value(k, use, context, node->inputs[j], false, node->inputs[j]->batched);
        if (node != k->node || k->kind != KERNEL_ELEMENTWISE)
            use_value(k, use, context, node->outputs[0], true, true);
    }
}

/* The leaves of a sum of gradients. */
static void use_gradients(const Kernel *k, BufferUse *use, void *context, Value *g)
{
    if (g->node && g->node->op == OP_ADD) {
        use_gradients(k, use, context, g->node->inputs[0]);
        use_gradients(k, use, context, g->node->inputs[1]);
    } else {
        use(context, k, (Access){g->physical->buffer, false, false});
    }
}

void each_buffer(const Kernel *k, BufferUse *use, void *context)
{
    const Node *node = k->node;
    const bool end = k->kind == KERNEL_SUMS_END || k->kind == KERNEL_DW_REDUCTION ||
                     k->kind == KERNEL_WINOGRAD_DW_REDUCTION;
    const bool slices = k->kind == KERNEL_SUMS || k->kind == KERNEL_PACKED_DW ||
                        k->kind == KERNEL_BATCH_LANES_DW ||
                        ((k->kind == KERNEL_WINOGRAD_DW || k->kind == KERNEL_DW) && k->scratch) ||
                        k->kind == KERNEL_DEPTHWISE_DW;
    const bool turns = k->kind == KERNEL_TRANSPOSE || k->kind == KERNEL_WINOGRAD_WEIGHTS;
    const bool turned = k->scratch && (k->kind == KERNEL_CONTRACT || k->kind == KERNEL_WINOGRAD ||
                                       k->kind == KERNEL_BATCH_LANES || k->kind == KERNEL_DX_AT);
    const bool reads_rows = k->kind == KERNEL_SUMS || k->kind == KERNEL_ELEMENTWISE ||
                            k->kind == KERNEL_BLOCKS || k->kind == KERNEL_SOFTMAX ||
                            k->kind == KERNEL_SOFTMAX_GRAD || k->kind == KERNEL_LAYERNORM ||
                            k->kind == KERNEL_LAYERNORM_GRAD;

    if (k->scratch)
        use(context, k, (Access){k->scratch, slices || turns, slices && k->split_rows == 1});
    if (turns) {
        use(context, k, (Access){node->inputs[1]->physical->buffer, false, false});
        return;
    }
    if (k->kind == KERNEL_UPDATE) {
        use(context, k, (Access){node->inputs[0]->physical->buffer, true, false});
        use_gradients(k, use, context, node->inputs[1]);
        return;
    }
    if (k->kind == KERNEL_MEAN_LOSS) {
        use(context, k, (Access){node->outputs[0]->physical->buffer, false, false});
        return;
    }
    for (int i = 0; i < node->input_count && !end; i++)
        if (!(turned && i == 1)) /* the scratch */
            use_value(k, use, context, node->inputs[i], false,
                      reads_rows && node->inputs[i] && node->inputs[i]->batched);
    if (end && node->op == OP_BATCHNORM_STATS)
        for (int i = 1; i < node->input_count; i++)
            use_value(k, use, context, node->inputs[i], false, false);
    if (k->update)
        use(context, k, (Access){k->update->inputs[0]->physical->buffer, true, false});
    else if (!slices)
        for (int i = 0; i < node->output_count; i++)
            use_value(k, use, context, node->outputs[i], true, node->outputs[i]->batched);
    if (k->grad)
        use_value(k, use, context, k->grad->outputs[0], true, true);
    use_body(k, use, context);
    for (int i = 0; i < k->sum_count; i++)
        each_buffer(k->sums[i], use, context);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* What a kernel touches, each buffer once: what it reads of its own results is in the cache. */
typedef struct Traffic {
    const Buffer **at;
    int count;
} Traffic;

static void add_traffic(void *context, const Kernel *k, Access access)
{
    Traffic *traffic = context;

    (void)k;
    for (int i = 0; i < traffic->count; i++)
        if (traffic->at[i] == access.buffer)
            return;
    APPEND(traffic->at, traffic->count, access.buffer);
}

/* Parameters that it updates are counted apart: what goes with them depends on the optimizer. Of a
   table, no more rows are read than y has. */
static double buffer_bytes(const Kernel *k, const Buffer *buffer)
{
    const Node *node = k->node;
    const bool table = k->kind == KERNEL_EMBEDDING && buffer == node->inputs[1]->physical->buffer;
    const size_t rows = table ? node->outputs[0]->physical->buffer->size : buffer->size;

    return (double)(rows < buffer->size ? rows : buffer->size);
}

void count_bytes(Kernel *k)
{
    const Node *update = k->kind == KERNEL_UPDATE ? k->node : k->update;
    Traffic traffic = {0};

    each_buffer(k, add_traffic, &traffic);
    for (int i = 0; i < traffic.count; i++)
        if (update && traffic.at[i] == update->inputs[0]->physical->buffer)
            k->updated = (double)traffic.at[i]->size;
        else
            k->bytes += buffer_bytes(k, traffic.at[i]);
}
