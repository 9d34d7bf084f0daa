/*
 * embedding.h -- generated code of words and bags of words, beside kernel.h: how a batch is
 * packed, rows of weights by number, sums over what the batch names.
 *
 * One idea: a batch is sorted by row when it is packed, on the helper thread, in the order that a
 * stable counting sort gives. So a row's gradient is one sum in one order, whoever owns the row.
 */

#ifndef NET_KERNEL_WORDS_H
#define NET_KERNEL_WORDS_H

#include "kernels/kernel.h"

/* ---- Packing --------------------------------------------------------------------------------- */

/* begin[k] = how many of the counts in begin[1 .. columns] stand before k: begin[0 .. columns] */
static inline void net_add_counts(int32_t *begin, int columns)
{
    for (int k = 0; k < columns; k++)
        begin[k + 1] += begin[k];
}

/* After every entry has moved its row's begin by one: back to where they were. */
static inline void net_shift_counts(int32_t *begin, int columns)
{
    memmove(begin + 1, begin, (size_t)columns * sizeof *begin);
    begin[0] = 0;
}

/* ids[image][position]; in order[begin[w] .. begin[w + 1]] the places of word w, ascending: the
   sixteenth of an image in [chunk][position][image], which is where its gradient lies. */
static inline void net_pack_tokens(int32_t *ids, int32_t *begin, int32_t *order,
                                   const struct net_rows *rows, int n, int length, int words,
                                   bool sorted)
{
    for (int i = 0; i < n; i++)
        memcpy(ids + (long)i * length, rows->row[i], (size_t)length * sizeof *ids);
    if (!sorted)
        return;
    memset(begin, 0, ((size_t)words + 1) * sizeof *begin);
    for (long k = 0; k < (long)n * length; k++)
        begin[ids[k] + 1]++;
    net_add_counts(begin, words);
    for (int i = 0; i < n; i++)
        for (int position = 0; position < length; position++)
            order[begin[ids[(long)i * length + position]]++] = ((i / 16) * length + position) * 16 +
                                                               i % 16;
    net_shift_counts(begin, words);
}

/* Image i has the entries begin[i] to begin[i + 1] - 1: index and value. Column k has, by image,
   the entries column[k] to column[k + 1] - 1 of image and weight. */
static inline void net_pack_sparse(int32_t *begin, int32_t *index, float *value, int32_t *column,
                                   int32_t *image, float *weight, const struct net_rows *rows,
                                   int n, int columns, bool sorted)
{
    begin[0] = 0;
    for (int i = 0; i < n; i++) {
        const struct net_sparse *row = rows->row[i];

        memcpy(index + begin[i], row->index, (size_t)row->count * sizeof *index);
        memcpy(value + begin[i], row->value, (size_t)row->count * sizeof *value);
        begin[i + 1] = begin[i] + row->count;
    }
    if (!sorted)
        return;
    memset(column, 0, ((size_t)columns + 1) * sizeof *column);
    for (int k = 0; k < begin[n]; k++)
        column[index[k] + 1]++;
    net_add_counts(column, columns);
    for (int i = 0; i < n; i++)
        for (int k = begin[i]; k < begin[i + 1]; k++) {
            const int32_t at = column[index[k]]++;

            image[at] = i;
            weight[at] = value[k];
        }
    net_shift_counts(column, columns);
}

/* ---- Tables ---------------------------------------------------------------------------------- */

/* y of one position of a chunk: the rows of w for the words of its images, `step` ids apart. */
NET_INLINE void net_gather(float *restrict y, const float *restrict w, const int32_t *restrict ids,
                           long step, int images, int blocks)
{
    for (int i = 0; i < images; i++) {
        const float *row = w + 16L * blocks * ids[i * step];

        for (int block = 0; block < blocks; block++)
            vec_store(y + 256L * block + 16 * i, vec_load(row + 16 * block));
    }
}

