/*
 * exchange.c -- two ranks send each other what the other one waits for, for a limited time.
 */

#define _GNU_SOURCE

#include <sched.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "ranks/ranks.h"

enum {
    SPINS = 2000,     /* looks before it gives way */
    HALT = 1,         /* second between two looks: this one had halted, and others did not wait */
    MESSAGE = 1 << 30 /* bytes of one message */
};

double net_ranks_halted(double *looked)
{
    const double now = net_now(), passed = now - *looked;

    *looked = now;
    return passed > HALT ? passed : 0.0;
}

static _Noreturn void fail_waiting(const struct net_world *ranks, int with)
{
    net_fail(NET_FAULT,
             "rank %d has waited %.0f s for rank %d, which is lost, or waits for one that is "
             "(NETC_RANK_LIMIT sets how many seconds are waited); --resume goes on from the last "
             "checkpoint",
             ranks->rank, ranks->limit, with);
}

/* Another process may have this core, at last for longer. */
void net_ranks_give_way(const struct net_world *ranks, int with, struct net_wait *wait)
{
    if (wait->looks++ < SPINS)
        return;
    wait->began += net_ranks_halted(&wait->looked);
    const double waited = wait->looked - wait->began;

    if (waited > ranks->limit)
        fail_waiting(ranks, with);
    if (waited < 0.02)
        sched_yield();
    else
        usleep(100);
}

void net_ranks_exchange(const struct net_world *ranks, int with, const void *send, size_t send_size,
                        void *receive, size_t receive_size)
{
    const size_t most = send_size > receive_size ? send_size : receive_size;
    const double now = net_now();
    struct net_wait wait = {now, now, 0};

    for (size_t at = 0; at < most; at += MESSAGE) {
        const size_t sent = at < send_size ? send_size - at : 0,
                     received = at < receive_size ? receive_size - at : 0;
        struct net_exchange exchange;

        ranks->link->start(&exchange, with, 0, (const char *)send + at,
                           sent < MESSAGE ? sent : MESSAGE, (char *)receive + at,
                           received < MESSAGE ? received : MESSAGE);
        for (wait.looks = 0; !ranks->link->done(&exchange);) {
            if (ranks->flow)
                ranks->move(ranks);
            net_ranks_give_way(ranks, with, &wait);
        }
    }
}

uint32_t net_ranks_sum_text(uint32_t sum, const char *text)
{
    return (uint32_t)crc32_z(sum, (const Bytef *)text, strlen(text));
}
