/*
 * argmax_grad.c -- dw and dx of a convolution whose dy is 0 but at one place a channel, as it comes
 * back through a global maximum: dy[output] and index[output] stand for it.
 *
 * The one idea: nothing is multiplied by those zeros. A weight adds up one window of x an image;
 * a pixel of dx gathers the outputs that stand where one of its taps meets them, in the order of
 * taps and outputs. So both have an order of their own, that no thread changes.
 */

#include "emit/emit.h"

/* Of a dx: the pixels of dy. */
static int count_places(const Node *node)
{
    const Shape x = node->outputs[0]->shape;

    return window_count(&node->at, x.size[1], 0) * window_count(&node->at, x.size[2], 1);
}

/* What net_sort_places wants. */
static long sorted_floats(const Node *node)
{
    return 16L * (count_places(node) + 2 + node->inputs[0]->shape.size[0]);
}

long floats_at(const Kernel *k)
{
    const Node *node = k->node;
    const Shape w = node->outputs[0]->shape;

    if (k->kind == KERNEL_DW_AT) /* of three blocks of inputs, a panel of outputs */
        return 48L * (w.size[0] < 48 ? w.size[0] : 48) * w.size[2] * w.size[3];
    if (k->kind == KERNEL_DX_AT) /* places, then what meets a pixel */
        return sorted_floats(node) + 32L * node->inputs[0]->shape.size[0];
    return 0;
}

/* "16 + ", or nothing for 0 */
static const char *from(long first)
{
    return first ? format("%ld + ", first) : "";
}

/* ---- dw -------------------------------------------------------------------------------------- */

/* Where tap `tap` of the kernel stands, in pixels from the first, down or right. */
static const char *tap_at(const Attributes *at, Shape w, int axis)
{
    const char *k = w.size[2 + axis] == 1 ? "0"
                    : axis == 0           ? format("tap / %d", w.size[3])
                    : w.size[2] == 1      ? "tap"
                                          : format("tap %% %d", w.size[3]);

    return dilation_of(at, axis) > 1 && w.size[2 + axis] > 1
               ? format("%s * %d", k, dilation_of(at, axis))
               : k;
}

static bool has_edges(const Attributes *at)
{
    return at->padding[0] || at->padding[1] || at->padding_end[0] || at->padding_end[1];
}

/* A function around net_turn_16x16, which is long. */
static const char *turn_function(Emitter *e)
{
    return add_function(e, &e->tiles, "turn",
                        "/* to = from', up to 16 x 16 */\n"
                        "NET_TILE void %s(float *restrict to, long to_step, "
                        "const float *restrict from,\n"
                        "        long from_step, int rows, int columns)\n",
                        "{\n"
                        "    net_turn_16x16(to, to_step, from, from_step, rows, columns);\n"
                        "}\n");
}

/* acc, [output][tap][block][16 inputs], turned into the panel of `wide` blocks of outputs that
   begins at block panel_block. */
static void write_turn(Emitter *e, Text *text, int level, const Kernel *k, const Segment *s,
                       int vectors, int wide)
{
    const Physical *x = k->node->inputs[0]->physical, *dw = k->node->outputs[0]->physical;
    const Shape w = k->node->outputs[0]->shape;
    const int taps = w.size[2] * w.size[3], start = s->start / (x->height * x->width);

    line(text, level, "for (int tap = 0; tap < %d; tap++)", taps);
    line(text, level + 1, "for (int b = 0; b < %d; b++) {", vectors);
    level += 2;
    line(text, level, "const int input = 16 * (block + b);");
    line(text, level, "const int inputs = %d - input < 16 ? %d - input : 16;", s->channels,
         s->channels);
    line(text, level, "_Alignas(64) float dw[%d];\n", 16 * 16 * wide);
    line(text, level, "for (int j = 0; j < %d; j++)", wide);
    line(text, level + 1, "%s(dw + 16 * j, %d,", turn_function(e), 16 * wide);
    line(text, level + 2, "acc + (j * %d + tap) * %dL + 16 * b, %d,", 16 * taps, 16 * vectors,
         16 * taps * vectors);
    line(text, level + 2, "%d - 16 * (panel_block + j), inputs);", w.size[0]);
    write_finish(text, level, k,
                 format("[panel_block * %dL + (tap * %d + %sinput) * %dL]", 16 * dw->rows,
                        w.size[1], from(start), 16 * wide),
                 "dw", format("%d * inputs", 16 * wide));
    line(text, level - 1, "}");
}

