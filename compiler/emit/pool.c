/*
 * pool.c -- pools, upsampling and their gradients (kernels/pool.h).
 */

#include "emit/emit.h"

static const char *pair(const char *member, const int of[2])
{
    return format(".%s = {%d, %d}", member, of[0], of[1]);
}

/* Windows of x, each a pixel of y; `scale`: what a sum is multiplied by, or NULL. */
static const char *pool_text(const Node *node, const Physical *x, const Physical *y,
                             const char *scale)
{
    const int sizes[2][2] = {{x->height, x->width}, {y->height, y->width}};
    const int *padding = node->at.padding;
    Text text = {0};

    text_add(&text, "(struct net_pool2d){.batch_blocks = %d, .blocks = %d, %s, %s,\n", y->chunks,
             y->blocks, pair("x", sizes[0]), pair("y", sizes[1]));
    text_add(&text, "%s, %s", pair("kernel", node->at.kernel), pair("stride", node->at.stride));
    if (padding[0] || padding[1])
        text_add(&text, ", %s", pair("padding", padding));
    if (scale)
        text_add(&text, ", .scale = %s", scale);
    text_add(&text, "}");
    return text.at;
}

/* A mean is a sum times one over the pixels of the window. */
static const char *mean_scale(const Node *node)
{
    const int pixels = node->at.kernel[0] * node->at.kernel[1];

    return node->op == OP_UPSAMPLE2D_GRAD || pixels == 1 ? "1.0f" : format("1.0f / %d.0f", pixels);
}

/* "maxpool2d_grad_relu_grad_64x8x28x28_2x2" */
static const char *window_name(Emitter *e, const Kernel *k, const Value *of)
{
    const Node *node = k->node;

    return format("%s%s_%s_%dx%d", op_info[node->op].text, body_name(k), shape_name(e, of),
                  node->at.kernel[0], node->at.kernel[1]);
}

/* ---- Forward: no epilogue -------------------------------------------------------------------- */

/* y, the index where backward reads it, and x; gives what the template takes for the index. */
static const char *add_max(Emitter *e, Driver *d, const Node *node)
{
    const bool index = !node->outputs[1]->internal;

    add_operand(e, d, "y", node->outputs[0], true, NULL);
    if (index)
        add_operand(e, d, "index", node->outputs[1], true, NULL);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    return index ? "V(index)" : "NULL";
}

void emit_maxpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *index = add_max(e, d, node);
    const RowEnd row_end = add_row_end(e, d, k);

    d->base = window_name(e, k, node->inputs[0]);
    text_add(&d->comment, "/* y = max of each window of x%s; items: (batch block, row) */\n",
             *index == 'V' ? ", index = its first tap that has it" : "");
    open_kernel(d, NULL, &row_end);
    call_template(d, "net_maxpool2d(V(y), %s, V(x), %s,\n%s", index, row_end.arguments,
                  pool_text(node, node->inputs[0]->physical, node->outputs[0]->physical, NULL));
}

void emit_avgpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;

    add_operand(e, d, "y", node->outputs[0], true, NULL);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    d->base = format("global_avgpool2d_%s", shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* y = the mean over the pixels of x; items: batch blocks */\n");
    call_template(d, "net_global_avgpool2d(V(y), V(x), %s", extent_text(node->inputs[0]->physical));
}

void emit_global_maxpool(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *index = add_max(e, d, node);

    d->base = format("global_maxpool2d%s_%s", *index == 'V' ? "_index" : "",
                     shape_name(e, node->inputs[0]));
    text_add(&d->comment, "/* y = max over the pixels of x%s; items: batch blocks */\n",
             *index == 'V' ? ", index = the first that has it" : "");
    call_template(d, "net_global_maxpool2d(V(y), %s, V(x), %s", index,
                  extent_text(node->inputs[0]->physical));
}

/* ---- Hosts of epilogues ---------------------------------------------------------------------- */

/* A kernel whose template takes `call`, the epilogue and the sums of its rows, then `shape`;
   `gathers`: it may unroll the epilogue. */
static void call_host(Emitter *e, Driver *d, const Kernel *k, const char *call, bool gathers,
                      const char *shape)
{
    const Epilogue end = add_epilogue(e, d, k, k->node->outputs[0]->physical);
    const RowEnd row_end = add_row_end(e, d, k);

    open_kernel(d, &end, &row_end);
    call_template(d, "%s, %s%s, %s,\n%s", call, end.arguments,
                  !gathers    ? ""
                  : end.heavy ? ", true"
                              : ", false",
                  row_end.arguments, shape);
}

void emit_maxpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *dx = node->outputs[0]->physical, *dy = node->inputs[0]->physical;

    add_operand(e, d, "index", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, node->inputs[1]->physical);
    d->base = window_name(e, k, node->outputs[0]);
    text_add(&d->comment, "/* dx = the dy of the windows whose max is x; items: (batch block, row) "
                          "*/\n");
    call_host(e, d, k, "net_maxpool2d_grad(V(index), V(dy)", true, pool_text(node, dx, dy, NULL));
}

void emit_window_sum(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const char *from = node->backward ? "dy" : "x";

    add_operand(e, d, from, node->inputs[0], false, NULL);
    d->base = window_name(e, k, node->inputs[0]);
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             node->backward ? "dx = the sum of the dy that x became"
                            : "y = the mean of each window of x, padding counted as 0");
    call_host(
        e, d, k, format("net_window_sum(V(%s)", from), true,
        pool_text(node, node->inputs[0]->physical, node->outputs[0]->physical, mean_scale(node)));
}

void emit_window_spread(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *from = node->inputs[0]->physical, *to = node->outputs[0]->physical;
    const bool grad = node->op == OP_AVGPOOL2D_GRAD;

    add_operand(e, d, grad ? "dy" : "x", node->inputs[0], false, NULL);
    d->base = window_name(e, k, node->inputs[0]);
    text_add(&d->comment, "/* %s; items: (batch block, row) */\n",
             grad ? "dx = the sum of dy over the windows that hold x, over their pixels"
                  : "y = the x that it comes from, a pixel becomes several");
    if (grad)
        call_host(e, d, k, "net_avgpool2d_grad(V(dy)", true,
                  pool_text(node, to, from, mean_scale(node)));
    else
        call_host(e, d, k, "net_upsample2d(V(x)", false, pool_text(node, from, to, NULL));
}

void emit_avgpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;

    add_operand(e, d, "dy", node->inputs[0], false, NULL);
    d->base = format("global_avgpool2d_grad%s_%s", body_name(k), shape_name(e, node->outputs[0]));
    text_add(&d->comment, "/* dx = dy / pixels; items: (batch block, row) */\n");
    call_host(e, d, k, "net_global_pool2d_grad(NULL, V(dy)", false,
              extent_text(node->outputs[0]->physical));
}

void emit_global_maxpool_grad(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;

    add_operand(e, d, "index", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[node->input_count - 1], false, NULL);
    d->base = format("global_maxpool2d_grad%s_%s", body_name(k), shape_name(e, node->outputs[0]));
    text_add(&d->comment, "/* dx = dy where x is the max; items: (batch block, row) */\n");
    call_host(e, d, k, "net_global_pool2d_grad(V(index), V(dy)", false,
              extent_text(node->outputs[0]->physical));
}