/* dw of one row: the sum of dy over the places order[begin[0] .. begin[1]]; 0 for padding. */
NET_INLINE void net_sum_tokens(float *restrict dw, const float *restrict dy,
                               const int32_t *restrict begin, const int32_t *restrict order,
                               int blocks, bool padding)
{
    const int32_t first = begin[0], end = padding ? first : begin[1];

    for (int block = 0; block < blocks; block++) {
        vec sum = vec_zero();

        for (int32_t k = first; k < end; k++)
            sum = vec_add(sum, vec_load(dy + 256L * ((order[k] / 16) * (long)blocks + block) +
                                        16 * (order[k] % 16)));
        vec_store(dw + 16 * block, sum);
    }
}

/* Rows of a gradient, `floats` each, go to the optimizer, or to G. A row without entries, which
   has a gradient of 0, is left out where that changes nothing. */
NET_INLINE void net_finish_rows(const struct net_run *run, float *w, const float *dw, int rows,
                                long floats, const int32_t *begin)
{
    if (run->grads || !run->hyper.idle) {
        net_finish(run, w, dw, rows * floats);
        return;
    }
    for (int r = 0; r < rows; r++)
        if (begin[r + 1] > begin[r])
            net_finish(run, w + r * floats, dw + r * floats, floats);
}

/* ---- Means over words ------------------------------------------------------------------------ */

NET_INLINE float net_count_words(const int32_t *words, int length)
{
    int count = 0;

    for (int position = 0; position < length; position++)
        count += words[position] != 0;
    return (float)count;
}

/* x / count; 0 where nothing was counted */
NET_INLINE vec net_divide(vec x, vec count)
{
    return vec_if_greater(count, vec_zero(), vec_div(x, count), vec_zero());
}

/* ---- Dense layers of bags -------------------------------------------------------------------- */

/* acc += value times its row, over the entries of one image; w: a panel of `vectors` blocks */
NET_INLINE void net_add_entries(vec acc[3], int vectors, const float *w, const int32_t *index,
                                const float *value, int32_t count)
{
    NET_REPEAT(k, count) {
        const float *row = w + 16L * vectors * index[k];
        const vec x = vec_set(value[k]);

        NET_VECTORS(j, vectors)
            acc[j] = vec_fma(x, vec_load(row + 16 * j), acc[j]);
    }
}

/* The same for a segment of dense numbers: pixels of channels, `step` floats apart. */
NET_INLINE void net_add_channels(vec acc[3], int vectors, const float *w, const float *x,
                                 int pixels, long step, int channels)
{
    NET_REPEAT(pixel, pixels)
        NET_REPEAT(c, channels) {
            const vec at = vec_set(x[pixel * step + c / 16 * 256 + c % 16]);

            NET_VECTORS(j, vectors)
                acc[j] = vec_fma(at, vec_load(w + 16 * j), acc[j]);
            w += 16 * vectors;
        }
}

/* sum + dy times a row of w, lane by lane; dy's blocks are 256 floats apart */
NET_INLINE vec net_dot(vec sum, const float *dy, const float *w, int vectors)
{
    NET_VECTORS(j, vectors)
        sum = vec_fma(vec_load(dy + 256 * j), vec_load(w + 16 * j), sum);
    return sum;
}

/* dw of one row: the sum of weight times dy over the images of a column; dy: of a panel */
NET_INLINE void net_sum_column(float *dw, int vectors, const float *dy, long dy_chunk,
                               const int32_t *column, const int32_t *image, const float *weight)
{
    vec acc[3] = {vec_zero(), vec_zero(), vec_zero()};

    for (int32_t k = column[0]; k < column[1]; k++) {
        const float *at = dy + image[k] / 16 * dy_chunk + image[k] % 16 * 16;
        const vec x = vec_set(weight[k]);

        NET_VECTORS(j, vectors)
            acc[j] = vec_fma(x, vec_load(at + 256 * j), acc[j]);
    }
    NET_VECTORS(j, vectors)
        vec_store(dw + 16 * j, acc[j]);
}

/* A chunk of bags with all their zeros: [block][image][16] */
NET_INLINE void net_spread(float *y, int blocks, const int32_t *begin, const int32_t *index,
                           const float *value, int images)
{
    memset(y, 0, (size_t)blocks * 256 * sizeof *y);
    for (int i = 0; i < images; i++)
        for (int32_t k = begin[i]; k < begin[i + 1]; k++)
            y[index[k] / 16 * 256L + 16 * i + index[k] % 16] = value[k];
}

#endif
