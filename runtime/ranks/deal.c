/*
 * deal.c -- tasks that are done by one rank each, points of a sweep and folds, given to ranks as
 * these come free.
 *
 * A task is a process of its own, as in a sweep of one process: it knows nothing of other ranks,
 * and one that fails ends alone. Rank 0 hands tasks out, to itself too, and is told how they end;
 * what follows from that is the command's (struct net_deal). Both sides say now and then that they
 * are there: who is silent for too long is lost.
 */

#define _GNU_SOURCE

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ranks/ranks.h"

enum {
    LOOK_EVERY = 20, /* ms */
    SAID = 4000,     /* bytes of what a task says, at most */
    SHARED = 4096,   /* bytes of what all are told */
};

enum kind { ALIVE, RUN, STOP, END };

struct order { /* of rank 0 */
    int kind, task;
    long argument; /* of RUN; of END the exit code */
};

struct answer { /* of another: ALIVE, its task's END, STOP: a signal came */
    int kind, status;
    char said[SAID];
};

struct other { /* as rank 0 sees it */
    int task;  /* -1: none */
    bool stopped;
    double heard, told; /* of net_now() */
    struct order order;
    struct answer answer;
    struct net_exchange ordered, answered; /* in the making */
};

struct net_dealer {
    struct other *others; /* [size]; that of rank 0 itself is not used */
    struct net_job job;
    double asked;  /* when the first signal came */
    double looked; /* at the others */
};

/* ---- A task in a process --------------------------------------------------------------------- */

static void begin_job(struct net_world *ranks, const struct net_deal *deal, int task, long argument)
{
    if (!net_job_begin(&ranks->dealer->job, task))
        return;
    ranks->dealt = true; /* of MPI it knows nothing */
    ranks->rank = 0;
    ranks->size = 1;
    FILE *said = fdopen(STDERR_FILENO, "w"); /* the rank's own may be memory */

    if (!said)
        _exit(NET_FAULT);
    setvbuf(said, NULL, _IOLBF, BUFSIZ); /* what it has said is heard, whatever ends it */
    stderr = said;
    deal->run(deal->context, task, argument);
}

static void stop_job(const struct net_job *job)
{
    if (job->process)
        kill(job->process, SIGTERM);
}

/* Until something happens here, or for a moment; does the task say something? */
static bool wait_here(const struct net_job *job, int signals)
{
    struct pollfd files[2] = {{.fd = job->process ? job->said : -1, .events = POLLIN},
                              {.fd = signals, .events = POLLIN}};

    return poll(files, 2, LOOK_EVERY) > 0 && files[0].revents;
}

static bool is_due(const struct net_world *ranks, double told)
{
    return net_now() - told > ranks->limit / 4;
}

/* Until rank `with` has what it was sent before; it is waited for as long as for any other. */
static void wait_sent(const struct net_world *ranks, struct net_exchange *sent, int with)
{
    const double now = net_now();
    struct net_wait wait = {now, now, 0};

    while (!ranks->link->done(sent))
        net_ranks_give_way(ranks, with, &wait);
}

/* ---- Rank 0 ---------------------------------------------------------------------------------- */

static void send_order(const struct net_world *ranks, int rank, struct order order)
{
    struct other *other = &ranks->dealer->others[rank];

    if (order.kind == ALIVE && !ranks->link->done(&other->ordered))
        return;
    wait_sent(ranks, &other->ordered, rank);
    other->order = order;
    other->told = net_now();
    ranks->link->start(&other->ordered, rank, 0, &other->order, sizeof other->order, NULL, 0);
}

static void expect(const struct net_world *ranks, int rank)
{
    struct other *other = &ranks->dealer->others[rank];

    ranks->link->start(&other->answered, rank, 0, NULL, 0, &other->answer, sizeof other->answer);
}

static void open_dealer(struct net_world *ranks)
{
    struct net_dealer *dealer = net_allocate(1, sizeof *dealer);

    ranks->dealer = dealer;
    dealer->looked = net_now();
    dealer->others = net_allocate((size_t)ranks->size, sizeof *dealer->others);
    for (int r = 1; !ranks->rank && r < ranks->size; r++) {
        dealer->others[r].task = -1;
        dealer->others[r].heard = net_now();
        ranks->link->start(&dealer->others[r].ordered, r, 0, NULL, 0, NULL, 0);
        expect(ranks, r);
    }
}

