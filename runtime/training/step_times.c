/*
 * step_times.c -- where the time of a training step goes, by layer: some of a run's first steps
 * are timed kernel by kernel, which changes nothing of what they compute.
 */

#include <stdlib.h>
#include <string.h>

#include "training/training.h"

enum {
    WARM = 3,   /* steps before the first that is timed */
    TIMED = 20, /* steps */
};

void net_step_times_open(struct net_step_times *times, const struct net_session *session)
{
    times->profile = net_profile_open(session->model->train.kernel_count, session->threads, TIMED);
}

void net_step_times_close(struct net_step_times *times)
{
    net_profile_close(times->profile);
}

float net_profiled_step(struct net_session *session, struct net_profile *profile, long number,
                        const void *batch, int n)
{
    session->run.profile = profile;
    net_threads_profile(session->pool, profile);
    net_profile_step(profile, number);
    const float loss = net_step(session, batch, n);

    net_threads_profile(session->pool, NULL);
    session->run.profile = NULL;
    return loss;
}

float net_timed_step(struct net_step_times *times, struct net_session *session, const void *batch,
                     int n)
{
    if (times->steps >= WARM + TIMED)
        return net_step(session, batch, n);
    return times->steps++ < WARM
               ? net_step(session, batch, n)
               : net_profiled_step(session, times->profile, times->steps - 1 - WARM, batch, n);
}

long net_steps_timed(const struct net_step_times *times)
{
    return times->steps > WARM ? times->steps - WARM : 0;
}

static bool is_transpose(const struct net_kernel *kernel)
{
    return !strcmp(kernel->kind, "transpose");
}

/* Kernels before the loss are forward, but for weights transposed for the way back. */
static enum net_phase phase_of(const struct net_kernel *kernel, bool forward)
{
    if (!strcmp(kernel->kind, "update"))
        return NET_PHASE_UPDATE;
    return forward && !is_transpose(kernel) ? NET_PHASE_FORWARD : NET_PHASE_BACKWARD;
}

int net_layer_times(const struct net_profile *profile, const struct net_step *step,
                    struct net_layer_time *layers)
{
    int count = 0;

    for (int pass = 0; pass < 2; pass++) { /* transposes come first, and would order the layers */
        bool forward = true;

        for (int k = 0; k < step->kernel_count; k++) {
            const struct net_kernel *kernel = &step->kernels[k];
            int l = 0;

            forward = forward && strcmp(kernel->kind, "loss") != 0;
            if (is_transpose(kernel) != (pass == 1))
                continue;
            while (l < count && strcmp(layers[l].layer, kernel->layer) != 0)
                l++;
            if (l == count)
                layers[count++] = (struct net_layer_time){.layer = kernel->layer};
            layers[l].seconds[phase_of(kernel, forward)] += net_profile_median(profile, k);
        }
    }
    return count;
}
