/*
 * recurrent.c -- rnn, lstm and gru: whole networks against the reference, and the templates of
 * recurrent.h called directly.
 */

#include <check.h>
#include <stdlib.h>

#include "kernels/recurrent.h"
#include "support/kernel_test.h"
#include "support/template_test.h"

Suite *suite_recurrent(void);

/* ---- Networks -------------------------------------------------------------------------------- */

static const KernelCase cases[] = {
    {"lstm", 33, 1, true, "input x[3, 7] = x", "[40] = t", "x",
     "    a = x -> lstm(16) -> lstm(5, reverse=true) -> flatten -> dense(13)\n"
     "    b = x -> lstm(19, keep=last, layers=2) -> dense(8)\n"
     "    c = x -> lstm(1, keep=last, reverse=true)\n"
     "    d = x -> lstm(50, reverse=true) -> relu -> global_maxpool1d -> dense(18)\n"
     "    concat(a, b, c, d)\n",
     "mse"},

    {"gru", 17, 1, true, "input x[20, 6] = x", "[24] = t", "x",
     "    a = x -> gru(16) -> flatten -> dense(9)\n"
     "    b = x -> gru(7, keep=last, layers=2, reverse=true)\n"
     "    c = concat(x, x -> gru(20)) -> gru(33, keep=last) -> dense(8)\n"
     "    concat(a, b, c)\n",
     "mse"},

    {"rnn", 16, 1, true, "input x[5, 9] = x", "[21] = t", "x",
     "    a = x -> rnn(16) -> flatten -> dense(9)\n"
     "    b = x -> rnn(5, keep=last, layers=2, reverse=true)\n"
     "    c = x -> rnn(18, keep=last) -> dense(7)\n"
     "    concat(a, b, c)\n",
     "mse"},

    {"one step", 19, 1, false, "input x[5, 1] = x", "[9] = t", "x",
     "    concat(x -> lstm(3, keep=last), x -> gru(3, keep=last), x -> rnn(3) -> flatten)\n",
     "mse"},

    {"words", 33, 1, false, "input x = column(1) -> tokens(vocabulary=5, length=6)",
     "[31] = columns(1..31)", "x",
     "    e = x -> embedding(9)\n"
     "    a = e -> lstm(16, keep=last) -> dense(5)\n"
     "    b = e -> lstm(6, keep=last, reverse=true)\n"
     "    c = e -> gru(5, reverse=true) -> mean(skip_padding=true)\n"
     "    d = e -> rnn(5) -> rnn(5, keep=last)\n"
     "    f = e -> gru(5, skip_padding=false, keep=last)\n"
     "    g = e -> gru(17) -> flatten -> dense(5)\n"
     "    concat(a, b, c, d, f, g)\n",
     "mse"},
};

START_TEST(networks)
{
    check_kernel_case(&cases[_i]);
}
END_TEST

/* ---- The templates --------------------------------------------------------------------------- */

enum { LENGTH = 4, BATCH_BLOCKS = 3, IMAGES = 33, SCRATCH = 4096 };

/* Units that fill blocks, with panels of two widths, and some that begin inside them. */
#define SHAPE(size, count, back)                                                                   \
    (struct net_recurrent)                                                                         \
    {                                                                                              \
        .length = LENGTH, .units = (size), .gates = (count), .reverse = (back)                     \
    }

typedef void Forward(float *h, float *gates, float *s, const float *p, const float *w,
                     const float *b, const int32_t *id, NET_RUN);
typedef void Backward(float *dp, float *dq, const float *dh, const float *h, const float *gates,
                      const float *s, const int32_t *id, const float *wt, NET_RUN);

