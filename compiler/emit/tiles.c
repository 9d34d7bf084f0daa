/*
 * tiles.c -- the register tiles of contractions (kernels/gemm.h, half_tile.h, lines_tile.h).
 *
 * The one idea: a tile is an instance of one template with the epilogue in it, and kernels of one
 * end share it.
 */

#include "emit/emit.h"

/* Of a packed image with its border no tap falls outside, and a row of taps is unrolled; long ones
   would be too much code. */
bool is_unrolled(const Node *node)
{
    const int *w = node->inputs[1]->shape.size;

    return node->op == OP_CONV2D && node->inputs[0]->layout->lanes < 16 && w[1] * w[3] <= 32;
}

/* "tile_8x3_bias_relu"; of pixels a tile is of their steps, of a packed image of its shape */
static const char *tile_name(const Kernel *k, int vectors, bool bias)
{
    const Schedule *s = &k->schedule;
    const int *w = k->node->inputs[1]->shape.size;
    const char *packed = is_unrolled(k->node) ? format("_%dx%dx%d", w[1], w[2], w[3]) : "";

    return format("%stile_%dx%d%s%s%s%s%s",
                  k->pairs[0] ? "pair_"
                  : s->half   ? "half_"
                  : s->lines  ? "lines_"
                              : "",
                  s->tile, vectors, s->y_blocks ? format("_%ldto%d", s->x_step, s->y_blocks) : "",
                  s->lines ? format("_%ld", s->x_line) : "", packed, bias ? "_bias" : "",
                  epilogue_name(k));
}

/* Of what the end reads and writes; of what it writes the template asks for the first. */
static void write_prefetches(Text *text, const Chain *b, int rows, int vectors)
{
    const char *first = written_field(b);

    for (int i = 0; i < b->c->count && !b->k->schedule.y_blocks; i++) {
        const Formal *o = &b->c->formals[i];
        const char *field = format("o.%s", o->name);

        if (o->value && o->value->batched && is_field(b, o) && !same(field, first) &&
            same_layout(o->value->layout, b->layout))
            line(text, 1, "net_prefetch_tile(%s + e.at, %d, %d);", field, rows, vectors);
    }
}

/* "net_half_tile(14, 16, 1": the template, and what of it the schedule says */
static const char *tile_begin(const Kernel *k, int vectors)
{
    const Schedule *s = &k->schedule;
    const char *packed = is_unrolled(k->node) ? "packed_" : "";

    if (k->pairs[0])
        return format("net_pair_tile(%d, %d", s->tile, vectors);
    if (s->half)
        return format("net_%shalf_tile(%d, %ld, %d", packed, s->tile, s->x_step, s->y_blocks);
    if (s->lines)
        return format("net_lines_tile(%d, %d, %d, %ld, %ld, %d", s->tile, vectors,
                      s->tile / s->lines, s->x_step, s->x_line, s->y_blocks);
    return format("net_%stile(%d, %d, %ld, %d", packed, s->tile, vectors, s->x_step, s->y_blocks);
}

const char *add_gemm_tile(const Chain *b, const Epilogue *end, int vectors, bool bias)
{
    const Node *node = b->k->node;
    const Layout *x = node->inputs[0]->layout;
    const int *w = node->inputs[1]->shape.size;
    const Schedule *s = &b->k->schedule;
    const char *begin = tile_begin(b->k, vectors);
    const char *written = s->half || s->lines
                              ? ""
                              : format(", %s", s->y_blocks ? "NULL" : written_field(b));
    const char *how = format("%d, %s, %s, %d", bias, end->function, end->draw, end->transcendental);
    Text text = {0};

    write_prefetches(&text, b, s->tile, vectors);
    if (is_unrolled(node))
        line(&text, 1, "%s, %d, %d, %d, %d, %d, %s, x, w, b, &o%s, e, run);", begin, x->lanes, w[1],
             w[2], w[3], x->images * x->lanes * x->full_width, how, written);
    else
        line(&text, 1, "%s, %s, x, w, b, taps, segments, &o%s, e, run);", begin, how, written);
    return add_function(b->c->e, TILES, tile_name(b->k, vectors, bias),
                        format("NET_CHAIN_TILE(%%s, %s)\n", end->function), text.at);
}
