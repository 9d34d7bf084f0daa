/*
 * buckets.c -- the gradient of a step goes to the other ranks in buckets, from its end on, each as
 * soon as it is whole in this rank, while backward computes those of the layers before.
 *
 * Of a bucket a rank exchanges at level l of the tree with the one whose number differs in bit l:
 * first half of what it still has to sum (recursive halving), and on the way back as much of what
 * is whole (recursive doubling): Thakur, Rabenseifner and Gropp 2005. Which floats go together
 * changes no sum, so the size of a bucket changes no bit. A bucket has a tag of its own, as ranks
 * need not come to the next level of two of them in the same order.
 *
 * No thread is added: the main one looks after the buckets between two segments of the step, and
 * while it waits for others.
 */

#include "ranks/ranks.h"

enum {
    MOST_BUCKETS = 32000, /* MPI has tags up to 32767 at least; 0 is that of all else */
    LEVELS = 8,           /* of the tree of ranks */
    ALIGNED = 16,         /* floats */
    PIECE = 4096          /* floats that a thread adds at a time */
};
_Static_assert(1 << LEVELS == NET_MAX_SHARDS, "a tree of ranks");

struct range {
    size_t begin, end; /* floats */
};

struct bucket {
    struct range at[LEVELS + 1]; /* by level, what this rank sums */
    int level;                   /* of the exchange that is on its way; -1: all are done */
    bool back;
    struct net_exchange exchange;
};

struct net_flow {
    struct net_session *session;
    struct bucket *buckets; /* the first is the end of the gradient */
    int count, levels;
    int begun, done; /* of the first `begun` some are on their way, of the first `done` none */
};

/* ---- Which floats ---------------------------------------------------------------------------- */

static struct net_flow *open_flow(const struct net_session *session)
{
    const size_t floats = session->model->params_size / sizeof(float),
                 least = (floats / MOST_BUCKETS / ALIGNED + 1) * ALIGNED,
                 asked = session->options->ranks->bucket, size = asked < least ? least : asked;
    struct net_flow *flow = net_allocate(1, sizeof *flow);

    flow->count = (int)((floats + size - 1) / size);
    flow->buckets = net_allocate((size_t)flow->count, sizeof *flow->buckets);
    for (size_t b = 0, end = floats; end > 0; b++) {
        const size_t begin = end > size ? end - size : 0;

        flow->buckets[b].at[0] = (struct range){begin, end};
        end = begin;
    }
    while (1 << flow->levels < session->options->ranks->size)
        flow->levels++;
    return flow;
}

/* Of two ranks that differ in a bit the half that this one goes on with. */
static struct range half_of(struct range range, bool upper)
{
    const size_t half = (range.end - range.begin) / 2 / ALIGNED * ALIGNED;

    if (upper)
        range.begin += half;
    else
        range.end = range.begin + half;
    return range;
}

/* ---- Sums ------------------------------------------------------------------------------------ */

struct addition {
    float *to;
    const float *other;
    size_t count;
    int threads;
};

static void add_share(void *context, int thread)
{
    const struct addition *a = context;

    for (size_t at = (size_t)thread * PIECE; at < a->count; at += (size_t)a->threads * PIECE) {
        const size_t end = a->count - at < PIECE ? a->count : at + PIECE;

        for (size_t i = at; i < end; i++)
            a->to[i] = a->to[i] + a->other[i] + 0.0f;
    }
}

static void add(const struct net_session *session, struct range range)
{
    struct addition a = {session->run.grads + range.begin, session->gathered + range.begin,
                         range.end - range.begin, session->run.threads};

    if (a.count > PIECE && a.threads > 1) {
        net_threads_run(session->pool, add_share, &a);
        return;
    }
    a.threads = 1;
    add_share(&a, 0);
}

/* ---- The way of a bucket --------------------------------------------------------------------- */

static int partner(const struct net_world *ranks, const struct bucket *bucket)
{
    return ranks->rank ^ 1 << bucket->level;
}

static void start(const struct net_world *ranks, int number)
{
    const struct net_session *session = ranks->flow->session;
    struct bucket *bucket = &ranks->flow->buckets[number];
    const bool upper = ranks->rank >> bucket->level & 1;
    const struct range own = half_of(bucket->at[bucket->level], upper),
                       other = half_of(bucket->at[bucket->level], !upper),
                       sent = bucket->back ? own : other, received = bucket->back ? other : own;
    float *to = bucket->back ? session->run.grads : session->gathered;

    bucket->at[bucket->level + 1] = own;
    ranks->link->start(&bucket->exchange, partner(ranks, bucket), 1 + number,
                       session->run.grads + sent.begin, (sent.end - sent.begin) * sizeof *to,
                       to + received.begin, (received.end - received.begin) * sizeof *to);
}

/* Its exchange is done. */
static void go_on(const struct net_world *ranks, int number)
{
    const struct net_flow *flow = ranks->flow;
    struct bucket *bucket = &flow->buckets[number];

    if (!bucket->back) {
        add(flow->session, bucket->at[++bucket->level]);
        bucket->back = bucket->level == flow->levels;
    }
    if (bucket->back)
        bucket->level--;
    if (bucket->level >= 0)
        start(ranks, number);
}

static void move(const struct net_world *ranks)
{
    struct net_flow *flow = ranks->flow;

    for (int b = flow->done; b < flow->begun; b++)
        while (flow->buckets[b].level >= 0 && ranks->link->done(&flow->buckets[b].exchange))
            go_on(ranks, b);
    while (flow->done < flow->begun && flow->buckets[flow->done].level < 0)
        flow->done++;
}

void net_ranks_send(struct net_session *session, long from)
{
    struct net_world *ranks = session->options->ranks;

    if (!ranks->flow) {
        ranks->flow = open_flow(session);
        ranks->move = move;
    }
    struct net_flow *flow = ranks->flow;

    flow->session = session;
    for (; flow->begun < flow->count && flow->buckets[flow->begun].at[0].begin >= (size_t)from;
         flow->begun++) {
        flow->buckets[flow->begun].level = 0;
        flow->buckets[flow->begun].back = false;
        start(ranks, flow->begun);
    }
    move(ranks);
}

void net_ranks_finish(const struct net_world *ranks)
{
    struct net_flow *flow = ranks->flow;
    const double now = net_now();
    struct net_wait wait = {now, now, 0};

    while (flow->done < flow->count) {
        const int before = flow->done;

        move(ranks);
        if (flow->done > before)
            wait.began = wait.looked = net_now();
        else
            net_ranks_give_way(ranks, partner(ranks, &flow->buckets[before]), &wait);
    }
    flow->begun = flow->done = 0;
}
