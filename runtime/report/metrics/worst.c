/*
 * worst.c -- the rows of a part that the network was most wrong about, with its outputs: of classes
 * those that it took for another, by their log loss, or the mean of those of positions; of values
 * those with the largest errors. Where a picture is predicted the first rows are kept too, which
 * are what most are like.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/metrics/metrics.h"

enum { FIRST = 5, MOST_FLOATS = 1 << 22 /* of their outputs */ };

void net_worst_new(struct net_metrics *metrics)
{
    struct net_worst *worst = &metrics->worst;
    const size_t outputs = (size_t)metrics->model->outputs;

    worst->first = (!metrics->classes || metrics->positions > 1) && metrics->target->size > 1
                       ? FIRST
                       : 0;
    worst->room = NET_WORST;
    while (worst->room > worst->first + 1 && (size_t)worst->room * outputs > MOST_FLOATS)
        worst->room--;
    worst->outputs = net_allocate((size_t)worst->room * outputs, sizeof *worst->outputs);
}

void net_worst_add(struct net_metrics *metrics, long row, int truth, int predicted, double error,
                   const float *outputs)
{
    struct net_worst *worst = &metrics->worst;
    const size_t count = (size_t)metrics->model->outputs;
    int k = worst->count;

    if (!isfinite(error))
        return;
    if (k < worst->room) {
        worst->at[k].outputs = worst->outputs + (size_t)k * count;
        worst->count++;
    } else {
        k = worst->first;
        for (int i = k + 1; i < worst->count; i++)
            if (worst->at[i].error < worst->at[k].error)
                k = i;
        if (error <= worst->at[k].error)
            return;
    }
    worst->at[k].row = row;
    worst->at[k].truth = truth;
    worst->at[k].predicted = predicted;
    worst->at[k].error = error;
    memcpy(worst->at[k].outputs, outputs, count * sizeof *outputs);
}

static int by_error(const void *a, const void *b)
{
    const struct net_worst_row *x = a, *y = b;

    return x->error != y->error ? (x->error < y->error ? 1 : -1)
                                : (x->row > y->row) - (x->row < y->row);
}

int net_worst_rows(const struct net_metrics *metrics, struct net_worst_row rows[NET_WORST])
{
    const struct net_worst *worst = &metrics->worst;

    memcpy(rows, worst->at, (size_t)worst->count * sizeof *rows);
    if (worst->count > worst->first)
        qsort(rows + worst->first, (size_t)(worst->count - worst->first), sizeof *rows, by_error);
    return worst->count;
}
