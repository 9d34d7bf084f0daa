/*
 * weight_gradient.c -- weight gradients: inputs by outputs in registers, summed over images and pixels.
 *
 * The one idea: an item owns its weights, sums them over the whole batch in one order, and ends
 * with the update. Rows of pixels are taken a few at a time, so that what all taps re-read stays in
 * L2. A first layer has few weights and many pixels: there pixels are cut into slices, added in
 * order afterwards.
 */

#include "emit/emit.h"

#include <string.h>

/* Rows of inputs by `vectors` blocks. Over an image the tile adds to dw in memory, and asks for the
   next pixel ahead, which lies in another page. */
static const char *write_tile(Emitter *e, int vectors, bool image)
{
    const int rows = e->target->rows;
    const char *name = format("weight_tile_%dx%d%s", rows, vectors, image ? "_image" : "");
    Text head = {0}, text = {0};

    text_add(&head, "/* dw %s x' dy over images%s: rows of inputs by blocks of outputs */\n",
             image ? "+=" : "=", image ? " and pixels" : "");
    text_add(&head, "NET_TILE void %%s(float *restrict dw, const float *restrict x,\n"
                    "        const float *restrict dy, const struct sweep *over)\n");
    line(&text, 0, "{");
    line(&text, 1, "vec acc[%d][3];\n", rows);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    if (image)
        line(&text, 3, "acc[i][j] = vec_load(dw + 16 * (%d * i + j));", vectors);
    else
        line(&text, 3, "acc[i][j] = vec_fresh_zero();");
    line(&text, 1, "correlate(acc, %d, %d, 0, 16, 1, 0, 0, x, dy, over, %d);", rows, vectors,
         image);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "vec_store(dw + 16 * (%d * i + j), acc[i][j]);", vectors);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, name, head.at, text.at);
}

static long pixel_floats(const Physical *v)
{
    return (long)v->blocks * 16 * v->lanes;
}

static long chunk_floats(const Physical *v)
{
    return pixel_floats(v) * v->full_height * v->full_width;
}

const char *finish_begin(const Value *w)
{
    return w->l1 > 0 || w->l2 > 0 ? "net_finish_penalized(" : "net_finish(";
}

const char *finish_end(const Value *w)
{
    if (w->l1 > 0 || w->l2 > 0)
        return format(", %s, %s);", literal((double)(float)w->l1),
                      literal((double)(float)(2.0 * w->l2)));
    return ");";
}

/* What becomes of a finished piece of gradient. */
void write_finish(Text *text, int level, const Kernel *k, const char *at, const char *from,
                  const char *count)
{
    const Value *w = k->update ? k->update->inputs[0] : NULL;
    const bool slice = k->kind == KERNEL_WEIGHT && k->scratch;
    const char *rest = w ? format("%s, %s%s", from, count, finish_end(w))
                         : format("%s, (size_t)(%s) * sizeof(float));", from, count);
    const char *begin = w ? format("%srun, &w->at%s,", finish_begin(w), at)
                          : format("memcpy(&%s->at%s,", slice ? "slices" : "dw_out", at);

    if (strlen(begin) + strlen(rest) < 80) {
        line(text, level, "%s %s", begin, rest);
    } else {
        line(text, level, "%s", begin);
        line(text, level + 2, "%s", rest);
    }
}

/* The weight that the update changes, or the place where the gradient is kept. */
void add_result(Emitter *e, Driver *d, const Kernel *k)
{
    if (k->update)
        add_operand(e, d, "w", k->update->inputs[0], true, NULL);
    else
        add_operand(e, d, "dw_out", k->node->outputs[0], true, NULL);
}

/* ---- Dense ----------------------------------------------------------------------------------- */

