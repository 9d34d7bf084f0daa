/*
 * clip.c -- gradients scaled to a norm, then the update, as torch.nn.utils.clip_grad_norm_ does it.
 *
 * The norm is a sum in double over pieces of the tensors in the table's order: each piece by one
 * thread, the pieces added in order, so that the threads do not show in the bits.
 */

#include <math.h>
#include <stdlib.h>

#include "runtime.h"

enum { PIECE = 4096 };          /* floats */

struct clip {
    struct net_session *session;
    double *squares;            /* of each piece */
    float scale;
};

typedef void work_on_piece(struct clip *clip, int piece, long at, long count);

/* Calls `work` for this thread's share of the pieces: floats at..at+count-1 of params. Gives the
   number of all pieces. */
static int each_piece(struct clip *clip, int thread, work_on_piece *work)
{
    const struct net_model *model = clip->session->model;
    const int threads = clip->session->threads;
    int piece = 0;

    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];

        for (long done = 0; tensor->trainable && done < tensor->count; done += PIECE, piece++)
            if (work && piece % threads == thread)
                work(clip, piece, (long)(tensor->offset / sizeof(float)) + done,
                     tensor->count - done < PIECE ? tensor->count - done : PIECE);
    }
    return piece;
}

static void square(struct clip *clip, int piece, long at, long count)
{
    const float *g = clip->session->run.grads + at;
    double sum[16] = { 0 };

    for (long i = 0; i < count; i += 16)
        for (int lane = 0; lane < 16; lane++)
            sum[lane] += (double)g[i + lane] * (double)g[i + lane];
    for (int lane = 1; lane < 16; lane++)
        sum[0] += sum[lane];
    clip->squares[piece] = sum[0];
}

static void update(struct clip *clip, int piece, long at, long count)
{
    const struct net_run *run = &clip->session->run;
    float *g = run->grads + at;

    (void)piece;
    for (long i = 0; i < count; i++)
        g[i] *= clip->scale;
    run->update((float *)run->params + at, g, run->state + at, count, &run->hyper);
}

static void square_all(void *clip, int thread)
{
    each_piece(clip, thread, square);
}

static void update_all(void *clip, int thread)
{
    each_piece(clip, thread, update);
}

void net_clip_update(struct net_session *session, double most)
{
    struct clip clip = { .session = session };
    const int pieces = each_piece(&clip, 0, NULL);
    double norm = 0.0;

    if (!session->squares)
        session->squares = net_allocate((size_t)pieces, sizeof *session->squares);
    clip.squares = session->squares;
    net_pool_run(session->pool, square_all, &clip);
    for (int piece = 0; piece < pieces; piece++)
        norm += clip.squares[piece];
    norm = sqrt(norm);
    clip.scale = (float)fmin(1.0, most / (norm + 1e-6));
    net_pool_run(session->pool, update_all, &clip);
}
