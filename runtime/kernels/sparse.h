/*
 * sparse.h -- dense layers of a sparse input x, its elements that are not 0 by image (CSR): rows of
 * w, each times its value; beside them those of a dense input h.
 *
 * The one idea: a row of a panel of w is contiguous, so forward adds whole rows up in registers.
 * Backward reads the same elements by column (CSC), where each row of dw has its own, in the order
 * of the images.
 *
 * Needs: row_gradient.h, layout.h. Gives: net_pack_sparse, net_sparse_dense, net_sparse_dense_dx,
 * net_sparse_dense_dw, net_to_dense.
 */

#ifndef NET_SPARSE_H
#define NET_SPARSE_H

#include "kernels/gemm.h"
#include "kernels/layout.h"
#include "kernels/row_gradient.h"

/* ---- Packing --------------------------------------------------------------------------------- */

/* Image i has the elements begin[i] to begin[i + 1] - 1. */
struct net_csr {
    const int32_t *begin, *column;
    const float *value;
};

/* Column k has them by image, begin[k] to begin[k + 1] - 1. */
struct net_csc {
    const int32_t *begin, *image;
    const float *value;
};

/* Both of a packed batch. */
#define NET_CSR(x) ((struct net_csr){(x)->row_begin, (x)->column, (x)->value})
#define NET_CSC(x) ((struct net_csc){(x)->column_begin, (x)->image, (x)->column_value})

/* sorted: does a gradient read the elements by column? */
static inline void net_pack_sparse(int32_t *row_begin, int32_t *column, float *value,
                                   int32_t *column_begin, int32_t *image, float *column_value,
                                   const struct net_rows *rows, int n, int columns, bool sorted)
{
    if (!rows->row)
        return;
    row_begin[0] = 0;
    for (int i = 0; i < n; i++) {
        const struct net_sparse *row = rows->row[i];

        memcpy(column + row_begin[i], row->index, (size_t)row->count * sizeof *column);
        memcpy(value + row_begin[i], row->value, (size_t)row->count * sizeof *value);
        row_begin[i + 1] = row_begin[i] + row->count;
    }
    if (!sorted)
        return;
    memset(column_begin, 0, ((size_t)columns + 1) * sizeof *column_begin);
    for (int k = 0; k < row_begin[n]; k++)
        column_begin[column[k] + 1]++;
    net_count_begins(column_begin, columns);
    for (int i = 0; i < n; i++)
        for (int k = row_begin[i]; k < row_begin[i + 1]; k++) {
            const int32_t at = column_begin[column[k]]++;

            image[at] = i;
            column_value[at] = value[k];
        }
    net_restore_begins(column_begin, columns);
}

/* ---- Forward --------------------------------------------------------------------------------- */

struct net_sparse_dense {
    int batch_blocks;
    int panels[3];       /* of w: of 3, of 2, of 1 blocks of outputs */
    int inputs, columns; /* rows of w; those of the sparse input, which come first */
    struct net_layout h; /* of the dense input beside it, or no segment */
};

NET_INLINE int net_panel_blocks(const int panels[3])
{
    return 3 * panels[0] + 2 * panels[1] + panels[2];
}

/* acc += value times its row, over the elements of one image; w: a panel */
NET_INLINE void net_add_elements(vec acc[3], int vectors, const float *w, struct net_csr x,
                                 int image)
{
    const int32_t begin = x.begin[image];

    NET_REPEAT(k, x.begin[image + 1] - begin) {
        const float *row = w + 16L * vectors * x.column[begin + k];
        const vec value = vec_set(x.value[begin + k]);

        NET_VECTORS(j, vectors)
            acc[j] = vec_fma(value, vec_load(row + 16 * j), acc[j]);
    }
}

/* The same for a segment of h: pixels of channels, `step` floats apart. */
NET_INLINE void net_add_channels(vec acc[3], int vectors, const float *w, const float *h,
                                 int pixels, long step, int channels)
{
    NET_REPEAT(pixel, pixels)
        NET_REPEAT(c, channels) {
            const vec value = vec_set(h[pixel * step + c / 16 * TILE + c % 16]);

            NET_VECTORS(j, vectors)
                acc[j] = vec_fma(value, vec_load(w + 16 * j), acc[j]);
            w += 16 * vectors;
        }
}

