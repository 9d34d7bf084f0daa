/*
 * sums.c -- sums over images and pixels, one or two values per channel: partial sums of a row, as
 * kernels or at the end of another kernel's rows, and their final reduction.
 */

#include "emit/emit.h"

/* ---- Partial sums ---------------------------------------------------------------------------- */

/* The struct that the row end of one sum takes:
   `&(struct net_channel_sum){V(partial), V(dx), {4, 1, 1, 2}}` */
static const char *sums_text(const KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *v = node->inputs[0]->layout;
    const bool stats = node->op == OP_BATCHNORM_STATS;
    Text text = {0};

    text_add(&text, "&(struct net_%s){%s, %s, %s", op_info[node->op].text, scratch_pointer(c, k),
             stats ? pointer(c, node->inputs[0]) : inputs_text(c, node), extent_braces(v));
    if (node->op == OP_LAYERNORM_SUMS)
        text_add(&text, ", %d, %s", channel_count(v), literal(node->at.eps));
    text_add(&text, "}");
    return text.at;
}

/* Several sums of one row: a list of them, and a function that goes through it. */
static const char *several_sums(const KernelCode *c, const Kernel *k)
{
    Text list = {0}, statements = {0}, name = {0};

    text_add(&name, "row_end");
    line(&statements, 1, "const void *const *list = sums;\n");
    for (int i = 0; i < k->sum_count; i++) {
        const char *sum = op_info[k->sums[i]->node->op].text;

        text_add(&list, "%s%s", i ? ", " : "", sums_text(c, k->sums[i]));
        text_add(&name, "_%s", sum);
        line(&statements, 1, "net_%s_end(list[%d], run, batch_block, row);", sum, i);
    }
    return format("%s, (const void *const[]){%s}",
                  add_function(c->e, EPILOGUES, name.at, "NET_ROW_END(%s)\n", statements.at),
                  list.at);
}

static const char *one_sum(const KernelCode *c, const Kernel *k)
{
    return format("net_%s_end, %s", op_info[k->node->op].text, sums_text(c, k));
}

const char *add_row_end(const KernelCode *c, const Kernel *k)
{
    return k->sum_count > 1   ? several_sums(c, k)
           : k->sum_count > 0 ? one_sum(c, k->sums[0])
                              : "NULL, NULL";
}

void emit_sums(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const char *row_end = one_sum(c, k);

    describe_as(c,
                format("%s_partial_%s", op_info[node->op].text, shape_name(c->e, node->inputs[0])),
                "partial = %s, of each item: (batch block, row)", sums_comment(c, node));
    call_template(c, "net_sum_rows(%s, %s", row_end, extent_text(node->inputs[0]->layout));
}

/* ---- Final reductions ------------------------------------------------------------------------ */

static void call_reduction(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const char *extent = extent_text(node->inputs[0]->layout);
    const char *partial = scratch_pointer(c, k);

    if (k->update)
        call_template(c, "net_reduce_channels_update(%s, %s, %s", pointer(c, k->update->inputs[0]),
                      partial, extent);
    else if (node->op == OP_BATCHNORM_STATS)
        call_template(c, "net_batchnorm_stats(%s, %s, %s, %.17g, %.17g", outputs_text(c, node),
                      partial, extent, node->at.eps, node->at.momentum);
    else if (node->op == OP_CHANNEL_SUM)
        call_template(c, "net_reduce_channels(%s, %s, 1, %s", outputs_text(c, node), partial,
                      extent);
    else
        call_template(c, "net_reduce_pairs(%s, %s, %s", outputs_text(c, node), partial, extent);
}

void add_bias_gradient(KernelCode *c, const Kernel *dw)
{
    if (!dw->bias)
        return;
    text_add(&c->comment,
             "/* db = partial sums added in order, then the update; items: blocks */\n");
    call_reduction(c, dw->bias);
}

void emit_sums_reduction(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;

    describe_kernel(c, k, node->inputs[0], "%s; items: blocks",
                    k->update                    ? "partial sums added in order, then the update"
                    : node->op == OP_CHANNEL_SUM ? "partial sums added in order"
                    : node->op == OP_BATCHNORM_STATS
                        ? "mean, inv_std = 1 / sqrt(var + eps), running += "
                          "momentum (new - running)"
                        : "partial sums added in order: dgamma = sum of dy xhat, "
                          "dbeta = sum of dy");
    call_reduction(c, k);
}

void emit_inverse_std(KernelCode *c, const Kernel *k)
{
    const int blocks = k->node->outputs[0]->layout->blocks;

    describe_as(c, format("inverse_std_%d", blocks * 16),
                "inv_std = 1 / sqrt(var + eps); items: blocks");
    call_template(c, "net_inverse_std(%s, %s, %d, %.17g", outputs_text(c, k->node),
                  inputs_text(c, k->node), blocks, k->node->at.eps);
}
