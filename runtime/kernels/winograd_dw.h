/*
 * winograd_dw.h -- weight gradients by Winograd's minimal filtering: dU = V' dM for each of the
 * products, summed over tiles and images, then dw = G' dU G.
 *
 * The one idea: an item is some panels of outputs and blocks of inputs, and owns their weights. It
 * makes V and dM anew from x and dy, a few tiles at a time, so that all it touches stays in the
 * cache; sums are in one order on any number of threads. Few weights over many pixels have their
 * tiles split, each split with a dU of its own: partial sums, which a final reduction adds in
 * order.
 */

#ifndef NET_WINOGRAD_DW_H
#define NET_WINOGRAD_DW_H

#include "kernels/winograd_conv.h"

/* dW = G' dU G of `count` vectors, dU the sum of `splits` partial sums (winograd.h). */
typedef void net_winograd_filter_gradient(float *restrict to, long tap, const float *restrict from,
                                          long step, long count, long splits, long split);
#define NET_WINOGRAD_FILTER_GRADIENT(name)                                                         \
    NET_TILE void name(float *restrict to, long tap, const float *restrict from, long step,        \
                       long count, long splits, long split)

struct net_winograd_dw {
    struct net_extent x, dy;
    int inputs;                   /* of dw */
    int panels[3];                /* of dw: of 3, of 2, of 1 blocks of outputs */
    int padding[2];               /* pixels that the first tile begins before the image */
    int down, across;             /* tiles of an image */
    int group, batch_blocks;      /* tiles at a time, of each of so many batch blocks */
    int item_panels, item_blocks; /* of an item, at most */
    bool whole;                   /* one group is all there is */
    int splits;                   /* of the groups; 1: no partial sums */
    struct net_apply apply;
};

/* Floats, of panels of one width and of F(m x m). */
struct net_winograd_steps {
    long v, dm, du;          /* from product to product */
    long dm_panel, du_panel; /* from panel to panel */
    long du_block;           /* from block of inputs to block */
};

NET_INLINE int net_winograd_products(int m)
{
    return (m + 2) * (m + 2);
}

NET_INLINE struct net_winograd_steps net_winograd_steps_of(struct net_winograd_dw s, int vectors,
                                                           int m)
{
    struct net_winograd_steps steps = {
        .v = net_winograd_step(s.group * s.batch_blocks, NET_IMAGES),
        .dm = net_winograd_step(s.group * s.batch_blocks * vectors, NET_IMAGES),
        .du = net_winograd_step(vectors, 16)};

    steps.dm_panel = steps.dm * net_winograd_products(m);
    steps.du_block = steps.du * net_winograd_products(m);
    steps.du_panel = steps.du_block * (s.splits > 1 ? s.x.blocks : s.whole ? 1 : s.item_blocks);
    return steps;
}

/* Where the partial sums of panels of one width begin. */
NET_INLINE long net_winograd_partial_at(struct net_winograd_dw s, int vectors, int m)
{
    long at = 0;

    for (int width = 3; width > vectors; width--)
        at += (long)s.panels[3 - width] * s.x.blocks * net_winograd_products(m) *
              net_winograd_step(width, 16);
    return at;
}

/* What an item works on, and where. */
struct net_winograd_work {
    int first_block, panels; /* of outputs */
    int begin, end;          /* blocks of inputs */
    float *v, *dm, *du;
};

/* Tiles `first` on of some batch blocks, counted through the rows of an image. */
struct net_winograd_tiles {
    int batch_block, count;
    int first, tiles;
};

NET_INLINE void net_winograd_gradients(const float *dy, struct net_winograd_dw s,
                                       struct net_winograd_work work, struct net_winograd_tiles at,
                                       int vectors, int m, net_winograd_transform *gradient)
{
    const struct net_winograd_steps steps = net_winograd_steps_of(s, vectors, m);

    for (int g = 0; g < at.count; g++)
        for (int t = 0; t < at.tiles; t++)
            for (int j = 0; j < work.panels * vectors; j++) {
                const int tile = (g * s.group + t) * vectors + j % vectors;
                const float *pixels[36];

                net_winograd_pixels(
                    pixels, dy + net_block_at(s.dy, at.batch_block + g, 0, work.first_block + j),
                    s.dy.blocks * TILE, s.dy.height, s.dy.width, (at.first + t) / s.across * m,
                    (at.first + t) % s.across * m, m);
                gradient(work.dm + j / vectors * steps.dm_panel + tile * TILE, steps.dm, pixels);
            }
}

