/*
 * sinks.c -- where the events of a training run go. A new kind of output is a file here with its
 * struct net_sink, and a row of NET_EVERY_SINK in report.h.
 */

#include "report/report.h"

#define SINK(name, file) extern const struct net_sink net_sink_##name;
NET_EVERY_SINK
#undef SINK

static const struct net_sink *const table[NET_SINKS] = {
#define SINK(name, file) &net_sink_##name,
    NET_EVERY_SINK
#undef SINK
};

void net_sinks_reserve(struct net_sinks *sinks, const struct net_training *run,
                       struct net_progress *progress)
{
    *sinks = (struct net_sinks){.run = run, .progress = progress};
    for (int s = 0; s < NET_SINKS; s++)
        if (table[s]->reserve)
            sinks->state[s] = table[s]->reserve(run, progress);
}

void net_sinks_open(struct net_sinks *sinks)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (table[s]->open)
            sinks->state[s] = table[s]->open(sinks->run, sinks->progress);
}

void net_sinks_step(const struct net_sinks *sinks, double loss)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->step)
            table[s]->step(sinks->state[s], sinks->run, loss);
}

void net_sinks_epoch(const struct net_sinks *sinks, const struct net_epoch *epoch)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->epoch)
            table[s]->epoch(sinks->state[s], sinks->run, epoch);
}

void net_sinks_save(const struct net_sinks *sinks, struct net_training *run)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->save)
            table[s]->save(sinks->state[s], run);
}

void net_sinks_part(const struct net_sinks *sinks, enum net_part part, double loss,
                    const double *values, const struct net_metrics *metrics)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->part)
            table[s]->part(sinks->state[s], sinks->run, part, loss, values, metrics);
}

void net_sinks_finish(const struct net_sinks *sinks, const char *status)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->finish)
            table[s]->finish(sinks->state[s], sinks->run, status);
}

void net_sinks_close(struct net_sinks *sinks)
{
    for (int s = 0; s < NET_SINKS; s++)
        if (sinks->state[s] && table[s]->close)
            table[s]->close(sinks->state[s], sinks->run);
}
