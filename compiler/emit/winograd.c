/*
 * winograd.c -- convolutions and their gradients by Winograd's minimal filtering
 * (kernels/winograd_conv.h, kernels/winograd_dw.h).
 */

#include "emit/emit.h"

/* ---- Functions that kernels share ------------------------------------------------------------ */

/* A transform of winograd.h: "input" or "gradient" of pixels, "output" of products. */
static const char *transform(Emitter *e, const char *what, int m)
{
    const bool back = same(what, "output");

    return add_tile(e, back ? "NET_WINOGRAD_INVERSE" : "NET_WINOGRAD_TRANSFORM",
                    format("winograd_%s_%d", what, m), "net_winograd_%s(to, %s, %d)", what,
                    back ? "from, step" : "step, pixels", m);
}

static const char *filter(Emitter *e, int m, bool stream)
{
    return add_tile(e, "NET_WINOGRAD_FILTER",
                    format("winograd_filter_%d%s", m, stream ? "_stream" : ""),
                    "net_winograd_transform_filter(to, step, from, tap, %d, %s)", m,
                    stream ? "vec_stream" : "vec_store");
}

static const char *filter_gradient(Emitter *e, int m)
{
    return add_tile(e, "NET_WINOGRAD_FILTER_GRADIENT", format("winograd_filter_gradient_%d", m),
                    "net_winograd_weight_gradient(to, tap, from, step, count, splits, split, %d)",
                    m);
}

/* Of each width that there are panels of: "winograd_tile_8x3, NULL, NULL, " */
static const char *product_tiles(Emitter *e, const int panels[3])
{
    const int rows = e->target->rows;
    Text tiles = {0};

    for (int width = 3; width >= 1; width--)
        text_add(&tiles, "%s, ",
                 !panels[3 - width]
                     ? "NULL"
                     : add_tile(e, "NET_WINOGRAD_TILE", format("winograd_tile_%dx%d", rows, width),
                                "net_winograd_multiply(m, v, u, channels, %d, %d)", rows, width));
    return tiles.at;
}

/* ---- conv2d and its dx ----------------------------------------------------------------------- */

void emit_winograd(KernelCode *c, const Kernel *k)
{
    Emitter *e = c->e;
    const Node *node = k->node;
    const Winograd *g = &k->schedule.winograd;
    const bool dx = node->op == OP_CONV2D_DX;
    const Value *b = node->input_count > 2 ? node->inputs[2] : NULL;
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const Epilogue end = add_epilogue(c, k, y);
    const int *pad = node->at.padding;
    const int padding[] = {dx ? 2 - pad[0] : pad[0], dx ? 2 - pad[1] : pad[1]};
    int panels[3];

    cut_panels(blocks_of(w.size[dx ? 1 : 0]), e->target->vectors, panels);

    const char *tiles = product_tiles(e, panels);

    describe_contraction(c, k, "_winograd", format(" by F(%dx%d, 3x3)", g->tile, g->tile),
                         g->batch_blocks > 1 ? "(batch blocks, row of tiles)"
                                             : "(batch block, row of tiles)");
    call_template(c,
                  "net_winograd(%s, %s, %s, (struct net_winograd){.x = %s, .y = %s, "
                  ".channels = %d, .outputs = %d, .panels = %s, .padding = %s, .m = %d, "
                  ".down = %d, .across = %d, .group = %d, .batch_blocks = %d}, %d, %s, %s, %s%s, "
                  "%s",
                  pointer(c, node->inputs[0]), scratch_pointer(c, k), pointer(c, b),
                  extent_braces(x), extent_braces(y), w.size[dx ? 0 : 1], w.size[dx ? 1 : 0],
                  braces(panels, 3), braces(padding, 2), g->tile, g->down, g->across, g->group,
                  g->batch_blocks, e->target->rows, transform(e, "input", g->tile),
                  transform(e, "output", g->tile), tiles, end.arguments, add_row_end(c, k));
}

