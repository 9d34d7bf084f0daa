/*
 * kernel.h -- what generated code is made of, beyond vec.h: register tiles' sizes, the contraction loop,
 * shares of threads, the end of a gradient, and the small kernels that every model writes alike.
 *
 * Activations lie as [chunk of 16 images][row][column][block of 16 channels][image][channel], written
 * at[chunk][pixel][block][16][16]; lanes beyond the last channel are always +0.
 */

#ifndef NET_KERNEL_H
#define NET_KERNEL_H

#include "netrt.h"
#include "random.h"
#include "vec.h"

/* Rows of images in a register tile; the compiler cuts panels up to NET_TILE_VECTORS blocks wide. */
#ifdef NET_VEC_PAIR
enum { NET_TILE_ROWS = 4, NET_TILE_VECTORS = 1 };
#else
enum { NET_TILE_ROWS = 8, NET_TILE_VECTORS = 3 };
#endif

#define NET_TILE static __attribute__((noinline))

#ifdef __clang__
#define NET_UNROLL(i, n) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i++)
#define NET_REPEAT(k, n) _Pragma("clang loop unroll(disable)") for (long k = 0; k < (n); k++)
#else
#define NET_UNROLL(i, n) _Pragma("GCC unroll 16") for (int i = 0; i < (n); i++)
#define NET_REPEAT(k, n) _Pragma("GCC unroll 1") for (long k = 0; k < (n); k++)
#endif

/* Tiles are up to 3 vectors wide. (A loop of one iteration leaves its vector on the stack.) */
#define NET_VECTORS(j, vectors) NET_UNROLL(j, 3) if (j < (vectors))

