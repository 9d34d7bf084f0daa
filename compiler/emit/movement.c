/*
 * movement.c -- numbers that only change their place (kernels/movement.h).
 */

#include "emit/emit.h"
#include "emit/tables.h"

/* concat, the gradient of a slice and the like: blocks of channels, whole */
void emit_blocks(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *y = node->outputs[0]->physical;
    const bool concat = node->op == OP_CONCAT;
    const char *to = concat ? "y" : "dx", *from = concat ? "x" : "dy";
    const int parts = concat ? node->input_count : 1;
    Text list = {0};

    add_operand(e, d, to, node->outputs[0], true, NULL);
    for (int i = 0, start = 0; i < parts; i++) {
        const Physical *x = node->inputs[i]->physical;
        const char *name = add_operand(e, d, from, node->inputs[i], false, NULL);
        const int pixels = y->height * y->width;

        if (concat)
            text_add(&list, "%s{V(%s), %d, 0, %d, %d}", i ? ", " : "", name, x->blocks,
                     find_blocks(y, x, start * pixels), x->blocks);
        else
            text_add(&list, "{V(%s), %d, %d, 0, %d}", name, x->blocks,
                     find_blocks(x, y, node->at.begin * pixels), y->blocks);
        start += node->inputs[i]->shape.size[0];
    }
    d->base = format("%s_%s", op_info[node->op].text, shape_name(e, node->outputs[0]));
    if (!concat)
        d->base = format("%s_from_%d_of_%s", d->base, node->at.begin,
                         shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             concat ? "y = the blocks of each x, side by side" : "dx = some blocks of dy");
    call_template(d,
                  "net_copy_blocks(V(%s), (struct net_blocks[]){%s}, %d, "
                  "(struct net_copy_blocks){.batch_blocks = %d, .blocks = %d, .size = {%d, %d}}",
                  to, list.at, parts, y->chunks, y->blocks, y->height, y->width);
}

static const char *layout_of(const Physical *v)
{
    return format("{%d, NET_SEGMENTS(%s)}", v->height * v->width * v->blocks * 256,
                  segments_text(v));
}

void emit_relayout(Emitter *e, Driver *d, const Kernel *k)
{
    const Physical *x = k->node->inputs[0]->physical, *y = k->node->outputs[0]->physical;

    add_operand(e, d, "y", k->node->outputs[0], true, NULL);
    add_operand(e, d, "x", k->node->inputs[0], false, NULL);
    d->base = format("relayout_%s", shape_name(e, k->node->outputs[0]));
    text_add(&d->comment, "/* y = x in another layout; items: batch blocks */\n");
    call_template(d,
                  "net_relayout(V(y), V(x), (struct net_relayout){.batch_blocks = %d, "
                  ".start = %d, .size = %d, .y = %s, .x = %s}",
                  y->chunks, k->node->at.begin * y->height * y->width,
                  shape_size(k->node->outputs[0]->shape), layout_of(y), layout_of(x));
}
