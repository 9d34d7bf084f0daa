/*
 * ranks.h -- what the files of several processes share: ranks.c opens them and sums a step,
 * evaluate.c evaluates, exchange.c is how two of them speak.
 */

#ifndef NET_RANKS_H
#define NET_RANKS_H

#include "training/training.h"

/* As many bytes as each of the two has for the other. */
void net_ranks_exchange(const struct net_world *ranks, int with, const void *send, size_t send_size,
                        void *receive, size_t receive_size);

/* Before the first step: what evaluations need. */
void net_ranks_open_evaluation(struct net_world *ranks, const struct net_session *session);
void net_ranks_evaluate(struct net_session *session, struct net_loader *loader, enum net_part part,
                        const long *rows, long count, struct net_metrics *metrics);

#endif