/* One block of inputs: V, and its products with dM. */
NET_INLINE void net_winograd_dw_block(float *du, const float *x, struct net_winograd_dw s,
                                      struct net_winograd_work work, struct net_winograd_tiles at,
                                      int block, int rows, int vectors, int m,
                                      net_winograd_transform *input, net_dw_tile *tile,
                                      const struct net_run *run)
{
    const struct net_winograd_steps steps = net_winograd_steps_of(s, vectors, m);
    const struct net_reduction over = {
        .batch_blocks = at.count,
        .rows = 1,
        .columns = at.tiles,
        .images = net_rows(run, at.batch_block + at.count - 1),
        .x_batch_block = s.group * TILE,
        .x_column = TILE,
        .x_image = 16,
        .dy_batch_block = s.group * vectors * TILE,
        .dy_column = vectors * TILE,
    };

    for (int g = 0; g < at.count; g++)
        for (int t = 0; t < at.tiles; t++) {
            const float *pixels[36];

            net_winograd_pixels(pixels, x + net_block_at(s.x, at.batch_block + g, 0, block),
                                s.x.blocks * TILE, s.x.height, s.x.width,
                                (at.first + t) / s.across * m - s.padding[0],
                                (at.first + t) % s.across * m - s.padding[1], m + 2);
            input(work.v + (g * s.group + t) * TILE, steps.v, pixels);
        }
    for (int p = 0; p < work.panels; p++)
        for (int k = 0; k < net_winograd_products(m); k++)
            for (int i = 0; i < 16; i += rows)
                tile(du + p * steps.du_panel + k * steps.du + 16 * vectors * i,
                     work.v + k * steps.v + i, work.dm + p * steps.dm_panel + k * steps.dm, &over);
}

/* From a finished dU of a panel and a block of inputs to the weights. */
NET_INLINE void net_winograd_dw_end(float *w, const float *du, struct net_winograd_dw s,
                                    int panel_block, int block, int vectors, int m, int splits,
                                    net_winograd_filter_gradient *back, const struct net_run *run)
{
    const int width = 16 * vectors, left = s.inputs - 16 * block, inputs = left < 16 ? left : 16;
    _Alignas(64) float dw[9 * 16 * 48];

    back(dw, 16 * width, du, net_winograd_step(vectors, 16), width, splits,
         net_winograd_partial_at(s, 0, m));
    for (int tap = 0; tap < 9; tap++)
        net_apply(run,
                  w + panel_block * 144L * s.inputs + (tap * s.inputs + 16 * block) * (long)width,
                  dw + tap * 16 * width, width * inputs, s.apply);
}

NET_INLINE void net_winograd_dw_ends(float *w, const float *du, struct net_winograd_dw s,
                                     struct net_winograd_work work, int block, int vectors, int m,
                                     net_winograd_filter_gradient *back, const struct net_run *run)
{
    const struct net_winograd_steps steps = net_winograd_steps_of(s, vectors, m);

    for (int p = 0; p < work.panels; p++)
        net_winograd_dw_end(w, du + p * steps.du_panel, s, work.first_block + p * vectors, block,
                            vectors, m, 1, back, run);
}

/* dU of some blocks = 0 */
NET_INLINE void net_winograd_clear(struct net_winograd_dw s, struct net_winograd_work work,
                                   int blocks, int vectors, int m)
{
    const struct net_winograd_steps steps = net_winograd_steps_of(s, vectors, m);

    for (int p = 0; p < work.panels; p++)
        memset(work.du + p * steps.du_panel, 0,
               (size_t)blocks * (size_t)steps.du_block * sizeof *work.du);
}

/* Over the groups of one split. */
NET_INLINE void net_winograd_dw_item(float *w, const float *x, const float *dy,
                                     struct net_winograd_dw s, struct net_winograd_work work,
                                     int split, int rows, int vectors, int m,
                                     net_winograd_transform *input,
                                     net_winograd_transform *gradient,
                                     net_winograd_filter_gradient *back, net_dw_tile *tile,
                                     const struct net_run *run)
{
    const int tiles = s.down * s.across, across = (tiles + s.group - 1) / s.group;
    const int groups = (s.x.batch_blocks + s.batch_blocks - 1) / s.batch_blocks * across;
    const long unit = net_winograd_steps_of(s, vectors, m).du_block;

    if (!s.whole)
        net_winograd_clear(s, work, work.end - work.begin, vectors, m);
    for (int group = groups * split / s.splits; group < groups * (split + 1) / s.splits; group++) {
        struct net_winograd_tiles at = {.batch_block = group / across * s.batch_blocks,
                                        .first = group % across * s.group};
        const int left = net_batch_blocks(run) - at.batch_block, left_tiles = tiles - at.first;

        at.count = left < s.batch_blocks ? left : s.batch_blocks;
        at.tiles = left_tiles < s.group ? left_tiles : s.group;
        if (at.count <= 0)
            break;
        net_winograd_gradients(dy, s, work, at, vectors, m, gradient);
        for (int block = work.begin; block < work.end; block++) {
            float *du = work.du + (s.whole ? 0 : (block - work.begin) * unit);

            if (s.whole)
                net_winograd_clear(s, work, 1, vectors, m);
            net_winograd_dw_block(du, x, s, work, at, block, rows, vectors, m, input, tile, run);
            if (s.whole)
                net_winograd_dw_ends(w, du, s, work, block, vectors, m, back, run);
        }
    }
    for (int block = work.begin; !s.whole && s.splits == 1 && block < work.end; block++)
        net_winograd_dw_ends(w, work.du + (block - work.begin) * unit, s, work, block, vectors, m,
                             back, run);
}

