/*
 * winograd_dw.c -- weight gradients by Winograd's minimal filtering: dU = V' dM for each of
 * the products, summed over tiles and images, then dW = G' dU G.
 *
 * The one idea: an item is some panels of outputs and blocks of inputs, and owns their weights. It
 * makes V and dM anew from x and dy, a few tiles at a time, so that all it touches stays in the
 * cache; sums are in one order on any number of threads. Few weights over many pixels come in
 * slices, added in order afterwards.
 */

#include "emit/emit.h"

static int products(const Winograd *g)
{
    return (g->tile + 2) * (g->tile + 2);
}

/* What is under a tile: `x` becomes V, `dy` becomes dM. `pixels` from `padding` before it on. */
static void write_transform(Emitter *e, Text *text, int level, const Winograd *g, const Physical *v,
                            const char *what, const char *from, const char *block,
                            const int padding[2], int size, const char *to, long step)
{
    line(text, level, "const float *pixels[36];\n");
    line(text, level, "net_winograd_pixels(pixels, %s->at[chunk + g][0][%s][0],", from, block);
    line(text, level + 1,
         "%d, %d, %d, (first + t) / %d * %d - %d, (first + t) %% %d * %d - %d, %d);",
         v->blocks * 256, v->height, v->width, g->across, g->tile, padding[0], g->across, g->tile,
         padding[1], size);
    line(text, level, "%s(%s, %ld, pixels);", winograd_input(e, what, g->tile), to, step);
}

