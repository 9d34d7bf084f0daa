/*
 * sparse.c -- dense layers of a sparse input, and of dense ones beside it (kernels/sparse.h).
 */

#include "emit/emit.h"
#include "emit/tables.h"

/* Every member a multiple of 64 bytes long, as all of the batch; room for full rows. */
void declare_sparse(Emitter *e, const Physical *v)
{
    const long images = e->model->max_batch, elements = up16(images * v->rows);
    Text *out = &e->types;

    line(out, 0, "%s {", v->type);
    line(out, 1, "int32_t row_begin[%ld], column[%ld];    /* by image: CSR */", up16(images + 1),
         elements);
    line(out, 1, "float value[%ld];", elements);
    line(out, 1, "int32_t column_begin[%ld], image[%ld];    /* the same by column: CSC */",
         up16(v->rows + 1L), elements);
    line(out, 1, "float column_value[%ld];", elements);
    line(out, 0, "};");
}

void write_pack_sparse(const Emitter *e, Text *out, const Graph *g, const Value *value, int field)
{
    const char *name = c_name(e, value->name);

    line(out, 1,
         "net_pack_sparse(to->%s.row_begin, to->%s.column, to->%s.value, to->%s.column_begin, "
         "to->%s.image, to->%s.column_value, &fields[%d], n, %d, %s);",
         name, name, name, name, name, name, field, value->physical->rows,
         has_row_gradient(g, value) ? "true" : "false");
}

static const char *layer_name(const Emitter *e, const char *operation, const Value *x, Shape w)
{
    return format("%s_%sx%d%s", operation, shape_name(e, x), w.size[0],
                  w.size[1] > x->shape.size[0] ? format("_and_%d", w.size[1] - x->shape.size[0])
                                               : "");
}

/* h: the dense input beside it, or NULL; columns: the first row of w that is its */
static const char *layer_text(const Physical *y, const Physical *w, const Value *h, int columns)
{
    const Physical *v = h ? h->physical : NULL;
    const char *beside = v ? format(", .h = {%ld, NET_SEGMENTS(%s)}",
                                    256L * v->height * v->width * v->blocks, segments_text(v))
                           : "";

    return format("(struct net_sparse_dense){.batch_blocks = %d, .panels = %s, .inputs = %d, "
                  ".columns = %d%s}",
                  y->chunks, braces(w->panels, 3), w->rows, columns, beside);
}

void emit_sparse_dense(Emitter *e, Driver *d, const Kernel *k)
{
    Value *const *in = k->node->inputs; /* x h w b */
    Value *y = k->node->outputs[0];

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "x", in[0], false, NULL);
    if (in[1])
        add_operand(e, d, "h", in[1], false, NULL);
    add_operand(e, d, "w", in[2], false, NULL);
    if (in[3])
        add_operand(e, d, "b", in[3], false, NULL);
    d->base = layer_name(e, "sparse_dense", in[0], in[2]->shape);
    text_add(&d->comment, "/* y = x w%s%s of a sparse x; items: batch blocks */\n",
             in[1] ? " + h w" : "", in[3] ? " + b" : "");
    call_template(d, "net_sparse_dense(V(y), NET_CSR(x), %s, V(w), %s, %s", in[1] ? "V(h)" : "NULL",
                  in[3] ? "V(b)" : "NULL",
                  layer_text(y->physical, in[2]->physical, in[1], in[0]->shape.size[0]));
}

void emit_sparse_dense_dx(Emitter *e, Driver *d, const Kernel *k)
{
    Value *dy = k->node->inputs[0], *w = k->node->inputs[1], *dh = k->node->outputs[0];

    add_operand(e, d, "dh", dh, true, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    add_operand(e, d, "w", w, false, NULL);
    d->base = format("sparse_dense_dx_%s_from_%d_of_%dx%d", shape_name(e, dh), k->node->at.begin,
                     w->physical->rows, w->physical->outputs);
    text_add(&d->comment,
             "/* dh = dy w', of what stands beside a sparse x; items: batch blocks */\n");
    call_template(d, "net_sparse_dense_dx(V(dh), V(dy), V(w), %s",
                  layer_text(dy->physical, w->physical, dh, k->node->at.begin));
}

void emit_sparse_dense_dw(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *h = k->node->inputs[1], *dy = k->node->inputs[2];
    const Physical *dw = k->node->outputs[0]->physical;
    const char *to = add_result(e, d, k);

    add_operand(e, d, "x", x, false, NULL);
    if (h)
        add_operand(e, d, "h", h, false, NULL);
    add_operand(e, d, "dy", dy, false, NULL);
    d->base = layer_name(e, k->update ? "sparse_dense_dw_update" : "sparse_dense_dw", x,
                         k->node->outputs[0]->shape);
    text_add(&d->comment,
             "/* dw = x' dy over the elements of each column%s%s; items: (panel, rows) */\n",
             h ? ", h' dy over images" : "", k->update ? ", then the update" : "");
    call_template(d,
                  "net_sparse_dense_dw(V(%s), NET_CSC(x), V(dy), (struct net_sparse_dense_dw){"
                  ".panels = %s, .inputs = %d, .columns = %d, .apply = %s}",
                  to, braces(dw->panels, 3), dw->rows, x->shape.size[0], apply_literal(k));
    for (int i = 0; h && i < h->physical->segment_count; i++) {
        const Segment *s = &h->physical->segments[i];
        const DenseRows of = {h->physical, dy->physical, dw, s, x->shape.size[0] + s->start, "h"};

        write_dense_dw(e, d, k, &of);
    }
}

void emit_to_dense(Emitter *e, Driver *d, const Kernel *k)
{
    Value *x = k->node->inputs[0], *y = k->node->outputs[0];

    add_operand(e, d, "y", y, true, NULL);
    add_operand(e, d, "x", x, false, NULL);
    d->base = format("to_dense_%s", shape_name(e, x));
    text_add(&d->comment, "/* y = a sparse x with its zeros; items: batch blocks */\n");
    call_template(d, "net_to_dense(V(y), NET_CSR(x), %d, %d", y->physical->chunks,
                  y->physical->blocks);
}
