/*
 * weight_gradient.h -- dw = x' dy: inputs by blocks of outputs in registers, summed over images and
 * pixels.
 *
 * The one idea: an item owns some weights, sums them over the whole batch in one order and ends
 * with their update. Rows of pixels are taken in ordered reduction blocks, so that what all taps
 * re-read stays in L2. A layer of few weights has few items: there the pixels are split, each split
 * has partial sums of its own, and a final reduction adds them in order.
 */

#ifndef NET_WEIGHT_GRADIENT_H
#define NET_WEIGHT_GRADIENT_H

#include "kernels/gemm.h"
#include "kernels/groups.h"
#include "kernels/run.h"
#include "kernels/update.h"

/* ---- Register tiles -------------------------------------------------------------------------- */

/* The images and pixels that one weight's gradient sums over; steps in floats. */
struct net_reduction {
    long batch_blocks, rows, columns,
        images; /* images of the last batch block; all in the others */
    long x_batch_block, x_row, x_column, x_image;
    long dy_batch_block, dy_row, dy_column;
};

/* A tile: some inputs by blocks of outputs, dw[input][block][16]. */
typedef void net_dw_tile(float *restrict dw, const float *restrict x, const float *restrict dy,
                         const struct net_reduction *over);
#define NET_DW_TILE(name)                                                                          \
    NET_TILE void name(float *restrict dw, const float *restrict x, const float *restrict dy,      \
                       const struct net_reduction *over)

/* acc[i][j] += sum over batch blocks, rows, columns and images of x[input first + i] dy[j]:
   `inputs` inputs by `vectors` blocks of outputs. Input (k, l, c) of taps `columns` wide is at k
   x_tap_row + l x_tap_column + c; inside one block of channels there is a single tap of 16.
   `prefetch`: of the next column. */
NET_INLINE void net_correlate(vec acc[][3], int inputs, int vectors, int first, int channels,
                              int columns, long x_tap_row, long x_tap_column, const float *x,
                              const float *dy, const struct net_reduction *over, bool prefetch)
{
    NET_REPEAT(b, over->batch_blocks) {
        const long images = b < over->batch_blocks - 1 ? NET_IMAGES : over->images;

        NET_REPEAT(r, over->rows)
            NET_REPEAT(c, over->columns) {
                const float *xn = x + b * over->x_batch_block + r * over->x_row +
                                  c * over->x_column;
                const float *dn = dy + b * over->dy_batch_block + r * over->dy_row +
                                  c * over->dy_column;

                NET_REPEAT(n, images) {
                    vec d[3];
                    NET_VECTORS(j, vectors) {
                        d[j] = vec_load(dn + TILE * j);
                        if (prefetch)
                            __builtin_prefetch(dn + TILE * j + over->dy_column);
                    }
                    if (prefetch)
                        __builtin_prefetch(xn + over->x_column);
                    NET_UNROLL(i, inputs) {
                        const long at = (first + i) / (channels * columns) * x_tap_row +
                                        (first + i) / channels % columns * x_tap_column +
                                        (first + i) % channels;
                        NET_VECTORS(j, vectors)
                            acc[i][j] = vec_fma(vec_set(xn[at]), d[j], acc[i][j]);
                    }
                    xn += over->x_image;
                    dn += 16;
                }
            }
    }
}

enum { NET_DW_INPUTS = 24 }; /* of a tile, at most: its sums are registers */

/* dw = x' dy, or where `add` dw += x' dy: inputs of one block of channels. The sum goes on from
   what is there, since how a target cuts its calls must not show. */
NET_TEMPLATE void net_sum_dw(float *dw, const float *x, const float *dy,
                             const struct net_reduction *over, int inputs, int vectors, bool add,
                             bool prefetch)
{
    vec acc[NET_DW_INPUTS][3];

    NET_UNROLL(i, inputs)
        NET_VECTORS(j, vectors)
            acc[i][j] = add ? vec_load(dw + 16 * (vectors * i + j)) : vec_fresh_zero();
    net_correlate(acc, inputs, vectors, 0, 16, 1, 0, 0, x, dy, over, prefetch);
    NET_UNROLL(i, inputs)
        NET_VECTORS(j, vectors)
            vec_store(dw + 16 * (vectors * i + j), acc[i][j]);
}

