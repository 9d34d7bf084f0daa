/*
 * kernel_sizes.h -- sizes that netc plans with and that templates of kernels/ have arrays of.
 */

#ifndef NET_KERNEL_SIZES_H
#define NET_KERNEL_SIZES_H

enum {
    NET_PAIR_LANES = 8,           /* pairs of channels in a block */
    NET_MAX_SEGMENTS = 16,        /* of a layout */
    NET_MAX_DRAWS = 4,            /* random operations of one chain of elementwise ones */
    NET_TILE_ROWS = 8,            /* images of a register tile, at most */
    NET_HALF_TILE_ROWS = 14,      /* pixels of one of at most eight outputs, at most */
    NET_MAX_FEW_OUTPUTS = 4,      /* more, and a sum over lanes for each is no longer little */
    NET_FEW_OUTPUTS_BLOCKS = 8,   /* of inputs, in registers for a dw of one output, at most */
    NET_GRADIENT_FLOATS = 4096,   /* of a gradient's rows, finished at once in an array */
    NET_ATTENTION_KEYS = 128,     /* of a strip of scores of 16 queries */
    NET_ATTENTION_GRAD_KEYS = 32, /* and in backward, which reads k and v and adds to dk and dv */
    NET_INFO_NCE_ROWS = 32,       /* of the batch, in a strip beside sixteen others: whole blocks */
};

/* Blocks of x of which one of y can be made, of sixteen lanes; and floats of a thread's scratch: of
   each block of y how many they are, then those, of 20 bytes each. */
static inline int net_lane_sources(int x_blocks)
{
    return x_blocks < 16 ? x_blocks : 16;
}

static inline long net_lanes_scratch(int y_blocks, int x_blocks)
{
    return y_blocks * (1L + 5 * net_lane_sources(x_blocks));
}

/* Floats from one product of Winograd's to the next, of so many pieces of 16 channels of some
   images: a vector more than they have, or all products would fall into one set of the cache. */
static inline long net_winograd_step(long pieces, int images)
{
    return 16 * images * pieces + 16;
}

/* Floats of the keys of a head, or of its values, packed: rows of whole blocks, up to a tile. */
static inline long net_packed_keys(int keys, int size)
{
    return (keys + NET_TILE_ROWS) * ((size + 15) / 16 * 16L);
}

/* Floats of a thread's scratch: keys and values, backward their gradients; which of them are no
   padding; rows of 16 queries; strips of scores. */
static inline long net_attention_scratch(int keys, int size, int backward)
{
    const long row = (size + 15) / 16 * 16L, positions = (keys + 15) / 16 * 16L;
    const long strip = backward ? 2 * NET_ATTENTION_GRAD_KEYS : NET_ATTENTION_KEYS;

    return (backward ? 4 : 2) * net_packed_keys(keys, size) + positions +
           16 * (backward ? 6 : 3) * row + 16 * (strip + 2 * NET_TILE_ROWS);
}

/* Floats of a thread's scratch: a packed strip of rows; sixteen rows, their transposes, and sums of
   as many channels, up to a tile; a strip of scores; a row. */
static inline long net_info_nce_scratch(int channels)
{
    const long row = (channels + 15) / 16 * 16L;

    return net_packed_keys(NET_INFO_NCE_ROWS, channels) + 3 * 16 * row +
           16 * (NET_INFO_NCE_ROWS + 2 * NET_TILE_ROWS) + row;
}

#endif