struct round { /* of one net_ranks_deal */
    const struct net_deal *deal;
    int next, running, signal;
    bool stopping;
};

static void ended(struct round *round, int task, int status, const char *said)
{
    round->running--;
    round->deal->ended(round->deal->context, task, status, said ? said : "",
                       round->stopping || round->signal);
}

static void hear_other(struct net_world *ranks, struct round *round, int rank)
{
    struct other *other = &ranks->dealer->others[rank];

    if (!ranks->link->done(&other->answered)) {
        if (net_now() - other->heard > ranks->limit)
            net_fail(NET_FAULT,
                     "rank %d has said nothing for %.0f s (NETC_RANK_LIMIT sets how many are "
                     "waited), and is lost; --resume goes on",
                     rank, ranks->limit);
        return;
    }
    const struct answer answer = other->answer;
    const int task = other->task;

    other->heard = net_now();
    expect(ranks, rank);
    if (answer.kind == STOP && !round->signal)
        round->signal = answer.status;
    if (answer.kind != END)
        return;
    other->task = -1;
    ended(round, task, answer.status, answer.said);
}

/* To rank 0 itself first, then to the others. */
static void hand_out(struct net_world *ranks, struct round *round)
{
    const struct net_deal *deal = round->deal;
    struct net_dealer *dealer = ranks->dealer;

    for (int r = 0; r < ranks->size; r++) {
        if (r ? dealer->others[r].task >= 0 : dealer->job.process != 0)
            continue;
        enum net_dealt state = NET_DEAL_DONE;

        while (round->next < deal->count &&
               (state = deal->look(deal->context, deal->tasks[round->next])) == NET_DEAL_DONE)
            round->next++;
        if (round->next == deal->count || (state == NET_DEAL_LATER && round->running))
            return; /* where none runs there is nothing to wait for */
        const int task = deal->tasks[round->next++];

        round->running++;
        if (r) {
            dealer->others[r].task = task;
            send_order(ranks, r, (struct order){RUN, task, deal->argument});
        } else {
            begin_job(ranks, deal, task, deal->argument);
        }
    }
}

static void stop_all(struct net_world *ranks, struct round *round)
{
    round->stopping = true;
    stop_job(&ranks->dealer->job);
    for (int r = 1; r < ranks->size; r++)
        if (ranks->dealer->others[r].task >= 0)
            send_order(ranks, r, (struct order){STOP, 0, 0});
}

static void look_around(struct net_world *ranks, struct round *round)
{
    struct net_job *job = &ranks->dealer->job;
    int status;

    if (wait_here(job, round->deal->signals) && net_job_hear(job, &status)) {
        ended(round, job->task, status, job->text.at);
        free(job->text.at);
    }
    const int signal = net_signals_take(round->deal->signals, &ranks->dealer->asked);

    const double halted = net_ranks_halted(&ranks->dealer->looked);

    round->signal = round->signal ? round->signal : signal;
    for (int r = 1; r < ranks->size; r++) {
        ranks->dealer->others[r].heard += halted;
        hear_other(ranks, round, r);
        if (is_due(ranks, ranks->dealer->others[r].told))
            send_order(ranks, r, (struct order){ALIVE, 0, 0});
    }
}

int net_ranks_deal(struct net_world *ranks, const struct net_deal *deal)
{
    struct round round = {.deal = deal};

    if (!ranks->dealer)
        open_dealer(ranks);
    for (;;) {
        const bool stop = round.signal || deal->stops(deal->context);

        if (!stop)
            hand_out(ranks, &round);
        else if (!round.stopping)
            stop_all(ranks, &round);
        if (!round.running && (stop || round.next == deal->count))
            return round.signal;
        look_around(ranks, &round);
    }
}

void net_ranks_end_deal(struct net_world *ranks, int code)
{
    if (!ranks->dealer)
        open_dealer(ranks);
    double *looked = &ranks->dealer->looked;

    for (int r = 1; r < ranks->size; r++) {
        struct other *other = &ranks->dealer->others[r];

        send_order(ranks, r, (struct order){END, 0, code});
        *looked = other->told;
        for (bool last = false; !last;) { /* what it said before comes first */
            if (!ranks->link->done(&other->answered)) {
                usleep(1000);
                other->told += net_ranks_halted(looked);
                if (net_now() - other->told > ranks->limit)
                    net_fail(NET_FAULT, "rank %d does not end", r);
                continue;
            }
            last = other->answer.kind == END;
            if (!last)
                expect(ranks, r);
        }
    }
}

