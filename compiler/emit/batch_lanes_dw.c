/*
 * batch_lanes_dw.c -- the weight gradient of a convolution of few outputs, images in the lanes.
 *
 * The one idea: an item is a chunk and a part of its pixels. It turns dy, then x block by block,
 * so that a row of taps sees its inputs side by side; a tile sums some of them over all pixels of
 * the part, and the sum over lanes is their row of dw. Items are slices, added in order afterwards.
 */

#include "emit/emit.h"

/* Some inputs by some outputs, [input][output][16 images]. */
static const char *write_tile(Emitter *e, const BatchLanesDw *g, int outputs)
{
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "net_batch_lanes_dw(sums, %d, %d, %d, x, dy, over);", 16 * outputs, g->inputs,
         g->outputs);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, format("batch_lanes_dw_tile_%dx%d", g->inputs, g->outputs),
                        "/* sums = x dy over pixels: inputs by outputs, images in the lanes */\n"
                        "NET_TILE void %s(float *restrict sums, const float *restrict x,\n"
                        "        const float *restrict dy, const struct net_reduction *over)\n",
                        text.at);
}

/* "v", "v * 2" */
static const char *times(const char *v, int n)
{
    return n == 1 ? v : format("%s * %d", v, n);
}

/* "v", "v - 2" */
static const char *minus(const char *v, int n)
{
    return n == 0 ? v : format("%s - %d", v, n);
}

/* Pixels of x under a run of `v` pixels of dy: "rows + 2", "(rows - 1) * 2 + 3" */
static const char *under(const char *v, int stride, int kernel)
{
    return stride > 1   ? format("(%s - 1) * %d + %d", v, stride, kernel)
           : kernel > 1 ? format("%s + %d", v, kernel - 1)
                        : v;
}

/* What the loops of a driver need. */
typedef struct Loops {
    Emitter *e;
    const Node *node;
    const BatchLanesDw *g;
    const Physical *x, *dy;
    Shape w;
    int columns; /* of x: of the longest row of a part */
} Loops;

/* The pixels of x under a part, of the channels that are in `block`. */
static void write_turn(Text *text, int level, const Loops *l, const Segment *s)
{
    const int *stride = l->node->at.stride, *padding = l->node->at.padding;
    const char *rows = l->g->by_column ? format("%d", l->w.size[2])
                                       : under("rows", stride[0], l->w.size[2]);
    const char *columns = l->g->by_column ? under("columns", stride[1], l->w.size[3])
                                          : format("%d", l->columns);
    const char *row = l->g->by_column ? "0" : times("row", stride[0]);
    const char *column = l->g->by_column ? times("column", stride[1]) : "0";

    if (l->x->lanes < 16) { /* its border is there */
        line(text, level, "for (int r = 0; r < %s; r++)", rows);
        line(text, level + 1,
             "net_turn_packed(xs + r * x_row, %d, "
             "x->at[chunk][%s][0][0],",
             16 * s->channels,
             l->g->by_column ? format("r * %d + %s", l->x->full_width, column)
                             : format("(%s + r) * %d", row, l->x->full_width));
        line(text, level + 2, "%d, %s, %d, images);", l->x->lanes, columns, s->channels);
        return;
    }
    line(text, level, "net_turn_window(xs, x_row, x->at[chunk][0][%d%s][0], %d, %d, %d,", s->block,
         s->channels > 16 ? " + block" : "", 256 * l->x->blocks, l->x->height, l->x->width);
    line(text, level + 1, "%s, %s, %s, %s, channels, images);", minus(row, padding[0]),
         minus(column, padding[1]), rows, columns);
}

