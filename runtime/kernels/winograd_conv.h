/*
 * winograd_conv.h -- convolutions and their gradients by Winograd's minimal filtering.
 *
 * The one idea: a few tiles of a few batch blocks at a time are transformed into the thread's
 * scratch and worked on there, while they are in the cache. V, U and M have one dense matrix for
 * each of the (m + 2)^2 products, rows of which are images, or of one image tiles; a vector more
 * between two, or all of them would fall into one set of the cache.
 */

#ifndef NET_WINOGRAD_CONV_H
#define NET_WINOGRAD_CONV_H

#include "kernels/epilogue.h"
#include "kernels/gemm.h"
#include "kernels/transpose.h"
#include "kernels/weight_gradient.h"
#include "kernels/winograd.h"

/* ---- Functions of their own, shared by kernels ----------------------------------------------- */

/* The pixels under a tile become its products, `step` floats apart: B' x B, or A dy A'. */
typedef void net_winograd_transform(float *restrict to, long step, const float *const pixels[36]);
#define NET_WINOGRAD_TRANSFORM(name)                                                               \
    NET_TILE void name(float *restrict to, long step, const float *const pixels[36])

/* Products become the pixels of a tile: A' M A. */
typedef void net_winograd_inverse(float *restrict to, const float *restrict from, long step);
#define NET_WINOGRAD_INVERSE(name)                                                                 \
    NET_TILE void name(float *restrict to, const float *restrict from, long step)

/* Nine taps of sixteen outputs, `tap` floats apart, become their products: G w G'. */
typedef void net_winograd_filter(float *restrict to, long step, const float *restrict from,
                                 long tap);
#define NET_WINOGRAD_FILTER(name)                                                                  \
    NET_TILE void name(float *restrict to, long step, const float *restrict from, long tap)

/* m = v u: rows of images, or of one image tiles, by blocks of outputs, summed over channels */
typedef void net_winograd_tile(float *restrict m, const float *restrict v, const float *restrict u,
                               long channels);
#define NET_WINOGRAD_TILE(name)                                                                    \
    NET_TILE void name(float *restrict m, const float *restrict v, const float *restrict u,        \
                       long channels)

/* v_row: floats of v from row to row */
NET_TEMPLATE void net_winograd_multiply(float *m, const float *v, const float *u, long channels,
                                        int rows, int vectors, long v_row)
{
    const struct taps taps = {.rows = 1, .columns = 1, .channels = channels};
    const long m_row = NET_IMAGES > 1 ? 16 : 16 * vectors;
    vec acc[16][3];

    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            acc[i][j] = vec_zero();
    contract(acc, rows, vectors, v, v_row, TILE, u, &taps, 1);
    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            vec_store(m + TILE * j + m_row * i, acc[i][j]);
}

/* vec_store or vec_stream. As a function: of an `if` between them clang makes one store, which does
   not stream, before it inlines. */
typedef void net_vec_store(float *p, vec x);

NET_TEMPLATE void net_winograd_transform_filter(float *to, long step, const float *from, long tap,
                                                int m, net_vec_store *store)
{
    vec u[36];

    net_winograd_weight(u, from, tap, m);
    NET_UNROLL(k, (m + 2) * (m + 2))
        store(to + k * step, u[k]);
}

/* ---- conv2d and its dx ----------------------------------------------------------------------- */

/* Of a dx, x is dy and y is dx. */
struct net_winograd {
    struct net_extent x, y;
    int channels, outputs;   /* summed over, and of y */
    int panels[3];           /* of u: of 3, of 2, of 1 blocks of outputs */
    int padding[2];          /* pixels that the first tile begins before the image */
    int m;                   /* outputs of a tile each way */
    int down, across;        /* tiles of an image */
    int group, batch_blocks; /* tiles at a time, of each of so many batch blocks; of the one image
                                any, else of a row of tiles */
};

/* Such tiles: from `first` on, in a row of tiles, or of one image in all. */
struct net_winograd_group {
    int batch_block, count; /* the first of `count` batch blocks */
    int row, first, tiles;
};

NET_INLINE long net_winograd_v_step(struct net_winograd s)
{
    return net_winograd_step((long)s.group * s.batch_blocks * s.x.blocks, NET_IMAGES);
}

/* Of a tile of the image. */
struct net_winograd_place {
    int row, column;
};

NET_INLINE struct net_winograd_place net_winograd_place(struct net_winograd s,
                                                        struct net_winograd_group at, int t)
{
    const int tile = at.first + t;

    return NET_IMAGES > 1 ? (struct net_winograd_place){at.row, tile}
                          : (struct net_winograd_place){tile / s.across, tile % s.across};
}

