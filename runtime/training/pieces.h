/*
 * pieces.h -- the gradient of all that is trained as pieces, of which each thread has its share;
 * which ones does not depend on what is done with them.
 */

#ifndef NET_PIECES_H
#define NET_PIECES_H

#include "training/training.h"

enum { NET_PIECE = 4096 }; /* floats, at most */

/* Of tensor `tensor` the `count` floats at `at` of run.params, run.grads. */
typedef void net_piece_work(const void *context, int tensor, long at, long count);

static inline void net_share_pieces(const struct net_session *session, int thread,
                                    net_piece_work *work, const void *context)
{
    const struct net_model *model = session->model;
    int piece = 0;

    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];

        for (long done = 0; tensor->trainable && done < tensor->count; done += NET_PIECE, piece++)
            if (piece % session->run.threads == thread)
                work(context, t, (long)(tensor->offset / sizeof(float)) + done,
                     tensor->count - done < NET_PIECE ? tensor->count - done : NET_PIECE);
    }
}

#endif