/* What the loops of a driver need. */
typedef struct Loops {
    Emitter *e;
    const Kernel *k;
    const Winograd *g;
    const Physical *x, *dy, *dw;
    int vectors;                 /* of these panels */
    long v_step, m_step, u_step; /* floats from product to product */
    long m_panel, u_panel;       /* floats from panel to panel */
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
    write_transform(l->e, text, level + 3, l->g, l->dy, "gradient", "dy", "first_block + j", none,
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
    line(text, level + 3, "%s(du_block + p * %ldL + k * %ldL + %d * i,",
         dw_tile(l->e, l->vectors, true, false), l->u_panel, l->u_step, 16 * l->vectors);
    line(text, level + 4, "v + k * %ldL + i, dm + p * %ldL + k * %ldL, &over);", l->v_step,
         l->m_panel, l->m_step);
}

/* From a finished dU to the weights. */
static void write_end(Text *text, int level, const Loops *l, const char *from)
{
    const int inputs = l->k->node->outputs[0]->shape.size[1], width = l->vectors * 16;

    line(text, level, "_Alignas(64) float dw[9][%d];", 16 * width);
    line(text, level, "const int inputs = %d - 16 * block < 16 ? %d - 16 * block : 16;\n", inputs,
         inputs);
    line(text, level, "net_winograd_weight_gradient(dw[0], %d, %s, %ld, %d, %d, %ld, %d);",
         16 * width, from, l->u_step, width, l->g->splits, winograd_partial(l->dw, l->g->tile),
         l->g->tile);
    line(text, level, "for (int tap = 0; tap < 9; tap++)");
    write_finish(text, level + 1, l->k,
                 format("[panel_block * %dL + (tap * %d + 16 * block) * %dL]", 16 * l->dw->rows,
                        inputs, width),
                 "dw[tap]", format("%d * inputs", width));
}

static void write_ends(Text *text, int level, const Loops *l)
{
    line(text, level, "for (int p = 0; p < panels; p++) {");
    line(text, level + 1, "const int panel_block = first_block + p * %d;", l->vectors);
    write_end(text, level + 1, l, format("du_block + p * %ldL", l->u_panel));
    line(text, level, "}");
}

static void write_zeros(Text *text, int level, const Loops *l, const char *blocks)
{
    line(text, level, "for (int p = 0; p < panels; p++)");
    line(text, level + 1, "memset(du_item + p * %ldL, 0, (size_t)(%s) * %ld * sizeof *du_item);",
         l->u_panel, blocks, winograd_unit(l->g->tile, l->vectors));
}

/* Tiles of some chunks at a time. */
static void write_groups(Text *text, int level, const Loops *l)
{
    const Winograd *g = l->g;
    const int tiles = g->down * g->across, across = (tiles + g->group - 1) / g->group;
    const int groups = (l->x->chunks + g->chunks - 1) / g->chunks * across;

    if (g->splits > 1)
        line(text, level,
             "for (int group = %d * slice / %d; group < %d * (slice + 1) / %d; group++) {", groups,
             g->splits, groups, g->splits);
    else
        line(text, level, "for (int group = 0; group < %d; group++) {", groups);
    line(text, level + 1, "const int chunk = group / %d * %d, first = group %% %d * %d;", across,
         g->chunks, across, g->group);
    line(text, level + 1, "const int left = net_chunks(run) - chunk;");
    line(text, level + 1, "const int count = left < %d ? left : %d;", g->chunks, g->chunks);
    line(text, level + 1, "const int tiles = %d - first < %d ? %d - first : %d;", tiles, g->group,
         tiles, g->group);
    line(text, level + 1, "if (count <= 0)");
    line(text, level + 2, "break;");
    line(text, level + 1, "const struct net_reduction over = {");
    line(text, level + 2, ".batch_blocks = count, .rows = 1, .columns = tiles,");
    line(text, level + 2, ".images = net_rows(run, chunk + count - 1),");
    line(text, level + 2,
         ".x_batch_block = %d, .x_column = 256, .x_image = 16, .dy_batch_block = %d, "
         ".dy_column = %d",
         g->group * 256, g->group * l->vectors * 256, l->vectors * 256);
    line(text, level + 1, "};\n");
}

static void write_item(Text *text, int level, const Loops *l)
{
    const Winograd *g = l->g;
    const long unit = winograd_unit(g->tile, l->vectors);

    if (!g->whole)
        write_zeros(text, level, l, "end - begin");
    write_groups(text, level, l);
    write_gradients(text, level + 1, l);
    line(text, level + 1, "for (int block = begin; block < end; block++) {");
    if (g->whole) {
        line(text, level + 2, "float *du_block = du_item;\n");
        write_zeros(text, level + 2, l, "1");
    } else {
        line(text, level + 2, "float *du_block = du_item + (block - begin) * %ldL;\n", unit);
    }
    write_block(text, level + 2, l);
    if (g->whole)
        write_ends(text, level + 2, l);
    line(text, level + 1, "}");
    line(text, level, "}");
    if (g->whole || g->splits > 1)
        return;
    line(text, level, "for (int block = begin; block < end; block++) {");
    line(text, level + 1, "const float *du_block = du_item + (block - begin) * %ldL;\n", unit);
    write_ends(text, level + 1, l);
    line(text, level, "}");
}

/* Panels of one width; `at`: floats into a slice. */
static void write_panels(Text *text, const Loops *l, int first, int panels, long at)
{
    const Winograd *g = l->g;
    const int parts = (l->x->blocks + g->blocks - 1) / g->blocks;
    const int many = g->panels < panels ? g->panels : panels;
    const int items = (panels + many - 1) / many * parts;

    if (g->splits > 1) {
        line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", g->splits, items);
        line(text, 2, "const int slice = item / %d, part = item %% %d;", items, items);
    } else {
        line(text, 1, "NET_ITEMS(part, %d, run, thread) {", items);
    }
    line(text, 2, "const int panel = part / %d * %d, begin = part %% %d * %d;", parts, many, parts,
         g->blocks);
    line(text, 2, "const int first_block = %d + panel * %d;", first, l->vectors);
    line(text, 2, "const int panels = %d - panel < %d ? %d - panel : %d;", panels, many, panels,
         many);
    line(text, 2, "const int end = begin + %d < %d ? begin + %d : %d;", g->blocks, l->x->blocks,
         g->blocks, l->x->blocks);
    if (g->splits > 1)
        line(text, 2,
             "float *du_item = slices->at + slice * %ldL + %ld + (panel * %d + begin) * %ldL;\n",
             winograd_partial(l->dw, g->tile), at, l->x->blocks,
             winograd_unit(g->tile, l->vectors));
    else
        line(text, 2, "float *du_item = dm + %ld;\n", g->m);
    write_item(text, 2, l);
    line(text, 1, "}");
}

static Loops start_loops(Emitter *e, const Kernel *k)
{
    const Node *node = k->node;

    return (Loops){.e = e,
                   .k = k,
                   .g = &k->winograd,
                   .x = node->inputs[0]->physical,
                   .dy = node->inputs[1]->physical,
                   .dw = node->outputs[0]->physical};
}

static void set_width(Loops *l, int width)
{
    const Winograd *g = l->g;

    l->vectors = width;
    l->v_step = g->v / products(g);
    l->m_step = g->group * g->chunks * width * 256L + 16;
    l->u_step = width * 256L + 16;
    l->m_panel = l->m_step * products(g);
    l->u_panel = l->u_step * products(g) *
                 (g->splits > 1 ? l->x->blocks
                  : g->whole    ? 1
                                : g->blocks);
}

void emit_winograd_dw(Emitter *e, Driver *d, const Kernel *k)
{
    const Node *node = k->node;
    const Winograd *g = &k->winograd;
    Loops l = start_loops(e, k);
    int first = 0;
    long at = 0;

    if (k->scratch)
        add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), true);
    else
        add_result(e, d, k);
    add_operand(e, d, "x", node->inputs[0], false, NULL);
    add_operand(e, d, "dy", node->inputs[1], false, NULL);
    d->base = format("%s_winograd%s_%s_%d", op_info[node->op].text,
                     k->scratch  ? "_slices"
                     : k->update ? "_update"
                                 : "",
                     shape_name(e, node->inputs[0]), l.dw->outputs);
    text_add(&d->comment,
             "/* dw = x' dy over images and pixels by F(%dx%d, 3x3)%s; items: (%spanels, blocks of "
             "inputs) */\n",
             g->tile, g->tile,
             k->scratch  ? ", not yet added and transformed"
             : k->update ? ", then the update"
                         : "",
             k->scratch ? "slice, " : "");
    line(&d->text, 0, "{");
    line(&d->text, 1, "float *v = net_scratch(run, thread), *dm = v + %ld;\n", g->v);
    for (int width = 3; width >= 1; width--) {
        const int panels = l.dw->panels[3 - width];

        if (!panels)
            continue;
        set_width(&l, width);
        write_panels(&d->text, &l, first, panels, at);
        first += panels * width;
        at += panels * l.x->blocks * winograd_unit(g->tile, width);
    }
    line(&d->text, 0, "}");
}