/* dw = x' dy of a packed image, a sum of rows of pixels: inputs from `first` on, counted through
   taps `columns` wide and `channels` channels, a tap's row and column of x apart. */
NET_TEMPLATE void net_sum_packed_dw(float *dw, const float *x, const float *dy,
                                    const struct net_reduction *over, int inputs, int vectors,
                                    int first, int channels, int columns, long x_row, long x_column)
{
    struct net_reduction row = *over;

    row.rows = 1;
    memset(dw, 0, (size_t)(inputs * vectors) * 16 * sizeof *dw);
    NET_REPEAT(r, over->rows) {
        vec acc[NET_DW_INPUTS][3];

        NET_UNROLL(i, inputs)
            NET_VECTORS(j, vectors)
                acc[i][j] = vec_fresh_zero();
        net_correlate(acc, inputs, vectors, first, channels, columns, x_row, x_column,
                      x + r * over->x_row, dy + r * over->dy_row, &row, true);
        NET_UNROLL(i, inputs)
            NET_VECTORS(j, vectors) {
                float *to = dw + 16 * (vectors * i + j);

                vec_store(to, vec_add(vec_load(to), acc[i][j]));
            }
    }
}

/* ---- Dense ----------------------------------------------------------------------------------- */

/* The inputs of one segment of x, each of its pixels a block of channels or more. */
struct net_dense_dw {
    int panels[3];           /* of dw: of 3, of 2, of 1 blocks of outputs */
    int inputs;              /* rows of dw, */
    int first;               /* and the segment's first */
    int channels, pixels;    /* of the segment: inputs [pixel][channel] */
    int block, stride;       /* of x: its first block, blocks from pixel to pixel */
    int x_blocks, dy_blocks; /* of a batch block */
    bool pairs;              /* x and dy are pairs of images (bfloat16.h) */
    struct net_apply apply;
};

/* Floats of a block of images and channels, or their pairs; and how many rows of a block so many
   images are. */
NET_INLINE long net_dw_block(bool pairs)
{
    return pairs ? TILE / 2 : TILE;
}

NET_INLINE int net_dw_images(bool pairs, int images)
{
    return pairs ? (images + 1) / 2 : images;
}

NET_INLINE void net_dense_dw_panels(float *dw, const float *x, const float *dy,
                                    struct net_dense_dw s, int first_block, int vectors, int inputs,
                                    net_dw_tile *tile, NET_RUN)
{
    const int blocks = (s.channels + 15) / 16, per_panel = s.pixels * blocks;
    const int batch_blocks = net_batch_blocks(run);
    const long size = net_dw_block(s.pairs);
    const struct net_reduction over = {
        .batch_blocks = batch_blocks,
        .rows = 1,
        .columns = 1,
        .images = net_dw_images(s.pairs, run->n - NET_IMAGES * (batch_blocks - 1)),
        .x_batch_block = size * s.x_blocks,
        .x_image = 16,
        .dy_batch_block = size * s.dy_blocks,
    };

    NET_ITEMS(item, s.panels[3 - vectors] * per_panel, run, thread) {
        const int panel_block = first_block + item / per_panel * vectors;
        const int pixel = item / blocks % s.pixels, block = item % blocks;
        const int left = s.channels - 16 * block, count = left < 16 ? left : 16;
        const long row = s.first + pixel * s.channels + 16 * block;
        _Alignas(64) float sum[16 * 3 * 16];

        for (int i = 0; i < count; i += inputs)
            tile(sum + 16 * vectors * i, x + (s.block + pixel * s.stride + block) * size + i,
                 dy + panel_block * size, &over);
        net_apply(run, dw + panel_block * 16L * s.inputs + row * 16 * vectors, sum,
                  16L * vectors * count, s.apply);
    }
}

