/*
 * gemm.c -- dense, conv2d, their dx and the transposes of weights for them (kernels/gemm.h,
 * conv.h).
 *
 * The one idea: a kernel is a template with the register tiles of its panels' widths; a tile is an
 * instance of one template with the epilogue in it, and kernels of one end share it.
 */

#include "emit/emit.h"

static bool is_dense(const Node *node)
{
    return node->op == OP_DENSE || node->op == OP_DENSE_DX;
}

/* A packed image with its border: no tap falls outside, and a row of taps is unrolled. */
static bool is_packed(const Node *node)
{
    return node->inputs[0]->layout->lanes < 16;
}

/* Long rows of taps would be too much code. */
static bool is_unrolled(const Node *node)
{
    const Shape w = node->inputs[1]->shape;

    return is_packed(node) && w.size[1] * w.size[3] <= 32;
}

/* ---- Register tiles -------------------------------------------------------------------------- */

/* "tile_8x3_bias_relu"; a tile over a packed image is of one kernel's shape */
static const char *tile_name(const Kernel *k, int rows, int vectors, bool bias)
{
    const Shape w = k->node->inputs[1]->shape;
    const char *packed = !is_unrolled(k->node)
                             ? ""
                             : format("_%dx%dx%d", w.size[1], w.size[2], w.size[3]);

    return format("tile_%dx%d%s%s%s", rows, vectors, packed, bias ? "_bias" : "", epilogue_name(k));
}

static void write_prefetches(Text *text, const Chain *b, int rows, int vectors)
{
    for (int i = 0; i < b->c->count; i++) {
        const Formal *o = &b->c->formals[i];

        if (o->value && !o->written && o->value->batched && is_field(b, o))
            line(text, 1, "net_prefetch_tile(o.%s + e.at, %d, %d);", o->name, rows, vectors);
    }
}

/* Its name. */
static const char *write_tile(const Chain *b, const Epilogue *end, int vectors, bool bias)
{
    Emitter *e = b->c->e;
    const Node *node = b->k->node;
    const Layout *x = node->inputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const int rows = e->target->rows;
    const char *begin = format("%d, %d, %d", rows, vectors, x->lanes);
    const char *function = format("%d, %s, %s, %d", bias, end->function, end->draw,
                                  end->transcendental);
    Text text = {0};

    write_prefetches(&text, b, rows, vectors);
    if (is_unrolled(node))
        line(&text, 1, "net_packed_tile(%s, %d, %d, %d, %d, %s, x, w, b, &o, e, run);", begin,
             w.size[1], w.size[2], w.size[3], 16 * x->lanes * x->full_width, function);
    else
        line(&text, 1, "net_tile(%s, %s, x, w, b, taps, segments, &o, e, run);", begin, function);
    return add_function(e, TILES, tile_name(b->k, rows, vectors, bias),
                        format("NET_CHAIN_TILE(%%s, %s)\n", end->function), text.at);
}

/* ---- Kernels --------------------------------------------------------------------------------- */

/* "y = sum over taps of x w + b", "dx = dy w'" */
static const char *sum_text(const Node *node, bool bias)
{
    const char *taps = is_dense(node) ? "" : "sum over taps of ";

    return is_input_gradient(node->op) ? format("dx = %sdy w'", taps)
                                       : format("y = %sx w%s", taps, bias ? " + b" : "");
}

void describe_contraction(KernelCode *c, const Kernel *k, const char *way, const char *how,
                          const char *items)
{
    const Node *node = k->node;
    const Value *x = is_input_gradient(node->op) ? node->outputs[0] : node->inputs[0];
    const Shape w = node->inputs[1]->shape;
    const bool bias = !is_input_gradient(node->op) && node->inputs[2];
    const char *op = node->op == OP_CONV2D_DX && !node->backward ? "conv2d_transpose"
                                                                 : op_info[node->op].text;

    c->base = format("%s%s%s_%sx%d", op, way, epilogue_name(k), shape_name(c->e, x), w.size[0]);
    if (!is_dense(node))
        c->base = format("%s%s%s_%s_%dx%dx%d", op, way, epilogue_name(k), shape_name(c->e, x),
                         w.size[0], w.size[2], w.size[3]);
    text_add(&c->comment, "/* %s%s", sum_text(node, bias), how);
    for (int i = 0; i < k->epilogue_count; i++)
        text_add(&c->comment, ", %s", op_info[k->epilogue[i]->op].text);
    text_add(&c->comment, "; items: %s */\n", items);
}

static const char *parts_text(const OutputPart *parts, int count)
{
    Text out = {0};

    for (int i = 0; i < count; i++) {
        const OutputPart *part = &parts[i];

        text_add(&out, "%s{", i ? ", " : "");
        if (part->start)
            text_add(&out, ".channel = %d, ", part->start);
        if (part->block)
            text_add(&out, ".block = %d, ", part->block);
        text_add(&out, ".pixels = %d, ", part->pixels);
        if (part->stride && part->pixels > 1)
            text_add(&out, ".stride = %d, ", part->stride);
        text_add(&out, ".panels = %s", braces(part->panels, 3));
        text_add(&out, part->w ? ", .w = %ld}" : "}", part->w);
    }
    return out.at;
}

