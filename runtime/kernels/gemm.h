/*
 * gemm.h -- matrix products in register tiles: rows of images by up to three vectors of outputs.
 *
 * The one idea: per output pixel, a sum over taps of small products, images by channels. A tile
 * sums in registers and ends with the epilogue; a kernel walks items, panels and images and says
 * where each tile's taps are. Where there is one image, rows of a tile are pixels side by side.
 * Dense layers, convolutions (conv.h) and their dx differ in the taps alone.
 *
 * Weights lie in panels of 3, 2 or 1 blocks of 16 outputs, [row][block][16], so that a tile reads
 * them in order; a dx reads them transposed, in panels of inputs (transposed_weights.h).
 *
 * Needs: epilogue.h, window.h. Gives: tiles, net_contract, net_dense.
 */

#ifndef NET_GEMM_H
#define NET_GEMM_H

#include "kernels/epilogue.h"
#include "kernels/window.h"

/* Tiles are up to 3 vectors wide. (A loop of one iteration leaves its vector on the stack.) */
#define NET_VECTORS(j, vectors)                                                                    \
    NET_UNROLL(j, 3)                                                                               \
        if (j < (vectors))

/* ---- Sums in registers ----------------------------------------------------------------------- */

/* What one output element sums over: taps in rows and columns, and channels in each; all steps in
   floats, from one to the next. A value with several segments has one of these for each. */
struct taps {
    long x, w;          /* from the tile's x and w to the first tap */
    long rows, columns; /* taps: of a window inside the image; pixels of a flat segment */
    long x_row, x_column;
    long w_row, w_column;
    long channels; /* 16 to a block */
};

/* acc[j] += the same of one row: sums would wait for each other, so every fourth channel has its
   own. */
NET_INLINE void contract_row(vec acc[3], int vectors, const float *x, long x_block, const float *w,
                             const struct taps *taps, int segments)
{
    vec part[4][3];

    NET_UNROLL(i, 4)
        NET_VECTORS(j, vectors)
            part[i][j] = vec_zero();
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xb = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                for (long left = taps[s].channels; left > 0; left -= 16, xb += x_block) {
                    const long fours = left < 16 ? left / 4 : 4, rest = left < 16 ? left % 4 : 0;

                    NET_REPEAT(four, fours) {
                        NET_UNROLL(i, 4)
                            NET_VECTORS(j, vectors)
                                part[i][j] = vec_fma(vec_set(xb[4 * four + i]),
                                                     vec_load(wk + 16 * (vectors * i + j)),
                                                     part[i][j]);
                        wk += 64 * vectors;
                    }
                    NET_REPEAT(k, rest) {
                        NET_VECTORS(j, vectors)
                            part[0][j] = vec_fma(vec_set(xb[4 * fours + k]), vec_load(wk + 16 * j),
                                                 part[0][j]);
                        wk += 16 * vectors;
                    }
                }
            }
    NET_VECTORS(j, vectors)
        acc[j] = vec_add(acc[j],
                         vec_add(vec_add(part[0][j], part[1][j]), vec_add(part[2][j], part[3][j])));
}

/* acc[i][j] += sum over taps and channels of x[i] w[j]: `rows` images by `vectors` blocks.
   x_image: floats from image to image, x_block: from block to block of channels. Each block asks
   for the lines of the next but one, which lie too far apart for the processor to foresee. */
NET_INLINE void contract(vec acc[][3], int rows, int vectors, const float *x, long x_image,
                         long x_block, const float *w, const struct taps *taps, int segments)
{
    if (rows == 1) {
        contract_row(acc[0], vectors, x, x_block, w, taps, segments);
        return;
    }
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xb = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                for (long left = taps[s].channels; left > 0; left -= 16, xb += x_block) {
                    const float *xk = xb;

                    NET_UNROLL(i, NET_IMAGES > 1 ? rows : 0)
                        __builtin_prefetch(xb + 2 * x_block + i * x_image);
                    NET_REPEAT(k, left < 16 ? left : 16) {
                        vec wj[3];
                        NET_VECTORS(j, vectors)
                            wj[j] = vec_load(wk + 16 * j);
                        NET_UNROLL(i, rows)
                            NET_VECTORS(j, vectors)
                                acc[i][j] = vec_fma(vec_set(xk[i * x_image]), wj[j], acc[i][j]);
                        xk++;
                        wk += 16 * vectors;
                    }
                }
            }
}

