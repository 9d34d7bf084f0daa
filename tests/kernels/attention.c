/*
 * attention.c -- attention: whole networks against the reference, and the templates of attention.h
 * called directly.
 */

#include <check.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/attention.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_attention(void);

/* ---- Networks -------------------------------------------------------------------------------- */

static const KernelCase cases[] = {
    {"heads", 7, 1, true, "input x[6, 19] = x", "[9] = t", "x",
     "    a = x -> conv1d(32, 1) -> attention(2)\n"
     "    b = x -> attention(heads=3, causal=true)\n"
     "    c = a + (a -> layernorm -> attention(1, bias=false))\n"
     "    concat(b, c) -> attention(2) -> flatten -> dense(9)\n",
     "mse"},

    {"attention_blocks", 17, 1, false, "input x[3, 37] = x", "[5] = t", "x",
     "    a = x -> conv1d(96, 1) -> attention(2, causal=true)\n"
     "    a -> relu -> attention(6) -> max -> dense(5)\n",
     "mse"},

    {"attention_strips", 4, 1, false, "input x[3, 293] = x", "[5] = t", "x",
     "    x -> conv1d(16, 1) -> attention(1) -> attention(2, causal=true) -> max -> dense(5)\n",
     "mse"},

    {"attention_one", 17, 1, false, "input x[5, 1] = x", "[5] = t", "x",
     "    x -> attention(5) -> flatten -> dense(5)\n", "mse"},

    {"attention_dropout", 21, 1, false,
     "input x[23] = column(1) -> tokens(vocabulary=11, length=23)", "[5] = columns(2..6)", "x",
     "    y = x -> embedding(20) -> attention(2, dropout=0.5) -> relu\n"
     "    y -> attention(2, causal=true, skip_padding=true, dropout=0.1) -> max -> dense(5)\n",
     "mse"},

    {"attention_words", 21, 1, false, "input x[23] = column(1) -> tokens(vocabulary=11, length=23)",
     "[5] = columns(2..6)", "x",
     "    y = x -> embedding(20, padding_row=0) -> positions -> positions(kind=sinusoidal)\n"
     "    y = y + (y -> attention(4, skip_padding=true))\n"
     "    y = y -> attention(2, causal=true, skip_padding=true)\n"
     "    y -> mean(skip_padding=true) -> dense(5)\n",
     "mse"},

    {"attention_beside_words", 19, 1, false,
     "input x[9] = column(1) -> tokens(vocabulary=11, length=9)", "[5] = columns(2..6)", "x",
     "    a = x -> embedding(12) -> pad([2, 1], axis=length) -> positions\n"
     "    a = a + (a -> attention(3, skip_padding=true))\n"
     "    b = concat(a -> slice(0, axis=length), x -> embedding(12), axis=length)\n"
     "    c = b -> attention(a, heads=2, skip_padding=true, dropout=0.1)\n"
     "    d = a -> slice(4..9, axis=length) -> attention(4, causal=true, skip_padding=true)\n"
     "    e = c -> slice(1..9, axis=length) -> lstm(5, keep=last)\n"
     "    concat(b -> attention(1, skip_padding=true) -> max, d -> max, e) -> dense(5)\n",
     "mse"},

    {"attention_memory", 19, 1, false,
     "input x[9] = column(1) -> tokens(vocabulary=11, length=9)\n"
     "    input m[23] = column(1) -> tokens(vocabulary=11, length=23)",
     "[5] = columns(2..6)", "x, m",
     "    a = x -> embedding(20) -> attention(2, causal=true)\n"
     "    b = m -> embedding(20)\n"
     "    c = a -> attention(b, heads=5, skip_padding=true)\n"
     "    d = attention(c -> relu, b -> conv1d(20, 1), heads=4, bias=false, dropout=0.1)\n"
     "    e = attention(concat(c, d) -> conv1d(32, 1), a -> conv1d(32, 1), heads=2, causal=true)\n"
     "    e -> flatten -> dense(5)\n",
     "mse"},

    {"positions", 21, 1, false, "input x[19, 7] = x", "[5] = t", "x",
     "    a = x -> conv1d(5, 1)\n"
     "    b = concat(a, x -> conv1d(19, 3, padding=1)) -> slice(3..21)\n"
     "    c = concat(place(x), place(b)) -> positions -> tanh\n"
     "    concat(c -> positions(l2=0.1) -> flatten, x -> positions -> flatten) -> dense(5)\n",
     "mse"},
};

START_TEST(networks)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- Templates ------------------------------------------------------------------------------- */

enum { IMAGES = 33, BATCH_BLOCKS = 3, QUERIES = 21, KEYS = 150, HEADS = 3 };
enum { MOST = 32 }; /* channels of a head */

