/*
 * meetings.c -- batchnorm under `shards`: its kernels, and what shards have together, which is that
 * of all rows, whoever has them.
 */

#define _POSIX_C_SOURCE 200809L

#include <check.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "data/data.h"
#include "support/kernel_test.h"
#include "training/world.h"

TCase *meeting_tests(void); /* for kernels.c */

/* ---- A step in segments ---------------------------------------------------------------------- */

static const KernelCase both = {
    "batchnorm under shards",
    50,
    3,
    false,
    "input x[19] = x\n    input y[3, 5, 4] = y",
    "[14] = t",
    "x, y",
    "    a = x -> dense(17) -> batchnorm(momentum=0.3) -> tanh -> dense(3)\n"
    "    b = y -> conv2d(17, 3, padding=1, bias=false) -> batchnorm -> relu\n"
    "          -> conv2d(5, 3) -> batchnorm(eps=1e-3)\n"
    "    c = concat(b -> relu -> flatten -> dense(3), a) -> batchnorm -> dense(4)\n"
    "    concat(a, b -> flatten -> dropout(0.5) -> dense(7), c)\n",
    "mse"};

const char *meeting_text(void)
{
    const char *text = kernel_model(&both), *batch = strstr(text, "    batch = ");

    return format("%.*s    shards = 4\n%s", (int)(batch - text), text, batch);
}

/* Of one shard, which has all rows: the reference's numbers. */
START_TEST(one_shard)
{
    check_kernel_text(&both, meeting_text());
}
END_TEST

/* ---- What shards have together --------------------------------------------------------------- */

enum {
    CHANNELS = 1040, /* more than go together */
    HEIGHT = 3,
    WIDTH = 2,
    PIXELS = HEIGHT * WIDTH,
    SHARDS = 8,
    MOST = 48, /* rows of a shard */
    BLOCKS = MOST / 16
};

static const int row_count[SHARDS] = {0, 48, 0, 17, 1, 0, 16, 0};

/* A shard's arena: partial sums of rows of pixels, or two vectors; and what it gets. */
struct arena {
    float partial[BLOCKS * HEIGHT][3][CHANNELS];
    float sums[2][CHANNELS];
    float all[2][CHANNELS];
};

static const struct net_meeting places[] = {
    {.statistics = true,
     .height = HEIGHT,
     .width = WIDTH,
     .channels = CHANNELS,
     .from = {offsetof(struct arena, partial)},
     .to = {offsetof(struct arena, all), offsetof(struct arena, all[1])},
     .running = {0, CHANNELS * sizeof(float)},
     .eps = 1e-5,
     .momentum = 0.25},
    {.channels = CHANNELS,
     .from = {offsetof(struct arena, sums), offsetof(struct arena, sums[1])},
     .to = {offsetof(struct arena, all), offsetof(struct arena, all[1])}},
};

/* Far from 0, and otherwise in each channel. */
static float number_of(int shard, int row, int pixel, int channel)
{
    const unsigned draw = (unsigned)(((shard * MOST + row) * PIXELS + pixel) * CHANNELS + channel) *
                          2654435761u;

    return 100.0f + (float)(channel % 7) + (float)(draw >> 8) / (float)(1 << 24);
}

/* As kernels/sums.h leaves it, but that a mean is rounded once. */
static void fill_partial(struct arena *arena, int shard, int block, int line)
{
    const int n = row_count[shard] - 16 * block, rows = n < 16 ? n : 16;

    for (int c = 0; c < CHANNELS; c++) {
        float(*to)[CHANNELS] = arena->partial[block * HEIGHT + line];
        const double shift = (double)number_of(shard, 16 * block, line * WIDTH, c);
        double sum = 0, squares = 0;

        for (int i = 0; i < rows * WIDTH; i++)
            sum += (double)number_of(shard, 16 * block + i / WIDTH, line * WIDTH + i % WIDTH, c) -
                   shift;
        const double mean = sum / (rows * WIDTH);

        for (int i = 0; i < rows * WIDTH; i++)
            squares += pow(
                (double)number_of(shard, 16 * block + i / WIDTH, line * WIDTH + i % WIDTH, c) -
                    shift - mean,
                2);
        to[0][c] = (float)shift;
        to[1][c] = (float)mean;
        to[2][c] = (float)squares;
    }
}

static struct arena *new_arenas(void)
{
    struct arena *arenas = calloc(SHARDS, sizeof *arenas);

    for (int s = 0; s < SHARDS; s++) {
        for (int c = 0; c < 2 * CHANNELS && row_count[s]; c++)
            arenas[s].sums[c / CHANNELS][c % CHANNELS] = number_of(s, 0, c / CHANNELS,
                                                                   c % CHANNELS) -
                                                         101.0f;
        for (int block = 0; 16 * block < row_count[s]; block++)
            for (int line = 0; line < HEIGHT; line++)
                fill_partial(&arenas[s], s, block, line);
    }
    return arenas;
}

