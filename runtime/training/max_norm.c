/*
 * max_norm.c -- `dense(4, max_norm=0.25)`: after each step the weights that an output reads are
 * scaled to a Euclidean norm of at most that (Srivastava and others 2014, section 5.1), as
 * torch.renorm(w, 2, 0, max_norm) does. Only trainers of models that say `max_norm` have this file.
 */

#include <math.h>

#include "training/training.h"

/* Of output `output`, an element of the tensor's first axis; its squares in PyTorch's order. */
static void bound_output(float *w, const struct net_tensor *tensor, long output)
{
    const long size = net_tensor_size(tensor) / tensor->shape[0], first = output * size;
    double sum = 0.0;

    for (long i = first; i < first + size; i++) {
        const double x = (double)w[net_tensor_at(tensor, i)];

        sum += x * x;
    }
    if (sqrt(sum) <= tensor->max_norm)
        return;
    const float scale = (float)(tensor->max_norm / sqrt(sum));

    for (long i = first; i < first + size; i++)
        w[net_tensor_at(tensor, i)] *= scale;
}

/* This thread's share of the outputs of all tensors. */
static void bound_share(void *context, int thread)
{
    const struct net_session *session = context;
    const struct net_model *model = session->model;
    long output = 0;

    for (int t = 0; t < model->tensor_count; t++) {
        const struct net_tensor *tensor = &model->tensors[t];
        float *w = (float *)session->run.params + tensor->offset / sizeof(float);

        if (!tensor->trainable || tensor->max_norm <= 0.0)
            continue;
        for (int o = 0; o < tensor->shape[0]; o++, output++)
            if (output % session->run.threads == thread)
                bound_output(w, tensor, o);
    }
}

void net_bound_norms(struct net_session *session)
{
    net_threads_run(session->pool, bound_share, session);
}
