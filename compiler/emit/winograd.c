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
static const char *product_tiles(Emitter *e, const Winograd *g, const int panels[3])
{
    Text tiles = {0};

    for (int width = 3; width >= 1; width--) {
        const char *tile = "NULL";

        if (panels[3 - width])
            tile = add_tile(
                e, "NET_WINOGRAD_TILE", format("winograd_tile_%dx%d_%d", g->rows, width, g->v_row),
                "net_winograd_multiply(m, v, u, channels, %d, %d, %d)", g->rows, width, g->v_row);
        text_add(&tiles, "%s, ", tile);
    }
    return tiles.at;
}

/* ---- conv2d and its dx ----------------------------------------------------------------------- */

void emit_winograd(KernelCode *c, const Kernel *k)
{
    Emitter *e = c->e;
    const Node *node = k->node;
    const Winograd *g = &k->schedule.winograd;
    const bool dx = node->op == OP_CONV2D_DX;
    const int *pad = node->at.padding;
    const int padding[] = {dx ? 2 - pad[0] : pad[0], dx ? 2 - pad[1] : pad[1]};
    int panels[3];

    cut_panels(blocks_of(node->inputs[1]->shape.size[dx]), e->target->vectors, panels);

    const char *tiles = product_tiles(e, g, panels), *input = transform(e, "input", g->tile);
    const char *output = transform(e, "output", g->tile);

    describe_contraction(c, k, "_winograd", format(" by F(%dx%d, 3x3)", g->tile, g->tile),
                         g->batch_blocks > 1 ? "(batch blocks, row of tiles)"
                                             : "(batch block, row of tiles)");
    call_template(c, k,
                  "net_winograd(<in>, <scratch>, %s, (struct net_winograd){.x = <in.extent>, "
                  ".y = <out.extent>, .channels = <w.dim%d>, .outputs = <w.dim%d>, .panels = %s, "
                  ".padding = %s, .m = %d, .down = %d, .across = %d, .group = %d, "
                  ".batch_blocks = %d}, <tile_rows>, %s, %s, %s<epilogue>, <row_end>",
                  dx ? "NULL" : "<b>", !dx, dx, braces(panels, 3), braces(padding, 2), g->tile,
                  g->down, g->across, g->group, g->batch_blocks, input, output, tiles);
}

/* ---- Transformed weights --------------------------------------------------------------------- */

/* More bytes than this are not kept in a cache of a core until a convolution reads them. */
enum { STREAMED = 1 << 20 };

void emit_winograd_weights(KernelCode *c, const Kernel *k)
{
    const bool dx = k->node->op == OP_CONV2D_DX, stream = k->scratch->size > STREAMED;
    const int outputs = k->node->inputs[1]->shape.size[dx], m = k->schedule.winograd.tile;
    const char *tile = filter(c->e, m, stream);

    describe_kernel(
        c, k, format("winograd_weights_%d%s_<w.dim1>x<w.outputs>", m, dx ? "_transposed" : ""),
        "wt = G w G'%s; items: (block of outputs, block of inputs)",
        dx ? ", inputs for outputs and taps flipped" : "");
    call_template(c, k,
                  "net_winograd_weights(<scratch>, <w>, (struct net_winograd_weights){"
                  ".inputs = <w.dim1>, .outputs = <w.outputs>, .panels = <w.panels>, "
                  ".u_panels = %s, .transposed = %s, .stream = %s}, %s",
                  panels_text(outputs, c->e->target->vectors), truth(dx), truth(stream), tile);
}

/* ---- dw -------------------------------------------------------------------------------------- */

static const char *dw_literal(const Winograd *g)
{
    return format("(struct net_winograd_dw){.x = <x.extent>, .dy = <dy.extent>, "
                  ".inputs = <dw.dim1>, .panels = <dw.panels>, .padding = <at.padding>, "
                  ".down = %d, .across = %d, .group = %d, .batch_blocks = %d, .item_panels = %d, "
                  ".item_blocks = %d, .whole = %s, .splits = %d, .apply = <apply>}",
                  g->down, g->across, g->group, g->batch_blocks, g->panels, g->blocks,
                  truth(g->whole), g->splits);
}

void emit_winograd_dw(KernelCode *c, const Kernel *k)
{
    Emitter *e = c->e;
    const Winograd *g = &k->schedule.winograd;
    const char *tiles = dw_tiles(e, k->node, true, false);
    const char *input = transform(e, "input", g->tile);
    const char *gradient = transform(e, "gradient", g->tile);
    const char *filter = filter_gradient(e, g->tile);

    describe_kernel(
        c, k, "<op>_winograd<partial>_<x.shape>_<dw.rows>x<dw.outputs>",
        "dw = x' dy over images and pixels by F(%dx%d, 3x3)%s; items: (%spanels, blocks of "
        "inputs)",
        g->tile, g->tile, k->scratch ? ", not yet added and transformed" : "<then_update>",
        k->scratch ? "split, " : "");
    call_template(c, k, "net_winograd_dw(%s, <inputs>, %s, %d, <tile_rows>, %s, %s, %s%s",
                  k->scratch ? "<scratch>" : "<result>", dw_literal(g), g->tile, input, gradient,
                  filter, tiles);
}

void emit_winograd_dw_reduction(KernelCode *c, const Kernel *k)
{
    const Winograd *g = &k->schedule.winograd;
    const char *filter = filter_gradient(c->e, g->tile);

    describe_kernel(
        c, k, "winograd_reduce_partial<update>_<dw.rows>x<dw.outputs>",
        "dw = G' (partial sums added in order) G<then_update>; items: (panel, block of inputs)");
    call_template(c, k, "net_winograd_reduce_dw(<result>, <scratch>, %s, %d, %s", dw_literal(g),
                  g->tile, filter);
}
