/*
 * weight_gradient.c -- weight gradients and their final reductions (kernels/weight_gradient.h).
 */

#include "emit/emit.h"

/* ---- Tiles ----------------------------------------------------------------------------------- */

static const char *add_dw_tile(Emitter *e, int vectors, bool add, bool prefetch)
{
    const int inputs = e->target->rows;

    return add_tile(e, "NET_DW_TILE",
                    format("dw_tile_%dx%d%s%s", inputs, vectors, add ? "_add" : "",
                           prefetch ? "_prefetch" : ""),
                    "net_sum_dw(dw, x, dy, over, %d, %d, %s, %s)", inputs, vectors, truth(add),
                    truth(prefetch));
}

const char *dw_tiles(Emitter *e, const Layout *dw, bool add, bool prefetch)
{
    Text text = {0};

    for (int width = 3; width >= 1; width--)
        text_add(&text, ", %s",
                 dw->panels[3 - width] ? add_dw_tile(e, width, add, prefetch) : "NULL");
    return text.at;
}

/* ---- Whole kernels --------------------------------------------------------------------------- */

/* Of a dense layer's inputs x, which are rows of dw from `first` on: a call for each segment. */
void call_dense_dw(KernelCode *c, const Kernel *k, const Value *x, const Value *dy, int first)
{
    const Layout *v = x->layout, *dw = k->node->outputs[0]->layout;

    for (int i = 0; i < v->segment_count; i++) {
        const Segment *s = &v->segments[i];

        call_template(c,
                      "net_dense_dw(%s, %s, %s, (struct net_dense_dw){.panels = %s, .inputs = %d, "
                      ".first = %d, .channels = %d, .pixels = %d, .block = %d, .stride = %d, "
                      ".x_blocks = %d, .dy_blocks = %d, .apply = %s}, %d%s",
                      result_pointer(c, k), pointer(c, x), pointer(c, dy), braces(dw->panels, 3),
                      dw->rows, first + s->start, s->channels, s->pixels, s->block, s->stride,
                      v->blocks * v->height * v->width, dy->layout->blocks, apply_literal(c, k),
                      c->e->target->rows, dw_tiles(c->e, dw, false, false));
    }
}

static void call_conv_dw(KernelCode *c, const Kernel *k, const Segment *s)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *dy = node->inputs[1]->layout;
    const Layout *dw = node->outputs[0]->layout;
    const Shape w = node->outputs[0]->shape;
    int tap_rows[3];

    cut_taps(node, s, tap_rows);
    call_template(
        c,
        "net_conv_dw(%s, %s, (struct net_conv_dw){.batch_blocks = %d, .panels = %s, "
        ".tap_rows = %s, .inputs = %d, .outputs = %d, .groups = %d, .first = %d, .channels = %d, "
        ".block = %d, .x_blocks = %d, .dy_blocks = %d, .x = %s, .dy = %s, %s, .partial = %s, "
        ".apply = %s}, %d%s",
        sums_pointer(c, k), inputs_text(c, node), x->batch_blocks, braces(dw->panels, 3),
        braces(tap_rows, 3), w.size[1], w.size[0], groups_of(&node->at),
        s->start / (x->height * x->width), s->channels, s->block, x->blocks, dy->blocks,
        size_braces(x), size_braces(dy), taps_members(&node->at, w, false), truth(k->scratch),
        apply_literal(c, k), c->e->target->rows, dw_tiles(c->e, dw, true, true));
}

void emit_dw(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout;
    const bool dense = node->op == OP_DENSE_DW;

    describe_dw(c, k, "", "dw = x' dy over images%s%s%s; items: (%spanel, %sblock of inputs)",
                dense ? "" : " and pixels", k->scratch ? " of a batch block" : "", then_update(k),
                k->scratch ? "batch block, " : "", dense ? "pixel, " : "");
    if (dense)
        call_dense_dw(c, k, node->inputs[0], node->inputs[1], 0);
    for (int i = 0; i < x->segment_count && !dense; i++)
        call_conv_dw(c, k, &x->segments[i]);
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
    const int most = packed_tile_inputs(e, vectors), pixel = 16 * x->lanes;
    Text text = {0};

    if (!dw->panels[3 - vectors])
        return "NULL";
    for (int first = 0; first < dw->rows; first += most) {
        const int inputs = dw->rows - first < most ? dw->rows - first : most;

        text_add(&text, "%s%s", first ? ", " : "(net_dw_tile *[]){",
                 add_tile(e, "NET_DW_TILE", format("dw_tile_%dx%d_from_%d", inputs, vectors, first),
                          "net_sum_packed_dw(dw, x, dy, over, %d, %d, %d, %d, %d, %d, %d)", inputs,
                          vectors, first, w.size[1], w.size[3], pixel * x->full_width, pixel));
    }
    text_add(&text, "}");
    return text.at;
}

void emit_packed_dw(KernelCode *c, const Kernel *k)
{
    Emitter *e = c->e;
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *dy = node->inputs[1]->layout;
    const Layout *dw = node->outputs[0]->layout;
    const int inputs[] = {packed_tile_inputs(e, 3), packed_tile_inputs(e, 2),
                          packed_tile_inputs(e, 1)};

    describe_dw(c, k, "",
                "dw = x' dy over the images of a batch block and some rows; items: partial sums");
    call_template(
        c,
        "net_packed_dw(%s, %s, (struct net_packed_dw){.batch_blocks = %d, "
        ".splits = %d, .panels = %s, .inputs = %d, .tile_inputs = %s, .x = {%d, %d}, .lanes = %d, "
        ".dy = %s, .dy_blocks = %d, .stride = %s}, %s, %s, %s",
        scratch_pointer(c, k), inputs_text(c, node), x->batch_blocks, k->schedule.splits,
        braces(dw->panels, 3), dw->rows, braces(inputs, 3), x->full_height, x->full_width, x->lanes,
        size_braces(dy), dy->blocks, braces(node->at.stride, 2), packed_tiles(e, k, 3),
        packed_tiles(e, k, 2), packed_tiles(e, k, 1));
}

void emit_dw_reduction(KernelCode *c, const Kernel *k)
{
    const int floats = padded_count(k->node->outputs[0]->layout);

    describe_as(c, format("reduce_partial%s_%d", update_suffix(k), floats),
                "dw = partial sums added in order%s; items: vectors", then_update(k));
    call_template(c, "net_reduce_dw(%s, %s, %d, %d, (struct net_apply)%s", result_pointer(c, k),
                  scratch_pointer(c, k), floats, k->schedule.splits, apply_literal(c, k));
}
