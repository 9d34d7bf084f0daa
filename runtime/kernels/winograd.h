/*
 * winograd.h -- the transforms of Winograd's minimal filtering: F(4x4, 3x3) and F(2x2, 3x3) of
 * Lavin and Gray, Fast Algorithms for Convolutional Neural Networks (2015).
 *
 * A tile of m x m outputs is  A' [ (G g G') . (B' d B) ] A  for filter g and the (m + 2) x (m + 2)
 * inputs d under it: summed over channels, the products in brackets are (m + 2)^2 dense ones. Here
 * is what stands around them: both ways, for sixteen channels at once.
 *
 * Against double (root mean squares of errors over those of what comes out; `make winograd-errors`)
 * 4 x 4 is 1.7e-6 off with 64 channels and 5.0e-6 with 512, where a direct sum is 4.3e-7 and 1.1e-6
 * off; dx is about a tenth more, dw 1.6e-6 to 2.6e-6 (direct 3.7e-7 to 2.3e-6), and the largest
 * error of all is 9.4e-5. 2 x 2 is nearer than a direct sum: forward 2.9e-7 and 7.0e-7.
 *
 * Sums begin with what has a plus, so that +0 in padding lanes stays +0.
 */

#ifndef NET_WINOGRAD_H
#define NET_WINOGRAD_H

#include "kernels/gemm.h"

/* ---- In one dimension ------------------------------------------------------------------------ */

/* y = B' x: m + 2 inputs */
NET_INLINE void net_winograd_b(vec y[6], const vec x[6], int m)
{
    if (m == 4) {
        const vec even = vec_fma(vec_set(-4.0f), x[2], x[4]), c = vec_sub(x[4], x[2]);
        const vec odd = vec_fma(vec_set(-4.0f), x[1], x[3]), e = vec_sub(x[3], x[1]);

        y[0] = vec_fma(vec_set(4.0f), x[0], vec_fma(vec_set(-5.0f), x[2], x[4]));
        y[1] = vec_add(even, odd);
        y[2] = vec_sub(even, odd);
        y[3] = vec_fma(vec_set(2.0f), e, c);
        y[4] = vec_fma(vec_set(-2.0f), e, c);
        y[5] = vec_fma(vec_set(4.0f), x[1], vec_fma(vec_set(-5.0f), x[3], x[5]));
    } else {
        y[0] = vec_sub(x[0], x[2]);
        y[1] = vec_add(x[1], x[2]);
        y[2] = vec_sub(x[2], x[1]);
        y[3] = vec_sub(x[1], x[3]);
    }
}

/* y = A' x: m outputs from m + 2 products */
NET_INLINE void net_winograd_a(vec y[4], const vec x[6], int m)
{
    const vec s = vec_add(x[1], x[2]), d = vec_sub(x[1], x[2]);

    if (m == 4) {
        const vec t = vec_add(x[3], x[4]), e = vec_sub(x[3], x[4]);

        y[0] = vec_add(vec_add(x[0], s), t);
        y[1] = vec_fma(vec_set(2.0f), e, d);
        y[2] = vec_fma(vec_set(4.0f), t, s);
        y[3] = vec_add(vec_fma(vec_set(8.0f), e, d), x[5]);
    } else {
        y[0] = vec_add(x[0], s);
        y[1] = vec_sub(d, x[3]);
    }
}

/* y = A x: m + 2 from the gradients of m outputs */
NET_INLINE void net_winograd_a_back(vec y[6], const vec x[4], int m)
{
    if (m == 4) {
        const vec p = vec_add(x[0], x[2]), q = vec_add(x[1], x[3]);
        const vec r = vec_fma(vec_set(4.0f), x[2], x[0]), s = vec_fma(vec_set(4.0f), x[3], x[1]);

        y[0] = x[0];
        y[1] = vec_add(p, q);
        y[2] = vec_sub(p, q);
        y[3] = vec_fma(vec_set(2.0f), s, r);
        y[4] = vec_fma(vec_set(-2.0f), s, r);
        y[5] = x[3];
    } else {
        y[0] = x[0];
        y[1] = vec_add(x[0], x[1]);
        y[2] = vec_sub(x[0], x[1]);
        y[3] = vec_sub(vec_zero(), x[1]);
    }
}

