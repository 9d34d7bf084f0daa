/*
 * fold_report.h -- what kfold.c, which trains the folds, and folds.c, which sums them up, share.
 */

#ifndef NET_FOLDS_H
#define NET_FOLDS_H

#include "runtime.h"

struct folds {
    struct net_options *options;
    struct net_signals *signals;
    int count;
    const char *folder; /* of all: it holds fold_1, fold_2, ... */
};

char *net_fold_folder(const struct folds *folds, int number);          /* malloc'd */
struct net_json *net_folds_read(const char *folder, const char *name); /* a JSON file in it */

/* kfold.json: the model and how many folds there are; with `results` their numbers too. */
struct result;
void net_folds_write(const struct folds *folds, const struct result *results);

/* When all are trained: folds.csv, band.csv, kfold.json, and the table on stdout. */
void net_folds_show(const struct folds *folds);

#endif