void emit_winograd_dw_reduction(Emitter *e, Driver *d, const Kernel *k)
{
    const Winograd *g = &k->winograd;
    Loops l = start_loops(e, k);
    Text *text = &d->text;
    int first = 0;
    long at = 0;

    add_result(e, d, k);
    add_scratch(e, d, "slices", k->scratch, declare_scratch(e, k), false);
    d->base = format("winograd_sum_slices%s_%dx%d", k->update ? "_update" : "", l.dw->rows,
                     l.dw->outputs);
    text_add(&d->comment,
             "/* dw = G' (slices added in order) G%s; items: (panel, block of inputs) */\n",
             k->update ? ", then the update" : "");
    line(text, 0, "{");
    for (int width = 3; width >= 1; width--) {
        const int panels = l.dw->panels[3 - width];

        if (!panels)
            continue;
        set_width(&l, width);
        line(text, 1, "NET_ITEMS(item, %d * %d, run, thread) {", panels, l.x->blocks);
        line(text, 2, "const int panel_block = %d + item / %d * %d, block = item %% %d;", first,
             l.x->blocks, width, l.x->blocks);
        write_end(text, 2, &l,
                  format("slices->at + %ld + item * %ldL", at, winograd_unit(g->tile, width)));
        line(text, 1, "}");
        first += panels * width;
        at += panels * l.x->blocks * winograd_unit(g->tile, width);
    }
    line(text, 0, "}");
}