/* All taps of the inputs in one block. */
static void write_block(Text *text, int level, const Loops *l, const Segment *s)
{
    const BatchLanesDw *g = l->g;
    const int outputs = l->w.size[0], padded = up(outputs, g->outputs) * g->outputs;
    const int start = s->start / (l->x->height * l->x->width);
    const int *stride = l->node->at.stride;
    const char *tile = write_tile(l->e, g, padded);

    write_turn(text, level, l, s);
    line(text, level, "const struct net_reduction over = {");
    line(text, level + 1, ".batch_blocks = 1, .rows = %s, .columns = %s, .images = 16,",
         g->by_column ? "1" : "rows", g->by_column ? "columns" : format("%d", l->dy->width));
    line(text, level + 1,
         ".x_row = %s, .x_column = channels * %d, .x_image = 16, .dy_row = %d, "
         ".dy_column = %d",
         times("x_row", stride[0]), 16 * stride[1], 16 * outputs * l->dy->width, 16 * outputs);
    line(text, level, "};\n");
    line(text, level, "for (int k = 0; k < %d; k++)", l->w.size[2]);
    line(text, level + 1, "for (int i = 0; i < %d * channels; i += %d) {", l->w.size[3], g->inputs);
    line(text, level + 2, "_Alignas(64) float sums[%d * %d];\n", g->inputs, 16 * padded);
    if (padded > g->outputs) {
        line(text, level + 2, "for (int j = 0; j < %d; j += %d)", padded, g->outputs);
        line(text, level + 3, "%s(sums + 16 * j, xs + k * x_row + 16 * i, dys + 16 * j, &over);",
             tile);
    } else {
        line(text, level + 2, "%s(sums, xs + k * x_row + 16 * i, dys, &over);", tile);
    }
    line(text, level + 2, "for (int m = i; m < i + %d && m < %d * channels; m++)", g->inputs,
         l->w.size[3]);
    line(text, level + 3, "vec_store(dw + ((k * %d + m / channels) * %d%s%s + m %% channels) * 16,",
         l->w.size[3], l->w.size[1], start > 0 ? format(" + %d", start) : "",
         s->channels > 16 ? " + 16 * block" : "");
    line(text, level + 4, "vec_sum_each(sums + (m - i) * %d, %d));", 16 * padded, outputs);
    line(text, level + 1, "}");
}

static void write_segment(Text *text, const Loops *l, const Segment *s)
{
    const int blocks = up(s->channels, 16);

    if (blocks > 1) {
        line(text, 2, "for (int block = 0; block < %d; block++) {", blocks);
        line(text, 3,
             s->channels % 16 ? "const int channels = %d - 16 * block < 16 ? %d - 16 * "
                                "block : 16;"
                              : "const int channels = 16;",
             s->channels, s->channels);
    } else {
        line(text, 2, "{");
        line(text, 3, "const int channels = %d;", s->channels);
    }
    line(text, 3, "const long x_row = channels * %dL;\n", 16 * l->columns);
    write_block(text, 3, l, s);
    line(text, 2, "}");
}

void emit_batch_lanes_dw(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const BatchLanesDw *g = &k->batch_lanes_dw;
    const Physical *dw = node->outputs[0]->physical;
    Loops l = {.e = e,
               .node = node,
               .g = g,
               .x = node->inputs[0]->physical,
               .dy = node->inputs[1]->physical,
               .w = node->outputs[0]->shape};
    const int width = l.dy->width, columns = g->by_column ? up(width, g->splits) : width;
    Text *text = &d->text;

    l.columns = (columns - 1) * node->at.stride[1] + l.w.size[3];
    add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), true);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("%s_batch_lanes_partial_%s_%dx%d", op_info[node->op].text,
                     shape_name(e, node->inputs[0]), dw->rows, dw->outputs);
    text_add(&d->comment,
             "/* dw = x' dy over the images of a chunk, in the lanes, and some %s; "
             "items: slices */\n",
             g->by_column ? "columns" : "rows");
    line(text, 0, "{");
    line(text, 1, "float *xs = net_scratch(run, thread), *dys = xs + %ld;\n", g->x);
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", l.x->chunks, g->splits);
    line(text, 2, "const int chunk = item / %d, part = item %% %d;", g->splits, g->splits);
    if (g->by_column)
        line(text, 2, "const int column = %d * part / %d, columns = %d * (part + 1) / %d - column;",
             width, g->splits, width, g->splits);
    else
        line(text, 2, "const int row = %d * part / %d, rows = %d * (part + 1) / %d - row;",
             l.dy->height, g->splits, l.dy->height, g->splits);
    line(text, 2, "const int images = net_rows(run, chunk);");
    line(text, 2, "float *dw = slices->at + item * %dL;\n", padded_count(dw));
    line(text, 2, "if (images == 0)");
    line(text, 3, "continue;");
    line(text, 2, "net_turn_images(dys, dy->at[chunk][%s][%d][0], %d, %s, %d, images);",
         g->by_column ? "column" : format("row * %d", width), l.dy->segments[0].block,
         256 * l.dy->blocks, g->by_column ? "columns" : format("rows * %d", width), l.w.size[0]);
    for (int i = 0; i < l.x->segment_count; i++)
        write_segment(text, &l, &l.x->segments[i]);
    line(text, 1, "}");
    line(text, 0, "}");
}
