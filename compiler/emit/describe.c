/*
 * describe.c -- what kernels are called, and the comment above them.
 */

#include "emit/emit.h"

void describe_kernel(KernelCode *c, const Kernel *k, const Value *shape, const char *fmt, ...)
{
    va_list args;

    c->base = format("%s%s%s_%s", op_info[k->node->op].text, update_suffix(k), epilogue_name(k),
                     shape_name(c->e, shape));
    va_start(args, fmt);
    text_add(&c->comment, "/* ");
    text_add_v(&c->comment, fmt, args);
    text_add(&c->comment, " */\n");
    va_end(args);
}

void name_dw(KernelCode *c, const Kernel *k, const char *way)
{
    const Layout *dw = k->node->outputs[0]->layout;

    c->base = format("%s%s%s_%s_%dx%d", op_info[k->node->op].text, way,
                     k->scratch ? "_partial" : update_suffix(k),
                     shape_name(c->e, k->node->inputs[0]), dw->rows, dw->outputs);
}