/* Items: (panel, pixel, block of inputs). Tiles are of `inputs` inputs by 3, 2 and 1 blocks of
   outputs; NULL where there are no such panels. */
NET_TEMPLATE void net_dense_dw(float *dw, const float *x, const float *dy, struct net_dense_dw s,
                               int inputs, net_dw_tile *tile3, net_dw_tile *tile2,
                               net_dw_tile *tile1, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    if (tile3)
        net_dense_dw_panels(dw, x, dy, s, 0, 3, inputs, tile3, run, thread);
    if (tile2)
        net_dense_dw_panels(dw, x, dy, s, twos, 2, inputs, tile2, run, thread);
    if (tile1)
        net_dense_dw_panels(dw, x, dy, s, ones, 1, inputs, tile1, run, thread);
}

/* ---- Convolution ----------------------------------------------------------------------------- */

/* The inputs of one segment of x. */
struct net_conv_dw {
    int batch_blocks;               /* of x and dy */
    int panels[3];                  /* of dw: of 3, of 2, of 1 blocks of outputs */
    int tap_rows[3];                /* for each: an item has one of so many parts
                                                        of the taps, rows of them or all */
    int inputs, outputs, groups;    /* of dw */
    int first, channels;            /* of the segment, in inputs */
    int block, x_blocks, dy_blocks; /* its first in a pixel; blocks of a pixel */
    int x[2], dy[2];                /* height and width */
    int kernel[3], stride[3], padding[3], dilation[3]; /* of height, width, of a volume depth */
    int slices[2]; /* of a volume: of x and dy, of which x and dy above say one */
    int x_lanes;   /* of a packed volume: channels in a block of x; or 0, of 16 */
    bool partial;  /* sums of each batch block, or of all */
    bool pairs;    /* x and dy are pairs of images (bfloat16.h) */
    struct net_apply apply;
};

NET_INLINE int net_conv_dw_lanes(struct net_conv_dw s)
{
    return s.x_lanes ? s.x_lanes : 16;
}

/* Floats of a block of x; of a packed volume fewer. */
NET_INLINE long net_conv_dw_x_block(struct net_conv_dw s)
{
    return s.pairs ? net_dw_block(true) : (long)NET_IMAGES * net_conv_dw_lanes(s);
}

/* Rows of dy at a time: x and dy of one block and panel stay under a quarter of 1 MB. */
NET_INLINE int net_conv_dw_height(struct net_conv_dw s, int vectors)
{
    const long x_row = s.x[1] * 4 * net_conv_dw_x_block(s);
    const long dy_row = s.dy[1] * 4 * net_dw_block(s.pairs) * vectors;
    const long halo = (s.kernel[0] - 1) * s.dilation[0] * x_row;
    const long rows = (256 * 1024 - halo) / (x_row + dy_row);

    return rows < 1 ? 1 : rows > s.dy[0] ? s.dy[0] : (int)rows;
}

/* sum[tap] += x' dy over `height` rows of dy from `row` on, in some images of one batch block:
   `count` inputs of an item, and its taps, all or those of a row. x, dy: pixel 0 of the item's
   blocks. */
