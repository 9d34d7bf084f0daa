/*
 * emit_winograd_dw.c -- weight gradients by Winograd's minimal filtering: dU = V' dM for each of the
 * products, summed over tiles and images, then dW = G' dU G.
 *
 * The one idea: an item is a panel of outputs and some blocks of inputs, and owns their weights. It
 * makes V and dM anew from x and dy, a few tiles at a time, so that all it touches stays in the
 * cache and nothing is ever stored; sums are in one order on any number of threads.
 */

#include "netc.h"

static int products(const Winograd *g)
{
    return (g->tile + 2) * (g->tile + 2);
}

static const char *write_tile(Emitter *e, int vectors)
{
    const int rows = e->target->rows;
    Text text = {0};

    line(&text, 0, "{");
    line(&text, 1, "vec acc[%d][3];\n", rows);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "acc[i][j] = vec_load(du + 16 * (%d * i + j));", vectors);
    line(&text, 1, "correlate(acc, %d, %d, 0, 16, 1, 0, 0, v, dm, over, 0);", rows, vectors);
    line(&text, 1, "NET_UNROLL(i, %d)", rows);
    line(&text, 2, "NET_VECTORS(j, %d)", vectors);
    line(&text, 3, "vec_store(du + 16 * (%d * i + j), acc[i][j]);", vectors);
    line(&text, 0, "}");
    return add_function(e, &e->tiles, format("winograd_weight_tile_%dx%d", rows, vectors),
                        "/* du += v' dm over tiles and images: rows of inputs by blocks of outputs */\n"
                        "NET_TILE void %s(float *restrict du, const float *restrict v,\n"
                        "        const float *restrict dm, const struct sweep *over)\n", text.at);
}

/* What is under a tile: `x` becomes V, `dy` becomes dM. `pixels` from `padding` before it on. */
static void write_transform(Emitter *e, Text *text, int level, const Winograd *g, const Physical *v,
                            const char *what, const char *from, const char *block,
                            const int padding[2], int size, const char *to, long step)
{
    line(text, level, "const float *pixels[36];\n");
    line(text, level, "net_winograd_pixels(pixels, %s->at[chunk + g][0][%s][0], %d, %d, %d,", from,
         block, v->blocks * 256, v->height, v->width);
    line(text, level + 1, "(first + t) / %d * %d - %d, (first + t) %% %d * %d - %d, %d);", g->across,
         g->tile, padding[0], g->across, g->tile, padding[1], size);
    line(text, level, "%s(%s, %ld, pixels);", winograd_input(e, what, g->tile), to, step);
}

/* What the loops of a driver need. */
typedef struct Loops {
    Emitter *e;
    const Kernel *k;
    const Winograd *g;
    const Physical *x, *dy, *dw;
    int vectors;                /* of these panels */
    long v_step, m_step, u_step;    /* floats from product to product */
    long m_panel, u_panel;      /* floats from panel to panel */
} Loops;

static void write_group(Text *text, int level, const char *brace)
{
    line(text, level, "for (int g = 0; g < count; g++)");
    line(text, level + 1, "for (int t = 0; t < tiles; t++)%s", brace);
}

static void write_gradients(Text *text, int level, const Loops *l)
{
    static const int none[2] = {0, 0};

    write_group(text, level, "");
    line(text, level + 2, "for (int j = 0; j < panels * %d; j++) {", l->vectors);
    write_transform(l->e, text, level + 3, l->g, l->dy, "gradient", "dy", "panel_block + j", none,
                    l->g->tile,
                    format("dm + j / %d * %ldL + ((g * %d + t) * %d + j %% %d) * 256", l->vectors,
                           l->m_panel, l->g->group, l->vectors, l->vectors),
                    l->m_step);
    line(text, level + 2, "}");
}

/* One block of inputs: V, and its products with dM. */
static void write_block(Text *text, int level, const Loops *l)
{
    write_group(text, level, " {");
    write_transform(l->e, text, level + 2, l->g, l->x, "input", "x", "block",
                    l->k->node->at.padding, l->g->tile + 2,
                    format("v + (g * %d + t) * 256", l->g->group), l->v_step);
    line(text, level + 1, "}");
    line(text, level, "for (int p = 0; p < panels; p++)");
    line(text, level + 1, "for (int k = 0; k < %d; k++)", products(l->g));
    line(text, level + 2, "for (int i = 0; i < 16; i += %d)", l->e->target->rows);
    line(text, level + 3, "%s(du_block + p * %ldL + k * %ldL + %d * i,", write_tile(l->e, l->vectors),
         l->u_panel, l->u_step, 16 * l->vectors);
    line(text, level + 4, "v + k * %ldL + i, dm + p * %ldL + k * %ldL, &over);", l->v_step,
         l->m_panel, l->m_step);
}