#define INSTANCE(name, cell, rows, units, count, back, threes, twos, threes_back, twos_back)       \
    static void name(float *h, float *gates, float *s, const float *p, const float *w,             \
                     const float *b, const int32_t *id, NET_RUN)                                   \
    {                                                                                              \
        net_recurrent(cell, rows, threes, twos, h, gates, s, p, w, b, id,                          \
                      SHAPE(units, count, back), run, thread);                                     \
    }                                                                                              \
    static void name##_back(float *dp, float *dq, const float *dh, const float *h,                 \
                            const float *gates, const float *s, const int32_t *id,                 \
                            const float *wt, NET_RUN)                                              \
    {                                                                                              \
        net_recurrent_grad(cell, rows, threes_back, twos_back, dp, dq, dh, h, gates, s, id, wt,    \
                           SHAPE(units, count, back), run, thread);                                \
    }

INSTANCE(lstm_32, NET_LSTM, 8, 32, 4, 0, 2, 1, 0, 1)
INSTANCE(lstm_5, NET_LSTM, 4, 5, 4, 1, 0, 1, 0, 0)
INSTANCE(gru_16, NET_GRU, 4, 16, 3, 1, 1, 0, 0, 0)
INSTANCE(gru_21, NET_GRU, 8, 21, 3, 0, 1, 0, 0, 1)
INSTANCE(rnn_48, NET_RNN, 8, 48, 1, 0, 1, 0, 1, 0)
INSTANCE(rnn_3, NET_RNN, 4, 3, 1, 1, 0, 0, 0, 0)

static const struct {
    Forward *forward;
    Backward *backward;
    enum net_cell cell;
    int units, gates, reverse;
    int threes, twos, threes_back, twos_back; /* panels */
} instances[] = {
    {lstm_32, lstm_32_back, NET_LSTM, 32, 4, 0, 2, 1, 0, 1},
    {lstm_5, lstm_5_back, NET_LSTM, 5, 4, 1, 0, 1, 0, 0},
    {gru_16, gru_16_back, NET_GRU, 16, 3, 1, 1, 0, 0, 0},
    {gru_21, gru_21_back, NET_GRU, 21, 3, 0, 1, 0, 0, 1},
    {rnn_48, rnn_48_back, NET_RNN, 48, 1, 0, 1, 0, 1, 0},
    {rnn_3, rnn_3_back, NET_RNN, 3, 1, 1, 0, 0, 0, 0},
};

/* A matrix of random numbers in panels: [panel][input][block][16]. */
typedef struct Weights {
    float *at, *transposed, *b;
    double *logical; /* [output][input] */
} Weights;

static void put(float *w, int threes, int twos, int inputs, int input, int output, float x)
{
    const struct net_panel p = net_panel_of(output / 16, threes, twos);

    w[16L * p.first * inputs + (input * p.width + output / 16 - p.first) * 16 + output % 16] = x;
}

static Weights random_weights(int instance)
{
    const int units = instances[instance].units, outputs = instances[instance].gates * units;
    const int blocks = (outputs + 15) / 16, back = (units + 15) / 16;
    TestValue x = random_value(1, outputs, units, 5), b = random_value(1, 1, outputs, 6);
    Weights w = {.at = nan_floats(16L * blocks * units),
                 .transposed = nan_floats(16L * back * outputs),
                 .b = nan_floats(16L * blocks),
                 .logical = allocate((size_t)outputs * (size_t)units * sizeof(double))};

    memset(w.at, 0, (size_t)(16 * blocks * units) * sizeof(float));
    memset(w.transposed, 0, (size_t)(16 * back * outputs) * sizeof(float));
    for (int o = 0; o < outputs; o++)
        for (int i = 0; i < units; i++) {
            const float value = 0.3f * x.at[test_at(&x, 0, o, i)];

            w.logical[(long)o * units + i] = value;
            put(w.at, instances[instance].threes, instances[instance].twos, units, i, o, value);
            put(w.transposed, instances[instance].threes_back, instances[instance].twos_back,
                outputs, o, i, value);
        }
    for (int o = 0; o < 16 * blocks; o++)
        w.b[o] = o < outputs ? b.at[test_at(&b, 0, 0, o)] : 0;
    free_value(&x);
    free_value(&b);
    return w;
}

