/*
 * describe.c -- what kernels are called, and the comment above them.
 */

#include "emit/emit.h"

#include <string.h>

/* Behind "partial = ": of value %1$s, in the words of formal names. */
static const char *const sums_of[OP_COUNT] = {
    [OP_CHANNEL_SUM] = "sums of %1$s",
    [OP_BATCHNORM_STATS] = "mean of %1$s and sum of (%1$s - mean)^2",
    [OP_BATCHNORM_SUMS] = "sums of %1$s xhat and of %1$s",
    [OP_LAYERNORM_SUMS] = "sums of %1$s xhat and of %1$s",
};

/* What a name alone does not say of an elementwise operation. */
static const char *const formulas[OP_COUNT] = {
    [OP_NORMALIZE] = "normalize: (x - mean) inv_std gamma + beta",
    [OP_NORMALIZE_GRAD] = ("normalize_grad: gamma inv_std (dy - (dbeta + xhat dgamma) / rows), "
                           "xhat = (x - mean) inv_std"),
};

const char *sums_comment(const KernelCode *c, const Node *sum)
{
    const bool pair = sum->op == OP_BATCHNORM_SUMS || sum->op == OP_LAYERNORM_SUMS;
    const char *value = pointer(c, sum->inputs[pair]) + strlen("V(");

    return format(sums_of[sum->op], format("%.*s", (int)strcspn(value, ")"), value));
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
        add_note(&c->comment, format("partial = %s", sums_comment(c, k->sums[i]->node)));
    for (int i = 0; i < k->epilogue_count; i++)
        if (formulas[k->epilogue[i]->op])
            add_note(&c->comment, formulas[k->epilogue[i]->op]);
}

static void describe_v(KernelCode *c, const char *base, const char *fmt, va_list args)
{
    c->base = base;
    text_add(&c->comment, "/* ");
    text_add_v(&c->comment, fmt, args);
    text_add(&c->comment, " */\n");
}

void describe_as(KernelCode *c, const char *base, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    describe_v(c, base, fmt, args);
    va_end(args);
}

void describe_kernel(KernelCode *c, const Kernel *k, const Value *shape, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    describe_v(c,
               format("%s%s%s_%s", op_info[k->node->op].text, update_suffix(k), epilogue_name(k),
                      shape_name(c->e, shape)),
               fmt, args);
    va_end(args);
}

void describe_dw(KernelCode *c, const Kernel *k, const char *way, const char *fmt, ...)
{
    const Layout *dw = k->node->outputs[0]->layout;
    va_list args;

    va_start(args, fmt);
    describe_v(c,
               format("%s%s%s_%s_%dx%d", op_info[k->node->op].text, way,
                      k->scratch ? "_partial" : update_suffix(k),
                      shape_name(c->e, k->node->inputs[0]), dw->rows, dw->outputs),
               fmt, args);
    va_end(args);
}
