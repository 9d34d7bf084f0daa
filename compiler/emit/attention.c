/*
 * attention.c -- attention of a sequence to itself (kernels/attention.h).
 */

#include "emit/emit.h"

#include <math.h>

/* What all kernels are called with behind their values: a tile's rows, dropout, the shape. q and kv
   name the values of the queries, and of keys and values. */
static const char *shape_of(const KernelCode *c, const Node *node, const char *q, const char *kv)
{
    const Heads of = heads_of(node);
    const int size = of.channels / node->at.heads, k = of.apart ? 0 : of.channels;
    const bool drops = node->at.p != 0 || node->at.run_number;
    const char *threshold = drops ? dropout_threshold(c->e, node) : "0";
    const char *scale = drops ? dropout_scale(c->e, node) : "0";
    const Value *tokens = input_named(node, "tokens");

    return format(
        "<tile_rows>, (struct net_attention_dropout){%s, %s}, (struct net_attention){"
        ".queries = %d, .keys = %d, .heads = <at.heads>, .size = %d, .q = {0, <%s.dim0>}, "
        ".k = {%d, <%s.dim0>}, .v = {%d, <%s.dim0>}, .causal = %d, .scale = %s, "
        ".stream = %d%s}",
        threshold, scale, of.queries, of.keys, size, q, k, kv, k + of.channels, kv, node->at.causal,
        literal(1 / sqrt(size)), drops ? node->at.stream : -1,
        tokens ? format(", .token = %d, .tokens = %d", node->at.begin, tokens->shape.size[0]) : "");
}

void emit_attention(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Heads of = heads_of(node);
    const char *q = of.apart ? "q" : "qkv", *kv = of.apart ? "kv" : "qkv";
    const char *tokens = input_named(node, "tokens") ? "_tokens" : "";
    const char *place = node->at.begin ? format(", the first of which is key %d's", node->at.begin)
                                       : "";
    const char *does = of.grad ? "dv = p' dy, ds = p (dy v' - y dy), dq = ds k, dk = ds' q, of p = "
                                 "e^(scores - lse)"
                               : format("y = softmax(q k' / sqrt(%d)) v of <at.heads> heads",
                                        of.channels / node->at.heads);

    describe_kernel(
        c, k,
        format("<name>_<out.shape>_<at.heads>%s%s%s", of.apart ? format("_of_%d", of.keys) : "",
               node->at.causal ? "_causal" : "", tokens),
        "%s%s%s%s%s; items: (image, head)", does, node->at.causal ? ", keys up to the query" : "",
        *tokens ? ", of tokens that are not 0" : "", place,
        node->at.p != 0 || node->at.run_number ? ", dropout" : "");
    call_template(c, k, "net_attention%s, <%s>, <%s>, <%s>, <ids>, %s%s",
                  of.grad ? format("_grad(<d%s>, <d%s>, <d%s>", q, kv, kv) : "(<y>, <lse>", q, kv,
                  kv, of.grad ? "<y>, <lse>, <dy>, " : "", shape_of(c, node, q, kv));
}
