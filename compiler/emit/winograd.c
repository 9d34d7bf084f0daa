/*
 * winograd.c -- conv2d and its dx by Winograd's minimal filtering.
 *
 * The one idea: an item is a row of tiles of some chunks. A few tiles at a time are transformed
 * into the thread's scratch, V; then for each panel of outputs the products M = V U, the transform
 * back, and what follows in registers, all while it is in the cache. V, U and M have one dense
 * matrix for each of the (m + 2)^2 products; rows are images.
 */

#include "emit/emit.h"

/* Everything the loops of one driver need. */
typedef struct Loops {
    Emitter *e;
    Driver *d;
    const Kernel *k;
    Body body;
    const Winograd *g;
    const Physical *x, *y; /* of a dx: dy and dx */
    const char *in;        /* formal of x */
    const char *bias;      /* formal, or NULL */
    int channels, outputs; /* summed over, and of y */
    int padding[2];
    int panels[3];
} Loops;

static int products(const Winograd *g)
{
    return (g->tile + 2) * (g->tile + 2);
}

/* ---- Tiles ----------------------------------------------------------------------------------- */

/* A function around one of winograd.h, so that drivers share it. */
static const char *write_transform(Emitter *e, const char *what, const char *parameters,
                                   const char *arguments, int tile)
{
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "net_winograd_%s(%s, %d);", what, arguments, tile);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, format("winograd_%s_%d", what, tile),
                        format("NET_TILE void %%s(%s)\n", parameters), text.at);
}

const char *winograd_input(Emitter *e, const char *what, int tile)
{
    return write_transform(e, what, "float *restrict to, long step, const float *const pixels[36]",
                           "to, step, pixels", tile);
}

static const char *write_products(Emitter *e, int vectors)
{
    const int rows = e->target->rows;
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "const struct taps taps = { .rows = 1, .columns = 1, .channels = channels };");
    line(&text, 1, "vec acc[%d][3];\n", rows);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "acc[i][j] = vec_zero();");
    line(&text, 1, "contract(acc, %d, %d, v, 16, 256, u, &taps, 1);", rows, vectors);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "vec_store(m + 256 * j + 16 * i, acc[i][j]);");
    line(&text, 0, "}");
    return add_function(e, &e->tiles, format("winograd_tile_%dx%d", rows, vectors),
                        "/* m = v u: rows of images by blocks of outputs, summed over channels */\n"
                        "NET_TILE void %s(float *restrict m, const float *restrict v,\n"
                        "        const float *restrict u, long channels)\n",
                        text.at);
}

/* ---- The driver ------------------------------------------------------------------------------ */

/* Tiles of the group: `g` counts chunks, `t` tiles. */
static void write_group(Text *text, int level, const Winograd *g)
{
    line(text, level, "for (int g = 0; g < chunks; g++)");
    line(text, level + 1, "for (int t = 0; t < %s; t++)",
         g->across % g->group ? "tiles" : format("%d", g->group));
}

static void write_inputs(Text *text, int level, const Loops *l)
{
    const Winograd *g = l->g;
    const Physical *x = l->x;

    write_group(text, level, g);
    line(text, level + 2, "for (int block = 0; block < %d; block++) {", x->blocks);
    line(text, level + 3, "const float *pixels[36];\n");
    line(text, level + 3, "net_winograd_pixels(pixels, %s->at[first_chunk + g][0][block][0],",
         l->in);
    line(text, level + 4, "%d, %d, %d, tile_row * %d - %d, (first + t) * %d - %d, %d);",
         x->blocks * 256, x->height, x->width, g->tile, l->padding[0], g->tile, l->padding[1],
         g->tile + 2);
    line(text, level + 3, "%s(v + ((g * %d + t) * %d + block) * 256, %ld, pixels);",
         winograd_input(l->e, "input", g->tile), g->group, x->blocks, g->v / products(g));
    line(text, level + 2, "}");
}

/* One pixel of a tile after the other: only what is inside the image. */
static void write_outputs(Text *text, int level, const Loops *l)
{
    const int m = l->g->tile;
    const Physical *y = l->y;
    line(text, level, "for (int row = 0; row < %d && tile_row * %d + row < %d; row++)", m, m,
         y->height);
    line(text, level + 1,
         "for (int column = 0; column < %d && (first + t) * %d + column < %d; "
         "column++) {",
         m, m, y->width);
    line(text, level + 2,
         "const int pixel = (tile_row * %d + row) * %d + (first + t) * %d + column;", m, y->width,
         m);
    line(text, level + 2, "const float *from = tile + (row * %d + column) * 256;", m);
    write_pixel(l->e, text, level + 2, l->d, &l->body, "pixel",
                l->bias ? "vec_add(vec_load(from + at), bias)" : "vec_load(from + at)");
    line(text, level + 1, "}");
}

