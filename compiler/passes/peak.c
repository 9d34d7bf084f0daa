/*
 * peak.c -- what the memory of a step is made of where most of it is in use: `netc --summary`.
 *
 * Needs: a planned program. Gives: a line of text.
 */

#include "passes/passes.h"

#include <string.h>

typedef enum Kind { ACTIVATIONS, GRADIENTS, INDICES, MASKS, FORMS, SUMS, KINDS } Kind;

static const char *const kind_text[KINDS] = {
    "activations", "gradients", "window indices", "dropout's masks", "weights in other forms",
    "sums"};

/* What an operand in the arena is. */
static Kind kind_of(const Operand *operand)
{
    const Value *value = operand->value;

    if (!value)
        return same(operand->name, "mask") ? MASKS : same(operand->name, "partial") ? SUMS : FORMS;
    if (!value->batched)
        return value->node &&
                       (value->node->op == OP_GROUP_EXPAND || value->node->op == OP_WEIGHT_SLICE)
                   ? FORMS
                   : SUMS;
    return value->type == TYPE_BYTE               ? INDICES
           : value->node && value->node->backward ? GRADIENTS
                                                  : ACTIVATIONS;
}

static bool lives(const Buffer *buffer, int phase)
{
    return buffer->first <= phase && phase <= buffer->last;
}

static size_t live_bytes(const Program *p, int phase)
{
    size_t bytes = 0;

    for (int i = 0; i < p->buffer_count; i++)
        if (lives(p->buffers[i], phase))
            bytes += p->buffers[i]->size;
    return bytes;
}

/* Bytes of each kind that live in a phase: a buffer is what the first that touches it says. */
static void count_kinds(const Program *p, int phase, size_t bytes[KINDS])
{
    bool *counted = allocate((size_t)(p->buffer_count + 1) * sizeof *counted);

    memset(bytes, 0, KINDS * sizeof *bytes);
    for (int i = 0; i < p->count; i++)
        for (int j = 0; j < p->kernels[i]->operand_count; j++) {
            const Operand *operand = &p->kernels[i]->operands[j];
            const Buffer *buffer = operand->buffer;

            if (buffer->where != IN_ARENA || counted[buffer->index] || !lives(buffer, phase))
                continue;
            counted[buffer->index] = true;
            bytes[kind_of(operand)] += buffer->size;
        }
}

/* The largest first, those below a hundredth of a megabyte not at all. */
void print_peak(FILE *out, const Program *p)
{
    size_t bytes[KINDS];
    int peak = 0, largest_kernel = 0;

    for (int phase = 1; phase < p->phases; phase++)
        if (live_bytes(p, phase) > live_bytes(p, peak))
            peak = phase;
    count_kinds(p, peak, bytes);
    for (int i = 0; i < p->count; i++)
        if (p->kernels[i]->phase == peak &&
            (p->kernels[largest_kernel]->phase != peak ||
             p->kernels[i]->bytes > p->kernels[largest_kernel]->bytes))
            largest_kernel = i;
    const Kernel *k = p->kernels[largest_kernel];

    fprintf(out, " Most of it at %s%s%s:", kernel_label(k), k->node->path ? " of " : "",
            k->node->path ? k->node->path : "");
    for (int shown = 0, largest; shown < KINDS; shown++) {
        largest = 0;
        for (int kind = 1; kind < KINDS; kind++)
            if (bytes[kind] > bytes[largest])
                largest = kind;
        if (bytes[largest] < 1 << 14 && shown)
            break;
        fprintf(out, "%s %s %.2f MB", shown ? "," : "", kind_text[largest],
                (double)bytes[largest] / (1 << 20));
        bytes[largest] = 0;
    }
    fputs("\n", out);
}
