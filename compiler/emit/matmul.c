/*
 * matmul.c -- the product of two values, an image at a time (kernels/matmul.h).
 */

#include "emit/emit.h"

void emit_matmul(KernelCode *c, const Kernel *k)
{
    static const char *const signs[2] = {"", "'"};
    const Node *node = k->node;
    const bool ta = node->op == OP_MATMUL_TN || node->op == OP_MATMUL_TT;
    const bool tb = node->op == OP_MATMUL_NT || node->op == OP_MATMUL_TT;
    const Shape a = node->inputs[0]->shape, y = node->outputs[0]->shape;
    const int rows = y.size[1], inner = a.size[ta], columns = y.size[0];
    const int packed = k->schedule.tile, tile = c->e->target->rows;
    int panels[3];

    cut_panels(blocks_of(columns), c->e->target->vectors, panels);
    describe_kernel(c, k, node->outputs[0], "c = a%s b%s of each image; items: (image, %d rows)",
                    signs[ta], signs[tb], packed);
    c->base = format("%s_%d", c->base, inner);
    call_template(c,
                  "net_matmul(%s, %s, %d, %d, %d, %d, (struct net_matmul){.rows = %d, .inner = %d, "
                  ".columns = %d, .packed_rows = %d, .panels = %s}",
                  pointer(c, node->outputs[0]), inputs_text(c, node), ta, tb, tile, rows % tile,
                  rows, inner, columns, packed, braces(panels, 3));
}