NET_INLINE void net_conv_dw_rows(float *sum, const float *x, const float *dy, struct net_conv_dw s,
                                 int taps, int tap_row, int row, int height, int images, int count,
                                 int vectors, int inputs, net_dw_tile *tile)
{
    const long x_pixel = net_conv_dw_x_block(s) * s.x_blocks;
    const long dy_pixel = net_dw_block(s.pairs) * s.dy_blocks;

    for (int tap = 0; tap < taps; tap++) {
        const bool all = taps == s.kernel[0] * s.kernel[1];
        const int k = (all ? tap / s.kernel[1] : tap_row) * s.dilation[0];
        const int l = (all ? tap % s.kernel[1] : tap) * s.dilation[1];
        struct net_range r = net_valid(k, s.stride[0], s.padding[0], s.x[0], s.dy[0]);
        const struct net_range c = net_valid(l, s.stride[1], s.padding[1], s.x[1], s.dy[1]);

        r.begin = r.begin > row ? r.begin : row;
        r.end = r.end < row + height ? r.end : row + height;
        if (r.begin >= r.end || c.begin >= c.end)
            continue;
        const int x_row = r.begin * s.stride[0] - s.padding[0] + k;
        const int x_column = c.begin * s.stride[1] - s.padding[1] + l;
        const struct net_reduction over = {
            .batch_blocks = 1,
            .rows = r.end - r.begin,
            .columns = c.end - c.begin,
            .images = net_dw_images(s.pairs, images),
            .x_row = x_pixel * s.x[1] * s.stride[0],
            .x_column = x_pixel * s.stride[1],
            .x_image = net_conv_dw_lanes(s),
            .dy_row = dy_pixel * s.dy[1],
            .dy_column = dy_pixel,
        };
        for (int i = 0; i < count; i += inputs)
            tile(sum + (tap * 16L + i) * 16 * vectors,
                 x + (x_row * s.x[1] + x_column) * x_pixel + i,
                 dy + (r.begin * s.dy[1] + c.begin) * dy_pixel, &over);
    }
}

/* The same of all rows of an image or a slice. */
NET_INLINE void net_conv_dw_image(float *sum, const float *x, const float *dy, struct net_conv_dw s,
                                  int taps, int tap_row, int images, int count, int vectors,
                                  int inputs, net_dw_tile *tile)
{
    const int height = net_conv_dw_height(s, vectors);

    for (int row = 0; row < s.dy[0]; row += height)
        net_conv_dw_rows(sum, x, dy, s, taps, tap_row, row, height, images, count, vectors, inputs,
                         tile);
}

/* Of a volume: of each slice of dy, and of the slices of x that its taps are in, one after the
   other. `taps` are all, or those of row tap_row of all slices' rows. */
NET_INLINE void net_conv_dw_volume(float *sum, const float *x, const float *dy,
                                   struct net_conv_dw s, int taps, int tap_row, int images,
                                   int count, int vectors, int inputs, net_dw_tile *tile)
{
    const int of_slice = s.kernel[0] * s.kernel[1];
    const bool all = taps == of_slice * s.kernel[2];
    const int first = all ? 0 : tap_row / s.kernel[0], end = all ? s.kernel[2] : first + 1;
    const long x_slice = (long)NET_IMAGES * net_conv_dw_lanes(s) * s.x_blocks * s.x[0] * s.x[1];
    const long dy_slice = (long)TILE * s.dy_blocks * s.dy[0] * s.dy[1];

    for (int z = 0; z < s.slices[1]; z++)
        for (int depth = first; depth < end; depth++) {
            const int slice = z * s.stride[2] - s.padding[2] + depth * s.dilation[2];

            if (slice >= 0 && slice < s.slices[0])
                net_conv_dw_image(sum + (all ? depth * of_slice * 256L * vectors : 0),
                                  x + slice * x_slice, dy + z * dy_slice, s, all ? of_slice : taps,
                                  tap_row % s.kernel[0], images, count, vectors, inputs, tile);
        }
}

NET_INLINE int net_conv_dw_depth(struct net_conv_dw s)
{
    return s.kernel[2] ? s.kernel[2] : 1;
}