static void write_panel(Text *text, int level, const Loops *l, int vectors)
{
    const Winograd *g = l->g;
    const long step = (long)g->group * g->chunks * vectors * 256 + 16;
    const char *back = write_transform(l->e, "output",
                                       "float *restrict to, const float *restrict from, long step",
                                       "to, from, step", g->tile);

    line(text, level, "for (int k = 0; k < %d; k++) {", products(g));
    line(text, level + 1, "const float *uk = u->at + (k * %dL + panel_block) * %d;",
         (l->outputs + 15) / 16, 16 * l->channels);
    line(text, level + 1, "const float *vk = v + k * %ldL;", g->v / products(g));
    line(text, level + 1, "float *mk = m + k * %ldL;\n", step);
    write_group(text, level + 1, g);
    line(text, level + 3, "for (int i = 0; i < net_rows(run, first_chunk + g); i += %d)",
         l->e->target->rows);
    line(text, level + 4, "%s(mk + (g * %d + t) * %d + 16 * i,", write_products(l->e, vectors),
         g->group, vectors * 256);
    line(text, level + 5, "vk + (g * %d + t) * %d + 16 * i, uk, %d);", g->group, l->x->blocks * 256,
         l->channels);
    line(text, level, "}");
    write_group(text, level, g);
    line(text, level + 2, "for (int j = 0; j < %d; j++) {", vectors);
    line(text, level + 3, "const int chunk = first_chunk + g, block = panel_block + j;");
    line(text, level + 3, "_Alignas(64) float tile[%d];", g->tile * g->tile * 256);
    if (l->bias)
        line(text, level + 3, "const vec bias = vec_load(%s->at[block]);", l->bias);
    line(text, level + 3, "%s(tile, m + ((g * %d + t) * %d + j) * 256, %ld);", back, g->group,
         vectors, step);
    write_outputs(text, level + 3, l);
    line(text, level + 2, "}");
}

static void write_item(Text *text, const Loops *l)
{
    const Winograd *g = l->g;
    int first = 0;

    line(text, 2, "for (int first = 0; first < %d; first += %d) {", g->across, g->group);
    if (g->across % g->group)
        line(text, 3, "const int tiles = %d - first < %d ? %d - first : %d;\n", g->across, g->group,
             g->across, g->group);
    write_inputs(text, 3, l);
    for (int width = 3; width >= 1; width--) {
        const int panels = l->panels[3 - width];

        if (!panels)
            continue;
        line(text, 3, "for (int panel_block = %d; panel_block < %d; panel_block += %d) {", first,
             first + panels * width, width);
        write_panel(text, 4, l, width);
        line(text, 3, "}");
        first += panels * width;
    }
    line(text, 2, "}");
    if (!l->k->sum_count)
        return;
    line(text, 2, "for (int chunk = first_chunk; chunk < first_chunk + chunks; chunk++)");
    line(text, 3, "for (int row = tile_row * %d; row < tile_row * %d + %d && row < %d; row++) {",
         g->tile, g->tile, g->tile, l->y->height);
    write_sums(l->e, l->d, text, 4, l->k, "row");
    line(text, 3, "}");
}

static const char *driver_name(const Emitter *e, const Kernel *k, const char *what)
{
    const Node *node = k->node;
    const Value *x = node->op == OP_CONV2D_DX ? node->outputs[0] : node->inputs[0];

    return format("%s_winograd%s_%s_%d", op_info[node->op].text, what, shape_name(e, x),
                  node->inputs[1]->shape.size[0]);
}

void emit_winograd(Emitter *e, Driver *d, const Kernel *k)
{
    Node *node = k->node;
    const Winograd *g = &k->winograd;
    const bool dx = node->op == OP_CONV2D_DX;
    Value *x = node->inputs[0], *y = node->outputs[0];
    const Shape w = node->inputs[1]->shape;
    Loops l = {.e = e, .d = d, .k = k, .g = g, .x = x->physical, .y = y->physical};
    Text *text = &d->text;
    const char *out = NULL;

    l.channels = w.size[dx ? 0 : 1];
    l.outputs = w.size[dx ? 1 : 0];
    for (int axis = 0; axis < 2; axis++)
        l.padding[axis] = dx ? 2 - node->at.padding[axis] : node->at.padding[axis];
    cut_panels((l.outputs + 15) / 16, e->target->vectors, l.panels);
    if (!y->internal)
        out = add_operand(e, d, dx ? "dx" : "y", y, true, y->physical);
    l.in = add_operand(e, d, dx ? "dy" : "x", x, false, NULL);
    add_scratch(e, d, "u", k->scratch, declare_scratch(e, k), false);
    if (node->input_count > 2 && node->inputs[2])
        l.bias = add_operand(e, d, "b", node->inputs[2], false, NULL);
    l.body = start_body(e, d, k, y->physical);
    if (out)
        l.body.formals[y->id] = out;
    d->base = driver_name(e, k, body_name(k));
    text_add(&d->comment, "/* %s%s by F(%dx%d, 3x3)",
             dx ? "dx = sum over taps of dy w'" : "y = sum over taps of x w", l.bias ? " + b" : "",
             g->tile, g->tile);
    for (int i = 0; i < k->body_count; i++)
        text_add(&d->comment, ", %s", op_info[k->body[i]->op].text);
    text_add(&d->comment, "; items: (%s, row of tiles) */\n", g->chunks > 1 ? "chunks" : "chunk");
    line(text, 0, "{");
    line(text, 1, "float *v = net_scratch(run, thread), *m = v + %ld;\n", g->v);
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {",
         (l.x->chunks + g->chunks - 1) / g->chunks, g->down);
    line(text, 2, "const int first_chunk = item / %d * %d, tile_row = item %% %d;", g->down,
         g->chunks, g->down);
    line(text, 2, "const int left = net_chunks(run) - first_chunk;");
    line(text, 2, "const int chunks = left < %d ? left : %d;\n", g->chunks, g->chunks);
    write_item(text, &l);
    line(text, 1, "}");
    line(text, 0, "}");
}