/* The same address, of which the compiler does not know that: pixels side by side read the same
   numbers for other taps, which it would keep in registers that there are not. */
NET_INLINE const float *net_hidden(const float *x)
{
    __asm__("" : "+r"(x));
    return x;
}

/* The same for a packed image of few channels, its border of zeros included: `rows_of_taps` rows of
   `columns` pixels of `lanes` floats an image, every tap inside. */
NET_INLINE void contract_pixels(vec acc[][3], int rows, int vectors, const float *x, long x_image,
                                int lanes, int channels, int columns, long x_row, int rows_of_taps,
                                const float *w)
{
    NET_REPEAT(r, rows_of_taps) {
        NET_UNROLL(k, channels * columns) {
            const long at = (long)(k / channels) * NET_IMAGES * lanes + k % channels;
            const float *xk = NET_IMAGES > 1 ? x + at : net_hidden(x + at);
            vec wj[3];

            NET_VECTORS(j, vectors)
                wj[j] = vec_load(w + 16 * (vectors * k + j));
            NET_UNROLL(i, rows)
                NET_VECTORS(j, vectors)
                    acc[i][j] = vec_fma(vec_set(xk[i * x_image]), wj[j], acc[i][j]);
        }
        x += x_row;
        w += 16 * vectors * channels * columns;
    }
}

/* ---- Register tiles -------------------------------------------------------------------------- */

/* What tiles of a row have in common, and the element that changes from one to the next. It is
   written field by field and passed by its address: a struct that is passed by value is copied in
   pieces wider than its fields, and such a load waits until what was stored before is in the
   cache. */
struct net_tile_call {
    const struct taps *taps; /* of each segment of x */
    int segments;
    const void *operands; /* of the epilogue */
    const struct net_run *run;
    struct net_element e; /* the first block and image of the outputs */
};

/* x: image 0 of the tile, which taps are relative to; w: a panel; b: of its outputs, or NULL. */
typedef void net_gemm_tile(const float *restrict x, const float *restrict w,
                           const float *restrict b, const struct net_tile_call *call);

/* The head of a tile: a function of its own, which kernels with one end share. `o`, of type
   `operands_type`, is made of the operands by `operands_of`. */
#define NET_TILE_OF(name, operands_type, operands_of)                                              \
    NET_INLINE void name##_of(const float *x, const float *w, const float *b,                      \
                              const struct taps *taps, int segments, operands_type o,              \
                              struct net_element e, const struct net_run *run);                    \
    NET_TILE void name(const float *restrict x, const float *restrict w, const float *restrict b,  \
                       const struct net_tile_call *call)                                           \
    {                                                                                              \
        name##_of(x, w, b, call->taps, call->segments, operands_of call->operands, call->e,        \
                  call->run);                                                                      \
    }                                                                                              \
    NET_INLINE void name##_of(const float *x, const float *w, NET_UNUSED const float *b,           \
                              NET_UNUSED const struct taps *taps, NET_UNUSED int segments,         \
                              operands_type o, struct net_element e, const struct net_run *run)

#define NET_GEMM_TILE(name) NET_TILE_OF(name, const void *, )

/* The same of a chain, whose operands are copied: its stores do not make it read their pointers
   again. */
#define NET_CHAIN_TILE(name, chain) NET_TILE_OF(name, const struct chain, *(const struct chain *))

/* What an epilogue reads or writes of a value is asked for before the sum, and comes meanwhile: a
   line that is written is read first. */
NET_INLINE void net_prefetch_tile(const float *at, int rows, int vectors)
{
    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            __builtin_prefetch(at + TILE * j + 16 * i);
}

NET_INLINE void net_begin_tile(vec acc[][3], int rows, int vectors, const float *b, int bias)
{
    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            acc[i][j] = bias ? vec_load(b + 16 * j) : vec_zero();
}

/* The element `blocks` blocks of channels further on in the pixel. */
NET_INLINE struct net_element net_element_beside(struct net_element e, int blocks)
{
    e.at += TILE * blocks;
    e.lane += 16 * blocks;
    e.index += blocks;
    return e;
}