static void free_weights(Weights *w)
{
    free(w->at);
    free(w->transposed);
    free(w->b);
}

/* The graph of one operation, evaluated in double: what both templates are compared with. */
static double *logical(const TestValue *v)
{
    double *x = allocate((size_t)(IMAGES * v->channels * v->pixels) * sizeof *x);

    for (int at = 0; at < IMAGES * v->channels * v->pixels; at++)
        x[at] = test_get(v, at / v->pixels / v->channels, at % v->pixels,
                         at / v->pixels % v->channels);
    return x;
}

static void check_value(const TestValue *v, const double *want, int n, const char *what)
{
    for (int at = 0; at < n * v->channels * v->pixels; at++)
        check_near(
            test_get(v, at / v->pixels / v->channels, at % v->pixels, at / v->pixels % v->channels),
            want[at], 1e-5, what);
    check_padding(v, n, what);
}

static Value *value_of(Graph *g, int channels, bool batched)
{
    const Shape shape = {.rank = 3, .size = {channels, 1, LENGTH}};

    return add_value(g, shape, batched, TYPE_F32, ROLE_INPUT);
}

/* Its forward node, and its gradient behind it. */
static Graph *graph_of(int instance, bool words)
{
    static const Op ops[] = {[NET_RNN] = OP_RNN, [NET_LSTM] = OP_LSTM, [NET_GRU] = OP_GRU};
    static const Op grads[] = {
        [NET_RNN] = OP_RNN_GRAD, [NET_LSTM] = OP_LSTM_GRAD, [NET_GRU] = OP_GRU_GRAD};
    const int units = instances[instance].units, outputs = instances[instance].gates * units;
    const Attributes at = {.reverse = instances[instance].reverse != 0};
    const enum net_cell cell = instances[instance].cell;
    Graph *g = new_graph("test");
    const Shape weights = {.rank = 4, .size = {outputs, units, 1, 1}};
    const Shape vector = {.rank = 1, .size = {outputs}}, length = {.rank = 1, .size = {LENGTH}};
    Value *p = value_of(g, outputs, true);
    Value *w = add_value(g, weights, false, TYPE_F32, ROLE_INPUT);
    Value *b = add_value(g, vector, false, TYPE_F32, ROLE_INPUT);
    Value *dh = value_of(g, units, true);
    Value *id = words ? add_value(g, length, true, TYPE_TOKENS, ROLE_INPUT) : NULL;
    const Node *node = add_node(g, ops[cell], (Value *[]){p, w, b, id}, 4, at, (Span){0}, "test");
    Value *h = node->outputs[0], *gates = node->outputs[1], *s = node->outputs[2];

    if (cell == NET_RNN)
        add_node(g, grads[cell], (Value *[]){dh, w, h, id}, 4, at, (Span){0}, "test");
    else if (cell == NET_LSTM)
        add_node(g, grads[cell], (Value *[]){dh, w, gates, s, id}, 5, at, (Span){0}, "test");
    else
        add_node(g, grads[cell], (Value *[]){dh, w, gates, s, h, id}, 6, at, (Span){0}, "test");
    return g;
}

/* Every third position is padding, and all of image 1. */
static void fill_words(int32_t *id, double *tokens)
{
    for (int i = 0; i < IMAGES * LENGTH; i++) {
        id[i] = i % 3 == 1 || i / LENGTH == 1 ? 0 : 1 + i;
        if (tokens)
            tokens[i] = id[i];
    }
}

static Reference *evaluate(const Graph *g, const TestValue *p, const TestValue *dh,
                           const Weights *w)
{
    Reference *r = new_reference(g, IMAGES);
    const Value *b = g->values[2];

    r->at[0] = logical(p);
    r->at[1] = w->logical;
    for (int i = 0; i < b->shape.size[0]; i++)
        r->at[b->id][i] = w->b[i];
    r->at[3] = logical(dh);
    if (g->values[4]->type == TYPE_TOKENS)
        fill_words((int32_t[IMAGES *LENGTH]){0}, r->at[4]);
    evaluate_reference(r);
    return r;
}