void write_dense_rows(Emitter *e, Text *text, const Kernel *k, const DenseRows *of, int first,
                      int panels, int vectors)
{
    const Segment *s = of->s;
    const int blocks = (s->channels + 15) / 16;

    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", panels, s->pixels * blocks);
    line(text, 2, "const int panel_block = %d + item / %d * %d;", first, s->pixels * blocks,
         vectors);
    line(text, 2, "const int pixel = item / %d %% %d, block = item %% %d;", blocks, s->pixels,
         blocks);
    line(text, 2, "const int inputs = %d - 16 * block < 16 ? %d - 16 * block : 16;", s->channels,
         s->channels);
    line(text, 2,
         "const struct sweep over = { .chunks = chunks, .rows = 1, .columns = 1, "
         ".images = images,");
    line(text, 2, "                            .x_chunk = %ld, .x_image = 16, .dy_chunk = %ld };",
         chunk_floats(of->x), chunk_floats(of->dy));
    line(text, 2, "_Alignas(64) float dw[%d];\n", 16 * vectors * 16);
    line(text, 2, "for (int c = 0; c < inputs; c += %d)", e->target->rows);
    line(text, 3, "%s(dw + %d * c, &x->at[0][0][%d + pixel * %d + block][0][c],",
         write_tile(e, vectors, false), vectors * 16, s->block, s->stride);
    line(text, 4, "dy->at[0][0][panel_block][0], &over);");
    write_finish(text, 2, k,
                 format("[panel_block * %dL + (%d + pixel * %d + 16 * block) * %dL]",
                        16 * of->dw->rows, of->row, s->channels, vectors * 16),
                 "dw", format("%d * inputs", vectors * 16));
    line(text, 1, "}");
}

static void write_dense_segment(Emitter *e, Text *text, const Kernel *k, const Segment *s,
                                int first, int panels, int vectors)
{
    const Node *node = k->node;
    const DenseRows of = {node->inputs[0]->physical, node->inputs[1]->physical,
                          node->outputs[0]->physical, s, s->start};

    write_dense_rows(e, text, k, &of, first, panels, vectors);
}

/* ---- Convolution ----------------------------------------------------------------------------- */

/* Rows of output pixels at a time: x and dy of one block and panel stay under a quarter of 1 MB. */
static int strip_rows(const Physical *x, const Physical *dy, int kernel, int vectors)
{
    const long x_row = (long)x->full_width * 1024, dy_row = (long)dy->width * 1024 * vectors;
    long rows = (256 * 1024 - (kernel - 1) * x_row) / (x_row + dy_row);

    rows = rows < 1 ? 1 : rows;
    return rows > dy->height ? dy->height : (int)rows;
}

/* Where tap `k` stands, in pixels from the first. */
static const char *tap_at(const char *k, int dilation)
{
    return dilation > 1 ? format("%s * %d", k, dilation) : k;
}

/* Has an item a row of taps, or all of them? */
static bool is_by_row(const Node *node, const Segment *s, int panels, int vectors)
{
    const Shape w = node->outputs[0]->shape;

    return panels * up(s->channels, 16) < 8 || w.size[2] * w.size[3] * vectors > 48;
}

int taps_of_item(const Node *node, const Segment *s, int panels, int vectors)
{
    const Shape w = node->outputs[0]->shape;

    return is_by_row(node, s, panels, vectors) ? w.size[3] : w.size[2] * w.size[3];
}