/* q, k and v in values of their own, of 3 heads of 5 channels, from channel 2, 0 and 7 on. */
#define APART(is_causal)                                                                           \
    (struct net_attention)                                                                         \
    {                                                                                              \
        .queries = QUERIES, .keys = KEYS, .heads = HEADS, .size = 5, .q = {2, 17}, .k = {0, 15},   \
        .v = {7, 22}, .causal = (is_causal), .scale = 0.5f, .stream = -1, .tokens = KEYS           \
    }

/* The same of whole blocks. */
#define BLOCKS(is_causal)                                                                          \
    (struct net_attention)                                                                         \
    {                                                                                              \
        .queries = QUERIES, .keys = KEYS, .heads = HEADS, .size = MOST, .q = {32, 128},            \
        .k = {0, 96}, .v = {16, 112}, .causal = (is_causal), .scale = 0.5f, .stream = -1,          \
        .tokens = KEYS                                                                             \
    }

typedef struct Values { /* in: q k v dy; out: y lse dq dk dv */
    TestValue q, k, v, dy, y, lse, dq, dk, dv;
} Values;

#define NO_DROPOUT                                                                                 \
    (struct net_attention_dropout)                                                                 \
    {                                                                                              \
        0, 0                                                                                       \
    }
#define ATTENTION(name, rows, shape)                                                               \
    static void name(Values *x, const int32_t *id, NET_RUN)                                        \
    {                                                                                              \
        net_attention(x->y.at, x->lse.at, x->q.at, x->k.at, x->v.at, id, rows, NO_DROPOUT, shape,  \
                      run, thread);                                                                \
    }                                                                                              \
    static void name##_grad(Values *x, const int32_t *id, NET_RUN)                                 \
    {                                                                                              \
        net_attention_grad(x->dq.at, x->dk.at, x->dv.at, x->q.at, x->k.at, x->v.at, id, x->y.at,   \
                           x->lse.at, x->dy.at, rows, NO_DROPOUT, shape, run, thread);             \
    }

ATTENTION(apart, 4, APART(0))
ATTENTION(apart_causal, 8, APART(1))
ATTENTION(blocks, 8, BLOCKS(0))
ATTENTION(blocks_causal, 4, BLOCKS(1))

typedef void Template(Values *x, const int32_t *id, NET_RUN);

static const struct {
    Template *forward, *backward;
    struct net_attention shape;
    bool words;
} templates[] = {
    {apart, apart_grad, APART(0), false},
    {apart, apart_grad, APART(0), true},
    {apart_causal, apart_causal_grad, APART(1), true},
    {blocks, blocks_grad, BLOCKS(0), false},
    {blocks_causal, blocks_causal_grad, BLOCKS(1), false},
    {blocks_causal, blocks_causal_grad, BLOCKS(1), true},
};

/* Of the words of image 1 none is there, of others some are not. */
static const int32_t *random_words(void)
{
    static int32_t id[16 * BATCH_BLOCKS * KEYS];
    uint32_t state = 3;

    for (int i = 0; i < 16 * BATCH_BLOCKS * KEYS; i++) {
        state = state * 1664525u + 1013904223u;
        id[i] = i / KEYS == 1 ? 0 : (int32_t)(state >> 24) % 3;
    }
    return id;
}

static bool sees(const struct net_attention *s, const int32_t *id, int image, int query, int key)
{
    return (!s->causal || key <= query) && (!id || id[(long)image * KEYS + key] != 0);
}

/* Weights of a query; gives the log of their sum, 0 of none. */
static double weigh(double p[KEYS], const Values *x, const struct net_attention *s,
                    const int32_t *id, int image, int head, int query)
{
    double most = -INFINITY, sum = 0;

    for (int j = 0; j < KEYS; j++) {
        p[j] = -INFINITY;
        if (!sees(s, id, image, query, j))
            continue;
        p[j] = 0;
        for (int c = head * s->size; c < (head + 1) * s->size; c++)
            p[j] += s->scale * test_get(&x->q, image, query, s->q.first + c) *
                    test_get(&x->k, image, j, s->k.first + c);
        most = fmax(most, p[j]);
    }
    for (int j = 0; j < KEYS; j++)
        sum += p[j] = p[j] == -INFINITY ? 0 : exp(p[j] - most);
    for (int j = 0; j < KEYS && sum > 0; j++)
        p[j] /= sum;
    return sum > 0 ? most + log(sum) : 0;
}

/* The gradients of an image and head in double: [position][channel]. */
typedef struct Gradients {
    double q[QUERIES][MOST], k[KEYS][MOST], v[KEYS][MOST];
} Gradients;