/* ---- Transformed weights --------------------------------------------------------------------- */

/* More bytes than this are not kept in a cache of a core until a convolution reads them. */
enum { STREAMED = 1 << 20 };

void emit_winograd_weights(KernelCode *c, const Kernel *k)
{
    const bool dx = k->node->op == OP_CONV2D_DX, stream = k->scratch->size > STREAMED;
    const Value *w = k->node->inputs[1];
    const int outputs = w->layout->outputs, inputs = w->shape.size[1],
              m = k->schedule.winograd.tile;
    int panels[3];

    cut_panels(blocks_of(dx ? inputs : outputs), c->e->target->vectors, panels);
    describe_as(c,
                format("winograd_weights_%d%s_%dx%d", m, dx ? "_transposed" : "", inputs, outputs),
                "wt = G w G'%s; items: (block of outputs, block of inputs)",
                dx ? ", inputs for outputs and taps flipped" : "");
    call_template(c,
                  "net_winograd_weights(%s, %s, (struct net_winograd_weights){.inputs = %d, "
                  ".outputs = %d, .panels = %s, .u_panels = %s, .transposed = %s, .stream = %s}, "
                  "%s",
                  scratch_pointer(c, k), pointer(c, w), inputs, outputs,
                  braces(w->layout->panels, 3), braces(panels, 3), truth(dx), truth(stream),
                  filter(c->e, m, stream));
}

/* ---- dw -------------------------------------------------------------------------------------- */

static const char *dw_literal(const KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Winograd *g = &k->schedule.winograd;

    return format("(struct net_winograd_dw){.x = %s, .dy = %s, .inputs = %d, .panels = %s, "
                  ".padding = %s, .down = %d, .across = %d, .group = %d, .batch_blocks = %d, "
                  ".item_panels = %d, .item_blocks = %d, .whole = %s, .splits = %d, .apply = %s}",
                  extent_braces(node->inputs[0]->layout), extent_braces(node->inputs[1]->layout),
                  node->outputs[0]->shape.size[1], braces(node->outputs[0]->layout->panels, 3),
                  braces(node->at.padding, 2), g->down, g->across, g->group, g->batch_blocks,
                  g->panels, g->blocks, truth(g->whole), g->splits, apply_literal(c, k));
}

void emit_winograd_dw(KernelCode *c, const Kernel *k)
{
    Emitter *e = c->e;
    const Node *node = k->node;
    const Winograd *g = &k->schedule.winograd;
    const char *tiles = dw_tiles(e, node->outputs[0]->layout, true, false);

    describe_dw(c, k, "_winograd",
                "dw = x' dy over images and pixels by F(%dx%d, 3x3)%s; items: (%spanels, blocks of "
                "inputs)",
                g->tile, g->tile, k->scratch ? ", not yet added and transformed" : then_update(k),
                k->scratch ? "split, " : "");
    call_template(c, "net_winograd_dw(%s, %s, %s, %d, %d, %s, %s, %s%s", sums_pointer(c, k),
                  inputs_text(c, node), dw_literal(c, k), g->tile, e->target->rows,
                  transform(e, "input", g->tile), transform(e, "gradient", g->tile),
                  filter_gradient(e, g->tile), tiles);
}

void emit_winograd_dw_reduction(KernelCode *c, const Kernel *k)
{
    const Layout *dw = k->node->outputs[0]->layout;

    describe_as(c,
                format("winograd_reduce_partial%s_%dx%d", update_suffix(k), dw->rows, dw->outputs),
                "dw = G' (partial sums added in order) G%s; items: (panel, block of inputs)",
                then_update(k));
    call_template(c, "net_winograd_reduce_dw(%s, %s, %s, %d, %s", result_pointer(c, k),
                  scratch_pointer(c, k), dw_literal(c, k), k->schedule.winograd.tile,
                  filter_gradient(c->e, k->schedule.winograd.tile));
}
