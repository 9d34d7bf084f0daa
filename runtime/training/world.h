/*
 * world.h -- the processes of one run, its ranks, as training sees them; ranks/ranks.c opens them,
 * in trainers of `netc --mpi` alone.
 */

#ifndef NET_WORLD_H
#define NET_WORLD_H

#include "core/core.h"
#include "netrt.h"

struct net_training;
struct net_gather;
struct net_metrics;

/* Tasks that one rank does each: what its command says of them, in rank 0 but for `run`. */
enum net_dealt { NET_DEAL_DONE, NET_DEAL_LATER, NET_DEAL_DUE };
struct net_deal {
    void *context;
    int signals;      /* of net_signals_file */
    const int *tasks; /* numbers */
    int count;
    long argument; /* of all */
    enum net_dealt (*look)(void *context, int task);
    /* In a process of its own, which it ends; what that says on stderr is heard at its end. */
    void (*run)(void *context, int task, long argument);
    /* The status is waitpid's; `stopping`: all are being stopped. */
    void (*ended)(void *context, int task, int status, const char *said, bool stopping);
    bool (*stops)(void *context); /* none is begun any more, and those that run are stopped */
};

struct net_world {
    int rank, size; /* of this process, from 0; of all */
    int beside;     /* on this machine */
    const struct net_link *link;
    double limit;  /* seconds that another one is waited for */
    size_t bucket; /* floats of a gradient that leave together */
    bool open;     /* its end ends the others */
    char *said;    /* by one that is silent */
    size_t said_size;
    struct net_signals *own;   /* that came to this process; and */
    struct net_signals agreed; /* to any, as of the same step in all */
    /* What follows from them for the options, which may not be for several. */
    void (*join)(struct net_world *ranks, struct net_options *options);
    void (*agree)(const struct net_training *run); /* that all begin alike, or the end */
    /* run.grads from that float on is whole, up to where it was before: it leaves, and others do
       meanwhile what they do */
    void (*send)(struct net_session *session, long from);
    /* All of it, weight and loss = the sums of those of all ranks, in the same step */
    void (*sum)(struct net_session *session, double *weight, double *loss);
    /* Adds all rows of a part to the metrics, of which each rank computes some. */
    void (*evaluate)(struct net_session *session, struct net_loader *loader, enum net_part part,
                     const long *rows, long count, struct net_metrics *metrics);
    struct net_gather *gather;                   /* for it */
    struct net_flow *flow;                       /* of gradients; NULL: none has left yet; and */
    void (*move)(const struct net_world *ranks); /* what can go on now of it goes on */
    /* With rank `with`, which calls it too: as many bytes as each has for the other. */
    void (*exchange)(const struct net_world *ranks, int with, const void *send, size_t send_size,
                     void *receive, size_t receive_size);
    /* All have the trainer, the settings and `data` alike; gives what rank 0 tells, malloc'd. */
    char *(*share)(const struct net_options *options, const char *told, const char *data);
    /* Rank 0: does the tasks, with the others; a signal that ended it, or 0. */
    int (*deal)(struct net_world *ranks, const struct net_deal *deal);
    void (*end_deal)(struct net_world *ranks, int code); /* and the others are let go */
    /* Another: does what it is given until then; gives that code. */
    int (*serve)(struct net_world *ranks, const struct net_deal *deal);
    struct net_dealer *dealer;
    bool dealt;                             /* this is a task's process */
    void (*leave)(struct net_world *ranks); /* the end of all */
};

static inline bool net_are_several(const struct net_world *ranks)
{
    return ranks && ranks->size > 1;
}

/* Does another process tell of the run, and write it? */
static inline bool net_is_led(const struct net_world *ranks)
{
    return ranks && ranks->rank > 0;
}

#endif
