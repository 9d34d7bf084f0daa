/*
 * ranks_test.c -- ranks/ without MPI: gradients in buckets among threads that pass messages in
 * memory, of which some are late, and a rank that nothing arrives from.
 */

#define _GNU_SOURCE

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "ranks/ranks.h"
#include "support/data_test.h"
#include "support/length.h"

TCase *ranks_test(void); /* for runtime.c */

enum { RANKS = 4, FLOATS = 7 * 256 + 80, MESSAGES = 1000 };

/* ---- A link of threads ----------------------------------------------------------------------- */

struct message {
    int from, to, tag;
    size_t size;
    void *bytes; /* NULL: it was received */
};

struct awaited { /* in a struct net_exchange */
    int from, tag;
    size_t size;
    void *to;
};
_Static_assert(sizeof(struct awaited) <= sizeof(struct net_exchange), "room for it");

static struct message messages[MESSAGES];
static int message_count;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local int this_rank;
static _Thread_local uint64_t draws;

static void start(struct net_exchange *exchange, int with, int tag, const void *send,
                  size_t send_size, void *receive, size_t receive_size)
{
    struct awaited awaited = {with, tag, receive_size, receive};

    pthread_mutex_lock(&lock);
    ck_assert_int_lt(message_count, MESSAGES);
    struct message *m = &messages[message_count++];

    *m = (struct message){this_rank, with, tag, send_size, malloc(send_size + 1)};
    memcpy(m->bytes, send, send_size);
    pthread_mutex_unlock(&lock);
    memcpy(exchange, &awaited, sizeof awaited);
}

/* The first message of that tag; as if it were not there yet every other time, in each rank at
   times of its own. */
static bool done(struct net_exchange *exchange)
{
    struct awaited awaited;
    bool found = false;

    memcpy(&awaited, exchange, sizeof awaited);
    draws = draws * 6364136223846793005U + 1442695040888963407U;
    if (draws >> 63)
        return false;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < message_count && !found; i++) {
        struct message *m = &messages[i];

        found = m->bytes && m->from == awaited.from && m->to == this_rank && m->tag == awaited.tag;
        if (!found)
            continue;
        ck_assert_uint_eq(m->size, awaited.size);
        memcpy(awaited.to, m->bytes, m->size);
        free(m->bytes);
        m->bytes = NULL;
    }
    pthread_mutex_unlock(&lock);
    return found;
}

static const struct net_link threads_link = {.start = start, .done = done};

/* ---- Buckets --------------------------------------------------------------------------------- */

static float gradients[RANKS][FLOATS], sums[FLOATS];

static void *sum_gradients(void *context)
{
    static const long ends[] = {1200, 512, 512, 48, 0}; /* of what is whole, not those of buckets */
    static _Thread_local float room[FLOATS];
    const int rank = *(int *)context;
    struct net_world ranks = {
        .rank = rank, .size = RANKS, .link = &threads_link, .limit = 60, .bucket = 256};
    const struct net_options options = {.ranks = &ranks};
    const struct net_model model = {.params_size = FLOATS * sizeof(float)};
    struct net_session session = {.model = &model, .options = &options, .gathered = room};

    this_rank = rank;
    draws = 1 + (uint64_t)rank;
    session.run.grads = gradients[rank];
    session.run.threads = 1;
    for (size_t i = 0; i < LENGTH(ends); i++)
        net_ranks_send(&session, ends[i]);
    net_ranks_finish(&ranks);
    return NULL;
}

START_TEST(buckets_are_summed)
{
    pthread_t threads[RANKS];
    int numbers[RANKS];
    uint64_t state = 1;

    for (int r = 0; r < RANKS; r++)
        for (int i = 0; i < FLOATS; i++) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            gradients[r][i] = (float)(int32_t)(state >> 32) * 1e-9F;
        }
    for (int i = 0; i < FLOATS; i++)
        sums[i] = (gradients[0][i] + gradients[1][i]) + (gradients[2][i] + gradients[3][i]);
    for (int r = 0; r < RANKS; r++) {
        numbers[r] = r;
        ck_assert_int_eq(pthread_create(&threads[r], NULL, sum_gradients, &numbers[r]), 0);
    }
    for (int r = 0; r < RANKS; r++)
        pthread_join(threads[r], NULL);
    for (int r = 0; r < RANKS; r++)
        ck_assert_mem_eq(gradients[r], sums, sizeof sums);
    ck_assert_int_eq(message_count, RANKS * 8 * 4); /* buckets, and their ways up and down */
    for (int i = 0; i < message_count; i++)
        ck_assert_ptr_null(messages[i].bytes);
}
END_TEST

/* ---- A rank that is lost --------------------------------------------------------------------- */

/* What it is sent does not arrive; its order is that all is done. */
static void start_lost(struct net_exchange *exchange, int with, int tag, const void *send,
                       size_t send_size, void *receive, size_t receive_size)
{
    (void)with, (void)tag, (void)send_size;
    exchange->requests[0] = send || !receive;
    if (receive)
        ((int *)memset(receive, 0, receive_size))[0] = 3; /* END */
}

static bool done_lost(struct net_exchange *exchange)
{
    return !exchange->requests[0];
}

static void serve(const void *context)
{
    static const struct net_link link = {.start = start_lost, .done = done_lost};
    struct net_world ranks = {.rank = 1, .size = 2, .link = &link, .limit = 1};
    const struct net_deal deal = {.signals = net_signals_file()};

    (void)context;
    net_ranks_serve(&ranks, &deal);
}

START_TEST(answers_have_a_limit)
{
    expect_fault(serve, NULL, "rank 1 has waited 1 s for rank 0, which is lost");
}
END_TEST

TCase *ranks_test(void)
{
    TCase *ranks = tcase_create("ranks");

    tcase_add_checked_fixture(ranks, data_test_make_folder, data_test_remove_folder);
    tcase_add_test(ranks, buckets_are_summed);
    tcase_add_test(ranks, answers_have_a_limit);
    return ranks;
}