static void write_conv_segment(Emitter *e, Text *text, const Kernel *k, const Segment *s, int first,
                               int panels, int vectors)
{
    const Node *node = k->node;
    const Physical *x = node->inputs[0]->physical, *dy = node->inputs[1]->physical;
    const Physical *dw = node->outputs[0]->physical;
    const Shape w = node->outputs[0]->shape;
    const int kh = w.size[2], kw = w.size[3], blocks = (s->channels + 15) / 16;
    const int start = s->start / (x->height * x->width);
    const int groups = groups_of(&node->at);
    const bool by_row = is_by_row(node, s, panels, vectors);
    const int taps = taps_of_item(node, s, panels, vectors), count = 256 * vectors;
    const int tap_rows = by_row ? kh : 1;
    const int in = k->scratch ? 2 : 3; /* the level inside a chunk */
    const char *item = k->scratch ? "part" : "item";
    const int strip = strip_rows(x, dy, window_reach(&node->at, 0), vectors);
    const char *k_at = tap_at("k", dilation_of(&node->at, 0));
    const char *l_at = tap_at("l", dilation_of(&node->at, 1));

    if (k->scratch) {
        line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", x->chunks,
             panels * blocks * tap_rows);
        line(text, 2, "const int chunk = item / %d, part = item %% %d;", panels * blocks * tap_rows,
             panels * blocks * tap_rows);
    } else {
        line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", panels, blocks * tap_rows);
    }
    line(text, 2, "const int panel_block = %d + %s / %d * %d;", first, item, blocks * tap_rows,
         vectors);
    line(text, 2, "const int block = %s / %d %% %d%s;", item, tap_rows, blocks,
         by_row ? format(", tap_row = %s %% %d", item, kh) : "");
    line(text, 2, "const int inputs = %d - 16 * block < 16 ? %d - 16 * block : 16;", s->channels,
         s->channels);
    write_array(text, 2, "dw", taps, format("[%d]", count), count, 0);
    line(text, 0, "%s", "");
    if (groups > 1)
        line(text, 2,
             "const bool met = net_group_sees(16 * panel_block, %d, %d, %d, %d, %d + 16 * "
             "block, inputs).count > 0;",
             16 * vectors, w.size[0] / groups, w.size[1] / groups, w.size[0], start);
    line(text, 2, "memset(dw, 0, %d * sizeof *dw);", taps);
    if (k->scratch) {
        line(text, 2, "if (net_rows(run, chunk) == 0)");
        line(text, 3, "continue;");
    } else {
        line(text, 2, "for (int chunk = 0; chunk < %s; chunk++)",
             groups > 1 ? "(met ? chunks : 0)" : "chunks");
    }
    line(text, in, "for (int row = 0; row < %d; row += %d)", dy->height, strip);
    line(text, in + 1, "for (int tap = 0; tap < %d; tap++) {", taps);
    if (by_row)
        line(text, in + 2, "const int k = tap_row, l = tap;");
    else
        line(text, in + 2, "const int k = tap / %d, l = tap %% %d;", kw, kw);
    line(text, in + 2, "struct net_range r = net_valid(%s, %d, %d, %d, %d);", k_at,
         node->at.stride[0], node->at.padding[0], x->height, dy->height);
    line(text, in + 2, "const struct net_range c = net_valid(%s, %d, %d, %d, %d);", l_at,
         node->at.stride[1], node->at.padding[1], x->width, dy->width);
    line(text, in + 2, "r.begin = r.begin > row ? r.begin : row;");
    line(text, in + 2, "r.end = r.end < row + %d ? r.end : row + %d;", strip, strip);
    line(text, in + 2, "if (r.begin >= r.end || c.begin >= c.end)");
    line(text, in + 3, "continue;");
    line(text, in + 2,
         "const int x_row = r.begin * %d - %d + %s, x_column = c.begin * %d - %d + %s;",
         node->at.stride[0], node->at.padding[0], k_at, node->at.stride[1], node->at.padding[1],
         l_at);
    line(text, in + 2, "const struct sweep over = {");
    line(text, in + 3, ".chunks = 1, .rows = r.end - r.begin, .columns = c.end - c.begin,");
    line(text, in + 3, ".images = net_rows(run, chunk),");
    line(text, in + 3,
         ".x_row = %ld, .x_column = %ld, .x_image = 16, .dy_row = %ld, "
         ".dy_column = %ld",
         pixel_floats(x) * x->width * node->at.stride[0], pixel_floats(x) * node->at.stride[1],
         pixel_floats(dy) * dy->width, pixel_floats(dy));
    line(text, in + 2, "};");
    line(text, in + 2, "for (int i = 0; i < inputs; i += %d)", e->target->rows);
    line(text, in + 3, "%s(dw[tap] + %d * i,", write_tile(e, vectors, true), vectors * 16);
    line(text, in + 4, "&x->at[chunk][x_row * %d + x_column][%d + block][0][i],", x->width,
         s->block);
    line(text, in + 4, "dy->at[chunk][r.begin * %d + c.begin][panel_block][0], &over);", dy->width);
    line(text, in + 1, "}");
    line(text, 2, "for (int tap = 0; tap < %d; tap++)%s", taps, groups > 1 ? " {" : "");
    if (groups > 1)
        line(text, 3,
             "net_group_mask(dw[tap], inputs, %d, %d + 16 * block, 16 * panel_block, %d, "
             "%d);",
             16 * vectors, start, w.size[1] / groups, w.size[0] / groups);
    write_finish(text, 3, k,
                 format("[%spanel_block * %dL\n%*s+ (%s * %d + %d + 16 * block) * %dL]",
                        k->scratch ? format("chunk * %dL + ", padded_count(dw)) : "", 16 * dw->rows,
                        20, "", by_row ? format("(tap_row * %d + tap)", kw) : "tap", w.size[1],
                        start, vectors * 16),
                 "dw[tap]", format("%d * inputs", vectors * 16));
    if (groups > 1)
        line(text, 2, "}");
    line(text, 1, "}");
}