NET_INLINE void net_winograd_inputs(float *v, const float *x, struct net_winograd s,
                                    struct net_winograd_group at, net_winograd_transform *input)
{
    for (int g = 0; g < at.count; g++)
        for (int t = 0; t < at.tiles; t++)
            for (int block = 0; block < s.x.blocks; block++) {
                const struct net_winograd_place p = net_winograd_place(s, at, t);
                const float *pixels[36];

                net_winograd_pixels(pixels, x + net_block_at(s.x, at.batch_block + g, 0, block),
                                    s.x.blocks * TILE, s.x.height, s.x.width,
                                    p.row * s.m - s.padding[0], p.column * s.m - s.padding[1],
                                    s.m + 2);
                input(v + ((g * s.group + t) * s.x.blocks + block) * TILE, net_winograd_v_step(s),
                      pixels);
            }
}

/* The pixels of a block of outputs under one tile that are inside the image. */
NET_INLINE void net_winograd_end(const float *tile, const float *b, struct net_winograd s,
                                 int batch_block, struct net_winograd_place p, int block,
                                 net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                                 const struct net_run *run)
{
    const vec bias = b ? vec_load(b + 16 * block) : vec_zero();
    _Alignas(64) float draws[NET_MAX_DRAWS * 256];

    for (int row = 0; row < s.m && p.row * s.m + row < s.y.height; row++)
        for (int column = 0; column < s.m && p.column * s.m + column < s.y.width; column++) {
            const int pixel = (p.row * s.m + row) * s.y.width + p.column * s.m + column;
            const float *from = tile + (row * s.m + column) * TILE;
            const struct net_element e = net_element_of(s.y, batch_block, pixel, block, 0);

            if (draw)
                draw(draws, operands, e, NET_IMAGES, run);
            NET_REPEAT(i, NET_IMAGES) {
                const vec v = vec_load(from + 16 * i);

                epilogue(b ? vec_add(v, bias) : v, operands, net_element_after(e, (int)i),
                         draws + 16 * i, run);
            }
        }
}

/* The outputs of one panel: products, the way back, and the epilogue. */
NET_INLINE void net_winograd_panel(float *m, const float *v, const float *u, const float *b,
                                   struct net_winograd s, struct net_winograd_group at,
                                   int panel_block, int vectors, int rows, net_winograd_tile *tile,
                                   net_winograd_inverse *output, net_epilogue *epilogue,
                                   net_draw_block *draw, const void *operands,
                                   const struct net_run *run)
{
    const long step = net_winograd_step((long)s.group * s.batch_blocks * vectors, NET_IMAGES);
    const int tiles = NET_IMAGES > 1 ? 1 : rows, last = at.tiles - tiles;

    for (int k = 0; k < (s.m + 2) * (s.m + 2); k++) {
        const float *uk = u + (k * (long)((s.outputs + 15) / 16) + panel_block) * 16 * s.channels;
        const float *vk = v + k * net_winograd_v_step(s);
        float *mk = m + k * step;

        for (int g = 0; g < at.count; g++)
            for (int next = 0; next < at.tiles; next += tiles) {
                const int t = g * s.group + (next < last ? next : last);

                for (int i = 0; i < net_rows(run, at.batch_block + g); i += rows)
                    tile(mk + t * vectors * TILE + 16 * i, vk + t * s.x.blocks * TILE + 16 * i, uk,
                         s.channels);
            }
    }
    for (int g = 0; g < at.count; g++)
        for (int t = 0; t < at.tiles; t++)
            for (int j = 0; j < vectors; j++) {
                _Alignas(64) float pixels[16 * TILE];

                output(pixels, m + ((g * s.group + t) * vectors + j) * TILE, step);
                net_winograd_end(pixels, b, s, at.batch_block + g, net_winograd_place(s, at, t),
                                 panel_block + j, epilogue, draw, operands, run);
            }
}

/* A row of tiles of `count` batch blocks; or all of the one image, the last group ending with
   them. */
NET_INLINE void net_winograd_item(const float *x, const float *u, const float *b,
                                  struct net_winograd s, struct net_winograd_group at, int rows,
                                  net_winograd_transform *input, net_winograd_inverse *output,
                                  net_winograd_tile *tile3, net_winograd_tile *tile2,
                                  net_winograd_tile *tile1, net_epilogue *epilogue,
                                  net_draw_block *draw, const void *operands, NET_RUN)
{
    float *v = net_scratch(run, thread);
    float *m = v + (s.m + 2) * (s.m + 2) * net_winograd_v_step(s);
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];
    const int all = NET_IMAGES > 1 ? s.across : s.across * s.down;

    for (int next = 0; next < all; next += s.group) {
        const int left = all - next;

        at.tiles = NET_IMAGES == 1 || all % s.group == 0 || s.group < left ? s.group : left;
        at.first = NET_IMAGES == 1 && left < s.group ? all - s.group : next;
        net_winograd_inputs(v, x, s, at, input);
        for (int panel = 0; tile3 && panel < s.panels[0]; panel++)
            net_winograd_panel(m, v, u, b, s, at, 3 * panel, 3, rows, tile3, output, epilogue, draw,
                               operands, run);
        for (int panel = 0; tile2 && panel < s.panels[1]; panel++)
            net_winograd_panel(m, v, u, b, s, at, twos + 2 * panel, 2, rows, tile2, output,
                               epilogue, draw, operands, run);
        for (int panel = 0; tile1 && panel < s.panels[2]; panel++)
            net_winograd_panel(m, v, u, b, s, at, ones + panel, 1, rows, tile1, output, epilogue,
                               draw, operands, run);
    }
}

