/*
 * pairs.c -- losses over pairs of the batch in double: all scores of a row, from their definition.
 */

#include <math.h>

#include "reference/reference.h"

/* Two views of so many rows: row i of view v is row v n + i of 2 n. */
typedef struct Pairs {
    const double *views[2];
    int n, size;
    double scale;
    bool both; /* nt_xent */
} Pairs;

static Pairs pairs_of(const Reference *r, const Node *node, const double *a, const double *b)
{
    return (Pairs){.views = {a, b},
                   .n = r->n,
                   .size = node->inputs[0]->shape.size[0],
                   .scale = node->at.scale,
                   .both = node->outputs[0]->shape.size[0] == 2};
}

static const double *row_of(const Pairs *p, int k)
{
    return p->views[k / p->n] + (long)(k % p->n) * p->size;
}

/* Is row l in the sum of row k's loss? */
static bool is_compared(const Pairs *p, int k, int l)
{
    return p->both ? k != l : l >= p->n;
}

static double score_of(const Pairs *p, int k, int l)
{
    double sum = 0;

    for (int c = 0; c < p->size; c++)
        sum += row_of(p, k)[c] * row_of(p, l)[c];
    return sum * p->scale;
}

/* The sum of e^(score - most), of the largest score. */
static double sum_of(const Pairs *p, int k, double *largest)
{
    double most = -INFINITY, sum = 0;

    for (int l = 0; l < 2 * p->n; l++)
        if (is_compared(p, k, l))
            most = fmax(most, score_of(p, k, l));
    for (int l = 0; l < 2 * p->n; l++)
        if (is_compared(p, k, l))
            sum += exp(score_of(p, k, l) - most);
    *largest = most;
    return sum;
}

static void evaluate_info_nce(const Reference *r, const Node *node, double *const *in,
                              double *const *out)
{
    const Pairs p = pairs_of(r, node, in[0], in[1]);
    const int losses = node->outputs[0]->shape.size[0];

    for (int i = 0; i < p.n; i++)
        for (int v = 0; v < losses; v++) {
            double most;
            const double sum = sum_of(&p, v * p.n + i, &most);

            out[1][2 * i * losses + v] = most;
            out[1][(2 * i + 1) * losses + v] = 1 / sum;
            out[0][i * losses + v] = most + log(sum) - score_of(&p, v * p.n + i, (1 - v) * p.n + i);
        }
}

/* dscore of each loss and row that it compares, times the other row of the score. */
static void evaluate_info_nce_grad(const Reference *r, const Node *node, double *const *in,
                                   double *const *out)
{
    const int view = node->at.view, losses = node->inputs[3]->shape.size[0];
    Pairs p = pairs_of(r, node, in[view], in[1 - view]);

    p.both = losses == 2;
    for (long i = 0; i < (long)p.n * p.size; i++)
        out[0][i] = 0;
    for (int k = 0; k < losses * p.n; k++)
        for (int l = 0; l < 2 * p.n; l++) {
            const int at = k % p.n * losses + k / p.n, sum = at + k % p.n * losses;
            const int positive = (k + p.n) % (2 * p.n);
            double ds;

            if (!is_compared(&p, k, l))
                continue;
            ds = exp(score_of(&p, k, l) - in[2][sum]) * in[2][sum + losses];
            ds = in[3][at] * p.scale * (ds - (l == positive));
            for (int c = 0; c < p.size; c++) {
                if (k / p.n == view)
                    out[0][(long)(k % p.n) * p.size + c] += ds * row_of(&p, l)[c];
                if (l / p.n == view)
                    out[0][(long)(l % p.n) * p.size + c] += ds * row_of(&p, k)[c];
            }
        }
}

Evaluate *find_pairs_evaluation(Op op)
{
    return op == OP_INFO_NCE        ? evaluate_info_nce
           : op == OP_INFO_NCE_GRAD ? evaluate_info_nce_grad
                                    : NULL;
}
