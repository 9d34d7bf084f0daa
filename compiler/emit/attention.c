/*
 * attention.c -- attention of a sequence to itself (kernels/attention.h).
 */

#include "emit/emit.h"

#include <math.h>

/* What both kernels are called with behind their values: a tile's rows, dropout, the shape. */
static const char *shape_of(const KernelCode *c, const Node *node)
{
    const int channels = node->inputs[0]->shape.size[0] / 3, size = channels / node->at.heads;
    const bool drops = node->at.p != 0 || node->at.run_number;
    const char *threshold = drops ? dropout_threshold(c->e, node) : "0";
    const char *scale = drops ? dropout_scale(c->e, node) : "0";

    return format("<tile_rows>, (struct net_attention_dropout){%s, %s}, (struct net_attention){"
                  ".queries = <qkv.dim1>, .keys = <qkv.dim1>, .heads = <at.heads>, .size = %d, "
                  ".q = {0, <qkv.dim0>}, .k = {%d, <qkv.dim0>}, .v = {%d, <qkv.dim0>}, "
                  ".causal = %d, .scale = %s, .stream = %d}",
                  threshold, scale, size, channels, 2 * channels, node->at.causal,
                  literal(1 / sqrt(size)), drops ? node->at.stream : -1);
}

void emit_attention(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const bool causal = node->at.causal, forward = node->op == OP_ATTENTION;
    const Value *tokens = node->inputs[1];
    const char *does = forward ? format("y = softmax(q k' / sqrt(%d)) v of <at.heads> heads",
                                        node->outputs[0]->shape.size[0] / node->at.heads)
                               : "dv = p' dy, ds = p (dy v' - y dy), dq = ds k, dk = ds' q, of p = "
                                 "e^(scores - lse)";

    describe_kernel(c, k,
                    format("<name>_<out.shape>_<at.heads>%s%s", causal ? "_causal" : "",
                           tokens ? "_tokens" : ""),
                    "%s%s%s%s; items: (image, head)", does, causal ? ", keys up to the query" : "",
                    tokens ? ", of tokens that are not 0" : "",
                    node->at.p != 0 || node->at.run_number ? ", dropout" : "");
    call_template(c, k, "net_<op>(%s, <qkv>, <qkv>, <qkv>, <ids>, %s%s",
                  forward ? "<y>, <lse>" : "<dqkv>, <dqkv>, <dqkv>",
                  forward ? "" : "<y>, <lse>, <dy>, ", shape_of(c, node));
}