void emit_weight(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *x = node->inputs[0]->physical, *dw = node->outputs[0]->physical;
    const bool dense = node->op == OP_DENSE_DW;
    int first = 0;

    if (k->scratch)
        add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), true);
    else
        add_result(e, d, k);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("%s%s_%s_%dx%d", op_info[node->op].text,
                     k->scratch  ? "_slices"
                     : k->update ? "_update"
                                 : "",
                     shape_name(e, node->inputs[0]), dw->rows, dw->outputs);
    text_add(
        &d->comment, "/* dw = x' dy over images%s%s%s; items: (%spanel, %sblock of inputs) */\n",
        dense ? "" : " and pixels", k->scratch ? " of a chunk" : "",
        k->update ? ", then the update" : "", k->scratch ? "chunk, " : "", dense ? "pixel, " : "");
    line(&d->text, 0, "{");
    if (!k->scratch)
        line(&d->text, 1, "const int chunks = net_chunks(run);");
    if (dense)
        line(&d->text, 1, "const int images = run->n - 16 * (chunks - 1);");
    if (!k->scratch)
        line(&d->text, 0, "%s", "");
    for (int width = 3; width >= 1; width--) {
        const int panels = dw->panels[3 - width];

        for (int i = 0; i < x->segment_count && panels; i++)
            (dense ? write_dense_segment : write_conv_segment)(e, &d->text, k, &x->segments[i],
                                                               first, panels, width);
        first += panels * width;
    }
    line(&d->text, 0, "}");
}

/* ---- First layers ---------------------------------------------------------------------------- */

/* Inputs and taps from `first` on, as many as fit in registers, summed from zero. */
static const char *write_pixel_tile(Emitter *e, const Kernel *k, int first, int rows, int vectors)
{
    const Physical *x = k->node->inputs[0]->physical;
    const Shape w = k->node->outputs[0]->shape;
    const long pixel = pixel_floats(x);
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "vec acc[%d][3];\n", rows);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "acc[i][j] = vec_fresh_zero();");
    line(&text, 1, "correlate(acc, %d, %d, %d, %d, %d, %ld, %ld, x, dy, over, 1);", rows, vectors,
         first, w.size[1], w.size[3], pixel * x->full_width, pixel);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "vec_store(dw + 16 * (%d * i + j), acc[i][j]);", vectors);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, format("weight_tile_%dx%d_from_%d", rows, vectors, first),
                        "/* dw = x' dy: taps and channels of few inputs by blocks of outputs */\n"
                        "NET_TILE void %s(float *restrict dw, const float *restrict x,\n"
                        "        const float *restrict dy, const struct sweep *over)\n",
                        text.at);
}

