/*
 * norm.c -- layernorm and its gradient (kernels/norm.h).
 */

#include "emit/emit.h"

static void call_norm(Emitter *e, Driver *d, const Kernel *k, const char *call)
{
    static const char *const names[2][3] = {{"x", "gamma", "beta"}, {"x", "dy", "gamma"}};
    const Node *node = k->node;
    const Physical *v = node->outputs[0]->physical;

    for (int i = 0; i < 3; i++)
        add_operand(e, d, names[node->backward][i], node->inputs[i], false, NULL);

    const Epilogue end = add_epilogue(e, d, k, v);
    const RowEnd row_end = add_row_end(e, d, k);

    d->base = format("%s%s_%s", op_info[node->op].text, body_name(k),
                     shape_name(e, node->outputs[0]));
    open_kernel(d, &end, &row_end);
    call_template(d, "%s, %s, %s,\n(struct net_layernorm){%s, .channels = %d, .eps = %s}", call,
                  end.arguments, row_end.arguments, extent_text(v), channel_count(v),
                  literal(node->at.eps));
}

void emit_layernorm(Emitter *e, Driver *d, const Kernel *k)
{
    text_add(&d->comment, "/* y = (x - mean) / deviation gamma + beta along the channels; items: "
                          "(batch block, row) */\n");
    call_norm(e, d, k, "net_layernorm(V(x), V(gamma), V(beta)");
}

void emit_layernorm_grad(Emitter *e, Driver *d, const Kernel *k)
{
    text_add(&d->comment, "/* dx = (g - mean of g - xhat mean of g xhat) / deviation, g = dy "
                          "gamma; items: (batch block, row) */\n");
    call_norm(e, d, k, "net_layernorm_grad(V(x), V(dy), V(gamma)");
}
