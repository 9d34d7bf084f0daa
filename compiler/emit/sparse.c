/*
 * sparse.c -- dense layers of a sparse input, and of dense ones beside it (kernels/sparse.h).
 */

#include "emit/emit.h"
#include "emit/tables.h"

void write_pack_sparse(const Emitter *e, Text *out, const Graph *g, const Value *value, int field)
{
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_sparse(to->%s.row_begin, to->%s.column, to->%s.value, to->%s.column_begin, "
         "to->%s.image, to->%s.column_value, &fields[%d], n, %d, %s);",
         name, name, name, name, name, name, field, value->layout->rows,
         has_row_gradient(g, value) ? "true" : "false");
}

static const char *layer_name(const KernelCode *c, const char *operation, const Value *x, Shape w)
{
    return format("%s_%sx%d%s", operation, shape_name(c->e, x), w.size[0],
                  w.size[1] > x->shape.size[0] ? format("_and_%d", w.size[1] - x->shape.size[0])
                                               : "");
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

    c->base = layer_name(c, "sparse_dense", in[0], in[2]->shape);
    text_add(&c->comment, "/* y = x w%s%s of a sparse x; items: batch blocks */\n",
             in[1] ? " + h w" : "", in[3] ? " + b" : "");
    call_template(c, "net_sparse_dense(%s, NET_CSR(%s), %s, %s, %s, %s", pointer(c, y),
                  name_of(c, in[0]), pointer(c, in[1]), pointer(c, in[2]), pointer(c, in[3]),
                  layer_text(y->layout, in[2]->layout, in[1], in[0]->shape.size[0]));
}

void emit_sparse_dense_dx(KernelCode *c, const Kernel *k)
{
    const Value *dy = k->node->inputs[0], *dh = k->node->outputs[0];
    const Layout *w = k->node->inputs[1]->layout;

    c->base = format("sparse_dense_dx_%s_from_%d_of_%dx%d", shape_name(c->e, dh), k->node->at.begin,
                     w->rows, w->outputs);
    text_add(&c->comment,
             "/* dh = dy w', of what stands beside a sparse x; items: batch blocks */\n");
    call_template(c, "net_sparse_dense_dx(%s, %s, %s", pointer(c, dh), inputs_text(c, k->node),
                  layer_text(dy->layout, w, dh, k->node->at.begin));
}

void emit_sparse_dense_dw(KernelCode *c, const Kernel *k)
{
    const Value *x = k->node->inputs[0], *h = k->node->inputs[1], *dy = k->node->inputs[2];
    const Layout *dw = k->node->outputs[0]->layout;

    c->base = layer_name(c, k->update ? "sparse_dense_dw_update" : "sparse_dense_dw", x,
                         k->node->outputs[0]->shape);
    text_add(&c->comment,
             "/* dw = x' dy over the elements of each column%s%s; items: (panel, rows) */\n",
             h ? ", h' dy over images" : "", then_update(k));
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

    c->base = format("to_dense_%s", shape_name(c->e, x));
    text_add(&c->comment, "/* y = a sparse x with its zeros; items: batch blocks */\n");
    call_template(c, "net_to_dense(%s, NET_CSR(%s), %d, %d", pointer(c, y), name_of(c, x),
                  y->layout->batch_blocks, y->layout->blocks);
}