static void write_end(Text *text, int level, const Loops *l)
{
    const int inputs = l->k->node->outputs[0]->shape.size[1], width = l->vectors * 16;

    line(text, level, "for (int p = 0; p < panels; p++) {");
    line(text, level + 1, "_Alignas(64) float dw[9][%d];", 16 * width);
    line(text, level + 1, "const int inputs = %d - 16 * block < 16 ? %d - 16 * block : 16;\n", inputs,
         inputs);
    line(text, level + 1, "net_winograd_weight_gradient(dw[0], %d, du_block + p * %ldL, %ld, %d, %d);",
         16 * width, l->u_panel, l->u_step, width, l->g->tile);
    line(text, level + 1, "for (int tap = 0; tap < 9; tap++)");
    write_finish(text, level + 2, l->k,
                 format("[(panel_block + p * %d) * %dL + (tap * %d + 16 * block) * %dL]", l->vectors,
                        16 * l->dw->rows, inputs, width), "dw[tap]", format("%d * inputs", width));
    line(text, level, "}");
}

static void write_groups(Text *text, int level, const Loops *l)
{
    const Winograd *g = l->g;
    const int tiles = g->down * g->across;

    line(text, level, "for (int chunk = 0; chunk < net_chunks(run); chunk += %d)", g->chunks);
    line(text, level + 1, "for (int first = 0; first < %d; first += %d) {", tiles, g->group);
    line(text, level + 2, "const int left = net_chunks(run) - chunk;");
    line(text, level + 2, "const int count = left < %d ? left : %d;", g->chunks, g->chunks);
    line(text, level + 2, "const int tiles = %d - first < %d ? %d - first : %d;", tiles, g->group,
         tiles, g->group);
    line(text, level + 2, "const struct sweep over = {");
    line(text, level + 3, "count, 1, tiles, net_rows(run, chunk + count - 1),");
    line(text, level + 3, "%d, 0, 256, 16, %d, 0, %d", g->group * 256, g->group * l->vectors * 256,
         l->vectors * 256);
    line(text, level + 2, "};\n");
}

static void write_panels(Text *text, const Loops *l, int first, int panels)
{
    const Winograd *g = l->g;
    const int parts = (l->x->blocks + g->blocks - 1) / g->blocks;
    const int many = g->panels < panels ? g->panels : panels;
    const long block_floats = 256L * l->vectors;

    line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", (panels + many - 1) / many, parts);
    line(text, 2, "const int panel = item / %d * %d, begin = item %% %d * %d;", parts, many, parts,
         g->blocks);
    line(text, 2, "const int panel_block = %d + panel * %d;", first, l->vectors);
    line(text, 2, "const int panels = %d - panel < %d ? %d - panel : %d;", panels, many, panels, many);
    line(text, 2, "const int end = begin + %d < %d ? begin + %d : %d;\n", g->blocks, l->x->blocks,
         g->blocks, l->x->blocks);
    if (g->whole) {
        write_groups(text, 2, l);
        write_gradients(text, 4, l);
        line(text, 4, "for (int block = begin; block < end; block++) {");
        line(text, 5, "float *du_block = memset(du, 0, %ld * sizeof *du);\n", g->u);
        write_block(text, 5, l);
        write_end(text, 5, l);
        line(text, 4, "}");
        line(text, 3, "}");
    } else {
        line(text, 2, "memset(du, 0, %ld * sizeof *du);", g->u);
        write_groups(text, 2, l);
        write_gradients(text, 4, l);
        line(text, 4, "for (int block = begin; block < end; block++) {");
        line(text, 5, "float *du_block = du + (block - begin) * %ldL;\n", block_floats);
        write_block(text, 5, l);
        line(text, 4, "}");
        line(text, 3, "}");
        line(text, 2, "for (int block = begin; block < end; block++) {");
        line(text, 3, "const float *du_block = du + (block - begin) * %ldL;", block_floats);
        write_end(text, 3, l);
        line(text, 2, "}");
    }
    line(text, 1, "}");
}

void emit_winograd_dw(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Winograd *g = &k->winograd;
    const Physical *dw = node->outputs[0]->physical;
    Loops l = {.e = e, .k = k, .g = g, .x = node->inputs[0]->physical,
               .dy = node->inputs[1]->physical, .dw = dw};
    int first = 0;

    add_result(e, d, k);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("%s_winograd%s_%s_%d", op_info[node->op].text, k->update ? "_update" : "",
                     shape_name(e, node->inputs[0]), dw->outputs);
    text_add(&d->comment, "/* dw = x' dy over images and pixels by F(%dx%d, 3x3)%s; items: (panel, "
             "blocks of inputs) */\n", g->tile, g->tile, k->update ? ", then the update" : "");
    line(&d->text, 0, "{");
    line(&d->text, 1, "float *v = net_scratch(run, thread), *dm = v + %ld, *du = dm + %ld;\n", g->v,
         g->m);
    for (int width = 3; width >= 1; width--) {
        const int panels = dw->panels[3 - width];

        if (!panels)
            continue;
        l.vectors = width;
        l.v_step = g->v / products(g);
        l.m_step = g->group * g->chunks * width * 256L + 16;
        l.u_step = 256L * width * (g->whole ? 1 : g->blocks) + 16;
        l.m_panel = l.m_step * products(g);
        l.u_panel = l.u_step * products(g);
        write_panels(&d->text, &l, first, panels);
        first += panels * width;
    }
    line(&d->text, 0, "}");
}
