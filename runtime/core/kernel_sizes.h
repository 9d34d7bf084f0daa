/*
 * kernel_sizes.h -- sizes that netc plans with and that templates of kernels/ have arrays of.
 */

#ifndef NET_KERNEL_SIZES_H
#define NET_KERNEL_SIZES_H

enum {
    NET_MAX_SEGMENTS = 16,      /* of a layout */
    NET_MAX_DRAWS = 4,          /* random operations of one chain of elementwise ones */
    NET_TILE_ROWS = 8,          /* images of a register tile, at most */
    NET_MAX_FEW_OUTPUTS = 4,    /* more, and a sum over lanes for each is no longer little */
    NET_FEW_OUTPUTS_BLOCKS = 8, /* of inputs, in registers for a dw of one output, at most */
    NET_GRADIENT_FLOATS = 4096, /* of a gradient's rows, finished at once in an array */
};

/* Floats from one product of Winograd's to the next, of so many pieces of 16 x 16: a vector more
   than they have, or all products would fall into one set of the cache. */
static inline long net_winograd_step(long pieces)
{
    return 256 * pieces + 16;
}

#endif