/* The panel of the weight that an item has: its first block, and how many. */
static void write_panel(Text *text, const int panels[3], int count)
{
    const char *start = NULL, *wides = NULL;
    int blocks = 3 * panels[0] + 2 * panels[1] + panels[2], end = count;

    line(text, 2, "const int panel = item %% %d;", count);
    for (int wide = 1; wide <= 3; wide++) {
        const int begin = end - panels[3 - wide];
        const char *here;

        if (begin == end)
            continue;
        blocks -= wide * (end - begin);
        here = begin ? format("%d + (panel - %d) * %d", blocks, begin, wide)
                     : format("panel * %d", wide);
        start = start ? format("panel < %d ? %s : %s", end, here, start) : here;
        wides = wides ? format("panel < %d ? %d : %s", end, wide, wides) : format("%d", wide);
        end = begin;
    }
    line(text, 2, "const int panel_block = %s;", start);
    line(text, 2, "const int wide = %s;", wides);
}

/* Groups of `vectors` blocks of inputs, from `first` of the segment on, by panels of outputs. */
static void write_inputs(Emitter *e, Text *text, const Kernel *k, const Segment *s, int first,
                         int groups, int vectors)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Physical *x = node->inputs[0]->physical, *dw = node->outputs[0]->physical;
    const Shape w = node->outputs[0]->shape;
    const int taps = w.size[2] * w.size[3];
    const int count = dw->panels[0] + dw->panels[1] + dw->panels[2];

    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", groups, count);
    line(text, 2, "const int block = %sitem / %d * %d;", from(first), count, vectors);
    write_panel(text, dw->panels, count);
    line(text, 2, "const int output = 16 * panel_block;");
    line(text, 2, "const int outputs = %d - output < 16 * wide ? %d - output : 16 * wide;\n",
         w.size[0], w.size[0]);
    line(text, 2, "memset(acc, 0, (size_t)outputs * %d * sizeof *acc);", taps * 16 * vectors);
    line(text, 2, "for (int chunk = 0; chunk < net_chunks(run); chunk++)");
    line(text, 3, "for (int o = 0; o < outputs; o++) {");
    line(text, 4, "const int at = output + o;");
    line(text, 4, "struct net_windows windows;\n");
    line(text, 4, "net_find_windows(&windows, &dy->at[chunk][0][at / 16][0][at %% 16],");
    line(text, 5, "&index->at[chunk][0][at / 16][0][at %% 16], net_rows(run, chunk),");
    line(text, 5, "%d, %d, %d, %d, %d, %d, %d);", window_count(at, x->width, 1), at->stride[0],
         at->stride[1], at->padding[0], at->padding[1], 256 * x->blocks, x->width);
    line(text, 4, "for (int tap = 0; tap < %d; tap++)", taps);
    line(text, 5, "net_add_windows(acc + (o * %d + tap) * %dL, %d, x->at[chunk][0][%sblock][0],",
         taps, 16 * vectors, vectors, from(s->block));
    line(text, 6, "%d, &windows, %s, %s, %d, %d, %s);", 256 * x->blocks, tap_at(at, w, 0),
         tap_at(at, w, 1), x->height, x->width, has_edges(at) ? "true" : "false");
    line(text, 3, "}");
    for (int wide = 3; wide >= 1; wide--) {
        const int panels = dw->panels[3 - wide];

        if (panels && panels < count)
            line(text, 2, "if (wide == %d)", wide);
        if (panels)
            write_turn(e, text, panels < count ? 3 : 2, k, s, vectors, wide);
    }
    line(text, 1, "}");
}

void emit_dw_at(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *x = node->inputs[0]->physical, *dw = node->outputs[0]->physical;

    add_result(e, d, k);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    add_operand(e, d, "index", node->inputs[2], false, NULL);
    d->base = format("conv2d_dw_at%s_%s_%dx%d", k->update ? "_update" : "",
                     shape_name(e, node->inputs[0]), dw->rows, dw->outputs);
    text_add(&d->comment,
             "/* dw = x' dy over images, of a dy that is 0 but at `index`%s; items: "
             "(blocks of inputs, panel) */\n",
             k->update ? ", then the update" : "");
    line(&d->text, 0, "{");
    line(&d->text, 1,
         "float *acc = net_scratch(run, thread);      "
         "/* [output][tap][block][16 inputs] */\n");
    for (int i = 0; i < x->segment_count; i++) {
        int groups[3], first = 0;

        cut_panels((x->segments[i].channels + 15) / 16, 3, groups);
        for (int vectors = 3; vectors >= 1; vectors--) {
            if (groups[3 - vectors])
                write_inputs(e, &d->text, k, &x->segments[i], first, groups[3 - vectors], vectors);
            first += groups[3 - vectors] * vectors;
        }
    }
    line(&d->text, 0, "}");
}

