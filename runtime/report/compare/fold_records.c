/*
 * fold_records.c -- the folds of a k-fold as one: means and standard deviations over the folds, of
 * each epoch; run_records.c has those of what came out in the end.
 */

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/compare/compare.h"

/* Of an epoch the folds that came so far. */
static void add_row(struct net_run_record *run, long row, double *values)
{
    const int columns = run->epochs.columns;

    for (int c = 0; c < columns; c++) {
        int count = 0;

        for (int f = 0; f < run->fold_count; f++) {
            const struct net_epochs *epochs = &run->folds[f].epochs;

            if (row < epochs->count)
                values[count++] = net_epochs_at(epochs, row,
                                                net_epochs_column(epochs, run->epochs.names[c]));
        }
        net_find_mean(values, count, &run->epochs.cells[row * columns + c],
                      &run->deviations.cells[row * columns + c]);
    }
}

void net_record_average(struct net_run_record *run, struct net_run_record *folds, int count)
{
    double *values = net_allocate((size_t)count, sizeof *values);
    const struct net_epochs *longest = &folds[0].epochs;

    *run = (struct net_run_record){.status = "finished",
                                   .json = folds[0].json,
                                   .score = NAN,
                                   .result = NAN,
                                   .folds = folds,
                                   .fold_count = count};
    for (int f = count - 1; f >= 0; f--) {
        if (folds[f].epochs.count > longest->count)
            longest = &folds[f].epochs;
        if (strcmp(folds[f].status, "finished") != 0)
            run->status = folds[f].status;
    }
    const size_t cells = (size_t)(longest->count * longest->columns);

    run->epochs = run->deviations = *longest;
    run->epochs.cells = net_allocate(cells + 1, sizeof *run->epochs.cells);
    run->deviations.cells = net_allocate(cells + 1, sizeof *run->deviations.cells);
    for (long row = 0; row < longest->count; row++)
        add_row(run, row, values);
    free(values);
}

void net_record_free_average(struct net_run_record *run)
{
    free(run->epochs.cells);
    free(run->deviations.cells);
}