/* What a training step makes, back again, and h alone as evaluation does. */
static void check_instance(int instance, const Reference *r, const TestValue *p,
                           const TestValue *dh, const Weights *w, const int32_t *id, int n,
                           int threads)
{
    const enum net_cell cell = instances[instance].cell;
    const int units = instances[instance].units, outputs = instances[instance].gates * units;
    const Node *forward = r->graph->nodes[0], *backward = r->graph->nodes[1];
    TestValue h = nan_value(BATCH_BLOCKS, LENGTH, units), again = h;
    TestValue gates = nan_value(BATCH_BLOCKS, LENGTH, outputs);
    TestValue s = nan_value(BATCH_BLOCKS, LENGTH, units);
    TestValue dp = nan_value(BATCH_BLOCKS, LENGTH, outputs);
    TestValue dq = nan_value(BATCH_BLOCKS, LENGTH, outputs);
    float *scratch = nan_floats(3 * SCRATCH);
    struct net_run run = {.n = n, .scratch = scratch, .scratch_stride = SCRATCH};
    const bool rnn = cell == NET_RNN, gru = cell == NET_GRU;

    again = nan_value(BATCH_BLOCKS, LENGTH, units);
    ON_THREADS(&run, threads)
    {
        instances[instance].forward(h.at, rnn ? NULL : gates.at, rnn ? NULL : s.at, p->at, w->at,
                                    w->b, id, &run, thread);
        instances[instance].forward(again.at, NULL, NULL, p->at, w->at, w->b, id, &run, thread);
        instances[instance].backward(dp.at, gru ? dq.at : NULL, dh->at, h.at, gates.at, s.at, id,
                                     w->transposed, &run, thread);
    }
    check_value(&h, r->at[forward->outputs[0]->id], n, "h");
    check_value(&again, r->at[forward->outputs[0]->id], n, "h of evaluation");
    if (!rnn) {
        check_value(&gates, r->at[forward->outputs[1]->id], n, "gates");
        check_value(&s, r->at[forward->outputs[2]->id], n, "s");
    }
    check_value(&dp, r->at[backward->outputs[0]->id], n, "dp");
    if (gru)
        check_value(&dq, r->at[backward->outputs[1]->id], n, "dq");
    free_value(&h);
    free_value(&again);
    free_value(&gates);
    free_value(&s);
    free_value(&dp);
    free_value(&dq);
    free(scratch);
}

START_TEST(templates)
{
    static const int batches[] = {1, 16, 19, 33};
    const int units = instances[_i].units, outputs = instances[_i].gates * units;
    TestValue p = random_value(BATCH_BLOCKS, LENGTH, outputs, 1);
    TestValue dh = random_value(BATCH_BLOCKS, LENGTH, units, 2);
    Weights w = random_weights(_i);
    int32_t id[16 * BATCH_BLOCKS * LENGTH] = {0};

    fill_words(id, NULL);
    for (int words = 0; words < 2; words++) {
        const Reference *r = evaluate(graph_of(_i, words), &p, &dh, &w);

        for (int i = 0; i < COUNT(batches); i++)
            for (int threads = 1; threads <= 3; threads++)
                check_instance(_i, r, &p, &dh, &w, words ? id : NULL, batches[i], threads);
    }
    free_value(&p);
    free_value(&dh);
    free_weights(&w);
}
END_TEST

KernelCases recurrent_cases(void)
{
    return (KernelCases){cases, COUNT(cases)};
}

Suite *suite_recurrent(void)
{
    Suite *suite = suite_create("recurrent");
    TCase *t = tcase_create("templates");

    add_cases(suite, networks, cases, COUNT(cases));
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, templates, 0, COUNT(instances));
    suite_add_tcase(suite, t);
    return suite;
}