/* sum[tap][input][vectors][16] of one item, over batch blocks `begin` to `end` - 1. */
NET_INLINE void net_conv_dw_item(float *sum, const float *x, const float *dy, struct net_conv_dw s,
                                 int begin, int end, int taps, int tap_row, int count, int vectors,
                                 int inputs, net_dw_tile *tile, const struct net_run *run)
{
    const bool volume = s.kernel[2] > 0;
    const long x_floats = net_conv_dw_x_block(s) * s.x_blocks * s.x[0] * s.x[1] *
                          (volume ? s.slices[0] : 1);
    const long dy_floats = net_dw_block(s.pairs) * s.dy_blocks * s.dy[0] * s.dy[1] *
                           (volume ? s.slices[1] : 1);

    memset(sum, 0, (size_t)taps * 256 * (size_t)vectors * sizeof *sum);
    for (int b = begin; b < end; b++)
        if (volume)
            net_conv_dw_volume(sum, x + b * x_floats, dy + b * dy_floats, s, taps, tap_row,
                               net_rows(run, b), count, vectors, inputs, tile);
        else
            net_conv_dw_image(sum, x + b * x_floats, dy + b * dy_floats, s, taps, tap_row,
                              net_rows(run, b), count, vectors, inputs, tile);
}

/* Do the panels of a block of inputs follow each other, or the blocks of a panel? Of x and dy the
   smaller one is read again and again. */
NET_INLINE bool net_conv_dw_by_block(struct net_conv_dw s)
{
    const long x = (long)s.channels * s.x[0] * s.x[1], dy = (long)s.outputs * s.dy[0] * s.dy[1];

    return x > dy;
}

NET_INLINE void net_conv_dw_panels(float *dw, const float *x, const float *dy, struct net_conv_dw s,
                                   int first_block, int vectors, int inputs, net_dw_tile *tile,
                                   NET_RUN)
{
    const int blocks = (s.channels + 15) / 16, tap_rows = s.tap_rows[3 - vectors];
    const int all_taps = net_conv_dw_depth(s) * s.kernel[0] * s.kernel[1];
    const int taps = all_taps / tap_rows;
    const int panels = s.panels[3 - vectors], items = panels * blocks * tap_rows;
    const bool by_block = net_conv_dw_by_block(s);
    const int in_group = s.inputs / s.groups, out_group = s.outputs / s.groups;
    const long rows = (long)all_taps * s.inputs, width = 16L * vectors;
    const long floats = (3 * s.panels[0] + 2 * s.panels[1] + s.panels[2]) * 16 * rows;
    const long size = net_dw_block(s.pairs);
    float *sum = net_scratch(run, thread);

    NET_ITEMS(item, (s.partial ? net_present(run, s.batch_blocks) : 1) * items, run, thread) {
        const int b = s.partial ? item / items : 0, part = s.partial ? item % items : item;
        const int pair = part / tap_rows, tap_row = part % tap_rows;
        const int panel_block = first_block + (by_block ? pair % panels : pair / blocks) * vectors;
        const int block = by_block ? pair / panels : pair % blocks;
        const int left = s.channels - 16 * block, count = left < 16 ? left : 16;
        const int input = s.first + 16 * block;
        const bool overlaps = s.groups == 1 ||
                              net_group_channels(16 * panel_block, 16 * vectors, out_group,
                                                 in_group, s.outputs, input, count)
                                      .count > 0;
        const int end = s.partial ? b + 1 : overlaps ? net_batch_blocks(run) : 0;

        net_conv_dw_item(sum, x + (s.block + block) * size, dy + panel_block * size, s, b, end,
                         taps, tap_row, count, vectors, inputs, tile, run);
        for (int tap = 0; tap < taps; tap++) {
            const long row = (long)(tap_row * taps + tap) * s.inputs + input;
            float *g = sum + tap * 16 * width;

            if (s.groups > 1)
                net_group_mask(g, count, 16 * vectors, input, 16 * panel_block, in_group,
                               out_group);
            net_apply(run, dw + b * floats + panel_block * 16 * rows + row * width, g,
                      width * count, s.apply);
        }
    }
}

/* Items: (batch block where partial, panel and block of inputs, part of the taps). Tiles are of
   `inputs` inputs by 3, 2 and 1 blocks of outputs and add to dw; NULL where there are no such
   panels. Sums of an item are in the thread's scratch. */