static const char *contraction_text(const Target *target, const Kernel *k, const OutputPart *parts,
                                    int count)
{
    const Node *node = k->node;
    const Layout *x = node->inputs[0]->layout, *y = node->outputs[0]->layout;
    const Shape w = node->inputs[1]->shape;
    const bool flat = is_dense(node) && is_input_gradient(node->op);
    Text out = {0};

    text_add(&out,
             "(struct net_contraction){.tile_rows = %d,%s .y = %s, .x = %s, .x_lanes = %d, "
             ".inputs = %d, .outputs = %d, ",
             target->rows, k->schedule.panel_outer ? " .panel_outer = 1," : "", extent_braces(y),
             extent_braces(x), x->lanes, w.size[!is_input_gradient(node->op)],
             w.size[is_input_gradient(node->op)]);
    if (groups_of(&node->at) > 1)
        text_add(&out, ".groups = %d, ", groups_of(&node->at));
    text_add(&out, "NET_SEGMENTS(%s), NET_PARTS(%s)",
             flat ? format("{0, %d, 1, 0, 0}", w.size[0]) : segments_text(x),
             parts_text(parts, count));
    if (!is_dense(node))
        text_add(&out, ", .taps = %s",
                 taps_text(&node->at, w, is_packed(node), is_input_gradient(node->op)));
    text_add(&out, "}");
    return out.at;
}

/* `tile_8x3_relu, tile_8x2_relu, NULL`: of each width that a part has panels of */
static const char *tiles_text(const Chain *b, const Epilogue *end, const OutputPart *parts,
                              int count, bool bias)
{
    Text out = {0};

    for (int width = 3; width >= 1; width--) {
        bool used = false;

        for (int i = 0; i < count; i++)
            used = used || parts[i].panels[3 - width] > 0;
        text_add(&out, "%s%s", used ? write_tile(b, end, width, bias) : "NULL",
                 width > 1 ? ", " : "");
    }
    return out.at;
}

void emit_contraction(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Target *target = c->e->target;
    const char *template = is_dense(node)      ? "net_dense"
                           : is_unrolled(node) ? "net_conv2d_packed"
                                               : "net_conv2d";
    const Value *b = is_input_gradient(node->op) ? NULL : node->inputs[2];
    const Chain chain = start_chain(c, k, node->outputs[0]->layout);
    const Epilogue end = write_epilogue(c->e, &chain);
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, target, parts);

    describe_contraction(c, k, "", "",
                         is_dense(node)
                             ? k->schedule.panel_outer ? "(panel, batch block)" : "batch blocks"
                         : k->schedule.panel_outer ? "(panel, batch block, row)"
                                                   : "(batch block, row)");
    call_template(c, "%s(%s, %s, %s, %s, %s, %s, %s", template,
                  tiles_text(&chain, &end, parts, count, b), pointer(c, node->inputs[0]),
                  is_input_gradient(node->op) ? scratch_pointer(c, k) : pointer(c, node->inputs[1]),
                  pointer(c, b), end.operands, add_row_end(c, k),
                  contraction_text(target, k, parts, count));
}

/* ---- Transposed weights ---------------------------------------------------------------------- */

/* wt[panel of inputs][tap][output][block][16] from w[panel of outputs][row][block][16] */
void emit_transpose(KernelCode *c, const Kernel *k)
{
    const Node *node = k->node;
    const Value *w = node->inputs[1];
    const Layout *p = w->layout;
    const bool dense = is_dense(node);
    OutputPart parts[NET_MAX_SEGMENTS];
    const int count = find_parts(node, c->e->target, parts);
    Text list = {0};

    describe_as(c, format("transpose_%dx%d", p->rows, p->outputs),
                "wt = w', by panels of inputs; items: (tap, block of inputs)");
    for (int i = 0; i < count; i++) {
        const Segment *s = &given_by_weights(node)->layout->segments[i];
        const int taps = dense ? s->pixels : p->segments[0].pixels;

        text_add(&list, "%s{.row = %d, .step = %d, .taps = %d, .inputs = %d, .panels = {%d, %d}",
                 i ? ", " : "", dense ? s->start : s->start / s->pixels,
                 dense ? s->channels : p->rows / taps, taps, s->channels, parts[i].panels[0],
                 parts[i].panels[1]);
        text_add(&list, parts[i].w ? ", .at = %ld}" : "}", parts[i].w);
    }
    call_template(c,
                  "net_transpose_weights(V(wt), V(w), (struct net_transposed[]){%s}, %d, "
                  "(struct net_transpose){.rows = %d, .outputs = %d, .panels = {%d, %d}}",
                  list.at, count, p->rows, p->outputs, p->panels[0], p->panels[1]);
}
