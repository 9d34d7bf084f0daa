/*
 * matmul.h -- c = a b of two values, an image at a time, either of them transposed.
 *
 * The one idea: an image of a sequence is a matrix of positions by channels whose rows are lines of
 * 16 channels, far apart. What a tile reads is packed first: b as panels of 3, 2 or 1 vectors of
 * columns, [panel][inner][vector][16], then some rows of a, from which a tile broadcasts. An
 * element is one chain of fused multiply-adds from +0, over the inner axis in order.
 *
 * Needs: gemm.h. Gives: net_matmul.
 */

#ifndef NET_MATMUL_H
#define NET_MATMUL_H

#include "kernels/gemm.h"
#include "kernels/transpose.h"

struct net_matmul {
    int rows, inner,
        columns;     /* c[rows, columns] = sum over inner of a[rows, inner] b[inner, columns] */
    int packed_rows; /* of a, at a time: a multiple of 16 and of a tile's rows */
    int panels[3];   /* of columns: how many of 3, 2 and 1 vectors */
};

/* A value of `channels` channels: floats from position to position. */
NET_INLINE long net_position_step(int channels)
{
    return (channels + 15) / 16 * (long)TILE;
}

/* ---- Packing --------------------------------------------------------------------------------- */

/* Rows `first` to `last` - 1 of a: [row][inner], or where a is transposed [inner][packed_rows]. */
NET_INLINE void net_pack_rows(float *to, const float *a, int transposed, int first, int last,
                              struct net_matmul s)
{
    const long inner = (s.inner + 15) / 16 * 16;

    if (transposed) {
        const long step = net_position_step(s.rows);

        NET_REPEAT(k, s.inner)
            for (int i = first; i < last; i += 16)
                vec_store(to + k * s.packed_rows + i - first,
                          vec_load(a + k * step + NET_IMAGES * i));
    } else {
        const long step = net_position_step(s.inner);

        for (int i = first; i < last; i++)
            for (int k = 0; k < s.inner; k += 16)
                vec_store(to + (i - first) * inner + k, vec_load(a + i * step + NET_IMAGES * k));
    }
}

/* A panel of b, `width` vectors of columns from `first` on: [inner][vector][16]. */
NET_INLINE void net_pack_panel(float *to, const float *b, int transposed, int width, int first,
                               struct net_matmul s)
{
    const long step = net_position_step(transposed ? s.inner : s.columns);

    to += (long)first * s.inner;
    if (transposed) {
        for (int j = 0; j < width; j++)
            for (int k = 0; k < s.inner; k += 16)
                net_transpose_16x16(to + 16 * (width * k + j), 16 * width,
                                    b + (first + 16 * j) * step + NET_IMAGES * k, step,
                                    s.columns - first - 16 * j, s.inner - k);
    } else {
        NET_REPEAT(k, s.inner)
            NET_VECTORS(j, width)
                vec_store(to + 16 * (width * k + j),
                          vec_load(b + k * step + NET_IMAGES * first + TILE * j));
    }
}

/* ---- Products -------------------------------------------------------------------------------- */

/* `rows` rows of c by `width` vectors; a_row, a_inner: floats from one to the next, packed. */
NET_INLINE void net_matmul_tile(int rows, int width, float *c, long step, const float *a,
                                long a_row, long a_inner, const float *b, int inner)
{
    vec acc[NET_TILE_ROWS][3];

    NET_UNROLL(i, rows)
        NET_VECTORS(j, width)
            acc[i][j] = vec_zero();
    NET_REPEAT(k, inner) {
        vec bj[3];

        NET_VECTORS(j, width)
            bj[j] = vec_load(b + 16 * (width * k + j));
        NET_UNROLL(i, rows)
            NET_VECTORS(j, width)
                acc[i][j] = vec_fma(vec_set(a[i * a_row + k * a_inner]), bj[j], acc[i][j]);
    }
    NET_UNROLL(i, rows)
        NET_VECTORS(j, width)
            vec_store(c + i * step + TILE * j, acc[i][j]);
}

