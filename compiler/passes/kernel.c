/*
 * kernel.c -- what a kernel's kind says of it, and its operands.
 *
 * The one idea: barriers, lifetimes, the bytes that a kernel moves and the pointers that it is
 * passed all follow from one list, its operands. It is filled once, by kind and node; the emitter
 * can pass nothing that is not in it.
 *
 * Needs: kernels with their epilogues, dropout masks and sums. Gives: operands, bytes.
 */

#include "passes/passes.h"

#include <assert.h>

const KernelInfo kernel_info[] = {
#define KERNEL(name, label, class, epilogue, split, reads, scratch, emitter, header, ...)          \
    [KERNEL_##name] = {label, class, epilogue, split, reads, scratch, header},
#include "passes/kernels.def"
#undef KERNEL
};

/* ---- Values ---------------------------------------------------------------------------------- */

bool is_view(const Value *value)
{
    return value->node && value->node->op == OP_RESHAPE &&
           value->node->inputs[0]->layout->buffer == value->layout->buffer;
}

Value *root_of(Value *value)
{
    while (value && is_view(value)) {
        assert(value->node);
        value = value->node->inputs[0];
    }
    return value;
}

bool computes(const Kernel *k, const Value *value)
{
    const Node *node = value->node;

    if (!node)
        return false;
    if (node == k->node || node == k->grad)
        return true;
    for (int i = 0; i < k->epilogue_count; i++)
        if (node == k->epilogue[i])
            return true;
    return false;
}

/* ---- Operands -------------------------------------------------------------------------------- */

/* Once, however often it is read. */
static void list(Kernel *k, Operand operand)
{
    for (int i = 0; i < k->operand_count; i++) {
        Operand *other = &k->operands[i];

        if (other->buffer == operand.buffer && other->written == operand.written) {
            other->local = other->local && operand.local;
            return;
        }
    }
    APPEND(k->operands, k->operand_count, operand);
}

/* A value; what lives in the kernel's registers is none. */
static void list_value(Kernel *k, const char *name, Value *value, bool written, bool local)
{
    if (!value || value->internal || (!written && computes(k, root_of(value))))
        return;
    list(k, (Operand){.name = name,
                      .value = root_of(value),
                      .buffer = value->layout->buffer,
                      .written = written,
                      .local = local || k->schedule.rows == 1});
}

static void list_input(Kernel *k, const Node *node, int i, bool local)
{
    list_value(k, formal_name(node->op, i), node->inputs[i], false, local);
}

static void list_output(Kernel *k, const Node *node, int i, bool local)
{
    list_value(k, formal_name(node->op, op_info[node->op].inputs + i), node->outputs[i], true,
               local);
}

/* A parameter that the kernel updates. */
static void list_updated(Kernel *k, const Node *update)
{
    Value *w = update->inputs[0];

    list(k, (Operand){.name = "w", .value = w, .buffer = w->layout->buffer, .written = true});
}

static void list_scratch_operand(Kernel *k, Scratch scratch)
{
    static const char *const names[] = {[WEIGHTS_IN] = "w",
                                        [WEIGHTS_OUT] = "wt",
                                        [PARTIAL_IN] = "partial",
                                        [PARTIAL_OUT] = "partial",
                                        [PAIRS_OUT] = "pairs"};

    list(k,
         (Operand){
             .name = names[scratch],
             .buffer = k->scratch,
             .written = scratch == WEIGHTS_OUT || scratch == PARTIAL_OUT || scratch == PAIRS_OUT,
             .local = scratch == PAIRS_OUT || (scratch == PARTIAL_OUT && k->schedule.rows == 1)});
}

/* The leaves of a sum of gradients. */
static void list_gradients(Kernel *k, Value *g)
{
    if (g->node && g->node->op == OP_ADD) {
        list_gradients(k, g->node->inputs[0]);
        list_gradients(k, g->node->inputs[1]);
    } else {
        list(k, (Operand){.name = "g", .value = root_of(g), .buffer = g->layout->buffer});
    }
}

static void list_epilogue_operands(Kernel *k)
{
    if (k->mask)
        list(k, (Operand){
                    .name = "mask", .buffer = k->mask, .written = k->writes_mask, .local = true});
    for (int i = 0; i < k->epilogue_count; i++) {
        const Node *node = k->epilogue[i];

        for (int j = 0; j < node->input_count; j++)
            list_input(k, node, j, node->inputs[j]->batched && node->op != OP_STRETCH);
        if (node != k->node || k->kind != KERNEL_ELEMENTWISE)
            list_output(k, node, 0, true);
    }
}

static bool reads_input(const Kernel *k, const KernelInfo *info, int i)
{
    if (k->node->op == OP_BATCHNORM_STATS) /* x, then the running statistics */
        return info->scratch == PARTIAL_OUT ? i == 0 : i > 0;
    if (info->reads == READS_WEIGHT)
        return i == 1;
    return info->reads != READS_NOTHING && !(k->scratch && info->scratch == WEIGHTS_IN && i == 1);
}

/* What it leaves: partial sums instead of its node's outputs, or the update instead of a dw. */
static void list_results(Kernel *k, const KernelInfo *info)
{
    const Node *node = k->node;

    if (k->update)
        list_updated(k, k->update);
    else if (!(k->scratch && info->scratch == PARTIAL_OUT))
        for (int i = 0; i < node->output_count; i++)
            list_output(k, node, i, node->outputs[i]->batched);
    if (k->grad)
        list_output(k, k->grad, 0, true);
}

static void list_inputs(Kernel *k, const KernelInfo *info)
{
    const Node *node = k->node;

    if (info->reads == READS_PAIRED)
        list_value(k, "x", node->inputs[k->paired], false, true);
    for (int i = 0; i < node->input_count && info->reads != READS_PAIRED; i++)
        if (i < COUNT(k->pairs) && k->pairs[i])
            list(k, (Operand){.name = formal_name(node->op, i),
                              .buffer = k->pairs[i],
                              .local = k->schedule.rows == 1});
        else if (reads_input(k, info, i))
            list_input(k, node, i,
                       info->reads == READS_ITEM && node->inputs[i] && node->inputs[i]->batched);
}

static void list_all(Kernel *k);

/* What it updates is the layer's b. */
static void list_bias_operands(Kernel *k)
{
    list_all(k->bias);
    for (int i = 0; i < k->bias->operand_count; i++) {
        Operand operand = k->bias->operands[i];

        if (operand.value)
            operand.name = "b";
        list(k, operand);
    }
}

static void list_all(Kernel *k)
{
    const KernelInfo *info = &kernel_info[k->kind];
    const Node *node = k->node;

    if (k->scratch)
        list_scratch_operand(k, info->scratch);
    if (info->reads == READS_GRADIENTS) {
        list_updated(k, node);
        list_gradients(k, node->inputs[1]);
        return;
    }
    if (info->reads == READS_RESULT) {
        list(k, (Operand){.name = formal_name(node->op, node->input_count),
                          .value = node->outputs[0],
                          .buffer = node->outputs[0]->layout->buffer});
        return;
    }
    list_inputs(k, info);
    if (info->reads == READS_WEIGHT || info->reads == READS_PAIRED)
        return;
    list_results(k, info);
    list_epilogue_operands(k);
    for (int i = 0; i < k->sum_count; i++) {
        list_all(k->sums[i]);
        for (int j = 0; j < k->sums[i]->operand_count; j++)
            list(k, k->sums[i]->operands[j]);
    }
    if (k->bias)
        list_bias_operands(k);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

/* Parameters that it updates are counted apart: what goes with them depends on the optimizer. Of a
   table, no more rows are read than y has. */
static double buffer_bytes(const Kernel *k, const Buffer *buffer)
{
    const Node *node = k->node;
    const bool table = k->kind == KERNEL_EMBEDDING && buffer == node->inputs[1]->layout->buffer;
    const size_t rows = table ? node->outputs[0]->layout->buffer->size : buffer->size;

    return (double)(rows < buffer->size ? rows : buffer->size);
}

/* Each buffer once: what a kernel reads of its own results is in the cache. */
static void count_bytes(Kernel *k)
{
    const Node *update = k->kind == KERNEL_UPDATE ? k->node : k->update;
    const Node *of_bias = k->bias ? k->bias->update : NULL;

    for (int i = 0; i < k->operand_count; i++) {
        const Buffer *buffer = k->operands[i].buffer;
        bool counted = false;

        for (int j = 0; j < i; j++)
            counted = counted || k->operands[j].buffer == buffer;
        if (counted)
            continue;
        if ((update && buffer == update->inputs[0]->layout->buffer) ||
            (of_bias && buffer == of_bias->inputs[0]->layout->buffer))
            k->updated += (double)buffer->size;
        else
            k->bytes += buffer_bytes(k, buffer);
    }
}

void fill_operands(Kernel *k)
{
    list_all(k);
    count_bytes(k);
}

const Operand *find_operand(const Kernel *k, const Buffer *buffer, bool written)
{
    for (int i = 0; i < k->operand_count; i++)
        if (k->operands[i].buffer == buffer && k->operands[i].written == written)
            return &k->operands[i];
    return NULL;
}