/* y = G x: m + 2 from three weights */
NET_INLINE void net_winograd_g(vec y[6], const vec x[3], int m)
{
    const vec s = vec_add(x[0], x[2]);

    if (m == 4) {
        const vec sixth = vec_set(-1.0f / 6), h = vec_mul(vec_set(1.0f / 12), x[1]);
        const vec t = vec_fma(vec_set(1.0f / 6), x[2], vec_mul(vec_set(1.0f / 24), x[0]));

        y[0] = vec_mul(vec_set(0.25f), x[0]);
        y[1] = vec_mul(sixth, vec_add(s, x[1]));
        y[2] = vec_mul(sixth, vec_sub(s, x[1]));
        y[3] = vec_add(t, h);
        y[4] = vec_sub(t, h);
        y[5] = x[2];
    } else {
        y[0] = x[0];
        y[1] = vec_mul(vec_set(0.5f), vec_add(s, x[1]));
        y[2] = vec_mul(vec_set(0.5f), vec_sub(s, x[1]));
        y[3] = x[2];
    }
}

/* y = G' x: the gradients of three weights */
NET_INLINE void net_winograd_g_back(vec y[3], const vec x[6], int m)
{
    const vec s = vec_add(x[1], x[2]);

    if (m == 4) {
        const vec t = vec_add(x[3], x[4]), sixth = vec_set(1.0f / 6);
        const vec d = vec_sub(x[2], x[1]), e = vec_sub(x[3], x[4]);

        y[0] = vec_fma(vec_set(0.25f), x[0],
                       vec_fma(vec_set(1.0f / 24), t, vec_mul(vec_set(-1.0f / 6), s)));
        y[1] = vec_fma(vec_set(1.0f / 12), e, vec_mul(sixth, d));
        y[2] = vec_fma(sixth, vec_sub(t, s), x[5]);
    } else {
        const vec half = vec_set(0.5f);

        y[0] = vec_fma(half, s, x[0]);
        y[1] = vec_mul(half, vec_sub(x[1], x[2]));
        y[2] = vec_fma(half, s, x[3]);
    }
}

/* ---- In two: down the columns, then along the rows ------------------------------------------- */

enum { NET_WINOGRAD_IMAGES = NET_GROUP }; /* at a time, what is half done in L1 */

/* The pixels under a tile, `size` x `size` from (row, column) on: a block of images and channels
   each, zeros where they fall outside the image. x: that block of pixel 0. */
NET_INLINE void net_winograd_pixels(const float *pixels[36], const float *x, long pixel, int height,
                                    int width, int row, int column, int size)
{
    static const _Alignas(64) float zeros[256] = {0};

    for (int r = 0; r < size; r++)
        for (int c = 0; c < size; c++) {
            const int y = row + r, z = column + c;

            pixels[r * size + c] = y < 0 || y >= height || z < 0 || z >= width
                                       ? zeros
                                       : x + ((long)y * width + z) * pixel;
        }
}

/* V = B' d B for a block of images: product (r, c) at to + ((m + 2) r + c) step */
NET_INLINE void net_winograd_input(float *to, long step, const float *const pixels[36], int m)
{
    const int n = m + 2;
    _Alignas(64) float half[36 * NET_WINOGRAD_IMAGES * 16];

    for (long first = 0; first < TILE; first += NET_WINOGRAD_IMAGES * 16) {
        NET_REPEAT(c, n)
            NET_REPEAT(i, NET_WINOGRAD_IMAGES) {
                vec x[6], y[6];
                NET_UNROLL(r, n)
                    x[r] = vec_load(pixels[r * n + c] + first + 16 * i);
                net_winograd_b(y, x, m);
                NET_UNROLL(r, n)
                    vec_store(half + ((r * n + c) * NET_WINOGRAD_IMAGES + i) * 16, y[r]);
            }
        NET_REPEAT(r, n)
            NET_REPEAT(i, NET_WINOGRAD_IMAGES) {
                vec x[6], y[6];
                NET_UNROLL(c, n)
                    x[c] = vec_load(half + ((r * n + c) * NET_WINOGRAD_IMAGES + i) * 16);
                net_winograd_b(y, x, m);
                NET_UNROLL(c, n)
                    vec_store(to + (r * n + c) * step + first + 16 * i, y[c]);
            }
    }
}

