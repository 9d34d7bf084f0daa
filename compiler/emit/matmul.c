/*
 * matmul.c -- the product of two values, an image at a time (kernels/matmul.h).
 */

#include "emit/emit.h"

void emit_matmul(KernelCode *c, const Kernel *k)
{
    const Op op = k->node->op;
    const bool ta = op == OP_MATMUL_TN || op == OP_MATMUL_TT;
    const bool tb = op == OP_MATMUL_NT || op == OP_MATMUL_TT;
    const Shape y = k->node->outputs[0]->shape; /* columns, rows */
    const Target *target = c->e->target;

    describe_kernel(c, k, format("<name>_<c.shape>_<a.dim%d>", ta),
                    "c = a%s b%s of each image; items: (image, <tile> rows)", ta ? "'" : "",
                    tb ? "'" : "");
    call_template(c, k,
                  "net_matmul(<c>, <a>, <b>, %d, %d, <tile_rows>, %d, (struct net_matmul){"
                  ".rows = <c.dim1>, .inner = <a.dim%d>, .columns = <c.dim0>, "
                  ".packed_rows = <tile>, .panels = %s}",
                  ta, tb, y.size[1] % target->rows, ta, panels_text(y.size[0], target->vectors));
}
