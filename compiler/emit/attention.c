/*
 * attention.c -- attention of a sequence to itself (kernels/attention.h).
 */

#include "emit/emit.h"

#include <math.h>

/* What both kernels are called with behind their values: a tile's rows, dropout, the shape. */
static const char *shape_of(const KernelCode *c, const Node *node)
{
    const Shape x = node->inputs[0]->shape; /* q, k and v */
    const int channels = x.size[0] / 3, size = channels / node->at.heads;
    const bool drops = node->at.p != 0 || node->at.run_number;
    const char *dropout = drops ? format("{%s, %s}", dropout_threshold(c->e, node),
                                         dropout_scale(c->e, node))
                                : "{0, 0}";

    return format("%d, (struct net_attention_dropout)%s, (struct net_attention){.queries = %d, "
                  ".keys = %d, .heads = %d, .size = %d, .q = {0, %d}, .k = {%d, %d}, .v = {%d, "
                  "%d}, .causal = %d, .scale = %s, .stream = %d}",
                  c->e->target->rows, dropout, x.size[1], x.size[1], node->at.heads, size,
                  x.size[0], channels, x.size[0], 2 * channels, x.size[0], node->at.causal,
                  literal(1 / sqrt(size)), drops ? node->at.stream : -1);
}

void emit_attention(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const char *x = pointer(c, node->inputs[0]);
    const char *id = node->inputs[1] ? format("%s->id", name_of(c, node->inputs[1])) : "NULL";
    const char *rule = format("%s%s%s", node->at.causal ? ", keys up to the query" : "",
                              node->inputs[1] ? ", of tokens that are not 0" : "",
                              node->at.p != 0 || node->at.run_number ? ", dropout" : "");

    if (node->op == OP_ATTENTION)
        describe_kernel(c, k, node->outputs[0],
                        "y = softmax(q k' / sqrt(%d)) v of %d heads%s; items: (image, head)",
                        node->outputs[0]->shape.size[0] / node->at.heads, node->at.heads, rule);
    else
        describe_kernel(c, k, node->outputs[0],
                        "dv = p' dy, ds = p (dy v' - y dy), dq = ds k, dk = ds' q, of p = "
                        "e^(scores - lse)%s; items: (image, head)",
                        rule);
    c->base = format("%s_%d%s%s", c->base, node->at.heads, node->at.causal ? "_causal" : "",
                     node->inputs[1] ? "_tokens" : "");
    if (node->op == OP_ATTENTION)
        call_template(c, "net_attention(%s, %s, %s, %s, %s, %s, %s", pointer(c, node->outputs[0]),
                      pointer(c, node->outputs[1]), x, x, x, id, shape_of(c, node));
    else
        call_template(c,
                      "net_attention_grad(%1$s, %1$s, %1$s, %2$s, %2$s, %2$s, %3$s, %4$s, %5$s, "
                      "%6$s, %7$s",
                      pointer(c, node->outputs[0]), x, id, pointer(c, node->inputs[2]),
                      pointer(c, node->inputs[3]), pointer(c, node->inputs[4]), shape_of(c, node));
}
