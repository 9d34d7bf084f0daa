/*
 * row_gradient.h -- gradients of a matrix whose rows a batch picks by index: an embedding matrix,
 * or the weights of a sparse input.
 *
 * The one idea: a counting sort, when the batch is packed, gives each row its contributions in the
 * order of the batch. So a row's gradient is one sum in one order, whoever owns the row. Items are
 * dealt out in turn, since the first tokens of a vocabulary are those that are everywhere.
 *
 * Needs: kernel.h. Gives: net_count_begins, net_restore_begins, net_apply_rows.
 */

#ifndef NET_ROW_GRADIENT_H
#define NET_ROW_GRADIENT_H

#include "kernels/update.h"

enum { NET_GRADIENT_ROWS = 16 }; /* of a gradient, finished at once, at most */

/* ---- A stable counting sort: begin[k] to begin[k + 1] - 1 are the entries of row k ----------- */

/* From the number of entries of each row, begin[k + 1], to where they begin. */
static inline void net_count_begins(int32_t *begin, int rows)
{
    for (int k = 0; k < rows; k++)
        begin[k + 1] += begin[k];
}

/* After every entry has moved its row's begin by one: back to where they were. */
static inline void net_restore_begins(int32_t *begin, int rows)
{
    memmove(begin + 1, begin, (size_t)rows * sizeof *begin);
    begin[0] = 0;
}

/* ---- The end of a gradient ------------------------------------------------------------------- */

/* `rows` rows of a gradient, `floats` each. One without an entry, whose gradient is 0, is left out
   of an update where that is a no-op. */
NET_INLINE void net_apply_rows(const struct net_run *run, float *to, float *g, int rows,
                               long floats, const int32_t *begin, struct net_apply how)
{
    const bool penalized = how.l1 > 0 || how.l2 > 0;

    if (!how.update || penalized || run->grads || !run->scalars.zero_is_noop) {
        net_apply(run, to, g, rows * floats, how);
        return;
    }
    for (int r = 0; r < rows; r++)
        if (begin[r + 1] > begin[r])
            net_apply_update(run, to + r * floats, g + r * floats, floats);
}

#endif
