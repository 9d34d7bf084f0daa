/*
 * attention.c -- attention in double: all weights of a head, from their definition.
 */

#include <math.h>
#include <stdlib.h>

#include "core/random.h"
#include "reference/reference.h"

/* A head of an image: q, k and v are [channel][position], weights [query][key]. */
typedef struct Head {
    const double *q, *k, *v, *tokens; /* tokens: or NULL */
    int queries, keys, size, token_count;
    bool causal;
    double *weights, *lse; /* lse: of each query */
    const Reference *r;
    const Attributes *at;
    int row, head;
} Head;

/* What dropout makes of a weight: times 1 / (1 - p), or 0. */
static double kept(const Head *h, int query, int key)
{
    const uint32_t seed[2] = {(uint32_t)h->r->seed, (uint32_t)(h->r->seed >> 32)};
    const uint32_t element = (uint32_t)(h->head * h->queries + query);
    const uint32_t row = (uint32_t)(h->row * ((h->keys + 7) / 8 * 8) + key);

    if (h->at->p == 0)
        return 1;
    return net_dropout_draw(seed, element, row, h->r->step, (uint32_t)h->at->stream) >=
                   net_dropout_threshold(h->at->p)
               ? 1 / (1 - h->at->p)
               : 0;
}

static bool sees(const Head *h, int query, int key)
{
    const int token = key - h->at->begin;

    return (!h->causal || key <= query) &&
           (!h->tokens || token < 0 || token >= h->token_count || h->tokens[token] != 0);
}

static double score_of(const Head *h, int query, int key)
{
    double sum = 0;

    for (int c = 0; c < h->size; c++)
        sum += h->q[c * h->queries + query] * h->k[c * h->keys + key];
    return sum / sqrt(h->size);
}

/* Softmax of the scores over the keys that a query sees; 0 where it sees none. */
static void find_weights(Head *h)
{
    for (int i = 0; i < h->queries; i++) {
        double *row = h->weights + (long)i * h->keys, most = -INFINITY, sum = 0;

        for (int j = 0; j < h->keys; j++)
            if (sees(h, i, j))
                most = fmax(most, row[j] = score_of(h, i, j));
        for (int j = 0; j < h->keys; j++)
            sum += row[j] = sees(h, i, j) ? exp(row[j] - most) : 0;
        for (int j = 0; j < h->keys && sum > 0; j++)
            row[j] /= sum;
        h->lse[i] = sum > 0 ? most + log(sum) : 0;
    }
}

static Head head_of(const Reference *r, const Node *node, double *const *in, int row, int head)
{
    const Heads of = heads_of(node);
    const int size = of.channels / node->at.heads;
    const long keys = (long)of.channels * of.keys, queries = (long)of.channels * of.queries;
    const double *q = in[0] + (of.apart ? 1 : 3) * row * queries + (long)head * size * of.queries;
    const Value *tokens = node->inputs[1 + of.apart];
    const int token_count = tokens ? tokens->shape.size[0] : 0;
    const double *k = of.apart ? in[1] + 2 * row * keys + (long)head * size * of.keys : q + keys;

    return (Head){.r = r,
                  .at = &node->at,
                  .row = row,
                  .head = head,
                  .q = q,
                  .k = k,
                  .v = k + keys,
                  .tokens = tokens ? in[1 + of.apart] + (long)row * token_count : NULL,
                  .token_count = token_count,
                  .queries = of.queries,
                  .keys = of.keys,
                  .size = size,
                  .causal = node->at.causal,
                  .weights = allocate((size_t)(of.queries * of.keys) * sizeof(double)),
                  .lse = allocate((size_t)of.queries * sizeof(double))};
}

static void evaluate_attention(const Reference *r, const Node *node, double *const *in,
                               double *const *out)
{
    for (int item = 0; item < r->n * node->at.heads; item++) {
        Head h = head_of(r, node, in, item / node->at.heads, item % node->at.heads);
        double *y = out[0] + (long)item * h.size * h.queries;

        find_weights(&h);
        for (int i = 0; i < h.queries; i++) {
            out[1][(long)item * h.queries + i] = h.lse[i];
            for (int c = 0; c < h.size; c++) {
                double sum = 0;

                for (int j = 0; j < h.keys; j++)
                    sum += kept(&h, i, j) * h.weights[i * h.keys + j] * h.v[c * h.keys + j];
                y[c * h.queries + i] = sum;
            }
        }
    }
}

/* dv = p' dy, ds = p (dp - sum of p dp) with dp = dy v', dq = ds k, dk = ds' q, both scaled. */
static void add_gradients(const Head *h, const double *dy, double *dq, double *dk, double *dv)
{
    for (int i = 0; i < h->queries; i++) {
        const double *p = h->weights + (long)i * h->keys;
        double *dp = allocate((size_t)h->keys * sizeof *dp), mean = 0;

        for (int j = 0; j < h->keys; j++) {
            const double keep = kept(h, i, j);

            for (int c = 0; c < h->size; c++) {
                dp[j] += keep * dy[c * h->queries + i] * h->v[c * h->keys + j];
                dv[c * h->keys + j] += keep * p[j] * dy[c * h->queries + i];
            }
            mean += p[j] * dp[j];
        }
        for (int j = 0; j < h->keys; j++)
            for (int c = 0; c < h->size; c++) {
                const double ds = p[j] * (dp[j] - mean) / sqrt(h->size);

                dq[c * h->queries + i] += ds * h->k[c * h->keys + j];
                dk[c * h->keys + j] += ds * h->q[c * h->queries + i];
            }
    }
}

static void evaluate_attention_grad(const Reference *r, const Node *node, double *const *in,
                                    double *const *out)
{
    const Heads of = heads_of(node);
    const double *dy = in[4 + of.apart];

    for (int i = 0; i < node->output_count; i++)
        for (int j = 0; j < shape_size(node->outputs[i]->shape) * r->n; j++)
            out[i][j] = 0;
    for (int item = 0; item < r->n * node->at.heads; item++) {
        Head h = head_of(r, node, in, item / node->at.heads, item % node->at.heads);
        double *dkv = out[of.apart];

        find_weights(&h);
        add_gradients(&h, dy + (long)item * h.size * h.queries, out[0] + (h.q - in[0]),
                      dkv + (h.k - in[of.apart]), dkv + (h.v - in[of.apart]));
    }
}

static Evaluate *const evaluations[OP_COUNT] = {
    [OP_ATTENTION] = evaluate_attention,
    [OP_ATTENTION_GRAD] = evaluate_attention_grad,
    [OP_CROSS_ATTENTION] = evaluate_attention,
    [OP_CROSS_ATTENTION_GRAD] = evaluate_attention_grad,
};

Evaluate *find_attention_evaluation(Op op)
{
    return evaluations[op];
}