/* dM = A dY A' */
NET_INLINE void net_winograd_gradient(float *to, long step, const float *const pixels[36], int m)
{
    const int n = m + 2;

    NET_REPEAT(i, NET_IMAGES) {
        vec half[6][4];

        NET_UNROLL(c, m) {
            vec x[4], y[6];
            NET_UNROLL(r, m)
                x[r] = vec_load(pixels[r * m + c] + 16 * i);
            net_winograd_a_back(y, x, m);
            NET_UNROLL(r, n)
                half[r][c] = y[r];
        }
        NET_UNROLL(r, n) {
            vec y[6];
            net_winograd_a_back(y, half[r], m);
            NET_UNROLL(c, n)
                vec_store(to + (r * n + c) * step + 16 * i, y[c]);
        }
    }
}

/* Y = A' M A: pixel (r, c) at to + (m r + c) TILE */
NET_INLINE void net_winograd_output(float *to, const float *from, long step, int m)
{
    const int n = m + 2;

    NET_REPEAT(i, NET_IMAGES) {
        vec half[4][6];

        NET_UNROLL(c, n) {
            vec x[6], y[4];
            NET_UNROLL(r, n)
                x[r] = vec_load(from + (r * n + c) * step + 16 * i);
            net_winograd_a(y, x, m);
            NET_UNROLL(r, m)
                half[r][c] = y[r];
        }
        NET_UNROLL(r, m) {
            vec y[4];
            net_winograd_a(y, half[r], m);
            NET_UNROLL(c, m)
                vec_store(to + (r * m + c) * TILE + 16 * i, y[c]);
        }
    }
}

/* u = G g G' of one input and block of outputs: tap (r, c) at from + (3 r + c) tap */
NET_INLINE void net_winograd_weight(vec u[36], const float *from, long tap, int m)
{
    const int n = m + 2;
    vec half[6][3];

    NET_UNROLL(c, 3) {
        vec x[3], y[6];
        NET_UNROLL(r, 3)
            x[r] = vec_load(from + (3 * r + c) * tap);
        net_winograd_g(y, x, m);
        NET_UNROLL(r, n)
            half[r][c] = y[r];
    }
    NET_UNROLL(r, n) {
        vec y[6];
        net_winograd_g(y, half[r], m);
        NET_UNROLL(c, n)
            u[r * n + c] = y[c];
    }
}

/* dW = G' dU G: `count` vectors, tap (r, c) of each at to + (3 r + c) tap; dU is the sum of
   `splits` partial sums, `split` floats apart */
NET_INLINE void net_winograd_weight_gradient(float *to, long tap, const float *from, long step,
                                             long count, long splits, long split, int m)
{
    const int n = m + 2;

    NET_REPEAT(i, count) {
        vec half[3][6];

        NET_UNROLL(c, n) {
            vec x[6], y[3];
            NET_UNROLL(r, n)
                x[r] = vec_load(from + (r * n + c) * step + 16 * i);
            for (long s = 1; s < splits; s++)
                NET_UNROLL(r, n)
                    x[r] = vec_add(x[r], vec_load(from + s * split + (r * n + c) * step + 16 * i));
            net_winograd_g_back(y, x, m);
            NET_UNROLL(r, 3)
                half[r][c] = y[r];
        }
        NET_UNROLL(r, 3) {
            vec y[3];
            net_winograd_g_back(y, half[r], m);
            NET_UNROLL(c, 3)
                vec_store(to + (3 * r + c) * tap + 16 * i, y[c]);
        }
    }
}

#endif
