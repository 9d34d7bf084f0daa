/*
 * movement.c -- numbers that only change their place (kernels/movement.h).
 */

#include "emit/emit.h"

/* concat, the gradient of a slice and the like: blocks of channels, whole */
void emit_blocks(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *y = node->outputs[0];
    const Layout *v = y->layout;
    const bool concat = node->op == OP_CONCAT;
    const int parts = concat ? node->input_count : 1, pixels = v->height * v->width;
    Text list = {0};

    for (int i = 0, start = concat ? 0 : node->at.begin; i < parts; i++) {
        const Layout *x = node->inputs[i]->layout;
        const int block = find_blocks(concat ? v : x, concat ? x : v, start * pixels);

        text_add(&list, "%s{%s, %d, %d, %d, %d}", i ? ", " : "", pointer(c, node->inputs[i]),
                 x->blocks, concat ? 0 : block, concat ? block : 0, concat ? x->blocks : v->blocks);
        start += node->inputs[i]->shape.size[0];
    }
    describe_kernel(c, k, y, "%s; items: (batch block, row)",
                    concat ? "y = the blocks of each x, side by side" : "y = some blocks of x");
    if (!concat)
        c->base = format("%s_from_%d_of_%s", c->base, node->at.begin,
                         shape_name(c->e, node->inputs[0]));
    call_template(c,
                  "net_copy_blocks(%s, (struct net_blocks[]){%s}, %d, (struct net_copy_blocks){"
                  ".batch_blocks = %d, .blocks = %d, .size = {%d, %d}}",
                  pointer(c, y), list.at, parts, v->batch_blocks, v->blocks, v->height, v->width);
}

static const char *layout_of(const Layout *v)
{
    return format("{%d, NET_SEGMENTS(%s)}", v->height * v->width * v->blocks * 256,
                  segments_text(v));
}

void emit_relayout(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *y = k->node->outputs[0];
    const Layout *v = y->layout;

    c->base = format("relayout_%s", shape_name(c->e, y));
    text_add(&c->comment, "/* y = x in another layout; items: batch blocks */\n");
    call_template(c,
                  "net_relayout(%s, %s, (struct net_relayout){.batch_blocks = %d, .start = %d, "
                  ".size = %d, .y = %s, .x = %s}",
                  pointer(c, y), pointer(c, x), v->batch_blocks,
                  k->node->at.begin * v->height * v->width, shape_size(y->shape), layout_of(v),
                  layout_of(x->layout));
}