/* One image by the `count` panels of `vectors` blocks from first_block on. */
NET_INLINE void net_sparse_dense_panels(float *y, struct net_csr x, const float *h, const float *w,
                                        const float *b, struct net_sparse_dense s, int first_block,
                                        int count, int vectors, int image)
{
    const int blocks = net_panel_blocks(s.panels), i = image % 16;

    for (int panel = 0; panel < count; panel++) {
        const int block = first_block + panel * vectors;
        const float *rows = w + block * 16L * s.inputs;
        vec acc[3];

        NET_VECTORS(j, vectors)
            acc[j] = b ? vec_load(b + 16 * (block + j)) : vec_zero();
        net_add_elements(acc, vectors, rows, x, image);
        for (int k = 0; k < s.h.segment_count; k++) {
            const struct net_segment g = s.h.segments[k];

            net_add_channels(acc, vectors, rows + 16L * vectors * (s.columns + g.start),
                             h + image / 16 * s.h.batch_block + (long)TILE * g.block + 16 * i,
                             g.pixels, (long)TILE * g.stride, g.channels);
        }
        NET_VECTORS(j, vectors)
            vec_store(y + ((long)(image / 16) * blocks + block + j) * TILE + 16 * i, acc[j]);
    }
}

/* y = x w + h w + b; h and b: or NULL; items: batch blocks */
NET_TEMPLATE void net_sparse_dense(float *y, struct net_csr x, const float *h, const float *w,
                                   const float *b, struct net_sparse_dense s, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread)
        for (int i = 0; i < net_rows(run, batch_block); i++) {
            const int image = 16 * batch_block + i;

            if (s.panels[0])
                net_sparse_dense_panels(y, x, h, w, b, s, 0, s.panels[0], 3, image);
            if (s.panels[1])
                net_sparse_dense_panels(y, x, h, w, b, s, twos, s.panels[1], 2, image);
            if (s.panels[2])
                net_sparse_dense_panels(y, x, h, w, b, s, ones, s.panels[2], 1, image);
        }
}

/* y = x with its zeros, `blocks` blocks; items: batch blocks */
NET_TEMPLATE void net_to_dense(float *y, struct net_csr x, int batch_blocks, int blocks, NET_RUN)
{
    NET_ITEMS(batch_block, net_present(run, batch_blocks), run, thread) {
        float *to = y + (long)batch_block * blocks * TILE;

        memset(to, 0, (size_t)blocks * TILE * sizeof *to);
        for (int i = 0; i < net_rows(run, batch_block); i++) {
            const int32_t *begin = x.begin + 16 * batch_block + i;

            for (int32_t k = begin[0]; k < begin[1]; k++)
                to[x.column[k] / 16 * (long)TILE + 16 * i + x.column[k] % 16] = x.value[k];
        }
    }
}

/* ---- The gradient of h ----------------------------------------------------------------------- */

/* sum + dy times a row of w, lane by lane, over `count` panels of `vectors` blocks; dy: of one
   image, blocks a TILE apart */
NET_INLINE vec net_dot_row(vec sum, const float *dy, const float *w, int inputs, long row,
                           int first_block, int count, int vectors)
{
    for (int panel = 0; panel < count; panel++) {
        const int block = first_block + panel * vectors;
        const float *wr = w + block * 16L * inputs + row * 16 * vectors;

        NET_VECTORS(j, vectors)
            sum = vec_fma(vec_load(dy + TILE * (block + j)), vec_load(wr + 16 * j), sum);
    }
    return sum;
}

/* dy times row `row` of w, all panels, then over the lanes */
NET_INLINE float net_dot_panels(const float *dy, const float *w, struct net_sparse_dense s,
                                long row)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];
    vec sum = vec_zero();

    sum = net_dot_row(sum, dy, w, s.inputs, row, 0, s.panels[0], 3);
    sum = net_dot_row(sum, dy, w, s.inputs, row, twos, s.panels[1], 2);
    sum = net_dot_row(sum, dy, w, s.inputs, row, ones, s.panels[2], 1);
    return vec_sum(sum);
}

/* dh = dy w', of the rows of w behind those of the sparse input; items: batch blocks */
NET_TEMPLATE void net_sparse_dense_dx(float *dh, const float *dy, const float *w,
                                      struct net_sparse_dense s, NET_RUN)
{
    const int dy_blocks = net_panel_blocks(s.panels);

