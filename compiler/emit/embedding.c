/*
 * embedding.c -- the gradient of an embedding matrix (kernels/embedding.h).
 */

#include "emit/emit.h"

void emit_embedding_dw(KernelCode *c, const Kernel *k)
{
    const int padding = k->node->at.padding_row - 1;

    describe_kernel(
        c, k, "<name>_<tokens.shape>_<dw.dim0>x<dw.dim1>",
        "dw = the sum of dy over the positions of each token%s<then_update>; items: rows",
        padding >= 0 ? format(", +0 for token %d", padding) : "");
    call_template(c, k,
                  "net_embedding_dw(<result>, <tokens.name>->begin, <tokens.name>->order, <dy>, "
                  "(struct net_embedding_dw){.vocabulary = <dw.dim0>, .blocks = <dw.blocks>, "
                  ".padding_row = %d, .apply = <apply>}",
                  padding);
}
