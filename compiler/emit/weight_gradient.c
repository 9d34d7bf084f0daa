/*
 * weight_gradient.c -- weight gradients and their final reductions (kernels/weight_gradient.h).
 */

#include "emit/emit.h"

/* ---- Tiles ----------------------------------------------------------------------------------- */

const char *dw_tiles(Emitter *e, const Node *node, bool add, bool prefetch)
{
    const char *pairs = node->bfloat16 ? "_pairs" : "";
    const Layout *dw = node->outputs[0]->layout;
    const int inputs = tile_inputs(e, node);
    const char *way = format("%s%s%s", pairs, add ? "_add" : "", prefetch ? "_prefetch" : "");
    Text text = {0};

    for (int width = 3; width >= 1; width--) {
        const char *tile = "NULL";

        if (dw->panels[3 - width])
            tile = add_tile(e, "NET_DW_TILE", format("dw_tile_%dx%d%s", inputs, width, way),
                            "net_sum_dw%s(dw, x, dy, over, %d, %d, %s, %s)", pairs, inputs, width,
                            truth(add), truth(prefetch));
        text_add(&text, ", %s", tile);
    }
    return text.at;
}

/* A member of its struct: x and dy are pairs of bfloat16. */
static const char *paired(const Kernel *k)
{
    return k->pairs[0] ? ".pairs = true, " : "";
}

/* ---- Whole kernels --------------------------------------------------------------------------- */

/* Of a dense layer's inputs x, which are rows of dw from `first` on: a call for each segment. */
void call_dense_dw(KernelCode *c, const Kernel *k, const Value *x, int first)
{
    const Layout *v = x->layout;
    const char *tiles = dw_tiles(c->e, k->node, false, false);

    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        call_template(c, k,
                      "net_dense_dw(<result>, %s, %s, (struct net_dense_dw){"
                      ".panels = <dw.panels>, .inputs = <dw.rows>, .first = %d, .channels = %d, "
                      ".pixels = %d, .block = %d, .stride = %d, .x_blocks = %d, "
                      ".dy_blocks = <dy.blocks>, %s.apply = <apply>}, <tile_rows>%s",
                      k->pairs[0] ? read_pointer(c, k, 0) : pointer(c, x),
                      k->pairs[0] ? read_pointer(c, k, 1) : "<dy>", first + s->start, s->channels,
                      s->pixels, s->block, s->stride, v->blocks * v->height * v->width, paired(k),
                      tiles);
    }
}

static void call_conv_dw(KernelCode *c, const Kernel *k)
{
    const Layout *x = k->node->inputs[0]->layout;
    const char *tiles = dw_tiles(c->e, k->node, true, true);

    for (int i = 0; i < x->segment_count; i++) {
        const Segment *s = &x->segments[i];
        int tap_rows[3];

        cut_taps(k->node, s, tap_rows);
        call_template(c, k,
                      "net_conv_dw(%s, %s, %s, (struct net_conv_dw){"
                      ".batch_blocks = <x.batch_blocks>, .panels = <dw.panels>, .tap_rows = %s, "
                      ".inputs = <dw.dim1>, .outputs = <dw.dim0>, .groups = %d, .first = %d, "
                      ".channels = %d, .block = %d, .x_blocks = <x.blocks>, "
                      ".dy_blocks = <dy.blocks>, .x = <x.image>, .dy = <dy.image>, %s%s, "
                      ".partial = %s, %s.apply = <apply>}, <tile_inputs>%s",
                      k->scratch ? "<scratch>" : "<result>", read_pointer(c, k, 0),
                      read_pointer(c, k, 1), braces(tap_rows, 3), groups_of(&k->node->at),
                      s->start / (x->height * x->width), s->channels, s->block,
                      taps_members(k->node), volume_members(k->node), truth(k->scratch), paired(k),
                      tiles);
    }
}

void emit_dw(KernelCode *c, const Kernel *k)
{
    const bool dense = k->node->op == OP_DENSE_DW;

    describe_kernel(
        c, k,
        format("<op>%s<partial>_<x.shape>_<dw.rows>x<dw.outputs>", k->pairs[0] ? "_bfloat16" : ""),
        "dw = x' dy over images%s%s%s<then_update>; items: (%spanel, %sblock of inputs)",
        dense ? "" : " and pixels", k->pairs[0] ? " of bfloat16" : "",
        k->scratch ? " of a batch block" : "", k->scratch ? "batch block, " : "",
        dense ? "pixel, " : "");
    if (dense)
        call_dense_dw(c, k, k->node->inputs[0], 0);
    else
        call_conv_dw(c, k);
    add_bias_gradient(c, k);
}

/* ---- Packed images --------------------------------------------------------------------------- */

/* NET_UNROLL unrolls whole loops of up to this many inputs; the compiler's registers set the
   limit. */
static int packed_tile_inputs(const Emitter *e, int vectors)
{
    return e->target->vectors == 1 ? 6 : 24 / vectors;
}

/* The tiles of one width side by side: "(net_dw_tile *[]){...}" */
static const char *packed_tiles(Emitter *e, const Kernel *k, int vectors)
{
    const Layout *x = k->node->inputs[0]->layout, *dw = k->node->outputs[0]->layout;
    const Shape w = k->node->outputs[0]->shape;
    const int most = packed_tile_inputs(e, vectors), pixel = x->images * x->lanes;
    Text text = {0};

    if (!dw->panels[3 - vectors])
        return "NULL";
    for (int first = 0; first < dw->rows; first += most) {
        const int inputs = dw->rows - first < most ? dw->rows - first : most;

        const char *tile = add_tile(
            e, "NET_DW_TILE", format("dw_tile_%dx%d_from_%d", inputs, vectors, first),
            "net_sum_packed_dw(dw, x, dy, over, %d, %d, %d, %d, %d, %d, %d)", inputs, vectors,
            first, w.size[1], w.size[3], pixel * x->full_width, pixel);

        text_add(&text, "%s%s", first ? ", " : "(net_dw_tile *[]){", tile);
    }
    text_add(&text, "}");
    return text.at;
}

void emit_packed_dw(KernelCode *c, const Kernel *k)
{
    const Layout *x = k->node->inputs[0]->layout;
    int inputs[3];
    Text tiles = {0};

    for (int width = 3; width >= 1; width--) {
        inputs[3 - width] = packed_tile_inputs(c->e, width);
        text_add(&tiles, ", %s", packed_tiles(c->e, k, width));
    }
    describe_kernel(
        c, k, "<op><partial>_<x.shape>_<dw.rows>x<dw.outputs>",
        "dw = x' dy over the images of a batch block and some rows; items: partial sums");
    call_template(c, k,
                  "net_packed_dw(<scratch>, <inputs>, (struct net_packed_dw){"
                  ".batch_blocks = <x.batch_blocks>, .splits = <splits>, .panels = <dw.panels>, "
                  ".inputs = <dw.rows>, .tile_inputs = %s, .x = {%d, %d}, .lanes = <x.lanes>, "
                  ".dy = <dy.size>, .dy_blocks = <dy.blocks>, .stride = <at.stride>}%s",
                  braces(inputs, 3), x->full_height, x->full_width, tiles.at);
}

void emit_dw_reduction(KernelCode *c, const Kernel *k)
{
    describe_kernel(c, k, "reduce_partial<update>_<dw.floats>",
                    "dw = partial sums added in order<then_update>; items: vectors");
    call_template(c, k,
                  "net_reduce_dw(<result>, <scratch>, <dw.floats>, <splits>, (struct net_apply)"
                  "<apply>");
}
