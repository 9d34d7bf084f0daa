/*
 * sparse.c -- dense layers of a sparse input, and of dense ones beside it (kernels/sparse.h).
 */

#include "emit/emit.h"

/* In a name: "x128_and_5", outputs of w and its inputs that are not of x */
static const char *matrix_text(const Value *x, const Value *w)
{
    const int beside = w->shape.size[1] - x->shape.size[0];

    return format("x%d%s", w->shape.size[0], beside > 0 ? format("_and_%d", beside) : "");
}

void emit_sparse_dense(KernelCode *c, const Kernel *k)
{
    Value *const *in = k->node->inputs; /* x h w b */

    describe_kernel(c, k, format("<name>_<x.shape>%s", matrix_text(in[0], in[2])),
                    "y = x w%s%s of a sparse x; items: batch blocks", in[1] ? " + h w" : "",
                    in[3] ? " + b" : "");
    call_template(c, k,
                  "net_sparse_dense(<y>, NET_CSR(<x.name>), <h>, <w>, <b>, "
                  "(struct net_sparse_dense){.batch_blocks = <y.batch_blocks>, "
                  ".panels = <w.panels>, .inputs = <w.rows>, .columns = <x.dim0>%s}",
                  in[1] ? ", .h = <h.layout>" : "");
}

void emit_sparse_dense_dx(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "<op>_<dh.shape>_from_<at.begin>_of_<w.rows>x<w.outputs>",
                    "dh = dy w', of what stands beside a sparse x; items: batch blocks");
    call_template(c, k,
                  "net_sparse_dense_dx(<dh>, <dy>, <w>, (struct net_sparse_dense){"
                  ".batch_blocks = <dy.batch_blocks>, .panels = <w.panels>, .inputs = <w.rows>, "
                  ".columns = <at.begin>, .h = <dh.layout>}");
}

void emit_sparse_dense_dw(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *h = k->node->inputs[1];

    describe_kernel(
        c, k, format("<name>_<x.shape>%s", matrix_text(x, k->node->outputs[0])),
        "dw = x' dy over the elements of each column%s<then_update>; items: (panel, rows)",
        h ? ", h' dy over images" : "");
    call_template(c, k,
                  "net_sparse_dense_dw(<result>, NET_CSC(<x.name>), <dy>, "
                  "(struct net_sparse_dense_dw){.panels = <dw.panels>, .inputs = <dw.rows>, "
                  ".columns = <x.dim0>, .apply = <apply>}");
    if (h)
        call_dense_dw(c, k, h, x->shape.size[0]);
}