/* This thread's contiguous share of the items 0 to count-1. */
#define NET_ITEMS(item, count, run, thread)                                                        \
    for (int item = (int)((long)(count) * (thread) / (run)->threads),                              \
             item##_end = (int)((long)(count) * ((thread) + 1) / (run)->threads);                  \
         item < item##_end; item++)

/* One line of a step: the call, then its time where someone asks. */
#define RUN(kernel, call)                                                                          \
    do {                                                                                           \
        call;                                                                                      \
        if (__builtin_expect(run->profile != NULL, 0))                                             \
            net_profile_lap(run->profile, kernel, thread);                                         \
    } while (0)

/* All threads have finished what stands above before one begins what stands below. */
NET_INLINE void barrier(const struct net_run *run, int thread)
{
    if (run->threads > 1)
        net_pool_wait(run->pool, thread);
}

/* A typed view: offset bytes into the arena. */
NET_INLINE void *net_at(const struct net_run *run, size_t offset)
{
    return (char *)run->arena + offset;
}

/* Images of this batch that lie in a chunk of 16: 0 to 16. */
NET_INLINE int net_rows(const struct net_run *run, int chunk)
{
    const int rows = run->n - 16 * chunk;

    return rows < 0 ? 0 : rows < 16 ? rows : 16;
}

/* Chunks that hold an image of this batch. */
NET_INLINE int net_chunks(const struct net_run *run)
{
    return (run->n + 15) / 16;
}

/* A finished piece of gradient goes to the optimizer, or to G where the run wants it kept. */
NET_INLINE void net_finish(const struct net_run *run, float *w, const float *g, long count)
{
    const long at = w - (float *)run->params;

    if (run->grads)
        memcpy(run->grads + at, g, (size_t)count * sizeof *g);
    else
        run->update(w, g, run->state + at, count, &run->hyper);
}

/* ---- Contraction ----------------------------------------------------------------------------- */

/* What one output element sums over: taps in rows and columns, and channels in each; all steps in
   floats, from one to the next. A value with several segments has one of these for each. */
struct taps {
    long x, w;                  /* from the tile's x and w to the first tap */
    long rows, columns;         /* taps: of a window inside the image, or pixels of a flat segment */
    long x_row, x_column;
    long w_row, w_column;
    long channels;              /* 16 to a block */
};

/* acc[i][j] += sum over taps and channels of x[i] w[j]: `rows` images by `vectors` blocks.
   x_image: from image to image, x_channel: from channel to channel inside a block. */
NET_INLINE void contract(vec acc[][3], int rows, int vectors, const float *x, long x_image,
                         long x_channel, long x_block, const float *w, const struct taps *taps,
                         int segments)
{
    NET_REPEAT(s, segments)
        NET_REPEAT(r, taps[s].rows)
            NET_REPEAT(c, taps[s].columns) {
                const float *xb = x + taps[s].x + r * taps[s].x_row + c * taps[s].x_column;
                const float *wk = w + taps[s].w + r * taps[s].w_row + c * taps[s].w_column;

                for (long left = taps[s].channels; left > 0; left -= 16, xb += x_block) {
                    const float *xk = xb;

                    NET_REPEAT(k, left < 16 ? left : 16) {
                        vec wj[3];
                        NET_VECTORS(j, vectors)
                            wj[j] = vec_load(wk + 16 * j);
                        NET_UNROLL(i, rows)
                            NET_VECTORS(j, vectors)
                                acc[i][j] = vec_fma(vec_set(xk[i * x_image]), wj[j], acc[i][j]);
                        xk += x_channel;
                        wk += 16 * vectors;
                    }
                }
            }
}

/* The images and pixels that one weight's gradient sums over; steps in floats. */
struct sweep {
    long chunks, rows, columns, images;     /* images of the last chunk; 16 in the others */
    long x_chunk, x_row, x_column, x_image;
    long dy_chunk, dy_row, dy_column;
};

/* acc[i][j] += sum over chunks, rows, columns and images of x[i] dy[j]: `rows` inputs (x_at(i) floats
   apart: x_input each) by `vectors` blocks of outputs. */
NET_INLINE void correlate(vec acc[][3], int rows, int vectors, const float *x, long x_input,
                          const float *dy, const struct sweep *over)
{
    NET_REPEAT(chunk, over->chunks) {
        const long images = chunk < over->chunks - 1 ? 16 : over->images;

        NET_REPEAT(r, over->rows)
            NET_REPEAT(c, over->columns) {
                const float *xn = x + chunk * over->x_chunk + r * over->x_row + c * over->x_column;
                const float *dn = dy + chunk * over->dy_chunk + r * over->dy_row
                                + c * over->dy_column;

                NET_REPEAT(n, images) {
                    vec d[3];
                    NET_VECTORS(j, vectors)
                        d[j] = vec_load(dn + 256 * j);
                    NET_UNROLL(i, rows)
                        NET_VECTORS(j, vectors)
                            acc[i][j] = vec_fma(vec_set(xn[i * x_input]), d[j], acc[i][j]);
                    xn += over->x_image;
                    dn += 16;
                }
            }
    }
}

/* to[j][i] = from[i][j], 16 x 16: four rounds of interleaving rows i and i + 8.
   The first `rows` rows are read (the others count as +0), all are written. */
NET_INLINE void transpose_16x16(float *to, long to_step, const float *from, long from_step,
                                int rows)
{
    net_f32 a[16], b[16];

    NET_UNROLL(i, 16) {
        a[i] = (net_f32){ 0 };
        if (i < rows)
            memcpy(&a[i], from + i * from_step, sizeof a[i]);
    }
    NET_UNROLL(round, 4) {
        NET_UNROLL(i, 8) {
            b[2 * i] = __builtin_shufflevector(a[i], a[i + 8], 0, 16, 1, 17, 2, 18, 3, 19, 4, 20,
                                               5, 21, 6, 22, 7, 23);
            b[2 * i + 1] = __builtin_shufflevector(a[i], a[i + 8], 8, 24, 9, 25, 10, 26, 11, 27,
                                                   12, 28, 13, 29, 14, 30, 15, 31);
        }
        NET_UNROLL(i, 16)
            a[i] = b[i];
    }
    NET_UNROLL(i, 16)
        memcpy(to + i * to_step, &a[i], sizeof a[i]);
}

/* ---- Dropout ----------------------------------------------------------------------------------- */

NET_INLINE void net_multiply_high_low(net_u32 *high, net_u32 *low, net_u32 a, uint32_t b)
{
    const net_u64 even = ((net_u64)a & 0xffffffffu) * (uint64_t)b;
    const net_u64 odd = ((net_u64)a >> 32) * (uint64_t)b;

    *low = (net_u32)((even & 0xffffffffu) | (odd << 32));
    *high = (net_u32)((even >> 32) | (odd & 0xffffffff00000000u));
}

/* keep[k] = scale where the draw of rows 4 `group` + k, elements element + step * (0 to 15), is at
   least `threshold`, else 0: sixteen elements of four images (net_dropout_draw, sixteen at once) */
NET_INLINE void vec_dropout(vec keep[4], const uint32_t key[2], uint32_t element, uint32_t step,
                            uint32_t group, uint32_t time, uint32_t stream, uint32_t threshold,
                            float scale)
{
    const net_u32 zero = { 0 };
    net_u32 c0 = vec_lanes() * step + element, c1 = zero + group, c2 = zero + time;
    net_u32 c3 = zero + (NET_RANDOM_DROPOUT + stream);
    uint32_t k0 = key[0], k1 = key[1];

    for (int round = 0; round < 10; round++) {
        net_u32 high0, low0, high2, low2;

        net_multiply_high_low(&high0, &low0, c0, 0xD2511F53u);
        net_multiply_high_low(&high2, &low2, c2, 0xCD9E8D57u);
        c0 = high2 ^ c1 ^ k0, c1 = low2;
        c2 = high0 ^ c3 ^ k1, c3 = low0;
        k0 += 0x9E3779B9u, k1 += 0xBB67AE85u;
    }

    const net_u32 on = vec_bits(vec_set(scale));
    keep[0] = vec_from_bits(on & (net_u32)(c0 >= threshold));
    keep[1] = vec_from_bits(on & (net_u32)(c1 >= threshold));
    keep[2] = vec_from_bits(on & (net_u32)(c2 >= threshold));
    keep[3] = vec_from_bits(on & (net_u32)(c3 >= threshold));
}

#endif