/* NET_UNROLL unrolls whole loops of up to this many rows; the compiler's registers set the
   limit. */
static int pixel_tile_rows(const Emitter *e, int vectors)
{
    return e->target->vectors == 1 ? 6 : 24 / vectors;
}

void emit_weight_slices(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Physical *x = node->inputs[0]->physical, *dy = node->inputs[1]->physical;
    const Physical *dw = node->outputs[0]->physical;
    const int floats = padded_count(dw);
    int first_block = 0;

    add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), true);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("%s_slices_%s_%dx%d", op_info[node->op].text, shape_name(e, node->inputs[0]),
                     dw->rows, dw->outputs);
    text_add(&d->comment,
             "/* dw = x' dy over the images of a chunk and some rows; items: slices */\n");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", x->chunks, k->slices);
    line(&d->text, 2, "const int chunk = item / %d, part = item %% %d;", k->slices, k->slices);
    line(&d->text, 2, "const int row = %d * part / %d, end = %d * (part + 1) / %d;", dy->height,
         k->slices, dy->height, k->slices);
    line(&d->text, 2, "const struct sweep over = {");
    line(&d->text, 3,
         ".chunks = 1, .rows = end - row, .columns = %d, "
         ".images = net_rows(run, chunk),",
         dy->width);
    line(&d->text, 3,
         ".x_row = %ld, .x_column = %ld, .x_image = %d, .dy_row = %ld, "
         ".dy_column = %ld",
         pixel_floats(x) * x->full_width * node->at.stride[0], pixel_floats(x) * node->at.stride[1],
         x->lanes, pixel_floats(dy) * dy->width, pixel_floats(dy));
    line(&d->text, 2, "};");
    line(&d->text, 2, "if (net_rows(run, chunk) == 0)");
    line(&d->text, 3, "continue;");
    line(&d->text, 2, "const float *xs = x->at[chunk][row * %d][0][0];",
         node->at.stride[0] * x->full_width);
    line(&d->text, 2, "float *dw = slices->at + item * %dL;\n", floats);
    for (int width = 3; width >= 1; width--) {
        const int panels = dw->panels[3 - width], limit = pixel_tile_rows(e, width);

        if (!panels)
            continue;
        line(&d->text, 2, "for (int block = %d; block < %d; block += %d) {", first_block,
             first_block + panels * width, width);
        for (int first = 0; first < dw->rows; first += limit) {
            const int rows = dw->rows - first < limit ? dw->rows - first : limit;

            line(&d->text, 3, "%s(dw + block * %dL + %d, xs,",
                 write_pixel_tile(e, k, first, rows, width), 16 * dw->rows, first * width * 16);
            line(&d->text, 4, "dy->at[chunk][row * %d][block][0], &over);", dy->width);
        }
        line(&d->text, 2, "}");
        first_block += panels * width;
    }
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}

void emit_weight_sum(Emitter *e, Driver *d, const Kernel *k)
{
    const int floats = padded_count(k->node->outputs[0]->physical);
    const bool vectors = k->node->outputs[0]->physical->kind == PHYSICAL_VECTOR;

    add_result(e, d, k);
    add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), false);
    d->base = format("sum_slices%s_%d", k->update ? "_update" : "", floats);
    text_add(&d->comment, "/* dw = slices added in order%s; items: vectors */\n",
             k->update ? ", then the update" : "");
    line(&d->text, 0, "{");
    line(&d->text, 1, "NET_ITEMS(item, %d, run, thread) {", floats / 16);
    line(&d->text, 2, "_Alignas(64) float dw[16];\n");
    line(&d->text, 2,
         "vec_store(dw, net_sum_slices(slices->at + 16 * item, %d, "
         "%snet_chunks(run)));",
         floats, k->slices > 1 ? format("%d * ", k->slices) : "");
    write_finish(&d->text, 2, k, vectors ? "[item][0]" : "[16 * item]", "dw", "16");
    line(&d->text, 1, "}");
    line(&d->text, 0, "}");
}
