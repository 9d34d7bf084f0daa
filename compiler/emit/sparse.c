/*
 * sparse.c -- dense layers of a sparse input, and of dense ones beside it (kernels/sparse.h).
 */

#include "emit/emit.h"

/* To the kernel's name. */
static void add_matrix(KernelCode *c, const Value *x, Shape w)
{
    const int beside = w.size[1] - x->shape.size[0];

    c->base = format("%sx%d%s", c->base, w.size[0], beside > 0 ? format("_and_%d", beside) : "");
}

/* h: the dense input beside it, or NULL; columns: the first row of w that is its */
static const char *layer_text(const Layout *y, const Layout *w, const Value *h, int columns)
{
    const Layout *v = h ? h->layout : NULL;
    const char *beside = v ? format(", .h = {%ld, NET_SEGMENTS(%s)}",
                                    256L * v->height * v->width * v->blocks, segments_text(v))
                           : "";

    return format("(struct net_sparse_dense){.batch_blocks = %d, .panels = %s, .inputs = %d, "
                  ".columns = %d%s}",
                  y->batch_blocks, braces(w->panels, 3), w->rows, columns, beside);
}

void emit_sparse_dense(KernelCode *c, const Kernel *k)
{
    Value *const *in = k->node->inputs; /* x h w b */
    const Value *y = k->node->outputs[0];

    describe_kernel(c, k, in[0], "y = x w%s%s of a sparse x; items: batch blocks",
                    in[1] ? " + h w" : "", in[3] ? " + b" : "");
    add_matrix(c, in[0], in[2]->shape);
    call_template(c, "net_sparse_dense(%s, NET_CSR(%s), %s, %s, %s, %s", pointer(c, y),
                  name_of(c, in[0]), pointer(c, in[1]), pointer(c, in[2]), pointer(c, in[3]),
                  layer_text(y->layout, in[2]->layout, in[1], in[0]->shape.size[0]));
}

void emit_sparse_dense_dx(KernelCode *c, const Kernel *k)
{
    const Value *dy = k->node->inputs[0], *dh = k->node->outputs[0];
    const Layout *w = k->node->inputs[1]->layout;

    describe_as(c,
                format("sparse_dense_dx_%s_from_%d_of_%dx%d", shape_name(c->e, dh),
                       k->node->at.begin, w->rows, w->outputs),
                "dh = dy w', of what stands beside a sparse x; items: batch blocks");
    call_template(c, "net_sparse_dense_dx(%s, %s, %s", pointer(c, dh), inputs_text(c, k->node),
                  layer_text(dy->layout, w, dh, k->node->at.begin));
}

void emit_sparse_dense_dw(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *h = k->node->inputs[1], *dy = k->node->inputs[2];
    const Layout *dw = k->node->outputs[0]->layout;

    describe_kernel(c, k, x,
                    "dw = x' dy over the elements of each column%s%s; items: (panel, rows)",
                    h ? ", h' dy over images" : "", then_update(k));
    add_matrix(c, x, k->node->outputs[0]->shape);
    call_template(c,
                  "net_sparse_dense_dw(%s, NET_CSC(%s), %s, (struct net_sparse_dense_dw){"
                  ".panels = %s, .inputs = %d, .columns = %d, .apply = %s}",
                  result_pointer(c, k), name_of(c, x), pointer(c, dy), braces(dw->panels, 3),
                  dw->rows, x->shape.size[0], apply_literal(c, k));
    if (h)
        call_dense_dw(c, k, h, dy, x->shape.size[0]);
}

void emit_to_dense(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *y = k->node->outputs[0];

    describe_kernel(c, k, x, "y = a sparse x with its zeros; items: batch blocks");
    call_template(c, "net_to_dense(%s, NET_CSR(%s), %d, %d", pointer(c, y), name_of(c, x),
                  y->layout->batch_blocks, y->layout->blocks);
}
