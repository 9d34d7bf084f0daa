/*
 * ranks.h -- what the files of several processes share: ranks.c opens them and sums a step,
 * buckets.c its gradient, evaluate.c evaluates, exchange.c is how two of them speak, deal.c gives
 * each tasks of its own.
 */

#ifndef NET_RANKS_H
#define NET_RANKS_H

#include "training/training.h"

/* As many bytes as each of the two has for the other. */
void net_ranks_exchange(const struct net_world *ranks, int with, const void *send, size_t send_size,
                        void *receive, size_t receive_size);

/* buckets.c: gradients of the step, from float `from` on; all of them. */
void net_ranks_send(struct net_session *session, long from);
void net_ranks_finish(const struct net_world *ranks);

/* A wait for others. */
struct net_wait {
    double began, looked; /* of net_now() */
    long looks;
};
void net_ranks_give_way(const struct net_world *ranks, int with, struct net_wait *wait);

/* Seconds for which this one had halted since it last looked, and others could not be heard. */
double net_ranks_halted(double *looked);

/* Before the first step: what evaluations need. */
void net_ranks_open_evaluation(struct net_world *ranks, const struct net_session *session);
void net_ranks_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                        const long *rows, long count, struct net_metrics *metrics);

uint32_t net_ranks_sum_text(uint32_t sum, const char *text); /* a checksum */
int net_ranks_deal(struct net_world *ranks, const struct net_deal *deal);
int net_ranks_serve(struct net_world *ranks, const struct net_deal *deal);
void net_ranks_end_deal(struct net_world *ranks, int code);
char *net_ranks_share(const struct net_options *options, const char *told, const char *data);
void net_ranks_describe(struct net_text *text, const struct net_options *options); /* settings */

#endif
