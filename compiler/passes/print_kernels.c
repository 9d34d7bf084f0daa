/*
 * print_kernels.c -- what kernels are called, and the list of them with their operands, constants
 * and algorithms (--dump=fused).
 */

#include "passes/passes.h"

#include <math.h>

const char *kernel_label(const Kernel *k)
{
    Text text = {0};

    text_add(&text, "%s", op_info[k->node->op].text);
    if (k->schedule.winograd.tile)
        text_add(&text, " winograd %dx%d", k->schedule.winograd.tile, k->schedule.winograd.tile);
    if (k->kind == KERNEL_BATCH_LANES || k->kind == KERNEL_BATCH_LANES_DW)
        text_add(&text, " batch lanes");
    if (k->pairs[0])
        text_add(&text, " bfloat16");
    if (k->scratch &&
        (k->kind == KERNEL_WINOGRAD_DW || k->kind == KERNEL_DW || k->kind == KERNEL_BATCH_LANES_DW))
        text_add(&text, " partial sums");
    text_add(&text, "%s", kernel_info[k->kind].label);
    if (k->grad)
        text_add(&text, " %s", op_info[k->grad->op].text);
    for (int i = 0; i < k->epilogue_count; i++)
        if (k->epilogue[i] != k->node)
            text_add(&text, " %s", op_info[k->epilogue[i]->op].text);
    for (int i = 0; i < k->sum_count; i++)
        text_add(&text, " %s", op_info[k->sums[i]->node->op].text);
    if (k->update)
        text_add(&text, " update");
    if (k->bias)
        text_add(&text, ", %s", kernel_label(k->bias));
    return text.at;
}

const char *constants_text(const Kernel *k)
{
    Text text = {0};

    text_add(&text, "%s", attributes_text(k->node));
    for (int i = 0; i < k->epilogue_count; i++) {
        const Node *node = k->epilogue[i];
        const char *attributes = attributes_text(node);

        if (node != k->node && *attributes)
            text_add(&text, "%s %s%s", *text.at ? "," : "", op_info[node->op].text, attributes);
    }
    return text.at;
}

/* "x=%3 w=hidden.weight -> y=%5": formal names and what stands for them. */
static void print_operands(FILE *out, const Kernel *k, bool written)
{
    for (int i = 0; i < k->operand_count; i++) {
        const Operand *a = &k->operands[i];

        if (a->written != written)
            continue;
        fprintf(out, " %s", a->name);
        if (a->value && a->value->role != ROLE_RESULT && a->value->name)
            fprintf(out, "=%s", a->value->name);
        else if (a->value)
            fprintf(out, "=%%%d", a->value->id);
    }
}

/* "by direct 1024; winograd 2x2 1310": what was selected, and what lost, where more than one
   algorithm applied; in multiply-adds of vectors, an image. */
static void print_selection(FILE *out, const Kernel *k)
{
    const Selection *s = k->node->selection;
    const Reads reads = kernel_info[k->kind].reads;
    const char *separator = ";";
    int applying = 0;

    for (int i = 0; s && i < ALGORITHM_COUNT; i++)
        applying += isfinite(s->cost[i]) != 0;
    if (applying < 2 || reads == READS_WEIGHT || reads == READS_NOTHING)
        return;
    fprintf(out, "      by %s %.0f", algorithm_info[s->algorithm].text, s->cost[s->algorithm]);
    for (int i = 0; i < ALGORITHM_COUNT; i++)
        if (isfinite(s->cost[i]) && i != (int)s->algorithm) {
            fprintf(out, "%s %s %.0f", separator, algorithm_info[i].text, s->cost[i]);
            separator = ",";
        }
    fprintf(out, "\n");
}

void print_kernels(FILE *out, const Program *program)
{
    const Graph *g = program->graph;

    fprintf(out, "%s: %d kernels\n", g->name, program->count);
    for (int i = 0; i < program->count; i++) {
        const Kernel *k = program->kernels[i];
        const Value *y = k->epilogue_count ? k->epilogue[k->epilogue_count - 1]->outputs[0]
                                           : k->node->outputs[0];
        const char *constants = constants_text(k);

        fprintf(out, "%4d  %-40s -> %s", i, kernel_label(k), shape_text(y->shape));
        if (k->node->path)
            fprintf(out, "  %s", k->node->path);
        fprintf(out, "  # line %d\n     ", line_of(g->source, k->node->span));
        print_operands(out, k, false);
        fprintf(out, " ->");
        print_operands(out, k, true);
        fprintf(out, *constants ? "\n      with%s\n" : "%s\n", constants);
        print_selection(out, k);
    }
}