/* ---- Transformed weights --------------------------------------------------------------------- */

/* More bytes than this are not kept in a cache of a core until a convolution reads them. */
enum { STREAMED = 1 << 20 };

static const char *write_weight(Emitter *e, int tile, bool streamed)
{
    const int products = (tile + 2) * (tile + 2);
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "vec u[%d];\n", products);
    line(&text, 1, "net_winograd_weight(u, from, tap, %d);", tile);
    line(&text, 1, "NET_UNROLL(k, %d)", products);
    line(&text, 2, "%s(to + k * step, u[k]);", streamed ? "vec_stream" : "vec_store");
    line(&text, 0, "}");
    return add_function(e, &e->tiles,
                        format("winograd_weight_%d%s", tile, streamed ? "_streamed" : ""),
                        "NET_TILE void %s(float *restrict to, long step, "
                        "const float *restrict from,\n        long tap)\n",
                        text.at);
}

/* u[product][panel of outputs][channel][block][16] from w, whose taps a dx turns. */
void emit_winograd_weights(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Winograd *g = &k->winograd;
    const bool dx = node->op == OP_CONV2D_DX;
    Value *w = node->inputs[1];
    const Physical *p = w->physical;
    const int outputs = p->outputs, inputs = w->shape.size[1], blocks = (inputs + 15) / 16;
    const int channels = dx ? outputs : inputs, to = ((dx ? inputs : outputs) + 15) / 16;
    const bool streamed = k->scratch->size > STREAMED;
    const char *transform = write_weight(e, g->tile, streamed);
    int panels[3];
    Text *text = &d->text;

    cut_panels(to, e->target->vectors, panels);
    add_scratch(e, d, "u", k->scratch, declare_scratch(e, k), true);
    add_operand(e, d, "w", w, false, NULL);
    d->base = format("winograd_weights_%d%s_%dx%d", g->tile, dx ? "_turned" : "", inputs, outputs);
    text_add(&d->comment, "/* u = G w G'%s; items: (block of outputs, block of inputs) */\n",
             dx ? ", inputs for outputs and taps turned around" : "");
    line(text, 0, "{");
    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", (outputs + 15) / 16, blocks);
    line(text, 2, "const int output = item / %d, input = item %% %d;", blocks, blocks);
    line(text, 2, "const struct net_panel from = net_panel_of(output, %d, %d);", p->panels[0],
         p->panels[1]);
    if (dx)
        line(text, 2, "const struct net_panel to = net_panel_of(input, %d, %d);", panels[0],
             panels[1]);
    line(text, 2, "const float *wi = w->at + from.first * %ldL", 16L * p->rows);
    line(text, 4, "+ (16 * input * from.width + output - from.first) * 16;");
    if (dx) {
        line(text, 2, "float *ui = u->at");
        line(text, 4, "+ (to.first * %dL + 16 * output * to.width + input - to.first) * 16;",
             channels);
        line(text, 2, "_Alignas(64) float turned[9][256];\n");
        line(text, 2, "for (int tap = 0; tap < 9; tap++)");
        line(text, 3, "net_turn_16x16(turned[8 - tap], 16, wi + tap * from.width * %dL,",
             16 * inputs);
        line(text, 4, "16 * from.width, %d - 16 * input, 16);", inputs);
        line(text, 2, "for (int c = 0; c < 16 && 16 * output + c < %d; c++)", outputs);
        line(text, 3, "%s(ui + c * to.width * 16, %ldL, turned[0] + 16 * c, 256);", transform,
             16L * channels * to);
    } else {
        line(text, 2, "float *ui = u->at + from.first * %dL", 16 * channels);
        line(text, 4, "+ (16 * input * from.width + output - from.first) * 16;\n");
        line(text, 2, "for (int c = 0; c < 16 && 16 * input + c < %d; c++)", inputs);
        line(text, 3, "%s(ui + c * from.width * 16, %ldL, wi + c * from.width * 16,", transform,
             16L * channels * to);
        line(text, 4, "from.width * %dL);", 16 * inputs);
    }
    line(text, 1, "}");
    if (streamed)
        line(text, 1, "vec_fence();");
    line(text, 0, "}");
}
