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
   `&(struct net_channel_sum){V(partial), V(dx), {4, 1, 1, 2}}` */
static const char *sums_text(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *v = node->inputs[0]->physical;
    Text text = {0};

    text_add(&text, "&(struct net_%s){V(%s)", op_info[node->op].text,
             add_scratch(e, d, "partial", k->scratch, declare_scratch(e, k), true));
    for (int i = 0; i < 4 && sums_of[node->op].inputs[i]; i++)
        text_add(&text, ", V(%s)",
                 add_operand(e, d, sums_of[node->op].inputs[i], node->inputs[i], false, NULL));
    text_add(&text, ", {%d, %d, %d, %d}", v->chunks, v->height, v->width, v->blocks);
    if (node->op == OP_LAYERNORM_SUMS)
        text_add(&text, ", %d, %s", channel_count(v), literal(node->at.eps));
    text_add(&text, "}");
    return text.at;
}

/* Several sums of one row: a list of them, and a function that goes through it. */
static const char *several_sums(Emitter *e, Driver *d, const Kernel *host)
{
    Text list = {0}, body = {0}, name = {0};

    text_add(&name, "row_end");
    line(&body, 1, "const void *const *list = sums;\n");
    for (int i = 0; i < host->sum_count; i++) {
        const char *sum = op_info[host->sums[i]->node->op].text;

        text_add(&list, "%s%s", i ? ", " : "", sums_text(e, d, host->sums[i]));
        text_add(&name, "_%s", sum);
        line(&body, 1, "net_%s_end(list[%d], run, batch_block, row);", sum, i);
    }
    return format("%s, (const void *const[]){%s}",
                  add_function(e, &e->epilogues, name.at, "NET_ROW_END(%s)\n", body.at), list.at);
}

static const char *one_sum(Emitter *e, Driver *d, const Kernel *k)
{
    return format("net_%s_end, %s", op_info[k->node->op].text, sums_text(e, d, k));
}

const char *add_row_end(Emitter *e, Driver *d, const Kernel *host)
{
    return host->sum_count > 1   ? several_sums(e, d, host)
           : host->sum_count > 0 ? one_sum(e, d, host->sums[0])
                                 : "NULL, NULL";
}

void emit_sums(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *row_end = one_sum(e, d, k);

    d->base = format("%s_partial_%s", op_info[node->op].text, shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* %s, partial sums of each item: (batch block, row) */\n",
             sums_of[node->op].comment);
    call_template(d, "net_sum_rows(%s, %s", row_end, extent_text(node->inputs[0]->physical));
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
                  "V(partial), %s, %.17g, %.17g",
                  extent_text(node->inputs[0]->physical), node->at.eps, node->at.momentum);
}

void emit_sums_end(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *extent = extent_text(node->inputs[0]->physical), *call;

    if (k->update) {
        add_operand(e, d, "b", k->update->inputs[0], true, NULL);
        call = format("net_reduce_channels_update(V(b), V(partial), %s", extent);
    } else if (node->op == OP_BATCHNORM_STATS) {
        call = add_statistics(e, d, k);
    } else if (sum_count(k) == 1) {
        add_operand(e, d, "db", node->outputs[0], true, NULL);
        call = format("net_reduce_channels(V(db), V(partial), 1, %s", extent);
    } else {
        add_operand(e, d, "dgamma", node->outputs[0], true, NULL);
        add_operand(e, d, "dbeta", node->outputs[1], true, NULL);
        call = format("net_reduce_pairs(V(dgamma), V(dbeta), V(partial), %s", extent);
    }
    add_scratch(e, d, "partial", k->scratch, declare_scratch(e, k), false);
    d->base = format("%s%s_%s", op_info[node->op].text, k->update ? "_update" : "",
                     shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* partial sums added in order%s; items: blocks */\n",
             k->update                        ? ", then the update"
             : node->op == OP_BATCHNORM_STATS ? ": the statistics of the batch"
                                              : "");
    call_template(d, "%s", call);
}

void emit_inverse_std(Emitter *e, Driver *d, const Kernel *k)
{
    const int blocks = k->node->outputs[0]->physical->blocks;

    add_operand(e, d, "inv_std", k->node->outputs[0], true, NULL);
    add_operand(e, d, "var", k->node->inputs[0], false, NULL);
    d->base = format("inverse_std_%d", blocks * 16);
    text_add(&d->comment, "/* 1 / sqrt(var + eps); items: blocks */\n");
    call_template(d, "net_inverse_std(V(inv_std), V(var), %d, %.17g", blocks, k->node->at.eps);
}