/* y = sum over taps of x w, + b unless it is NULL; u: w transformed. Items: (batch blocks, row of
   tiles). Tiles are of `rows` images by 3, 2 and 1 blocks of outputs; NULL where there are no such
   panels. */
NET_TEMPLATE void net_winograd(const float *x, const float *u, const float *b,
                               struct net_winograd s, int rows, net_winograd_transform *input,
                               net_winograd_inverse *output, net_winograd_tile *tile3,
                               net_winograd_tile *tile2, net_winograd_tile *tile1,
                               net_epilogue *epilogue, net_draw_block *draw, const void *operands,
                               net_row_end *row_end, const void *sums, NET_RUN)
{
    const int rows_of_tiles = NET_IMAGES > 1 ? s.down : 1;
    const int batch_blocks = net_present(run, s.x.batch_blocks);
    const int groups = (batch_blocks + s.batch_blocks - 1) / s.batch_blocks;

    NET_ITEMS(item, groups * rows_of_tiles, run, thread) {
        struct net_winograd_group at = {.batch_block = item / rows_of_tiles * s.batch_blocks,
                                        .row = item % rows_of_tiles};
        const int left = batch_blocks - at.batch_block;

        at.count = left < s.batch_blocks ? left : s.batch_blocks;
        net_winograd_item(x, u, b, s, at, rows, input, output, tile3, tile2, tile1, epilogue, draw,
                          operands, run, thread);
        for (int g = 0; row_end && g < at.count; g++)
            for (int row = at.row * s.m; row < (at.row + 1) * s.m && row < s.y.height; row++)
                row_end(sums, run, at.batch_block + g, row);
    }
}

/* ---- Weights --------------------------------------------------------------------------------- */

struct net_winograd_weights {
    int inputs, outputs;
    int panels[3];   /* of w: of 3, of 2, of 1 blocks of outputs */
    int u_panels[3]; /* of u, where inputs and outputs change places */
    bool transposed; /* for a dx: they do, and the taps are flipped */
    bool stream;     /* past the caches */
};

/* u[product][panel of outputs][channel][block][16] = G w G'; items: (block of outputs, block of
   inputs) */
NET_TEMPLATE void net_winograd_weights(float *u, const float *w, struct net_winograd_weights s,
                                       net_winograd_filter *filter, NET_RUN)
{
    const int blocks = (s.inputs + 15) / 16, out_blocks = (s.outputs + 15) / 16;
    const int channels = s.transposed ? s.outputs : s.inputs;
    const long step = 16L * channels * (s.transposed ? blocks : out_blocks);

    NET_ITEMS(item, out_blocks * blocks, run, thread) {
        const int output = item / blocks, input = item % blocks;
        const int channel = 16 * (s.transposed ? output : input);
        const int block = s.transposed ? input : output;
        const struct net_panel from = net_panel_of(output, s.panels[0], s.panels[1]);
        const struct net_panel to = s.transposed ? net_panel_of(input, s.u_panels[0], s.u_panels[1])
                                                 : from;
        const float *wi = w + from.first * 144L * s.inputs +
                          (16 * input * from.width + output - from.first) * 16;
        float *ui = u + to.first * 16L * channels + (channel * to.width + block - to.first) * 16;
        _Alignas(64) float flipped[9][256];

        for (int tap = 0; s.transposed && tap < 9; tap++)
            net_transpose_16x16(flipped[8 - tap], 16, wi + tap * from.width * 16L * s.inputs,
                                16 * from.width, s.inputs - 16 * input, 16);
        for (int c = 0; c < 16 && channel + c < channels; c++) {
            if (s.transposed)
                filter(ui + c * to.width * 16, step, flipped[0] + 16 * c, 256);
            else
                filter(ui + c * to.width * 16, step, wi + c * to.width * 16,
                       to.width * 16L * s.inputs);
        }
    }
    if (s.stream)
        vec_fence();
}

#endif
