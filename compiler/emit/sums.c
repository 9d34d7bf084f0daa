/*
 * sums.c -- sums over images and pixels, one or two values per channel: partial sums of a row, as
 * kernels or at the end of another kernel's rows, and their final reduction.
 */

#include "emit/emit.h"

/* ---- Partial sums ---------------------------------------------------------------------------- */

static bool is_image_sum(Op op)
{
    return op == OP_GLOBAL_AVGPOOL2D || op == OP_PIXEL_SUM;
}

static const char *row_end_of(const Kernel *k)
{
    return is_image_sum(k->node->op) ? "pixel_sum" : op_info[k->node->op].text;
}

/* The struct that the row end of one sum takes:
   `&(struct net_channel_sum){V(partial), V(dx), {4, 1, 1, 2}}` */
static const char *sums_text(const KernelCode *c, const Kernel *k)
{
    const Op op = k->node->op;
    const Node *of = k->epilogue_count ? k->epilogue[0] : k->node;

    if (is_image_sum(op))
        return fill(c, k,
                    format("&(struct net_pixel_sum){<scratch>, %s, %s, <in.extent>}",
                           pointer(c, of->inputs[0]),
                           k->epilogue_count ? pointer(c, of->inputs[1]) : "NULL"));

    return fill(c, k,
                format("&(struct net_<op>){<scratch>, %s, <in.extent>%s}",
                       op == OP_BATCHNORM_STATS ? "<x>" : "<inputs>",
                       op == OP_LAYERNORM_SUMS ? ", <x.channels>, <at.eps>" : ""));
}

/* Several sums of one row: a list of them, and a function that goes through it. */
static const char *several_sums(const KernelCode *c, const Kernel *k)
{
    Text list = {0}, statements = {0}, name = {0};

    text_add(&name, "row_end");
    line(&statements, 1, "const void *const *list = sums;\n");
    for (int i = 0; i < k->sum_count; i++) {
        const char *sum = row_end_of(k->sums[i]);

        text_add(&list, "%s%s", i ? ", " : "", sums_text(c, k->sums[i]));
        text_add(&name, "_%s", sum);
        line(&statements, 1, "net_%s_end(list[%d], run, batch_block, row);", sum, i);
    }
    const char *function = add_function(c->e, EPILOGUES, name.at, "NET_ROW_END(%s)\n",
                                        statements.at);

    return format("%s, (const void *const[]){%s}", function, list.at);
}

static const char *one_sum(const KernelCode *c, const Kernel *k)
{
    return format("net_%s_end, %s", row_end_of(k), sums_text(c, k));
}

const char *add_row_end(const KernelCode *c, const Kernel *k)
{
    return k->sum_count > 1   ? several_sums(c, k)
           : k->sum_count > 0 ? one_sum(c, k->sums[0])
                              : "NULL, NULL";
}

void emit_sums(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "<op>_partial_<in.shape>",
                    "partial = %s, of each item: (batch block, row)", sums_comment(c, k));
    call_template(c, k, "net_sum_rows(%s, (struct net_extent)<in.extent>", one_sum(c, k));
}

/* ---- Final reductions ------------------------------------------------------------------------ */

typedef struct Reduction {
    const char *does, *call;
} Reduction;

#define EXTENT "(struct net_extent)<in.extent>"
#define PAIRS                                                                                      \
    {                                                                                              \
        "partial sums added in order: dgamma = sum of dy xhat, dbeta = sum of dy",                 \
            "net_reduce_pairs(<outputs>, <scratch>, " EXTENT                                       \
    }

static const Reduction reductions[OP_COUNT] = {
    [OP_CHANNEL_SUM] = {"partial sums added in order",
                        "net_reduce_channels(<outputs>, <scratch>, 1, " EXTENT},
    [OP_BATCHNORM_STATS] = {"mean, inv_std = 1 / sqrt(var + eps), running += momentum (new - "
                            "running)",
                            "net_batchnorm_stats(<outputs>, <scratch>, " EXTENT
                            ", <exact.eps>, <exact.momentum>"},
    [OP_BATCHNORM_SUMS] = PAIRS,
    [OP_LAYERNORM_SUMS] = PAIRS,
    [OP_GLOBAL_AVGPOOL2D] = {"y = the mean of all pixels, sums of rows added in order",
                             "net_reduce_rows(<outputs>, <scratch>, 1.0f / (float)(<in.height> * "
                             "<in.width>), " EXTENT},
    [OP_PIXEL_SUM] = {"y = the sum of all pixels, sums of rows added in order",
                      "net_reduce_rows(<outputs>, <scratch>, 1.0f, " EXTENT},
};

static const Reduction with_update = {"partial sums added in order, then the update",
                                      "net_reduce_channels_update(<result>, <scratch>, " EXTENT};

static const Reduction *find_reduction(const Kernel *k)
{
    return k->update ? &with_update : &reductions[k->node->op];
}

void add_bias_gradient(KernelCode *c, const Kernel *dw)
{
    if (!dw->bias)
        return;
    text_add(&c->comment, "/* db = %s; items: blocks */\n", find_reduction(dw->bias)->does);
    call_template(c, dw->bias, "%s", find_reduction(dw->bias)->call);
}

void emit_sums_reduction(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "<name>_<in.shape>", "%s; items: blocks", find_reduction(k)->does);
    call_template(c, k, "%s", find_reduction(k)->call);
}
