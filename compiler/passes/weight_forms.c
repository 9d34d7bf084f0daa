/*
 * weight_forms.c -- when weights are brought into another form.
 *
 * The one idea: transposed, transformed and cut weights are made one phase before they are read,
 * beside the kernels of that phase, which costs no barrier; so the forms of layers that follow each
 * other lie in the same memory. What updates the weight comes behind what reads it.
 *
 * Needs: kernels with operands and phases. Gives: their order; phases are to be found again.
 */

#include "passes/passes.h"

/* A weight in another form, which no number of the batch goes into. */
static bool is_form(const Kernel *k)
{
    return kernel_info[k->kind].scratch == WEIGHTS_OUT || k->node->op == OP_GROUP_EXPAND ||
           k->node->op == OP_WEIGHT_SLICE;
}

/* Does one touch what the other writes? */
static bool depends(const Kernel *a, const Kernel *b)
{
    for (int i = 0; i < a->operand_count; i++)
        for (int j = 0; j < b->operand_count; j++)
            if (a->operands[i].buffer == b->operands[j].buffer &&
                (a->operands[i].written || b->operands[j].written))
                return true;
    return false;
}

/* The phase before the first of those behind it that wait for it. */
static int latest_phase(const Program *p, int form)
{
    int phase = p->phases;

    for (int i = form + 1; i < p->count; i++)
        if (p->kernels[i]->phase < phase && depends(p->kernels[form], p->kernels[i]))
            phase = p->kernels[i]->phase;
    return phase - 1;
}

void place_weight_forms(Program *p)
{
    Kernel **all = NULL;
    bool *moved = allocate((size_t)(p->count + 1) * sizeof *moved);
    int count = 0, next = 0;

    for (int i = p->count - 1; i >= 0; i--)
        if (is_form(p->kernels[i])) {
            const int phase = latest_phase(p, i);

            moved[i] = phase > p->kernels[i]->phase;
            if (moved[i])
                p->kernels[i]->phase = phase;
        }
    for (int phase = 0; phase < p->phases; phase++) {
        for (; next < p->count && (moved[next] || p->kernels[next]->phase == phase); next++)
            if (!moved[next])
                APPEND(all, count, p->kernels[next]);
        for (int i = 0; i < p->count; i++)
            if (moved[i] && p->kernels[i]->phase == phase)
                APPEND(all, count, p->kernels[i]);
    }
    p->kernels = all;
}