/* The packed rows of a by the panel of columns from `first` on; `rest`: rows of the last tile,
   where it has fewer. */
NET_INLINE void net_matmul_rows(float *c, const float *a, const float *b, int ta, int tile_rows,
                                int rest, int width, int first, int rows, struct net_matmul s)
{
    const long a_row = ta ? 1 : (s.inner + 15) / 16 * 16, a_inner = ta ? s.packed_rows : 1;
    const long step = net_position_step(s.columns);
    int i = 0;

    b += (long)first * s.inner;
    c += NET_IMAGES * first;
    for (; i + tile_rows <= rows; i += tile_rows)
        net_matmul_tile(tile_rows, width, c + i * step, step, a + i * a_row, a_row, a_inner, b,
                        s.inner);
    if (rest && i < rows)
        net_matmul_tile(rest, width, c + i * step, step, a + i * a_row, a_row, a_inner, b, s.inner);
}

/* ---- Kernels --------------------------------------------------------------------------------- */

NET_INLINE void net_pack_columns(float *to, const float *b, int tb, struct net_matmul s)
{
    const int twos = 48 * s.panels[0], ones = twos + 32 * s.panels[1];

    for (int panel = 0; panel < s.panels[0]; panel++)
        net_pack_panel(to, b, tb, 3, 48 * panel, s);
    for (int panel = 0; panel < s.panels[1]; panel++)
        net_pack_panel(to, b, tb, 2, twos + 32 * panel, s);
    for (int panel = 0; panel < s.panels[2]; panel++)
        net_pack_panel(to, b, tb, 1, ones + 16 * panel, s);
}

NET_INLINE void net_matmul_columns(float *c, const float *a, const float *b, int ta, int tile_rows,
                                   int rest, int rows, struct net_matmul s)
{
    const int twos = 48 * s.panels[0], ones = twos + 32 * s.panels[1];

    for (int panel = 0; panel < s.panels[0]; panel++)
        net_matmul_rows(c, a, b, ta, tile_rows, rest, 3, 48 * panel, rows, s);
    for (int panel = 0; panel < s.panels[1]; panel++)
        net_matmul_rows(c, a, b, ta, tile_rows, rest, 2, twos + 32 * panel, rows, s);
    for (int panel = 0; panel < s.panels[2]; panel++)
        net_matmul_rows(c, a, b, ta, tile_rows, rest, 1, ones + 16 * panel, rows, s);
}

/* c = a b. ta, tb: a or b is transposed; tile_rows: of a register tile; rest: s.rows % tile_rows.
   Items: (image, packed rows), so that few images of many rows have parts to share. */
NET_TEMPLATE void net_matmul(float *c, const float *a, const float *b, int ta, int tb,
                             int tile_rows, int rest, struct net_matmul s, NET_RUN)
{
    const long of_a = ta ? s.inner * net_position_step(s.rows)
                         : s.rows * net_position_step(s.inner);
    const long of_b = tb ? s.columns * net_position_step(s.inner)
                         : s.inner * net_position_step(s.columns);
    const long step = net_position_step(s.columns), of_c = s.rows * step;
    const int pieces = (s.rows + s.packed_rows - 1) / s.packed_rows;
    float *packed_b = net_scratch(run, thread);
    float *packed_a = packed_b + (s.columns + 15) / 16 * 16L * s.inner;
    int packed = -1; /* the image whose b is */

    NET_ITEMS(item, run->n * pieces, run, thread) {
        const int image = item / pieces, first = item % pieces * s.packed_rows;
        const int left = s.rows - first, rows = left < s.packed_rows ? left : s.packed_rows;
        const long block = image / 16, lane = image % 16 * 16;

        if (image != packed)
            net_pack_columns(packed_b, b + block * of_b + lane, tb, s);
        packed = image;
        net_pack_rows(packed_a, a + block * of_a + lane, ta, first, first + rows, s);
        net_matmul_columns(c + block * of_c + lane + first * step, packed_a, packed_b, ta,
                           tile_rows, rest, rows, s);
    }
}

#endif
