/*
 * elementwise.h -- chains of elementwise operations that are a kernel of their own.
 *
 * Items: (batch block, row), so that kernels in a row of elementwise work hand each thread what it
 * wrote itself.
 */

#ifndef NET_ELEMENTWISE_H
#define NET_ELEMENTWISE_H

#include "kernels/epilogue.h"

NET_TEMPLATE void net_elementwise(net_epilogue *epilogue, net_draw_block *draw,
                                  const void *operands, net_row_end *row_end, const void *sums,
                                  struct net_extent v, NET_RUN)
{
    NET_ITEMS(item, net_present(run, v.batch_blocks) * v.height, run, thread) {
        const int batch_block = item / v.height, row = item % v.height;

        for (int column = 0; column < v.width; column++)
            for (int block = 0; block < v.blocks; block++)
                net_block_end(NULL, epilogue, draw, operands,
                              net_element_of(v, batch_block, row * v.width + column, block, 0),
                              run);
        if (row_end)
            row_end(sums, run, batch_block, row);
    }
}

#endif