/* ---- Another rank ---------------------------------------------------------------------------- */

struct server {
    struct net_exchange ordered, answered;
    struct order order;
    struct answer answer;
    double heard, told;
};

static void answer(const struct net_world *ranks, struct server *server, int kind, int status,
                   const char *said)
{
    if (kind == ALIVE && !ranks->link->done(&server->answered))
        return;
    wait_sent(ranks, &server->answered, 0);
    memset(&server->answer, 0, sizeof server->answer);
    server->answer.kind = kind;
    server->answer.status = status;
    snprintf(server->answer.said, SAID, "%s", said ? said : "");
    server->told = net_now();
    ranks->link->start(&server->answered, 0, 0, &server->answer, sizeof server->answer, NULL, 0);
}

/* False: it was the last one. */
static bool obey(struct net_world *ranks, const struct net_deal *deal, struct server *server)
{
    const struct order order = server->order;

    server->heard = net_now();
    if (order.kind == STOP)
        stop_job(&ranks->dealer->job);
    if (order.kind == RUN)
        begin_job(ranks, deal, order.task, order.argument);
    if (order.kind == END)
        return false;
    ranks->link->start(&server->ordered, 0, 0, NULL, 0, &server->order, sizeof server->order);
    return true;
}

int net_ranks_serve(struct net_world *ranks, const struct net_deal *deal)
{
    struct server server = {.heard = net_now(), .told = net_now()};
    int status, signal;

    open_dealer(ranks);
    struct net_job *job = &ranks->dealer->job;

    ranks->link->start(&server.answered, 0, 0, NULL, 0, NULL, 0);
    ranks->link->start(&server.ordered, 0, 0, NULL, 0, &server.order, sizeof server.order);
    for (;;) {
        if (wait_here(job, deal->signals) && net_job_hear(job, &status)) {
            answer(ranks, &server, END, status, job->text.at);
            free(job->text.at);
        }
        if ((signal = net_signals_take(deal->signals, &ranks->dealer->asked)) != 0)
            answer(ranks, &server, STOP, signal, NULL);
        if (is_due(ranks, server.told))
            answer(ranks, &server, ALIVE, 0, NULL);
        if (ranks->link->done(&server.ordered) && !obey(ranks, deal, &server))
            break;
        server.heard += net_ranks_halted(&ranks->dealer->looked);
        if (net_now() - server.heard > ranks->limit)
            net_fail(NET_FAULT, "rank 0 has said nothing for %.0f s, and is lost", ranks->limit);
    }
    answer(ranks, &server, END, 0, NULL);
    wait_sent(ranks, &server.answered, 0);
    return (int)server.order.argument;
}

/* ---- Before the first task ------------------------------------------------------------------- */

void net_ranks_describe(struct net_text *text, const struct net_options *options)
{
    const size_t before = text->length;

    net_settings_keep(text, options); /* the path of --data too, which may differ: */
    char *data = strstr(text->at + before, "\"data\": ");

    if (data) {
        *data = '\0';
        text->length = (size_t)(data - text->at);
    }
}

char *net_ranks_share(const struct net_options *options, const char *told, const char *data)
{
    struct net_world *ranks = options->ranks;
    struct net_text alike = {0};

    net_text_add(&alike, "%s %s ", options->model->hash, data ? data : "");
    net_ranks_describe(&alike, options);
    const uint32_t own = net_ranks_sum_text(0, alike.at);
    char text[SHARED] = "";
    uint32_t other;

    snprintf(text, sizeof text, "%s", told ? told : "");
    for (int r = 1; !ranks->rank && r < ranks->size; r++) {
        net_ranks_exchange(ranks, r, text, sizeof text, &other, sizeof other);
        if (other != own)
            net_fail(NET_FAULT, "ranks 0 and %d have other trainers, other data or other flags", r);
    }
    if (ranks->rank)
        net_ranks_exchange(ranks, 0, &own, sizeof own, text, sizeof text);
    free(alike.at);
    return net_format("%s", text);
}
