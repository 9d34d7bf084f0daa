/*
 * permute.h -- the axes of a value in another order: a sequence transposed, channels and pixels
 * shuffled.
 *
 * The one idea: a sequence is transposed as 16 x 16 numbers in registers, an image at a time, since
 * 16 positions by a block of channels become 16 positions by a block; any other order goes an
 * element of 16 images at a time.
 *
 * Needs: run.h, transpose.h. Values of one segment. Gives: net_transpose_positions, net_permute.
 */

#ifndef NET_PERMUTE_H
#define NET_PERMUTE_H

#include "kernels/run.h"
#include "kernels/transpose.h"

/* ---- Channels by positions ------------------------------------------------------------------- */

struct net_transpose_positions {
    int batch_blocks, channels, positions; /* of x */
};

/* y[t, c] = x[c, t]. Items: (batch block, block of x's channels). */
NET_TEMPLATE void net_transpose_positions(float *y, const float *x,
                                          struct net_transpose_positions s, NET_RUN)
{
    const int x_blocks = (s.channels + 15) / 16, y_blocks = (s.positions + 15) / 16;

    NET_ITEMS(item, net_present(run, s.batch_blocks) * x_blocks, run, thread) {
        const int b = item / x_blocks, block = item % x_blocks;
        float *to = y + ((long)b * s.channels + 16L * block) * y_blocks * TILE;
        const float *from = x + ((long)b * s.positions * x_blocks + block) * TILE;

        for (int t = 0; t < y_blocks; t++)
            for (int image = 0; image < NET_IMAGES; image++)
                net_transpose_16x16(to + (long)TILE * t + 16 * image, (long)TILE * y_blocks,
                                    from + 16L * t * x_blocks * TILE + 16 * image,
                                    (long)TILE * x_blocks, s.positions - 16 * t,
                                    s.channels - 16 * block);
    }
}

/* ---- Any order ------------------------------------------------------------------------------- */

enum { NET_MAX_AXES = 5 };

struct net_permute {
    int batch_blocks;
    int y_channels, y_pixels, x_channels, x_pixels;
    int axes;               /* of both */
    int size[NET_MAX_AXES]; /* of y's axes; their product is that of channels and pixels */
    int step[NET_MAX_AXES]; /* flat elements of x, [channel][pixel], from one to the next */
};

/* y = x in another order. Items: (batch block, pixel of y). */
NET_TEMPLATE void net_permute(float *y, const float *x, struct net_permute s, NET_RUN)
{
    const int y_blocks = (s.y_channels + 15) / 16, x_blocks = (s.x_channels + 15) / 16;

    NET_ITEMS(item, net_present(run, s.batch_blocks) * s.y_pixels, run, thread) {
        const float *images = x + (long)(item / s.y_pixels) * s.x_pixels * x_blocks * TILE;

        for (int c = 0; c < 16 * y_blocks; c++) {
            float *to = y + ((long)item * y_blocks + c / 16) * TILE + c % 16;
            int left = c * s.y_pixels + item % s.y_pixels, of = 0;

            if (c >= s.y_channels) {
                for (int i = 0; i < NET_IMAGES; i++)
                    to[16 * i] = 0;
                continue;
            }
            NET_UNROLL(a, s.axes) {
                const int axis = s.axes - 1 - a;

                of += left % s.size[axis] * s.step[axis];
                left /= s.size[axis];
            }
            const int channel = of / s.x_pixels;
            const float *from = images +
                                ((long)(of % s.x_pixels) * x_blocks + channel / 16) * TILE +
                                channel % 16;

            for (int i = 0; i < NET_IMAGES; i++)
                to[16 * i] = from[16 * i];
        }
    }
}

#endif