NET_TEMPLATE void net_conv_dw(float *dw, const float *x, const float *dy, struct net_conv_dw s,
                              int inputs, net_dw_tile *tile3, net_dw_tile *tile2,
                              net_dw_tile *tile1, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    if (tile3)
        net_conv_dw_panels(dw, x, dy, s, 0, 3, inputs, tile3, run, thread);
    if (tile2)
        net_conv_dw_panels(dw, x, dy, s, twos, 2, inputs, tile2, run, thread);
    if (tile1)
        net_conv_dw_panels(dw, x, dy, s, ones, 1, inputs, tile1, run, thread);
}

/* ---- Packed images of few channels ----------------------------------------------------------- */

/* x has its border of zeros: every tap is inside. */
struct net_packed_dw {
    int batch_blocks, splits; /* of each batch block's rows of dy: so many partial sums */
    int panels[3], inputs;    /* of dw: of 3, of 2, of 1 blocks of outputs; its rows */
    int tile_inputs[3];       /* of the tiles of each width, the last of which may have less */
    int x[2], lanes;          /* height and width with the border; channels of a pixel */
    int dy[2], dy_blocks;     /* height and width; blocks of a pixel */
    int stride[2];
};

NET_INLINE void net_packed_dw_panels(float *dw, const float *x, const float *dy,
                                     struct net_packed_dw s, int first_block, int vectors,
                                     net_dw_tile *const *tiles, const struct net_reduction *over)
{
    const int most = s.tile_inputs[3 - vectors], count = (s.inputs + most - 1) / most;
    const int end = first_block + s.panels[3 - vectors] * vectors;

    for (int block = first_block; block < end; block += vectors)
        for (int t = 0; t < count; t++)
            tiles[t](dw + (block * s.inputs + t * most * vectors) * 16L, x, dy + block * (long)TILE,
                     over);
}

/* Items: the partial sums, (batch block, split of its rows). */
NET_TEMPLATE void net_packed_dw(float *partial, const float *x, const float *dy,
                                struct net_packed_dw s, net_dw_tile *const *tiles3,
                                net_dw_tile *const *tiles2, net_dw_tile *const *tiles1, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];
    const long x_pixel = (long)NET_IMAGES * s.lanes, dy_pixel = (long)TILE * s.dy_blocks;

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.splits, run, thread) {
        const int b = item / s.splits, split = item % s.splits;
        const int row = s.dy[0] * split / s.splits, end = s.dy[0] * (split + 1) / s.splits;
        const struct net_reduction over = {
            .batch_blocks = 1,
            .rows = end - row,
            .columns = s.dy[1],
            .images = net_rows(run, b),
            .x_row = x_pixel * s.x[1] * s.stride[0],
            .x_column = x_pixel * s.stride[1],
            .x_image = s.lanes,
            .dy_row = dy_pixel * s.dy[1],
            .dy_column = dy_pixel,
        };
        const float *xs = x + b * x_pixel * s.x[0] * s.x[1] + row * over.x_row;
        const float *dys = dy + ((long)b * s.dy[0] + row) * over.dy_row;
        float *dw = partial + item * (ones + s.panels[2]) * 16L * s.inputs;

        if (tiles3)
            net_packed_dw_panels(dw, xs, dys, s, 0, 3, tiles3, &over);
        if (tiles2)
            net_packed_dw_panels(dw, xs, dys, s, twos, 2, tiles2, &over);
        if (tiles1)
            net_packed_dw_panels(dw, xs, dys, s, ones, 1, tiles1, &over);
    }
}

/* ---- Final reduction ------------------------------------------------------------------------- */

/* dw = partial sums of `floats` floats, `splits` for each batch block, added in order. Items:
   vectors. */
NET_TEMPLATE void net_reduce_dw(float *dw, const float *partial, long floats, int splits,
                                struct net_apply apply, NET_RUN)
{
    NET_ITEMS(item, floats / 16, run, thread) {
        _Alignas(64) float sum[16];

        vec_store(sum, net_sum_partials(partial + 16 * item, floats,
                                        (long)splits * net_batch_blocks(run)));
        net_apply(run, dw + 16 * item, sum, 16, apply);
    }
}

#endif