    NET_ITEMS(batch_block, net_present(run, s.batch_blocks), run, thread)
        for (int i = 0; i < net_rows(run, batch_block); i++) {
            const float *from = dy + (long)batch_block * dy_blocks * TILE + 16 * i;
            float *to = dh + batch_block * s.h.batch_block + 16 * i;

            for (int k = 0; k < s.h.segment_count; k++) {
                const struct net_segment g = s.h.segments[k];
                const int lanes = (g.channels + 15) / 16 * 16; /* of a pixel; +0 beyond channels */

                for (int c = 0; c < g.pixels * lanes; c++) {
                    const int pixel = c / lanes, channel = c % lanes;
                    const long row = s.columns + g.start + pixel * (long)g.channels + channel;

                    to[(g.block + pixel * (long)g.stride + channel / 16) * TILE + channel % 16] =
                        channel < g.channels ? net_dot_panels(from, w, s, row) : 0.0f;
                }
            }
        }
}

/* ---- The gradient of w ----------------------------------------------------------------------- */

struct net_sparse_dense_dw {
    int panels[3];       /* of dw: of 3, of 2, of 1 blocks of outputs */
    int inputs, columns; /* rows of dw; those of the sparse input, which come first */
    struct net_apply apply;
};

/* One row: the sum of value times dy over the images of a column; dy: of a panel, batch blocks
   dy_batch_block floats apart */
NET_INLINE void net_sum_column(float *dw, int vectors, const float *dy, long dy_batch_block,
                               struct net_csc x, int column)
{
    vec acc[3] = {vec_zero(), vec_zero(), vec_zero()};

    for (int32_t k = x.begin[column]; k < x.begin[column + 1]; k++) {
        const float *at = dy + x.image[k] / 16 * dy_batch_block + x.image[k] % 16 * 16;
        const vec value = vec_set(x.value[k]);

        NET_VECTORS(j, vectors)
            acc[j] = vec_fma(value, vec_load(at + TILE * j), acc[j]);
    }
    NET_VECTORS(j, vectors)
        vec_store(dw + 16 * j, acc[j]);
}

/* The `count` panels of `vectors` blocks from first_block on, by sixteen rows. */
NET_INLINE void net_sparse_dense_dw_panels(float *dw, struct net_csc x, const float *dy,
                                           struct net_sparse_dense_dw s, int first_block, int count,
                                           int vectors, NET_RUN)
{
    const int groups = (s.columns + NET_GRADIENT_ROWS - 1) / NET_GRADIENT_ROWS;
    const long dy_batch_block = (long)TILE * net_panel_blocks(s.panels);

    for (int item = thread; item < count * groups; item += run->threads) {
        const int block = first_block + item / groups * vectors;
        const int first = item % groups * NET_GRADIENT_ROWS, left = s.columns - first;
        const int rows = left < NET_GRADIENT_ROWS ? left : NET_GRADIENT_ROWS;
        _Alignas(64) float sum[NET_GRADIENT_ROWS * 16 * 3];

        for (int r = 0; r < rows; r++)
            net_sum_column(sum + 16 * vectors * r, vectors, dy + (long)TILE * block, dy_batch_block,
                           x, first + r);
        net_apply_rows(run, dw + block * 16L * s.inputs + first * 16L * vectors, sum, rows,
                       16L * vectors, x.begin + first, s.apply);
    }
}

/* dw = x' dy over the elements of each column; items: (panel, sixteen rows). The rows of h are a
   net_dense_dw. */
NET_TEMPLATE void net_sparse_dense_dw(float *dw, struct net_csc x, const float *dy,
                                      struct net_sparse_dense_dw s, NET_RUN)
{
    const int twos = 3 * s.panels[0], ones = twos + 2 * s.panels[1];

    if (s.panels[0])
        net_sparse_dense_dw_panels(dw, x, dy, s, 0, s.panels[0], 3, run, thread);
    if (s.panels[1])
        net_sparse_dense_dw_panels(dw, x, dy, s, twos, s.panels[1], 2, run, thread);
    if (s.panels[2])
        net_sparse_dense_dw_panels(dw, x, dy, s, ones, s.panels[2], 1, run, thread);
}

#endif