/* Panels of one width. */
NET_INLINE void net_winograd_dw_panels(float *w, const float *x, const float *dy,
                                       struct net_winograd_dw s, int first, int rows, int vectors,
                                       int m, net_winograd_transform *input,
                                       net_winograd_transform *gradient,
                                       net_winograd_filter_gradient *back, net_dw_tile *tile,
                                       NET_RUN)
{
    const int all = s.panels[3 - vectors], many = s.item_panels < all ? s.item_panels : all;
    const int parts = (s.x.blocks + s.item_blocks - 1) / s.item_blocks;
    const int items = (all + many - 1) / many * parts;
    const struct net_winograd_steps steps = net_winograd_steps_of(s, vectors, m);
    const int widest = s.panels[0] ? 3 : s.panels[1] ? 2 : 1;
    float *v = net_scratch(run, thread), *dm = v + net_winograd_products(m) * steps.v;
    float *du = dm + s.item_panels * net_winograd_steps_of(s, widest, m).dm_panel;

    NET_ITEMS(item, s.splits * items, run, thread) {
        const int split = item / items, part = item % items;
        const int panel = part / parts * many, begin = part % parts * s.item_blocks;
        const int end = begin + s.item_blocks;
        const struct net_winograd_work work = {
            .first_block = first + panel * vectors,
            .panels = all - panel < many ? all - panel : many,
            .begin = begin,
            .end = end < s.x.blocks ? end : s.x.blocks,
            .v = v,
            .dm = dm,
            .du = s.splits > 1 ? w + split * net_winograd_partial_at(s, 0, m) +
                                     net_winograd_partial_at(s, vectors, m) +
                                     (panel * s.x.blocks + begin) * steps.du_block
                               : du,
        };

        net_winograd_dw_item(w, x, dy, s, work, split, rows, vectors, m, input, gradient, back,
                             tile, run);
    }
}

/* dw, or with splits partial sums of dU, of F(m x m, 3 x 3). Items: (split, panels, blocks of
   inputs). Tiles are of `rows` inputs by 3, 2 and 1 blocks of outputs and add to dU; NULL where
   there are no such panels. */
NET_TEMPLATE void net_winograd_dw(float *w, const float *x, const float *dy,
                                  struct net_winograd_dw s, int m, int rows,
                                  net_winograd_transform *input, net_winograd_transform *gradient,
                                  net_winograd_filter_gradient *back, net_dw_tile *tile3,
                                  net_dw_tile *tile2, net_dw_tile *tile1, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    if (tile3)
        net_winograd_dw_panels(w, x, dy, s, 0, rows, 3, m, input, gradient, back, tile3, run,
                               thread);
    if (tile2)
        net_winograd_dw_panels(w, x, dy, s, twos, rows, 2, m, input, gradient, back, tile2, run,
                               thread);
    if (tile1)
        net_winograd_dw_panels(w, x, dy, s, ones, rows, 1, m, input, gradient, back, tile1, run,
                               thread);
}

NET_INLINE void net_winograd_reduce_panels(float *w, const float *partial, struct net_winograd_dw s,
                                           int first, int vectors, int m,
                                           net_winograd_filter_gradient *back, NET_RUN)
{
    const long unit = net_winograd_steps_of(s, vectors, m).du_block;

    NET_ITEMS(item, s.panels[3 - vectors] * s.x.blocks, run, thread)
        net_winograd_dw_end(w, partial + net_winograd_partial_at(s, vectors, m) + item * unit, s,
                            first + item / s.x.blocks * vectors, item % s.x.blocks, vectors, m,
                            s.splits, back, run);
}

/* dw = G' (partial sums added in order) G; items: (panel, block of inputs) */
NET_TEMPLATE void net_winograd_reduce_dw(float *w, const float *partial, struct net_winograd_dw s,
                                         int m, net_winograd_filter_gradient *back, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    if (s.panels[0])
        net_winograd_reduce_panels(w, partial, s, 0, 3, m, back, run, thread);
    if (s.panels[1])
        net_winograd_reduce_panels(w, partial, s, twos, 2, m, back, run, thread);
    if (s.panels[2])
        net_winograd_reduce_panels(w, partial, s, ones, 1, m, back, run, thread);
}

#endif