/* Row i of a tile: an image further on, or a pixel of y_blocks blocks. */
NET_INLINE struct net_element net_tile_row(struct net_element e, int i, int y_blocks)
{
    return y_blocks ? net_element_along(e, i, y_blocks) : net_element_after(e, i);
}

/* Exponentials and draws would spill the tile: it goes through memory, and they through a loop. */
NET_INLINE void net_end_tile_in_memory(vec acc[][3], int rows, int vectors, int y_blocks,
                                       net_epilogue *epilogue, net_draw_block *draw,
                                       const void *operands, struct net_element e,
                                       const struct net_run *run)
{
    _Alignas(64) float tile[NET_TILE_ROWS * 3 * 16], draws[NET_MAX_DRAWS * 256];

    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            vec_store(tile + 16 * (vectors * i + j), acc[i][j]);
    NET_REPEAT(j, vectors) {
        const struct net_element first = net_element_beside(e, (int)j);

        if (draw)
            draw(draws, operands, first, rows, run);
        NET_REPEAT(i, rows)
            epilogue(vec_load(tile + 16 * (vectors * i + j)), operands,
                     net_tile_row(first, (int)i, y_blocks), draws + 16 * i, run);
    }
}

NET_INLINE void net_end_tile(vec acc[][3], int rows, int vectors, int y_blocks,
                             net_epilogue *epilogue, net_draw_block *draw, int in_memory,
                             const void *operands, struct net_element e, const struct net_run *run)
{
    if (in_memory) {
        net_end_tile_in_memory(acc, rows, vectors, y_blocks, epilogue, draw, operands, e, run);
        return;
    }
    NET_UNROLL(i, rows)
        NET_VECTORS(j, vectors)
            epilogue(acc[i][j], operands, net_tile_row(net_element_beside(e, j), i, y_blocks), NULL,
                     run);
}

/* Any taps. x_step: floats of x from row to row; y_blocks: of a pixel of y where rows are pixels,
   0 where they are images; bias, in_memory: 0 or 1; written: the value that the epilogue
   writes, or NULL. */
NET_TEMPLATE void net_tile(int rows, int vectors, long x_step, int y_blocks, int bias,
                           net_epilogue *epilogue, net_draw_block *draw, int in_memory,
                           const float *x, const float *w, const float *b, const struct taps *taps,
                           int segments, const void *operands, const float *written,
                           struct net_element e, const struct net_run *run)
{
    vec acc[NET_TILE_ROWS][3];

