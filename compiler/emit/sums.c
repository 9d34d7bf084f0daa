/*
 * sums.c -- sums over images and pixels, one or two values per channel: partial sums of a row, as
 * kernels or at the end of another kernel's rows, and their final reduction.
 */

#include "emit/emit.h"

#include <string.h>

/* ---- Partial sums ---------------------------------------------------------------------------- */

/* What the sums of an operation are and read. */
typedef struct Sums {
    const char *comment;
    const char *inputs[4]; /* formals, in the order of the operands */
} Sums;

static const Sums sums_of[OP_COUNT] = {
    [OP_CHANNEL_SUM] = {"sums of dy", {"dy"}},
    [OP_BATCHNORM_STATS] = {"mean and sum of (x - mean)^2", {"x"}},
    [OP_BATCHNORM_SUMS] = {"sums of dy xhat and of dy", {"x", "dy", "mean", "inv_std"}},
    [OP_LAYERNORM_SUMS] = {"sums of dy xhat and of dy", {"x", "dy"}},
};

static int sum_count(const Kernel *k)
{
    return k->node->op == OP_CHANNEL_SUM ? 1 : 2;
}

/* Adds the operands of one sum; gives the struct that its row end takes:
   `const struct net_channel_sum sums = {V(partial), V(dx), {4, 1, 1, 2}};` */
static const char *sums_local(Emitter *e, Driver *d, const Kernel *k, const char *name)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;
    Text text = {0};

    text_add(&text, "const struct net_%s %s = {V(%s)", op_info[node->op].text, name,
             add_scratch(e, d, "partial", k->scratch, declare_scratch(e, k), true));
    for (int i = 0; i < 4 && sums_of[node->op].inputs[i]; i++)
        text_add(&text, ", V(%s)",
                 add_operand(e, d, sums_of[node->op].inputs[i], node->inputs[i], false, NULL));
    text_add(&text, ", {%d, %d, %d, %d}", v->chunks, v->height, v->width, v->blocks);
    if (node->op == OP_LAYERNORM_SUMS)
        text_add(&text, ", %d, %s", channel_count(v), literal(node->at.eps));
    text_add(&text, "};");
    return text.at;
}

/* Several sums of one row: a list of them, and a function that goes through it. */
static RowEnd several_sums(Emitter *e, Driver *d, const Kernel *host)
{
    Text local = {0}, body = {0}, name = {0};

    text_add(&name, "row_end");
    line(&body, 0, "{");
    line(&body, 1, "const void *const *list = sums;\n");
    for (int i = 0; i < host->sum_count; i++) {
        const char *sum = op_info[host->sums[i]->node->op].text;

        text_add(&local, "%s\n    ", sums_local(e, d, host->sums[i], format("sums_%d", i)));
        text_add(&name, "_%s", sum);
        line(&body, 1, "net_%s_end(list[%d], run, batch_block, row);", sum, i);
    }
    line(&body, 0, "}");
    text_add(&local, "const void *const sums[] = {");
    for (int i = 0; i < host->sum_count; i++)
        text_add(&local, "%s&sums_%d", i ? ", " : "", i);
    text_add(&local, "};");
    return (RowEnd){local.at, format("%s, sums", add_function(e, &e->epilogues, name.at,
                                                              "NET_ROW_END(%s)\n", body.at))};
}

static RowEnd one_sum(Emitter *e, Driver *d, const Kernel *k)
{
    return (RowEnd){sums_local(e, d, k, "sums"),
                    format("net_%s_end, &sums", op_info[k->node->op].text)};
}

RowEnd add_row_end(Emitter *e, Driver *d, const Kernel *host)
{
    return host->sum_count > 1   ? several_sums(e, d, host)
           : host->sum_count > 0 ? one_sum(e, d, host->sums[0])
                                 : (RowEnd){"", "NULL, NULL"};
}

void open_kernel(Driver *d, const Epilogue *end, const RowEnd *row_end)
{
    line(&d->text, 0, "{");
    if (end)
        line(&d->text, 1, "%s", end->local);
    if (row_end && *row_end->local)
        line(&d->text, 1, "%s", row_end->local);
    if (end || (row_end && *row_end->local))
        line(&d->text, 0, "%s", "");
}

void emit_sums(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const RowEnd row_end = one_sum(e, d, k);

    d->base = format("%s_partial_%s", op_info[node->op].text, shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* %s, partial sums of each item: (batch block, row) */\n",
             sums_of[node->op].comment);
    open_kernel(d, NULL, &row_end);
    line(&d->text, 1, "net_sum_rows(%s, %s, run, thread);", row_end.arguments,
         extent_text(node->inputs[0]->physical));
    line(&d->text, 0, "}");
}

/* ---- Final reductions ------------------------------------------------------------------------ */

static const char *add_statistics(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;

    add_operand(e, d, "mean", node->outputs[0], true, NULL);
    add_operand(e, d, "inv_std", node->outputs[1], true, NULL);
    add_operand(e, d, "running_mean", node->inputs[1], true, NULL);
    add_operand(e, d, "running_var", node->inputs[2], true, NULL);
    return format("net_batchnorm_stats(V(mean), V(inv_std), V(running_mean), V(running_var), "
                  "V(partial), %s, %.17g, %.17g, run, thread);",
                  extent_text(node->inputs[0]->physical), node->at.eps, node->at.momentum);
}

void emit_sums_end(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *extent = extent_text(node->inputs[0]->physical), *call;

    if (k->update) {
        add_operand(e, d, "b", k->update->inputs[0], true, NULL);
        call = format("net_reduce_channels_update(V(b), V(partial), %s, run, thread);", extent);
    } else if (node->op == OP_BATCHNORM_STATS) {
        call = add_statistics(e, d, k);
    } else if (sum_count(k) == 1) {
        add_operand(e, d, "db", node->outputs[0], true, NULL);
        call = format("net_reduce_channels(V(db), V(partial), 1, %s, run, thread);", extent);
    } else {
        add_operand(e, d, "dgamma", node->outputs[0], true, NULL);
        add_operand(e, d, "dbeta", node->outputs[1], true, NULL);
        call = format("net_reduce_pairs(V(dgamma), V(dbeta), V(partial), %s, run, thread);",
                      extent);
    }
    add_scratch(e, d, "partial", k->scratch, declare_scratch(e, k), false);
    d->base = format("%s%s_%s", op_info[node->op].text, k->update ? "_update" : "",
                     shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* partial sums added in order%s; items: blocks */\n",
             k->update                        ? ", then the update"
             : node->op == OP_BATCHNORM_STATS ? ": the statistics of the batch"
                                              : "");
    line(&d->text, 0, "{");
    line(&d->text, 1, "%s", call);
    line(&d->text, 0, "}");
}

void emit_inverse_std(Emitter *e, Driver *d, const Kernel *k)
{
    const int blocks = k->node->outputs[0]->physical->blocks;

    add_operand(e, d, "inv_std", k->node->outputs[0], true, NULL);
    add_operand(e, d, "var", k->node->inputs[0], false, NULL);
    d->base = format("inverse_std_%d", blocks * 16);
    text_add(&d->comment, "/* 1 / sqrt(var + eps); items: blocks */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "net_inverse_std(V(inv_std), V(var), %d, %.17g, run, thread);", blocks,
         k->node->at.eps);
    line(&d->text, 0, "}");
}

/* ---- Inside the text of kernels that are not templates yet ----------------------------------- */