/* ---- dx -------------------------------------------------------------------------------------- */

static void write_reach(Text *text, int level, const Node *node, int axis)
{
    const Attributes *at = &node->at;
    const Shape x = node->outputs[0]->shape, w = node->inputs[1]->shape;
    const bool apart = dilation_of(at, axis) > 1;

    line(text, level, "const struct net_window %s = net_taps_backward%s(%s, %d, %d, %d, %d%s);",
         axis ? "c" : "r", apart ? "_apart" : "", axis ? "column" : "row", at->stride[axis],
         at->padding[axis], w.size[2 + axis], window_count(at, x.size[1 + axis], axis),
         apart ? format(", %d, %d", dilation_of(at, axis), tap_step(at, axis)) : "");
}

/* sum: one pixel of sixteen images, all blocks of it. */
static void write_gather(Emitter *e, Text *text, const Kernel *k)
{
    const Node *node = k->node;
    const Attributes *at = &node->at;
    const Shape w = node->inputs[1]->shape;
    Group parts[MAX_SEGMENTS];
    const int count = find_parts(k, e->target, parts);

    line(text, 3, "const struct net_meeting m = { r, c, { %d, %d }, { %d, %d }, %d, %d };",
         tap_step(at, 0), tap_step(at, 1), window_step(at, 0), window_step(at, 1), w.size[3],
         window_count(at, node->outputs[0]->shape.size[2], 1));
    write_array(text, 3, "sum", node->outputs[0]->physical->blocks, "[16][16]", 256, floats_at(k));
    line(text, 3, "struct net_met met;\n");
    line(text, 3,
         "net_meet_places(&met, net_scratch(run, thread) + %ld, dy->at[chunk][0][0][0], "
         "&places, &m);",
         sorted_floats(node));
    for (int i = 0; i < count; i++)
        for (int width = 3, first = 0; width >= 1; width--) {
            const int panels = parts[i].panels[3 - width];

            if (panels) {
                line(text, 3, "for (int panel_block = %d; panel_block < %d; panel_block += %d)",
                     first, first + panels * width, width);
                line(text, 4,
                     "net_gather_places(sum[%spanel_block][0], %d, w->at + %spanel_block "
                     "* %dL, &met, %d);",
                     from(parts[i].block), width, from(parts[i].w),
                     16 * w.size[0] * w.size[2] * w.size[3], w.size[0]);
            }
            first += panels * width;
        }
}

void emit_dx_at(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    Value *dx = node->outputs[0];
    const Physical *v = dx->physical;
    const Shape w = node->inputs[1]->shape;
    const char *out = dx->internal ? NULL : add_operand(e, d, "dx", dx, true, NULL);
    Text *text = &d->text;
    Body b;
    int level;

    add_operand(e, d, "dy", node->inputs[0], false, NULL);
    add_scratch(e, d, "w", k->scratch, declare_scratch(e, k), false);
    add_operand(e, d, "index", node->inputs[2], false, NULL);
    b = start_body(e, d, k, v);
    if (out)
        b.formals[dx->id] = out;
    d->base = format("conv2d_dx_at%s_%s_%dx%dx%d", body_name(k), shape_name(e, dx), w.size[0],
                     w.size[2], w.size[3]);
    text_add(&d->comment, "/* dx = sum over taps of dy w', of a dy that is 0 but at `index`");
    for (int i = 0; i < k->body_count; i++)
        text_add(&d->comment, ", %s", op_info[k->body[i]->op].text);
    text_add(&d->comment, "; items: (chunk, row) */\n");
    open_rows(text, v, false);
    line(text, 2, "const struct net_places places = net_sort_places(net_scratch(run, thread),");
    line(text, 3,
         "dy->at[chunk][0][0][0], index->at[chunk][0][0][0], net_rows(run, chunk), %d, "
         "%d);",
         count_places(node), w.size[0]);
    write_reach(text, 2, node, 0);
    line(text, 2, "for (int column = 0; column < %d; column++) {", v->width);
    write_reach(text, 3, node, 1);
    write_gather(e, text, k);
    level = open_images(e, text, &b, v);
    line(text, level, "const vec v0 = vec_load(sum[block][i]);");
    close_images(text, level, d, &b, v);
    line(text, 2, "}");
    write_sums(e, d, text, 2, k, "row");
    close_rows(text, false);
}
