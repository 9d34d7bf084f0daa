/*
 * rates.c -- `rates = [0.1 * body]`: the learning rate of each tensor is a factor times that of the
 * schedule, as with PyTorch's groups of parameters. Gradients are stored, as for clipping, and each
 * tensor is updated with scalars of its own. Only trainers of models that say `rates` have this
 * file.
 */

#include "training/training.h"

void net_set_rates(struct net_session *session)
{
    double before = -1.0;

    for (int t = 0; t < session->model->tensor_count; t++) {
        struct net_step_scalars *scalars = &session->scalars[t];
        const double own = session->model->tensors[t].rate, factor = own != 0.0 ? own : 1.0;

        if (factor == before) {
            *scalars = scalars[-1];
            continue;
        }
        *scalars = session->run.scalars;
        net_set_step_scalars(scalars, session->optimizer, net_step_options(session),
                             session->rate * factor, session->run.step);
        before = factor;
    }
}