/* Ranks as threads: a letter lies between two of them. */
struct rank {
    struct net_world world;
    pthread_t thread;
    int place;
    struct arena *arenas;
    float running[2][CHANNELS];
};

static const void *letters[SHARDS][SHARDS];
static pthread_barrier_t meeting;

static void exchange(const struct net_world *ranks, int with, const void *send, size_t send_size,
                     void *receive, size_t receive_size)
{
    ck_assert_uint_eq(send_size, receive_size);
    letters[ranks->rank][with] = send;
    pthread_barrier_wait(&meeting);
    memcpy(receive, letters[with][ranks->rank], receive_size);
    pthread_barrier_wait(&meeting);
}

/* The shards of a rank meet those of the others. */
static void *meet(void *argument)
{
    const struct net_step step = {.meetings = places, .meeting_count = COUNT(places)};
    struct rank *rank = argument;
    const int own = SHARDS / rank->world.size;
    const struct net_cut cut = {
        .shards = SHARDS, .first = rank->world.rank * own, .own = own, .ranks = &rank->world};
    struct net_run runs[SHARDS];
    int count = 0;

    for (int s = 0; s < own; s++)
        if (row_count[cut.first + s])
            runs[count++] = (struct net_run){
                .n = row_count[cut.first + s], .shard = s, .arena = &rank->arenas[cut.first + s]};
    net_meet(&step, rank->place, rank->running, runs, count, &cut);
    return NULL;
}

static struct rank *meet_ranks(int size, int place, struct arena *arenas)
{
    struct rank *ranks = calloc((size_t)size, sizeof *ranks);

    pthread_barrier_init(&meeting, NULL, (unsigned)size);
    for (int i = 0; i < size; i++) {
        ranks[i] = (struct rank){.place = place, .arenas = arenas};
        ranks[i].world = (struct net_world){.rank = i, .size = size, .exchange = exchange};
        pthread_create(&ranks[i].thread, NULL, meet, &ranks[i]);
    }
    for (int i = 0; i < size; i++)
        pthread_join(ranks[i].thread, NULL);
    pthread_barrier_destroy(&meeting);
    return ranks;
}

/* What all rows have, of channel c: mean and variance times their number, or the two sums. */
static double count_all(int c, int place, double all[2])
{
    double count = 0;

    all[0] = all[1] = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int s = 0; s < SHARDS; s++)
            for (int i = 0; i < row_count[s] * PIXELS && !place; i++) {
                const double x = (double)number_of(s, i / PIXELS, i % PIXELS, c);

                count += pass ? 0 : 1;
                all[pass] += pass ? pow(x - all[0] / count, 2) : x;
            }
    for (int s = 0; s < SHARDS && place; s++)
        for (int i = 0; i < 2 && row_count[s]; i++)
            all[i] += (double)(number_of(s, 0, i, c) - 101.0f);
    all[0] /= place ? 1 : count;
    return count;
}

static void check_channel(const struct rank *rank, const struct arena *arena, int c)
{
    double all[2];
    const double count = count_all(c, rank->place, all);

    ck_assert_double_eq_tol((double)arena->all[0][c], all[0], fabs(all[0]) * 1e-6);
    if (rank->place) {
        ck_assert_double_eq_tol((double)arena->all[1][c], all[1], fabs(all[1]) * 1e-6);
        return;
    }
    ck_assert_double_eq_tol((double)arena->all[1][c], 1 / sqrt(all[1] / count + 1e-5), 1e-5);
    ck_assert_double_eq_tol((double)rank->running[0][c], 0.25 * all[0], fabs(all[0]) * 1e-6);
    ck_assert_double_eq_tol((double)rank->running[1][c], 0.25 * all[1] / (count - 1), 1e-6);
}

/* On one to eight ranks, some of which have no rows: the same bits for all. */
START_TEST(shards_of_ranks)
{
    struct arena *arenas = new_arenas(), *first = new_arenas();
    struct rank *one = meet_ranks(1, _i, first);

    for (int s = 0; s < SHARDS; s++)
        for (int c = 0; c < CHANNELS && row_count[s]; c++)
            check_channel(one, &first[s], c);
    for (int size = 2; size <= SHARDS; size *= 2) {
        struct rank *ranks = meet_ranks(size, _i, arenas);

        for (int s = 0; s < SHARDS; s++)
            ck_assert_mem_eq(arenas[s].all, first[s].all, sizeof first[s].all);
        for (int i = 0; i < size; i++)
            ck_assert_mem_eq(ranks[i].running, one->running, sizeof one->running);
        free(ranks);
    }
    free(one);
    free(arenas);
    free(first);
}
END_TEST

TCase *meeting_tests(void)
{
    TCase *tcase = tcase_create("meetings");

    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, one_shard);
    tcase_add_loop_test(tcase, shards_of_ranks, 0, COUNT(places));
    return tcase;
}
