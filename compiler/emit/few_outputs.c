/*
 * few_outputs.c -- dense layers of few outputs: lanes are inputs, and the weight has a row for each
 * output, laid out as x is (rows_layout).
 */

#include "emit/emit.h"

static int outputs_of(const Kernel *k)
{
    const Value *w = k->kind == KERNEL_FEW_OUTPUTS_DW ? k->node->outputs[0] : k->node->inputs[1];

    return w->shape.size[0];
}

/* Dense and its dx. */
void emit_few_outputs(Emitter *e, Driver *d, const Kernel *k)
{
    const bool dx = k->node->op == OP_DENSE_DX;
    Value *x = k->node->inputs[0], *y = k->node->outputs[0], *b = dx ? NULL : k->node->inputs[2];
    const Physical *wide = (dx ? y : x)->physical;
    const int outputs = outputs_of(k), most = e->target->vectors == 1 ? 4 : 16;
    const Epilogue end = add_epilogue(e, d, k, y->physical);
    const char *row_end = add_row_end(e, d, k);
    const char *in = add_operand(e, d, dx ? "dy" : "x", x, false, NULL);
    int images = 16; /* at a time: what the registers hold */

    while (images * outputs > most && images > 1)
        images /= 2;
    add_operand(e, d, "w", k->node->inputs[1], false, NULL);
    if (b)
        add_operand(e, d, "b", b, false, NULL);
    d->base = format("%s%s_%sx%d", op_info[k->node->op].text, body_name(k),
                     shape_name(e, dx ? y : x), outputs);
    text_add(&d->comment, "/* %s, along the inputs; items: batch blocks */\n",
             dx  ? "dx = dy w'"
             : b ? "y = x w + b"
                 : "y = x w");
    call_template(
        d, "net_dense_few_outputs%s(V(%s), V(w), %s, %s, %s, (struct net_few_outputs){%d, %d}",
        dx ? "_dx" : "", in,
        dx ? format("%d", outputs) : format("%s, %d, %d", b ? "V(b)" : "NULL", outputs, images),
        end.arguments, row_end, wide->chunks, wide->blocks);
}

void emit_few_outputs_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0];
    const Physical *v = x->physical;
    const int outputs = outputs_of(k);
    /* blocks at a time, in registers: as many as divide them */
    int group = (e->target->vectors == 1 ? 6 : 8) / outputs;

    while (v->blocks % group != 0)
        group--;
    add_result(e, d, k);
    add_operand(e, d, "x", x, false, NULL);
    add_operand(e, d, "dy", k->node->inputs[1], false, NULL);
    d->base = format("dense_dw%s_%sx%d", k->update ? "_update" : "", shape_name(e, x), outputs);
    text_add(&d->comment, "/* dw = x' dy, along the inputs%s; items: %d blocks of inputs */\n",
             k->update ? ", then the update" : "", group);
    call_template(d,
                  "net_dense_few_outputs_dw(V(%s), V(x), V(dy), %d, %d, "
                  "(struct net_few_outputs){%d, %d}, (struct net_apply)%s",
                  k->update ? "w" : "dw_out", outputs, group, v->chunks, v->blocks,
                  apply_literal(k));
}