static void add_query(Gradients *g, const double p[KEYS], const Values *x,
                      const struct net_attention *s, int image, int head, int i)
{
    const int from = head * s->size;
    double dp[KEYS] = {0}, mean = 0;

    for (int j = 0; j < KEYS; j++) {
        for (int c = 0; c < s->size; c++) {
            const double dy = test_get(&x->dy, image, i, from + c);

            dp[j] += dy * test_get(&x->v, image, j, s->v.first + from + c);
            g->v[j][c] += p[j] * dy;
        }
        mean += p[j] * dp[j];
    }
    for (int j = 0; j < KEYS; j++)
        for (int c = 0; c < s->size; c++) {
            const double ds = s->scale * p[j] * (dp[j] - mean);

            g->q[i][c] += ds * test_get(&x->k, image, j, s->k.first + from + c);
            g->k[j][c] += ds * test_get(&x->q, image, i, s->q.first + from + c);
        }
}

static void check_head(const Values *x, const struct net_attention *s, const int32_t *id, int image,
                       int head)
{
    Gradients *g = calloc(1, sizeof *g);
    const int from = head * s->size;

    for (int i = 0; i < QUERIES; i++) {
        double p[KEYS];
        const double lse = weigh(p, x, s, id, image, head, i);

        if (lse != 0)
            check_near(test_get(&x->lse, image, i, head), lse, 1e-5, "lse");
        for (int c = 0; c < s->size; c++) {
            double y = 0;

            for (int j = 0; j < KEYS; j++)
                y += p[j] * test_get(&x->v, image, j, s->v.first + from + c);
            check_near(test_get(&x->y, image, i, from + c), y, 1e-5, "y");
        }
        add_query(g, p, x, s, image, head, i);
    }
    for (int c = 0; c < s->size; c++) {
        for (int i = 0; i < QUERIES; i++)
            check_near(test_get(&x->dq, image, i, s->q.first + from + c), g->q[i][c], 1e-5, "dq");
        for (int j = 0; j < KEYS; j++) {
            check_near(test_get(&x->dk, image, j, s->k.first + from + c), g->k[j][c], 1e-5, "dk");
            check_near(test_get(&x->dv, image, j, s->v.first + from + c), g->v[j][c], 1e-5, "dv");
        }
    }
    free(g);
}

/* On one to three threads, the same bits; nothing is written beyond the batch. Sanitized, the
   batches of 1 and 19 alone, unless LONG is set. */
START_TEST(template)
{
    static const int batches[] = {1, 16, 19, IMAGES};
    const struct net_attention s = templates[_i].shape;
    const int32_t *id = templates[_i].words ? random_words() : NULL;
    const long stride = net_attention_scratch(KEYS, s.size, true);
    float *scratch = nan_floats(3 * stride);
    const int step = is_sanitized() && !getenv("LONG") ? 2 : 1;

    for (int b = 0; b < 4; b += step) {
        TestValue first = {0};

        for (int threads = 1; threads <= 3; threads++) {
            struct net_run run = {.n = batches[b], .scratch = scratch, .scratch_stride = stride};
            Values x = {
                random_value(BATCH_BLOCKS, QUERIES, s.q.channels, 1),
                random_value(BATCH_BLOCKS, KEYS, s.k.channels, 2),
                random_value(BATCH_BLOCKS, KEYS, s.v.channels, 3),
                random_value(BATCH_BLOCKS, QUERIES, HEADS * s.size, 4),
                nan_value(BATCH_BLOCKS, QUERIES, HEADS * s.size),
                nan_value(BATCH_BLOCKS, QUERIES, HEADS),
                nan_value(BATCH_BLOCKS, QUERIES, s.q.channels),
                nan_value(BATCH_BLOCKS, KEYS, s.k.channels),
                nan_value(BATCH_BLOCKS, KEYS, s.v.channels),
            };

            ON_THREADS(&run, threads)
            templates[_i].forward(&x, id, &run, thread);
            ON_THREADS(&run, threads)
            templates[_i].backward(&x, id, &run, thread);
            check_padding(&x.y, batches[b], "y");
            check_padding(&x.lse, batches[b], "lse");
            for (int item = 0; item < batches[b] * HEADS && threads == 1; item++)
                check_head(&x, &s, id, item / HEADS, item % HEADS);
            if (threads == 1)
                first = x.dk;
            else
                ck_assert_mem_eq(first.at, x.dk.at, (size_t)first.count * sizeof(float));
            free_value(&x.q), free_value(&x.k), free_value(&x.v), free_value(&x.dy);
            free_value(&x.y), free_value(&x.lse), free_value(&x.dq), free_value(&x.dv);
            if (threads > 1)
                free_value(&x.dk);
        }
        free_value(&first);
    }
    free(scratch);
}
END_TEST

KernelCases attention_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

Suite *suite_attention(void)
{
    Suite *suite = suite_create("attention");
    TCase *t = tcase_create("template");

    add_cases(suite, networks, cases, COUNT(cases));
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, template, 0, COUNT(templates));
    suite_add_tcase(suite, t);
    return suite;
}