    if (written)
        net_prefetch_tile(written + e.at, rows, vectors);
    net_begin_tile(acc, rows, vectors, b, bias);
    contract(acc, rows, vectors, x, x_step, TILE, w, taps, segments);
    net_end_tile(acc, rows, vectors, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

/* A packed image with its border of zeros: a kernel of `kernel_rows` by `kernel_columns` taps, all
   inside, of x_lanes floats an image; x_row: floats from row of pixels to row. */
NET_TEMPLATE void net_packed_tile(int rows, int vectors, long x_step, int y_blocks, int x_lanes,
                                  int channels, int kernel_rows, int kernel_columns, long x_row,
                                  int bias, net_epilogue *epilogue, net_draw_block *draw,
                                  int in_memory, const float *x, const float *w, const float *b,
                                  const void *operands, const float *written, struct net_element e,
                                  const struct net_run *run)
{
    vec acc[NET_TILE_ROWS][3];

    if (written)
        net_prefetch_tile(written + e.at, rows, vectors);
    net_begin_tile(acc, rows, vectors, b, bias);
    contract_pixels(acc, rows, vectors, x, x_step, x_lanes, channels, kernel_columns, x_row,
                    kernel_rows, w);
    net_end_tile(acc, rows, vectors, y_blocks, epilogue, draw, in_memory, operands, e, run);
}

/* ---- Panels ---------------------------------------------------------------------------------- */

/* The panel that block `block` belongs to, after panels of 3 and then 2 blocks. */
struct net_panel {
    int first, width;
};

NET_INLINE struct net_panel net_panel_of(int block, int threes, int twos)
{
    if (block < 3 * threes)
        return (struct net_panel){block / 3 * 3, 3};
    block -= 3 * threes;
    if (block < 2 * twos)
        return (struct net_panel){3 * threes + block / 2 * 2, 2};
    return (struct net_panel){3 * threes + block, 1};
}

/* Panel number `panel` of those. */
NET_INLINE struct net_panel net_panel_at(int panel, int threes, int twos)
{
    if (panel < threes)
        return (struct net_panel){3 * panel, 3};
    panel -= threes;
    if (panel < twos)
        return (struct net_panel){3 * threes + 2 * panel, 2};
    return (struct net_panel){3 * threes + twos + panel, 1};
}

/* ---- Kernels --------------------------------------------------------------------------------- */

/* Outputs that stand side by side in a pixel and have panels of their own: a segment of y. */
struct net_part {
    int channel, block; /* of y: the first, in each pixel */
    int pixels, stride; /* of a flat dx: its pixels, and blocks from one to the next; else 1 */
    int panels[3];      /* how many of 3, of 2 and of 1 blocks */
    long w;             /* floats into the weights */
};

/* .parts and their number */
#define NET_PARTS(...)                                                                             \
    .parts = (const struct net_part[]){__VA_ARGS__},                                               \
    .part_count = (int)(sizeof((struct net_part[]){__VA_ARGS__}) / sizeof(struct net_part))

struct net_contraction {
    int tile_rows;          /* images of a tile; or of the one image pixels of y in a row, */
    int lines;              /* or in so many whole rows; else 0 */
    int panel_outer;        /* items (panel, batch block, row): few of these, and many weights */
    struct net_extent y, x; /* of a dx: dx and dy; a packed x has its border in it */
    int x_lanes;            /* channels in a block of x: 16, or fewer of a packed image; pairs: 8 */
    int inputs, outputs;    /* channels of x and of y: of a flat x, all elements */
    int groups;             /* or 0 */
    const struct net_segment *segments; /* of x */
    int segment_count;
    const struct net_part *parts; /* of y */
    int part_count;
    struct net_taps taps; /* of a convolution */
    int slices[2];        /* of a volume: of y and of x, whose heights are those of all slices */
};

/* The operands of any contraction; b: or NULL. */
struct net_product {
    const float *x, *w, *b;
    const void *operands; /* of the epilogue */
};

/* Says what an output sums over: of panels `width` blocks wide, the outputs from `channel` on of a
   row and column of y. Returns floats from the batch block of x to what taps are relative to. */
typedef long net_find_taps(struct taps *taps, const struct net_contraction *s, int width,
                           int channel, int row, int column);

/* One panel, of a row of pixels of a batch block; taps: of the kernel. */
NET_INLINE void net_contract_row(net_gemm_tile *tile, int width, net_find_taps *find_taps, int taps,
                                 const struct net_product *p, const struct net_contraction *s,
                                 const struct net_part *part, int panel, int batch_block, int row,
                                 const struct net_run *run)
{
    const long x_block = (long)s->x.height * s->x.width * s->x.blocks * NET_IMAGES * s->x_lanes;
    const long w_block = 16L * s->inputs * taps; /* floats of a block of outputs */
    const float *x = p->x + batch_block * x_block;
    const float *w = p->w + part->w + panel * w_block * part->pixels;
    const float *b = p->b ? p->b + 16 * panel : NULL;
    const int columns = NET_IMAGES > 1 ? 1 : s->tile_rows, last = s->y.width - columns;
    struct taps at[NET_MAX_SEGMENTS];
    struct net_tile_call call = {at, s->segment_count, p->operands, run, .e.at = 0};

    for (int i = 0; i < net_rows(run, batch_block); i += s->tile_rows)
        for (int pixel = 0; pixel < part->pixels; pixel++) {
            const int block = part->block + pixel * part->stride + panel;
            const struct net_element first = net_element_of(s->y, batch_block, row * s->y.width,
                                                            block, i);

            call.e = first;
            for (int next = 0; next < s->y.width; next += columns) {
                const int column = next < last ? next : last; /* the last tile ends with the row */
                const long from = find_taps(at, s, width, part->channel + 16 * panel, row, column);

                call.e.at = first.at + column * s->y.blocks * (long)TILE;
                call.e.index = first.index + column * s->y.blocks;
                tile(x + from + i * s->x_lanes, w + pixel * w_block * width, b, &call);
            }
        }
}

/* The panels of one width, which begin at block `first`; of one item, or of items of their own. */
NET_INLINE void net_contract_panels(net_gemm_tile *tile, int width, net_find_taps *find_taps,
                                    int taps, const struct net_product *p,
                                    const struct net_contraction *s, const struct net_part *part,
                                    int first, int batch_block, int row, const struct net_run *run)
{
    const int end = first + part->panels[3 - width] * width;

    if (tile)
        for (int panel = first; panel < end; panel += width)
            net_contract_row(tile, width, find_taps, taps, p, s, part, panel, batch_block, row,
                             run);
}

NET_INLINE void net_contract_items(net_gemm_tile *tile, int width, net_find_taps *find_taps,
                                   int taps, const struct net_product *p,
                                   const struct net_contraction *s, const struct net_part *part,
                                   int first, NET_RUN)
{
    const int rows = s->y.height, batch_blocks = net_present(run, s->y.batch_blocks);
    const int items = batch_blocks * rows;

    if (tile)
        NET_ITEMS(item, part->panels[3 - width] * items, run, thread)
            net_contract_row(tile, width, find_taps, taps, p, s, part, first + item / items * width,
                             item / rows % batch_blocks, item % rows, run);
}

/* Items: (batch block, row of y), or with panel_outer (panel, batch block, row). three, two, one:
   the tiles of panels of so many blocks, or NULL. */
NET_INLINE void net_contract(net_gemm_tile *three, net_gemm_tile *two, net_gemm_tile *one,
                             net_find_taps *find_taps, int taps, const struct net_product *p,
                             net_row_end *row_end, const void *sums,
                             const struct net_contraction *s, NET_RUN)
{
    for (int i = 0; i < s->part_count && s->panel_outer; i++) {
        const struct net_part *part = &s->parts[i];
        const int twos = 3 * part->panels[0], ones = twos + 2 * part->panels[1];

        net_contract_items(three, 3, find_taps, taps, p, s, part, 0, run, thread);
        net_contract_items(two, 2, find_taps, taps, p, s, part, twos, run, thread);
        net_contract_items(one, 1, find_taps, taps, p, s, part, ones, run, thread);
    }
    if (s->panel_outer)
        return;
    NET_ITEMS(item, net_present(run, s->y.batch_blocks) * s->y.height, run, thread) {
        const int batch_block = item / s->y.height, row = item % s->y.height;

        for (int i = 0; i < s->part_count; i++) {
            const struct net_part *part = &s->parts[i];
            const int twos = 3 * part->panels[0], ones = twos + 2 * part->panels[1];

            net_contract_panels(three, 3, find_taps, taps, p, s, part, 0, batch_block, row, run);
            net_contract_panels(two, 2, find_taps, taps, p, s, part, twos, batch_block, row, run);
            net_contract_panels(one, 1, find_taps, taps, p, s, part, ones, batch_block, row, run);
        }
        for (int line = 0, lines = s->lines ? s->lines : 1; row_end && line < lines; line++)
            row_end(sums, run, batch_block, row * lines + line);
    }
}

/* ---- Dense layers ---------------------------------------------------------------------------- */

/* A tap a pixel of each flat segment. */
NET_INLINE long net_dense_taps(struct taps *taps, const struct net_contraction *s, int width,
                               int channel, int row, int column)
{
    const long block = (long)NET_IMAGES * s->x_lanes;

    (void)channel, (void)row, (void)column;
    for (int i = 0; i < s->segment_count; i++) {
        const struct net_segment x = s->segments[i];

        taps[i] = (struct taps){.x = x.block * block,
                                .w = 16L * width * x.start,
                                .rows = 1,
                                .columns = x.pixels,
                                .x_column = x.stride * block,
                                .w_column = 16L * width * x.channels,
                                .channels = x.channels};
    }
    return 0;
}

/* y = x w + b, or of transposed weights dx = dy w'; what follows is in the tiles. */
NET_TEMPLATE void net_dense(net_gemm_tile *three, net_gemm_tile *two, net_gemm_tile *one,
                            const float *x, const float *w, const float *b, const void *operands,
                            net_row_end *row_end, const void *sums, struct net_contraction s,
                            NET_RUN)
{
    net_contract(three, two, one, net_dense_taps, 1, &(struct net_product){x, w, b, operands},
                 row_end, sums, &s, run, thread);
}

#endif
