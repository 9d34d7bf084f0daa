/*
 * clip.c -- stored gradients are clipped, then every parameter is updated:
 * torch.nn.utils.clip_grad_norm_ and clip_grad_value_.
 *
 * Gradients are stored for it, and not handed to the optimizer as they come; so they are where
 * tensors have learning rates of their own.
 */

#include <math.h>
#include <string.h>

#include "training/pieces.h"

struct clip {
    struct net_session *session;
    float scale; /* of every gradient */
    float most;  /* the largest, after that */
};

static void update_piece(const void *context, int tensor, long at, long count)
{
    const struct clip *clip = context;
    const struct net_step_scalars *own = clip->session->scalars;
    const struct net_run *run = &clip->session->run;
    float *g = run->grads + at;

    if (clip->scale < 1.0f)
        for (long i = 0; i < count; i++)
            g[i] *= clip->scale;
    if (clip->most < INFINITY)
        for (long i = 0; i < count; i++) /* not a number stays so */
            g[i] = g[i] > clip->most ? clip->most : g[i] < -clip->most ? -clip->most : g[i];
    run->update((float *)run->params + at, g, run->state + at, count,
                own ? &own[tensor] : &run->scalars);
}

static void update_share(void *context, int thread)
{
    const struct clip *clip = context;

    net_share_pieces(clip->session, thread, update_piece, clip);
}

void net_clip_update(struct net_session *session, double most)
{
    const struct net_call *kind = session->model->clip;
    struct clip clip = {session, 1.0f, INFINITY};

    if (most > 0.0 && kind && !strcmp(kind->name, "value")) {
        clip.most = (float)most;
    } else if (most > 0.0) {
        const double scale = most / (net_gradient_norm(session) + 1e-6);

        clip.scale = (float)fmin(1.0, scale);
    }
    net_threads_run(session->pool, update_share, &clip);
}
