/*
 * describe.c -- what kernels are called, and the comment above them.
 */

#include "emit/emit.h"

#include <string.h>

/* Behind "partial = ", in the words of formal names. */
static const char *const sums_of[OP_COUNT] = {
    [OP_CHANNEL_SUM] = "sums of <dy.name>",
    [OP_BATCHNORM_STATS] = "mean of <x.name> and sum of (<x.name> - mean)^2",
    [OP_BATCHNORM_SUMS] = "sums of <dy.name> xhat and of <dy.name>",
    [OP_LAYERNORM_SUMS] = "sums of <dy.name> xhat and of <dy.name>",
    [OP_GLOBAL_AVGPOOL2D] = "sum of a row's pixels",
    [OP_PIXEL_SUM] = "sum of a row's pixels",
};

/* What a name alone does not say of an elementwise operation. */
static const char *const formulas[OP_COUNT] = {
    [OP_NORMALIZE] = "normalize: (x - mean) inv_std gamma + beta",
    [OP_NORMALIZE_GRAD] = ("normalize_grad: gamma inv_std (dy - (dbeta + xhat dgamma) / rows), "
                           "xhat = (x - mean) inv_std"),
};

const char *sums_comment(const KernelCode *c, const Kernel *sum)
{
    return fill(c, sum, sums_of[sum->node->op]);
}

/* Behind the last comment where that stays a line, else as one of its own. */
static void add_note(Text *comment, const char *note)
{
    const char *last = comment->at;
    const size_t end = strlen(" */\n");

    while (strchr(last, '\n')[1])
        last = strchr(last, '\n') + 1;
    if (strlen(last) + strlen(note) + strlen("; ") > 101) {
        text_add(comment, "/* %s */\n", note);
        return;
    }
    const char *longer = format("%.*s; %s */\n", (int)(strlen(comment->at) - end), comment->at,
                                note);

    *comment = (Text){0};
    text_add(comment, "%s", longer);
}

void describe_rest(KernelCode *c, const Kernel *k)
{
    for (int i = 0; i < k->sum_count; i++)
        add_note(&c->comment, format("partial = %s", sums_comment(c, k->sums[i])));
    for (int i = 0; i < k->epilogue_count; i++)
        if (formulas[k->epilogue[i]->op])
            add_note(&c->comment, formulas[k->epilogue[i]->op]);
}

void describe_kernel(KernelCode *c, const Kernel *k, const char *name, const char *fmt, ...)
{
    Text comment = {0};
    va_list args;

    va_start(args, fmt);
    text_add_v(&comment, fmt, args);
    va_end(args);
    c->base = fill(c, k, name);
    text_add(&c->comment, "/* %s */\n", fill(c, k, comment.at));
}
