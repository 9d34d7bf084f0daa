/*
 * kernel_jumps.c -- where rounding may decide what a gradient is: near a point where a derivative
 * jumps, and between numbers of which the larger is chosen.
 *
 * The one idea: what is excused is what an error of the operand can change, and no more. Numbers
 * that are exactly at such a point or exactly alike have one right answer.
 *
 * Needs: the reference's values, and by id how far compiled ones may be from them.
 */

#include "support/kernel_test.h"

#include <math.h>
#include <stdlib.h>

#include "support/graph_test.h"

/* Where a derivative jumps; at how many points. */
static int find_jumps_of(const Node *node, double at[2])
{
    at[0] = at[1] = 0;
    switch (node->op) {
    case OP_RELU:
    case OP_LEAKY_RELU:
    case OP_ABS:
        return 1;
    case OP_ELU: /* e^x times it below 0, 1 above */
        return node->at.slope != 1;
    case OP_CLAMP:
        at[0] = node->at.least;
        at[1] = node->at.most;
        return 2;
    case OP_RELU6:
        at[1] = 6;
        return 2;
    case OP_HARDSWISH:
    case OP_HARDSIGMOID:
        at[0] = -3;
        at[1] = 3;
        return 2;
    default:
        return 0;
    }
}

static bool is_near(const Reference *r, const double *errors, const Value *x, double jump)
{
    for (long i = 0; i < element_count(x, r->n); i++) {
        const double distance = fabs(r->at[x->id][i] - jump);

        if (distance > 0 && distance <= errors[x->id])
            return true;
    }
    return false;
}

bool has_near_jump(const Reference *r, const double *errors, const Node *node)
{
    double at[2];
    const int count = find_jumps_of(node, at);
    bool near = false;

    for (int i = 0; i < count; i++)
        near = near || is_near(r, errors, node->inputs[0], at[i]);
    return near;
}

static int compare_entries(const void *a, const void *b)
{
    const double x = **(const double *const *)a, y = **(const double *const *)b;

    return (x > y) - (x < y);
}

/* The rank of each entry among all; entries that are alike have the same. */
static long *rank_entries(const double *x, long count)
{
    const double **sorted = allocate((size_t)count * sizeof *sorted);
    long *ranks = allocate((size_t)count * sizeof *ranks), rank = 0;

    for (long i = 0; i < count; i++)
        sorted[i] = x + i;
    qsort(sorted, (size_t)count, sizeof *sorted, compare_entries);
    for (long i = 0; i < count; i++) {
        rank += i > 0 && *sorted[i] > *sorted[i - 1];
        ranks[sorted[i] - x] = rank;
    }
    return ranks;
}

/* May a maximum fall elsewhere where every entry of x is off by up to its error? Of two entries
   some bit of their ranks differs: with all entries that have it up and the others down, or the
   other way, two that are near enough change places. Entries that are alike stay so: which of them
   it is has to be right. */
bool has_near_maximum(const Reference *r, const double *errors, const Node *node)
{
    const Value *x = node->inputs[0], *y = node->outputs[0];
    const long count = element_count(x, r->n), outputs = element_count(y, r->n);
    const double *index = r->at[node->outputs[1]->id], *at = r->at[x->id];
    const long *ranks = rank_entries(at, count);
    double *moved = allocate((size_t)count * sizeof *moved),
           *largest = allocate((size_t)outputs * sizeof *largest),
           *other = allocate((size_t)outputs * sizeof *other);
    bool differs = false;

    for (int turn = 0; !differs && 1L << turn / 2 < count; turn++) {
        for (long i = 0; i < count; i++)
            moved[i] = at[i] + ((ranks[i] >> turn / 2 ^ turn) & 1 ? 1 : -1) * errors[x->id];
        find_evaluation(node->op)(r, node, (double *[]){moved}, (double *[]){largest, other});
        for (long i = 0; i < outputs; i++)
            differs = differs || index[i] != other[i];
    }
    return differs;
}

/* Are entries of a nearly b, or the limit? What is larger may be the other one then. */
bool has_near_tie(const Reference *r, const double *errors, const Node *node)
{
    const Value *x = node->inputs[0], *y = node->input_count > 1 ? node->inputs[1] : NULL;

    for (long i = 0; i < element_count(x, r->n); i++) {
        const double other = y ? r->at[y->id][i] : node->at.limit;
        const double distance = fabs(r->at[x->id][i] - other);

        if (distance > 0 && distance <= errors[x->id] + (y ? errors[y->id] : 0))
            return true;
    }
    return false;
}
